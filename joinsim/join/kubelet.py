"""The kubelet, as far as joining takes one: from a bootstrap credential to a registered node.

It reads what kubeadm left on the host, obtains a certificate, and meanwhile already
tries to register its Node and Lease, as the real one does: without a certificate those
requests are anonymous, and refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import trio

from joinsim.api import JsonObject, Kubeconfig, KubeconfigError
from joinsim.gofmt import duration
from joinsim.join.certificate_manager import CertificateManager
from joinsim.join.node_credentials import NodeCredentials
from joinsim.join.paths import BOOTSTRAP_KUBELET_CONF, KUBEADM_FLAGS, KUBELET_CONF
from joinsim.join.registration import Registration
from joinsim.journal import Journal
from joinsim.pki import CertificateAuthority, KeyPair, Validity, to_pem
from joinsim.wire import Request, Response, serve_connection
from joinsim.world import Host, ServiceExit

__all__ = ["HEALTHZ_PORT", "Kubelet", "KubeletSettings"]

HEALTHZ_PORT = 10248
EXIT_WITHOUT_CERTIFICATE_SECONDS = 300.0
WATCHDOG_SECONDS = 10.0

# How long the real kubelet takes, on two cores, from its start to its first request, and
# from there until it first tries to register: measured, not configured anywhere.
STARTUP_SECONDS = 0.13
INITIALIZATION_SECONDS = 0.26


@dataclass(frozen=True)
class KubeletSettings:
    """What sets one simulated kubelet apart from another."""

    version: str = "v1.36.2"
    # Divergence: a kubelet sends no heartbeats unless asked to. It would renew its Lease
    # 8,640 times a day, which would be nearly all that a simulation of months does.
    heartbeats: bool = False

    @property
    def user_agent(self) -> str:
        """As the kubelet names itself to the API server."""
        return f"kubelet/{self.version} (linux/amd64) kubernetes/joinsim"


class Kubelet:
    """One start of the kubelet on one host; a restart is a new one."""

    def __init__(self, host: Host, journal: Journal, settings: KubeletSettings) -> None:
        self._host = host
        self._journal = journal
        self._settings = settings
        self._credentials = NodeCredentials(host, journal, settings.user_agent)

    async def run(self) -> None:
        """Run until cancelled; ServiceExit where the real kubelet's process would end."""
        await trio.sleep(STARTUP_SECONDS)
        flags = self._flags()
        node_name = flags.get("hostname-override", self._host.name)
        bootstrap = self._load_credentials()
        self._write_serving_certificate(node_name)
        # Divergence: there are no pods, volumes or devices here, and nobody reads a kubelet's
        # events; the requests that the real one makes for those are not made.
        registration = Registration(
            self._host,
            self._journal,
            self._credentials,
            node_name=node_name,
            version=self._settings.version,
            taints=_taints(flags.get("register-with-taints", "")),
            heartbeats=self._settings.heartbeats,
        )
        last_words = ""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._serve_healthz)
                nursery.start_soon(self._register, registration)
                if bootstrap is not None:
                    last_words = await self._bootstrap(bootstrap, node_name)
                if last_words:
                    nursery.cancel_scope.cancel()
                else:
                    # A kubelet that has what it needs runs on.
                    await trio.sleep_forever()
        finally:
            await self._credentials.aclose()
        raise ServiceExit(last_words)

    # --- what kubeadm left -----------------------------------------------------------------

    def _flags(self) -> dict[str, str]:
        """The command line that kubeadm gives the kubelet, by flag."""
        try:
            content = self._host.files.read(KUBEADM_FLAGS).decode()
        except FileNotFoundError:
            return {}
        arguments = content.partition('"')[2].rpartition('"')[0].split()
        pairs = (argument.removeprefix("--").partition("=") for argument in arguments)
        return {name: value for name, _, value in pairs}

    def _load_credentials(self) -> Kubeconfig | None:
        """What to bootstrap with, or None where the node has a certificate that still holds."""
        if self._host.files.exists(KUBELET_CONF) and self._credentials.holds():
            return None
        missing = "unable to load bootstrap kubeconfig"
        try:
            bootstrap = Kubeconfig.parse(self._host.files.read(BOOTSTRAP_KUBELET_CONF).decode())
            _, cluster = bootstrap.pick_cluster()
        except FileNotFoundError:
            raise ServiceExit(
                f"{missing}: stat {BOOTSTRAP_KUBELET_CONF}: no such file or directory"
            ) from None
        except KubeconfigError as error:
            raise ServiceExit(f"{missing}: {error}") from error
        self._credentials.write_kubeconfig(cluster)
        return bootstrap

    def _write_serving_certificate(self, node_name: str) -> None:
        """The self-signed certificate for the kubelet's own port, good for a year."""
        now = self._host.clock.now().replace(microsecond=0)
        period = Validity(now - timedelta(hours=1), now + timedelta(days=365))
        stamp = int(now.timestamp())
        stream = self._host.randomness.stream("kubelet", "serving", str(stamp))

        # Divergence: the real one has RSA keys here, which cannot be derived from a seed.
        @cache
        def make() -> tuple[KeyPair, bytes]:
            authority_key, key = (KeyPair.generate(random_bytes=stream.bytes) for _ in range(2))
            authority = CertificateAuthority.create(
                f"{node_name}-ca@{stamp}", authority_key, period, stream.below(2**63) + 1
            )
            certificate = authority.issue_server(
                f"{node_name}@{stamp}", key.public_key, [node_name], period, stream.below(2**63) + 1
            )
            return key, to_pem([certificate, authority.certificate])

        self._credentials.write_serving(lambda: make()[0].private_pem(), lambda: make()[1])

    # --- what runs ---------------------------------------------------------------------------

    async def _register(self, registration: Registration) -> None:
        await trio.sleep(INITIALIZATION_SECONDS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(registration.keep_lease)
            nursery.start_soon(registration.keep_node)

    async def _bootstrap(self, bootstrap: Kubeconfig, node_name: str) -> str:
        """Obtain a certificate; the last words of a kubelet that waited for it too long."""
        manager = CertificateManager(
            self._host,
            self._journal,
            self._credentials,
            node_name=node_name,
            user_agent=self._settings.user_agent,
        )
        last_words = ""

        async def watch_over(scope: trio.CancelScope) -> None:
            nonlocal last_words
            began = trio.current_time()
            while True:
                await trio.sleep(WATCHDOG_SECONDS)
                waited = trio.current_time() - began
                if waited > EXIT_WITHOUT_CERTIFICATE_SECONDS and manager.server_healthy:
                    last_words = (
                        f"It has been {duration(EXIT_WITHOUT_CERTIFICATE_SECONDS)} since a valid client cert "
                        "was found, but the server is responsive, exiting."
                    )
                    scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_over, nursery.cancel_scope)
            await manager.obtain(bootstrap)
            nursery.cancel_scope.cancel()
        return last_words

    async def _serve_healthz(self) -> None:
        listener = self._host.listen(HEALTHZ_PORT, loopback=True)
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    nursery.start_soon(serve_connection, await listener.accept(), _healthz)
        finally:
            with trio.CancelScope(shield=True):
                await listener.aclose()


async def _healthz(request: Request) -> Response:
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    if request.path != "/healthz":
        return Response(404, headers, b"404 page not found\n")
    return Response(200, headers, b"ok")


def _taints(flag: str) -> list[JsonObject]:
    """The taints in ``--register-with-taints=key=value:Effect,…``."""
    taints: list[JsonObject] = []
    for item in filter(None, flag.split(",")):
        rest, _, effect = item.rpartition(":")
        key, _, value = rest.partition("=")
        taint: JsonObject = {"key": key, "effect": effect}
        taints.append({**taint, "value": value} if value else taint)
    return taints
