"""Kubernetes values: objects, Status errors, bootstrap tokens, signatures, kubeconfigs."""

from joinsim.api.bootstrap_token import BootstrapToken, TokenError, TokenRecord
from joinsim.api.jws import compute_detached_signature, is_valid_signature
from joinsim.api.kubeconfig import Cluster, Context, Kubeconfig, KubeconfigError, User
from joinsim.api.objects import RESOURCES, JsonObject, JsonValue, Resource

__all__ = [
    "RESOURCES",
    "BootstrapToken",
    "Cluster",
    "Context",
    "JsonObject",
    "JsonValue",
    "Kubeconfig",
    "KubeconfigError",
    "Resource",
    "TokenError",
    "TokenRecord",
    "User",
    "compute_detached_signature",
    "is_valid_signature",
]
