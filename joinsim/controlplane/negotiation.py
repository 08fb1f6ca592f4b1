"""Which form an answer takes: the first of those that a client accepts and this server writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from joinsim.api import status
from joinsim.errors import ApiError

__all__ = ["JSON", "PLAIN", "PROTOBUF", "YAML", "Form", "form_of_refusals", "negotiate"]

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"

_MEDIA = {
    JSON: JSON,
    YAML: YAML,
    PROTOBUF: PROTOBUF,
    "*/*": JSON,
    "application/*": JSON,
}
_SHAPES = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True)
class Form:
    """A media type, and what an object is turned into: a Table, its metadata alone, or (empty) nothing."""

    media: str
    shape: str = ""


PLAIN = Form(JSON)


@dataclass(frozen=True)
class _Clause:
    media: str
    parameters: dict[str, str]
    quality: float

    @classmethod
    def read(cls, text: str) -> _Clause:
        media, *rest = [part.strip() for part in text.split(";")]
        parameters = {}
        for part in rest:
            name, _, value = part.partition("=")
            parameters[name.strip()] = value.strip()
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 1.0
        return cls(media, parameters, quality)

    def form(self) -> Form | None:
        """The form that is asked for, None where this server does not write it."""
        media = _MEDIA.get(self.media)
        shape = self.parameters.get("as", "")
        if media is None or (shape and shape not in _SHAPES):
            return None
        if shape and (self.parameters.get("g"), self.parameters.get("v")) != ("meta.k8s.io", "v1"):
            # Divergence: Tables of meta.k8s.io/v1beta1 are passed over for a client's next choice.
            return None
        if shape and media == PROTOBUF:
            # Divergence: metadata alone is not written in protobuf, but in a client's next choice.
            return None
        return Form(media, shape)


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Form:
    """The form of an answer to a request with this Accept header. 406 where there is none."""
    if not accept.strip():
        return PLAIN
    clauses = [_Clause.read(item) for item in accept.split(",")]
    for clause in sorted(clauses, key=lambda clause: -clause.quality):
        form = clause.form()
        if form is not None:
            return form
    raise status.not_acceptable()


def form_of_refusals(accept: str) -> str:
    """The media type of a Status for a request with this Accept header: JSON where nothing will do."""
    try:
        return negotiate(accept).media
    except ApiError:
        return JSON
