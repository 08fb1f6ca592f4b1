"""Verdicts as text: a table for people at a terminal, plain lines for pipes and logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from joinsim.gofmt import duration
from joinsim.scenario import Check, Property, Status, Verdict, outcome_of

__all__ = ["plain_lines", "print_table", "summary"]

_STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.ERRORED: "bold magenta",
    Status.SKIPPED: "yellow",
}


TABLE_COLUMNS_MIN = 40
"""On a narrower terminal a table would cut off verdicts; plain lines wrap."""


def summary(verdicts: Sequence[Verdict], wall_seconds: float) -> str:
    """One line on all of them: ``17 passed, 1 failed in 0.9 s``."""
    counts = Counter(verdict.status for verdict in verdicts)
    told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    return f"{told or 'nothing ran'} in {wall_seconds:.1f} s"


def _visible(text: str) -> str:
    """A text on one line, in which nothing gives orders to a terminal.

    Names of files and what an API server answers are other people's words.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _outcomes(verdict: Verdict) -> str:
    """How the joins ended, each node named where there are several; or why there is nothing to tell."""
    if verdict.problem:
        return _visible(verdict.problem)
    nodes = list(verdict.scenario.model.nodes)
    outcomes = [outcome_of(node, verdict.journal) for node in nodes] if verdict.journal else []
    if len(outcomes) == 1:
        return outcomes[0]
    return ", ".join(f"{node} {outcome}" for node, outcome in zip(nodes, outcomes, strict=True))


def _told(verdict: Verdict) -> str:
    """The outcomes, and which trust properties were broken (that a node did not join is told already)."""
    broken = ", ".join(judged for judged, _ in verdict.broken if judged is not Property.AVAILABLE)
    return f"{_outcomes(verdict)}; broken: {broken}" if broken else _outcomes(verdict)


def _elapsed(verdict: Verdict) -> str:
    return duration(round(verdict.elapsed_seconds, 1))


def print_table(console: Console, verdicts: Sequence[Verdict]) -> None:
    """A table of verdicts, and below it what went wrong and how to see it again."""
    if console.width < TABLE_COLUMNS_MIN:
        for verdict in verdicts:
            for line in plain_lines(verdict):
                console.print(Text(line), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("outcome", overflow="fold")
    table.add_column("took", justify="right", no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            Text(_visible(verdict.scenario.name)),
            Text(verdict.status, style=_STYLES[verdict.status]),
            Text(_told(verdict)),
            Text(_elapsed(verdict)),
        )
    console.print(table)
    for verdict in verdicts:
        for line in _trouble(verdict):
            console.print(Text(line), soft_wrap=True)


def plain_lines(verdict: Verdict) -> Iterator[str]:
    """A verdict in plain lines: the first says what became of it, the rest what went wrong."""
    yield f"{verdict.status} {_visible(verdict.scenario.name)}: {_told(verdict)} [{_elapsed(verdict)}]"
    yield from _trouble(verdict)


def _trouble(verdict: Verdict) -> Iterator[str]:
    """Of a verdict that is not passed: every check that did not hold, and the command to see it again.

    Why a scenario is errored or skipped stands in the place of its outcome.
    """
    if verdict.status is Status.PASSED:
        return
    for check in verdict.failures:
        yield f"  {_visible(f'{_place(verdict, check)}: expected {check.expected}; observed {check.observed}')}"
    yield f"  again: {_visible(verdict.reproduce)}"


def _place(verdict: Verdict, check: Check) -> str:
    return str(check.location or verdict.scenario.file)
