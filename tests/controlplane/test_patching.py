import json

import pytest

from tests.controlplane.api import CONFIG_MAPS_PATH, Api, a_config_map

ONE = f"{CONFIG_MAPS_PATH}/settings"
GENERIC = "the server rejected our request due to an error in our request"


def patched(patch, kind="json-patch+json", target=ONE):
    api = Api()
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map(labels={"a": "1"}))
    headers = [("Content-Type", f"application/{kind}; charset=utf-8")]
    return api.ask("PATCH", target, patch, headers=headers)


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        ([], {"key": "value"}),
        ([{"op": "add", "path": "/data/b", "value": "2"}], {"key": "value", "b": "2"}),
        ([{"op": "remove", "path": "/data/key"}], None),
        ([{"op": "replace", "path": "/data", "value": {"x": "y"}}], {"x": "y"}),
        ([{"op": "move", "from": "/data/key", "path": "/data/k~1e~0y"}], {"k/e~y": "value"}),
        ([{"op": "copy", "from": "/data/key", "path": "/data/b"}], {"key": "value", "b": "value"}),
        (
            [{"op": "test", "path": "/data/key", "value": "value"}, {"op": "remove", "path": "/data"}],
            None,
        ),
    ],
)
def test_a_json_patch_does_its_operations_in_order(operations, data):
    answer = patched(operations)
    invalid_key = data is not None and "k/e~y" in data
    assert answer.status == (422 if invalid_key else 200)
    if not invalid_key:
        assert answer.body.get("data") == data


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/data/key", "value": "other"}],
        [{"op": "remove", "path": "/data/nope"}],
        [{"op": "replace", "path": "/data/nope", "value": "x"}],
        [{"op": "add", "path": "/nope/deeper", "value": "x"}],
        [{"op": "bogus", "path": "/data/key"}],
        [{"op": "add", "path": "/data/x"}],
        [{"op": "add", "path": "data", "value": "x"}],
        [{"op": "replace", "path": "", "value": 7}],
    ],
    ids=lambda operations: json.dumps(operations),
)
def test_an_operation_that_cannot_be_done_refuses_all(operations):
    answer = patched([{"op": "add", "path": "/data/first", "value": "x"}, *operations])
    assert (answer.status, answer.body["reason"], answer.message) == (422, "Invalid", GENERIC)
    assert answer.body["details"] == {}


@pytest.mark.parametrize("body", [{}, [1], "x", None, [[]]])
def test_what_is_no_list_of_operations_is_a_bad_request(body):
    assert patched(json.dumps(body).encode()).status == 400


def test_more_operations_than_anybody_needs_are_too_many():
    operation = {"op": "test", "path": "/data/key", "value": "value"}
    answer = patched([operation] * 10_001)
    assert answer.status == 413
    assert answer.message == "The allowed maximum operations in a JSON patch is 10000, got 10001"
    assert patched([operation] * 10_000).status == 200


@pytest.mark.parametrize(
    ("patch", "data", "labels"),
    [
        ({}, {"key": "value"}, {"a": "1"}),
        ({"data": {"key": None, "b": "2"}}, {"b": "2"}, {"a": "1"}),
        ({"data": None}, None, {"a": "1"}),
        ({"metadata": {"labels": {"b": None}}}, {"key": "value"}, {"a": "1"}),
        ({"metadata": {"labels": None}}, {"key": "value"}, None),
    ],
)
def test_a_merge_patch_merges_objects_and_null_removes(patch, data, labels):
    answer = patched(patch, "merge-patch+json")
    assert (answer.body.get("data"), answer.body["metadata"].get("labels")) == (data, labels)


def test_a_merge_patch_replaces_lists():
    api = Api()
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map(finalizers=["e.com/a"]))
    headers = [("Content-Type", "application/merge-patch+json")]
    answer = api.ask("PATCH", ONE, {"metadata": {"finalizers": ["e.com/b"]}}, headers=headers)
    assert answer.body["metadata"]["finalizers"] == ["e.com/b"]


@pytest.mark.parametrize("kind", ["merge-patch+json", "strategic-merge-patch+json"])
@pytest.mark.parametrize("body", [b"[]", b"{", b"1", b""])
def test_a_merge_patch_that_is_no_object_is_a_bad_request(body, kind):
    assert patched(body, kind).status == 400


def test_what_is_not_there_is_missing_whatever_the_patch_but_not_whatever_its_type():
    assert patched(b"{", target=f"{CONFIG_MAPS_PATH}/nope").status == 404
    assert patched(b"{", "nonsense", target=f"{CONFIG_MAPS_PATH}/nope").status == 415


@pytest.mark.parametrize("kind", ["json-patch+json", "merge-patch+json", "strategic-merge-patch+json"])
def test_a_patch_cannot_rename_or_give_a_field_another_type(kind):
    renamed = {"metadata": {"name": "other"}}
    typed = {"data": {"key": 7}}
    if kind.startswith("json"):
        renamed = [{"op": "replace", "path": "/metadata/name", "value": "other"}]
        typed = [{"op": "replace", "path": "/data/key", "value": 7}]
    answer = patched(renamed, kind)
    expected = "the name of the object (other) does not match the name on the URL (settings)"
    assert (answer.status, answer.message) == (400, expected)
    answer = patched(typed, kind)
    assert (answer.status, answer.body["details"]["causes"][0]["field"]) == (422, "patch")
