import pytest

from joinsim.adversary import Kind, Knowledge
from joinsim.api import BootstrapToken
from joinsim.events import KnowledgeGained
from joinsim.journal import Journal
from joinsim.pki import KeyPair, PublicKeyPin

TOKEN = BootstrapToken.parse("abcdef.0123456789abcdef")
OTHER = BootstrapToken.parse("abcdef.fedcba9876543210")


@pytest.fixture
def journal():
    return Journal(lambda: 0.0)


@pytest.fixture
def knowledge(journal):
    return Knowledge(journal, "mallory")


def gained(journal):
    assert {record.actor for record, _ in journal.of(KnowledgeGained)} <= {"mallory"}
    return [(event.kind, event.subject, event.at_start) for _, event in journal.of(KnowledgeGained)]


def test_a_token_is_told_by_its_id_and_never_by_its_secret(journal, knowledge):
    knowledge.learn_token(TOKEN, "worker-1")
    assert gained(journal) == [("token", "abcdef", False)]
    assert TOKEN.secret not in journal.text()
    assert knowledge.tokens == {"abcdef": TOKEN}


def test_what_is_known_is_learnt_once(journal, knowledge):
    knowledge.learn_token(TOKEN, "held from the start", at_start=True)
    knowledge.learn_token(TOKEN, "worker-1")
    knowledge.learn_bearer(f"Bearer {TOKEN.value}", "worker-1")
    assert gained(journal) == [("token", "abcdef", True)]


def test_who_held_a_wrong_secret_learns_the_right_one(journal, knowledge):
    knowledge.learn_token(OTHER, "held from the start", at_start=True)
    knowledge.learn_bearer(f"Bearer {TOKEN.value}", "worker-1")
    assert gained(journal) == [("token", "abcdef", True), ("token", "abcdef", False)]
    assert knowledge.tokens["abcdef"] == TOKEN


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_is_taken_out_of_a_header(journal, knowledge, scheme):
    # RFC 9110, 11.1: the scheme is case-insensitive.
    knowledge.learn_bearer(f"{scheme} {TOKEN.value}", "worker-1")
    assert gained(journal) == [("token", "abcdef", False)]


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Bearer x", f"Basic {TOKEN.value}", TOKEN.value, f"Bearer {TOKEN.value[:-1]}",
        f"Bearer {TOKEN.value}0", f"Bearer {TOKEN.value.upper()}", "Bearer abcdef-0123456789abcdef",
        "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", f"Bearer{TOKEN.value}", "Bearer \uff14bcdef.0123456789abcdef",
    ],
)  # fmt: skip
def test_a_header_without_a_bootstrap_token_teaches_nothing(journal, knowledge, header):
    knowledge.learn_bearer(header, "worker-1")
    assert gained(journal) == []
    assert knowledge.tokens == {}


def test_a_key_is_told_by_the_pin_of_its_public_half(journal, knowledge):
    key = KeyPair.generate(random_bytes=lambda count: b"\x01" * count)
    knowledge.learn_key(key, "made by itself", at_start=True)
    knowledge.learn_key(key, "made by itself")
    assert gained(journal) == [("private-key", str(PublicKeyPin.of(key.public_key)), True)]


def test_two_adversaries_know_two_things():
    journal = Journal(lambda: 0.0)
    for name in ("mallory", "trudy"):
        Knowledge(journal, name).learn_token(TOKEN, "held from the start", at_start=True)
    assert [record.actor for record, _ in journal.of(KnowledgeGained)] == ["mallory", "trudy"]


def test_there_are_these_kinds_of_things_to_know():
    assert {str(kind) for kind in Kind} == {"token", "private-key", "node-credential", "secret"}
