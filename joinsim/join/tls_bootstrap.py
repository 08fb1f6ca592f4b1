"""TLS bootstrap: how a kubelet comes by a certificate of its own.

A state machine without I/O, the kubelet's certificate manager. Its rules:

    1. Post a request with a new key; the first attempt at once.
    2. Wait for the answer, fifteen minutes at most. It is there when the request carries
       an Approved condition *and* a certificate; the condition's own status is not read.
    3. Denied, failed, deleted, replaced by another request of the same name, or waited
       for in vain: the attempt has failed, and the next one makes a new key and a new
       request. A denial stops nobody.
    4. Attempts are 2, 4, 8 and 16 s apart (up to a tenth more), then 32 s apart for ever.
    5. The certificate must parse and belong to the key. Nothing else is checked: not its
       subject, not its usages, not its issuer, not its dates.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from joinsim.api import JsonObject
from joinsim.api.objects import items, name_of, text
from joinsim.gofmt import quote
from joinsim.pki import CertificateError, KeyPair, build_request, parse_bundle

__all__ = ["AwaitCertificate", "Install", "Submit", "TlsBootstrap"]

SIGNER_NAME = "kubernetes.io/kube-apiserver-client-kubelet"
WAIT_SECONDS = 900.0
BACKOFF_SECONDS = (2.0, 4.0, 8.0, 16.0)
JITTER = 0.1
STEADY_SECONDS = 32.0
_WATCHING = "cannot watch on the certificate signing request: "


@dataclass(frozen=True)
class Submit:
    """Post this request, not before ``at``."""

    at: float
    request: JsonObject


@dataclass(frozen=True)
class AwaitCertificate:
    """Follow the request of this name until ``deadline``."""

    name: str
    deadline: float


@dataclass(frozen=True)
class Install:
    """The certificate is there, with the key that it belongs to."""

    key: KeyPair
    chain: tuple[x509.Certificate, ...]
    pem: bytes


class TlsBootstrap:
    """One kubelet's way to a client certificate.

    ``new_key`` makes a key pair for each attempt; ``jitter`` gives a number from 0 to 1.
    After each call that answers :class:`Submit` for a failed attempt, ``problem`` says why
    it failed, in the kubelet's words.
    """

    def __init__(self, node_name: str, new_key: Callable[[], KeyPair], jitter: Callable[[], float]) -> None:
        self._node_name = node_name
        self._new_key = new_key
        self._jitter = jitter
        self._failures = 0
        self._key: KeyPair | None = None
        self._name = ""
        self._uid = ""
        self.problem = ""

    @property
    def key(self) -> KeyPair:
        """The key of the attempt under way."""
        assert self._key is not None
        return self._key

    def begin(self, now: float) -> Submit:
        """Start: the first request."""
        return self._submit(now)

    def _submit(self, at: float) -> Submit:
        self._key = self._new_key()
        pem = build_request(self._key, f"system:node:{self._node_name}", ["system:nodes"])
        usages = ["digital signature", "client auth"]
        return Submit(
            at,
            {
                "kind": "CertificateSigningRequest",
                "apiVersion": "certificates.k8s.io/v1",
                "metadata": {"generateName": "csr-"},
                "spec": {
                    "request": base64.b64encode(pem).decode(),
                    "signerName": SIGNER_NAME,
                    "usages": [*usages],
                },
            },
        )

    def _fail(self, problem: str, now: float) -> Submit:
        self.problem = problem
        if self._failures < len(BACKOFF_SECONDS):
            pause = BACKOFF_SECONDS[self._failures] * (1 + JITTER * self._jitter())
        else:
            pause = STEADY_SECONDS
        self._failures += 1
        return self._submit(now + pause)

    # --- what happened ------------------------------------------------------------------

    def rejected(self, problem: str, now: float) -> Submit:
        """The POST brought an error."""
        return self._fail(f"cannot create certificate signing request: {problem}", now)

    def submitted(self, created: JsonObject, now: float) -> AwaitCertificate:
        """The POST was answered with the stored request."""
        self._name, self._uid = name_of(created), text(created, "metadata", "uid")
        return AwaitCertificate(self._name, now + WAIT_SECONDS)

    def observed(self, found: JsonObject, now: float) -> Submit | Install | None:
        """The request was seen; None while there is nothing to do but wait on."""
        if text(found, "metadata", "uid") != self._uid:
            return self._fail(f"{_WATCHING}csr {quote(self._name)} changed UIDs", now)
        conditions = {text(item, "type"): item for item in items(found, "status", "conditions")}
        for kind, said in (("Denied", "request is denied"), ("Failed", "request failed")):
            if kind in conditions:
                reason, message = text(conditions[kind], "reason"), text(conditions[kind], "message")
                problem = f"certificate signing {said}, reason: {reason}, message: {message}"
                return self._fail(_WATCHING + problem, now)
        certificate = text(found, "status", "certificate")
        if "Approved" not in conditions or not certificate:
            return None
        return self._install(certificate, now)

    def deleted(self, now: float) -> Submit:
        """The request is gone."""
        return self._fail(f"{_WATCHING}csr {quote(self._name)} was deleted", now)

    def timed_out(self, now: float) -> Submit:
        """The deadline of the wait has come."""
        return self._fail(f"{_WATCHING}timed out waiting for the condition", now)

    def _install(self, certificate: str, now: float) -> Submit | Install:
        try:
            pem = base64.b64decode(certificate, validate=True)
            chain = parse_bundle(pem)
        except (binascii.Error, CertificateError):
            return self._fail("tls: failed to find any PEM data in certificate input", now)
        if not self.key.matches(chain[0].public_key()):
            return self._fail("tls: private key does not match public key", now)
        self._failures = 0
        return Install(self.key, chain, pem)
