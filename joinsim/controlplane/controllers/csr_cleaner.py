"""csrcleaner: deletes certificate requests that nobody waits for any more.

It looks at all of them once an hour. One that was decided on goes after an hour, one that
still waits for a decision or a certificate after a day, and one whose certificate has expired
at once.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from datetime import datetime, timedelta

import trio

from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, JsonObject, items, name_of, text
from joinsim.controlplane.controllers.controller import Informer
from joinsim.controlplane.loopback import Loopback
from joinsim.errors import ApiError
from joinsim.gofmt import parse_rfc3339
from joinsim.pki import CertificateError, parse_bundle
from joinsim.world import Clock

__all__ = ["CsrCleaner", "is_past_its_time"]

PERIOD_SECONDS = 3600.0
DECIDED_FOR, UNDECIDED_FOR = timedelta(hours=1), timedelta(hours=24)


def is_past_its_time(csr: JsonObject, now: datetime) -> bool:
    """Whether a request is to be deleted."""
    certificate = text(csr, "status", "certificate")
    conditions = items(csr, "status", "conditions")
    if not conditions and _is_older(text(csr, "metadata", "creationTimestamp"), now, UNDECIDED_FOR):
        return True
    for condition in conditions:
        since = text(condition, "lastUpdateTime")
        match text(condition, "type"):
            case "Approved":
                limit = DECIDED_FOR if certificate else UNDECIDED_FOR
            case "Denied" | "Failed":
                limit = DECIDED_FOR
            case _:
                continue
        if _is_older(since, now, limit):
            return True
    return _has_expired(certificate, now)


def _is_older(since: str, now: datetime, limit: timedelta) -> bool:
    return bool(since) and now - parse_rfc3339(since) > limit


def _has_expired(certificate: str, now: datetime) -> bool:
    try:
        issued = parse_bundle(base64.b64decode(certificate))
    except (binascii.Error, CertificateError):
        return False
    return any(each.not_valid_after_utc < now for each in issued)


class CsrCleaner:
    """Deletes requests whose time is up."""

    def __init__(self, client: Loopback, csrs: Informer, clock: Clock) -> None:
        self._client = client
        self._csrs = csrs
        self._clock = clock

    async def run(self) -> None:
        """Clean until cancelled."""
        while True:
            for csr in list(self._csrs.objects.values()):
                if is_past_its_time(csr, self._clock.now()):
                    with suppress(ApiError):
                        await self._client.delete(CERTIFICATE_SIGNING_REQUESTS.path(name_of(csr)))
            await trio.sleep(PERIOD_SECONDS)
