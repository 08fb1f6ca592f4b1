"""What an API server's decoding into Go types does to an object.

A client's own order is lost: fields come in the order of the type, the keys of maps
sorted. Empty values vanish where the type says ``omitempty``. And fields that the type
does not have vanish as well, which the server remarks upon (``fieldValidation``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from joinsim.api.objects import JsonObject, JsonValue

__all__ = ["as_go_writes_it", "unknown_fields"]

# The fields of each type in its order; those marked with ! are written even when empty.
_CONDITION = "type! status! reason message lastUpdateTime! lastTransitionTime!"
_RULES_OF = "kind! apiVersion! metadata! rules!"
_BINDING = "kind! apiVersion! metadata! subjects roleRef!"
_SPEC_AND_STATUS = "kind! apiVersion! metadata! spec! status!"
_ATTRIBUTES = "namespace verb group version resource subresource name fieldSelector labelSelector"
_REVIEW_SPEC = "resourceAttributes nonResourceAttributes user groups extra uid"
_FIELDS: Mapping[str, str] = {
    "ConfigMap": "kind! apiVersion! metadata! immutable data binaryData",
    "Secret": "kind! apiVersion! metadata! immutable data stringData type",
    "Namespace": _SPEC_AND_STATUS,
    "Node": _SPEC_AND_STATUS,
    "CertificateSigningRequest": _SPEC_AND_STATUS,
    "Lease": "kind! apiVersion! metadata! spec!",
    "Role": _RULES_OF,
    "ClusterRole": f"{_RULES_OF} aggregationRule",
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "SubjectAccessReview": _SPEC_AND_STATUS,
    "SelfSubjectAccessReview": _SPEC_AND_STATUS,
    "SelfSubjectReview": "kind! apiVersion! metadata! status!",
    "metadata": "name generateName namespace selfLink uid resourceVersion generation creationTimestamp"
    " deletionTimestamp deletionGracePeriodSeconds labels annotations ownerReferences finalizers"
    " managedFields",
    "metadata.ownerReferences": "apiVersion! kind! name! uid! controller blockOwnerDeletion",
    "rules": "verbs! apiGroups resources resourceNames nonResourceURLs",
    "subjects": "kind! apiGroup name! namespace",
    "roleRef": "apiGroup! kind! name!",
    "CertificateSigningRequest.spec": "request! signerName! expirationSeconds usages username uid groups"
    " extra",
    "CertificateSigningRequest.status": "conditions certificate",
    "CertificateSigningRequest.status.conditions": _CONDITION,
    "Lease.spec": "holderIdentity leaseDurationSeconds acquireTime renewTime leaseTransitions strategy"
    " preferredHolder",
    "Namespace.spec": "finalizers",
    "Namespace.status": "phase conditions",
    "Node.spec": "podCIDR podCIDRs providerID unschedulable taints configSource externalID",
    "Node.spec.taints": "key! value effect! timeAdded",
    "Node.status": "capacity allocatable phase conditions addresses daemonEndpoints! nodeInfo! images"
    " volumesInUse volumesAttached config runtimeHandlers features declaredFeatures",
    "Node.status.conditions": "type! status! lastHeartbeatTime! lastTransitionTime! reason message",
    "Node.status.addresses": "type! address!",
    "Node.status.images": "names sizeBytes",
    "Node.status.nodeInfo": "machineID! systemUUID! bootID! kernelVersion! osImage! containerRuntimeVersion!"
    " kubeletVersion! kubeProxyVersion! operatingSystem! architecture! swap",
    "SubjectAccessReview.spec": _REVIEW_SPEC,
    "SubjectAccessReview.spec.resourceAttributes": _ATTRIBUTES,
    "SelfSubjectAccessReview.spec": "resourceAttributes nonResourceAttributes",
    "SelfSubjectAccessReview.spec.resourceAttributes": _ATTRIBUTES,
}
_ORDER = {
    path: {name.rstrip("!"): place for place, name in enumerate(names.split())}
    for path, names in _FIELDS.items()
}
_WRITTEN_EMPTY = {
    path: frozenset(name.rstrip("!") for name in names.split() if name.endswith("!"))
    for path, names in _FIELDS.items()
}
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
_SHARED = frozenset({"metadata", "rules", "subjects", "roleRef", "data", "binaryData"})
# Divergence: Go leaves out a plain boolean that is false as well (unschedulable); here it is written.
_EMPTY: tuple[JsonValue, ...] = (None, "", [], {})


def as_go_writes_it(new: JsonObject) -> JsonObject:
    """The same object as Kubernetes would write it: in order, without what is empty or unknown."""
    return _written(new, str(new.get("kind", "")))


def _written(value: JsonObject, path: str) -> JsonObject:
    if path in _MAPS:
        return dict(sorted(value.items()))
    order = _ORDER.get(path)
    if order is None:
        return value
    kept = _WRITTEN_EMPTY[path]
    fields = sorted((field for field in value if field in order), key=order.__getitem__)
    inside = ((field, _inside(value[field], _below(path, field))) for field in fields)
    return {field: item for field, item in inside if field in kept or item not in _EMPTY}


def _inside(value: JsonValue, path: str) -> JsonValue:
    if isinstance(value, dict):
        return _written(value, path)
    if isinstance(value, list) and path in _ORDER:
        return [_written(item, path) if isinstance(item, dict) else item for item in value]
    return value


def _below(path: str, field: str) -> str:
    return field if field in _SHARED and "." not in path else f"{path}.{field}"


def unknown_fields(new: JsonObject) -> list[str]:
    """The paths of the fields that the object's type does not have, as the server names them."""
    return list(_unknown(new, str(new.get("kind", "")), ""))


def _unknown(value: JsonValue, path: str, shown: str) -> Iterator[str]:
    order = _ORDER.get(path)
    if order is None:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, path, f"{shown}[{index}]")
    elif isinstance(value, dict):
        for field, item in value.items():
            below = f"{shown}.{field}" if shown else field
            if field in order:
                yield from _unknown(item, _below(path, field), below)
            else:
                yield below
