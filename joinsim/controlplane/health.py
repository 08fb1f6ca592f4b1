"""What ``/healthz``, ``/livez`` and ``/readyz`` say."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["health_paths", "health_report"]

_HOOKS = [
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "peer-endpoint-reconciler-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "storage-readiness",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "aggregator-reload-proxy-client-cert",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-wait-for-first-sync",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
    "autoregister-completion",
    "apiservice-openapi-controller",
    "apiservice-openapiv3-controller",
]
# One of them is a check of its own and no hook.
_STARTED = tuple(each if each == "autoregister-completion" else f"poststarthook/{each}" for each in _HOOKS)
_CHECKS = {
    "/healthz": ("ping", "log", *_STARTED),
    "/livez": ("ping", "log", *_STARTED),
    "/readyz": ("ping", "log", "informer-sync", *_STARTED, "shutdown"),
}
# The storage is asked after by name, though there is no etcd here to list.
_UNLISTED = ("etcd", "etcd-readiness")


def health_paths() -> list[str]:
    """The paths of the health checks and of their parts."""
    return [
        path for root, checks in _CHECKS.items() for path in (root, *(f"{root}/{each}" for each in checks))
    ]


def health_report(path: str, *, verbose: bool, excluded: Collection[str]) -> str | None:
    """The answer to a health check, or to one of its parts (``/readyz/etcd``); None for any other path."""
    root, _, part = path.lstrip("/").partition("/")
    checks = _CHECKS.get(f"/{root}")
    # Divergence: there are no checks behind these paths; whoever is answered finds them passed.
    if checks is None or (part and part not in (*checks, *_UNLISTED)):
        return None
    if part or not verbose:
        return "ok"
    lines = [f"[+]{check} excluded: ok" if check in excluded else f"[+]{check} ok" for check in checks]
    unknown = sorted({*excluded} - {*checks, *_UNLISTED})
    if unknown:
        lines.append(f"warn: some health checks cannot be excluded: no matches for {_quoted(unknown)}")
    return "\n".join([*lines, f"{root} check passed\n"])


def _quoted(names: list[str]) -> str:
    return ",".join(f'"{name}"' for name in names)
