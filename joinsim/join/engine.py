"""The join engine: what ``kubeadm join`` does on a worker, phase by phase.

It finds the cluster, reads its configuration, writes the node's files, starts the
kubelet and waits until the kubelet has a certificate. It makes no request but GETs:
every write to the cluster is the kubelet's.
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from joinsim.api import Kubeconfig
from joinsim.api.objects import NODES, items, text
from joinsim.errors import ApiError, JoinRefused, Reason
from joinsim.events import JoinCompleted, JoinFailed, JoinStarted, PhaseCompleted, PhaseStarted
from joinsim.gofmt import duration, quote
from joinsim.join.cluster_configuration import (
    ClusterConfiguration,
    ConfigurationError,
    read_cluster_configuration,
)
from joinsim.join.config import JoinConfiguration
from joinsim.join.credentials import bootstrap_kubeconfig, rekeyed
from joinsim.join.discoverer import Discoverer
from joinsim.join.discovery import Refuse
from joinsim.join.kubelet import HEALTHZ_PORT, Kubelet, KubeletSettings
from joinsim.join.node_files import NodeFiles
from joinsim.join.paths import INSTANCE_CONFIG, KUBEADM_FLAGS, KUBELET_CONFIG
from joinsim.join.phases import UnknownPhaseError, phases_to_run
from joinsim.join.preflight import failed_checks
from joinsim.join.waiting import wait_for_certificate, wait_for_kubelet
from joinsim.journal import Journal
from joinsim.wire import ApiClient, Connections, RequestFailed, connection_of
from joinsim.world import Host

__all__ = ["JoinEngine", "JoinOutcome"]

VERSION = "v1.36.2"
REQUEST_SECONDS = 10.0
_TROUBLE = (
    "",
    "Unfortunately, an error has occurred, likely caused by:",
    "\t- The kubelet is not running",
    "\t- The kubelet is unhealthy due to a misconfiguration of the node in some way "
    "(required cgroups disabled)",
    "",
    "If you are on a systemd-powered system, you can try to troubleshoot the error with the following commands:",
    "\t- 'systemctl status kubelet'",
    "\t- 'journalctl -xeu kubelet'",
    "",
)
_JOINED = (
    "",
    "This node has joined the cluster:",
    "* Certificate signing request was sent to apiserver and a response was received.",
    "* The Kubelet was informed of the new secure connection details.",
    "",
    "Run 'kubectl get nodes' on the control-plane to see this node join the cluster.",
    "",
)


@dataclass(frozen=True)
class JoinOutcome:
    """How a join ended: ``refusal`` is None where the node joined; ``output`` is what was printed."""

    refusal: JoinRefused | None
    output: tuple[str, ...]

    @property
    def joined(self) -> bool:
        """Whether the join ended well."""
        return self.refusal is None


class JoinEngine:
    """One join of one host."""

    def __init__(
        self, host: Host, config: JoinConfiguration, journal: Journal, kubelet: KubeletSettings
    ) -> None:
        self._host = host
        self._config = config.defaulted(host.name)
        self._journal = journal
        self._kubelet = kubelet
        self._files = NodeFiles(host, journal, self._config)
        self._user_agent = f"kubeadm/{VERSION} (linux/amd64) kubernetes/joinsim"
        self._output: list[str] = []
        self._phase = "configuration"
        self._connections = Connections(host.dialer, host.clock)
        self._bootstrap: Kubeconfig | None = None
        self._cluster: ClusterConfiguration | None = None

    async def run(self) -> JoinOutcome:
        """Join. A refusal is an outcome; other exceptions are bugs."""
        self._journal.append(self._host.name, _started(self._config))
        refusal = None
        try:
            await self._run_phases()
        except JoinRefused as refused:
            refusal = refused
        finally:
            await self._connections.aclose()
        name = self._config.node_registration.name
        if refusal is None:
            self._output += _JOINED
            self._journal.append(self._host.name, JoinCompleted(name))
        else:
            self._journal.append(
                self._host.name,
                JoinFailed(name, refusal.phase, refusal.reason.value, refusal.timed_out, str(refusal)),
            )
        return JoinOutcome(refusal, tuple(self._output))

    async def _run_phases(self) -> None:
        self._config.validate(self._host.files.exists)
        try:
            phases = phases_to_run(self._config.skip_phases)
        except UnknownPhaseError as error:
            raise self._refused(Reason.INVALID_CONFIGURATION, str(error)) from error
        actions = {
            "preflight": self._preflight,
            "kubelet-start": self._kubelet_start,
            "kubelet-wait-bootstrap": self._kubelet_wait_bootstrap,
        }
        for phase in phases:
            self._phase = phase.name
            self._journal.append(self._host.name, PhaseStarted(phase.name))
            await actions[phase.name]()
            self._journal.append(self._host.name, PhaseCompleted(phase.name))

    def _refused(self, reason: Reason, problem: str, *, timed_out: bool = False) -> JoinRefused:
        return JoinRefused(self._phase, reason, problem, timed_out=timed_out)

    # --- what several phases need, made when the first one asks for it -------------------------

    async def _bootstrap_config(self) -> Kubeconfig:
        if self._bootstrap is None:
            discoverer = Discoverer(self._host, self._journal, self._connections, self._user_agent)
            found = await discoverer.discover(self._config.discovery, self._config.timeouts.discovery)
            if isinstance(found, Refuse):
                raise self._refused(found.reason, found.problem, timed_out=found.timed_out)
            bootstrap = bootstrap_kubeconfig(found, self._config.discovery.tls_bootstrap_token)
            if bootstrap is None:
                raise self._refused(
                    Reason.CREDENTIALS_MISSING,
                    "could not find authentication credentials for the TLS bootstrap process. Please use Token "
                    "discovery, a discovery file with embedded authentication credentials or a discovery file "
                    "without authentication credentials but with the TLSBootstrapToken flag",
                )
            self._bootstrap = bootstrap
        return self._bootstrap

    async def _api(self) -> ApiClient:
        connection = connection_of(
            await self._bootstrap_config(), self._host.files.read, self._host.ca_bundle
        )
        return self._connections.client(
            connection, user_agent=self._user_agent, timeout_seconds=REQUEST_SECONDS
        )

    async def _cluster_configuration(self) -> ClusterConfiguration:
        if self._cluster is None:
            client = await self._api()
            self._output += [
                '[preflight] Reading configuration from the "kubeadm-config" ConfigMap in namespace '
                '"kube-system"...',
                "[preflight] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to "
                "re-upload it.",
            ]
            try:
                self._cluster = await read_cluster_configuration(client, VERSION)
            except ConfigurationError as error:
                raise self._refused(Reason.CONFIGURATION_UNAVAILABLE, str(error)) from error
        return self._cluster

    # --- phases ----------------------------------------------------------------------------------

    async def _preflight(self) -> None:
        self._output.append("[preflight] Running pre-flight checks")
        warnings, errors = failed_checks(self._host, self._config)
        self._output += warnings
        if errors:
            # Divergence: these lines go to kubeadm's stderr; here there is one output.
            self._output += ["[preflight] Some fatal errors occurred:", *errors]
            self._output.append(
                "[preflight] If you know what you are doing, you can make a check non-fatal with "
                "`--ignore-preflight-errors=...`"
            )
            raise self._refused(Reason.PREFLIGHT_CHECK, "preflight checks failed")
        await self._bootstrap_config()
        await self._cluster_configuration()

    async def _kubelet_start(self) -> None:
        cluster = await self._cluster_configuration()
        bootstrap = await self._bootstrap_config()
        self._files.write_bootstrap(rekeyed(bootstrap, cluster.cluster_name))
        await self._check_node_name()
        self._host.services.stop("kubelet")
        self._say_writing("configuration", INSTANCE_CONFIG)
        self._files.write_instance_config()
        self._output.append(
            '[patches] Applied patch of type "application/strategic-merge-patch+json" to target '
            '"kubeletconfiguration"'
        )
        self._say_writing("configuration", KUBELET_CONFIG)
        self._files.write_kubelet_config(cluster.kubelet)
        self._say_writing("environment file with flags", KUBEADM_FLAGS)
        self._files.write_kubelet_flags()
        self._output.append("[kubelet-start] Starting the kubelet")
        self._host.services.start("kubelet", self._run_kubelet)

    def _say_writing(self, what: str, path: str) -> None:
        self._output.append(f"[kubelet-start] Writing kubelet {what} to file {quote(path)}")

    async def _run_kubelet(self) -> None:
        await Kubelet(self._host, self._journal, self._kubelet).run()

    async def _check_node_name(self) -> None:
        """Refuse a name under which a node is at work; one that is not ready may be taken again."""
        name = self._config.node_registration.name
        client = await self._api()
        try:
            node = await client.get(NODES.path(name))
        except ApiError as error:
            if error.code == 404:
                return
            said = f"cannot get Node {quote(name)}: {error}"
            raise self._refused(Reason.NODE_UNREADABLE, said) from error
        except RequestFailed as error:
            said = f"cannot get Node {quote(name)}: {error}"
            raise self._refused(Reason.NODE_UNREADABLE, said) from error
        for condition in items(node, "status", "conditions"):
            if text(condition, "type") == "Ready" and text(condition, "status") == "True":
                raise self._refused(
                    Reason.NODE_EXISTS,
                    f'a Node with name {quote(name)} and status "Ready" already exists in the cluster. You must '
                    "delete the existing Node or change the name of this new joining Node",
                )

    async def _kubelet_wait_bootstrap(self) -> None:
        try:
            await self._wait_for_kubelet()
            self._output.append("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap")
            if not await wait_for_certificate(self._host, self._config.timeouts.tls_bootstrap):
                self._output += _TROUBLE
                raise self._refused(
                    Reason.TLS_BOOTSTRAP_TIMEOUT,
                    "failed while waiting for TLS bootstrap: context deadline exceeded",
                    timed_out=True,
                )
        finally:
            self._files.remove_bootstrap()

    async def _wait_for_kubelet(self) -> None:
        timeout = self._config.timeouts.kubelet_health_check
        self._output.append(
            f"[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:{HEALTHZ_PORT}/healthz. "
            f"This can take up to {duration(timeout)}"
        )
        began = trio.current_time()
        problem = await wait_for_kubelet(self._host, HEALTHZ_PORT, timeout)
        waited = duration(trio.current_time() - began)
        if problem:
            self._output += [f"[kubelet-check] The kubelet is not healthy after {waited}", *_TROUBLE]
            raise self._refused(
                Reason.KUBELET_UNHEALTHY,
                f"failed while waiting for the kubelet to start: {problem}",
                timed_out=True,
            )
        self._output.append(f"[kubelet-check] The kubelet is healthy after {waited}")


def _started(config: JoinConfiguration) -> JoinStarted:
    token, file = config.discovery.bootstrap_token, config.discovery.file
    if token is not None:
        kind = "token-pinned" if token.ca_cert_hashes else "token"
        source, pins = token.api_server_endpoint, token.ca_cert_hashes
    else:
        path = file.kube_config_path if file else ""
        kind = "url" if "://" in path else "file"
        source, pins = path, ()
    return JoinStarted(config.node_registration.name, kind, source, pins)
