"""The official Python client, unmodified."""

import json

import pytest

from tests.clients.cluster import CSRS, users_csr_manifest

kubernetes = pytest.importorskip("kubernetes", reason="the official Python client is not installed")


@pytest.fixture
def api(cluster):
    api = kubernetes.config.new_client_from_config(str(cluster.kubeconfig))
    yield api
    api.rest_client.pool_manager.clear()
    api.close()


@pytest.fixture
def core(api):
    return kubernetes.client.CoreV1Api(api)


@pytest.fixture
def certificates(api):
    return kubernetes.client.CertificatesV1Api(api)


def refusal(call, *arguments, **named):
    """Code, reason and message of the Status that a call is refused with."""
    with pytest.raises(kubernetes.client.ApiException) as refused:
        call(*arguments, **named)
    status = json.loads(refused.value.body)
    assert (status["kind"], status["code"]) == ("Status", refused.value.status)
    return status["code"], status["reason"], status["message"]


def config_map(name, **data):
    return {"metadata": {"name": name}, "data": data}


def test_a_csr_is_created_approved_watched_and_read(cluster, certificates):
    created = certificates.create_certificate_signing_request(users_csr_manifest("one"))
    assert (created.spec.username, created.status.conditions) == ("kubernetes-admin", None)
    condition = kubernetes.client.V1CertificateSigningRequestCondition(
        type="Approved", status="True", reason="ByHand", message="because"
    )
    created.status.conditions = [condition]
    certificates.replace_certificate_signing_request_approval("one", created)
    watch = kubernetes.watch.Watch()
    seen = []
    for event in watch.stream(
        certificates.list_certificate_signing_request,
        resource_version=created.metadata.resource_version,
        timeout_seconds=60,
    ):
        seen.append(event["type"])
        if event["object"].status.certificate:
            watch.stop()
    assert seen == ["MODIFIED", "MODIFIED"]
    read = certificates.read_certificate_signing_request("one")
    assert [each.type for each in read.status.conditions] == ["Approved"]
    subject = cluster.certificate_of(cluster.get(f"{CSRS}/one")).subject
    assert subject.rfc4514_string() == "CN=jane,O=developers"


def test_a_label_selector_that_cannot_be_parsed_is_refused(core):
    said = "unable to parse requirement: found 'b' expected: '('"
    assert refusal(core.list_node, label_selector="a in b") == (400, "BadRequest", said)


def test_a_field_that_nothing_is_selected_by_is_refused(core):
    said = "field label not supported: spec.bad"
    assert refusal(core.list_node, field_selector="spec.bad=1") == (400, "BadRequest", said)


def test_a_type_of_patch_that_is_none_is_refused(core):
    core.create_namespaced_config_map("default", config_map("one"))
    patch = core.patch_namespaced_config_map
    code, reason, _ = refusal(patch, "one", "default", config_map("one"), _content_type="application/json")
    assert (code, reason) == (415, "UnsupportedMediaType")


def test_a_field_that_does_not_exist_is_refused_when_validation_is_strict(api):
    # The client's own calls take no such body any more, its plainest one does.
    body = {"apiVersion": "v1", "kind": "ConfigMap", **config_map("one"), "dada": {}}
    resource = kubernetes.dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    with pytest.raises(kubernetes.dynamic.exceptions.BadRequestError) as refused:
        resource.create(body=body, namespace="default", query_params=[("fieldValidation", "Strict")])
    message = json.loads(refused.value.body)["message"]
    assert message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "dada"'
    )


def test_a_list_comes_in_pieces(core):
    whole = [each.metadata.name for each in core.list_config_map_for_all_namespaces().items]
    pieces, token = [], None
    while token != "":
        piece = core.list_config_map_for_all_namespaces(limit=1, **({"_continue": token} if token else {}))
        assert len(piece.items) == 1
        pieces += [each.metadata.name for each in piece.items]
        token = piece.metadata._continue or ""
    assert pieces == whole
    assert len(whole) > 2


def test_a_continue_token_that_is_none_is_refused(core):
    code, reason, message = refusal(core.list_node, limit=1, _continue="nonsense")
    assert (code, reason) == (400, "BadRequest")
    assert "continue" in message


@pytest.mark.parametrize(
    ("body", "media", "expected"),
    [
        ([{"op": "remove", "path": "/data/a"}], "application/json-patch+json", {"b": "2"}),
        ({"data": {"a": None, "c": "3"}}, "application/merge-patch+json", {"b": "2", "c": "3"}),
        ({"data": {"a": None, "c": "3"}}, "application/strategic-merge-patch+json", {"b": "2", "c": "3"}),
    ],
    ids=["json", "merge", "strategic"],
)
def test_an_object_is_patched(core, body, media, expected):
    core.create_namespaced_config_map("default", config_map("one", a="1", b="2"))
    patched = core.patch_namespaced_config_map("one", "default", body, _content_type=media)
    assert patched.data == expected
    assert core.read_namespaced_config_map("one", "default").data == expected


def test_an_object_that_changed_meanwhile_is_not_overwritten(core):
    old = core.create_namespaced_config_map("default", config_map("one", a="1"))
    core.patch_namespaced_config_map("one", "default", {"data": {"a": "2"}})
    code, reason, message = refusal(core.replace_namespaced_config_map, "one", "default", old)
    assert (code, reason) == (409, "Conflict")
    assert message == (
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


def test_an_object_is_deleted_once(core):
    core.create_namespaced_config_map("default", config_map("one"))
    core.delete_namespaced_config_map("one", "default")
    said = 'configmaps "one" not found'
    assert refusal(core.delete_namespaced_config_map, "one", "default") == (404, "NotFound", said)


def test_a_collection_is_deleted(core):
    for name in ("one", "two"):
        core.create_namespaced_config_map("default", config_map(name))
    core.delete_collection_namespaced_config_map("default")
    assert core.list_namespaced_config_map("default").items == []


def test_a_watch_goes_on_from_a_version_and_ends_at_its_timeout(core):
    version = core.list_namespaced_config_map("default").metadata.resource_version
    core.create_namespaced_config_map("default", config_map("one"))
    core.delete_namespaced_config_map("one", "default")
    events = kubernetes.watch.Watch().stream(
        core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=1
    )
    seen = [(each["type"], each["object"].metadata.name) for each in events]
    assert seen == [("ADDED", "one"), ("DELETED", "one")]


def test_what_is_not_served_is_said_to_be_so(core):
    code, reason, message = refusal(core.list_namespaced_pod, "default")
    assert (code, reason) == (501, "NotImplemented")
    assert message == "not supported by joinsim's control plane: the resource pods"


def test_versions_and_groups_are_read(api):
    assert kubernetes.client.VersionApi(api).get_code().git_version == "v1.36.2"
    groups = [each.name for each in kubernetes.client.ApisApi(api).get_api_versions().groups]
    assert {"certificates.k8s.io", "coordination.k8s.io", "rbac.authorization.k8s.io"} <= set(groups)


def test_reviews_are_answered(api):
    access = kubernetes.client.AuthorizationV1Api(api).create_self_subject_access_review(
        {"spec": {"resourceAttributes": {"verb": "create", "resource": "nodes"}}}
    )
    assert access.status.allowed is True
    who = kubernetes.client.AuthenticationV1Api(api).create_self_subject_review({})
    assert who.status.user_info.username == "kubernetes-admin"
