"""Lists in chunks: how many objects at a time, of which version, and where the next chunk begins.

A client that asks for a list with a ``limit`` is given a token to go on with. All chunks are of
the version of the first; once the history no longer reaches back to it, the token has expired,
and the refusal holds another with which to go on in what there is now.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
from dataclasses import dataclass

from joinsim.api import status
from joinsim.api.objects import JsonObject, JsonValue, name_of, namespace_of
from joinsim.controlplane.request_info import RequestInfo
from joinsim.errors import ApiError
from joinsim.gofmt import quote

__all__ = ["Chunk", "expired_list", "read_chunk", "whole_number"]

_TOKEN_VERSION = "meta.k8s.io/v1"
_NEWEST = -1
"""The version in a token that goes on in what there is now."""


@dataclass(frozen=True)
class Chunk:
    """What is asked of a list.

    ``version`` None is the newest; ``after`` is the place in the list from which on to give, in
    the manner of a token: ``/name`` in a namespace, ``/namespace/name`` in all of them.
    """

    limit: int
    version: int | None
    start: str = ""

    def cut(
        self, found: list[JsonObject], version: int, info: RequestInfo
    ) -> tuple[list[JsonObject], JsonObject]:
        """The objects of this chunk, and the list's metadata."""
        left = [stored for stored in found if _place(stored, info) >= self.start] if self.start else found
        metadata: JsonObject = {"resourceVersion": str(version)}
        if not 0 < self.limit < len(left):
            return left, metadata
        metadata["continue"] = _token(version, f"{_place(left[self.limit - 1], info)}\0")
        if not info.query.get("fieldSelector") and not info.query.get("labelSelector"):
            metadata["remainingItemCount"] = len(left) - self.limit
        return left[: self.limit], metadata


def read_chunk(info: RequestInfo, version: int | None) -> Chunk:
    """The chunk that a request for a list asks for; 400 where that makes no sense."""
    limit = whole_number(info, "limit")
    match = info.query.get("resourceVersionMatch", "")
    token = info.query.get("continue", "")
    if token:
        start, first_version = _read_token(token)
        if version:
            raise status.bad_request("specifying resource version is not allowed when using continue")
        return Chunk(limit, first_version if first_version > 0 else None, start)
    # With a limit and a version, the first chunk is of exactly that version.
    exact = match == "Exact" or (limit > 0 and bool(version) and not match)
    return Chunk(limit, version if exact else None)


def expired_list(chunk: Chunk) -> ApiError:
    """410 for a list of a version that the history no longer reaches back to."""
    if not chunk.start:
        return ApiError(410, "Expired", "The resourceVersion for the provided list is too old.")
    said = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new "
        "list without the continue parameter, or use the continue token in this response to retrieve the "
        "remainder of the results. Continuing with the provided token results in an inconsistent list - "
        "objects that were created, modified, or deleted between the time the first chunk was returned and "
        "now may show up in the list."
    )
    return ApiError(410, "Expired", said, metadata={"continue": _token(_NEWEST, chunk.start)})


def whole_number(info: RequestInfo, parameter: str) -> int:
    """A whole number of the query, 0 where there is none; 400 for anything else."""
    asked = info.query.get(parameter, "0")
    if not re.fullmatch(r"[-+]?[0-9]+", asked):
        raise status.bad_request(f"strconv.ParseInt: parsing {quote(asked)}: invalid syntax")
    if len(asked.lstrip("+-0")) > len(str(2**63)) or not -(2**63) <= int(asked) < 2**63:
        raise status.bad_request(f"strconv.ParseInt: parsing {quote(asked)}: value out of range")
    return int(asked)


def _place(stored: JsonObject, info: RequestInfo) -> str:
    """Where an object stands in the list that was asked for, as the storage's keys are ordered."""
    home = "" if info.namespace else namespace_of(stored)
    return f"/{home}/{name_of(stored)}" if home else f"/{name_of(stored)}"


# --- tokens ------------------------------------------------------------------------------


def _token(version: int, start: str) -> str:
    content = json.dumps({"v": _TOKEN_VERSION, "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[str, int]:
    """The place at which to go on, and the version of the first chunk."""
    content = _token_content(token)
    version, start, form = content.get("rv", 0), content.get("start", ""), content.get("v", "")
    if type(version) is not int or not isinstance(start, str) or not isinstance(form, str):
        raise _invalid_token(": json: cannot unmarshal into Go struct field continueToken")
    if form != _TOKEN_VERSION:
        raise _invalid_token(f": server does not recognize this encoded version {form}")
    if version == 0:
        raise _invalid_token(f": incorrect encoded start resourceVersion (version {_TOKEN_VERSION})")
    if not start:
        raise _invalid_token(f": encoded start key empty (version {_TOKEN_VERSION})")
    rooted = start if start.startswith("/") else f"/{start}"
    # Nobody may climb out of the collection that was asked for.
    if posixpath.normpath(rooted) != rooted:
        raise _invalid_token(f": {start}")
    return rooted, version


def _token_content(token: str) -> JsonObject:
    stray = re.search(r"[^A-Za-z0-9_-]", token)
    if stray or len(token) % 4 == 1:
        at = stray.start() if stray else len(token)
        raise _invalid_token(f": illegal base64 data at input byte {at}")
    try:
        packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        content: JsonValue = json.loads(packed)
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid_token(f": {_json_problem(packed)}") from None
    if not isinstance(content, dict):
        raise _invalid_token(": json: cannot unmarshal into Go value of type storage.continueToken")
    return content


def _json_problem(packed: bytes) -> str:
    try:
        json.loads(packed.decode("latin-1"))
    except json.JSONDecodeError as error:
        found = packed[error.pos : error.pos + 1]
        if found:
            shown = found.decode() if 32 <= found[0] < 127 else f"\\x{found[0]:02x}"
            return f"invalid character '{shown}' looking for beginning of value"
    except RecursionError:
        return "exceeded max depth"
    return "unexpected end of JSON input"


def _invalid_token(problem: str) -> ApiError:
    return status.bad_request(f"invalid continue token: continue key is not valid{problem}")
