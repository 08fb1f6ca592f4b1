"""Writing what is stored: create, update, patch.

Authentication and authorization have been by the time that a request comes here. What
follows is in the API server's order: decode, look up, admit, prepare, validate, admit,
store; so the error that a client sees is the one that a real server would find first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from joinsim.api import status
from joinsim.api.conforming import MismatchError, as_go_writes_it, conform
from joinsim.api.message_types import type_name_of
from joinsim.api.objects import (
    NAMESPACES,
    NODES,
    JsonObject,
    Resource,
    encode_json,
    mapping,
    name_of,
    namespace_of,
    strings,
    text,
)
from joinsim.controlplane.admission import Admission
from joinsim.controlplane.options import Warn, decode_validated, is_dry_run, unknown_refused
from joinsim.controlplane.patching import check_patch_type, read_patch
from joinsim.controlplane.request_info import RequestInfo
from joinsim.controlplane.resources import STRATEGIES, Context
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User
from joinsim.errors import ApiError
from joinsim.gofmt import quote
from joinsim.wire import Request
from joinsim.world import Clock, Stream

__all__ = ["Writer"]

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
        """Store a new object, unless it is a dry run, and give it back."""
        dry_run = is_dry_run(info)
        strategy = STRATEGIES[resource]
        new = self._in_namespace(resource, info, decode_validated(resource, info, request, warn))
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
        stored = self._store.create(resource, as_go_writes_it(resource, new), dry_run=dry_run)
        if not dry_run:
            self._wrote(user, resource, stored, None)
        return stored

    def update(
        self, resource: Resource, info: RequestInfo, request: Request, user: User, warn: Warn
    ) -> JsonObject:
        """Replace an object, or what a subresource holds of it, and give it back."""
        new = self._in_namespace(resource, info, decode_validated(resource, info, request, warn))
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
        """Change an object by a patch and give it back."""
        check_patch_type(request)
        old = self._stored(resource, info)
        patch = read_patch(request)
        version = patch.resource_version
        if version and version != text(old, "metadata", "resourceVersion"):
            raise status.conflict(resource, info.name)
        changed = patch.apply(old)
        try:
            decoded = conform(type_name_of(resource.api_version, resource.kind), changed)
        except MismatchError as error:
            raise _unusable_patch(patch.shown or _as_text(changed), str(error)) from None
        refused = unknown_refused(info, decoded, warn)
        if refused:
            raise _unusable_patch(patch.shown or _as_text(changed), f"strict decoding error: {refused}")
        new = _with_metadata(decoded.content, _without_empty(mapping(decoded.content, "metadata")))
        if name_of(new) != info.name:
            raise status.bad_request(
                f"the name of the object ({name_of(new)}) does not match the name on the URL ({info.name})"
            )
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
        new = _still_being_deleted(new, old)
        new = strategy.prepare_update(new, old, info.subresource, self._context(user))
        strategy.refuse(
            new, [*_new_finalizers(new, old), *strategy.validate_update(new, old, info.subresource)]
        )
        self._admission.after_validation(user, resource, new, old, info.subresource)
        dry_run = is_dry_run(info)
        if mapping(new, "metadata").get("deletionTimestamp") and not mapping(new, "metadata").get(
            "finalizers"
        ):
            # What was marked for deletion goes with the last of its finalizers.
            return new if dry_run else self._store.delete(resource, name_of(new), namespace_of(new))
        stored = self._store.update(resource, new, dry_run=dry_run)
        if not dry_run:
            self._wrote(user, resource, stored, old)
        return stored

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


def _as_text(content: JsonObject) -> str:
    return encode_json(content).decode()


def _unusable_patch(shown: str, problem: str) -> ApiError:
    """What a patch made of an object is no object of its kind."""
    said = f"Invalid value: {quote(shown)}: {problem}"
    cause = {"reason": status.Cause.INVALID.value, "message": said, "field": "patch"}
    return ApiError(422, "Invalid", f' "" is invalid: patch: {said}', {"causes": [cause]})


def _with_metadata(new: JsonObject, metadata: JsonObject) -> JsonObject:
    return {**new, "metadata": metadata}


def _without_empty(metadata: JsonObject) -> JsonObject:
    """Metadata as the API server writes it: it has no field that is written when it is empty."""
    return {key: value for key, value in metadata.items() if value not in (None, "", [], {})}


def _without_deletion(metadata: JsonObject) -> JsonObject:
    """Nothing is created as being deleted, whatever the client says."""
    fields = ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
    return {key: value for key, value in metadata.items() if key not in fields}


def _still_being_deleted(new: JsonObject, old: JsonObject) -> JsonObject:
    """Nobody can mark an object for deletion by writing it, nor take the mark away."""
    kept = mapping(old, "metadata")
    if "deletionTimestamp" not in {**mapping(new, "metadata"), **kept}:
        return new
    marks: JsonObject = {
        key: kept[key] for key in ("deletionTimestamp", "deletionGracePeriodSeconds") if key in kept
    }
    return _with_metadata(new, {**_without_deletion(mapping(new, "metadata")), **marks})


def _new_finalizers(new: JsonObject, old: JsonObject) -> list[status.FieldProblem]:
    """What is being deleted must not be held up by something new."""
    if "deletionTimestamp" not in mapping(old, "metadata"):
        return []
    known = strings(old, "metadata", "finalizers")
    added = [each for each in strings(new, "metadata", "finalizers") if each not in known]
    if not added:
        return []
    said = "no new finalizers can be added if the object is being deleted, found new finalizers "
    listed = ", ".join(map(quote, added))
    problem = f"Forbidden: {said}[]string{{{listed}}}"
    return [status.FieldProblem("metadata.finalizers", status.Cause.FORBIDDEN, problem)]


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
