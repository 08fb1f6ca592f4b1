"""The numbers in the code against the table of Kubernetes' own."""

import json

import pytest

from joinsim.join import (
    Timeouts,
    certificate_manager,
    cluster_configuration,
    discoverer,
    discovery,
    engine,
    kubelet,
    node_objects,
    registration,
    tls_bootstrap,
    waiting,
)


@pytest.fixture
def table(vectors):
    return json.loads((vectors.parent / "data" / "timeouts.json").read_text())


def test_kubeadm_waits_as_long_as_kubeadm(table):
    expected = table["kubeadm"]
    assert expected["discovery_retry_interval"] == discovery.RETRY_SECONDS
    assert discoverer.REQUEST_SECONDS == expected["discovery_http_request_timeout"] == engine.REQUEST_SECONDS
    assert expected["tls_bootstrap_poll"] == waiting.CERTIFICATE_POLL_SECONDS
    assert expected["kubelet_health_poll"] == waiting.HEALTH_POLL_SECONDS
    assert expected["configmap_get_retry"] == cluster_configuration.RETRY_SECONDS
    assert expected["configmap_get_total"] == cluster_configuration.TIMEOUT_SECONDS
    assert Timeouts() == Timeouts(
        expected["discovery_timeout_default"],
        expected["kubelet_health_timeout_default"],
        expected["kubernetes_api_call_timeout_default"],
        expected["tls_bootstrap_timeout_default"],
    )


def test_the_kubelet_waits_as_long_as_the_kubelet(table):
    expected = table["kubelet"]
    assert expected["csr_wait"] == tls_bootstrap.WAIT_SECONDS
    assert expected["exit_without_cert_after"] == kubelet.EXIT_WITHOUT_CERTIFICATE_SECONDS
    assert expected["node_register_backoff_initial"] == registration.REGISTER_PAUSE_SECONDS
    assert expected["node_register_backoff_max"] == registration.PAUSE_SECONDS_MAX
    assert expected["lease_renew"] == registration.LEASE_RENEW_SECONDS
    assert expected["lease_duration"] == node_objects.LEASE_SECONDS
    first, factor = expected["retry_backoff_initial"], expected["retry_backoff_factor"]
    pauses = tuple(first * factor**step for step in range(expected["retry_backoff_attempts"] - 1))
    assert pauses == tls_bootstrap.BACKOFF_SECONDS
    assert expected["retry_backoff_jitter"] == tls_bootstrap.JITTER
    assert expected["retry_interval_after_backoff"] == tls_bootstrap.STEADY_SECONDS


def test_a_watch_lasts_as_long_as_client_gos(table):
    expected = table["client_go"]
    found = certificate_manager.WATCH_SECONDS_MIN, certificate_manager.WATCH_SECONDS_MAX
    assert found == (expected["watch_timeout_min"], expected["watch_timeout_max"])
