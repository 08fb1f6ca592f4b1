"""May they: the Node authorizer, then RBAC, as ``--authorization-mode=Node,RBAC`` has it.

The first that allows decides. Where none does, the reason that is told is the Node
authorizer's, if it had one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from joinsim.api.objects import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    JsonValue,
    Resource,
    items,
    name_of,
    namespace_of,
    strings,
    text,
)
from joinsim.controlplane.policy import NODE_RULES
from joinsim.controlplane.request_info import RequestInfo
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User
from joinsim.gofmt import quote

__all__ = ["Attributes", "Authorizer", "Decision"]

_BINDINGS = (CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS)
LEASE_NAMESPACE = "kube-node-lease"


@dataclass(frozen=True)
class Attributes:
    """What is to be authorized: a verb on a resource, or on a path where there is none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: str = ""

    @classmethod
    def of(cls, info: RequestInfo) -> Attributes:
        """The attributes of a request."""
        if not info.is_resource:
            return cls(info.verb, path=info.path)
        return cls(
            info.verb,
            info.group,
            info.resource,
            info.subresource,
            info.namespace,
            info.name,
            field_selector=info.query.get("fieldSelector", ""),
        )

    @property
    def full_resource(self) -> str:
        """The resource with its subresource, as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class Decision:
    """Allowed or not, and perhaps why."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """The chain of authorizers of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bound: _Bound = {}
        self._bound_version = -1

    def authorize(self, user: User, attributes: Attributes) -> Decision:
        """Decide; the reason of a refusal may be empty."""
        if "system:masters" in user.groups:
            return Decision(allowed=True)
        by_node = _authorize_node(user, attributes)
        if by_node.allowed:
            return by_node
        by_roles = self._authorize_roles(user, attributes)
        return by_roles if by_roles.allowed or not by_node.reason else by_node

    # --- RBAC --------------------------------------------------------------------------

    def _authorize_roles(self, user: User, attributes: Attributes) -> Decision:
        problems: list[str] = []
        for references in self._references(user, attributes.namespace):
            for reference in references:
                role = self._store.get(reference.resource, reference.name, reference.namespace)
                if role is None:
                    problems.append(f"{reference.shown} {quote(reference.name)} not found")
                elif any(_allows(rule, attributes) for rule in items(role, "rules")):
                    return Decision(allowed=True, reason=reference.granted)
        return Decision(allowed=False, reason=f"RBAC: {_aggregate(problems)}" if problems else "")

    def _references(self, user: User, namespace: str) -> Iterator[Sequence[_Reference]]:
        """The roles that a user has cluster-wide, then those in the namespace."""
        version = max(map(self._store.changed_at, _BINDINGS))
        if version != self._bound_version:
            self._bound = _read_bindings(self._store)
            self._bound_version = version
        subjects = [("User", user.name), *(("Group", group) for group in user.groups)]
        for home in ("", namespace) if namespace else ("",):
            for subject in subjects:
                yield self._bound.get((home, *subject), ())


@dataclass(frozen=True)
class _Reference:
    """A role that a binding names, whether or not there is such a role; ``granted`` says who has it by what."""

    resource: Resource
    namespace: str
    name: str
    granted: str

    @property
    def shown(self) -> str:
        return f"{self.resource.kind.lower()}.{self.resource.group}"


_Bound: TypeAlias = dict[tuple[str, str, str], list[_Reference]]
"""Roles by who has them: (namespace of the binding, kind of subject, its name)."""


def _aggregate(problems: list[str]) -> str:
    distinct = list(dict.fromkeys(problems))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


def _read_bindings(store: Store) -> _Bound:
    bound: _Bound = {}
    for resource in _BINDINGS:
        for binding in store.all(resource):
            home = namespace_of(binding)
            name = text(binding, "roleRef", "name")
            kind = text(binding, "roleRef", "kind")
            role = (ROLES, home, name) if kind == "Role" else (CLUSTER_ROLES, "", name)
            shown = f"{name_of(binding)}/{home}" if home else name_of(binding)
            granted = f"RBAC: allowed by {resource.kind} {quote(shown)} of {kind} {quote(name)} to"
            for subject in items(binding, "subjects"):
                reference = _Reference(*role, f"{granted} {_describe(subject, home)}")
                bound.setdefault((home, *_subject(subject, home)), []).append(reference)
    return bound


def _describe(subject: JsonValue, home: str) -> str:
    kind, name = text(subject, "kind"), text(subject, "name")
    if kind == "ServiceAccount":
        name = f"{name}/{text(subject, 'namespace') or home}"
    return f"{kind} {quote(name)}"


def _subject(subject: JsonValue, home: str) -> tuple[str, str]:
    kind, name = text(subject, "kind"), text(subject, "name")
    if kind == "ServiceAccount":
        return "User", f"system:serviceaccount:{text(subject, 'namespace') or home}:{name}"
    return kind, name


def _allows(rule: JsonValue, attributes: Attributes) -> bool:
    """Whether a policy rule covers what is to be authorized."""
    if not _has(attributes.verb, items(rule, "verbs")):
        return False
    if attributes.path:
        return any(_path_matches(url, attributes.path) for url in strings(rule, "nonResourceURLs"))
    resources = items(rule, "resources")
    names = items(rule, "resourceNames")
    return (
        _has(attributes.group, items(rule, "apiGroups"))
        and (
            _has(attributes.full_resource, resources)
            or (bool(attributes.subresource) and f"*/{attributes.subresource}" in resources)
        )
        and (not names or attributes.name in names)
    )


def _has(wanted: str, offered: list[JsonValue]) -> bool:
    return wanted in offered or "*" in offered


def _path_matches(url: str, path: str) -> bool:
    return url == path or (url.endswith("*") and path.startswith(url.rstrip("*")))


# --- the Node authorizer -------------------------------------------------------------------


def _authorize_node(user: User, attributes: Attributes) -> Decision:
    node = user.node_name
    if not node:
        return Decision(allowed=False)
    special = _NODE_CHECKS.get((attributes.group, attributes.resource))
    if special is not None:
        decision = special(node, attributes)
        if decision is not None:
            return decision
    return Decision(allowed=any(_allows(rule, attributes) for rule in NODE_RULES))


def _refuse(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)


def _nodes(node: str, attributes: Attributes) -> Decision | None:
    if attributes.verb not in ("get", "list", "watch") or attributes.subresource:
        return None
    if attributes.name == node:
        return Decision(allowed=True)
    if attributes.name:
        return _refuse(f"node '{node}' cannot read '{attributes.name}', only its own Node object")
    return _refuse(f"node '{node}' cannot read all nodes, only its own Node object")


def _related_objects(node: str, attributes: Attributes) -> Decision:
    if attributes.verb not in ("get", "list", "watch"):
        return _refuse("can only read resources of this type")
    if attributes.subresource:
        return _refuse("cannot read subresource")
    if not attributes.namespace:
        return _refuse("can only read namespaced object of this type")
    if not attributes.name:
        return _refuse("No Object name found")
    # Divergence: there are no pods, so the Node authorizer finds no object related to a node.
    return _refuse(f"no relationship found between node '{node}' and this object")


def _leases(node: str, attributes: Attributes) -> Decision:
    if attributes.verb not in ("get", "create", "update", "patch", "delete"):
        return _refuse("can only get, create, update, patch, or delete a node lease")
    if attributes.namespace != LEASE_NAMESPACE:
        return _refuse(f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
    if attributes.verb != "create" and attributes.name != node:
        return _refuse("can only access node lease with the same name as the requesting node")
    return Decision(allowed=True)


def _csi_nodes(node: str, attributes: Attributes) -> Decision:
    if attributes.verb not in ("get", "create", "update", "patch", "delete"):
        return _refuse("can only get, create, update, patch, or delete a CSINode")
    if attributes.subresource:
        return _refuse("cannot authorize CSINode subresources")
    if attributes.verb != "create" and attributes.name != node:
        return _refuse("can only access CSINode with the same name as the requesting node")
    return Decision(allowed=True)


def _pods(node: str, attributes: Attributes) -> Decision | None:
    if attributes.verb not in ("get", "list", "watch") or attributes.subresource:
        return None
    if attributes.verb == "get" or attributes.name:
        return _refuse(f"no relationship found between node '{node}' and this object")
    if attributes.field_selector in (f"spec.nodeName={node}", f"spec.nodeName=={node}"):
        return Decision(allowed=True)
    return _refuse("can only list/watch pods with spec.nodeName field selector")


def _service_account_tokens(node: str, attributes: Attributes) -> Decision | None:
    if attributes.verb == "get" and not attributes.subresource:
        return None
    if attributes.verb != "create" or not attributes.name:
        return _refuse("can only create tokens for individual service accounts")
    if attributes.subresource != "token":
        return _refuse("can only create token subresource of serviceaccount")
    return _refuse(f"no relationship found between node '{node}' and this object")


_NODE_CHECKS: Mapping[tuple[str, str], Callable[[str, Attributes], Decision | None]] = {
    ("", "nodes"): _nodes,
    ("", "secrets"): _related_objects,
    ("", "configmaps"): _related_objects,
    ("", "pods"): _pods,
    ("", "serviceaccounts"): _service_account_tokens,
    ("coordination.k8s.io", "leases"): _leases,
    ("storage.k8s.io", "csinodes"): _csi_nodes,
}
"""Resources on which a node is bound more narrowly than its role says; None falls back on the role."""
