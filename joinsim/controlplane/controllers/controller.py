"""What controllers have in common: caches of collections, kept by watches.

Controllers see the cluster through informers, which they share as the controller
manager's do, and change it each through a client of its own. If a watch ends it is begun
again, and the cache is made good from what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import trio

from joinsim.api.objects import JsonObject, name_of, namespace_of
from joinsim.controlplane.loopback import Loopback
from joinsim.errors import ApiError

__all__ = ["Informer", "key_of"]

REWATCH_SECONDS = 1.0

Changed: TypeAlias = Callable[[JsonObject, bool], None]
"""Told of every change: the object as it is now, or, with the second argument true, as it last was."""


def key_of(stored: JsonObject) -> str:
    """``namespace/name``, or the name of what has no namespace."""
    namespace = namespace_of(stored)
    return f"{namespace}/{name_of(stored)}" if namespace else name_of(stored)


class Informer:
    """A cache of one collection by :func:`key_of`, kept by one watch for all who subscribe."""

    def __init__(self, client: Loopback, path: str) -> None:
        self.objects: dict[str, JsonObject] = {}
        self._client = client
        self._path = path
        self._subscribers: list[Changed] = []

    def subscribe(self, changed: Changed) -> None:
        """Have a function called for every object that is known and after every change."""
        self._subscribers.append(changed)
        for stored in self.objects.values():
            changed(stored, False)

    async def run(self) -> None:
        """Keep the cache until cancelled."""
        while True:
            # Forbidden, mostly: a controller whose role is gone tries for ever.
            with suppress(ApiError):
                await self._follow()
            await trio.sleep(REWATCH_SECONDS)

    async def _follow(self) -> None:
        before = dict(self.objects)
        async with self._client.watch(f"{self._path}?allowWatchBookmarks=true") as events:
            async for event in events:
                key = key_of(event.object)
                if event.type == "ERROR":
                    return
                if event.type == "BOOKMARK":
                    for missing in before:
                        self._forget(missing)
                    before = {}
                elif event.type == "DELETED":
                    self._forget(key)
                else:
                    before.pop(key, None)
                    self.objects[key] = event.object
                    self._tell(event.object, gone=False)

    def _forget(self, key: str) -> None:
        gone = self.objects.pop(key, None)
        if gone is not None:
            self._tell(gone, gone=True)

    def _tell(self, stored: JsonObject, *, gone: bool) -> None:
        for changed in self._subscribers:
            changed(stored, gone)
