"""A cluster on a loopback socket for each test, and a kubectl that talks to it."""

from __future__ import annotations

import pytest

from tests.clients.cluster import served_cluster
from tests.clients.kubectls import Kubectl, UnavailableError, find, minor_version


@pytest.fixture
def cluster(request):
    """A new cluster, whose CSRs wait for the administrator unless a parameter says otherwise."""
    with served_cluster(**getattr(request, "param", {"autoapprove": False})) as cluster:
        yield cluster


@pytest.fixture
def kubectl(request, cluster, tmp_path):
    """The kubectl that a test's parameter names, with the administrator's kubeconfig."""
    return kubectl_for(request.param, cluster, tmp_path)


def kubectl_for(source, cluster, home):
    """One kubectl with this folder as its home; skips, and says why, where it cannot be had."""
    try:
        binary = find(source)
    except UnavailableError as error:
        pytest.skip(str(error))
    return Kubectl(binary, home, cluster.kubeconfig, minor_version(binary))
