"""What else kubectl does: ways to print, watches, changes, questions, and errors."""

import base64
import json
import shlex

import pytest
import yaml

from joinsim.controlplane.reviews import REVIEWS
from tests.clients.cluster import CSRS
from tests.clients.kubectls import with_kubectl
from tests.clients.recorded_session import rows_of

RULES_REVIEWS = ("authorization.k8s.io", "v1", "selfsubjectrulesreviews")
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
data:
  a: "1"
"""


def config_map(cluster):
    return cluster.get(f"{CONFIG_MAPS}/one")


# --- ways to print -----------------------------------------------------------------------


@with_kubectl
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("name", "configmap/cluster-info\n"),
        ("jsonpath={.metadata.name}", "cluster-info"),
        ("go-template={{.metadata.namespace}}", "kube-public"),
        ("custom-columns=N:.metadata.name,K:.kind", "N              K\ncluster-info   ConfigMap\n"),
    ],
)
def test_an_object_is_printed_in_every_form(kubectl, cluster, form, expected):
    assert kubectl.says("-n", "kube-public", "get", "configmap", "cluster-info", "-o", form) == expected


@with_kubectl
@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_an_object_is_printed_as_it_is_stored(kubectl, cluster, form, read):
    path = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
    printed = read(kubectl.says("-n", "kube-public", "get", "configmap", "cluster-info", "-o", form))
    assert printed == cluster.get(path)


@with_kubectl
@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("ns", "NAME STATUS AGE"),
        ("nodes", "NAME STATUS ROLES AGE VERSION"),
        ("secrets", "NAME TYPE DATA AGE"),
        ("cm", "NAME DATA AGE"),
        ("rolebindings", "NAME ROLE AGE"),
        ("clusterrolebindings", "NAME ROLE AGE"),
        ("clusterroles", "NAME|CREATED AT"),
        ("roles", "NAME|CREATED AT"),
    ],
)
def test_every_kind_has_its_columns(kubectl, cluster, resource, columns):
    heading, *rows = rows_of(kubectl.says("-n", "kube-system", "get", resource))
    assert heading == columns.split("|" if "|" in columns else " ")
    assert rows


@with_kubectl
def test_all_namespaces_are_a_column_more(kubectl, cluster):
    heading, *rows = rows_of(kubectl.says("get", "cm", "-A"))
    assert heading == ["NAMESPACE", "NAME", "DATA", "AGE"]
    assert ["kube-public", "cluster-info", "2", "AGE"] in rows


@with_kubectl
def test_a_watch_prints_what_comes(kubectl, cluster):
    version = cluster.get(CSRS)["metadata"]["resourceVersion"]
    assert version
    with kubectl.follow("get", "csr", "--watch", "-o", "name", "--request-timeout=60s") as following:
        cluster.post_csr("one")
        first = following.stdout.readline()
        cluster.post_csr("two")
        second = following.stdout.readline()
        following.kill()
    assert [first, second] == [
        f"certificatesigningrequest.certificates.k8s.io/{each}\n" for each in ("one", "two")
    ]


# --- changes -----------------------------------------------------------------------------


@with_kubectl
def test_a_manifest_is_applied_applied_again_and_changed(kubectl, cluster):
    assert kubectl.says("apply", "-f", "-", stdin=MANIFEST) == "configmap/one created\n"
    assert kubectl.says("apply", "-f", "-", stdin=MANIFEST) == "configmap/one unchanged\n"
    changed = MANIFEST.replace('a: "1"', 'b: "2"')
    assert kubectl.says("apply", "-f", "-", stdin=changed) == "configmap/one configured\n"
    assert config_map(cluster)["data"] == {"b": "2"}


@with_kubectl
def test_a_manifest_is_created_once_and_replaced(kubectl, cluster):
    assert kubectl.says("create", "-f", "-", stdin=MANIFEST) == "configmap/one created\n"
    again = kubectl("create", "-f", "-", stdin=MANIFEST)
    assert (again.code, again.out) == (1, "")
    assert again.err.endswith('configmaps "one" already exists\n')
    changed = MANIFEST.replace('a: "1"', 'b: "2"')
    assert kubectl.says("replace", "-f", "-", stdin=changed) == "configmap/one replaced\n"
    assert config_map(cluster)["data"] == {"b": "2"}


@with_kubectl
@pytest.mark.parametrize(
    ("kind", "patch", "expected"),
    [
        ("strategic", {"data": {"a": None, "b": "2"}}, {"b": "2"}),
        ("merge", {"data": {"a": None, "b": "2"}}, {"b": "2"}),
        ("json", [{"op": "replace", "path": "/data/a", "value": "2"}], {"a": "2"}),
    ],
)
def test_an_object_is_patched(kubectl, cluster, kind, patch, expected):
    kubectl.says("create", "cm", "one", "--from-literal=a=1")
    printed = kubectl.says("patch", "cm", "one", "--type", kind, "-p", json.dumps(patch))
    assert printed == "configmap/one patched\n"
    assert config_map(cluster)["data"] == expected


@with_kubectl
def test_labels_and_annotations_are_set_and_selected_by(kubectl, cluster):
    kubectl.says("create", "cm", "one", "--from-literal=a=1")
    assert kubectl.says("label", "cm", "one", "x=y") == "configmap/one labeled\n"
    assert kubectl.says("annotate", "cm", "one", "p=q") == "configmap/one annotated\n"
    metadata = config_map(cluster)["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({"x": "y"}, {"p": "q"})
    assert kubectl.says("get", "cm", "-l", "x in (y,z)", "-o", "name") == "configmap/one\n"
    assert (
        kubectl.says("get", "cm", "--field-selector", "metadata.name=one", "-o", "name") == "configmap/one\n"
    )
    assert kubectl.says("get", "cm", "-l", "x!=y", "-o", "name") == ""


@with_kubectl
def test_things_are_made_and_deleted(kubectl, cluster):
    assert kubectl.says("create", "ns", "other") == "namespace/other created\n"
    where = " from other namespace" if kubectl.minor >= 34 else ""
    assert (
        kubectl.says(*shlex.split("-n other create secret generic s --from-literal=a=b"))
        == "secret/s created\n"
    )
    secret = cluster.get("/api/v1/namespaces/other/secrets/s")
    assert base64.b64decode(secret["data"]["a"]) == b"b"
    assert kubectl.says("-n", "other", "delete", "secret", "s") == f'secret "s" deleted{where}\n'
    assert cluster.ask("GET", "/api/v1/namespaces/other/secrets/s")[0] == 404
    assert kubectl.says(*shlex.split("create role r --verb=get --resource=configmaps")).endswith(
        "/r created\n"
    )
    made = kubectl.says(*shlex.split("create clusterrolebinding b --clusterrole=cluster-admin --user=bob"))
    assert made == "clusterrolebinding.rbac.authorization.k8s.io/b created\n"


# --- questions ---------------------------------------------------------------------------


@with_kubectl
def test_what_may_be_done_is_asked(kubectl, cluster):
    assert kubectl.says("auth", "can-i", "create", "configmaps") == "yes\n"
    kubeconfig = kubectl.says("config", "view", "--raw")
    assert kubeconfig
    anonymous = (
        "--kubeconfig=/dev/null",
        f"--server={cluster.url}",
        f"--certificate-authority={cluster.ca_file}",
    )
    asked = kubectl(*anonymous, "auth", "can-i", "get", "secrets", "--token=abcdef.0123456789abcdef")
    assert (asked.code, asked.out) == (1, "no\n")


@with_kubectl
@pytest.mark.skipif(RULES_REVIEWS not in REVIEWS, reason="SelfSubjectRulesReviews are not served yet")
def test_all_that_may_be_done_is_listed(kubectl, cluster):
    heading, *rows = rows_of(kubectl.says("auth", "can-i", "--list"))
    assert heading == ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]
    assert ["*.*", "[]", "[]", "[*]"] in rows


@with_kubectl
def test_api_versions_are_listed(kubectl, cluster):
    versions = kubectl.says("api-versions").split()
    assert versions == sorted(versions)
    served = {"certificates.k8s.io/v1", "coordination.k8s.io/v1", "rbac.authorization.k8s.io/v1", "v1"}
    assert served <= set(versions)


@with_kubectl
def test_a_kind_is_explained_by_kubectls_that_read_openapi_v3(kubectl, cluster):
    explained = kubectl("explain", "csr.spec.request")
    if kubectl.minor < 27:
        assert explained.code == 1
        assert explained.err.startswith("error: couldn't find resource for ")
        return
    assert explained.out.splitlines()[:3] == [
        "GROUP:      certificates.k8s.io",
        "KIND:       CertificateSigningRequest",
        "VERSION:    v1",
    ]
    assert "FIELD: request <string>" in explained.out


@with_kubectl
def test_paths_are_read_raw(kubectl, cluster):
    assert json.loads(kubectl.says("get", "--raw", "/version"))["gitVersion"] == "v1.36.2"
    assert kubectl.says("get", "--raw", "/readyz") == "ok"


@with_kubectl
def test_a_csr_is_described(kubectl, cluster):
    cluster.post_csr("one")
    described = kubectl.says("describe", "csr", "one")
    assert "Requesting User:    system:bootstrap:abcdef\n" in described
    assert "Status:             Pending\n" in described
    assert "Common Name:    system:node:one\n" in described


# --- errors ------------------------------------------------------------------------------


@with_kubectl
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "get csr nope",
            'Error from server (NotFound): certificatesigningrequests.certificates.k8s.io "nope"',
        ),
        ("get cm --field-selector spec.bad=1", '"spec.bad" is not a known field selector: only'),
        ("get nodes --field-selector spec.bad=1", "field label not supported: spec.bad"),
        ("get cm -l 'x in y'", "unable to parse requirement: found 'y'"),
        ("get widgets", 'error: the server doesn\'t have a resource type "widgets"'),
        ("get --raw /nope", "Error from server (NotFound): the server could not find the requested resource"),
        (
            "create cm Bad_Name",
            'The ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name"',
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_real_words(kubectl, cluster, command, said):
    printed = kubectl(*shlex.split(command))
    assert (printed.code, printed.out) == (1, "")
    assert said in printed.err.replace("error: failed to create configmap: ", "The ") or said in printed.err


@with_kubectl
def test_server_side_apply_is_refused_and_said_to_be_so(kubectl, cluster):
    printed = kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    assert (printed.code, printed.out) == (1, "")
    assert (
        "not supported by joinsim's control plane: patches of type application/apply-patch+yaml"
        in printed.err
    )


@with_kubectl
def test_cluster_info_lacks_services(kubectl, cluster):
    printed = kubectl("cluster-info")
    assert printed.code == 1
    assert 'the server doesn\'t have a resource type "services"' in printed.err
