"""What this API server serves, told to clients that ask before they do anything else.

Two forms: the aggregated documents that kubectl asks for since 1.27, and the older lists of
groups, versions and resources.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache

from joinsim.api.objects import NAMESPACES, RESOURCES, JsonObject, JsonValue, Resource
from joinsim.controlplane.reviews import REVIEWS

__all__ = ["AGGREGATED", "GROUPS", "aggregated_document", "etag_of", "legacy_document"]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")
GROUPS = (
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "rbac.authorization.k8s.io",
    "coordination.k8s.io",
)
"""The named groups, in the order in which the API server lists them."""


def _served(group: str) -> list[Resource]:
    """The resources of a group, in the order of their names."""
    served = [each for each in (*RESOURCES, *REVIEWS.values()) if each.group == group]
    return sorted(served, key=lambda each: each.plural)


def _verbs(resource: Resource) -> list[JsonValue]:
    if resource in REVIEWS.values():
        return ["create"]
    return [verb for verb in _VERBS if resource is not NAMESPACES or verb != "deletecollection"]


# --- aggregated --------------------------------------------------------------------------


@cache
def aggregated_document(path: str) -> JsonObject | None:
    """The ``APIGroupDiscoveryList`` of ``/api`` or ``/apis``."""
    groups = {"/api": ("",), "/apis": GROUPS}.get(path)
    if groups is None:
        return None
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [_aggregated_group(group) for group in groups],
    }


def _aggregated_group(group: str) -> JsonObject:
    resources: list[JsonValue] = [_aggregated_resource(each) for each in _served(group)]
    return {
        "metadata": {"name": group} if group else {},
        "versions": [{"version": "v1", "resources": resources, "freshness": "Current"}],
    }


def _aggregated_resource(resource: Resource) -> JsonObject:
    def kind() -> JsonObject:
        return {"group": "", "version": "", "kind": resource.kind}

    described: JsonObject = {
        "resource": resource.plural,
        "responseKind": kind(),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.kind.lower(),
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        described["shortNames"] = [*resource.short_names]
    if resource.subresources:
        described["subresources"] = [
            {"subresource": name, "responseKind": kind(), "verbs": [*_SUBRESOURCE_VERBS]}
            for name in resource.subresources
        ]
    return described


def etag_of(body: bytes) -> str:
    """The quoted hash by which a client says that it has a document already."""
    return f'"{hashlib.sha512(body).hexdigest().upper()}"'


# --- legacy ------------------------------------------------------------------------------


def legacy_document(path: str, address: str) -> JsonObject | None:
    """The document of a path without aggregation; None where there is none.

    ``address`` is the host and port that the server was asked at.
    """
    match path.strip("/").split("/"):
        case ["api"]:
            return {
                "kind": "APIVersions",
                "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
            }
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in GROUPS]}
        case ["apis", group] if group in GROUPS:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ["apis", group, "v1"] if group in GROUPS:
            return _resource_list(group)
        case ["api", "v1"]:
            return _resource_list("")
    return None


def _group(name: str) -> JsonObject:
    def version() -> JsonObject:
        return {"groupVersion": f"{name}/v1", "version": "v1"}

    return {"name": name, "versions": [version()], "preferredVersion": version()}


def _resource_list(group: str) -> JsonObject:
    resources: list[JsonValue] = [entry for each in _served(group) for entry in _entries(each)]
    return {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if group else {}),
        "groupVersion": f"{group}/v1" if group else "v1",
        "resources": resources,
    }


def _entries(resource: Resource) -> Iterator[JsonObject]:
    entry: JsonObject = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        entry["shortNames"] = [*resource.short_names]
    if resource not in REVIEWS.values():
        entry["storageVersionHash"] = _storage_version_hash(resource)
    yield entry
    for name in resource.subresources:
        yield {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": [*_SUBRESOURCE_VERBS],
        }


def _storage_version_hash(resource: Resource) -> str:
    stored_as = f"{resource.group}/{resource.version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(stored_as.encode()).digest()[:8]).decode()
