"""The commands that kubeadm's documentation prints, as printed, by real kubectls.

``kubeadm token create --print-join-command`` is not among them: no package of the index carries
kubeadm. What is tested is the text that joinsim gives in its place.
"""

import hashlib
import shlex
from datetime import UTC, datetime

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.clients.cluster import AUTOAPPROVE, CSRS, TOKEN, served_cluster
from tests.clients.kubectls import with_every_kubectl

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"


@with_every_kubectl
def test_kubectl_get_csr(kubectl, cluster):
    cluster.post_csr("node-csr-c69HXe7aYcqkS1bKmH4faEnHAWxn6i2bHZ2mD04jZyQ".lower())
    heading, row = kubectl.says("get", "csr").splitlines()
    assert heading.split() == ["NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION"]
    name, _, signer, requestor, duration, condition = row.split()
    assert name == "node-csr-c69hxe7aycqks1bkmh4faenhawxn6i2bhz2md04jzyq"
    assert signer == "kubernetes.io/kube-apiserver-client-kubelet"
    assert (requestor, duration, condition) == ("system:bootstrap:abcdef", "<none>", "Pending")


@with_every_kubectl
def test_kubectl_certificate_approve(kubectl, cluster):
    cluster.post_csr("node-csr-one")
    printed = kubectl.says("certificate", "approve", "node-csr-one")
    assert printed == "certificatesigningrequest.certificates.k8s.io/node-csr-one approved\n"
    (approved,) = cluster.issued("node-csr-one")["status"]["conditions"]
    told = (approved["type"], approved["status"], approved["reason"], approved["message"])
    words = "This CSR was approved by kubectl certificate approve."
    assert told == ("Approved", "True", "KubectlApprove", words)
    assert kubectl.says("get", "csr").splitlines()[1].endswith(" Approved,Issued")


@with_every_kubectl
def test_kubectl_certificate_deny(kubectl, cluster):
    cluster.post_csr("node-csr-one")
    printed = kubectl.says("certificate", "deny", "node-csr-one")
    assert printed == "certificatesigningrequest.certificates.k8s.io/node-csr-one denied\n"
    (denied,) = cluster.get(f"{CSRS}/node-csr-one")["status"]["conditions"]
    assert (denied["type"], denied["reason"]) == ("Denied", "KubectlDeny")
    assert kubectl.says("get", "csr").splitlines()[1].endswith(" Denied")


@pytest.mark.parametrize("cluster", [{"autoapprove": True}], indirect=True, ids=[""])
@with_every_kubectl
def test_kubectl_delete_clusterrolebinding_turns_automatic_approval_off(kubectl, cluster):
    cluster.post_csr("before")
    assert [each["type"] for each in cluster.issued("before")["status"]["conditions"]] == ["Approved"]
    printed = kubectl.says("delete", "clusterrolebinding", "kubeadm:node-autoapprove-bootstrap")
    binding = 'clusterrolebinding.rbac.authorization.k8s.io "kubeadm:node-autoapprove-bootstrap"'
    assert printed == f"{binding} deleted\n"
    assert cluster.ask("GET", AUTOAPPROVE)[0] == 404
    cluster.post_csr("after")
    cluster.post_csr("approved-by-hand")
    kubectl.says("certificate", "approve", "approved-by-hand")
    cluster.issued("approved-by-hand")
    # By now the approver has looked at the one before it too.
    assert cluster.get(f"{CSRS}/after")["status"] == {}


@with_every_kubectl
def test_kubectl_get_cm_cluster_info_gives_the_discovery_file(kubectl, cluster):
    printed = kubectl.says(*shlex.split("-n kube-public get cm cluster-info -o jsonpath={.data.kubeconfig}"))
    assert printed == cluster.get(CLUSTER_INFO)["data"]["kubeconfig"]
    (entry,) = yaml.safe_load(printed)["clusters"]
    assert entry["cluster"]["server"] == cluster.url


@with_every_kubectl
def test_kubectl_delete_rolebinding_ends_public_access_to_cluster_info(kubectl, cluster):
    assert cluster.anonymously("GET", CLUSTER_INFO)[0] == 200
    command = "-n kube-public delete rolebinding kubeadm:bootstrap-signer-clusterinfo"
    where = " from kube-public namespace" if kubectl.minor >= 34 else ""
    binding = 'rolebinding.rbac.authorization.k8s.io "kubeadm:bootstrap-signer-clusterinfo"'
    assert kubectl.says(*command.split()) == f"{binding} deleted{where}\n"
    status, refusal = cluster.anonymously("GET", CLUSTER_INFO)
    assert status == 403
    assert refusal["message"] == (
        'configmaps "cluster-info" is forbidden: User "system:anonymous" cannot get resource "configmaps" '
        'in API group "" in the namespace "kube-public"'
    )


def test_the_join_command_is_what_kubeadm_prints():
    with served_cluster() as cluster:
        ca = x509.load_pem_x509_certificate(cluster.ca_file.read_bytes())
        spki = ca.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        pin = f"sha256:{hashlib.sha256(spki).hexdigest()}"
        endpoint = cluster.url.removeprefix("https://")
        # kubeadm leaves a space at the end.
        expected = (
            f"kubeadm join {endpoint} --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash {pin} "
        )
        assert cluster.served.join_command(TOKEN) == expected


def test_the_token_of_the_join_command_is_one_that_joins():
    with served_cluster() as cluster:
        words = shlex.split(cluster.served.join_command(TOKEN))
        token = words[words.index("--token") + 1]
        assert token == TOKEN.value
        cluster.post_csr("joining")
        issued = cluster.issued("joining")
        certificate = cluster.certificate_of(issued)
        assert certificate.subject.rfc4514_string() == "CN=system:node:joining,O=system:nodes"
        assert certificate.not_valid_after_utc > datetime.now(UTC)
