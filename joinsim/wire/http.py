"""HTTP requests and responses as values, and how h11 sees them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["Headers", "Request", "Response"]


class Headers(Mapping[str, str]):
    """HTTP headers: names in any case; of several with one name, their values joined by commas.

    >>> Headers([("Accept", "a"), ("accept", "b")])["ACCEPT"]
    'a, b'
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            name = name.lower()
            self._values[name] = f"{self._values[name]}, {value}" if name in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Authorization is in here, so the values stay unseen.
        return f"<Headers {', '.join(self._values)}>"


@dataclass(frozen=True)
class Request:
    """What a server was asked. ``oversized`` marks a body that was cut at the limit."""

    method: str
    target: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)
    oversized: bool = False

    @cached_property
    def _split(self) -> tuple[str, str]:
        """The target's path and query; one in absolute form (RFC 9112 section 3.2.2) has a host before."""
        if self.target.startswith("/"):
            path, _, query = self.target.partition("?")
            return path, query
        parts = urlsplit(self.target)
        return parts.path, parts.query

    @cached_property
    def path(self) -> str:
        """The path, percent-decoded, without the query."""
        path = self._split[0]
        return (unquote(path) if "%" in path else path) or "/"

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; of several with one name the first counts, as in Go."""
        return dict(reversed(parse_qsl(self._split[1], keep_blank_values=True)))


@dataclass
class Response:
    """An answer; a body that is a generator is sent in chunks as it comes."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncGenerator[bytes, None] = b""
