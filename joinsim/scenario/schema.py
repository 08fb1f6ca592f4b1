"""The scenario file, as a closed schema.

Every key is described here once: for the loader, which refuses what is not here, and
for editors, which read the exported JSON Schema. References between parts of a file
(a step that names a node) are checked by :mod:`joinsim.scenario.references`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    Tag,
    model_validator,
)

from joinsim.pki import KeyAlgorithm
from joinsim.scenario.expected import Expectation
from joinsim.scenario.model import Model, exactly_one
from joinsim.scenario.suggestions import listed, shown
from joinsim.scenario.values import (
    AbsolutePath,
    Duration,
    HostName,
    HttpsUrl,
    Name,
    Pins,
    Scalars,
    Strings,
    TokenReference,
    TokenValue,
)

__all__ = [
    "ACTIONS",
    "BINDINGS",
    "Adversary",
    "Binding",
    "ClusterModel",
    "Document",
    "Node",
    "Publication",
    "Step",
    "Token",
    "Trigger",
]


# --- the cluster ---------------------------------------------------------------------------


class Token(Model):
    """A bootstrap token of the cluster."""

    ttl: Duration = Field(
        86400.0, description="How long it lives; 24h, as kubeadm makes them. 0s is for ever."
    )
    value: TokenValue | None = Field(
        None, description="The token itself. Drawn from the seed where it is left out.", repr=False
    )
    usages: tuple[Literal["signing", "authentication"], ...] = Field(
        ("signing", "authentication"), description="What it is good for."
    )


class ClusterModel(Model):
    """The cluster that nodes join."""

    version: Literal["1.36"] = Field("1.36", description="The Kubernetes version.")
    tokens: dict[Name, Token] = Field(
        default_factory=dict, description="Bootstrap tokens that are there from the start, by name."
    )
    approval: Literal["automatic", "manual"] = Field(
        "automatic",
        description="manual: the administrator deletes the binding kubeadm:node-autoapprove-bootstrap.",
    )
    cluster_info: Literal["public", "closed"] = Field(
        "public",
        description="closed: the administrator deletes the binding kubeadm:bootstrap-signer-clusterinfo.",
    )
    starts_at: Duration = Field(0.0, description="When the control plane comes up.")
    key_algorithm: KeyAlgorithm = Field(
        KeyAlgorithm.ECDSA_P256, description="The algorithm of the cluster's keys (encryptionAlgorithm)."
    )
    certificate_validity: Duration = Field(
        8760 * 3600.0,
        description="How long the API server's certificate is valid; a year, as kubeadm has it.",
    )


# --- nodes -----------------------------------------------------------------------------------


class DiscoveryModel(Model):
    """How a node finds the cluster: by token, by file or by URL."""

    token: TokenReference | None = Field(
        None,
        description="Discovery by token: the name of a token, or a token as the node has it.",
        repr=False,
    )
    pin: Pins | None = Field(
        None,
        description="What is pinned: cluster (its CA's key), none (pinning switched off), or pins. "
        "Left out, nothing is pinned and pinning is not switched off either, which kubeadm refuses.",
    )
    file: str | None = Field(None, description="Discovery by file: a path on the node.")
    url: str | None = Field(None, description="Discovery by URL.")

    @model_validator(mode="after")
    def _one_way(self) -> DiscoveryModel:
        exactly_one(self, ("token", "file", "url"), "way of discovery")
        if self.pin is not None and self.token is None:
            raise ValueError("expected pin only beside token, found it without")
        return self


class TimeoutsModel(Model):
    """``timeouts`` of a JoinConfiguration."""

    discovery: Duration = Field(300.0, description="How long discovery may take.")
    kubelet_health_check: Duration = Field(240.0, description="How long the kubelet may take to be healthy.")
    kubernetes_api_call: Duration = Field(
        60.0, alias="kubernetesAPICall", description="How long a request to the API server is tried again."
    )
    tls_bootstrap: Duration = Field(
        300.0, description="How long the kubelet may take to get its certificate."
    )


class TaintModel(Model):
    """A taint."""

    key: str = Field(description="Its key.")
    value: str = Field("", description="Its value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        description="What it does to pods that do not tolerate it."
    )


class ArgumentModel(Model):
    """An argument for the kubelet."""

    name: str = Field(description="Its name, without dashes before it.")
    value: str = Field(description="Its value.")


class NodeRegistrationModel(Model):
    """``nodeRegistration`` of a JoinConfiguration."""

    name: str = Field("", description="The name of its Node, where it is not that of the machine.")
    cri_socket: str = Field(
        "unix:///var/run/containerd/containerd.sock", description="The socket of its container runtime."
    )
    taints: tuple[TaintModel, ...] = Field((), description="The taints that its Node is registered with.")
    kubelet_extra_args: tuple[ArgumentModel, ...] = Field(
        (), description="Further arguments for its kubelet."
    )
    ignore_preflight_errors: tuple[str, ...] = Field(
        (), description="Preflight checks whose errors are warnings only, by name; all for all of them."
    )


class ConfigModel(Model):
    """The rest of the node's JoinConfiguration (kubeadm.k8s.io/v1beta4)."""

    timeouts: TimeoutsModel = Field(default_factory=TimeoutsModel, description="How long things may take.")
    node_registration: NodeRegistrationModel = Field(
        default_factory=NodeRegistrationModel, description="How it registers as a Node."
    )
    ca_cert_path: str = Field(
        "/etc/kubernetes/pki/ca.crt", description="Where the cluster's CA is written on the node."
    )
    skip_phases: tuple[str, ...] = Field((), description="Phases that are left out, by name.")


class Node(Model):
    """A machine that joins."""

    discovery: DiscoveryModel = Field(description="How it finds the cluster.")
    tls_bootstrap_token: TokenReference | None = Field(
        None,
        description="The token for TLS bootstrap, where it is not that of discovery: a name, or a token.",
        repr=False,
    )
    config: ConfigModel = Field(
        default_factory=ConfigModel,
        description="Further fields of its JoinConfiguration, with kubeadm's defaults.",
    )
    heartbeats: StrictBool = Field(
        False, description="Whether its kubelet renews its Lease and reports its status, every 10 seconds."
    )


class FileServerModel(Model):
    """An HTTPS server with a certificate authority of its own."""

    trusted_by: tuple[HostName, ...] = Field(
        (), description="The nodes that have its authority in their CA bundle."
    )


# --- adversaries -----------------------------------------------------------------------------


class PositionModel(Model):
    """Where an adversary stands."""

    between: tuple[HostName, HostName] = Field(
        description="On the path of the connections that the first machine makes to the second."
    )


class HoldingModel(Model):
    """Something that an adversary holds from the start."""

    token: TokenReference = Field(description="A bootstrap token: a name, or a token.", repr=False)


class Adversary(Model):
    """Someone who is not meant to be trusted."""

    position: PositionModel = Field(description="Where it stands on the network.")
    holds: tuple[HoldingModel, ...] = Field((), description="What it holds from the start.")


# --- the timeline ----------------------------------------------------------------------------


class Binding(StrEnum):
    """A binding that an administrator may delete to harden a cluster."""

    APPROVAL = "kubeadm:node-autoapprove-bootstrap"
    CLUSTER_INFO = "kubeadm:bootstrap-signer-clusterinfo"


BINDINGS = tuple(binding.value for binding in Binding)


class Trigger(Model):
    """An event that a step waits for."""

    csr: HostName | None = Field(None, description="A certificate request for this node…")
    node: HostName | None = Field(None, description="The Node object of this name…")
    join: HostName | None = Field(None, description="The join of this node…")
    state: Literal["pending", "approved", "denied", "issued", "registered", "started", "ended"] = Field(
        description="… is pending, approved, denied or issued; is registered; has started or ended."
    )

    _STATES: ClassVar = {
        "csr": ("pending", "approved", "denied", "issued"),
        "node": ("registered",),
        "join": ("started", "ended"),
    }

    @model_validator(mode="after")
    def _fitting(self) -> Trigger:
        exactly_one(self, ("csr", "node", "join"), "subject")
        states = self._STATES[self.subject[0]]
        if self.state not in states:
            raise ValueError(
                f"expected a state of {listed(states)} for {self.subject[0]}, found {self.state}"
            )
        return self

    @property
    def subject(self) -> tuple[str, str]:
        """What it is about: its kind (``csr``, ``node`` or ``join``) and the node's name."""
        kinds = (("csr", self.csr), ("node", self.node), ("join", self.join))
        return next((kind, name) for kind, name in kinds if name is not None)


class NewToken(Token):
    """A token that the administrator creates."""

    name: Name = Field(description="Its name, for the rest of the file.")


class TokenCredential(Model):
    """A bootstrap token within a discovery file."""

    token: TokenReference = Field(description="The token: a name, or a token.", repr=False)


def _kind_of_credentials(value: Any) -> str:
    return "<token>" if isinstance(value, dict | TokenCredential) else "<word>"


Credentials: TypeAlias = Annotated[
    Annotated[Literal["none", "admin"], Tag("<word>")] | Annotated[TokenCredential, Tag("<token>")],
    Discriminator(_kind_of_credentials),
]


class Publication(Model):
    """A discovery file, made from cluster-info and carried to where nodes can read it."""

    node: HostName | None = Field(None, description="The node that it is carried to.")
    path: AbsolutePath | None = Field(None, description="Where it is put on the node.")
    url: HttpsUrl | None = Field(None, description="Or where it is served: https://FILE-SERVER/PATH.")
    credentials: Credentials = Field(
        "none", description="The credentials in it: none, the administrator's own, or a token."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Publication:
        exactly_one(self, ("node", "url"), "place")
        if (self.node is None) != (self.path is None):
            raise ValueError("expected path beside node and only there")
        return self


class Step(Model):
    """A moment and one action."""

    at: Duration | None = Field(None, description="The moment, from the start of the run.")
    on: Trigger | None = Field(None, description="Or the event to wait for.")
    after: Duration | None = Field(None, description="How long after the event.")
    by: Name | None = Field(None, description="The adversary that attacks.")

    join: HostName | None = Field(None, description="This node runs kubeadm join.")
    approve: HostName | None = Field(
        None, description="The administrator approves the pending CSRs for this node."
    )
    deny: HostName | None = Field(
        None, description="The administrator denies the pending CSRs for this node."
    )
    create_token: NewToken | None = Field(
        None, alias="create-token", description="The administrator creates a token."
    )
    delete_token: Name | None = Field(
        None, alias="delete-token", description="The administrator deletes the token of this name."
    )
    delete_binding: Binding | None = Field(
        None, alias="delete-binding", description="The administrator deletes a binding."
    )
    restore_binding: Binding | None = Field(
        None, alias="restore-binding", description="The administrator puts it back."
    )
    publish: Publication | None = Field(
        None, description="The administrator carries a discovery file to a node or a server."
    )
    attack: Literal["impersonate-control-plane"] | None = Field(
        None, description="An adversary attacks, from now on."
    )

    @model_validator(mode="after")
    def _one_moment_one_action(self) -> Step:
        exactly_one(self, ("at", "on"), "moment")
        exactly_one(self, tuple(ACTIONS), "action")
        if self.after is not None and self.on is None:
            raise ValueError("expected after only beside on, found it beside at")
        if (self.by is None) != (self.attack is None):
            raise ValueError("expected by beside attack and only there")
        return self

    @property
    def action(self) -> str:
        """The action's key."""
        return next(ACTIONS[field] for field in ACTIONS if getattr(self, field) is not None)


ACTIONS = {
    "join": "join",
    "approve": "approve",
    "deny": "deny",
    "create_token": "create-token",
    "delete_token": "delete-token",
    "delete_binding": "delete-binding",
    "restore_binding": "restore-binding",
    "publish": "publish",
    "attack": "attack",
}
"""The fields of a step that are actions, with their keys in the file."""


# --- the whole -----------------------------------------------------------------------------------


def _whole_number(value: object) -> object:
    """Refuse what merely equals the version: true and 1.0."""
    if type(value) is not int:
        raise ValueError(f"expected 1, found {shown(value)}")
    return value


class Document(Model):
    """A joinsim scenario: a cluster, the machines that join it, what happens when, what is expected."""

    joinsim: Annotated[Literal[1], BeforeValidator(_whole_number)] = Field(
        description="The version of this format."
    )
    summary: str = Field(min_length=1, description="What the scenario shows, in a sentence.")
    claim: Strings = Field((), description="The claim, or claims, that it tests.")
    seed: StrictInt = Field(1, ge=0, description="The seed that it runs with unless another is given.")
    deadline: Duration = Field(3600.0, description="When the run ends at the latest.")
    cluster: ClusterModel = Field(default_factory=ClusterModel, description="The cluster that nodes join.")
    nodes: dict[HostName, Node] = Field(min_length=1, description="The machines that join, by name.")
    file_servers: dict[HostName, FileServerModel] = Field(
        default_factory=dict, description="HTTPS servers for discovery files, by host name."
    )
    adversaries: dict[Name, Adversary] = Field(default_factory=dict, description="Adversaries, by name.")
    matrix: dict[str, Annotated[Scalars, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Values by parameter: the scenario runs once for every combination, "
        "and ${parameter} stands for the value.",
        repr=False,
    )
    timeline: tuple[Step, ...] = Field(min_length=1, description="What happens, and when.")
    expect: tuple[Expectation, ...] = Field(min_length=1, description="What is expected in the end.")
