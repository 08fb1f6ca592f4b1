"""What a joining node reads from the cluster once it believes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import trio

from joinsim.api import JsonObject
from joinsim.api.objects import CONFIG_MAPS, texts
from joinsim.api.yaml_codec import YamlError, load_yaml
from joinsim.errors import ApiError
from joinsim.join.polling import Poll
from joinsim.wire import ApiClient, RequestFailed

__all__ = ["ClusterConfiguration", "ConfigurationError", "read_cluster_configuration"]

RETRY_SECONDS, TIMEOUT_SECONDS = 0.05, 0.35
_FETCH = "unable to fetch the kubeadm-config ConfigMap: "


class ConfigurationError(Exception):
    """The configuration could not be had; the message is kubeadm's."""


@dataclass(frozen=True)
class ClusterConfiguration:
    """The part of kubeadm's configuration that a worker uses, and the kubelet's."""

    cluster_name: str
    kubernetes_version: str
    kubelet: JsonObject


async def read_cluster_configuration(client: ApiClient, kubeadm_version: str) -> ClusterConfiguration:
    """Read three ConfigMaps, each tried for a third of a second.

    kube-proxy's may be missing or forbidden; the other two may not. Raises
    ConfigurationError.
    """
    kubeadm = await _data(client, "kubeadm-config", f"{_FETCH}failed to get config map: ")
    if "ClusterConfiguration" not in kubeadm:
        raise ConfigurationError(
            f"{_FETCH}unexpected error when reading kubeadm-config ConfigMap: ClusterConfiguration key value "
            "pair missing"
        )
    cluster = _document(kubeadm["ClusterConfiguration"])
    version = str(cluster.get("kubernetesVersion", ""))
    _check_version(version, kubeadm_version)
    try:
        await _data(client, "kube-proxy", "")
    except ConfigurationError as error:
        if not isinstance(error.__cause__, ApiError) or error.__cause__.code not in (403, 404):
            raise ConfigurationError(f"{_FETCH}failed to get component configs: {error}") from error
    said = (
        f"{_FETCH}failed to get component configs: could not download the kubelet configuration from "
        'ConfigMap "kubelet-config": '
    )
    kubelet = await _data(client, "kubelet-config", said)
    if "kubelet" not in kubelet:
        raise ConfigurationError(
            f"{said}unexpected error when reading kubelet-config ConfigMap: kubelet key value pair missing"
        )
    return ClusterConfiguration(
        str(cluster.get("clusterName") or "kubernetes"), version, _document(kubelet["kubelet"])
    )


async def _data(client: ApiClient, name: str, prefix: str) -> dict[str, str]:
    poll: Poll | None = Poll.begin(trio.current_time(), RETRY_SECONDS, TIMEOUT_SECONDS)
    while poll is not None:
        await trio.sleep_until(poll.attempt_at)
        try:
            return texts(await client.get(CONFIG_MAPS.path(name, "kube-system")), "data")
        except (ApiError, RequestFailed) as error:
            problem = error
            gives_up_at = poll.gives_up_at(trio.current_time())
            poll = poll.again(trio.current_time())
    await trio.sleep_until(gives_up_at)
    raise ConfigurationError(f"{prefix}{problem}") from problem


@lru_cache(maxsize=64)
def _document(content: str) -> JsonObject:
    try:
        document = load_yaml(content)
    except YamlError as error:
        raise ConfigurationError(f"{_FETCH}{error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(
            f"{_FETCH}invalid configuration: kind and apiVersion is mandatory information"
        )
    return document


def _check_version(cluster: str, kubeadm: str) -> None:
    """The control plane may be newer than kubeadm, or one minor version older."""
    found, own = _minor(cluster), _minor(kubeadm)
    if found is None or own is None:
        raise ConfigurationError(f"{_FETCH}could not parse {cluster!r} as version")
    if found < own - 1:
        raise ConfigurationError(
            f"{_FETCH}this version of kubeadm only supports deploying clusters with the control plane version "
            f">= 1.{own - 1}.0. Current version: {cluster}"
        )


def _minor(version: str) -> int | None:
    match = re.fullmatch(r"v?1\.([0-9]+)\.[0-9]+([-+].*)?", version)
    return int(match[1]) if match else None
