import json
import uuid

import pytest

from joinsim.api.objects import (
    BY_PLURAL,
    CERTIFICATE_SIGNING_REQUESTS,
    CONFIG_MAPS,
    LEASES,
    NODES,
    RESOURCES,
    ROLE_BINDINGS,
    SECRETS,
    boolean,
    copy,
    decode_json,
    encode_json,
    items,
    mapping,
    name_of,
    namespace_of,
    new_uid,
    strings,
    text,
    texts,
)

OBJECT = {
    "metadata": {"name": "n", "namespace": "ns", "labels": {"a": "b", "c": 5}},
    "spec": {"list": ["x", 5, None, "y"], "flag": True, "off": False, "one": 1, "text": "t", "none": None},
}


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (NODES, {}, "/api/v1/nodes"),
        (NODES, {"name": "n1"}, "/api/v1/nodes/n1"),
        (NODES, {"name": "n1", "subresource": "status"}, "/api/v1/nodes/n1/status"),
        (SECRETS, {"namespace": "kube-system"}, "/api/v1/namespaces/kube-system/secrets"),
        (
            CONFIG_MAPS,
            {"name": "cluster-info", "namespace": "kube-public"},
            "/api/v1/namespaces/kube-public/configmaps/cluster-info",
        ),
        (
            CERTIFICATE_SIGNING_REQUESTS,
            {"name": "csr-1", "subresource": "approval"},
            "/apis/certificates.k8s.io/v1/certificatesigningrequests/csr-1/approval",
        ),
        (
            LEASES,
            {"name": "n1", "namespace": "kube-node-lease"},
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1",
        ),
    ],
)
def test_a_resource_knows_its_paths(resource, arguments, path):
    assert resource.path(**arguments) == path


@pytest.mark.parametrize(
    ("resource", "api_version", "qualified", "kind"),
    [
        (NODES, "v1", "nodes", "Node"),
        (
            ROLE_BINDINGS,
            "rbac.authorization.k8s.io/v1",
            "rolebindings.rbac.authorization.k8s.io",
            "RoleBinding.rbac.authorization.k8s.io",
        ),
    ],
)
def test_a_resource_is_named_with_its_group_where_it_has_one(resource, api_version, qualified, kind):
    assert (resource.api_version, resource.qualified, resource.qualified_kind) == (
        api_version,
        qualified,
        kind,
    )


def test_every_resource_is_found_by_its_plural():
    assert len(BY_PLURAL) == len(RESOURCES)
    for resource in RESOURCES:
        assert BY_PLURAL[resource.group, resource.version, resource.plural] is resource


def test_a_value_at_a_path_is_read_where_it_has_the_type():
    assert text(OBJECT, "spec", "text") == "t"
    assert mapping(OBJECT, "metadata", "labels") == {"a": "b", "c": 5}
    assert items(OBJECT, "spec", "list") == ["x", 5, None, "y"]
    assert strings(OBJECT, "spec", "list") == ["x", "y"]
    assert texts(OBJECT, "metadata", "labels") == {"a": "b"}
    assert boolean(OBJECT, "spec", "flag")
    assert (name_of(OBJECT), namespace_of(OBJECT)) == ("n", "ns")


@pytest.mark.parametrize(
    "path", [(), ("metadata",), ("spec", "list"), ("spec", "one"), ("no", "where")], ids=str
)
def test_another_type_reads_as_empty_text(path):
    assert text(OBJECT, *path) == ""


@pytest.mark.parametrize("name", ["off", "one", "text", "none", "list", "missing"])
def test_only_true_is_true(name):
    assert boolean(OBJECT, "spec", name) is False


@pytest.mark.parametrize("value", [None, "text", 5, True, [], ["a"]], ids=repr)
def test_every_reader_reads_anything(value):
    for reader, empty in (
        (text, ""),
        (mapping, {}),
        (items, []),
        (strings, []),
        (texts, {}),
        (boolean, False),
    ):
        assert reader(value, "a", "b") == empty
    assert name_of({"metadata": value}) == namespace_of({"metadata": value}) == ""


def test_an_empty_answer_is_not_attached_to_the_value():
    value = {"a": {}}
    mapping(value, "b")["x"] = 1
    items(value, "a", "c").append(1)
    assert value == {"a": {}}


def test_a_copy_shares_nothing_with_its_original():
    original = {"a": {"b": [1, {"c": 2}]}, "d": "e"}
    copied = copy(original)
    assert copied == original
    copied["a"]["b"][1]["c"] = 3
    copied["a"]["b"].append(4)
    copied["a"]["x"] = None
    assert original == {"a": {"b": [1, {"c": 2}]}, "d": "e"}


@pytest.mark.parametrize("fill", [0x00, 0xFF, 0xA5, 0x5A])
def test_a_uid_is_a_version_4_uuid_whatever_the_bytes(fill):
    made = uuid.UUID(new_uid(lambda size: bytes([fill]) * size))
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_a_uid_keeps_its_random_bits():
    source = bytes(range(16))
    made = uuid.UUID(new_uid(lambda size: source[:size]))
    assert made == uuid.UUID(bytes=source, version=4)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ({}, "{}"),
        ({"a": [1, 2.5, True, None, "x"]}, '{"a":[1,2.5,true,null,"x"]}'),
        ("<a> & b", r'"\u003ca\u003e \u0026 b"'),
        ("\u2028\u2029", r'"\u2028\u2029"'),
        ("\u00e9\U0001f600", '"\u00e9\U0001f600"'),
        ('"\\\n\t\x01', r'"\"\\\n\t\u0001"'),
    ],
    ids=ascii,
)
def test_json_is_written_as_go_writes_it(value, encoded):
    assert encode_json(value) == encoded.encode()
    assert json.loads(encode_json(value)) == value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'"\\ud800"', "\ufffd"),
        (b'"\\uD800x\\udfff"', "\ufffdx\ufffd"),
        (b'"\\udc00\\ud800"', "\ufffd\ufffd"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (
            b'{"\\ud800": ["\\ud800", {"a": "\\ud800"}, 1, null]}',
            {"\ufffd": ["\ufffd", {"a": "\ufffd"}, 1, None]},
        ),
        (b'"\xff"', "\ufffd"),
        (b'"\\\\ud800"', "\\ud800"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
    ],
    ids=ascii,
)
def test_json_is_read_as_go_reads_it(content, value):
    assert decode_json(content) == value
    encode_json(decode_json(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b"{'a': 1}",
        b"NaN",
        b"-Infinity",
        b"[1,]",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
    ],
    ids=ascii,
)
def test_what_is_no_json_is_refused(content):
    with pytest.raises(ValueError, match=r"."):
        decode_json(content)


def test_json_that_is_nested_too_deep_is_refused():
    with pytest.raises(RecursionError):
        decode_json(b"[" * 200_000)
