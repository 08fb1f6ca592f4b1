"""Field selectors: which objects of a collection a list or watch is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from joinsim.api import status
from joinsim.api.objects import JsonObject
from joinsim.controlplane.request_info import RequestInfo
from joinsim.controlplane.resources import Strategy
from joinsim.gofmt import quote

__all__ = ["Selector", "read_selector"]

Selector = Callable[[JsonObject], bool]


@dataclass(frozen=True)
class _Term:
    field: str
    value: str
    equal: bool


def read_selector(info: RequestInfo, strategy: Strategy) -> Selector:
    """The selector of a request; 400 for a field that the resource cannot be selected by.

    Label selectors are refused with 501: nothing in a join uses one.
    """
    if info.query.get("labelSelector"):
        raise status.not_supported("label selectors")
    terms = [_read_term(term) for term in info.query.get("fieldSelector", "").split(",") if term.strip()]
    for term in terms:
        if strategy.field({}, term.field) is None:
            raise status.bad_request(f"field label not supported: {term.field}")

    def selects(stored: JsonObject) -> bool:
        return all((strategy.field(stored, term.field) == term.value) == term.equal for term in terms)

    return selects


def _read_term(text: str) -> _Term:
    for operator, equal in (("!=", False), ("==", True), ("=", True)):
        field, found, value = text.partition(operator)
        if found:
            return _Term(field.strip(), value.strip(), equal)
    raise status.bad_request(f"invalid selector: {quote(text)}; can't understand {quote(text)}")
