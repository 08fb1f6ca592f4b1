"""Which requests a cluster may grant whom: a statement of its own, apart from the fake's RBAC.

It says what a default kubeadm cluster allows to those whom nobody trusts yet (anonymous
users, bootstrap tokens) and to nodes, in requests and not in roles; so a mistake in the
control plane's authorization is not excused by the same mistake here. Administrators and
the cluster's own parts are not its business; whoever else is authenticated may do what
everybody may who is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["is_permitted"]

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"

_ADMINISTRATORS = frozenset({"system:masters", "kubeadm:cluster-admins"})
_OWN_PARTS = ("system:kube-", "system:apiserver", "system:serviceaccount:kube-system:")

_PUBLIC = [("get", r"/(healthz|livez|readyz|version)/?")]
_AUTHENTICATED = [
    # Discovery ends where resources begin: after a version.
    ("get", r"/(api(/[^/]+)?|apis(/[^/]+){0,2})/?"),
    ("get", r"/openapi(/.*)?"),
    ("create", r"/apis/authentication\.k8s\.io/v1/selfsubjectreviews"),
    ("create", r"/apis/authorization\.k8s\.io/v1/selfsubject(access|rules)reviews"),
]
_CSRS = r"/apis/certificates\.k8s\.io/v1/certificatesigningrequests"
_SYSTEM_CONFIG = r"/api/v1/namespaces/kube-system/configmaps"
_BOOTSTRAP = [
    ("get", rf"{_SYSTEM_CONFIG}/(kubeadm-config|kubelet-config|kube-proxy)"),
    ("get", r"/api/v1/namespaces/kube-system/secrets/kubeadm-certs"),
    ("get", r"/api/v1/nodes/[^/]+"),
    ("create list watch", _CSRS),
    ("get", rf"{_CSRS}/[^/]+"),
]
_NODE = [
    ("get", rf"{_SYSTEM_CONFIG}/(kubeadm-config|kubelet-config)"),
    ("create list watch", _CSRS),
    ("get", rf"{_CSRS}/[^/]+"),
    ("create", r"/api/v1/nodes"),
    ("get", r"/api/v1/nodes/{node}"),
    ("list watch", r"/api/v1/nodes\?(.*&)?fieldSelector=metadata\.name%3D{node}(&.*)?"),
    ("update patch", r"/api/v1/nodes/{node}(/status)?"),
    ("create", r"/apis/coordination\.k8s\.io/v1/namespaces/kube-node-lease/leases"),
    ("get update patch delete", r"/apis/coordination\.k8s\.io/v1/namespaces/kube-node-lease/leases/{node}"),
    ("create patch update", r"/api/v1/(namespaces/[^/]+/)?events(/[^/]+)?"),
    ("list watch", r"/api/v1/services"),
    ("list watch", r"/apis/storage\.k8s\.io/v1/csidrivers"),
    ("list watch", r"/apis/node\.k8s\.io/v1/runtimeclasses"),
    (
        "create",
        r"/apis/(authentication\.k8s\.io/v1/tokenreviews|authorization\.k8s\.io/v1/subjectaccessreviews)",
    ),
]


def is_permitted(
    user: str, groups: Iterable[str], verb: str, target: str, *, cluster_info_public: bool
) -> bool:
    """Whether a request may succeed. ``target`` is the path with its query."""
    if user == "system:anonymous":
        public = [*_PUBLIC, ("get", re.escape(CLUSTER_INFO))] if cluster_info_public else _PUBLIC
        return _allows(public, verb, target)
    if user.startswith("system:bootstrap:"):
        # Without the group of default tokens, a token is anybody who is authenticated.
        bound = "system:bootstrappers:kubeadm:default-node-token" in groups
        return _allows([*_PUBLIC, *_AUTHENTICATED, *(_BOOTSTRAP if bound else [])], verb, target)
    if user.startswith("system:node:") and "system:nodes" in groups:
        node = re.escape(user.removeprefix("system:node:"))
        own = [(verbs, pattern.replace("{node}", node)) for verbs, pattern in _NODE]
        return _allows([*_PUBLIC, *_AUTHENTICATED, *own], verb, target)
    if not user:
        return False
    if _ADMINISTRATORS.intersection(groups) or user.startswith(_OWN_PARTS):
        return True
    # A node outside the group of nodes, too, is anybody who is authenticated.
    return _allows([*_PUBLIC, *_AUTHENTICATED], verb, target)


def _allows(permissions: Iterable[tuple[str, str]], verb: str, target: str) -> bool:
    path = target.partition("?")[0]
    return any(
        verb in verbs.split() and re.fullmatch(pattern, target if r"\?" in pattern else path)
        for verbs, pattern in permissions
    )
