"""What a signer asks of a certificate request before it signs it, in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cryptography import x509

from joinsim.gofmt import string_list
from joinsim.pki import CertificateRequest

__all__ = ["KUBELET_CLIENT_SIGNER", "SIGNERS", "shape_problem"]

KUBELET_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING_SIGNER = "kubernetes.io/kubelet-serving"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
NODES_GROUP, NODE_PREFIX = "system:nodes", "system:node:"

_NAME_KINDS: Mapping[type[x509.GeneralName], str] = {
    x509.DNSName: "DNS",
    x509.RFC822Name: "Email",
    x509.IPAddress: "IP",
    x509.UniformResourceIdentifier: "URI",
}


def _kubelet_client(request: CertificateRequest, usages: Sequence[str]) -> str:
    if request.organizations != (NODES_GROUP,):
        return "subject organization is not system:nodes"
    for kind, shown in _NAME_KINDS.items():
        if request.alternative_names(kind):
            return f"{shown} subjectAltNames are not allowed"
    if not request.common_name.startswith(NODE_PREFIX):
        return "subject common name does not begin with system:node:"
    return _usages_problem("client auth", usages)


def _kubelet_serving(request: CertificateRequest, usages: Sequence[str]) -> str:
    if request.organizations != (NODES_GROUP,):
        return "subject organization is not system:nodes"
    if not (request.alternative_names(x509.DNSName) or request.alternative_names(x509.IPAddress)):
        return "DNS or IP subjectAltName is required"
    for kind in (x509.RFC822Name, x509.UniformResourceIdentifier):
        if request.alternative_names(kind):
            return f"{_NAME_KINDS[kind]} subjectAltNames are not allowed"
    if problem := _usages_problem("server auth", usages):
        return problem
    if not request.common_name.startswith(NODE_PREFIX):
        return "subject common name does not begin with system:node:"
    return ""


def _usages_problem(purpose: str, usages: Sequence[str]) -> str:
    needed = {purpose, "digital signature"}
    allowed = needed | {"key encipherment"}
    return "" if set(usages) in (needed, allowed) else f"usages did not match {string_list(sorted(allowed))}"


def _client(request: CertificateRequest, usages: Sequence[str]) -> str:
    if "client auth" not in usages:
        return "missing required usage for client certificate: client auth"
    for usage in usages:
        if usage not in ("client auth", "digital signature", "key encipherment"):
            return f"invalid usage for client certificate: {usage}"
    return ""


def _anything(request: CertificateRequest, usages: Sequence[str]) -> str:
    return ""


SIGNERS: Mapping[str, Callable[[CertificateRequest, Sequence[str]], str]] = {
    KUBELET_SERVING_SIGNER: _kubelet_serving,
    KUBELET_CLIENT_SIGNER: _kubelet_client,
    CLIENT_SIGNER: _client,
    LEGACY_SIGNER: _anything,
}
"""The signers of the controller manager, with the check that each makes."""


def shape_problem(signer: str, request: CertificateRequest, usages: Sequence[str]) -> str:
    """Why a signer will not sign a request, or the empty string."""
    return SIGNERS[signer](request, usages)
