"""lightkube, unmodified."""

import pytest

from tests.clients.cluster import CSRS, users_csr_manifest

lightkube = pytest.importorskip("lightkube", reason="lightkube is not installed")

from lightkube.models.certificates_v1 import (  # noqa: E402
    CertificateSigningRequestCondition,
    CertificateSigningRequestStatus,
)
from lightkube.resources.certificates_v1 import (  # noqa: E402
    CertificateSigningRequest,
    CertificateSigningRequestApproval,
)
from lightkube.resources.core_v1 import ConfigMap, Node  # noqa: E402
from lightkube.types import PatchType  # noqa: E402


@pytest.fixture
def client(cluster):
    config = lightkube.KubeConfig.from_file(str(cluster.kubeconfig))
    with lightkube.Client(config=config, namespace="default", field_manager="tests") as client:
        yield client


def config_map(name, **data):
    return ConfigMap.from_dict({"metadata": {"name": name, "namespace": "default"}, "data": data})


def refusal(call):
    with pytest.raises(lightkube.ApiError) as refused:
        call()
    status = refused.value.status
    return status.code, status.reason, status.message


def test_a_csr_is_created_approved_waited_for_and_read(client, cluster):
    created = client.create(CertificateSigningRequest.from_dict(users_csr_manifest("one")))
    condition = CertificateSigningRequestCondition(type="Approved", status="True", reason="ByHand")
    created.status = CertificateSigningRequestStatus(conditions=[condition])
    client.replace(CertificateSigningRequestApproval.from_dict(created.to_dict()), name="one")
    client.wait(CertificateSigningRequest, "one", for_conditions=["Approved"])
    cluster.issued("one")
    assert client.get(CertificateSigningRequest, "one").status.certificate
    subject = cluster.certificate_of(cluster.get(f"{CSRS}/one")).subject
    assert subject.rfc4514_string() == "CN=jane,O=developers"


def test_a_watch_begins_with_what_is_there(client):
    client.create(config_map("one"))
    # It would begin again at every timeout, so one event is taken.
    event, found = next(iter(client.watch(ConfigMap, server_timeout=5)))
    assert (event, found.metadata.name) == ("ADDED", "one")


def test_a_bad_selector_is_refused(client):
    said = "field label not supported: spec.bad"
    assert refusal(lambda: list(client.list(Node, fields={"spec.bad": "1"}))) == (400, "BadRequest", said)


def test_a_list_comes_in_pieces(client):
    whole = [each.metadata.name for each in client.list(ConfigMap, namespace="*")]
    assert [each.metadata.name for each in client.list(ConfigMap, namespace="*", chunk_size=1)] == whole
    assert len(whole) > 2


def test_objects_are_patched_and_deleted(client):
    client.create(config_map("one", a="1"))
    assert client.patch(ConfigMap, "one", {"data": {"b": "2"}}).data == {"a": "1", "b": "2"}
    remove = [{"op": "remove", "path": "/data/a"}]
    assert client.patch(ConfigMap, "one", remove, patch_type=PatchType.JSON).data == {"b": "2"}
    client.delete(ConfigMap, "one")
    assert refusal(lambda: client.get(ConfigMap, "one")) == (404, "NotFound", 'configmaps "one" not found')


def test_server_side_apply_is_refused_and_said_to_be_so(client):
    code, reason, message = refusal(lambda: client.apply(config_map("one")))
    assert (code, reason) == (501, "NotImplemented")
    assert message.endswith("patches of type application/apply-patch+yaml")
