"""An adversary: a machine on the network, a place on the path between others, and what it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joinsim.adversary.knowledge import Knowledge
from joinsim.api import BootstrapToken
from joinsim.world import Host, World

__all__ = ["Adversary"]


@dataclass(frozen=True)
class Adversary:
    """One adversary. It stands on the path of what ``source`` sends to ``target``."""

    host: Host
    world: World
    source: str
    target: str
    knowledge: Knowledge

    @classmethod
    def enter(
        cls, world: World, name: str, between: tuple[str, str], tokens: Sequence[BootstrapToken]
    ) -> Adversary:
        """Put an adversary into the world, with what it holds from the start."""
        knowledge = Knowledge(world.journal, name)
        for token in tokens:
            knowledge.learn_token(token, "held from the start", at_start=True)
        source, target = between
        return cls(world.add_host(name), world, source, target, knowledge)
