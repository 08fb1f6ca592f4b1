"""Kubernetes objects in protobuf, as the API server and its own clients put them on the wire.

The messages are built from the table of types; the encoding itself is the protobuf library's.
An object on the wire is four magic bytes and an envelope with API version, kind and the message
(``runtime.Unknown``); an event of a watch is its length in four bytes and a ``WatchEvent`` whose
object is such an envelope.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from joinsim.api.message_types import Field, MessageType, Shape, message_type, type_name_of
from joinsim.api.objects import JsonObject, JsonValue, mapping, strings, text
from joinsim.gofmt import parse_rfc3339

__all__ = [
    "MAGIC",
    "ProtobufError",
    "decode_protobuf",
    "encode_protobuf",
    "encode_watch_event",
    "has_protobuf",
]

MAGIC = b"k8s\x00"

_PACKAGE = "joinsim"
_TIMES = ("meta.v1.Time", "meta.v1.MicroTime")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALARS = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
}


_NO_UTF_8 = "string field contains invalid UTF-8"


class ProtobufError(ValueError):
    """Bytes are no object in protobuf. The text says why."""


def has_protobuf(api_version: str, kind: str) -> bool:
    """Whether there is a message for this kind."""
    return message_type(type_name_of(api_version, kind)) is not None


def decode_protobuf(body: bytes) -> JsonObject:
    """The object in an envelope, as JSON has it. Raises :class:`ProtobufError`."""
    if not body.startswith(MAGIC):
        raise ProtobufError(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    envelope = _parse("runtime.Unknown", body[len(MAGIC) :])
    try:
        return _decode_envelope(envelope)
    except UnicodeDecodeError:
        # Divergence: what is no UTF-8 in a protobuf body is refused; a real API server stores it.
        raise ProtobufError(_NO_UTF_8) from None


def _decode_envelope(envelope: Any) -> JsonObject:
    api_version, kind = _unicode(envelope.typeMeta.apiVersion), _unicode(envelope.typeMeta.kind)
    described = message_type(type_name_of(api_version, kind)) if api_version and kind else None
    if described is None:
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    content = _to_json(described, _parse(described.name, envelope.raw))
    return {"kind": kind, "apiVersion": api_version, **content}


def encode_protobuf(content: JsonObject) -> bytes:
    """An object in its envelope. The kind must have a message, the values their fields' types."""
    api_version, kind = text(content, "apiVersion"), text(content, "kind")
    described = message_type(type_name_of(api_version, kind))
    assert described is not None, kind
    envelope = _new("runtime.Unknown")
    envelope.typeMeta.apiVersion, envelope.typeMeta.kind = api_version, kind
    message = _new(described.name)
    _fill(described, message, content)
    envelope.raw = message.SerializeToString(deterministic=True)
    envelope.contentEncoding = envelope.contentType = ""
    return MAGIC + bytes(envelope.SerializeToString(deterministic=True))


def encode_watch_event(kind: str, content: JsonObject) -> bytes:
    """An event of a watch as a frame: its length in four bytes, then ``WatchEvent``."""
    event = _new("meta.v1.WatchEvent")
    event.type = kind
    event.object.raw = encode_protobuf(content)
    packed = event.SerializeToString(deterministic=True)
    return len(packed).to_bytes(4, "big") + bytes(packed)


# --- messages ----------------------------------------------------------------------------

_pool = descriptor_pool.DescriptorPool()


def _new(name: str) -> Any:
    return _message_class(name)()


def _parse(name: str, packed: bytes) -> Any:
    try:
        return _message_class(name).FromString(packed)
    except DecodeError:
        # Divergence: whatever is wrong with a protobuf body is called its early end.
        raise ProtobufError("unexpected EOF") from None


@cache
def _message_class(name: str) -> type[Message]:
    _describe(name)
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(_full(name)))


def _full(name: str) -> str:
    return f"{_PACKAGE}.{name}"


@cache
def _describe(name: str) -> str:
    """Put a type, and before it those that it is made of, into the pool; the name of its file."""
    described = message_type(name)
    assert described is not None, name
    package, _, short = _full(name).rpartition(".")
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=package, syntax="proto2")
    message = file.message_type.add(name=short)
    needed = {field.type for field in described.fields.values() if not field.is_scalar and field.type != name}
    file.dependency.extend(sorted(map(_describe, needed)))
    for field in described.fields.values():
        _add_field(message, f".{_full(name)}", field)
    _pool.Add(file)
    return file.name


def _add_field(message: descriptor_pb2.DescriptorProto, full_name: str, field: Field) -> None:
    added = message.field.add(name=field.name, number=field.number)
    one = descriptor_pb2.FieldDescriptorProto
    added.label = one.LABEL_OPTIONAL if field.shape is Shape.ONE else one.LABEL_REPEATED
    if field.shape is Shape.MAP:
        entry = message.nested_type.add(name=f"{_camel(field.name)}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=one.LABEL_OPTIONAL, type=one.TYPE_STRING)
        _set_type(entry.field.add(name="value", number=2, label=one.LABEL_OPTIONAL), field.type)
        added.type, added.type_name = one.TYPE_MESSAGE, f"{full_name}.{entry.name}"
    else:
        _set_type(added, field.type)


def _set_type(added: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        added.type = _SCALARS[kind]
    else:
        added.type, added.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, f".{_full(kind)}"


def _camel(name: str) -> str:
    return name[:1].upper() + name[1:]


# --- from messages to JSON ---------------------------------------------------------------


def _to_json(described: MessageType, message: Any) -> JsonObject:
    content: JsonObject = {}
    for name, field in described.fields.items():
        value = getattr(message, name)
        if field.shape is Shape.LIST:
            if value:
                content[name] = [_one_to_json(field, item) for item in value]
        elif field.shape is Shape.MAP:
            if value:
                content[name] = {_unicode(key): _one_to_json(field, value[key]) for key in value}
                content[name] = dict(sorted(mapping(content, name).items()))
        elif message.HasField(name) and (value or field.pointer or not field.is_scalar):
            read = _one_to_json(field, value)
            if read is not None:
                content[name] = read
    return content


def _one_to_json(field: Field, value: Any) -> JsonValue:
    if field.type == "bytes":
        return base64.b64encode(value).decode()
    if field.type == "string":
        return _unicode(value)
    if field.is_scalar:
        scalar: JsonValue = value
        return scalar
    if field.type in _FROM_MESSAGE:
        return _FROM_MESSAGE[field.type](value)
    nested = message_type(field.type)
    assert nested is not None, field.type
    return _to_json(nested, value)


def _unicode(value: str | bytes) -> str:
    """A string as JSON can have it; the library gives some that are no UTF-8 as bytes, and trips over others."""
    if isinstance(value, bytes):
        raise ProtobufError(_NO_UTF_8)
    return value


def _moment(message: Any) -> datetime | None:
    # Go's zero time is the year 1, before anything that happens here.
    if message.seconds < -_ZERO_BEFORE_SECONDS or not (
        message.HasField("seconds") or message.HasField("nanos")
    ):
        return None
    try:
        return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    except OverflowError:
        raise ProtobufError("proto: a time is out of range") from None


_ZERO_BEFORE_SECONDS = 62_000_000_000


def _time(message: Any) -> JsonValue:
    moment = _moment(message)
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(message: Any) -> JsonValue:
    moment = _moment(message)
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_FROM_MESSAGE: Mapping[str, Callable[[Any], JsonValue]] = {
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _micro_time,
    "resource.Quantity": lambda message: _unicode(message.string),
    "meta.v1.FieldsV1": lambda message: _json_of(message.Raw),
    "runtime.RawExtension": lambda message: decode_protobuf(message.raw) if message.raw else None,
    **{
        f"{group}.v1.ExtraValue": lambda message: [*map(_unicode, message.items)]
        for group in ("authentication", "authorization", "certificates")
    },
}


def _json_of(packed: bytes) -> JsonValue:
    try:
        value: JsonValue = json.loads(packed) if packed else None
    except ValueError:
        raise ProtobufError("proto: managed fields are no JSON") from None
    return value


# --- from JSON to messages ---------------------------------------------------------------


def _fill(described: MessageType, message: Any, content: JsonObject) -> None:
    """Set the fields of a message; what is no pointer in Go is there even when it is zero."""
    for name, field in described.fields.items():
        value = content.get(name)
        if field.shape is Shape.LIST:
            for item in value if isinstance(value, list) else ():
                _add(field, getattr(message, name), item)
        elif field.shape is Shape.MAP:
            for key, item in mapping(content, name).items():
                _put(field, getattr(message, name), key, item)
        elif field.is_scalar:
            if value is not None or not (field.pointer or field.type == "bytes"):
                setattr(message, name, _scalar(field, value))
        elif value is not None or field.always or (field.type in _TIMES and not field.pointer):
            target = getattr(message, name)
            target.SetInParent()
            _fill_one(field, target, value)


def _add(field: Field, target: Any, value: JsonValue) -> None:
    if field.is_scalar:
        target.append(_scalar(field, value))
    else:
        _fill_one(field, target.add(), value)


def _put(field: Field, target: Any, key: str, value: JsonValue) -> None:
    if field.is_scalar:
        target[key] = _scalar(field, value)
    else:
        _fill_one(field, target[key], value)


def _scalar(field: Field, value: JsonValue) -> Any:
    if field.type == "bytes":
        return base64.b64decode(value) if isinstance(value, str) else b""
    if field.type == "string":
        return value if isinstance(value, str) else ""
    return value or 0


def _fill_one(field: Field, message: Any, value: JsonValue) -> None:
    if field.type in _TIMES:
        if isinstance(value, str):
            moment = parse_rfc3339(value)
            fraction = re.search(r"[.,]([0-9]{1,9})", value)
            message.seconds = int((moment - _EPOCH).total_seconds())
            message.nanos = int(fraction[1].ljust(9, "0")) if fraction else 0
    elif field.type == "resource.Quantity":
        message.string = value if isinstance(value, str) else ""
    elif field.type.endswith(".ExtraValue"):
        message.items.extend(strings(value))
    elif field.type == "meta.v1.FieldsV1":
        message.Raw = json.dumps(value, separators=(",", ":")).encode()
    elif field.type == "runtime.RawExtension":
        message.raw = encode_protobuf(mapping(value))
    else:
        nested = message_type(field.type)
        assert nested is not None, field.type
        _fill(nested, message, mapping(value))
