"""The trust properties: what must not happen, whatever a scenario is about.

Each is a pure check over a finished journal: what nodes came to trust, what the cluster
issued, what adversaries came to know. Which attack was named plays no part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from joinsim.events import (
    AdministratorActed,
    ClusterBooted,
    CsrIssued,
    DiscoveryAccepted,
    JoinCompleted,
    JoinFailed,
    KnowledgeGained,
    RequestServed,
)
from joinsim.journal import Journal
from joinsim.scenario.cast import Cast
from joinsim.scenario.expected import Property
from joinsim.scenario.permissions import is_permitted
from joinsim.scenario.schema import Binding

__all__ = ["breaches"]


def breaches(journal: Journal, cast: Cast) -> Mapping[Property, str]:
    """The properties that were broken, each with the first thing that broke it."""
    found = {judged: next(check(journal, cast), "") for judged, check in _CHECKS.items()}
    return {judged: how for judged, how in found.items() if how}


def _genuine_control_plane(journal: Journal, cast: Cast) -> Iterator[str]:
    genuine = {
        pin
        for _, event in journal.of(ClusterBooted)
        if event.cluster == cast.cluster
        for pin in event.ca_pins
    }
    for record, event in journal.of(DiscoveryAccepted):
        foreign = [pin for pin in event.ca_pins if pin not in genuine]
        if record.actor in cast.nodes and foreign:
            yield f"{record.actor} trusts a key that is not the cluster's ({foreign[0]})"


def _known(journal: Journal, cast: Cast, *kinds: str) -> Iterator[tuple[str, KnowledgeGained]]:
    """What adversaries know, of some kinds: who, and what."""
    for record, event in journal.of(KnowledgeGained):
        if record.actor in cast.adversaries and event.kind in kinds:
            yield record.actor, event


def _no_foreign_identity(journal: Journal, cast: Cast) -> Iterator[str]:
    held = {event.subject: who for who, event in _known(journal, cast, "private-key")}
    for _, issued in journal.of(CsrIssued):
        if issued.cluster == cast.cluster and issued.public_key in held:
            yield f"the cluster certified a key of {held[issued.public_key]} as {issued.common_name}"


def _no_node_impersonation(journal: Journal, cast: Cast) -> Iterator[str]:
    held = {event.subject: who for who, event in _known(journal, cast, "private-key")}
    others = {f"system:node:{name}" for name in cast.nodes.values()}
    for _, issued in journal.of(CsrIssued):
        if issued.cluster == cast.cluster and issued.public_key in held and issued.common_name in others:
            yield f"{held[issued.public_key]} holds a certificate for {issued.common_name}"
    for who, event in _known(journal, cast, "node-credential"):
        yield f"{who} holds a credential of the node {event.subject} ({event.source})"


def _no_secret_disclosed(journal: Journal, cast: Cast) -> Iterator[str]:
    for who, event in _known(journal, cast, "secret", "private-key"):
        if not event.at_start:
            yield f"{who} read {event.subject} ({event.source})"


def _token_confidential(journal: Journal, cast: Cast) -> Iterator[str]:
    for who, event in _known(journal, cast, "token"):
        if not event.at_start:
            yield f"{who} came to know the token {event.subject} ({event.source})"


def _no_privilege_escalation(journal: Journal, cast: Cast) -> Iterator[str]:
    public = True
    for record in journal:
        event = record.event
        if isinstance(event, AdministratorActed) and event.target == Binding.CLUSTER_INFO:
            public = event.action == "restore-binding"
        if not isinstance(event, RequestServed) or event.cluster != cast.cluster or event.status >= 300:
            continue
        if not is_permitted(event.user, event.groups, event.verb, event.path, cluster_info_public=public):
            yield f"{event.user} was allowed to {event.verb} {event.path}"


def _available(journal: Journal, cast: Cast) -> Iterator[str]:
    joined = {record.actor for record, _ in journal.of(JoinCompleted)}
    failed = {record.actor: event for record, event in journal.of(JoinFailed)}
    for machine in cast.nodes:
        if machine not in joined:
            why = failed[machine].reason if machine in failed else "its join did not end"
            yield f"{machine} did not join ({why})"


_CHECKS: Mapping[Property, Callable[[Journal, Cast], Iterator[str]]] = {
    Property.GENUINE_CONTROL_PLANE: _genuine_control_plane,
    Property.NO_FOREIGN_IDENTITY: _no_foreign_identity,
    Property.NO_NODE_IMPERSONATION: _no_node_impersonation,
    Property.NO_SECRET_DISCLOSED: _no_secret_disclosed,
    Property.TOKEN_CONFIDENTIAL: _token_confidential,
    Property.NO_PRIVILEGE_ESCALATION: _no_privilege_escalation,
    Property.AVAILABLE: _available,
}
