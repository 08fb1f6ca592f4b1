"""Certificates, cluster-infos and clients for the tests of the joining side."""

from __future__ import annotations

import functools
import hashlib
from datetime import UTC, datetime, timedelta

from joinsim.api import BootstrapToken, Cluster, Context, Kubeconfig, User
from joinsim.api.jws import compute_detached_signature
from joinsim.pki import CertificateAuthority, KeyPair, Validity
from joinsim.world import Seed

TOKEN = BootstrapToken.parse("abcdef.0123456789abcdef")
ENDPOINT = "10.0.0.1:6443"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = Validity(NOW - timedelta(hours=1), NOW + timedelta(days=3650))


@functools.cache
def key_pair(name: str) -> KeyPair:
    """A key of its own for each name, the same in every test."""
    return KeyPair.generate(random_bytes=Seed(0).stream("tests", name).bytes)


@functools.cache
def authority(name: str = "kubernetes") -> CertificateAuthority:
    return CertificateAuthority.create(
        name, key_pair(name), PERIOD, int(hashlib.md5(name.encode()).hexdigest(), 16) >> 70
    )


def pin(name: str = "kubernetes") -> str:
    return str(authority(name).pin)


def unnamed(*authorities: str, server: str = f"https://{ENDPOINT}") -> Kubeconfig:
    """A kubeconfig as cluster-info has it: one cluster without a name, and nothing else."""
    return Kubeconfig({"": Cluster(server, b"".join(authority(name).pem for name in authorities))})


def named(cluster: Cluster, user: User | None = None) -> Kubeconfig:
    """A kubeconfig with one context, for one user."""
    return Kubeconfig({"c": cluster}, {"u": user or User(token=TOKEN.value)}, {"x": Context("c", "u")}, "x")


def cluster_info(content: str, token: BootstrapToken = TOKEN) -> dict[str, str]:
    """cluster-info's data: a kubeconfig, and the signature of one token over it."""
    signature = compute_detached_signature(content, token.id, token.secret)
    return {"kubeconfig": content, f"jws-kubeconfig-{token.id}": signature}
