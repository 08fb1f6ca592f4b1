"""YAML as Kubernetes' tools read and write it.

Kubernetes turns YAML into JSON, so only JSON's types exist: a date stays a string,
and so do ``12:30``, ``on`` and ``yes``. Written YAML has its keys sorted, its lists
not indented, and double quotes around strings that would read as something else.
"""

from __future__ import annotations

import re
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


# What other readers of YAML 1.1 take for a boolean, a date, or a number in a form unknown to JSON:
# go-yaml quotes it too.
_OLD_SCALARS = re.compile(
    r"y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF|<<|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt]| +)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?0b[01_]+|[-+]?[0-9][0-9_]*"
)


def _reads_otherwise(value: str) -> bool:
    return _tag_of(value) != _STRING or _OLD_SCALARS.fullmatch(value) is not None


def _represent_text(dumper: Any, value: str) -> Any:
    style = '"' if not value or _reads_otherwise(value) else "|" if "\n" in value else None
    return dumper.represent_scalar(_STRING, value, style=style)


_TAGS: dict[str, list[tuple[re.Pattern[str], str]]] = {}
for _name, (_pattern, _first) in _SCALARS.items():
    _tag, _whole = f"tag:yaml.org,2002:{_name}", re.compile(rf"(?:{_pattern})\Z")
    YamlLoader.add_implicit_resolver(_tag, _whole, list(_first))
    for _letter in _first:
        _TAGS.setdefault(_letter, []).append((_whole, _tag))
_Dumper.add_representer(str, _represent_text)


def load_yaml(text: str) -> JsonValue:
    """Read one YAML document; :class:`YamlError` where that cannot be done."""
    try:
        value: JsonValue = yaml.load(text, YamlLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise YamlError.of(error) from None
    return value


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
