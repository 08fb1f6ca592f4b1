"""A control plane and a machine that may join it, on one simulated network.

def test_something(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome = await pair.join()
        assert outcome.joined

    play(body)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import trio

from joinsim.api import BootstrapToken, TokenRecord
from joinsim.controlplane import ClusterSettings, ControlPlane
from joinsim.join import (
    BootstrapTokenDiscovery,
    Discovery,
    JoinConfiguration,
    JoinEngine,
    JoinOutcome,
    KubeletSettings,
)
from joinsim.wire import ApiClient, ClientTls, Connection, Connections, Request, connection_of
from joinsim.world import Host, World

TOKEN = BootstrapToken.parse("abcdef.0123456789abcdef")


@dataclass
class JoinPair:
    """``control_plane`` runs; ``worker`` is an empty machine beside it."""

    world: World
    control_plane: ControlPlane
    worker: Host
    token: BootstrapToken

    @classmethod
    async def create(
        cls,
        world: World,
        *,
        worker: str = "worker-1",
        overhear: Callable[[Request], None] | None = None,
        **settings: object,
    ) -> JoinPair:
        """Boot a control plane (``settings`` are ClusterSettings' fields) with the token ``TOKEN``.

        ``worker`` names the machine beside it; ``overhear`` is shown every request.
        """
        asked = ClusterSettings(tokens=(TokenRecord(TOKEN),))
        control_plane = ControlPlane(
            world.add_host("control-plane"), replace(asked, **settings), world.journal, overhear=overhear
        )
        host = world.add_host(worker)
        await world.nursery.start(control_plane.run)
        # A virtual moment, in which the controllers do what they do at their start.
        await trio.sleep(0.001)
        return cls(world, control_plane, host, TOKEN)

    @property
    def pins(self) -> tuple[str, ...]:
        """The pins of the cluster's CA."""
        return tuple(map(str, self.control_plane.ca_pins))

    def pinned(self, **fields: object) -> JoinConfiguration:
        """A configuration for joining with token and pin; ``fields`` are JoinConfiguration's."""
        discovery = BootstrapTokenDiscovery(self.token.value, self.control_plane.endpoint, self.pins)
        return replace(JoinConfiguration(Discovery(discovery)), **fields)

    async def join(
        self,
        config: JoinConfiguration | None = None,
        *,
        host: Host | None = None,
        kubelet: KubeletSettings | None = None,
    ) -> JoinOutcome:
        """Join the worker, or another host, with token and pin unless told otherwise."""
        engine = JoinEngine(
            host or self.worker, config or self.pinned(), self.world.journal, kubelet or KubeletSettings()
        )
        return await engine.run()

    def administrator(self) -> ApiClient:
        """A client with the administrator's kubeconfig, dialling from the worker."""
        connection = connection_of(
            self.control_plane.admin_kubeconfig(), self.worker.files.read, self.worker.ca_bundle
        )
        return self._client(connection)

    def client(self, token: str = "") -> ApiClient:
        """A client with a bearer token, or anonymous, that verifies nothing."""
        return self._client(Connection(f"https://{self.control_plane.endpoint}", ClientTls(None), token))

    def _client(self, connection: Connection) -> ApiClient:
        connections = Connections(self.worker.dialer, self.worker.clock)
        return connections.client(connection, user_agent="tests/1", timeout_seconds=10)
