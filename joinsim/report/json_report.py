"""Verdicts for machines: one JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence

from joinsim.redaction import redact
from joinsim.scenario import Check, Verdict
from joinsim.scenario.documents import Scalar

__all__ = ["as_json"]

FORMAT = 1


def as_json(verdicts: Sequence[Verdict]) -> str:
    """A document with a version, and everything about each verdict but its journal."""
    return json.dumps({"joinsim": FORMAT, "verdicts": list(map(_verdict, verdicts))}, indent=2) + "\n"


def _verdict(verdict: Verdict) -> dict[str, object]:
    model = verdict.scenario.model
    return {
        "scenario": verdict.scenario.name,
        "file": verdict.scenario.file,
        "cell": {name: _clean(value) for name, value in verdict.scenario.cell.items()},
        "summary": redact(model.summary),
        "claims": list(model.claim),
        "seed": verdict.seed,
        "status": verdict.status.value,
        "problem": verdict.problem,
        "elapsedSeconds": verdict.elapsed_seconds,
        "broken": {judged.value: how for judged, how in verdict.broken},
        "checks": list(map(_check, verdict.checks)),
        "journalDigest": verdict.journal.digest() if verdict.journal else None,
        "reproduce": verdict.reproduce,
    }


def _clean(value: Scalar) -> Scalar:
    return redact(value) if isinstance(value, str) else value


def _check(check: Check) -> dict[str, object]:
    return {
        "kind": check.kind.value,
        "held": check.held,
        "expected": check.expected,
        "observed": check.observed,
        "location": str(check.location) if check.location else None,
    }
