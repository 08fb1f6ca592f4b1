"""The rules that names and other common fields must keep, and the words that say so."""

from __future__ import annotations

import re

from joinsim.api.status import Cause, FieldProblem
from joinsim.gofmt import quote

__all__ = [
    "config_map_key_problem",
    "dns1123_label_problem",
    "dns1123_subdomain_problem",
    "invalid",
    "path_segment_problem",
    "required",
]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_KEY = r"[-._a-zA-Z0-9]+"

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{_LABEL}(\.{_LABEL})*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
    f"end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    f"'KEY_NAME',  or 'key-name', regex used for validation is '{_KEY}')"
)


def dns1123_subdomain_problem(name: str) -> str:
    """Why a name is no DNS subdomain (RFC 1123), or the empty string."""
    if len(name) > 253:
        return "must be no more than 253 characters"
    return "" if re.fullmatch(_SUBDOMAIN, name) else _SUBDOMAIN_TEXT


def dns1123_label_problem(name: str) -> str:
    """Why a name is no DNS label (RFC 1123), or the empty string."""
    if len(name) > 63:
        return "must be no more than 63 characters"
    return "" if re.fullmatch(_LABEL, name) else _LABEL_TEXT


def path_segment_problem(name: str) -> str:
    """Why a name cannot stand in a URL path, or the empty string."""
    if name in (".", ".."):
        return f"may not be '{name}'"
    for illegal in ("/", "%"):
        if illegal in name:
            return f"may not contain '{illegal}'"
    return ""


def config_map_key_problem(key: str) -> str:
    """Why a key cannot stand in a ConfigMap's or Secret's data, or the empty string."""
    if len(key) > 253:
        return "must be no more than 253 characters"
    if not re.fullmatch(_KEY, key):
        return _KEY_TEXT
    if key in (".", "..") or key.startswith(".."):
        return f"must not be '{key}'" if key in (".", "..") else "must not start with '..'"
    return ""


def required(field: str, message: str = "") -> FieldProblem:
    """A field that must be there is not."""
    return FieldProblem(field, Cause.REQUIRED, f"Required value: {message}" if message else "Required value")


def invalid(field: str, value: str, message: str) -> FieldProblem:
    """A field's value is wrong; the value is shown quoted."""
    return FieldProblem(field, Cause.INVALID, f"Invalid value: {quote(value)}: {message}")
