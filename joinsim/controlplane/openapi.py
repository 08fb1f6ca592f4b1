"""OpenAPI v3 of what is served: enough for ``kubectl create``, ``apply`` and ``explain``.

kubectl asks for it to learn whether the server validates fields and takes dry runs, and to
explain a kind. The schemas are made from the table of types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

from joinsim.api.message_types import Field, MessageType, Shape, message_type, type_name_of
from joinsim.api.objects import RESOURCES, JsonObject, JsonValue, Resource, encode_json

__all__ = ["openapi_document", "openapi_group_versions"]

_PREFIX = "/openapi/v3"
_KINDS = {
    "Namespace": "A scope for names.",
    "ConfigMap": "Configuration data for others to read.",
    "Secret": "Data that only some may read.",
    "Node": "A machine of the cluster.",
    "Lease": "What somebody holds, and until when; a kubelet shows by one that it lives.",
    "CertificateSigningRequest": "A request for a certificate, the decision on it, and what was issued.",
    "Role": "Permissions within a namespace.",
    "ClusterRole": "Permissions in all of the cluster.",
    "RoleBinding": "Grants a role within a namespace.",
    "ClusterRoleBinding": "Grants a role in all of the cluster.",
}
# Divergence: OpenAPI describes only the kinds that are served, and their fields without words.
_SPECIAL: dict[str, JsonObject] = {
    "meta.v1.Time": {"type": "string", "format": "date-time"},
    "meta.v1.MicroTime": {"type": "string", "format": "date-time"},
    "resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "meta.v1.FieldsV1": {"type": "object"},
    "runtime.RawExtension": {"type": "object"},
    **{
        f"{group}.v1.ExtraValue": {"type": "array", "items": {"type": "string", "default": ""}}
        for group in ("authentication", "authorization", "certificates")
    },
}
_SCALARS: dict[str, JsonObject] = {
    "string": {"type": "string"},
    "bytes": {"type": "string", "format": "byte"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
}
_MERGE_KEYS = {
    "meta.v1.ObjectMeta.ownerReferences": "uid",
    "core.v1.NodeStatus.addresses": "type",
    "core.v1.NodeStatus.conditions": "type",
}


def openapi_document(path: str) -> JsonObject | None:
    """The document at a path below ``/openapi/v3``; None where there is none."""
    if path.rstrip("/") == _PREFIX:
        return _index()
    group_version = path.removeprefix(f"{_PREFIX}/")
    return _document(group_version) if group_version in openapi_group_versions() else None


def openapi_group_versions() -> list[str]:
    """Where the served resources are: ``api/v1``, ``apis/certificates.k8s.io/v1``, …"""
    return sorted({_root(each).lstrip("/") for each in RESOURCES})


def _root(resource: Resource) -> str:
    return f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"


@cache
def _index() -> JsonObject:
    return {
        "paths": {
            each: {"serverRelativeURL": f"{_PREFIX}/{each}?hash={_hash(_document(each))}"}
            for each in openapi_group_versions()
        }
    }


def _hash(document: JsonObject) -> str:
    return hashlib.sha512(encode_json(document)).hexdigest().upper()


@cache
def _document(group_version: str) -> JsonObject:
    served = [each for each in RESOURCES if _root(each) == f"/{group_version}"]
    schemas: dict[str, JsonValue] = {}
    for resource in served:
        _add_schema(type_name_of(resource.api_version, resource.kind), schemas, resource)
        _add_schema(type_name_of(resource.api_version, f"{resource.kind}List"), schemas)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": dict(sorted(item for each in served for item in _paths(each))),
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


# --- paths -------------------------------------------------------------------------------


def _paths(resource: Resource) -> Iterator[tuple[str, JsonValue]]:
    root = _root(resource)
    collection = (
        f"{root}/namespaces/{{namespace}}/{resource.plural}"
        if resource.namespaced
        else f"{root}/{resource.plural}"
    )
    yield (
        collection,
        {
            "get": _operation("list", resource),
            "post": _operation("post", resource, "dryRun", "fieldManager", "fieldValidation"),
            "delete": _operation("deletecollection", resource, "dryRun"),
        },
    )
    for suffix in ("", *(f"/{name}" for name in resource.subresources)):
        yield (
            f"{collection}/{{name}}{suffix}",
            {
                "get": _operation("get", resource),
                "put": _operation("put", resource, "dryRun", "fieldManager", "fieldValidation"),
                "patch": _operation("patch", resource, "dryRun", "fieldManager", "fieldValidation", "force"),
                **({} if suffix else {"delete": _operation("delete", resource, "dryRun")}),
            },
        )


def _operation(action: str, resource: Resource, *parameters: str) -> JsonObject:
    schema: JsonObject = {
        "$ref": f"#/components/schemas/{_public(type_name_of(resource.api_version, resource.kind))}"
    }
    return {
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for name in parameters
        ],
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind_of(resource),
    }


def _kind_of(resource: Resource) -> JsonObject:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


# --- schemas -----------------------------------------------------------------------------


def _public(name: str) -> str:
    """The name by which Kubernetes publishes a type."""
    home = {
        "meta": "io.k8s.apimachinery.pkg.apis.",
        "resource": "io.k8s.apimachinery.pkg.api.",
        "runtime": "io.k8s.apimachinery.pkg.",
    }
    return home.get(name.partition(".")[0], "io.k8s.api.") + name


def _add_schema(name: str, schemas: dict[str, JsonValue], resource: Resource | None = None) -> None:
    """Describe a type and all that it is made of."""
    described = message_type(name)
    if described is None or _public(name) in schemas:
        return
    if name in _SPECIAL:
        schemas[_public(name)] = _SPECIAL[name]
        return
    properties: dict[str, JsonValue] = {}
    schema: JsonObject = {"type": "object", "properties": properties}
    schemas[_public(name)] = schema
    if resource is not None:
        schema["description"] = _KINDS[resource.kind]
        schema["x-kubernetes-group-version-kind"] = [_kind_of(resource)]
        properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    for field_name, field in described.fields.items():
        properties[field_name] = _property(described, field)
        if not field.is_scalar:
            _add_schema(field.type, schemas)


def _property(owner: MessageType, field: Field) -> JsonObject:
    one: JsonObject = (
        {**_SCALARS[field.type]}
        if field.is_scalar
        else {"$ref": f"#/components/schemas/{_public(field.type)}"}
    )
    if field.shape is Shape.MAP:
        return {"type": "object", "additionalProperties": one}
    if field.shape is Shape.LIST:
        merged = _MERGE_KEYS.get(f"{owner.name}.{field.name}")
        strategy: JsonObject = (
            {"x-kubernetes-patch-merge-key": merged, "x-kubernetes-patch-strategy": "merge"} if merged else {}
        )
        return {"type": "array", "items": one, **strategy}
    return one if field.is_scalar else {"allOf": [one]}
