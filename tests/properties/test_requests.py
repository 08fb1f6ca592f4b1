"""Whatever is asked, an API server answers: it may refuse, but it does not fail."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from joinsim.api.protobuf import encode_protobuf
from joinsim.wire import Headers, Request
from tests.controlplane.api import CSRS, MASTER, Api, a_config_map, a_csr, a_token_secret

METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
COLLECTIONS = [
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/namespaces/kube-system/secrets",
    "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    CSRS,
]
PATHS = st.one_of(
    st.sampled_from(COLLECTIONS),
    st.builds(
        "{}/{}{}".format,
        st.sampled_from(COLLECTIONS),
        st.sampled_from(["settings", "csr-1", "control-plane", "x", "%2F", "cluster-admin"]),
        st.sampled_from(["", "/status", "/approval", "/scale", "/a/b"]),
    ),
    st.sampled_from(
        ["/", "/api", "/apis", "/version", "/openapi/v3", "/openapi/v3/api/v1", "/readyz/ping", "//"]
    ),
    st.text("/abv1%?é\u0000 ", max_size=12).map("/".__add__),
)
NAMES = ["limit", "continue", "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "fieldSelector"]
NAMES += ["labelSelector", "dryRun", "fieldValidation", "propagationPolicy", "pretty", "includeObject"]
NAMES += ["timeoutSeconds", "exclude", "verbose", "orphanDependents"]
VALUES = st.one_of(
    st.sampled_from(
        ["", "1", "0", "-1", "true", "All", "Exact", "Strict", "Orphan", "None", "a=b", "a in (b)"]
    ),
    st.sampled_from(["metadata.name=x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "9" * 30, "%00", "%ff"]),
    st.text(max_size=10).map(lambda text: text.encode(errors="replace").hex("%", 1)),
)
QUERIES = st.lists(st.builds("{}={}".format, st.sampled_from(NAMES), VALUES), max_size=3).map("&".join)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "status", "data", "name", "labels", "kind", "$patch", "op", "path"]
            )
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
GOOD = [
    a_config_map(),
    a_csr(),
    a_token_secret(),
    {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "x"}},
]


@st.composite
def spoiled(draw):
    """A good object with one thing in it that is something else."""
    content = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    place = content
    while isinstance(place, dict) and place:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or draw(st.booleans()):
            place[key] = draw(JSON)
            break
        place = place[key]
    return content


BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    spoiled().map(lambda value: json.dumps(value).encode()),
    st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", 1])},
            optional={
                "path": st.sampled_from(
                    ["", "/", "/data", "/data/key", "/metadata/name", "/data/-", "/x/0", "~", 7]
                ),
                "from": st.sampled_from(["/data", "/metadata", "", None]),
                "value": JSON,
            },
        ),
        max_size=3,
    ).map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda good, cut: encode_protobuf(good)[: -cut or None],
        st.sampled_from(GOOD),
        st.integers(0, 60),
    ),
    st.sampled_from(["[", '{"a":', '{"metadata":', "- "]).map(lambda start: start.encode() * 5000),
    st.sampled_from([5, 150, 900]).map(lambda deep: b'{"metadata":' * deep + b"1" + b"}" * deep),
)
MEDIA = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "text/plain",
    "",
]
ACCEPTED = [
    "*/*",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json;q=x",
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    ",;=,",
    "image/png",
]


def with_objects():
    api = Api()
    api.ask("POST", "/api/v1/namespaces/default/configmaps", a_config_map())
    api.create_csr()
    return api


API = with_objects()


@given(METHODS, PATHS, QUERIES, BODIES, st.sampled_from(MEDIA), st.sampled_from(ACCEPTED))
def test_no_request_makes_the_server_fail(method, path, query, body, media, accept):
    headers = Headers([("Content-Type", media), ("Accept", accept)])
    response = API.server.handle_as(MASTER, Request(method, f"{path}?{query}", headers, body))
    # 501 is said of what is missing here; resourceVersion in a creation is the real server's own 500.
    assert response.status < 500 or response.status in (501, 504) or b"should not be set on" in response.body


WRITES = st.sampled_from(
    [
        ("POST", "/api/v1/namespaces/default/configmaps"),
        ("PUT", "/api/v1/namespaces/default/configmaps/settings"),
        ("PATCH", "/api/v1/namespaces/default/configmaps/settings"),
        ("DELETE", "/api/v1/namespaces/default/configmaps/settings"),
        ("DELETE", "/api/v1/namespaces/default/configmaps"),
        ("POST", "/api/v1/namespaces/kube-system/secrets"),
        ("POST", "/api/v1/nodes"),
        ("PATCH", "/api/v1/nodes/control-plane"),
        ("PATCH", "/api/v1/nodes/control-plane/status"),
        ("POST", CSRS),
        ("PUT", f"{CSRS}/csr-1/approval"),
        ("PATCH", f"{CSRS}/csr-1/status"),
        ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ]
)


@given(WRITES, BODIES, st.sampled_from(MEDIA[:6]), QUERIES)
def test_no_body_makes_the_server_fail(write, body, media, query):
    method, path = write
    if method == "PATCH" and not media.endswith("patch+json"):
        media = MEDIA[3 + len(body) % 3]
    if body.startswith(b"k8s"):
        media = "application/vnd.kubernetes.protobuf"
    headers = Headers([("Content-Type", media)])
    api = with_objects()
    response = api.server.handle_as(MASTER, Request(method, f"{path}?{query}", headers, body))
    assert response.status < 500 or response.status in (501, 504) or b"should not be set on" in response.body
    for collection in COLLECTIONS:
        # What was stored can be shown, in whatever form.
        shown = api.server.handle_as(
            MASTER, Request("GET", collection, Headers([("Accept", ACCEPTED[3])]), b"")
        )
        assert shown.status in (200, 405)
