"""The part of the scenario file that says what is expected in the end."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, StrictBool, Tag, model_validator

from joinsim.errors import Reason
from joinsim.scenario.model import Model
from joinsim.scenario.suggestions import listed
from joinsim.scenario.values import Duration, HostName, Scalars

__all__ = [
    "EXPECTATIONS",
    "AttackExpectation",
    "CsrExpectation",
    "Expectation",
    "NodeExpectation",
    "Outcome",
    "Property",
    "PropertyExpectation",
]


class Outcome(StrEnum):
    """How a join ends."""

    JOINED = "joined"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"


class Property(StrEnum):
    """The trust properties, judged over every run."""

    GENUINE_CONTROL_PLANE = "genuine-control-plane"
    NO_FOREIGN_IDENTITY = "no-foreign-identity"
    NO_NODE_IMPERSONATION = "no-node-impersonation"
    NO_SECRET_DISCLOSED = "no-secret-disclosed"
    TOKEN_CONFIDENTIAL = "token-confidential"
    NO_PRIVILEGE_ESCALATION = "no-privilege-escalation"
    AVAILABLE = "available"


class _Expectation(Model):
    when: dict[str, Annotated[Scalars, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="The cells of the matrix in which this is expected: values by parameter.",
        repr=False,
    )


class NodeExpectation(_Expectation):
    """How a node's join is expected to end."""

    node: HostName = Field(description="The node.")
    outcome: Outcome = Field(description="How its join ends.")
    phase: str | None = Field(None, description="The phase in which it refuses or gives up.")
    reason: Reason | None = Field(None, description="Why.")
    error: str | None = Field(None, description="A part of kubeadm's own error.")
    trusts: str | None = Field(
        None, description="Whose keys it trusts after discovery: cluster, an adversary, or nobody."
    )
    takes: tuple[Duration, Duration] | None = Field(
        None, description="Between which times from its start the join ends."
    )

    @model_validator(mode="after")
    def _named(self) -> NodeExpectation:
        if self.outcome is Outcome.JOINED:
            if self.phase or self.reason or self.error:
                raise ValueError("expected phase, reason and error only of a node that does not join")
        elif self.phase is None or (self.reason is None and self.outcome is Outcome.REFUSED):
            wanted = "phase and reason" if self.outcome is Outcome.REFUSED else "a phase"
            raise ValueError(f"expected {wanted} beside outcome {self.outcome}, so that it is the right one")
        if self.takes is not None and self.takes[0] > self.takes[1]:
            raise ValueError("expected the shorter time first in takes, found the longer")
        return self


class CsrExpectation(_Expectation):
    """What becomes of the last certificate request for a node."""

    csr: HostName = Field(description="The node that it is for.")
    state: Literal["pending", "approved", "denied", "issued"] = Field(
        description="Its state at the end; approved is approved and not issued."
    )
    requestor: str | None = Field(None, description="Who posted it: a user name, or token:NAME.")
    approver: str | None = Field(None, description="Who approved or denied it: a user name.")


class PropertyExpectation(_Expectation):
    """That a trust property is broken, or holds."""

    property: Property = Field(description="The property.")
    broken: StrictBool = Field(description="Whether it is expected to be broken.")


class AttackExpectation(_Expectation):
    """That an attack did something that its victims could notice, or did not."""

    attack: Literal["impersonate-control-plane"] = Field(description="The attack.")
    fired: StrictBool = Field(description="Whether it is expected to fire.")


EXPECTATIONS = ("node", "csr", "property", "attack")
"""What can be expected of: the key that tells the kinds of expectations apart."""


def _kind_of(value: Any) -> str | None:
    for kind in EXPECTATIONS:
        if (kind in value) if isinstance(value, dict) else hasattr(value, kind):
            return f"<{kind}>"
    return None


Expectation: TypeAlias = Annotated[
    Annotated[NodeExpectation, Tag("<node>")]
    | Annotated[CsrExpectation, Tag("<csr>")]
    | Annotated[PropertyExpectation, Tag("<property>")]
    | Annotated[AttackExpectation, Tag("<attack>")],
    Discriminator(
        _kind_of,
        custom_error_type="expectation",
        custom_error_message=f"expected a mapping with one of {listed(EXPECTATIONS)} in it",
    ),
]
"""One thing that is expected. The tags stay out of paths in error messages."""
