"""The ground in this process: virtual time, hosts in memory, the fake control plane."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import trio

from joinsim.api import Kubeconfig
from joinsim.backends.ground import Capability, ClusterPlan, Prepare
from joinsim.controlplane import ClusterSettings, ControlPlane
from joinsim.world import Host, Link, Pass, Refuse, Seed, World, run_deterministic

__all__ = ["CONTROL_PLANE", "FakeCluster", "FakeGround"]

CONTROL_PLANE = "control-plane"
"""The name of the host that a cluster's first control plane is on."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class _ClosedToOthers:
    """Lets nobody but the host itself connect to it."""

    host: str

    def judge(self, link: Link) -> Pass | Refuse:
        return Refuse() if link.target == self.host != link.source else Pass()


class FakeCluster:
    """A cluster of one in-process control plane."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.name = control_plane.settings.name
        self.endpoint = control_plane.endpoint
        self.ca_pins = tuple(map(str, control_plane.ca_pins))
        self.administrators_host: Host = control_plane.host
        self._open = trio.Event()

    def admin_kubeconfig(self) -> Kubeconfig:
        """The administrator's kubeconfig, off the control plane's disk."""
        return self.control_plane.admin_kubeconfig()

    async def wait_open(self) -> None:
        """Wait until nodes are let in."""
        await self._open.wait()

    async def start(self, world: World, after_seconds: float, prepare: Prepare) -> None:
        """Bring the control plane up, have it prepared, and only then let the nodes in."""
        await trio.sleep(after_seconds)
        with world.network.bent_by(_ClosedToOthers(self.control_plane.host.name)):
            await world.nursery.start(self.control_plane.run)
            await prepare(self)
        self._open.set()


class FakeGround:
    """Simulated ground; it can do all that a ground can."""

    name = "fake"
    capabilities = frozenset(Capability)

    def run(
        self, play: Callable[[World], Awaitable[ResultT]], *, seed: int, opaque_keys: bool = False
    ) -> ResultT:
        """Play on virtual time, in an order that the seed decides."""

        async def main() -> ResultT:
            async with trio.open_nursery() as nursery:
                result = await play(World(Seed(seed), nursery, opaque_keys=opaque_keys))
                nursery.cancel_scope.cancel()
            return result

        return run_deterministic(main, seed)

    async def provision(self, world: World, plan: ClusterPlan, prepare: Prepare) -> FakeCluster:
        """Make the cluster's keys and certificates, and start it when its time comes."""
        settings = ClusterSettings(
            version=plan.version,
            tokens=plan.tokens,
            key_algorithm=plan.key_algorithm,
            certificate_validity=plan.certificate_validity,
        )
        cluster = FakeCluster(ControlPlane(world.add_host(CONTROL_PLANE), settings, world.journal))
        if plan.starts_at_seconds:
            world.nursery.start_soon(cluster.start, world, plan.starts_at_seconds, prepare)
        else:
            await cluster.start(world, 0.0, prepare)
        return cluster
