"""From a file to scenarios: read, expand the matrix, validate, check references."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from pydantic import ValidationError

from joinsim.errors import Location, ScenarioError
from joinsim.redaction import redact
from joinsim.scenario.complaints import complaints
from joinsim.scenario.documents import Document, Path, Scalar, read_document
from joinsim.scenario.expected import Expectation
from joinsim.scenario.references import misfits
from joinsim.scenario.schema import Document as Model
from joinsim.scenario.suggestions import shown

__all__ = ["Scenario", "ScenarioErrors", "load_file", "load_text"]

CELLS_MAX = 10_000


class ScenarioErrors(ScenarioError):
    """Several things are wrong with one file; as text, one line each."""

    def __init__(self, errors: list[ScenarioError]) -> None:
        self.errors = errors
        first = errors[0]
        super().__init__(first.problem, location=first.location, path=first.path)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


@dataclass(frozen=True)
class Scenario:
    """One scenario, of one cell of its file's matrix.

    ``cell`` gives the parameters their values. Among them may be tokens, which ``name`` masks.
    """

    name: str
    file: str
    model: Model
    cell: Mapping[str, Scalar] = field(repr=False)
    document: Document = field(repr=False)

    def expectations(self) -> Iterator[tuple[Location, Expectation]]:
        """What is expected in this cell, and where the file says so."""
        for index, expectation in enumerate(self.model.expect):
            if all(self.cell[name] in values for name, values in expectation.when.items()):
                yield self.document.at(("expect", index)), expectation

    def step_location(self, index: int) -> Location:
        """Where a step of the timeline stands."""
        return self.document.at(("timeline", index))


def load_file(file: str) -> list[Scenario]:
    """The scenarios of a file, one for each cell of its matrix.

    Raises :class:`ScenarioError` where the file cannot be read or anything in it is wrong.
    """
    try:
        text = FilePath(file).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ScenarioError(
            f"expected UTF-8, found byte 0x{error.object[error.start]:02x} at offset {error.start}",
            location=_place(file, error.object[: error.start]),
        ) from None
    except OSError as error:
        raise ScenarioError(f"{file}: {(error.strerror or str(error)).lower()}") from None
    return load_text(text, file)


def _place(file: str, before: bytes) -> Location:
    """The place behind some bytes that are UTF-8."""
    lines = before.decode().split("\n")
    return Location(file, len(lines), len(lines[-1]) + 1)


def load_text(text: str, file: str = "<text>") -> list[Scenario]:
    """The scenarios in a text; ``file`` is what errors call it."""
    document = read_document(text, file)
    cells = list(_cells(document))
    scenarios = [_scenario(document, cell, labelled=len(cells) > 1) for cell in cells]
    for scenario in scenarios:
        if not any(scenario.expectations()):
            raise document.error(
                f"expected something in the cell {scenario.name}, found nothing", ("expect",)
            )
    return scenarios


def _scenario(document: Document, cell: Mapping[str, Scalar], *, labelled: bool) -> Scenario:
    model = _validated(document, cell)
    wrong = [document.error(found.problem, found.path, key=found.about_key) for found in misfits(model)]
    if wrong:
        raise _raised(wrong)
    label = redact(",".join(f"{name}={value}" for name, value in cell.items()))
    stem = FilePath(document.file).name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".joinsim")
    return Scenario(f"{stem}[{label}]" if labelled else stem, document.file, model, cell, document)


def _validated(document: Document, cell: Mapping[str, Scalar]) -> Model:
    try:
        return Model.model_validate(document.value(cell))
    except ValidationError as error:
        raise _raised(complaints(document, Model, error)) from None


def _raised(errors: list[ScenarioError]) -> ScenarioError:
    return errors[0] if len(errors) == 1 else ScenarioErrors(errors)


# --- the matrix --------------------------------------------------------------------------------


def _cells(document: Document) -> Iterator[dict[str, Scalar]]:
    """Every combination of the matrix's values, in the order of the file."""
    plain = document.value()
    matrix = plain.get("matrix", {}) if isinstance(plain, dict) else {}
    if not isinstance(matrix, dict):
        raise document.error(f"expected a mapping, found {shown(matrix)}", ("matrix",))
    count = 1
    for name, values in matrix.items():
        count *= _check_values(document, ("matrix", name), values)
    if count > CELLS_MAX:
        raise document.error(f"expected at most {CELLS_MAX} combinations, found {count}", ("matrix",))
    for combination in itertools.product(*matrix.values()):
        yield dict(zip(matrix, combination, strict=True))


def _check_values(document: Document, path: Path, values: object) -> int:
    """Refuse what cannot stand for ``${…}``; how many values there are."""
    if not isinstance(values, list) or not values:
        found = shown(values) if values != [] else "an empty one"
        raise document.error(f"expected a list of values, found {found}", path)
    for index, value in enumerate(values):
        if value is None or isinstance(value, list | dict):
            problem = f"expected a string, a number, true or false, found {shown(value)}"
            raise document.error(problem, (*path, index))
        if isinstance(value, str) and "${" in value:
            raise document.error(f"expected a plain value, found {shown(value)}", (*path, index))
        if value in values[:index]:
            raise document.error(f"expected each value once, found {shown(value)} again", (*path, index))
    return len(values)
