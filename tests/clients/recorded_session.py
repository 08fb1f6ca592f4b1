"""The session in which kubectl's output was recorded, held again with joinsim's control plane.

One cluster, one kubectl, the commands in the order in which they were recorded; between them what
was done there without kubectl. Objects that only the recorded cluster had are made first.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from datetime import UTC, datetime

from joinsim.api import BootstrapToken, TokenRecord
from tests.clients.cluster import served_cluster
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "recorded" / "kubectl"
NODES = "/api/v1/nodes"
SECRETS = "/api/v1/namespaces/kube-system/secrets"
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: kubeadm:bootstrap-signer-clusterinfo
  namespace: kube-public
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: kubeadm:bootstrap-signer-clusterinfo
subjects:
- kind: User
  name: system:anonymous
"""
# What ``kubeadm init --upload-certs`` leaves: a token that serves for nothing but to own the Secret.
UPLOAD_TOKEN = TokenRecord(
    BootstrapToken("8wn0kp", "0123456789abcdef"),
    description="Proxy for managing TTL for the kubeadm-certs secret",
    expiration=datetime(2100, 1, 1, tzinfo=UTC),
    usages=(),
    groups=(),
)

COMMANDS = {
    "01_get_csr_fresh_cache": "get csr",
    "02_get_csr_warm_cache": "get csr",
    "03_get_nodes": "get nodes",
    "04_get_secrets": "-n kube-system get secrets",
    "05_get_cluster_info": "-n kube-public get cm cluster-info -o yaml",
    "06_delete_autoapprove": "delete clusterrolebinding kubeadm:node-autoapprove-bootstrap",
    "07_get_csr_pending": "get csr",
    "08_certificate_approve": "certificate approve csr-x1",
    "08b_certificate_approve_again": "certificate approve csr-x1",
    "09_certificate_deny": "certificate deny csr-x2",
    "09b_certificate_approve_denied": "certificate approve csr-x2",
    "09c_certificate_approve_missing": "certificate approve csr-nope",
    "09d_certificate_approve_bad_o": "certificate approve csr-pend-a",
    "10_get_csr_after": "get csr",
    "11_describe_csr": "describe csr csr-x1",
    "12_get_csr_yaml": "get csr csr-pend-a -o yaml",
    "12b_get_csr_jsonpath": "get csr csr-x1 -o jsonpath={.status.certificate}",
    "13_delete_rolebinding": "-n kube-public delete rolebinding kubeadm:bootstrap-signer-clusterinfo",
    "13b_delete_rolebinding_again": "-n kube-public delete rolebinding kubeadm:bootstrap-signer-clusterinfo",
    "16_get_cm_table": "-n kube-public get cm",
    "17_get_nodes_wide": "get nodes -o wide",
    "18_version": "version",
    "19_delete_node": "delete node live1",
    "20_get_cm_one": "-n kube-public get cm cluster-info",
    "21_get_csr_one": "get csr csr-x1",
    "22_delete_csr": "delete csr csr-pend-b csr-pend-c",
    "23_get_rolebinding": "-n kube-public get rolebinding",
    "24_get_crb": "get clusterrolebinding kubeadm:node-autoapprove-bootstrap",
    "25_get_events": "get events -A",
    "26_get_nodes_anon_bad_token": "get nodes",
    "27_api_resources": "api-resources",
    "28_whoami": "auth whoami",
    # In the recorded cluster these two were refused before anything was sent, for its OpenAPI was
    # broken; here they come last, since the commands after them saw that nothing was restored.
    "14_apply_restore": "apply -f binding.yaml",
    "15_create_restore": "create -f binding.yaml",
}
"""By the name of the recording, in the order in which they are given."""


def session():
    """The cluster as it was when the recording began."""
    return served_cluster(tokens=(UPLOAD_TOKEN,))


def hold(kubectl, cluster):
    """Give every command; what each printed, and the requests that it made."""
    _set_up(cluster)
    held = {}
    for name, command in COMMANDS.items():
        _before(name, kubectl, cluster)
        seen = len(cluster.asked_by("kubectl"))
        printed = kubectl(*_credentials(name, cluster), *command.split())
        held[name] = printed, _requests(cluster.asked_by("kubectl")[seen:])
        _after(name, cluster)
    return held


def _requests(asked):
    """As kubectl logs them: a document that it has already (304) as if it came again (200).

    Google's kubectl asks for the version before all else, to choose another of its kind.
    """
    dispatcher = ("/version?timeout=5s", asked[0][1]) if asked else None
    told = asked[1:] if asked[:1] == [dispatcher] else asked
    return [(path, 200 if status == 304 else status) for path, status in told]


def _set_up(cluster):
    (own,) = cluster.get(NODES)["items"]
    cluster.ask("DELETE", f"{NODES}/{own['metadata']['name']}")
    condition = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
    node = {"metadata": {"name": "live1"}, "spec": {"unschedulable": True}}
    cluster.ask("POST", NODES, {**node, "status": {"conditions": [condition]}})
    data = {f"part-{number}": base64.b64encode(b"encrypted").decode() for number in range(8)}
    cluster.ask("POST", SECRETS, {"metadata": {"name": "kubeadm-certs"}, "data": data})
    for name in ("csr-auto1", "csr-mpdc4"):
        cluster.post_csr(name)
        cluster.issued(name)
    for name in ("pend-a", "pend-b", "pend-c"):
        cluster.post_csr(f"csr-{name}", common_name=f"system:node:{name}", organization="dev")


def _before(name, kubectl, cluster):
    if name == "03_get_nodes":
        # It was recorded with a cache that was as good as empty.
        shutil.rmtree(kubectl.home / ".kube")
    if name == "07_get_csr_pending":
        for asked in ("x1", "x2"):
            cluster.post_csr(f"csr-{asked}", common_name=f"system:node:{asked}")
    if name == "14_apply_restore":
        (kubectl.home / "binding.yaml").write_text(BINDING)


def _credentials(name, cluster):
    """What the commands had that were not given by the administrator."""
    if name != "26_get_nodes_anon_bad_token":
        return ()
    nobody = "--kubeconfig=/dev/null"
    return (
        nobody,
        f"--server={cluster.url}",
        f"--certificate-authority={cluster.ca_file}",
        "--token=nonsense",
    )


def _after(name, cluster):
    if name == "08_certificate_approve":
        cluster.issued("csr-x1")
    if name == "09d_certificate_approve_bad_o":
        cluster.issued("csr-pend-a")


# --- comparing ---------------------------------------------------------------------------


def recording(name):
    """What was printed, and the requests that were made."""
    document = json.loads((FOLDER / f"{name}.json").read_text())
    requests = [each["line"] for each in document["requests"]]
    found = [re.match(r"[A-Z]+ https://[^/]+(\S+) (\d+) ", line) for line in requests]
    return document["stdout"], [(path, int(status)) for path, status in map(re.Match.groups, found)]


VOLATILE = {
    r"https://127\.0\.0\.1:\d+": "ENDPOINT",
    r"(?<=certificate-authority-data: )\S+": "CA",
    r"(?<=\.\.)[\w-]{43}(?=\n)": "SIGNATURE",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "TIME",
    r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000": "TIME",
    r"(?<=uid: )[0-9a-f-]{36}": "UID",
    r"(?<=involvedObject\.uid%3D)[0-9a-f-]{36}": "UID",
    r'(?<=resourceVersion: ")\d+': "VERSION",
    r"(?<=request: )\S+": "REQUEST",
    r"(?<=X509SHA256=)[0-9a-f]{64}": "HASH",
    r"(?<=hash=)[0-9A-F]{128}": "HASH",
    r"(?m)^LS0t\S+": "CERTIFICATE",
}
"""What differs from cluster to cluster and from day to day."""


def stable(text):
    """A text without that."""
    for pattern, name in VOLATILE.items():
        text = re.sub(pattern, name, text)
    return text


def rows_of(printed):
    """The cells of a printed table, heading first, ages only as such."""
    heading, *rest = stable(printed).splitlines()
    starts = [match.start() for match in re.finditer(r"\S+( \S+)*", heading)]
    ends = [*starts[1:], None]
    rows = [[line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in rest]
    names = [heading[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    aged = {names.index(name) for name in ("AGE", "LAST SEEN") if name in names}
    return [names] + [
        [
            "AGE" if at in aged and re.fullmatch(r"(\d+[smhdy])+", cell) else cell
            for at, cell in enumerate(row)
        ]
        for row in rows
    ]
