"""What was to happen and did not: steps whose moment never came, attacks that never fired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from joinsim.events import AttackFired, StepFailed, StepFired
from joinsim.journal import Journal
from joinsim.scenario.schema import Step

__all__ = ["idle_attacks", "idle_steps"]


def idle_steps(steps: Sequence[Step], journal: Journal) -> Iterator[tuple[int, str]]:
    """The steps, by index, that did not happen or came to nothing, and why."""
    fired = {event.step for _, event in journal.of(StepFired)}
    failed = {event.step: event.message for _, event in journal.of(StepFailed)}
    for index, step in enumerate(steps):
        if index in failed:
            yield index, failed[index]
        elif index not in fired:
            yield index, f"vacuous: {_awaited(step)} before the run was over"


def _awaited(step: Step) -> str:
    if step.on is None:
        return "its time did not come"
    kind, name = step.on.subject
    return (
        f"the {kind} of {name} was never {step.on.state}"
        if kind == "csr"
        else f"{kind} {name} never {step.on.state}"
    )


def idle_attacks(steps: Sequence[Step], journal: Journal) -> Iterator[tuple[int, str]]:
    """The attacks, by the index of their step, that no victim could have noticed."""
    fired = {(record.actor, event.attack) for record, event in journal.of(AttackFired)}
    for index, step in enumerate(steps):
        if step.attack is not None and (step.by, step.attack) not in fired:
            yield index, step.attack
