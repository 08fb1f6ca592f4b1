from tests.controlplane.api import Api, a_token_secret

PATH = "/api/v1/namespaces/kube-system/secrets"
BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:get-nodes"


def test_the_type_of_a_secret_never_changes():
    api = Api()
    stored = api.ask("POST", PATH, a_token_secret()).body
    answer = api.ask("PUT", f"{PATH}/bootstrap-token-foobar", stored | {"type": "Opaque"})
    assert answer.status == 422
    assert 'type: Invalid value: "Opaque": field is immutable' in answer.message


def test_string_data_goes_into_data():
    answer = Api().ask("POST", PATH, {"metadata": {"name": "x"}, "stringData": {"a": "b"}})
    assert answer.body["data"] == {"a": "Yg=="}
    assert "stringData" not in answer.body
    assert answer.body["type"] == "Opaque"


def test_the_role_of_a_binding_never_changes():
    api = Api()
    stored = api.ask("GET", BINDING).body
    stored["roleRef"]["name"] = "cluster-admin"
    answer = api.ask("PUT", BINDING, stored)
    assert answer.status == 422
    assert answer.message.endswith("cannot change roleRef")
