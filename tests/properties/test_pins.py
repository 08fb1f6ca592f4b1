import hashlib
import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joinsim.pki import PinError, PublicKeyPin
from tests.properties.spelling import near_misses

DIGITS = [chr(code) for code in (*range(48, 58), *range(65, 71), *range(97, 103))]
formats = st.sampled_from(["sha256", "SHA256", "Sha256", "sHa256"])
SPELLINGS = [bytes(letters) for letters in itertools.product(b"sS", b"hH", b"aA")]
digests = st.binary(min_size=32, max_size=32)
pins = st.builds("{}:{}".format, formats, st.text(DIGITS, min_size=64, max_size=64))


def outcome(text):
    """The steps of kubeadm's parser in its order, over bytes as Go counts them: the digest, or which step failed."""
    parts = text.split(":")
    if len(parts) != 2:
        return 'invalid hash, expected "format:hex-value"'
    kind, value = (part.encode() for part in parts)
    if not (len(kind) == 6 and kind[:3].swapcase() in SPELLINGS and kind[3:] == b"256"):
        return "unknown hash format "
    if len(value) not in (64, 65):
        return f"expected a 32 byte SHA-256 hash, found {len(value) // 2} bytes"
    wrong = [byte for byte in value if chr(byte) not in DIGITS]
    if wrong:
        return f"invalid byte: U+{wrong[0]:04X}"
    return (
        "odd length hex string"
        if len(value) == 65
        else b"".join(int(value[start : start + 2], 16).to_bytes(1, "big") for start in range(0, 64, 2))
    )


def check(text):
    expected = outcome(text)
    if isinstance(expected, bytes):
        assert PublicKeyPin.parse(text).digest == expected
    else:
        with pytest.raises(PinError, match=re.escape(expected)):
            PublicKeyPin.parse(text)


@given(pins)
def test_every_pin_of_the_grammar_is_read(text):
    assert isinstance(outcome(text), bytes)
    check(text)


@given(near_misses(pins))
@example("sha256:" + "0" * 64 + "\n")
@example("sha256:" + "\u0660" * 32)
@example("\uff53ha256:" + "0" * 64)
def test_a_near_miss_is_judged_as_kubeadm_judges_it(text):
    check(text)


@given(st.text(max_size=20) | st.builds("{}:{}".format, formats, st.text(max_size=66)))
def test_any_text_is_judged_as_kubeadm_judges_it(text):
    check(text)


@given(digests)
def test_a_pin_reads_back_in_either_case(digest):
    pin = PublicKeyPin(digest)
    assert str(pin) == "sha256:" + "".join(f"{byte:02x}" for byte in digest)
    assert PublicKeyPin.parse(str(pin)) == PublicKeyPin.parse(str(pin).upper()) == pin


@given(st.binary())
def test_a_pin_of_a_real_digest_reads_back(content):
    text = "sha256:" + hashlib.sha256(content).hexdigest()
    assert str(PublicKeyPin.parse(text)) == text
