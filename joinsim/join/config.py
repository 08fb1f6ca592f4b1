"""JoinConfiguration: what a machine is told about the cluster it shall join.

The fields are those of ``kubeadm.k8s.io/v1beta4``, as far as a worker's join uses them;
validation has kubeadm's order and words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from joinsim.api import BootstrapToken, TokenError
from joinsim.errors import JoinRefused, Reason
from joinsim.gofmt import quote
from joinsim.redaction import mask_token

__all__ = [
    "BootstrapTokenDiscovery",
    "Discovery",
    "FileDiscovery",
    "JoinConfiguration",
    "NodeRegistration",
    "Taint",
    "Timeouts",
]

DEFAULT_CRI_SOCKET = "unix:///var/run/containerd/containerd.sock"
DEFAULT_CA_CERT_PATH = "/etc/kubernetes/pki/ca.crt"

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    f"start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_GO_NAME = r"""[-A-Za-z0-9._~!$&'()*+,;=<>"%\u0080-\U0010ffff]*"""
_GO_HOST = re.compile(rf"(\[[^]]*\]|{_GO_NAME})(:[0-9]*)?")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class BootstrapTokenDiscovery:
    """``discovery.bootstrapToken``. The token's secret half stays out of reprs."""

    token: str = field(repr=False)
    api_server_endpoint: str
    ca_cert_hashes: tuple[str, ...] = ()
    unsafe_skip_ca_verification: bool = False


@dataclass(frozen=True)
class FileDiscovery:
    """``discovery.file``: a path on the host, or an HTTPS URL."""

    kube_config_path: str


@dataclass(frozen=True)
class Discovery:
    """``discovery``: one of two ways to find the cluster, and the token for TLS bootstrap."""

    bootstrap_token: BootstrapTokenDiscovery | None = None
    file: FileDiscovery | None = None
    tls_bootstrap_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Taint:
    """A taint that the node registers with."""

    key: str
    effect: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}"


@dataclass(frozen=True)
class NodeRegistration:
    """``nodeRegistration``: what the node will be called and how its kubelet is set up."""

    name: str = ""
    cri_socket: str = DEFAULT_CRI_SOCKET
    taints: tuple[Taint, ...] = ()
    kubelet_extra_args: tuple[tuple[str, str], ...] = ()
    ignore_preflight_errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timeouts:
    """``timeouts``, in seconds."""

    discovery: float = 300.0
    kubelet_health_check: float = 240.0
    kubernetes_api_call: float = 60.0
    tls_bootstrap: float = 300.0


@dataclass(frozen=True)
class JoinConfiguration:
    """A whole JoinConfiguration."""

    discovery: Discovery
    node_registration: NodeRegistration = NodeRegistration()
    ca_cert_path: str = DEFAULT_CA_CERT_PATH
    skip_phases: tuple[str, ...] = ()
    timeouts: Timeouts = Timeouts()

    def defaulted(self, hostname: str) -> JoinConfiguration:
        """The configuration with what kubeadm fills in: the node's name, the TLS bootstrap token."""
        discovery = self.discovery
        if discovery.bootstrap_token is not None and not discovery.tls_bootstrap_token:
            discovery = replace(discovery, tls_bootstrap_token=discovery.bootstrap_token.token)
        if discovery.file is not None and discovery.file.kube_config_path.startswith("file://"):
            path = urlsplit(discovery.file.kube_config_path).path
            discovery = replace(discovery, file=FileDiscovery(path))
        name = (self.node_registration.name or hostname).strip().lower()
        return replace(
            self, discovery=discovery, node_registration=replace(self.node_registration, name=name)
        )

    def validate(self, exists: Callable[[str], bool]) -> None:
        """Refuse what kubeadm refuses before it does anything; all problems in one message.

        ``exists`` tells whether a file is on the host. Raises JoinRefused in the phase
        ``configuration``.
        """
        problems = list(dict.fromkeys(self._problems(exists)))
        if problems:
            told = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise JoinRefused("configuration", Reason.INVALID_CONFIGURATION, told)
        ignored = sorted({name.lower() for name in self.node_registration.ignore_preflight_errors})
        if "all" in ignored and len(ignored) > 1:
            said = (
                f"ignore-preflight-errors: Invalid value: {quote(','.join(ignored))}: "
                "don't specify individual checks if 'all' is used"
            )
            raise JoinRefused("configuration", Reason.INVALID_CONFIGURATION, said)

    def _problems(self, exists: Callable[[str], bool]) -> Iterator[str]:
        yield from _discovery_problems(self.discovery, exists)
        yield from _registration_problems(self.node_registration)
        if not self.ca_cert_path.startswith("/") or not self.ca_cert_path.endswith(".crt"):
            yield (
                f"caCertPath: Invalid value: {quote(self.ca_cert_path)}: "
                "the ca certificate path must be an absolute path"
            )


def _discovery_problems(discovery: Discovery, exists: Callable[[str], bool]) -> Iterator[str]:
    if discovery.bootstrap_token is None and discovery.file is None:
        yield 'discovery: Invalid value: "": bootstrapToken or file must be set'
    if discovery.bootstrap_token is not None and discovery.file is not None:
        yield 'discovery: Invalid value: "": bootstrapToken and file cannot both be set'
    if discovery.bootstrap_token is not None:
        yield from _token_discovery_problems(discovery.bootstrap_token)
    if discovery.tls_bootstrap_token:
        yield from _token_problems("discovery.tlsBootstrapToken", discovery.tls_bootstrap_token)
    if discovery.file is not None:
        yield from _file_problems(discovery.file.kube_config_path, exists)


def _token_discovery_problems(discovery: BootstrapTokenDiscovery) -> Iterator[str]:
    path = "discovery.bootstrapToken"
    if not discovery.api_server_endpoint:
        yield f"{path}: Required value: APIServerEndpoint is not set"
    if not discovery.ca_cert_hashes and not discovery.unsafe_skip_ca_verification:
        yield (
            f'{path}.caCertHashes: Invalid value: "": using token-based discovery without caCertHashes can be '
            "unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass "
            "--discovery-token-unsafe-skip-ca-verification flag to continue"
        )
    yield from _token_problems(f"{path}.token", discovery.token)
    problem = split_host_port_problem(discovery.api_server_endpoint)
    if problem:
        yield f"{path}.apiServerEndpoint: Invalid value: {quote(discovery.api_server_endpoint)}: {problem}"


def _token_problems(path: str, token: str) -> Iterator[str]:
    try:
        BootstrapToken.parse(token)
    except TokenError:
        yield f"{path}: Invalid value: {quote(mask_token(token))}: the bootstrap token is invalid"


def _file_problems(path: str, exists: Callable[[str], bool]) -> Iterator[str]:
    said = f"discovery.file.kubeConfigPath: Invalid value: {quote(path)}"
    try:
        scheme = _go_scheme(path)
    except ValueError:
        yield f"{said}: not a valid HTTPS URL or a file on disk"
        return
    if scheme and scheme != "https":
        yield f"{said}: if a URL is used, the scheme must be https"
    elif not scheme and not (path.startswith("/") and exists(path)):
        yield f"{said}: not a valid HTTPS URL or a file on disk"


def _go_scheme(url: str) -> str:
    """The scheme of a URL; ValueError for one that Go's ``url.Parse`` does not take.

    Python's parser is the more lenient one.
    """
    if _CONTROL.search(url):
        raise ValueError("invalid control character in URL")
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if not _GO_HOST.fullmatch(host):
        raise ValueError("invalid host")
    if _BROKEN_ESCAPE.search(parts.path):
        raise ValueError("invalid URL escape")
    return parts.scheme


def _registration_problems(registration: NodeRegistration) -> Iterator[str]:
    name = registration.name
    if not name:
        yield (
            "nodeRegistration: Required value: --node-name or .nodeRegistration.name in the config file is a "
            "required value. It seems like this value couldn't be automatically detected in your environment, "
            "please specify the desired value using the CLI or config file."
        )
    elif not re.fullmatch(_SUBDOMAIN, name) or len(name) > 253:
        yield f"nodeRegistration.name: Invalid value: {quote(name)}: {_SUBDOMAIN_TEXT}"
    for index, (argument, _) in enumerate(registration.kubelet_extra_args):
        if not argument:
            yield f'nodeRegistration.kubeletExtraArgs: Invalid value: "index {index}": argument has no name'


def split_host_port_problem(address: str) -> str:
    """Why an address is no ``host:port``, in the words of Go's ``net.SplitHostPort``; empty if it is one."""
    shown = f"address {address}: " if address else ""
    last = address.rfind(":")
    if last < 0:
        return f"{shown}missing port in address"
    if address.startswith("["):
        end = address.find("]")
        if end < 0:
            return f"{shown}missing ']' in address"
        if end + 1 == len(address):
            return f"{shown}missing port in address"
        if end + 1 != last:
            many = address[end + 1] == ":"
            return f"{shown}{'too many colons' if many else 'missing port'} in address"
        inside, after = address[1:], address[end + 1 :]
    else:
        if ":" in address[:last]:
            return f"{shown}too many colons in address"
        inside = after = address
    if "[" in inside:
        return f"{shown}unexpected '[' in address"
    if "]" in after:
        return f"{shown}unexpected ']' in address"
    return ""


def known_timeouts() -> Mapping[str, str]:
    """The names of the timeouts in a JoinConfiguration, with the fields that they set."""
    return {
        "discovery": "discovery",
        "kubeletHealthCheck": "kubelet_health_check",
        "kubernetesAPICall": "kubernetes_api_call",
        "tlsBootstrap": "tls_bootstrap",
    }
