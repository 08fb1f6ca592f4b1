"""The order of the pipeline, the routes, the headers, and what is written down of each request."""

import json

import pytest

from joinsim.controlplane.settings import ClusterSettings
from tests.controlplane.api import (
    ANONYMOUS,
    CONFIG_MAPS_PATH,
    CSRS,
    STRANGER,
    TOKEN_USER,
    Api,
    a_config_map,
)

NOT_FOUND = "the server could not find the requested resource"
NOT_ALLOWED = "the server does not allow this method on the requested resource"
WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


# --- the order ---------------------------------------------------------------------------------


def test_who_asks_comes_before_whether_they_may():
    assert Api().knock("GET", "/api/v1/secrets", token="abcdef.0123456789abcdef").status == 401


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/v1/namespaces/kube-system/secrets/missing"),
        ("GET", "/api/v1/nonsense"),
        ("GET", "/apis/nonsense.io/v1/things"),
        ("GET", "/nonsense"),
        ("DELETE", "/version"),
        ("PATCH", CSRS),
        ("POST", f"{CSRS}/x"),
    ],
)
def test_whether_they_may_comes_before_whether_there_is_such_a_thing(method, target):
    assert Api().ask(method, target, by=STRANGER).status == 403


def test_routing_comes_before_negotiation():
    accept = [("Accept", "text/html")]
    assert Api().ask("GET", "/api/v1/nonsense", headers=accept).status == 404
    assert Api().ask("POST", "/api/v1/nodes/x", headers=accept).status == 405
    assert Api().ask("GET", "/api/v1/nodes/missing", headers=accept).status == 406


def test_negotiation_comes_before_the_body_and_the_body_before_the_object():
    api = Api()
    accept = [("Accept", "text/html"), ("Content-Type", "text/plain")]
    assert api.ask("POST", CONFIG_MAPS_PATH, b"{", headers=accept).status == 406
    assert api.ask("POST", CONFIG_MAPS_PATH, b"{", headers=[("Content-Type", "text/plain")]).status == 415
    missing = "/api/v1/namespaces/nope/configmaps"
    assert api.ask("POST", missing, b"{").status == 400
    assert api.ask("POST", missing, a_config_map("Bad_Name")).status == 404


# --- routes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/nonsense",
        "/api/v2",
        "/apis/nonsense.io/v1",
        "/apis/nonsense.io/v1/things",
        "/apis/certificates.k8s.io/v9/things",
        "/api/v2/nodes",
        "/apis/v1/nodes",
        "/healthzz",
    ],
)
def test_a_path_that_kubernetes_does_not_have_is_plain_text(target):
    answer = Api().ask("GET", target)
    assert (answer.status, answer.raw) == (404, b"404 page not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/v1/nonsense"),
        ("GET", "/api/v1/node"),
        ("GET", "/api/v1/Nodes"),
        ("GET", "/apis/certificates.k8s.io/v1/csr"),
        ("POST", "/api/v1/nonsense"),
        ("GET", f"{CSRS}/x/nonsense"),
        ("GET", f"{CONFIG_MAPS_PATH}/x/status"),
        ("GET", "/api/v1/configmaps/x"),
    ],
)
def test_a_resource_that_its_group_does_not_have_is_a_status(method, target):
    api = Api()
    api.create_csr("x")
    answer = api.ask(method, target)
    assert (answer.status, answer.message, answer.body["details"]) == (404, NOT_FOUND, {})


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/api/v1/nodes/x"),
        ("PUT", "/api/v1/nodes"),
        ("PATCH", "/api/v1/nodes"),
        ("OPTIONS", "/api/v1/nodes"),
        ("OPTIONS", "/api/v1/nodes/x"),
        ("POST", f"{CSRS}/x/approval"),
        ("DELETE", f"{CSRS}/x/approval"),
        ("POST", "/api/v1/configmaps"),
        ("POST", "/version"),
        ("PUT", "/healthz"),
        ("GET", WHO_AM_I),
        ("DELETE", WHO_AM_I),
    ],
)
def test_a_method_that_a_resource_does_not_take_is_not_allowed(method, target):
    answer = Api().ask(method, target)
    assert (answer.status, answer.body["reason"]) == (405, "MethodNotAllowed")
    assert answer.message == NOT_ALLOWED
    assert answer.body["details"] == {}


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/pods",
        "/api/v1/namespaces/default/services/kubernetes",
        "/api/v1/namespaces/default/pods/p/log",
        "/apis/apps/v1/deployments",
        "/api/v1/nodes/control-plane/proxy",
        "/api/v1/namespaces/default/status",
        "/apis/storage.k8s.io/v1/csinodes/mine",
        "/apis/apps",
        "/apis/apps/v1",
        "/metrics",
        "/.well-known/openid-configuration",
    ],
)
def test_what_kubernetes_has_and_this_control_plane_has_not_is_said_to_be_missing(target):
    answer = Api().ask("GET", target)
    assert (answer.status, answer.body["reason"]) == (501, "NotImplemented")
    assert answer.message.startswith("not supported by joinsim's control plane: ")
    named = target.strip("/").split("?")[0].split("/")
    assert any(part in answer.message for part in named)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_a_health_check_is_ok(path):
    answer = Api().ask("GET", path, by=ANONYMOUS)
    assert (answer.status, answer.raw) == (200, b"ok")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/version", "/version/"])
def test_the_version_is_indented_for_everyone(path):
    answer = Api(ClusterSettings(version="v1.36.2")).ask("GET", path, by=ANONYMOUS)
    assert answer.raw.startswith(b'{\n  "major": "1",\n  "minor": "36",')
    assert answer.body["gitVersion"] == "v1.36.2"
    assert list(answer.body) == [
        "major",
        "minor",
        "emulationMajor",
        "emulationMinor",
        "minCompatibilityMajor",
        "minCompatibilityMinor",
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
        "platform",
    ]


def test_head_is_a_get_of_a_resource():
    api = Api()
    assert api.ask("HEAD", "/api/v1/nodes/control-plane").status == 200
    assert api.served[-1].verb == "get"


def test_head_is_a_verb_of_its_own_on_a_path_that_is_no_resource():
    assert Api().ask("HEAD", "/healthz").status == 200
    assert "cannot head path" in Api().ask("HEAD", "/healthz", by=ANONYMOUS).message


# --- headers and what is written down ----------------------------------------------------------


def test_every_answer_has_the_servers_headers():
    api = Api()
    for target in ("/api/v1/nodes", "/nonsense", "/api/v1/nodes/missing", "/version"):
        headers = api.ask("GET", target).headers
        assert len(headers["audit-id"]) == 36
        assert headers["cache-control"] == "no-cache, private"
        assert headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_an_audit_id_is_echoed():
    answer = Api().ask("GET", "/version", headers=[("Audit-Id", "mine")])
    assert answer.headers["audit-id"] == "mine"


def test_the_date_is_the_worlds():
    api = Api()
    api.clock.pass_(86400.5)
    assert api.ask("GET", "/version").headers["date"] == "Fri, 02 Jan 2026 00:00:00 GMT"


def test_every_request_is_written_down_with_its_outcome():
    api = Api()
    agent = [("User-Agent", "kubelet/v1.36 (linux/amd64)")]
    api.ask("GET", "/api/v1/nodes?limit=5", by=TOKEN_USER, headers=agent)
    api.knock("GET", "/version", token="nonsense")
    first, second = api.served
    assert (first.user, first.groups) == (TOKEN_USER.name, TOKEN_USER.groups)
    assert (first.verb, first.path, first.status) == ("list", "/api/v1/nodes?limit=5", 403)
    assert first.user_agent == "kubelet/v1.36"
    assert "is forbidden" in first.message
    assert (second.user, second.status) == ("", 401)


def test_a_refusal_never_shows_what_was_presented():
    api = Api()
    secret = "abcdef.0123456789abcdef"
    answer = api.knock("GET", "/version", token=secret)
    assert secret.encode() not in answer.raw
    assert secret not in repr(api.served)


def test_one_who_listens_is_shown_the_request_before_it_is_refused():
    api = Api()
    heard = []
    api.server._overhear = heard.append
    api.knock("GET", "/version", token="abcdef.0123456789abcdef")
    assert heard[0].headers["authorization"] == "Bearer abcdef.0123456789abcdef"


# --- recorded: errors of a real API server, word for word ----------------------------------------

RECORDED = [
    "404 unknown resource",
    "404 missing configmap",
    "406 accept",
    "415 content type",
    "415 patch content type",
    "400 bad json",
    "400 wrong kind",
    "400 namespace mismatch",
    "422 invalid name",
    "422 no name",
    "delete missing",
    "list fieldSelector unsupported",
    "list resourceVersion garbage",
    "watch sendInitialEvents without match",
    "token GET other configmap",
    "token GET secret of itself",
    "anonymous whoami",
    "anonymous GET /healthz",
    "anonymous GET /livez",
]


def test_recorded_errors_are_answered_word_for_word(vectors):
    exchanges = json.loads((vectors / "live_exchanges.json").read_text())
    known = {exchange["title"]: exchange for exchange in exchanges["exchanges"]}
    for title in RECORDED:
        sent, expected = known[title]["request"], known[title]["response"]
        by = ANONYMOUS if "anonymous" in title else TOKEN_USER if "token" in title else None
        api = Api()
        api.ask("POST", "/api/v1/namespaces/kube-system/configmaps", a_config_map("coredns"))
        body = sent.get("body")
        headers = [*(sent.get("headers") or {}).items()]
        content = body.encode() if isinstance(body, str) else body
        answer = api.ask(sent["method"], sent["path"], content, headers=headers, by=by)
        assert answer.status == expected["status"], title
        assert answer.raw.decode() == expected["body"], title
