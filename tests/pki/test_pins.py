import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from joinsim.pki import (
    CertificateAuthority,
    KeyAlgorithm,
    PinError,
    PublicKeyPin,
    any_pinned,
    distinguished_name,
    parse_bundle,
)
from tests.pki.conftest import DECADE, authority_of, key_of

ZEROS = "sha256:" + "00" * 32
KNOWN = "Known format(s) are: sha256"


def refused(text):
    with pytest.raises(PinError) as caught:
        PublicKeyPin.parse(text)
    return str(caught.value)


@pytest.fixture(scope="session")
def authorities(keys):
    return lambda algorithm: authority_of(key=keys(algorithm))


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_a_pin_is_what_the_documented_openssl_pipeline_prints(algorithm, authorities, openssl):
    authority = authorities(algorithm)
    public = openssl(["x509", "-pubkey", "-noout"], authority.pem)
    der = openssl(["pkey", "-pubin", "-outform", "der"], public)
    printed = openssl(["dgst", "-sha256", "-hex"], der).decode().strip()
    assert printed.endswith("= " + str(authority.pin).removeprefix("sha256:"))


@pytest.mark.parametrize("algorithm", [each for each in KeyAlgorithm if each.value.startswith("RSA")])
def test_an_rsa_pin_is_what_the_rsa_pipeline_of_the_kubeadm_pages_prints(algorithm, authorities, openssl):
    authority = authorities(algorithm)
    public = openssl(["x509", "-pubkey", "-noout"], authority.pem)
    der = openssl(["rsa", "-pubin", "-outform", "der"], public)
    assert PublicKeyPin(hashlib.sha256(der).digest()) == authority.pin


def test_the_pin_of_a_key_is_that_of_its_certificate(ca):
    assert PublicKeyPin.of(ca.key.public_key) == PublicKeyPin.of(ca.certificate) == ca.pin


def test_a_renewed_certificate_for_one_key_keeps_the_pin(ca):
    renewed = authority_of(key=ca.key, name="another")
    assert renewed.certificate != ca.certificate
    assert renewed.pin == ca.pin


def test_another_key_under_the_same_name_has_another_pin(ca):
    assert authority_of("another").pin != ca.pin


@pytest.mark.parametrize("kind", ["sha256", "SHA256", "Sha256", "sHA256"])
def test_the_format_is_read_in_any_case_and_stored_in_lower_case(kind):
    assert str(PublicKeyPin.parse(f"{kind}:{'AbCdEf01' * 8}")) == "sha256:" + "abcdef01" * 8


def test_a_pin_reads_back_what_it_prints(ca):
    assert PublicKeyPin.parse(str(ca.pin)) == ca.pin


@pytest.mark.parametrize("text", ["", "xyz", "sha256", "sha256-" + "00" * 32, "0" * 64], ids=repr)
def test_a_text_without_a_colon_has_no_format(text):
    assert refused(text) == f'invalid hash, expected "format:hex-value". {KNOWN}'


@pytest.mark.parametrize("text", [ZEROS + ":", ":" + ZEROS, ZEROS + ZEROS, "sha256::" + "00" * 32], ids=repr)
def test_a_second_colon_is_one_too_many(text):
    assert refused(text) == f'invalid hash, expected "format:hex-value". {KNOWN}'


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("md5", '"md5"'),
        ("", '""'),
        ("sha-256", '"sha-256"'),
        ("SHA2560", '"SHA2560"'),
        ("sha25", '"sha25"'),
        (" sha256", '" sha256"'),
        ("sha256 ", '"sha256 "'),
        ("sha256\n", r'"sha256\n"'),
        ("sha\uff1256", '"sha\uff1256"'),
        ("\u0455ha256", '"\u0455ha256"'),
        ("\u017fha256", '"\u017fha256"'),
    ],
    ids=repr,
)
def test_another_format_is_named_as_it_was_typed(kind, shown):
    assert refused(f"{kind}:{'00' * 32}") == f"unknown hash format {shown}. {KNOWN}"


@pytest.mark.parametrize(
    ("digits", "found"), [(0, 0), (1, 0), (2, 1), (62, 31), (63, 31), (66, 33), (67, 33), (128, 64)]
)
def test_a_value_of_another_length_is_counted_in_whole_bytes(digits, found):
    text = "sha256:" + "a" * digits
    assert refused(text) == f'invalid hash "{text}", expected a 32 byte SHA-256 hash, found {found} bytes'


def test_one_digit_more_passes_the_count_and_fails_the_decoder():
    text = "sha256:" + "a" * 65
    assert refused(text) == (
        f'invalid hash "{text}", could not decode SHA-256 from hex: encoding/hex: odd length hex string'
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("z" * 64, "U+007A 'z'"),
        ("0" * 63 + "g", "U+0067 'g'"),
        ("0" * 63 + "\n", "U+000A"),
        (" " + "0" * 63, "U+0020 ' '"),
        ("0x" + "0" * 62, "U+0078 'x'"),
        # Sixty-five characters of which the last is none: the decoder looks before it counts.
        ("0" * 64 + "\n", "U+000A"),
        ("-" + "0" * 63, "U+002D '-'"),
        ("0" * 62 + "\x7f0", "U+007F"),
        # Arabic-Indic digits are two bytes each: thirty-two of them are as long as a digest.
        ("\u0660" * 32, "U+00D9 'Ù'"),
        # The first byte of a fullwidth letter, and what Unicode shows in its place.
        ("\uff41" + "0" * 61, "U+00EF 'ï'"),
        ("\u0430" + "0" * 62, "U+00D0 'Ð'"),
    ],
    ids=repr,
)
def test_the_first_byte_that_is_no_digit_is_named(value, problem):
    assert refused("sha256:" + value).endswith(
        f", could not decode SHA-256 from hex: encoding/hex: invalid byte: {problem}"
    )


def test_a_value_that_is_no_unicode_is_refused_and_not_a_crash():
    # An argument on the command line that is no UTF-8 comes in as lone surrogates.
    assert refused("sha256:" + "\udcff" * 64).startswith("invalid hash")


def test_an_empty_list_of_pins_matches_nothing(ca):
    assert not any_pinned([ca.certificate], [])


def test_an_empty_bundle_matches_nothing(ca):
    assert not any_pinned([], [ca.pin])


def test_one_pinned_certificate_vouches_for_a_whole_bundle(ca):
    stranger = authority_of("stranger")
    for bundle in ([ca, stranger], [stranger, ca]):
        assert any_pinned([each.certificate for each in bundle], [ca.pin])


def test_any_pin_of_several_is_enough(ca):
    assert any_pinned([ca.certificate], [PublicKeyPin.parse(ZEROS), ca.pin])


def test_a_bundle_without_the_pinned_key_does_not_match(ca):
    bundle = [authority_of(label).certificate for label in ("a", "b")]
    assert not any_pinned(bundle, [ca.pin, PublicKeyPin.parse(ZEROS)])


def test_the_certificate_is_not_what_is_hashed(ca):
    fingerprint = PublicKeyPin(ca.certificate.fingerprint(hashes.SHA256()))
    assert not any_pinned([ca.certificate], [fingerprint])


def test_a_key_of_a_kind_that_kubeadm_never_makes_has_a_pin_too(openssl):
    # kubeadm hashes the key of whatever certificate is in the bundle.
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    name = distinguished_name("kubernetes")
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, DECADE.not_before, DECADE.not_after)
    ).sign(key, None)
    authority = authority_of()
    pin = PublicKeyPin.of(certificate)
    assert any_pinned([certificate, authority.certificate], [authority.pin])
    assert any_pinned([certificate, authority.certificate], [pin])
    public = openssl(["pkey", "-pubin", "-outform", "der"], _pem(key))
    assert pin.digest == hashlib.sha256(public).digest()


def _pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_the_table_of_pins(vectors):
    table = json.loads((vectors / "ca_pins.json").read_text())
    for case in table["parse"]:
        if case["valid"]:
            assert str(PublicKeyPin.parse(case["input"])) == case["stored"]
        else:
            refused(case["input"])
    for case in table["multi"]:
        assert len({PublicKeyPin.parse(text) for text in case["inputs"]}) == case["count"]
    certificates = {name: parse_bundle(pem.encode()) for name, pem in table["certs"].items()}
    hashed = table["spki_hash"]
    assert str(PublicKeyPin.of(certificates[hashed["cert"]][0])) == hashed["hash"]
    for case in table["match"]:
        pins = [PublicKeyPin.parse(text) for text in case["pins"]]
        assert any_pinned(certificates[case["cert"]], pins) is case["ok"]
    for case in table["blackbox_errors"]:
        assert refused(case["input"].replace("<64 hex>", "00" * 32)) == case["error"]


def test_an_authority_shows_its_pin(ca):
    assert repr(ca) == f"<CertificateAuthority CN=kubernetes {ca.pin}>"


def test_an_authority_is_not_made_of_strangers(ca):
    with pytest.raises(ValueError, match="does not belong"):
        CertificateAuthority(key_of("another"), ca.certificate)
