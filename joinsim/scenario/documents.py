"""YAML documents whose every value knows where it stands.

A document is read into nodes, not into values, so that an error about a value can say
``file:line:column``. Only what JSON has may be in it; keys are strings and appear once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

import yaml

from joinsim.api.yaml_codec import YamlError, YamlLoader
from joinsim.errors import Location, ScenarioError
from joinsim.scenario.suggestions import shown, suggestion

__all__ = ["Document", "Path", "Scalar", "dotted", "read_document"]

Scalar: TypeAlias = bool | int | float | str | None
Path: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys and indices."""

NODES_MAX = 100_000
"""How many values a document may have, those that aliases repeat counted each time."""

NESTING_MAX = 100
"""How many lists and mappings may stand within each other."""

_PREFIX = "tag:yaml.org,2002:"
_KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "null": "null"}
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# The reader takes a byte order mark at the start, and nothing else that is not printable.
_NO_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def dotted(path: Path) -> str:
    """A path as error messages have it.

    >>> dotted(("timeline", 0, "join"))
    'timeline[0].join'
    """
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(parts).removeprefix(".")


def _location(file: str, item: yaml.Node | yaml.Event) -> Location:
    assert item.start_mark is not None
    return Location(file, item.start_mark.line + 1, item.start_mark.column + 1)


@dataclass(frozen=True)
class Document:
    """A YAML document: its file's name, and the node at its root."""

    file: str
    root: yaml.Node = field(repr=False)

    def at(self, path: Path, *, key: bool = False) -> Location:
        """Where the value at a path begins, or its key; of a path that leads nowhere, as far as it goes."""
        node, place = self.root, self.root
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            place, node = found
        return _location(self.file, place if key else node)

    def error(self, problem: str, path: Path, *, key: bool = False) -> ScenarioError:
        """An error about the value at a path, or about its key."""
        return ScenarioError(problem, location=self.at(path, key=key), path=dotted(path))

    def value(self, replace: Mapping[str, Scalar] | None = None) -> object:
        """The document as plain values, each scalar ``${name}`` replaced by the value of that name.

        Raises :class:`ScenarioError` for what is not JSON, for keys that are there twice,
        and for names that are not in ``replace``. With None nothing is replaced.
        """
        return _Reader(self, replace).read(self.root, ())


def _step(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key node and the value node one step further."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


class _Reader:
    def __init__(self, document: Document, replace: Mapping[str, Scalar] | None) -> None:
        self._document = document
        self._replace = replace
        self._count = 0
        self._open: list[int] = []

    def read(self, node: yaml.Node, path: Path) -> object:
        self._count += 1
        if self._count > NODES_MAX:
            raise self._document.error(f"expected at most {NODES_MAX} values, found more", path)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            raise self._document.error("expected no alias to something that it is in", path)
        self._open.append(id(node))
        if isinstance(node, yaml.MappingNode):
            value: object = self._mapping(node, path)
        else:
            self._check_tag(node, path, "seq")
            value = [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        self._open.pop()
        return value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        self._check_tag(node, path, "map")
        self._check_keys(node.value, path)
        return {key.value: self.read(item, (*path, key.value)) for key, item in node.value}

    def _check_keys(self, pairs: Sequence[tuple[yaml.Node, yaml.Node]], path: Path) -> None:
        for key, _ in pairs:
            if not isinstance(key, yaml.ScalarNode) or key.tag != _PREFIX + "str":
                raise ScenarioError(
                    f"expected a string as key, found {_described(key)}",
                    location=_location(self._document.file, key),
                    path=dotted(path),
                )
        in_order = sorted((key for key, _ in pairs), key=lambda key: (key.value, key.start_mark.index))
        for first, second in pairwise(in_order):
            if first.value == second.value:
                raise ScenarioError(
                    f"expected each key once, found {first.value} again (first in line "
                    f"{first.start_mark.line + 1})",
                    location=_location(self._document.file, second),
                    path=dotted((*path, first.value)),
                )

    def _check_tag(self, node: yaml.Node, path: Path, kind: str) -> None:
        if node.tag != _PREFIX + kind:
            raise self._document.error(f"expected no tag, found {node.tag}", path)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Scalar:
        kind = node.tag.removeprefix(_PREFIX)
        if kind not in ("str", "int", "float", "bool", "null"):
            raise self._document.error(f"expected no tag, found {node.tag}", path)
        try:
            value = _plain(node)
        except ValueError:
            problem = f"expected {_KINDS[kind]}, found {shown(node.value)}"
            raise self._document.error(problem, path) from None
        if self._replace is None or not isinstance(value, str) or "${" not in value:
            return value
        name = value.removeprefix("${").removesuffix("}")
        if value != "${" + name + "}" or "${" in name:
            raise self._document.error(
                f"expected ${{parameter}} to be the whole value, found {shown(value)}", path
            )
        if name not in self._replace:
            raise self._document.error(
                f"expected a parameter of the matrix, found {name or 'none'}{suggestion(name, self._replace)}",
                path,
            )
        return self._replace[name]


def _plain(node: yaml.ScalarNode) -> Scalar:
    """A scalar's value; ValueError where a tag says that it is something else."""
    text = str(node.value)
    match node.tag.removeprefix(_PREFIX):
        case "int":
            return int(text, 16) if text.startswith("0x") else int(text)
        case "float":
            number = float(text)
            if not math.isfinite(number):
                raise ValueError(text)
            return number
        case "bool":
            return ("false", "true").index(text.lower()) == 1
        case "null":
            if text.lower() not in ("", "~", "null"):
                raise ValueError(text)
            return None
    return text


def _described(node: yaml.Node) -> str:
    """What stands where a key should."""
    if not isinstance(node, yaml.ScalarNode):
        return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
    try:
        return shown(_plain(node))
    except ValueError:
        return shown(node.value)


def _check_nesting(text: str, file: str) -> None:
    """Refuse what is nested too deep: the reader calls itself at each level and has no limit."""
    depth = 0
    for event in yaml.parse(text, YamlLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > NESTING_MAX:
                raise ScenarioError(
                    f"expected at most {NESTING_MAX} levels, found more", location=_location(file, event)
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _unreadable(text: str, file: str, error: Exception) -> ScenarioError:
    """An error about the first character that YAML does not have."""
    alien = _NO_YAML.search(text)
    before = text[: alien.start()] if alien else ""
    location = Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    found = f"U+{ord(alien.group()):04X}" if alien else str(error)
    return ScenarioError(f"expected YAML, found the character {found}", location=location)


def read_document(text: str, file: str) -> Document:
    """Read the one document of a file; :class:`ScenarioError` where there is none, or more."""
    try:
        _check_nesting(text, file)
        root = yaml.compose(text, YamlLoader)
    except (yaml.reader.ReaderError, UnicodeEncodeError) as error:
        raise _unreadable(text, file, error) from None
    except yaml.YAMLError as error:
        found = YamlError.of(error)
        lines = _LINE_BREAK.split(text)
        # The reader takes the end of a file for a line of its own, which no editor shows.
        line, column = max(found.line, 1), max(found.column, 1)
        if line > len(lines):
            line, column = len(lines), len(lines[-1]) + 1
        hint = '; within { } and [ ] write "${…}" in quotes' if "${" in lines[line - 1] else ""
        raise ScenarioError(
            f"expected YAML, {found.problem}{hint}", location=Location(file, line, column)
        ) from None
    if root is None:
        raise ScenarioError("expected a scenario, found nothing", location=Location(file, 1, 1))
    return Document(file, root)
