"""What may differ between a recording and joinsim's answer, declared in one place.

``VOLATILE_*`` are values that differ between any two runs of the real thing as well.
``DIVERGENCES`` are answers in which joinsim's control plane knowingly differs, with the
status that it gives instead, so that neither list can hide a third kind of difference.
"""

from __future__ import annotations

from typing import NamedTuple

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

# The forms in which a value may vary; in any other form it is compared.
VOLATILE_HEADERS = {
    "audit-id": (_UUID, "drawn for each request"),
    "date": (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "when it was"),
}

REMOVED_HEADERS = {
    "content-length": "follows from the body, which is compared; Go's server frames long ones in chunks",
    "transfer-encoding": "likewise",
    "x-kubernetes-pf-flowschema-uid": "joinsim has no priority and fairness",
    "x-kubernetes-pf-prioritylevel-uid": "likewise",
}

VOLATILE_FIELDS = {
    "uid": (_UUID, "drawn for each object"),
    "resourceVersion": (r"[1-9]\d*", "counts the writes of the whole cluster"),
    "creationTimestamp": (_TIME, "when it was"),
    "lastUpdateTime": (_TIME, "when it was"),
    "lastTransitionTime": (_TIME, "when it was"),
    "certificate": (
        r"LS0tLS1CRUdJTiBDRVJU[\w/+]+=*",
        "signed by another CA; the _cert recordings compare what it says",
    ),
    "gitCommit": (r"\w+", "which build it is"),
    "buildDate": (_TIME, "which build it is"),
    "goVersion": (r"go1(\.\d+)+", "which build it is"),
    "serverAddress": (r"[\d.]+:\d+", "where it was asked"),
}

REMOVED_FIELDS = {
    "managedFields": "bookkeeping of server-side apply, which joinsim does not keep",
}

VOLATILE_TEXT = {
    r"\bcsr-[bcdfghjklmnpqrstvwxz2456789]{5}\b": "a name out of generateName",
    r"(?<=X509SHA256=)[0-9a-f]{64}": "the digest of a client certificate",
    rf"\b{_UUID}\b": "see uid",
    rf"(?<=\n  uid: ){_UUID}": "in YAML: see uid",
    r"(?<=\n  resourceVersion: )\"\d+\"": "in YAML: see resourceVersion",
    rf"(?<=\n  creationTimestamp: )\"{_TIME}\"": "in YAML: see creationTimestamp",
    r"(?<=resource version: 999999, current: )\d+": "see resourceVersion",
    r"(?<=too old resource version: 1 \()\d+": "see resourceVersion",
}

REMOVED_TEXT = {
    r"\n  managedFields:(\n  [- ] .*)+": "in YAML: see managedFields",
}

VOLATILE_CERTIFICATE = {
    "serial_hex": "random",
    "serial_bits": "follows from it",
    "not_before": "when it was; backdate_s tells how long before",
    "not_after": "when it was; seconds tells how long after",
    "now": "when it was",
    "pem_text": "all of the above in one, and the CA's signature",
    "sig": "the recorded CA had an RSA key, which cannot be made from a seed",
}

VOLATILE_CERTIFICATE_TEXT = {
    r"(?<=AuthorityKeyIdentifier\(key_identifier=)b.*?(?=, authority_cert_issuer)": "the CA's key",
}


class Divergence(NamedTuple):
    """The status that joinsim answers instead, and why."""

    status: int
    reason: str


_DISCOVERY = Divergence(200, "discovery tells of what is served, which is what a join touches")
_OPENAPI = Divergence(200, "OpenAPI describes what is served, and is made at once and not read from files")
_NO_PODS = Divergence(501, "pods, and what runs or serves them, are not simulated")
_TABLES = Divergence(200, "what a Table says of its columns is in joinsim's own words")
_NO_EVENTS = Divergence(501, "events are not kept")
_NO_ROLE = Divergence(
    403, "the recorded build lets a node give itself this role; upstream Kubernetes does not"
)
_NOT_OF_A_JOIN = Divergence(501, "resources that a join does not touch are not simulated")

DIVERGENCES: dict[str, Divergence] = {
    "b11b_valid_apis": _DISCOVERY,
    "e09b_list_pods_own": _NO_PODS,
    "e11_csinode_own": _NOT_OF_A_JOIN,
    "e11b_services": _NO_PODS,
    "e11c_runtimeclasses": _NOT_OF_A_JOIN,
    "e12_event": _NO_EVENTS,
    "e20_create_own_label_control_plane": _NO_ROLE,
    "g_api_aggregated": _DISCOVERY,
    "g_apis_plain": _DISCOVERY,
    "g_openapi_v3": _OPENAPI,
    "g_root": _DISCOVERY,
    "g_table_clusterrolebinding_one": _TABLES,
    "g_table_csr_one": _TABLES,
    "g_table_nodes": _TABLES,
    "g_table_pods_empty": _NO_PODS,
    "g_table_secrets": _TABLES,
}

_ANOTHER_CLUSTER = "what the recorded cluster held, which tests/recorded has in a form that can be made again"
LIVE_OF_ANOTHER_CLUSTER = {
    "cluster-info anonymous": _ANOTHER_CLUSTER,
    "token GET kubeadm-config": _ANOTHER_CLUSTER,
    "token GET kubeadm-certs secret": _ANOTHER_CLUSTER,
    "node GET kubeadm-config": _ANOTHER_CLUSTER,
}

# The administrator there had a client certificate of another name and group.
LIVE_ADMINISTRATOR = {
    '"root"': '"kubernetes-admin"',
    '"system:masters"': '"kubeadm:cluster-admins"',
}

LIVE_DIVERGENCES = {
    "aggregated discovery /api v2": _DISCOVERY,
    "aggregated discovery /apis v2": _DISCOVERY,
    "aggregated discovery If-None-Match": _DISCOVERY,
    "openapi v3 root": _OPENAPI,
    "table secrets": _TABLES,
    "CSR create invalid: request trunc": Divergence(
        422, "which tag of a broken request is wrong is not said in Go's words"
    ),
    "node create own with role label": _NO_ROLE,
    "node POST event": _NO_EVENTS,
}

# Of these a kubelet asks much, and a join needs none; who may ask is told that they are not here.
WIRE_UNSERVED = {
    "services": _NO_PODS,
    "csinodes": _NOT_OF_A_JOIN,
    "csidrivers": _NOT_OF_A_JOIN,
    "runtimeclasses": _NOT_OF_A_JOIN,
    "resourceslices": _NOT_OF_A_JOIN,
    "events": _NO_EVENTS,
}
WIRE_OF_ANOTHER_CLUSTER = ("kubeadm-config", "kube-proxy", "kubelet-config")
