"""Objects as rows of a table, which is how ``kubectl get`` asks for them.

The server decides on the columns and writes the cells; a client prints them as they come.
Columns of priority 1 are those that ``-o wide`` adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    LEASES,
    NAMESPACES,
    NODES,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    JsonObject,
    JsonValue,
    Resource,
    boolean,
    items,
    mapping,
    text,
)
from joinsim.gofmt import human_duration, parse_rfc3339

__all__ = ["COLUMNS", "partial_object", "table_of"]


@dataclass(frozen=True)
class Column:
    """One column: what it is called, and what it makes of an object at a moment."""

    name: str
    cell: Callable[[JsonObject, datetime], JsonValue]
    description: str
    format: str = ""
    priority: int = 0

    def as_json(self) -> JsonObject:
        """The definition as a Table holds it."""
        return {
            "name": self.name,
            "type": "string",
            "format": self.format,
            # Divergence: the descriptions of Table columns are joinsim's own words.
            "description": self.description,
            "priority": self.priority,
        }


def table_of(
    resource: Resource,
    objects: Sequence[JsonObject],
    metadata: JsonObject,
    now: datetime,
    include_object: str = "Metadata",
) -> JsonObject:
    """Objects as a ``Table`` of meta.k8s.io/v1.

    ``metadata`` is that of the list, or of the one object; ``include_object`` (``None``,
    ``Metadata``, ``Object``) says what of an object goes with its row.
    """
    columns = COLUMNS[resource]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [column.as_json() for column in columns],
        "rows": [
            {"cells": [column.cell(each, now) for column in columns], "object": _shown(each, include_object)}
            for each in objects
        ],
    }


def partial_object(content: JsonObject) -> JsonObject:
    """The metadata of an object and nothing else."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": mapping(content, "metadata"),
    }


def _shown(content: JsonObject, include_object: str) -> JsonValue:
    match include_object:
        case "None":
            return None
        case "Object":
            return content
    return partial_object(content)


# --- cells -------------------------------------------------------------------------------


def _at(*path: str, otherwise: str = "") -> Callable[[JsonObject, datetime], JsonValue]:
    return lambda content, now: text(content, *path) or otherwise


def _age(content: JsonObject, now: datetime) -> JsonValue:
    created = text(content, "metadata", "creationTimestamp")
    return human_duration((now - parse_rfc3339(created)).total_seconds()) if created else "<unknown>"


def _count(*fields: str) -> Callable[[JsonObject, datetime], JsonValue]:
    return lambda content, now: sum(len(mapping(content, field)) for field in fields)


def _node_status(content: JsonObject, now: datetime) -> JsonValue:
    ready = [
        text(each, "status")
        for each in items(content, "status", "conditions")
        if text(each, "type") == "Ready"
    ]
    told = ["Ready" if status == "True" else "NotReady" for status in ready] or ["Unknown"]
    return ",".join(told + ["SchedulingDisabled"] * boolean(content, "spec", "unschedulable"))


_ROLE_PREFIX = "node-role.kubernetes.io/"


def _node_roles(content: JsonObject, now: datetime) -> JsonValue:
    labels = mapping(content, "metadata", "labels")
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles.add(str(labels.get("kubernetes.io/role", "")))
    return ",".join(sorted(roles - {""})) or "<none>"


def _node_address(kind: str) -> Callable[[JsonObject, datetime], JsonValue]:
    def cell(content: JsonObject, now: datetime) -> JsonValue:
        found = (each for each in items(content, "status", "addresses") if text(each, "type") == kind)
        return next((text(each, "address") for each in found), "<none>")

    return cell


def _csr_duration(content: JsonObject, now: datetime) -> JsonValue:
    seconds = mapping(content, "spec").get("expirationSeconds")
    return human_duration(float(seconds)) if isinstance(seconds, int) else "<none>"


def _csr_condition(content: JsonObject, now: datetime) -> JsonValue:
    types = [text(each, "type") for each in items(content, "status", "conditions")]
    told: list[str] = [kind for kind in ("Approved", "Denied") if kind in types] or ["Pending"]
    told += ["Failed"] * ("Failed" in types) + ["Issued"] * bool(text(content, "status", "certificate"))
    return ",".join(told)


def _role_ref(content: JsonObject, now: datetime) -> JsonValue:
    return f"{text(content, 'roleRef', 'kind')}/{text(content, 'roleRef', 'name')}"


def _subjects(kind: str) -> Callable[[JsonObject, datetime], JsonValue]:
    def cell(content: JsonObject, now: datetime) -> JsonValue:
        found = [each for each in items(content, "subjects") if text(each, "kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{text(each, 'namespace')}/{text(each, 'name')}" for each in found)
        return ", ".join(text(each, "name") for each in found)

    return cell


# --- columns -----------------------------------------------------------------------------

_NAME = Column("Name", _at("metadata", "name"), "The name of the object.", "name")
_AGE = Column("Age", _age, "How long ago it was created.")
_CREATED = Column("Created At", _at("metadata", "creationTimestamp"), "When it was created.")
_BINDING = (
    _NAME,
    Column("Role", _role_ref, "The role that is granted."),
    _AGE,
    Column("Users", _subjects("User"), "The users it is granted to.", priority=1),
    Column("Groups", _subjects("Group"), "The groups it is granted to.", priority=1),
    Column(
        "ServiceAccounts", _subjects("ServiceAccount"), "The service accounts it is granted to.", priority=1
    ),
)

COLUMNS: Mapping[Resource, tuple[Column, ...]] = {
    NAMESPACES: (_NAME, Column("Status", _at("status", "phase"), "Whether it is active."), _AGE),
    CONFIG_MAPS: (_NAME, Column("Data", _count("data", "binaryData"), "How many keys it has."), _AGE),
    SECRETS: (
        _NAME,
        Column("Type", _at("type"), "What kind of secret it is."),
        Column("Data", _count("data"), "How many keys it has."),
        _AGE,
    ),
    LEASES: (_NAME, Column("Holder", _at("spec", "holderIdentity"), "Who holds it."), _AGE),
    NODES: (
        _NAME,
        Column("Status", _node_status, "Whether it is ready, and whether it takes pods."),
        Column("Roles", _node_roles, "Its roles, by its labels."),
        _AGE,
        Column("Version", _at("status", "nodeInfo", "kubeletVersion"), "The version of its kubelet."),
        Column("Internal-IP", _node_address("InternalIP"), "Its address in the cluster.", priority=1),
        Column("External-IP", _node_address("ExternalIP"), "Its address outside.", priority=1),
        Column(
            "OS-Image",
            _at("status", "nodeInfo", "osImage", otherwise="<unknown>"),
            "Its operating system.",
            priority=1,
        ),
        Column(
            "Kernel-Version",
            _at("status", "nodeInfo", "kernelVersion", otherwise="<unknown>"),
            "Its kernel.",
            priority=1,
        ),
        Column(
            "Container-Runtime",
            _at("status", "nodeInfo", "containerRuntimeVersion", otherwise="<unknown>"),
            "Its container runtime.",
            priority=1,
        ),
    ),
    CERTIFICATE_SIGNING_REQUESTS: (
        _NAME,
        _AGE,
        Column("SignerName", _at("spec", "signerName"), "Who is asked to sign."),
        Column("Requestor", _at("spec", "username"), "Who asks."),
        Column("RequestedDuration", _csr_duration, "How long the certificate is to be valid."),
        Column("Condition", _csr_condition, "What has become of it."),
    ),
    ROLES: (_NAME, _CREATED),
    CLUSTER_ROLES: (_NAME, _CREATED),
    ROLE_BINDINGS: _BINDING,
    CLUSTER_ROLE_BINDINGS: _BINDING,
}
