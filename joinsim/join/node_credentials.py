"""A node's credential on disk: the certificate, the kubeconfig that points at it, the clients.

``kubelet.conf`` names the certificate by a path that exists only once the certificate
has been issued; until then whoever uses it is anonymous.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from joinsim.api import Cluster, Context, Kubeconfig, User
from joinsim.events import FileWritten
from joinsim.join.paths import CURRENT_CERTIFICATE, KUBELET_CONF, KUBELET_PKI
from joinsim.journal import Journal
from joinsim.pki import CertificateError, KeyPair, parse_bundle, validity
from joinsim.wire import ApiClient, ClientTls, HttpClient
from joinsim.world import Content, Host

__all__ = ["NodeCredentials"]


class NodeCredentials:
    """What a kubelet has to show, and its connections under that identity."""

    def __init__(self, host: Host, journal: Journal, user_agent: str) -> None:
        self._host = host
        self._journal = journal
        self._user_agent = user_agent
        self._http: HttpClient | None = None

    def certificate(self) -> x509.Certificate | None:
        """The client certificate on disk, None where there is none that can be read."""
        try:
            return parse_bundle(self._host.files.read(CURRENT_CERTIFICATE))[0]
        except (FileNotFoundError, CertificateError):
            return None

    def holds(self) -> bool:
        """Whether there is a certificate whose time is not up."""
        certificate = self.certificate()
        return certificate is not None and validity(certificate)[1] > self._host.clock.now()

    def write_kubeconfig(self, cluster: Cluster) -> None:
        """Write ``kubelet.conf`` for a cluster, whether there is a certificate yet or not."""
        user = User(client_certificate=CURRENT_CERTIFICATE, client_key=CURRENT_CERTIFICATE)
        kubeconfig = Kubeconfig(
            {"default-cluster": cluster},
            {"default-auth": user},
            {"default-context": Context("default-cluster", "default-auth", "default")},
            "default-context",
        )
        self._write(KUBELET_CONF, kubeconfig.dump().encode(), 0o600)

    async def install(self, key: KeyPair, chain_pem: bytes, now: datetime) -> None:
        """Store an issued certificate with its key, and use it for all that follows."""
        path = f"{KUBELET_PKI}/kubelet-client-{now.strftime('%Y-%m-%d-%H-%M-%S')}.pem"
        self._write(path, chain_pem + key.private_pem(), 0o600)
        self._host.files.link(CURRENT_CERTIFICATE, path)
        self._journal.append(self._host.name, FileWritten(CURRENT_CERTIFICATE, "link"))
        await self.aclose()

    def write_serving(self, key: Content, chain: Content) -> None:
        """Store the self-signed certificate under which the kubelet serves its own API."""
        self._write(f"{KUBELET_PKI}/kubelet.crt", chain, 0o644)
        self._write(f"{KUBELET_PKI}/kubelet.key", key, 0o600)

    def _write(self, path: str, content: Content, mode: int) -> None:
        self._host.files.write(path, content, mode)
        self._journal.append(self._host.name, FileWritten(path, f"{mode:04o}"))

    # --- clients -------------------------------------------------------------------------

    def client(self) -> ApiClient:
        """The client for requests that may take their time."""
        return ApiClient(self._connect(), user_agent=self._user_agent)

    def quick_client(self) -> ApiClient:
        """The client for the heartbeat, whose requests end within ten seconds."""
        return ApiClient(self._connect(), user_agent=self._user_agent, timeout_seconds=10.0)

    def _connect(self) -> HttpClient:
        if self._http is not None:
            return self._http
        kubeconfig = Kubeconfig.parse(self._host.files.read(KUBELET_CONF).decode())
        _, cluster = kubeconfig.pick_cluster()
        certificate = self.certificate()
        key = KeyPair.from_pem(self._host.files.read(CURRENT_CERTIFICATE)) if certificate else None
        roots = parse_bundle(cluster.certificate_authority_data or self._host.ca_bundle())
        tls = ClientTls(roots, certificate, key)
        self._http = HttpClient(self._host.dialer, cluster.server, self._host.clock, tls=tls)
        return self._http

    async def aclose(self) -> None:
        """Close every connection; the next request opens one under the identity of that moment."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
