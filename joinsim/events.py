"""The things that can happen in a run, each a type of its own.

An event's name reads like a log line: the subject, then what became of it
(``join.started``, ``discovery.accepted``, ``csr.issued``). The fields hold plain
values; who did it and when is the journal's to add.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "AdministratorActed",
    "ApiServerStarted",
    "ApiServerStopped",
    "AttackFired",
    "CertificateReceived",
    "ClusterBooted",
    "CsrApproved",
    "CsrCreated",
    "CsrDenied",
    "CsrFailed",
    "CsrIssued",
    "CsrRejected",
    "CsrSubmitted",
    "DiscoveryAccepted",
    "DiscoveryFetched",
    "DiscoveryRetried",
    "Event",
    "FilePublished",
    "FileRemoved",
    "FileWritten",
    "JoinCompleted",
    "JoinFailed",
    "JoinStarted",
    "KnowledgeGained",
    "LeaseCreated",
    "NodeRegistered",
    "PhaseCompleted",
    "PhaseStarted",
    "RequestServed",
    "ServiceStarted",
    "ServiceStopped",
    "StepFailed",
    "StepFired",
]


@dataclass(frozen=True)
class Event:
    """Something that happened; each kind is a subclass with a name of its own."""

    name: ClassVar[str] = ""


# --- the cluster ---------------------------------------------------------------


@dataclass(frozen=True)
class ClusterBooted(Event):
    """A control plane came into being, with the public keys of its cluster CA."""

    name: ClassVar[str] = "cluster.booted"
    cluster: str
    version: str
    endpoint: str
    ca_pins: tuple[str, ...]


@dataclass(frozen=True)
class ApiServerStarted(Event):
    """An API server began to listen."""

    name: ClassVar[str] = "apiserver.started"
    cluster: str
    endpoint: str


@dataclass(frozen=True)
class ApiServerStopped(Event):
    """An API server stopped listening and dropped its connections."""

    name: ClassVar[str] = "apiserver.stopped"
    cluster: str


@dataclass(frozen=True)
class RequestServed(Event):
    """An API server answered a request.

    ``user`` is empty where authentication failed; ``verb`` is the API verb (``get``,
    ``list``, ``watch``, …) as RBAC sees it; ``message`` is the Status message of a
    refusal.
    """

    name: ClassVar[str] = "apiserver.request"
    cluster: str
    user: str
    groups: tuple[str, ...]
    verb: str
    path: str
    status: int
    user_agent: str
    message: str = ""


@dataclass(frozen=True)
class CsrCreated(Event):
    """The API server stored a CertificateSigningRequest."""

    name: ClassVar[str] = "csr.created"
    cluster: str
    csr: str
    signer: str
    requestor: str
    common_name: str
    organizations: tuple[str, ...]
    public_key: str


@dataclass(frozen=True)
class CsrApproved(Event):
    """A CSR received its Approved condition from ``approver``."""

    name: ClassVar[str] = "csr.approved"
    cluster: str
    csr: str
    approver: str
    reason: str


@dataclass(frozen=True)
class CsrDenied(Event):
    """A CSR received its Denied condition from ``approver``."""

    name: ClassVar[str] = "csr.denied"
    cluster: str
    csr: str
    approver: str
    reason: str


@dataclass(frozen=True)
class CsrFailed(Event):
    """A signer gave a CSR its Failed condition."""

    name: ClassVar[str] = "csr.failed"
    cluster: str
    csr: str
    reason: str
    message: str


@dataclass(frozen=True)
class CsrIssued(Event):
    """The cluster issued a credential for a public key."""

    name: ClassVar[str] = "csr.issued"
    cluster: str
    csr: str
    common_name: str
    organizations: tuple[str, ...]
    public_key: str
    not_after: str


@dataclass(frozen=True)
class NodeRegistered(Event):
    """The API server stored a Node that was not there before."""

    name: ClassVar[str] = "node.registered"
    cluster: str
    node: str
    user: str


# --- a joining machine ------------------------------------------------------------


@dataclass(frozen=True)
class JoinStarted(Event):
    """A machine set out to join, with this much to go by."""

    name: ClassVar[str] = "join.started"
    node: str
    discovery: str
    source: str
    pins: tuple[str, ...]


@dataclass(frozen=True)
class PhaseStarted(Event):
    """A phase of the join began."""

    name: ClassVar[str] = "join.phase.started"
    phase: str


@dataclass(frozen=True)
class PhaseCompleted(Event):
    """A phase of the join ended well."""

    name: ClassVar[str] = "join.phase.completed"
    phase: str


@dataclass(frozen=True)
class DiscoveryFetched(Event):
    """Discovery received something to judge; ``verified`` says whether TLS vouched for it."""

    name: ClassVar[str] = "discovery.fetched"
    url: str
    verified: bool


@dataclass(frozen=True)
class DiscoveryRetried(Event):
    """A fetch of discovery came to nothing, and the joiner will try again."""

    name: ClassVar[str] = "discovery.retried"
    error: str


@dataclass(frozen=True)
class DiscoveryAccepted(Event):
    """Discovery ended: the node now believes these CA keys and will talk to this server."""

    name: ClassVar[str] = "discovery.accepted"
    method: str
    server: str
    ca_pins: tuple[str, ...]


@dataclass(frozen=True)
class FileWritten(Event):
    """A file came to stand on the host."""

    name: ClassVar[str] = "file.written"
    path: str
    mode: str


@dataclass(frozen=True)
class FileRemoved(Event):
    """A file was taken off the host."""

    name: ClassVar[str] = "file.removed"
    path: str


@dataclass(frozen=True)
class JoinCompleted(Event):
    """The join ended well, as kubeadm's exit code 0."""

    name: ClassVar[str] = "join.completed"
    node: str


@dataclass(frozen=True)
class JoinFailed(Event):
    """The joiner refused or gave up; ``message`` is kubeadm's own error."""

    name: ClassVar[str] = "join.failed"
    node: str
    phase: str
    reason: str
    timed_out: bool
    message: str


# --- the kubelet ------------------------------------------------------------------


@dataclass(frozen=True)
class ServiceStarted(Event):
    """A service of the host was started."""

    name: ClassVar[str] = "service.started"
    service: str


@dataclass(frozen=True)
class ServiceStopped(Event):
    """A service of the host ended; ``message`` says why where it ended by itself."""

    name: ClassVar[str] = "service.stopped"
    service: str
    message: str = ""


@dataclass(frozen=True)
class CsrSubmitted(Event):
    """The kubelet's certificate request was accepted for consideration."""

    name: ClassVar[str] = "kubelet.csr.submitted"
    csr: str
    public_key: str


@dataclass(frozen=True)
class CsrRejected(Event):
    """An attempt of the kubelet to obtain a certificate came to nothing."""

    name: ClassVar[str] = "kubelet.csr.failed"
    error: str


@dataclass(frozen=True)
class CertificateReceived(Event):
    """The kubelet holds a client certificate of its own."""

    name: ClassVar[str] = "kubelet.certificate.received"
    common_name: str
    public_key: str
    not_after: str


@dataclass(frozen=True)
class LeaseCreated(Event):
    """The kubelet created its node Lease (renewals are requests, not events of their own)."""

    name: ClassVar[str] = "kubelet.lease.created"
    lease: str


# --- people ------------------------------------------------------------------------


@dataclass(frozen=True)
class StepFired(Event):
    """A step of the timeline came to its moment."""

    name: ClassVar[str] = "timeline.step"
    step: int
    action: str


@dataclass(frozen=True)
class StepFailed(Event):
    """A step came to its moment and its action to nothing."""

    name: ClassVar[str] = "timeline.step.failed"
    step: int
    action: str
    message: str


@dataclass(frozen=True)
class AdministratorActed(Event):
    """The administrator's API call was carried out."""

    name: ClassVar[str] = "administrator.acted"
    action: str
    target: str


@dataclass(frozen=True)
class FilePublished(Event):
    """A discovery file was carried to where nodes can read it."""

    name: ClassVar[str] = "administrator.published"
    target: str
    credentials: str


@dataclass(frozen=True)
class AttackFired(Event):
    """An attack did something that its victims could notice."""

    name: ClassVar[str] = "attack.fired"
    attack: str
    victim: str
    detail: str


@dataclass(frozen=True)
class KnowledgeGained(Event):
    """An adversary holds something; ``at_start`` says that the scenario gave it."""

    name: ClassVar[str] = "knowledge.gained"
    kind: str
    subject: str
    source: str
    at_start: bool = False
