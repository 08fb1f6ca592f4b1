"""Runs a scenario: lets it happen in a world of its own, and hands the journal to the checks."""

from __future__ import annotations

import trio

from joinsim.backends import Capability, FakeGround, Ground
from joinsim.errors import BackendError
from joinsim.events import JoinCompleted, LeaseCreated
from joinsim.journal import Journal
from joinsim.pki import KeyAlgorithm
from joinsim.redaction import redact
from joinsim.scenario.actions import Actions
from joinsim.scenario.cast import Cast
from joinsim.scenario.loader import Scenario
from joinsim.scenario.schema import Document
from joinsim.scenario.stage import Stage, node_name, set_stage
from joinsim.scenario.timeline import Signals, perform_all
from joinsim.scenario.verdict import Status, Verdict, judge
from joinsim.world import World

__all__ = ["run_scenario"]

SETTLE_SECONDS = 30.0
"""How long after the last join its kubelets are given to register Node and Lease."""

_RSA = (KeyAlgorithm.RSA_2048, KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096)


def run_scenario(scenario: Scenario, *, seed: int | None = None, ground: Ground | None = None) -> Verdict:
    """Run a scenario and judge it.

    ``seed`` takes the place of the file's own. What happens in the run is never raised: a
    scenario that the ground cannot carry is *skipped*, one that breaks joinsim *errored*.
    Raises :class:`~joinsim.errors.BackendError` where the ground is not there.
    """
    ground = ground or FakeGround()
    seed = scenario.model.seed if seed is None else seed
    missing = sorted(_needs(scenario.model) - ground.capabilities)
    if missing:
        said = f"the ground {ground.name} does not have {', '.join(missing)}"
        return Verdict.without_run(scenario, seed, Status.SKIPPED, said)
    play = _Play(scenario.model, ground)
    try:
        journal = ground.run(play, seed=seed, opaque_keys=scenario.model.cluster.key_algorithm in _RSA)
    except BaseException as error:  # noqa: BLE001 (what is not ours is raised again)
        cause = _cause(error)
        if isinstance(cause, BackendError) or not isinstance(cause, Exception):
            raise cause from None
        said = redact(f"{type(cause).__name__}: {cause}")
        return Verdict.without_run(scenario, seed, Status.ERRORED, said)
    return judge(scenario, seed, journal, play.cast)


def _cause(error: BaseException) -> BaseException:
    """What lies at the bottom of a group of exceptions: the user's interruption first."""
    while isinstance(error, BaseExceptionGroup):
        interruption = error.subgroup(KeyboardInterrupt)
        error = (interruption or error).exceptions[0]
    return error


def _needs(model: Document) -> frozenset[Capability]:
    """What a scenario asks of its ground beyond an API server."""
    given = model.cluster.model_fields_set
    needs = {
        Capability.LATE_START: model.cluster.starts_at > 0,
        Capability.KEY_ALGORITHM: "key_algorithm" in given,
        Capability.CERTIFICATE_VALIDITY: "certificate_validity" in given,
        Capability.FILE_SERVERS: bool(model.file_servers),
        Capability.LINKS: bool(model.adversaries),
    }
    return frozenset(capability for capability, needed in needs.items() if needed)


class _Play:
    """One run of one scenario: call it with a world, and it happens there."""

    def __init__(self, model: Document, ground: Ground) -> None:
        self._model = model
        self._ground = ground
        self.cast = Cast("", {}, (), {})

    async def __call__(self, world: World) -> Journal:
        # The checks have to know who is who even in a run that is over at once.
        stage = await set_stage(self._model, world, self._ground)
        self.cast = stage.cast
        with trio.move_on_after(self._model.deadline):
            async with trio.open_nursery() as nursery:
                await self._happen(stage, nursery)
                nursery.cancel_scope.cancel()
        return world.journal

    async def _happen(self, stage: Stage, nursery: trio.Nursery) -> None:
        """Everything, up to the moment at which nothing is left to wait for."""
        signals = Signals()
        if any(step.on is not None for step in self._model.timeline):
            nursery.start_soon(signals.watch_cluster, stage)
        await perform_all(self._model.timeline, signals, self._node_name, Actions(stage, signals).perform)
        for machine in self._model.nodes:
            await signals.wait("join", machine, "ended")
        with trio.move_on_after(SETTLE_SECONDS):
            await self._settle(stage.world)

    def _node_name(self, machine: str) -> str:
        return node_name(machine, self._model.nodes[machine])

    async def _settle(self, world: World) -> None:
        """Wait until every node that joined has its Lease, which is the last thing that it makes."""
        joined = {record.actor for record, _ in world.journal.of(JoinCompleted)}
        while not joined <= {record.actor for record, _ in world.journal.of(LeaseCreated)}:
            await trio.sleep(0.1)
