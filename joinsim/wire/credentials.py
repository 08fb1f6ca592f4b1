"""From a kubeconfig to a connection: where to, whom to believe, who to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509

from joinsim.api.kubeconfig import Cluster, Kubeconfig, User
from joinsim.pki import CertificateError, KeyPair, parse_bundle
from joinsim.wire.client import ApiClient, HttpClient
from joinsim.wire.tls import ClientTls
from joinsim.world.clock import Clock
from joinsim.world.network import Dialer

__all__ = ["Connection", "Connections", "connection_of"]


@dataclass(frozen=True)
class Connection:
    """A server, how to handshake with it, and a bearer token (empty where there is none)."""

    server: str
    tls: ClientTls
    token: str = field(default="", repr=False)


class Connections:
    """The connections of one process, shared by its clients as Go's transport cache shares them.

    Clients whose TLS settings are equal use the same connections to a server, whatever
    token each sends along.
    """

    def __init__(self, dialer: Dialer, clock: Clock) -> None:
        self._dialer = dialer
        self._clock = clock
        self._open: dict[tuple[str, ClientTls], HttpClient] = {}

    def http(self, server: str, tls: ClientTls) -> HttpClient:
        """The connections to a server under these TLS settings."""
        key = (server, tls)
        if key not in self._open:
            self._open[key] = HttpClient(self._dialer, server, self._clock, tls=tls)
        return self._open[key]

    def client(
        self, connection: Connection, *, user_agent: str, timeout_seconds: float | None = None
    ) -> ApiClient:
        """A client of an API server over shared connections."""
        return ApiClient(
            self.http(connection.server, connection.tls),
            token=connection.token,
            user_agent=user_agent,
            timeout_seconds=timeout_seconds,
        )

    async def aclose(self) -> None:
        """Close them all."""
        opened, self._open = self._open, {}
        for http in opened.values():
            await http.aclose()


def connection_of(
    kubeconfig: Kubeconfig,
    read: Callable[[str], bytes],
    system_roots: Callable[[], bytes],
) -> Connection:
    """The connection that a kubeconfig's chosen cluster and current user describe.

    ``read`` gives the contents of files that it names; ``system_roots`` the PEM bundle that
    counts where it names no authority. Raises ValueError (of pki or api) for certificates
    and keys that cannot be read, OSError for files that are not there.
    """
    _, cluster = kubeconfig.pick_cluster()
    user = kubeconfig.current_user() or User()
    certificate = user.client_certificate_data or _read_if(read, user.client_certificate)
    key = user.client_key_data or _read_if(read, user.client_key)
    tls = ClientTls(
        None if cluster.insecure_skip_tls_verify else _roots(cluster, read, system_roots),
        parse_bundle(certificate)[0] if certificate else None,
        KeyPair.from_pem(key) if key else None,
        cluster.tls_server_name,
    )
    token = user.token or _read_if(read, user.token_file).decode().strip()
    return Connection(cluster.server, tls, token)


def _roots(
    cluster: Cluster, read: Callable[[str], bytes], system_roots: Callable[[], bytes]
) -> tuple[x509.Certificate, ...]:
    given = cluster.certificate_authority_data or _read_if(read, cluster.certificate_authority)
    if given:
        return parse_bundle(given)
    try:
        return parse_bundle(system_roots())
    except CertificateError:
        # A machine may trust nobody. Then every handshake fails, and nothing before it.
        return ()


def _read_if(read: Callable[[str], bytes], path: str) -> bytes:
    return read(path) if path else b""
