"""Reading what is stored: get, list, watch.

Authentication and authorization have been by the time that a request comes here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import trio

from joinsim.api import status
from joinsim.api.conforming import as_go_writes_it
from joinsim.api.objects import JsonObject, Resource, namespace_of
from joinsim.controlplane.chunks import read_chunk, whole_number
from joinsim.controlplane.request_info import RequestInfo
from joinsim.controlplane.resources import STRATEGIES
from joinsim.controlplane.selectors import Selector, read_selector
from joinsim.controlplane.store import Change, ChangeType, Store
from joinsim.errors import ApiError
from joinsim.gofmt import quote
from joinsim.wire import WatchEvent
from joinsim.world import Stream

__all__ = ["Reader"]

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
WATCH_SECONDS_MIN, WATCH_SECONDS_MAX = 1800.0, 3600.0


class Reader:
    """The reading endpoints of one API server."""

    def __init__(self, store: Store, stream: Stream) -> None:
        self._store = store
        self._stream = stream

    def get(self, resource: Resource, info: RequestInfo) -> JsonObject:
        """One object; 404 where it is not there."""
        found = self._store.get(resource, info.name, info.namespace if resource.namespaced else "")
        if found is None:
            raise status.not_found(resource, info.name)
        return found

    def list(self, resource: Resource, info: RequestInfo) -> JsonObject:
        """A collection, or a chunk of one, as the resource's list kind."""
        selects = read_selector(info, STRATEGIES[resource])
        chunk = read_chunk(info, self._check_version(info, "resourceVersion"))
        version = self._store.version if chunk.version is None else chunk.version
        if chunk.version is None:
            found = self._store.all(resource, info.namespace)
        else:
            found = self._store.all_at(resource, info.namespace, version)
        found, metadata = chunk.cut([stored for stored in found if selects(stored)], version, info)
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": metadata,
            "items": [
                {key: value for key, value in stored.items() if key not in ("kind", "apiVersion")}
                for stored in found
            ],
        }

    def watch(self, resource: Resource, info: RequestInfo) -> AsyncGenerator[WatchEvent, None]:
        """The events of a collection, until the watch's time is up."""
        strategy = STRATEGIES[resource]
        selects = read_selector(info, strategy)
        since = self._check_version(info, "resourceVersion")
        _check_initial_events(info)
        return self._events(resource, info, selects, since, self._watch_seconds(info))

    def _watch_seconds(self, info: RequestInfo) -> float:
        asked = whole_number(info, "timeoutSeconds")
        if asked > 0:
            return float(asked)
        return self._stream.uniform(WATCH_SECONDS_MIN, WATCH_SECONDS_MAX)

    async def _events(
        self,
        resource: Resource,
        info: RequestInfo,
        selects: Selector,
        since: int | None,
        seconds: float,
    ) -> AsyncGenerator[WatchEvent, None]:
        deadline = trio.current_time() + seconds
        with self._store.follow(resource) as changes:
            if info.flag("sendInitialEvents") if "sendInitialEvents" in info.query else not since:
                for stored in self._store.all(resource, info.namespace):
                    if selects(stored):
                        yield WatchEvent("ADDED", stored)
                # A watch from no version, or from 0, counts as one that asks for initial events.
                # Divergence: a real API server sends bookmarks every minute or so after this one.
                if info.flag("allowWatchBookmarks"):
                    yield WatchEvent("BOOKMARK", _bookmark(resource, self._store.version))
            else:
                try:
                    missed = self._store.changes_after(since or self._store.version)
                except ApiError as error:
                    yield WatchEvent("ERROR", status.body(error))
                    return
                for change in missed:
                    for event in _events(change, resource, info.namespace, selects):
                        yield event
            while True:
                change_or_none: Change | None = None
                with trio.move_on_at(deadline):
                    change_or_none = await changes.receive()
                if change_or_none is None:
                    return
                for event in _events(change_or_none, resource, info.namespace, selects):
                    yield event

    def _check_version(self, info: RequestInfo, parameter: str) -> int | None:
        asked = info.query.get(parameter, "")
        if not asked:
            return None
        if not re.fullmatch(r"[0-9]+", asked):
            raise status.bad_request(
                f"invalid resource version: resourceVersion: Invalid value: {quote(asked)}: "
                f"strconv.ParseUint: parsing {quote(asked)}: invalid syntax"
            )
        if int(asked) > self._store.version:
            raise status.too_large_resource_version(int(asked), self._store.version)
        return int(asked)


def _events(change: Change, resource: Resource, namespace: str, selects: Selector) -> list[WatchEvent]:
    """What a watch with a selector shows of a change: nothing, or one event."""
    if change.resource != resource or (namespace and namespace_of(change.object) != namespace):
        return []
    was = change.previous is not None and selects(change.previous)
    now = change.type is not ChangeType.DELETED and selects(change.object)
    if now:
        return [WatchEvent("MODIFIED" if was else "ADDED", change.object)]
    return [WatchEvent("DELETED", change.object)] if was else []


def _bookmark(resource: Resource, version: int) -> JsonObject:
    metadata: JsonObject = {"resourceVersion": str(version), "annotations": {INITIAL_EVENTS_END: "true"}}
    named: JsonObject = {"kind": resource.kind, "apiVersion": resource.api_version}
    return as_go_writes_it(resource, {**named, "metadata": metadata})


def _check_initial_events(info: RequestInfo) -> None:
    """The API server's rules for ``sendInitialEvents``; 422 where they are broken."""
    if "sendInitialEvents" not in info.query:
        if info.query.get("resourceVersionMatch"):
            raise _list_options_problem(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
        return
    if info.query.get("resourceVersionMatch") != "NotOlderThan":
        raise _list_options_problem(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )


def _list_options_problem(field: str, problem: str) -> ApiError:
    said = f"Forbidden: {problem}"
    cause = {"reason": status.Cause.FORBIDDEN.value, "message": said, "field": field}
    return ApiError(
        422,
        "Invalid",
        f'ListOptions.meta.k8s.io "" is invalid: {field}: {said}',
        {"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause]},
    )
