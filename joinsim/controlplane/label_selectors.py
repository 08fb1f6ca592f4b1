"""Label selectors: ``app=web,tier in (front, back),!canary``, read and refused as the API server does.

The grammar: requirements with commas between them; each is a key alone (``exists``), one after
``!`` (``does not exist``), or a key, an operator and its values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from joinsim.api import status
from joinsim.controlplane.validation import label_value_problem, qualified_name_problem
from joinsim.errors import ApiError
from joinsim.gofmt import quote

__all__ = ["Labels", "read_label_selector"]

Labels = Mapping[str, str]

_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_SYMBOLS = ("==", "!=", "=", "!", "(", ")", ",", "<", ">")
_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_END = ""


@dataclass(frozen=True)
class _Requirement:
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        found = labels.get(self.key)
        match self.operator:
            case "exists":
                return found is not None
            case "!":
                return found is None
            case "in" | "=" | "==":
                return found in self.values
            case "notin" | "!=":
                return found is None or found not in self.values
        number = _integer(found)
        limit = int(self.values[0])
        if number is None:
            return False
        return number > limit if self.operator == "gt" else number < limit


def read_label_selector(text: str) -> Callable[[Labels], bool]:
    """What a selector selects; everything, if it is empty. Raises 400 in the API server's words."""
    requirements = _Parser(text).parse()

    def selects(labels: Labels) -> bool:
        return all(requirement.matches(labels) for requirement in requirements)

    return selects


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [match[1] for match in _TOKEN.finditer(text)]
        self._place = 0

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def _take(self) -> str:
        token = self._peek()
        self._place += 1
        return token

    def parse(self) -> list[_Requirement]:
        requirements: list[_Requirement] = []
        while self._peek() != _END:
            if self._peek() in _SYMBOLS and self._peek() != "!":
                raise _problem(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
            requirements.append(self._requirement())
            after = self._take()
            if after == _END:
                break
            if after != ",":
                raise _problem(f"found '{after}', expected: ',' or 'end of string'")
            if self._peek() == _END or (self._peek() in _SYMBOLS and self._peek() != "!"):
                raise _problem(f"found '{self._peek()}', expected: identifier after ','")
        return requirements

    def _requirement(self) -> _Requirement:
        negated = self._peek() == "!"
        if negated:
            self._take()
        key = self._take()
        if key == _END or key in _SYMBOLS:
            raise _unparsed(f"found '{key}', expected: identifier")
        problem = qualified_name_problem(key)
        if problem:
            raise _unparsed(f"key: Invalid value: {quote(key)}: {problem}")
        if negated:
            return _Requirement(key, "!")
        if self._peek() in (_END, ","):
            return _Requirement(key, "exists")
        operator = self._take()
        match operator:
            case "in" | "notin":
                values = self._values()
            case "=" | "==" | "!=":
                values = (self._exact_value(),)
            case "<" | ">":
                operator = {"<": "lt", ">": "gt"}[operator]
                values = (self._exact_value(),)
                if _integer(values[0]) is None:
                    raise _unparsed(
                        f"values[0]: Invalid value: {quote(values[0])}: for 'Gt', 'Lt' operators, "
                        "the value must be an integer"
                    )
            case _:
                raise _unparsed(f"found '{operator}', expected: {_OPERATORS}")
        for index, value in enumerate(values):
            problem = label_value_problem(value)
            if problem:
                raise _unparsed(f"values[{index}][{key}]: Invalid value: {quote(value)}: {problem}")
        return _Requirement(key, operator, values)

    def _exact_value(self) -> str:
        """One value, which may be left out: ``app=``."""
        if self._peek() in (_END, ","):
            return ""
        value = self._take()
        if value in _SYMBOLS:
            raise _unparsed(f"found '{value}', expected: identifier")
        return value

    def _values(self) -> tuple[str, ...]:
        found = self._take()
        if found != "(":
            raise _unparsed(f"found '{found}' expected: '('")
        values = [""] if self._peek() in (",", ")") else []
        while True:
            found = self._take()
            if found == ")":
                return tuple(sorted(set(values)))
            if found == ",":
                if self._peek() in (",", ")"):
                    values.append("")
                continue
            if found == _END or found in _SYMBOLS:
                raise _unparsed(f"found '{found}', expected: ',', ')' or identifier")
            values.append(found)
            if self._peek() not in (",", ")"):
                raise _unparsed(f"found '{self._peek()}', expected: ',' or ')'")


def _integer(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch(r"[+-]?[0-9]{1,18}", value) else None


def _problem(said: str) -> ApiError:
    return status.bad_request(said)


def _unparsed(said: str) -> ApiError:
    return _problem(f"unable to parse requirement: {said}")
