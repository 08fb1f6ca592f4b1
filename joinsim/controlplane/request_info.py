"""What a request is about, as the API server reads it off method, path and query.

Authorization, routing and admission all work on this reading, never on the URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from joinsim.wire import Request

__all__ = ["RequestInfo", "read_request_info"]

_VERBS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True)
class RequestInfo:
    """A request to a resource, or (``resource`` empty) to a path that is none.

    ``verb`` is the API verb for resources and the HTTP method in lower case otherwise.
    """

    verb: str
    path: str
    query: Mapping[str, str]
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def is_resource(self) -> bool:
        """Whether this is about a resource."""
        return bool(self.resource)

    @property
    def full_resource(self) -> str:
        """The resource with its subresource: ``nodes/status``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is on."""
        return _is_on(self.query, name)


def read_request_info(request: Request) -> RequestInfo:
    """Read a request as the API server does, list and watch told from get by what is missing."""
    parts = [part for part in request.path.split("/") if part]
    plain = RequestInfo(request.method.lower(), request.path, request.query)
    prefix = {"api": 1, "apis": 2}.get(parts[0]) if parts else None
    if prefix is None or len(parts) < prefix + 2:
        return plain
    group = parts[1] if prefix == 2 else ""
    version, rest = parts[prefix], parts[prefix + 1 :]
    verb = _VERBS.get(request.method, "")
    if rest[0] == "watch" and len(rest) > 1:
        verb, rest = "watch", rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "", "")[:3]
    named_by_selector = ""
    if not name:
        if verb == "get":
            verb = "watch" if _is_on(request.query, "watch") else "list"
        elif verb == "delete":
            verb = "deletecollection"
    if verb in ("list", "watch") and not name:
        named_by_selector = _selected_name(request.query.get("fieldSelector", ""))
    return RequestInfo(
        verb,
        request.path,
        request.query,
        group,
        version,
        resource,
        subresource,
        namespace,
        name or named_by_selector,
    )


def _is_on(query: Mapping[str, str], name: str) -> bool:
    """Any value turns a parameter on, an empty one too, but for ``0`` and ``false``."""
    return name in query and query[name].lower() not in ("0", "false")


def _selected_name(selector: str) -> str:
    for term in selector.split(","):
        field, _, value = term.replace("==", "=").partition("=")
        if field == "metadata.name" and not field.endswith("!"):
            return value
    return ""
