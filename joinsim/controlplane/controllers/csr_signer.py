"""csrsigning: turns approved certificate requests into certificates.

A request whose shape its signer does not accept gets a Failed condition and is never
tried again; so approval is not enough.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import trio

from joinsim.api.csr import request_bytes
from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    JsonObject,
    items,
    mapping,
    name_of,
    strings,
    text,
)
from joinsim.controlplane.controllers.controller import Informer
from joinsim.controlplane.controllers.csr_shapes import SIGNERS, shape_problem
from joinsim.controlplane.controllers.work_queue import WorkQueue
from joinsim.controlplane.loopback import Loopback
from joinsim.errors import ApiError
from joinsim.pki import CertificateAuthority, CertificateRequest, RequestError, Validity, to_pem, validity
from joinsim.world import Clock, Stream

__all__ = ["CsrSigner", "signed_validity"]

CLUSTER_SIGNING_DURATION = timedelta(hours=8760)
BACKDATE = timedelta(minutes=5)
SHORT = timedelta(hours=8)
DURATION_MIN = timedelta(minutes=10)


def signed_validity(now: datetime, expiration_seconds: int | None) -> Validity:
    """When a certificate signed now begins and ends.

    It begins five minutes ago. One of eight hours or more ends five minutes early, so that
    its length is what was asked; a shorter one does not.
    """
    duration = CLUSTER_SIGNING_DURATION
    if expiration_seconds is not None:
        duration = min(max(timedelta(seconds=expiration_seconds), DURATION_MIN), duration)
    now = now.replace(microsecond=0)
    end = now + duration if duration < SHORT else now + duration - BACKDATE
    return Validity(now - BACKDATE, end)


class CsrSigner:
    """Signs for the four signers of ``kubernetes.io``."""

    def __init__(
        self,
        client: Loopback,
        csrs: Informer,
        authority: CertificateAuthority,
        clock: Clock,
        stream: Stream,
    ) -> None:
        self._client = client
        self._csrs = csrs
        self._authority = authority
        self._clock = clock
        self._stream = stream

    async def run(self) -> None:
        """Sign until cancelled."""
        async with trio.open_nursery() as nursery:
            queue: WorkQueue[str] = WorkQueue(nursery)

            def changed(csr: JsonObject, gone: bool) -> None:
                if not gone and _is_ours(csr):
                    queue.add(name_of(csr))

            self._csrs.subscribe(changed)
            while True:
                name = await queue.get()
                csr = self._csrs.objects.get(name)
                try:
                    if csr is not None and _is_ours(csr):
                        await self._settle(csr)
                    queue.forget(name)
                except (ApiError, RequestError, _SignerExpired):
                    queue.retry(name)
                queue.done(name)

    async def _settle(self, csr: JsonObject) -> None:
        request = CertificateRequest.parse(request_bytes(csr))
        usages = strings(csr, "spec", "usages")
        problem = shape_problem(text(csr, "spec", "signerName"), request, usages)
        status = mapping(csr, "status")
        if problem:
            failed: JsonObject = {
                "type": "Failed",
                "status": "True",
                "reason": "SignerValidationFailure",
                "message": problem,
            }
            after: JsonObject = {**status, "conditions": [*items(status, "conditions"), failed]}
        else:
            after = {**status, "certificate": self._sign(csr, request, usages)}
        path = CERTIFICATE_SIGNING_REQUESTS.path(name_of(csr), subresource="status")
        await self._client.update(path, {**csr, "status": after})

    def _sign(self, csr: JsonObject, request: CertificateRequest, usages: list[str]) -> str:
        now = self._clock.now()
        seconds = mapping(csr, "spec").get("expirationSeconds")
        period = signed_validity(now, seconds if isinstance(seconds, int) else None)
        if now >= validity(self._authority.certificate)[1]:
            raise _SignerExpired
        serial = int.from_bytes(self._stream.bytes(16), "big") or 1
        certificate = self._authority.sign_request(request, usages, period, serial)
        return base64.b64encode(to_pem([certificate])).decode()


class _SignerExpired(Exception):
    """The CA's own time is up; the request waits."""


def _is_ours(csr: JsonObject) -> bool:
    """Whether a CSR waits for a certificate from one of our signers."""
    states = {text(item, "type"): text(item, "status") for item in items(csr, "status", "conditions")}
    return (
        text(csr, "spec", "signerName") in SIGNERS
        and states.get("Approved") == "True"
        and "Denied" not in states
        and states.get("Failed") != "True"
        and not text(csr, "status", "certificate")
    )
