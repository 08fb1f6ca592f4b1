"""From what the schema found wrong to what its author should read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from joinsim.errors import ScenarioError
from joinsim.redaction import redact
from joinsim.scenario.documents import Document, Path
from joinsim.scenario.suggestions import listed, nearest, shown, suggestion
from joinsim.scenario.values import PATTERNS

__all__ = ["complaints"]

_KINDS: Mapping[str, str] = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
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
        if detail["type"] != "missing" or detail["loc"] not in meant
    ]
    distinct = {str(complaint): complaint for complaint in found}
    return sorted(
        distinct.values(),
        key=lambda known: (known.location.line, known.location.column) if known.location else (0, 0),
    )


def _complaint(document: Document, model: type[BaseModel], detail: ErrorDetails) -> ScenarioError:
    steps = detail["loc"]
    about_key = bool(steps) and steps[-1] == "[key]"
    # Tags of unions stand in the path too; in the file they do not.
    path: Path = tuple(step for step in steps if step != "[key]" and not _is_tag(step))
    if detail["type"] == "missing":
        parent, key = path[:-1], str(path[-1])
        return document.error(f"expected a key {key}, found none", parent)
    if detail["type"] == "extra_forbidden":
        key = str(path[-1])
        names = _keys_at(model, steps[:-1])
        problem = f"expected one of {listed(names)}, found {redact(key)}{suggestion(key, names)}"
        return document.error(problem, path, key=True)
    return document.error(redact(_problem(detail)), path, key=about_key)


def _is_tag(step: str | int) -> bool:
    return isinstance(step, str) and step.startswith("<")


def _problem(detail: ErrorDetails) -> str:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}, found {shown(found)}"
    if kind in ("literal_error", "enum"):
        names = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        hint = suggestion(found, names) if isinstance(found, str) else ""
        return f"expected {listed(names)}, found {shown(found)}{hint}"
    if kind == "string_pattern_mismatch":
        return f"expected {PATTERNS[str(context['pattern'])]}, found {shown(found)}"
    if kind == "string_too_long":
        return f"expected at most {context['max_length']} characters, found {len(str(found))}"
    if kind in ("too_short", "string_too_short"):
        return f"expected at least {context['min_length']}, found {len(found)}"
    if kind == "greater_than_equal":
        return f"expected at least {context['ge']}, found {shown(found)}"
    return detail["msg"]


# --- which keys there could be -----------------------------------------------------------


def _keys_at(model: type[BaseModel], steps: Sequence[str | int]) -> list[str]:
    """The keys that the schema knows at a place."""
    place: Any = model
    for step in steps:
        place = _inside(place, step)
    found = _plain(place)
    assert issubclass(found, BaseModel)
    return [field.alias or name for name, field in found.model_fields.items()]


def _inside(annotation: Any, step: str | int) -> Any:
    """The type of what is one step further in."""
    if _is_tag(step):
        return next(
            choice
            for choice in get_args(_without_annotations(annotation))
            if any(isinstance(extra, Tag) and extra.tag == step for extra in get_args(choice)[1:])
        )
    here = _plain(annotation)
    if get_origin(here) is dict:
        return get_args(here)[1]
    if get_origin(here) is tuple:
        return get_args(here)[0]
    return next(
        field.annotation if not field.metadata else Annotated[field.annotation, *field.metadata]
        for name, field in here.model_fields.items()
        if step in (field.alias, name)
    )


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
