"""Whatever the administrator does is a request, made with the admin kubeconfig and seen by the API server."""

import base64
import contextlib
import re

import pytest
import trio

from joinsim.backends.fake import FakeCluster
from joinsim.errors import ApiError
from joinsim.events import AdministratorActed, CsrApproved, CsrDenied, FilePublished, RequestServed
from joinsim.pki import KeyPair, build_request
from joinsim.scenario import Binding, Status, load_file
from joinsim.scenario.administrator import Administrator
from joinsim.scenario.schema import ACTIONS
from tests.pair import JoinPair
from tests.scenario.runs import SHIPPED, document, run_text

SECRETS = "/api/v1/namespaces/kube-system/secrets"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
INFO_BINDING = f"{RBAC}/namespaces/kube-public/rolebindings"
APPROVAL = f"{RBAC}/clusterrolebindings"
INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
PENDING = "on: {csr: worker-1, state: pending}, after: 1m"
JOIN = "  - {at: 0s, join: worker-1}\n"


def requests(run):
    """The administrator's requests as ``verb path status``, but for watches."""
    return [
        f"{event.verb} {re.sub('csr-[a-z0-9]{5}', 'CSR', event.path.partition('?')[0])} {event.status}"
        for event in run.of(RequestServed)
        if event.user == "kubernetes-admin" and event.verb != "watch"
    ]


def played(*written, cluster="{tokens: {join: {value: abcdef.0123456789abcdef}}%s}", more="", **parts):
    timeline = "".join(f"  - {{{step}}}\n" for step in written)
    return run_text(document(cluster=cluster % more, timeline=JOIN + timeline, **parts))


ACTION_REQUESTS = {
    "create-token": (
        ["at: 1m, create-token: {name: b, value: bbbbbb.0123456789abcdef}"],
        [f"get {SECRETS}/bootstrap-token-bbbbbb 404", f"create {SECRETS} 201"],
        [("create-token", "bbbbbb")],
    ),
    "delete-token": (
        ["at: 1m, delete-token: join"],
        [f"delete {SECRETS}/bootstrap-token-abcdef 200"],
        [("delete-token", "abcdef")],
    ),
    "delete-binding": (
        ["at: 1m, delete-binding: 'kubeadm:bootstrap-signer-clusterinfo'"],
        [f"{verb} {INFO_BINDING}/kubeadm:bootstrap-signer-clusterinfo 200" for verb in ("get", "delete")],
        [("delete-binding", "kubeadm:bootstrap-signer-clusterinfo")],
    ),
    "restore-binding": (
        [f"at: {when}, {what}-binding: 'kubeadm:node-autoapprove-bootstrap'" for when, what in (("1m", "delete"), ("2m", "restore"))],
        [f"get {APPROVAL}/kubeadm:node-autoapprove-bootstrap 200", f"delete {APPROVAL}/kubeadm:node-autoapprove-bootstrap 200", f"create {APPROVAL} 201"],
        [(f"{what}-binding", "kubeadm:node-autoapprove-bootstrap") for what in ("delete", "restore")],
    ),
    "publish": (
        ["at: 1m, publish: {node: worker-1, path: /tmp/x}"],
        [f"get {INFO} 200"],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("action", ACTION_REQUESTS)
def test_an_action_is_these_requests(action):
    written, expected, acted = ACTION_REQUESTS[action]
    run = played(*written)
    assert run.verdict.status is Status.PASSED, run.verdict.failures
    assert requests(run) == expected
    assert [(event.action, event.target) for event in run.of(AdministratorActed)] == acted


@pytest.mark.parametrize(("command", "kind"), [("approve", CsrApproved), ("deny", CsrDenied)])
def test_a_decision_is_read_modify_write_as_kubectl_does_it(command, kind):
    expect = {
        "approve": "  - {csr: worker-1, state: issued, approver: kubernetes-admin}\n",
        "deny": "  - {node: worker-1, outcome: timed-out, phase: kubelet-wait-bootstrap}\n",
    }[command]
    run = played(f"{PENDING}, {command}: worker-1", more=", approval: manual", expect=expect)
    assert run.verdict.status is Status.PASSED, run.verdict.failures
    binding = f"{APPROVAL}/kubeadm:node-autoapprove-bootstrap"
    assert requests(run) == [
        f"get {binding} 200",
        f"delete {binding} 200",
        f"list {CSRS} 200",
        f"get {CSRS}/CSR 200",
        f"update {CSRS}/CSR/approval 200",
    ]
    (decided,) = run.of(kind)
    assert (decided.approver, decided.reason) == ("kubernetes-admin", f"Kubectl{command.title()}")
    acted = [(event.action, event.target) for event in run.of(AdministratorActed)]
    assert acted[1:] == [(command, decided.csr)]


def test_every_request_of_the_administrators_is_made_with_the_admin_kubeconfig():
    run = played(f"{PENDING}, approve: worker-1", more=", approval: manual, clusterInfo: public")
    mine = [event for event in run.of(RequestServed) if event.user_agent.startswith("kubectl/")]
    assert mine
    assert {event.user for event in mine} == {"kubernetes-admin"}
    assert {event.groups for event in mine} == {("kubeadm:cluster-admins", "system:authenticated")}
    assert {event.cluster for event in mine} == {"cluster"}


def test_a_cluster_is_hardened_before_any_node_can_reach_it():
    run = played(more=", approval: manual, clusterInfo: closed",
        expect="  - {node: worker-1, outcome: timed-out, phase: preflight, reason: cluster-info-unavailable}\n")  # fmt: skip
    assert run.verdict.status is Status.PASSED, run.verdict.failures
    served = run.of(RequestServed)
    first = next(index for index, event in enumerate(served) if event.user_agent.startswith("kubeadm/"))
    assert {
        event.path.rpartition("/")[2].partition("?")[0] for event in served[:first] if event.verb == "delete"
    } == {
        "kubeadm:node-autoapprove-bootstrap",
        "kubeadm:bootstrap-signer-clusterinfo",
    }
    assert served[first].status == 403


def test_both_nodes_requests_are_not_taken_for_each_others():
    nodes = "  worker-2: {discovery: {token: join, pin: cluster}}\n"
    run = played(
        "at: 0s, join: worker-2",
        f"{PENDING}, approve: worker-1",
        more=", approval: manual",
        nodes=nodes,
        expect="  - {node: worker-1, outcome: joined}\n"
        "  - {node: worker-2, outcome: timed-out, phase: kubelet-wait-bootstrap}\n"
        "  - {csr: worker-1, state: issued}\n"
        "  - {csr: worker-2, state: pending}\n",
    )
    assert run.verdict.status is Status.PASSED, run.verdict.failures
    assert len(run.of(CsrApproved)) == 1


@pytest.mark.parametrize(
    ("credentials", "requestor", "said"),
    [("admin", "kubernetes-admin", "admin"), ("{token: join}", '"token:join"', "token")],
)
def test_a_discovery_file_carries_the_credentials_that_were_asked_for(credentials, requestor, said):
    timeline = (
        f"  - {{at: 0s, publish: {{node: worker-1, path: /root/d.conf, credentials: {credentials}}}}}\n"
        "  - {at: 1s, join: worker-1}\n"
    )
    run = run_text(
        document(
            node="{discovery: {file: /root/d.conf}}",
            timeline=timeline,
            expect=f"  - {{node: worker-1, outcome: joined}}\n  - {{csr: worker-1, state: issued, requestor: {requestor}}}\n",
        )
    )
    assert run.verdict.status is Status.PASSED, run.verdict.failures
    (published,) = run.of(FilePublished)
    assert (published.target, published.credentials) == ("worker-1:/root/d.conf", said)


@pytest.mark.parametrize(("ttl", "usages", "works"), [("0s", "", True), ("1h", "", True), ("30s", "", False),
    ("1h", ", usages: [signing]", False), ("1h", ", usages: [authentication]", False)])  # fmt: skip
def test_a_token_is_good_for_what_and_how_long_it_was_made(ttl, usages, works):
    timeline = (
        f"  - {{at: 0s, create-token: {{name: late, ttl: {ttl}{usages}}}}}\n  - {{at: 1m, join: worker-1}}\n"
    )
    run = run_text(document(cluster="{}", node="{discovery: {token: late, pin: cluster}}", timeline=timeline))
    assert (run.verdict.status is Status.PASSED) is works


def test_every_action_that_the_schema_offers_is_carried_out_by_some_test_or_scenario():
    shipped = {step.action for file in SHIPPED for step in load_file(str(file))[0].model.timeline}
    assert shipped | set(ACTION_REQUESTS) | {"approve", "deny"} == set(ACTIONS.values())


def test_no_secret_of_a_token_comes_into_the_journal():
    run = played(
        "at: 1m, create-token: {name: b, value: bbbbbb.secretsecretsecr}",
        node="{discovery: {token: abcdef.0123456789abcdef, pin: cluster}, tlsBootstrapToken: join}",
    )
    assert "secretsecretsecr" not in run.journal.text()
    assert "0123456789abcdef" not in run.journal.text()
    assert "PRIVATE KEY" not in run.journal.text()


def test_a_decision_that_meets_another_change_is_made_again(play):
    async def body(world):
        pair = await JoinPair.create(world)
        administrator = Administrator(FakeCluster(pair.control_plane), world.journal)
        await administrator.delete_binding(Binding.APPROVAL)
        key = KeyPair.generate(random_bytes=lambda count: b"\x01" * count)
        request = base64.b64encode(build_request(key, "system:node:w", ["system:nodes"])).decode()
        spec = {
            "request": request,
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        }
        kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
        await pair.client(pair.token.value).create(CSRS, {**kind, "metadata": {"name": "one"}, "spec": spec})

        async def label(other, count):
            for index in range(count):
                with contextlib.suppress(ApiError):
                    known = await other.get(f"{CSRS}/one")
                    known["metadata"]["labels"] = {"touched": str(index)}
                    await other.update(f"{CSRS}/one", known)

        others = [pair.administrator() for _ in range(3)]
        for other in others:
            # Shaking hands takes longer than what they are to do.
            await other.get(CSRS)
        async with trio.open_nursery() as nursery:
            for other in others:
                nursery.start_soon(label, other, 4)
            nursery.start_soon(lambda: administrator.decide("w", approve=True))
        return world.journal

    # Who comes first is the seed's to decide; in some of these worlds it is the other.
    conflicts = 0
    for seed in range(8):
        journal = play(body, seed=seed)
        puts = [
            event for _, event in journal.of(RequestServed) if event.path.startswith(f"{CSRS}/one/approval")
        ]
        assert [event.status for event in puts] == [409] * (len(puts) - 1) + [200]
        assert len(list(journal.of(CsrApproved))) == 1
        conflicts += len(puts) - 1
    assert conflicts
