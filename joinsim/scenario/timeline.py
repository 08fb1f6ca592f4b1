"""When the steps of a timeline come to their moment.

Steps of one moment are carried out one after the other, in the order of the file; what
has another moment does not wait for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import trio

from joinsim.api.csr import csr_state
from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, NODES, JsonObject, name_of
from joinsim.scenario.administrator import requested_node
from joinsim.scenario.schema import Step
from joinsim.scenario.stage import Stage

__all__ = ["Signals", "perform_all"]

Signal: TypeAlias = tuple[str, str, str]
"""Kind, Node name, state: ``("csr", "worker-1", "pending")``."""

_REACHED = {
    "pending": ("pending",),
    "approved": ("pending", "approved"),
    "denied": ("pending", "denied"),
    "issued": ("pending", "approved", "issued"),
}
"""The states that a CSR has been through when it is seen in one."""


class Signals:
    """What has happened that a step may wait for; each signal comes once."""

    def __init__(self) -> None:
        self._events: defaultdict[Signal, trio.Event] = defaultdict(trio.Event)

    def send(self, kind: str, name: str, state: str) -> None:
        """Say that something has happened."""
        self._events[kind, name, state].set()

    async def wait(self, kind: str, name: str, state: str) -> None:
        """Wait until it has."""
        await self._events[kind, name, state].wait()

    async def watch_cluster(self, stage: Stage) -> None:
        """Send what the API shows the administrator of CSRs and Nodes, until cancelled."""
        await stage.cluster.wait_open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.administrator.follow, CERTIFICATE_SIGNING_REQUESTS, self._csr_seen)
            nursery.start_soon(stage.administrator.follow, NODES, self._node_seen)

    def _csr_seen(self, csr: JsonObject) -> None:
        node = requested_node(csr)
        for state in _REACHED[csr_state(csr)]:
            self.send("csr", node, state)

    def _node_seen(self, node: JsonObject) -> None:
        self.send("node", name_of(node), "registered")


async def perform_all(
    steps: Sequence[Step],
    signals: Signals,
    node_name: Callable[[str], str],
    perform: Callable[[int, Step], Awaitable[None]],
) -> None:
    """Carry out every step at its moment; returns when the last is done.

    ``node_name`` gives a machine the name of its Node. Times are from now on.
    """
    began = trio.current_time()
    moments: defaultdict[tuple[object, float], list[int]] = defaultdict(list)
    for index, step in enumerate(steps):
        moments[step.on, step.at if step.at is not None else step.after or 0.0].append(index)

    async def perform_group(first: Step, indices: Sequence[int]) -> None:
        if first.on is None:
            await trio.sleep_until(began + (first.at or 0.0))
        else:
            kind, name = first.on.subject
            await signals.wait(kind, name if kind == "join" else node_name(name), first.on.state)
            await trio.sleep(first.after or 0.0)
        for index in indices:
            await perform(index, steps[index])

    async with trio.open_nursery() as nursery:
        for indices in moments.values():
            nursery.start_soon(perform_group, steps[indices[0]], indices)
