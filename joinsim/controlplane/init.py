"""The objects that a new cluster holds after ``kubeadm init``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache

from joinsim.api import Cluster, Kubeconfig
from joinsim.api.conforming import as_go_writes_it
from joinsim.api.objects import (
    CONFIG_MAPS,
    NAMESPACES,
    NODES,
    RBAC_GROUP,
    RESOURCES,
    SECRETS,
    JsonObject,
    JsonValue,
    Resource,
)
from joinsim.api.yaml_codec import dump_yaml
from joinsim.controlplane.policy import kubeadm_objects, stock_objects
from joinsim.controlplane.resources import STRATEGIES, Context
from joinsim.controlplane.settings import ClusterSettings
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User
from joinsim.gofmt import duration
from joinsim.world import Clock, Stream

__all__ = ["cluster_info_kubeconfig", "populate"]

_ADMIN = User("kubernetes-admin", ("kubeadm:cluster-admins", "system:authenticated"))
_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def cluster_info_kubeconfig(server: str, ca_pem: bytes) -> str:
    """The payload of cluster-info: one unnamed cluster, and nobody to be."""
    return Kubeconfig({"": Cluster(server, ca_pem)}).dump()


def populate(
    store: Store,
    settings: ClusterSettings,
    *,
    host: str,
    address: str,
    ca_pem: bytes,
    clock: Clock,
    stream: Stream,
) -> None:
    """Store what the API server makes at its start and kubeadm after it."""
    context = Context(_ADMIN, clock, stream)
    server = f"https://{address}:{settings.port}"
    now = clock.now()

    def create(resource: Resource, new: JsonObject, **later: JsonValue) -> None:
        new = {"kind": resource.kind, "apiVersion": resource.api_version, **new}
        prepared = STRATEGIES[resource].prepare_create(new, context)
        store.create(resource, as_go_writes_it(resource, {**prepared, **later}), now)

    for name in _NAMESPACES:
        create(NAMESPACES, {"metadata": {"name": name}})
    store.fill(_rbac_objects(), now)
    for config_map in _config_maps(settings, server, ca_pem):
        create(CONFIG_MAPS, config_map)
    for token in settings.tokens:
        create(SECRETS, token.to_secret())
    node = _control_plane_node(host, address, settings)
    # It is ready by now, so the taint that every new node gets has been taken off again.
    create(NODES, node, spec=node["spec"])


@cache
def _rbac_objects() -> Sequence[tuple[Resource, JsonObject]]:
    """The roles and bindings of every new cluster. Nothing prepares them: they are stored as they are."""
    by_kind = {resource.kind: resource for resource in RESOURCES if resource.group == RBAC_GROUP}
    objects = ((by_kind[str(found["kind"])], found) for found in (*stock_objects(), *kubeadm_objects()))
    return [
        (
            resource,
            as_go_writes_it(resource, {"kind": resource.kind, "apiVersion": resource.api_version, **found}),
        )
        for resource, found in objects
    ]


def _config_maps(settings: ClusterSettings, server: str, ca_pem: bytes) -> Iterator[JsonObject]:
    yield _config_map(
        "kubeadm-config", {"ClusterConfiguration": _cluster_document(replace(settings, tokens=()))}
    )
    kubelet = _kubelet_document(settings.dns_address, settings.dns_domain)
    yield _component_config("kubelet-config", {"kubelet": kubelet})
    yield _config_map(
        "cluster-info", {"kubeconfig": cluster_info_kubeconfig(server, ca_pem)}, namespace="kube-public"
    )
    proxy = _proxy_document(settings.pod_subnet)
    data = {"config.conf": proxy, "kubeconfig.conf": _PROXY_KUBECONFIG.format(server=server)}
    yield _component_config("kube-proxy", data, labels={"app": "kube-proxy"})


def _config_map(
    name: str,
    data: dict[str, str],
    annotations: JsonObject | None = None,
    *,
    labels: JsonObject | None = None,
    namespace: str = "kube-system",
) -> JsonObject:
    metadata: JsonObject = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "data": dict[str, JsonValue](data)}


def _component_config(name: str, data: dict[str, str], *, labels: JsonObject | None = None) -> JsonObject:
    """A ConfigMap that kubeadm marks as made by itself: with a hash over all its values, by key."""
    digest = hashlib.sha256("".join(data[key] for key in sorted(data)).encode()).hexdigest()
    marks: JsonObject = {"kubeadm.kubernetes.io/component-config.hash": f"sha256:{digest}"}
    return _config_map(name, data, marks, labels=labels)


def _cluster_configuration(settings: ClusterSettings) -> JsonObject:
    return {
        "apiServer": {},
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "caCertificateValidityPeriod": duration(settings.ca_validity.total_seconds()),
        "certificateValidityPeriod": duration(settings.certificate_validity.total_seconds()),
        "certificatesDir": "/etc/kubernetes/pki",
        "clusterName": settings.cluster_name,
        "controllerManager": {},
        "dns": {},
        "encryptionAlgorithm": settings.key_algorithm.value,
        "etcd": {"local": {"dataDir": "/var/lib/etcd"}},
        "imageRepository": "registry.k8s.io",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": settings.version,
        "networking": {
            "dnsDomain": settings.dns_domain,
            "podSubnet": settings.pod_subnet,
            "serviceSubnet": settings.service_subnet,
        },
        "proxy": {},
        "scheduler": {},
    }


_LOGGING: JsonObject = {
    "flushFrequency": 0,
    "options": {"json": {"infoBufferSize": "0"}, "text": {"infoBufferSize": "0"}},
    "verbosity": 0,
}


@lru_cache(maxsize=64)
def _cluster_document(settings: ClusterSettings) -> str:
    """The ClusterConfiguration, which does not depend on tokens: leave them out."""
    return dump_yaml(_cluster_configuration(settings))


@cache
def _kubelet_document(dns_address: str, dns_domain: str) -> str:
    return dump_yaml(_kubelet_configuration(dns_address, dns_domain))


@cache
def _proxy_document(pod_subnet: str) -> str:
    return dump_yaml({**_PROXY_CONFIGURATION, "clusterCIDR": pod_subnet}).rstrip("\n")


def _kubelet_configuration(dns_address: str, dns_domain: str) -> JsonObject:
    zero: JsonObject = dict.fromkeys(
        (
            "cpuManagerReconcilePeriod",
            "evictionPressureTransitionPeriod",
            "fileCheckFrequency",
            "httpCheckFrequency",
            "imageMaximumGCAge",
            "imageMinimumGCAge",
            "nodeStatusReportFrequency",
            "nodeStatusUpdateFrequency",
            "runtimeRequestTimeout",
            "shutdownGracePeriod",
            "shutdownGracePeriodCriticalPods",
            "streamingConnectionIdleTimeout",
            "syncFrequency",
            "volumeStatsAggPeriod",
        ),
        "0s",
    )
    return {
        **zero,
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"cacheTTL": "0s", "enabled": True},
            "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"},
        },
        "authorization": {
            "mode": "Webhook",
            "webhook": {"cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s"},
        },
        "cgroupDriver": "systemd",
        "clusterDNS": [dns_address],
        "clusterDomain": dns_domain,
        "containerRuntimeEndpoint": "",
        "crashLoopBackOff": {},
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "kind": "KubeletConfiguration",
        "logging": _LOGGING,
        "memorySwap": {},
        "rotateCertificates": True,
        "staticPodPath": "/etc/kubernetes/manifests",
    }


_SYNC_PERIODS: JsonObject = {"minSyncPeriod": "0s", "syncPeriod": "0s"}
_PROXY_CONFIGURATION: JsonObject = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
    "bindAddress": "0.0.0.0",  # noqa: S104 (what kubeadm writes for kube-proxy; nothing here binds it)
    "bindAddressHardFail": False,
    "clientConnection": {
        "acceptContentTypes": "",
        "burst": 0,
        "contentType": "",
        "kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf",
        "qps": 0,
    },
    "configSyncPeriod": "0s",
    "conntrack": {
        "maxPerCore": None,
        "min": None,
        "tcpBeLiberal": False,
        "tcpCloseWaitTimeout": None,
        "tcpEstablishedTimeout": None,
        "udpStreamTimeout": "0s",
        "udpTimeout": "0s",
    },
    "detectLocal": {"bridgeInterface": "", "interfaceNamePrefix": ""},
    "detectLocalMode": "",
    "enableProfiling": False,
    "healthzBindAddress": "",
    "hostnameOverride": "",
    "iptables": {"localhostNodePorts": None, "masqueradeAll": False, "masqueradeBit": None, **_SYNC_PERIODS},
    "ipvs": {
        "excludeCIDRs": None,
        "scheduler": "",
        "strictARP": False,
        "tcpFinTimeout": "0s",
        "tcpTimeout": "0s",
        "udpTimeout": "0s",
        **_SYNC_PERIODS,
    },
    "kind": "KubeProxyConfiguration",
    "logging": _LOGGING,
    "metricsBindAddress": "",
    "mode": "",
    "nftables": {"masqueradeAll": False, "masqueradeBit": None, **_SYNC_PERIODS},
    "nodePortAddresses": None,
    "oomScoreAdj": None,
    "portRange": "",
    "showHiddenMetricsForVersion": "",
    "winkernel": {
        "enableDSR": False,
        "forwardHealthCheckVip": False,
        "networkName": "",
        "rootHnsEndpointName": "",
        "sourceVip": "",
    },
}

_PROXY_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    server: {server}
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token"""
"""A file that kubeadm writes from a template, so its keys are in no particular order."""


def _control_plane_node(host: str, address: str, settings: ClusterSettings) -> JsonObject:
    """The first node, as its kubelet and ``mark-control-plane`` leave it."""
    role = "node-role.kubernetes.io/control-plane"
    labels: JsonObject = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": host,
        "kubernetes.io/os": "linux",
        role: "",
        "node.kubernetes.io/exclude-from-external-load-balancers": "",
    }
    ready: JsonObject = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
    }
    return {
        "metadata": {"name": host, "labels": labels},
        "spec": {"taints": [{"key": role, "effect": "NoSchedule"}]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": host},
            ],
            "conditions": [ready],
            "nodeInfo": {"kubeletVersion": settings.version},
        },
    }
