"""What happened, in the order in which it happened.

Everyone who takes part in a run appends typed events to one journal; verdicts are
read off it after the run is over. The journal is append-only, it stamps each event
with the world's time and the actor's name, and it takes secrets out as the event
comes in. Two runs with one seed give the same bytes from :meth:`Journal.text`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from joinsim.events import Event
from joinsim.redaction import Redactor

__all__ = ["Journal", "Record"]

EventT = TypeVar("EventT", bound=Event)

_PIN = re.compile(r"sha256:[0-9a-f]{64}")


_FIELDS: dict[type[Event], tuple[str, ...]] = {}


def _field_names(kind: type[Event]) -> tuple[str, ...]:
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(field.name for field in fields(kind))
    return _FIELDS[kind]


@dataclass(frozen=True)
class Record:
    """One line of a journal: ``at`` in seconds since the world began, who, and what."""

    at: float
    actor: str
    event: Event

    def as_dict(self) -> dict[str, object]:
        """The record as JSON has it: time, actor, the event's name, then its fields."""
        line: dict[str, object] = {"at": self.at, "actor": self.actor, "event": self.event.name}
        for name in _field_names(type(self.event)):
            value = getattr(self.event, name)
            line[name] = list(value) if isinstance(value, tuple) else value
        return line


class Journal:
    """The append-only record of one run.

    ``elapsed`` gives the world's time in seconds; times are kept to the microsecond.
    With ``opaque_keys`` every public-key pin is replaced by a number in the order of
    first appearance: for runs whose keys cannot be derived from a seed (RSA). With
    ``records_max`` only the last so many are kept, for what runs for days. ``follow`` is told
    of each record.
    """

    def __init__(
        self,
        elapsed: Callable[[], float],
        *,
        opaque_keys: bool = False,
        records_max: int | None = None,
        follow: Callable[[Record], None] | None = None,
    ) -> None:
        self.redactor = Redactor()
        self._elapsed = elapsed
        self._records: deque[Record] = deque(maxlen=records_max)
        self._follow = follow
        self._aliases: dict[str, str] | None = {} if opaque_keys else None

    def append(self, actor: str, event: Event) -> None:
        """Keep an event, stamped with the time, with its secrets taken out."""
        changes: dict[str, object] = {}
        for name in _field_names(type(event)):
            value = getattr(event, name)
            if value and isinstance(value, str | tuple):
                clean = self._clean(value)
                if clean is not value:
                    changes[name] = clean
        if changes:
            event = replace(event, **changes)
        record = Record(round(self._elapsed(), 6), actor, event)
        self._records.append(record)
        if self._follow is not None:
            self._follow(record)

    def _clean(self, value: object) -> object:
        if isinstance(value, tuple):
            cleaned = tuple(self._clean(item) for item in value)
            return value if cleaned == value else cleaned
        if not isinstance(value, str):
            return value
        text = self.redactor(value)
        if self._aliases is not None:
            text = _PIN.sub(self._alias, text)
        return value if text == value else text

    def _alias(self, match: re.Match[str]) -> str:
        assert self._aliases is not None
        return self._aliases.setdefault(match.group(), f"sha256:key-{len(self._aliases) + 1}")

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def of(self, kind: type[EventT], actor: str | None = None) -> Iterator[tuple[Record, EventT]]:
        """The records of one kind of event, in order, of one actor or of all."""
        for record in self._records:
            if isinstance(record.event, kind) and actor in (None, record.actor):
                yield record, record.event

    def text(self) -> str:
        """The whole journal, one JSON object a line."""
        return "".join(json.dumps(record.as_dict()) + "\n" for record in self._records)

    def digest(self) -> str:
        """The SHA-256 of :meth:`text`: equal for equal runs."""
        return hashlib.sha256(self.text().encode()).hexdigest()
