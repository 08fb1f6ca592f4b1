import base64
import json

import pytest

from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES
from joinsim.controlplane.resources import STRATEGIES, Context
from joinsim.controlplane.users import User
from joinsim.world import Seed
from tests.controlplane.api import (
    ADMIN,
    CONTROLLER,
    CSRS,
    STRANGER,
    TOKEN_USER,
    Api,
    SetClock,
    a_condition,
    a_csr,
    an_authority,
)

CERTIFICATE = base64.b64encode(an_authority().pem).decode()


def an_api():
    api = Api()
    api.create_csr()
    return api


def change(api, subresource="", by=ADMIN, **fields):
    csr = api.ask("GET", f"{CSRS}/csr-1").body
    target = f"{CSRS}/csr-1/{subresource}" if subresource else f"{CSRS}/csr-1"
    return api.ask("PUT", target, {**csr, **fields}, by=by)


def test_who_asks_is_what_authentication_says_whatever_the_client_writes():
    spoofed = {
        "username": "system:node:other",
        "uid": "u",
        "groups": ["system:masters"],
        "extra": {"a": ["b"]},
    }
    spec = Api().create_csr(**spoofed).body["spec"]
    assert spec["username"] == TOKEN_USER.name
    assert spec["groups"] == [*TOKEN_USER.groups]
    assert "uid" not in spec
    assert "extra" not in spec


def test_what_is_known_of_the_requestor_is_written_down():
    user = User("alice", ("kubeadm:cluster-admins",), "uid-1", {"key": ("a", "b")})
    spec = Api().create_csr(by=user).body["spec"]
    assert (spec["username"], spec["uid"], spec["extra"]) == ("alice", "uid-1", {"key": ["a", "b"]})


def test_a_new_request_has_no_status():
    csr = a_csr() | {"status": {"conditions": [a_condition("Approved")], "certificate": CERTIFICATE}}
    assert Api().ask("POST", CSRS, csr).body["status"] == {}


def test_the_main_endpoint_changes_metadata_only():
    api = an_api()
    before = api.ask("GET", f"{CSRS}/csr-1").body
    answer = change(
        api,
        spec=a_csr(cn="other")["spec"],
        status={"conditions": [a_condition("Approved")], "certificate": CERTIFICATE},
        metadata={**before["metadata"], "labels": {"a": "b"}},
    )
    assert answer.status == 200
    assert (answer.body["spec"], answer.body["status"]) == (before["spec"], before["status"])
    assert answer.body["metadata"]["labels"] == {"a": "b"}


def test_approval_takes_conditions_and_leaves_the_certificate():
    api = an_api()
    answer = change(api, "approval", spec={}, status={"conditions": [a_condition("Approved")]})
    assert answer.status == 200
    assert answer.body["spec"]["username"] == TOKEN_USER.name
    assert [item["type"] for item in answer.body["status"]["conditions"]] == ["Approved"]
    answer = change(
        api, "approval", status={"certificate": CERTIFICATE, "conditions": [a_condition("Approved")]}
    )
    assert answer.status == 200
    assert "certificate" not in answer.body["status"]


def test_times_of_a_condition_are_filled_in_and_kept():
    api = an_api()
    change(api, "approval", status={"conditions": [a_condition("Approved")]})
    api.clock.pass_(60)
    answer = change(
        api,
        "approval",
        status={
            "conditions": [
                a_condition("Approved"),
                a_condition("Mine", lastUpdateTime="2020-01-01T00:00:00Z"),
            ]
        },
    )
    approved, mine = answer.body["status"]["conditions"]
    assert approved["lastUpdateTime"] == "2026-01-01T00:01:00Z"
    assert approved["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert mine["lastUpdateTime"] == "2020-01-01T00:00:00Z"
    assert mine["lastTransitionTime"] == "2026-01-01T00:01:00Z"


@pytest.mark.parametrize(("first", "second"), [("Approved", "Denied"), ("Denied", "Approved")])
def test_a_decision_is_final(first, second):
    api = an_api()
    assert api.decide("csr-1", first).status == 200
    answer = api.decide("csr-1", second)
    assert answer.status == 422
    assert "Approved and Denied conditions are mutually exclusive" in answer.message
    answer = change(api, "approval", status={"conditions": [a_condition(second)]})
    assert answer.status == 422
    assert f'updates may not remove a condition of type "{first}"' in answer.message


def test_the_status_endpoint_undoes_edits_of_a_decision_in_silence():
    api = an_api()
    api.decide("csr-1", reason="First")
    answer = change(api, "status", status={"conditions": [a_condition("Approved", reason="Second")]})
    assert answer.status == 200
    assert answer.body["status"]["conditions"][0]["reason"] == "First"


def test_failed_may_be_added_through_status_and_approval_but_decisions_through_approval_only():
    for subresource in ("status", "approval"):
        api = an_api()
        assert change(api, subresource, status={"conditions": [a_condition("Failed")]}).status == 200
    for kind in ("Approved", "Denied"):
        answer = change(an_api(), "status", status={"conditions": [a_condition(kind)]})
        assert answer.status == 422
        assert f'updates may not add a condition of type "{kind}"' in answer.message


# --- who may approve and sign --------------------------------------------------------------------


def with_permission(verb, names):
    """An API in which a user may do all with CSRs, and this verb for these signers."""
    api = Api()
    rules = [
        {
            "verbs": ["*"],
            "apiGroups": ["certificates.k8s.io"],
            "resources": [
                "certificatesigningrequests",
                "certificatesigningrequests/approval",
                "certificatesigningrequests/status",
            ],
        },
        {
            "verbs": [verb],
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["signers"],
            "resourceNames": names,
        },
    ]
    api.store.create(CLUSTER_ROLES, {"metadata": {"name": "signs"}, "rules": rules if names else rules[:1]})
    api.store.create(
        CLUSTER_ROLE_BINDINGS,
        {
            "metadata": {"name": "signs"},
            "roleRef": {"kind": "ClusterRole", "name": "signs"},
            "subjects": [{"kind": "User", "name": STRANGER.name}],
        },
    )
    return api


@pytest.mark.parametrize("table", ["approval", "signing"])
def test_the_plugins_own_tables_hold(vectors, table):
    verb, subresource = ("approve", "approval") if table == "approval" else ("sign", "status")
    for case in json.loads((vectors / "csr_admission.json").read_text())[table]:
        api = with_permission(verb, case["permitted_signer_names"])
        api.create_csr(signer=case["old_signer_name"], by=STRANGER)
        stored = api.ask("GET", f"{CSRS}/csr-1").body
        spec = stored["spec"] | {"signerName": case.get("new_signer_name", case["old_signer_name"])}
        if table == "approval":
            status = {"conditions": [a_condition("Approved")]}
        else:
            status = {} if "unchanged" in case["name"] else {"certificate": CERTIFICATE}
        answer = change(api, subresource, by=STRANGER, spec=spec, status=status)
        assert answer.status == (200 if case["allowed"] else 403), case["name"]
        if not case["allowed"]:
            said = f'user not permitted to {verb} requests with signerName "{case["old_signer_name"]}"'
            assert (
                answer.message
                == f'certificatesigningrequests.certificates.k8s.io "csr-1" is forbidden: {said}'
            )


def test_a_new_condition_takes_the_permission_to_sign_too():
    api = with_permission("sign", [])
    api.create_csr(by=STRANGER)
    answer = change(api, "status", by=STRANGER, status={"conditions": [a_condition("Failed")]})
    assert answer.status == 403


@pytest.mark.parametrize(
    ("signer", "approve", "sign"),
    [("kubernetes.io/kube-apiserver-client-kubelet", 200, 200), ("kubernetes.io/kubelet-serving", 403, 200)],
)
def test_the_controller_is_bound_by_the_plugins_as_everyone(signer, approve, sign):
    api = Api()
    api.create_csr(signer=signer)
    assert (
        change(api, "approval", by=CONTROLLER, status={"conditions": [a_condition("Mine")]}).status == approve
    )
    status = api.ask("GET", f"{CSRS}/csr-1").body["status"]
    assert change(api, "status", by=CONTROLLER, status=status | {"certificate": CERTIFICATE}).status == sign


def test_the_subject_is_restricted_as_in_the_plugins_own_table(vectors):
    for case in json.loads((vectors / "csr_admission.json").read_text())["subject_restriction"]:
        answer = Api().create_csr(
            "pooh", signer=case["signerName"], orgs=tuple(case["organization"]), by=ADMIN
        )
        assert answer.status == (201 if case["allowed"] else 403)
        if not case["allowed"]:
            assert answer.message == case["error"]


def test_status_is_prepared_as_in_the_strategys_own_table(vectors):
    strategy = STRATEGIES[CERTIFICATE_SIGNING_REQUESTS]
    later, now = "2030-01-01T00:00:00Z", "2026-01-01T00:00:00Z"

    def conditions(rows):
        return [
            {
                "type": kind,
                "status": "True",
                "reason": reason,
                **({"lastUpdateTime": later, "lastTransitionTime": later} if time == "later" else {}),
            }
            for kind, reason, time in rows
        ]

    for case in json.loads((vectors / "csr_admission.json").read_text())["status_prepare"]:
        old = {"spec": {}, "status": {"conditions": conditions(case["old"])}}
        new = {"spec": {}, "status": {"conditions": conditions(case["new"])}}
        context = Context(ADMIN, SetClock(), Seed(1).stream("x"))
        found = strategy.prepare_update(new, old, "status", context)["status"].get("conditions", [])
        assert [(item["type"], item["reason"]) for item in found] == [
            (kind, reason) for kind, reason, _ in case["result"]
        ], case["name"]
        for item, (_, _, times) in zip(found, case["result"], strict=True):
            update, transition = {
                "update now, transition now": (now, now),
                "update now, transition later": (now, later),
                "later, later": (later, later),
            }[times]
            assert (item["lastUpdateTime"], item["lastTransitionTime"]) == (update, transition), case["name"]
