"""What a new cluster holds, against what the real ``kubeadm init`` left."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest
import yaml

from joinsim.api import BootstrapToken, TokenRecord
from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, CONFIG_MAPS, LEASES, NAMESPACES, NODES, SECRETS
from joinsim.controlplane.settings import ClusterSettings
from joinsim.pki import KeyAlgorithm
from tests.controlplane.api import Api, an_authority


@pytest.fixture
def real(recorded):
    """An object of the recorded cluster, by the name of its file."""

    def read(name):
        return yaml.safe_load((recorded / "objects" / f"{name}.yaml").read_text())

    return read


def ours(name, namespace="kube-system", **settings):
    return Api(ClusterSettings(**settings)).store.get(CONFIG_MAPS, name, namespace)


def test_the_kubelets_configuration_is_kubeadms_to_the_letter(real):
    recorded = real("kube-system--configmap--kubelet-config")["data"]["kubelet"]
    assert ours("kubelet-config")["data"]["kubelet"] == recorded.replace("$DIR/pki", "/etc/kubernetes/pki")


def test_the_proxys_configuration_is_kubeadms_to_the_letter(real):
    recorded = real("kube-system--configmap--kube-proxy")
    found = ours("kube-proxy")
    assert found["data"]["config.conf"] == recorded["data"]["config.conf"]
    server = recorded["data"]["kubeconfig.conf"].replace("https://127.0.0.1:16443", "https://10.0.0.1:6443")
    assert found["data"]["kubeconfig.conf"] == server
    assert found["metadata"]["labels"] == recorded["metadata"]["labels"]


def test_the_cluster_configuration_is_kubeadms_but_for_what_was_asked_of_each(real):
    recorded = yaml.safe_load(real("kube-system--configmap--kubeadm-config")["data"]["ClusterConfiguration"])
    text = ours("kubeadm-config", key_algorithm=KeyAlgorithm.RSA_2048)["data"]["ClusterConfiguration"]
    # The recorded cluster was given a directory, an endpoint and two names besides.
    recorded |= {"apiServer": {}, "certificatesDir": "/etc/kubernetes/pki"}
    recorded["etcd"]["local"]["dataDir"] = "/var/lib/etcd"
    del recorded["controlPlaneEndpoint"]
    assert yaml.safe_load(text) == recorded
    assert text == yaml.safe_dump(recorded, default_flow_style=False)


def test_cluster_info_is_kubeadms_to_the_letter_but_for_its_server_and_authority(real):
    recorded = real("kube-public--configmap--cluster-info")["data"]["kubeconfig"]
    found = ours("cluster-info", "kube-public")["data"]
    assert list(found) == ["kubeconfig"]
    authority = yaml.safe_load(recorded)["clusters"][0]["cluster"]["certificate-authority-data"]
    expected = recorded.replace(authority, base64.b64encode(an_authority().pem).decode())
    assert found["kubeconfig"] == expected.replace("https://127.0.0.1:16443", "https://10.0.0.1:6443")


@pytest.mark.parametrize("name", ["kubelet-config", "kube-proxy"])
def test_component_configs_carry_a_hash_over_all_their_values(real, name):
    def said(config_map):
        return config_map["metadata"]["annotations"]["kubeadm.kubernetes.io/component-config.hash"]

    def computed(config_map):
        values = "".join(config_map["data"][key] for key in sorted(config_map["data"]))
        return f"sha256:{hashlib.sha256(values.encode()).hexdigest()}"

    assert said(ours(name)) == computed(ours(name))
    if name == "kube-proxy":
        assert computed(real("kube-system--configmap--kube-proxy")) == said(
            real("kube-system--configmap--kube-proxy")
        )


def test_the_other_config_maps_carry_no_hash():
    for name, namespace in (("kubeadm-config", "kube-system"), ("cluster-info", "kube-public")):
        assert "annotations" not in ours(name, namespace)["metadata"]


def test_namespaces_are_active_and_labelled_with_their_names(real):
    recorded = real("_cluster--namespace--kube-public")
    stored = {item["metadata"]["name"]: item for item in Api().store.all(NAMESPACES)}
    assert set(stored) == {"default", "kube-node-lease", "kube-public", "kube-system"}
    found = stored["kube-public"]
    for field in ("spec", "status", "kind", "apiVersion"):
        assert found[field] == recorded[field]
    assert found["metadata"]["labels"] == recorded["metadata"]["labels"]


def test_a_token_is_stored_as_kubeadm_stores_it(real):
    recorded = real("kube-system--secret--bootstrap-token-abcdef")
    token = TokenRecord(BootstrapToken.parse("abcdef.0123456789abcdef"), "default kubeadm bootstrap token")
    api = Api(ClusterSettings(tokens=(token,)))
    found = api.store.get(SECRETS, "bootstrap-token-abcdef", "kube-system")
    for field in ("data", "type", "kind", "apiVersion"):
        assert found[field] == recorded[field]


def test_a_tokens_expiry_is_written_in_utc_and_whole_seconds():
    token = TokenRecord(
        BootstrapToken.parse("abcdef.0123456789abcdef"), expiration=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    )
    api = Api(ClusterSettings(tokens=(token,)))
    found = api.store.get(SECRETS, "bootstrap-token-abcdef", "kube-system")
    assert base64.b64decode(found["data"]["expiration"]) == b"2026-01-02T03:04:05Z"


def test_the_first_node_is_a_control_plane_that_is_ready_and_takes_no_pods():
    (found,) = Api().store.all(NODES)
    assert found["metadata"]["name"] == "control-plane"
    role = "node-role.kubernetes.io/control-plane"
    labels = found["metadata"]["labels"]
    assert labels[role] == ""
    assert labels["node.kubernetes.io/exclude-from-external-load-balancers"] == ""
    assert labels["kubernetes.io/hostname"] == "control-plane"
    assert found["spec"]["taints"] == [{"key": role, "effect": "NoSchedule"}]
    assert found["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.0.0.1"}
    conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
    assert conditions["Ready"] == "True"


def test_a_new_cluster_has_no_tokens_csrs_or_leases_of_its_own():
    api = Api()
    for resource in (SECRETS, CERTIFICATE_SIGNING_REQUESTS, LEASES):
        assert api.store.all(resource) == []


def test_the_settings_reach_the_objects():
    settings = {
        "version": "v1.36.9",
        "cluster_name": "other",
        "port": 7443,
        "dns_domain": "example.org",
        "dns_address": "10.0.0.53",
        "service_subnet": "10.1.0.0/16",
        "pod_subnet": "10.2.0.0/16",
    }
    cluster = yaml.safe_load(ours("kubeadm-config", **settings)["data"]["ClusterConfiguration"])
    assert cluster["kubernetesVersion"] == "v1.36.9"
    assert cluster["clusterName"] == "other"
    assert cluster["networking"] == {
        "dnsDomain": "example.org",
        "podSubnet": "10.2.0.0/16",
        "serviceSubnet": "10.1.0.0/16",
    }
    kubelet = yaml.safe_load(ours("kubelet-config", **settings)["data"]["kubelet"])
    assert (kubelet["clusterDNS"], kubelet["clusterDomain"]) == (["10.0.0.53"], "example.org")
    proxy = yaml.safe_load(ours("kube-proxy", **settings)["data"]["config.conf"])
    assert proxy["clusterCIDR"] == "10.2.0.0/16"
    info = yaml.safe_load(ours("cluster-info", "kube-public", **settings)["data"]["kubeconfig"])
    assert info["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:7443"


def test_two_clusters_do_not_share_what_they_hold():
    one, other = Api(), Api()
    one.ask("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/kubeadm:get-nodes")
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/kubeadm:get-nodes"
    assert (one.ask("GET", path).status, other.ask("GET", path).status) == (404, 200)
