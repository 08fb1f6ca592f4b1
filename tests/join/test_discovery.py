import json
from dataclasses import replace

import pytest

from joinsim.api import BootstrapToken, Cluster, Kubeconfig
from joinsim.api.yaml_codec import load_yaml
from joinsim.errors import Reason
from joinsim.join.discovery import Accept, Fetch, Refuse, TokenDiscovery
from tests.join.material import ENDPOINT, TOKEN, authority, cluster_info, named, pin, unnamed

GENUINE = unnamed("kubernetes").dump()
OPENING = "couldn't validate the identity of the API Server: "


def discovery(*pins, token=TOKEN, timeout=300.0):
    machine = TokenDiscovery(token, ENDPOINT, pins, timeout)
    machine.begin(0)
    return machine


def problem(step):
    assert isinstance(step, Refuse), step
    assert step.problem.startswith(OPENING)
    return step.problem.removeprefix(OPENING)


# --- the first fetch -----------------------------------------------------------------------------


def test_it_first_asks_the_endpoint_without_credentials_and_without_verifying():
    step = TokenDiscovery(TOKEN, ENDPOINT, [pin()], 300).begin(12.5)
    assert isinstance(step, Fetch)
    assert (step.at, step.verified) == (12.5, False)
    assert step.connection.clusters == {"": Cluster("https://10.0.0.1:6443", insecure_skip_tls_verify=True)}
    assert step.connection.current_user() is None


def test_without_pins_a_good_signature_is_enough():
    step = discovery().fetched(cluster_info(GENUINE), 0)
    assert step == Accept(unnamed("kubernetes"), "token")


def test_every_error_is_tried_again_after_five_seconds():
    step = discovery().failed("connection refused", 0.3)
    assert isinstance(step, Fetch)
    assert (step.at, step.verified) == (5, False)


def test_403_is_an_error_like_any_other():
    assert isinstance(discovery().failed("forbidden", 0.3, forbidden=True), Fetch)


def test_the_last_error_is_told_when_the_time_is_up():
    machine = discovery(timeout=7)
    machine.failed("one", 0)
    step = machine.failed("two", 5)
    assert problem(step) == "failed to request the cluster-info ConfigMap: two"
    assert (step.reason, step.timed_out, step.at) == (Reason.CLUSTER_INFO_UNAVAILABLE, True, 7)


def test_a_missing_signature_is_waited_for():
    machine = discovery(timeout=7)
    unsigned = {"kubeconfig": GENUINE}
    assert isinstance(machine.fetched(unsigned, 0), Fetch)
    step = machine.fetched(unsigned, 5)
    assert problem(step) == (
        'could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"'
    )
    assert (step.reason, step.timed_out, step.at) == (Reason.SIGNATURE_MISSING, True, 7)


def test_a_signature_that_comes_late_is_believed():
    machine = discovery()
    machine.fetched({"kubeconfig": GENUINE}, 0)
    assert isinstance(machine.fetched(cluster_info(GENUINE), 5), Accept)


def test_a_signature_for_another_token_is_none():
    other = BootstrapToken.parse("zzzzzz.0123456789abcdef")
    assert isinstance(discovery().fetched(cluster_info(GENUINE, other), 0), Fetch)


def test_a_request_that_overruns_the_timeout_ends_it_when_it_ends():
    step = discovery(timeout=4).failed("timed out", 10)
    assert isinstance(step, Refuse)
    assert step.at == 10


@pytest.mark.parametrize("signature", ["bar", "..", "a.b.c", "é", "x" * 100_000, " "])
def test_a_wrong_signature_is_refused_at_once(signature):
    data = {"kubeconfig": GENUINE, "jws-kubeconfig-abcdef": signature}
    step = discovery(pin()).fetched(data, 0.5)
    assert problem(step) == (
        "failed to verify JWS signature of received cluster info object, can't trust this API Server"
    )
    assert (step.reason, step.timed_out, step.at) == (Reason.SIGNATURE_INVALID, False, 0.5)


def test_an_empty_signature_is_not_waited_for():
    step = discovery().fetched({"kubeconfig": GENUINE, "jws-kubeconfig-abcdef": ""}, 0)
    assert problem(step).startswith(
        'token id "abcdef" is invalid for this cluster or it has expired. Use "kubeadm'
    )
    assert (step.reason, step.timed_out) == (Reason.SIGNATURE_MISSING, False)


def test_the_signature_of_other_bytes_is_wrong():
    data = cluster_info(GENUINE) | {"kubeconfig": GENUINE + "\n"}
    assert discovery().fetched(data, 0).reason is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("data", [{}, {"kubeconfig": ""}], ids=["no kubeconfig", "an empty one"])
def test_cluster_info_without_a_kubeconfig_is_refused(data):
    step = discovery().fetched({**data, "jws-kubeconfig-abcdef": "x"}, 0)
    assert problem(step) == (
        "there is no kubeconfig key in the cluster-info ConfigMap. This API Server isn't set up for token "
        "bootstrapping, can't connect"
    )
    assert step.reason is Reason.CLUSTER_INFO_MALFORMED


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "couldn't parse the kubeconfig file in the cluster-info ConfigMap: "),
        (
            json.dumps({"clusters": [{"name": "a", "cluster": {}}], "current-context": "x"}),
            "malformed kubeconfig in the cluster-info ConfigMap: the current context is invalid: x",
        ),
        (
            json.dumps(
                {
                    "clusters": [{"name": "a", "cluster": {}}],
                    "contexts": [{"name": "x", "context": {"cluster": "b"}}],
                    "current-context": "x",
                }
            ),
            "malformed kubeconfig in the cluster-info ConfigMap: no matching cluster for the current context: x",
        ),
    ],
    ids=["no YAML", "no context", "no cluster"],
)
def test_a_signed_kubeconfig_must_name_a_cluster(content, said):
    step = discovery().fetched(cluster_info(content), 0)
    assert problem(step).startswith(said)
    assert step.reason is Reason.CLUSTER_INFO_MALFORMED


# --- pins ----------------------------------------------------------------------------------------


def test_a_matching_pin_leads_to_a_second_fetch_that_verifies_under_the_bundle():
    step = discovery(pin()).fetched(cluster_info(GENUINE), 2)
    assert isinstance(step, Fetch)
    assert (step.at, step.verified) == (2, True)
    bundle = authority().pem
    assert step.connection.clusters == {"": Cluster(f"https://{ENDPOINT}", bundle)}


def test_the_second_fetch_goes_to_the_endpoint_and_not_to_where_cluster_info_points():
    elsewhere = unnamed("kubernetes", server="https://elsewhere:6443").dump()
    machine = discovery(pin())
    step = machine.fetched(cluster_info(elsewhere), 0)
    assert step.connection.pick_cluster()[1].server == f"https://{ENDPOINT}"
    accepted = machine.fetched(cluster_info(elsewhere), 0)
    assert accepted.kubeconfig.pick_cluster()[1].server == "https://elsewhere:6443"


def test_what_comes_twice_the_same_is_believed():
    machine = discovery(pin())
    machine.fetched(cluster_info(GENUINE), 0)
    assert machine.fetched(cluster_info(GENUINE), 0) == Accept(unnamed("kubernetes"), "token-pinned")


def test_one_pin_of_several_is_enough():
    assert discovery("sha256:" + "0" * 64, pin()).fetched(cluster_info(GENUINE), 0).verified


def test_no_matching_pin_is_refused_and_tells_the_keys_that_came():
    both = cluster_info(unnamed("kubernetes", "mallory").dump())
    step = discovery("sha256:" + "0" * 64).fetched(both, 3)
    assert problem(step) == (
        "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "
        f'"{pin()}:{pin("mallory")}" are pinned'
    )
    assert (step.reason, step.timed_out, step.at) == (Reason.PIN_MISMATCH, False, 3)


@pytest.mark.parametrize("order", [("kubernetes", "mallory"), ("mallory", "kubernetes")])
def test_one_pinned_key_makes_the_whole_bundle_trusted(order):
    """As the real kubeadm was seen to do it, to the good of an attacker who holds the token."""
    content = unnamed(*order).dump()
    machine = discovery(pin())
    step = machine.fetched(cluster_info(content), 0)
    assert step.connection.pick_cluster()[1].certificate_authority_data == b"".join(
        authority(name).pem for name in order
    )
    assert isinstance(machine.fetched(cluster_info(content), 0), Accept)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("sha256", 'invalid hash, expected "format:hex-value". Known format(s) are: sha256'),
        ("md5:00", 'unknown hash format "md5". Known format(s) are: sha256'),
        ("sha256:00", 'invalid hash "sha256:00", expected a 32 byte SHA-256 hash, found 1 bytes'),
    ],
)
def test_pins_are_read_only_when_cluster_info_has_come(written, said):
    machine = discovery(written)
    assert isinstance(machine.failed("not yet", 0), Fetch)
    # It comes before the signature, which is wrong here too, and after the signature's absence.
    assert isinstance(machine.fetched({"kubeconfig": GENUINE}, 5), Fetch)
    step = machine.fetched({"kubeconfig": GENUINE, "jws-kubeconfig-abcdef": "wrong"}, 10)
    assert problem(step) == f"invalid discovery token CA certificate hash: {said}"
    assert step.reason is Reason.PIN_MALFORMED


def test_a_malformed_pin_spoils_the_good_one_beside_it():
    assert discovery(pin(), "aaaa").fetched(cluster_info(GENUINE), 0).reason is Reason.PIN_MALFORMED


def test_pins_do_not_excuse_a_wrong_signature():
    data = cluster_info(GENUINE) | {"jws-kubeconfig-abcdef": "wrong"}
    assert discovery(pin()).fetched(data, 0).reason is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "bundle", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_bundle_that_holds_no_certificate_is_refused_where_pins_are_given(bundle):
    content = Kubeconfig({"": Cluster(f"https://{ENDPOINT}", bundle)}).dump()
    step = discovery(pin()).fetched(cluster_info(content), 0)
    assert problem(step).startswith("failed to parse cluster CA from the cluster-info ConfigMap: ")
    assert step.reason is Reason.CLUSTER_INFO_MALFORMED


def test_the_cluster_without_a_name_is_the_one_that_is_pinned():
    """Not the one of the current context: what is checked must be what is used."""
    mixed = named(Cluster("https://mallory:6443", authority("mallory").pem)).with_cluster(
        "", Cluster(f"https://{ENDPOINT}", authority().pem)
    )
    machine = discovery(pin())
    step = machine.fetched(cluster_info(mixed.dump()), 0)
    assert step.connection.pick_cluster()[1].certificate_authority_data == authority().pem
    assert discovery(pin("mallory")).fetched(cluster_info(mixed.dump()), 0).reason is Reason.PIN_MISMATCH


# --- the second fetch ------------------------------------------------------------------------------


def second(timeout=300.0, *, at=0.0):
    machine = discovery(pin(), timeout=timeout)
    assert machine.fetched(cluster_info(GENUINE), at).verified
    return machine


@pytest.mark.parametrize("other", [GENUINE + "\n", GENUINE.replace("6443", "6444"), "", GENUINE[:-1]])
def test_a_second_answer_that_differs_in_a_byte_is_refused(other):
    step = second().fetched(cluster_info(other), 0)
    assert problem(step) == (
        "the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first"
    )
    assert (step.reason, step.timed_out) == (Reason.SECOND_FETCH_DIFFERS, False)


def test_the_second_signature_must_be_there_but_is_not_checked_again():
    machine = second()
    assert isinstance(machine.fetched({"kubeconfig": GENUINE}, 0), Fetch)
    data = {"kubeconfig": GENUINE, "jws-kubeconfig-abcdef": "wrong"}
    assert isinstance(machine.fetched(data, 5), Accept)


def test_a_second_fetch_that_cannot_be_verified_is_tried_again_and_stays_verified():
    step = second().failed("x509: certificate signed by unknown authority", 1)
    assert isinstance(step, Fetch)
    assert (step.at, step.verified) == (5, True)


def test_the_second_series_has_the_whole_timeout_again():
    machine = second(20, at=19)
    moments = []
    step = machine.failed("x509", 19)
    while isinstance(step, Fetch):
        moments.append(step.at)
        step = machine.failed("x509", step.at)
    assert moments == [24, 29, 34]
    assert (step.at, step.timed_out) == (39, True)
    assert problem(step) == "failed to request the cluster-info ConfigMap: x509"


# --- upstream's own table --------------------------------------------------------------------------

NOT_OF_THE_MACHINE = {"bad token format": "refused as a configuration, before discovery"}


def answers_of(case, token, kubeconfig):
    """What the table's server answers, fetch by fetch, the last for ever; None for an error."""
    if isinstance(case["configmap"], dict) or case["configmap"] is None:
        return [case["configmap"]]
    if "points at cluster" in case["configmap"]:
        [(name, context)] = kubeconfig.contexts.items()
        kubeconfig = replace(kubeconfig, contexts={name: replace(context, cluster="foo")})
    signed = cluster_info(kubeconfig.dump(), token)
    late = "added after" in case["configmap"]
    return [{"kubeconfig": signed["kubeconfig"]}, signed] if late else [signed]


# The table's CA is one of an old kubeadm's, whose serial number is zero.
@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")
def test_upstreams_own_cases_of_token_discovery(vectors):
    table = json.loads((vectors / "discovery_token.json").read_text())
    expected = Kubeconfig.parse(table["expected_result_kubeconfig"])
    assert NOT_OF_THE_MACHINE.keys() <= {case["name"] for case in table["cases"]}
    for case in table["cases"]:
        if case["name"] in NOT_OF_THE_MACHINE:
            continue
        token = BootstrapToken.parse(case["token"])
        answers = answers_of(case, token, expected)
        machine = TokenDiscovery(token, "127.0.0.1", case["ca_cert_hashes"], 300)
        step = machine.begin(0)
        while isinstance(step, Fetch):
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            step = machine.failed("no", step.at) if answer is None else machine.fetched(answer, step.at)
        assert isinstance(step, Refuse) == case["error"], case["name"]
        if isinstance(step, Refuse):
            assert step.problem.endswith(case["error_text"] or ""), case["name"]
        else:
            assert load_yaml(step.kubeconfig.dump()) == load_yaml(table["expected_result_kubeconfig"])
