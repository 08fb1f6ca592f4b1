"""Real verdicts of every kind, from scenarios that ran."""

from dataclasses import replace

import pytest

from joinsim.backends import FakeGround
from joinsim.errors import JoinsimError
from joinsim.scenario import load_text, run_scenario

PASSING = """\
joinsim: 1
summary: A node with a token and a pin joins.
claim: C18
cluster: {tokens: {join: {}}}
nodes:
  worker-1:
    discovery: {token: join, pin: cluster}
timeline:
  - {at: 0s, join: worker-1}
expect:
  - {node: worker-1, outcome: joined, takes: [0s, 5s]}
"""
FAILING = PASSING.replace(
    "outcome: joined, takes: [0s, 5s]", "outcome: joined, takes: [1m, 2m], trusts: nobody"
)
ATTACKED = (
    PASSING.replace("pin: cluster", "pin: none")
    .replace(
        "timeline:\n",
        "adversaries:\n  mallory: {position: {between: [worker-1, control-plane]}, holds: [{token: join}]}\n"
        "timeline:\n  - {at: 0s, by: mallory, attack: impersonate-control-plane}\n",
    )
    .replace("at: 0s, join", "at: 1s, join")
)
SEVERAL = PASSING.replace(
    "nodes:\n", "nodes:\n  worker-2:\n    discovery: {token: zzzzzz.0123456789abcdef, pin: cluster}\n"
).replace("timeline:\n", "timeline:\n  - {at: 0s, join: worker-2}\n") + (
    "  - {node: worker-2, outcome: timed-out, phase: preflight, reason: signature-missing}\n"
)
CELLS = PASSING.replace("at: 0s", 'at: "${at}"') + "matrix: {at: [0s, 1m]}\n"


class BareGround(FakeGround):
    """A ground that can do nothing besides."""

    name = "bare"
    capabilities = frozenset()


class BrokenGround(FakeGround):
    """A ground on which joinsim itself breaks."""

    async def provision(self, world, plan, prepare):
        raise JoinsimError("the floor gave way under abcdef.0123456789abcdef")


def verdict_of(text, file="scenarios/x.yaml", *, ground=None, cell=0):
    return run_scenario(load_text(text, file)[cell], ground=ground)


@pytest.fixture(scope="session")
def verdicts():
    """By status, and by what is special about them."""
    needy = PASSING.replace("cluster: {", "cluster: {startsAt: 1m, ")
    return {
        "passed": verdict_of(PASSING, "scenarios/passing.yaml"),
        "failed": verdict_of(FAILING, "scenarios/failing.yaml"),
        "errored": verdict_of(PASSING, "scenarios/errored.yaml", ground=BrokenGround()),
        "skipped": verdict_of(needy, "scenarios/skipped.yaml", ground=BareGround()),
        "broken": verdict_of(ATTACKED, "scenarios/attacked.yaml"),
        "several": verdict_of(SEVERAL, "scenarios/several.yaml"),
        "cell": verdict_of(CELLS, "scenarios/cells.yaml", cell=1),
    }


@pytest.fixture
def foreign(verdicts):
    """A failed verdict whose every text is somebody else's, and means harm."""

    def make(said):
        failed = verdicts["failed"]
        checks = tuple(replace(check, held=False, observed=said, location=None) for check in failed.checks)
        scenario = replace(failed.scenario, name=said, file=f"{said}.yaml")
        return replace(failed, scenario=scenario, checks=checks)

    return make
