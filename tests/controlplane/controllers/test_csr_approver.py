import json

import pytest
import trio

from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS
from joinsim.controlplane.controllers.csr_approver import recognised
from joinsim.events import RequestServed
from joinsim.wire import Headers, Request
from tests.controlplane.api import CSRS, DEFAULT_TOKEN_GROUP, a_csr, node
from tests.pair import JoinPair

BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:node-autoapprove-bootstrap"
NODE_CLIENT = "Auto approving kubelet client certificate after SubjectAccessReview."
SELF_NODE_CLIENT = "Auto approving self kubelet client certificate after SubjectAccessReview."


def conditions(pair, name="csr-1"):
    stored = pair.control_plane.store.get(CERTIFICATE_SIGNING_REQUESTS, name)
    return stored["status"].get("conditions", [])


def questions(pair):
    """How often the controller asked whether a requestor may."""
    return [
        event
        for _, event in pair.world.journal.of(RequestServed)
        if event.path.endswith("/subjectaccessreviews") and "certificate-controller" in event.user
    ]


def test_a_tokens_request_is_approved_in_the_controllers_words(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.client(pair.token.value).create(CSRS, a_csr())
        await trio.sleep(0.05)
        (condition,) = conditions(pair)
        assert (condition["type"], condition["status"]) == ("Approved", "True")
        assert (condition["reason"], condition["message"]) == ("AutoApproved", NODE_CLIENT)
        assert len(questions(pair)) == 1

    play(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"cn": "alice"},
        {"orgs": ()},
        {"orgs": ("system:nodes", "system:masters")},
        {"signer": "kubernetes.io/kubelet-serving"},
        {"signer": "example.com/x"},
        {"usages": ["client auth"]},
        {"usages": ["digital signature", "client auth", "server auth"]},
    ],
    ids=str,
)
def test_a_request_that_is_not_recognised_is_left_alone_for_good(play, fields):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.administrator().create(CSRS, a_csr(**fields))
        await trio.sleep(3000)
        assert conditions(pair) == []
        assert questions(pair) == []

    play(body)


def test_a_request_that_may_not_be_is_looked_at_again_after_pauses_that_double(play):
    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.administrator()
        kept = await admin.get(BINDING)
        await admin.delete(BINDING)
        began = world.clock.elapsed()
        await pair.client(pair.token.value).create(CSRS, a_csr())
        await trio.sleep(3.5)
        assert conditions(pair) == []
        # At once, then 0.2, 0.6, 1.4 and 3.0 seconds after the first look.
        assert len(questions(pair)) == 5
        del kept["metadata"]["resourceVersion"]
        await admin.create(BINDING.rpartition("/")[0], kept)
        await trio.sleep(began + 6.1 - world.clock.elapsed())
        assert conditions(pair) == []
        await trio.sleep(0.3)
        assert [condition["message"] for condition in conditions(pair)] == [NODE_CLIENT]

    play(body)


def test_a_request_that_was_decided_is_not_asked_about(play):
    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.administrator()
        kept = await admin.get(BINDING)
        await admin.delete(BINDING)
        stored = await pair.client(pair.token.value).create(CSRS, a_csr())
        stored["status"] = {"conditions": [{"type": "Denied", "status": "True"}]}
        await admin.update(f"{CSRS}/csr-1/approval", stored)
        del kept["metadata"]["resourceVersion"]
        await admin.create(BINDING.rpartition("/")[0], kept)
        await trio.sleep(3000)
        assert [condition["type"] for condition in conditions(pair)] == ["Denied"]

    play(body)


def test_a_token_of_another_group_is_not_approved(play):
    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.administrator()
        role = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:node-autoapprove-bootstrap"
        binding = await admin.get(role)
        binding["subjects"][0]["name"] = DEFAULT_TOKEN_GROUP + ":other"
        await admin.update(role, binding)
        await pair.client(pair.token.value).create(CSRS, a_csr())
        await trio.sleep(100)
        assert conditions(pair) == []

    play(body)


def test_requests_are_recognised_as_in_the_controllers_own_table(vectors):
    for case in json.loads((vectors / "csr_approver.json").read_text())["recognizers"]:
        asked = case["csr"]
        csr = a_csr(
            cn=asked["cn"],
            orgs=tuple(asked["orgs"]),
            signer=asked["signerName"],
            usages=asked["usages"],
            username=asked["requestor"],
        )
        found = [kind.permission for kind in recognised(csr)]
        expected = [
            name
            for name, wanted in (
                ("selfnodeclient", case["self_node_client"]),
                ("nodeclient", case["node_client"]),
            )
            if wanted
        ]
        assert found == expected, case["name"]


def test_a_nodes_own_renewal_is_approved_as_such(play):
    async def body(world):
        pair = await JoinPair.create(world)
        headers = Headers([("Content-Type", "application/json")])
        request = Request("POST", CSRS, headers, json.dumps(a_csr("renewal")).encode())
        assert pair.control_plane.apiserver.handle_as(node("worker-1"), request).status == 201
        await trio.sleep(0.05)
        assert [condition["message"] for condition in conditions(pair, "renewal")] == [SELF_NODE_CLIENT]

    play(body)


@pytest.mark.parametrize("username", ["system:node:foo", "joe"])
def test_both_kinds_are_told_apart_by_who_asks(username):
    csr = a_csr(cn="system:node:foo", username=username)
    found = [kind.message for kind in recognised(csr)]
    assert found == ([SELF_NODE_CLIENT, NODE_CLIENT] if username == "system:node:foo" else [NODE_CLIENT])
