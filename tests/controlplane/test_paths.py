import json

import pytest

from tests.controlplane.api import ANONYMOUS, Api

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_the_aggregated_form_is_for_those_who_ask_for_it_first(path):
    answer = Api().ask("GET", path, headers=[("Accept", f"{AGGREGATED},application/json")])
    assert answer.body["kind"] == "APIGroupDiscoveryList"
    assert answer.headers["content-type"] == AGGREGATED
    assert answer.headers["cache-control"] == "public"
    assert answer.headers["vary"] == "Accept"
    plain = Api().ask("GET", path, headers=[("Accept", "application/json")])
    assert plain.body["kind"] in ("APIVersions", "APIGroupList")
    assert plain.headers["cache-control"] == "no-cache, private"


def test_who_has_a_document_already_is_not_sent_it_again():
    accept = [("Accept", AGGREGATED)]
    tag = Api().ask("GET", "/apis", headers=accept).headers["etag"]
    again = Api().ask("GET", "/apis", headers=[*accept, ("If-None-Match", tag)])
    assert (again.status, again.raw, again.headers["etag"]) == (304, b"", tag)
    other = Api().ask("GET", "/api", headers=[*accept, ("If-None-Match", tag)])
    assert other.status == 200


def test_the_root_lists_paths_that_are_all_answered():
    api = Api()
    paths = api.ask("GET", "/").body["paths"]
    assert paths == sorted(paths)
    assert {"/api/v1", "/apis/certificates.k8s.io/v1", "/readyz", "/version", "/openapi/v3"} <= set(paths)
    assert [path for path in paths if api.ask("GET", path).status != 200] == []


def test_every_version_of_the_openapi_index_can_be_read():
    api = Api()
    for entry in api.ask("GET", "/openapi/v3").body["paths"].values():
        document = api.ask("GET", entry["serverRelativeURL"])
        assert document.status == 200
        assert document.body["openapi"] == "3.0.0"


@pytest.mark.parametrize(
    "path", ["/nope", "/healthz/nope", "/api/v2", "/openapi/v3/apis/nope/v1", "/versionx"]
)
def test_what_is_nowhere_is_not_found(path):
    answer = Api().ask("GET", path)
    assert answer.status in (404, 501)
    if answer.status == 404:
        assert answer.raw == b"404 page not found\n"


@pytest.mark.parametrize("root", ["/healthz", "/livez", "/readyz"])
def test_health_is_told_in_one_word_or_check_by_check(root):
    api = Api()
    assert api.ask("GET", root, by=ANONYMOUS).raw == b"ok"
    verbose = api.ask("GET", f"{root}?verbose").raw.decode()
    assert verbose.startswith("[+]ping ok\n[+]log ok\n")
    assert verbose.endswith(f"{root[1:]} check passed\n")
    for line in verbose.splitlines()[:-1]:
        assert api.ask("GET", f"{root}/{line.removeprefix('[+]').removesuffix(' ok')}").raw == b"ok"


def test_a_check_can_be_excluded_and_what_is_none_is_warned_of():
    lines = Api().ask("GET", "/readyz?verbose&exclude=log").raw.decode().splitlines()
    assert "[+]log excluded: ok" in lines
    lines = Api().ask("GET", "/readyz?verbose&exclude=nope").raw.decode().splitlines()
    assert lines[-2] == 'warn: some health checks cannot be excluded: no matches for "nope"'
    assert Api().ask("GET", "/readyz?exclude=nope").raw == b"ok"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_written_to_a_path(method):
    assert Api().ask(method, "/version").status == 405


def test_the_version_is_indented_json():
    raw = Api().ask("GET", "/version").raw.decode()
    assert raw == json.dumps(json.loads(raw), indent=2)


def test_events_are_an_empty_list_that_cannot_be_written_to():
    api = Api()
    for path in ("/api/v1/events", "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dx"):
        assert api.ask("GET", path).body["items"] == []
    assert api.ask("POST", "/api/v1/namespaces/default/events", {}).status == 501


def test_whoever_asks_as_somebody_else_is_not_answered_as_themselves():
    answer = Api().ask("GET", "/api/v1/nodes", headers=[("Impersonate-User", "jane")])
    assert (answer.status, answer.message.rpartition(": ")[2]) == (501, "impersonation")
