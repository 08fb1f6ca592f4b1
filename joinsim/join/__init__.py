"""The join engine: what ``kubeadm join`` and the kubelet's TLS bootstrap do."""

from joinsim.join.config import (
    BootstrapTokenDiscovery,
    Discovery,
    FileDiscovery,
    JoinConfiguration,
    NodeRegistration,
    Taint,
    Timeouts,
)
from joinsim.join.engine import JoinEngine, JoinOutcome
from joinsim.join.kubelet import KubeletSettings

__all__ = [
    "BootstrapTokenDiscovery",
    "Discovery",
    "FileDiscovery",
    "JoinConfiguration",
    "JoinEngine",
    "JoinOutcome",
    "KubeletSettings",
    "NodeRegistration",
    "Taint",
    "Timeouts",
]
