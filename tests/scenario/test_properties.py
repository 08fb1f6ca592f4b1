"""Each trust property, broken and kept: by journals made by hand, and by real runs."""

import pytest

from joinsim.events import (
    AdministratorActed,
    ClusterBooted,
    CsrIssued,
    DiscoveryAccepted,
    JoinCompleted,
    JoinFailed,
    KnowledgeGained,
    RequestServed,
)
from joinsim.journal import Journal
from joinsim.scenario import Binding, Cast, Property, Status, breaches
from joinsim.scenario.expectations import trusted_by
from tests.scenario.runs import SHIPPED, document, run_text, shipped_runs

OURS, THEIRS, NOBODYS = (f"sha256:{letter * 64}" for letter in "abc")
CAST = Cast("cluster", {"worker-1": "worker.one", "worker-2": "worker-2"}, ("mallory",), {})
INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"


def booted(cluster, *pins):
    return ("x", ClusterBooted(cluster, "v1.36.2", "10.0.0.1:6443", pins))


def accepted(who, *pins):
    return (who, DiscoveryAccepted("token-pinned", "https://10.0.0.1:6443", pins))


def knows(who, kind, subject, *, at_start=False):
    return (who, KnowledgeGained(kind, subject, "somewhere", at_start=at_start))


def issued(key, name="system:node:worker.one", cluster="cluster"):
    return (
        "control-plane",
        CsrIssued(cluster, "csr-1", name, ("system:nodes",), key, "2027-01-01T00:00:00Z"),
    )


def served(user, verb, path, status=200, groups=(), cluster="cluster"):
    return ("control-plane", RequestServed(cluster, user, groups, verb, path, status, "x/1"))


def joined(who):
    return (who, JoinCompleted(who))


ALL_JOINED = [joined("worker-1"), joined("worker-2")]
BOOTED = [booted("cluster", OURS), booted("mallory", THEIRS)]


def broken(*records):
    journal = Journal(lambda: 0.0)
    for actor, event in [*BOOTED, *records, *ALL_JOINED]:
        journal.append(actor, event)
    return {str(judged): how for judged, how in breaches(journal, CAST).items()}


@pytest.mark.parametrize(
    "records",
    [
        [],
        [accepted("worker-1", OURS)],
        [accepted("mallory", THEIRS)],
        [accepted("worker-1", OURS, OURS)],
        [knows("mallory", "private-key", THEIRS, at_start=True), issued(OURS)],
        [knows("mallory", "private-key", THEIRS, at_start=True), issued(THEIRS, cluster="mallory")],
        [knows("worker-1", "private-key", OURS), issued(OURS)],
        [knows("mallory", "token", "abcdef", at_start=True)],
        [knows("worker-1", "token", "abcdef")],
        [knows("worker-1", "secret", "kubeadm-certs")],
        [served("system:anonymous", "get", INFO)],
        [served("system:anonymous", "list", "/api/v1/secrets", 403)],
        [served("system:anonymous", "list", "/api/v1/secrets", cluster="mallory")],
        [("administrator", AdministratorActed("delete-binding", str(Binding.APPROVAL))),
            served("system:anonymous", "get", INFO)],
        [("administrator", AdministratorActed("delete-binding", str(Binding.CLUSTER_INFO))),
            served("system:anonymous", "get", INFO, 403)],
        [("administrator", AdministratorActed("delete-binding", str(Binding.CLUSTER_INFO))),
            ("administrator", AdministratorActed("restore-binding", str(Binding.CLUSTER_INFO))),
            served("system:anonymous", "get", INFO)],
    ],
)  # fmt: skip
def test_what_breaks_nothing(records):
    assert broken(*records) == {}


FOREIGN = "no-foreign-identity"


@pytest.mark.parametrize(
    ("records", "properties"),
    [
        ([accepted("worker-1", THEIRS)], {"genuine-control-plane"}),
        ([accepted("worker-1", OURS, THEIRS)], {"genuine-control-plane"}),
        ([accepted("worker-2", NOBODYS)], {"genuine-control-plane"}),
        ([accepted("worker-1", OURS), accepted("worker-1", THEIRS)], {"genuine-control-plane"}),
        ([knows("mallory", "private-key", THEIRS, at_start=True), issued(THEIRS, "kubernetes-admin")], {FOREIGN}),
        ([issued(THEIRS, "system:node:mallory"), knows("mallory", "private-key", THEIRS, at_start=True)], {FOREIGN}),
        ([knows("mallory", "private-key", THEIRS, at_start=True), issued(THEIRS, "system:node:worker-1")], {FOREIGN}),
        ([knows("mallory", "private-key", THEIRS, at_start=True), issued(THEIRS)], {FOREIGN, "no-node-impersonation"}),
        ([knows("mallory", "node-credential", "worker-2")], {"no-node-impersonation"}),
        ([knows("mallory", "secret", "kubeadm-certs")], {"no-secret-disclosed"}),
        ([knows("mallory", "private-key", OURS)], {"no-secret-disclosed"}),
        ([knows("mallory", "token", "abcdef")], {"token-confidential"}),
        ([knows("mallory", "token", "abcdef", at_start=True), knows("mallory", "token", "ghijkl")], {"token-confidential"}),
        ([served("system:anonymous", "list", "/api/v1/secrets")], {"no-privilege-escalation"}),
        ([served("system:bootstrap:abcdef", "get", "/api/v1/secrets", 299, ("system:authenticated",))], {"no-privilege-escalation"}),
        ([served("system:node:worker-1", "get", "/api/v1/nodes/worker-2", groups=("system:nodes",))], {"no-privilege-escalation"}),
        ([("administrator", AdministratorActed("delete-binding", str(Binding.CLUSTER_INFO))),
            served("system:anonymous", "get", INFO)], {"no-privilege-escalation"}),
    ],
)  # fmt: skip
def test_what_breaks_which_property(records, properties):
    assert set(broken(*records)) == properties


def test_each_property_is_judged():
    everything = [
        accepted("worker-1", THEIRS),
        knows("mallory", "private-key", THEIRS),
        issued(THEIRS),
        knows("mallory", "token", "abcdef"),
        served("system:anonymous", "list", "/api/v1/secrets"),
    ]
    journal = Journal(lambda: 0.0)
    for actor, event in [*BOOTED, *everything]:
        journal.append(actor, event)
    assert set(breaches(journal, CAST)) == set(Property)


@pytest.mark.parametrize(
    ("records", "how"),
    [
        ([], "worker-1 did not join (its join did not end)"),
        ([("worker-1", JoinFailed("worker-1", "preflight", "pin-mismatch", False, ""))], "worker-1 did not join (pin-mismatch)"),
        ([joined("worker-1")], "worker-2 did not join (its join did not end)"),
        ([joined("worker-1"), joined("mallory")], "worker-2 did not join (its join did not end)"),
    ],
)  # fmt: skip
def test_a_node_that_does_not_join_makes_the_cluster_unavailable(records, how):
    journal = Journal(lambda: 0.0)
    for actor, event in records:
        journal.append(actor, event)
    assert breaches(journal, CAST)[Property.AVAILABLE] == how


@pytest.mark.parametrize(
    ("records", "trusted"),
    [
        ([], "nobody"),
        ([accepted("worker-2", THEIRS)], "nobody"),
        ([accepted("worker-1", OURS)], "cluster"),
        ([accepted("worker-1", THEIRS)], "mallory"),
        ([accepted("worker-1", OURS, THEIRS)], "mallory"),
        ([accepted("worker-1", NOBODYS)], "a stranger"),
        ([accepted("worker-1", OURS, NOBODYS)], "a stranger"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_whom_a_node_trusts(records, trusted, order):
    journal = Journal(lambda: 0.0)
    for actor, event in [*BOOTED[::order], *records]:
        journal.append(actor, event)
    assert trusted_by("worker-1", journal, CAST) == trusted


# --- real runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("pinned", set()),
        ("wrong-pin", {"available"}),
        ("stolen-token-pinned", {"available"}),
        ("no-token-unpinned", {"available"}),
        ("stolen-token-unpinned", {"genuine-control-plane"}),
    ],
)
def test_what_is_broken_in_a_shipped_scenario(name, properties):
    (run,) = shipped_runs(next(file for file in SHIPPED if file.stem == name))
    assert {str(judged) for judged, _ in run.verdict.broken} == properties
    assert all(how for _, how in run.verdict.broken)


def test_a_token_that_is_sent_to_a_false_control_plane_is_no_longer_confidential():
    run = run_text(
        document(
            cluster="{tokens: {join: {}, bootstrap: {}}}",
            node="{discovery: {token: join, pin: none}, tlsBootstrapToken: bootstrap}",
            rest="adversaries:\n  mallory: {position: {between: [worker-1, control-plane]}, holds: [{token: join}]}\n",
            timeline="  - {at: 0s, by: mallory, attack: impersonate-control-plane}\n  - {at: 1s, join: worker-1}\n",
            expect="  - {attack: impersonate-control-plane, fired: true}\n",
        )
    )
    assert run.verdict.status is Status.FAILED
    assert {str(judged) for judged, _ in run.verdict.broken} == {
        "genuine-control-plane",
        "token-confidential",
        "available",
    }
    assert (
        f"mallory came to know the token {run.cast.tokens['bootstrap']}"
        in dict(run.verdict.broken)["token-confidential"]
    )
