import base64

import pytest
import trio

from joinsim.events import JoinCompleted, JoinStarted, LeaseCreated, NodeRegistered, StepFired
from joinsim.pki import KeyPair, build_request
from joinsim.scenario import Status
from joinsim.scenario.schema import Step
from joinsim.scenario.timeline import Signals, perform_all
from tests.scenario.runs import document, run_text


def steps(*written):
    return [Step.model_validate(step) for step in written]


def on(kind, state, after=None, name="w"):
    waiting = {"on": {kind: name, "state": state}}
    return waiting if after is None else {**waiting, "after": after}


def performed(play, *written, signals=(), takes=0.0, seed=1):
    """The order and the times at which steps are carried out; ``signals`` are sent at their times."""
    done = []

    async def body(world):
        sent = Signals()
        began = trio.current_time()

        async def perform(index, step):
            done.append((index, round(trio.current_time() - began, 6)))
            await trio.sleep(takes)

        async def send(at, signal):
            await trio.sleep(at)
            sent.send(*signal)

        async with trio.open_nursery() as nursery:
            for at, signal in signals:
                nursery.start_soon(send, at, signal)
            with trio.move_on_after(10000):
                await perform_all(steps(*written), sent, lambda machine: f"node-{machine}", perform)

    play(body, seed=seed)
    return done


JOIN = {"join": "w"}


def test_steps_come_at_their_times_whatever_their_order_in_the_file(play):
    assert performed(play, {"at": "5s", **JOIN}, {"at": "1s", **JOIN}, {"at": "0s", **JOIN}) == [
        (2, 0),
        (1, 1),
        (0, 5),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_steps_of_one_moment_come_in_the_order_of_the_file(play, seed):
    many = [{"at": "60s" if index % 2 else "1m", **JOIN} for index in range(12)]
    assert performed(play, *many, seed=seed) == [(index, 60) for index in range(12)]


def test_a_step_waits_for_the_one_before_it_at_the_same_moment_and_for_no_other(play):
    done = performed(play, {"at": "0s", **JOIN}, {"at": "0s", **JOIN}, {"at": "1s", **JOIN}, takes=10)
    assert sorted(done) == [(0, 0), (1, 10), (2, 1)]


def test_a_step_comes_so_long_after_its_event(play):
    csr, join = ("csr", "node-w", "pending"), ("join", "w", "ended")
    done = performed(
        play,
        {**on("csr", "pending", "30s"), **JOIN},
        {**on("join", "ended"), **JOIN},
        {**on("csr", "pending"), **JOIN},
        signals=[(7, csr), (9, join), (20, csr)],
    )
    assert sorted(done) == [(0, 37), (1, 9), (2, 7)]


def test_steps_that_wait_for_one_event_come_in_the_order_of_the_file(play):
    waiting = [{**on("node", "registered", "1s"), **JOIN} for _ in range(6)]
    done = performed(play, *waiting, signals=[(2, ("node", "node-w", "registered"))])
    assert done == [(index, 3) for index in range(6)]


def test_an_event_that_came_before_is_not_missed(play):
    done = performed(
        play,
        {"at": "5s", **JOIN},
        {**on("csr", "issued"), **JOIN},
        signals=[(0, ("csr", "node-w", "issued"))],
    )
    assert (1, 0) in done


@pytest.mark.parametrize(
    "signal",
    [
        ("csr", "node-w", "approved"),
        ("csr", "w", "pending"),
        ("csr", "node-v", "pending"),
        ("node", "node-w", "pending"),
    ],
)
def test_a_step_whose_event_never_comes_is_not_carried_out(play, signal):
    assert performed(play, {**on("csr", "pending"), **JOIN}, signals=[(1, signal)]) == []


def test_nothing_to_do_is_done_at_once(play):
    assert performed(play) == []


# --- in a run -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "state"),
    [
        ("csr", "pending"),
        ("csr", "approved"),
        ("csr", "issued"),
        ("node", "registered"),
        ("join", "started"),
        ("join", "ended"),
    ],
)
def test_every_event_of_a_join_that_succeeds_is_noticed(trigger, state):
    # The machine's Node goes by another name, and is waited for by the machine's.
    timeline = (
        "  - {at: 3s, join: worker-1}\n"
        f"  - {{on: {{{trigger}: worker-1, state: {state}}}, after: 2s, delete-token: other}}\n"
    )
    run = run_text(
        document(
            cluster="{tokens: {join: {}, other: {}}}",
            node="{discovery: {token: join, pin: cluster}, config: {nodeRegistration: {name: renamed.example}}}",
            timeline=timeline,
        )
    )
    assert run.verdict.status is Status.PASSED, run.verdict.failures
    times = {event.step: record.at for record, event in run.journal.of(StepFired)}
    (began,) = (record.at for record, _ in run.journal.of(JoinStarted))
    (ended,) = (record.at for record, _ in run.journal.of(JoinCompleted))
    registered = next(
        record.at for record, event in run.journal.of(NodeRegistered) if event.node == "renamed.example"
    )
    happened = {"started": began, "ended": ended, "registered": registered}.get(state)
    assert times[0] == began == 3.0
    if happened is not None:
        assert times[1] == pytest.approx(happened + 2, abs=1e-5)
    else:
        assert began + 2 < times[1] < ended + 2.1


def test_a_denied_request_is_noticed():
    timeline = (
        "  - {at: 0s, join: worker-1}\n"
        "  - {on: {csr: worker-1, state: pending}, after: 10s, deny: worker-1}\n"
        "  - {on: {csr: worker-1, state: denied}, after: 1s, restore-binding: 'kubeadm:node-autoapprove-bootstrap'}\n"
    )
    expect = "  - {node: worker-1, outcome: joined}\n  - {csr: worker-1, state: issued}\n"
    run = run_text(
        document(cluster="{tokens: {join: {}}, approval: manual}", timeline=timeline, expect=expect)
    )
    assert run.verdict.status is Status.PASSED, run.verdict.failures
    times = [record.at for record, _ in run.journal.of(StepFired)]
    assert times[2] == pytest.approx(times[1] + 1)


def test_events_are_noticed_of_a_control_plane_that_starts_late():
    timeline = (
        "  - {at: 0s, join: worker-1}\n  - {on: {node: worker-1, state: registered}, delete-token: join}\n"
    )
    run = run_text(
        document(
            cluster="{tokens: {join: {value: abcdef.0123456789abcdef}}, startsAt: 2m}",
            node="{discovery: {token: join, pin: none}}",
            timeline=timeline,
        )
    )
    assert run.verdict.status is Status.PASSED, run.verdict.failures


@pytest.mark.parametrize(
    ("status", "reached"),
    [
        ({}, {"pending"}),
        ({"conditions": [{"type": "Approved"}]}, {"pending", "approved"}),
        ({"conditions": [{"type": "Denied"}]}, {"pending", "denied"}),
        ({"conditions": [{"type": "Approved"}], "certificate": "LS0t"}, {"pending", "approved", "issued"}),
    ],
)
def test_a_request_first_seen_late_has_been_through_what_comes_before(play, status, reached):
    # As after the API server was away: the watch shows only what became of it.
    key = KeyPair.generate(random_bytes=lambda count: b"\x01" * count)
    pem = build_request(key, "system:node:w", ["system:nodes"])
    csr = {"spec": {"request": base64.b64encode(pem).decode()}, "status": status}
    seen = set()

    async def body(world):
        signals = Signals()
        signals._csr_seen(csr)
        for state in ("pending", "approved", "denied", "issued"):
            with trio.move_on_after(1):
                await signals.wait("csr", "w", state)
                seen.add(state)

    play(body)
    assert seen == reached


def test_a_run_goes_on_until_the_nodes_that_joined_have_their_leases():
    nodes = "  worker-2: {discovery: {token: join, pin: cluster}}\n"
    timeline = "  - {at: 0s, join: worker-1}\n  - {at: 0s, join: worker-2}\n"
    run = run_text(document(nodes=nodes, timeline=timeline))
    assert {record.actor for record, _ in run.journal.of(LeaseCreated)} == {"worker-1", "worker-2"}
    assert run.verdict.elapsed_seconds < 30
