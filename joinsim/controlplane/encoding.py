"""Bodies in and out: which media type, decoded how, refused with which words."""

from __future__ import annotations

import json

from joinsim.api import status
from joinsim.api.conforming import Conformed, MismatchError, conform
from joinsim.api.message_types import type_name_of
from joinsim.api.objects import JsonObject, JsonValue, Resource, decode_json, encode_json, text
from joinsim.api.protobuf import (
    ProtobufError,
    decode_protobuf,
    encode_protobuf,
    encode_watch_event,
    has_protobuf,
)
from joinsim.api.yaml_codec import YamlError, dump_yaml, load_yaml
from joinsim.controlplane.negotiation import JSON, PROTOBUF, YAML
from joinsim.errors import ApiError
from joinsim.gofmt import quote
from joinsim.wire import BODY_BYTES_MAX, Request

__all__ = ["decode_body", "decode_object", "encode", "encode_event", "wants_indentation"]

_BROWSERS = ("curl", "Wget", "Mozilla")
_SUMMARY_BYTES = 30


def wants_indentation(request: Request) -> bool:
    """Whether the answer is for a person: ``?pretty=``, or a browser's or curl's User-Agent."""
    pretty = request.query.get("pretty", "")
    if pretty:
        return pretty in ("1", "t", "T", "true", "TRUE", "True")
    return request.headers.get("user-agent", "").startswith(_BROWSERS)


def encode(value: JsonObject, media: str, *, indent: bool = False) -> bytes:
    """An answer's body, in JSON where the media type has no form for it."""
    if media == YAML:
        return dump_yaml(value).encode()
    if media == PROTOBUF and has_protobuf(text(value, "apiVersion"), text(value, "kind")):
        return encode_protobuf(value)
    if indent:
        return json.dumps(value, indent=2, ensure_ascii=False).encode()
    return encode_json(value) + b"\n"


def encode_event(kind: str, content: JsonObject, media: str) -> bytes:
    """An event of a watch: a line of JSON, or a frame."""
    if media == PROTOBUF:
        return encode_watch_event(kind, content)
    return encode_json({"type": kind, "object": content}) + b"\n"


def decode_object(request: Request, resource: Resource) -> Conformed:
    """The object in a request's body, as the kind that its endpoint takes.

    Raises 400, 413 or 415 as the API server does.
    """
    content = decode_body(request, resource.kind)
    version, kind = text(content, "apiVersion"), text(content, "kind")
    short = version.rpartition("/")[2]
    if kind and kind != resource.kind:
        known = f'no kind {quote(kind)} is registered for version {quote(version)} in scheme "pkg/api/legacyscheme/scheme.go:30"'
        if version == "v1" and resource.api_version == "v1":
            known = f"converting (v1.{kind}) to (core.{resource.kind}): unknown conversion"
        raise status.bad_request(
            f"{kind} in version {quote(short)} cannot be handled as a {resource.kind}: {known}"
        )
    if version and version != resource.api_version:
        raise status.bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    named = {**content, "kind": resource.kind, "apiVersion": resource.api_version}
    try:
        return conform(type_name_of(resource.api_version, resource.kind), named)
    except MismatchError as error:
        raise status.bad_request(
            f"{resource.kind} in version {quote(resource.version)} cannot be handled as a {resource.kind}: {error}"
        ) from None


def decode_body(request: Request, kind: str) -> JsonObject:
    """The object in a request's body, whatever it holds. Raises 400, 413 or 415."""
    if request.oversized:
        raise status.too_large(BODY_BYTES_MAX)
    media = request.headers.get("content-type", JSON).partition(";")[0].strip() or JSON
    if media == PROTOBUF:
        try:
            return decode_protobuf(request.body)
        except ProtobufError as error:
            raise _unrecognized(kind, str(error), request.body) from None
    if media == YAML:
        try:
            content = load_yaml(request.body.decode())
        except (YamlError, UnicodeDecodeError) as error:
            raise _unrecognized(kind, f"error converting YAML to JSON: {error}", request.body) from error
    elif media == JSON:
        content = _decode_json(request.body, kind)
    else:
        raise status.unsupported_media_type()
    if not isinstance(content, dict):
        shown = {list: "array", str: "string", bool: "bool"}.get(type(content), "number")
        raise _unrecognized(
            kind,
            f"couldn't get version/kind; json parse error: json: cannot unmarshal {shown} into Go value of type "
            'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
            request.body,
        )
    return content


def _decode_json(body: bytes, kind: str) -> JsonValue:
    try:
        content: JsonValue = decode_json(body)
    except json.JSONDecodeError as error:
        problem = _json_problem(error)
    except (UnicodeDecodeError, ValueError):
        problem = "invalid character in string literal"
    except RecursionError:
        problem = "exceeded max depth"
    else:
        return content
    raise _unrecognized(kind, f"couldn't get version/kind; json parse error: {problem}", body)


_PLACES = (
    ("Expecting property name", "looking for beginning of object key string"),
    ("Illegal trailing comma", "looking for beginning of value"),
    ("Expecting ':' delimiter", "after object key"),
    ("Expecting ',' delimiter", "after object key:value pair"),
    ("Extra data", "after top-level value"),
    ("Invalid control character", "in string literal"),
    ("Invalid \\", "in string escape code"),
)


_LITERALS = {"n": "null", "t": "true", "f": "false"}


def _json_problem(error: json.JSONDecodeError) -> str:
    """A syntax error in Go's words, as far as the place tells which."""
    found = error.doc[error.pos : error.pos + 1]
    where = next(
        (place for start, place in _PLACES if error.msg.startswith(start)), "looking for beginning of value"
    )
    if error.msg.startswith("Expecting value") and found in _LITERALS:
        literal = _LITERALS[found]
        rest = error.doc[error.pos :]
        alike = next(index for index in range(6) if rest[index : index + 1] != literal[index : index + 1])
        found = rest[alike : alike + 1]
        where = f"in literal {literal} (expecting {_character(literal[alike])})"
    if not found or error.msg.startswith("Unterminated string"):
        return "unexpected end of JSON input"
    return f"invalid character {_character(found)} {where}"


def _character(character: str) -> str:
    return {"'": r"'\''", '"': "'\"'", "\n": r"'\n'", "\t": r"'\t'", "\\": r"'\\'"}.get(
        character, f"'{character}'"
    )


def _unrecognized(kind: str, problem: str, body: bytes) -> ApiError:
    return status.bad_request(
        f"the object provided is unrecognized (must be of type {kind}): {problem} ({_summary(body)})"
    )


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    more = " ..." if len(body) > _SUMMARY_BYTES else ""
    head = body[:_SUMMARY_BYTES]
    if head.startswith(b"{"):
        return head.decode("utf-8", "replace") + more
    return head.hex() + more
