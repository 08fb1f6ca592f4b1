import pytest

from tests.controlplane.api import ADMIN, STRANGER, TOKEN_USER, Api

SELF = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
LIST_NODES = {"resourceAttributes": {"verb": "list", "resource": "nodes"}}


@pytest.mark.parametrize(("user", "allowed"), [(ADMIN, True), (STRANGER, False), (TOKEN_USER, False)])
def test_whoever_asks_about_themselves_is_told_of_themselves(user, allowed):
    spec = LIST_NODES | {"user": "kubernetes-admin", "groups": ["system:masters"]}
    answer = Api().ask("POST", SELF, {"spec": spec}, by=user)
    assert answer.status == 201
    assert answer.body["status"]["allowed"] is allowed
