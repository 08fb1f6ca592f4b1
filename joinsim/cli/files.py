"""Scenario files named on the command line, and files that commands write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from joinsim.errors import ScenarioError
from joinsim.scenario import Scenario, ScenarioErrors, load_file

__all__ = ["InputError", "check_writable", "load_all", "scenario_files", "write_whole"]


class InputError(click.ClickException):
    """What the user gave is wrong; the message says what was expected and what was found."""

    exit_code = 2


_ENDINGS = (".yaml", ".yml")


def scenario_files(paths: Sequence[str]) -> Iterator[str]:
    """The files that paths name, those in folders included, in order.

    Raises InputError for a path that is not there or a folder without any.
    """
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(str(file) for file in path.rglob("*") if file.suffix in _ENDINGS)
            if not found:
                raise InputError(f"expected scenario files (*.yaml) in {path}, found none")
            yield from found
        elif path.exists():
            yield str(path)
        else:
            raise InputError(f"expected a file or a folder, found nothing at {path}")


def load_all(files: Sequence[str]) -> tuple[list[Scenario], list[ScenarioError]]:
    """The scenarios of all files, and everything that is wrong with any of them."""
    scenarios: list[Scenario] = []
    errors: list[ScenarioError] = []
    for file in files:
        try:
            scenarios += load_file(file)
        except ScenarioErrors as several:
            errors += several.errors
        except ScenarioError as error:
            errors.append(error)
    return scenarios, errors


def check_writable(path: str | None) -> None:
    """Refuse, before any work is done, a path whose folder is not there. Raises InputError."""
    if path not in (None, "-") and not Path(str(path)).parent.is_dir():
        raise InputError(f"expected a folder to write {path} to, found none at {Path(str(path)).parent}")


def write_whole(path: str, content: str) -> None:
    """Write a file whole or not at all; ``-`` is standard output. Raises InputError."""
    if path == "-":
        click.echo(content, nl=False)
        return
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(target)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
