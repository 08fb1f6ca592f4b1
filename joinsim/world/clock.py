"""The world's time.

All that judges time (certificates, token expiry, timeouts, ages in a table) asks a
clock of this module. On simulated ground it is virtual and starts at an epoch of the
scenario's choosing; on real ground it is the wall clock. No other module of joinsim
reads the time of day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

import trio

__all__ = ["EPOCH", "Clock", "SkewedClock", "VirtualClock", "WallClock"]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When a virtual world begins, unless it is told otherwise."""


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> datetime:
        """The time, in UTC."""


class VirtualClock:
    """Time that passes with trio's clock, counted from an epoch.

    Make it inside the run whose time it tells.
    """

    def __init__(self, epoch: datetime = EPOCH) -> None:
        self.epoch = epoch
        self._began = trio.current_time()

    def elapsed(self) -> float:
        """Seconds since the world began."""
        return trio.current_time() - self._began

    def now(self) -> datetime:
        """The epoch and what has passed since."""
        return self.epoch + timedelta(seconds=self.elapsed())


class WallClock:
    """The time of day, as the machine has it."""

    def __init__(self) -> None:
        self._began = trio.current_time()

    def elapsed(self) -> float:
        """Seconds since this clock was made, on trio's clock."""
        return trio.current_time() - self._began

    def now(self) -> datetime:
        """The machine's time."""
        return datetime.now(UTC)


class SkewedClock:
    """A host's clock that goes wrong by a constant number of seconds."""

    def __init__(self, clock: Clock, skew_seconds: float) -> None:
        self._clock = clock
        self._skew = timedelta(seconds=skew_seconds)

    def now(self) -> datetime:
        """The other clock's time, and the skew."""
        return self._clock.now() + self._skew
