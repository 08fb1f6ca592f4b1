"""Roles, bindings and namespaces: objects with few rules of their own."""

from __future__ import annotations

from collections.abc import Sequence

from joinsim.api.objects import JsonObject, mapping, text
from joinsim.api.status import FieldProblem
from joinsim.controlplane.resources.strategy import Context, Strategy
from joinsim.controlplane.validation import dns1123_label_problem, invalid, path_segment_problem, required

__all__ = ["NamespaceStrategy", "RbacStrategy"]


class RbacStrategy(Strategy):
    """Names are path segments (they hold colons); a binding's role never changes."""

    name_problem = staticmethod(path_segment_problem)

    def validate_create(self, new: JsonObject) -> Sequence[FieldProblem]:
        if self.resource.kind.endswith("Binding") and not mapping(new, "roleRef").get("name"):
            return [required("roleRef.name")]
        return ()

    def validate_update(self, new: JsonObject, old: JsonObject, subresource: str) -> Sequence[FieldProblem]:
        if mapping(new, "roleRef") != mapping(old, "roleRef"):
            shown = mapping(new, "roleRef")
            value = (
                f'rbac.RoleRef{{APIGroup:"{shown.get("apiGroup", "")}", '
                f'Kind:"{shown.get("kind", "")}", Name:"{shown.get("name", "")}"}}'
            )
            problem = invalid("roleRef", "", "cannot change roleRef")
            return [FieldProblem("roleRef", problem.cause, f"Invalid value: {value}: cannot change roleRef")]
        return ()


class NamespaceStrategy(Strategy):
    """A new namespace is active and labelled with its own name."""

    name_problem = staticmethod(dns1123_label_problem)
    selectable = {"status.phase": lambda namespace: text(namespace, "status", "phase")}

    def prepare_create(self, new: JsonObject, context: Context) -> JsonObject:
        metadata = mapping(new, "metadata")
        labels = {"kubernetes.io/metadata.name": metadata.get("name", ""), **mapping(metadata, "labels")}
        return {
            **new,
            "metadata": {**metadata, "labels": labels},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
