"""The two authorizers by themselves: what a rule covers, and what a node may do beside its role."""

import pytest

from joinsim.api.objects import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from joinsim.controlplane.authorization import Attributes, Authorizer
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User, service_account
from joinsim.world import Seed
from tests.controlplane.api import MASTER, SetClock, node

ALICE = User("alice", ("team", "system:authenticated"))


def a_store():
    return Store(SetClock(), Seed(1).stream("uids"))


def rule(verbs, resources="", groups="", *, names="", paths=""):
    made = {"verbs": verbs.split()}
    if paths:
        return made | {"nonResourceURLs": paths.split()}
    made |= {
        "resources": resources.split(),
        "apiGroups": [group.strip("-") for group in groups.split() or [""]],
    }
    return made | ({"resourceNames": names.split()} if names else {})


def grant(store, rules, subject=None, *, namespace="", name="granted", role_kind=""):
    """A role of these rules, bound to alice unless told otherwise."""
    kind = role_kind or ("Role" if namespace else "ClusterRole")
    roles = ROLES if kind == "Role" else CLUSTER_ROLES
    home = {"namespace": namespace} if namespace and kind == "Role" else {}
    store.create(roles, {"metadata": {"name": name, **home}, "rules": rules})
    bind(store, name, subject, namespace=namespace, role_kind=kind)


def bind(store, role, subject=None, *, namespace="", role_kind="ClusterRole", name=""):
    where = {"namespace": namespace} if namespace else {}
    binding = {
        "metadata": {"name": name or f"binds-{role}", **where},
        "roleRef": {"kind": role_kind, "name": role},
        "subjects": [subject or {"kind": "User", "name": "alice"}],
    }
    store.create(ROLE_BINDINGS if namespace else CLUSTER_ROLE_BINDINGS, binding)


def may(rules, attributes, user=ALICE, **granted):
    store = a_store()
    grant(store, rules, **granted)
    return Authorizer(store).authorize(user, attributes).allowed


GET_POD = Attributes("get", resource="pods", namespace="ns", name="p")


@pytest.mark.parametrize(
    ("rules", "attributes", "allowed"),
    [
        ([rule("get", "pods")], GET_POD, True),
        ([rule("get list", "configmaps pods")], GET_POD, True),
        ([rule("list", "pods")], GET_POD, False),
        ([rule("GET", "pods")], GET_POD, False),
        ([rule("get", "pod")], GET_POD, False),
        ([rule("get", "pods", "apps")], GET_POD, False),
        ([rule("get", "pods", "apps -")], GET_POD, True),
        ([rule("*", "*", "*")], GET_POD, True),
        ([rule("*", "pods")], GET_POD, True),
        ([rule("get", "*")], GET_POD, True),
        ([rule("get", "*")], Attributes("get", "apps", "deployments", name="d"), False),
        ([], GET_POD, False),
        ([rule("list", "pods"), rule("get", "pods")], GET_POD, True),
    ],
)
def test_a_rule_covers_verbs_resources_and_groups(rules, attributes, allowed):
    assert may(rules, attributes) is allowed


@pytest.mark.parametrize(
    ("resources", "subresource", "allowed"),
    [
        ("pods", "", True),
        ("pods", "log", False),
        ("pods/log", "log", True),
        ("pods/log", "", False),
        ("pods/log", "exec", False),
        ("pods/*", "log", False),
        ("*/log", "log", True),
        ("*/log", "", False),
        ("*/exec", "log", False),
        ("*", "log", True),
        ("configmaps/log", "log", False),
    ],
)
def test_a_subresource_is_a_resource_of_its_own(resources, subresource, allowed):
    asked = Attributes("get", resource="pods", subresource=subresource, namespace="ns", name="p")
    assert may([rule("get", resources)], asked) is allowed


@pytest.mark.parametrize(
    ("names", "name", "allowed"),
    [
        ("p", "p", True),
        ("p q", "q", True),
        ("p", "P", False),
        ("p", "", False),
        ("*", "p", False),
        ("*", "*", True),
        ("p/", "p", False),
    ],
)
def test_resource_names_are_compared_letter_by_letter_and_know_no_wildcard(names, name, allowed):
    asked = Attributes("get", resource="pods", namespace="ns", name=name)
    assert may([rule("get", "pods", names=names)], asked) is allowed


@pytest.mark.parametrize("verb", ["create", "list", "deletecollection"])
def test_a_rule_with_names_covers_no_request_without_a_name(verb):
    assert not may([rule("*", "pods", names="p")], Attributes(verb, resource="pods", namespace="ns"))


@pytest.mark.parametrize(
    ("paths", "path", "allowed"),
    [
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/", False),
        ("/healthz", "/healthz/etcd", False),
        ("/healthz/*", "/healthz/etcd", True),
        ("/healthz/*", "/healthz", False),
        ("/healthz*", "/healthz/etcd", True),
        ("*", "/anything", True),
        ("/*/x", "/a/x", False),
        ("/", "/", True),
        ("/", "/x", False),
    ],
)
def test_paths_match_whole_or_by_a_star_at_the_end(paths, path, allowed):
    assert may([rule("get", paths=paths)], Attributes("get", path=path)) is allowed


def test_a_rule_for_paths_covers_no_resource_and_the_other_way_round():
    assert not may([rule("*", paths="*")], GET_POD)
    assert not may([rule("*", "*", "*")], Attributes("get", path="/version"))


def test_the_verb_of_a_path_counts_too():
    assert not may([rule("get", paths="*")], Attributes("post", path="/version"))


@pytest.mark.parametrize(
    ("subject", "user", "allowed"),
    [
        ({"kind": "User", "name": "alice"}, ALICE, True),
        ({"kind": "User", "name": "Alice"}, ALICE, False),
        ({"kind": "User", "name": "*"}, ALICE, False),
        ({"kind": "User", "name": "team"}, ALICE, False),
        ({"kind": "Group", "name": "team"}, ALICE, True),
        ({"kind": "Group", "name": "alice"}, ALICE, False),
        ({"kind": "Group", "name": "system:authenticated"}, ALICE, True),
        ({"kind": "ServiceAccount", "name": "sa", "namespace": "ns"}, service_account("sa", "ns"), True),
        ({"kind": "ServiceAccount", "name": "sa", "namespace": "ns"}, service_account("sa", "other"), False),
        ({"kind": "ServiceAccount", "name": "sa", "namespace": "ns"}, User("sa", ()), False),
        ({"kind": "User", "name": "system:serviceaccount:ns:sa"}, service_account("sa", "ns"), True),
        ({"kind": "Group", "name": "system:serviceaccounts:ns"}, service_account("sa", "ns"), True),
    ],
)
def test_a_binding_gives_to_its_subjects_only(subject, user, allowed):
    assert may([rule("get", "pods")], GET_POD, user=user, subject=subject) is allowed


def test_a_binding_of_a_namespace_gives_nothing_outside_it():
    for kind in ("Role", "ClusterRole"):
        store = a_store()
        grant(store, [rule("*", "*", "*"), rule("*", paths="*")], namespace="ns", role_kind=kind)
        authorizer = Authorizer(store)
        assert authorizer.authorize(ALICE, GET_POD).allowed
        for elsewhere in (
            Attributes("get", resource="pods", namespace="other", name="p"),
            Attributes("list", resource="pods"),
            Attributes("get", resource="nodes", name="n"),
            Attributes("get", path="/version"),
        ):
            assert not authorizer.authorize(ALICE, elsewhere).allowed


def test_a_cluster_role_binding_gives_everywhere():
    asked = Attributes("list", resource="pods")
    assert may([rule("list", "pods")], asked)
    assert may([rule("get", "pods")], GET_POD)


def test_nobody_has_anything_that_was_not_given():
    decision = Authorizer(a_store()).authorize(ALICE, GET_POD)
    assert (decision.allowed, decision.reason) == (False, "")


def test_the_masters_may_do_everything_without_any_role():
    authorizer = Authorizer(a_store())
    assert authorizer.authorize(MASTER, GET_POD).allowed
    assert authorizer.authorize(MASTER, Attributes("delete", path="/")).allowed


def test_a_permission_counts_from_the_moment_it_is_given_to_the_moment_it_is_taken():
    store = a_store()
    authorizer = Authorizer(store)
    assert not authorizer.authorize(ALICE, GET_POD).allowed
    grant(store, [rule("get", "pods")])
    assert authorizer.authorize(ALICE, GET_POD).allowed
    store.update(CLUSTER_ROLES, {"metadata": {"name": "granted"}, "rules": []})
    assert not authorizer.authorize(ALICE, GET_POD).allowed
    store.update(CLUSTER_ROLES, {"metadata": {"name": "granted"}, "rules": [rule("get", "pods")]})
    assert authorizer.authorize(ALICE, GET_POD).allowed
    store.delete(CLUSTER_ROLE_BINDINGS, "binds-granted")
    assert not authorizer.authorize(ALICE, GET_POD).allowed


# --- a role that is missing is told -----------------------------------------------------------


def test_a_bound_role_that_is_not_there_is_named_in_the_refusal():
    store = a_store()
    bind(store, "gone")
    decision = Authorizer(store).authorize(ALICE, GET_POD)
    assert decision.reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'


def test_several_missing_roles_are_listed_each_once():
    store = a_store()
    bind(store, "gone")
    bind(store, "gone", {"kind": "Group", "name": "team"}, name="again")
    bind(store, "lost", namespace="ns", role_kind="Role")
    decision = Authorizer(store).authorize(ALICE, GET_POD)
    assert decision.reason == (
        'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, '
        'role.rbac.authorization.k8s.io "lost" not found]'
    )


def test_a_missing_role_stands_in_nobodys_way():
    store = a_store()
    bind(store, "gone")
    grant(store, [rule("get", "pods")])
    decision = Authorizer(store).authorize(ALICE, GET_POD)
    by = 'RBAC: allowed by ClusterRoleBinding "binds-granted" of ClusterRole "granted" to User "alice"'
    assert (decision.allowed, decision.reason) == (True, by)


# --- the Node authorizer -------------------------------------------------------------------

MINE = node("mine")
NODE_LEASES = {"group": "coordination.k8s.io", "resource": "leases", "namespace": "kube-node-lease"}
CSI_NODES = {"group": "storage.k8s.io", "resource": "csinodes"}
CSRS = {"group": "certificates.k8s.io", "resource": "certificatesigningrequests"}
UNRELATED = "no relationship found between node 'mine' and this object"


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes("get", resource="nodes", name="mine"),
        Attributes("list", resource="nodes", name="mine"),
        Attributes("watch", resource="nodes", name="mine"),
        Attributes("create", resource="nodes"),
        Attributes("update", resource="nodes", name="mine"),
        Attributes("patch", resource="nodes", name="mine"),
        Attributes("patch", resource="nodes", subresource="status", name="mine"),
        Attributes("patch", resource="nodes", subresource="status", name="other"),
        Attributes("get", name="mine", **NODE_LEASES),
        Attributes("create", **NODE_LEASES),
        Attributes("create", name="other", **NODE_LEASES),
        Attributes("delete", name="mine", **NODE_LEASES),
        Attributes("get", name="mine", **CSI_NODES),
        Attributes("create", **CSI_NODES),
        Attributes("create", **CSRS),
        Attributes("get", name="anyones", **CSRS),
        Attributes("list", **CSRS),
        Attributes("watch", **CSRS),
        Attributes("list", resource="services"),
        Attributes("list", resource="pods", field_selector="spec.nodeName=mine"),
        Attributes("watch", resource="pods", field_selector="spec.nodeName==mine"),
        Attributes("create", resource="pods", namespace="ns"),
        Attributes("create", resource="events", namespace="ns"),
        Attributes("get", resource="serviceaccounts", namespace="ns", name="sa"),
        Attributes("list", "node.k8s.io", "runtimeclasses"),
        Attributes("create", "authorization.k8s.io", "subjectaccessreviews"),
    ],
    ids=lambda attributes: f"{attributes.verb} {attributes.full_resource} {attributes.name}",
)
def test_a_node_may(attributes):
    assert Authorizer(a_store()).authorize(MINE, attributes).allowed


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        (
            Attributes("get", resource="nodes", name="other"),
            "node 'mine' cannot read 'other', only its own Node object",
        ),
        (
            Attributes("watch", resource="nodes", name="other"),
            "node 'mine' cannot read 'other', only its own Node object",
        ),
        (
            Attributes("list", resource="nodes"),
            "node 'mine' cannot read all nodes, only its own Node object",
        ),
        (Attributes("delete", resource="nodes", name="mine"), ""),
        (Attributes("deletecollection", resource="nodes"), ""),
        (Attributes("get", resource="secrets", namespace="ns", name="s"), UNRELATED),
        (Attributes("list", resource="secrets", namespace="ns", name="s"), UNRELATED),
        (Attributes("get", resource="configmaps", namespace="kube-public", name="cluster-info"), UNRELATED),
        (Attributes("list", resource="secrets", namespace="ns"), "No Object name found"),
        (
            Attributes("list", resource="secrets"),
            "can only read namespaced object of this type",
        ),
        (Attributes("create", resource="secrets", namespace="ns"), "can only read resources of this type"),
        (
            Attributes("update", resource="configmaps", namespace="ns", name="c"),
            "can only read resources of this type",
        ),
        (
            Attributes("get", resource="secrets", subresource="x", namespace="ns", name="s"),
            "cannot read subresource",
        ),
        (
            Attributes("list", **NODE_LEASES),
            "can only get, create, update, patch, or delete a node lease",
        ),
        (
            Attributes("get", "coordination.k8s.io", "leases", namespace="kube-system", name="mine"),
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        (
            Attributes("update", name="other", **NODE_LEASES),
            "can only access node lease with the same name as the requesting node",
        ),
        (Attributes("list", **CSI_NODES), "can only get, create, update, patch, or delete a CSINode"),
        (
            Attributes("get", subresource="status", name="mine", **CSI_NODES),
            "cannot authorize CSINode subresources",
        ),
        (
            Attributes("get", name="other", **CSI_NODES),
            "can only access CSINode with the same name as the requesting node",
        ),
        (Attributes("get", resource="pods", namespace="ns", name="p"), UNRELATED),
        (Attributes("list", resource="pods"), "can only list/watch pods with spec.nodeName field selector"),
        (
            Attributes("list", resource="pods", field_selector="spec.nodeName=other"),
            "can only list/watch pods with spec.nodeName field selector",
        ),
        (
            Attributes("create", resource="serviceaccounts", subresource="token", namespace="ns", name="sa"),
            UNRELATED,
        ),
        (
            Attributes("create", resource="serviceaccounts", namespace="ns"),
            "can only create tokens for individual service accounts",
        ),
        (
            Attributes("create", resource="serviceaccounts", subresource="x", namespace="ns", name="sa"),
            "can only create token subresource of serviceaccount",
        ),
        (Attributes("update", subresource="approval", name="c", **CSRS), ""),
        (Attributes("update", subresource="status", name="c", **CSRS), ""),
        (Attributes("delete", name="c", **CSRS), ""),
        (Attributes("create", resource="namespaces"), ""),
        (Attributes("get", path="/metrics"), ""),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else f"{value.verb} {value.full_resource}",
)
def test_a_node_may_not(attributes, reason):
    decision = Authorizer(a_store()).authorize(MINE, attributes)
    assert (decision.allowed, decision.reason) == (False, reason)


def test_what_a_role_gives_a_node_has_even_where_the_node_authorizer_would_not():
    store = a_store()
    grant(store, [rule("get", "configmaps")], {"kind": "Group", "name": "system:nodes"})
    decision = Authorizer(store).authorize(
        MINE, Attributes("get", resource="configmaps", namespace="ns", name="c")
    )
    by = (
        'RBAC: allowed by ClusterRoleBinding "binds-granted" of ClusterRole "granted" to Group "system:nodes"'
    )
    assert (decision.allowed, decision.reason) == (True, by)


@pytest.mark.parametrize(
    "user",
    [
        User("system:node:mine", ("system:authenticated",)),
        User("mine", ("system:nodes",)),
        User("system:node:", ("system:nodes",)),
        User("system:nodes:mine", ("system:nodes",)),
        User("x-system:node:mine", ("system:nodes",)),
    ],
    ids=lambda user: f"{user.name} {user.groups}",
)
def test_a_user_with_half_of_what_makes_a_node_is_an_ordinary_user(user):
    asked = Attributes("get", resource="nodes", name="mine")
    decision = Authorizer(a_store()).authorize(user, asked)
    assert (user.node_name, decision.allowed, decision.reason) == ("", False, "")
