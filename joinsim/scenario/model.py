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
        for known in handler.resolve_ref_schema(schema).get("properties", {}).values():
            if known.get("type") == "string" and isinstance(known.get("default"), float):
                known["default"] = duration(known["default"])
            # What names a thing has a grammar, and nothing goes by any other name.
            if "patternProperties" in known:
                known["additionalProperties"] = False
        return schema


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
