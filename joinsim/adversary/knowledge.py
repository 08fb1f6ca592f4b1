"""What an adversary holds: what it was given at the start, and what it has come by since.

An adversary can use nothing that is not in its knowledge, and the trust properties are
judged on it, never on which attack was named. The journal learns that something is
known, never what it is.
"""

from __future__ import annotations

from enum import StrEnum

from joinsim.api import BootstrapToken, TokenError
from joinsim.events import KnowledgeGained
from joinsim.journal import Journal
from joinsim.pki import KeyPair, PublicKeyPin

__all__ = ["Kind", "Knowledge"]


class Kind(StrEnum):
    """The kinds of things that can be known."""

    TOKEN = "token"
    """A whole bootstrap token; the subject is its id."""
    PRIVATE_KEY = "private-key"
    """A private key; the subject is its public key's pin."""
    NODE_CREDENTIAL = "node-credential"
    """A credential in the name of a node; the subject is the node."""
    SECRET = "secret"
    """The contents of a Secret; the subject is its name."""


class Knowledge:
    """One adversary's knowledge."""

    def __init__(self, journal: Journal, adversary: str) -> None:
        self._journal = journal
        self._adversary = adversary
        self._known: set[tuple[Kind, str]] = set()
        """Kinds and values: two tokens of one id are two things to know."""
        self.tokens: dict[str, BootstrapToken] = {}

    def learn_token(self, token: BootstrapToken, source: str, *, at_start: bool = False) -> None:
        """Come by a bootstrap token."""
        self.tokens[token.id] = token
        self._learn(Kind.TOKEN, token.id, source, at_start=at_start, value=token.value)

    def learn_bearer(self, authorization: str, source: str) -> None:
        """Come by whatever bootstrap token an ``Authorization`` header carries."""
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return
        try:
            self.learn_token(BootstrapToken.parse(credential.strip()), source)
        except TokenError:
            return

    def learn_key(self, key: KeyPair, source: str, *, at_start: bool = False) -> None:
        """Come by a private key."""
        self._learn(Kind.PRIVATE_KEY, str(PublicKeyPin.of(key.public_key)), source, at_start=at_start)

    def _learn(self, kind: Kind, subject: str, source: str, *, at_start: bool, value: str = "") -> None:
        known = (kind, value or subject)
        if known not in self._known:
            self._known.add(known)
            self._journal.append(
                self._adversary, KnowledgeGained(kind.value, subject, source, at_start=at_start)
            )
