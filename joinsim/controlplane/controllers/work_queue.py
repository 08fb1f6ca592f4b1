"""The queue between a controller's watch and its worker.

A key that waits is queued once however often it is added; one that is added while it is
being worked on comes again afterwards. Retries wait twice as long each time, until the
key is forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

import trio

__all__ = ["WorkQueue"]

KeyT = TypeVar("KeyT", bound=Hashable)


class WorkQueue(Generic[KeyT]):
    """Keys to be worked on, in the order in which they came."""

    def __init__(
        self, nursery: trio.Nursery, *, retry_seconds: float = 0.2, retry_seconds_max: float = 1000.0
    ):
        self._nursery = nursery
        self._retry_seconds = retry_seconds
        self._retry_seconds_max = retry_seconds_max
        self._ready: deque[KeyT] = deque()
        self._active: set[KeyT] = set()
        self._again: set[KeyT] = set()
        self._failures: dict[KeyT, int] = {}
        self._news = trio.Event()

    def add(self, key: KeyT) -> None:
        """Queue a key."""
        if key in self._active:
            self._again.add(key)
        elif key not in self._ready:
            self._ready.append(key)
            self._news.set()

    def add_after(self, key: KeyT, seconds: float) -> None:
        """Queue a key when some time has passed."""
        self._nursery.start_soon(self._add_later, key, seconds)

    async def _add_later(self, key: KeyT, seconds: float) -> None:
        await trio.sleep(max(0.0, seconds))
        self.add(key)

    def retry(self, key: KeyT) -> None:
        """Queue a key that failed, after a pause that doubles with each failure."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(self._retry_seconds * 2**failures, self._retry_seconds_max))

    def forget(self, key: KeyT) -> None:
        """Start from the shortest pause again when the key next fails."""
        self._failures.pop(key, None)

    async def get(self) -> KeyT:
        """The next key; :meth:`done` must follow."""
        while not self._ready:
            self._news = trio.Event()
            await self._news.wait()
        key = self._ready.popleft()
        self._active.add(key)
        return key

    def done(self, key: KeyT) -> None:
        """The key has been worked on."""
        self._active.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
