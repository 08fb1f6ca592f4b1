from itertools import pairwise

import pytest
import trio

from joinsim.api.objects import CLUSTER_ROLE_BINDINGS, LEASES, NODES, items, mapping, text
from joinsim.events import LeaseCreated, NodeRegistered, RequestServed
from joinsim.gofmt import parse_rfc3339
from joinsim.join import KubeletSettings, NodeRegistration, Taint
from joinsim.join.kubelet import _taints
from joinsim.world import LinkRule, Refuse
from tests.pair import JoinPair

LEASE = LEASES.path("worker-1", "kube-node-lease")


def of_kubelet(pair, verb, fragment):
    return [
        record.at
        for record, event in pair.world.journal.of(RequestServed)
        if event.user_agent.startswith("kubelet/") and verb in ("", event.verb) and fragment in event.path
    ]


async def joined(world, *, heartbeats=False, **fields):
    pair = await JoinPair.create(world)
    outcome = await pair.join(pair.pinned(**fields), kubelet=KubeletSettings(heartbeats=heartbeats))
    assert outcome.joined
    return pair


def test_a_node_says_what_it_is(play):
    async def body(world):
        pair = await joined(world)
        await trio.sleep(1)
        node = await pair.administrator().get(NODES.path("worker-1"))
        labels = mapping(node, "metadata", "labels")
        assert labels == {
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": "worker-1",
            "kubernetes.io/os": "linux",
        }
        assert items(node, "status", "addresses") == [
            {"type": "InternalIP", "address": pair.worker.address},
            {"type": "Hostname", "address": "worker-1"},
        ]
        assert text(node, "status", "nodeInfo", "kubeletVersion") == "v1.36.2"
        kinds = [text(condition, "type") for condition in items(node, "status", "conditions")]
        assert kinds == ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]

    play(body)


def test_a_node_registers_with_the_taints_of_its_configuration(play):
    async def body(world):
        taints = (Taint("dedicated", "NoSchedule", "gpu"), Taint("slow", "NoExecute"))
        pair = await joined(world, node_registration=NodeRegistration(taints=taints))
        await trio.sleep(1)
        node = await pair.administrator().get(NODES.path("worker-1"))
        found = items(node, "spec", "taints")
        assert {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"} in found
        assert {"key": "slow", "effect": "NoExecute"} in found

    play(body)


def test_the_lease_belongs_to_its_node(play):
    async def body(world):
        pair = await joined(world)
        await trio.sleep(15)
        admin = pair.administrator()
        node, lease = await admin.get(NODES.path("worker-1")), await admin.get(LEASE)
        assert items(lease, "metadata", "ownerReferences") == [
            {"apiVersion": "v1", "kind": "Node", "name": "worker-1", "uid": text(node, "metadata", "uid")}
        ]
        assert text(lease, "spec", "holderIdentity") == "worker-1"
        assert mapping(lease, "spec")["leaseDurationSeconds"] == 40
        assert list(world.journal.of(LeaseCreated, "worker-1"))

    play(body)


def test_a_lease_that_finds_no_node_is_looked_at_again_ten_seconds_later(play):
    """In kubelets the Lease is tried before the Node is there; that is not counted as a failure."""

    async def body(world):
        pair = await joined(world)
        await trio.sleep(15)
        first, second = of_kubelet(pair, "get", "/leases/")
        assert second - first == pytest.approx(10, abs=0.01)
        [created] = of_kubelet(pair, "create", "/leases")
        assert created == pytest.approx(second, abs=0.01)

    play(body)


def test_without_heartbeats_a_node_falls_silent_once_it_has_its_lease(play):
    async def body(world):
        pair = await joined(world)
        await trio.sleep(20)
        before = of_kubelet(pair, "", "")
        await trio.sleep(86_400)
        assert of_kubelet(pair, "", "") == before != []

    play(body)


def test_with_heartbeats_the_lease_is_renewed_every_ten_seconds(play):
    async def body(world):
        pair = await joined(world, heartbeats=True)
        await trio.sleep(121)
        renewed = of_kubelet(pair, "update", "/leases/worker-1")
        assert len(renewed) == 11
        assert {round(b - a, 2) for a, b in pairwise(renewed)} == {10}
        lease = await pair.administrator().get(LEASE)
        age = world.clock.now() - parse_rfc3339(text(lease, "spec", "renewTime"))
        assert age.total_seconds() < 10

    play(body)


def test_with_heartbeats_the_nodes_status_is_reported_every_five_minutes(play):
    async def body(world):
        pair = await joined(world, heartbeats=True)
        await trio.sleep(1000)
        reports = of_kubelet(pair, "patch", "/nodes/worker-1/status")
        assert len(reports) == 4
        assert {round(b - a, 1) for a, b in pairwise(reports)} == {300.0}

    play(body)


def test_a_lease_is_renewed_again_after_an_outage(play):
    async def body(world):
        pair = await joined(world, heartbeats=True)
        await trio.sleep(60)
        with world.network.bent_by(LinkRule(Refuse(), source="worker-1", target="control-plane")):
            await trio.sleep(120)
        before = len(of_kubelet(pair, "update", "/leases/"))
        await trio.sleep(30)
        assert len(of_kubelet(pair, "update", "/leases/")) - before >= 2

    play(body)


def test_a_lease_that_somebody_else_wrote_is_read_anew(play):
    async def body(world):
        pair = await joined(world, heartbeats=True)
        await trio.sleep(55)
        admin = pair.administrator()
        lease = await admin.get(LEASE)
        await admin.update(LEASE, {**lease, "metadata": {**mapping(lease, "metadata"), "labels": {"a": "b"}}})
        await trio.sleep(25)
        statuses = [
            event.status
            for _, event in world.journal.of(RequestServed)
            if event.verb == "update" and event.path.startswith(LEASE) and "kubelet" in event.user_agent
        ]
        assert 409 in statuses
        assert statuses[-1] == 200

    play(body)


def test_a_node_that_is_there_already_is_taken_over(play):
    async def body(world):
        pair = await JoinPair.create(world)
        node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "worker-1"}}
        await pair.administrator().create(NODES.path(), node)
        assert (await pair.join()).joined
        await trio.sleep(12)
        assert [
            e.status for _, e in world.journal.of(RequestServed) if e.verb == "create" and "/nodes" in e.path
        ] == [
            201,
            409,
        ]
        found = await pair.administrator().get(NODES.path("worker-1"))
        ready = [c for c in items(found, "status", "conditions") if text(c, "type") == "Ready"]
        assert [text(condition, "status") for condition in ready] == ["True"]
        # Its Lease found the Node at once.
        assert list(world.journal.of(LeaseCreated))

    play(body)


def test_a_kubelet_without_a_certificate_goes_on_trying_at_most_every_seven_seconds(play):
    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.administrator()
        await admin.delete(CLUSTER_ROLE_BINDINGS.path("kubeadm:node-autoapprove-bootstrap"))
        await pair.join()
        attempts = of_kubelet(pair, "create", "/api/v1/nodes")
        pauses = [round(b - a, 1) for a, b in pairwise(attempts)]
        assert pauses[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 7, 7]
        assert set(pauses[8:]) == {7}
        users = {e.user for _, e in world.journal.of(RequestServed) if e.path == "/api/v1/nodes"}
        assert users == {"system:anonymous"}
        assert not list(world.journal.of(NodeRegistered))

    play(body)


def test_the_node_is_created_by_the_node_itself(play):
    async def body(world):
        await joined(world)
        await trio.sleep(1)
        [(_, registered)] = world.journal.of(NodeRegistered)
        assert registered.user == "system:node:worker-1"
        groups = [e.groups for _, e in world.journal.of(RequestServed) if e.user == registered.user]
        assert groups
        assert all("system:nodes" in found for found in groups)

    play(body)


def test_a_taint_without_a_value_has_none():
    assert _taints("") == []
    assert _taints("a=b:NoSchedule,c=:NoExecute,d:NoSchedule") == [
        {"key": "a", "effect": "NoSchedule", "value": "b"},
        {"key": "c", "effect": "NoExecute"},
        {"key": "d", "effect": "NoSchedule"},
    ]
