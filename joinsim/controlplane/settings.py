"""What ``kubeadm init`` is told: the settings of a new cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from joinsim.api import TokenRecord
from joinsim.pki import KeyAlgorithm

__all__ = ["ClusterSettings"]


@dataclass(frozen=True)
class ClusterSettings:
    """A cluster's settings, with kubeadm's defaults where it has any.

    ``name`` is joinsim's own label, for journals; ``cluster_name`` is what kubeadm writes
    into kubeconfigs.
    """

    name: str = "cluster"
    version: str = "v1.36.2"
    cluster_name: str = "kubernetes"
    port: int = 6443
    key_algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256
    ca_validity: timedelta = timedelta(hours=87600)
    certificate_validity: timedelta = timedelta(hours=8760)
    dns_domain: str = "cluster.local"
    service_subnet: str = "10.96.0.0/12"
    service_address: str = "10.96.0.1"
    dns_address: str = "10.96.0.10"
    pod_subnet: str = "10.244.0.0/16"
    anonymous_auth: bool = True
    tokens: tuple[TokenRecord, ...] = ()
