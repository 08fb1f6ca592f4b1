import json
import re
import traceback

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joinsim.api import BootstrapToken, Kubeconfig, TokenRecord, User
from joinsim.gofmt import quote
from joinsim.pki import KeyPair
from joinsim.redaction import MASK, Redactor, mask_token, redact

TOKEN = "abcdef.0123456789abcdef"
MASKED = "abcdef.****************"
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

tokens = st.builds(
    "{}.{}".format, st.text(ALPHABET, min_size=6, max_size=6), st.text(ALPHABET, min_size=16, max_size=16)
)
KEY = KeyPair.generate()
PEM = KEY.private_pem().decode()
LINES = [line for line in PEM.splitlines() if "-----" not in line]


def test_a_mask_tells_nothing_of_what_it_hides():
    assert set(MASK) == {"*"}
    assert len(MASK) == 16


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "--token {} --discovery-token-ca-cert-hash sha256:00",
        '"{}"',
        "Authorization: Bearer {}\r\n",
        "token={}&x=1",
        "https://{}@host/",
        "/path/{}/more",
        "{}.",
        ".{}",
        "-{}-",
        "_{}_",
        "{}\n",
        "\u00e9{}\u00e9",
        "({})",
        "{},{}",
        "{} {}\n{}",
        '{{"token": "{}"}}',
    ],
)
def test_a_token_is_masked_wherever_it_stands(text):
    assert redact(text.replace("{}", TOKEN)) == text.replace("{}", MASKED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abcdef",
        "abcdef.",
        MASKED,
        "sha256:" + "0" * 64,
        "abcdef.0123456789abcde",
        "abcdef.0123456789abcdefg",
        "xabcdef.0123456789abcdef",
        "ABCDEF.0123456789abcdef",
        "kube-apiserver.example.com:6443",
        "system:bootstrap:abcdef",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ],
)
def test_other_text_is_left_as_it_is(text):
    assert redact(text) == text


@given(st.text(), tokens, st.text())
@example("", "000000.0000000000000000", "")
def test_no_token_survives_in_a_text(before, token, after):
    # A letter or digit right beside it makes it part of a longer word, which is no token.
    text = redact(f"{before} {token} {after}")
    assert token not in text
    assert token[:6] + "." + MASK in text


@given(st.text())
def test_redacting_again_changes_nothing(text):
    assert redact(redact(text)) == redact(text)


def test_redacting_a_key_again_leaves_what_follows_it():
    once = redact(f"{PEM}after {TOKEN}")
    assert redact(once) == once
    assert once.endswith(f"after {MASKED}")


@pytest.mark.parametrize("escape", ["\\n", "\\t", "\\r", "\\x0a", "\\u000a", "%20", "%0A"])
def test_an_escape_before_a_token_is_no_part_of_it(escape):
    assert redact(f"a{escape}{TOKEN}{escape}b") == f"a{escape}{MASKED}{escape}b"


@given(tokens)
def test_no_token_survives_in_json_or_in_gos_quotes(token):
    for text in (json.dumps({"a": [token]}), quote(f"a\n{token}"), repr({"a": token}), f"'{token}'"):
        assert token[7:] not in redact(text)


@pytest.mark.parametrize(
    "label", ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
)
def test_a_private_key_is_taken_out_and_its_kind_left(label):
    text = f"before\n-----BEGIN {label}-----\nAAAA\nBBBB\n-----END {label}-----\nafter"
    assert redact(text) == f"before\n-----BEGIN {label}----- (redacted)\nafter"


def test_two_keys_are_taken_out_and_what_is_between_them_left():
    text = redact(f"{PEM}between\n{PEM}after")
    assert text.count("(redacted)") == 2
    assert "between\n" in text
    assert text.endswith("after")


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(str, id="as it is"),
        pytest.param(lambda pem: pem.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(lambda pem: pem.replace("\n", "\n    "), id="moved in"),
        pytest.param(lambda pem: pem.replace("\n", " "), id="in one line"),
        pytest.param(json.dumps, id="JSON"),
        pytest.param(quote, id="Go's quotes"),
        pytest.param(repr, id="a repr"),
        pytest.param(lambda pem: pem[: len(pem) // 2], id="broken off"),
        pytest.param(lambda pem: pem[:-10], id="its end broken off"),
        pytest.param(lambda pem: pem.replace("END EC", "END RSA"), id="an end of another kind"),
    ],
)
def test_no_line_of_a_private_key_survives(wrap):
    text = redact("before " + wrap(PEM) + " after")
    assert text.startswith("before ")
    assert not [line for line in LINES if line[:16] in text]


@given(st.integers(0, len(PEM)))
def test_a_key_that_breaks_off_anywhere_is_not_shown(cut):
    text = redact(PEM[:cut])
    assert not [line for line in LINES if line[:12] in text]


# --- mistyped tokens -------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "abcdef-0123", "abcdef.", "f.s", "hello", "abc.def.ghi", "-" * 50, "11 letters"]
)
def test_short_garbage_stays_readable(text):
    assert mask_token(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TOKEN, MASKED),
        (TOKEN.upper(), MASKED.upper()),
        ("abcdef0123456789abcdef", MASK),
        ("0123456789abcdef", MASK),
        ("abcdef:0123456789abcdef", "abcdef:" + MASK),
        ("abcdef.01234567-89abcdef", MASKED),
        ("abcdef.0-1-2-3-4-5-6-7-8-9-a-b-c-d-e-f", MASKED),
        ("abcdef.0123456789abcdef\n", MASKED),
        ("0123456789abcdef.abcdef", MASK),
        ("abcdef.\uff10\uff11\uff12\uff13456789abcdef", MASKED),
        ("abcdefg.0123456789abcdef", MASK),
    ],
    ids=ascii,
)
def test_what_may_hold_a_secret_is_masked_but_for_the_id(text, shown):
    assert mask_token(text) == shown


@given(tokens, st.integers(0, 22), st.characters(codec="utf-8"))
def test_a_mistake_in_a_token_does_not_show_its_secret(token, place, character):
    for mistyped in (
        token[:place] + character + token[place + 1 :],
        token[:place] + character + token[place:],
    ):
        shown = mask_token(mistyped)
        assert len(re.findall(r"[A-Za-z0-9]", shown)) <= 6
        assert shown.endswith(MASK)


# --- secrets without a shape ------------------------------------------------------

CERTIFICATE_KEY = "e6a2eb8581237ab72a4f494f30285ec12a9694d750b9785706a83bfcbbbd2204"


def test_a_named_secret_is_masked_from_then_on():
    redactor = Redactor()
    assert redactor(f"--certificate-key {CERTIFICATE_KEY}") == f"--certificate-key {CERTIFICATE_KEY}"
    redactor.hide(CERTIFICATE_KEY)
    assert redactor(f"--certificate-key {CERTIFICATE_KEY}") == f"--certificate-key {MASK}"
    assert redactor(CERTIFICATE_KEY * 2) == MASK * 2


def test_a_redactor_masks_what_has_a_shape_too():
    redactor = Redactor()
    redactor.hide("0123456789abcdef")
    assert redactor(f"{TOKEN} 0123456789abcdef {PEM}") == f"{MASKED} {MASK} {redact(PEM)}"


def test_one_redactors_secrets_are_not_anothers():
    Redactor().hide(CERTIFICATE_KEY)
    assert Redactor()(CERTIFICATE_KEY) == CERTIFICATE_KEY


@pytest.mark.parametrize("order", [1, -1], ids=["shorter first", "longer first"])
def test_a_secret_within_a_secret_leaves_no_remainder(order):
    redactor = Redactor()
    redactor.hide(*["secret-1", "secret-1-and-more"][::order])
    assert redactor("secret-1-and-more secret-1") == f"{MASK} {MASK}"


def test_a_secret_may_be_named_again():
    redactor = Redactor()
    redactor.hide(CERTIFICATE_KEY, CERTIFICATE_KEY)
    redactor.hide(CERTIFICATE_KEY)
    assert redactor(CERTIFICATE_KEY) == MASK


@pytest.mark.parametrize("secret", ["", "short", "seven77"])
def test_a_secret_too_short_to_be_told_from_text_is_a_mistake_of_ours(secret):
    with pytest.raises(AssertionError):
        Redactor().hide(secret)


@given(
    st.lists(st.text(min_size=8, max_size=30).filter(lambda text: "*" not in text), min_size=1, max_size=4),
    st.data(),
)
def test_no_named_secret_survives_in_any_text(secrets, data):
    redactor = Redactor()
    redactor.hide(*secrets)
    parts = data.draw(st.lists(st.sampled_from(secrets) | st.text(max_size=5), max_size=6))
    shown = redactor("".join(parts))
    assert not [secret for secret in secrets if secret in shown]


# --- what others show --------------------------------------------------------------


@given(tokens)
def test_no_repr_and_no_error_of_the_package_shows_a_tokens_secret(token):
    parsed = BootstrapToken.parse(token)
    config = Kubeconfig.basic("https://a", b"", "kubernetes", "u", User(token=token, password=token))
    shown = [repr(parsed), str(parsed), repr(TokenRecord(parsed)), repr(config), str(config)]
    for secret in (TokenRecord(parsed).to_secret(),):
        secret["metadata"]["name"] = "other"
        try:
            TokenRecord.from_secret(secret)
        except ValueError as error:
            shown += traceback.format_exception(error)
    assert not [text for text in shown if token[7:] in text]


def test_no_repr_of_a_key_shows_the_key():
    for shown in (repr(KEY), str(KEY), repr({"key": KEY})):
        assert not [line for line in LINES if line[:8] in shown]
