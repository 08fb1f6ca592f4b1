"""What only a process of its own shows: signals, pipes, terminals."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.cli.conftest import FAILING, PASSING, environment

LONG = (
    PASSING.replace("at: 0s", 'at: "${at}"') + f"matrix: {{at: [{', '.join(f'{n}s' for n in range(200))}]}}\n"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def terminal(columns):
    """Both ends of a terminal that is so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return ours, theirs


def read_all(end):
    """What was written to a terminal until nobody has it open any more."""
    told = b""
    while True:
        try:
            more = os.read(end, 65536)
        except OSError:
            # This is how Linux says that the other end is closed.
            more = b""
        if not more:
            os.close(end)
            return told.decode().replace("\r", "\n")
        told += more


@pytest.fixture
def at_terminal(process):
    """Run to the end at a terminal: what it showed, and the exit code."""

    def run(*arguments, columns=80, **variables):
        ours, theirs = terminal(columns)
        one = process(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**variables))
        os.close(theirs)
        told = read_all(ours)
        return told, one.wait()

    return run


# --- streams ---------------------------------------------------------------------------------------


def test_verdicts_go_to_standard_output_and_the_code_says_how_it_went(process, scenario):
    scenario("a.yaml"), scenario("b.yaml", FAILING)
    one = process("run", "a.yaml", "b.yaml")
    out, err = one.communicate()
    assert (one.returncode, err) == (1, b"")
    assert out.decode().splitlines()[0] == "passed a: joined [500ms]"


def test_a_reader_that_leaves_early_is_no_error(process, scenario):
    scenario(text=LONG)
    one = process("run", "passing.yaml")
    assert one.stdout.readline().startswith(b"passed ")
    one.stdout.close()
    assert one.stderr.read() == b""
    assert one.wait() == 1


def test_a_reader_that_is_gone_before_anything_is_written_is_no_error(process):
    reading, writing = os.pipe()
    os.close(reading)
    one = process("schema", stdout=writing)
    os.close(writing)
    assert one.stderr.read() == b""
    assert one.wait() == 1


def test_a_full_disk_behind_standard_output_is_told(process, scenario):
    scenario()
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("there is no device that is always full")
    with full.open("wb") as stream:
        one = process("run", "passing.yaml", stdout=stream)
        assert one.stderr.read() == b"joinsim: cannot write the output: No space left on device\n"
    assert one.wait() == 2


def test_without_a_standard_output_there_is_still_an_exit_code(process, scenario):
    scenario(text=FAILING)
    one = process("run", "passing.yaml", stdout=None, preexec_fn=lambda: os.close(1))
    assert one.stderr.read() == b""
    assert one.wait() == 1


def test_a_name_that_the_encoding_does_not_have_costs_no_verdict(process, scenario):
    scenario("世界.yaml")
    one = process("run", ".", env=environment(PYTHONIOENCODING="latin-1"))
    out, err = one.communicate()
    assert (one.returncode, err) == (0, b"")
    assert out.startswith(rb"passed \u4e16\u754c: joined")


def test_a_report_is_utf_8_in_any_locale(process, scenario):
    scenario("世界.yaml")
    one = process("run", ".", "--junit", "-", env=environment(PYTHONIOENCODING="latin-1", PYTHONUTF8="0"))
    out, _ = one.communicate()
    assert out.decode().startswith("<?xml version='1.0' encoding='utf-8'?>")
    assert "世界" in out.decode()


def test_a_file_whose_name_is_no_text_runs(process, scenario, tmp_path):
    scenario().rename(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.yaml"))
    one = process("run", ".", "--json", "json", "--junit", "junit", "--journal", "j")
    out, err = one.communicate()
    assert (one.returncode, err) == (0, b"")
    assert out.startswith(rb"passed b\udcff: joined")
    assert json.loads((tmp_path / "json").read_text())["verdicts"][0]["status"] == "passed"


# --- being stopped ------------------------------------------------------------------------------------


def ignore_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("number", "prepare"),
    [(signal.SIGINT, None), (signal.SIGTERM, None), (signal.SIGTERM, ignore_interrupts)],
    ids=["SIGINT", "SIGTERM", "SIGTERM in the background"],
)
def test_a_run_that_is_stopped_ends_with_130_and_leaves_nothing_behind(
    process, scenario, tmp_path, number, prepare
):
    scenario(text=LONG)
    outputs = ["--json", "json", "--junit", "junit", "--journal", "j"]
    # A signal may fall between two runs, while trio sets itself up; the socket that it then leaves
    # open goes with the process, and is a warning to developers only.
    quiet = environment(PYTHONWARNINGS="default::DeprecationWarning")
    one = process("run", "passing.yaml", *outputs, preexec_fn=prepare, env=quiet)
    assert one.stdout.readline().startswith(b"passed ")
    one.send_signal(number)
    out, err = one.communicate()
    assert one.returncode == 130
    assert err.strip() == b"joinsim: interrupted"
    assert b" in " not in out
    assert [path.name for path in tmp_path.iterdir()] == ["passing.yaml"]


def test_a_run_that_is_stopped_gives_the_terminal_its_cursor_back(process, scenario):
    scenario(text=LONG)
    ours, theirs = terminal(80)
    one = process("run", "passing.yaml", stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    told = b""
    while b"\x1b[?25l" not in told:
        told += os.read(ours, 1024)
    one.send_signal(signal.SIGTERM)
    rest = read_all(ours)
    assert (one.stderr.read().strip(), one.wait()) == (b"joinsim: interrupted", 130)
    assert rest.rindex("\x1b[?25h") > rest.rfind("\x1b[?25l")


# --- terminals ------------------------------------------------------------------------------------------


def test_a_terminal_gets_a_table_in_colour(at_terminal, scenario):
    scenario("a.yaml"), scenario("b.yaml", FAILING)
    told, code = at_terminal("run", "a.yaml", "b.yaml")
    assert code == 1
    assert "\x1b[32mpassed" in told
    plain = ESCAPES.sub("", told)
    assert re.search(r"^scenario +verdict +outcome +took$", plain, re.MULTILINE)
    assert re.search(r"^a +passed +joined +500ms$", plain, re.MULTILINE)
    assert re.search(r"^b +failed +joined +500ms$", plain, re.MULTILINE)
    assert "  again: joinsim run b.yaml --seed 1" in plain
    assert "1 passed, 1 failed in " in plain


def test_no_color_is_heeded(at_terminal, scenario):
    scenario()
    told, _ = at_terminal("run", "passing.yaml", NO_COLOR="1")
    assert re.search(r"^passing +passed +joined +500ms$", ESCAPES.sub("", told), re.MULTILINE)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", told)


@pytest.mark.parametrize("columns", [40, 20])
def test_a_narrow_terminal_costs_no_verdict(at_terminal, scenario, columns):
    names = ["a-name-that-is-much-longer-than-it-should-be", "b"]
    scenario(f"{names[0]}.yaml"), scenario(f"{names[1]}.yaml", FAILING)
    told, code = at_terminal("run", ".", columns=columns)
    # What remains once the bar has been erased.
    plain = ESCAPES.sub("", told[told.rindex("\x1b[2K") :])
    assert code == 1
    assert "passed" in plain
    assert "failed" in plain
    assert "…" not in plain
    squeezed = re.sub(r"\s", "", plain)
    assert "again:joinsimrunb.yaml--seed1" in squeezed


def test_a_dumb_terminal_gets_the_verdicts(at_terminal, scenario):
    scenario()
    told, code = at_terminal("run", "passing.yaml", TERM="dumb")
    assert code == 0
    assert re.search(r"passing +passed +joined +500ms", told)
    assert "\x1b" not in told


def test_a_long_run_shows_how_far_it_is_and_wipes_it_away(at_terminal, scenario):
    scenario()
    told, _ = at_terminal("run", "passing.yaml")
    assert "1/1" in told
    # What remains on the screen begins after the bar's line was erased.
    assert told.rindex("\x1b[2K") < told.rindex("scenario")
