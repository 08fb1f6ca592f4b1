"""``joinsim run``: run scenarios and say whether everything was as expected."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from joinsim.cli.files import (
    InputError,
    check_folder,
    check_writable,
    load_all,
    make_folder,
    scenario_files,
    write_whole,
)
from joinsim.redaction import redact
from joinsim.report import as_json, as_junit, plain_lines, print_table, summary
from joinsim.scenario import Scenario, Status, Verdict, run_scenario

__all__ = ["run"]

EXIT_NOT_AS_EXPECTED, EXIT_WRONG_INPUT = 1, 2

NAME_BYTES_MAX = 200
"""What is kept of a long name; file systems take 255 bytes, endings included."""


class _Seed(click.IntRange):
    name = "whole number"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--seed", type=_Seed(min=0), metavar="NUMBER", help="The seed, in place of each file's own.")
@click.option("-k", "only", metavar="TEXT", help="Run only scenarios with TEXT in their name.")
@click.option("--backend", type=click.Choice(["fake"]), default="fake", help="The ground to run on.")
@click.option(
    "--json", "json_path", metavar="FILE", help="Write the verdicts as JSON (- for standard output)."
)
@click.option("--junit", "junit_path", metavar="FILE", help="Write the verdicts as JUnit XML (likewise).")
@click.option(
    "--journal", "journal_folder", metavar="DIR", help="Write each run's journal to DIR/NAME.jsonl."
)
def run(
    paths: Sequence[str],
    seed: int | None,
    only: str | None,
    backend: str,
    json_path: str | None,
    junit_path: str | None,
    journal_folder: str | None,
) -> int:
    """Run the scenarios in files and folders.

    A table on a terminal, plain lines in a pipe. Exit code 0 if everything was as expected,
    1 if not, 2 if a file is wrong (nothing runs then), 3 if the ground is not there.
    """
    scenarios, errors = load_all(list(scenario_files(paths)))
    if errors:
        for error in errors:
            click.echo(str(error), err=True)
        return EXIT_WRONG_INPUT
    chosen = [scenario for scenario in scenarios if only is None or only.lower() in scenario.name.lower()]
    if not chosen:
        raise InputError(f"expected a scenario with {only!r} in its name, found none of {len(scenarios)}")
    for path in (json_path, junit_path):
        check_writable(path)
    if json_path is not None and json_path == junit_path:
        raise InputError(
            f"expected a file of its own for each of --json and --junit, found {json_path} twice"
        )
    check_folder(journal_folder)
    quiet = "-" in (json_path, junit_path)
    began = time.perf_counter()
    verdicts = _run_all(chosen, seed, quiet=quiet)
    wall_seconds = time.perf_counter() - began
    if journal_folder is not None:
        _write_journals(journal_folder, verdicts)
    if json_path is not None:
        write_whole(json_path, as_json(verdicts))
    if junit_path is not None:
        write_whole(junit_path, as_junit(verdicts))
    if not quiet:
        click.echo(summary(verdicts, wall_seconds))
    bad = any(verdict.status in (Status.FAILED, Status.ERRORED) for verdict in verdicts)
    return EXIT_NOT_AS_EXPECTED if bad else 0


def _run_all(scenarios: Sequence[Scenario], seed: int | None, *, quiet: bool) -> list[Verdict]:
    """Run one after the other, showing how far it is on a terminal and each verdict in a pipe."""
    console = Console()
    if quiet:
        return [run_scenario(scenario, seed=seed) for scenario in scenarios]
    verdicts: list[Verdict] = []
    if not console.is_terminal:
        for scenario in scenarios:
            verdict = run_scenario(scenario, seed=seed)
            verdicts.append(verdict)
            for line in plain_lines(verdict):
                click.echo(line)
        return verdicts
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=len(scenarios))
            for scenario in scenarios:
                progress.update(task, description=escape(scenario.name))
                verdicts.append(run_scenario(scenario, seed=seed))
                progress.advance(task)
    except KeyboardInterrupt:
        # rich hides the cursor before it is ready to give it back.
        console.show_cursor()
        raise
    print_table(console, verdicts)
    return verdicts


def _write_journals(folder: str, verdicts: Sequence[Verdict]) -> None:
    make_folder(folder)
    taken: Counter[str] = Counter()
    for verdict in verdicts:
        name = _journal_name(verdict.scenario)
        # Two paths may look the same once what no file name can hold is gone from them.
        taken[name] += 1
        again = f"-{taken[name]}" if taken[name] > 1 else ""
        if verdict.journal is not None:
            write_whole(str(Path(folder) / f"{name}{again}.jsonl"), verdict.journal.text())


def _journal_name(scenario: Scenario) -> str:
    """A name of its own for each scenario, made of the scenario's file and cell."""
    cell = ",".join(f"{name}={value}" for name, value in scenario.cell.items())
    name = redact(str(Path(scenario.file).with_suffix("")) + (f",{cell}" if cell else ""))
    plain = re.sub(r"[^\w=,.-]+", "_", name).strip("._")
    if len(plain.encode()) <= NAME_BYTES_MAX:
        return plain
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:12]
    return plain.encode()[-NAME_BYTES_MAX:].decode(errors="ignore") + f",{digest}"
