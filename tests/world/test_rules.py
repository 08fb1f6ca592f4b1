import pytest

from joinsim.world import Delay, Divert, Drop, Link, LinkRule, Network, Pass, Refuse, partition

LINK = Link("worker-1", "control-plane", 6443)


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({}, True),
        ({"source": "worker-1"}, True),
        ({"source": "worker-2"}, False),
        ({"target": "control-plane"}, True),
        ({"target": "worker-1"}, False),
        ({"port": 6443}, True),
        ({"port": 6444}, False),
        ({"port": 0}, False),
        ({"source": "worker-1", "target": "control-plane", "port": 6443}, True),
        ({"source": "worker-1", "target": "control-plane", "port": 443}, False),
        ({"source": "worker-2", "target": "control-plane", "port": 6443}, False),
        ({"source": "control-plane", "target": "worker-1"}, False),
        ({"source": ""}, False),
        ({"source": "Worker-1"}, False),
    ],
)
def test_a_rule_acts_where_every_field_that_is_set_is_the_links(fields, matches):
    assert LinkRule(Drop(), **fields).judge(LINK) == (Drop() if matches else Pass())


def test_without_rules_everything_passes():
    assert Network().judge(LINK) == Pass()


def test_the_first_rule_that_does_not_pass_decides():
    network = Network()
    for rule in (
        LinkRule(Refuse(), source="worker-2"),
        LinkRule(Pass()),
        LinkRule(Delay(1)),
        LinkRule(Drop()),
    ):
        network.lay(rule)
    assert network.judge(LINK) == Delay(1)
    assert network.judge(Link("worker-2", "control-plane", 6443)) == Refuse()


def test_a_rule_counts_within_its_block_only():
    network = Network()
    with network.bent_by(LinkRule(Drop())):
        assert network.judge(LINK) == Drop()
        with network.bent_by(LinkRule(Refuse())):
            assert network.judge(LINK) == Drop()
    assert network.judge(LINK) == Pass()


def test_a_rule_is_lifted_when_its_block_fails():
    network = Network()
    with pytest.raises(LookupError), network.bent_by(LinkRule(Drop())):
        raise LookupError
    assert network.judge(LINK) == Pass()


def test_lifting_one_rule_leaves_the_others():
    network = Network()
    first, second = LinkRule(Delay(1)), LinkRule(Delay(2))
    network.lay(first)
    network.lay(second)
    network.lift(first)
    assert network.judge(LINK) == Delay(2)


def test_a_rule_laid_twice_is_lifted_once_at_a_time():
    network = Network()
    with network.bent_by(LinkRule(Drop())):
        with network.bent_by(LinkRule(Drop())):
            pass
        assert network.judge(LINK) == Drop()


def test_lifting_a_rule_that_was_not_laid_is_our_own_bug():
    with pytest.raises(ValueError, match="not in list"):
        Network().lift(LinkRule(Drop()))


@pytest.mark.parametrize(
    ("source", "target", "action"),
    [
        ("a", "c", Drop()),
        ("c", "a", Drop()),
        ("b", "d", Drop()),
        ("a", "b", Pass()),
        ("b", "a", Pass()),
        ("c", "d", Pass()),
        ("a", "a", Pass()),
    ],
)
def test_a_partition_drops_what_crosses_it_and_nothing_else(source, target, action):
    assert partition("a", "b").judge(Link(source, target, 1)) == action


def test_a_partition_of_nobody_cuts_nothing():
    assert partition().judge(LINK) == Pass()


@pytest.mark.parametrize("action", [Delay(0.5), Divert("mallory"), Divert("mallory", 1), Refuse()])
def test_any_action_may_be_a_rules(action):
    assert LinkRule(action).judge(LINK) is action
