"""Sets up in memory the situation that a recording was made in, and runs the engine in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import trio

from joinsim.api import BootstrapToken, Context, Kubeconfig, TokenRecord, User
from joinsim.api.objects import CLUSTER_ROLE_BINDINGS, CONFIG_MAPS, ROLE_BINDINGS, SECRETS, texts
from joinsim.backends import FakeGround
from joinsim.backends.fake import FakeCluster
from joinsim.backends.file_server import FileServer
from joinsim.events import RequestServed
from joinsim.join import FileDiscovery, JoinConfiguration, JoinOutcome
from joinsim.join.paths import KUBELET_CONF
from joinsim.scenario.administrator import Administrator
from joinsim.world import Divert, Host, LinkRule, Services, World
from tests.conformance.recorded.recordings import Asked, Recording
from tests.pair import TOKEN, JoinPair

API_PORT, FILES_PORT = 16443, 18443
MACHINE = "machine"
RECORDED_PIN = "sha256:c2be2661434f8df40e1dc899a3cecc4e7b4a7575241b39d73340d1af8d1b5d92"
APPROVED_AFTER_SECONDS = 9.0
SETTLED_SECONDS = 1.0

AUTO_APPROVAL = "kubeadm:node-autoapprove-bootstrap"
CLUSTER_INFO = "kubeadm:bootstrap-signer-clusterinfo"


@dataclass
class Replay:
    """What came of running the engine."""

    outcome: JoinOutcome
    seconds: float
    requests: list[Asked]
    host: Host
    pair: JoinPair

    def requests_of(self, agent: str) -> list[Asked]:
        return [asked for asked in self.requests if asked.agent == agent]


class WithoutUnits(Services):
    """A machine on which nobody installed the kubelet as a service."""

    def start(self, name: str, service: Callable[[], Awaitable[None]]) -> None:
        pass


class Situation:
    """A cluster and a machine; each method brings about what one recording needs."""

    def __init__(self, pair: JoinPair) -> None:
        self.pair = pair
        self.admin = pair.administrator()
        self.web: FileServer | None = None

    async def nothing(self) -> None:
        """The cluster as ``kubeadm init`` leaves it."""

    async def no_kubelet(self) -> None:
        self.pair.worker.services = WithoutUnits(MACHINE, self.pair.world.nursery, self.pair.world.journal)
        # When this was recorded, the binding for kube-proxy's ConfigMap was not there yet.
        await self.admin.delete(ROLE_BINDINGS.path("kube-proxy", "kube-system"))

    async def a_ready_node_of_this_name(self) -> None:
        other = self.pair.world.add_host("elsewhere")
        config = self.pair.pinned()
        named = replace(config.node_registration, name="w1")
        assert (await self.pair.join(replace(config, node_registration=named), host=other)).joined
        await trio.sleep(1)

    async def an_expired_token(self) -> None:
        past = self.pair.world.clock.now() - timedelta(hours=1)
        for token_id in ("exj001", "exj002"):
            token = BootstrapToken(token_id, TOKEN.secret)
            secret = TokenRecord(token, expiration=past).to_secret()
            await self.admin.create(SECRETS.path(namespace="kube-system"), secret)

    async def cluster_info_is_closed(self) -> None:
        await self.admin.delete(ROLE_BINDINGS.path(CLUSTER_INFO, "kube-public"))

    async def nobody_approves(self) -> None:
        await self.admin.delete(CLUSTER_ROLE_BINDINGS.path(AUTO_APPROVAL))

    async def somebody_approves_late(self) -> None:
        await self.nobody_approves()
        administrator = Administrator(FakeCluster(self.pair.control_plane), self.pair.world.journal)

        async def approve() -> None:
            await trio.sleep(SETTLED_SECONDS + APPROVED_AFTER_SECONDS)
            await administrator.decide("w22", approve=True)

        self.pair.world.nursery.start_soon(approve)

    async def a_kubelet_conf_is_there(self) -> None:
        self.pair.worker.files.write(KUBELET_CONF, b"")

    # --- discovery files ---------------------------------------------------------------------

    async def _discovery_file(self, token: str) -> bytes:
        info = await self.admin.get(CONFIG_MAPS.path("cluster-info", "kube-public"))
        plain = texts(info, "data")["kubeconfig"]
        if not token:
            return plain.encode()
        _, cluster = Kubeconfig.parse(plain).pick_cluster()
        named = Kubeconfig({"c": cluster}, {"u": User(token=token)}, {"x": Context("c", "u")}, "x")
        return named.dump().encode()

    async def files_on_disk(self) -> None:
        for name, token in (
            ("disc-noauth.yaml", ""),
            ("disc-proxy.yaml", TOKEN.value),
            ("disc-badtoken.yaml", "abcdef.fedcba9876543210"),
        ):
            self.pair.worker.files.write(f"/root/conf/{name}", await self._discovery_file(token))

    async def files_on_the_web(self) -> None:
        self.web = FileServer(self.pair.world.add_host("web"))
        self.web.publish("/disc-noauth.yaml", await self._discovery_file(""))
        self.web.publish("/disc-token.yaml", await self._discovery_file(TOKEN.value))
        self.pair.world.network.lay(LinkRule(Divert("web", 443), target="web", port=FILES_PORT))
        await self.pair.world.nursery.start(self.web.run)

    async def files_on_a_trusted_web(self) -> None:
        await self.files_on_the_web()
        assert self.web is not None
        self.pair.worker.add_trusted(self.web.authority_pem)


SITUATIONS: dict[str, Callable[[Situation], Awaitable[None]]] = {
    "01_token_hash_nokubelet": Situation.no_kubelet,
    "03_token_same_name_again": Situation.a_ready_node_of_this_name,
    "06_file_noauth_tls_token": Situation.files_on_disk,
    "06c_file_noauth_no_tls_token": Situation.files_on_disk,
    "07_https_noauth": Situation.files_on_a_trusted_web,
    "07b_https_with_token": Situation.files_on_a_trusted_web,
    "07c_https_untrusted_ca": Situation.files_on_the_web,
    "07g_https_connrefused": Situation.files_on_a_trusted_web,
    "11_expired_token": Situation.an_expired_token,
    "11b_expired_token_still_present": Situation.an_expired_token,
    "12_no_clusterinfo_rolebinding": Situation.cluster_info_is_closed,
    "12b_no_rolebinding_unsafe_skip": Situation.cluster_info_is_closed,
    "13_no_autoapprove": Situation.nobody_approves,
    "13b_no_autoapprove_manual_approve_at_9s": Situation.somebody_approves_late,
    "15_file_bad_token": Situation.files_on_disk,
    "18b_existing_kubelet_conf_no_ignore": Situation.a_kubelet_conf_is_there,
    "20_via_http11_proxy": Situation.files_on_disk,
}
"""What each recording needed beyond a fresh cluster and an empty machine."""


def _translated(config: JoinConfiguration, situation: Situation) -> JoinConfiguration:
    """The recorded configuration with this world's addresses, paths and CA."""
    pair = situation.pair
    discovery = config.discovery
    if discovery.bootstrap_token is not None:
        told = discovery.bootstrap_token
        own = {RECORDED_PIN: pair.pins[0]}
        endpoint = told.api_server_endpoint.replace("127.0.0.1", pair.control_plane.host.address)
        pins = tuple(own.get(pin, pin) for pin in told.ca_cert_hashes)
        told = replace(told, api_server_endpoint=endpoint, ca_cert_hashes=pins)
        return replace(config, discovery=replace(discovery, bootstrap_token=told))
    assert discovery.file is not None
    path = discovery.file.kube_config_path.replace("$DIR/", "")
    if situation.web is not None:
        path = path.replace("127.0.0.1", situation.web.host.address)
    elif pair.worker.files.exists(f"/root/{path}"):
        path = f"/root/{path}"
    return replace(config, discovery=replace(discovery, file=FileDiscovery(path)))


def replay(recording: Recording) -> Replay:
    """Run what the recording ran, on virtual time."""

    async def body(world: World) -> Replay:
        pair = await JoinPair.create(world, worker=MACHINE, port=API_PORT)
        situation = Situation(pair)
        await SITUATIONS.get(recording.name, Situation.nothing)(situation)
        await trio.sleep(SETTLED_SECONDS)
        began = world.clock.elapsed()
        outcome = await pair.join(_translated(recording.configuration, situation))
        seconds = world.clock.elapsed() - began
        # The recordings go on a little after kubeadm's end.
        await trio.sleep(0.3)
        requests = [
            Asked(at.at, e.user, e.verb, e.path, e.status, e.user_agent.partition("/")[0], e.message)
            for at, e in world.journal.of(RequestServed)
            if at.at >= began and e.user_agent.startswith(("kubeadm/", "kubelet/"))
        ]
        return Replay(outcome, seconds, requests, pair.worker, pair)

    return FakeGround().run(body, seed=36)
