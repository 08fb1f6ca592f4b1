"""The order of an object's fields in an answer: that of Kubernetes' Go types.

An API server decodes what it is sent into structs, so a client's own order is lost:
fields come in the order of the type, the keys of maps sorted. Fields that no type here
has keep their place behind the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from joinsim.api.objects import JsonObject, JsonValue

__all__ = ["in_go_order"]

_CONDITIONS = "type status reason message"
_FIELDS: Mapping[str, str] = {
    "": "kind apiVersion metadata immutable data binaryData type rules aggregationRule subjects roleRef"
    " spec status",
    "metadata": "name generateName namespace selfLink uid resourceVersion generation creationTimestamp"
    " deletionTimestamp deletionGracePeriodSeconds labels annotations ownerReferences finalizers",
    "metadata.ownerReferences": "apiVersion kind name uid controller blockOwnerDeletion",
    "rules": "verbs apiGroups resources resourceNames nonResourceURLs",
    "subjects": "kind apiGroup name namespace",
    "roleRef": "apiGroup kind name",
    "CertificateSigningRequest.spec": "request signerName expirationSeconds usages username uid groups extra",
    "CertificateSigningRequest.status": "conditions certificate",
    "CertificateSigningRequest.status.conditions": f"{_CONDITIONS} lastUpdateTime lastTransitionTime",
    **dict.fromkeys(
        ("SubjectAccessReview.spec", "SelfSubjectAccessReview.spec"),
        "resourceAttributes nonResourceAttributes user groups extra uid",
    ),
    **dict.fromkeys(
        ("SubjectAccessReview.spec.resourceAttributes", "SelfSubjectAccessReview.spec.resourceAttributes"),
        "namespace verb group version resource subresource name fieldSelector labelSelector",
    ),
    "Lease.spec": "holderIdentity leaseDurationSeconds acquireTime renewTime leaseTransitions strategy"
    " preferredHolder",
    "Node.spec": "podCIDR podCIDRs providerID unschedulable taints configSource externalID",
    "Node.spec.taints": "key value effect timeAdded",
    "Node.status": "capacity allocatable phase conditions addresses daemonEndpoints nodeInfo images"
    " volumesInUse volumesAttached config runtimeHandlers features declaredFeatures",
    "Node.status.conditions": "type status lastHeartbeatTime lastTransitionTime reason message",
    "Node.status.addresses": "type address",
    "Node.status.images": "names sizeBytes",
    "Node.status.nodeInfo": "machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion"
    " kubeletVersion kubeProxyVersion operatingSystem architecture swap",
}
_ORDER = {path: {name: place for place, name in enumerate(names.split())} for path, names in _FIELDS.items()}
_MAPS = frozenset(
    {
        "metadata.labels",
        "metadata.annotations",
        "data",
        "binaryData",
        "CertificateSigningRequest.spec.extra",
        "Node.status.capacity",
        "Node.status.allocatable",
    }
)
_OF_ONE_KIND = ("spec", "status")


def in_go_order(new: JsonObject) -> JsonObject:
    """The same object, its fields in the order in which Kubernetes writes them."""
    return _ordered(new, "", str(new.get("kind", "")))


def _ordered(value: JsonObject, path: str, kind: str) -> JsonObject:
    if path in _MAPS:
        return dict(sorted(value.items()))
    order = _ORDER.get(path)
    if order is None:
        return value
    last = len(order)
    return {
        field: _inside(value[field], _below(path, field, kind), kind)
        for field in sorted(value, key=lambda field: order.get(field, last))
    }


def _below(path: str, field: str, kind: str) -> str:
    if path:
        return f"{path}.{field}"
    return f"{kind}.{field}" if field in _OF_ONE_KIND else field


def _inside(value: JsonValue, path: str, kind: str) -> JsonValue:
    if isinstance(value, dict):
        return _ordered(value, path, kind)
    if isinstance(value, list) and path in _ORDER:
        return [_ordered(item, path, kind) if isinstance(item, dict) else item for item in value]
    return value
