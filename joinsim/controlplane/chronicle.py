"""Tells a run's journal what the control plane stored: requests, credentials, nodes.

Verdicts are read off these events, so each is taken from what was written, at the place
where it was written.
"""

from __future__ import annotations

import base64
from typing import ClassVar

from joinsim.api.csr import request_bytes
from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    NODES,
    JsonObject,
    Resource,
    items,
    name_of,
    text,
)
from joinsim.controlplane.resources.csr_validation import types_of
from joinsim.controlplane.users import User
from joinsim.events import (
    CsrApproved,
    CsrCreated,
    CsrDenied,
    CsrFailed,
    CsrIssued,
    Event,
    NodeRegistered,
)
from joinsim.gofmt import rfc3339
from joinsim.journal import Journal
from joinsim.pki import (
    CertificateRequest,
    PublicKeyPin,
    common_name,
    organizations,
    parse_bundle,
    public_key_of,
    validity,
)

__all__ = ["Chronicle"]


class Chronicle:
    """One cluster's events, under its name and into one journal."""

    _DECISIONS: ClassVar = {"Approved": CsrApproved, "Denied": CsrDenied}

    def __init__(self, journal: Journal, cluster: str, actor: str) -> None:
        self._journal = journal
        self._cluster = cluster
        self._actor = actor

    def record(self, event: Event) -> None:
        """Append an event."""
        self._journal.append(self._actor, event)

    def wrote(self, user: User, resource: Resource, new: JsonObject, old: JsonObject | None) -> None:
        """Append what a write amounts to, if it is of interest."""
        if resource == NODES and old is None:
            self.record(NodeRegistered(self._cluster, name_of(new), user.name))
        if resource == CERTIFICATE_SIGNING_REQUESTS:
            if old is None:
                self._csr_created(new)
            else:
                self._csr_changed(user, new, old)

    def _csr_created(self, csr: JsonObject) -> None:
        request = CertificateRequest.parse(request_bytes(csr))
        self.record(
            CsrCreated(
                cluster=self._cluster,
                csr=name_of(csr),
                signer=text(csr, "spec", "signerName"),
                requestor=text(csr, "spec", "username"),
                common_name=request.common_name,
                organizations=request.organizations,
                public_key=str(PublicKeyPin.of(public_key_of(request.parsed))),
            )
        )

    def _csr_changed(self, user: User, new: JsonObject, old: JsonObject) -> None:
        name = name_of(new)
        added = [
            item for item in items(new, "status", "conditions") if text(item, "type") not in types_of(old)
        ]
        for condition in added:
            kind, reason = text(condition, "type"), text(condition, "reason")
            if kind == "Failed":
                self.record(CsrFailed(self._cluster, name, reason, text(condition, "message")))
            elif kind in self._DECISIONS:
                self.record(self._DECISIONS[kind](self._cluster, name, user.name, reason))
        issued = text(new, "status", "certificate")
        if issued and not text(old, "status", "certificate"):
            certificate = parse_bundle(base64.b64decode(issued))[0]
            self.record(
                CsrIssued(
                    cluster=self._cluster,
                    csr=name,
                    common_name=common_name(certificate.subject),
                    organizations=organizations(certificate.subject),
                    public_key=str(PublicKeyPin.of(certificate)),
                    not_after=rfc3339(validity(certificate)[1]),
                )
            )
