"""ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from joinsim.api import status
from joinsim.api.objects import JsonObject, boolean, mapping, text, texts
from joinsim.api.status import Cause, FieldProblem
from joinsim.controlplane.resources.strategy import Context, Strategy
from joinsim.controlplane.validation import config_map_key_problem, invalid

__all__ = ["ConfigMapStrategy", "SecretStrategy"]

_IMMUTABLE = "field is immutable when `immutable` is set"


class ConfigMapStrategy(Strategy):
    """Keys are checked; an immutable ConfigMap keeps its data."""

    def validate_create(self, new: JsonObject) -> Sequence[FieldProblem]:
        return _key_problems(new)

    def validate_update(self, new: JsonObject, old: JsonObject, subresource: str) -> Sequence[FieldProblem]:
        return [*_immutable_problems(new, old), *_key_problems(new)]


class SecretStrategy(Strategy):
    """``stringData`` goes into ``data``, the type is set and then stays, values are base64."""

    selectable = {"type": lambda stored: text(stored, "type")}

    def prepare_create(self, new: JsonObject, context: Context) -> JsonObject:
        return {"type": "Opaque", **_merged(new)}

    def prepare_update(
        self, new: JsonObject, old: JsonObject, subresource: str, context: Context
    ) -> JsonObject:
        new = _merged(new)
        return new if text(new, "type") else {**new, "type": old["type"]}

    def validate_create(self, new: JsonObject) -> Sequence[FieldProblem]:
        return _key_problems(new)

    def validate_update(self, new: JsonObject, old: JsonObject, subresource: str) -> Sequence[FieldProblem]:
        problems = [*_immutable_problems(new, old), *_key_problems(new)]
        if text(new, "type") != text(old, "type"):
            problems.append(invalid("type", text(new, "type"), "field is immutable"))
        return problems


def _merged(new: JsonObject) -> JsonObject:
    plain = texts(new, "stringData")
    for value in mapping(new, "data").values():
        try:
            base64.b64decode(value if isinstance(value, str) else "", validate=True)
        except binascii.Error:
            raise status.bad_request(
                'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte '
                f"{_illegal_byte(str(value))}"
            ) from None
    if "stringData" not in new:
        return new
    encoded: JsonObject = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
    rest = {key: value for key, value in new.items() if key != "stringData"}
    return {**rest, "data": {**mapping(new, "data"), **encoded}}


def _illegal_byte(value: str) -> int:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
    position = next((index for index, letter in enumerate(value) if letter not in alphabet), len(value))
    return position if position < len(value) else len(value) - len(value) % 4


def _key_problems(new: JsonObject) -> list[FieldProblem]:
    keys = [*mapping(new, "data"), *mapping(new, "binaryData")]
    found = [(key, config_map_key_problem(key)) for key in keys]
    return [invalid(f"data[{key}]", key, problem) for key, problem in found if problem]


def _immutable_problems(new: JsonObject, old: JsonObject) -> list[FieldProblem]:
    if not boolean(old, "immutable"):
        return []
    changed = [field for field in ("data", "binaryData") if mapping(new, field) != mapping(old, field)]
    if not boolean(new, "immutable"):
        changed.insert(0, "immutable")
    return [FieldProblem(field, Cause.FORBIDDEN, f"Forbidden: {_IMMUTABLE}") for field in changed]
