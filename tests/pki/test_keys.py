import hashlib
import hmac

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from joinsim.pki import KeyAlgorithm, KeyPair, build_request
from tests.pki.conftest import YEAR, authority_of, key_of, stream

P256, P384 = KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384
ELLIPTIC = [P256, P384]

# The order of P-256, as a difference from a power of two rather than the digits of the package.
ORDER_P256 = 2**256 - 2**224 + 2**192 - 0x4319055258E8617B0C46353D039CDAAF
ORDER_P384 = 2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D
ORDERS = {P256: (ec.SECP256R1(), ORDER_P256), P384: (ec.SECP384R1(), ORDER_P384)}


def scalar(key):
    return key.private_key.private_numbers().private_value


def rfc6979_signature(private, message):
    """ECDSA over P-256 with SHA-256, with the nonce of RFC 6979, section 3.2, step by step."""
    digest = hashlib.sha256(message).digest()
    reduced = (int.from_bytes(digest, "big") % ORDER_P256).to_bytes(32, "big")
    secret = private.to_bytes(32, "big")
    v, k = b"\x01" * 32, b"\x00" * 32
    for separator in (b"\x00", b"\x01"):
        k = hmac.digest(k, v + separator + secret + reduced, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < ORDER_P256:
            break
        k = hmac.digest(k, v + b"\x00", "sha256")
        v = hmac.digest(k, v, "sha256")
    point = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers()
    r = point.x % ORDER_P256
    s = pow(nonce, -1, ORDER_P256) * (int.from_bytes(digest, "big") + r * private) % ORDER_P256
    return r, s


RFC_PRIVATE = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721


@pytest.mark.parametrize(
    ("message", "r", "s"),
    [
        pytest.param(
            b"sample",
            0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
            0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
            id="sample",
        ),
        pytest.param(
            b"test",
            0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
            0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
            id="test",
        ),
    ],
)
def test_the_oracle_of_these_tests_gives_the_signatures_of_rfc_6979(message, r, s):
    assert rfc6979_signature(RFC_PRIVATE, message) == (r, s)


def test_a_certificate_is_signed_with_the_nonce_of_rfc_6979():
    key = KeyPair(ec.derive_private_key(RFC_PRIVATE, ec.SECP256R1()))
    certificate = authority_of(key=key).certificate
    signed = decode_dss_signature(certificate.signature)
    assert signed == rfc6979_signature(RFC_PRIVATE, certificate.tbs_certificate_bytes)


def test_an_issued_certificate_is_signed_with_the_nonce_of_rfc_6979(ca):
    leaf = ca.issue_client("system:node:n1", ["system:nodes"], key_of("n1").public_key, YEAR, 2)
    signed = decode_dss_signature(leaf.signature)
    assert signed == rfc6979_signature(scalar(ca.key), leaf.tbs_certificate_bytes)


def test_a_request_is_signed_with_the_nonce_of_rfc_6979():
    key = KeyPair(ec.derive_private_key(RFC_PRIVATE, ec.SECP256R1()))
    request = x509.load_pem_x509_csr(build_request(key, "system:node:n1", ["system:nodes"]))
    signed = decode_dss_signature(request.signature)
    assert signed == rfc6979_signature(RFC_PRIVATE, request.tbs_certrequest_bytes)


@pytest.mark.parametrize("algorithm", ELLIPTIC)
def test_one_seed_gives_one_key(algorithm):
    assert key_of("a", algorithm).private_pem() == key_of("a", algorithm).private_pem()


@pytest.mark.parametrize("algorithm", ELLIPTIC)
def test_other_bytes_give_another_key(algorithm):
    assert len({scalar(key_of(label, algorithm)) for label in ("a", "b", "c", "a ", "")}) == 5


def test_the_next_key_of_one_stream_is_another():
    draw = stream("one")
    assert scalar(KeyPair.generate(P256, draw)) != scalar(KeyPair.generate(P256, draw))


def test_without_a_seed_every_key_is_new():
    assert scalar(KeyPair.generate()) != scalar(KeyPair.generate())


def test_a_key_is_on_p256_unless_told_otherwise():
    assert isinstance(KeyPair.generate().private_key.curve, ec.SECP256R1)


@pytest.mark.parametrize("algorithm", ELLIPTIC)
def test_the_scalar_is_drawn_with_64_bits_to_spare_and_reduced(algorithm):
    # FIPS 186-5, A.2.1: d = (c mod (n - 1)) + 1.
    curve, order = ORDERS[algorithm]
    asked = []

    def draw(size):
        asked.append(size)
        return stream("draw")(size)

    key = KeyPair.generate(algorithm, draw)
    assert asked == [order.bit_length() // 8 + 8]
    drawn = int.from_bytes(stream("draw")(asked[0]), "big")
    assert scalar(key) == drawn % (order - 1) + 1
    assert key.private_key.curve.name == curve.name


@pytest.mark.parametrize("algorithm", ELLIPTIC)
@pytest.mark.parametrize(
    ("drawn", "expected"),
    [(lambda n: 0, lambda n: 1), (lambda n: n - 2, lambda n: n - 1), (lambda n: n - 1, lambda n: 1)],
    ids=["zero", "the largest", "one past the largest"],
)
def test_the_ends_of_the_range_are_keys_too(algorithm, drawn, expected):
    order = ORDERS[algorithm][1]
    key = KeyPair.generate(algorithm, lambda size: drawn(order).to_bytes(size, "big"))
    assert scalar(key) == expected(order)


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_only_elliptic_keys_can_be_seeded(algorithm):
    assert algorithm.seedable is algorithm.value.startswith("ECDSA")


def test_the_algorithms_are_those_of_a_cluster_configuration():
    assert {str(algorithm) for algorithm in KeyAlgorithm} == {
        "ECDSA-P256",
        "ECDSA-P384",
        "RSA-2048",
        "RSA-3072",
        "RSA-4096",
    }


@pytest.mark.parametrize(
    ("algorithm", "bits", "armour"),
    [
        (P256, 256, b"EC PRIVATE KEY"),
        (P384, 384, b"EC PRIVATE KEY"),
        (KeyAlgorithm.RSA_2048, 2048, b"RSA PRIVATE KEY"),
        (KeyAlgorithm.RSA_3072, 3072, b"RSA PRIVATE KEY"),
        (KeyAlgorithm.RSA_4096, 4096, b"RSA PRIVATE KEY"),
    ],
)
def test_a_key_has_its_size_and_is_written_as_kubeadm_writes_it(keys, algorithm, bits, armour):
    key = keys(algorithm)
    assert key.private_key.key_size == bits
    assert key.private_pem().startswith(b"-----BEGIN " + armour + b"-----\n")
    assert key.public_pem().startswith(b"-----BEGIN PUBLIC KEY-----\n")


@pytest.mark.parametrize("algorithm", [P256, P384, KeyAlgorithm.RSA_2048])
def test_openssl_reads_the_keys_and_agrees_about_their_public_half(keys, openssl, algorithm):
    key = keys(algorithm)
    assert openssl(["pkey", "-pubout"], key.private_pem()) == key.public_pem()


@pytest.mark.parametrize("algorithm", [P256, P384, KeyAlgorithm.RSA_2048])
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_a_private_key_is_read_in_either_encoding(keys, algorithm, form):
    key = keys(algorithm)
    pem = key.private_key.private_bytes(
        serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), serialization.NoEncryption()
    )
    assert KeyPair.from_pem(pem).private_pem() == key.private_pem()


def test_the_first_private_key_of_a_text_is_read(ca):
    first, second = key_of("first"), key_of("second")
    text = b"notes\n" + ca.pem + first.private_pem() + ca.pem + second.private_pem()
    assert KeyPair.from_pem(text).matches(first.public_key)


def test_curve_parameters_before_a_key_are_passed_over():
    # As `openssl ecparam -genkey` writes it.
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert KeyPair.from_pem(parameters + key_of("k").private_pem()).matches(key_of("k").public_key)


def _ed25519():
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _encrypted():
    return key_of("k").private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        pytest.param(b"", "no PEM private key found", id="empty"),
        pytest.param(b"hello", "no PEM private key found", id="no PEM"),
        pytest.param(key_of("k").public_pem(), "no PEM private key found", id="public key only"),
        pytest.param(authority_of().pem, "no PEM private key found", id="certificate only"),
        pytest.param(key_of("k").private_pem()[:-40], "could not be read", id="end cut off"),
        pytest.param(key_of("k").private_pem()[:60], "could not be read", id="middle cut off"),
        pytest.param(
            b"-----BEGIN EC PRIVATE KEY-----\n!!\n-----END EC PRIVATE KEY-----\n",
            "could not be read",
            id="no base64",
        ),
        pytest.param(_encrypted(), "could not be read", id="encrypted"),
        pytest.param(_ed25519(), "neither ECDSA nor RSA", id="Ed25519"),
    ],
)
def test_what_is_no_usable_private_key_is_refused(pem, problem):
    with pytest.raises(ValueError, match=problem):
        KeyPair.from_pem(pem)


@pytest.mark.parametrize("cut", [40, 80, 120, 200])
def test_an_error_about_a_key_never_quotes_the_key(cut):
    pem = key_of("k").private_pem()
    with pytest.raises(ValueError, match="could not be read") as caught:
        KeyPair.from_pem(pem[:cut])
    body = pem.split(b"\n")[1].decode()
    assert body[:8] not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("algorithm", "shown"),
    [
        (P256, "<KeyPair secp256r1>"),
        (P384, "<KeyPair secp384r1>"),
        (KeyAlgorithm.RSA_2048, "<KeyPair RSA-2048>"),
    ],
)
def test_the_repr_of_a_key_tells_its_kind_and_nothing_else(keys, algorithm, shown):
    assert repr(keys(algorithm)) == str(keys(algorithm)) == shown


def test_a_key_matches_its_own_public_half_only(ca):
    assert ca.key.matches(ca.certificate.public_key())
    assert not ca.key.matches(key_of("other").public_key)
    assert not ca.key.matches(None)
    assert not ca.key.matches(ca.key.public_pem())
