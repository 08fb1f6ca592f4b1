"""Nodes and their Leases."""

from __future__ import annotations

from collections.abc import Sequence

from joinsim.api.objects import JsonObject, boolean, copy, items, mapping, text
from joinsim.api.status import Cause, FieldProblem
from joinsim.controlplane.resources.strategy import Context, Strategy

__all__ = ["LeaseStrategy", "NodeStrategy"]

NOT_READY_TAINT = "node.kubernetes.io/not-ready"
_NO_ENDPOINTS: JsonObject = {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}}
_NO_INFO: JsonObject = dict.fromkeys(
    (
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
    ),
    "",
)


class NodeStrategy(Strategy):
    """A new Node is tainted as not ready; the status changes only through its subresource."""

    selectable = {"spec.unschedulable": lambda node: str(boolean(node, "spec", "unschedulable")).lower()}

    def prepare_create(self, new: JsonObject, context: Context) -> JsonObject:
        new = copy(new)
        spec = mapping(new, "spec")
        taints = items(spec, "taints")
        # The admission plugin TaintNodesByCondition.
        if not any(text(taint, "key") == NOT_READY_TAINT for taint in taints):
            taints = [*taints, {"key": NOT_READY_TAINT, "effect": "NoSchedule"}]
        status = mapping(new, "status")
        status["nodeInfo"] = {**_NO_INFO, **mapping(status, "nodeInfo")}
        return {**new, "spec": {**spec, "taints": taints}, "status": {**_NO_ENDPOINTS, **status}}

    def prepare_update(
        self, new: JsonObject, old: JsonObject, subresource: str, context: Context
    ) -> JsonObject:
        if subresource == "status":
            return {**old, "metadata": new["metadata"], "status": mapping(new, "status")}
        return {**new, "status": mapping(old, "status")}


class LeaseStrategy(Strategy):
    """An update names the version that it changes."""

    unconditional_update = False

    def validate_create(self, new: JsonObject) -> Sequence[FieldProblem]:
        return _lease_problems(new)

    def validate_update(self, new: JsonObject, old: JsonObject, subresource: str) -> Sequence[FieldProblem]:
        return _lease_problems(new)


def _lease_problems(new: JsonObject) -> list[FieldProblem]:
    problems = []
    for field in ("leaseDurationSeconds", "leaseTransitions"):
        value = mapping(new, "spec").get(field)
        if isinstance(value, int) and (value < 0 or (value == 0 and field == "leaseDurationSeconds")):
            least = "greater than 0" if field == "leaseDurationSeconds" else "greater than or equal to 0"
            message = f"Invalid value: {value}: must be {least}"
            problems.append(FieldProblem(f"spec.{field}", Cause.INVALID, message))
    return problems
