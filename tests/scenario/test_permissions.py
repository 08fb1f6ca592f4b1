"""The table of permissions is a statement of its own; here it is held against the control plane's RBAC."""

import contextlib

import pytest

from joinsim.api import Kubeconfig
from joinsim.errors import ApiError
from joinsim.events import RequestServed
from joinsim.scenario.permissions import is_permitted
from joinsim.wire import Connections, RequestFailed, connection_of
from tests.pair import JoinPair
from tests.scenario.runs import SHIPPED, shipped_runs

INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SYSTEM = "/api/v1/namespaces/kube-system"
RBAC = "/apis/rbac.authorization.k8s.io/v1"

ANONYMOUS = ("system:anonymous", ("system:unauthenticated",))
TOKEN = (
    "system:bootstrap:abcdef",
    ("system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"),
)
BARE_TOKEN = ("system:bootstrap:abcdef", ("system:bootstrappers", "system:authenticated"))
NODE = ("system:node:worker-1", ("system:nodes", "system:authenticated"))
ADMIN = ("kubernetes-admin", ("kubeadm:cluster-admins", "system:authenticated"))
STRANGER = ("mallory", ("system:authenticated",))
NO_NODE = ("system:node:worker-1", ("system:authenticated",))
NOBODY = ("", ())


@pytest.mark.parametrize(
    ("who", "verb", "target", "permitted"),
    [
        (ANONYMOUS, "get", INFO, True),
        (ANONYMOUS, "get", f"{INFO}?timeout=10s", True),
        (ANONYMOUS, "get", "/healthz", True),
        (ANONYMOUS, "get", "/version", True),
        (ANONYMOUS, "get", "/api", False),
        (ANONYMOUS, "update", INFO, False),
        (ANONYMOUS, "watch", INFO, False),
        (ANONYMOUS, "get", INFO + "2", False),
        (ANONYMOUS, "get", INFO + "/", False),
        (ANONYMOUS, "get", f"{SYSTEM}/configmaps/cluster-info", False),
        (ANONYMOUS, "list", "/api/v1/namespaces/kube-public/configmaps", False),
        (ANONYMOUS, "create", CSRS, False),
        (TOKEN, "create", CSRS, True),
        (TOKEN, "get", f"{CSRS}/csr-abcde", True),
        (TOKEN, "get", "/api/v1/nodes/worker-1", True),
        (TOKEN, "list", "/api/v1/nodes", False),
        (TOKEN, "create", "/api/v1/nodes", False),
        (TOKEN, "update", f"{CSRS}/csr-abcde/approval", False),
        (TOKEN, "delete", f"{CSRS}/csr-abcde", False),
        (TOKEN, "get", INFO, False),
        (TOKEN, "get", f"{SYSTEM}/secrets/kubeadm-certs", True),
        (TOKEN, "get", f"{SYSTEM}/secrets/bootstrap-token-abcdef", False),
        (TOKEN, "list", f"{SYSTEM}/secrets", False),
        (TOKEN, "get", f"{SYSTEM}/configmaps/kubeadm-config", True),
        (TOKEN, "get", f"{SYSTEM}/configmaps/coredns", False),
        (BARE_TOKEN, "create", CSRS, False),
        (BARE_TOKEN, "get", "/api/v1", True),
        (BARE_TOKEN, "get", f"{SYSTEM}/configmaps/kubeadm-config", False),
        (NODE, "create", "/api/v1/nodes", True),
        (NODE, "get", "/api/v1/nodes/worker-1", True),
        (NODE, "get", "/api/v1/nodes/worker-10", False),
        (NODE, "get", "/api/v1/nodes/worker-2", False),
        (NODE, "patch", "/api/v1/nodes/worker-1/status", True),
        (NODE, "patch", "/api/v1/nodes/worker-2/status", False),
        (NODE, "delete", "/api/v1/nodes/worker-1", False),
        (NODE, "list", "/api/v1/nodes", False),
        (NODE, "list", "/api/v1/nodes?fieldSelector=metadata.name%3Dworker-1", True),
        (NODE, "list", "/api/v1/nodes?fieldSelector=metadata.name%3Dworker-2", False),
        (NODE, "list", "/api/v1/nodes?fieldSelector=metadata.name%3Dworker-1%2Cx", False),
        (NODE, "watch", "/api/v1/nodes?watch=true&fieldSelector=metadata.name%3Dworker-1&x=y", True),
        (NODE, "update", f"{LEASES}/worker-1", True),
        (NODE, "update", f"{LEASES}/worker-2", False),
        (NODE, "get", f"{SYSTEM}/secrets/kubeadm-certs", False),
        (NODE, "get", f"{SYSTEM}/configmaps/kube-proxy", False),
        (NODE, "update", f"{CSRS}/csr-abcde/approval", False),
        (NO_NODE, "create", "/api/v1/nodes", False),
        (NO_NODE, "get", "/apis", True),
        (STRANGER, "get", f"{SYSTEM}/secrets/kubeadm-certs", False),
        (STRANGER, "create", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", True),
        (NOBODY, "get", INFO, False),
        (NOBODY, "get", "/healthz", False),
        (ADMIN, "delete", f"{RBAC}/clusterrolebindings/kubeadm:get-nodes", True),
        (("anybody", ("system:masters",)), "list", f"{SYSTEM}/secrets", True),
        (("system:kube-controller-manager", ("system:authenticated",)), "watch", "/api/v1/secrets", True),
        (("system:serviceaccount:default:default", ()), "list", "/api/v1/secrets", False),
    ],
)  # fmt: skip
def test_who_may_do_what(who, verb, target, permitted):
    assert is_permitted(*who, verb, target, cluster_info_public=True) is permitted


def test_cluster_info_is_the_publics_only_while_its_binding_is_there():
    assert not is_permitted(*ANONYMOUS, "get", INFO, cluster_info_public=False)
    assert is_permitted(*ANONYMOUS, "get", "/livez", cluster_info_public=False)


REQUESTS = [
    *(("get", path) for path in (
        "/", "/api", "/api/v1", "/apis", "/apis/certificates.k8s.io/v1", "/healthz", "/livez", "/readyz",
        "/version", INFO, f"{INFO}x", f"{SYSTEM}/configmaps/kubeadm-config",
        f"{SYSTEM}/configmaps/kubelet-config", f"{SYSTEM}/configmaps/kube-proxy", f"{SYSTEM}/configmaps/coredns",
        f"{SYSTEM}/configmaps/cluster-info", f"{SYSTEM}/configmaps", f"{SYSTEM}/secrets",
        f"{SYSTEM}/secrets/bootstrap-token-abcdef", f"{SYSTEM}/secrets/other", "/api/v1/secrets",
        "/api/v1/namespaces/kube-public/configmaps", "/api/v1/nodes", "/api/v1/nodes/worker-1",
        "/api/v1/nodes/worker-2", "/api/v1/nodes?fieldSelector=metadata.name%3Dworker-1",
        "/api/v1/nodes?fieldSelector=metadata.name%3Dworker-2", CSRS, f"{CSRS}/csr-none",
        f"{LEASES}/worker-1", f"{LEASES}/worker-2", LEASES, f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings",
        f"{RBAC}/namespaces/kube-public/rolebindings/kubeadm:bootstrap-signer-clusterinfo",
    )),
    *(("delete", path) for path in (
        INFO, f"{CSRS}/csr-none", "/api/v1/nodes/worker-1", "/api/v1/nodes/worker-2", f"{LEASES}/worker-2",
        f"{SYSTEM}/secrets/bootstrap-token-abcdef", f"{RBAC}/clusterrolebindings/kubeadm:get-nodes",
    )),
    *(("create", path) for path in (
        CSRS, "/api/v1/nodes", f"{SYSTEM}/secrets", f"{SYSTEM}/configmaps", LEASES, f"{RBAC}/clusterrolebindings",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    )),
    *(("update", path) for path in (
        INFO, f"{CSRS}/csr-none/approval", f"{CSRS}/csr-none/status", "/api/v1/nodes/worker-2",
        "/api/v1/nodes/worker-2/status", f"{SYSTEM}/secrets/bootstrap-token-abcdef",
    )),
]  # fmt: skip


@pytest.mark.parametrize("who", ["anonymous", "token", "node", "false token"])
def test_the_table_and_the_control_plane_agree_on_every_request(play, who):
    async def body(world):
        pair = await JoinPair.create(world)
        if who == "node":
            assert (await pair.join()).joined
        clients = {
            "anonymous": lambda: pair.client(),
            "token": lambda: pair.client(pair.token.value),
            "false token": lambda: pair.client("abcdef.fedcba9876543210"),
            "node": lambda: node_client(pair),
        }
        client = clients[who]()
        for verb, path in REQUESTS:
            # What a health check says is no JSON.
            with contextlib.suppress(ApiError, RequestFailed):
                await (
                    getattr(client, verb)(path)
                    if verb in ("get", "delete")
                    else getattr(client, verb)(path, {})
                )
        return [
            event for _, event in world.journal.of(RequestServed) if event.user_agent.startswith("tests/")
        ]

    served = play(body)
    assert len(served) == len(REQUESTS)
    for event in served:
        permitted = is_permitted(event.user, event.groups, event.verb, event.path, cluster_info_public=True)
        # Admission refuses with the same code what authorization has let through.
        refused = event.status == 401 or (event.status == 403 and " cannot " in event.message)
        if event.status < 300:
            assert permitted, event
        assert not (refused and permitted), event


def node_client(pair):
    files = pair.worker.files
    config = Kubeconfig.parse(files.read("/etc/kubernetes/kubelet.conf").decode())
    connection = connection_of(config, files.read, pair.worker.ca_bundle)
    return Connections(pair.worker.dialer, pair.worker.clock).client(
        connection, user_agent="tests/1", timeout_seconds=10
    )


def test_no_request_that_a_shipped_scenario_sees_refused_is_in_the_table():
    refused = [
        (run, event)
        for file in SHIPPED
        if file.parent.name != "hardening"
        for run in shipped_runs(file)
        for event in run.of(RequestServed)
        if event.status in (401, 403) and event.cluster == run.cast.cluster
    ]
    assert len(refused) > 100
    for _, event in refused:
        assert not is_permitted(event.user, event.groups, event.verb, event.path, cluster_info_public=True), (
            event
        )
