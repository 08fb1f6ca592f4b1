"""A web server on the simulated network, from which nodes fetch discovery files over HTTPS.

It has a certificate authority of its own, which stands for the public ones: a host
verifies the server only if that authority is in the host's CA bundle.
"""

from __future__ import annotations

from datetime import timedelta

import trio

from joinsim.pki import CertificateAuthority, KeyPair, Validity
from joinsim.wire import Request, Response, ServerTls, TlsError, serve_connection
from joinsim.world import Host

__all__ = ["FileServer"]

VALIDITY = timedelta(days=365)
HTTPS_PORT = 443


class FileServer:
    """Serves what is published, under the name of its host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._files: dict[str, bytes] = {}
        stream = host.randomness.stream("file-server")
        now = host.clock.now().replace(microsecond=0)
        period = Validity(now - timedelta(minutes=5), now + VALIDITY)
        authority_key, key = (KeyPair.generate(random_bytes=stream.bytes) for _ in range(2))
        authority = CertificateAuthority.create(
            f"{host.name} authority", authority_key, period, stream.below(2**63 - 2) + 1
        )
        certificate = authority.issue_server(
            host.name, key.public_key, [host.name, host.address], period, stream.below(2**63 - 2) + 1
        )
        self.authority_pem = authority.pem
        """What a host must have in its CA bundle to believe this server."""
        self._tls = ServerTls(certificate, key)

    def publish(self, path: str, content: bytes) -> None:
        """Serve this content under a path from now on."""
        self._files[path] = content

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started once the port is open."""
        listener = self.host.listen(HTTPS_PORT)
        async with listener, trio.open_nursery() as nursery:
            task_status.started()
            while True:
                nursery.start_soon(self._serve, await listener.accept())

    async def _serve(self, stream: trio.abc.Stream) -> None:
        try:
            secured = await self._tls.accept(stream)
        except TlsError:
            return
        await serve_connection(secured, self._answer)

    async def _answer(self, request: Request) -> Response:
        plain = [("Content-Type", "text/plain; charset=utf-8")]
        if request.method not in ("GET", "HEAD"):
            return Response(405, [*plain, ("Allow", "GET, HEAD")], b"method not allowed\n")
        content = self._files.get(request.path)
        if content is None:
            return Response(404, plain, b"404 page not found\n")
        return Response(200, [("Content-Type", "application/yaml")], content)
