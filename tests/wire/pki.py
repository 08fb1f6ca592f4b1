"""Authorities and certificates for tests of the wire, made in one line each."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509

from joinsim.pki import CertificateAuthority, KeyAlgorithm, KeyPair, Validity
from joinsim.wire import ClientTls, ServerTls
from joinsim.world import EPOCH, Seed

PERIOD = Validity(EPOCH, EPOCH + timedelta(days=365))
SERVER = "server"
_stream = Seed(1).stream("tests", "wire")


def key(algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256) -> KeyPair:
    return KeyPair.generate(algorithm, _stream.bytes)


def period(not_before: datetime = PERIOD.not_before, not_after: datetime = PERIOD.not_after) -> Validity:
    return Validity(not_before, not_after)


def authority(name: str = "kubernetes", valid: Validity = PERIOD, keys: KeyPair | None = None):
    return CertificateAuthority.create(name, keys or key(), valid, 1)


CA = authority()
OTHER_CA = authority("somebody else")
SERVER_KEY = key()
CLIENT_KEY = key()
CLIENT_CERTIFICATE = CA.issue_client(
    "system:node:worker-1", ["system:nodes"], CLIENT_KEY.public_key, PERIOD, 9
)


def server_tls(
    *hosts: str, ca: CertificateAuthority = CA, valid: Validity = PERIOD, keys: KeyPair = SERVER_KEY, **fields
) -> ServerTls:
    """A server for these hosts, ``server`` unless told otherwise."""
    certificate = ca.issue_server("kube-apiserver", keys.public_key, hosts or [SERVER], valid, 2)
    return ServerTls(certificate, keys, **fields)


def client_tls(*roots: CertificateAuthority, **fields) -> ClientTls:
    """A client that believes these authorities, the cluster's unless told otherwise."""
    believed: tuple[x509.Certificate, ...] = tuple(ca.certificate for ca in roots or (CA,))
    return ClientTls(believed, **fields)
