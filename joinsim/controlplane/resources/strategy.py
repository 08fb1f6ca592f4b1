"""How the objects of one resource are prepared and judged before they are stored.

Each resource has a strategy; what it does not override is what the API server does for
every kind. The order on the way in is the API server's: prepare, then validate, so a
422 speaks of what would have been stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from joinsim.api import status
from joinsim.api.objects import JsonObject, Resource, mapping, name_of, text
from joinsim.api.status import FieldProblem
from joinsim.controlplane.users import User
from joinsim.controlplane.validation import dns1123_subdomain_problem, invalid, required
from joinsim.world import Clock, Stream

__all__ = ["Context", "Strategy"]

_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_LENGTH = 5
_BASE_LENGTH_MAX = 63 - _GENERATED_LENGTH


@dataclass(frozen=True)
class Context:
    """What a strategy may use besides the object: who asks, what time it is, and chance."""

    user: User
    clock: Clock
    stream: Stream


class Strategy:
    """The rules of one resource. Objects handed in are never changed; new ones come back."""

    name_problem: Callable[[str], str] = staticmethod(dns1123_subdomain_problem)
    unconditional_update = True
    selectable: Mapping[str, Callable[[JsonObject], str]] = {}

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    # --- for a resource to override -----------------------------------------------------

    def prepare_create(self, new: JsonObject, context: Context) -> JsonObject:
        """What a POST stores, before validation."""
        return new

    def validate_create(self, new: JsonObject) -> Sequence[FieldProblem]:
        """What is wrong with an object that is to be created."""
        return ()

    def prepare_update(
        self, new: JsonObject, old: JsonObject, subresource: str, context: Context
    ) -> JsonObject:
        """What a PUT or PATCH stores, before validation."""
        return new

    def validate_update(self, new: JsonObject, old: JsonObject, subresource: str) -> Sequence[FieldProblem]:
        """What is wrong with a change."""
        return ()

    # --- the same for all ----------------------------------------------------------------

    def name_created(self, new: JsonObject, context: Context) -> JsonObject:
        """Give an object with ``generateName`` its name, of the API server's alphabet."""
        base = text(new, "metadata", "generateName")
        if name_of(new) or not base:
            return new
        drawn = "".join(
            _NAME_ALPHABET[context.stream.below(len(_NAME_ALPHABET))] for _ in range(_GENERATED_LENGTH)
        )
        name = base[:_BASE_LENGTH_MAX] + drawn
        return {**new, "metadata": {**mapping(new, "metadata"), "name": name}}

    def check_name(self, new: JsonObject) -> list[FieldProblem]:
        """What is wrong with an object's name."""
        name = name_of(new)
        if not name:
            return [required("metadata.name", "name or generateName is required")]
        problem = self.name_problem(name)
        return [invalid("metadata.name", name, problem)] if problem else []

    def refuse(self, new: JsonObject, problems: Sequence[FieldProblem]) -> None:
        """Raise 422 where there are problems."""
        if problems:
            raise status.invalid(self.resource, name_of(new), problems)

    def field(self, stored: JsonObject, name: str) -> str | None:
        """The value of a field that a selector may name, or None for one that it may not."""
        if name == "metadata.name":
            return name_of(stored)
        if name == "metadata.namespace" and self.resource.namespaced:
            return text(stored, "metadata", "namespace")
        reader = self.selectable.get(name)
        return reader(stored) if reader else None
