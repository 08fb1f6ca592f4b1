"""kubeadm's way of trying again: at once, then at fixed intervals, until a deadline.

The beat counts from the start of each attempt, so a slow attempt is followed by the
next without a pause. The attempt itself is not bound by the deadline, and an attempt
that would fall on the very moment of the deadline is not made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Poll"]

# Sums of seconds drift in their last digits. Moments closer than this are one.
_INSTANT_SECONDS = 1e-6


@dataclass(frozen=True)
class Poll:
    """Where a series of attempts stands; all times in seconds on one clock."""

    interval: float
    deadline: float
    attempt_at: float

    @classmethod
    def begin(cls, now: float, interval: float, timeout: float) -> Poll:
        """The first attempt, now. An interval longer than the timeout is cut to it."""
        return cls(min(interval, timeout), now + timeout, now)

    def again(self, now: float) -> Poll | None:
        """The next attempt after one that ended now, or None where the deadline comes first."""
        at = max(self.attempt_at + self.interval, now)
        # Divergence: kubeadm makes the attempt at the deadline or does not, as its timers race.
        return replace(self, attempt_at=at) if at < self.deadline - _INSTANT_SECONDS else None

    def gives_up_at(self, now: float) -> float:
        """When the series ends that has no attempt left."""
        return max(self.deadline, now)
