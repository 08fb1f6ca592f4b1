"""Chance, in named streams.

Everything random in a world is drawn from a stream with a name of its own
(``control-plane/serials``, ``worker-1/jitter``), so that one more draw in one place
changes nothing anywhere else. Streams of a seed repeat; streams of chance do not and
are fit for keys that guard something real.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable
from typing import Protocol

__all__ = ["Chance", "Randomness", "Seed", "Stream"]


class Stream(Protocol):
    """A source of random values."""

    def bytes(self, count: int) -> bytes:
        """So many random bytes."""

    def uniform(self, low: float, high: float) -> float:
        """A number between two bounds, each equally likely."""

    def below(self, bound: int) -> int:
        """A whole number from 0 up to, not including, ``bound``."""


class Randomness(Protocol):
    """Where streams come from."""

    def stream(self, *names: str) -> Stream:
        """The stream with this name; asked for again, it goes on where it was."""


class _Draws:
    """All kinds of draws, made of random bytes."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self.bytes = source

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * (int.from_bytes(self.bytes(7), "big") >> 3) / (1 << 53)

    def below(self, bound: int) -> int:
        assert bound > 0, "nothing is below zero"
        bits = (bound - 1).bit_length()
        while (drawn := int.from_bytes(self.bytes((bits + 7) // 8), "big") >> (-bits % 8)) >= bound:
            pass
        return drawn


def _hashed(key: bytes) -> Callable[[int], bytes]:
    """Bytes that follow from a key: SHA-256 over the key and a counter, what is left over thrown away."""
    counter = itertools.count()

    def draw(count: int) -> bytes:
        drawn = b""
        while len(drawn) < count:
            drawn += hashlib.sha256(key + next(counter).to_bytes(8, "big")).digest()
        return drawn[:count]

    return draw


class Seed:
    """Streams that repeat: the same seed and name give the same draws, on any machine, for ever.

    Not for anything that must stay secret; a simulated world has nothing to lose.
    """

    def __init__(self, value: int) -> None:
        self.value = value
        self._streams: dict[tuple[str, ...], Stream] = {}

    def stream(self, *names: str) -> Stream:
        """The stream with this name; asked for again, it goes on where it was."""
        if names not in self._streams:
            self._streams[names] = self._begin(names)
        return self._streams[names]

    def scoped(self, *scope: str) -> Randomness:
        """The same seed, for a part of the world whose streams all carry its name."""
        return _Scoped(self, scope)

    def _begin(self, names: tuple[str, ...]) -> Stream:
        # Lengths keep ("a", "bc") and ("ab", "c") apart.
        label = b"".join(f"{len(name)}:{name}".encode() for name in names)
        return _Draws(_hashed(hashlib.sha256(f"{self.value}|".encode() + label).digest()))

    def __repr__(self) -> str:
        return f"Seed({self.value})"


class _Scoped:
    def __init__(self, seed: Seed, scope: tuple[str, ...]) -> None:
        self._seed = seed
        self._scope = scope

    def stream(self, *names: str) -> Stream:
        return self._seed.stream(*self._scope, *names)


class Chance:
    """Streams that never repeat, from the operating system: for keys on real ground."""

    def stream(self, *names: str) -> Stream:
        """A stream of its own; the name makes no difference."""
        return _Draws(os.urandom)
