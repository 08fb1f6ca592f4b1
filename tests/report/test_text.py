import io
from dataclasses import replace

import pytest
from rich.console import Console

from joinsim.report import plain_lines, print_table, summary
from joinsim.scenario import Status

HARM = "a\x1b[31mred\x07\r\nsecond\u2028line\u202ereversed"


def table_of(verdicts, width=100, **options):
    console = Console(file=io.StringIO(), width=width, _environ={}, **options)
    print_table(console, list(verdicts))
    return console.file.getvalue()


def test_plain_lines_of_every_kind_of_verdict(verdicts, snapshot):
    assert "\n".join(line for verdict in verdicts.values() for line in plain_lines(verdict)) == snapshot


@pytest.mark.parametrize("width", [100, 60, 40, 39])
def test_the_table_of_every_kind_of_verdict(verdicts, snapshot, width):
    assert table_of(verdicts.values(), width) == snapshot


@pytest.mark.parametrize("width", [100, 60, 40, 39, 8, 1])
def test_a_table_of_any_width_has_every_verdict_whole(verdicts, width):
    told = table_of(verdicts.values(), width)
    squeezed = "".join(told.split())
    for status in Status:
        assert status in squeezed
    assert "…" not in told
    if width >= 40:
        assert all(len(line) <= width for line in told.split("\n  ")[0].splitlines()[:-1])


def test_the_first_line_says_what_became_of_it(verdicts):
    for verdict in verdicts.values():
        first, *_ = plain_lines(verdict)
        assert first.startswith(f"{verdict.status} {verdict.scenario.name}: ")
        assert first.endswith("]")


def test_a_verdict_that_passed_is_one_line(verdicts):
    assert len(list(plain_lines(verdicts["passed"]))) == 1


@pytest.mark.parametrize("kind", ["failed", "errored", "skipped", "broken"])
def test_a_verdict_that_did_not_pass_ends_with_the_command_that_repeats_it(verdicts, kind):
    *_, last = plain_lines(verdicts[kind])
    assert last == f"  again: {verdicts[kind].reproduce}"


def test_every_check_that_did_not_hold_has_a_line(verdicts):
    failed = verdicts["failed"]
    assert len(failed.failures) == 2
    assert len(list(plain_lines(failed))) == 1 + 2 + 1


def test_a_broken_trust_property_is_named_beside_the_outcome(verdicts):
    first, *_ = plain_lines(verdicts["broken"])
    assert "joined; broken: genuine-control-plane" in first


def test_of_several_nodes_each_has_its_outcome(verdicts):
    first, *_ = plain_lines(verdicts["several"])
    assert "worker-2 timed-out: signature-missing" in first
    assert "worker-1 joined" in first


def test_other_peoples_words_give_no_orders_to_a_terminal(foreign):
    lines = list(plain_lines(foreign(HARM)))
    assert all(line.isprintable() for line in lines)
    assert r"\x1b[31mred" in lines[0]
    told = table_of([foreign(HARM)])
    assert told.replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", ["errored", "skipped"])
def test_a_problem_gives_no_orders_to_a_terminal(verdicts, kind):
    verdict = replace(verdicts[kind], problem=HARM)
    assert all(line.isprintable() for line in plain_lines(verdict))
    assert table_of([verdict]).replace("\n", "").isprintable()


def test_markup_in_other_peoples_words_is_shown_as_it_is(foreign):
    told = table_of([foreign("[bold]x[/bold] [link=http://x]")])
    assert "[bold]x[/bold] [link=http://x]" in " ".join(told.split())


@pytest.mark.parametrize(
    ("kinds", "seconds", "told"),
    [
        ([], 0, "nothing ran in 0.0 s"),
        (["passed"], 0.04, "1 passed in 0.0 s"),
        (["passed", "several", "failed"], 61.25, "2 passed, 1 failed in 61.2 s"),
        (["skipped", "errored", "failed", "passed"], 2, "1 passed, 1 failed, 1 errored, 1 skipped in 2.0 s"),
    ],
)
def test_the_summary_counts_what_there_is(verdicts, kinds, seconds, told):
    assert summary([verdicts[kind] for kind in kinds], seconds) == told


def test_statuses_have_colours_where_there_are_colours(verdicts):
    told = table_of(verdicts.values(), force_terminal=True, color_system="standard")
    assert "\x1b[32mpassed" in told
    assert "\x1b[1;31mfailed" in told
    assert "\x1b" not in table_of(verdicts.values())
