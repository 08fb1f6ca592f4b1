"""One simulated world: a seed, a clock, a network, the hosts on it, a journal."""

from __future__ import annotations

import trio

from joinsim.journal import Journal
from joinsim.world.clock import Clock, SkewedClock, VirtualClock
from joinsim.world.files import MemoryFiles
from joinsim.world.host import Host, Services
from joinsim.world.network import HostDialer, Network
from joinsim.world.seed import Seed

__all__ = ["World"]


class World:
    """Everything that a run shares. Services of its hosts run in ``nursery``."""

    def __init__(
        self,
        seed: Seed,
        nursery: trio.Nursery,
        *,
        clock: VirtualClock | None = None,
        network: Network | None = None,
        opaque_keys: bool = False,
    ) -> None:
        self.seed = seed
        self.nursery = nursery
        self.clock = clock or VirtualClock()
        self.network = network or Network()
        self.journal = Journal(self.clock.elapsed, opaque_keys=opaque_keys)
        self.hosts: dict[str, Host] = {}

    def add_host(self, name: str, *, address: str = "", clock_skew_seconds: float = 0.0) -> Host:
        """Put a machine onto the network; its disk is empty but for an empty root."""
        clock: Clock = self.clock
        if clock_skew_seconds:
            clock = SkewedClock(self.clock, clock_skew_seconds)
        host = Host(
            name=name,
            address=self.network.add_host(name, address),
            files=MemoryFiles(),
            dialer=HostDialer(self.network, name),
            clock=clock,
            randomness=self.seed.scoped(name),
            services=Services(name, self.nursery, self.journal),
            network=self.network,
        )
        self.hosts[name] = host
        return host
