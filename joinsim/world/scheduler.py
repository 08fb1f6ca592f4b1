"""Runs that come out the same every time.

trio shuffles the order in which tasks that are ready at one moment go on, and does so
on purpose. A simulation needs that order to follow from its seed. trio has a switch
for this, which it throws itself when it runs under Hypothesis, but no public name for
it: this module is the only one that touches trio's private names, and
``tests/world/test_scheduler.py`` fails loudly on the day they change.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio
import trio.testing

__all__ = ["run_deterministic"]

ResultT = TypeVar("ResultT")

# The switch and the shuffling generator are globals of trio: one run at a time.
_lock = threading.Lock()


def run_deterministic(function: Callable[[], Awaitable[ResultT]], seed: int) -> ResultT:
    """Run an async function to its end on virtual time, in an order that ``seed`` decides.

    The clock stands still while any task can go on and jumps to the next deadline when
    none can, so 24 hours pass as fast as the things that happen in them. Runs in several
    threads take turns. Raises what the function raises.
    """
    with _lock, _seeded_order(seed):
        # Anywhere else an interruption may strike inside a nursery or a destructor, and be lost there.
        return trio.run(
            function,
            clock=trio.testing.MockClock(autojump_threshold=0),
            restrict_keyboard_interrupt_to_checkpoints=True,
        )


@contextmanager
def _seeded_order(seed: int) -> Iterator[None]:
    from trio._core import _run

    switch, state = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    _run._r.seed(seed)
    try:
        yield
    finally:
        _run._ALLOW_DETERMINISTIC_SCHEDULING = switch  # type: ignore[misc]
        _run._r.setstate(state)
