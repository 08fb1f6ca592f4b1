"""Bodies read as the kinds they claim to be, as Go's decoder reads JSON into a struct.

Fields that a kind has not are left out and told of; a value of the wrong type is refused in
the decoder's own words; what is null or empty disappears where Go would leave it out, and is
there where Go would write it. The fields come out in the order of the struct.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

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
    result.content.update(_Reader(result.unknown).read(kind, known))
    return result


def as_go_writes_it(resource: Resource, content: JsonObject) -> JsonObject:
    """An object of a resource in order, without what is unknown or empty, with what Go writes.

    Its values must be of their fields' types.
    """
    return conform(type_name_of(resource.api_version, resource.kind), content).content


class _Reader:
    """Reads one body. It knows where it is, for the day that something is wrong."""

    def __init__(self, unknown: list[str]) -> None:
        self._unknown = unknown
        self._structs: list[str] = []
        self._path: list[str] = []

    def read(self, kind: MessageType, content: JsonObject) -> JsonObject:
        self._structs.append(kind.go_name)
        fields, given = kind.fields, {}
        place, in_order = -1, True
        # In the order of the body: what is wrong first is told first.
        for name, value in content.items():
            described = fields.get(name)
            if described is None:
                self._unknown.append(".".join([*self._path, name]).replace(".[", "["))
                continue
            if value is None:
                continue
            if type(value) is str and described.is_text:
                read: JsonValue = value
            else:
                self._path.append(name)
                read = self._value(described, value)
                self._path.pop()
            if read or described.always or described.pointer or not _is_zero(read, described):
                given[name] = read
                in_order = in_order and described.place > place
                place = described.place
        self._structs.pop()
        if in_order and kind.always <= given.keys():
            return given
        result: JsonObject = {}
        for name, described in fields.items():
            if name in given:
                result[name] = given[name]
            elif described.always:
                result[name] = self._zero(described)
        return result

    def _zero(self, described: Field) -> JsonValue:
        """What Go writes for a field that was never set."""
        if described.shape is Shape.ONE and described.is_scalar:
            return _ZEROS[described.type]
        nested = message_type(described.type)
        if described.shape is not Shape.ONE or described.type in _SPECIAL or nested is None:
            return None
        return self.read(nested, {})

    def _value(self, described: Field, value: JsonValue) -> JsonValue:
        if described.shape is Shape.ONE:
            return self._one(described, value)
        if described.shape is Shape.LIST:
            if not isinstance(value, list):
                raise self.mismatch(value, described.go_type)
            return [self._item(described, f"[{index}]", item) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            raise self.mismatch(value, described.go_type)
        return {key: self._item(described, key, item) for key, item in sorted(value.items())}

    def _item(self, described: Field, step: str, value: JsonValue) -> JsonValue:
        if type(value) is str and described.type == "string":
            return value
        self._path.append(step)
        read = self._one(described, value)
        self._path.pop()
        return read

    def _one(self, described: Field, value: JsonValue) -> JsonValue:
        special = _SPECIAL.get(described.type)
        if special is not None:
            return special(value, self, described.element_type)
        nested = message_type(described.type)
        assert nested is not None, described.type
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.mismatch(value, described.element_type)
        return self.read(nested, value)

    def mismatch(self, value: JsonValue, go_type: str, *, shown: bool = False) -> MismatchError:
        """That a value is not of its field's type; ``shown`` numbers are told."""
        number = f" {value}" if shown else ""
        where = ".".join(step for step in self._path if not step.startswith("["))
        return MismatchError(
            f"json: cannot unmarshal {_called(value)}{number} into Go struct field "
            f"{self._structs[-1]}.{where} of type {go_type}"
        )


_ZEROS: dict[str, JsonValue] = {"string": "", "bool": False, "bytes": None, "int32": 0, "int64": 0}


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


def _text(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
    if value is not None and not isinstance(value, str):
        raise reader.mismatch(value, go_type)
    return value or ""


def _truth(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
    if value is not None and not isinstance(value, bool):
        raise reader.mismatch(value, go_type)
    return bool(value)


def _integer(bits: int) -> Callable[[JsonValue, _Reader, str], JsonValue]:
    limit = 1 << bits - 1

    def read(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise reader.mismatch(value, go_type)
        if isinstance(value, float) or not -limit <= value < limit:
            raise reader.mismatch(value, go_type, shown=True)
        return value

    return read


def _bytes(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise reader.mismatch(value, "[]uint8")
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


def _time(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MismatchError(f"json: cannot unmarshal {_called(value)} into Go value of type string")
    try:
        parse_rfc3339(value)
    except ValueError as error:
        raise MismatchError(str(error)) from None
    return value


def _quantity(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
    shown = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(shown, str) or not _QUANTITY.fullmatch(shown):
        raise MismatchError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    return shown


def _texts(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
    if not isinstance(value, list):
        raise reader.mismatch(value, go_type)
    return [_text(item, reader, "string") for item in value]


def _anything(value: JsonValue, reader: _Reader, go_type: str) -> JsonValue:
    return value


_SPECIAL: dict[str, Callable[[JsonValue, _Reader, str], JsonValue]] = {
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
