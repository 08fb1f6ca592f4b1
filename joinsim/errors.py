"""What can go wrong, sorted by who must act.

A caller that catches one of these classes knows whom to send the message to: the
author of a scenario, the keeper of the ground it runs on, either end of a
connection, the API server, or nobody at all: that a joiner refuses to join is an
outcome of a join, not a crash of joinsim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from joinsim.redaction import redact

__all__ = [
    "ApiError",
    "BackendError",
    "JoinRefused",
    "JoinsimError",
    "LocalProtocolError",
    "Location",
    "ProtocolError",
    "Reason",
    "RemoteProtocolError",
    "ScenarioError",
]


class JoinsimError(Exception):
    """The root of everything that joinsim raises on purpose."""


@dataclass(frozen=True)
class Location:
    """A place in a file, counted from one as editors count."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ScenarioError(JoinsimError):
    """The author of a scenario must act.

    The message is one line: where (``file:line:column``), which value (its path in
    the document), what was expected, what was found, and where there is one, the
    nearest valid name.
    """

    def __init__(self, problem: str, *, location: Location | None = None, path: str = "") -> None:
        self.problem = _one_line(redact(problem))
        self.location = location
        self.path = _one_line(redact(path))
        parts = [str(location)] if location else []
        if path:
            parts.append(self.path)
        super().__init__(": ".join([*parts, self.problem]))


def _one_line(text: str) -> str:
    """What a terminal would act upon (line breaks, escapes) written out; the rest as it is."""
    if text.isprintable():
        return text
    return "".join(
        known if known.isprintable() else known.encode("unicode_escape").decode() for known in text
    )


class BackendError(JoinsimError):
    """The ground is not there: no docker, no cluster, no kubeconfig."""


class ProtocolError(JoinsimError):
    """An exchange between two ends broke off."""


class LocalProtocolError(ProtocolError):
    """Our end asked for something that the protocol does not allow."""


class RemoteProtocolError(ProtocolError):
    """The other end did something that the protocol does not allow."""


class ApiError(JoinsimError):
    """An API server answered with a ``Status`` of failure.

    ``code`` is the HTTP status, ``reason`` the machine-readable ``StatusReason`` (may
    be empty), ``details`` the Status' own details or None when it had none, ``metadata``
    that of the Status. As text it is the Status message, which is what Kubernetes' clients print.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, object] | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.metadata = metadata or {}
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details


class Reason(StrEnum):
    """Why a joiner refused: a closed set, so that an expectation can name one."""

    INVALID_CONFIGURATION = "invalid-configuration"
    PREFLIGHT_CHECK = "preflight-check"
    CLUSTER_INFO_UNAVAILABLE = "cluster-info-unavailable"
    CLUSTER_INFO_MALFORMED = "cluster-info-malformed"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_INVALID = "signature-invalid"
    PIN_MALFORMED = "pin-malformed"
    PIN_MISMATCH = "pin-mismatch"
    SECOND_FETCH_DIFFERS = "second-fetch-differs"
    DISCOVERY_FILE_UNAVAILABLE = "discovery-file-unavailable"
    DISCOVERY_FILE_MALFORMED = "discovery-file-malformed"
    CREDENTIALS_MISSING = "credentials-missing"
    CONFIGURATION_UNAVAILABLE = "configuration-unavailable"
    NODE_UNREADABLE = "node-unreadable"
    NODE_EXISTS = "node-exists"
    KUBELET_UNHEALTHY = "kubelet-unhealthy"
    TLS_BOOTSTRAP_TIMEOUT = "tls-bootstrap-timeout"


class JoinRefused(JoinsimError):
    """The joiner said no, and said it as kubeadm says it.

    ``phase`` is kubeadm's name of the phase that failed, or ``configuration`` for what
    is refused before any phase runs. ``timed_out`` tells a deadline that ran out from
    a refusal on sight. As text it is kubeadm's own error, without the leading
    ``error: ``.
    """

    def __init__(self, phase: str, reason: Reason, problem: str, *, timed_out: bool = False) -> None:
        self.phase = phase
        self.reason = reason
        self.problem = problem
        self.timed_out = timed_out
        prefix = "" if phase == "configuration" else f"error execution phase {phase}: "
        super().__init__(prefix + problem)
