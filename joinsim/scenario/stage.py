"""Puts together what a scenario names: a cluster, machines, file servers, adversaries, tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from joinsim.adversary import Adversary
from joinsim.api import BootstrapToken, TokenRecord
from joinsim.backends import Cluster, ClusterPlan, FileServer, Ground
from joinsim.join import (
    BootstrapTokenDiscovery,
    Discovery,
    FileDiscovery,
    JoinConfiguration,
    NodeRegistration,
    Taint,
    Timeouts,
)
from joinsim.scenario.administrator import Administrator
from joinsim.scenario.cast import Cast
from joinsim.scenario.schema import Binding, ClusterModel, ConfigModel, Document, Node, Token
from joinsim.scenario.values import is_literal_token
from joinsim.world import World

__all__ = ["Stage", "node_name", "set_stage", "token_record"]

VERSIONS = {"1.36": "v1.36.2"}
"""The release that stands for each version of the schema."""


def node_name(machine: str, node: Node) -> str:
    """The name of the Node that a machine becomes."""
    return node.config.node_registration.name or machine


@dataclass(frozen=True)
class Stage:
    """A scenario's world with everything in it."""

    model: Document
    world: World
    cluster: Cluster
    tokens: Mapping[str, BootstrapToken]
    servers: Mapping[str, FileServer]
    adversaries: Mapping[str, Adversary]
    administrator_of: Callable[[Cluster], Administrator]

    @property
    def administrator(self) -> Administrator:
        """The cluster's administrator: one and the same, from hardening on."""
        return self.administrator_of(self.cluster)

    @property
    def cast(self) -> Cast:
        """Who is who, for the checks."""
        return Cast(
            self.cluster.name,
            {name: node_name(name, node) for name, node in self.model.nodes.items()},
            tuple(self.adversaries),
            {name: token.id for name, token in self.tokens.items()},
        )

    def token(self, reference: str) -> str:
        """The token behind a reference: its value, or what was written in its place."""
        return reference if is_literal_token(reference) else self.tokens[reference].value

    def join_configuration(self, node: Node) -> JoinConfiguration:
        """What a node is told, as its JoinConfiguration."""
        asked = node.discovery
        by_token, by_file = None, None
        if asked.token is not None:
            pins = [
                pin
                for given in asked.pin or ()
                for pin in (self.cluster.ca_pins if given == "cluster" else (given,))
            ]
            by_token = BootstrapTokenDiscovery(
                self.token(asked.token), self.cluster.endpoint, tuple(pins), asked.pin == ()
            )
        else:
            by_file = FileDiscovery(asked.file or asked.url or "")
        tls_bootstrap = "" if node.tls_bootstrap_token is None else self.token(node.tls_bootstrap_token)
        config = node.config
        return JoinConfiguration(
            Discovery(by_token, by_file, tls_bootstrap),
            _registration(config),
            config.ca_cert_path,
            config.skip_phases,
            Timeouts(**config.timeouts.model_dump()),
        )


def _registration(config: ConfigModel) -> NodeRegistration:
    asked = config.node_registration
    return NodeRegistration(
        asked.name,
        asked.cri_socket,
        tuple(Taint(taint.key, taint.effect, taint.value) for taint in asked.taints),
        tuple((argument.name, argument.value) for argument in asked.kubelet_extra_args),
        asked.ignore_preflight_errors,
    )


async def set_stage(model: Document, world: World, ground: Ground) -> Stage:
    """Put everything into the world; the cluster opens by itself at its time."""
    tokens = {name: _token(world, name, token) for name, token in _declared_tokens(model)}
    world.journal.redactor.hide(*_secret_halves(model, tokens))

    administrators: list[Administrator] = []

    def administrator_of(cluster: Cluster) -> Administrator:
        if not administrators:
            administrators.append(Administrator(cluster, world.journal))
        return administrators[0]

    async def prepare(cluster: Cluster) -> None:
        if model.cluster.approval == "manual":
            await administrator_of(cluster).delete_binding(Binding.APPROVAL)
        if model.cluster.cluster_info == "closed":
            await administrator_of(cluster).delete_binding(Binding.CLUSTER_INFO)

    cluster = await ground.provision(world, _plan(model.cluster, world, tokens), prepare)
    for name in model.nodes:
        world.add_host(name)
    servers = {name: FileServer(world.add_host(name)) for name in model.file_servers}
    for name, server in servers.items():
        await world.nursery.start(server.run)
        for trusting in model.file_servers[name].trusted_by:
            world.hosts[trusting].add_trusted(server.authority_pem)
    adversaries = {
        name: Adversary.enter(
            world,
            name,
            adversary.position.between,
            [
                BootstrapToken.parse(holding.token)
                if is_literal_token(holding.token)
                else tokens[holding.token]
                for holding in adversary.holds
            ],
        )
        for name, adversary in model.adversaries.items()
    }
    return Stage(model, world, cluster, tokens, servers, adversaries, administrator_of)


def token_record(token: BootstrapToken, model: Token, created: datetime) -> TokenRecord:
    """A token as the cluster keeps it, made at a time."""
    expiration = created.replace(microsecond=0) + timedelta(seconds=model.ttl) if model.ttl else None
    return TokenRecord(token, expiration=expiration, usages=tuple(sorted(model.usages)))


def _plan(cluster: ClusterModel, world: World, tokens: Mapping[str, BootstrapToken]) -> ClusterPlan:
    boots = world.clock.now() + timedelta(seconds=cluster.starts_at)
    return ClusterPlan(
        VERSIONS[cluster.version],
        tuple(token_record(tokens[name], token, boots) for name, token in cluster.tokens.items()),
        cluster.starts_at,
        cluster.key_algorithm,
        timedelta(seconds=cluster.certificate_validity),
    )


# --- tokens ----------------------------------------------------------------------------------


def _declared_tokens(model: Document) -> Iterator[tuple[str, Token]]:
    """Every token that the file gives a name, those that are created later included."""
    yield from model.cluster.tokens.items()
    for step in model.timeline:
        if step.create_token is not None:
            yield step.create_token.name, step.create_token


def _token(world: World, name: str, token: Token) -> BootstrapToken:
    if token.value is not None:
        return BootstrapToken.parse(token.value)
    return BootstrapToken.generate(world.seed.stream("tokens", name).bytes)


def _secret_halves(model: Document, tokens: Mapping[str, BootstrapToken]) -> Iterator[str]:
    """The secrets that have no shape of their own, so that the journal knows them when it sees them."""
    for token in tokens.values():
        yield token.secret
    for node in model.nodes.values():
        for reference in (node.discovery.token, node.tls_bootstrap_token):
            half = (reference or "").partition(".")[2]
            if len(half) >= 8:
                yield half
