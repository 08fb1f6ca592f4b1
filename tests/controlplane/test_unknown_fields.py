import json
import random

import pytest

from joinsim.api.conforming import as_go_writes_it, conform
from joinsim.api.message_types import type_name_of
from joinsim.api.objects import CONFIG_MAPS as CONFIG_MAPS_RESOURCE
from joinsim.api.objects import RESOURCES
from tests.conformance.recorded.stage import RECORDED, Stage

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
KINDS = ("ConfigMap", "Secret", "Node", "Lease", "CertificateSigningRequest")


BY_KIND = {resource.kind: resource for resource in RESOURCES}


def unknown_fields(content):
    return conform(type_name_of(BY_KIND[content["kind"]].api_version, content["kind"]), content).unknown


def recorded_objects():
    """Every object of a known kind that a real API server wrote, by the recording that it is in."""
    for path in sorted(RECORDED.glob("*.json")):
        recording = json.loads(path.read_text())
        written = recording["response"].get("body") if "response" in recording else recording
        if isinstance(written, dict) and written.get("kind") in KINDS:
            yield pytest.param(written, id=path.stem)


def shuffled(value, chance):
    if isinstance(value, dict):
        fields = [*value]
        chance.shuffle(fields)
        return {field: shuffled(value[field], chance) for field in fields}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("written", [*recorded_objects()])
def test_what_go_wrote_comes_out_of_any_order_as_it_was(written):
    written["metadata"].pop("managedFields", None)
    found = as_go_writes_it(BY_KIND[written["kind"]], shuffled(written, random.Random(1)))
    assert json.dumps(found) == json.dumps(written)
    assert unknown_fields(written) == []


@pytest.mark.parametrize(
    ("kind", "field", "unknown"),
    [
        ("ConfigMap", {"spec": {}}, ["spec"]),
        ("ConfigMap", {"data": {"spec": "a key, not a field"}}, []),
        ("ConfigMap", {"metadata": {"labels": {"any": "key"}, "label": {}}}, ["metadata.label"]),
        (
            "Secret",
            {"metadata": {"ownerReferences": [{"kind": "a"}, {"of": 1}]}},
            ["metadata.ownerReferences[1].of"],
        ),
        ("Node", {"spec": {"taints": [{"keys": 1}]}, "taints": []}, ["spec.taints[0].keys", "taints"]),
        ("Lease", {"spec": {"holder": "a"}, "status": {}}, ["spec.holder", "status"]),
        ("Role", {"rules": [{"verbs": []}, {"verb": 1}]}, ["rules[1].verb"]),
        ("CertificateSigningRequest", {"spec": {"bogus": 1}}, ["spec.bogus"]),
        ("CertificateSigningRequest", {"spec": {"extra": {"any": ["key"]}}}, []),
    ],
)
def test_a_field_that_its_type_has_not_is_named_by_its_path(kind, field, unknown):
    assert unknown_fields({"kind": kind, "apiVersion": "v1", **field}) == unknown


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (
            {"metadata": {"name": "a", "generateName": "", "labels": {}, "finalizers": []}, "data": {}},
            {"name": "a"},
        ),
        ({"metadata": {"name": "a", "labels": {"role": ""}}}, {"name": "a", "labels": {"role": ""}}),
        ({"metadata": {"name": "a", "annotations": None}, "immutable": False}, {"name": "a"}),
    ],
    ids=["empty fields", "an empty value in a map", "null"],
)
def test_empty_fields_are_left_out_and_empty_values_of_maps_are_not(sent, kept):
    found = as_go_writes_it(CONFIG_MAPS_RESOURCE, {"kind": "ConfigMap", "apiVersion": "v1", **sent})
    assert found["metadata"] == kept
    assert "data" not in found
    assert ("immutable" in found) == ("immutable" in sent)


def test_an_empty_generate_name_is_no_name(play):
    async def body(world):
        stage = await Stage.set(world)
        stored = await stage.admin("POST", CONFIG_MAPS, {"metadata": {"name": "a", "generateName": ""}})
        assert "generateName" not in stored["metadata"]

    play(body)


async def posted(world, validation, sent):
    stage = await Stage.set(world)
    target = f"{CONFIG_MAPS}?fieldValidation={validation}"
    headers = [("Content-Type", "application/json")]
    answer = await stage.send(stage.admin_tls(), "POST", target, headers, json.dumps(sent).encode())
    return answer.status, json.loads(answer.body), answer.headers.get("warning")


@pytest.mark.parametrize(
    ("validation", "warning"),
    [
        ("", '299 - "unknown field \\"metadata.foo\\""'),
        ("Warn", '299 - "unknown field \\"metadata.foo\\""'),
        ("Ignore", None),
    ],
)
def test_unknown_fields_are_dropped_and_warned_of_unless_they_are_to_be_ignored(play, validation, warning):
    async def body(world):
        status, stored, said = await posted(world, validation, {"metadata": {"name": "a", "foo": 1}})
        assert (status, said) == (201, warning)
        assert stored["metadata"]["name"] == "a"
        assert "foo" not in stored["metadata"]

    play(body)


def test_strict_validation_refuses_and_names_every_unknown_field(play):
    async def body(world):
        status, refusal, said = await posted(world, "Strict", {"foo": 1, "metadata": {"name": "a", "bar": 2}})
        assert (status, refusal["reason"], said) == (400, "BadRequest", None)
        assert refusal["message"] == (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
            'unknown field "foo", unknown field "metadata.bar"'
        )

    play(body)


def test_strict_validation_lets_known_fields_through(play):
    async def body(world):
        status, _, said = await posted(world, "Strict", {"metadata": {"name": "a"}, "data": {"a": "b"}})
        assert (status, said) == (201, None)

    play(body)


def test_managed_fields_that_a_client_sends_are_not_kept(play):
    async def body(world):
        fields = [{"manager": "me", "operation": "Update", "apiVersion": "v1"}]
        status, stored, said = await posted(world, "", {"metadata": {"name": "a", "managedFields": fields}})
        assert (status, said) == (201, None)
        assert "managedFields" not in stored["metadata"]

    play(body)
