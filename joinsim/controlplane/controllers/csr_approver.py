"""csrapproving: approves the certificate requests of kubelets that may have one.

It recognises two kinds by their shape, a node's renewal of its own certificate and a
first certificate, and asks the API server whether the requestor may have that kind. It
never denies. A request that it recognises and may not approve is looked at again, 0.2,
0.4, 0.8 … seconds later, so that a permission granted late still counts.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from joinsim.controlplane.controllers.csr_shapes import KUBELET_CLIENT_SIGNER, shape_problem
from joinsim.controlplane.controllers.work_queue import WorkQueue
from joinsim.controlplane.loopback import Loopback
from joinsim.controlplane.resources.certificate_signing_requests import is_decided
from joinsim.controlplane.reviews import SUBJECT_ACCESS
from joinsim.errors import ApiError
from joinsim.pki import CertificateRequest, RequestError

__all__ = ["CsrApprover", "recognised"]


@dataclass(frozen=True)
class Recogniser:
    """A kind of request: the permission that its requestor needs, and what the approval says."""

    permission: str
    message: str
    own: bool


RECOGNISERS = (
    Recogniser(
        "selfnodeclient",
        "Auto approving self kubelet client certificate after SubjectAccessReview.",
        own=True,
    ),
    Recogniser(
        "nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.", own=False
    ),
)


def recognised(csr: JsonObject) -> list[Recogniser]:
    """The kinds of request that a CSR is, by its shape."""
    if text(csr, "spec", "signerName") != KUBELET_CLIENT_SIGNER:
        return []
    request = CertificateRequest.parse(request_bytes(csr))
    if shape_problem(KUBELET_CLIENT_SIGNER, request, strings(csr, "spec", "usages")):
        return []
    own = text(csr, "spec", "username") == request.common_name
    return [kind for kind in RECOGNISERS if own or not kind.own]


class CsrApprover:
    """Approves CSRs, at the price of a SubjectAccessReview and an update each."""

    def __init__(self, client: Loopback, csrs: Informer) -> None:
        self._client = client
        self._csrs = csrs

    async def run(self) -> None:
        """Approve until cancelled."""
        async with trio.open_nursery() as nursery:
            queue: WorkQueue[str] = WorkQueue(nursery)

            def changed(csr: JsonObject, gone: bool) -> None:
                if not gone:
                    queue.add(name_of(csr))

            self._csrs.subscribe(changed)
            while True:
                name = await queue.get()
                csr = self._csrs.objects.get(name)
                try:
                    settled = csr is None or await self._consider(csr)
                except (ApiError, RequestError):
                    settled = False
                if settled:
                    queue.forget(name)
                else:
                    queue.retry(name)
                queue.done(name)

    async def _consider(self, csr: JsonObject) -> bool:
        """Approve a CSR if that may be; whether there is nothing left to do for it."""
        if is_decided(csr) or text(csr, "status", "certificate"):
            return True
        kinds = recognised(csr)
        for kind in kinds:
            if await self._may_have(csr, kind):
                await self._approve(csr, kind)
                return True
        return not kinds

    async def _may_have(self, csr: JsonObject, kind: Recogniser) -> bool:
        spec = mapping(csr, "spec")
        review: JsonObject = {
            "kind": SUBJECT_ACCESS.kind,
            "apiVersion": SUBJECT_ACCESS.api_version,
            "metadata": {},
            "spec": {
                "resourceAttributes": {
                    "group": "certificates.k8s.io",
                    "resource": "certificatesigningrequests",
                    "verb": "create",
                    "subresource": kind.permission,
                    "version": "*",
                },
                "user": text(spec, "username"),
                "groups": items(spec, "groups"),
                "uid": text(spec, "uid"),
                "extra": mapping(spec, "extra"),
            },
        }
        answer = await self._client.create(SUBJECT_ACCESS.path(), review)
        return mapping(answer, "status").get("allowed") is True

    async def _approve(self, csr: JsonObject, kind: Recogniser) -> None:
        condition: JsonObject = {
            "type": "Approved",
            "status": "True",
            "reason": "AutoApproved",
            "message": kind.message,
        }
        conditions = [*items(csr, "status", "conditions"), condition]
        approved = {**csr, "status": {**mapping(csr, "status"), "conditions": conditions}}
        await self._client.update(
            CERTIFICATE_SIGNING_REQUESTS.path(name_of(csr), subresource="approval"), approved
        )
