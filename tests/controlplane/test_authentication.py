import base64
import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from joinsim.api.objects import SECRETS
from joinsim.controlplane.settings import ClusterSettings
from joinsim.pki import Validity
from tests.controlplane.api import (
    DEFAULT_TOKEN_GROUP,
    NOW,
    Api,
    a_key,
    a_token_secret,
    an_authority,
)

TOKEN = "foobar.circumnavigatio1"
WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
OPEN_TO_ALL = "/version"


def with_secret(**secret):
    api = Api()
    api.store.create(SECRETS, a_token_secret(**secret))
    return api


def who(api, **credentials):
    """The user as the API server sees it, or 401."""
    answer = api.knock("POST", WHO_AM_I, {}, **credentials)
    if answer.status == 401:
        return 401
    if answer.status == 403:
        return answer.message.partition('User "')[2].partition('"')[0]
    return answer.body["status"]["userInfo"]


def a_certificate(name="alice", groups=("team",), *, authority=None, starts=-60, ends=3600, usages=None):
    ca = authority or an_authority()
    period = Validity(NOW + timedelta(seconds=starts), NOW + timedelta(seconds=ends))
    if usages is None:
        return ca.issue_client(name, groups, a_key("alice").public_key, period, 7)
    return ca.issue_server(name, a_key("alice").public_key, ["alice"], period, 7, client_too=False)


# --- bootstrap tokens ----------------------------------------------------------------------


def test_a_token_is_a_user_with_its_groups_in_order():
    user = who(with_secret(), token=TOKEN)
    assert user == {
        "username": "system:bootstrap:foobar",
        "groups": ["system:bootstrappers", DEFAULT_TOKEN_GROUP, "system:authenticated"],
    }


@pytest.mark.parametrize(
    ("extra", "groups"),
    [
        (None, ["system:bootstrappers"]),
        ("", ["system:bootstrappers"]),
        (
            "system:bootstrappers:b,system:bootstrappers:a",
            ["system:bootstrappers:a", "system:bootstrappers:b"],
        ),
        ("system:bootstrappers:a,system:bootstrappers:a", ["system:bootstrappers:a"]),
        ("system:bootstrappers:" + "a" * 256, ["system:bootstrappers:" + "a" * 256]),
    ],
    ids=["none", "empty", "sorted", "once each", "longest"],
)
def test_extra_groups_are_sorted_and_said_once(extra, groups):
    user = who(with_secret(data={"auth-extra-groups": extra}), token=TOKEN)
    expected = sorted({"system:bootstrappers", *groups})
    assert user["groups"] == [*expected, "system:authenticated"]


@pytest.mark.parametrize(
    "extra",
    [
        "system:masters",
        "system:bootstrappers",
        "system:bootstrappers:",
        "system:bootstrappers:UPPER",
        "system:bootstrappers:a, system:bootstrappers:b",
        "system:bootstrappers:a,",
        ",system:bootstrappers:a",
        "system:bootstrappers:a,system:masters",
        "system:bootstrappers:a\n",
        "system:bootstrappers:-",
        "system:bootstrappers:é",
        "system:bootstrappers:" + "a" * 257,
    ],
    ids=repr,
)
def test_one_bad_group_makes_the_whole_token_worthless(extra):
    assert who(with_secret(data={"auth-extra-groups": extra}), token=TOKEN) == 401


@pytest.mark.parametrize(
    "data",
    [
        {"usage-bootstrap-authentication": "True"},
        {"usage-bootstrap-authentication": "1"},
        {"usage-bootstrap-authentication": "true\n"},
        {"usage-bootstrap-authentication": ""},
        {"usage-bootstrap-authentication": None},
        {"token-id": "foobaz"},
        {"token-id": ""},
        {"token-id": None},
        {"token-secret": "circumnavigatio"},
        {"token-secret": "circumnavigatio1\n"},
        {"token-secret": "circumnavigatio2"},
        {"token-secret": ""},
        {"token-secret": None},
        {"expiration": "2026-01-01T00:00:00Z"},
        {"expiration": "2025-12-31T23:59:59Z"},
        {"expiration": "2026-01-01T01:00:00+01:00"},
        {"expiration": "tomorrow"},
        {"expiration": "2026-01-02"},
        {"expiration": "2026-01-02T00:00:00"},
        {"expiration": " 2026-01-02T00:00:00Z"},
    ],
    ids=str,
)
def test_a_secret_that_fails_one_check_lets_nobody_in(data):
    assert who(with_secret(data=data), token=TOKEN) == 401


@pytest.mark.parametrize(
    "data",
    [
        {"expiration": ""},
        {"expiration": None},
        {"expiration": "2026-01-01T00:00:01Z"},
        {"expiration": "2026-01-01T00:59:59-00:01"},
        {"description": "ünïcode"},
        {"usage-bootstrap-signing": None},
    ],
    ids=str,
)
def test_a_secret_that_passes_them_all_lets_in(data):
    assert who(with_secret(data=data), token=TOKEN)["username"] == "system:bootstrap:foobar"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "bootstrap-token-foobaz"},
        {"name": "foobar"},
        {"type": "Opaque"},
        {"type": ""},
        {"type": "bootstrap.kubernetes.io/token "},
        {"metadata": {"name": "bootstrap-token-foobar", "namespace": "default"}},
        {
            "metadata": {
                "name": "bootstrap-token-foobar",
                "namespace": "kube-system",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
            }
        },
    ],
    ids=lambda change: json.dumps(change)[:60],
)
def test_only_a_live_secret_of_the_right_name_place_and_type_counts(change):
    assert who(with_secret(**change), token=TOKEN) == 401


def test_a_secret_without_data_lets_nobody_in():
    api = Api()
    secret = a_token_secret()
    del secret["data"]
    api.store.create(SECRETS, secret)
    assert who(api, token=TOKEN) == 401


@pytest.mark.parametrize(
    "presented",
    [
        "foobar.circumnavigatio2",
        "foobaz.circumnavigatio1",
        "FOOBAR.circumnavigatio1",
        "foobar.CIRCUMNAVIGATIO1",
        "foobar",
        "foobar.",
        ".circumnavigatio1",
        "foobar.circumnavigatio12",
        "foobar.circumnavigatio",
        "foobar..circumnavigatio1",
        "foobar.circumnavigatio1.",
        "foobarcircumnavigatio1",
        "foobar circumnavigatio1",
        "fôobar.circumnavigatio1",
        "x" * 100_000,
    ],
    ids=lambda presented: presented[:30],
)
def test_another_token_is_no_token(presented):
    assert who(with_secret(), token=presented) == 401


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_may_be_written_in_any_case(kind):
    api = with_secret()
    answer = api.knock("GET", OPEN_TO_ALL, headers=[("Authorization", f"{kind} {TOKEN}")])
    assert answer.status == 200
    assert api.served[-1].user == "system:bootstrap:foobar"


@pytest.mark.parametrize(
    "header",
    ["Basic Zm9vOmJhcg==", "Bearer", "Bearer ", "", "foobar.circumnavigatio1", f"Token {TOKEN}"],
    ids=repr,
)
def test_a_header_without_a_bearer_token_is_no_credential(header):
    api = with_secret()
    assert api.knock("GET", OPEN_TO_ALL, headers=[("Authorization", header)]).status == 200
    assert api.served[-1].user == "system:anonymous"


def test_a_refusal_says_unauthorized_and_nothing_else():
    api = with_secret()
    answer = api.knock("GET", OPEN_TO_ALL, token="foobar.wrongwrongwrong1")
    assert answer.status == 401
    assert answer.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }
    assert (api.served[-1].user, api.served[-1].groups) == ("", ())


# --- the cache of accepted tokens -----------------------------------------------------------


def test_a_deleted_token_works_for_ten_seconds_after_it_was_last_looked_up():
    api = with_secret()
    who(api, token=TOKEN)
    api.store.delete(SECRETS, "bootstrap-token-foobar", "kube-system")
    api.clock.pass_(9.999)
    assert who(api, token=TOKEN) != 401
    api.clock.pass_(0.001)
    assert who(api, token=TOKEN) == 401


def test_an_expired_token_works_for_ten_seconds_after_it_was_last_looked_up():
    api = with_secret(data={"expiration": "2026-01-01T00:00:05Z"})
    who(api, token=TOKEN)
    api.clock.pass_(9.999)
    assert who(api, token=TOKEN) != 401
    api.clock.pass_(0.001)
    assert who(api, token=TOKEN) == 401


def test_a_token_that_was_never_used_dies_at_once():
    api = with_secret()
    api.store.delete(SECRETS, "bootstrap-token-foobar", "kube-system")
    assert who(api, token=TOKEN) == 401


def test_a_refusal_is_not_remembered():
    api = Api()
    assert who(api, token=TOKEN) == 401
    api.store.create(SECRETS, a_token_secret())
    assert who(api, token=TOKEN) != 401


def test_the_cache_knows_one_token_from_another():
    api = with_secret()
    who(api, token=TOKEN)
    assert who(api, token="foobar.circumnavigatio2") == 401


def test_new_groups_count_when_the_cache_has_forgotten():
    api = with_secret()
    who(api, token=TOKEN)
    secret = a_token_secret(data={"auth-extra-groups": "system:bootstrappers:new"})
    api.store.update(SECRETS, secret)
    assert DEFAULT_TOKEN_GROUP in who(api, token=TOKEN)["groups"]
    api.clock.pass_(10)
    assert "system:bootstrappers:new" in who(api, token=TOKEN)["groups"]


# --- client certificates --------------------------------------------------------------------


def test_a_certificate_is_its_common_name_and_organizations():
    certificate = a_certificate("alice", ["team", "other"])
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    assert who(Api(), certificate=certificate) == {
        "username": "alice",
        "groups": ["team", "other", "system:authenticated"],
        "extra": {"authentication.kubernetes.io/credential-id": [f"X509SHA256={fingerprint}"]},
    }


def test_a_certificate_wins_over_a_token_that_is_good():
    user = who(with_secret(), certificate=a_certificate(), token=TOKEN)
    assert user["username"] == "alice"


def test_a_certificate_makes_a_bad_token_good():
    assert who(Api(), certificate=a_certificate(), token="nonsense")["username"] == "alice"


@pytest.mark.parametrize(
    "certificate",
    [
        a_certificate(authority=an_authority("other")),
        a_certificate(authority=an_authority("kubernetes-admin")),
        a_certificate(starts=1),
        a_certificate(starts=-60, ends=-1),
        a_certificate(usages="server"),
    ],
    ids=["another CA", "a CA of another name", "not yet", "no more", "for servers only"],
)
def test_a_certificate_that_does_not_verify_is_refused_and_nobody_is_anonymous(certificate):
    assert who(Api(), certificate=certificate) == 401
    assert Api().knock("GET", OPEN_TO_ALL, certificate=certificate).status == 401


def test_a_good_token_helps_where_the_certificate_does_not_verify():
    user = who(with_secret(), certificate=a_certificate(starts=1), token=TOKEN)
    assert user["username"] == "system:bootstrap:foobar"


@pytest.mark.parametrize(("starts", "ends"), [(0, 3600), (-3600, 0)])
def test_the_first_and_the_last_second_of_a_certificate_count(starts, ends):
    assert who(Api(), certificate=a_certificate(starts=starts, ends=ends))["username"] == "alice"


def test_a_certificate_runs_out_while_a_connection_lasts():
    api = Api()
    certificate = a_certificate(ends=10)
    assert who(api, certificate=certificate) != 401
    api.clock.pass_(11)
    assert who(api, certificate=certificate) == 401


def test_a_self_signed_certificate_of_the_same_name_is_refused():
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    key = a_key("forger")
    forged = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(an_authority().certificate.subject)
        .public_key(key.public_key)
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key.private_key, hashes.SHA256())
    )
    assert who(Api(), certificate=forged) == 401


def test_a_certificate_without_a_common_name_is_nobody():
    assert who(Api(), certificate=a_certificate("", ["system:masters"])) == "system:anonymous"


# --- nobody ----------------------------------------------------------------------------------


def test_nobody_in_particular_is_anonymous():
    api = Api()
    api.knock("GET", OPEN_TO_ALL)
    assert (api.served[-1].user, api.served[-1].groups) == ("system:anonymous", ("system:unauthenticated",))


def test_without_anonymous_access_nobody_is_refused():
    api = Api(ClusterSettings(anonymous_auth=False))
    assert api.knock("GET", OPEN_TO_ALL).status == 401
    api.store.create(SECRETS, a_token_secret())
    assert api.knock("GET", OPEN_TO_ALL, token=TOKEN).status == 200


# --- the table of the API server's own test ---------------------------------------------------


def test_the_authenticators_own_table_holds(vectors):
    table = json.loads((vectors / "token_authenticator.json").read_text())["cases"]
    for case in table:
        api = Api()
        secret = case["secret"]
        metadata = {"name": secret["name"], "namespace": secret["namespace"]}
        if secret["deletionTimestamp"]:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        data = {key: base64.b64encode(value.encode()).decode() for key, value in secret["data"].items()}
        api.store.create(
            SECRETS,
            {
                "kind": "Secret",
                "apiVersion": "v1",
                "metadata": metadata,
                "type": secret["type"],
                "data": data,
            },
        )
        found = who(api, token=case["presented"])
        if not case["authenticated"]:
            assert found == 401, case["name"]
        else:
            assert found["username"] == case["username"], case["name"]
            assert found["groups"] == [*case["groups"], "system:authenticated"], case["name"]
    assert len(table) >= 10
