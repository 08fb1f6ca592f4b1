import base64
import string
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from joinsim.api import BootstrapToken, TokenError, TokenRecord
from joinsim.api.bootstrap_token import (
    has_expired,
    is_group,
    is_token_id,
    secret_data,
    token_id_of_secret_name,
)
from joinsim.redaction import redact
from tests.properties.spelling import near_misses

# The grammar's alphabet, stated as bytes: 48 to 57 and 97 to 122.
ALPHABET = [chr(code) for code in (*range(48, 58), *range(97, 123))]

ids = st.text(ALPHABET, min_size=6, max_size=6)
secrets = st.text(ALPHABET, min_size=16, max_size=16)
tokens = st.builds(BootstrapToken, ids, secrets)
values = st.builds("{}.{}".format, ids, secrets)


def is_token(value):
    """The grammar, character by character: six, a full stop, sixteen, and nothing else."""
    return (
        len(value) == 23
        and value[6] == "."
        and all(character in ALPHABET for character in value[:6] + value[7:])
    )


def parses(value):
    try:
        token = BootstrapToken.parse(value)
    except TokenError:
        return False
    assert token.value == value
    return True


@given(values)
def test_every_token_of_the_grammar_is_read(value):
    assert is_token(value)
    assert parses(value)


@given(near_misses(values))
@example("abcdef.0123456789abcdef\n")
@example("abcdef.0123456789abcde\u0661")
def test_a_near_miss_is_judged_by_the_grammar(value):
    assert parses(value) == is_token(value)


@given(st.text(max_size=40) | st.text([*ALPHABET, ".", "\n", "A"], min_size=21, max_size=25))
def test_any_text_is_judged_by_the_grammar(value):
    assert parses(value) == is_token(value)


@given(near_misses(ids))
def test_an_id_is_judged_by_its_own_grammar(value):
    expected = len(value) == 6 and set(value) <= set(ALPHABET)
    assert is_token_id(value) == expected
    assert (token_id_of_secret_name(f"bootstrap-token-{value}") is not None) == expected


def is_bootstrap_group(value):
    prefix, rest = "system:bootstrappers:", value[21:]
    within = set(ALPHABET) | {"-", ":"}
    return value[:21] == prefix and 0 < len(rest) <= 256 and set(rest) <= within and rest[-1] in ALPHABET


groups = st.builds(
    "system:bootstrappers:{}{}".format,
    st.text([*ALPHABET, "-", ":"], max_size=260),
    st.sampled_from(ALPHABET),
)


@given(groups | near_misses(groups))
def test_a_group_is_judged_by_its_own_grammar(value):
    assert is_group(value) == is_bootstrap_group(value)


@given(near_misses(values))
def test_what_a_refusal_says_gives_no_secret_away(value):
    try:
        shown = repr(BootstrapToken.parse(value))
    except TokenError as error:
        shown = str(error).partition(" was not of the form")[0]
    letters = "".join(filter(str.isalnum, shown)).replace("thebootstraptoken", "")
    secret = "".join(filter(str.isalnum, value.partition(".")[2]))
    # Eight characters in a row leave as many to be guessed.
    assert not any(secret[start : start + 12] in letters for start in range(len(secret) - 11))


@given(st.randoms(use_true_random=False))
def test_what_is_drawn_is_a_token(chance):
    assert is_token(BootstrapToken.generate(chance.randbytes).value)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(0, 2**37).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
usages = st.lists(st.text(string.ascii_lowercase + "-", min_size=1, max_size=12), unique=True)
records = st.builds(
    TokenRecord,
    tokens,
    st.text(max_size=30),
    st.none() | moments,
    usages.map(sorted).map(tuple),
    # A group is any text without a comma; none at all is the empty value, and so is one empty group.
    st.lists(st.text(st.characters(exclude_characters=",", codec="utf-8"), min_size=1), max_size=3).map(
        tuple
    ),
)


@given(records)
def test_a_record_survives_its_secret(record):
    assert TokenRecord.from_secret(record.to_secret()) == record


@given(records)
def test_a_written_secret_is_what_the_protocol_says(record):
    written = record.to_secret()
    data = {key: base64.b64decode(value).decode() for key, value in written["data"].items()}
    assert written["metadata"] == {"name": "bootstrap-token-" + record.token.id, "namespace": "kube-system"}
    assert written["type"] == "bootstrap.kubernetes.io/token"
    assert data.pop("token-id") == record.token.id
    assert data.pop("token-secret") == record.token.secret
    assert data.pop("description", "") == record.description
    assert data.pop("auth-extra-groups", "") == ",".join(record.groups)
    assert ("expiration" in data) == (record.expiration is not None)
    if record.expiration:
        assert data.pop("expiration") == record.expiration.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert data == {"usage-bootstrap-" + usage: "true" for usage in record.usages}


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=12)))
def test_data_of_a_secret_never_stops_its_reader(data):
    assert set(secret_data({"data": data})) == set(data)


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, st.integers(-100_000, 100_000), zones)
def test_expiry_compares_moments_whatever_the_zone(now, ahead, zone):
    written = (now + timedelta(seconds=ahead)).astimezone(zone).isoformat().replace("+00:00", "Z")
    assert has_expired(written, now) == (ahead <= 0)


@given(st.text(max_size=30))
def test_an_expiration_that_is_no_time_has_passed(text):
    try:
        datetime.fromisoformat(text)
    except ValueError:
        assert has_expired(text, EPOCH) == bool(text)


@given(st.text(max_size=30), tokens, st.text(max_size=30))
def test_a_token_within_a_text_is_masked(before, token, after):
    text = f"{before} {token.value} {after}"
    assert token.value not in redact(text)
    assert token.id in redact(text)
