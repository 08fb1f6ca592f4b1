"""The Node, its status and its Lease, as a kubelet writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from joinsim.api import JsonObject, JsonValue
from joinsim.api.objects import name_of, text
from joinsim.gofmt import rfc3339

__all__ = ["LEASE_NAMESPACE", "lease_object", "node_object", "ready_status"]

LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
_RESOURCES: JsonObject = {
    "cpu": "2",
    "ephemeral-storage": "41943040Ki",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "memory": "4194304Ki",
    "pods": "110",
}
_PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def node_object(
    name: str, address: str, version: str, taints: Sequence[JsonObject], now: datetime
) -> JsonObject:
    """The Node that a kubelet registers; it is not ready yet."""
    spec: JsonObject = {"taints": [*taints]} if taints else {}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            },
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
        "status": {
            "capacity": _RESOURCES,
            "allocatable": _RESOURCES,
            "conditions": _conditions(now, ready=False),
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "kernelVersion": "6.1.0",
                "osImage": "joinsim",
                "containerRuntimeVersion": "containerd://2.0.0",
                "kubeletVersion": version,
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    }


def ready_status(now: datetime) -> JsonObject:
    """The patch of ``/status`` by which a kubelet reports that its node is ready."""
    return {"status": {"conditions": _conditions(now, ready=True)}}


def _conditions(now: datetime, *, ready: bool) -> list[JsonValue]:
    moment = rfc3339(now)
    conditions: list[JsonValue] = [
        {
            "type": kind,
            "status": "False",
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
            "reason": reason,
            "message": message,
        }
        for kind, reason, message in _PRESSURES
    ]
    conditions.append(
        {
            "type": "Ready",
            "status": "True" if ready else "False",
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
            "reason": "KubeletReady" if ready else "KubeletNotReady",
            "message": "kubelet is posting ready status" if ready else "CSINode is not yet initialized",
        }
    )
    return conditions


def lease_object(node: JsonObject, now: datetime) -> JsonObject:
    """The Lease that says a node is alive, owned by its Node."""
    return {
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": {
            "name": name_of(node),
            "namespace": LEASE_NAMESPACE,
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "name": name_of(node),
                    "uid": text(node, "metadata", "uid"),
                }
            ],
        },
        "spec": {
            "holderIdentity": name_of(node),
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
