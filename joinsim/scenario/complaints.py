"""From what the schema found wrong to what its author should read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from joinsim.errors import ScenarioError
from joinsim.scenario.documents import Document, Path
from joinsim.scenario.expected import EXPECTATIONS
from joinsim.scenario.suggestions import listed, nearest, shown, suggestion
from joinsim.scenario.values import PATTERNS

__all__ = ["complaints"]

_KINDS: Mapping[str, str] = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "finite_number": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
}


def complaints(document: Document, model: type[BaseModel], error: ValidationError) -> list[ScenarioError]:
    """One error for each thing that is wrong, in the order of the file."""
    details = error.errors(include_url=False)
    meant = {
        (*detail["loc"][:-1], nearest(str(detail["loc"][-1]), _keys_at(model, detail["loc"][:-1])))
        for detail in details
        if detail["type"] == "extra_forbidden"
    }
    found = [
        _complaint(document, model, detail)
        for detail in details
        # A key that is missing only because it is misspelt is one mistake, not two.
        if (detail["type"] != "missing" or detail["loc"] not in meant) and not _is_echo(detail)
    ]
    distinct = {str(complaint): complaint for complaint in found}
    return sorted(
        distinct.values(),
        key=lambda known: (known.location.line, known.location.column) if known.location else (0, 0),
    )


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list is called too short only because what is in it is wrong."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _complaint(document: Document, model: type[BaseModel], detail: ErrorDetails) -> ScenarioError:
    steps = detail["loc"]
    path, about_key = _in_file(model, detail)
    if detail["type"] == "missing":
        parent, key = path[:-1], path[-1]
        if isinstance(key, int):
            wanted = len(get_args(_plain(_place(model, steps[:-1]))))
            return document.error(f"expected {wanted} values, found {len(detail['input'])}", parent)
        return document.error(f"expected a key {key}, found none", parent)
    if detail["type"] == "extra_forbidden":
        key = str(path[-1])
        names = _keys_at(model, steps[:-1])
        problem = f"expected one of {listed(names)}, found {key}{suggestion(key, names)}"
        return document.error(problem, path, key=True)
    return document.error(_problem(detail), path, key=about_key)


def _in_file(model: type[BaseModel], detail: ErrorDetails) -> tuple[Path, bool]:
    """The path to what is wrong as the file has it, and whether the key itself is.

    The schema's path has the tags of unions in it, and ``[key]`` behind a key that is wrong.
    A file may have keys that look like either, so what a step is depends on where it is taken.
    """
    steps = detail["loc"]
    path: list[str | int] = []
    for index, step in enumerate(steps):
        place = _place(model, steps[:index])
        marks_key = index == len(steps) - 1 and step == "[key]" and detail["type"] != "extra_forbidden"
        if marks_key and get_origin(_plain(place)) is not dict:
            return tuple(path), True
        if not _is_tagged(place):
            path.append(step)
    return tuple(path), False


def _problem(detail: ErrorDetails) -> str:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "expectation":
        return f"{detail['msg']}, found {_keys_shown(found)}"
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}, found {shown(found)}"
    if kind in ("literal_error", "enum"):
        names = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        unquoted = "; write it in quotes" if str(found) in names else ""
        hint = suggestion(found, names) if isinstance(found, str) else unquoted
        return f"expected {listed(names)}, found {shown(found)}{hint}"
    if kind == "string_pattern_mismatch":
        return f"expected {PATTERNS[str(context['pattern'])]}, found {shown(found)}"
    if kind == "string_too_long":
        return f"expected at most {context['max_length']} characters, found {len(str(found))}"
    if kind == "too_long":
        return f"expected {context['max_length']} values, found {len(found)}"
    if kind in ("too_short", "string_too_short"):
        return f"expected at least {context['min_length']}, found {len(found)}"
    if kind == "greater_than_equal":
        return f"expected at least {context['ge']}, found {shown(found)}"
    return detail["msg"]


def _keys_shown(value: object) -> str:
    if not isinstance(value, dict):
        return shown(value)
    keys = [str(key) for key in value]
    hint = next(filter(None, (suggestion(key, EXPECTATIONS) for key in keys)), "")
    return f"{listed(keys, 'and') if keys else 'an empty one'}{hint}"


# --- which keys there could be -----------------------------------------------------------


def _keys_at(model: type[BaseModel], steps: Sequence[str | int]) -> list[str]:
    """The keys that the schema knows at a place."""
    found = _plain(_place(model, steps))
    assert issubclass(found, BaseModel)
    return [field.alias or name for name, field in found.model_fields.items()]


def _place(model: type[BaseModel], steps: Sequence[str | int]) -> Any:
    """The type at the end of the schema's path; None where the schema knows of nothing there."""
    place: Any = model
    for step in steps:
        place = _inside(place, step)
    return place


def _tags(annotation: Any) -> dict[str, Any]:
    """The choices of a union whose members are told apart by tags."""
    choices = get_args(_without_annotations(annotation))
    return {
        extra.tag: choice
        for choice in choices
        if get_origin(choice) is Annotated
        for extra in get_args(choice)[1:]
        if isinstance(extra, Tag)
    }


def _is_tagged(annotation: Any) -> bool:
    return bool(_tags(annotation))


def _inside(annotation: Any, step: str | int) -> Any:
    """The type of what is one step further in."""
    if _is_tagged(annotation):
        return _tags(annotation).get(str(step))
    here = _plain(annotation)
    if get_origin(here) is dict:
        return get_args(here)[1]
    if get_origin(here) is tuple:
        return get_args(here)[0]
    fields = here.model_fields if isinstance(here, type) and issubclass(here, BaseModel) else {}
    for name, field in fields.items():
        if step in (field.alias, name):
            return field.annotation if not field.metadata else Annotated[field.annotation, *field.metadata]
    return None


def _without_annotations(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _plain(annotation: Any) -> Any:
    """A type without annotations and without its None."""
    annotation = _without_annotations(annotation)
    if get_origin(annotation) in (Union, UnionType):
        choices = [choice for choice in get_args(annotation) if choice is not NoneType]
        if len(choices) == 1:
            return _plain(choices[0])
    return annotation
