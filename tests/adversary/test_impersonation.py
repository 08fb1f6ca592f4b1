"""A control plane of the adversary's own, between one machine and another."""

import pytest

from joinsim.adversary import Adversary, impersonate_control_plane
from joinsim.api import BootstrapToken
from joinsim.errors import Reason
from joinsim.events import (
    AttackFired,
    ClusterBooted,
    CsrIssued,
    DiscoveryAccepted,
    KnowledgeGained,
    RequestServed,
)
from joinsim.join import BootstrapTokenDiscovery, Discovery, JoinConfiguration, JoinEngine, KubeletSettings
from tests.pair import TOKEN, JoinPair

WRONG_SECRET = BootstrapToken.parse("abcdef.fedcba9876543210")
SECOND = BootstrapToken.parse("second.0123456789abcdef")


def attacked(
    play, *, pinned, holds=(TOKEN,), between=("worker-1", "control-plane"), tls_bootstrap="", after=None
):
    """Join under attack: the outcome, and the world in which it came to pass."""

    async def body(world):
        pair = await JoinPair.create(world)
        adversary = Adversary.enter(world, "mallory", between, list(holds))
        await impersonate_control_plane(adversary)
        pins = pair.pins if pinned else ()
        by_token = BootstrapTokenDiscovery(pair.token.value, pair.control_plane.endpoint, pins, not pinned)
        config = JoinConfiguration(Discovery(by_token, None, tls_bootstrap))
        outcome = await pair.join(config)
        if after is not None:
            await after(pair)
        return outcome, world, pair, adversary

    return play(body)


def events(world, kind, actor=None):
    return [event for _, event in world.journal.of(kind, actor)]


def pins_of(world, cluster):
    return next(set(event.ca_pins) for event in events(world, ClusterBooted) if event.cluster == cluster)


def test_with_the_token_and_no_pin_a_node_trusts_the_adversary(play):
    outcome, world, pair, adversary = attacked(play, pinned=False)
    assert outcome.joined
    (accepted,) = events(world, DiscoveryAccepted)
    assert set(accepted.ca_pins) == pins_of(world, "mallory") != set(pair.pins)
    assert {event.cluster for event in events(world, CsrIssued)} == {"mallory"}
    assert adversary.host.name == "mallory"


def test_with_the_token_and_a_pin_a_node_refuses(play):
    outcome, world, _, _ = attacked(play, pinned=True)
    assert (outcome.refusal.phase, outcome.refusal.reason) == ("preflight", Reason.PIN_MISMATCH)
    assert events(world, DiscoveryAccepted) == []
    assert events(world, AttackFired)


@pytest.mark.parametrize("pinned", [True, False])
def test_without_the_token_nothing_can_be_signed(play, pinned):
    outcome, world, _, _ = attacked(play, pinned=pinned, holds=())
    assert (outcome.refusal.reason, outcome.refusal.timed_out) == (Reason.SIGNATURE_MISSING, True)
    assert events(world, DiscoveryAccepted) == []


@pytest.mark.parametrize("pinned", [True, False])
def test_with_a_wrong_secret_the_signature_does_not_hold(play, pinned):
    outcome, world, _, _ = attacked(play, pinned=pinned, holds=(WRONG_SECRET,))
    assert (outcome.refusal.reason, outcome.refusal.timed_out) == (Reason.SIGNATURE_INVALID, False)
    assert events(world, DiscoveryAccepted) == []


def test_the_attack_fires_when_the_victim_first_asks_and_once(play):
    _, world, _, _ = attacked(play, pinned=False)
    (fired,) = events(world, AttackFired, "mallory")
    assert (fired.attack, fired.victim) == ("impersonate-control-plane", "worker-1")
    assert fired.detail.startswith("answered GET /api/v1/namespaces/kube-public/configmaps/cluster-info")


def test_an_attack_that_nobody_meets_does_not_fire(play):
    outcome, world, pair, _ = attacked(play, pinned=True, between=("worker-2", "control-plane"))
    assert outcome.joined
    assert events(world, AttackFired) == []
    assert set(events(world, DiscoveryAccepted)[0].ca_pins) == set(pair.pins)


@pytest.mark.parametrize(
    "between", [("worker-2", "control-plane"), ("control-plane", "worker-1"), ("worker-1", "worker-2")]
)
def test_who_stands_on_another_path_sees_nothing(play, between):
    outcome, world, _, _ = attacked(play, pinned=False, between=between)
    assert outcome.joined
    assert {
        event.cluster for event in events(world, RequestServed) if event.user_agent.startswith("kube")
    } >= {"cluster"}
    assert not [
        event
        for event in events(world, RequestServed)
        if event.cluster == "mallory" and "kubeadm" in event.user_agent
    ]
    assert {event.at_start for event in events(world, KnowledgeGained, "mallory")} == {True}


def test_another_machine_reaches_the_real_control_plane_meanwhile(play):
    async def second_joins(pair):
        other = pair.world.add_host("worker-2")
        outcome = await JoinEngine(other, pair.pinned(), pair.world.journal, KubeletSettings()).run()
        assert outcome.joined

    outcome, world, pair, _ = attacked(play, pinned=True, after=second_joins)
    assert not outcome.joined
    (accepted,) = events(world, DiscoveryAccepted, "worker-2")
    assert set(accepted.ca_pins) == set(pair.pins)


def test_what_the_false_control_plane_is_sent_it_knows(play):
    outcome, world, _, adversary = attacked(play, pinned=False, tls_bootstrap=SECOND.value)
    assert not outcome.joined
    learnt = [event for event in events(world, KnowledgeGained, "mallory") if not event.at_start]
    assert [(event.kind, event.subject, event.source) for event in learnt] == [
        ("token", "second", "worker-1")
    ]
    assert adversary.knowledge.tokens["second"] == SECOND
    assert SECOND.secret not in world.journal.text()


def test_a_victim_that_refuses_gives_nothing_away(play):
    # The token itself is never sent in discovery, only a signature made with it.
    _, world, _, _ = attacked(play, pinned=True, holds=(), tls_bootstrap=SECOND.value)
    assert {event.at_start for event in events(world, KnowledgeGained, "mallory")} <= {True}


def test_an_adversary_holds_its_own_keys_from_the_start_and_none_of_the_clusters(play):
    _, world, pair, _ = attacked(play, pinned=True)
    keys = {
        event.subject: event.at_start
        for event in events(world, KnowledgeGained)
        if event.kind == "private-key"
    }
    assert keys == dict.fromkeys(pins_of(world, "mallory"), True)
    assert not set(keys) & set(pair.pins)
