"""The certificates and kubeconfigs that ``kubeadm init`` writes to its host's disk.

Each has a random stream of its own, so it makes no difference which of them is made
when. In memory most are never made, since nobody reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from cryptography import x509

from joinsim.api import Kubeconfig, User
from joinsim.controlplane.settings import ClusterSettings
from joinsim.pki import CertificateAuthority, KeyPair, PublicKey, Validity, parse_bundle, to_pem
from joinsim.wire import ServerTls
from joinsim.world import Host, Stream

__all__ = ["ClusterCertificates", "create_certificates"]

PKI = "/etc/kubernetes/pki"
BACKDATE = timedelta(minutes=5)


@dataclass(frozen=True)
class ClusterCertificates:
    """What the running control plane needs of them; the rest is on disk."""

    ca: CertificateAuthority
    serving: ServerTls


@dataclass(frozen=True)
class _Pair:
    key: KeyPair
    certificate: x509.Certificate


class _Maker:
    """Makes keys and certificates and puts them where kubeadm does."""

    def __init__(self, host: Host, settings: ClusterSettings) -> None:
        self._host = host
        self._settings = settings
        now = host.clock.now().replace(microsecond=0)
        self._ca_period = Validity(now - BACKDATE, now + settings.ca_validity)
        self._leaf_period = Validity(now - BACKDATE, now + settings.certificate_validity)

    def _stream(self, name: str) -> Stream:
        return self._host.randomness.stream("certificates", name)

    def _key(self, stream: Stream) -> KeyPair:
        return KeyPair.generate(self._settings.key_algorithm, stream.bytes)

    def _write(self, name: str, make: Callable[[], _Pair]) -> None:
        self._host.files.write(f"{PKI}/{name}.crt", lambda: to_pem([make().certificate]), 0o644)
        self._host.files.write(f"{PKI}/{name}.key", lambda: make().key.private_pem(), 0o600)

    def authority(self, name: str, common_name: str) -> Callable[[], CertificateAuthority]:
        """A CA, written under a name; the same one at every call. One that is there already is used."""
        present = self._present(name)
        if present is not None:
            return lambda: present

        @cache
        def make() -> CertificateAuthority:
            stream = self._stream(name)
            return CertificateAuthority.create(
                common_name, self._key(stream), self._ca_period, _serial(stream)
            )

        self._write(name, lambda: _Pair(make().key, make().certificate))
        return make

    def _present(self, name: str) -> CertificateAuthority | None:
        files = self._host.files
        if not (files.exists(f"{PKI}/{name}.crt") and files.exists(f"{PKI}/{name}.key")):
            return None
        [certificate, *_] = parse_bundle(files.read(f"{PKI}/{name}.crt"))
        return CertificateAuthority(KeyPair.from_pem(files.read(f"{PKI}/{name}.key")), certificate)

    def leaf(
        self,
        ca: Callable[[], CertificateAuthority],
        name: str,
        issue: Callable[[CertificateAuthority, PublicKey, int], x509.Certificate],
    ) -> Callable[[], _Pair]:
        """A certificate of a CA, written under a name."""
        make = self._pair(ca, name, issue)
        self._write(name, make)
        return make

    def _pair(
        self,
        ca: Callable[[], CertificateAuthority],
        name: str,
        issue: Callable[[CertificateAuthority, PublicKey, int], x509.Certificate],
    ) -> Callable[[], _Pair]:
        @cache
        def make() -> _Pair:
            stream = self._stream(name)
            key = self._key(stream)
            return _Pair(key, issue(ca(), key.public_key, _serial(stream)))

        return make

    def server(
        self,
        ca: Callable[[], CertificateAuthority],
        name: str,
        common_name: str,
        hosts: Sequence[str],
        *,
        client_too: bool = False,
    ) -> Callable[[], _Pair]:
        """A serving certificate."""
        return self.leaf(
            ca,
            name,
            lambda authority, key, serial: authority.issue_server(
                common_name, key, hosts, self._leaf_period, serial, client_too=client_too
            ),
        )

    def client(self, ca: Callable[[], CertificateAuthority], name: str, common_name: str) -> None:
        """A client certificate."""
        self.leaf(ca, name, lambda *parts: self._issue_client(common_name, [], *parts))

    def _issue_client(
        self,
        common_name: str,
        groups: Sequence[str],
        authority: CertificateAuthority,
        key: PublicKey,
        serial: int,
    ) -> x509.Certificate:
        return authority.issue_client(common_name, groups, key, self._leaf_period, serial)

    def kubeconfig(
        self,
        ca: Callable[[], CertificateAuthority],
        file: str,
        server: str,
        common_name: str,
        groups: Sequence[str],
    ) -> None:
        """A kubeconfig with a client certificate and its key inside."""
        make = self._pair(ca, file, lambda *parts: self._issue_client(common_name, groups, *parts))

        def content() -> bytes:
            pair = make()
            credential = User(
                client_certificate_data=to_pem([pair.certificate]),
                client_key_data=pair.key.private_pem(),
            )
            name = self._settings.cluster_name
            return Kubeconfig.basic(server, ca().pem, name, common_name, credential).dump().encode()

        self._host.files.write(f"/etc/kubernetes/{file}", content, 0o600)

    def service_account_keys(self) -> None:
        """The key pair that signs service account tokens."""

        @cache
        def make() -> KeyPair:
            return self._key(self._stream("sa"))

        self._host.files.write(f"{PKI}/sa.key", lambda: make().private_pem(), 0o600)
        self._host.files.write(f"{PKI}/sa.pub", lambda: make().public_pem(), 0o644)


def _serial(stream: Stream) -> int:
    return stream.below(2**63 - 2) + 1


def create_certificates(host: Host, settings: ClusterSettings) -> ClusterCertificates:
    """Make the PKI of a new cluster on its first control-plane host.

    An authority whose certificate and key are on the disk already is used, as kubeadm uses it.
    Raises :class:`~joinsim.pki.CertificateError` where they cannot be read.

    All three authorities, every leaf that kubeadm makes, the service account keys and the
    kubeconfigs, private keys 0600.
    """
    maker = _Maker(host, settings)
    ca = maker.authority("ca", settings.cluster_name)
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    names = [
        host.name,
        *service,
        f"{service[-1]}.{settings.dns_domain}",
        settings.service_address,
        host.address,
    ]
    serving = maker.server(ca, "apiserver", "kube-apiserver", names)()
    maker.client(ca, "apiserver-kubelet-client", "kube-apiserver-kubelet-client")
    front_proxy = maker.authority("front-proxy-ca", "front-proxy-ca")
    maker.client(front_proxy, "front-proxy-client", "front-proxy-client")
    etcd = maker.authority("etcd/ca", "etcd-ca")
    etcd_names = [host.name, "localhost", host.address, "127.0.0.1", "::1"]
    for name in ("etcd/server", "etcd/peer"):
        maker.server(etcd, name, host.name, etcd_names, client_too=True)
    maker.client(etcd, "etcd/healthcheck-client", "kube-etcd-healthcheck-client")
    maker.client(etcd, "apiserver-etcd-client", "kube-apiserver-etcd-client")
    maker.service_account_keys()
    endpoint = f"https://{host.address}:{settings.port}"
    for file, user, groups in (
        ("admin.conf", "kubernetes-admin", ["kubeadm:cluster-admins"]),
        ("super-admin.conf", "kubernetes-super-admin", ["system:masters"]),
        ("kubelet.conf", f"system:node:{host.name}", ["system:nodes"]),
        ("controller-manager.conf", "system:kube-controller-manager", []),
        ("scheduler.conf", "system:kube-scheduler", []),
    ):
        maker.kubeconfig(ca, file, endpoint, user, groups)
    server_tls = ServerTls(serving.certificate, serving.key, request_client_certificate=True)
    return ClusterCertificates(ca(), server_tls)
