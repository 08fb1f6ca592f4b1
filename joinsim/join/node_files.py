"""The files that kubeadm writes on a joining worker."""

from __future__ import annotations

from dataclasses import dataclass

from joinsim.api import JsonObject, Kubeconfig
from joinsim.api.objects import mapping
from joinsim.api.yaml_codec import dump_yaml
from joinsim.events import FileRemoved, FileWritten
from joinsim.gofmt import quote
from joinsim.join.config import JoinConfiguration
from joinsim.join.paths import (
    BOOTSTRAP_KUBELET_CONF,
    INSTANCE_CONFIG,
    KUBEADM_FLAGS,
    KUBELET,
    KUBELET_CONFIG,
    MANIFESTS,
    SYSTEMD_RESOLVED,
)
from joinsim.journal import Journal
from joinsim.world import Content, Host

__all__ = ["NodeFiles"]


@dataclass(frozen=True)
class NodeFiles:
    """Writes a node's files, with kubeadm's modes, and tells the journal."""

    host: Host
    journal: Journal
    config: JoinConfiguration

    def _write(self, path: str, content: Content, mode: int) -> None:
        self.host.files.write(path, content, mode)
        self.journal.append(self.host.name, FileWritten(path, f"{mode:04o}"))

    def write_bootstrap(self, kubeconfig: Kubeconfig) -> None:
        """The bootstrap kubeconfig, and the cluster's CA where it is not there yet."""
        self._write(BOOTSTRAP_KUBELET_CONF, kubeconfig.dump().encode(), 0o600)
        if not self.host.files.exists(self.config.ca_cert_path):
            _, cluster = kubeconfig.pick_cluster()
            self._write(self.config.ca_cert_path, cluster.certificate_authority_data, 0o644)

    def remove_bootstrap(self) -> None:
        """Take the bootstrap credential off the disk; no error where it is gone already."""
        try:
            self.host.files.remove(BOOTSTRAP_KUBELET_CONF)
        except FileNotFoundError:
            return
        self.journal.append(self.host.name, FileRemoved(BOOTSTRAP_KUBELET_CONF))

    def write_instance_config(self) -> None:
        """The part of the kubelet's configuration that is this node's own: its runtime's socket."""
        self.host.files.make_directory(KUBELET, 0o700)
        socket = self.config.node_registration.cri_socket
        self._write(INSTANCE_CONFIG, f"containerRuntimeEndpoint: {quote(socket)}\n".encode(), 0o644)

    def write_kubelet_config(self, cluster_wide: JsonObject) -> None:
        """The kubelet's configuration: the cluster's, kubeadm's defaults, this node's own part."""
        config = self._kubelet_config(cluster_wide)
        self._write(KUBELET_CONFIG, lambda: dump_yaml(config).encode(), 0o644)

    def _kubelet_config(self, cluster_wide: JsonObject) -> JsonObject:
        config: JsonObject = {
            "staticPodPath": MANIFESTS,
            "healthzBindAddress": "127.0.0.1",
            "healthzPort": 10248,
            "cgroupDriver": "systemd",
            **cluster_wide,
            "rotateCertificates": True,
            "containerRuntimeEndpoint": self.config.node_registration.cri_socket,
        }
        authentication = {**mapping(config, "authentication")}
        authentication.setdefault("x509", {"clientCAFile": self.config.ca_cert_path})
        config["authentication"] = authentication
        if self.host.files.exists(SYSTEMD_RESOLVED):
            config.setdefault("resolvConf", SYSTEMD_RESOLVED)
        return config

    def write_kubelet_flags(self) -> None:
        """The kubelet's command line: flags of its own, then the user's, which win."""
        registration = self.config.node_registration
        flags: dict[str, str] = {}
        if registration.name != self.host.name:
            flags["hostname-override"] = registration.name
        if registration.taints:
            flags["register-with-taints"] = ",".join(map(str, registration.taints))
        given = [*registration.kubelet_extra_args]
        named = {name for name, _ in given}
        arguments = [(name, value) for name, value in sorted(flags.items()) if name not in named] + given
        line = " ".join(f"--{name}={value}" for name, value in arguments)
        self._write(KUBEADM_FLAGS, f'KUBELET_KUBEADM_ARGS="{line}"\n'.encode(), 0o644)
