"""YAML as Kubernetes' tools read and write it.

Kubernetes turns YAML into JSON, so only JSON's types exist: a date and ``12:30`` stay
strings, and so do the keys of a map. Its reader knows YAML 1.1: ``yes`` and ``on`` are
booleans, ``0644`` is octal. Written YAML has its keys sorted, its lists not indented,
and double quotes around strings that would read as something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from joinsim.api.objects import JsonValue

__all__ = ["YamlError", "YamlLoader", "dump_yaml", "load_yaml"]

# The pure Python reader is ten times slower; it stands in where libyaml is missing.
_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FastDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_NEVER_FOLD = 1 << 30
_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+",
        "-+0123456789.",
    ),
}


# What Kubernetes' reader knows besides: YAML 1.1's booleans, numbers and merged maps.
_OLDER_SCALARS = {
    "bool": (r"y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF", "yYnNoO"),
    "int": (r"[-+]?(?:0o?[0-7_]+|0b[01_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*)", "-+0123456789"),
    "float": (r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?", "-+0123456789"),
    "merge": (r"<<", "<"),
}
# What it reads as a string and writes in quotes all the same.
_ONLY_QUOTED = {
    "timestamp": (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?", "0123456789"),
    "float": (r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", "-+0123456789"),
}
_TRUE = frozenset({"y", "yes", "on", "true"})
_VALUES_MAX = 1_000_000
# Divergence: Kubernetes' reader goes 10,000 deep, where the one used here ends the process.
_DEPTH_MAX = 500


class YamlError(ValueError):
    """A text that is no YAML; ``line`` and ``column`` count from one, zero where unknown."""

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"yaml: line {line}: {problem}" if line else f"yaml: {problem}")
        self.problem = problem
        self.line = line
        self.column = column

    @classmethod
    def of(cls, error: yaml.YAMLError) -> YamlError:
        """What the reader found wrong, with the place where it found it."""
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not readable as YAML"
        return cls(problem, mark.line + 1, mark.column + 1) if mark else cls(str(problem))


class YamlLoader(_FastLoader):  # type: ignore[misc]
    """Resolves plain scalars to JSON's types and to nothing else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


class _KubernetesLoader(YamlLoader):
    """Resolves what Kubernetes' reader resolves; every key is a string."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        pairs = super().construct_mapping(node, deep=deep)
        return {key if isinstance(key, str) else _key(key): value for key, value in pairs.items()}


def _key(key: object) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, int | float):
        return str(key)
    raise YamlError("unsupported map key")


def _construct_bool(loader: Any, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)).lower() in _TRUE


class _Dumper(_FastDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: object) -> bool:
        return True

    def resolve(self, kind: type[yaml.Node], value: object, implicit: tuple[bool, bool]) -> str:
        """The tag that a reader would give a node; the inherited way is slower and says the same."""
        if kind is yaml.ScalarNode and implicit[0] and isinstance(value, str):
            return _tag_of(value)
        return _DEFAULT_TAGS[kind]


_STRING = "tag:yaml.org,2002:str"
_DEFAULT_TAGS = {
    yaml.ScalarNode: _STRING,
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
    yaml.MappingNode: "tag:yaml.org,2002:map",
}


def _tag_of(value: str) -> str:
    for pattern, tag in _TAGS.get(value[:1], ()):
        if pattern.match(value):
            return tag
    return _STRING


def _represent_text(dumper: Any, value: str) -> Any:
    style = '"' if not value or _tag_of(value) != _STRING else "|" if "\n" in value else None
    return dumper.represent_scalar(_STRING, value, style=style)


_TAGS: dict[str, list[tuple[re.Pattern[str], str]]] = {}


def _register(scalars: Mapping[str, tuple[str, Iterable[str]]], loaders: Iterable[Any]) -> None:
    for name, (pattern, first) in scalars.items():
        tag, whole = f"tag:yaml.org,2002:{name}", re.compile(rf"(?:{pattern})\Z")
        for loader in loaders:
            loader.add_implicit_resolver(tag, whole, list(first))
        for letter in first:
            _TAGS.setdefault(letter, []).append((whole, tag))


_register(_SCALARS, (YamlLoader, _KubernetesLoader))
_register(_OLDER_SCALARS, (_KubernetesLoader,))
_register(_ONLY_QUOTED, ())
_KubernetesLoader.add_constructor("tag:yaml.org,2002:bool", _construct_bool)
_Dumper.add_representer(str, _represent_text)


def load_yaml(text: str) -> JsonValue:
    """Read the first YAML document of a text; :class:`YamlError` where that cannot be done."""
    try:
        _check_depth(text)
        value: JsonValue = _first_document(text)
        if "&" in text or "!" in text:
            _measure(value, {})
    except yaml.YAMLError as error:
        raise YamlError.of(error) from None
    except YamlError:
        raise
    except (ValueError, RecursionError) as error:
        # Text that is no Unicode, a number of thousands of digits, brackets without end.
        raise YamlError("not readable as YAML") from error
    return value


def _first_document(text: str) -> Any:
    loader = _KubernetesLoader(text)
    try:
        return loader.get_data() if loader.check_data() else None
    finally:
        loader.dispose()


def _check_depth(text: str) -> None:
    # What is nested so deep has at least so many of these, or is this long; most texts are neither.
    if len(text) < _DEPTH_MAX**2 // 2 and sum(map(text.count, ("[", "{", "- ", "? "))) <= _DEPTH_MAX:
        return
    depth = 0
    for event in yaml.parse(text, _KubernetesLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentEndEvent):
            return
        if depth > _DEPTH_MAX:
            raise YamlError(f"exceeded max depth of {_DEPTH_MAX}")


def _measure(value: object, known: dict[int, int | None]) -> int:
    """Count a value's parts as if its aliases were written out."""
    if not isinstance(value, dict | list):
        if not isinstance(value, str | int | float | None):
            raise YamlError(f"cannot decode {type(value).__name__} as JSON")
        return 1
    if id(value) not in known:
        known[id(value)] = None
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_measure(part, known) for part in parts)
    count = known[id(value)]
    if count is None:
        raise YamlError("an anchor's value contains itself")
    if count > _VALUES_MAX:
        raise YamlError("document contains excessive aliasing")
    return count


def dump_yaml(value: JsonValue) -> str:
    """Write one document, in block style.

    >>> print(dump_yaml({"at": "2026-01-01T00:00:00Z", "is": "on", "token": "abcdef"}), end="")
    at: "2026-01-01T00:00:00Z"
    is: "on"
    token: abcdef
    """
    written: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=_NEVER_FOLD
    )
    return written
