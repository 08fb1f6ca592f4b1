"""The kubelet's certificate manager: performs what the TLS bootstrap machine asks for."""

from __future__ import annotations

import trio

from joinsim.api import JsonObject, Kubeconfig
from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, name_of
from joinsim.errors import ApiError
from joinsim.events import CertificateReceived, CsrRejected, CsrSubmitted
from joinsim.gofmt import duration, rfc3339
from joinsim.join.node_credentials import NodeCredentials
from joinsim.join.tls_bootstrap import AwaitCertificate, Install, Submit, TlsBootstrap
from joinsim.journal import Journal
from joinsim.pki import KeyPair, PublicKeyPin, common_name, validity
from joinsim.wire import ApiClient, Connections, RequestFailed, WatchEvent, connection_of
from joinsim.world import Host

__all__ = ["CertificateManager"]

RELIST_SECONDS = 1.0
WATCH_SECONDS_MIN, WATCH_SECONDS_MAX = 300, 600
_HEALTHY_REFUSALS = (401, 403, 404)


class CertificateManager:
    """Obtains a node's first client certificate with a bootstrap credential.

    ``server_healthy`` says how the last POST of a request went: whether there is a server
    that answers, be it with a refusal.
    """

    def __init__(
        self,
        host: Host,
        journal: Journal,
        credentials: NodeCredentials,
        *,
        node_name: str,
        user_agent: str,
    ) -> None:
        self._host = host
        self._journal = journal
        self._credentials = credentials
        self._user_agent = user_agent
        self._jitter = host.randomness.stream("kubelet", "jitter")
        keys = host.randomness.stream("kubelet", "keys")
        self._machine = TlsBootstrap(
            node_name,
            lambda: KeyPair.generate(random_bytes=keys.bytes),
            lambda: self._jitter.uniform(0, 1),
        )
        self.server_healthy = False

    async def obtain(self, bootstrap: Kubeconfig) -> None:
        """Ask until there is a certificate, and install it."""
        step: Submit | Install = self._machine.begin(trio.current_time())
        while isinstance(step, Submit):
            await trio.sleep_until(step.at)
            step = await self._attempt(bootstrap, step.request)
            if isinstance(step, Submit):
                self._journal.append(self._host.name, CsrRejected(self._machine.problem))
        await self._credentials.install(step.key, step.pem, self._host.clock.now())
        leaf = step.chain[0]
        self._journal.append(
            self._host.name,
            CertificateReceived(
                common_name=common_name(leaf.subject),
                public_key=str(PublicKeyPin.of(leaf)),
                not_after=rfc3339(validity(leaf)[1]),
            ),
        )

    async def _attempt(self, bootstrap: Kubeconfig, request: JsonObject) -> Submit | Install:
        # A client of its own for each attempt, as the kubelet has it.
        connections = Connections(self._host.dialer, self._host.clock)
        try:
            client = connections.client(
                connection_of(bootstrap, self._host.files.read, self._host.ca_bundle),
                user_agent=self._user_agent,
            )
            step = await self._submit(client, request)
            return await self._follow(client, step) if isinstance(step, AwaitCertificate) else step
        finally:
            await connections.aclose()

    async def _submit(self, client: ApiClient, request: JsonObject) -> AwaitCertificate | Submit:
        try:
            created = await client.create(CERTIFICATE_SIGNING_REQUESTS.path(), request)
        except ApiError as error:
            self.server_healthy = error.code in _HEALTHY_REFUSALS
            return self._machine.rejected(str(error), trio.current_time())
        except RequestFailed as error:
            self.server_healthy = False
            return self._machine.rejected(str(error), trio.current_time())
        self.server_healthy = True
        pin = str(PublicKeyPin.of(self._machine.key.public_key))
        self._journal.append(self._host.name, CsrSubmitted(name_of(created), pin))
        return self._machine.submitted(created, trio.current_time())

    async def _follow(self, client: ApiClient, wait: AwaitCertificate) -> Submit | Install:
        with trio.move_on_at(wait.deadline):
            while True:
                try:
                    step = await self._list_and_watch(client, wait.name)
                except (ApiError, RequestFailed):
                    # The real informer logs this and goes on; so does this one.
                    step = None
                if step is not None:
                    return step
                await trio.sleep(RELIST_SECONDS)
        return self._machine.timed_out(trio.current_time())

    async def _list_and_watch(self, client: ApiClient, name: str) -> Submit | Install | None:
        """Follow one watch to its end; a step if there is one to take."""
        path = CERTIFICATE_SIGNING_REQUESTS.path()
        selector = {"fieldSelector": f"metadata.name={name}"}
        # The list only proves that listing is allowed; the watch brings the object.
        await client.get(path, **selector)
        seconds = WATCH_SECONDS_MIN + self._jitter.below(WATCH_SECONDS_MAX - WATCH_SECONDS_MIN)
        query = {
            **selector,
            "allowWatchBookmarks": "true",
            "resourceVersionMatch": "NotOlderThan",
            "sendInitialEvents": "true",
            "timeout": duration(seconds),
            "timeoutSeconds": str(seconds),
        }
        async with client.watch(path, **query) as events:
            async for event in events:
                step = self._observe(event)
                if step is not None:
                    return step
        return None

    def _observe(self, event: WatchEvent) -> Submit | Install | None:
        now = trio.current_time()
        if event.type == "DELETED":
            return self._machine.deleted(now)
        if event.type in ("ADDED", "MODIFIED"):
            return self._machine.observed(event.object, now)
        return None
