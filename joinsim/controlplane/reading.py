"""Reading what is stored: get, list, watch.

Authentication and authorization have been by the time that a request comes here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import suppress

import trio

from joinsim.api import status
from joinsim.api.conforming import as_go_writes_it
from joinsim.api.objects import JsonObject, Resource, namespace_of
from joinsim.controlplane.chunks import Chunk, expired_list, read_chunk, whole_number
from joinsim.controlplane.list_options import check_list_options, check_watch_options
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
BOOKMARK_SECONDS = 60.0
_LAST_BOOKMARK_SECONDS = 2.0
WATCH_SECONDS_MIN, WATCH_SECONDS_MAX = 1800.0, 3600.0


class Reader:
    """The reading endpoints of one API server."""

    def __init__(self, store: Store, stream: Stream) -> None:
        self._store = store
        self._stream = stream

    @property
    def version(self) -> int:
        """The version of the newest write."""
        return self._store.version

    def get(self, resource: Resource, info: RequestInfo) -> JsonObject:
        """One object; 404 where it is not there."""
        found = self._store.get(resource, info.name, info.namespace if resource.namespaced else "")
        if found is None:
            raise status.not_found(resource, info.name)
        return found

    def list(self, resource: Resource, info: RequestInfo) -> JsonObject:
        """A collection, or a chunk of one, as the resource's list kind."""
        selects = read_selector(info, STRATEGIES[resource])
        check_list_options(info)
        chunk = read_chunk(info, self._check_version(info))
        version = self._store.version if chunk.version is None else chunk.version
        found = _found(self._store, resource, info.namespace, chunk)
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
        check_watch_options(info)
        since = self._check_version(info)
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
        bookmarks = info.flag("allowWatchBookmarks")
        with self._store.follow(resource) as changes:
            if info.flag("sendInitialEvents") if "sendInitialEvents" in info.query else not since:
                version = self._store.version
                for stored in self._store.all(resource, info.namespace):
                    if selects(stored):
                        yield WatchEvent("ADDED", stored)
                # A watch from no version, or from 0, counts as one that asks for initial events.
                if bookmarks:
                    yield WatchEvent("BOOKMARK", _bookmark(resource, version, initial=True))
            else:
                try:
                    missed = self._store.changes_after(since or self._store.version)
                except ApiError as error:
                    yield WatchEvent("ERROR", status.body(error))
                    return
                for past in missed:
                    for event in _events(past, resource, info.namespace, selects):
                        yield event
            bookmark_at = _next_bookmark(deadline) if bookmarks else deadline
            while trio.current_time() < deadline:
                change = await _next(changes, bookmark_at)
                if change is not None:
                    for event in _events(change, resource, info.namespace, selects):
                        yield event
                elif bookmark_at < deadline:
                    yield WatchEvent("BOOKMARK", _bookmark(resource, self._store.version))
                    bookmark_at = _next_bookmark(deadline)

    def _check_version(self, info: RequestInfo) -> int | None:
        asked = info.query.get("resourceVersion", "")
        if not asked:
            return None
        problem = ""
        if not re.fullmatch(r"[0-9]+", asked):
            problem = "invalid syntax"
        elif len(asked.lstrip("0")) > len(str(2**64)) or int(asked) >= 2**64:
            problem = "value out of range"
        if problem:
            raise status.bad_request(
                f"invalid resource version: resourceVersion: Invalid value: {quote(asked)}: "
                f"strconv.ParseUint: parsing {quote(asked)}: {problem}"
            )
        if int(asked) > self._store.version:
            raise status.too_large_resource_version(int(asked), self._store.version)
        return int(asked)


def _found(store: Store, resource: Resource, namespace: str, chunk: Chunk) -> list[JsonObject]:
    """All objects at the version that a chunk is of."""
    if chunk.version is None:
        return store.all(resource, namespace)
    if chunk.version > store.version:
        raise status.too_large_resource_version(chunk.version, store.version)
    try:
        return store.all_at(resource, namespace, chunk.version)
    except ApiError:
        raise expired_list(chunk) from None


def _events(change: Change, resource: Resource, namespace: str, selects: Selector) -> list[WatchEvent]:
    """What a watch with a selector shows of a change: nothing, or one event."""
    if change.resource != resource or (namespace and namespace_of(change.object) != namespace):
        return []
    was = change.previous is not None and selects(change.previous)
    now = change.type is not ChangeType.DELETED and selects(change.object)
    if now:
        return [WatchEvent("MODIFIED" if was else "ADDED", change.object)]
    return [WatchEvent("DELETED", change.object)] if was else []


async def _next(changes: trio.MemoryReceiveChannel[Change], until: float) -> Change | None:
    """The next change, or None at a moment before which there was none."""
    # What is waiting comes first: a bookmark says that all up to its version has been told.
    with suppress(trio.WouldBlock):
        return changes.receive_nowait()
    with trio.move_on_at(until):
        return await changes.receive()
    return None


def _next_bookmark(deadline: float) -> float:
    """When to tell of the version again: in a minute, or shortly before the watch ends."""
    now = trio.current_time()
    last = deadline - _LAST_BOOKMARK_SECONDS
    return min(now + BOOKMARK_SECONDS, last) if last > now else min(now + BOOKMARK_SECONDS, deadline)


def _bookmark(resource: Resource, version: int, *, initial: bool = False) -> JsonObject:
    metadata: JsonObject = {"resourceVersion": str(version)}
    if initial:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    named: JsonObject = {"kind": resource.kind, "apiVersion": resource.api_version}
    return as_go_writes_it(resource, {**named, "metadata": metadata})
