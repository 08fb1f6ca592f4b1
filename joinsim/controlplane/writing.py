"""Writing what is stored: create, update, patch, delete.

Authentication and authorization have been by the time that a request comes here. What
follows is in the API server's order: decode, look up, admit, prepare, validate, admit,
store; so the error that a client sees is the one that a real server would find first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from joinsim.api import status
from joinsim.api.objects import NAMESPACES, NODES, JsonObject, Resource, mapping, name_of, namespace_of, text
from joinsim.controlplane.admission import Admission
from joinsim.controlplane.encoding import decode_object
from joinsim.controlplane.go_types import as_go_writes_it, unknown_fields
from joinsim.controlplane.patching import strategic_merge
from joinsim.controlplane.request_info import RequestInfo
from joinsim.controlplane.resources import STRATEGIES, Context
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User
from joinsim.errors import ApiError
from joinsim.gofmt import quote
from joinsim.wire import Request
from joinsim.world import Clock, Stream

__all__ = ["Writer"]

_PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/apply-patch+cbor",
)


Warn: TypeAlias = Callable[[str], None]
"""Told of what a client should know, though its request succeeds."""

Wrote: TypeAlias = Callable[[User, Resource, JsonObject, JsonObject | None], None]
"""Told of each object that was stored: by whom, of which kind, what it is and what it was."""


class Writer:
    """The writing endpoints of one API server."""

    def __init__(
        self, store: Store, admission: Admission, clock: Clock, stream: Stream, wrote: Wrote
    ) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock
        self._stream = stream
        self._wrote = wrote

    def _context(self, user: User) -> Context:
        return Context(user, self._clock, self._stream)

    def create(
        self, resource: Resource, info: RequestInfo, request: Request, user: User, warn: Warn
    ) -> JsonObject:
        """Store a new object and give it back."""
        _refuse_unsupported_options(info)
        strategy = STRATEGIES[resource]
        new = self._in_namespace(resource, info, _decoded(resource, info, request, warn))
        new = _with_metadata(new, _without_deletion(mapping(new, "metadata")))
        self._check_namespace_exists(resource, info)
        self._admission.before_validation(user, resource, new, None, "")
        context = self._context(user)
        new = strategy.prepare_create(new, context)
        new = strategy.name_created(new, context)
        strategy.refuse(new, [*strategy.check_name(new), *strategy.validate_create(new)])
        self._admission.after_validation(user, resource, new, None, "")
        if text(new, "metadata", "resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        stored = self._store.create(resource, as_go_writes_it(new))
        self._wrote(user, resource, stored, None)
        return stored

    def update(
        self, resource: Resource, info: RequestInfo, request: Request, user: User, warn: Warn
    ) -> JsonObject:
        """Replace an object, or what a subresource holds of it, and give it back."""
        _refuse_unsupported_options(info)
        new = self._in_namespace(resource, info, _decoded(resource, info, request, warn))
        if not name_of(new):
            raise status.bad_request(
                f"the name of the object ({info.name} based on URL) was undeterminable: name must be provided"
            )
        if name_of(new) != info.name:
            raise status.bad_request(
                f"the name of the object ({name_of(new)}) does not match the name on the URL ({info.name})"
            )
        old = self._stored(resource, info)
        strategy = STRATEGIES[resource]
        if not strategy.unconditional_update and not text(new, "metadata", "resourceVersion"):
            raise status.invalid(resource, info.name, [_version_missing()])
        wanted, uid = text(new, "metadata", "uid"), text(old, "metadata", "uid")
        if wanted and wanted != uid:
            raise status.conflict(resource, info.name, _wrong_uid(resource, old, wanted))
        return self._replace(resource, info, new, old, user)

    def patch(
        self, resource: Resource, info: RequestInfo, request: Request, user: User, warn: Warn
    ) -> JsonObject:
        """Change an object by a strategic merge patch and give it back."""
        _refuse_unsupported_options(info)
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind not in _PATCH_TYPES:
            raise status.unsupported_patch_type()
        if kind != "application/strategic-merge-patch+json":
            raise status.not_supported(f"patches of type {kind}")
        try:
            patch = json.loads(request.body)
        except (ValueError, RecursionError):
            raise status.bad_request("error decoding patch: invalid JSON document") from None
        if not isinstance(patch, dict):
            raise status.bad_request("error decoding patch: json: cannot unmarshal into a map")
        old = self._stored(resource, info)
        version = text(patch, "metadata", "resourceVersion")
        if version and version != text(old, "metadata", "resourceVersion"):
            raise status.conflict(resource, info.name)
        merged = strategic_merge(old, patch)
        unknown = _validated_fields(info, merged, warn)
        if unknown:
            raise status.not_supported(f"strict validation of patches ({', '.join(unknown)})")
        new = _with_metadata(merged, _without_empty(mapping(merged, "metadata")))
        return self._replace(resource, info, new, old, user)

    def _replace(
        self, resource: Resource, info: RequestInfo, new: JsonObject, old: JsonObject, user: User
    ) -> JsonObject:
        strategy = STRATEGIES[resource]
        self._admission.before_validation(user, resource, new, old, info.subresource)
        expected = text(new, "metadata", "resourceVersion")
        if expected and expected != text(old, "metadata", "resourceVersion"):
            raise status.conflict(resource, info.name)
        if info.subresource:
            # Divergence: of the metadata a subresource changes nothing; a real one lets labels through.
            new = _with_metadata(new, {**mapping(old, "metadata"), "resourceVersion": expected})
        new = strategy.prepare_update(new, old, info.subresource, self._context(user))
        strategy.refuse(new, strategy.validate_update(new, old, info.subresource))
        self._admission.after_validation(user, resource, new, old, info.subresource)
        stored = self._store.update(resource, new)
        self._wrote(user, resource, stored, old)
        return stored

    def delete(self, resource: Resource, info: RequestInfo, request: Request, user: User) -> JsonObject:
        """Remove an object; a Status says which."""
        _refuse_unsupported_options(info)
        if resource == NAMESPACES:
            raise status.not_supported("deletion of namespaces")
        options = _delete_options(request)
        old = self._stored(resource, info)
        self._admission.before_validation(user, resource, None, old, "")
        uid = text(old, "metadata", "uid")
        _check_preconditions(resource, old, mapping(options, "preconditions"))
        if mapping(old, "metadata").get("finalizers"):
            raise status.not_supported("deletion of objects with finalizers")
        self._store.delete(resource, info.name, info.namespace if resource.namespaced else "")
        details: JsonObject = {"name": info.name}
        if resource.group:
            details["group"] = resource.group
        details |= {"kind": resource.plural, "uid": uid}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }

    # --- shared --------------------------------------------------------------------------

    def _stored(self, resource: Resource, info: RequestInfo) -> JsonObject:
        found = self._store.get(resource, info.name, info.namespace if resource.namespaced else "")
        if found is None:
            raise status.not_found(resource, info.name)
        return found

    def _in_namespace(self, resource: Resource, info: RequestInfo, new: JsonObject) -> JsonObject:
        given = namespace_of(new)
        # Divergence: there are no managedFields; a real server keeps its own, whatever a client sends.
        metadata = _without_empty(mapping(new, "metadata"))
        metadata.pop("managedFields", None)
        if not resource.namespaced:
            metadata.pop("namespace", None)
        elif given and given != info.namespace:
            raise status.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        else:
            metadata["namespace"] = info.namespace
        return _with_metadata(new, metadata)

    def _check_namespace_exists(self, resource: Resource, info: RequestInfo) -> None:
        if resource.namespaced and self._store.get(NAMESPACES, info.namespace) is None:
            raise status.not_found(NAMESPACES, info.namespace)


def _refuse_unsupported_options(info: RequestInfo) -> None:
    if info.query.get("dryRun"):
        raise status.not_supported("dry run")


def _decoded(resource: Resource, info: RequestInfo, request: Request, warn: Warn) -> JsonObject:
    """The object in a request's body; unknown fields are warned of, refused (400), or passed over."""
    new = decode_object(request, resource)
    unknown = _validated_fields(info, new, warn)
    if unknown:
        kind = resource.kind
        raise status.bad_request(
            f"{kind} in version {quote(resource.version)} cannot be handled as a {kind}: "
            f"strict decoding error: {', '.join(unknown)}"
        )
    return new


def _validated_fields(info: RequestInfo, new: JsonObject, warn: Warn) -> list[str]:
    """Warn of the fields that the type does not have; those that are an error come back."""
    asked = info.query.get("fieldValidation") or "Warn"
    if asked == "Ignore":
        return []
    problems = [f"unknown field {quote(field)}" for field in unknown_fields(new)]
    if asked == "Strict":
        return problems
    for problem in problems:
        warn(problem)
    return []


def _with_metadata(new: JsonObject, metadata: JsonObject) -> JsonObject:
    return {**new, "metadata": metadata}


def _without_empty(metadata: JsonObject) -> JsonObject:
    """Metadata as the API server writes it: it has no field that is written when it is empty."""
    return {key: value for key, value in metadata.items() if value not in (None, "", [], {})}


def _without_deletion(metadata: JsonObject) -> JsonObject:
    """Nothing is created as being deleted, whatever the client says."""
    fields = ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
    return {key: value for key, value in metadata.items() if key not in fields}


def _version_missing() -> status.FieldProblem:
    return status.FieldProblem(
        "metadata.resourceVersion", status.Cause.INVALID, 'Invalid value: "": must be specified for an update'
    )


def _wrong_uid(resource: Resource, old: JsonObject, wanted: str) -> str:
    """Why an update that names another uid fails: the storage's own words, its key included."""
    # Nodes were once called minions, and in etcd they still are.
    plural = "minions" if resource == NODES else resource.plural
    home = f"/{namespace_of(old)}" if resource.namespaced else ""
    key = f"/registry/{plural}{home}/{name_of(old)}"
    return (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {text(old, 'metadata', 'uid')}"
    )


def _check_preconditions(resource: Resource, old: JsonObject, wanted: JsonObject) -> None:
    """What a deletion says must be so; 409, about the kind and not the resource, where it is not."""
    for field, shown, why in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        expected, found = text(wanted, field), text(old, "metadata", field)
        if field in wanted and expected != found:
            said = (
                f"the {shown} in the precondition ({expected}) does not match the {shown} in record "
                f"({found}). The object might have been {why}"
            )
            kind = replace(resource, plural=resource.kind)
            raise status.conflict(kind, name_of(old), said)


def _delete_options(request: Request) -> JsonObject:
    if not request.body.strip():
        return {}
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind != "application/json":
        raise status.not_supported(f"delete options in {kind}")
    try:
        options = json.loads(request.body)
    except (ValueError, RecursionError):
        raise status.bad_request("error decoding DeleteOptions: invalid JSON document") from None
    if not isinstance(options, dict):
        raise status.bad_request("error decoding DeleteOptions: invalid JSON document")
    for field in ("dryRun", "propagationPolicy", "orphanDependents"):
        if options.get(field) not in (None, [], "Background"):
            raise status.not_supported(f"delete option {field}")
    return options
