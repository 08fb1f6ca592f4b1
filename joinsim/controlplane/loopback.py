"""How the control plane's own parts talk to its API server: past the network, not past its rules.

A controller's requests go through authorization, admission and validation like anyone's,
under the controller's own identity, and at the pace that its client-side rate limit
allows. Only the bytes on a wire are left out.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast

import trio

from joinsim.api.objects import JsonObject, encode_json, mapping, text
from joinsim.api.status import from_body
from joinsim.controlplane.apiserver import ApiServer
from joinsim.controlplane.users import User
from joinsim.wire import Headers, Request, WatchEvent

__all__ = ["Loopback", "TokenBucket"]

QPS, BURST = 20.0, 30
"""The controller manager's ``--kube-api-qps`` and ``--kube-api-burst``, per client."""


class TokenBucket:
    """A client-side rate limit: ``burst`` requests at once, ``qps`` a second after that."""

    def __init__(self, qps: float = QPS, burst: int = BURST) -> None:
        self._qps = qps
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_at = trio.current_time()

    async def take(self) -> None:
        """Wait for leave to make one request."""
        now = trio.current_time()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._qps) - 1
        self._filled_at = now
        if self._tokens < 0:
            await trio.sleep(-self._tokens / self._qps)
        else:
            await trio.lowlevel.checkpoint()


class Loopback:
    """A client of an API server in the same process, as one user, at one user's pace."""

    def __init__(self, server: ApiServer, user: User, user_agent: str, bucket: TokenBucket) -> None:
        self._server = server
        self._user = user
        self._user_agent = user_agent
        self._bucket = bucket

    async def get(self, path: str) -> JsonObject:
        """Read an object or a list; ApiError where that is refused."""
        return await self._ask("GET", path)

    async def create(self, path: str, body: JsonObject) -> JsonObject:
        """POST an object."""
        return await self._ask("POST", path, encode_json(body))

    async def update(self, path: str, body: JsonObject) -> JsonObject:
        """PUT an object or a subresource."""
        return await self._ask("PUT", path, encode_json(body))

    async def delete(self, path: str, *, uid: str = "") -> JsonObject:
        """DELETE an object, if ``uid`` is given only the one with that uid."""
        options: JsonObject = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if uid:
            options["preconditions"] = {"uid": uid}
        return await self._ask("DELETE", path, encode_json(options))

    @asynccontextmanager
    async def watch(self, path: str) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """Follow a collection from its present objects on."""
        await self._bucket.take()
        separator = "&" if "?" in path else "?"
        response = self._server.handle_as(self._user, self._request("GET", f"{path}{separator}watch=true"))
        if isinstance(response.body, bytes):
            raise from_body(response.status, response.body)
        async with aclosing(_events(response.body)) as events:
            yield events

    async def _ask(self, method: str, path: str, body: bytes = b"") -> JsonObject:
        await self._bucket.take()
        response = self._server.handle_as(self._user, self._request(method, path, body))
        assert isinstance(response.body, bytes)
        if response.status >= 400:
            raise from_body(response.status, response.body)
        return cast(JsonObject, json.loads(response.body))

    def _request(self, method: str, path: str, body: bytes = b"") -> Request:
        kind = [("Content-Type", "application/json")] if body else []
        headers = Headers([("User-Agent", self._user_agent), ("Accept", "application/json"), *kind])
        return Request(method, path, headers, body)


async def _events(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[WatchEvent, None]:
    async with aclosing(lines) as chunks:
        async for line in chunks:
            event = json.loads(line)
            yield WatchEvent(text(event, "type"), mapping(event, "object"))
