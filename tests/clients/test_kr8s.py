"""kr8s, unmodified, in processes of its own: it leaves sockets open, which is a failure in this one."""

import importlib.util
import json
import subprocess
import sys
import textwrap

import pytest

from tests.clients.cluster import csr_manifest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("kr8s") is None, reason="kr8s is not installed")

BEGINNING = """\
import json, sys, warnings
warnings.simplefilter("ignore")  # of a Kubernetes newer than itself
import kr8s
from kr8s.objects import ConfigMap, new_class
api = kr8s.api(kubeconfig=sys.argv[1])
"""


@pytest.fixture
def told(cluster, tmp_path):
    """What a script prints, as JSON."""

    def run(script):
        command = [sys.executable, "-c", BEGINNING + textwrap.dedent(script), cluster.kubeconfig]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_it_knows_where_it_is_and_who_it_is(told):
    script = 'print(json.dumps([api.version()["gitVersion"], api.whoami()]))'
    assert told(script) == ["v1.36.2", "kubernetes-admin"]


def test_an_object_is_created_changed_and_deleted(told):
    script = """
        one = ConfigMap({"metadata": {"name": "one", "namespace": "default"}, "data": {"a": "1"}}, api=api)
        one.create()
        one.patch({"data": {"b": "2"}})
        one.label({"x": "y"})
        one.refresh()
        found = [dict(one.data), dict(one.labels), one.exists()]
        one.delete()
        print(json.dumps([*found, one.exists()]))
    """
    assert told(script) == [{"a": "1", "b": "2"}, {"x": "y"}, True, False]


def test_a_csr_is_created_and_found_by_its_short_name(told):
    script = f"""
        group, plural = "certificates.k8s.io/v1", "certificatesigningrequests"
        kind = new_class("CertificateSigningRequest", group, namespaced=False, plural=plural)
        kind(json.loads({json.dumps(csr_manifest("one"))!r}), api=api).create()
        print(json.dumps([each.name for each in api.get("csr")]))
    """
    assert told(script) == ["one"]


def test_a_bad_selector_is_refused(told):
    script = """
        try:
            list(api.get("nodes", field_selector="spec.bad=1"))
        except kr8s.ServerError as error:
            print(json.dumps(error.status))
    """
    refusal = told(script)
    assert (refusal["code"], refusal["message"]) == (400, "field label not supported: spec.bad")
