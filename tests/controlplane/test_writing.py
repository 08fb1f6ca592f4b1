import json

import pytest

from tests.controlplane.api import (
    ADMIN,
    CONFIG_MAPS_PATH,
    CSRS,
    MASTER,
    NOW,
    Api,
    a_config_map,
    a_csr,
    a_token_secret,
    node,
)

UID = "11111111-1111-1111-1111-111111111111"
ONE = f"{CONFIG_MAPS_PATH}/settings"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MERGE = [("Content-Type", "application/strategic-merge-patch+json")]


def with_one(**fields):
    api = Api()
    stored = api.ask("POST", CONFIG_MAPS_PATH, a_config_map(**fields)).body
    return api, stored


def refused(answer):
    body = answer.body
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
    assert body["code"] == answer.status
    return answer.status, body.get("reason"), body["message"]


# --- create --------------------------------------------------------------------------------


def test_a_created_object_comes_back_with_the_servers_own_fields():
    _, stored = with_one(labels={"a": "b"})
    metadata = stored["metadata"]
    assert stored["data"] == {"key": "value"}
    assert metadata["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert metadata["resourceVersion"].isdigit()
    assert len(metadata["uid"]) == 36
    assert metadata["labels"] == {"a": "b"}


def test_the_servers_own_fields_cannot_be_chosen():
    _, stored = with_one(
        uid=UID,
        creationTimestamp="2001-01-01T00:00:00Z",
        deletionTimestamp="2001-01-01T00:00:00Z",
        deletionGracePeriodSeconds=0,
        selfLink="/x",
    )
    assert set(stored["metadata"]) == {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
    assert stored["metadata"]["uid"] != UID
    assert stored["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("empty", [None, "", {}, []], ids=repr)
def test_empty_metadata_is_not_written(empty):
    field = {None: "labels", "": "generateName"}.get(empty if empty in (None, "") else 0, "labels")
    _, stored = with_one(**{field: empty})
    assert field not in stored["metadata"]


def test_a_name_beside_generate_name_wins_and_both_stay():
    _, stored = with_one(generateName="ignored-")
    assert stored["metadata"]["name"] == "settings"
    assert stored["metadata"]["generateName"] == "ignored-"


def test_a_generated_name_has_five_letters_of_the_servers_alphabet():
    api = Api()
    names = set()
    for _ in range(40):
        answer = api.ask("POST", CONFIG_MAPS_PATH, a_config_map("", generateName="made-"))
        assert answer.status == 201
        names.add(answer.body["metadata"]["name"])
    assert len(names) == 40
    assert all(name.startswith("made-") and len(name) == 10 for name in names)
    assert {letter for name in names for letter in name[5:]} <= set("bcdfghjklmnpqrstvwxz2456789")
    assert answer.body["metadata"]["generateName"] == "made-"


@pytest.mark.parametrize(("length", "kept"), [(58, 58), (59, 58), (100, 58)])
def test_a_long_prefix_is_cut_so_that_the_name_is_a_label(length, kept):
    api = Api()
    answer = api.ask("POST", CONFIG_MAPS_PATH, a_config_map("", generateName="a" * length))
    assert len(answer.body["metadata"]["name"]) == kept + 5


def test_an_object_without_any_name_is_invalid():
    answer = Api().ask("POST", CONFIG_MAPS_PATH, {"metadata": {}})
    said = 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    assert refused(answer) == (422, "Invalid", said)
    assert answer.body["details"] == {
        "kind": "ConfigMap",
        "causes": [
            {
                "reason": "FieldValueRequired",
                "message": "Required value: name or generateName is required",
                "field": "metadata.name",
            }
        ],
    }


def test_the_same_name_twice_is_a_conflict():
    api, _ = with_one()
    answer = api.ask("POST", CONFIG_MAPS_PATH, a_config_map())
    assert refused(answer) == (409, "AlreadyExists", 'configmaps "settings" already exists')
    assert answer.body["details"] == {"name": "settings", "kind": "configmaps"}


def test_one_name_in_two_namespaces_is_no_conflict():
    api, _ = with_one()
    assert api.ask("POST", "/api/v1/namespaces/kube-public/configmaps", a_config_map()).status == 201


def test_a_version_on_creation_is_an_internal_error_without_a_reason():
    answer = Api().ask("POST", CONFIG_MAPS_PATH, a_config_map(resourceVersion="1"))
    assert refused(answer) == (500, None, "resourceVersion should not be set on objects to be created")


def test_an_invalid_object_is_invalid_before_its_version_is_looked_at():
    answer = Api().ask("POST", CONFIG_MAPS_PATH, a_config_map("Bad_Name", resourceVersion="1"))
    assert refused(answer)[:2] == (422, "Invalid")


def test_a_namespace_in_the_body_must_be_that_of_the_url():
    answer = Api().ask("POST", CONFIG_MAPS_PATH, a_config_map(namespace="kube-system"))
    said = "the namespace of the provided object does not match the namespace sent on the request"
    assert refused(answer) == (400, "BadRequest", said)


def test_a_namespace_that_is_not_there_takes_nothing():
    answer = Api().ask("POST", "/api/v1/namespaces/nope/configmaps", a_config_map())
    assert refused(answer) == (404, "NotFound", 'namespaces "nope" not found')


def test_a_namespace_on_a_kind_that_has_none_is_dropped():
    api = Api()
    answer = api.ask("POST", "/api/v1/nodes", {"metadata": {"name": "n", "namespace": "default"}})
    assert answer.status == 201
    assert "namespace" not in answer.body["metadata"]


# --- update --------------------------------------------------------------------------------


def test_an_update_replaces_what_was_there():
    api, stored = with_one(labels={"a": "b"})
    answer = api.ask("PUT", ONE, a_config_map(data={"other": "thing"}))
    assert answer.status == 200
    assert answer.body["data"] == {"other": "thing"}
    assert "labels" not in answer.body["metadata"]
    for field in ("uid", "creationTimestamp"):
        assert answer.body["metadata"][field] == stored["metadata"][field]
    assert int(answer.body["metadata"]["resourceVersion"]) == int(stored["metadata"]["resourceVersion"]) + 1


def test_an_update_that_changes_nothing_writes_nothing():
    api, stored = with_one()
    assert api.ask("PUT", ONE, stored).body == stored
    assert api.ask("PUT", ONE, a_config_map()).body == stored
    assert api.store.version == int(stored["metadata"]["resourceVersion"])


def test_an_update_of_a_version_that_is_past_is_a_conflict():
    api, stored = with_one()
    api.ask("PUT", ONE, a_config_map(data={"a": "1"}))
    answer = api.ask("PUT", ONE, stored)
    said = (
        'Operation cannot be fulfilled on configmaps "settings": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert refused(answer) == (409, "Conflict", said)
    assert answer.body["details"] == {"name": "settings", "kind": "configmaps"}


@pytest.mark.parametrize(
    ("path", "make", "key"),
    [
        (CONFIG_MAPS_PATH, a_config_map, "/registry/configmaps/default/"),
        (CSRS, a_csr, "/registry/certificatesigningrequests/"),
        ("/api/v1/nodes", lambda: {"metadata": {"name": "n1"}}, "/registry/minions/"),
    ],
    ids=["configmap", "csr", "node"],
)
def test_an_update_of_another_uid_is_a_conflict_of_the_storage(path, make, key):
    api = Api()
    stored = api.ask("POST", path, make()).body
    name, uid = stored["metadata"]["name"], stored["metadata"]["uid"]
    stored["metadata"]["uid"] = UID
    code, reason, said = refused(api.ask("PUT", f"{path}/{name}", stored))
    assert (code, reason) == (409, "Conflict")
    assert said.endswith(
        f'"{name}": StorageError: invalid object, Code: 4, Key: {key}{name}, ResourceVersion: 0, '
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {UID}, UID in object meta: {uid}"
    )


def test_an_update_of_what_is_not_there_creates_nothing():
    api = Api()
    assert refused(api.ask("PUT", ONE, a_config_map())) == (
        404,
        "NotFound",
        'configmaps "settings" not found',
    )
    assert api.ask("GET", ONE).status == 404


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("other", "the name of the object (other) does not match the name on the URL (settings)"),
        ("", "the name of the object (settings based on URL) was undeterminable: name must be provided"),
    ],
)
def test_the_name_in_the_body_must_be_that_of_the_url(name, expected):
    api, _ = with_one()
    assert refused(api.ask("PUT", ONE, a_config_map(name))) == (400, "BadRequest", expected)


def test_a_lease_is_never_updated_without_a_version():
    api = Api()
    lease = {"metadata": {"name": "n1"}, "spec": {"leaseDurationSeconds": 40}}
    stored = api.ask("POST", LEASES, lease).body
    code, reason, said = refused(api.ask("PUT", f"{LEASES}/n1", lease))
    assert (code, reason) == (422, "Invalid")
    assert said.endswith("must be specified for an update")
    stored["spec"]["renewTime"] = "2026-01-01T00:00:10.000000Z"
    assert api.ask("PUT", f"{LEASES}/n1", stored).status == 200


# --- patch ---------------------------------------------------------------------------------


def test_a_patch_merges_and_a_null_removes():
    api, _ = with_one(labels={"a": "1", "b": "2"})
    patch = {"metadata": {"labels": {"a": None, "c": "3"}}, "data": {"key": "new"}}
    answer = api.ask("PATCH", ONE, patch, headers=MERGE)
    assert answer.status == 200
    assert answer.body["metadata"]["labels"] == {"b": "2", "c": "3"}
    assert answer.body["data"] == {"key": "new"}


def test_the_last_label_takes_the_field_with_it():
    api, _ = with_one(labels={"a": "1"})
    answer = api.ask("PATCH", ONE, {"metadata": {"labels": {"a": None}}}, headers=MERGE)
    assert "labels" not in answer.body["metadata"]


def test_a_patch_of_a_version_that_is_past_is_a_conflict():
    api, stored = with_one()
    api.ask("PUT", ONE, a_config_map(data={"a": "1"}))
    patch = {"metadata": {"resourceVersion": stored["metadata"]["resourceVersion"]}, "data": {"b": "2"}}
    assert refused(api.ask("PATCH", ONE, patch, headers=MERGE))[:2] == (409, "Conflict")


def test_a_patch_of_what_is_not_there_is_404():
    assert refused(Api().ask("PATCH", ONE, {}, headers=MERGE))[:2] == (404, "NotFound")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/merge-patch", ""])
def test_a_patch_of_no_known_type_is_an_unsupported_media_type(kind):
    api, _ = with_one()
    answer = api.ask("PATCH", ONE, {}, headers=[("Content-Type", kind)])
    assert refused(answer) == (415, "UnsupportedMediaType", "415: Unsupported Media Type")
    assert answer.body["details"] == {}


@pytest.mark.parametrize(
    "kind",
    [
        "application/apply-patch+yaml",
        "application/apply-patch+cbor",
    ],
)
def test_patch_types_that_are_missing_here_are_named(kind):
    api, stored = with_one()
    code, reason, said = refused(
        api.ask("PATCH", ONE, {"data": {"a": "b"}}, headers=[("Content-Type", kind)])
    )
    assert (code, reason) == (501, "NotImplemented")
    assert kind in said
    assert api.ask("GET", ONE).body == stored


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"[" * 100_000, b"\xff"], ids=lambda body: repr(body[:9])
)
def test_a_patch_that_is_no_object_is_a_bad_request(body):
    api, _ = with_one()
    assert refused(api.ask("PATCH", ONE, body, headers=MERGE))[:2] == (400, "BadRequest")


# --- delete --------------------------------------------------------------------------------


def test_a_deletion_says_what_is_gone():
    api, stored = with_one()
    answer = api.ask("DELETE", ONE)
    assert answer.status == 200
    assert answer.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "settings", "kind": "configmaps", "uid": stored["metadata"]["uid"]},
    }
    assert refused(api.ask("DELETE", ONE)) == (404, "NotFound", 'configmaps "settings" not found')


def test_a_deletion_outside_the_core_group_names_the_group():
    api = Api()
    uid = api.create_csr().body["metadata"]["uid"]
    assert api.ask("DELETE", f"{CSRS}/csr-1").body["details"] == {
        "name": "csr-1",
        "group": "certificates.k8s.io",
        "kind": "certificatesigningrequests",
        "uid": uid,
    }


def test_a_deletion_with_the_right_preconditions_goes_through():
    api, stored = with_one()
    metadata = stored["metadata"]
    wanted = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    assert api.ask("DELETE", ONE, {"preconditions": wanted}).status == 200


def test_a_deletion_of_another_uid_is_a_conflict_about_the_kind():
    api, stored = with_one()
    answer = api.ask("DELETE", ONE, {"preconditions": {"uid": UID}})
    said = (
        f'Operation cannot be fulfilled on ConfigMap "settings": the UID in the precondition ({UID}) does not '
        f"match the UID in record ({stored['metadata']['uid']}). The object might have been deleted and then "
        "recreated"
    )
    assert refused(answer) == (409, "Conflict", said)
    assert answer.body["details"] == {"name": "settings", "kind": "ConfigMap"}
    assert api.ask("GET", ONE).status == 200


def test_a_deletion_of_another_version_is_a_conflict_about_the_kind():
    api, stored = with_one()
    version = stored["metadata"]["resourceVersion"]
    answer = api.ask("DELETE", ONE, {"preconditions": {"resourceVersion": "1"}})
    said = (
        'Operation cannot be fulfilled on ConfigMap "settings": the ResourceVersion in the precondition (1) does '
        f"not match the ResourceVersion in record ({version}). The object might have been modified"
    )
    assert refused(answer) == (409, "Conflict", said)


@pytest.mark.parametrize("body", [b"{", b"[]", b"1"])
def test_delete_options_that_are_no_object_are_a_bad_request(body):
    api, _ = with_one()
    assert refused(api.ask("DELETE", ONE, body))[:2] == (400, "BadRequest")
    assert api.ask("GET", ONE).status == 200


# --- what is missing here is said, not guessed ---------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "named"),
    [
        ("DELETE", ONE, {"propagationPolicy": "Foreground"}, [], "the propagation policy Foreground"),
        ("DELETE", f"{ONE}?propagationPolicy=Orphan", None, [], "the propagation policy Orphan"),
        ("DELETE", ONE, {"orphanDependents": True}, [], "the propagation policy Orphan"),
        ("DELETE", "/api/v1/namespaces/kube-public", None, [], "deletion of namespaces"),
    ],
)
def test_what_is_missing_is_named_and_changes_nothing(method, target, body, headers, named):
    api, _ = with_one()
    before = api.store.version
    code, reason, said = refused(api.ask(method, target, body, headers=headers))
    assert (code, reason) == (501, "NotImplemented")
    assert named in said
    assert api.store.version == before


@pytest.mark.parametrize("validation", ["Warn", "Ignore"])
def test_the_laxer_kinds_of_field_validation_change_nothing(validation):
    api = Api()
    assert api.ask("POST", f"{CONFIG_MAPS_PATH}?fieldValidation={validation}", a_config_map()).status == 201


# --- who is told ----------------------------------------------------------------------------


def test_every_write_is_told_with_its_author_and_what_was_there_before():
    api = Api()
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map(), by=ADMIN)
    api.ask("PUT", ONE, a_config_map(data={"a": "b"}), by=MASTER)
    api.ask("PUT", ONE, a_config_map(resourceVersion="1"))
    told = [(user.name, new["data"], old and old["data"]) for user, _, new, old in api.writes]
    assert told == [
        ("kubernetes-admin", {"key": "value"}, None),
        ("root", {"a": "b"}, {"key": "value"}),
    ]


# --- the order of refusals ------------------------------------------------------------------


def test_node_restriction_comes_before_validation_and_shows_the_prefix_of_the_name():
    csr = a_csr(cn="system:node:other", metadata={"generateName": "csr-"}, usages=[])
    answer = Api().ask("POST", CSRS, csr, by=node("mine"))
    said = (
        'certificatesigningrequests.certificates.k8s.io "csr-" is forbidden: '
        "can only create a node CSR with CN=system:node:mine"
    )
    assert refused(answer) == (403, "Forbidden", said)


def test_the_certificate_plugins_come_after_validation_and_show_the_whole_name():
    asked = {"cn": "x", "orgs": ("system:masters",), "signer": "kubernetes.io/kube-apiserver-client"}
    api = Api()
    metadata = {"generateName": "csr-"}
    assert api.ask("POST", CSRS, a_csr(metadata=metadata, **asked, usages=[])).status == 422
    code, reason, said = refused(api.ask("POST", CSRS, a_csr(metadata=metadata, **asked)))
    assert (code, reason) == (403, "Forbidden")
    assert said.endswith(
        "is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    )
    assert '"csr-"' not in said


def test_an_update_is_looked_up_before_it_is_validated():
    answer = Api().ask(
        "PUT", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-foobar", a_token_secret()
    )
    assert refused(answer)[0] == 404


def test_time_of_creation_is_the_servers():
    api = Api()
    api.clock.pass_(90)
    assert NOW.isoformat().startswith("2026-01-01T00:00:00")
    assert api.create_csr().body["metadata"]["creationTimestamp"] == "2026-01-01T00:01:30Z"


def test_a_body_keeps_the_fields_that_nobody_here_knows():
    api = Api()
    body = {"metadata": {"name": "x"}, "data": {}, "binaryData": {"k": "AA=="}}
    stored = json.loads(api.ask("POST", CONFIG_MAPS_PATH, body).raw)
    assert stored["binaryData"] == {"k": "AA=="}
