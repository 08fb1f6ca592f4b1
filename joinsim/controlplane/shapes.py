"""What an object, or a list of them, is turned into for a client that asks for less, or for rows."""

from __future__ import annotations

from datetime import datetime

from joinsim.api.objects import JsonObject, Resource, items, mapping, text
from joinsim.controlplane.negotiation import Form
from joinsim.controlplane.request_info import RequestInfo
from joinsim.controlplane.tables import partial_object, table_of

__all__ = ["shape"]


def shape(answer: JsonObject, form: Form, resource: Resource, info: RequestInfo, now: datetime) -> JsonObject:
    """An object or list of a resource in the form that was negotiated; a Status stays what it is."""
    kind = text(answer, "kind")
    if not form.shape or kind == "Status":
        return answer
    if kind != f"{resource.kind}List":
        if form.shape != "Table":
            return partial_object(answer)
        version = {"resourceVersion": text(answer, "metadata", "resourceVersion")}
        # A bookmark is a version and no object.
        rows = [answer] if text(answer, "metadata", "name") else []
        return table_of(resource, rows, {**version}, now, info.query.get("includeObject", ""))
    named = {"kind": resource.kind, "apiVersion": resource.api_version}
    found = [{**named, **mapping(each)} for each in items(answer, "items")]
    if form.shape == "Table":
        return table_of(
            resource, found, mapping(answer, "metadata"), now, info.query.get("includeObject", "")
        )
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": mapping(answer, "metadata"),
        "items": [{"metadata": mapping(each, "metadata")} for each in found],
    }
