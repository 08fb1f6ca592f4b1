"""Where a replay of ``kubeadm join`` may differ from the recording, and why.

Nothing here is a pattern for "close enough". Each entry names what was recorded and says
why joinsim does otherwise; ``test_kubeadm_join.py`` fails for an entry that nothing needs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Volatile:
    """Text that differs between two runs of the same kubeadm too; it is replaced on both sides."""

    pattern: str
    replacement: str
    why: str


VOLATILE: tuple[Volatile, ...] = (
    Volatile(r"10\.0\.0\.[0-9]+", "127.0.0.1", "everything was recorded on one machine"),
    Volatile(r"127\.0\.0\.1:17443", "127.0.0.1:16443", "one run went through a recording proxy"),
    Volatile(r"sha256:(?!0{64})[0-9a-f]{64}", "sha256:<pin>", "each cluster has a CA of its own"),
    Volatile(r"csr-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "csr-<random>", "a generated name"),
    Volatile(
        r"timeout=[0-9]+m[0-9]+s&timeoutSeconds=[0-9]+", "timeout=<random>", "client-go draws 5 to 10 min"
    ),
    Volatile(
        r"kubelet-client-[0-9-]{19}\.pem", "kubelet-client-<date>.pem", "named after the moment of issue"
    ),
    Volatile(r"after [0-9.]+m?s$", "after <duration>", "measured time"),
    Volatile(r"certificate-authority-data: \S+", "certificate-authority-data: <ca>", "as above"),
)

NOT_REPLAYED: dict[str, str] = {
    "18_dry_run": "the engine has no dry run",
}

HARNESS_LINES: dict[str, str] = {
    r"\[patches\] Reading patches from path ": "the recordings gave the kubelet a patch, to run in a sandbox",
    r"\[patches\] Found the following patch files: ": "as above",
    r'\[patches\] Applied patch of type "application/merge-patch\+json" ': "as above",
    r"\[kubelet-start\] Please ensure kubelet is reloaded and running manually\.": "there was no systemd",
}
"""Lines that kubeadm printed because of how it was recorded."""

STDERR_LINES: dict[str, str] = {
    r"\[preflight\] Some fatal errors occurred:": "kubeadm prints it to stderr, the engine has one output",
    r"\t\[ERROR ": "as above",
    r"\[preflight\] If you know what you are doing, ": "as above",
}
"""Lines of the engine's output that kubeadm prints elsewhere than on stdout."""

MADE_AT_THE_DEADLINE: dict[str, str] = dict.fromkeys(
    (
        "09b_unknown_token_id",
        "11_expired_token",
        "11b_expired_token_still_present",
        "12_no_clusterinfo_rolebinding",
    ),
    "the last attempt fell on the very moment of the deadline; whether it is still made is a race in kubeadm "
    "(not made in 12b and 15, nor where kube-proxy's ConfigMap is read), and the engine never makes it",
)

OTHER_ERROR: dict[str, tuple[str, str]] = {
    "01_token_hash_nokubelet": (
        'Get "http://127.0.0.1:10248/healthz": dial tcp 127.0.0.1:10248: connect: connection refused',
        "the same race: the recorded error is that of an attempt made when the time was up",
    ),
}
"""Recordings that end in another text: how the engine's ends, and why."""

OTHER_ERROR_RECORDED: dict[str, str] = {
    "01_token_hash_nokubelet": 'Get "http://127.0.0.1:10248/healthz": context deadline exceeded',
}

REQUESTS_OF_OTHERS: dict[str, str] = dict.fromkeys(
    ("10_unreachable_default_timeout", "10b_unknown_token_default_timeout"),
    "recorded for five minutes beside other runs, whose requests are among these",
)

REQUEST_OF_OTHERS_LAST: dict[str, str] = {
    "20_via_http11_proxy": "seconds after this join's end, and anonymous: another run had begun",
}
"""Recordings whose last request by a kubeadm is none of this join's."""

RECORDED_REQUESTS_MAX = 80
"""A recording keeps so many requests; what came later is not in it."""

KUBELET_REQUESTS_NOT_MADE: dict[str, str] = {
    r"\S+ \w+ /apis/storage\.k8s\.io/": "joinsim has no volumes, hence no CSI drivers and no CSINode",
    r"\S+ \w+ /apis/resource\.k8s\.io/": "nor devices, hence no ResourceSlices",
    r"\S+ \w+ /apis/node\.k8s\.io/": "nor pods, hence no RuntimeClasses",
    r"\S+ \w+ /api/v1/services": "nor services",
    r"\S+ (list|watch) /api/v1/nodes": "the simulated kubelet keeps no cache of its Node",
    r"system:node:\S+ get /api/v1/nodes/[^?]+ (200|404)$": "asked for the CSINode's owner",
}

KUBELET_NOT_COMPARED: dict[str, str] = {
    "20_via_http11_proxy": "the recording proxy ended TLS, so that the kubelet's certificate never reached "
    "the API server and the kubelet stayed anonymous",
}

HARNESS_KUBELET_CONFIG: dict[str, object] = {
    "address": "127.0.0.1",
    "cgroupDriver": "cgroupfs",
    "cgroupsPerQOS": False,
    "enforceNodeAllocatable": [],
    "failCgroupV1": False,
    "failSwapOn": False,
    "localStorageCapacityIsolation": False,
}
"""What the patch of the recordings put into config.yaml."""

HEADERS: dict[str, tuple[str | None, str | None, str]] = {
    "Accept": (
        "application/vnd.kubernetes.protobuf,application/json",
        "application/json",
        "joinsim speaks JSON only",
    ),
    "Content-Type": ("application/vnd.kubernetes.protobuf", "application/json", "as above"),
    "Accept-Encoding": ("gzip", None, "answers are not compressed; a node's are too small to be"),
}
"""Request headers that differ: as recorded, as the engine sends them, and why."""
