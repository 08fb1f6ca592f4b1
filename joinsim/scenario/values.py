"""The values of a scenario file that have a grammar of their own: durations, names, pins, tokens."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, PlainValidator, StringConstraints, WithJsonSchema

from joinsim.api import BootstrapToken, TokenError
from joinsim.gofmt import parse_duration
from joinsim.redaction import mask_token
from joinsim.scenario.suggestions import shown, suggestion

__all__ = [
    "PATTERNS",
    "AbsolutePath",
    "Duration",
    "HostName",
    "HttpsUrl",
    "Name",
    "Pins",
    "Scalars",
    "Strings",
    "TokenReference",
    "TokenValue",
    "is_literal_token",
]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DURATION_PATTERN = r"^\+?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|\u03bcs|ms|s|m|h))+)$"


def _read_duration(value: object) -> float:
    said = "expected a duration such as 90s, 4m or 1h30m"
    if not isinstance(value, str):
        unit = f"; write {value}s if seconds are meant" if type(value) is int else ""
        raise ValueError(f"{said}, found {shown(value)}{unit}")
    try:
        seconds = parse_duration(value)
    except ValueError:
        days = re.fullmatch(r"([0-9]+)d", value)
        hint = f"; write {int(days[1]) * 24}h" if days else ""
        raise ValueError(f"{said}, found {shown(value)}{hint}") from None
    if value.startswith("-"):
        raise ValueError(f"{said}, found {shown(value)}; it cannot be negative")
    return seconds


Duration: TypeAlias = Annotated[
    float,
    BeforeValidator(_read_duration),
    WithJsonSchema(
        {"type": "string", "pattern": _DURATION_PATTERN, "examples": ["90s", "4m", "24h", "1h30m"]}
    ),
]
"""A length of time, as Go writes it; in seconds."""

_NAME = rf"^{_LABEL}$"
_HOST_NAME = rf"^{_LABEL}(\.{_LABEL})*$"
_ABSOLUTE_PATH = r"^/\S+$"
_HTTPS_URL = rf"^https://{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?/\S*$"

PATTERNS = {
    _NAME: "a name of lower case letters, digits and hyphens",
    _HOST_NAME: "a host name of lower case letters, digits, hyphens and dots",
    _ABSOLUTE_PATH: "an absolute path",
    _HTTPS_URL: "https://HOST/PATH",
}
"""What a string that matches a pattern of this module is called."""

Name: TypeAlias = Annotated[str, StringConstraints(pattern=_NAME, max_length=63)]
"""A name within the file: a lowercase RFC 1123 label."""

HostName: TypeAlias = Annotated[str, StringConstraints(pattern=_HOST_NAME, max_length=253)]
"""The name of a machine: a lowercase RFC 1123 subdomain."""

AbsolutePath: TypeAlias = Annotated[str, StringConstraints(pattern=_ABSOLUTE_PATH)]
HttpsUrl: TypeAlias = Annotated[str, StringConstraints(pattern=_HTTPS_URL)]


def is_literal_token(value: str) -> bool:
    """Whether a reference to a token is the token itself and not its name in the file."""
    return "." in value


def _check_token_value(value: str) -> str:
    try:
        BootstrapToken.parse(value)
    except TokenError:
        raise ValueError(
            "expected a bootstrap token, six and sixteen characters of a-z and 0-9 with a dot between, "
            f"found {shown(mask_token(value))}"
        ) from None
    return value


TokenValue: TypeAlias = Annotated[
    str,
    AfterValidator(_check_token_value),
    WithJsonSchema({"type": "string", "pattern": r"^[a-z0-9]{6}\.[a-z0-9]{16}$"}),
]
"""A bootstrap token, in full."""

TokenReference: TypeAlias = str
"""The name of a token of this file, or (with a dot in it) whatever a node is to use for one."""


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _check_scalar(value: object) -> bool | int | float | str:
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"expected a string, a number, true or false, found {shown(value)}")
    return value


_SCALAR_SCHEMA = {"type": ["string", "number", "boolean"]}

Scalars: TypeAlias = Annotated[
    tuple[Annotated[bool | int | float | str, PlainValidator(_check_scalar)], ...],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_SCALAR_SCHEMA, {"type": "array", "items": _SCALAR_SCHEMA}]}),
]
"""One plain value, or several."""

Strings: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One string, or several."""


def _read_pins(value: object) -> object:
    items = value if isinstance(value, list) else [value]
    if value == "none":
        return ()
    for item in items:
        if not isinstance(item, str) or (item != "cluster" and ":" not in item):
            hint = suggestion(item, ("cluster", "none")) if isinstance(item, str) else ""
            raise ValueError(
                f"expected cluster, none, a pin such as sha256:… or a list of pins, found {shown(item)}{hint}"
            )
    return tuple(items)


_PIN_SCHEMA = {"anyOf": [{"const": "cluster"}, {"type": "string", "pattern": ":"}]}

Pins: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(_read_pins),
    WithJsonSchema(
        {"anyOf": [{"const": "none"}, *_PIN_SCHEMA["anyOf"], {"type": "array", "items": _PIN_SCHEMA}]}
    ),
]
"""What a node pins: nothing (empty), the cluster's own keys (``cluster``), and pins as typed."""
