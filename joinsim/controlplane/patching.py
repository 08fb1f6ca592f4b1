"""Patches: what a client sends, and what it makes of an object.

Three kinds: JSON patch (RFC 6902), JSON merge patch (RFC 7386), and Kubernetes' strategic
merge patch, in which some lists are merged by a key of their items.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jsonpatch

from joinsim.api import status
from joinsim.api.objects import JsonObject, JsonValue, decode_json, mapping, text
from joinsim.controlplane.strategic_merge import strategic_merge
from joinsim.errors import ApiError
from joinsim.gofmt import go_value
from joinsim.wire import BODY_BYTES_MAX, Request

__all__ = ["Patch", "check_patch_type", "read_patch"]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
_APPLY = ("application/apply-patch+yaml", "application/apply-patch+cbor")
OPERATIONS_MAX = 10_000


@dataclass(frozen=True)
class Patch:
    """A patch: what it does, and the version that it says it changes (empty where it says nothing).

    ``shown`` is how a refusal shows it, empty where it shows what the patch would have made.
    """

    apply: Callable[[JsonObject], JsonObject]
    resource_version: str = ""
    shown: str = ""


def check_patch_type(request: Request) -> str:
    """The media type of a request's patch; 415 where it is none, 413 where there is too much of it."""
    if request.oversized:
        raise status.too_large(BODY_BYTES_MAX)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind in _APPLY:
        # Divergence: server-side apply is refused; clients apply on their side instead.
        raise status.not_supported(f"patches of type {kind}")
    if kind not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH):
        raise status.unsupported_patch_type()
    return kind


def read_patch(request: Request) -> Patch:
    """The patch in a request's body; 400, 413 or 415 where there is none that can be used."""
    kind = check_patch_type(request)
    try:
        body = decode_json(request.body)
    except (ValueError, RecursionError):
        raise status.bad_request("error decoding patch: invalid JSON document") from None
    if kind == JSON_PATCH:
        return Patch(_json_patch(body))
    if not isinstance(body, dict):
        raise status.bad_request("error decoding patch: json: cannot unmarshal into a map")
    version = text(body, "metadata", "resourceVersion")
    if kind == MERGE_PATCH:
        return Patch(lambda original: merge_patch(original, body), version)
    return Patch(lambda original: strategic_merge(original, body), version, go_value(body))


# --- JSON patch --------------------------------------------------------------------------


def _json_patch(body: JsonValue) -> Callable[[JsonObject], JsonObject]:
    operations = [each for each in body if isinstance(each, dict)] if isinstance(body, list) else None
    if not isinstance(body, list) or operations is None or len(operations) != len(body):
        raise status.bad_request("error decoding patch: json: cannot unmarshal into jsonpatch.Patch")
    if len(body) > OPERATIONS_MAX:
        raise ApiError(
            413,
            "RequestEntityTooLarge",
            f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(body)}",
            {},
        )

    def apply(original: JsonObject) -> JsonObject:
        try:
            changed: JsonValue = jsonpatch.JsonPatch(operations).apply(copy.deepcopy(original))
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError):
            raise ApiError(
                422, "Invalid", "the server rejected our request due to an error in our request", {}
            ) from None
        if not isinstance(changed, dict):
            raise ApiError(
                422, "Invalid", "the server rejected our request due to an error in our request", {}
            )
        return changed

    return apply


# --- merge patches -----------------------------------------------------------------------


def merge_patch(original: JsonObject, patch: Mapping[str, JsonValue]) -> JsonObject:
    """The object that a JSON merge patch makes of another: null removes, objects merge, all else replaces."""
    merged = {**original}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge_patch(mapping(merged, key), value)
        else:
            merged[key] = value
    return merged
