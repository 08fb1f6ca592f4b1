"""What a request asks for besides its object: dry runs, how unknown fields are treated, how to delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from joinsim.api import status
from joinsim.api.conforming import Conformed, MismatchError, conform
from joinsim.api.objects import JsonObject, Resource, mapping, strings, text
from joinsim.controlplane.encoding import decode_body, decode_object
from joinsim.controlplane.request_info import RequestInfo
from joinsim.errors import ApiError
from joinsim.gofmt import quote
from joinsim.wire import Request

__all__ = [
    "DeleteOptions",
    "Warn",
    "decode_validated",
    "is_dry_run",
    "read_delete_options",
    "unknown_refused",
]

Warn: TypeAlias = Callable[[str], None]
"""Told of what a client should know, though its request succeeds."""

_OPTIONS = {
    "create": "CreateOptions",
    "update": "UpdateOptions",
    "patch": "PatchOptions",
    "delete": "DeleteOptions",
}
_VALIDATIONS = ("Ignore", "Strict", "Warn")
_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True)
class DeleteOptions:
    """How something is to be deleted."""

    preconditions: JsonObject
    dry_run: bool


# --- dry runs ----------------------------------------------------------------------------


def is_dry_run(info: RequestInfo) -> bool:
    """Whether nothing is to be stored; 422 for a ``dryRun`` that is not ``All``."""
    return _check_dry_run(info.query.get("dryRun", "").split(","), _OPTIONS.get(info.verb, "DeleteOptions"))


def _check_dry_run(asked: Sequence[str], options: str) -> bool:
    given = [each for each in asked if each]
    if set(given) - {"All"}:
        raise _unsupported(options, "dryRun", f"[]string{{{', '.join(map(quote, given))}}}", ["All"])
    return bool(given)


def _unsupported(options: str, field: str, shown: str, supported: Sequence[str]) -> ApiError:
    said = f"Unsupported value: {shown}: supported values: {', '.join(map(quote, supported))}"
    return _invalid(options, field, status.Cause.NOT_SUPPORTED, said)


def _invalid(options: str, field: str, why: status.Cause, said: str) -> ApiError:
    cause = {"reason": why.value, "message": said, "field": field}
    return ApiError(
        422,
        "Invalid",
        f'{options}.meta.k8s.io "" is invalid: {field}: {said}',
        {"group": "meta.k8s.io", "kind": options, "causes": [cause]},
    )


# --- unknown fields ----------------------------------------------------------------------


def decode_validated(resource: Resource, info: RequestInfo, request: Request, warn: Warn) -> JsonObject:
    """The object in a request's body; unknown fields are warned of, refused (400), or passed over."""
    decoded = decode_object(request, resource)
    refused = unknown_refused(info, decoded, warn)
    if refused:
        kind = resource.kind
        raise status.bad_request(
            f"{kind} in version {quote(resource.version)} cannot be handled as a {kind}: "
            f"strict decoding error: {refused}"
        )
    return decoded.content


def unknown_refused(info: RequestInfo, decoded: Conformed, warn: Warn) -> str:
    """Warn of the fields that the type does not have; where they are an error, its text."""
    asked = info.query.get("fieldValidation") or "Warn"
    if asked not in _VALIDATIONS:
        raise _unsupported(_OPTIONS[info.verb], "fieldValidation", quote(asked), ["", *_VALIDATIONS])
    problems = [f"unknown field {quote(field)}" for field in decoded.unknown]
    if asked == "Warn":
        for problem in problems:
            warn(problem)
    return ", ".join(problems) if asked == "Strict" else ""


# --- deletion ----------------------------------------------------------------------------


def read_delete_options(info: RequestInfo, request: Request) -> DeleteOptions:
    """The options of a DELETE, in its body or its query."""
    if request.body:
        content = decode_body(request, "DeleteOptions")
        kind = text(content, "kind")
        if kind not in ("", "DeleteOptions"):
            raise status.bad_request(f'invalid object type "{kind}" in the body of a DELETE')
        try:
            content = conform(
                "meta.v1.DeleteOptions",
                {key: content[key] for key in content if key not in ("kind", "apiVersion")},
            ).content
        except MismatchError as error:
            raise status.bad_request(
                f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {error}'
            ) from None
        dry_run = _check_dry_run(strings(content, "dryRun"), "DeleteOptions")
    else:
        # Options in the query count only where there are none in the body.
        policy = info.query.get("propagationPolicy")
        content = {"propagationPolicy": policy} if policy else {}
        if "orphanDependents" in info.query:
            content["orphanDependents"] = info.flag("orphanDependents")
        dry_run = _check_dry_run(info.query.get("dryRun", "").split(","), "DeleteOptions")
    _check_propagation(content)
    return DeleteOptions(mapping(content, "preconditions"), dry_run)


def _check_propagation(content: JsonObject) -> None:
    """What is to become of the dependents of what is deleted."""
    policy, orphans = text(content, "propagationPolicy"), content.get("orphanDependents")
    if policy and orphans is not None:
        said = f"Invalid value: {quote(policy)}: orphanDependents and deletionPropagation cannot be both set"
        raise _invalid("DeleteOptions", "propagationPolicy", status.Cause.INVALID, said)
    if policy and policy not in _POLICIES:
        raise _unsupported("DeleteOptions", "propagationPolicy", quote(policy), [*_POLICIES, "nil"])
    if policy in ("Foreground", "Orphan") or orphans:
        raise status.not_supported(f"the propagation policy {policy or 'Orphan'}")
