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
    "label_value_problem",
    "path_segment_problem",
    "qualified_name_problem",
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

_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_VALUE = rf"({_NAME})?"
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
    f"validation is '{_VALUE}')"
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


def qualified_name_problem(name: str) -> str:
    """Why a label's or annotation's key is none (``example.com/name``), or the empty string."""
    prefix, slash, short = name.rpartition("/")
    if "/" in prefix:
        return (
            f"a qualified name {_NAME_TEXT} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        )
    if slash and not prefix:
        return "prefix part must be non-empty"
    problem = dns1123_subdomain_problem(prefix) if prefix else ""
    if problem:
        return f"prefix part {problem}"
    if not short:
        return "name part must be non-empty"
    if len(short) > 63:
        return "name part must be no more than 63 characters"
    return "" if re.fullmatch(_NAME, short) else f"name part {_NAME_TEXT}"


def label_value_problem(value: str) -> str:
    """Why a label cannot have this value, or the empty string."""
    if len(value) > 63:
        return "must be no more than 63 characters"
    return "" if re.fullmatch(_VALUE, value) else _VALUE_TEXT


def required(field: str, message: str = "") -> FieldProblem:
    """A field that must be there is not."""
    return FieldProblem(field, Cause.REQUIRED, f"Required value: {message}" if message else "Required value")


def invalid(field: str, value: str, message: str) -> FieldProblem:
    """A field's value is wrong; the value is shown quoted."""
    return FieldProblem(field, Cause.INVALID, f"Invalid value: {quote(value)}: {message}")
