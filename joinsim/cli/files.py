"""Scenario files named on the command line, and files that commands write."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from joinsim.errors import ScenarioError
from joinsim.scenario import Scenario, ScenarioErrors, load_file

__all__ = [
    "InputError",
    "check_folder",
    "check_writable",
    "load_all",
    "make_folder",
    "scenario_files",
    "write_whole",
]


class InputError(click.ClickException):
    """What the user gave is wrong; the message says what was expected and what was found."""

    exit_code = 2


_ENDINGS = (".yaml", ".yml")


def scenario_files(paths: Sequence[str]) -> Iterator[str]:
    """The files that paths name, those in folders included, in order and each once.

    Raises InputError for a path that is not there or a folder without any.
    """
    seen: set[Path] = set()
    for path in paths:
        for file in _files_of(path):
            real = Path(file).resolve()
            if real not in seen:
                seen.add(real)
                yield file


def _files_of(path: str) -> Sequence[str]:
    if not path:
        # Python reads an empty path as the folder that it stands in.
        raise InputError("expected a file or a folder, found an empty name")
    named = Path(path)
    try:
        if named.is_dir():
            found = sorted(str(file) for file in named.rglob("*") if _is_scenario_file(file))
            if not found:
                raise InputError(f"expected scenario files (*.yaml) in {path}, found none")
            return found
        there = named.exists()
    except OSError as error:
        raise InputError(f"cannot read {_shortened(path)}: {error.strerror}") from None
    if not there:
        raise InputError(f"expected a file or a folder, found nothing at {path}")
    return [str(named)]


def _is_scenario_file(path: Path) -> bool:
    return path.suffix in _ENDINGS and not path.is_dir()


def _shortened(path: str) -> str:
    return path if len(path) <= 80 else path[:79] + "…"


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
    """Refuse, before any work is done, a path that cannot be a file. Raises InputError."""
    if path is None or path == "-":
        return
    if not path:
        raise InputError("expected a file to write to, found an empty name")
    target = Path(path)
    try:
        if target.is_dir():
            raise InputError(f"expected a file to write to, found the folder {path}")
        if not target.parent.is_dir():
            raise InputError(f"expected a folder to write {path} to, found none at {target.parent}")
    except OSError as error:
        raise InputError(f"cannot write {_shortened(path)}: {error.strerror}") from None


def check_folder(path: str | None) -> None:
    """Refuse, before any work is done, a path that is no folder and cannot be made one."""
    if path is None:
        return
    if not path:
        raise InputError("expected a folder to write to, found an empty name")
    target = Path(path)
    try:
        nearest = next(place for place in (target, *target.absolute().parents) if place.exists())
        if not nearest.is_dir():
            raise InputError(f"expected a folder to write to, found the file {nearest}")
    except OSError as error:
        raise InputError(f"cannot make {_shortened(path)}: {error.strerror}") from None


def make_folder(path: str) -> None:
    """Make a folder and those above it, where they are not there. Raises InputError."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {_shortened(path)}: {error.strerror}") from None


def write_whole(path: str, content: str) -> None:
    """Write a file whole or not at all; ``-`` is standard output. Raises InputError.

    A link is followed. Devices and pipes are written to as they stand: a file renamed
    over ``/dev/null`` would be there for the whole machine.
    """
    data = content.encode()
    if path == "-":
        click.echo(data, nl=False)
        return
    try:
        target = Path(path).resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise InputError(f"cannot write {_shortened(path)}: {error.strerror}") from None


def _replace(target: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".joinsim-", dir=target.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        unfinished.chmod(_mode(target))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _mode(target: Path) -> int:
    """The permissions of a file that is there already, or what the umask leaves of a new one's."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
