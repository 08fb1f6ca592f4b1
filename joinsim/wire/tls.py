"""TLS for both ends of a connection, judged on the world's clock.

The engine underneath is OpenSSL through pyOpenSSL rather than the standard library's
``ssl``, for three things that ``ssl`` cannot do: it takes keys from memory, so that no
private key ever touches a disk; it lets a server ask for a client certificate without
judging it in the handshake, as the API server does, which answers a foreign one with
401; and it shows every certificate of the chain while it is verified, so that their
dates can be held against the world's time instead of the machine's.

Refusals have the words of Go's ``crypto/x509``.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import cast

import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from joinsim.errors import RemoteProtocolError
from joinsim.gofmt import rfc3339
from joinsim.pki import KeyPair, validity
from joinsim.world.clock import Clock

__all__ = ["ClientTls", "ServerTls", "TlsError", "TlsStream", "name_problem"]

CHUNK_BYTES = 65536
RECORD_BYTES_MAX = 16384

_EXPIRED = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED
_INVALID_PURPOSE = 26

_FIRST_RECORD_TYPES = (21, 22)  # alert, handshake
_HTTP_REQUESTS = frozenset({b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"})
_ANSWER_TO_HTTP = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

_ALERT = re.compile(r"(?:\S+ alert|tlsv1) (.+)")
_ALERTS_OF_GO = {
    "bad record mac": "bad record MAC",
    "certificate expired": "expired certificate",
    "certificate revoked": "revoked certificate",
    "certificate unknown": "unknown certificate",
    "decode error": "error decoding message",
    "decrypt error": "error decrypting message",
    "insufficient security": "insufficient security level",
    "protocol version": "protocol version not supported",
    "unknown ca": "unknown certificate authority",
}
"""Alerts that OpenSSL and Go call by different names."""


class TlsError(RemoteProtocolError):
    """A handshake failed; the message is Go's."""


class TlsStream(trio.abc.Stream):
    """A connection under TLS. ``peer`` is the other end's certificate, if it sent one.

    The engine reads and writes memory; this moves the bytes between it and the stream
    underneath. One task may send while another receives.
    """

    def __init__(self, transport: trio.abc.Stream, engine: SSL.Connection) -> None:
        self._transport = transport
        self._engine = engine
        self._flushing = trio.Lock()
        self._closed = False
        self.peer: x509.Certificate | None = None

    async def handshake(self) -> None:
        """Shake hands; :class:`TlsError` where that fails. What did not succeed is closed."""
        succeeded = False
        began = b""
        try:
            while not self._shake():
                await self._send_made()
                received = await self._feed()
                if not received:
                    raise TlsError("EOF")
                began = began or received[:5]
            await self._send_made()
            self.peer = self._engine.get_peer_certificate(as_cryptography=True)
            succeeded = True
        except SSL.Error as error:
            problem = _no_record(began)
            # Whom the server takes for a lost HTTP client gets an answer that it can read.
            last = _ANSWER_TO_HTTP if began in _HTTP_REQUESTS else b"" if problem else self._made()
            with suppress(trio.BrokenResourceError):
                await self._transport.send_all(last)
            raise TlsError(problem or _problem(error)) from error
        except trio.BrokenResourceError as error:
            raise TlsError(str(error) or "read: connection reset by peer") from error
        finally:
            if not succeeded:
                await self.aclose()

    def _shake(self) -> bool:
        """Go on with the handshake as far as what was received reaches; whether it is done."""
        try:
            self._engine.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    async def _feed(self) -> bytes:
        """Give the engine what the other end sent next; empty at the end of the stream."""
        received = bytes(await self._transport.receive_some(CHUNK_BYTES))
        if received:
            self._engine.bio_write(received)
        return received

    async def _send_made(self) -> None:
        """Send what the engine has made for the handshake, if it made anything."""
        made = self._made()
        if made:
            await self._transport.send_all(made)

    async def _flush(self) -> None:
        """Send what the engine has made; a checkpoint, in the order of the calls."""
        try:
            self._flushing.acquire_nowait()
        except trio.WouldBlock:
            await self._flushing.acquire()
        try:
            await self._transport.send_all(self._made())
        finally:
            self._flushing.release()

    def _made(self) -> bytes:
        made = b""
        with suppress(SSL.WantReadError):
            while len(part := self._engine.bio_read(CHUNK_BYTES)) == CHUNK_BYTES:
                made += part
            made += part
        return made

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of it, encrypted."""
        self._check_open()
        unsent = memoryview(data)
        try:
            while unsent:
                # The engine takes one record's worth at a time.
                unsent = unsent[self._engine.send(bytes(unsent[:RECORD_BYTES_MAX])) :]
        except SSL.Error as error:
            raise trio.BrokenResourceError(_problem(error)) from error
        await self._flush()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until sending might not wait."""
        await self._transport.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive what has come, decrypted; empty at the end of the stream."""
        if max_bytes is not None and operator.index(max_bytes) < 1:
            raise ValueError("max_bytes must be >= 1")
        self._check_open()
        fed = False
        while (data := self._decrypted(max_bytes or CHUNK_BYTES)) is None:
            fed = True
            if not await self._feed():
                # Without a closing alert: HTTP knows by itself where a message ends.
                return b""
            self._check_open()
        if not fed:
            await trio.lowlevel.checkpoint()
        return data

    def _decrypted(self, count_max: int) -> bytes | None:
        """What can be read now: None where more must come first, empty at the end."""
        try:
            return self._engine.recv(count_max)
        except SSL.WantReadError:
            return None
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as error:
            raise trio.BrokenResourceError(_problem(error)) from error

    async def aclose(self) -> None:
        """Close without a closing alert, as HTTPS implementations may."""
        self._closed = True
        await self._transport.aclose()

    def is_readable(self) -> bool:
        """Whether the connection underneath has something to read, its end included."""
        readable = getattr(self._transport, "is_readable", None)
        return bool(readable()) if readable else False

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this end of the connection was closed")


@dataclass(frozen=True)
class ClientTls:
    """How a client handshakes.

    ``roots`` are the authorities that it trusts, or None to verify nothing at all.
    ``certificate`` and ``key`` are sent when the server asks for them. ``server_name`` is who
    the server must be where that is not whom the client dials.
    """

    roots: tuple[x509.Certificate, ...] | None
    certificate: x509.Certificate | None = None
    key: KeyPair | None = None
    server_name: str = ""

    async def connect(self, stream: trio.abc.Stream, host: str, clock: Clock) -> TlsStream:
        """Handshake with ``host``, a name or an address.

        Raises :class:`TlsError`, and closes the stream, where the server's certificate
        does not verify, its dates do not hold on ``clock``, it is not for this host, or the
        connection breaks.
        """
        connection = SSL.Connection(_client_context(self.roots), None)
        if self.certificate is not None and self.key is not None:
            connection.use_certificate(self.certificate)
            connection.use_privatekey(self.key.private_key)
        connection.set_connect_state()
        host = self.server_name or host
        if not _is_address(host):
            connection.set_tlsext_host_name(host.encode("idna"))
        check = _ServerCheck(host, clock)
        connection.set_app_data(check)
        secured = TlsStream(stream, connection)
        try:
            await secured.handshake()
        except TlsError as error:
            raise TlsError(check.problem or str(error)) from error
        return secured


@lru_cache(maxsize=64)
def _client_context(roots: tuple[x509.Certificate, ...] | None) -> SSL.Context:
    """What all have in common who believe the same authorities; no private key is kept in it."""
    context = _new_context(SSL.TLS_CLIENT_METHOD)
    if roots is not None:
        context.set_verify(SSL.VERIFY_PEER, _verify_server)
        store = context.get_cert_store()
        for root in _distinct(roots):
            assert store is not None
            store.add_cert(crypto.X509.from_cryptography(root))
    return context


@dataclass(frozen=True)
class ServerTls:
    """How a server handshakes: its certificate, its key, and whether it asks for the client's.

    A client certificate is received, not judged: that is the authenticator's to do.
    """

    certificate: x509.Certificate
    key: KeyPair
    request_client_certificate: bool = False

    @cached_property
    def _context(self) -> SSL.Context:
        context = _new_context(SSL.TLS_SERVER_METHOD)
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key.private_key)
        if self.request_client_certificate:
            context.set_verify(SSL.VERIFY_PEER, _accept_any)
        return context

    async def accept(self, stream: trio.abc.Stream) -> TlsStream:
        """Handshake with whoever connected; :class:`TlsError` where that fails."""
        connection = SSL.Connection(self._context, None)
        connection.set_accept_state()
        secured = TlsStream(stream, connection)
        await secured.handshake()
        return secured


def _new_context(method: int) -> SSL.Context:
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    # No session is ever resumed here, so none is kept. (OpenSSL sends tickets all the same.)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    # A classical group: half the work of a hybrid one, and nobody records these handshakes.
    context.set_tmp_ecdh(ec.SECP256R1())
    return context


def _distinct(roots: Sequence[x509.Certificate]) -> Sequence[x509.Certificate]:
    return list(dict.fromkeys(roots))


# --- verification ------------------------------------------------------------------


class _ServerCheck:
    """What one handshake finds out about the server's certificate."""

    def __init__(self, host: str, clock: Clock) -> None:
        self._host = host
        self._now = clock.now()
        self.problem = ""

    def judge(self, certificate: x509.Certificate, error: int, depth: int) -> bool:
        """Judge one certificate of the chain, root first; the first problem is kept.

        Go looks at the leaf's dates, then at its names, then builds the chain; where
        several things are wrong with a leaf, the message is the one that Go would give.
        """
        problem = _date_problem(certificate, self._now)
        if not problem and depth == 0:
            problem = name_problem(certificate, self._host)
        if not problem and error and error not in _EXPIRED:
            problem = (
                "x509: certificate specifies an incompatible key usage"
                if error == _INVALID_PURPOSE
                else "x509: certificate signed by unknown authority"
            )
        if problem and not self.problem:
            self.problem = f"tls: failed to verify certificate: {problem}"
        return not problem


def _verify_server(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
) -> bool:
    check = cast(_ServerCheck, connection.get_app_data())
    return check.judge(certificate.to_cryptography(), error, depth)


def _accept_any(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
) -> bool:
    return True


def _date_problem(certificate: x509.Certificate, now: datetime) -> str:
    not_before, not_after = validity(certificate)
    said = "x509: certificate has expired or is not yet valid: current time"
    if now < not_before:
        return f"{said} {rfc3339(now)} is before {rfc3339(not_before)}"
    if now > not_after:
        return f"{said} {rfc3339(now)} is after {rfc3339(not_after)}"
    return ""


def name_problem(certificate: x509.Certificate, host: str) -> str:
    """Why a certificate is not for a host, or the empty string where it is.

    Only subject alternative names count (RFC 6125, as Go carries it out); a ``*`` stands
    for exactly the first label.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    addresses = names.get_values_for_type(x509.IPAddress)
    hosts = names.get_values_for_type(x509.DNSName)
    if _is_address(host):
        if ipaddress.ip_address(host) in addresses:
            return ""
        if not addresses:
            return f"x509: cannot validate certificate for {host} because it doesn't contain any IP SANs"
        valid = ", ".join(map(str, addresses))
    else:
        if any(_matches(pattern, host) for pattern in hosts):
            return ""
        valid = ", ".join(hosts)
    if not valid:
        return f"x509: certificate is not valid for any names, but wanted to match {host}"
    return f"x509: certificate is valid for {valid}, not {host}"


def _matches(pattern: str, host: str) -> bool:
    wanted = pattern.lower().split(".")
    found = host.lower().rstrip(".").split(".")
    if len(wanted) != len(found) or not all(found):
        return False
    return wanted[0] in ("*", found[0]) and wanted[1:] == found[1:]


@lru_cache(maxsize=256)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _no_record(began: bytes) -> str:
    """What Go says of a first record that is none, by its first five bytes; empty where it is one."""
    if began == b"HTTP/":
        return "http: server gave HTTP response to HTTPS client"
    if began and (began[0] not in _FIRST_RECORD_TYPES or began[1:2] >= b"\x10"):
        return "tls: first record does not look like a TLS handshake"
    return ""


def _problem(error: SSL.Error) -> str:
    """What went wrong: an alert of the other end in Go's words, or what this end found in OpenSSL's."""
    queue = error.args[0] if error.args else ()
    reason = str(queue[-1][-1]) if queue else "internal error"
    alert = _ALERT.match(reason)
    if alert is None:
        return f"tls: {reason}"
    return f"remote error: tls: {_ALERTS_OF_GO.get(alert[1], alert[1])}"
