"""Lists in chunks: how many objects at a time, of which version, and where the next chunk begins.

A client that asks for a list with a ``limit`` is given a token to go on with. All chunks are of
the version of the first; once the history no longer reaches back to it, the token has expired.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

from joinsim.api import status
from joinsim.api.objects import JsonObject, JsonValue, name_of, namespace_of
from joinsim.controlplane.request_info import RequestInfo
from joinsim.errors import ApiError
from joinsim.gofmt import quote

__all__ = ["Chunk", "read_chunk", "whole_number"]

_TOKEN_VERSION = "meta.k8s.io/v1"


@dataclass(frozen=True)
class Chunk:
    """What is asked of a list. ``version`` None is the newest; ``after`` is the last key that was given."""

    limit: int
    version: int | None
    after: str = ""

    def cut(
        self, found: list[JsonObject], version: int, info: RequestInfo
    ) -> tuple[list[JsonObject], JsonObject]:
        """The objects of this chunk, and the list's metadata."""
        left = [stored for stored in found if _key(stored) > self.after] if self.after else found
        metadata: JsonObject = {"resourceVersion": str(version)}
        if not 0 < self.limit < len(left):
            return left, metadata
        metadata["continue"] = _token(version, _key(left[self.limit - 1]))
        if not info.query.get("fieldSelector") and not info.query.get("labelSelector"):
            metadata["remainingItemCount"] = len(left) - self.limit
        return left[: self.limit], metadata


def read_chunk(info: RequestInfo, version: int | None) -> Chunk:
    """The chunk that a request for a list asks for; 400 or 422 where that makes no sense."""
    limit = whole_number(info, "limit")
    match = info.query.get("resourceVersionMatch", "")
    token = info.query.get("continue", "")
    if match and not info.query.get("resourceVersion"):
        raise _list_options("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match and token:
        raise _list_options("resourceVersionMatch is forbidden when continue is provided")
    if match == "Exact" and not version:
        raise _list_options('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    if match not in ("", "Exact", "NotOlderThan"):
        said = f'Unsupported value: {quote(match)}: supported values: "Exact", "NotOlderThan", ""'
        raise _list_options(said, status.Cause.NOT_SUPPORTED)
    if token:
        if version:
            raise status.bad_request("specifying resource version is not allowed when using continue")
        return Chunk(limit, *_read_token(token))
    # With a limit and a version, the first chunk is of exactly that version.
    exact = match == "Exact" or (limit > 0 and bool(version) and not match)
    return Chunk(limit, version if exact else None)


def whole_number(info: RequestInfo, parameter: str) -> int:
    """A whole number of the query, 0 where there is none; 400 for anything else."""
    asked = info.query.get(parameter, "0")
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", asked):
        raise status.bad_request(f"strconv.ParseInt: parsing {quote(asked)}: invalid syntax")
    return int(asked)


def _key(stored: JsonObject) -> str:
    return f"{namespace_of(stored)}/{name_of(stored)}"


def _token(version: int, key: str) -> str:
    content = json.dumps({"v": _TOKEN_VERSION, "rv": version, "start": f"{key}\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    padded = token + "=" * (-len(token) % 4)
    try:
        content: JsonValue = json.loads(base64.b64decode(padded.encode(), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid_token(token) from None
    if not isinstance(content, dict) or content.get("v") != _TOKEN_VERSION:
        raise _invalid_token(token)
    version, start = content.get("rv"), content.get("start")
    if type(version) is not int or version <= 0 or not isinstance(start, str) or not start:
        raise _invalid_token(token)
    return version, start.removesuffix("\0")


def _invalid_token(token: str) -> ApiError:
    return status.bad_request(f"invalid continue token: {token}")


def _list_options(problem: str, cause: status.Cause = status.Cause.FORBIDDEN) -> ApiError:
    said = f"Forbidden: {problem}" if cause is status.Cause.FORBIDDEN else problem
    field = "resourceVersionMatch"
    return ApiError(
        422,
        "Invalid",
        f'ListOptions.meta.k8s.io "" is invalid: {field}: {said}',
        {
            "group": "meta.k8s.io",
            "kind": "ListOptions",
            "causes": [{"reason": cause.value, "message": said, "field": field}],
        },
    )
