import base64
import ipaddress
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from joinsim.pki import CertificateRequest, KeyAlgorithm, RequestError, build_request, distinguished_name
from tests.pki.conftest import authority_of, key_of

KEY = key_of("node")
NODE = build_request(KEY, "system:node:n1", ["system:nodes"])
NOT_A_REQUEST = "PEM block type must be CERTIFICATE REQUEST"
NAMES = [
    x509.DNSName("n1"),
    x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("fd00::1")),
    x509.RFC822Name("a@example.com"),
    x509.UniformResourceIdentifier("https://example.com/"),
]


def der_of(pem):
    return x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER)


def pem_of(der, label=b"CERTIFICATE REQUEST"):
    encoded = base64.b64encode(der)
    lines = b"\n".join(encoded[start : start + 64] for start in range(0, len(encoded), 64))
    return b"-----BEGIN " + label + b"-----\n" + lines + b"\n-----END " + label + b"-----\n"


def refused(pem):
    with pytest.raises(RequestError) as caught:
        CertificateRequest.parse(pem)
    return str(caught.value)


def test_a_kubelets_request_reads_back():
    request = CertificateRequest.parse(NODE)
    assert request.common_name == "system:node:n1"
    assert request.organizations == ("system:nodes",)
    assert request.parsed.public_key() == KEY.public_key
    assert request.all_alternative_names() is None
    assert request.alternative_names(x509.DNSName) == []


def test_a_request_is_the_same_bytes_every_time():
    assert build_request(KEY, "system:node:n1", ["system:nodes"]) == NODE


def test_another_name_or_another_key_makes_another_request():
    made = {
        NODE,
        build_request(KEY, "system:node:n2", ["system:nodes"]),
        build_request(KEY, "system:node:n1"),
        build_request(key_of("other"), "system:node:n1", ["system:nodes"]),
    }
    assert len(made) == 4


@pytest.mark.parametrize(
    "algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048]
)
def test_openssl_verifies_the_requests(keys, openssl, algorithm):
    key = keys(algorithm)
    pem = build_request(key, "system:node:n1", ["system:nodes"], alternative_names=NAMES)
    openssl(["req", "-verify", "-noout"], pem)
    assert openssl(["req", "-pubkey", "-noout"], pem) == key.public_pem()
    subject = openssl(["req", "-subject", "-noout", "-nameopt", "RFC2253"], pem).decode().strip()
    assert subject.endswith("CN=system:node:n1,O=system:nodes")


def test_organizations_stand_together_before_the_common_name_as_go_encodes_them():
    kinds = [attribute.oid for attribute in distinguished_name("alice", ["b", "a"])]
    assert kinds == [NameOID.ORGANIZATION_NAME] * 2 + [NameOID.COMMON_NAME]
    assert distinguished_name("alice", ["b", "a"]).rfc4514_string() == "CN=alice,O=b+O=a"


def test_an_empty_name_leaves_the_common_name_out():
    assert list(distinguished_name("")) == []
    assert CertificateRequest.parse(build_request(KEY, "", ["system:nodes"])).common_name == ""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (x509.DNSName, ["n1"]),
        (x509.IPAddress, [ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("fd00::1")]),
        (x509.RFC822Name, ["a@example.com"]),
        (x509.UniformResourceIdentifier, ["https://example.com/"]),
    ],
)
def test_alternative_names_are_told_apart_by_kind(kind, expected):
    request = CertificateRequest.parse(build_request(KEY, "n", alternative_names=NAMES))
    assert request.alternative_names(kind) == expected
    assert list(request.all_alternative_names()) == NAMES


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="no PEM"),
        pytest.param(NODE[:-1].replace(b"\n", b""), id="no line ends"),
        pytest.param(der_of(NODE), id="DER"),
        pytest.param(base64.b64encode(NODE), id="base64 twice"),
        pytest.param(pem_of(der_of(NODE), b"NEW CERTIFICATE REQUEST"), id="the old name of the type"),
        pytest.param(pem_of(der_of(NODE), b"CERTIFICATE"), id="called a certificate"),
        pytest.param(pem_of(der_of(NODE), b"NEW CERTIFICATE REQUEST") + NODE, id="the old name before it"),
        pytest.param(pem_of(der_of(NODE), b"certificate request"), id="lower case"),
        pytest.param(pem_of(der_of(NODE), b"CERTIFICATE REQUEST "), id="a blank in the type"),
        pytest.param(authority_of().pem, id="a certificate"),
        pytest.param(authority_of().pem + NODE, id="a certificate before it"),
        pytest.param(KEY.private_pem() + NODE, id="a key before it"),
        pytest.param(NODE[: len(NODE) // 2], id="half of it"),
        pytest.param(NODE[:-4], id="the end not closed"),
        pytest.param(b"".join(NODE.splitlines(keepends=True)[:-1]), id="no end"),
        pytest.param(b" " + NODE.replace(b"\n", b"\n "), id="moved in"),
    ],
)
def test_what_is_no_request_is_refused_in_the_api_servers_words(text):
    assert refused(text) == NOT_A_REQUEST


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NODE + NODE, id="the same again"),
        pytest.param(NODE + b"anything\n" + authority_of().pem, id="text and a certificate"),
        pytest.param(b"notes\n" + NODE, id="text before it"),
        pytest.param(NODE.rstrip(b"\n"), id="no line end at the end"),
        pytest.param(NODE.replace(b"\n", b"\r\n"), id="Windows line ends"),
        pytest.param(NODE.replace(b"-----\n", b"-----\nA: b\n\n", 1), id="headers"),
        pytest.param(b"-----BEGIN CERTIFICATE REQUEST----- x\n" + NODE, id="a beginning that is none"),
        pytest.param(b"see -----BEGIN CERTIFICATE REQUEST-----\n" + NODE, id="a beginning within a line"),
    ],
)
def test_what_stands_around_the_first_block_is_passed_over(text):
    assert CertificateRequest.parse(text).parsed == x509.load_pem_x509_csr(NODE)


def test_the_first_of_two_requests_counts():
    other = build_request(key_of("other"), "alice", ["system:masters"])
    assert CertificateRequest.parse(NODE + other).common_name == "system:node:n1"
    assert CertificateRequest.parse(other + NODE).common_name == "alice"


@pytest.mark.parametrize("content", [b"", b"hello", b"\x30\x00", der_of(NODE)[:100], der_of(NODE)[1:]])
def test_a_block_that_holds_no_request_is_refused(content):
    assert refused(pem_of(content)).startswith("asn1: ")


def test_a_request_with_any_byte_changed_is_refused():
    # Whichever byte it hits, the request either no longer parses or its signature no longer holds.
    der = der_of(NODE)
    # The count of unused bits before the signature is the only byte that neither covers.
    unused = der.index(x509.load_pem_x509_csr(NODE).signature) - 1
    for place in set(range(len(der))) - {unused}:
        changed = der[:place] + bytes([der[place] ^ 1]) + der[place + 1 :]
        with pytest.raises(RequestError):
            CertificateRequest.parse(pem_of(changed))


def _sequence(*parts):
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size])
    return b"\x30" + length + content


_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def signed_by(key, inner):
    """A request around these bytes with a signature that holds: DER by hand (RFC 2986, section 4.2)."""
    signature = key.private_key.sign(inner, ec.ECDSA(hashes.SHA256()))
    bits = b"\x03" + bytes([len(signature) + 1]) + b"\x00" + signature
    return pem_of(_sequence(inner, _ECDSA_WITH_SHA256, bits))


INNER = x509.load_pem_x509_csr(NODE).tbs_certrequest_bytes


def test_a_request_put_together_by_hand_is_read():
    assert CertificateRequest.parse(signed_by(KEY, INNER)).common_name == "system:node:n1"


def test_a_request_signed_with_another_key_is_refused():
    assert refused(signed_by(key_of("other"), INNER)) == (
        "x509: signature over certificate request does not verify"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"\x02\x01\x00", b"\x02\x01\x01", id="another version"),
        pytest.param(b"system:nodes", b"system:node\xff", id="a group that is no UTF-8"),
        pytest.param(
            b"\x04" + KEY.public_key.public_numbers().x.to_bytes(32, "big"), b"\x04" * 33, id="no point"
        ),
        pytest.param(
            bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030199"), id="unknown curve"
        ),
    ],
)
def test_a_request_that_is_signed_well_and_malformed_is_refused_and_not_a_crash(old, new):
    assert INNER.count(old) == 1
    assert refused(signed_by(KEY, INNER.replace(old, new))).startswith("asn1: structure error")


def _request_of(key, algorithm):
    subject = distinguished_name("system:node:n1", ["system:nodes"])
    return x509.CertificateSigningRequestBuilder(subject).sign(key, algorithm).public_bytes(Encoding.PEM)


def test_an_ed25519_request_is_taken_as_the_api_server_takes_it():
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    request = CertificateRequest.parse(_request_of(key, None))
    assert request.parsed.public_key() == key.public_key()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        pytest.param(lambda: dsa.generate_private_key(1024), hashes.SHA256(), id="DSA"),
        pytest.param(lambda: ed448.Ed448PrivateKey.generate(), None, id="Ed448"),
    ],
)
def test_a_kind_of_key_that_go_cannot_verify_is_refused(key, algorithm):
    expected = "x509: cannot verify signature: algorithm unimplemented"
    assert refused(_request_of(key(), algorithm)) == expected


def _recorded(recorded, pattern):
    for path in sorted((recorded / "exchanges").glob(pattern)):
        exchange = json.loads(path.read_text())
        body = exchange["request"]["body"]
        if isinstance(body, dict) and body.get("kind") == "CertificateSigningRequest":
            yield path.name, exchange, base64.b64decode(body["spec"].get("request") or "")


def test_every_recorded_request_that_was_stored_is_read(recorded):
    stored = [
        pem
        for _, exchange, pem in _recorded(recorded, "c*_create.json")
        if exchange["response"]["status"] == 201
    ]
    assert len(stored) >= 20
    for pem in stored:
        CertificateRequest.parse(pem)


def test_every_recorded_request_that_was_no_request_is_refused_in_the_same_words(recorded):
    refusals = 0
    for name, exchange, pem in _recorded(recorded, "c_pem_*_create.json"):
        if exchange["response"]["status"] == 422:
            message = exchange["response"]["body"]["details"]["causes"][0]["message"]
            assert message.endswith(": " + refused(pem)), name
            refusals += 1
    assert refusals == 4


def test_recorded_subjects_are_read_as_the_cluster_read_them(recorded):
    compared = 0
    for path in sorted((recorded / "exchanges").glob("c*_cert.json")):
        created = path.with_name(path.name.replace("_cert", "_create"))
        body = json.loads(created.read_text())["request"]["body"]
        request = CertificateRequest.parse(base64.b64decode(body["spec"]["request"]))
        order = json.loads(path.read_text())["subject_der_order"]
        values = {kind: [value for each, value, _ in order if each == kind] for kind, *_ in order}
        assert request.common_name == values["commonName"][-1], path.name
        assert list(request.organizations) == values["organizationName"], path.name
        compared += 1
    assert compared >= 20
