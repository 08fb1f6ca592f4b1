"""Who asks: the identity that authentication gives a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from joinsim.api.objects import JsonObject

__all__ = ["ANONYMOUS", "User", "service_account"]

NODE_GROUP = "system:nodes"
NODE_PREFIX = "system:node:"


@dataclass(frozen=True)
class User:
    """A user as authorization, admission and a CSR's spec see it."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def node_name(self) -> str:
        """The node that this user is: it takes the name and the group; empty for all others."""
        if NODE_GROUP in self.groups and self.name.startswith(NODE_PREFIX):
            return self.name.removeprefix(NODE_PREFIX)
        return ""

    def as_json(self) -> JsonObject:
        """The ``userInfo`` of a review."""
        info: JsonObject = {"username": self.name}
        if self.uid:
            info["uid"] = self.uid
        info["groups"] = [*self.groups]
        if self.extra:
            info["extra"] = {key: [*values] for key, values in self.extra.items()}
        return info


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


def service_account(name: str, namespace: str = "kube-system") -> User:
    """The user that a service account's token stands for."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{namespace}:{name}", groups)
