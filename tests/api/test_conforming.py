import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim.api.conforming import MismatchError, conform
from joinsim.api.message_types import SCALARS, message_type, type_name_of
from joinsim.api.message_types import _table as table
from joinsim.api.objects import RESOURCES

CSR = "certificates.v1.CertificateSigningRequest"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_every_type_is_made_of_types_that_the_table_has():
    for name in table():
        fields = message_type(name).fields.values()
        assert all(field.type in SCALARS or message_type(field.type) for field in fields), name
        assert len({field.number for field in fields}) == len(fields), name


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
def test_every_kind_that_is_served_has_a_type_and_a_list(resource):
    assert message_type(type_name_of(resource.api_version, resource.kind))
    assert message_type(type_name_of(resource.api_version, resource.kind + "List"))


def test_unknown_fields_are_left_out_and_told_by_their_paths():
    node = {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": "n", "colour": "red"},
        "spec": {"taints": [{"key": "a", "effect": "NoSchedule", "efect": ""}]},
        "extra": {},
    }
    conformed = conform("core.v1.Node", node)
    assert conformed.unknown == ["metadata.colour", "spec.taints[0].efect", "extra"]
    assert conformed.content["metadata"] == {"name": "n"}
    assert conformed.content["spec"] == {"taints": [{"key": "a", "effect": "NoSchedule"}]}


def test_fields_come_out_in_the_order_of_the_struct_and_maps_by_their_keys():
    secret = {"type": "Opaque", "data": {"b": "", "a": ""}, "metadata": {"name": "s"}, "immutable": True}
    content = conform("core.v1.Secret", secret).content
    assert list(content) == ["metadata", "immutable", "data", "type"]
    assert list(content["data"]) == ["a", "b"]


def test_null_and_empty_values_disappear_where_go_leaves_them_out():
    config_map = {
        "metadata": {"name": "c", "labels": {}, "annotations": None},
        "data": {},
        "immutable": False,
    }
    assert conform("core.v1.ConfigMap", config_map).content == {"metadata": {"name": "c"}, "immutable": False}


def test_what_go_writes_though_it_is_empty_is_there():
    assert conform("rbac.v1.Role", {}).content == {"metadata": {}, "rules": None}
    node = conform("core.v1.Node", {}).content
    assert node["status"]["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 0}}


@pytest.mark.parametrize(
    ("kind", "content", "problem"),
    [
        ("core.v1.ConfigMap", {"data": {"a": 5}}, "json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string"),
        ("core.v1.ConfigMap", {"data": []}, "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string"),
        ("core.v1.ConfigMap", {"metadata": "x"}, "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta"),
        ("core.v1.ConfigMap", {"metadata": {"labels": {"a": {}}}}, "json: cannot unmarshal object into Go struct field ObjectMeta.metadata.labels.a of type string"),
        ("core.v1.Node", {"spec": {"taints": [{"key": True}]}}, "json: cannot unmarshal bool into Go struct field Taint.spec.taints.key of type string"),
        ("core.v1.Node", {"spec": {"taints": {}}}, "json: cannot unmarshal object into Go struct field NodeSpec.spec.taints of type []v1.Taint"),
        (CSR, {"spec": {"expirationSeconds": "1"}}, "json: cannot unmarshal string into Go struct field CertificateSigningRequestSpec.spec.expirationSeconds of type int32"),
        (CSR, {"spec": {"expirationSeconds": 2147483648}}, "json: cannot unmarshal number 2147483648 into Go struct field CertificateSigningRequestSpec.spec.expirationSeconds of type int32"),
        (CSR, {"spec": {"expirationSeconds": 1.5}}, "json: cannot unmarshal number 1.5 into Go struct field CertificateSigningRequestSpec.spec.expirationSeconds of type int32"),
        (CSR, {"spec": {"usages": [1]}}, "json: cannot unmarshal number into Go struct field CertificateSigningRequestSpec.spec.usages of type v1.KeyUsage"),
        ("core.v1.Secret", {"data": {"a": "%"}}, "illegal base64 data at input byte 0"),
        ("core.v1.Secret", {"data": {"a": "YWJjZ"}}, "illegal base64 data at input byte 4"),
        ("core.v1.Node", {"metadata": {"creationTimestamp": "yesterday"}}, 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused_in_the_decoders_words(kind, content, problem):
    with pytest.raises(MismatchError) as caught:
        conform(kind, content)
    assert str(caught.value) == problem


@given(st.sampled_from(["core.v1.Node", CSR, "core.v1.Secret"]), st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data", "type"]), json_values))  # fmt: skip
def test_any_json_conforms_or_is_refused_and_conforms_again_to_itself(kind, content):
    try:
        once = conform(kind, content).content
    except MismatchError:
        return
    assert conform(kind, once).content == once
    assert conform(kind, once).unknown == []
