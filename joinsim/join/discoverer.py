"""Performs discovery: fetches what the discovery machines ask for and tells them what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import trio

from joinsim.api import BootstrapToken, Kubeconfig
from joinsim.api.objects import CONFIG_MAPS, texts
from joinsim.errors import ApiError, Reason
from joinsim.events import DiscoveryAccepted, DiscoveryFetched, DiscoveryRetried
from joinsim.gofmt import quote
from joinsim.join.config import Discovery
from joinsim.join.discovery import Accept, Fetch, Refuse, Step, TokenDiscovery, refuse
from joinsim.join.file_discovery import FileDiscovery
from joinsim.journal import Journal
from joinsim.pki import CertificateError, PublicKeyPin, parse_bundle
from joinsim.wire import ClientTls, Connections, HttpClient, RequestFailed, connection_of
from joinsim.world import Host

__all__ = ["Discoverer"]

REQUEST_SECONDS = 10.0
REDIRECTS_MAX = 10
_CLUSTER_INFO = CONFIG_MAPS.path("cluster-info", "kube-public")
_REDIRECTS = (301, 302, 303, 307, 308)


class _Machine(Protocol):
    def begin(self, now: float) -> Step: ...

    def fetched(self, data: dict[str, str], now: float) -> Step: ...

    def failed(self, problem: str, now: float, *, forbidden: bool = False) -> Step: ...


@dataclass(frozen=True)
class Discoverer:
    """Discovery on one host."""

    host: Host
    journal: Journal
    connections: Connections
    user_agent: str

    async def discover(self, discovery: Discovery, timeout_seconds: float) -> Kubeconfig | Refuse:
        """Find the cluster: its kubeconfig, or why it was not believed."""
        if discovery.bootstrap_token is not None:
            told = discovery.bootstrap_token
            pins = () if told.unsafe_skip_ca_verification and not told.ca_cert_hashes else told.ca_cert_hashes
            machine: _Machine = TokenDiscovery(
                BootstrapToken.parse(told.token), told.api_server_endpoint, pins, timeout_seconds
            )
        else:
            assert discovery.file is not None
            path = discovery.file.kube_config_path
            is_url = path.startswith("https://")
            content = await self._download(path) if is_url else self._read(path)
            if isinstance(content, Refuse):
                return content
            method = "url" if is_url else "file"
            machine = FileDiscovery(content, method, timeout_seconds, self.host.files.read)
        return await self._drive(machine)

    async def _drive(self, machine: _Machine) -> Kubeconfig | Refuse:
        step = machine.begin(trio.current_time())
        while isinstance(step, Fetch):
            await trio.sleep_until(step.at)
            step = await self._fetch(machine, step)
        if isinstance(step, Refuse):
            await trio.sleep_until(step.at)
            return step
        return self._accepted(step)

    async def _fetch(self, machine: _Machine, fetch: Fetch) -> Step:
        """One request for cluster-info, and what the machine makes of its outcome."""
        try:
            connection = connection_of(fetch.connection, self.host.files.read, self.host.ca_bundle)
        except (ValueError, OSError) as error:
            return self._failed(machine, str(error), forbidden=False)
        client = self.connections.client(
            connection, user_agent=self.user_agent, timeout_seconds=REQUEST_SECONDS
        )
        try:
            found = await client.get(_CLUSTER_INFO)
        except (ApiError, RequestFailed) as error:
            return self._failed(
                machine, str(error), forbidden=isinstance(error, ApiError) and error.code == 403
            )
        self._record(DiscoveryFetched(connection.server, fetch.verified))
        step = machine.fetched(texts(found, "data"), trio.current_time())
        if isinstance(step, Fetch) and step.verified == fetch.verified:
            self._record(DiscoveryRetried("the answer holds no signature for the token"))
        return step

    def _failed(self, machine: _Machine, problem: str, *, forbidden: bool) -> Step:
        step = machine.failed(problem, trio.current_time(), forbidden=forbidden)
        if isinstance(step, Fetch):
            self._record(DiscoveryRetried(problem))
        return step

    def _accepted(self, accept: Accept) -> Kubeconfig | Refuse:
        _, cluster = accept.kubeconfig.pick_cluster()
        try:
            bundle = parse_bundle(cluster.certificate_authority_data)
        except CertificateError as error:
            said = f"could not get CA certificate from discovery kubeconfig: {error}"
            return Refuse(trio.current_time(), Reason.CLUSTER_INFO_MALFORMED, said)
        pins = tuple(str(PublicKeyPin.of(certificate)) for certificate in bundle)
        self._record(DiscoveryAccepted(accept.method, cluster.server, pins))
        return accept.kubeconfig

    def _record(self, event: DiscoveryFetched | DiscoveryRetried | DiscoveryAccepted) -> None:
        self.journal.append(self.host.name, event)

    # --- the discovery file ------------------------------------------------------------------

    def _read(self, path: str) -> str | Refuse:
        try:
            return self.host.files.read(path).decode("utf-8", "replace")
        except OSError as error:
            return refuse(trio.current_time(), Reason.DISCOVERY_FILE_UNAVAILABLE, str(error))

    async def _download(self, url: str) -> str | Refuse:
        """One GET under the host's own CA bundle. The status is not looked at, only the body."""
        try:
            roots = parse_bundle(self.host.ca_bundle())
        except CertificateError:
            roots = ()
        for _ in range(REDIRECTS_MAX + 1):
            parts = urlsplit(url)
            server = f"{parts.scheme}://{parts.netloc}"
            target = parts.path or "/"
            client = HttpClient(self.host.dialer, server, self.host.clock, tls=ClientTls(roots))
            try:
                answer = await client.send("GET", f"{target}?{parts.query}" if parts.query else target)
            except RequestFailed as error:
                return refuse(trio.current_time(), Reason.DISCOVERY_FILE_UNAVAILABLE, str(error))
            finally:
                await client.aclose()
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                verified = parts.scheme == "https"
                self._record(DiscoveryFetched(url, verified))
                return answer.body.decode("utf-8", "replace")
            url = urljoin(url, answer.headers["location"])
        said = f"Get {quote(url)}: stopped after {REDIRECTS_MAX} redirects"
        return refuse(trio.current_time(), Reason.DISCOVERY_FILE_UNAVAILABLE, said)
