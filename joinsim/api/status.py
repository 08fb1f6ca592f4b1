"""The ``Status`` bodies with which an API server refuses, and how clients read them.

Each maker gives an :class:`~joinsim.errors.ApiError` with the code, reason, message
and details that Kubernetes 1.36 sends; :func:`body` turns one into the object on the
wire, :func:`from_body` turns what came back over the wire into one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from joinsim.api.objects import JsonObject, JsonValue, Resource, decode_json, items, mapping, text
from joinsim.errors import ApiError
from joinsim.gofmt import quote

__all__ = [
    "Cause",
    "FieldProblem",
    "already_exists",
    "bad_request",
    "body",
    "conflict",
    "expired",
    "forbidden",
    "from_body",
    "invalid",
    "method_not_allowed",
    "no_such_path",
    "no_such_resource",
    "not_acceptable",
    "not_found",
    "not_supported",
    "too_large",
    "too_large_resource_version",
    "unauthorized",
    "unsupported_media_type",
    "unsupported_patch_type",
]

MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


class Cause(StrEnum):
    """What kind of mistake a field has (``StatusCause.reason``)."""

    INVALID = "FieldValueInvalid"
    REQUIRED = "FieldValueRequired"
    NOT_SUPPORTED = "FieldValueNotSupported"
    DUPLICATE = "FieldValueDuplicate"
    FORBIDDEN = "FieldValueForbidden"
    TOO_LONG = "FieldValueTooLong"


@dataclass(frozen=True)
class FieldProblem:
    """One mistake that validation found: which field, what kind, in which words."""

    field: str
    cause: Cause
    message: str


def _details(resource: Resource, name: str, kind: str) -> dict[str, object]:
    details: dict[str, object] = {}
    if name:
        details["name"] = name
    if resource.group:
        details["group"] = resource.group
    details["kind"] = kind
    return details


def unauthorized() -> ApiError:
    """401: credentials were presented and none was accepted."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, problem: str) -> ApiError:
    """403 for a resource; ``problem`` is what stands after ``is forbidden:``."""
    subject = f"{resource.qualified} {quote(name)}" if name else resource.qualified
    return ApiError(
        403,
        "Forbidden",
        f"{subject} is forbidden: {problem}",
        _details(resource, name, resource.plural),
    )


def not_found(resource: Resource, name: str) -> ApiError:
    """404: the object is not there."""
    message = f"{resource.qualified} {quote(name)} not found"
    return ApiError(404, "NotFound", message, _details(resource, name, resource.plural))


def no_such_resource() -> ApiError:
    """404: the group version is served and has no such resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def no_such_path(user: str, verb: str, path: str) -> ApiError:
    """403 for a path that is no resource."""
    return ApiError(403, "Forbidden", f"forbidden: User {quote(user)} cannot {verb} path {quote(path)}", {})


def method_not_allowed() -> ApiError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def not_acceptable() -> ApiError:
    """406: no media type that the client accepts is one that the server writes."""
    message = f"406: Not Acceptable\n\nAvailable representations: {MEDIA_TYPES}"
    return ApiError(406, "NotAcceptable", message, {})


def already_exists(resource: Resource, name: str) -> ApiError:
    """409 on create."""
    message = f"{resource.qualified} {quote(name)} already exists"
    return ApiError(409, "AlreadyExists", message, _details(resource, name, resource.plural))


def conflict(resource: Resource, name: str, problem: str = "") -> ApiError:
    """409 on update: the object has changed since it was read (or what ``problem`` says)."""
    problem = problem or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f"Operation cannot be fulfilled on {resource.qualified} {quote(name)}: {problem}"
    return ApiError(409, "Conflict", message, _details(resource, name, resource.plural))


def expired(requested: int, oldest: int) -> ApiError:
    """410: a watch from before the history that is kept."""
    return ApiError(410, "Expired", f"too old resource version: {requested} ({oldest})")


def too_large_resource_version(requested: int, current: int) -> ApiError:
    """504: a read at a resourceVersion that the server has not reached."""
    message = f"Timeout: Too large resource version: {requested}, current: {current}"
    cause: JsonObject = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def too_large(limit_bytes: int) -> ApiError:
    """413: the body is longer than the server reads."""
    message = f"Request entity too large: limit is {limit_bytes}"
    return ApiError(413, "RequestEntityTooLarge", message)


def unsupported_media_type() -> ApiError:
    """415 for a body."""
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {MEDIA_TYPES}"
    )
    return ApiError(415, "UnsupportedMediaType", message)


def unsupported_patch_type() -> ApiError:
    """415 for a patch whose Content-Type is no patch type."""
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def invalid(resource: Resource, name: str, problems: Sequence[FieldProblem]) -> ApiError:
    """422: validation refused; several problems are listed in brackets."""
    assert problems
    said = list(dict.fromkeys(f"{problem.field}: {problem.message}" for problem in problems))
    told = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    details = _details(resource, name, resource.kind)
    details["causes"] = [
        {"reason": problem.cause.value, "message": problem.message, "field": problem.field}
        for problem in problems
    ]
    message = f"{resource.qualified_kind} {quote(name)} is invalid: {told}"
    return ApiError(422, "Invalid", message, details)


def not_supported(what: str) -> ApiError:
    """501: Kubernetes can do it, this control plane cannot; better said than answered wrongly."""
    # Divergence: what is not supported is answered with 501, which a real API server never sends.
    return ApiError(501, "NotImplemented", f"not supported by joinsim's control plane: {what}", {})


def body(error: ApiError) -> JsonObject:
    """The Status object of an error, its fields in Kubernetes' order."""
    status: JsonObject = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": _plain(error.metadata),
        "status": "Failure",
        "message": error.message,
    }
    if error.reason:
        status["reason"] = error.reason
    if error.details is not None:
        status["details"] = _plain(error.details)
    status["code"] = error.code
    return status


def _plain(value: Mapping[str, object]) -> JsonValue:
    if not value:
        return {}
    plain: JsonValue = json.loads(json.dumps(dict(value)))
    return plain


def from_body(code: int, content: bytes) -> ApiError:
    """Read an answer of failure as client-go does.

    A body that is no Status gives the generic text for its code.
    """
    try:
        status = decode_json(content)
    except (ValueError, RecursionError):
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        details = mapping(status, "details")
        causes = items(details, "causes")
        kept: dict[str, object] | None = {**details, "causes": causes} if causes else dict(details)
        return ApiError(
            code,
            text(status, "reason"),
            text(status, "message"),
            kept if "details" in status else None,
        )
    if code == 404:
        return ApiError(404, "NotFound", "the server could not find the requested resource")
    said = content.decode("utf-8", "replace").strip()
    return ApiError(
        code, "", f"an error on the server ({quote(said)}) has prevented the request from succeeding"
    )
