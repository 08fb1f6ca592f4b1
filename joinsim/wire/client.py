"""The asking side: HTTP over any dialer, and a client for Kubernetes' API on top.

Failures come in two kinds. An answer that refuses is an
:class:`~joinsim.errors.ApiError`. Where there is no answer it is a
:class:`RequestFailed`, whose text is the one of Go's ``net/http``, since that is what
kubeadm and the kubelet print.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote as quote_path
from urllib.parse import urlencode, urlsplit

import httpcore2
import trio

from joinsim.api.objects import JsonObject, decode_json, encode_json, mapping, text
from joinsim.api.status import from_body
from joinsim.errors import RemoteProtocolError
from joinsim.gofmt import duration, quote
from joinsim.wire.tls import ClientTls, TlsError, TlsStream
from joinsim.world.clock import Clock
from joinsim.world.network import Dialer, DialError

__all__ = ["Answer", "ApiClient", "HttpClient", "RequestFailed", "WatchEvent"]

# Go's defaults: how long a connection and a handshake may take, whatever the request allows.
DIAL_SECONDS, HANDSHAKE_SECONDS = 30.0, 10.0

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=~._-]*")
_WITH_BODY = ("POST", "PUT", "PATCH")
JSON = "application/json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"


class RequestFailed(RemoteProtocolError):
    """A request got no answer; as text, Go's ``Get "https://…": why``."""

    def __init__(self, method: str, url: str, problem: str) -> None:
        super().__init__(f"{method.capitalize()} {quote(url)}: {problem}")
        self.problem = problem


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class HttpClient:
    """Connections to one server, kept alive between requests.

    ``server`` is ``scheme://host:port``; with ``https`` there must be ``tls``. A request
    without a deadline waits for as long as the server lets it.
    """

    def __init__(self, dialer: Dialer, server: str, clock: Clock, *, tls: ClientTls | None = None) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected http://HOST:PORT or https://HOST:PORT, found {server!r}")
        self.server = server.rstrip("/")
        default = 443 if parts.scheme == "https" else 80
        self._host_header = parts.netloc
        self._host, self._port = parts.hostname, parts.port or default
        self._dialer = dialer
        self._clock = clock
        self._tls = tls if parts.scheme == "https" else None
        self._connections: list[httpcore2.AsyncHTTP11Connection] = []

    async def send(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Ask, and read the whole answer; :class:`RequestFailed` where there is none."""
        url = self.server + target
        request = self._request(method, target, headers, body)
        deadline = math.inf if timeout_seconds is None else trio.current_time() + timeout_seconds
        response: httpcore2.Response | None = None
        with trio.move_on_at(deadline), _failures(method, url):
            response = await self._ask(request)
            try:
                read = await response.aread()
            finally:
                await response.aclose()
            return Answer(response.status, _said(response), read)
        raise _timed_out(method, url, response)

    def _request(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> httpcore2.Request:
        sized = [("Content-Length", str(len(body)))] if body or method in _WITH_BODY else []
        return httpcore2.Request(
            method,
            self._url(target),
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in (("Host", self._host_header), *headers, *sized)
            ],
            content=body,
        )

    def _url(self, target: str = "/") -> httpcore2.URL:
        # Always http: the connections that httpcore2 is given have had their handshake.
        return httpcore2.URL(
            scheme=b"http", host=self._host.encode(), port=self._port, target=target.encode("ascii")
        )

    async def _ask(self, request: httpcore2.Request) -> httpcore2.Response:
        """Send a request over a connection that is idle, or else over a new one."""
        self._connections = [known for known in self._connections if not known.is_closed()]
        for connection in self._connections:
            if connection.is_available():
                if not connection.has_expired():
                    try:
                        return await connection.handle_async_request(request)
                    except httpcore2.ConnectionNotAvailable:
                        # Another task took it in the moment before it was ours.
                        pass
                    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
                        if not _is_sent_again(request, error):
                            raise
                else:
                    await connection.aclose()
        stream = await self._connect()
        connection = httpcore2.AsyncHTTP11Connection(self._url().origin, stream)
        self._connections.append(connection)
        return await connection.handle_async_request(request)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> AsyncIterator[tuple[int, Mapping[str, str], AsyncIterator[bytes]]]:
        """Ask, and hand over the answer as it comes: status, headers, chunks of the body."""
        request = self._request(method, target, headers, body)
        with _failures(method, self.server + target):
            response = await self._ask(request)
            try:
                async with aclosing(response.aiter_stream()) as chunks:
                    yield response.status, _said(response), chunks
            finally:
                with trio.CancelScope(shield=True):
                    await response.aclose()

    async def _connect(self) -> _Stream:
        """Dial and, for HTTPS, shake hands; httpcore2 sees a connection that is ready."""
        stream: trio.abc.Stream | None = None
        with trio.move_on_after(DIAL_SECONDS):
            stream = await self._dialer.dial(self._host, self._port)
        if stream is None:
            raise DialError(f"dial tcp {_joined(self._host, self._port)}: i/o timeout")
        if self._tls is None:
            return _Stream(stream)
        secured: TlsStream | None = None
        with trio.move_on_after(HANDSHAKE_SECONDS):
            secured = await self._tls.connect(stream, self._host, self._clock)
        if secured is None:
            await stream.aclose()
            raise TlsError("net/http: TLS handshake timeout")
        return _Stream(secured)

    async def aclose(self) -> None:
        """Close every connection."""
        connections, self._connections = self._connections, []
        with trio.CancelScope(shield=True):
            for connection in connections:
                await connection.aclose()


def _is_sent_again(request: httpcore2.Request, error: Exception) -> bool:
    """Whether Go repeats a request for which a kept connection turned out to be dead.

    It does where nothing was written, and, where no answer began, for what is safe to repeat.
    """
    if isinstance(error, httpcore2.WriteError):
        return True
    safe = request.method in (b"GET", b"HEAD")
    return safe and (isinstance(error, httpcore2.ReadError) or _broken_answer(str(error)) == "EOF")


def _said(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _timed_out(method: str, url: str, response: httpcore2.Response | None) -> RequestFailed:
    when = (
        "Client.Timeout exceeded while awaiting headers"
        if response is None
        else "Client.Timeout or context cancellation while reading body"
    )
    return RequestFailed(method, url, f"context deadline exceeded ({when})")


@contextmanager
def _failures(method: str, url: str) -> Iterator[None]:
    try:
        yield
    except (DialError, TlsError) as error:
        raise RequestFailed(method, url, str(error)) from error
    except (httpcore2.ReadError, httpcore2.WriteError) as error:
        # Divergence: Go names both ends (read tcp 10.0.0.2:40312->10.0.0.1:6443: …); the one
        # that dialled has no port here.
        raise RequestFailed(method, url, str(error)) from error
    except httpcore2.RemoteProtocolError as error:
        raise RequestFailed(method, url, _broken_answer(str(error))) from error


def _broken_answer(said: str) -> str:
    """Go's words for an answer that is none, or is not whole."""
    if "without sending a response" in said:
        return "EOF"
    if "closed connection" in said:
        return "unexpected EOF"
    return f"net/http: HTTP/1.x transport connection broken: {said}"


class _Stream(httpcore2.AsyncNetworkStream):
    """A stream as httpcore2 sees one. A request goes out in one piece, as Go's client writes it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._unsent = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            try:
                await self._stream.send_all(unsent)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise httpcore2.WriteError(str(error) or "write: broken pipe") from error
        try:
            return bytes(await self._stream.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore2.ReadError(str(error) or "read: connection reset by peer") from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> bool | None:
        if info == "is_readable":
            readable = getattr(self._stream, "is_readable", None)
            return bool(readable()) if readable else False
        return None


def _joined(host: str, port: int) -> str:
    return f"{_bracketed(host)}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# --- Kubernetes ------------------------------------------------------------------------


@dataclass(frozen=True)
class WatchEvent:
    """One line of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, and its object."""

    type: str
    object: JsonObject = field(repr=False)


class ApiClient:
    """A client of one API server under one identity, over connections that it may share.

    With a ``timeout_seconds`` every request carries ``?timeout=`` as client-go's do, and
    ends by then. Objects go out and come in as JSON.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        token: str = "",
        user_agent: str,
        timeout_seconds: float | None = None,
    ) -> None:
        self._http = http
        self._timeout = timeout_seconds
        self._headers = [("User-Agent", user_agent), ("Accept", JSON)]
        if token:
            self._headers.append(("Authorization", f"Bearer {token}"))
        self.server = http.server

    async def get(self, path: str, **query: str) -> JsonObject:
        """Read an object or a list."""
        return await self._ask("GET", path, query)

    async def create(self, path: str, body: JsonObject, **query: str) -> JsonObject:
        """POST an object to its collection; the stored object comes back."""
        return await self._ask("POST", path, query, encode_json(body), JSON)

    async def update(self, path: str, body: JsonObject, **query: str) -> JsonObject:
        """PUT an object or a subresource; the stored object comes back."""
        return await self._ask("PUT", path, query, encode_json(body), JSON)

    async def patch(self, path: str, body: JsonObject, **query: str) -> JsonObject:
        """PATCH with a strategic merge patch; the stored object comes back."""
        return await self._ask("PATCH", path, query, encode_json(body), STRATEGIC_MERGE_PATCH)

    async def delete(self, path: str, **query: str) -> JsonObject:
        """DELETE an object; the Status comes back."""
        return await self._ask("DELETE", path, query)

    @asynccontextmanager
    async def watch(self, path: str, **query: str) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """Follow a collection: the block iterates over its events until the server ends the watch."""
        target = _target(path, {**query, "watch": "true"})
        async with self._http.stream("GET", target, self._headers) as (status, _, chunks):
            if status != 200:
                raise from_body(status, b"".join([chunk async for chunk in chunks]))
            async with aclosing(_events(chunks, self.server + target)) as events:
                yield events

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: bytes = b"", kind: str = ""
    ) -> JsonObject:
        if self._timeout is not None:
            query = {**query, "timeout": duration(self._timeout)}
        headers = [*self._headers, ("Content-Type", kind)] if kind else self._headers
        answer = await self._http.send(method, _target(path, query), headers, body, self._timeout)
        if answer.status >= 400:
            raise from_body(answer.status, answer.body)
        try:
            content = decode_json(answer.body)
        except (ValueError, RecursionError) as error:
            raise RequestFailed(method, self.server + path, "the answer is not JSON") from error
        if not isinstance(content, dict):
            raise RequestFailed(method, self.server + path, "the answer is not a JSON object")
        return content


def _target(path: str, query: Mapping[str, str]) -> str:
    escaped = path if _PLAIN_PATH.fullmatch(path) else quote_path(path, safe="/:@!$&'()*+,;=~-._")
    return f"{escaped}?{urlencode(sorted(query.items()))}" if query else escaped


async def _events(chunks: AsyncIterator[bytes], url: str) -> AsyncGenerator[WatchEvent, None]:
    pending = b""
    async for chunk in chunks:
        pending += chunk
        *lines, pending = pending.split(b"\n")
        for line in lines:
            if line.strip():
                try:
                    event = decode_json(line)
                except (ValueError, RecursionError) as error:
                    problem = "unable to decode an event from the watch stream"
                    raise RequestFailed("GET", url, problem) from error
                yield WatchEvent(text(event, "type"), mapping(event, "object"))
