"""CertificateSigningRequests: a request's life from POST to certificate.

Who asks is what authentication says, whatever the client wrote. The spec never changes
after the POST. Approval and denial go through ``/approval``, the certificate and the
Failed condition through ``/status``; each endpoint restores what is not its own before
validation looks, and no condition of the three terminal types is ever taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

from joinsim.api.objects import JsonObject, JsonValue, items, mapping, text
from joinsim.api.status import FieldProblem
from joinsim.controlplane.resources.csr_validation import (
    certificate_problems,
    condition_problems,
    spec_problems,
    types_of,
)
from joinsim.controlplane.resources.strategy import Context, Strategy
from joinsim.controlplane.validation import path_segment_problem
from joinsim.gofmt import rfc3339

__all__ = ["CsrStrategy"]


class CsrStrategy(Strategy):
    """The rules of CertificateSigningRequests."""

    name_problem = staticmethod(path_segment_problem)
    selectable = {"spec.signerName": lambda csr: text(csr, "spec", "signerName")}

    def prepare_create(self, new: JsonObject, context: Context) -> JsonObject:
        spec = mapping(new, "spec")
        asked = {
            key: value for key, value in spec.items() if key not in ("username", "uid", "groups", "extra")
        }
        user = context.user
        asked["username"] = user.name
        if user.uid:
            asked["uid"] = user.uid
        asked["groups"] = [*user.groups]
        if user.extra:
            asked["extra"] = {key: [*values] for key, values in user.extra.items()}
        return {**new, "spec": asked, "status": {}}

    def validate_create(self, new: JsonObject) -> Sequence[FieldProblem]:
        return spec_problems(new)

    def prepare_update(
        self, new: JsonObject, old: JsonObject, subresource: str, context: Context
    ) -> JsonObject:
        before, asked = mapping(old, "status"), mapping(new, "status")
        if subresource == "approval":
            after = {key: value for key, value in before.items() if key != "conditions"}
            if "conditions" in asked:
                after = {"conditions": asked["conditions"], **after}
        elif subresource == "status":
            after = _with_decisions_restored(asked, old)
        else:
            after = before
        if subresource:
            after = _with_times(after, old, rfc3339(context.clock.now()))
        return {**new, "spec": old["spec"], "status": after}

    def validate_update(self, new: JsonObject, old: JsonObject, subresource: str) -> Sequence[FieldProblem]:
        return [
            *condition_problems(new, old, subresource),
            *certificate_problems(new, old, subresource),
        ]


def _with_decisions_restored(asked: JsonObject, old: JsonObject) -> JsonObject:
    """Put the stored Approved and Denied conditions back where only their text was edited."""
    conditions = items(asked, "conditions")
    for kind in ("Approved", "Denied"):
        stored = [item for item in items(old, "status", "conditions") if text(item, "type") == kind]
        found = [index for index, item in enumerate(conditions) if text(item, "type") == kind]
        if stored and len(stored) == len(found):
            conditions = [*conditions]
            for index, item in zip(found, stored, strict=True):
                conditions[index] = item
    return {**asked, "conditions": conditions} if conditions else {**asked}


def _with_times(after: JsonObject, old: JsonObject, now: str) -> JsonObject:
    known = {
        (text(item, "type"), text(item, "status")): text(item, "lastTransitionTime")
        for item in items(old, "status", "conditions")
    }
    dated: list[JsonValue] = []
    for condition in items(after, "conditions"):
        key = (text(condition, "type"), text(condition, "status"))
        item = {**mapping(condition)}
        item["lastUpdateTime"] = text(item, "lastUpdateTime") or now
        item["lastTransitionTime"] = text(item, "lastTransitionTime") or known.get(key) or now
        dated.append(item)
    return {**after, "conditions": dated} if dated else after


def is_decided(csr: JsonObject) -> bool:
    """Whether a CSR was approved or denied."""
    return any(kind in ("Approved", "Denied") for kind in types_of(csr))
