"""What a CertificateSigningRequest object says about itself."""

from __future__ import annotations

import base64

from joinsim.api.objects import JsonObject, items, text

__all__ = ["csr_state", "request_bytes"]


def request_bytes(csr: JsonObject) -> bytes:
    """``spec.request`` decoded; empty where it is not there or no base64."""
    encoded = text(csr, "spec", "request").replace("\n", "").replace("\r", "")
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        return b""


def csr_state(csr: JsonObject) -> str:
    """``pending``, ``approved``, ``denied`` or ``issued``: what ``kubectl get csr`` sums it up as."""
    types = {text(item, "type") for item in items(csr, "status", "conditions")}
    if "Denied" in types:
        return "denied"
    if text(csr, "status", "certificate"):
        return "issued"
    return "approved" if "Approved" in types else "pending"
