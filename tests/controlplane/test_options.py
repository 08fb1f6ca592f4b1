import pytest

from joinsim.api.protobuf import encode_protobuf
from tests.controlplane.api import CONFIG_MAPS_PATH, CSRS, Api, a_config_map, a_csr

ONE = f"{CONFIG_MAPS_PATH}/settings"
STRATEGIC = [("Content-Type", "application/strategic-merge-patch+json")]
MERGE = [("Content-Type", "application/merge-patch+json")]
JSON_PATCH = [("Content-Type", "application/json-patch+json")]
PROTOBUF = [("Content-Type", "application/vnd.kubernetes.protobuf")]


def with_one(**metadata):
    api = Api()
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map(**metadata))
    api.writes.clear()
    return api


DRY_RUNS = [
    pytest.param("POST", f"{CONFIG_MAPS_PATH}?dryRun=All", a_config_map("new"), [], id="create"),
    pytest.param("POST", f"{CSRS}?dryRun=All", None, [], id="create-csr"),
    pytest.param("PUT", f"{ONE}?dryRun=All", a_config_map(data={"a": "b"}), [], id="update"),
    pytest.param("PATCH", f"{ONE}?dryRun=All", {"data": {"a": "b"}}, MERGE, id="patch"),
    pytest.param("DELETE", f"{ONE}?dryRun=All", None, [], id="delete"),
    pytest.param("DELETE", ONE, {"dryRun": ["All"]}, [], id="delete-in-body"),
    pytest.param("DELETE", f"{CONFIG_MAPS_PATH}?dryRun=All", None, [], id="deletecollection"),
]


@pytest.mark.parametrize("finalizers", [[], ["example.com/x"]], ids=["plain", "finalizers"])
@pytest.mark.parametrize(("method", "target", "body", "headers"), DRY_RUNS)
def test_a_dry_run_answers_and_stores_and_tells_nothing(play, method, target, body, headers, finalizers):
    async def run(world):
        api = with_one(finalizers=finalizers)
        before, stored = api.store.version, api.ask("GET", ONE).body
        watch = api.follow(f"{CONFIG_MAPS_PATH}?watch=1&resourceVersion={before}&timeoutSeconds=1")
        if target.startswith(CSRS):
            answer = api.ask(method, target, a_csr())
        else:
            answer = api.ask(method, target, body, headers=headers)
        assert answer.status == (201 if method == "POST" else 200)
        assert (api.store.version, api.ask("GET", ONE).body, api.writes) == (before, stored, [])
        assert await watch.rest() == []
        return answer.body

    said = play(run)
    if method == "POST":
        assert "resourceVersion" not in said["metadata"]
        assert said["metadata"]["uid"]


def test_a_dry_run_is_judged_like_any_other():
    answer = with_one().ask("POST", f"{CONFIG_MAPS_PATH}?dryRun=All", a_config_map("settings"))
    assert answer.status == 409
    assert Api().ask("POST", f"{CONFIG_MAPS_PATH}?dryRun=All", a_config_map("Bad_Name")).status == 422
    assert Api().ask("DELETE", f"{ONE}?dryRun=All").status == 404


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "options"),
    [
        ("POST", CONFIG_MAPS_PATH, a_config_map("new"), [], "CreateOptions"),
        ("PUT", ONE, a_config_map(), [], "UpdateOptions"),
        ("PATCH", ONE, {}, MERGE, "PatchOptions"),
        ("DELETE", ONE, None, [], "DeleteOptions"),
        ("DELETE", CONFIG_MAPS_PATH, None, [], "DeleteOptions"),
    ],
)
def test_a_dry_run_of_an_unknown_stage_is_invalid(method, target, body, headers, options):
    api = with_one()
    before = api.store.version
    answer = api.ask(method, f"{target}?dryRun=Some", body, headers=headers)
    said = 'dryRun: Unsupported value: []string{"Some"}: supported values: "All"'
    assert (answer.status, answer.message) == (422, f'{options}.meta.k8s.io "" is invalid: {said}')
    assert api.store.version == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"propagationPolicy": "Sideways"},
            'Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
        ),
        (
            {"propagationPolicy": "Background", "orphanDependents": False},
            'Invalid value: "Background": orphanDependents and deletionPropagation cannot be both set',
        ),
    ],
)
def test_a_propagation_that_makes_no_sense_is_invalid(body, said):
    api = with_one()
    answer = api.ask("DELETE", ONE, body)
    assert answer.message == f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: {said}'
    query = "&".join(
        f"{key}={str(value).lower() if value is False else value}" for key, value in body.items()
    )
    assert api.ask("DELETE", f"{ONE}?{query}").message == answer.message
    assert api.ask("GET", ONE).status == 200


@pytest.mark.parametrize("body", [{"propagationPolicy": "Background"}, {"gracePeriodSeconds": 0}, {}])
def test_what_clients_usually_say_of_a_deletion_is_taken(body):
    assert with_one().ask("DELETE", ONE, body).status == 200


def test_delete_options_come_in_protobuf_too_and_under_any_groups_name():
    for version in ("v1", "meta.k8s.io/v1", "resource.k8s.io/v1"):
        options = {"kind": "DeleteOptions", "apiVersion": version, "preconditions": {"uid": "x"}}
        answer = with_one().ask("DELETE", ONE, encode_protobuf(options), headers=PROTOBUF)
        assert (answer.status, answer.body["reason"]) == (409, "Conflict")


def test_options_in_the_query_do_not_count_where_there_are_some_in_the_body():
    api = with_one()
    assert api.ask("DELETE", f"{ONE}?dryRun=All", {"kind": "DeleteOptions", "apiVersion": "v1"}).status == 200
    assert api.ask("GET", ONE).status == 404


# --- unknown fields -------------------------------------------------------------------------

UNKNOWN = {"dta": {"a": "b"}}
SHOWN = (
    (STRATEGIC, UNKNOWN, "map[dta:map[a:b]]"),
    (MERGE, UNKNOWN, None),
    (JSON_PATCH, [{"op": "add", "path": "/dta", "value": {"a": "b"}}], None),
)


@pytest.mark.parametrize(("headers", "patch", "shown"), SHOWN, ids=["strategic", "merge", "json"])
def test_a_patch_with_an_unknown_field_is_refused_warned_of_or_taken(headers, patch, shown):
    api = with_one()
    strict = api.ask("PATCH", f"{ONE}?fieldValidation=Strict", patch, headers=headers)
    assert (strict.status, strict.body["reason"]) == (422, "Invalid")
    (cause,) = strict.body["details"]["causes"]
    assert cause["field"] == "patch"
    assert strict.message.startswith(' "" is invalid: patch: Invalid value: "' + (shown or "{"))
    assert strict.message.endswith('": strict decoding error: unknown field "dta"')
    ignored = api.ask("PATCH", f"{ONE}?fieldValidation=Ignore", patch, headers=headers)
    assert (ignored.status, "warning" in ignored.headers) == (200, False)
    warned = api.ask("PATCH", ONE, patch, headers=headers)
    assert (warned.status, warned.headers["warning"]) == (200, '299 - "unknown field \\"dta\\""')
    assert "dta" not in api.ask("GET", ONE).body


@pytest.mark.parametrize(
    ("method", "target", "options"),
    [
        ("POST", CONFIG_MAPS_PATH, "CreateOptions"),
        ("PUT", ONE, "UpdateOptions"),
        ("PATCH", ONE, "PatchOptions"),
    ],
)
def test_a_field_validation_that_does_not_exist_is_invalid(method, target, options):
    headers = MERGE if method == "PATCH" else []
    answer = with_one().ask(method, f"{target}?fieldValidation=strict", a_config_map(), headers=headers)
    said = 'fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn"'
    assert (answer.status, answer.message) == (422, f'{options}.meta.k8s.io "" is invalid: {said}')
