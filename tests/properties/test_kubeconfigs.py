from hypothesis import given
from hypothesis import strategies as st

import joinsim.api.yaml_codec as codec
from joinsim.api import Cluster, Context, Kubeconfig, KubeconfigError, User
from joinsim.api.objects import decode_json, encode_json

# What YAML can hold as text: no control characters besides tab and line ends.
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\n"), max_size=12
)
awkward = st.sampled_from(
    ["yes", "on", "null", "~", "1", "0644", "1e3", "12:30", "2026-11-23", "<<", "a: b", "- a"]
)
strings = texts | awkward
data = st.binary(max_size=40)
clusters = st.builds(Cluster, strings, data, strings, st.booleans(), strings)
users = st.builds(User, strings, strings, data, strings, data, strings, strings, strings, strings, strings)
contexts = st.builds(Context, strings, strings, strings)


def named(values):
    return st.dictionaries(strings, values, max_size=3)


kubeconfigs = st.builds(Kubeconfig, named(clusters), named(users), named(contexts), strings)

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | strings
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=8,
)


@given(kubeconfigs)
def test_a_kubeconfig_survives_being_written(config):
    assert Kubeconfig.parse(config.dump()) == config


@given(kubeconfigs)
def test_writing_is_settled_after_once(config):
    written = config.dump()
    assert Kubeconfig.parse(written).dump() == written


@given(kubeconfigs)
def test_the_cluster_is_picked_by_the_rule(config):
    context = config.contexts.get(config.current_context)
    if "" in config.clusters:
        expected = ("", config.clusters[""])
    elif context is not None and context.cluster in config.clusters:
        expected = (context.cluster, config.clusters[context.cluster])
    else:
        expected = None
    try:
        found = config.pick_cluster()
    except KubeconfigError:
        found = None
    assert found == expected


@given(st.text(max_size=80) | st.text(" :-[]{}&*!|>'\"#%@,\nab1", max_size=60))
def test_any_text_is_a_kubeconfig_or_refused_as_one(text):
    try:
        config = Kubeconfig.parse(text)
    except KubeconfigError:
        return
    assert Kubeconfig.parse(config.dump()) == config


fields = st.sampled_from(
    [
        "clusters",
        "users",
        "contexts",
        "current-context",
        "name",
        "cluster",
        "user",
        "context",
        "token",
        "exec",
        "kind",
    ]
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(fields, documents, max_size=5))
def test_values_of_another_type_never_stop_the_reader(document):
    try:
        config = Kubeconfig.parse(encode_json(document).decode())
    except KubeconfigError:
        return
    assert isinstance(config.current_context, str)
    config.dump()


@given(values)
def test_every_json_value_survives_yaml(value):
    assert codec.load_yaml(codec.dump_yaml(value)) == value


@given(values)
def test_every_json_value_survives_json(value):
    assert decode_json(encode_json(value)) == value
