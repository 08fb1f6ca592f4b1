"""What bends a link between two hosts.

The network itself only routes. Everything else (slowness, loss, refusal, interception)
is a rule: a value that looks at a link and says what becomes of it. Rules are asked in
the order in which they were laid down, and the first that does not pass decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

__all__ = [
    "Action",
    "Delay",
    "Divert",
    "Drop",
    "Link",
    "LinkRule",
    "Pass",
    "Refuse",
    "Rule",
    "partition",
]


@dataclass(frozen=True)
class Link:
    """A connection that a host makes: from, to, and the port it asks for."""

    source: str
    target: str
    port: int


@dataclass(frozen=True)
class Pass:
    """No opinion."""


@dataclass(frozen=True)
class Delay:
    """Each packet takes so many seconds longer, one way."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """Nothing arrives. What was sent is kept, as a TCP sender keeps it, until the rule is lifted."""


@dataclass(frozen=True)
class Refuse:
    """New connections are refused, and standing ones are reset."""


@dataclass(frozen=True)
class Divert:
    """New connections end at another host: the place of an attacker on the path.

    Who dials notices nothing but what the other host says. ``port`` None keeps the port.
    """

    host: str
    port: int | None = None


Action: TypeAlias = Pass | Delay | Drop | Refuse | Divert


class Rule(Protocol):
    """Says what becomes of a link; both ends of a connection count as the same link."""

    def judge(self, link: Link) -> Action:
        """The rule's decision, :class:`Pass` where it has none."""


@dataclass(frozen=True)
class LinkRule:
    """One action for every link that matches; a field left None matches all."""

    action: Action
    source: str | None = None
    target: str | None = None
    port: int | None = None

    def judge(self, link: Link) -> Action:
        """The action where each field that is set equals the link's."""
        matches = (
            self.source in (None, link.source)
            and self.target in (None, link.target)
            and self.port in (None, link.port)
        )
        return self.action if matches else Pass()


@dataclass(frozen=True)
class _Partition:
    side: frozenset[str]

    def judge(self, link: Link) -> Action:
        return Drop() if (link.source in self.side) != (link.target in self.side) else Pass()


def partition(*hosts: str) -> Rule:
    """Cut these hosts off from all others: packets across the cut are dropped."""
    return _Partition(frozenset(hosts))
