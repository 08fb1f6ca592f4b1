"""How long 24 virtual hours take, beside a bare clock that jumps as often.

    python benchmarks/day.py [ROUNDS]

The day is that of a cluster with one joined worker whose token expires in the end, once with
its kubelet silent and once with heartbeats (a Lease renewal every ten seconds). What a day
costs is the time of a run with it, less that of a run that ends with the join. Its floor is
trio's own: one task on the same virtual clock that sleeps as many times as the day had events.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from statistics import median
from time import perf_counter

import trio

from joinsim.api import BootstrapToken, TokenRecord
from joinsim.backends import FakeGround
from joinsim.controlplane import ClusterSettings, ControlPlane
from joinsim.join import BootstrapTokenDiscovery, Discovery, JoinConfiguration, JoinEngine, KubeletSettings
from joinsim.world import World, run_deterministic

ROUNDS = 5
DAY_SECONDS = 24 * 3600.0


async def join_and_wait(seconds: float, heartbeats: bool, world: World) -> int:
    """Join one worker, let so much time pass, and count what happened meanwhile."""
    token = BootstrapToken.generate(world.seed.stream("token").bytes)
    expires = world.clock.now() + timedelta(hours=23)
    host, worker = world.add_host("control-plane"), world.add_host("worker-1")
    settings = ClusterSettings(tokens=(TokenRecord(token, expiration=expires),))
    control_plane = ControlPlane(host, settings, world.journal)
    await world.nursery.start(control_plane.run)
    pins = tuple(map(str, control_plane.ca_pins))
    discovery = Discovery(BootstrapTokenDiscovery(token.value, control_plane.endpoint, pins))
    kubelet = KubeletSettings(heartbeats=heartbeats)
    outcome = await JoinEngine(worker, JoinConfiguration(discovery), world.journal, kubelet).run()
    assert outcome.joined, outcome.refusal
    before = len(world.journal)
    await trio.sleep(seconds)
    return len(world.journal) - before


async def bare_clock(jumps: int) -> None:
    """A day of nothing but the clock."""
    for _ in range(jumps):
        await trio.sleep(DAY_SECONDS / jumps)


def milliseconds(action: Callable[[], object]) -> float:
    """How long something takes."""
    began = perf_counter()
    action()
    return (perf_counter() - began) * 1000


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    ground = FakeGround()
    print(f"24 virtual hours, median of {rounds} rounds (target: well under 1000 ms)")
    for label, heartbeats in (("silent", False), ("heartbeats", True)):
        with_day = partial(ground.run, partial(join_and_wait, DAY_SECONDS, heartbeats), seed=1)
        without = partial(ground.run, partial(join_and_wait, 0.0, heartbeats), seed=1)
        events = with_day()
        clock = partial(run_deterministic, partial(bare_clock, max(events, 1)), 1)
        days, floors = [], []
        for _ in range(rounds):
            days.append(milliseconds(with_day) - milliseconds(without))
            floors.append(milliseconds(clock))
        day, floor = median(days), median(floors)
        print(
            f"  {label:<10} {day:9.1f} ms   floor {floor:7.1f} ms   ratio {day / floor:6.1f}   ({events} events)"
        )


if __name__ == "__main__":
    main()
