from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from joinsim.pki import (
    CertificateError,
    common_name,
    extended_key_usages,
    organizations,
    parse_bundle,
    public_key_of,
    to_pem,
    validity,
)
from tests.pki.conftest import YEAR, authority_of, key_of

A, B = authority_of("a"), authority_of("b")
NOTHING = "data does not contain any valid RSA or ECDSA certificates"


def block(pem, body):
    lines = pem.splitlines(keepends=True)
    return lines[0] + body + lines[-1]


def lines_of(pem):
    return pem.splitlines(keepends=True)


def test_certificates_are_read_in_their_order():
    assert parse_bundle(A.pem + B.pem) == (A.certificate, B.certificate)
    assert parse_bundle(B.pem + A.pem) == (B.certificate, A.certificate)


def test_one_certificate_twice_is_two_certificates():
    assert parse_bundle(A.pem * 2) == (A.certificate,) * 2


def test_a_written_bundle_reads_back():
    written = to_pem([A.certificate, B.certificate])
    assert written == A.pem + B.pem
    assert parse_bundle(written) == (A.certificate, B.certificate)
    assert to_pem([]) == b""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"# the cluster's CA\n" + A.pem + b"# the end\n", id="text around it"),
        pytest.param(A.key.private_pem() + A.pem, id="a private key before it"),
        pytest.param(A.key.public_pem() + A.pem + A.key.public_pem(), id="public keys around it"),
        pytest.param(A.pem.replace(b"\n", b"\r\n"), id="Windows line ends"),
        pytest.param(A.pem.replace(b"-----\n", b"----- \t\n"), id="blanks after the armour"),
        pytest.param(A.pem.rstrip(b"\n"), id="no line end at the end"),
        pytest.param(A.pem + b"\n\n", id="empty lines at the end"),
        pytest.param(block(A.pem, b"".join(A.pem.split(b"\n")[1:-2]) + b"\n"), id="one long line"),
        pytest.param(block(A.pem, b"\n".join(lines_of(A.pem)[1:-1])), id="empty lines within"),
        pytest.param(
            block(B.pem, b"Proc-Type: 4\n\n" + lines_of(B.pem)[1]) + A.pem, id="a block with headers"
        ),
        pytest.param(block(B.pem, b"hello world!\n") + A.pem, id="a block that is no base64"),
        pytest.param(block(B.pem, b"QUI\n") + A.pem, id="a block with a letter too few"),
        pytest.param(b"".join(lines_of(B.pem)[:-1]) + A.pem, id="a block without an end"),
        pytest.param(A.pem + b"".join(lines_of(B.pem)[:-1]), id="a last block without an end"),
        pytest.param(B.pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE") + A.pem, id="another type"),
        pytest.param(B.pem.replace(b"CERTIFICATE", b"certificate") + A.pem, id="lower case"),
        pytest.param(
            b" " + lines_of(B.pem)[0] + b"".join(lines_of(B.pem)[1:]) + A.pem, id="a block moved in"
        ),
    ],
)
def test_what_stands_around_a_certificate_is_passed_over(text):
    assert parse_bundle(text) == (A.certificate,)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b"hello", id="no PEM"),
        pytest.param(A.key.public_pem(), id="a public key"),
        pytest.param(A.pem[:-30], id="the end cut off"),
        pytest.param(lines_of(A.pem)[0], id="a beginning only"),
        pytest.param(lines_of(A.pem)[-1], id="an end only"),
        pytest.param(block(A.pem, b"not base64!\n"), id="no base64"),
        pytest.param(A.pem.replace(b"BEGIN CERTIFICATE", b"BEGIN CERTIFICATES"), id="one letter more"),
        pytest.param(A.pem.replace(b"-----BEGIN", b"----BEGIN"), id="one dash less"),
        pytest.param(A.pem.replace(b"\n", b" "), id="no line ends"),
        pytest.param(b"\x00\xff" * 50, id="bytes"),
    ],
)
def test_a_text_without_a_certificate_is_refused_in_client_gos_words(text):
    with pytest.raises(CertificateError) as caught:
        parse_bundle(text)
    assert str(caught.value) == NOTHING


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param(block(B.pem, b"aGVsbG8=\n"), id="another content"),
        pytest.param(block(B.pem, b"".join(lines_of(B.pem)[1:4])), id="a beginning of a certificate"),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before a good one", "after a good one"])
def test_a_block_that_holds_no_certificate_spoils_the_bundle(spoiled, after):
    with pytest.raises(CertificateError, match="malformed certificate"):
        parse_bundle(A.pem + spoiled if after else spoiled + A.pem)


def test_a_large_bundle_is_read_whole():
    assert len(parse_bundle(A.pem * 500)) == 500


def test_a_name_without_attributes_reads_as_empty():
    assert common_name(x509.Name([])) == ""
    assert organizations(x509.Name([])) == ()


def test_of_several_common_names_the_last_counts_as_in_go():
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in ("first", "last")]
    assert common_name(x509.Name(attributes)) == "last"


def test_organizations_come_in_their_order_and_repeated():
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in ("b", "a", "b")]
    assert organizations(x509.Name(attributes)) == ("b", "a", "b")


def test_an_organizational_unit_is_no_group():
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "system:masters")])
    assert organizations(name) == ()


def test_extended_usages_are_read_and_absent_in_a_ca():
    leaf = A.issue_server("n", key_of("n").public_key, ["n"], YEAR, 2, client_too=True)
    assert extended_key_usages(leaf) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert extended_key_usages(A.certificate) == frozenset()


def test_validity_is_in_utc_to_the_second():
    leaf = A.issue_client("n", [], key_of("n").public_key, YEAR, 2)
    assert validity(leaf) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def _signed_by_a(public_key):
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, public_key, 1, YEAR.not_before, YEAR.not_after)
    return builder.sign(A.key.private_key, hashes.SHA256())


def test_the_public_key_of_a_certificate_is_read():
    assert public_key_of(A.certificate) == A.key.public_key
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    assert public_key_of(_signed_by_a(edwards)) == edwards


def test_a_public_key_of_a_kind_that_kubernetes_cannot_use_is_refused():
    key = dsa.generate_private_key(1024)
    with pytest.raises(ValueError, match="unsupported public key type"):
        public_key_of(_signed_by_a(key.public_key()))


def test_the_kinds_of_public_keys_are_told_apart(keys):
    assert isinstance(public_key_of(A.certificate), ec.EllipticCurvePublicKey)
    rsa_authority = authority_of(key=keys("RSA-2048"))
    assert isinstance(public_key_of(rsa_authority.certificate), rsa.RSAPublicKey)
