"""Which resource goes by whose rules."""

from __future__ import annotations

from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    CONFIG_MAPS,
    LEASES,
    NAMESPACES,
    NODES,
    RESOURCES,
    SECRETS,
    Resource,
)
from joinsim.controlplane.resources.certificate_signing_requests import CsrStrategy
from joinsim.controlplane.resources.configuration import ConfigMapStrategy, SecretStrategy
from joinsim.controlplane.resources.nodes import LeaseStrategy, NodeStrategy
from joinsim.controlplane.resources.rbac import NamespaceStrategy, RbacStrategy
from joinsim.controlplane.resources.strategy import Strategy

__all__ = ["STRATEGIES"]

_SPECIAL: dict[Resource, type[Strategy]] = {
    CERTIFICATE_SIGNING_REQUESTS: CsrStrategy,
    CONFIG_MAPS: ConfigMapStrategy,
    LEASES: LeaseStrategy,
    NAMESPACES: NamespaceStrategy,
    NODES: NodeStrategy,
    SECRETS: SecretStrategy,
}

STRATEGIES: dict[Resource, Strategy] = {
    resource: _SPECIAL.get(resource, RbacStrategy)(resource) for resource in RESOURCES
}
