"""The RBAC objects of a new cluster: what the API server makes at its start, and kubeadm's.

A compact notation, expanded by :func:`objects`: rules as (verbs, resources, groups),
bindings as (role, subjects). Roles that no part of a join touches are left out; the
README's table of divergences says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TypeAlias

from joinsim.api.objects import JsonObject

__all__ = ["NODE_RULES", "kubeadm_objects", "stock_objects"]

Rules: TypeAlias = tuple[JsonObject, ...]
Roles: TypeAlias = Mapping[str, Rules]
Bindings: TypeAlias = Mapping[str, tuple[str, tuple[str, ...]]]

_GROUP = "rbac.authorization.k8s.io"
_STOCK: JsonObject = {
    "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
    "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
}


def _rule(verbs: str, resources: str, groups: str = "core", names: str = "") -> JsonObject:
    rule: JsonObject = {
        "verbs": [*verbs.split()],
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": [*resources.split()],
    }
    if names:
        rule["resourceNames"] = [*names.split()]
    return rule


def _paths(verbs: str, urls: str) -> JsonObject:
    return {"verbs": [*verbs.split()], "nonResourceURLs": [*urls.split()]}


KUBEADM_ROLES: Roles = {
    "kube-public/kubeadm:bootstrap-signer-clusterinfo": (_rule("get", "configmaps", names="cluster-info"),),
    "kube-system/kube-proxy": (_rule("get", "configmaps", names="kube-proxy"),),
    "kube-system/kubeadm:kubeadm-certs": (_rule("get", "secrets", names="kubeadm-certs"),),
    "kube-system/kubeadm:kubelet-config": (_rule("get", "configmaps", names="kubelet-config"),),
    "kube-system/kubeadm:nodes-kubeadm-config": (_rule("get", "configmaps", names="kubeadm-config"),),
}

KUBEADM_ROLE_BINDINGS: Bindings = {
    "kube-public/kubeadm:bootstrap-signer-clusterinfo": (
        "kubeadm:bootstrap-signer-clusterinfo",
        ("User system:anonymous",),
    ),
    "kube-system/kube-proxy": ("kube-proxy", ("Group system:bootstrappers:kubeadm:default-node-token",)),
    "kube-system/kubeadm:kubeadm-certs": (
        "kubeadm:kubeadm-certs",
        ("Group system:bootstrappers:kubeadm:default-node-token",),
    ),
    "kube-system/kubeadm:kubelet-config": (
        "kubeadm:kubelet-config",
        (
            "Group system:nodes",
            "Group system:bootstrappers:kubeadm:default-node-token",
        ),
    ),
    "kube-system/kubeadm:nodes-kubeadm-config": (
        "kubeadm:nodes-kubeadm-config",
        (
            "Group system:bootstrappers:kubeadm:default-node-token",
            "Group system:nodes",
        ),
    ),
}

KUBEADM_CLUSTER_ROLES: Roles = {
    "kubeadm:get-nodes": (_rule("get", "nodes"),),
}

KUBEADM_CLUSTER_ROLE_BINDINGS: Bindings = {
    "kubeadm:apiserver-kubelet-client": ("system:kubelet-api-admin", ("User kube-apiserver-kubelet-client",)),
    "kubeadm:get-nodes": ("kubeadm:get-nodes", ("Group system:bootstrappers:kubeadm:default-node-token",)),
    "kubeadm:kubelet-bootstrap": (
        "system:node-bootstrapper",
        ("Group system:bootstrappers:kubeadm:default-node-token",),
    ),
    "kubeadm:node-autoapprove-bootstrap": (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        ("Group system:bootstrappers:kubeadm:default-node-token",),
    ),
    "kubeadm:node-autoapprove-certificate-rotation": (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        ("Group system:nodes",),
    ),
    "kubeadm:node-proxier": ("system:node-proxier", ("ServiceAccount kube-system/kube-proxy",)),
    "kubeadm:cluster-admins": ("cluster-admin", ("Group kubeadm:cluster-admins",)),
}

STOCK_ROLES: Roles = {
    "kube-public/system:controller:bootstrap-signer": (
        _rule("get list watch", "configmaps"),
        _rule("update", "configmaps", names="cluster-info"),
        _rule("create patch update", "events", "core events.k8s.io"),
    ),
    "kube-system/extension-apiserver-authentication-reader": (
        _rule("get list watch", "configmaps", names="extension-apiserver-authentication"),
    ),
    "kube-system/system::leader-locking-kube-controller-manager": (
        _rule("create get list update watch", "leases", "coordination.k8s.io"),
        _rule("create get list update watch", "leasecandidates", "coordination.k8s.io"),
    ),
    "kube-system/system:controller:bootstrap-signer": (_rule("get list watch", "secrets"),),
    "kube-system/system:controller:token-cleaner": (
        _rule("delete get list watch", "secrets"),
        _rule("create patch update", "events", "core events.k8s.io"),
    ),
}

STOCK_ROLE_BINDINGS: Bindings = {
    "kube-public/system:controller:bootstrap-signer": (
        "system:controller:bootstrap-signer",
        ("ServiceAccount kube-system/bootstrap-signer",),
    ),
    "kube-system/system::extension-apiserver-authentication-reader": (
        "extension-apiserver-authentication-reader",
        (
            "User system:kube-controller-manager",
            "User system:kube-scheduler",
        ),
    ),
    "kube-system/system::leader-locking-kube-controller-manager": (
        "system::leader-locking-kube-controller-manager",
        (
            "User system:kube-controller-manager",
            "ServiceAccount kube-system/kube-controller-manager",
            "ServiceAccount kube-system/leader-election-controller",
        ),
    ),
    "kube-system/system:controller:bootstrap-signer": (
        "system:controller:bootstrap-signer",
        ("ServiceAccount kube-system/bootstrap-signer",),
    ),
    "kube-system/system:controller:token-cleaner": (
        "system:controller:token-cleaner",
        ("ServiceAccount kube-system/token-cleaner",),
    ),
}

STOCK_CLUSTER_ROLES: Roles = {
    "cluster-admin": (
        _rule("*", "*", "*"),
        _paths("*", "*"),
    ),
    "system:auth-delegator": (
        _rule("create", "tokenreviews", "authentication.k8s.io"),
        _rule("create", "subjectaccessreviews", "authorization.k8s.io"),
    ),
    "system:basic-user": (
        _rule("create", "selfsubjectaccessreviews selfsubjectrulesreviews", "authorization.k8s.io"),
        _rule("create", "selfsubjectreviews", "authentication.k8s.io"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": (
        _rule("create", "certificatesigningrequests/nodeclient", "certificates.k8s.io"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": (
        _rule("create", "certificatesigningrequests/selfnodeclient", "certificates.k8s.io"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-approver": (
        _rule("approve", "signers", "certificates.k8s.io", names="kubernetes.io/kube-apiserver-client"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver": (
        _rule(
            "approve", "signers", "certificates.k8s.io", names="kubernetes.io/kube-apiserver-client-kubelet"
        ),
    ),
    "system:certificates.k8s.io:kubelet-serving-approver": (
        _rule("approve", "signers", "certificates.k8s.io", names="kubernetes.io/kubelet-serving"),
    ),
    "system:certificates.k8s.io:legacy-unknown-approver": (
        _rule("approve", "signers", "certificates.k8s.io", names="kubernetes.io/legacy-unknown"),
    ),
    "system:controller:certificate-controller": (
        _rule("delete get list watch", "certificatesigningrequests", "certificates.k8s.io"),
        _rule(
            "update",
            "certificatesigningrequests/approval certificatesigningrequests/status",
            "certificates.k8s.io",
        ),
        _rule(
            "approve", "signers", "certificates.k8s.io", names="kubernetes.io/kube-apiserver-client-kubelet"
        ),
        _rule(
            "sign",
            "signers",
            "certificates.k8s.io",
            names="kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
        ),
        _rule("create", "subjectaccessreviews", "authorization.k8s.io"),
        _rule("create patch update", "events", "core events.k8s.io"),
    ),
    "system:discovery": (
        _paths(
            "get", "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/"
        ),
    ),
    "system:kube-controller-manager": (
        _rule("create patch update", "events", "core events.k8s.io"),
        _rule("create", "leases", "coordination.k8s.io"),
        _rule("get update", "leases", "coordination.k8s.io", names="kube-controller-manager"),
        _rule("create", "secrets serviceaccounts"),
        _rule("delete", "secrets"),
        _rule("get", "configmaps namespaces secrets serviceaccounts"),
        _rule("update", "secrets serviceaccounts"),
        _rule("create", "tokenreviews", "authentication.k8s.io"),
        _rule("create", "subjectaccessreviews", "authorization.k8s.io"),
        _rule("list watch", "*", "*"),
        _rule("create", "serviceaccounts/token"),
    ),
    "system:kubelet-api-admin": (
        _rule("get list watch", "nodes"),
        _rule("proxy", "nodes"),
        _rule("*", "nodes/log nodes/metrics nodes/proxy nodes/stats"),
        _rule("*", "nodes/configz nodes/healthz nodes/pods"),
    ),
    "system:monitoring": (
        _paths(
            "get",
            "/flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /statusz",
        ),
        _rule("get", "nodes/metrics"),
    ),
    "system:node": (
        _rule("create", "tokenreviews", "authentication.k8s.io"),
        _rule("create", "localsubjectaccessreviews subjectaccessreviews", "authorization.k8s.io"),
        _rule("get list watch", "services"),
        _rule("create get list watch", "nodes"),
        _rule("patch update", "nodes/status"),
        _rule("patch update", "nodes"),
        _rule("create patch update", "events", "core events.k8s.io"),
        _rule("get list watch", "pods"),
        _rule("create delete", "pods"),
        _rule("patch update", "pods/status"),
        _rule("create", "pods/eviction"),
        _rule("get list watch", "configmaps secrets"),
        _rule("get", "persistentvolumeclaims persistentvolumes"),
        _rule("get", "endpoints"),
        _rule("create get list watch", "certificatesigningrequests", "certificates.k8s.io"),
        _rule("create delete get patch update", "leases", "coordination.k8s.io"),
        _rule("get", "volumeattachments", "storage.k8s.io"),
        _rule("create", "serviceaccounts/token"),
        _rule("get patch update", "persistentvolumeclaims/status"),
        _rule("get list watch", "csidrivers", "storage.k8s.io"),
        _rule("create delete get patch update", "csinodes", "storage.k8s.io"),
        _rule("get list watch", "runtimeclasses", "node.k8s.io"),
        _rule("get", "resourceclaims", "resource.k8s.io"),
        _rule("deletecollection", "resourceslices", "resource.k8s.io"),
        _rule("get", "serviceaccounts"),
    ),
    "system:node-bootstrapper": (
        _rule("create get list watch", "certificatesigningrequests", "certificates.k8s.io"),
    ),
    "system:node-proxier": (
        _rule("list watch", "endpoints services"),
        _rule("get list watch", "nodes"),
        _rule("create patch update", "events", "core events.k8s.io"),
        _rule("list watch", "servicecidrs", "networking.k8s.io"),
        _rule("list watch", "endpointslices", "discovery.k8s.io"),
    ),
    "system:public-info-viewer": (_paths("get", "/healthz /livez /readyz /version /version/"),),
    "system:service-account-issuer-discovery": (
        _paths(
            "get",
            "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
        ),
    ),
}

STOCK_CLUSTER_ROLE_BINDINGS: Bindings = {
    "cluster-admin": ("cluster-admin", ("Group system:masters",)),
    "system:basic-user": ("system:basic-user", ("Group system:authenticated",)),
    "system:controller:certificate-controller": (
        "system:controller:certificate-controller",
        ("ServiceAccount kube-system/certificate-controller",),
    ),
    "system:discovery": ("system:discovery", ("Group system:authenticated",)),
    "system:kube-controller-manager": (
        "system:kube-controller-manager",
        ("User system:kube-controller-manager",),
    ),
    "system:monitoring": ("system:monitoring", ("Group system:monitoring",)),
    "system:node": ("system:node", ()),
    "system:node-proxier": ("system:node-proxier", ("User system:kube-proxy",)),
    "system:public-info-viewer": (
        "system:public-info-viewer",
        (
            "Group system:authenticated",
            "Group system:unauthenticated",
        ),
    ),
    "system:service-account-issuer-discovery": (
        "system:service-account-issuer-discovery",
        ("Group system:serviceaccounts",),
    ),
}

NODE_RULES: Rules = STOCK_CLUSTER_ROLES["system:node"]
"""What every node may do; the Node authorizer grants it within narrower bounds."""


@cache
def kubeadm_objects() -> Sequence[JsonObject]:
    """The roles and bindings that ``kubeadm init`` creates."""
    return (
        *_roles(KUBEADM_ROLES, {}),
        *_roles(KUBEADM_CLUSTER_ROLES, {}),
        *_bindings(KUBEADM_ROLE_BINDINGS, {}),
        *_bindings(KUBEADM_CLUSTER_ROLE_BINDINGS, {}),
    )


@cache
def stock_objects() -> Sequence[JsonObject]:
    """The roles and bindings that the API server reconciles at its start."""
    return (
        *_roles(STOCK_ROLES, _STOCK),
        *_roles(STOCK_CLUSTER_ROLES, _STOCK),
        *_bindings(STOCK_ROLE_BINDINGS, _STOCK),
        *_bindings(STOCK_CLUSTER_ROLE_BINDINGS, _STOCK),
    )


def _metadata(key: str, marks: JsonObject) -> tuple[str, JsonObject]:
    namespace, _, name = key.rpartition("/")
    return namespace, {"name": name, **({"namespace": namespace} if namespace else {}), **marks}


def _roles(roles: Roles, marks: JsonObject) -> Iterator[JsonObject]:
    for key, rules in roles.items():
        namespace, metadata = _metadata(key, marks)
        yield {
            "kind": "Role" if namespace else "ClusterRole",
            "apiVersion": f"{_GROUP}/v1",
            "metadata": metadata,
            "rules": [*rules],
        }


def _bindings(bindings: Bindings, marks: JsonObject) -> Iterator[JsonObject]:
    for key, (role, subjects) in bindings.items():
        namespace, metadata = _metadata(key, marks)
        binding: JsonObject = {
            "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
            "apiVersion": f"{_GROUP}/v1",
            "metadata": metadata,
        }
        if subjects:
            binding["subjects"] = [_subject(subject) for subject in subjects]
        kind = "Role" if namespace else "ClusterRole"
        binding["roleRef"] = {"apiGroup": _GROUP, "kind": kind, "name": role}
        yield binding


def _subject(notation: str) -> JsonObject:
    kind, _, name = notation.partition(" ")
    if kind == "ServiceAccount":
        namespace, _, name = name.partition("/")
        return {"kind": kind, "name": name, "namespace": namespace}
    return {"kind": kind, "apiGroup": _GROUP, "name": name}
