"""What every ground keeps to, so that one scenario runs on all of them.

A ground gives a world (time, hosts, a network between them) and a cluster in it. All
that an administrator can do goes through the cluster's API and is no business of a
ground's; what a ground can do besides is named by its capabilities, and a scenario that
needs more is skipped there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from joinsim.api import Kubeconfig, TokenRecord
from joinsim.pki import KeyAlgorithm
from joinsim.world import Host, World

__all__ = ["Capability", "Cluster", "ClusterPlan", "Ground", "Prepare"]

ResultT = TypeVar("ResultT")


class Capability(StrEnum):
    """What no administrator can do through the API, and a ground may."""

    VIRTUAL_TIME = "virtual time"
    LATE_START = "a control plane that starts late"
    KEY_ALGORITHM = "a choice of key algorithm"
    CERTIFICATE_VALIDITY = "a choice of certificate validity"
    FILE_SERVERS = "file servers"
    LINKS = "bent links"


@dataclass(frozen=True)
class ClusterPlan:
    """What a scenario asks of its cluster. ``starts_at_seconds`` counts from the world's beginning."""

    version: str
    tokens: tuple[TokenRecord, ...] = ()
    starts_at_seconds: float = 0.0
    key_algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256
    certificate_validity: timedelta = timedelta(hours=8760)


class Cluster(Protocol):
    """A cluster that is there, though perhaps not running yet."""

    name: str
    """Its name in the journal."""
    endpoint: str
    """``host:port``, as nodes are told it."""
    ca_pins: tuple[str, ...]
    """The pins that its join command prints."""
    administrators_host: Host
    """The machine at which its administrator sits."""

    def admin_kubeconfig(self) -> Kubeconfig:
        """The administrator's kubeconfig."""

    async def wait_open(self) -> None:
        """Wait until the cluster runs and takes requests from its nodes."""


Prepare = Callable[[Cluster], Awaitable[None]]
"""What the administrator does once the API server answers, before any node can reach it."""


class Ground(Protocol):
    """Where scenarios run."""

    name: str
    capabilities: frozenset[Capability]

    def run(
        self, play: Callable[[World], Awaitable[ResultT]], *, seed: int, opaque_keys: bool = False
    ) -> ResultT:
        """Make a world, play something in it, and end everything that still runs there."""

    async def provision(self, world: World, plan: ClusterPlan, prepare: Prepare) -> Cluster:
        """Put a cluster into the world; it opens by itself at its time. BackendError where that fails."""
