import re

import pytest

from joinsim.api.objects import RESOURCES
from joinsim.controlplane.openapi import openapi_document


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def documents():
    for entry in openapi_document("/openapi/v3")["paths"].values():
        yield openapi_document(entry["serverRelativeURL"].partition("?")[0])


def test_the_index_names_every_group_that_is_served_and_hashes_it():
    paths = openapi_document("/openapi/v3")["paths"]
    assert set(paths) == {
        "api/v1",
        "apis/certificates.k8s.io/v1",
        "apis/coordination.k8s.io/v1",
        "apis/rbac.authorization.k8s.io/v1",
    }
    for name, entry in paths.items():
        assert re.fullmatch(
            rf"/openapi/v3/{re.escape(name)}\?hash=[0-9A-F]{{128}}", entry["serverRelativeURL"]
        )


def test_every_reference_leads_somewhere():
    for document in documents():
        known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert set(references(document)) <= known


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
def test_every_kind_can_be_found_validated_and_explained(resource):
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    [document] = [
        each
        for each in documents()
        if any(
            kind in schema.get("x-kubernetes-group-version-kind", []) and schema["description"]
            for schema in each["components"]["schemas"].values()
        )
    ]
    namespace = "{namespace}" if resource.namespaced else ""
    item = document["paths"][resource.path("{name}", namespace)]
    parameters = {each["name"] for each in item["patch"]["parameters"]}
    assert {"dryRun", "fieldValidation"} <= parameters
    assert item["get"]["x-kubernetes-group-version-kind"] == kind


@pytest.mark.parametrize(
    "path", ["/openapi/v3/api/v2", "/openapi/v3/apis/apps/v1", "/openapi/v2", "/openapi"]
)
def test_what_is_not_served_has_no_document(path):
    assert openapi_document(path) is None
