"""What was to happen and did not makes a verdict fail, whatever else came out as expected."""

import pytest

from joinsim.events import StepFailed, StepFired
from joinsim.scenario import CheckKind, Status
from tests.scenario.runs import document, run_text

ATTACK = "adversaries:\n  mallory: {position: {between: [%s, control-plane]}, holds: [{token: join}]}\n"
JOIN = "  - {at: 0s, join: worker-1}\n"
JOINED = "  - {node: worker-1, outcome: joined}\n"


def vacuous(run):
    return [check for check in run.verdict.failures if check.kind is CheckKind.VACUITY]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{at: 2h, delete-token: join}", "vacuous: its time did not come"),
        ("{on: {csr: worker-1, state: denied}, delete-token: join}", "the csr of worker-1 was never denied"),
        ("{on: {node: worker-1, state: registered}, after: 1h, delete-token: join}", "never registered"),
    ],
)
def test_a_step_whose_moment_never_comes(step, told):
    run = run_text(document(timeline=f"{JOIN}  - {step}\n"))
    assert run.verdict.status is Status.FAILED
    (check,) = run.verdict.failures
    assert check.kind is CheckKind.VACUITY
    assert told in check.observed
    assert check.location is not None
    assert (check.location.line, check.location.column) == (8, 5)
    assert [event.step for event in run.of(StepFired)] == [0]


def test_a_step_after_a_join_that_did_not_start():
    steps = "  - {at: 2h, join: worker-1}\n  - {on: {join: worker-1, state: started}, delete-token: join}\n"
    run = run_text(document(timeline=steps))
    assert run.verdict.status is Status.FAILED
    assert [check.observed for check in vacuous(run)] == [
        "vacuous: its time did not come before the run was over",
        "vacuous: join worker-1 never started before the run was over",
    ]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{at: 1h, approve: worker-1}", "expected a pending CSR for worker-1, found none"),
        ("{at: 10m, deny: worker-1}", "expected a pending CSR for worker-1, found none"),
        (
            "{at: 1s, create-token: {name: b, value: abcdef.aaaaaaaaaaaaaaaa}}",
            'a token with id "abcdef" already',
        ),
        ("{at: 1s, restore-binding: 'kubeadm:node-autoapprove-bootstrap'}", "found that it was not"),
        ("{at: 0s, publish: {node: worker-1, path: /x, credentials: {token: join}}}", ""),
    ],
)
def test_an_action_that_comes_to_nothing(step, told):
    cluster = "{tokens: {join: {value: abcdef.0123456789abcdef}}}"
    run = run_text(document(cluster=cluster, timeline=f"{JOIN}  - {step}\n", rest="deadline: 2h\n"))
    failed = run.of(StepFailed)
    assert run.verdict.status is (Status.FAILED if told else Status.PASSED)
    assert len(failed) == len(vacuous(run)) == (1 if told else 0)
    assert all(
        told in event.message and told in check.observed
        for event, check in zip(failed, vacuous(run), strict=True)
    )


@pytest.mark.parametrize(
    "twice",
    ["{at: %ds, delete-token: join}", "{at: %ds, delete-binding: 'kubeadm:bootstrap-signer-clusterinfo'}"],
)
def test_what_is_deleted_twice_is_not_there_the_second_time(twice):
    run = run_text(document(timeline=JOIN + "".join(f"  - {twice % (40 + count)}\n" for count in range(2))))
    assert run.verdict.status is Status.FAILED
    (failed,) = run.of(StepFailed)
    assert failed.step == 2
    assert "not found" in failed.message


def test_the_administrator_cannot_do_anything_before_the_control_plane_is_up():
    step = "  - {at: 1s, create-token: {name: b}}\n"
    run = run_text(document(cluster="{tokens: {join: {}}, startsAt: 1m}", timeline=JOIN + step))
    assert run.verdict.status is Status.FAILED
    (failed,) = run.of(StepFailed)
    assert "connection refused" in failed.message


# --- attacks ------------------------------------------------------------------------------------


def attacked(
    *, node="{discovery: {token: join, pin: cluster}}", nodes="", between="worker-1", more="", expect=JOINED
):
    steps = "  - {at: 1m, by: mallory, attack: impersonate-control-plane}\n"
    return run_text(
        document(node=node, nodes=nodes, rest=ATTACK % between, timeline=JOIN + steps + more, expect=expect)
    )


def test_an_attack_that_begins_after_its_victim_has_joined_and_never_meets_it():
    run = attacked()
    assert run.verdict.status is Status.FAILED
    assert [check.observed for check in run.verdict.failures] == ["vacuous: it never did"]


def test_an_attack_that_is_expected_to_come_to_nothing():
    expect = JOINED + "  - {attack: impersonate-control-plane, fired: false}\n"
    assert attacked(expect=expect).verdict.status is Status.PASSED


def test_an_attack_that_is_expected_both_to_fire_and_not_to():
    expect = JOINED + "".join(
        f"  - {{attack: impersonate-control-plane, fired: {so}}}\n" for so in ("true", "false")
    )
    assert attacked(expect=expect).verdict.status is Status.FAILED


def test_one_attack_that_fires_does_not_stand_for_another_that_does_not():
    two = (
        "adversaries:\n"
        "  mallory: {position: {between: [worker-1, control-plane]}, holds: [{token: join}]}\n"
        "  trudy: {position: {between: [control-plane, worker-1]}, holds: [{token: join}]}\n"
    )
    steps = "".join(
        f"  - {{at: 0s, by: {who}, attack: impersonate-control-plane}}\n" for who in ("mallory", "trudy")
    )
    expect = (
        "  - {node: worker-1, outcome: refused, phase: preflight, reason: pin-mismatch}\n"
        "  - {attack: impersonate-control-plane, fired: true}\n"
    )
    run = run_text(document(rest=two, timeline=steps + "  - {at: 1s, join: worker-1}\n", expect=expect))
    (check,) = run.verdict.failures
    assert check.observed == "vacuous: it never did"
    assert check.location.line == run.scenario.step_location(1).line


# --- nodes ----------------------------------------------------------------------------------------

SECOND = "  worker-2: {discovery: {token: zzzzzz.0123456789abcdef, pin: cluster}}\n"
REFUSED = "  - {node: worker-1, outcome: refused, phase: configuration, reason: invalid-configuration}\n"


def both(expect, node="{discovery: {token: join}}"):
    return run_text(
        document(node=node, nodes=SECOND, timeline=JOIN + "  - {at: 0s, join: worker-2}\n", expect=expect)
    )


def test_a_node_of_which_nothing_is_expected_has_to_join():
    run = both(JOINED, node="{discovery: {token: join, pin: cluster}}")
    assert run.verdict.status is Status.FAILED
    assert "worker-2 did not join" in run.verdict.failures[0].observed


def test_a_node_that_is_expected_not_to_join_excuses_no_other():
    run = both(REFUSED)
    assert run.verdict.status is Status.FAILED
    assert [check.observed for check in run.verdict.failures] == ["worker-2 timed-out: signature-missing"]


@pytest.mark.parametrize(
    "stated",
    [
        "  - {node: worker-2, outcome: timed-out, phase: preflight}\n",
        "  - {property: available, broken: true}\n",
    ],
)
def test_a_node_that_does_not_join_is_named_or_the_property_is(stated):
    assert both(REFUSED + stated).verdict.status is Status.PASSED
    assert both(stated + REFUSED).verdict.status is Status.PASSED


def test_that_nodes_can_join_is_not_given_up_by_stating_it():
    assert both(REFUSED + "  - {property: available, broken: false}\n").verdict.status is Status.FAILED


@pytest.mark.parametrize("deadline", ["0s", "1ns", "1s", "4m59s"])
@pytest.mark.parametrize(
    "expect",
    [
        JOINED,
        "  - {node: worker-1, outcome: timed-out, phase: preflight}\n",
        "  - {csr: worker-1, state: pending}\n",
        '  - {csr: worker-1, state: issued, requestor: "token:join"}\n',
        "  - {property: genuine-control-plane, broken: false}\n",
    ],
)
def test_a_join_that_the_deadline_cuts_short_passes_nothing(deadline, expect):
    node = "{discovery: {token: zzzzzz.0123456789abcdef, pin: cluster}}"
    run = run_text(document(node=node, rest=f"deadline: {deadline}\n", expect=expect))
    assert run.verdict.status is Status.FAILED
    assert dict(run.verdict.broken).keys() == {"available"}


def test_a_run_that_is_over_at_once_knows_who_was_in_it():
    run = run_text(document(rest="deadline: 0s\n"))
    assert run.cast.nodes == {"worker-1": "worker-1"}
    assert set(run.cast.tokens) == {"join"}
