"""The objects of a cluster, their versions, and the history of their changes.

One counter runs through the whole store, as etcd's revision does: each write takes the
next number, which becomes the object's ``resourceVersion``. Stored objects are never
changed in place; whoever needs a changed one makes a copy.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import trio

from joinsim.api import status
from joinsim.api.conforming import as_go_writes_it
from joinsim.api.objects import JsonObject, Resource, mapping, name_of, namespace_of, new_uid, text
from joinsim.gofmt import rfc3339
from joinsim.world import Clock, Stream

__all__ = ["Change", "ChangeType", "Store"]

HISTORY_LENGTH = 1000
"""How many changes a watch can go back."""


class ChangeType(StrEnum):
    """What a change did, in the words of a watch."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True)
class Change:
    """One write: its version, what it did, and the object after and before it."""

    version: int
    type: ChangeType
    resource: Resource
    object: JsonObject = dataclasses.field(repr=False)
    previous: JsonObject | None = dataclasses.field(repr=False)


class Store:
    """Objects by resource, namespace and name."""

    def __init__(self, clock: Clock, stream: Stream, *, history_length: int = HISTORY_LENGTH) -> None:
        self.version = 0
        self._clock = clock
        self._stream = stream
        self._objects: dict[Resource, dict[tuple[str, str], JsonObject]] = {}
        self._history: deque[Change] = deque(maxlen=history_length)
        self._followers: list[tuple[Resource, trio.MemorySendChannel[Change]]] = []
        self._changed_at: dict[Resource, int] = {}

    def get(self, resource: Resource, name: str, namespace: str = "") -> JsonObject | None:
        """The object, or None."""
        return self._objects.get(resource, {}).get((namespace, name))

    def all(self, resource: Resource, namespace: str = "") -> list[JsonObject]:
        """All objects of a resource, of one namespace or of all, in the order of etcd's keys."""
        found = sorted(self._objects.get(resource, {}).items(), key=lambda entry: "/".join(entry[0]))
        return [stored for (home, _), stored in found if namespace in ("", home)]

    def all_at(self, resource: Resource, namespace: str, version: int) -> list[JsonObject]:
        """All objects as they were at a version; 410 where the history no longer reaches back to it."""
        found = {(namespace_of(each), name_of(each)): each for each in self.all(resource, namespace)}
        for change in reversed(self.changes_after(version)):
            if change.resource != resource or namespace not in ("", namespace_of(change.object)):
                continue
            key = (namespace_of(change.object), name_of(change.object))
            if change.previous is None:
                found.pop(key, None)
            else:
                found[key] = change.previous
        return [found[key] for key in sorted(found, key="/".join)]

    def fill(self, objects: Iterable[tuple[Resource, JsonObject]], created: datetime) -> None:
        """Store many objects at one moment, before anybody could have asked or watched.

        They are taken as they are, and are no changes that a watch could begin before.
        """
        stamp = rfc3339(created)
        for resource, new in objects:
            self.version += 1
            given = mapping(new, "metadata")
            name, namespace = str(given["name"]), str(given.get("namespace", ""))
            metadata: JsonObject = {"name": name}
            if namespace:
                metadata["namespace"] = namespace
            metadata["uid"] = new_uid(self._stream.bytes)
            metadata["resourceVersion"] = str(self.version)
            metadata["creationTimestamp"] = stamp
            stored = {**new, "metadata": {**metadata, **given}}
            self._objects.setdefault(resource, {})[namespace, name] = stored
            self._changed_at[resource] = self.version

    def create(
        self,
        resource: Resource,
        new: JsonObject,
        created: datetime | None = None,
        *,
        dry_run: bool = False,
    ) -> JsonObject:
        """Store an object that is not there yet, with uid, version and creation time; 409 if it is.

        ``created`` spares whoever stores many things at one moment a look at the clock for each.
        A dry run stores nothing, and its object has no version.
        """
        key = (namespace_of(new), name_of(new))
        if key in self._objects.get(resource, {}):
            raise status.already_exists(resource, key[1])
        given = mapping(new, "metadata")
        metadata: JsonObject = {"name": key[1]}
        if "generateName" in given:
            metadata["generateName"] = given["generateName"]
        if key[0]:
            metadata["namespace"] = key[0]
        metadata["uid"] = new_uid(self._stream.bytes)
        if not dry_run:
            metadata["resourceVersion"] = str(self.version + 1)
        metadata["creationTimestamp"] = rfc3339(created or self._clock.now())
        # The server's own fields come first and win over what was sent.
        new = {**new, "metadata": {**metadata, **given, **metadata}}
        return new if dry_run else self._commit(ChangeType.ADDED, resource, key, new, None)

    def update(self, resource: Resource, new: JsonObject, *, dry_run: bool = False) -> JsonObject:
        """Replace an object; 404 if it is gone.

        A ``resourceVersion`` in ``new`` must be the stored one (409 otherwise). Nothing is
        written where nothing changes, or in a dry run.
        """
        key = (namespace_of(new), name_of(new))
        old = self.get(resource, key[1], key[0])
        if old is None:
            raise status.not_found(resource, key[1])
        expected = text(new, "metadata", "resourceVersion")
        if expected and expected != text(old, "metadata", "resourceVersion"):
            raise status.conflict(resource, key[1])
        kept = mapping(old, "metadata")
        metadata = {**mapping(new, "metadata")}
        for field in ("uid", "creationTimestamp", "resourceVersion"):
            if field in kept:
                metadata[field] = kept[field]
        new = as_go_writes_it(resource, {**new, "metadata": metadata})
        if new == old or dry_run:
            return new
        new["metadata"] = {**mapping(new, "metadata"), "resourceVersion": str(self.version + 1)}
        return self._commit(ChangeType.MODIFIED, resource, key, new, old)

    def delete(self, resource: Resource, name: str, namespace: str = "") -> JsonObject:
        """Remove an object and give back what it was; 404 if it is gone."""
        old = self.get(resource, name, namespace)
        if old is None:
            raise status.not_found(resource, name)
        metadata = {**mapping(old, "metadata"), "resourceVersion": str(self.version + 1)}
        last = {**old, "metadata": metadata}
        return self._commit(ChangeType.DELETED, resource, (namespace, name), last, old)

    def _commit(
        self,
        kind: ChangeType,
        resource: Resource,
        key: tuple[str, str],
        new: JsonObject,
        previous: JsonObject | None,
    ) -> JsonObject:
        self.version += 1
        self._changed_at[resource] = self.version
        if kind is ChangeType.DELETED:
            del self._objects[resource][key]
        else:
            self._objects.setdefault(resource, {})[key] = new
        change = Change(self.version, kind, resource, new, previous)
        self._history.append(change)
        for wanted, channel in self._followers:
            if wanted == resource:
                channel.send_nowait(change)
        return new

    def changed_at(self, resource: Resource) -> int:
        """The version of the last change to any object of a resource; 0 before the first."""
        return self._changed_at.get(resource, 0)

    def changes_after(self, version: int) -> list[Change]:
        """The changes later than a version; 410 where the history no longer reaches back to it."""
        oldest = self._history[0].version if self._history else self.version + 1
        if version + 1 < oldest:
            raise status.expired(version, oldest - 1)
        return [change for change in self._history if change.version > version]

    @contextmanager
    def follow(self, resource: Resource) -> Iterator[trio.MemoryReceiveChannel[Change]]:
        """Receive every change of a resource from now on, in order, for the length of a block."""
        send, receive = trio.open_memory_channel[Change](math.inf)
        entry = (resource, send)
        self._followers.append(entry)
        try:
            yield receive
        finally:
            self._followers.remove(entry)
            receive.close()
