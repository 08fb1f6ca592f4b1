"""``joinsim lint`` and ``joinsim schema``: what a scenario file may hold, and whether one does."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from joinsim.cli.files import load_all, scenario_files
from joinsim.scenario import Document

__all__ = ["lint", "schema", "schema_text"]

EXIT_WRONG_INPUT = 2


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
def lint(paths: Sequence[str]) -> int:
    """Check scenario files without running them.

    Each problem is one line: file:line:column, where in the document, what was expected,
    what was found. Exit code 0 if there is none, 2 if there are any.
    """
    files = list(scenario_files(paths))
    scenarios, errors = load_all(files)
    for error in errors:
        click.echo(str(error), err=True)
    if errors:
        return EXIT_WRONG_INPUT
    click.echo(f"{_counted(len(files), 'file')}, {_counted(len(scenarios), 'scenario')}, nothing wrong")
    return 0


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def schema_text() -> str:
    """The JSON Schema of scenario files, as it is shipped."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Document.model_json_schema()}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@click.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    click.echo(schema_text(), nl=False)
