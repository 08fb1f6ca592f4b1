import json

import pytest

from joinsim.api import status
from joinsim.api.objects import BY_PLURAL, CERTIFICATE_SIGNING_REQUESTS, LEASES, NODES, encode_json
from joinsim.api.status import Cause, FieldProblem, body, from_body

CSR = CERTIFICATE_SIGNING_REQUESTS


@pytest.mark.parametrize(
    ("error", "code", "reason", "message", "details"),
    [
        pytest.param(status.unauthorized(), 401, "Unauthorized", "Unauthorized", None, id="unauthorized"),
        pytest.param(
            status.forbidden(LEASES, "n1", "no"),
            403,
            "Forbidden",
            'leases.coordination.k8s.io "n1" is forbidden: no',
            {"name": "n1", "group": "coordination.k8s.io", "kind": "leases"},
            id="forbidden",
        ),
        pytest.param(
            status.forbidden(NODES, "", "no"),
            403,
            "Forbidden",
            "nodes is forbidden: no",
            {"kind": "nodes"},
            id="forbidden, no name",
        ),
        pytest.param(
            status.no_such_path("system:anonymous", "get", "/api"),
            403,
            "Forbidden",
            'forbidden: User "system:anonymous" cannot get path "/api"',
            {},
            id="a path that is no resource",
        ),
        pytest.param(
            status.not_found(NODES, "n1"),
            404,
            "NotFound",
            'nodes "n1" not found',
            {"name": "n1", "kind": "nodes"},
            id="not found",
        ),
        pytest.param(
            status.no_such_resource(),
            404,
            "NotFound",
            "the server could not find the requested resource",
            {},
            id="no such resource",
        ),
        pytest.param(
            status.method_not_allowed(),
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            {},
            id="method not allowed",
        ),
        pytest.param(
            status.not_acceptable(),
            406,
            "NotAcceptable",
            "406: Not Acceptable\n\nAvailable representations: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
            {},
            id="not acceptable",
        ),
        pytest.param(
            status.already_exists(CSR, "csr-1"),
            409,
            "AlreadyExists",
            'certificatesigningrequests.certificates.k8s.io "csr-1" already exists',
            {"name": "csr-1", "group": "certificates.k8s.io", "kind": "certificatesigningrequests"},
            id="already exists",
        ),
        pytest.param(
            status.conflict(NODES, "n1"),
            409,
            "Conflict",
            'Operation cannot be fulfilled on nodes "n1": the object has been modified; '
            "please apply your changes to the latest version and try again",
            {"name": "n1", "kind": "nodes"},
            id="conflict",
        ),
        pytest.param(
            status.conflict(NODES, "n1", "why"),
            409,
            "Conflict",
            'Operation cannot be fulfilled on nodes "n1": why',
            {"name": "n1", "kind": "nodes"},
            id="conflict, for a reason",
        ),
        pytest.param(
            status.expired(1, 299), 410, "Expired", "too old resource version: 1 (299)", None, id="expired"
        ),
        pytest.param(
            status.too_large(3145728),
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3145728",
            None,
            id="too large",
        ),
        pytest.param(
            status.unsupported_media_type(),
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
            None,
            id="unsupported media type",
        ),
        pytest.param(
            status.unsupported_patch_type(),
            415,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
            {},
            id="unsupported patch type",
        ),
        pytest.param(
            status.too_large_resource_version(999999, 344),
            504,
            "Timeout",
            "Timeout: Too large resource version: 999999, current: 344",
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
            id="a version of the future",
        ),
        pytest.param(status.bad_request("what"), 400, "BadRequest", "what", None, id="bad request"),
    ],
)
def test_a_refusal_has_the_code_reason_message_and_details_of_kubernetes(
    error, code, reason, message, details
):
    assert (error.code, error.reason, error.message, error.details) == (code, reason, message, details)
    assert str(error) == message


FIRST = FieldProblem("spec.usages", Cause.REQUIRED, "Required value")
SECOND = FieldProblem("spec.signerName", Cause.INVALID, 'Invalid value: "x": no')


def test_one_problem_is_told_as_it_is():
    error = status.invalid(CSR, "csr-1", [FIRST])
    assert error.message == (
        'CertificateSigningRequest.certificates.k8s.io "csr-1" is invalid: spec.usages: Required value'
    )
    assert error.details == {
        "name": "csr-1",
        "group": "certificates.k8s.io",
        "kind": "CertificateSigningRequest",
        "causes": [{"reason": "FieldValueRequired", "message": "Required value", "field": "spec.usages"}],
    }


def test_several_problems_stand_in_brackets_and_the_same_one_once():
    error = status.invalid(NODES, "n1", [FIRST, SECOND, FIRST])
    assert error.message == (
        'Node "n1" is invalid: [spec.usages: Required value, spec.signerName: Invalid value: "x": no]'
    )
    assert [cause["field"] for cause in error.details["causes"]] == [
        "spec.usages",
        "spec.signerName",
        "spec.usages",
    ]


def test_a_body_has_its_fields_in_kubernetes_order():
    assert list(body(status.not_found(NODES, "n1"))) == [
        "kind",
        "apiVersion",
        "metadata",
        "status",
        "message",
        "reason",
        "details",
        "code",
    ]
    assert "details" not in body(status.unauthorized())
    assert body(status.no_such_resource())["details"] == {}


def _recorded(recorded):
    for path in sorted((recorded / "exchanges").glob("*.json")):
        exchange = json.loads(path.read_text())
        answer = exchange.get("response", {}) if isinstance(exchange, dict) else {}
        found = answer.get("body")
        if isinstance(found, dict) and found.get("kind") == "Status" and found.get("status") == "Failure":
            yield path.stem, answer["status"], found


def test_every_recorded_refusal_survives_being_read_and_written(recorded):
    compared = 0
    for name, code, found in _recorded(recorded):
        error = from_body(code, json.dumps(found).encode())
        assert body(error) == found, name
        assert list(body(error)) == list(found), name
        compared += 1
    assert compared >= 40


def _maker(code, reason, found):
    details = found.get("details", {})
    resource = next((each for each in BY_PLURAL.values() if details.get("kind") == each.plural), None)
    name = details.get("name", "")
    if (code, reason) == (401, "Unauthorized"):
        return status.unauthorized()
    if (code, reason) == (405, "MethodNotAllowed"):
        return status.method_not_allowed()
    if resource and (code, reason) == (404, "NotFound"):
        return status.not_found(resource, name)
    if resource and (code, reason) == (403, "Forbidden"):
        return status.forbidden(resource, name, found["message"].partition(" is forbidden: ")[2])
    if resource and (code, reason) == (409, "AlreadyExists"):
        return status.already_exists(resource, name)
    return None


def test_recorded_refusals_are_what_the_makers_make(recorded):
    compared = set()
    for name, code, found in _recorded(recorded):
        made = _maker(code, found.get("reason"), found)
        if made is not None:
            assert body(made) == found, name
            compared.add(code)
    assert {401, 403, 404, 405} <= compared


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"404 page not found", b"{", b'{"kind": "Pod"}', b"[" * 99999]
)
def test_a_404_that_is_no_status_has_the_generic_text(content):
    error = from_body(404, content)
    assert (error.reason, str(error)) == ("NotFound", "the server could not find the requested resource")


@pytest.mark.parametrize("content", [b"oh no", b"oh no\n", b'{"kind": "Pod"}', b"\xff\x00", b""])
@pytest.mark.parametrize("code", [400, 500, 503])
def test_an_answer_that_is_no_status_is_an_error_on_the_server(code, content):
    error = from_body(code, content)
    assert (error.code, error.reason, error.details) == (code, "", None)
    assert str(error).startswith('an error on the server ("')
    assert str(error).endswith('") has prevented the request from succeeding')
    assert "oh no" not in str(error) or '("oh no")' in str(error)


@pytest.mark.parametrize(
    "changes",
    [{"message": 5}, {"reason": None}, {"details": "x"}, {"details": {"causes": "x"}}, {"message": "\ud800"}],
    ids=ascii,
)
def test_a_status_with_values_of_another_type_is_read_all_the_same(changes):
    error = from_body(403, json.dumps(body(status.forbidden(NODES, "n", "no")) | changes).encode())
    assert error.code == 403
    encode_json(body(error))


def test_the_code_of_the_answer_counts_and_not_the_bodys():
    assert from_body(403, json.dumps(body(status.unauthorized())).encode()).code == 403
