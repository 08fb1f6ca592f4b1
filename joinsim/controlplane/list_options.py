"""Which combinations of a list's or a watch's options make sense, and the 422 for those that do not."""

from __future__ import annotations

from joinsim.api.status import Cause
from joinsim.controlplane.request_info import RequestInfo
from joinsim.errors import ApiError
from joinsim.gofmt import quote

__all__ = ["check_list_options", "check_watch_options"]

_Problem = tuple[str, Cause, str]
_MATCH = "resourceVersionMatch"


def check_list_options(info: RequestInfo) -> None:
    """The API server's rules for a list; 422 with every one that is broken."""
    problems: list[_Problem] = []
    match = info.query.get(_MATCH, "")
    version = info.query.get("resourceVersion", "")
    if match:
        if not version:
            problems.append(_forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided"))
        problems += _not_with_continue(info)
        if match not in ("Exact", "NotOlderThan"):
            problems.append(_unsupported(match, '"Exact", "NotOlderThan", ""'))
        if match == "Exact" and version == "0":
            said = f'{_MATCH} "exact" is forbidden for resourceVersion "0"'
            problems.append(_forbidden(_MATCH, said))
    if "sendInitialEvents" in info.query:
        problems.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    _refuse(problems)


def check_watch_options(info: RequestInfo) -> None:
    """The API server's rules for a watch, of which most are about initial events; 422 likewise."""
    problems: list[_Problem] = []
    match = info.query.get(_MATCH, "")
    initial = "sendInitialEvents" in info.query
    if initial and match != "NotOlderThan":
        said = f"sendInitialEvents requires setting {_MATCH} to NotOlderThan"
        problems.append(_forbidden(_MATCH, said))
    if match:
        if not initial:
            said = f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"
            problems.append(_forbidden(_MATCH, said))
        if match != "NotOlderThan":
            problems.append(_unsupported(match, '"NotOlderThan"'))
        problems += _not_with_continue(info)
    _refuse(problems)


def _not_with_continue(info: RequestInfo) -> list[_Problem]:
    if not info.query.get("continue"):
        return []
    return [_forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")]


def _forbidden(field: str, problem: str) -> _Problem:
    return field, Cause.FORBIDDEN, f"Forbidden: {problem}"


def _unsupported(value: str, supported: str) -> _Problem:
    return _MATCH, Cause.NOT_SUPPORTED, f"Unsupported value: {quote(value)}: supported values: {supported}"


def _refuse(problems: list[_Problem]) -> None:
    if not problems:
        return
    said = [f"{field}: {message}" for field, _, message in problems]
    told = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    causes = [
        {"reason": cause.value, "message": message, "field": field} for field, cause, message in problems
    ]
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": causes}
    raise ApiError(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {told}', details)
