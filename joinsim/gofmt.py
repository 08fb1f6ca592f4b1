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

__all__ = [
    "duration",
    "go_value",
    "human_duration",
    "parse_duration",
    "parse_rfc3339",
    "quote",
    "rfc3339",
    "string_list",
]

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
_NUMBER_AND_UNIT = re.compile(r"([0-9]*(?:\.[0-9]*)?)([^0-9.]*)")

_LAYOUT = "2006-01-02T15:04:05Z07:00"
# Its elements: how Go calls each, what it takes for it (an hour of one digit is enough), and
# by which word and from which numbers on it is out of range.
_ELEMENTS = (
    ("2006", r"[0-9]{4}", "", 0, 0),
    ("-", "-", "", 0, 0),
    ("01", r"[0-9]{2}", "month", 1, 12),
    ("-", "-", "", 0, 0),
    ("02", r"[0-9]{2}", "", 0, 0),
    ("T", "T", "", 0, 0),
    ("15", r"[0-9]{1,2}", "hour", 0, 23),
    (":", ":", "", 0, 0),
    ("04", r"[0-9]{2}", "minute", 0, 59),
    (":", ":", "", 0, 0),
    ("05", r"[0-9]{2}(?:[.,][0-9]+)?", "second", 0, 59),
    ("Z07:00", r"Z|[+-][0-9]{2}:[0-9]{2}", "", 0, 0),
)
_RFC3339 = re.compile("".join(f"(?:{pattern})" for _, pattern, *_ in _ELEMENTS))
_HOUR = len("2006-01-02T")


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
    if 0xDC80 <= code <= 0xDCFF:
        # A byte that is no UTF-8, as Python carries it in from the command line.
        return f"\\x{code - 0xDC00:02x}"
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


_MINUTE_SECONDS, _HOUR_SECONDS, _DAY_SECONDS, _YEAR_SECONDS = 60, 3600, 86_400, 365 * 86_400
# Below so many seconds: the unit that is shown, and the finer one beside it.
_AGES = (
    (2 * _MINUTE_SECONDS, 1, 0),
    (10 * _MINUTE_SECONDS, _MINUTE_SECONDS, 1),
    (3 * _HOUR_SECONDS, _MINUTE_SECONDS, 0),
    (8 * _HOUR_SECONDS, _HOUR_SECONDS, _MINUTE_SECONDS),
    (48 * _HOUR_SECONDS, _HOUR_SECONDS, 0),
    (8 * _DAY_SECONDS, _DAY_SECONDS, _HOUR_SECONDS),
    (2 * _YEAR_SECONDS, _DAY_SECONDS, 0),
    (8 * _YEAR_SECONDS, _YEAR_SECONDS, _DAY_SECONDS),
    (math.inf, _YEAR_SECONDS, 0),
)
_AGE_UNITS = {1: "s", _MINUTE_SECONDS: "m", _HOUR_SECONDS: "h", _DAY_SECONDS: "d", _YEAR_SECONDS: "y"}


def human_duration(seconds: float) -> str:
    """A duration as kubectl shows an age: the coarser, the longer it is.

    >>> human_duration(119), human_duration(547), human_duration(86400 * 3.5)
    ('119s', '9m7s', '3d12h')
    """
    if seconds <= -2:
        return "<invalid>"
    whole = max(int(seconds), 0)
    unit, finer = next((unit, finer) for limit, unit, finer in _AGES if whole < limit)
    rest = whole % unit // finer if finer else 0
    return f"{whole // unit}{_AGE_UNITS[unit]}" + (f"{rest}{_AGE_UNITS[finer]}" if rest else "")


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
    total, position = 0.0, 0
    while position < len(body) or not position:
        match = _NUMBER_AND_UNIT.match(body, position)
        assert match
        number, unit = match.groups()
        if not number.strip("."):
            raise ValueError(f"time: invalid duration {_time_quote(text)}")
        if not unit:
            raise ValueError(f"time: missing unit in duration {_time_quote(text)}")
        if unit not in _UNITS:
            raise ValueError(f"time: unknown unit {_time_quote(unit)} in duration {_time_quote(text)}")
        total += float(number) * _UNITS[unit]
        position = match.end()
    if not math.isfinite(total) or total > (2**63 - 1) / 1e9:
        raise ValueError(f"time: invalid duration {_time_quote(text)}")
    return sign * total


def _time_quote(text: str) -> str:
    # Go's package time quotes by itself: control characters and all that is not ASCII by bytes.
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    shown = (
        chr(byte) if 0x20 <= byte < 0x80 else f"\\x{byte:02x}" for byte in escaped.encode(errors="replace")
    )
    return f'"{"".join(shown)}"'


@lru_cache(maxsize=64)
def rfc3339(moment: datetime) -> str:
    """A time as Kubernetes writes it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time as ``time.Parse`` does; shorter ISO 8601 forms are none.

    Raises ValueError with Go's own message.
    """
    if _RFC3339.fullmatch(text):
        padded = text if text[_HOUR + 1] != ":" else f"{text[:_HOUR]}0{text[_HOUR:]}"
        try:
            return datetime.fromisoformat(padded)
        except ValueError:
            pass
    raise ValueError(f"parsing time {_time_quote(text)}{_time_problem(text)}")


def _time_problem(text: str) -> str:
    rest = text
    for name, pattern, word, least, most in _ELEMENTS:
        match = re.match(pattern, rest)
        if not match:
            return f' as "{_LAYOUT}": cannot parse {_time_quote(rest)} as "{name}"'
        if word and not least <= int(match.group()[:2]) <= most:
            return f": {word} out of range"
        rest = rest[match.end() :]
    return f": extra text: {_time_quote(rest)}" if rest else ": day out of range"


def go_value(value: object) -> str:
    """A value out of JSON as Go prints it with ``%v``.

    >>> go_value({"b": [1, None], "a": "x"})
    'map[a:x b:[1 <nil>]]'
    """
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_value(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)
