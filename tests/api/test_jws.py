import base64
import hashlib
import json

import pytest

from joinsim.api import compute_detached_signature, is_valid_signature

TEXT = "Hello from the other side. I must have called a thousand times."
ID, SECRET = "abcdef", "0123456789abcdef"
SIGNED = compute_detached_signature(TEXT, ID, SECRET)


def hmac_sha256(key, message):
    """RFC 2104 by its definition: H(K xor opad, H(K xor ipad, text))."""
    key = hashlib.sha256(key).digest() if len(key) > 64 else key
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def base64url(data):
    """RFC 4648, section 5, without padding, bit by bit."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 6)
    return "".join(alphabet[int(bits[start : start + 6], 2)] for start in range(0, len(bits), 6))


def signature_of(content, token_id, secret):
    header = base64url(b'{"alg":"HS256","kid":"' + token_id.encode() + b'"}')
    signed = header + "." + base64url(content.encode())
    return header + ".." + base64url(hmac_sha256(secret.encode(), signed.encode()))


def test_the_oracle_gives_the_published_hmac():
    # RFC 4231, test case 2.
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize("content", ["", "a", TEXT, TEXT + "\n", "\u00e9\u2028\U0001f600", "x" * 100_000])
def test_a_signature_is_what_rfc_7515_says(content):
    assert compute_detached_signature(content, ID, SECRET) == signature_of(content, ID, SECRET)


def test_the_header_is_these_bytes():
    header, payload, _ = SIGNED.split(".")
    assert base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)) == b'{"alg":"HS256","kid":"abcdef"}'
    assert payload == ""


def test_nothing_is_padded():
    assert "=" not in SIGNED
    assert len(SIGNED.rpartition(".")[2]) == 43


def test_a_signature_holds_for_its_text_id_and_secret():
    assert is_valid_signature(SIGNED, TEXT, ID, SECRET)


@pytest.mark.parametrize(
    ("content", "token_id", "secret"),
    [
        pytest.param(TEXT + "\n", ID, SECRET, id="a newline more"),
        pytest.param(TEXT[:-1], ID, SECRET, id="a letter less"),
        pytest.param("", ID, SECRET, id="no text"),
        pytest.param(TEXT.replace("\u0065", "\u0435", 1), ID, SECRET, id="a letter that looks the same"),
        pytest.param(TEXT, "abcdeg", SECRET, id="another id"),
        pytest.param(TEXT, ID, SECRET[::-1], id="another secret"),
        pytest.param(TEXT, ID, SECRET[:-1], id="a shorter secret"),
        pytest.param(TEXT, ID, SECRET.upper(), id="the secret in upper case"),
        pytest.param(TEXT, ID, "", id="no secret"),
    ],
)
def test_a_signature_holds_for_nothing_else(content, token_id, secret):
    assert not is_valid_signature(SIGNED, content, token_id, secret)


def test_every_single_character_counts():
    alphabet = "ABCxyz019-_.="
    for place, character in enumerate(SIGNED):
        for other in alphabet:
            if other != character:
                assert not is_valid_signature(SIGNED[:place] + other + SIGNED[place + 1 :], TEXT, ID, SECRET)
        assert not is_valid_signature(SIGNED[:place] + SIGNED[place + 1 :], TEXT, ID, SECRET)
        assert not is_valid_signature(SIGNED[:place] + "A" + SIGNED[place:], TEXT, ID, SECRET)


def _with_header(header):
    encoded = base64url(header.encode())
    mac = hmac_sha256(SECRET.encode(), f"{encoded}.{base64url(TEXT.encode())}".encode())
    return f"{encoded}..{base64url(mac)}"


def test_a_header_of_the_same_bytes_is_the_same_signature():
    assert _with_header('{"alg":"HS256","kid":"abcdef"}') == SIGNED


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"none","kid":"abcdef"}',
        '{"alg":"HS512","kid":"abcdef"}',
        '{"alg":"hs256","kid":"abcdef"}',
        '{"kid":"abcdef","alg":"HS256"}',
        '{"alg":"HS256", "kid":"abcdef"}',
        '{"alg":"HS256","kid":"abcdef","typ":"JWT"}',
        '{"alg":"HS256"}',
        "{}",
        "",
    ],
)
def test_another_spelling_of_the_header_does_not_verify_though_it_is_signed_with_the_secret(header):
    assert not is_valid_signature(_with_header(header), TEXT, ID, SECRET)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        ".",
        "..",
        "...",
        SIGNED.partition("..")[0] + "..",
        ".." + SIGNED.partition("..")[2],
        SIGNED.replace("..", "." + base64url(TEXT.encode()) + "."),
        SIGNED.replace("..", "."),
        SIGNED + "=",
        SIGNED + "\n",
        " " + SIGNED,
        SIGNED.upper(),
        SIGNED * 2,
        "\u0435" + SIGNED[1:],
        "\ud800",
        "x" * 1_000_000,
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_is_no_signature_does_not_verify(signature):
    assert not is_valid_signature(signature, TEXT, ID, SECRET)


def test_a_text_that_is_no_unicode_is_judged_and_not_a_crash():
    # JSON can spell half a surrogate pair; a server may send one in the place of cluster-info.
    assert not is_valid_signature(SIGNED, "\ud800", ID, SECRET)


def test_the_table_of_signatures(vectors):
    table = json.loads((vectors / "jws.json").read_text())
    for case in table["cases"]:
        assert compute_detached_signature(case["content"], case["id"], case["secret"]) == case["jws"]
        assert signature_of(case["content"], case["id"], case["secret"]) == case["jws"]
    for case in table["verify"]:
        assert is_valid_signature(case["jws"], case["content"], case["id"], case["secret"]) is case["valid"]


def test_what_a_real_cluster_signed_verifies(recorded):
    exchange = json.loads((recorded / "exchanges" / "a1_anon_cluster_info.json").read_text())
    data = exchange["response"]["body"]["data"]
    signatures = {key: value for key, value in data.items() if key.startswith("jws-kubeconfig-")}
    assert f"jws-kubeconfig-{ID}" in signatures
    assert is_valid_signature(signatures[f"jws-kubeconfig-{ID}"], data["kubeconfig"], ID, SECRET)
