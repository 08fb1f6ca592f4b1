"""The fields of Kubernetes' kinds: their names, numbers and types, in the order in which Go writes them.

One table says what a kind is made of, and everything that depends on it reads the table: which
fields of a body are unknown, what a wrong type is called, how an object is put into protobuf.
``message_types.json`` holds it, a field to a line: number on the wire, then type. In a type
``!`` marks what Go writes though it is empty, ``*`` what it tells apart from zero, ``[]`` and
``map[…]`` lists and maps with string keys, and what follows a colon is Go's own name for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from importlib.resources import files

__all__ = ["SCALARS", "Field", "MessageType", "Shape", "message_type", "type_name_of"]

SCALARS = ("string", "bytes", "bool", "int32", "int64")

_TYPE = re.compile(
    r"(?P<always>!)?(?P<pointer>\*)?(?P<shape>\[\]|map\[)?(?P<type>[\w.]+)\]?(:(?P<named>[\w.]+))?"
)


class Shape(Enum):
    """How many values a field holds."""

    ONE = "one"
    LIST = "list"
    MAP = "map"


@dataclass(frozen=True)
class Field:
    """One field: ``type`` is one of :data:`SCALARS` or the name of a message type."""

    name: str
    number: int
    type: str
    shape: Shape
    always: bool
    pointer: bool
    go_type: str

    @cached_property
    def is_text(self) -> bool:
        """Whether it holds one string."""
        return self.shape is Shape.ONE and self.type == "string"

    @cached_property
    def is_scalar(self) -> bool:
        """Whether its values are no messages."""
        return self.type in SCALARS


@dataclass(frozen=True)
class MessageType:
    """One type, with its fields by their JSON names."""

    name: str
    fields: Mapping[str, Field]

    @cached_property
    def go_name(self) -> str:
        """The name of Go's struct: ``CertificateSigningRequestSpec``."""
        return self.name.rpartition(".")[2]


@cache
def _table() -> Mapping[str, Mapping[str, tuple[int, str]]]:
    table: Mapping[str, Mapping[str, tuple[int, str]]] = json.loads(
        files("joinsim.api").joinpath("message_types.json").read_text()
    )
    return table


@cache
def message_type(name: str) -> MessageType | None:
    """The type of this name (``core.v1.Node``, ``meta.v1.ObjectMeta``), if the table has it."""
    rows = _table().get(name)
    if rows is None:
        return None
    return MessageType(name, {field: _field(field, number, said) for field, (number, said) in rows.items()})


def type_name_of(api_version: str, kind: str) -> str:
    """The name in the table of an API version and kind.

    >>> type_name_of("certificates.k8s.io/v1", "CertificateSigningRequest")
    'certificates.v1.CertificateSigningRequest'
    """
    group, _, version = api_version.rpartition("/")
    meta = kind in ("Status", "DeleteOptions", "WatchEvent")
    return f"{'meta' if meta else group.partition('.')[0] or 'core'}.{version}.{kind}"


def _field(name: str, number: int, said: str) -> Field:
    match = _TYPE.fullmatch(said)
    assert match is not None, said
    shape = {None: Shape.ONE, "[]": Shape.LIST, "map[": Shape.MAP}[match["shape"]]
    always, pointer = bool(match["always"]), bool(match["pointer"])
    return Field(name, number, match["type"], shape, always, pointer, _go_type(match, shape))


_GO_TYPES = {"bytes": "[]uint8", "resource.Quantity": "resource.Quantity"}


def _go_type(match: re.Match[str], shape: Shape) -> str:
    """How Go's decoder calls the type: ``map[string]string``, ``[]v1.Taint``, ``int32``."""
    kind = match["type"]
    if match["named"]:
        one = match["named"]
    elif kind in SCALARS:
        one = _GO_TYPES.get(kind, kind)
    else:
        one = ".".join(kind.rsplit(".", 2)[-2:])
    if shape is Shape.MAP:
        return "v1.ResourceList" if kind == "resource.Quantity" else f"map[string]{one}"
    return f"[]{one}" if shape is Shape.LIST else one
