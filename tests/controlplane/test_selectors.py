from urllib.parse import quote

import pytest

from tests.controlplane.api import CONFIG_MAPS_PATH, CSRS, Api, a_config_map, a_token_secret


def names(api, path, selector):
    answer = api.ask("GET", f"{path}?fieldSelector={quote(selector)}")
    assert answer.status == 200, answer.message
    return [item["metadata"]["name"] for item in answer.body["items"]]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("metadata.name=one", ["one"]),
        ("metadata.name==one", ["one"]),
        ("metadata.name!=one", ["two"]),
        ("metadata.name=", []),
        ("metadata.name=ONE", []),
        ("metadata.name=one,metadata.name=two", []),
        ("metadata.name=one,metadata.name!=two", ["one"]),
        (",metadata.name=one,", ["one"]),
        ("metadata.namespace=default", ["one", "two"]),
        ("metadata.namespace!=default", []),
        ("", ["one", "two"]),
    ],
)
def test_config_maps_are_selected_by_name_and_namespace(selector, expected):
    api = Api()
    for name in ("one", "two"):
        api.ask("POST", "/api/v1/namespaces/default/configmaps", a_config_map(name))
    assert names(api, "/api/v1/namespaces/default/configmaps", selector) == expected


def test_csrs_are_selected_by_signer():
    api = Api()
    api.create_csr("one")
    api.create_csr("two", signer="example.com/other")
    assert names(api, CSRS, "spec.signerName=example.com/other") == ["two"]
    assert names(api, CSRS, "spec.signerName!=example.com/other") == ["one"]


def test_secrets_are_selected_by_type():
    api = Api()
    path = "/api/v1/namespaces/kube-system/secrets"
    api.ask("POST", path, a_token_secret())
    api.ask("POST", path, {"metadata": {"name": "plain"}})
    assert names(api, path, "type=bootstrap.kubernetes.io/token") == ["bootstrap-token-foobar"]
    assert names(api, path, "type=Opaque") == ["plain"]


def test_nodes_are_selected_by_whether_they_take_pods():
    api = Api()
    api.ask("POST", "/api/v1/nodes", {"metadata": {"name": "closed"}, "spec": {"unschedulable": True}})
    assert names(api, "/api/v1/nodes", "spec.unschedulable=true") == ["closed"]
    assert names(api, "/api/v1/nodes", "spec.unschedulable=false") == ["control-plane"]


def test_namespaces_are_selected_by_phase():
    api = Api()
    assert "kube-public" in names(api, "/api/v1/namespaces", "status.phase=Active")
    assert names(api, "/api/v1/namespaces", "status.phase=Terminating") == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/secrets", "data.x"),
        ("/api/v1/nodes", "spec.podCIDR"),
        ("/api/v1/nodes", "metadata.namespace"),
        ("/api/v1/namespaces", "spec.x"),
        (CSRS, "spec.username"),
    ],
)
def test_kinds_with_fields_of_their_own_name_the_field_that_they_cannot_be_selected_by(path, field):
    answer = Api().ask("GET", f"{path}?fieldSelector={field}%3Dx")
    assert (answer.status, answer.message) == (400, f"field label not supported: {field}")


@pytest.mark.parametrize(
    "path",
    ["/api/v1/configmaps", "/apis/coordination.k8s.io/v1/leases", "/api/v1/namespaces/default/configmaps"],
)
def test_kinds_without_such_fields_name_those_that_all_kinds_have(path):
    answer = Api().ask("GET", f"{path}?fieldSelector=data.x%3Dx")
    expected = '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
    assert (answer.status, answer.message) == (400, expected)


def test_a_term_without_an_operator_is_not_understood():
    answer = Api().ask("GET", "/api/v1/nodes?fieldSelector=metadata.name%3Da,nonsense")
    expected = "invalid selector: 'metadata.name=a,nonsense'; can't understand 'nonsense'"
    assert (answer.status, answer.message) == (400, expected)


def test_a_watch_with_a_selector_that_makes_no_sense_is_refused_before_it_begins():
    answer = Api().ask("GET", "/api/v1/secrets?watch=true&fieldSelector=data.x%3D1")
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")


def test_a_label_selector_chooses_and_goes_together_with_a_field_selector():
    api = Api()
    for name, tier in (("one", "front"), ("two", "back"), ("three", "front")):
        api.ask("POST", CONFIG_MAPS_PATH, a_config_map(name, labels={"tier": tier}))

    def chosen(query):
        items = api.ask("GET", f"{CONFIG_MAPS_PATH}?{query}").body["items"]
        return [item["metadata"]["name"] for item in items]

    assert chosen("labelSelector=tier%3Dfront") == ["one", "three"]
    assert chosen("labelSelector=tier%20notin%20(front)") == ["two"]
    assert chosen("labelSelector=tier%3Dfront&fieldSelector=metadata.name%3Dthree") == ["three"]


@pytest.mark.parametrize("more", ["", "&watch=true"])
def test_a_label_selector_that_makes_no_sense_is_refused_before_anything_else(more):
    answer = Api().ask("GET", f"/api/v1/nodes?labelSelector=a%3D%3D%3Db{more}")
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")


def test_an_empty_label_selector_selects_everything():
    assert len(Api().ask("GET", "/api/v1/nodes?labelSelector=").body["items"]) == 1
