import functools
import json
import stat
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from joinsim.pki import KeyPair
from joinsim.scenario import run_scenario
from tests.cli.conftest import FAILING, PASSING
from tests.report.conftest import BareGround, BrokenGround


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# --- verdicts and exit codes ---------------------------------------------------------------------


def test_a_scenario_that_passes_ends_with_0_and_one_line(joinsim, scenario):
    done = joinsim("run", scenario())
    assert (done.code, done.err) == (0, "")
    first, last = done.out.splitlines()
    assert first == "passed passing: joined [500ms]"
    assert last.startswith("1 passed in ")


def test_a_scenario_that_fails_ends_with_1_and_says_why_and_how_to_see_it_again(joinsim, scenario):
    file = scenario("failing.yaml", FAILING)
    done = joinsim("run", file, "--seed", 7)
    assert (done.code, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[0] == "failed failing: joined [500ms]"
    assert lines[1].startswith(
        f"  {file}:11:5: expected worker-1 refused in preflight: pin-mismatch; observed"
    )
    assert f"  again: joinsim run {file} --seed 7" in lines
    assert lines[-1].startswith("1 failed in ")


@pytest.mark.parametrize(
    ("ground", "text", "code", "status"),
    [
        (BrokenGround(), PASSING, 1, "errored"),
        (BareGround(), PASSING.replace("cluster: {", "cluster: {startsAt: 1m, "), 0, "skipped"),
    ],
    ids=["errored", "skipped"],
)
def test_what_cannot_run_on_a_ground_is_told(
    joinsim, scenario, tmp_path, monkeypatch, ground, text, code, status
):
    # There is one ground so far; another is put in its place, and all else is as it is.
    on_ground = functools.partial(run_scenario, ground=ground)
    monkeypatch.setattr(sys.modules["joinsim.cli.run"], "run_scenario", on_ground)
    done = joinsim("run", scenario(text=text), "--journal", tmp_path / "j", "--json", tmp_path / "json")
    assert (done.code, done.err) == (code, "")
    assert done.out.startswith(f"{status} passing: ")
    assert f"1 {status} in " in done.out
    assert files_below(tmp_path) == ["json", "passing.yaml"]


def test_one_failure_among_many_ends_with_1_and_runs_the_rest(joinsim, scenario):
    done = joinsim("run", scenario("a.yaml", FAILING), scenario("b.yaml"))
    assert done.code == 1
    assert "failed a: " in done.out
    assert "passed b: " in done.out
    assert "1 passed, 1 failed in " in done.out


def test_the_command_that_is_printed_repeats_one_cell_alone(joinsim, scenario):
    text = FAILING + "matrix: {seconds: [1, 11]}\n"
    text = text.replace("at: 0s", 'at: "${seconds}s"').replace('"${seconds}s"', '"${at}"')
    file = scenario("with space.yaml", text.replace("{seconds: [1, 11]}", "{at: [1s, 11s]}"))
    done = joinsim("run", file)
    again = [line for line in done.out.splitlines() if line.startswith("  again: ")]
    assert again == [
        f"  again: joinsim run '{file}' --seed 1 -k 'with space[at=1s]'",
        f"  again: joinsim run '{file}' --seed 1 -k 'with space[at=11s]'",
    ]
    assert joinsim("run", file, "--seed", "1", "-k", "with space[at=1s]").out.count("failed ") == 2


@pytest.mark.parametrize("seed", ["0", "1", "99999999999999999999999999"])
def test_a_seed_takes_the_place_of_the_files(joinsim, scenario, seed):
    done = joinsim("run", scenario(text=PASSING + "seed: 5\n"), "--seed", seed, "--json", "-")
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["seed"] == int(seed)


def test_without_a_seed_the_files_own_counts(joinsim, scenario):
    done = joinsim("run", scenario(text=PASSING + "seed: 5\n"), "--json", "-")
    assert json.loads(done.out)["verdicts"][0]["seed"] == 5


def test_one_seed_gives_the_same_journal_and_another_gives_another(joinsim, scenario):
    digests = [
        json.loads(joinsim("run", scenario(), "--seed", seed, "--json", "-").out)["verdicts"][0][
            "journalDigest"
        ]
        for seed in (3, 3, 4)
    ]
    assert digests[0] == digests[1] != digests[2]


# --- what is given -------------------------------------------------------------------------------


def told_names(done):
    return [line.split()[1].rstrip(":") for line in done.out.splitlines() if line.startswith("passed ")]


def test_a_folder_stands_for_the_scenarios_in_it_in_order(joinsim, scenario, tmp_path):
    for name in ("d/b.yaml", "d/a.yml", "d/deeper/c.yaml", "d/notes.txt", "d/schema.json"):
        scenario(name)
    (tmp_path / "d" / "folder.yaml").mkdir()
    done = joinsim("run", tmp_path / "d")
    assert (done.code, told_names(done)) == (0, ["a", "b", "c"])


def test_a_file_that_is_named_twice_runs_once(joinsim, scenario, tmp_path):
    file = scenario("d/a.yaml")
    (tmp_path / "link.yaml").symlink_to(file)
    done = joinsim(
        "run", file, file, tmp_path / "d", tmp_path / "d" / ".." / "d" / "a.yaml", tmp_path / "link.yaml"
    )
    assert told_names(done) == ["a"]


def test_files_run_in_the_order_in_which_they_are_given(joinsim, scenario):
    done = joinsim("run", scenario("b.yaml"), scenario("a.yaml"))
    assert told_names(done) == ["b", "a"]


@pytest.mark.parametrize(
    "name", ["with space.yaml", "Überprüfung-世界-🔑.yaml", "'quoted\".yaml", "[x]{y}*.yaml", "-x.yaml"]
)
def test_a_name_may_have_any_letters(joinsim, scenario, tmp_path, monkeypatch, name):
    scenario(name)
    monkeypatch.chdir(tmp_path)
    done = joinsim("run", "--junit", "junit.xml", "--json", "json", "--journal", "j", "--", name)
    assert (done.code, done.err) == (0, "")
    stem = name.removesuffix(".yaml")
    assert done.out.startswith(f"passed {stem}: joined")
    assert json.loads((tmp_path / "json").read_text())["verdicts"][0]["file"] == name
    assert ET.parse(tmp_path / "junit.xml").find(".//testcase").get("name") == stem
    assert len(files_below(tmp_path / "j")) == 1


@pytest.mark.parametrize(
    ("only", "names"), [("b", ["ab", "b"]), ("B", ["ab", "b"]), ("a", ["ab"]), ("", ["ab", "b"])]
)
def test_k_selects_by_a_part_of_the_name_in_any_case(joinsim, scenario, only, names):
    done = joinsim("run", scenario("ab.yaml"), scenario("b.yaml"), "-k", only)
    assert told_names(done) == names


# --- what is wrong --------------------------------------------------------------------------------


def test_k_that_selects_nothing_is_refused(joinsim, scenario):
    done = joinsim("run", scenario(), "-k", "zzz")
    assert (done.code, done.out) == (2, "")
    assert done.err == "Error: expected a scenario with 'zzz' in its name, found none of 1\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["missing.yaml"], "Error: expected a file or a folder, found nothing at missing.yaml\n"),
        (
            ["http://example/x.yaml"],
            "Error: expected a file or a folder, found nothing at http://example/x.yaml\n",
        ),
        ([""], "Error: expected a file or a folder, found an empty name\n"),
        (["empty"], "Error: expected scenario files (*.yaml) in empty, found none\n"),
        (["nothing.yaml"], "nothing.yaml:1:1: expected a scenario, found nothing\n"),
        (["binary.yaml"], "binary.yaml:2:1: expected UTF-8, found byte 0xff at offset 11\n"),
        (["key.pem"], "key.pem:1:1: expected a mapping, found "),
        (["a" * 5000], "Error: cannot read " + "a" * 79 + "…: File name too long\n"),
    ],
    ids=[
        "missing",
        "URL",
        "empty name",
        "folder without scenarios",
        "empty file",
        "binary",
        "key",
        "long name",
    ],
)
def test_what_cannot_be_a_scenario_is_refused_in_one_line(joinsim, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("nothing.yaml").write_bytes(b"")
    Path("binary.yaml").write_bytes(b"joinsim: 1\n\xff\xfe\x00")
    Path("key.pem").write_bytes(KeyPair.generate().private_pem())
    done = joinsim("run", *given, "--json", "out.json")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(said)
    assert done.err.count("\n") == 1
    assert not Path("out.json").exists()


def test_a_private_key_in_place_of_a_scenario_is_not_quoted(joinsim, tmp_path):
    pem = KeyPair.generate().private_pem()
    (tmp_path / "key.pem").write_bytes(pem)
    done = joinsim("run", tmp_path / "key.pem")
    assert pem.decode().splitlines()[1][:20] not in done.err


def test_a_file_that_cannot_be_read_is_told(joinsim, scenario, monkeypatch):
    file = scenario()
    file.chmod(0)
    try:
        file.read_bytes()
    except PermissionError:
        done = joinsim("run", file)
        assert (done.code, done.out, done.err) == (2, "", f"{file}: permission denied\n")
    else:
        pytest.skip("nothing is closed to this user")


def test_nothing_runs_if_one_of_the_files_is_wrong(joinsim, scenario, tmp_path):
    wrong = scenario("wrong.yaml", PASSING.replace("claim", "clam"))
    done = joinsim("run", scenario(), wrong, "--json", tmp_path / "out", "--journal", tmp_path / "j")
    assert (done.code, done.out) == (2, "")
    assert f"{wrong}:3:1: clam: expected " in done.err
    assert files_below(tmp_path) == ["passing.yaml", "wrong.yaml"]
    assert not (tmp_path / "j").exists()


def test_all_that_is_wrong_with_all_files_is_told(joinsim, scenario):
    wrong = [scenario(name, PASSING.replace("claim", "clam")) for name in ("a.yaml", "b.yaml")]
    done = joinsim("run", *wrong)
    for file in wrong:
        assert str(file) in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'PATH...'"),
        (["x.yaml", "--seed", "x"], "Invalid value for '--seed': 'x' is not a valid whole number."),
        (["x.yaml", "--seed", "1.5"], "'1.5' is not a valid whole number."),
        (["x.yaml", "--seed", "-1"], "-1 is not in the range x>=0."),
        (["x.yaml", "--seed"], "Option '--seed' requires an argument."),
        (["x.yaml", "--nope"], "No such option '--nope'"),
        (["x.yaml", "--backend", "kid"], "Invalid value for '--backend': 'kid' is not 'fake'."),
        (["x.yaml", "--backend", ""], "Invalid value for '--backend': '' is not 'fake'."),
    ],
)
def test_wrong_arguments_are_refused(joinsim, scenario, tmp_path, monkeypatch, arguments, said):
    scenario("x.yaml")
    monkeypatch.chdir(tmp_path)
    done = joinsim("run", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


# --- what is written -------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--json", "--junit"])
def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(joinsim, scenario, tmp_path, option):
    file = scenario()
    (tmp_path / "folder").mkdir()
    missing, folder = tmp_path / "missing" / "out", tmp_path / "folder"
    wrong = {
        missing: f"expected a folder to write {missing} to, found none at {missing.parent}",
        folder: f"expected a file to write to, found the folder {folder}",
        "": "expected a file to write to, found an empty name",
        file / "out": f"expected a folder to write {file / 'out'} to, found none at {file}",
        "a" * 5000: f"cannot write {'a' * 79}…: File name too long",
    }
    for path, said in wrong.items():
        done = joinsim("run", file, option, path)
        assert (done.code, done.out, done.err) == (2, "", f"Error: {said}\n")
    assert files_below(tmp_path) == ["passing.yaml"]


def test_a_folder_for_journals_that_cannot_be_is_refused_before_anything_runs(joinsim, scenario, tmp_path):
    file = scenario()
    wrong = {
        "": "expected a folder to write to, found an empty name",
        file: f"expected a folder to write to, found the file {file}",
        file / "deeper" / "still": f"expected a folder to write to, found the file {file}",
        "a" * 5000: f"cannot make {'a' * 79}…: File name too long",
    }
    for path, said in wrong.items():
        done = joinsim("run", file, "--journal", path)
        assert (done.code, done.out, done.err) == (2, "", f"Error: {said}\n")


@pytest.mark.parametrize("path", ["-", "both"])
def test_two_reports_need_two_files(joinsim, scenario, tmp_path, monkeypatch, path):
    scenario()
    monkeypatch.chdir(tmp_path)
    done = joinsim("run", "passing.yaml", "--json", path, "--junit", path)
    assert (done.code, done.out) == (2, "")
    assert f"found {path} twice" in done.err


@pytest.mark.parametrize(("option", "read"), [("--json", json.loads), ("--junit", ET.fromstring)])
def test_a_report_on_standard_output_is_all_that_is_there(joinsim, scenario, option, read):
    done = joinsim("run", scenario(), scenario("f.yaml", FAILING), option, "-")
    assert (done.code, done.err) == (1, "")
    read(done.out)
    assert done.out.endswith("\n")


def test_both_reports_can_be_written_one_of_them_to_standard_output(joinsim, scenario, tmp_path):
    done = joinsim("run", scenario(), "--json", "-", "--junit", tmp_path / "junit.xml")
    assert len(json.loads(done.out)["verdicts"]) == 1
    assert ET.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"


def test_a_report_takes_the_place_of_an_older_one_and_keeps_its_permissions(joinsim, scenario, tmp_path):
    report = tmp_path / "report"
    report.write_text("old " * 10_000)
    report.chmod(0o640)
    joinsim("run", scenario(), "--json", report)
    assert json.loads(report.read_text())["joinsim"] == 1
    assert stat.S_IMODE(report.stat().st_mode) == 0o640
    assert files_below(tmp_path) == ["passing.yaml", "report"]


def test_a_report_is_written_through_a_link(joinsim, scenario, tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    joinsim("run", scenario(), "--json", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "real").read_text())["joinsim"] == 1


def test_a_report_to_a_pipe_goes_into_the_pipe(joinsim, scenario, tmp_path):
    # A device is treated alike: one that is replaced by a file is lost to the whole machine.
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()), daemon=True)
    reader.start()
    done = joinsim("run", scenario(), "--json", pipe)
    assert done.code == 0
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    reader.join(timeout=30)
    assert json.loads(received[0])["joinsim"] == 1


# --- journals ---------------------------------------------------------------------------------------


def test_journals_are_written_one_a_run_and_named_after_file_and_cell(
    joinsim, scenario, tmp_path, monkeypatch
):
    scenario("d/one.yaml")
    scenario("d/two.yaml", PASSING.replace("at: 0s", 'at: "${at}"') + "matrix: {at: [0s, 1s]}\n")
    monkeypatch.chdir(tmp_path)
    done = joinsim("run", "d", "--journal", "new/j", "--json", "report")
    assert done.code == 0
    assert files_below(tmp_path / "new" / "j") == ["d_one.jsonl", "d_two,at=0s.jsonl", "d_two,at=1s.jsonl"]
    lines = (tmp_path / "new" / "j" / "d_one.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert all({"at", "actor", "event"} <= set(record) for record in records)
    assert any(record["event"].endswith("completed") for record in records)
    assert [record["at"] for record in records] == sorted(record["at"] for record in records)


def test_a_journal_has_the_digest_that_the_report_gives(joinsim, scenario, tmp_path):
    import hashlib

    done = joinsim("run", scenario(), "--journal", tmp_path / "j", "--json", "-")
    (journal,) = (tmp_path / "j").iterdir()
    digest = hashlib.sha256(journal.read_bytes()).hexdigest()
    assert json.loads(done.out)["verdicts"][0]["journalDigest"] == digest


def test_no_two_journals_share_a_file(joinsim, scenario, tmp_path, monkeypatch):
    for name in ("a/b.yaml", "a_b.yaml", "a_b.yml", "a b.yaml"):
        scenario(name)
    monkeypatch.chdir(tmp_path)
    joinsim("run", ".", "--journal", "j")
    assert files_below(tmp_path / "j") == ["a_b-2.jsonl", "a_b-3.jsonl", "a_b-4.jsonl", "a_b.jsonl"]


def test_a_journals_name_is_never_longer_than_a_file_system_takes(joinsim, scenario, tmp_path, monkeypatch):
    for letter in "äö":
        scenario(f"{letter * 100}/{'x' * 200}.yaml")
    monkeypatch.chdir(tmp_path)
    done = joinsim("run", ".", "--journal", "j")
    assert done.code == 0
    names = files_below(tmp_path / "j")
    assert len(names) == 2
    assert all(len(name.encode()) < 240 for name in names)


def test_a_journal_stays_inside_its_folder(joinsim, scenario, tmp_path, monkeypatch):
    scenario("up.yaml")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    joinsim("run", "../up.yaml", "--journal", "j")
    assert files_below(tmp_path) == ["below/j/up.jsonl", "up.yaml"]
