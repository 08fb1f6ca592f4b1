"""Preflight checks of a worker: what must not be on the host before it joins.

Each check has kubeadm's name, under which it can be ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from joinsim.join.config import JoinConfiguration
from joinsim.join.paths import BOOTSTRAP_KUBELET_CONF, KUBELET_CONF
from joinsim.world import Host

__all__ = ["Check", "checks_for", "failed_checks"]


@dataclass(frozen=True)
class Check:
    """One check: its name, and what is wrong with a host (the empty string for nothing)."""

    name: str
    problem: Callable[[Host], str]


def _file_available(path: str) -> Check:
    def problem(host: Host) -> str:
        return f"{path} already exists" if host.files.exists(path) else ""

    return Check(f"FileAvailable-{path.replace('/', '-')}", problem)


def checks_for(config: JoinConfiguration) -> Sequence[Check]:
    """The checks of a worker's join, in kubeadm's order.

    Only those that say something about a simulated machine are here; its runtime, its
    kernel and its executables do not exist and are not asked after.
    """
    # Divergence: kubeadm has more checks than these.
    paths = (KUBELET_CONF, BOOTSTRAP_KUBELET_CONF, config.ca_cert_path)
    return [_file_available(path) for path in paths]


def failed_checks(host: Host, config: JoinConfiguration) -> tuple[list[str], list[str]]:
    """The lines that kubeadm prints: ``[WARNING …]`` for ignored failures, ``[ERROR …]`` for the rest."""
    ignored = {name.lower() for name in config.node_registration.ignore_preflight_errors}
    warnings, errors = [], []
    for check in checks_for(config):
        problem = check.problem(host)
        if problem and ignored & {"all", check.name.lower()}:
            warnings.append(f"\t[WARNING {check.name}]: {problem}")
        elif problem:
            errors.append(f"\t[ERROR {check.name}]: {problem}")
    return warnings, errors
