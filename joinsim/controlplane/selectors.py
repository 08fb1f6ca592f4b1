"""Which objects of a collection a list or watch is about: field selectors and label selectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from joinsim.api import status
from joinsim.api.objects import JsonObject, texts
from joinsim.controlplane.label_selectors import read_label_selector
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
    """The selector of a request; 400 for one that cannot be read, or a field that is not selectable."""
    labelled = read_label_selector(info.query.get("labelSelector", ""))
    selector = info.query.get("fieldSelector", "")
    terms = [_read_term(term, selector) for term in selector.split(",") if term]
    for term in terms:
        if strategy.field({}, term.field) is None:
            raise status.bad_request(_unknown_field(term.field, strategy))

    def selects(stored: JsonObject) -> bool:
        return all(
            (strategy.field(stored, term.field) == term.value) == term.equal for term in terms
        ) and labelled(texts(stored, "metadata", "labels"))

    return selects


def _unknown_field(field: str, strategy: Strategy) -> str:
    """Kinds with fields of their own to select by say so in one way, all others in another."""
    if strategy.selectable:
        return f"field label not supported: {field}"
    return f'{quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"'


def _read_term(term: str, selector: str) -> _Term:
    for operator, equal in (("!=", False), ("==", True), ("=", True)):
        field, found, value = term.partition(operator)
        if found:
            return _Term(field, value, equal)
    raise status.bad_request(f"invalid selector: '{selector}'; can't understand '{term}'")
