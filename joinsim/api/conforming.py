"""Bodies read as the kinds they claim to be, as Go's decoder reads JSON into a struct.

Fields that a kind has not are left out and told of; a value of the wrong type is refused in
the decoder's own words; what is null or empty disappears where Go would leave it out, and is
there where Go would write it. The fields come out in the order of the struct.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from joinsim.api.message_types import Field, MessageType, Shape, message_type, type_name_of
from joinsim.api.objects import JsonObject, JsonValue, Resource
from joinsim.gofmt import parse_rfc3339

__all__ = ["Conformed", "MismatchError", "as_go_writes_it", "conform"]

_QUANTITY = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+|[numkKMGTPE]i?)?", re.ASCII)


class MismatchError(ValueError):
    """A value is not of its field's type. The text is the decoder's."""


@dataclass
class Conformed:
    """An object as its kind has it, and the paths of the fields that the kind has not."""

    content: JsonObject
    unknown: list[str] = field(default_factory=list)


def conform(type_name: str, content: JsonObject) -> Conformed:
    """Read ``content`` as a type of the table.

    The type must be in the table. Raises :class:`MismatchError`.
    """
    kind = message_type(type_name)
    assert kind is not None, type_name
    result = Conformed({})
    for name in ("kind", "apiVersion"):
        if name in content and name not in kind.fields:
            result.content[name] = content[name]
    known = {key: value for key, value in content.items() if key not in ("kind", "apiVersion")}
    if "kind" in kind.fields:
        known = content
    result.content.update(_Reader(result.unknown).read(kind, known, ()))
    return result


def as_go_writes_it(resource: Resource, content: JsonObject) -> JsonObject:
    """An object of a resource in order, without what is unknown or empty, with what Go writes.

    Its values must be of their fields' types.
    """
    return conform(type_name_of(resource.api_version, resource.kind), content).content


class _Place(NamedTuple):
    """Where a value stands: the struct that holds its field, the path to it, and the type it should have."""

    struct: str
    path: tuple[str, ...]
    go_type: str

    def mismatch(self, value: JsonValue, go_type: str = "", *, shown: bool = False) -> MismatchError:
        number = f" {value}" if shown else ""
        where = ".".join(step for step in self.path if not step.startswith("["))
        return MismatchError(
            f"json: cannot unmarshal {_called(value)}{number} into Go struct field {self.struct}.{where} "
            f"of type {go_type or self.go_type}"
        )

    def inner(self, step: str) -> _Place:
        """The place of an item of this list or map."""
        element = self.go_type.removeprefix("[]").removeprefix("map[string]")
        return _Place(self.struct, (*self.path, step), element)


class _Reader:
    def __init__(self, unknown: list[str]) -> None:
        self._unknown = unknown

    def read(self, kind: MessageType, content: JsonObject, path: tuple[str, ...]) -> JsonObject:
        given: JsonObject = {}
        # In the order of the body: what is wrong first is told first.
        for name, value in content.items():
            described = kind.fields.get(name)
            if described is None:
                self._unknown.append(_shown((*path, name)))
            elif value is not None:
                # Most values are texts, of which there is nothing to find out.
                plain = described.is_text and type(value) is str
                place = None if plain else _Place(kind.go_name, (*path, name), described.go_type)
                read = value if place is None else self._value(described, value, place)
                if described.always or described.pointer or not _is_zero(read, described):
                    given[name] = read
        result: JsonObject = {}
        for name, described in kind.fields.items():
            if name in given:
                result[name] = given[name]
            elif described.always:
                result[name] = self._zero(described, (*path, name))
        return result

    def _zero(self, described: Field, path: tuple[str, ...]) -> JsonValue:
        """What Go writes for a field that was never set."""
        nested = message_type(described.type)
        if described.shape is Shape.ONE and described.is_scalar:
            zeros: dict[str, JsonValue] = {"string": "", "bool": False, "bytes": None}
            return zeros.get(described.type, 0)
        if described.shape is not Shape.ONE or described.type in _SPECIAL or nested is None:
            return None
        return self.read(nested, {}, path)

    def _value(self, described: Field, value: JsonValue, place: _Place) -> JsonValue:
        if described.shape is Shape.ONE:
            return self._one(described, value, place)
        if described.shape is Shape.LIST:
            if not isinstance(value, list):
                raise place.mismatch(value)
            return [self._one(described, item, place.inner(f"[{index}]")) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            raise place.mismatch(value)
        if described.type == "string" and all(type(item) is str for item in value.values()):
            return dict(sorted(value.items()))
        return {key: self._one(described, item, place.inner(key)) for key, item in sorted(value.items())}

    def _one(self, described: Field, value: JsonValue, place: _Place) -> JsonValue:
        special = _SPECIAL.get(described.type)
        if special is not None:
            return special(value, place)
        nested = message_type(described.type)
        assert nested is not None, described.type
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise place.mismatch(value)
        return self.read(nested, value, place.path)


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(path).replace(".[", "[")


def _called(value: JsonValue) -> str:
    """How Go's decoder calls a value that it cannot use."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "number"


def _is_zero(value: JsonValue, described: Field) -> bool:
    if described.is_scalar or described.shape is not Shape.ONE:
        return not value
    return value is None


def _text(value: JsonValue, place: _Place) -> JsonValue:
    if value is not None and not isinstance(value, str):
        raise place.mismatch(value)
    return value or ""


def _truth(value: JsonValue, place: _Place) -> JsonValue:
    if value is not None and not isinstance(value, bool):
        raise place.mismatch(value)
    return bool(value)


def _integer(bits: int) -> Callable[[JsonValue, _Place], JsonValue]:
    limit = 1 << bits - 1

    def read(value: JsonValue, place: _Place) -> JsonValue:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise place.mismatch(value)
        if isinstance(value, float) or not -limit <= value < limit:
            raise place.mismatch(value, shown=True)
        return value

    return read


def _bytes(value: JsonValue, place: _Place) -> JsonValue:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise place.mismatch(value, "[]uint8")
    packed = value.replace("\n", "").replace("\r", "")
    if not _BASE64.fullmatch(packed):
        raise MismatchError(f"illegal base64 data at input byte {_where_base64_breaks(packed)}")
    return packed


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def _where_base64_breaks(packed: str) -> int:
    """The place at which Go's decoder gives up."""
    stray = re.search(r"[^A-Za-z0-9+/]", packed)
    if stray is None:
        return len(packed) // 4 * 4
    at = stray.start()
    if packed[at] != "=" or at % 4 < 2:
        return at
    end = at + 1 if at % 4 == 3 else at + 2
    if packed[at:end] != "=" * (end - at):
        return len(packed) if at + 1 == len(packed) else at
    return end


def _time(value: JsonValue, place: _Place) -> JsonValue:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MismatchError(f"json: cannot unmarshal {_called(value)} into Go value of type string")
    try:
        parse_rfc3339(value)
    except ValueError as error:
        raise MismatchError(str(error)) from None
    return value


def _quantity(value: JsonValue, place: _Place) -> JsonValue:
    shown = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(shown, str) or not _QUANTITY.fullmatch(shown):
        raise MismatchError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    return shown


def _texts(value: JsonValue, place: _Place) -> JsonValue:
    if not isinstance(value, list):
        raise place.mismatch(value)
    return [_text(item, place.inner("")) for item in value]


def _anything(value: JsonValue, place: _Place) -> JsonValue:
    return value


_SPECIAL: dict[str, Callable[[JsonValue, _Place], JsonValue]] = {
    "string": _text,
    "bool": _truth,
    "bytes": _bytes,
    "int32": _integer(32),
    "int64": _integer(64),
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _time,
    "resource.Quantity": _quantity,
    "authentication.v1.ExtraValue": _texts,
    "authorization.v1.ExtraValue": _texts,
    "certificates.v1.ExtraValue": _texts,
    "meta.v1.FieldsV1": _anything,
    "runtime.RawExtension": _anything,
}
"""The types whose JSON is no object of their fields: how each is read."""
