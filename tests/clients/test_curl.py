"""curl without a client certificate: what anybody may see."""

import json
import shutil
import subprocess

import pytest

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"


@pytest.fixture
def curl(cluster):
    found = shutil.which("curl")
    if found is None:
        pytest.skip("there is no curl on the PATH")

    def run(path, *options):
        written = ("--write-out", "\n%{http_code} %{http_version} %{content_type}")
        command = [found, "--disable", "--silent", "--noproxy", "*", *written, *options, cluster.url + path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        body, _, last = done.stdout.rpartition("\n")
        return done.returncode, body, *last.split()

    return run


def test_cluster_info_is_given_to_anybody(curl, cluster):
    code, body, status, _, media = curl(CLUSTER_INFO, "--cacert", cluster.ca_file)
    assert (code, status, media) == (0, "200", "application/json")
    assert cluster.url in json.loads(body)["data"]["kubeconfig"]
    # Whoever calls himself curl is answered in lines.
    assert body.startswith('{\n  "kind": "ConfigMap",')


def test_nothing_else_is_given_to_anybody(curl, cluster):
    _, body, status, _, _ = curl("/api/v1/nodes", "--cacert", cluster.ca_file)
    assert (status, json.loads(body)["reason"]) == ("403", "Forbidden")


def test_a_server_that_is_not_trusted_is_not_asked(curl):
    # 60: the certificate cannot be verified.
    assert curl(CLUSTER_INFO)[:2] == (60, "")
