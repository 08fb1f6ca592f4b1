"""NodeRestriction: what authorization let a node do and admission does not."""

import json

import pytest

from tests.controlplane.api import CSRS, TOKEN_USER, Api, a_csr, node

MINE = node("mynode")
NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MERGE = [("Content-Type", "application/strategic-merge-patch+json")]
FOREIGN = {"foo.node-restriction.kubernetes.io/foo": "x", "other.k8s.io/foo": "y"}


def a_node(name="mynode", spec=None, **metadata):
    return {"metadata": {"name": name, **metadata}, "spec": spec or {}}


def with_node(**fields):
    api = Api()
    assert api.ask("POST", NODES, a_node(**fields)).status == 201
    return api


def put(api, **metadata):
    stored = api.ask("GET", f"{NODES}/mynode").body
    stored["metadata"] |= metadata
    return api.ask("PUT", f"{NODES}/mynode", stored, by=MINE)


def refused(answer):
    assert answer.status == 403
    return answer.message


def test_labels_of_a_new_node_are_as_in_the_plugins_own_table(vectors):
    table = json.loads((vectors / "node_restriction.json").read_text())
    for label in table["allowed_label_keys"]:
        assert Api().ask("POST", NODES, a_node(labels={label: "x"}), by=MINE).status == 201, label
    for label in table["forbidden_label_keys"]:
        answer = Api().ask("POST", NODES, a_node(labels={label: "x"}), by=MINE)
        assert refused(answer) == (
            f'nodes "mynode" is forbidden: node "mynode" is not allowed to set the following labels: {label}'
        )


@pytest.mark.parametrize(
    "label", ["node-role.kubernetes.io/control-plane", "kubernetes.io/x", "k8s.io/x", "a.b.k8s.io/x"]
)
def test_a_node_gives_itself_no_role(label):
    assert label in refused(Api().ask("POST", NODES, a_node(labels={label: ""}), by=MINE))


@pytest.mark.parametrize("label", ["notkubernetes.io/x", "kubernetes.io", "kubernetes.io.example.com/x", "x"])
def test_a_label_that_only_looks_like_kubernetes_own_is_free(label):
    assert Api().ask("POST", NODES, a_node(labels={label: ""}), by=MINE).status == 201


def test_forbidden_labels_are_listed_in_order():
    answer = Api().ask("POST", NODES, a_node(labels={"b.k8s.io/x": "", "a.k8s.io/x": ""}), by=MINE)
    assert refused(answer).endswith("the following labels: a.k8s.io/x, b.k8s.io/x")


def test_a_node_makes_changes_and_deletes_no_other():
    api = Api()
    said = 'node "mynode" is not allowed to modify node "other"'
    assert said in refused(api.ask("POST", NODES, a_node("other"), by=MINE))
    api.ask("POST", NODES, a_node("other"))
    assert said in refused(api.ask("PUT", f"{NODES}/other", a_node("other"), by=MINE))
    assert said in refused(api.ask("PATCH", f"{NODES}/other/status", {"status": {}}, by=MINE, headers=MERGE))


def test_a_node_has_no_config_source():
    answer = Api().ask("POST", NODES, a_node(spec={"configSource": {}}), by=MINE)
    assert refused(answer).endswith('node "mynode" is not allowed to create pods with a non-nil configSource')


@pytest.mark.parametrize(
    "labels", [{}, {"other.k8s.io/foo": "changed"}, FOREIGN | {"new.k8s.io/foo": ""}], ids=str
)
def test_foreign_labels_are_neither_added_changed_nor_removed(labels):
    message = refused(put(with_node(labels=FOREIGN), labels=labels))
    assert "is not allowed to modify labels: " in message


def test_own_labels_change_while_foreign_ones_stay():
    answer = put(with_node(labels=FOREIGN), labels=FOREIGN | {"kubernetes.io/hostname": "x", "mine": "y"})
    assert answer.status == 200


@pytest.mark.parametrize(
    "taints",
    [None, [], [{"key": "a", "effect": "NoSchedule"}], [{"key": "b", "effect": "NoExecute"}]],
    ids=str,
)
def test_a_node_changes_no_taint(taints):
    api = with_node(spec={"taints": [{"key": "a", "effect": "NoSchedule"}]})
    stored = api.ask("GET", f"{NODES}/mynode").body
    stored["spec"]["taints"] = taints
    answer = api.ask("PUT", f"{NODES}/mynode", stored, by=MINE)
    assert refused(answer) == 'nodes "mynode" is forbidden: node "mynode" is not allowed to modify taints'


def test_a_node_changes_no_owner_but_may_be_born_with_one():
    owner = {"apiVersion": "v1", "kind": "Node", "name": "x", "uid": "u"}
    assert Api().ask("POST", NODES, a_node(ownerReferences=[owner]), by=MINE).status == 201
    said = refused(put(with_node(), ownerReferences=[owner]))
    assert said.endswith('node "mynode" is not allowed to modify ownerReferences')


def test_a_node_writes_its_own_status():
    api = with_node()
    patch = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "spec": {"taints": []}}
    answer = api.ask("PATCH", f"{NODES}/mynode/status", patch, by=MINE, headers=MERGE)
    assert answer.status == 200
    (condition,) = answer.body["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Ready", "True")
    # Of the spec a status changes nothing.
    assert [taint["key"] for taint in answer.body["spec"]["taints"]] == ["node.kubernetes.io/not-ready"]


@pytest.mark.parametrize(("name", "code"), [("mynode", 201), ("other", 403)])
def test_a_node_has_one_lease(name, code):
    answer = Api().ask("POST", LEASES, {"metadata": {"name": name}}, by=MINE)
    assert answer.status == code
    if code == 403:
        assert answer.message.endswith("can only access node lease with the same name as the requesting node")


@pytest.mark.parametrize(
    ("signer", "cn", "code"),
    [
        ("kubernetes.io/kube-apiserver-client-kubelet", "system:node:mynode", 201),
        ("kubernetes.io/kube-apiserver-client-kubelet", "system:node:othernode", 403),
        ("kubernetes.io/kubelet-serving", "system:node:mynode", 201),
        ("kubernetes.io/kubelet-serving", "system:node:othernode", 403),
        ("kubernetes.io/kubelet-serving", "mynode", 403),
        ("kubernetes.io/kube-apiserver-client", "some-other-identity", 201),
    ],
)
def test_a_node_asks_for_its_own_certificate(signer, cn, code):
    answer = Api().ask("POST", CSRS, a_csr(cn=cn, signer=signer), by=MINE)
    assert answer.status == code
    if code == 403:
        assert answer.message == (
            'certificatesigningrequests.certificates.k8s.io "csr-1" is forbidden: '
            "can only create a node CSR with CN=system:node:mynode"
        )


def test_a_request_of_a_node_that_nobody_can_read_is_forbidden_and_not_invalid():
    assert "unable to parse csr: " in refused(Api().ask("POST", CSRS, a_csr(request="AAAA"), by=MINE))


def test_a_token_is_no_node_and_asks_for_any():
    assert Api().create_csr(cn="system:node:anyone", by=TOKEN_USER).status == 201
