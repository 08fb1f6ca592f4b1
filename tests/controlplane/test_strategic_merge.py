"""What kubectl's own strategic merge makes of a Node is the measure: ``kubectl patch --local``."""

import copy

import pytest

from joinsim.controlplane.strategic_merge import strategic_merge
from joinsim.errors import ApiError


def a_node():
    return {
        "kind": "Node",
        "metadata": {"name": "node1", "finalizers": ["a", "b"], "labels": {"x": "1"}},
        "status": {"conditions": [{"type": "A", "status": "1"}, {"type": "B", "status": "2"}]},
    }


def conditions(patched):
    return [each["type"] + each.get("status", "") for each in patched["status"]["conditions"]]


def status_of(*items, order=None):
    named = {} if order is None else {"$setElementOrder/conditions": [{"type": each} for each in order]}
    return {"status": {**named, **({"conditions": [*items]} if items else {})}}


C = {"type": "C", "status": "3"}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (status_of(C), ["C3", "A1", "B2"]),
        (status_of(C, {"type": "B", "status": "9"}), ["C3", "A1", "B9"]),
        (status_of({"type": "A", "$patch": "delete"}), ["B2"]),
        (status_of({"type": "Z", "$patch": "delete"}), ["A1", "B2"]),
        (status_of({"type": "A", "status": "7"}, {"$patch": "replace"}), ["A7"]),
        (status_of(order="BA"), ["B2", "A1"]),
        (status_of(C, order="BCA"), ["B2", "C3", "A1"]),
        (status_of(C, order="BC"), ["A1", "B2", "C3"]),
        (status_of({"type": "B", "status": None}), ["A1", "B"]),
    ],
    ids=str,
)
def test_conditions_are_merged_by_their_type_and_ordered(patch, expected):
    assert conditions(strategic_merge(a_node(), patch)) == expected


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"finalizers": ["c"]}, ["c", "a", "b"]),
        ({"finalizers": ["c", "a"]}, ["c", "a", "b"]),
        ({"finalizers": ["a", "a"]}, ["a", "b"]),
        ({"$deleteFromPrimitiveList/finalizers": ["a"]}, ["b"]),
        ({"$deleteFromPrimitiveList/finalizers": ["z"]}, ["a", "b"]),
        (
            {
                "$deleteFromPrimitiveList/finalizers": ["a"],
                "$setElementOrder/finalizers": ["c", "b"],
                "finalizers": ["c"],
            },
            ["c", "b"],
        ),
        ({"$setElementOrder/finalizers": ["b", "a"]}, ["b", "a"]),
        ({"$setElementOrder/finalizers": ["b"]}, ["a", "b"]),
        ({"finalizers": None}, None),
    ],
    ids=str,
)
def test_finalizers_are_merged_by_value_and_ordered(patch, expected):
    assert strategic_merge(a_node(), {"metadata": patch})["metadata"].get("finalizers") == expected


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"$patch": "delete"}, {}),
        ({"$patch": "replace"}, {}),
        ({"$patch": "replace", "q": "r"}, {"q": "r"}),
        ({"$retainKeys": ["q"], "q": "r"}, {"q": "r"}),
        ({"q": "r"}, {"x": "1", "q": "r"}),
        ({"x": None, "q": None}, {}),
        (["a"], ["a"]),
    ],
    ids=str,
)
def test_maps_are_merged_unless_a_directive_says_otherwise(patch, expected):
    assert strategic_merge(a_node(), {"metadata": {"labels": patch}})["metadata"]["labels"] == expected


@pytest.mark.parametrize(
    ("patch", "code", "said"),
    [
        (
            {"metadata": {"labels": {"$patch": "merge", "q": "r"}}},
            400,
            "unknown patch type: merge in map: map[$patch:merge q:r]",
        ),
        (
            status_of({"type": "A", "$patch": "bogus"}),
            400,
            "unknown patch type: bogus in map: map[$patch:bogus type:A]",
        ),
        (
            status_of({"type": "A", "$patch": "merge"}),
            400,
            "merging lists cannot yet be specified in the patch",
        ),
        (
            {"metadata": {"$setElementOrder/finalizers": ["b"], "finalizers": ["c"]}},
            400,
            "The order in patch list:\n[c]\n doesn't match $setElementOrder list:\n[b]\n",
        ),
        (status_of({"status": "3"}), 422, "the server rejected our request due to an error in our request"),
        (status_of("a"), 400, "list element types are not identical"),
    ],
    ids=str,
)
def test_what_is_no_strategic_patch_is_refused(patch, code, said):
    with pytest.raises(ApiError) as caught:
        strategic_merge(a_node(), patch)
    assert (caught.value.code, str(caught.value)) == (code, said)


def test_lists_that_have_no_merge_key_are_replaced():
    node = {**a_node(), "spec": {"taints": [{"key": "a"}], "podCIDRs": ["10.0.0.0/24"]}}
    patched = strategic_merge(node, {"spec": {"taints": [{"key": "b"}], "podCIDRs": ["10.0.1.0/24"]}})
    assert patched["spec"] == {"taints": [{"key": "b"}], "podCIDRs": ["10.0.1.0/24", "10.0.0.0/24"]}


def test_conditions_of_a_csr_have_no_merge_key():
    csr = {**a_node(), "kind": "CertificateSigningRequest"}
    assert conditions(strategic_merge(csr, status_of(C))) == ["C3"]


def test_owners_are_told_apart_by_their_uid():
    owned = {"kind": "Secret", "metadata": {"ownerReferences": [{"uid": "1", "name": "a"}]}}
    patch = {"metadata": {"ownerReferences": [{"uid": "1", "name": "b"}, {"uid": "2", "name": "c"}]}}
    merged = strategic_merge(owned, patch)["metadata"]["ownerReferences"]
    assert merged == patch["metadata"]["ownerReferences"]


def test_neither_the_object_nor_the_patch_is_changed():
    node, patch = a_node(), {**status_of(C, order="CAB"), "metadata": {"labels": {"x": None}}}
    before = copy.deepcopy((node, patch))
    strategic_merge(node, patch)
    assert (node, patch) == before
