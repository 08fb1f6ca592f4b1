import base64
import json
from dataclasses import fields

import pytest

from joinsim.api import Cluster, Context, Kubeconfig, KubeconfigError, User

CA = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
SERVER = "https://control-plane:6443"
FULL = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "one",
    "clusters": [
        {
            "name": "kubernetes",
            "cluster": {
                "server": SERVER,
                "certificate-authority": "/etc/ca.crt",
                "certificate-authority-data": base64.b64encode(CA).decode(),
                "insecure-skip-tls-verify": True,
                "tls-server-name": "other",
            },
        }
    ],
    "users": [
        {
            "name": "someone",
            "user": {
                "token": "abcdef.0123456789abcdef",
                "tokenFile": "/token",
                "client-certificate": "/cert",
                "client-certificate-data": "Yw==",
                "client-key": "/key",
                "client-key-data": "aw==",
                "username": "u",
                "password": "p",
                "exec": {"command": "aws"},
                "auth-provider": {"name": "oidc"},
            },
        }
    ],
    "contexts": [{"name": "one", "context": {"cluster": "kubernetes", "user": "someone", "namespace": "ns"}}],
}


def parse(**changes):
    return Kubeconfig.parse(json.dumps(FULL | {key.replace("_", "-"): changes[key] for key in changes}))


def refused(content):
    with pytest.raises(KubeconfigError) as caught:
        Kubeconfig.parse(content)
    return str(caught.value)


def test_every_field_is_read():
    config = parse()
    assert config.clusters == {"kubernetes": Cluster(SERVER, CA, "/etc/ca.crt", True, "other")}
    assert config.users == {
        "someone": User(
            "abcdef.0123456789abcdef", "/token", b"c", "/cert", b"k", "/key", "u", "p", "aws", "oidc"
        )
    }
    assert config.contexts == {"one": Context("kubernetes", "someone", "ns")}
    assert config.current_context == "one"
    assert config.current_user() == config.users["someone"]
    assert config.pick_cluster() == ("kubernetes", config.clusters["kubernetes"])


@pytest.mark.parametrize(
    "content", ["", "\n", "---\n", "# nothing", "{}", "null", "apiVersion: v1\nkind: Config\n"]
)
def test_an_empty_file_is_an_empty_kubeconfig(content):
    assert Kubeconfig.parse(content) == Kubeconfig()


def test_json_is_read_too_and_unknown_fields_are_passed_over():
    assert parse(preferences={"colors": True}, extensions=[{"name": "x"}], unheard_of=1) == parse()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[]", "cannot unmarshal array into"),
        ("hello", "cannot unmarshal string into"),
        ("5", "cannot unmarshal number into"),
        ("true", "cannot unmarshal bool into"),
        ("a: [", "yaml: line"),
        ("a: b: c", "yaml: line 1: mapping values are not allowed"),
        ("kind: Secret", 'no kind "Secret" is registered for version "v1"'),
        ("apiVersion: v2", 'no kind "Config" is registered for version "v2"'),
        ("apiVersion: V1\nkind: Config", 'for version "V1"'),
        ("[" * 10_000, "yaml: "),
        ("\x00", "yaml: "),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_kubeconfig_is_refused(content, problem):
    assert problem in refused(content)


def test_a_wrong_kind_is_refused_in_the_words_of_the_decoder():
    said = refused("hello")
    assert said == (
        "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct "
        '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
    )


@pytest.mark.parametrize("data", ["!!!!", "YQ", "Y Q==", "YQ==YQ==", "\u00e9", "_-8="], ids=ascii)
@pytest.mark.parametrize("key", ["certificate-authority-data", "client-certificate-data", "client-key-data"])
def test_data_that_is_no_base64_is_refused(key, data):
    if key.startswith("certificate"):
        broken = FULL | {"clusters": [{"name": "x", "cluster": {key: data}}]}
    else:
        broken = FULL | {"users": [{"name": "x", "user": {key: data}}]}
    said = refused(json.dumps(broken))
    assert said == f"{key}: illegal base64 data"
    assert data not in said


def test_data_in_several_lines_is_read():
    config = Kubeconfig.parse(
        "clusters:\n- cluster:\n    certificate-authority-data: |\n      aGVs\n      bG8=\n"
    )
    assert config.clusters[""].certificate_authority_data == b"hello"


@pytest.mark.parametrize(
    ("plural", "kind", "entry"),
    [
        ("clusters", "Cluster", {"name": "x", "cluster": {"server": SERVER}}),
        ("users", "AuthInfo", {"name": "x", "user": {"token": "abcdef.0123456789abcdef"}}),
        ("contexts", "Context", {"name": "x", "context": {"cluster": "kubernetes"}}),
    ],
)
def test_two_entries_of_one_name_are_refused_as_client_go_refuses_them(plural, kind, entry):
    said = refused(json.dumps(FULL | {plural: [entry, entry]}))
    assert said == f'error converting *[]Named{kind} into *map[string]*api.{kind}: duplicate name "x" in list'
    assert "0123456789" not in said


def test_two_clusters_without_a_name_are_two_of_one_name():
    # A cluster-info may not slip in a second one: whichever counted, it would not be judged.
    assert 'duplicate name ""' in refused("clusters: [{cluster: {server: a}}, {cluster: {server: b}}]")


@pytest.mark.parametrize(
    ("flag", "insecure"),
    [
        ("true", True),
        ("yes", True),
        ("on", True),
        ("false", False),
        ("off", False),
        ('"true"', False),
        ("1", False),
    ],
)
def test_verification_is_switched_off_by_a_boolean_only(flag, insecure):
    config = Kubeconfig.parse(f"clusters: [{{name: x, cluster: {{insecure-skip-tls-verify: {flag}}}}}]")
    assert config.clusters["x"].insecure_skip_tls_verify is insecure


# --- which cluster ---------------------------------------------------------------


def choice(current="", names=("a", "b"), contexts=()):
    clusters = {name: Cluster(f"https://{name}") for name in names}
    return Kubeconfig(clusters, {}, {name: Context(cluster) for name, cluster in contexts}, current)


def test_the_unnamed_cluster_wins_over_the_current_context():
    config = choice("ctx", ("a", ""), [("ctx", "a")])
    assert config.pick_cluster() == ("", Cluster("https://"))


def test_the_current_contexts_cluster_is_picked():
    assert choice("ctx", contexts=[("ctx", "b"), ("", "a")]).pick_cluster() == ("b", Cluster("https://b"))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        pytest.param(Kubeconfig(), "the current context is invalid: ", id="empty"),
        pytest.param(
            choice(names=("a",)), "the current context is invalid: ", id="one cluster and no context"
        ),
        pytest.param(
            choice("x", contexts=[("ctx", "a")]), "the current context is invalid: x", id="unknown context"
        ),
        pytest.param(
            choice("Ctx", contexts=[("ctx", "a")]), "the current context is invalid: Ctx", id="other case"
        ),
        pytest.param(
            choice("ctx", contexts=[("ctx", "c")]),
            "no matching cluster for the current context: ctx",
            id="unknown cluster",
        ),
        pytest.param(
            choice("ctx", contexts=[("ctx", "")]),
            "no matching cluster for the current context: ctx",
            id="a context without a cluster",
        ),
    ],
)
def test_where_no_cluster_can_be_picked_kubeadm_says_why(config, problem):
    with pytest.raises(KubeconfigError) as caught:
        config.pick_cluster()
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "changes",
    [{"current_context": "x"}, {"users": None}, {"contexts": []}, {"current_context": None}],
    ids=str,
)
def test_without_a_context_or_its_user_there_is_no_current_user(changes):
    assert parse(**changes).current_user() is None


# --- credentials -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "counts"),
    [
        (User(), False),
        (User(token="t"), True),
        (User(token_file="/t"), True),
        (User(username="u", password="p"), True),
        (User(username="u"), False),
        (User(password="p"), False),
        (User(client_certificate_data=b"c", client_key_data=b"k"), True),
        (User(client_certificate="/c", client_key="/k"), True),
        (User(client_certificate_data=b"c", client_key="/k"), True),
        (User(client_certificate_data=b"c"), False),
        (User(client_key="/k"), False),
        (User(exec_command="aws"), True),
        (User(auth_provider="oidc"), True),
    ],
    ids=lambda value: str(value)[:60],
)
def test_any_one_complete_credential_is_enough(user, counts):
    assert user.has_credentials is counts


def test_the_repr_of_a_user_shows_no_secret():
    shown = repr(parse())
    for secret in ("abcdef", "0123456789abcdef", "b'k'", "password", "'p'"):
        assert secret not in shown
    hidden = {field.name for field in fields(User) if not field.repr}
    assert hidden == {"token", "client_certificate_data", "client_key_data", "password"}


# --- writing ---------------------------------------------------------------------


def test_what_was_read_is_written_and_reads_back():
    assert Kubeconfig.parse(parse().dump()) == parse()


def test_cluster_info_is_written_as_kubeadm_writes_it(recorded):
    exchange = json.loads((recorded / "exchanges" / "a1_anon_cluster_info.json").read_text())
    written = exchange["response"]["body"]["data"]["kubeconfig"]
    config = Kubeconfig.parse(written)
    assert config.dump() == written
    name, cluster = config.pick_cluster()
    assert name == ""
    assert Kubeconfig({"": Cluster(cluster.server, cluster.certificate_authority_data)}).dump() == written


def test_a_nodes_kubeconfig_is_written_as_kubeadm_writes_it():
    user = User(token="abcdef.0123456789abcdef")
    config = Kubeconfig.basic(SERVER, b"CA", "kubernetes", "tls-bootstrap-token-user", user)
    assert config.dump() == (
        "apiVersion: v1\n"
        "clusters:\n"
        "- cluster:\n"
        "    certificate-authority-data: Q0E=\n"
        "    server: https://control-plane:6443\n"
        "  name: kubernetes\n"
        "contexts:\n"
        "- context:\n"
        "    cluster: kubernetes\n"
        "    user: tls-bootstrap-token-user\n"
        "  name: tls-bootstrap-token-user@kubernetes\n"
        "current-context: tls-bootstrap-token-user@kubernetes\n"
        "kind: Config\n"
        "users:\n"
        "- name: tls-bootstrap-token-user\n"
        "  user:\n"
        "    token: abcdef.0123456789abcdef\n"
    )


def test_a_token_of_digits_is_written_as_a_string():
    user = User(token="123456.1234567890123456")
    config = Kubeconfig.basic(SERVER, b"", "kubernetes", "u", user)
    assert 'token: "123456.1234567890123456"\n' in config.dump()
    assert Kubeconfig.parse(config.dump()).users["u"] == user


def test_entries_are_written_sorted_by_name():
    config = Kubeconfig({name: Cluster(name) for name in ("b", "", "a", "B")})
    written = json.loads(json.dumps(list(Kubeconfig.parse(config.dump()).clusters)))
    assert written == ["", "B", "a", "b"]


def test_a_cluster_and_a_user_can_be_replaced():
    config = parse()
    changed = config.with_cluster("kubernetes", Cluster("https://x")).with_user("new", User(token="t"))
    assert changed.clusters == {"kubernetes": Cluster("https://x")}
    assert set(changed.users) == {"someone", "new"}
    assert (config, changed.contexts) == (parse(), config.contexts)
