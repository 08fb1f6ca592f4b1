"""impersonate-control-plane: a control plane of the adversary's own, in the place of the real one.

The adversary runs what any cluster runs, under a CA of its own, and signs its
cluster-info with the tokens that it knows. Whoever it stands in the way of reaches it
instead of the cluster.
"""

from __future__ import annotations

from joinsim.adversary.adversary import Adversary
from joinsim.api import TokenRecord
from joinsim.controlplane import ClusterSettings, ControlPlane
from joinsim.events import AttackFired
from joinsim.wire import Request
from joinsim.world import Divert, LinkRule

__all__ = ["ATTACK", "impersonate_control_plane"]

ATTACK = "impersonate-control-plane"


async def impersonate_control_plane(adversary: Adversary) -> None:
    """Start the false control plane and divert the victim's connections to it, from now on."""
    host, world = adversary.host, adversary.world
    tokens = tuple(TokenRecord(token) for token in adversary.knowledge.tokens.values())
    fired = False

    def overhear(request: Request) -> None:
        nonlocal fired
        if not fired:
            fired = True
            detail = f"answered {request.method} {request.path}"
            world.journal.append(host.name, AttackFired(ATTACK, adversary.source, detail))
        adversary.knowledge.learn_bearer(request.headers.get("authorization", ""), adversary.source)

    false = ControlPlane(
        host, ClusterSettings(name=host.name, tokens=tokens), world.journal, overhear=overhear
    )
    adversary.knowledge.learn_key(false.ca_key, "made by itself", at_start=True)
    await world.nursery.start(false.run)
    world.network.lay(LinkRule(Divert(host.name), adversary.source, adversary.target))
