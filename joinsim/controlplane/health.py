"""What ``/healthz``, ``/livez`` and ``/readyz`` say."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["health_report"]

_CHECKS = {
    "/healthz": ("ping", "log", "etcd", "poststarthook/rbac/bootstrap-roles"),
    "/livez": ("ping", "log", "etcd", "poststarthook/rbac/bootstrap-roles"),
    "/readyz": ("ping", "log", "etcd", "informer-sync", "poststarthook/rbac/bootstrap-roles", "shutdown"),
}


def health_report(path: str, *, verbose: bool, excluded: Collection[str]) -> str | None:
    """The answer to a health check, or to one of its parts (``/readyz/etcd``); None for any other path."""
    root, _, part = path.lstrip("/").partition("/")
    checks = _CHECKS.get(f"/{root}")
    # Divergence: there are no checks behind these paths; whoever is answered finds them passed.
    if checks is None or (part and part not in checks):
        return None
    if part or not verbose:
        return "ok"
    lines = [f"[+]{check} excluded: ok" if check in excluded else f"[+]{check} ok" for check in checks]
    unknown = sorted(set(excluded) - set(checks))
    if unknown:
        lines.append(f"warn: some health checks cannot be excluded: no matches for {_quoted(unknown)}")
    return "\n".join([*lines, f"{root} check passed\n"])


def _quoted(names: list[str]) -> str:
    return ",".join(f'"{name}"' for name in names)
