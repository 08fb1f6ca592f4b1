import base64
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from joinsim.api import BootstrapToken, TokenError, TokenRecord
from joinsim.api.bootstrap_token import (
    has_expired,
    is_bootstrap_secret,
    is_group,
    is_token_id,
    secret_data,
    secret_name,
    token_id_of_secret_name,
)
from joinsim.gofmt import parse_duration, parse_rfc3339

ID, SECRET = "abcdef", "0123456789abcdef"
TOKEN = BootstrapToken.parse(f"{ID}.{SECRET}")
NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
PATTERN = r'"\\A([a-z0-9]{6})\\.([a-z0-9]{16})\\z"'


def secret_of(data, name=f"bootstrap-token-{ID}"):
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": encoded,
    }


def refusal(secret):
    with pytest.raises(TokenError) as caught:
        TokenRecord.from_secret(secret)
    return str(caught.value)


def least(**more):
    return {"token-id": ID, "token-secret": SECRET, **{key.replace("_", "-"): more[key] for key in more}}


# --- the token -------------------------------------------------------------------


def test_a_token_is_an_id_and_a_secret():
    assert (TOKEN.id, TOKEN.secret, TOKEN.value) == (ID, SECRET, f"{ID}.{SECRET}")


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        f"{ID}",
        f"{ID}.",
        f".{SECRET}",
        f"{ID}{SECRET}",
        f"{ID}..{SECRET}",
        f"{ID}.{SECRET}.",
        f".{ID}.{SECRET}",
        f"{ID}:{SECRET}",
        f"{ID[:-1]}.{SECRET}",
        f"{ID}g.{SECRET}",
        f"{ID}.{SECRET[:-1]}",
        f"{ID}.{SECRET}g",
        f"{ID.upper()}.{SECRET}",
        f"{ID}.{SECRET.upper()}",
        f"{ID}.{SECRET}\n",
        f"\n{ID}.{SECRET}",
        f"{ID}\n.{SECRET}",
        f"{ID}.{SECRET}\r\n",
        f" {ID}.{SECRET}",
        f"{ID}.{SECRET} ",
        f"{ID}.{SECRET}\x00",
        f"{ID}.{SECRET}\t",
        f"abcde_.{SECRET}",
        f"abc-ef.{SECRET}",
        # Digits and letters to Unicode, not to the grammar.
        f"{ID[:-1]}\u0661.{SECRET}",
        f"{ID}.{SECRET[:-1]}\u0661",
        f"{ID[:-1]}\uff46.{SECRET}",
        f"\u0430{ID[1:]}.{SECRET}",
        f"{ID}\uff0e{SECRET}",
        f"{ID}.{SECRET[:-1]}\u017f",
        f"{ID}.{SECRET}\u2028",
        f"{ID}.{SECRET}\udcff",
        f'"{ID}.{SECRET}"',
        f"{ID}.{SECRET}" * 2,
        "a" * 1_000_000,
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_near_miss_is_refused(value):
    with pytest.raises(TokenError, match="was not of the form"):
        BootstrapToken.parse(value)


def test_the_refusal_quotes_what_was_typed_and_the_pattern():
    with pytest.raises(TokenError) as caught:
        BootstrapToken.parse("abcdef-0123")
    assert str(caught.value) == f'the bootstrap token "abcdef-0123" was not of the form {PATTERN}'


@pytest.mark.parametrize(
    "shown", [repr(TOKEN), str(TOKEN), f"{TOKEN}", repr(TokenRecord(TOKEN)), repr([TOKEN])]
)
def test_no_text_of_a_token_holds_its_secret(shown):
    assert ID in shown
    assert SECRET not in shown


UNSEEN = "zyxwvuts98765432"


@pytest.mark.parametrize(
    "typed",
    [
        f"{ID}.{UNSEEN.upper()}",
        f"{ID}{UNSEEN}",
        f"{ID}.{UNSEEN} ",
        f" {ID}.{UNSEEN}",
        f"{ID}:{UNSEEN}",
        f"{ID}. {UNSEEN}",
        f"{UNSEEN}.{ID}",
        f"{ID}.{UNSEEN[:8]}-{UNSEEN[8:]}",
        f"{ID}.{UNSEEN[:10]}\uff21{UNSEEN[11:]}",
        f"{ID}.{UNSEEN[:5]} {UNSEEN[5:10]} {UNSEEN[10:]}",
        f"{ID}.{'-'.join(UNSEEN)}",
    ],
    ids=ascii,
)
def test_a_mistyped_token_does_not_give_its_secret_away(typed):
    with pytest.raises(TokenError) as caught:
        BootstrapToken.parse(typed)
    said = str(caught.value).partition(" was not of the form")[0].lower()
    letters = "".join(filter(str.isalnum, said))
    assert not [part for part in (UNSEEN[start : start + 4] for start in range(13)) if part in letters]


def test_tokens_are_equal_by_both_halves():
    assert BootstrapToken(ID, SECRET) == TOKEN
    assert BootstrapToken(ID, SECRET[::-1]) != TOKEN
    assert BootstrapToken(ID[::-1], SECRET) != TOKEN


def test_a_drawn_token_is_a_token():
    token = BootstrapToken.generate(lambda size: bytes(range(size)))
    assert token == BootstrapToken.parse("012345.0123456789abcdef")


def test_every_character_is_equally_likely():
    chance, drawn = random.Random(1), Counter()
    for _ in range(5000):
        token = BootstrapToken.generate(chance.randbytes)
        drawn.update(token.id + token.secret)
    assert len(drawn) == 36
    expected = 5000 * 22 / 36
    # A byte modulo 36 would give the first four letters an eighth more than their share.
    assert all(abs(count - expected) < expected / 14 for count in drawn.values())


def test_bytes_that_would_favour_a_letter_are_drawn_again():
    source = iter([b"\xfc\xfd\xfe\xff\xfb\x00", b"\x01" * 6, bytes(16)])
    token = BootstrapToken.generate(lambda size: next(source))
    assert token.id == "z0" + "1111"


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("abcdef", True),
        ("012345", True),
        ("", False),
        ("abcde", False),
        ("abcdefg", False),
        ("ABCDEF", False),
        ("abcdef\n", False),
        ("abc def", False),
        ("abcde\u0661", False),
    ],
    ids=ascii,
)
def test_the_form_of_a_token_id(value, valid):
    assert is_token_id(value) is valid
    assert (token_id_of_secret_name(f"bootstrap-token-{value}") == value) is valid


@pytest.mark.parametrize("name", ["", "abcdef", "bootstrap-token", "token-abcdef", "Bootstrap-token-abcdef"])
def test_a_secret_of_another_name_holds_no_token(name):
    assert token_id_of_secret_name(name) is None


@pytest.mark.parametrize(
    ("rest", "valid"),
    [
        ("a", True),
        ("kubeadm:default-node-token", True),
        ("-a", True),
        (":a", True),
        ("", False),
        ("a:", False),
        ("a-", False),
        ("A", False),
        ("a ", False),
        (" a", False),
        ("a\n", False),
        ("a.b", False),
        ("a_b", False),
        ("a\u0661", False),
        ("a" * 256, True),
        ("a" * 257, False),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_the_form_of_a_group(rest, valid):
    assert is_group("system:bootstrappers:" + rest) is valid


@pytest.mark.parametrize("group", ["", "system:bootstrappers", "system:masters", "x:system:bootstrappers:a"])
def test_a_group_outside_the_bootstrappers_is_none(group):
    assert not is_group(group)


# --- expiry ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expiration", "expired"),
    [
        pytest.param("", False, id="none"),
        pytest.param("2026-11-23T18:00:01Z", False, id="a second ahead"),
        pytest.param("2026-11-23T18:00:00Z", True, id="this very second"),
        pytest.param("2026-11-23T17:59:59Z", True, id="a second ago"),
        pytest.param("2026-11-23T18:00:00.5Z", False, id="half a second ahead"),
        pytest.param("2026-11-23T17:59:59.999999Z", True, id="a microsecond ago"),
        pytest.param("2026-11-23T19:00:01+01:00", False, id="a second ahead, elsewhere"),
        pytest.param("2026-11-23T19:00:00+01:00", True, id="this very second, elsewhere"),
        pytest.param("2026-11-23T13:00:01-05:00", False, id="a second ahead, further west"),
        pytest.param("2126-11-23T18:00:00", True, id="no zone"),
        pytest.param("2126-11-23", True, id="no time"),
        pytest.param("2126-11-23 18:00:00Z", True, id="a blank for the T"),
        pytest.param("2126-11-23t18:00:00z", True, id="lower case"),
        pytest.param("2126-11-23T18:00:00Z\n", True, id="a newline at the end"),
        pytest.param(" 2126-11-23T18:00:00Z", True, id="a blank before it"),
        pytest.param("2126-02-30T18:00:00Z", True, id="no such day"),
        pytest.param("2126-11-23T24:00:00Z", True, id="no such hour"),
        pytest.param("2126-11-23T18:00:60Z", True, id="a leap second"),
        pytest.param("\u0662126-11-23T18:00:00Z", True, id="digits of another script"),
        pytest.param("garbage", True, id="garbage"),
        pytest.param("4102444800", True, id="seconds since 1970"),
    ],
)
def test_expiry_is_judged_by_one_rule(expiration, expired):
    assert has_expired(expiration, NOW) is expired


# --- the Secret ------------------------------------------------------------------


def test_the_least_secret():
    record = TokenRecord(TOKEN, usages=(), groups=())
    assert record.to_secret() == secret_of(least())
    assert TokenRecord.from_secret(secret_of(least())) == record


def test_a_full_secret():
    record = TokenRecord(
        TOKEN,
        "for racks",
        NOW,
        ("authentication", "signing"),
        ("system:bootstrappers:a", "system:bootstrappers:b"),
    )
    written = record.to_secret()
    assert secret_data(written) == {
        "token-id": ID,
        "token-secret": SECRET,
        "description": "for racks",
        "expiration": "2026-11-23T18:00:00Z",
        "usage-bootstrap-signing": "true",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:a,system:bootstrappers:b",
    }
    assert TokenRecord.from_secret(written) == record


def test_a_token_has_kubeadms_defaults():
    data = secret_data(TokenRecord(TOKEN).to_secret())
    assert data == least(
        usage_bootstrap_signing="true",
        usage_bootstrap_authentication="true",
        auth_extra_groups="system:bootstrappers:kubeadm:default-node-token",
    )


@pytest.mark.parametrize("value", ["True", "TRUE", "1", "yes", " true", "true\n", "", "false"])
def test_a_usage_is_on_only_where_it_says_true(value):
    record = TokenRecord.from_secret(secret_of(least(usage_bootstrap_signing=value)))
    assert record.usages == ()


def test_usages_come_sorted_and_unknown_ones_are_kept():
    data = least(usage_bootstrap_signing="true", usage_bootstrap_zzz="true", usage_bootstrap_aaa="true")
    assert TokenRecord.from_secret(secret_of(data)).usages == ("aaa", "signing", "zzz")


@pytest.mark.parametrize(
    ("written", "groups"),
    [("", ()), ("a", ("a",)), ("b,a", ("b", "a")), ("a, b", ("a", " b")), ("a,", ("a", "")), (",", ("", ""))],
)
def test_groups_are_split_and_neither_trimmed_nor_judged(written, groups):
    assert TokenRecord.from_secret(secret_of(least(auth_extra_groups=written))).groups == groups


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        pytest.param(
            secret_of({}), "bootstrap Token Secret has no token-id data: bootstrap-token-abcdef", id="empty"
        ),
        pytest.param(
            secret_of({"token-secret": SECRET}, "other"),
            "bootstrap Token Secret has no token-id data: other",
            id="no id, which comes before the name",
        ),
        pytest.param(
            secret_of({"token-id": ID}, "other"),
            "bootstrap token name is not of the form 'bootstrap-token-(token-id)'. "
            'Actual: "other". Expected: "bootstrap-token-abcdef"',
            id="another name, which comes before the secret",
        ),
        pytest.param(
            secret_of({"token-id": ID, "token-secret": ""}),
            "bootstrap Token Secret has no token-secret data: bootstrap-token-abcdef",
            id="no secret",
        ),
        pytest.param(
            secret_of(least(expiration="tomorrow", token_secret="short")),
            "bootstrap Token Secret is invalid and couldn't be parsed: "
            f'the bootstrap token "abcdef.short" was not of the form {PATTERN}',
            id="a short secret, which comes before the expiration",
        ),
        pytest.param(
            secret_of(least(expiration="tomorrow")),
            'can\'t parse expiration time of bootstrap token "bootstrap-token-abcdef": '
            'parsing time "tomorrow" as "2006-01-02T15:04:05Z07:00": cannot parse "tomorrow" as "2006"',
            id="an expiration that is no time",
        ),
    ],
)
def test_a_secret_is_refused_in_kubeadms_order_and_words(secret, problem):
    assert refusal(secret) == problem


@pytest.mark.parametrize("data", [None, [], "text", 5, {"token-id": 5}, {"token-id": None}], ids=repr)
def test_a_secret_whose_data_is_of_another_type_has_no_token(data):
    assert refusal(secret_of({}) | {"data": data}).startswith("bootstrap Token Secret has no token-id")


def test_a_value_that_is_no_base64_or_no_utf8_reads_as_empty():
    data = {"a": "!!!!", "b": "/w==", "c": "YQ", "d": "YQ==", "e": "YQ==YQ==", "f": "", "g": "\u00e9"}
    assert secret_data({"data": data}) == dict.fromkeys("abcefg", "") | {"d": "a"}


def test_base64_in_several_lines_reads_as_in_one():
    # What `base64` prints, pasted under data: Go's decoder passes over line ends.
    assert secret_data({"data": {"a": "aGVs\nbG8=\n", "b": "aGVs\r\nbG8="}}) == {"a": "hello", "b": "hello"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"type": "Opaque"}, False),
        ({"type": ""}, False),
        ({"metadata": {"name": "bootstrap-token-abcdef", "namespace": "default"}}, False),
        ({"metadata": {"name": "any", "namespace": "kube-system"}}, True),
        ({"metadata": {}}, False),
    ],
    ids=str,
)
def test_only_secrets_of_the_type_in_kube_system_are_looked_at(changes, expected):
    assert is_bootstrap_secret(secret_of(least()) | changes) is expected


# --- the tables ------------------------------------------------------------------


def _parses(value):
    try:
        BootstrapToken.parse(value)
    except TokenError:
        return False
    return True


def test_the_table_of_the_grammar(vectors):
    groups = {
        each["check"]: each for each in json.loads((vectors / "token_grammar.json").read_text())["groups"]
    }
    for case in groups["token"]["cases"]:
        assert _parses(case["token"]) is case["valid"], case
    for case in groups["token_id"]["cases"]:
        assert is_token_id(case["token_id"]) is case["valid"], case
    for case in groups["id_and_secret"]["cases"]:
        assert _parses(f"{case['id']}.{case['secret']}") is case["valid"], case
    for case in groups["secret_name"]["cases"]:
        assert secret_name(case["token_id"]) == case["secret_name"]
    for case in groups["parse_secret_name"]["cases"]:
        assert token_id_of_secret_name(case["name"]) == case["token_id"], case
    for case in groups["group_name"]["cases"]:
        assert is_group(case["group"]) is case["valid"], case


def _record_of(token, now):
    """A record as the table writes one; a time to live counts from now unless the end is given."""
    written = token["token"]
    expires = parse_rfc3339(token["expires"]) if "expires" in token else None
    if "ttl" in token and expires is None:
        expires = now + timedelta(seconds=parse_duration(token["ttl"]))
    return TokenRecord(
        BootstrapToken(written["id"], written["secret"]),
        token.get("description", ""),
        expires,
        tuple(token.get("usages", ())),
        tuple(token.get("groups", ())),
    )


def test_the_table_of_secrets_written(vectors):
    table = json.loads((vectors / "token_secret.json").read_text())
    now, encode = parse_rfc3339(table["reference_now"]), table["encode"]
    for case in encode["cases"]:
        secret = _record_of(case["token"], now).to_secret()
        assert secret_data(secret) == case["secret_data"], case["name"]
        assert secret["metadata"] == {"name": encode["secret_name"], "namespace": encode["namespace"]}
        assert secret["type"] == encode["type"]


def test_the_table_of_secrets_read(vectors):
    table = json.loads((vectors / "token_secret.json").read_text())
    for case in table["decode"]["cases"]:
        secret = secret_of(case["secret_data"], case["secret_name"])
        if case["error"]:
            assert refusal(secret), case["name"]
        else:
            assert TokenRecord.from_secret(secret) == _record_of(case["expected"], NOW), case["name"]
