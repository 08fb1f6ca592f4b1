"""Kubernetes objects as JSON, and the resources that a join touches.

Objects stay what they are on the wire: nested dictionaries. Fields that this package
has never heard of pass through untouched. The readers here give the value at a path
when it has the expected type and an empty one otherwise, which is how Go's zero
values read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "BY_PLURAL",
    "CERTIFICATE_SIGNING_REQUESTS",
    "CLUSTER_ROLES",
    "CLUSTER_ROLE_BINDINGS",
    "CONFIG_MAPS",
    "LEASES",
    "NAMESPACES",
    "NODES",
    "RBAC_GROUP",
    "RESOURCES",
    "ROLES",
    "ROLE_BINDINGS",
    "SECRETS",
    "JsonObject",
    "JsonValue",
    "Resource",
    "boolean",
    "copy",
    "decode_json",
    "encode_json",
    "items",
    "mapping",
    "name_of",
    "namespace_of",
    "new_uid",
    "strings",
    "text",
    "texts",
]

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, "JsonValue"]


@dataclass(frozen=True, eq=False)
class Resource:
    """One kind of object that an API server serves. Two are equal only if they are one."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    subresources: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """``v1``, ``certificates.k8s.io/v1``, …"""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The resource with its group, as error messages have it: ``leases.coordination.k8s.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """The kind with its group, as validation messages have it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def path(self, name: str = "", namespace: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of an object, or of a subresource of one."""
        parts = ["", "apis", self.group, self.version] if self.group else ["", "api", self.version]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


RBAC_GROUP = "rbac.authorization.k8s.io"

NAMESPACES = Resource("", "v1", "Namespace", "namespaces", False, short_names=("ns",))
CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps", True, short_names=("cm",))
SECRETS = Resource("", "v1", "Secret", "secrets", True)
NODES = Resource("", "v1", "Node", "nodes", False, ("status",), ("no",))
LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases", True)
CERTIFICATE_SIGNING_REQUESTS = Resource(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    False,
    ("approval", "status"),
    ("csr",),
)
ROLES = Resource(RBAC_GROUP, "v1", "Role", "roles", True)
ROLE_BINDINGS = Resource(RBAC_GROUP, "v1", "RoleBinding", "rolebindings", True)
CLUSTER_ROLES = Resource(RBAC_GROUP, "v1", "ClusterRole", "clusterroles", False)
CLUSTER_ROLE_BINDINGS = Resource(RBAC_GROUP, "v1", "ClusterRoleBinding", "clusterrolebindings", False)

RESOURCES: tuple[Resource, ...] = (
    NAMESPACES,
    CONFIG_MAPS,
    SECRETS,
    NODES,
    LEASES,
    CERTIFICATE_SIGNING_REQUESTS,
    ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
)
BY_PLURAL: Mapping[tuple[str, str, str], Resource] = {
    (resource.group, resource.version, resource.plural): resource for resource in RESOURCES
}


def mapping(value: JsonValue | None, *path: str) -> JsonObject:
    """The object at a path, or an empty one (not attached to ``value``)."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: JsonValue | None, *path: str) -> list[JsonValue]:
    """The list at a path, or an empty one (not attached to ``value``)."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def text(value: JsonValue | None, *path: str) -> str:
    """The string at a path, or the empty string."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def boolean(value: JsonValue | None, *path: str) -> bool:
    """Whether there is a ``true`` at a path."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value is True


def strings(value: JsonValue | None, *path: str) -> list[str]:
    """The strings of the list at a path; items of other types are passed over."""
    return [item for item in items(value, *path) if isinstance(item, str)]


def texts(value: JsonValue | None, *path: str) -> dict[str, str]:
    """The string values of the object at a path, by key: labels, ConfigMap data."""
    return {key: item for key, item in mapping(value, *path).items() if isinstance(item, str)}


def name_of(value: JsonObject) -> str:
    """``metadata.name``."""
    return text(value, "metadata", "name")


def namespace_of(value: JsonObject) -> str:
    """``metadata.namespace``."""
    return text(value, "metadata", "namespace")


def copy(value: JsonObject) -> JsonObject:
    """A deep copy: nothing that happens to it reaches the original."""
    return {key: _copy(item) for key, item in value.items()}


def _copy(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def new_uid(random_bytes: Callable[[int], bytes]) -> str:
    """A version 4 UUID (RFC 9562) out of sixteen random bytes."""
    digits = random_bytes(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_GO_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def encode_json(value: JsonValue | Iterable[JsonValue]) -> bytes:
    """JSON as Go's encoder writes it: no spaces, and ``<``, ``>``, ``&`` escaped."""
    plain = _ENCODER.encode(value)
    for character, escape in _GO_ESCAPES.items():
        if character in plain:
            plain = plain.replace(character, escape)
    return plain.encode()


_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def decode_json(content: bytes) -> JsonValue:
    """JSON as Go's decoder reads it: what is no Unicode becomes U+FFFD, and NaN is no number.

    Raises ValueError, and RecursionError for what is nested too deep.
    """
    value: JsonValue = json.loads(content.decode(errors="replace"), parse_constant=_no_constant)
    # JSON can spell half a surrogate pair, which no encoder takes later.
    return _whole(value) if b"\\ud" in content.lower() else value


def _whole(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _HALF_A_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_HALF_A_PAIR.sub("\ufffd", key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")
