"""Who may do what in a new cluster: roles against the API server's, and permissions against a table of their own."""

import pytest
import yaml

from joinsim.api.objects import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from joinsim.controlplane.settings import ClusterSettings
from joinsim.controlplane.users import service_account
from tests.conftest import ROOT
from tests.controlplane.api import (
    ADMIN,
    ANONYMOUS,
    CONTROLLER,
    CSRS,
    MASTER,
    STRANGER,
    TOKEN_USER,
    Api,
    node,
)

MINE = node("mine")
KINDS = {
    "Role": ROLES,
    "ClusterRole": CLUSTER_ROLES,
    "RoleBinding": ROLE_BINDINGS,
    "ClusterRoleBinding": CLUSTER_ROLE_BINDINGS,
}


def facts():
    """The RBAC objects that were read back from a real API server; none where they are not at hand."""
    path = ROOT.parent / "shared" / "protocol" / "rbac.yaml"
    return list(yaml.safe_load_all(path.read_text())) if path.is_file() else []


def name_of(fact):
    metadata = fact["metadata"]
    return f"{fact['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def comparable(item):
    """What a role gives, or a binding binds, without the order in which it is written."""
    rules = [{key: sorted(value) for key, value in rule.items()} for rule in item.get("rules") or []]
    subjects = [
        (subject["kind"], subject.get("namespace", ""), subject["name"], subject.get("apiGroup", ""))
        for subject in item.get("subjects") or []
    ]
    return sorted(map(str, rules)), sorted(subjects), item.get("roleRef")


@pytest.mark.parametrize("fact", facts(), ids=name_of)
def test_a_new_cluster_has_the_real_ones_roles_and_bindings(fact):
    metadata = fact["metadata"]
    stored = Api().store.get(KINDS[fact["kind"]], metadata["name"], metadata.get("namespace", ""))
    assert stored is not None
    assert comparable(stored) == comparable(fact)
    for field in ("labels", "annotations"):
        assert stored["metadata"].get(field) == metadata.get(field)


def test_a_new_cluster_has_no_role_that_the_real_one_has_not():
    known = {name_of(fact) for fact in facts()}
    if not known:
        pytest.skip("the real API server's roles are not here")
    api = Api()
    assert {name_of(stored) for kind in KINDS.values() for stored in api.store.all(kind)} == known


# --- the table: one line a permission ----------------------------------------------------------

KUBE_SYSTEM, KUBE_PUBLIC = "/api/v1/namespaces/kube-system", "/api/v1/namespaces/kube-public"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

# Who may: a anonymous, t bootstrap token, n node, s some authenticated user, A administrator.
# The certificate controller and system:masters are tested apart.
PERMISSIONS = [
    ("GET", f"{KUBE_PUBLIC}/configmaps/cluster-info", "a A"),
    ("GET", f"{KUBE_PUBLIC}/configmaps/other", "A"),
    ("GET", f"{KUBE_PUBLIC}/configmaps", "A"),
    ("GET", f"{KUBE_PUBLIC}/configmaps?fieldSelector=metadata.name%3Dcluster-info", "A"),
    ("PUT", f"{KUBE_PUBLIC}/configmaps/cluster-info", "A"),
    ("DELETE", f"{KUBE_PUBLIC}/configmaps/cluster-info", "A"),
    ("GET", f"{KUBE_SYSTEM}/configmaps/kubeadm-config", "t n A"),
    ("GET", f"{KUBE_SYSTEM}/configmaps/kubelet-config", "t n A"),
    ("GET", f"{KUBE_SYSTEM}/configmaps/kube-proxy", "t A"),
    ("GET", f"{KUBE_SYSTEM}/configmaps/cluster-info", "A"),
    ("GET", f"{KUBE_SYSTEM}/configmaps", "A"),
    ("PUT", f"{KUBE_SYSTEM}/configmaps/kubeadm-config", "A"),
    ("GET", f"{KUBE_SYSTEM}/secrets/kubeadm-certs", "t A"),
    ("GET", f"{KUBE_SYSTEM}/secrets/bootstrap-token-abcdef", "A"),
    ("GET", f"{KUBE_SYSTEM}/secrets", "A"),
    ("POST", f"{KUBE_SYSTEM}/secrets", "A"),
    ("DELETE", f"{KUBE_SYSTEM}/secrets/bootstrap-token-abcdef", "A"),
    ("GET", "/api/v1/secrets", "A"),
    ("GET", "/api/v1/nodes/mine", "t n A"),
    ("GET", "/api/v1/nodes/other", "t A"),
    ("GET", "/api/v1/nodes", "A"),
    ("GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dmine", "n A"),
    ("POST", "/api/v1/nodes", "n A"),
    ("PUT", "/api/v1/nodes/mine", "n A"),
    ("PATCH", "/api/v1/nodes/mine/status", "n A"),
    ("DELETE", "/api/v1/nodes/mine", "A"),
    ("DELETE", "/api/v1/nodes/other", "A"),
    ("GET", "/api/v1/namespaces", "A"),
    ("POST", "/api/v1/namespaces", "A"),
    ("GET", f"{LEASES}/mine", "n A"),
    ("GET", f"{LEASES}/other", "A"),
    ("POST", LEASES, "n A"),
    ("GET", LEASES, "A"),
    ("POST", CSRS, "t n A"),
    ("GET", CSRS, "t n A"),
    ("GET", f"{CSRS}/csr-1", "t n A"),
    ("PUT", f"{CSRS}/csr-1", "A"),
    ("DELETE", f"{CSRS}/csr-1", "A"),
    ("PUT", f"{CSRS}/csr-1/approval", "A"),
    ("GET", f"{CSRS}/csr-1/approval", "A"),
    ("PUT", f"{CSRS}/csr-1/status", "A"),
    ("GET", f"{RBAC}/clusterroles", "A"),
    ("POST", f"{RBAC}/clusterrolebindings", "A"),
    ("DELETE", f"{RBAC}/clusterrolebindings/kubeadm:node-autoapprove-bootstrap", "A"),
    ("POST", f"{REVIEWS}/subjectaccessreviews", "n A"),
    ("POST", f"{REVIEWS}/selfsubjectaccessreviews", "t n s A"),
    ("POST", WHO_AM_I, "t n s A"),
    ("GET", "/version", "a t n s A"),
    ("GET", "/version/", "a t n s A"),
    ("GET", "/healthz", "a t n s A"),
    ("GET", "/livez", "a t n s A"),
    ("GET", "/readyz", "a t n s A"),
    ("GET", "/healthz/etcd", "A"),
    ("POST", "/version", "A"),
    ("GET", "/api", "t n s A"),
    ("GET", "/api/v1", "t n s A"),
    ("GET", "/apis", "t n s A"),
    ("GET", "/apis/apps/v1", "t n s A"),
    ("GET", "/openapi/v3", "t n s A"),
    ("GET", "/", "A"),
    ("GET", "/metrics", "A"),
    ("GET", "/nonsense", "A"),
    ("GET", "/api/v1/pods", "A"),
    ("GET", "/api/v1/nonsense", "A"),
    ("GET", "/apis/nonsense.io/v1/things", "A"),
]
WHO = {"a": ANONYMOUS, "t": TOKEN_USER, "n": MINE, "s": STRANGER, "A": ADMIN}


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    PERMISSIONS,
    ids=[f"{method} {target}" for method, target, _ in PERMISSIONS],
)
def test_in_a_new_cluster_these_may_and_no_others(method, target, allowed):
    api = Api()
    api.create_csr()
    answers = {who: api.ask(method, target, by=user).status for who, user in WHO.items()}
    assert sorted(who for who, status in answers.items() if status != 403) == sorted(allowed.split())


@pytest.mark.parametrize(
    ("signer", "approve", "sign"),
    [
        ("kubernetes.io/kube-apiserver-client-kubelet", True, True),
        ("kubernetes.io/kubelet-serving", False, True),
        ("kubernetes.io/kube-apiserver-client", False, True),
        ("kubernetes.io/legacy-unknown", False, True),
        ("example.com/other", False, False),
    ],
)
def test_the_certificate_controller_approves_for_one_signer_and_signs_for_four(signer, approve, sign):
    for verb, expected in (("approve", approve), ("sign", sign)):
        review = {
            "spec": {
                "user": CONTROLLER.name,
                "groups": [*CONTROLLER.groups],
                "resourceAttributes": {
                    "verb": verb,
                    "group": "certificates.k8s.io",
                    "resource": "signers",
                    "name": signer,
                },
            }
        }
        answer = Api().ask("POST", f"{REVIEWS}/subjectaccessreviews", review).body
        assert answer["status"]["allowed"] is expected


@pytest.mark.parametrize(
    ("account", "method", "target", "allowed"),
    [
        ("bootstrap-signer", "PUT", f"{KUBE_PUBLIC}/configmaps/cluster-info", True),
        ("bootstrap-signer", "PUT", f"{KUBE_PUBLIC}/configmaps/other", False),
        ("bootstrap-signer", "GET", f"{KUBE_SYSTEM}/secrets", True),
        ("bootstrap-signer", "DELETE", f"{KUBE_SYSTEM}/secrets/x", False),
        ("bootstrap-signer", "GET", f"{KUBE_PUBLIC}/secrets", False),
        ("token-cleaner", "DELETE", f"{KUBE_SYSTEM}/secrets/x", True),
        ("token-cleaner", "DELETE", f"{KUBE_PUBLIC}/secrets/x", False),
        ("token-cleaner", "GET", f"{KUBE_SYSTEM}/configmaps/kubeadm-config", False),
        ("certificate-controller", "PUT", f"{CSRS}/x/approval", True),
        ("certificate-controller", "PUT", f"{CSRS}/x/status", True),
        ("certificate-controller", "PUT", f"{CSRS}/x", False),
        ("certificate-controller", "GET", f"{KUBE_SYSTEM}/secrets", False),
    ],
)
def test_each_controller_has_its_own_permissions_and_no_more(account, method, target, allowed):
    assert (Api().ask(method, target, by=service_account(account)).status != 403) is allowed


def test_the_masters_may_do_everything():
    api = Api()
    api.create_csr()
    assert all(api.ask(method, target, by=MASTER).status != 403 for method, target, _ in PERMISSIONS)


# --- what a refusal says -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "method", "target", "message", "details"),
    [
        (
            ANONYMOUS,
            "GET",
            "/api/v1/nodes",
            'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the '
            "cluster scope",
            {"kind": "nodes"},
        ),
        (
            TOKEN_USER,
            "GET",
            f"{KUBE_PUBLIC}/configmaps/cluster-info",
            'configmaps "cluster-info" is forbidden: User "system:bootstrap:abcdef" cannot get resource '
            '"configmaps" in API group "" in the namespace "kube-public"',
            {"name": "cluster-info", "kind": "configmaps"},
        ),
        (
            TOKEN_USER,
            "PUT",
            f"{CSRS}/csr-1/approval",
            'certificatesigningrequests.certificates.k8s.io "csr-1" is forbidden: User '
            '"system:bootstrap:abcdef" cannot update resource "certificatesigningrequests/approval" in API group '
            '"certificates.k8s.io" at the cluster scope',
            {"name": "csr-1", "group": "certificates.k8s.io", "kind": "certificatesigningrequests"},
        ),
        (
            MINE,
            "GET",
            "/api/v1/nodes/other",
            'nodes "other" is forbidden: User "system:node:mine" cannot get resource "nodes" in API group "" at '
            "the cluster scope: node 'mine' cannot read 'other', only its own Node object",
            {"name": "other", "kind": "nodes"},
        ),
        (
            MINE,
            "DELETE",
            "/api/v1/nodes/mine",
            'nodes "mine" is forbidden: User "system:node:mine" cannot delete resource "nodes" in API group "" at '
            "the cluster scope",
            {"name": "mine", "kind": "nodes"},
        ),
        (
            TOKEN_USER,
            "DELETE",
            "/api/v1/namespaces/kube-system/secrets",
            'secrets is forbidden: User "system:bootstrap:abcdef" cannot deletecollection resource "secrets" in '
            'API group "" in the namespace "kube-system"',
            {"kind": "secrets"},
        ),
        (
            ANONYMOUS,
            "GET",
            "/api",
            'forbidden: User "system:anonymous" cannot get path "/api"',
            {},
        ),
        (
            ANONYMOUS,
            "POST",
            "/version",
            'forbidden: User "system:anonymous" cannot post path "/version"',
            {},
        ),
    ],
)
def test_a_refusal_says_who_may_not_do_what_where(user, method, target, message, details):
    answer = Api().ask(method, target, by=user)
    assert answer.status == 403
    assert answer.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "Forbidden",
        "details": details,
        "code": 403,
    }
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_refusal_tells_of_the_role_that_is_missing():
    api = Api()
    api.ask("DELETE", f"{RBAC}/clusterroles/kubeadm:get-nodes")
    message = api.ask("GET", "/api/v1/nodes/n1", by=TOKEN_USER).message
    assert message.endswith(
        'at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "kubeadm:get-nodes" not found'
    )


def test_the_name_of_the_cluster_changes_no_permission():
    api = Api(ClusterSettings(name="other", cluster_name="other"))
    assert api.ask("GET", f"{KUBE_SYSTEM}/configmaps/kubeadm-config", by=TOKEN_USER).status == 200
