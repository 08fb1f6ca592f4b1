"""Deleting what is stored: one object, or all of a collection that a selector chooses.

What has finalizers is only marked; it goes with the last of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from joinsim.api import status
from joinsim.api.objects import NAMESPACES, JsonObject, Resource, items, mapping, name_of, namespace_of, text
from joinsim.controlplane.admission import Admission
from joinsim.controlplane.options import DeleteOptions, read_delete_options
from joinsim.controlplane.request_info import RequestInfo
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User
from joinsim.gofmt import rfc3339
from joinsim.wire import Request
from joinsim.world import Clock

__all__ = ["Deleter"]

Wrote: TypeAlias = Callable[[User, Resource, JsonObject, JsonObject | None], None]


class Deleter:
    """The deleting endpoints of one API server."""

    def __init__(self, store: Store, admission: Admission, clock: Clock, wrote: Wrote) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock
        self._wrote = wrote

    def delete(self, resource: Resource, info: RequestInfo, request: Request, user: User) -> JsonObject:
        """Remove an object. A Status says which; one that has finalizers comes back, marked."""
        options = self._options(resource, info, request)
        old = self._store.get(resource, info.name, info.namespace if resource.namespaced else "")
        if old is None:
            raise status.not_found(resource, info.name)
        return self._delete_one(resource, old, options, user) or _gone(resource, old)

    def delete_collection(
        self, resource: Resource, listed: JsonObject, info: RequestInfo, request: Request, user: User
    ) -> JsonObject:
        """Remove all that a list holds, and give it back."""
        options = self._options(resource, info, request)
        for each in items(listed, "items"):
            metadata = mapping(each, "metadata")
            namespace = text(metadata, "namespace")
            old = self._store.get(resource, text(metadata, "name"), namespace)
            if old is not None:
                self._delete_one(resource, old, options, user)
        return listed

    def _options(self, resource: Resource, info: RequestInfo, request: Request) -> DeleteOptions:
        if resource is NAMESPACES:
            raise status.not_supported("deletion of namespaces")
        return read_delete_options(info, request)

    def _delete_one(
        self, resource: Resource, old: JsonObject, options: DeleteOptions, user: User
    ) -> JsonObject | None:
        """Delete; the object where it is only marked, None where it is gone."""
        self._admission.before_validation(user, resource, None, old, "")
        _check_preconditions(resource, old, options.preconditions)
        marked = self._marked(old)
        if marked is not None:
            return marked if options.dry_run else self._mark(resource, marked, old, user)
        if not options.dry_run:
            self._store.delete(resource, name_of(old), namespace_of(old))
        return None

    def _marked(self, old: JsonObject) -> JsonObject | None:
        metadata = mapping(old, "metadata")
        if not metadata.get("finalizers"):
            return None
        now = rfc3339(self._clock.now())
        return {**old, "metadata": {"deletionTimestamp": now, "deletionGracePeriodSeconds": 0, **metadata}}

    def _mark(self, resource: Resource, marked: JsonObject, old: JsonObject, user: User) -> JsonObject:
        stored = self._store.update(resource, marked)
        self._wrote(user, resource, stored, old)
        return stored


def _gone(resource: Resource, old: JsonObject) -> JsonObject:
    details: JsonObject = {"name": name_of(old)}
    if resource.group:
        details["group"] = resource.group
    details |= {"kind": resource.plural, "uid": text(old, "metadata", "uid")}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


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
