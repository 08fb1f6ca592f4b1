"""The paths of an API server that are no resources: discovery, OpenAPI, health, version."""

from __future__ import annotations

from dataclasses import dataclass

from joinsim.api import status
from joinsim.api.objects import JsonObject
from joinsim.controlplane.discovery import AGGREGATED, GROUPS, aggregated_document, etag_of, legacy_document
from joinsim.controlplane.encoding import encode, wants_indentation
from joinsim.controlplane.health import health_paths, health_report
from joinsim.controlplane.known import is_known_path
from joinsim.controlplane.negotiation import JSON
from joinsim.controlplane.openapi import openapi_document, openapi_group_versions
from joinsim.wire import Request

__all__ = ["TEXT", "PathAnswer", "answer_path"]

TEXT = "text/plain; charset=utf-8"
OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_EMPTY_OPENAPI_V2 = b"\n\x032.0"
"""A Document of OpenAPI v2, in protobuf: its first field is the version."""


@dataclass(frozen=True)
class PathAnswer:
    """What a path that is no resource answers."""

    body: bytes
    media: str = JSON
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def answer_path(request: Request, version: str) -> PathAnswer:
    """Answer a GET of a path. 501 for what Kubernetes has there and this server has not, 404 for the rest."""
    path = request.path
    excluded = {request.query["exclude"]} if "exclude" in request.query else set()
    report = health_report(path, verbose="verbose" in request.query, excluded=excluded)
    if report is not None:
        return PathAnswer(report.encode(), TEXT)
    if path.rstrip("/") == "/version":
        return PathAnswer(encode(_version_info(version), JSON, indent=True))
    if path == "/":
        return PathAnswer(encode(_index(), JSON, indent=True))
    aggregated = aggregated_document(path)
    if aggregated is not None and _wants_aggregated(request):
        return _aggregated(aggregated, request)
    document = legacy_document(path, request.headers.get("host", "")) or openapi_document(path)
    if document is not None:
        return PathAnswer(encode(document, JSON, indent=wants_indentation(request)))
    if path == "/openapi/v2" and "spec.v2" in request.headers.get("accept", ""):
        # Divergence: OpenAPI v2 describes nothing. A kubectl before 1.29 sends what it applies or creates
        # without checking its fields, and has nothing to explain.
        return PathAnswer(_EMPTY_OPENAPI_V2, OPENAPI_V2)
    if is_known_path(path):
        raise status.not_supported(f"the path {path}")
    return PathAnswer(b"404 page not found\n", TEXT, 404)


def _index() -> JsonObject:
    """The paths that are served, in their order."""
    groups = [f"/apis/{name}" for name in GROUPS]
    openapi = [f"/openapi/v3/{each}" for each in openapi_group_versions()]
    fixed = ["/api", "/api/v1", "/apis", "/apis/", "/openapi/v3", "/openapi/v3/", "/version"]
    paths = [*fixed, *groups, *(f"{group}/v1" for group in groups), *openapi, *health_paths()]
    return {"paths": [*sorted(paths)]}


def _wants_aggregated(request: Request) -> bool:
    """Whether the aggregated form is accepted before any other."""
    first = request.headers.get("accept", "").partition(",")[0]
    wanted = {part.strip() for part in first.split(";")}
    # Divergence: discovery in the older form v2beta1 is passed over for the unaggregated one.
    return {"g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"} <= wanted


def _aggregated(document: JsonObject, request: Request) -> PathAnswer:
    body = encode(document, JSON)
    tag = etag_of(body)
    headers = (("Cache-Control", "public"), ("Etag", tag), ("Vary", "Accept"))
    if request.headers.get("if-none-match") == tag:
        return PathAnswer(b"", AGGREGATED, 304, headers)
    return PathAnswer(body, AGGREGATED, 200, headers)


def _version_info(version: str) -> JsonObject:
    # Divergence: version and form are Kubernetes', the build is named as what it is.
    major, minor, _ = version.removeprefix("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": version,
        "gitCommit": "joinsim",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.26",
        "compiler": "gc",
        "platform": "linux/amd64",
    }
