import json

import pytest

from joinsim.api import Cluster, Context, Kubeconfig, User
from joinsim.errors import Reason
from joinsim.join.discovery import Accept, Fetch, Refuse
from joinsim.join.file_discovery import FileDiscovery
from tests.join.material import ENDPOINT, authority, cluster_info, key_pair, named, unnamed

SERVER = f"https://{ENDPOINT}"
OPENING = "couldn't validate the identity of the API Server: "


def nothing_to_read(path):
    raise FileNotFoundError(f"open {path}: no such file or directory")


def disk(**files):
    def read(path):
        return files[path.strip("/")] if path.strip("/") in files else nothing_to_read(path)

    return read


def discovery(kubeconfig, *, timeout=300.0, read=nothing_to_read, method="file"):
    content = kubeconfig.dump() if isinstance(kubeconfig, Kubeconfig) else kubeconfig
    return FileDiscovery(content, method, timeout, read)


def refusal(kubeconfig, **options):
    step = discovery(kubeconfig, **options).begin(3)
    assert isinstance(step, Refuse), step
    assert (step.at, step.reason, step.timed_out) == (3, Reason.DISCOVERY_FILE_MALFORMED, False)
    assert step.problem.startswith(OPENING)
    return step.problem.removeprefix(OPENING)


# --- the file ------------------------------------------------------------------------------------


def test_a_file_in_the_form_of_cluster_info_is_enough():
    step = discovery(unnamed("kubernetes")).begin(3)
    assert step == Fetch(3, unnamed("kubernetes"), verified=True)


def test_a_file_that_forgoes_verification_is_fetched_without():
    open_file = Kubeconfig({"": Cluster(SERVER, insecure_skip_tls_verify=True)})
    assert discovery(open_file).begin(0).verified is False


@pytest.mark.parametrize("content", ["", "{}", "clusters: []", "kind: Config\n"])
def test_a_file_without_clusters_is_refused(content):
    assert refusal(content) == "the provided kubeconfig file must have at least one Cluster defined"


@pytest.mark.parametrize("content", ["{", "- 1", "a: b: c", "\x00"], ids=repr)
def test_a_file_that_is_no_kubeconfig_is_refused(content):
    assert refusal(content)


def test_a_named_cluster_needs_a_context_that_points_at_it():
    cluster = {"c": Cluster(SERVER)}
    malformed = "the provided kubeconfig file is malformed: "
    assert refusal(Kubeconfig(cluster)) == malformed + "the current context is invalid: "
    assert (
        refusal(Kubeconfig(cluster, current_context="x")) == malformed + "the current context is invalid: x"
    )
    astray = Kubeconfig(cluster, contexts={"x": Context("d", "u")}, current_context="x")
    assert refusal(astray) == malformed + "no matching cluster for the current context: x"


def test_a_context_needs_a_user_who_is_in_the_file():
    def with_user(user):
        return Kubeconfig({"c": Cluster(SERVER)}, {}, {"x": Context("c", user)}, "x")

    assert refusal(with_user("")) == 'invalid configuration: user was not specified for context "x"'
    assert refusal(with_user("u")) == 'invalid configuration: user "u" was not found for context "x"'


def test_a_cluster_needs_a_server():
    assert refusal(named(Cluster(""))) == 'invalid configuration: no server found for cluster "c"'


def test_every_file_that_it_names_must_be_there():
    user = User(client_certificate="/no.crt", client_key="/no.key")
    said = refusal(named(Cluster(SERVER, certificate_authority="/no.ca"), user))
    assert said == (
        "invalid configuration: [unable to read client-cert /no.crt for u due to open /no.crt: no such file or "
        "directory, unable to read client-key /no.key for u due to open /no.key: no such file or directory, "
        "unable to read certificate-authority /no.ca for c due to open /no.ca: no such file or directory]"
    )


def test_what_it_names_by_path_is_read_and_kept_inside():
    user = User(client_certificate="/crt", client_key="/key", token_file="/token")
    kubeconfig = named(Cluster(SERVER, certificate_authority="/ca"), user)
    step = discovery(kubeconfig, read=disk(ca=b"CA", crt=b"CRT", key=b"KEY", token=b" secret\n")).begin(0)
    assert step.connection.clusters == {"c": Cluster(SERVER, b"CA")}
    [found] = step.connection.users.values()
    assert (found.client_certificate_data, found.client_key_data, found.token) == (b"CRT", b"KEY", "secret")
    assert (found.client_certificate, found.client_key, found.token_file) == ("", "", "")


def test_what_is_embedded_wins_over_a_path():
    kubeconfig = named(
        Cluster(SERVER, b"inside", certificate_authority="/ca"), User(token="in", token_file="/t")
    )
    step = discovery(kubeconfig, read=disk(ca=b"outside", t=b"out")).begin(0)
    assert step.connection.clusters["c"].certificate_authority_data == b"inside"
    assert step.connection.users["u"].token == "in"


# --- the fetch -----------------------------------------------------------------------------------


def begun(kubeconfig, **options):
    machine = discovery(kubeconfig, **options)
    machine.begin(0)
    return machine


@pytest.mark.parametrize("method", ["file", "url"])
def test_an_answer_is_good_and_the_file_stays_as_it_is(method):
    machine = begun(unnamed("kubernetes"), method=method)
    step = machine.fetched(cluster_info(unnamed("mallory", server="https://mallory:6443").dump()), 0)
    assert step == Accept(unnamed("kubernetes"), method)


def test_403_is_an_answer_of_a_server_that_proved_itself():
    assert begun(unnamed("kubernetes")).failed("forbidden", 0, forbidden=True) == Accept(
        unnamed("kubernetes"), "file"
    )


def test_every_other_error_is_tried_again_and_then_told():
    machine = begun(unnamed("kubernetes"), timeout=6)
    step = machine.failed("Unauthorized", 0.5)
    assert (step.at, step.verified) == (5, True)
    step = machine.failed("Unauthorized", 5.5)
    assert isinstance(step, Refuse)
    assert step.problem == (
        f"{OPENING}Abort reading the cluster-info ConfigMap after timeout of 6s: Unauthorized"
    )
    assert (step.at, step.reason, step.timed_out) == (6, Reason.CLUSTER_INFO_UNAVAILABLE, True)


def test_a_file_without_a_ca_takes_the_one_that_is_served():
    machine = begun(Kubeconfig({"": Cluster(SERVER, insecure_skip_tls_verify=True)}))
    step = machine.fetched(cluster_info(unnamed("mallory", server="https://mallory:6443").dump()), 0)
    # Whoever answered has made itself believed: TLS was not verified. The server stays the file's.
    assert step.kubeconfig.clusters == {"": Cluster(SERVER, authority("mallory").pem)}


@pytest.mark.parametrize(
    "data", [{}, {"kubeconfig": ""}, {"kubeconfig": "{"}, {"kubeconfig": "clusters: []"}], ids=json.dumps
)
def test_a_cluster_info_that_says_nothing_changes_nothing(data):
    bare = Kubeconfig({"": Cluster(SERVER)})
    assert begun(bare).fetched(data, 0) == Accept(bare, "file")


def test_the_credential_in_the_file_survives():
    user = User(client_certificate_data=b"CRT", client_key_data=key_pair("u").private_pem())
    kubeconfig = named(Cluster(SERVER, authority().pem), user)
    assert begun(kubeconfig).fetched({}, 0).kubeconfig.users == {"u": user}
