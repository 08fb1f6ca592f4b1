"""The phases of a join, as data.

Order, names and nesting are kubeadm 1.36's. What a phase does is the engine's method of
the same name; the phases that do something only on a control plane have none here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["PHASES", "Phase", "UnknownPhaseError", "phases_to_run"]


@dataclass(frozen=True)
class Phase:
    """One phase: its name, its sub-phases, and whether a worker's join does anything in it."""

    name: str
    children: tuple[str, ...] = ()
    for_workers: bool = False
    hidden: bool = False


PHASES: tuple[Phase, ...] = (
    Phase("preflight", for_workers=True),
    Phase("control-plane-prepare", ("download-certs", "certs", "kubeconfig", "control-plane")),
    Phase("check-etcd", hidden=True),
    Phase("kubelet-start", for_workers=True),
    Phase("etcd-join"),
    Phase("kubelet-wait-bootstrap", for_workers=True),
    Phase("control-plane-join", ("mark-control-plane",)),
    Phase("wait-control-plane"),
)


class UnknownPhaseError(ValueError):
    """A phase to be skipped that there is not; the message is kubeadm's."""


def _names() -> Iterator[str]:
    for phase in PHASES:
        yield phase.name
        yield from (f"{phase.name}/{child}" for child in phase.children)


def phases_to_run(skipped: Sequence[str]) -> list[Phase]:
    """The phases of a worker's join that are left when some are skipped."""
    known = set(_names())
    for name in skipped:
        if name not in known:
            raise UnknownPhaseError(f"invalid phase name: {name}")
    return [phase for phase in PHASES if phase.for_workers and phase.name not in skipped]
