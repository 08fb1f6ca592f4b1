"""What to say about a wrong value: how it looks, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from joinsim.redaction import redact

__all__ = ["listed", "nearest", "shown", "suggestion"]

_SHOWN_LENGTH_MAX = 60


def shown(value: object) -> str:
    """A value as its author would recognise it, with its type where that is the point.

    >>> shown("4 minutes"), shown(4), shown(None), shown({"a": 1})
    ('"4 minutes"', 'the number 4', 'nothing', 'a mapping')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        # Before it is cut: half a key or half a token is not known for what it is.
        value = redact(value)
        cut = value if len(value) <= _SHOWN_LENGTH_MAX else value[: _SHOWN_LENGTH_MAX - 1] + "…"
        return f'"{cut}"'
    return "a mapping" if isinstance(value, dict) else "a list"


def listed(names: Sequence[str], joiner: str = "or") -> str:
    """Names as a sentence has them.

    >>> listed(["a", "b", "c"])
    'a, b or c'
    """
    *first, last = names
    return f"{', '.join(first)} {joiner} {last}" if first else last


def suggestion(found: str, names: Iterable[str]) -> str:
    """``; did you mean …?`` with the nearest of some names, or nothing where none is near.

    >>> suggestion("automatc", ["automatic", "manual"])
    '; did you mean automatic?'
    """
    name = nearest(found, names)
    return f"; did you mean {name}?" if name else ""


def nearest(found: str, names: Iterable[str]) -> str:
    """The nearest of some names, or the empty string where none is near."""
    by_lower = {name.lower(): name for name in names}
    near = get_close_matches(found.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else ""
