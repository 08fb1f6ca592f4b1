"""Admission plugins: what authorization allowed and still must not happen.

NodeRestriction acts before validation, so its 403 beats a 422 and shows the
``generateName`` prefix; the certificate plugins act after validation and show the
generated name. Both as in the API server.
"""

from __future__ import annotations

from collections.abc import Callable

from joinsim.api import status
from joinsim.api.csr import request_bytes
from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    LEASES,
    NODES,
    JsonObject,
    Resource,
    items,
    mapping,
    name_of,
    namespace_of,
    text,
    texts,
)
from joinsim.controlplane.authorization import LEASE_NAMESPACE, Attributes, Authorizer
from joinsim.controlplane.users import NODE_PREFIX, User
from joinsim.errors import ApiError
from joinsim.gofmt import quote
from joinsim.pki import CertificateRequest, RequestError

__all__ = ["Admission"]

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
KUBELET_SIGNERS = ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving")
_OWN_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    }
)
_OWN_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")


class Admission:
    """The plugins that a join can meet."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    # --- before validation -------------------------------------------------------------

    def before_validation(
        self, user: User, resource: Resource, new: JsonObject | None, old: JsonObject | None, subresource: str
    ) -> None:
        """NodeRestriction: a node may write what is its own, and not all of that. Raises 403."""
        node = user.node_name
        if not node:
            return
        check = _NODE_RESTRICTIONS.get(resource)
        if check is not None:
            check(node, new, old, subresource)

    # --- after validation -------------------------------------------------------------

    def after_validation(
        self, user: User, resource: Resource, new: JsonObject, old: JsonObject | None, subresource: str
    ) -> None:
        """The certificate plugins: who may approve, sign, and ask for what. Raises 403."""
        if resource != CERTIFICATE_SIGNING_REQUESTS:
            return
        if old is None:
            self._restrict_subject(new)
        elif subresource == "approval":
            self._check_signer_permission(user, new, "approve")
        elif subresource == "status" and _result_changed(new, old):
            self._check_signer_permission(user, new, "sign")

    def _check_signer_permission(self, user: User, csr: JsonObject, verb: str) -> None:
        signer = text(csr, "spec", "signerName")
        domain = signer.partition("/")[0]
        for name in (signer, f"{domain}/*"):
            attributes = Attributes(verb, "certificates.k8s.io", "signers", name=name)
            if self._authorizer.authorize(user, attributes).allowed:
                return
        said = f"user not permitted to {verb} requests with signerName {quote(signer)}"
        raise status.forbidden(CERTIFICATE_SIGNING_REQUESTS, name_of(csr), said)

    def _restrict_subject(self, csr: JsonObject) -> None:
        if text(csr, "spec", "signerName") != CLIENT_SIGNER:
            return
        if "system:masters" in CertificateRequest.parse(request_bytes(csr)).organizations:
            said = f"use of {CLIENT_SIGNER} signer with system:masters group is not allowed"
            raise status.forbidden(CERTIFICATE_SIGNING_REQUESTS, name_of(csr), said)


def _result_changed(new: JsonObject, old: JsonObject) -> bool:
    before, after = mapping(old, "status"), mapping(new, "status")
    return (before.get("certificate"), before.get("conditions")) != (
        after.get("certificate"),
        after.get("conditions"),
    )


# --- NodeRestriction ---------------------------------------------------------------------


def _refused(resource: Resource, name: str, problem: str) -> ApiError:
    return status.forbidden(resource, name, problem)


def _restrict_node(node: str, new: JsonObject | None, old: JsonObject | None, subresource: str) -> None:
    subject = new or old or {}
    name = name_of(subject)
    if name != node:
        said = f"node {quote(node)} is not allowed to modify node {quote(name)}"
        raise _refused(NODES, name, said)
    if new is None or subresource:
        return
    if old is None:
        if mapping(new, "spec").get("configSource") is not None:
            said = f"node {quote(node)} is not allowed to create pods with a non-nil configSource"
            raise _refused(NODES, name, said)
        forbidden = [label for label in texts(new, "metadata", "labels") if _is_foreign(label)]
        if forbidden:
            said = f"node {quote(node)} is not allowed to set the following labels: {', '.join(sorted(forbidden))}"
            raise _refused(NODES, name, said)
        return
    _restrict_node_update(node, new, old)


def _restrict_node_update(node: str, new: JsonObject, old: JsonObject) -> None:
    source = mapping(new, "spec").get("configSource")
    if source is not None and source != mapping(old, "spec").get("configSource"):
        said = f"node {quote(node)} is not allowed to update configSource to a new non-nil configSource"
        raise _refused(NODES, node, said)
    if items(new, "spec", "taints") != items(old, "spec", "taints"):
        raise _refused(NODES, node, f"node {quote(node)} is not allowed to modify taints")
    if items(new, "metadata", "ownerReferences") != items(old, "metadata", "ownerReferences"):
        raise _refused(NODES, node, f"node {quote(node)} is not allowed to modify ownerReferences")
    before, after = texts(old, "metadata", "labels"), texts(new, "metadata", "labels")
    changed = [label for label in {**before, **after} if before.get(label) != after.get(label)]
    forbidden = sorted(label for label in changed if _is_foreign(label))
    if forbidden:
        raise _refused(NODES, node, f"is not allowed to modify labels: {', '.join(forbidden)}")


def _is_foreign(label: str) -> bool:
    """Whether a label is of Kubernetes' own domains and not among those that a kubelet sets."""
    domain, slash, _ = label.partition("/")
    if not slash or not _within(domain, ("kubernetes.io", "k8s.io")):
        return False
    return label not in _OWN_LABELS and not _within(domain, _OWN_DOMAINS)


def _within(domain: str, parents: tuple[str, ...]) -> bool:
    return any(domain == parent or domain.endswith(f".{parent}") for parent in parents)


def _restrict_csr(node: str, new: JsonObject | None, old: JsonObject | None, subresource: str) -> None:
    if new is None or old is not None or text(new, "spec", "signerName") not in KUBELET_SIGNERS:
        return
    shown = name_of(new) or text(new, "metadata", "generateName")
    try:
        found = CertificateRequest.parse(request_bytes(new)).common_name
    except (RequestError, ValueError) as error:
        raise _refused(CERTIFICATE_SIGNING_REQUESTS, shown, f"unable to parse csr: {error}") from error
    if found != NODE_PREFIX + node:
        said = f"can only create a node CSR with CN={NODE_PREFIX}{node}"
        raise _refused(CERTIFICATE_SIGNING_REQUESTS, shown, said)


def _restrict_lease(node: str, new: JsonObject | None, old: JsonObject | None, subresource: str) -> None:
    subject = new or old or {}
    name = name_of(subject)
    if namespace_of(subject) != LEASE_NAMESPACE:
        said = f"can only access leases in the {quote(LEASE_NAMESPACE)} system namespace"
        raise _refused(LEASES, name, said)
    if name != node:
        said = "can only access node lease with the same name as the requesting node"
        raise _refused(LEASES, name, said)


_Check = Callable[[str, JsonObject | None, JsonObject | None, str], None]
_NODE_RESTRICTIONS: dict[Resource, _Check] = {
    NODES: _restrict_node,
    CERTIFICATE_SIGNING_REQUESTS: _restrict_csr,
    LEASES: _restrict_lease,
}
