from joinsim.api import Cluster, Context, Kubeconfig, User
from joinsim.join.credentials import bootstrap_kubeconfig, rekeyed
from tests.join.material import ENDPOINT, authority, named, unnamed

SERVER = f"https://{ENDPOINT}"
WITH_TOKEN = Kubeconfig(
    {"kubernetes": Cluster(SERVER, authority().pem)},
    {"tls-bootstrap-token-user": User(token="t")},
    {"tls-bootstrap-token-user@kubernetes": Context("kubernetes", "tls-bootstrap-token-user")},
    "tls-bootstrap-token-user@kubernetes",
)


def test_a_tls_bootstrap_token_makes_a_kubeconfig_with_kubeadms_names():
    assert bootstrap_kubeconfig(unnamed("kubernetes"), "t") == WITH_TOKEN


def test_it_replaces_every_credential_that_discovery_brought():
    discovered = named(Cluster(SERVER, authority().pem), User(token="other", client_certificate_data=b"x"))
    assert bootstrap_kubeconfig(discovered, "t") == WITH_TOKEN


def test_without_one_the_discovered_credential_is_used_as_it_is():
    discovered = named(Cluster(SERVER, authority().pem), User(token="other"))
    assert bootstrap_kubeconfig(discovered, "") is discovered


def test_half_a_credential_is_none():
    discovered = named(Cluster(SERVER, authority().pem), User(client_certificate_data=b"x"))
    assert bootstrap_kubeconfig(discovered, "") is None
    assert bootstrap_kubeconfig(unnamed("kubernetes"), "") is None


def test_the_cluster_gets_the_name_that_it_has_and_the_context_keeps_its_own():
    found = rekeyed(WITH_TOKEN, "prod")
    assert found.clusters == {"prod": Cluster(SERVER, authority().pem)}
    assert found.contexts == {
        "tls-bootstrap-token-user@kubernetes": Context("prod", "tls-bootstrap-token-user")
    }
    assert found.users == WITH_TOKEN.users


def test_trust_without_verification_does_not_outlive_discovery():
    lax = named(Cluster(SERVER, authority().pem, insecure_skip_tls_verify=True))
    assert rekeyed(lax, "prod").clusters["prod"].insecure_skip_tls_verify is False
