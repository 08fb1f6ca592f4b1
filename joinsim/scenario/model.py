"""What every part of the scenario file is made from: a closed model with keys in camel case."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from joinsim.gofmt import duration
from joinsim.scenario.suggestions import listed

__all__ = ["Model", "exactly_one"]


class Model(BaseModel):
    """A mapping that has these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema as pydantic makes it, with what it leaves open closed and durations as files have them."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, known in properties.items():
            if known.get("type") == "string" and isinstance(known.get("default"), float):
                known["default"] = duration(known["default"])
            # What names a thing has a grammar, and nothing goes by any other name.
            if "patternProperties" in known:
                known["additionalProperties"] = False
            if _is_narrow(known, handler):
                properties[name] = _or_parameter(known)
        return schema


_PARAMETER = {"type": "string", "pattern": r"^\$\{[^{}]+\}$"}


def _is_narrow(known: JsonSchemaValue, handler: GetJsonSchemaHandler) -> bool:
    """Whether a schema is of single values and takes not every string, so not a parameter's name."""
    choices = [handler.resolve_ref_schema(choice) for choice in known.get("anyOf", [known])]
    single = [choice for choice in choices if choice.get("type") not in ("object", "array", "null")]
    return bool(single) and not any(
        choice.get("type") == "string" and not choice.keys() & {"pattern", "enum", "const"}
        for choice in single
    )


def _or_parameter(known: JsonSchemaValue) -> JsonSchemaValue:
    """The schema of a value, or of a parameter of the matrix that stands for it."""
    told: JsonSchemaValue = {
        key: known.pop(key) for key in ("default", "description", "title") if key in known
    }
    return {**told, "anyOf": [*known.get("anyOf", [known]), _PARAMETER]}


def exactly_one(model: BaseModel, fields: tuple[str, ...], what: str) -> None:
    """ValueError unless one of the fields is given, and no more than one."""
    given = [field for field in fields if getattr(model, field) is not None]
    if len(given) != 1:
        names = [type(model).model_fields[field].alias or field for field in fields]
        found = [type(model).model_fields[field].alias or field for field in given]
        raise ValueError(
            f"expected exactly one {what} of {listed(names, 'and')}, "
            f"found {listed(found, 'and') if found else 'none'}"
        )
