"""Values as Go prints and reads them.

Kubernetes' messages are made by Go's formatting verbs, and its configuration files
hold Go's durations. A message that is to be compared with the real one must be made
the same way.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import lru_cache

__all__ = ["duration", "parse_duration", "parse_rfc3339", "quote", "rfc3339", "string_list"]

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}

_ESCAPED = frozenset(_ESCAPES)

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|[smh])")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def quote(text: str) -> str:
    r"""A string as ``%q`` prints it.

    >>> print(quote('say "hi"'))
    "say \"hi\""
    """
    if text.isprintable() and not _ESCAPED.intersection(text):
        return f'"{text}"'
    return '"' + "".join(map(_quoted_character, text)) + '"'


def _quoted_character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def string_list(items: list[str]) -> str:
    """A list of strings as ``%v`` prints it.

    >>> string_list(["client auth", "digital signature"])
    '[client auth digital signature]'
    """
    return "[" + " ".join(items) + "]"


def duration(seconds: float) -> str:
    """A duration as ``time.Duration`` prints it.

    >>> duration(300), duration(0.5), duration(0), duration(5400), duration(1.5)
    ('5m0s', '500ms', '0s', '1h30m0s', '1.5s')
    """
    nanoseconds = round(seconds * 1_000_000_000)
    sign = "-" if nanoseconds < 0 else ""
    nanoseconds = abs(nanoseconds)
    if nanoseconds == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < size * 1000:
            return f"{sign}{_decimal(nanoseconds, size)}{unit}"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(count: int, size: int) -> str:
    whole, rest = divmod(count, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def parse_duration(text: str) -> float:
    """Read a duration as ``time.ParseDuration`` does; the result is in seconds.

    Raises ValueError with Go's own message.

    >>> parse_duration("1h2m3.5s")
    3723.5
    """
    sign, body = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text.removeprefix("+"))
    if body == "0":
        return 0.0
    parts = _DURATION.findall(body)
    if not body or "".join(parts) != body:
        raise ValueError(_duration_problem(text, body))
    total = 0.0
    for part in parts:
        number = part.rstrip("nµμumsh")
        total += float(number) * _UNITS[part[len(number) :]]
    if not math.isfinite(total) or total > (2**63 - 1) / 1e9:
        raise ValueError(f"time: invalid duration {quote(text)}")
    return sign * total


def _duration_problem(text: str, body: str) -> str:
    position = 0
    while match := _DURATION.match(body, position):
        position = match.end()
    number = re.compile(r"[0-9]*\.?[0-9]*").match(body, position)
    rest = body[number.end() :] if number and number.group().strip(".") else ""
    if number and number.group().strip("."):
        unit = re.split(r"[0-9.]", rest, maxsplit=1)[0]
        if not unit:
            return f"time: missing unit in duration {quote(text)}"
        return f"time: unknown unit {quote(unit)} in duration {quote(text)}"
    return f"time: invalid duration {quote(text)}"


@lru_cache(maxsize=64)
def rfc3339(moment: datetime) -> str:
    """A time as Kubernetes writes it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time; ValueError for anything else, shorter ISO 8601 forms included."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(
            f'parsing time {quote(text)} as "2006-01-02T15:04:05Z07:00": cannot parse {quote(text)} as "2006"'
            if not re.match(r"[0-9]{4}", text)
            else f'parsing time {quote(text)} as "2006-01-02T15:04:05Z07:00"'
        )
    return datetime.fromisoformat(text)
