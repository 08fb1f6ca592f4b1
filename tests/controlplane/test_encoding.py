import json

import pytest
import yaml

from joinsim.api.protobuf import MAGIC, decode_protobuf, encode_protobuf
from joinsim.controlplane.negotiation import Form, negotiate
from joinsim.errors import ApiError
from joinsim.wire import Headers, Request
from tests.controlplane.api import CONFIG_MAPS_PATH, CSRS, Api, a_config_map, a_csr

PROTOBUF = "application/vnd.kubernetes.protobuf"
ONE = f"{CONFIG_MAPS_PATH}/settings"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def posted(body, kind="application/json", path=CONFIG_MAPS_PATH):
    answer = Api().ask("POST", path, body, headers=[("Content-Type", kind)])
    return answer.status, answer.body.get("message", "")


# --- what is answered in ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/yaml, application/json", "application/yaml"),
        (f"{PROTOBUF},application/json", PROTOBUF),
        (f"{PROTOBUF};q=0.1,application/json", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json;q=0.5", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
    ],
)
def test_the_first_media_type_that_can_be_written_is(accept, media):
    assert negotiate(accept) == Form(media)


@pytest.mark.parametrize("accept", ["text/html", "application/xml,text/plain", "text/*", "nonsense"])
def test_a_media_type_that_nobody_writes_is_not_acceptable(accept):
    answer = Api().ask("GET", "/api/v1/nodes", headers=[("Accept", accept)])
    assert answer.status == 406
    assert answer.body["message"] == (
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"
    )
    assert answer.body["reason"] == "NotAcceptable"
    assert answer.body["details"] == {}
    assert answer.raw.startswith(b'{\n  "kind": "Status"')


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (f"{TABLE},application/json", Form("application/json", "Table")),
        (f"{TABLE.replace('v=v1;', 'v=v1beta1;')},application/json", Form("application/json")),
        (f"application/json;as=Nonsense,{PROTOBUF}", Form(PROTOBUF)),
        (TABLE.replace("Table", "PartialObjectMetadata"), Form("application/json", "PartialObjectMetadata")),
        (f"{TABLE.replace('application/json', PROTOBUF)}, application/json", Form("application/json")),
        (
            f"{PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io,"
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            Form("application/json", "PartialObjectMetadata"),
        ),
    ],
)
def test_what_cannot_be_written_is_passed_over_for_the_next_choice(accept, form):
    assert negotiate(accept) == form


def test_a_table_that_nobody_writes_is_not_acceptable():
    with pytest.raises(ApiError) as caught:
        negotiate("application/json;as=Table;v=v2;g=meta.k8s.io")
    assert caught.value.code == 406


def test_an_answer_in_protobuf_is_the_same_object():
    api = Api()
    plain = api.ask("GET", "/api/v1/nodes/control-plane").body
    answer = api.ask("GET", "/api/v1/nodes/control-plane", headers=[("Accept", PROTOBUF)])
    assert answer.headers["content-type"] == PROTOBUF
    assert answer.raw == encode_protobuf(plain)


def test_a_table_has_a_row_for_each_object_and_their_metadata():
    answer = Api().ask("GET", "/api/v1/namespaces", headers=[("Accept", f"{TABLE},application/json")])
    assert answer.headers["content-type"] == "application/json"
    assert [row["cells"][0] for row in answer.body["rows"]] == [
        "default", "kube-node-lease", "kube-public", "kube-system",
    ]  # fmt: skip
    assert answer.body["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_the_metadata_alone_can_be_asked_for():
    accept = TABLE.replace("Table", "PartialObjectMetadataList")
    answer = Api().ask("GET", "/api/v1/namespaces", headers=[("Accept", accept)])
    assert answer.body["kind"] == "PartialObjectMetadataList"
    assert {tuple(each) for each in answer.body["items"]} == {("metadata",)}


def test_an_answer_in_yaml_is_the_same_object():
    api = Api()
    plain = api.ask("GET", "/api/v1/nodes/control-plane").body
    answer = api.ask("GET", "/api/v1/nodes/control-plane", headers=[("Accept", "application/yaml")])
    assert answer.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(answer.raw)["spec"] == plain["spec"]


def test_a_watch_in_yaml_is_refused_and_not_answered_in_json():
    answer = Api().ask("GET", "/api/v1/nodes?watch=1", headers=[("Accept", "application/yaml")])
    assert answer.status == 501


def test_a_refusal_comes_in_the_form_that_was_asked_for():
    answer = Api().ask("GET", "/api/v1/nodes/nope", headers=[("Accept", "application/yaml")])
    assert answer.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(answer.raw)["code"] == 404
    answer = Api().ask("GET", "/api/v1/nodes/nope", headers=[("Accept", PROTOBUF)])
    assert answer.headers["content-type"] == PROTOBUF
    assert decode_protobuf(answer.raw)["code"] == 404
    answer = Api().ask("GET", "/api/v1/nodes/nope", headers=[("Accept", TABLE)])
    assert answer.body["kind"] == "Status"


@pytest.mark.parametrize(
    ("query", "agent", "indented"),
    [
        ("", "kubectl/v1.36", False),
        ("", "", False),
        ("", "curl/8.5.0", True),
        ("", "Wget/1.21", True),
        ("", "Mozilla/5.0 (X11)", True),
        ("", "not-curl/1", False),
        ("?pretty=true", "kubectl/v1.36", True),
        ("?pretty=1", "", True),
        ("?pretty=false", "curl/8.5.0", False),
        ("?pretty=0", "curl/8.5.0", False),
        ("?pretty=nonsense", "curl/8.5.0", False),
        ("?pretty=", "curl/8.5.0", True),
        ("?pretty=", "", False),
    ],
)
def test_an_answer_is_indented_for_people(query, agent, indented):
    for target in ("/api/v1/nodes/control-plane", "/api/v1/nodes/nope"):
        answer = Api().ask("GET", target + query, headers=[("User-Agent", agent)])
        assert answer.raw.startswith(b"{\n  ") is indented
        if not indented:
            assert answer.raw.endswith(b"}\n")
            assert answer.raw.count(b"\n") == 1


def test_json_is_written_as_go_writes_it():
    api = Api()
    text = "<a> & b \u2028 é 漢"
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map(data={"key": text}))
    raw = api.ask("GET", ONE).raw
    assert json.loads(raw)["data"]["key"] == text
    assert rb"\u003ca\u003e \u0026 b \u2028 " in raw
    assert "é 漢".encode() in raw


# --- what is read -------------------------------------------------------------------------------


def test_yaml_is_read():
    body = yaml.safe_dump(a_config_map()).encode()
    assert posted(body, "application/yaml")[0] == 201


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/json;charset=utf-8"])
def test_parameters_of_a_media_type_are_passed_over(kind):
    assert posted(json.dumps(a_config_map()).encode(), kind)[0] == 201


def test_no_content_type_means_json():
    assert posted(json.dumps(a_config_map()).encode(), "")[0] == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_a_body_in_another_format_is_an_unsupported_media_type(kind):
    answer = Api().ask("POST", CONFIG_MAPS_PATH, b"{}", headers=[("Content-Type", kind)])
    assert answer.status == 415
    assert answer.body["reason"] == "UnsupportedMediaType"
    assert answer.message == (
        "the body of the request was in an unknown format - accepted media types include: application/json, "
        "application/yaml, application/vnd.kubernetes.protobuf"
    )


def test_protobuf_is_read():
    assert posted(encode_protobuf(a_config_map()), PROTOBUF)[0] == 201


def test_what_is_no_protobuf_is_a_bad_request():
    for body in (b"", b"{}", MAGIC, MAGIC + b"\xff"):
        status, message = posted(body, PROTOBUF)
        assert status == 400
        assert message.startswith("the object provided is unrecognized (must be of type ConfigMap): ")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "unexpected end of JSON input (<empty>)"),
        (b"{", "unexpected end of JSON input ({)"),
        (b'{"a": ', 'unexpected end of JSON input ({"a": )'),
        (b'{"a": "b', 'unexpected end of JSON input ({"a": "b)'),
        (b"not json", "invalid character 'o' in literal null (expecting 'u') (6e6f74206a736f6e)"),
        (b"nul", "unexpected end of JSON input (6e756c)"),
        (b"nulL", "invalid character 'L' in literal null (expecting 'l') (6e756c4c)"),
        (b'{"a":fals}', "invalid character '}' in literal false (expecting 'e') ({\"a\":fals})"),
        (b"{x}", "invalid character 'x' looking for beginning of object key string ({x})"),
        (b'{"a" 1}', "invalid character '1' after object key ({\"a\" 1})"),
        (b'{"a":1 "b"}', 'invalid character \'"\' after object key:value pair ({"a":1 "b"})'),
        (b'{"a":?}', "invalid character '?' looking for beginning of value ({\"a\":?})"),
        (b"{} {}", "invalid character '{' after top-level value ({} {})"),
    ],
    ids=repr,
)
def test_a_body_that_is_no_json_is_told_in_gos_words(body, problem):
    status, message = posted(body)
    assert status == 400
    assert message == (
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
        f"json parse error: {problem}"
    )


@pytest.mark.parametrize(
    ("body", "shown"), [(b"[]", "array"), (b'"x"', "string"), (b"1", "number"), (b"true", "bool")]
)
def test_a_body_that_is_no_object_is_told_what_it_is(body, shown):
    status, message = posted(body)
    assert status == 400
    assert f"json: cannot unmarshal {shown} into Go value of type struct" in message


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":NaN}', b"\xff\xfe", b"null", b'{"a":Infinity}'],
    ids=lambda body: repr(body[:8]),
)
def test_a_body_that_nobody_can_read_is_a_bad_request_and_no_crash(body):
    assert posted(body)[0] == 400


def test_a_long_body_is_shown_by_its_beginning():
    body = b'{"data":"' + b"x" * 100
    assert posted(body)[1].endswith('({"data":"xxxxxxxxxxxxxxxxxxxxx ...)')


@pytest.mark.parametrize("body", [b"a: [", b"a: b: c", b"\t- x", b"\xff"], ids=repr)
def test_yaml_that_is_none_is_a_bad_request(body):
    assert posted(body, "application/yaml")[0] == 400


def test_a_body_over_three_mebibytes_is_too_large():
    api = Api()
    headers = Headers([("Content-Type", "application/json")])
    request = Request("POST", CONFIG_MAPS_PATH, headers, b"{}", oversized=True)
    response = api.server.handle_as(api.as_, request)
    assert response.status == 413
    assert json.loads(response.body)["reason"] == "RequestEntityTooLarge"


# --- which object -------------------------------------------------------------------------------


def test_an_object_without_kind_and_version_is_the_endpoints():
    api = Api()
    answer = api.ask("POST", CONFIG_MAPS_PATH, {"metadata": {"name": "x"}})
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("ConfigMap", "v1")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (
            CONFIG_MAPS_PATH,
            {"apiVersion": "v1", "kind": "Secret"},
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): '
            "unknown conversion",
        ),
        (
            CONFIG_MAPS_PATH,
            {"apiVersion": "v2", "kind": "ConfigMap"},
            "the API version in the data (v2) does not match the expected API version (v1)",
        ),
        (
            CSRS,
            {**a_csr(), "apiVersion": "certificates.k8s.io/v1beta1"},
            "the API version in the data (certificates.k8s.io/v1beta1) does not match the expected API version "
            "(certificates.k8s.io/v1)",
        ),
    ],
)
def test_an_object_of_another_kind_or_version_is_a_bad_request(path, body, message):
    answer = Api().ask("POST", path, body)
    assert (answer.status, answer.message) == (400, message)
