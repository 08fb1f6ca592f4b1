"""Who is who in a run: what the checks over a journal need to know besides the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ADMINISTRATOR", "TIMELINE", "Cast"]

ADMINISTRATOR, TIMELINE = "administrator", "timeline"
"""The actors of a journal that are no machines."""


@dataclass(frozen=True)
class Cast:
    """The names of a run.

    ``nodes`` gives each honest machine the name of its Node; ``tokens`` each token of the
    file its id.
    """

    cluster: str
    nodes: Mapping[str, str]
    adversaries: tuple[str, ...]
    tokens: Mapping[str, str]
