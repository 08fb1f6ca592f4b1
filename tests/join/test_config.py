import json

import pytest

from joinsim.api.objects import items, mapping, strings, text
from joinsim.api.yaml_codec import load_yaml
from joinsim.errors import JoinRefused, Reason
from joinsim.gofmt import parse_duration
from joinsim.join import (
    BootstrapTokenDiscovery,
    Discovery,
    FileDiscovery,
    JoinConfiguration,
    NodeRegistration,
    Taint,
    Timeouts,
)
from joinsim.join.config import known_timeouts, split_host_port_problem

TOKEN = "abcdef.0123456789abcdef"
NO_PIN = (
    'discovery.bootstrapToken.caCertHashes: Invalid value: "": using token-based discovery without caCertHashes '
    "can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass "
    "--discovery-token-unsafe-skip-ca-verification flag to continue"
)


def by_token(token=TOKEN, endpoint="10.0.0.1:6443", pins=("aaaa",), unsafe=False, tls_token=""):
    return JoinConfiguration(
        Discovery(BootstrapTokenDiscovery(token, endpoint, pins, unsafe), tls_bootstrap_token=tls_token)
    )


def by_file(path, tls_token=""):
    return JoinConfiguration(Discovery(file=FileDiscovery(path), tls_bootstrap_token=tls_token))


def named(**registration):
    return JoinConfiguration(by_token().discovery, NodeRegistration(**registration))


def complaint(config, *, there=(), hostname="n1"):
    """What kubeadm says about a configuration before it does anything; empty where it is content."""
    said = ""
    try:
        config.defaulted(hostname).validate(there.__contains__)
    except JoinRefused as refused:
        said = str(refused)
    return said


# --- discovery -----------------------------------------------------------------------------------


def test_a_token_an_endpoint_and_a_pin_are_enough():
    assert complaint(by_token()) == ""


def test_what_a_pin_looks_like_is_not_looked_at_yet():
    assert complaint(by_token(pins=("", "junk"))) == ""


def test_a_refusal_is_of_no_phase_and_for_the_configuration():
    with pytest.raises(JoinRefused) as caught:
        JoinConfiguration(Discovery()).validate(lambda path: False)
    assert (caught.value.phase, caught.value.reason) == ("configuration", Reason.INVALID_CONFIGURATION)
    assert not caught.value.timed_out


def test_one_of_token_and_file_must_be_set():
    assert complaint(JoinConfiguration(Discovery())) == (
        'discovery: Invalid value: "": bootstrapToken or file must be set'
    )


def test_token_and_file_cannot_both_be_set():
    both = Discovery(by_token().discovery.bootstrap_token, FileDiscovery("https://x/y.conf"))
    assert complaint(JoinConfiguration(both)) == (
        'discovery: Invalid value: "": bootstrapToken and file cannot both be set'
    )


def test_a_token_without_a_pin_needs_the_word_unsafe():
    assert complaint(by_token(pins=())) == NO_PIN
    assert complaint(by_token(pins=(), unsafe=True)) == ""


def test_everything_that_is_wrong_is_told_in_order_in_one_message():
    config = by_token(token="bad", endpoint="", pins=(), tls_token="worse")
    wrong = JoinConfiguration(config.discovery, NodeRegistration("-"), ca_cert_path="ca")
    said = complaint(wrong)
    assert said.startswith("[")
    assert said.endswith("]")
    parts = [
        "discovery.bootstrapToken: Required value: APIServerEndpoint is not set, ",
        f"{NO_PIN}, ",
        'discovery.bootstrapToken.token: Invalid value: "bad": the bootstrap token is invalid, ',
        'discovery.bootstrapToken.apiServerEndpoint: Invalid value: "": missing port in address, ',
        'discovery.tlsBootstrapToken: Invalid value: "worse": the bootstrap token is invalid, ',
        'nodeRegistration.name: Invalid value: "-": a lowercase RFC 1123 subdomain must consist of ',
        'caCertPath: Invalid value: "ca": the ca certificate path must be an absolute path',
    ]
    found = [said.find(part) for part in parts]
    assert -1 not in found
    assert found == sorted(found)


def test_a_discovery_token_stands_in_for_the_one_for_tls_bootstrap():
    assert by_token().defaulted("h").discovery.tls_bootstrap_token == TOKEN


def test_a_tls_bootstrap_token_of_its_own_is_kept():
    own = by_token(tls_token="zzzzzz.0123456789abcdef").defaulted("h")
    assert own.discovery.tls_bootstrap_token == "zzzzzz.0123456789abcdef"
    assert own.discovery.bootstrap_token.token == TOKEN


def test_a_file_needs_no_tls_bootstrap_token():
    assert by_file("/x").defaulted("h").discovery.tls_bootstrap_token == ""


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abcdef",
        "abcdef.0123456789abcde",
        "abcdef.0123456789abcdef0",
        "ABCDEF.0123456789abcdef",
        "abcdef.0123456789abcdef\n",
        "\u0430bcdef.0123456789abcdef",
        "abcdef:0123456789abcdef",
    ],
    ids=repr,
)
def test_a_token_of_another_form_is_refused(token):
    assert "discovery.bootstrapToken.token: Invalid value: " in complaint(by_token(token))


def test_a_mistyped_token_is_told_once_for_each_field_and_never_with_its_secret():
    said = complaint(by_token("abcdef.0123456789abcdeF"))
    assert said == (
        '[discovery.bootstrapToken.token: Invalid value: "abcdef.****************": the bootstrap token is '
        'invalid, discovery.tlsBootstrapToken: Invalid value: "abcdef.****************": the bootstrap token is '
        "invalid]"
    )


def test_no_repr_shows_a_token():
    assert TOKEN not in repr(by_token(tls_token=TOKEN))


# --- endpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("10.0.0.1:6443", ""),
        ("[2001:db8::1]:6443", ""),
        ("cp.example:6443", ""),
        (":6443", ""),
        ("host:", ""),
        ("", "missing port in address"),
        ("10.0.0.1", "address 10.0.0.1: missing port in address"),
        ("2001:db8::1", "address 2001:db8::1: too many colons in address"),
        ("https://10.0.0.1:6443", "address https://10.0.0.1:6443: too many colons in address"),
        ("[::1", "address [::1: missing ']' in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("[::1]6443", "address [::1]6443: missing port in address"),
        ("[::1]::6443", "address [::1]::6443: too many colons in address"),
        ("a[b:1", "address a[b:1: unexpected '[' in address"),
        ("a]b:1", "address a]b:1: unexpected ']' in address"),
        ("[[::1]:1", "address [[::1]:1: unexpected '[' in address"),
        ("[::1]:]1", "address [::1]:]1: unexpected ']' in address"),
    ],
)
def test_an_endpoint_is_host_and_port_as_go_splits_them(endpoint, said):
    assert split_host_port_problem(endpoint) == said


# --- files ---------------------------------------------------------------------------------------


def test_a_file_must_be_there():
    said = 'discovery.file.kubeConfigPath: Invalid value: "/d.conf": not a valid HTTPS URL or a file on disk'
    assert complaint(by_file("/d.conf")) == said
    assert complaint(by_file("/d.conf"), there=["/d.conf"]) == ""


def test_a_url_is_not_looked_for_on_disk():
    assert complaint(by_file("https://x/y.conf")) == ""


@pytest.mark.parametrize("url", ["http://x/y.conf", "ftp://x/y", "HTTP://x/y.conf"])
def test_a_url_must_be_https(url):
    assert complaint(by_file(url)) == (
        f'discovery.file.kubeConfigPath: Invalid value: "{url}": if a URL is used, the scheme must be https'
    )


@pytest.mark.parametrize(
    "url",
    ["http://[::1]a", "https://[::1", "https://u r l/file.conf", "https://x:y/z", "https://x/\n", "/%zz"],
)
def test_a_url_must_be_one(url):
    assert complaint(by_file(url)).endswith("not a valid HTTPS URL or a file on disk")


def test_a_file_url_becomes_its_path():
    config = by_file("file:///etc/d.conf").defaulted("h")
    assert config.discovery.file == FileDiscovery("/etc/d.conf")
    assert complaint(by_file("file:///no/such")) == (
        'discovery.file.kubeConfigPath: Invalid value: "/no/such": not a valid HTTPS URL or a file on disk'
    )


# --- the node ------------------------------------------------------------------------------------


def test_the_nodes_name_is_the_hosts_unless_told_otherwise():
    assert by_token().defaulted(" Worker-1 ").node_registration.name == "worker-1"
    assert named(name="Node-A").defaulted("h").node_registration.name == "node-a"


def test_a_node_needs_a_name():
    said = complaint(named(), hostname="  ")
    assert said.startswith(
        "nodeRegistration: Required value: --node-name or .nodeRegistration.name in the config"
    )


@pytest.mark.parametrize("name", ["n-", "-n", "n?m", "n..m", "n_m", "n.", "\u00fcber", "n" * 254, "a b"])
def test_a_node_name_is_a_dns_subdomain(name):
    assert complaint(named(name=name)).startswith(
        f'nodeRegistration.name: Invalid value: "{name}": a lowercase RFC'
    )


@pytest.mark.parametrize("name", ["n", "0", "a.b-c.d", "n" * 253])
def test_these_are_node_names(name):
    assert complaint(named(name=name)) == ""


def test_an_argument_of_the_kubelet_has_a_name():
    config = named(name="n", kubelet_extra_args=(("v", "1"), ("", "x"), ("", "y")))
    assert complaint(config) == (
        '[nodeRegistration.kubeletExtraArgs: Invalid value: "index 1": argument has no name, '
        'nodeRegistration.kubeletExtraArgs: Invalid value: "index 2": argument has no name]'
    )


@pytest.mark.parametrize("path", ["pki/ca.crt", "/pki/ca.pem", "", "ca.crt", "/pki/ca.crt/"])
def test_the_cas_path_is_absolute_and_ends_in_crt(path):
    config = JoinConfiguration(by_token().discovery, ca_cert_path=path)
    assert complaint(config) == (
        f'caCertPath: Invalid value: "{path}": the ca certificate path must be an absolute path'
    )


def ignoring(*names):
    return named(name="n", ignore_preflight_errors=names)


@pytest.mark.parametrize("names", [("all",), ("ALL",), ("all", "All"), ("Swap", "swap"), ()], ids=repr)
def test_all_checks_or_some_may_be_ignored(names):
    assert complaint(ignoring(*names)) == ""


def test_all_checks_and_some_cannot_both_be_ignored():
    assert complaint(ignoring("Swap", "all", "CRI")) == (
        'ignore-preflight-errors: Invalid value: "all,cri,swap": don\'t specify individual checks if '
        "'all' is used"
    )


def test_what_is_ignored_is_looked_at_only_where_the_rest_is_valid():
    bad = JoinConfiguration(Discovery(), ignoring("Swap", "all").node_registration)
    assert complaint(bad) == 'discovery: Invalid value: "": bootstrapToken or file must be set'


def test_a_taint_reads_as_on_a_command_line():
    assert str(Taint("dedicated", "NoSchedule", "gpu")) == "dedicated=gpu:NoSchedule"
    assert str(Taint("dedicated", "NoSchedule")) == "dedicated=:NoSchedule"


def test_the_timeouts_have_kubeadms_defaults_and_names():
    assert known_timeouts() == {
        "discovery": "discovery",
        "kubeletHealthCheck": "kubelet_health_check",
        "kubernetesAPICall": "kubernetes_api_call",
        "tlsBootstrap": "tls_bootstrap",
    }
    assert Timeouts() == Timeouts(300, 240, 60, 300)


# --- tables --------------------------------------------------------------------------------------


def decoded(document):
    """A JoinConfiguration from a document whose fields all have one."""
    told = mapping(document, "discovery", "bootstrapToken")
    token = file = None
    if told:
        token = BootstrapTokenDiscovery(
            text(told, "token"),
            text(told, "apiServerEndpoint"),
            tuple(strings(told, "caCertHashes")),
            told.get("unsafeSkipCAVerification") is True,
        )
    if mapping(document, "discovery", "file"):
        file = FileDiscovery(text(document, "discovery", "file", "kubeConfigPath"))
    registration = mapping(document, "nodeRegistration")
    arguments = tuple(
        (text(item, "name"), text(item, "value")) for item in items(registration, "kubeletExtraArgs")
    )
    return JoinConfiguration(
        Discovery(token, file, text(document, "discovery", "tlsBootstrapToken")),
        NodeRegistration(text(registration, "name"), kubelet_extra_args=arguments),
        ca_cert_path=text(document, "caCertPath") or "/etc/kubernetes/pki/ca.crt",
    )


LATER = {
    "empty doc": "no decoder of files yet",
    "criSocket without scheme": "criSocket is not completed",
    "imagePullPolicy bad": "no imagePullPolicy",
    "controlPlane bad cert key hex": "workers only",
    "controlPlane short cert key": "workers only",
    "controlPlane bad address": "workers only",
    "controlPlane bad port": "workers only",
    "unknown field": "no decoder",
    "duplicate field": "no decoder",
    "v1beta3 field timeout in v1beta4": "no decoder",
    "v1beta2": "no decoder",
    "v1beta3": "no decoder",
    "v1beta3 list extra args": "no decoder",
    "v1beta9": "no decoder",
    "bad timeout": "no decoder",
    "only ClusterConfiguration": "no decoder",
}


def test_kubeadm_config_validate_says_the_same(vectors):
    cases = json.loads((vectors / "join_config_validate_blackbox.json").read_text())["cases"]
    assert LATER.keys() <= {case["name"] for case in cases}
    for case in cases:
        if case["name"] in LATER:
            continue
        found = complaint(decoded(load_yaml(case["input_yaml"])))
        expected = case["stderr"].partition("\n")[0].removeprefix("error: ")
        hidden = expected.replace("ABCDEF.0123456789abcdef", "ABCDEF.****************")
        assert found == hidden, case["name"]
        assert bool(found) == bool(case["exit_code"]), case["name"]


@pytest.fixture
def upstream(vectors):
    return json.loads((vectors / "kubeadm_validation.json").read_text())["groups"]


def test_upstreams_own_cases_of_tokens_endpoints_names_and_paths(upstream):
    for case in upstream["token"]["cases"]:
        assert (complaint(by_token(case["token"])) == "") == case["valid"], case
    for case in upstream["api_server_endpoint"]["cases"]:
        assert (complaint(by_token(endpoint=case["endpoint"])) == "") == case["valid"], case
    for case in upstream["node_name"]["cases"]:
        # The table is that of the validation alone; names are lower-cased before.
        if case["name"]:
            config = JoinConfiguration(by_token().discovery, NodeRegistration(case["name"]))
            try:
                config.validate(lambda path: False)
                valid = True
            except JoinRefused:
                valid = False
            assert valid == case["valid"], case
    for case in upstream["extra_args"]["cases"]:
        said = complaint(named(name="n", kubelet_extra_args=tuple(map(tuple, case["args"]))))
        assert said.count("argument has no name") == case["errors"], case


def test_upstreams_own_cases_of_discovery(upstream):
    for case in upstream["discovery_bootstrap_token"]["cases"]:
        told = case["config"]
        config = by_token(
            told["token"],
            told["apiServerEndpoint"] or "",
            tuple(told["caCertHashes"]),
            told["unsafeSkipCAVerification"],
        )
        assert (complaint(config) == "") == case["valid"], case
    for case in upstream["discovery_kubeconfig_path"]["cases"]:
        path = case["path"].replace("<existing file>", "/there")
        assert (complaint(by_file(path), there=["/there"]) == "") == case["valid"], case


def test_upstreams_own_cases_of_ignored_checks(upstream):
    for case in upstream["ignore_preflight_errors"]["cases"]:
        # Flag and file are one list here.
        said = complaint(ignoring(*case["cli"], *case["config"]))
        assert (said == "") == (case["result"] is not None), case


def test_the_default_timeouts_are_those_of_the_table(vectors):
    table = json.loads((vectors.parent / "data" / "timeouts.json").read_text())["kubeadm"]
    defaults = Timeouts()
    assert defaults.discovery == table["discovery_timeout_default"]
    assert defaults.kubelet_health_check == table["kubelet_health_timeout_default"]
    assert defaults.kubernetes_api_call == table["kubernetes_api_call_timeout_default"]
    assert defaults.tls_bootstrap == table["tls_bootstrap_timeout_default"]
    assert parse_duration("5m0s") == defaults.discovery
