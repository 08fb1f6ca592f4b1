"""What a file expects, held against what the journal shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from joinsim.errors import Reason
from joinsim.events import (
    AttackFired,
    ClusterBooted,
    CsrApproved,
    CsrCreated,
    CsrDenied,
    CsrIssued,
    DiscoveryAccepted,
    JoinCompleted,
    JoinFailed,
    JoinStarted,
)
from joinsim.gofmt import duration
from joinsim.journal import Journal
from joinsim.scenario.cast import Cast
from joinsim.scenario.expected import AttackExpectation, CsrExpectation, NodeExpectation, Outcome

__all__ = ["Observation", "observe", "outcome_of", "trusted_by"]

Observation: TypeAlias = tuple[str, str, bool]
"""What was expected, what was observed, and whether they agree."""


def observe(
    expectation: NodeExpectation | CsrExpectation | AttackExpectation, journal: Journal, cast: Cast
) -> Iterator[Observation]:
    """Everything that one expectation asks, each part by itself."""
    if isinstance(expectation, NodeExpectation):
        yield from _node(expectation, journal, cast)
    elif isinstance(expectation, CsrExpectation):
        yield from _csr(expectation, journal, cast)
    else:
        fired = [event for _, event in journal.of(AttackFired) if event.attack == expectation.attack]
        observed = f"fired: {fired[0].detail}" if fired else "it never fired"
        wanted = "fires" if expectation.fired else "does not fire"
        yield f"{expectation.attack} {wanted}", observed, bool(fired) == expectation.fired


def outcome_of(node: str, journal: Journal) -> str:
    """How a node's join ended, in a few words: ``joined``, ``refused: pin-mismatch``."""
    if any(journal.of(JoinCompleted, node)):
        return str(Outcome.JOINED)
    failed = next((event for _, event in journal.of(JoinFailed, node)), None)
    return f"{_outcome_of(failed)}: {failed.reason}" if failed else "did not finish"


# --- joins -----------------------------------------------------------------------------------


def _node(expectation: NodeExpectation, journal: Journal, cast: Cast) -> Iterator[Observation]:
    name = expectation.node
    failed = next((event for _, event in journal.of(JoinFailed, name)), None)
    joined = any(journal.of(JoinCompleted, name))
    outcome = Outcome.JOINED if joined else _outcome_of(failed)
    yield (
        f"{name} {_described(expectation.outcome, expectation.phase, expectation.reason)}",
        f"{name} {_observed(outcome, failed)}",
        outcome is expectation.outcome
        and (failed is None or failed.phase == expectation.phase)
        and (expectation.reason is None or (failed is not None and failed.reason == expectation.reason)),
    )
    if expectation.error is not None:
        said = failed.message if failed else ""
        yield (
            f"{name} says: {expectation.error}",
            f"{name} says: {said or 'nothing'}",
            expectation.error in said,
        )
    if expectation.trusts is not None:
        trusted = trusted_by(name, journal, cast)
        yield f"{name} trusts {expectation.trusts}", f"{name} trusts {trusted}", trusted == expectation.trusts
    if expectation.takes is not None:
        yield _took(name, expectation.takes, journal)


def _outcome_of(failed: JoinFailed | None) -> Outcome | None:
    if failed is None:
        return None
    return Outcome.TIMED_OUT if failed.timed_out else Outcome.REFUSED


def _described(outcome: Outcome, phase: str | None, reason: Reason | str | None) -> str:
    if phase is None:
        return str(outcome)
    return f"{outcome} in {phase}: {reason}" if reason else f"{outcome} in {phase}"


def _observed(outcome: Outcome | None, failed: JoinFailed | None) -> str:
    if outcome is None:
        return "did not finish"
    if failed is None:
        return str(outcome)
    return f"{_described(outcome, failed.phase, failed.reason)} ({failed.message})"


def trusted_by(node: str, journal: Journal, cast: Cast) -> str:
    """Whose keys a node believes after discovery: ``cluster``, an adversary's name, or ``nobody``.

    A bundle that holds an adversary's key trusts the adversary, whatever else is in it; one
    with a key in it that belongs to none of them trusts ``a stranger``.
    """
    foreign = {pin for _, event in journal.of(DiscoveryAccepted, node) for pin in event.ca_pins}
    if not foreign:
        return "nobody"
    for _, event in journal.of(ClusterBooted):
        if event.cluster != cast.cluster and foreign & set(event.ca_pins):
            return event.cluster
        foreign -= set(event.ca_pins)
    return "a stranger" if foreign else "cluster"


def _took(name: str, bounds: tuple[float, float], journal: Journal) -> Observation:
    shortest, longest = bounds
    expected = f"{name} takes between {duration(shortest)} and {duration(longest)}"
    began = next((record.at for record, _ in journal.of(JoinStarted, name)), None)
    ended = [record.at for kind in (JoinCompleted, JoinFailed) for record, _ in journal.of(kind, name)]
    if began is None or not ended:
        return expected, f"{name} did not finish", False
    taken = ended[0] - began
    return expected, f"{name} took {duration(round(taken, 3))}", shortest <= taken <= longest


# --- certificate signing requests ------------------------------------------------------------


def _csr(expectation: CsrExpectation, journal: Journal, cast: Cast) -> Iterator[Observation]:
    node = cast.nodes[expectation.csr]
    subject = f"system:node:{node}"
    created = [
        event
        for _, event in journal.of(CsrCreated)
        if event.cluster == cast.cluster and event.common_name == subject
    ]
    if not created:
        yield f"the CSR of {node} is {expectation.state}", "there was none", False
        return
    last = created[-1]
    state, approver = _csr_end(cast.cluster, last.csr, journal)
    yield f"the CSR of {node} is {expectation.state}", f"it is {state}", state == expectation.state
    if expectation.requestor is not None:
        wanted = expectation.requestor
        if wanted.startswith("token:"):
            wanted = f"system:bootstrap:{cast.tokens[wanted.removeprefix('token:')]}"
        yield f"its requestor is {wanted}", f"it is {last.requestor}", last.requestor == wanted
    if expectation.approver is not None:
        yield (
            f"{expectation.approver} decides on it",
            f"{approver or 'nobody'} did",
            approver == expectation.approver,
        )


def _csr_end(cluster: str, csr: str, journal: Journal) -> tuple[str, str]:
    """The state in which a CSR is left, and who decided on it."""
    subject = (cluster, csr)
    denied = [event.approver for _, event in journal.of(CsrDenied) if (event.cluster, event.csr) == subject]
    approved = [
        event.approver for _, event in journal.of(CsrApproved) if (event.cluster, event.csr) == subject
    ]
    if denied:
        return "denied", denied[0]
    if any((event.cluster, event.csr) == subject for _, event in journal.of(CsrIssued)):
        return "issued", approved[0] if approved else ""
    return ("approved", approved[0]) if approved else ("pending", "")
