"""What a Kubernetes 1.36 API server serves, by name: to tell "not here" from "nowhere".

A request for something of this list that this control plane does not have is answered
501; one for something that Kubernetes does not know is answered 404, as by the real one.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["is_known_group_version", "is_known_path", "is_known_resource", "is_known_subresource"]

_RESOURCES: Mapping[str, str] = {
    "admissionregistration.k8s.io/v1": "mutatingadmissionpolicies mutatingadmissionpolicybindings mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings validatingwebhookconfigurations",
    "apiextensions.k8s.io/v1": "customresourcedefinitions",
    "apiregistration.k8s.io/v1": "apiservices",
    "apps/v1": "controllerrevisions daemonsets deployments replicasets statefulsets",
    "authentication.k8s.io/v1": "selfsubjectreviews tokenreviews",
    "authorization.k8s.io/v1": "localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews",
    "autoscaling/v1": "horizontalpodautoscalers",
    "autoscaling/v2": "horizontalpodautoscalers",
    "batch/v1": "cronjobs jobs",
    "certificates.k8s.io/v1": "certificatesigningrequests",
    "coordination.k8s.io/v1": "leases",
    "discovery.k8s.io/v1": "endpointslices",
    "events.k8s.io/v1": "events",
    "flowcontrol.apiserver.k8s.io/v1": "flowschemas prioritylevelconfigurations",
    "networking.k8s.io/v1": "ingressclasses ingresses ipaddresses networkpolicies servicecidrs",
    "node.k8s.io/v1": "runtimeclasses",
    "policy/v1": "poddisruptionbudgets",
    "rbac.authorization.k8s.io/v1": "clusterrolebindings clusterroles rolebindings roles",
    "resource.k8s.io/v1": "deviceclasses resourceclaims resourceclaimtemplates resourceslices",
    "scheduling.k8s.io/v1": "priorityclasses",
    "storage.k8s.io/v1": "csidrivers csinodes csistoragecapacities storageclasses volumeattachments volumeattributesclasses",
    "v1": "bindings componentstatuses configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts services",
}

_MISSING_SUBRESOURCES: Mapping[str, str] = {"namespaces": "finalize status", "nodes": "proxy"}

_PATHS = ("/", "/metrics", "/openid", "/openapi", "/logs", "/flagz", "/statusz", "/.well-known")


def _group_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def is_known_group_version(group: str, version: str) -> bool:
    """Whether Kubernetes serves this version of this group."""
    return _group_version(group, version) in _RESOURCES


def is_known_resource(group: str, version: str, plural: str) -> bool:
    """Whether Kubernetes has this resource."""
    return plural in _RESOURCES.get(_group_version(group, version), "").split()


def is_known_subresource(plural: str, subresource: str) -> bool:
    """Whether Kubernetes has this subresource of a resource that this control plane serves, and this has not."""
    return subresource in _MISSING_SUBRESOURCES.get(plural, "").split()


def is_known_path(path: str) -> bool:
    """Whether Kubernetes serves this path, which is no resource."""
    if path == "/" or any(path == known or path.startswith(f"{known}/") for known in _PATHS[1:]):
        return True
    if path.startswith(("/healthz/", "/livez/", "/readyz/")):
        return True
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["api"] | ["apis"] | ["api", "v1"]:
            return True
        case ["apis", group]:
            return any(known.startswith(f"{group}/") for known in _RESOURCES)
        case ["apis", group, version]:
            return is_known_group_version(group, version)
    return False
