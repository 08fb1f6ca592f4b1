import hashlib
import io
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

MALFORMED = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


def certificate_of(key, name="ca"):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 7)
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    return builder.sign(key, hashes.SHA256())


KEYS = {
    "P-256": ec.derive_private_key(7, ec.SECP256R1()),
    "P-384": ec.derive_private_key(7, ec.SECP384R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
}
PEMS = {name: certificate_of(key).public_bytes(Encoding.PEM) for name, key in KEYS.items()}


def pin_of(key):
    """RFC 7469: over the SubjectPublicKeyInfo in DER."""
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(spki).hexdigest()


def written(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


# --- token generate -----------------------------------------------------------------------------------


def test_a_generated_token_has_the_grammar_of_bootstrap_tokens(joinsim):
    tokens = {joinsim("token", "generate").out for _ in range(20)}
    assert len(tokens) == 20
    assert all(re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}\n", token) for token in tokens)
    # Not hexadecimal digits only, as a weaker generator would give.
    assert set("ghijklmnopqrstuvwxyz") & set("".join(tokens))


@pytest.mark.parametrize("arguments", [["x"], ["--ttl", "1h"]])
def test_generate_takes_no_arguments(joinsim, arguments):
    done = joinsim("token", "generate", *arguments)
    assert (done.code, done.out) == (2, "")


# --- ca-hash ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KEYS)
def test_the_pin_is_over_the_public_key(joinsim, tmp_path, kind):
    (tmp_path / "ca.crt").write_bytes(PEMS[kind])
    done = joinsim("ca-hash", tmp_path / "ca.crt")
    assert (done.code, done.out, done.err) == (0, pin_of(KEYS[kind]) + "\n", "")


@pytest.mark.parametrize("kind", KEYS)
def test_the_pin_equals_what_openssl_computes(joinsim, tmp_path, kind):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    file = tmp_path / "ca.crt"
    file.write_bytes(PEMS[kind])

    def openssl(*arguments, given=b""):
        return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout

    public = openssl("x509", "-pubkey", "-noout", "-in", str(file))
    der = openssl("pkey", "-pubin", "-outform", "der", given=public)
    digest = openssl("dgst", "-sha256", "-hex", given=der).decode().split()[-1]
    assert joinsim("ca-hash", file).out == f"sha256:{digest}\n"


def test_a_bundle_has_a_line_for_each_certificate_in_order(joinsim, tmp_path):
    (tmp_path / "bundle").write_bytes(b"# a comment\n" + PEMS["RSA"] + written(KEYS["P-384"]) + PEMS["P-256"])
    done = joinsim("ca-hash", tmp_path / "bundle")
    assert done.out.splitlines() == [pin_of(KEYS["RSA"]), pin_of(KEYS["P-256"])]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_lines_may_end_as_on_windows(joinsim, tmp_path, ending):
    (tmp_path / "ca.crt").write_bytes(PEMS["P-256"].replace(b"\n", ending))
    assert joinsim("ca-hash", tmp_path / "ca.crt").out == pin_of(KEYS["P-256"]) + "\n"


def test_a_dash_stands_for_standard_input(joinsim, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PEMS["P-256"])))
    assert joinsim("ca-hash", "-").out == pin_of(KEYS["P-256"]) + "\n"


NOT_CERTIFICATES = {
    "empty": (b"", "expected PEM certificates in given, found nothing"),
    "blank": (b" \n\n", "expected PEM certificates in given, found nothing"),
    "private key": (written(KEYS["P-256"]), "expected PEM certificates in given, found EC PRIVATE KEY"),
    "request and key": (
        b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"
        + written(KEYS["RSA"]),
        "expected PEM certificates in given, found CERTIFICATE REQUEST and RSA PRIVATE KEY",
    ),
    "DER": (
        certificate_of(KEYS["P-256"]).public_bytes(Encoding.DER),
        "expected PEM certificates in given, found DER; openssl x509 -inform der makes PEM of it",
    ),
    "text": (
        b"0 is no certificate\n",
        "expected PEM certificates in given: data does not contain any valid RSA or ECDSA certificates",
    ),
    "binary": (
        bytes(range(256)) * 9,
        "expected PEM certificates in given: data does not contain any valid RSA or ECDSA certificates",
    ),
    "malformed": (MALFORMED, "expected PEM certificates in given: x509: malformed certificate"),
    "cut off": (
        PEMS["P-256"][:200],
        "expected PEM certificates in given: data does not contain any valid RSA or ECDSA certificates",
    ),
    "DSA": (
        certificate_of(dsa.generate_private_key(1024)).public_bytes(Encoding.PEM),
        "cannot pin a certificate in given: unsupported public key type DSAPublicKey",
    ),
}


@pytest.mark.parametrize("kind", NOT_CERTIFICATES)
def test_what_is_no_certificate_is_named_and_not_quoted(joinsim, tmp_path, monkeypatch, kind):
    content, said = NOT_CERTIFICATES[kind]
    (tmp_path / "given").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    done = joinsim("ca-hash", "given")
    assert (done.code, done.out, done.err) == (2, "", f"Error: {said}\n")


@pytest.mark.parametrize("kind", ["malformed", "DSA"])
def test_one_bad_certificate_in_a_bundle_leaves_no_half_a_list(joinsim, tmp_path, kind):
    (tmp_path / "bundle").write_bytes(PEMS["P-256"] + NOT_CERTIFICATES[kind][0])
    done = joinsim("ca-hash", tmp_path / "bundle")
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize("arguments", [[], ["missing"], ["."], ["a", "b"], ["--all", "x"]])
def test_wrong_arguments_are_refused(joinsim, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    done = joinsim("ca-hash", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: ")
