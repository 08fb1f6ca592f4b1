"""Verdicts: what was expected, what the journal shows, and whether the two agree.

A verdict is read off a finished journal and nothing else. Besides the expectations of the
file every trust property is judged, and every step and attack has to have happened: a
scenario whose attack never fired has shown nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from joinsim.errors import Location
from joinsim.events import JoinCompleted, JoinFailed
from joinsim.journal import Journal, Record
from joinsim.scenario.cast import Cast
from joinsim.scenario.expectations import observe, outcome_of
from joinsim.scenario.expected import (
    AttackExpectation,
    NodeExpectation,
    Outcome,
    Property,
    PropertyExpectation,
)
from joinsim.scenario.loader import Scenario
from joinsim.scenario.properties import breaches
from joinsim.scenario.vacuity import idle_attacks, idle_steps

__all__ = ["Check", "CheckKind", "Status", "Verdict", "judge"]


class Status(StrEnum):
    """What became of a scenario."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


class CheckKind(StrEnum):
    """What a check is about. Safety (trust properties) is judged apart from liveness (outcomes)."""

    EXPECTATION = "expectation"
    PROPERTY = "property"
    VACUITY = "vacuity"


@dataclass(frozen=True)
class Check:
    """One thing that was judged: what was expected, what was observed, and where the file says so."""

    kind: CheckKind
    held: bool
    expected: str
    observed: str
    location: Location | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of one scenario, run with one seed.

    ``properties`` gives each trust property that was broken how it was broken; ``problem``
    says why there is nothing to judge (errored, skipped). ``elapsed_seconds`` is when
    the last join ended, on the world's clock. The journal is None where nothing ran.
    """

    scenario: Scenario
    seed: int
    status: Status
    checks: tuple[Check, ...] = ()
    broken: tuple[tuple[Property, str], ...] = ()
    problem: str = ""
    elapsed_seconds: float = 0.0
    journal: Journal | None = field(default=None, repr=False)

    @classmethod
    def without_run(cls, scenario: Scenario, seed: int, status: Status, problem: str) -> Verdict:
        """The verdict on a scenario that did not run, or not to its end."""
        return cls(scenario, seed, status, problem=problem)

    @property
    def failures(self) -> list[Check]:
        """The checks that did not hold."""
        return [check for check in self.checks if not check.held]

    @property
    def reproduce(self) -> str:
        """The one command that runs exactly this again."""
        only = f" -k {shlex.quote(self.scenario.name)}" if self.scenario.cell else ""
        return f"joinsim run {shlex.quote(self.scenario.file)} --seed {self.seed}{only}"


def judge(scenario: Scenario, seed: int, journal: Journal, cast: Cast) -> Verdict:
    """Judge a finished run by its journal."""
    broken = tuple(breaches(journal, cast).items())
    checks = tuple(_checks(scenario, journal, cast, dict(broken)))
    status = Status.PASSED if all(check.held for check in checks) else Status.FAILED
    elapsed = max((record.at for record in _endings(journal)), default=0.0)
    return Verdict(scenario, seed, status, checks, broken, elapsed_seconds=elapsed, journal=journal)


def _endings(journal: Journal) -> Iterator[Record]:
    """The ends of all joins; where none ended, everything."""
    ended = [record for kind in (JoinCompleted, JoinFailed) for record, _ in journal.of(kind)]
    yield from ended or journal


def _checks(scenario: Scenario, journal: Journal, cast: Cast, broken: dict[Property, str]) -> Iterator[Check]:
    meant_broken = dict.fromkeys(Property, False)
    stated: dict[Property, Location] = {}
    meant_idle: set[str] = set()
    named: set[str] = set()
    for location, expectation in scenario.expectations():
        if isinstance(expectation, PropertyExpectation):
            stated[expectation.property] = location
            meant_broken[expectation.property] = expectation.broken
            continue
        if isinstance(expectation, NodeExpectation):
            named.add(expectation.node)
            if Property.AVAILABLE not in stated:
                meant_broken[Property.AVAILABLE] |= expectation.outcome is not Outcome.JOINED
        if isinstance(expectation, AttackExpectation) and not expectation.fired:
            meant_idle.add(expectation.attack)
        for expected, observed, held in observe(expectation, journal, cast):
            yield Check(CheckKind.EXPECTATION, held, expected, observed, location)
    # What is expected of a node says itself whether it is available to that node, and nothing of others.
    implied = meant_broken[Property.AVAILABLE] and Property.AVAILABLE not in stated
    for judged in Property:
        if judged is not Property.AVAILABLE or not implied:
            yield _property(judged, meant_broken[judged], broken, stated.get(judged))
    if implied:
        yield from _absent(set(cast.nodes) - named, journal)
    yield from _vacuity(scenario, journal, meant_idle)


def _absent(nodes: Collection[str], journal: Journal) -> Iterator[Check]:
    """The nodes, of those of which nothing is expected, that did not join."""
    for node in sorted(nodes):
        outcome = outcome_of(node, journal)
        if outcome != Outcome.JOINED:
            expected = f"{node} joins, since nothing else is expected of it"
            yield Check(CheckKind.PROPERTY, False, expected, f"{node} {outcome}")


def _property(
    judged: Property, expected_broken: bool, broken: dict[Property, str], location: Location | None
) -> Check:
    is_broken = judged in broken
    return Check(
        CheckKind.PROPERTY,
        is_broken == expected_broken,
        f"{judged} {'broken' if expected_broken else 'holds'}",
        f"broken: {broken[judged]}" if is_broken else "holds",
        location,
    )


def _vacuity(scenario: Scenario, journal: Journal, meant_idle: Collection[str]) -> Iterator[Check]:
    timeline = scenario.model.timeline
    for index, problem in idle_steps(timeline, journal):
        expected = f"the step {timeline[index].action} happens"
        yield Check(CheckKind.VACUITY, False, expected, problem, scenario.step_location(index))
    for index, attack in idle_attacks(timeline, journal):
        if attack not in meant_idle:
            expected, observed = f"the attack {attack} fires", "vacuous: it never did"
            yield Check(CheckKind.VACUITY, False, expected, observed, scenario.step_location(index))
