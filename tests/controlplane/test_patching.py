import copy

import pytest

from joinsim.controlplane.patching import strategic_merge
from joinsim.errors import ApiError


def ready(state, **more):
    return {"type": "Ready", "status": state, **more}


@pytest.mark.parametrize(
    ("original", "patch", "merged"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({}, {"a": None}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 2}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"spec": {"taints": [1]}}, {"spec": {"taints": []}}, {"spec": {"taints": []}}),
        (
            {"status": {"conditions": [ready("False", reason="x"), {"type": "Disk"}]}},
            {"status": {"conditions": [ready("True")]}},
            {"status": {"conditions": [ready("True", reason="x"), {"type": "Disk"}]}},
        ),
        (
            {"status": {}},
            {"status": {"conditions": [ready("True")]}},
            {"status": {"conditions": [ready("True")]}},
        ),
        (
            {"status": {"addresses": [{"type": "Hostname", "address": "a"}]}},
            {"status": {"addresses": [{"type": "InternalIP", "address": "b"}]}},
            {
                "status": {
                    "addresses": [
                        {"type": "Hostname", "address": "a"},
                        {"type": "InternalIP", "address": "b"},
                    ]
                }
            },
        ),
        (
            {"metadata": {"finalizers": ["a"]}},
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["a", "b"]}},
        ),
        (
            {"status": {"conditions": [ready("False")]}},
            {"status": {"$setElementOrder/conditions": [{"type": "Ready"}], "conditions": [ready("True")]}},
            {"status": {"conditions": [ready("True")]}},
        ),
    ],
)
def test_a_patch_is_merged(original, patch, merged):
    before = copy.deepcopy((original, patch))
    assert strategic_merge(original, patch) == merged
    assert (original, patch) == before


@pytest.mark.parametrize(
    "patch",
    [
        {"$patch": "replace"},
        {"a": {"$patch": "delete"}},
        {"spec": {"$retainKeys": ["a"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
        {"status": {"conditions": [{"type": "Ready", "$patch": "delete"}]}},
    ],
    ids=str,
)
def test_directives_that_are_missing_here_are_named(patch):
    with pytest.raises(ApiError, match="strategic merge patch directive") as caught:
        strategic_merge({}, patch)
    assert caught.value.code == 501
