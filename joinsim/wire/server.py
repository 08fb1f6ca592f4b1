"""The serving side of HTTP/1.1: a stream in, a handler's answers out.

Each connection is served by a task of its own, so that a slow client holds up nobody
else. Sizes are bounded as the API server bounds them: a header section of 1 MiB, a
body of 3 MiB (a longer one reaches the handler cut and marked).
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import urlsplit

import h11
import trio

from joinsim.wire.http import Headers, Request, Response

__all__ = ["BODY_BYTES_MAX", "Handler", "serve_connection"]

BODY_BYTES_MAX = 3 * 1024 * 1024
HEADER_BYTES_MAX = 1024 * 1024
IDLE_SECONDS = 90.0
CHUNK_BYTES = 65536

# Go keeps RFC 7231's names of these two, which newer Pythons have given up.
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus} | {
    413: b"Request Entity Too Large",
    422: b"Unprocessable Entity",
}

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


async def serve_connection(stream: trio.abc.Stream, handler: Handler) -> None:
    """Answer requests until the client closes, breaks off, or says something that is no HTTP.

    Errors of the connection end it quietly; errors of the handler are the handler's and
    come through.
    """
    connection = _Connection(stream)
    # The scope's deadline is set only while nothing is being answered.
    async with stream:
        with trio.CancelScope() as idle:
            try:
                await _answer_all(connection, handler, idle)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            except h11.RemoteProtocolError as error:
                await connection.refuse(error.error_status_hint)


async def _answer_all(connection: _Connection, handler: Handler, idle: trio.CancelScope) -> None:
    while True:
        idle.deadline = trio.current_time() + IDLE_SECONDS
        request = await connection.next_request()
        idle.deadline = math.inf
        if request is None or not await connection.answer(request, await handler(request)):
            return


def _check_target(target: bytes) -> None:
    """Refuse a target in absolute form whose host is none; what begins with a slash is a path."""
    if not target.startswith(b"/"):
        try:
            urlsplit(target)
        except ValueError as error:
            raise h11.RemoteProtocolError(str(error), error_status_hint=400) from error


class _Connection:
    """One connection and h11's idea of where it stands."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(bytes(await self._stream.receive_some(CHUNK_BYTES)))

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send_all(data)

    async def next_request(self) -> Request | None:
        """The next request with its whole body; None once the client has closed."""
        event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        body = bytearray()
        oversized = False
        while isinstance(part := await self._event(), h11.Data):
            oversized = oversized or len(body) + len(part.data) > BODY_BYTES_MAX
            if not oversized:
                body += part.data
        _check_target(event.target)
        headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
        return Request(
            event.method.decode("ascii"), event.target.decode("latin-1"), headers, bytes(body), oversized
        )

    async def answer(self, request: Request, response: Response) -> bool:
        """Send an answer (to HEAD without its body); whether the connection can take another request."""
        body = response.body
        headers = list(response.headers)
        if isinstance(body, bytes):
            headers.append(("Content-Length", str(len(body))))
        else:
            headers.append(("Transfer-Encoding", "chunked"))
        head = h11.Response(
            status_code=response.status,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            reason=_REASONS.get(response.status, b""),
        )
        if request.method == "HEAD" and not isinstance(body, bytes):
            await body.aclose()
            body = b""
        if isinstance(body, bytes):
            # One write: one packet, as a server with a buffered writer sends it.
            data = self._http.send(head) or b""
            if request.method != "HEAD":
                data += self._http.send(h11.Data(data=body)) or b""
            data += self._http.send(h11.EndOfMessage()) or b""
            await self._stream.send_all(data)
        else:
            await self._send(head)
            if not await self._stream_body(body):
                return False
            await self._send(h11.EndOfMessage())
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _stream_body(self, body: AsyncGenerator[bytes, None]) -> bool:
        """Send chunks as they come; False where the client went away first."""
        finished = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_for_close, nursery.cancel_scope)
            finished = await self._send_chunks(body)
            nursery.cancel_scope.cancel()
        return finished

    async def _send_chunks(self, body: AsyncGenerator[bytes, None]) -> bool:
        try:
            async with aclosing(body) as chunks:
                async for chunk in chunks:
                    await self._send(h11.Data(data=chunk))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    async def _watch_for_close(self, scope: trio.CancelScope) -> None:
        try:
            while data := await self._stream.receive_some(CHUNK_BYTES):
                self._http.receive_data(bytes(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    async def refuse(self, status: int) -> None:
        """Answer something that is no HTTP, as Go's server does, and give up."""
        text = {431: "431 Request Header Fields Too Large"}.get(status, "400 Bad Request")
        response = (
            f"HTTP/1.1 {text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{text}"
        )
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE, h11.ERROR):
            with trio.move_on_after(1):
                try:
                    await self._stream.send_all(response.encode())
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return
