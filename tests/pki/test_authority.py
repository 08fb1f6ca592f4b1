import base64
import ipaddress
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from joinsim.pki import (
    CertificateAuthority,
    CertificateRequest,
    KeyAlgorithm,
    KeyPair,
    Validity,
    build_request,
    to_pem,
    validity,
)
from tests.pki.conftest import DECADE, YEAR, authority_of, key_of

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
KEY = key_of("leaf")
KUBELET_USAGES = ["digital signature", "client auth"]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


def request_of(name="system:node:n1", groups=("system:nodes",), key=KEY, **more):
    return CertificateRequest.parse(build_request(key, name, list(groups), **more))


def extensions_of(certificate):
    return [(extension.oid._name, extension.critical) for extension in certificate.extensions]


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def uses_of(certificate):
    usage = extension(certificate, x509.KeyUsage)
    return {use for use in USES if getattr(usage, use)}


def bits_of_key(public_key):
    # RFC 5280, section 4.2.1.2, method 1: SHA-1 of the key's bit string, and of nothing around it.
    if hasattr(public_key, "curve"):
        bits = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        bits = public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    digest = hashes.Hash(hashes.SHA1())
    digest.update(bits)
    return digest.finalize()


# --- the CA itself ---------------------------------------------------------------


def test_a_ca_has_the_extensions_of_kubeadms_and_no_others(ca):
    assert extensions_of(ca.certificate) == [
        ("keyUsage", True),
        ("basicConstraints", True),
        ("subjectKeyIdentifier", False),
        ("subjectAltName", False),
    ]
    assert uses_of(ca.certificate) == {"digital_signature", "key_encipherment", "key_cert_sign"}
    basic = extension(ca.certificate, x509.BasicConstraints)
    assert basic.ca
    assert basic.path_length is None
    assert list(extension(ca.certificate, x509.SubjectAlternativeName)) == [x509.DNSName("kubernetes")]


@pytest.mark.parametrize("name", ["kubernetes", "etcd-ca", "front-proxy-ca"])
def test_a_ca_is_named_in_its_subject_its_issuer_and_as_a_dns_name(name):
    certificate = authority_of(name=name).certificate
    assert certificate.subject.rfc4514_string() == certificate.issuer.rfc4514_string() == f"CN={name}"
    assert list(extension(certificate, x509.SubjectAlternativeName)) == [x509.DNSName(name)]


def test_a_ca_is_a_version_3_certificate_with_the_serial_and_times_it_was_given():
    authority = CertificateAuthority.create("kubernetes", key_of("ca"), DECADE, 2**120 + 5)
    assert authority.certificate.version is x509.Version.v3
    assert authority.certificate.serial_number == 2**120 + 5
    assert validity(authority.certificate) == (DECADE.not_before, DECADE.not_after)


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.RSA_2048])
def test_the_subject_key_identifier_is_the_hash_of_the_key(keys, algorithm):
    authority = authority_of(key=keys(algorithm))
    identifier = extension(authority.certificate, x509.SubjectKeyIdentifier)
    assert identifier.digest == bits_of_key(authority.key.public_key)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (KeyAlgorithm.ECDSA_P256, SignatureAlgorithmOID.ECDSA_WITH_SHA256),
        (KeyAlgorithm.RSA_2048, SignatureAlgorithmOID.RSA_WITH_SHA256),
    ],
)
def test_the_cas_key_decides_the_signature_algorithm(keys, algorithm, expected):
    authority = authority_of(key=keys(algorithm))
    leaf = authority.issue_client("n", [], KEY.public_key, YEAR, 2)
    assert authority.certificate.signature_algorithm_oid == leaf.signature_algorithm_oid == expected


def test_one_seed_gives_the_same_certificates_byte_for_byte():
    def everything():
        authority = authority_of("seed")
        leaves = [
            authority.issue_server("n", KEY.public_key, ["n", "10.0.0.1"], YEAR, 2),
            authority.issue_client("alice", ["dev"], KEY.public_key, YEAR, 3),
            authority.sign_request(request_of(), KUBELET_USAGES, YEAR, 4),
        ]
        return authority.pem + to_pem(leaves)

    assert everything() == everything()


def test_another_seed_gives_another_certificate():
    assert authority_of("a").pem != authority_of("b").pem


# --- leaves ----------------------------------------------------------------------


def test_a_serving_certificate_has_the_extensions_of_kubeadms_and_no_others(ca):
    leaf = ca.issue_server("kube-apiserver", KEY.public_key, ["kubernetes"], YEAR, 2)
    assert extensions_of(leaf) == [
        ("keyUsage", True),
        ("extendedKeyUsage", False),
        ("basicConstraints", True),
        ("authorityKeyIdentifier", False),
        ("subjectAltName", False),
    ]
    assert uses_of(leaf) == {"digital_signature", "key_encipherment"}
    assert list(extension(leaf, x509.ExtendedKeyUsage)) == [SERVER]
    assert not extension(leaf, x509.BasicConstraints).ca


def test_etcds_certificate_serves_and_asks(ca):
    leaf = ca.issue_server("etcd", KEY.public_key, ["localhost"], YEAR, 2, client_too=True)
    assert list(extension(leaf, x509.ExtendedKeyUsage)) == [SERVER, CLIENT]


def test_a_client_certificate_has_no_alternative_names(ca):
    leaf = ca.issue_client("kubernetes-admin", ["kubeadm:cluster-admins"], KEY.public_key, YEAR, 2)
    assert extensions_of(leaf) == [
        ("keyUsage", True),
        ("extendedKeyUsage", False),
        ("basicConstraints", True),
        ("authorityKeyIdentifier", False),
    ]
    assert uses_of(leaf) == {"digital_signature", "key_encipherment"}
    assert list(extension(leaf, x509.ExtendedKeyUsage)) == [CLIENT]
    assert leaf.subject.rfc4514_string() == "CN=kubernetes-admin,O=kubeadm:cluster-admins"


def test_a_leaf_names_its_issuer_and_the_issuers_key(ca):
    leaf = ca.issue_client("n", [], KEY.public_key, YEAR, 2)
    identifier = extension(leaf, x509.AuthorityKeyIdentifier)
    assert leaf.issuer == ca.certificate.subject
    assert identifier.key_identifier == extension(ca.certificate, x509.SubjectKeyIdentifier).digest
    assert identifier.authority_cert_issuer is identifier.authority_cert_serial_number is None


def test_host_names_and_addresses_are_told_apart_and_kept_in_order():
    hosts = ["n1", "10.96.0.1", "::1", "kubernetes.default.svc", "127.0.0.1", "010.1.1.1", "1.2.3"]
    leaf = authority_of().issue_server("n1", KEY.public_key, hosts, YEAR, 2)
    assert list(extension(leaf, x509.SubjectAlternativeName)) == [
        x509.DNSName("n1"),
        x509.IPAddress(ipaddress.ip_address("10.96.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
        x509.DNSName("kubernetes.default.svc"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        # Not addresses to Go either.
        x509.DNSName("010.1.1.1"),
        x509.DNSName("1.2.3"),
    ]


def test_a_host_that_is_named_twice_stands_there_once(ca):
    leaf = ca.issue_server("n1", KEY.public_key, ["n1", "10.0.0.1", "n1", "10.0.0.1"], YEAR, 2)
    assert len(list(extension(leaf, x509.SubjectAlternativeName))) == 2


def test_without_hosts_there_are_no_alternative_names(ca):
    leaf = ca.issue_server("n1", KEY.public_key, [], YEAR, 2)
    assert "subjectAltName" not in dict(extensions_of(leaf))


# --- chains, judged by others ----------------------------------------------------


@pytest.mark.parametrize(
    "algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048]
)
@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
def test_openssl_verifies_the_chain(keys, openssl, tmp_path, algorithm, purpose):
    authority = authority_of(key=keys(algorithm))
    if purpose == "sslserver":
        leaf = authority.issue_server("n1", KEY.public_key, ["n1"], YEAR, 2)
    else:
        leaf = authority.sign_request(request_of(), KUBELET_USAGES, YEAR, 2)
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    asked = ["-x509_strict", "-purpose", purpose, "-attime", str(int(NOW.timestamp()))]
    openssl(["verify", "-CAfile", str(tmp_path / "ca.crt"), *asked], to_pem([leaf]))


def _store(authority):
    return verification.PolicyBuilder().store(verification.Store([authority.certificate])).time(NOW)


def test_another_verifier_finds_the_server_by_name_and_by_address(ca):
    leaf = ca.issue_server("n1", KEY.public_key, ["n1.example", "10.0.0.1"], YEAR, 2)
    address = x509.IPAddress(ipaddress.ip_address("10.0.0.1"))
    for subject in (x509.DNSName("n1.example"), address):
        assert _store(ca).build_server_verifier(subject).verify(leaf, [])[-1] == ca.certificate
    with pytest.raises(verification.VerificationError):
        _store(ca).build_server_verifier(x509.DNSName("n2.example")).verify(leaf, [])


def test_a_leaf_verifies_against_its_own_authority_only(ca):
    leaf = ca.issue_client("system:node:n1", ["system:nodes"], KEY.public_key, YEAR, 2)
    leaf.verify_directly_issued_by(ca.certificate)
    impostor = authority_of("impostor")
    assert impostor.certificate.subject == ca.certificate.subject
    with pytest.raises(InvalidSignature):
        leaf.verify_directly_issued_by(impostor.certificate)


# --- the signing controller ------------------------------------------------------


def test_the_subject_and_the_key_are_the_requests(ca):
    leaf = ca.sign_request(request_of(), KUBELET_USAGES, YEAR, 7)
    assert leaf.subject == request_of().parsed.subject
    assert leaf.public_key() == KEY.public_key
    assert leaf.serial_number == 7
    assert leaf.issuer == ca.certificate.subject


def test_alternative_names_are_copied_and_other_requested_extensions_are_not(ca):
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("a"), x509.IPAddress(ipaddress.ip_address("::1"))]),
        critical=True,
    )
    builder = builder.add_extension(x509.ExtendedKeyUsage([SERVER]), critical=False)
    pem = builder.sign(KEY.private_key, hashes.SHA256()).public_bytes(Encoding.PEM)
    leaf = ca.sign_request(CertificateRequest.parse(pem), ["client auth"], YEAR, 2)
    assert extensions_of(leaf)[:3] == [
        ("extendedKeyUsage", False),
        ("basicConstraints", True),
        ("authorityKeyIdentifier", False),
    ]
    assert not extension(leaf, x509.BasicConstraints).ca
    assert list(extension(leaf, x509.ExtendedKeyUsage)) == [CLIENT]
    assert list(extension(leaf, x509.SubjectAlternativeName)) == [
        x509.DNSName("a"),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(timedelta(days=3650), DECADE.not_after, id="longer than the CA"),
        pytest.param(timedelta(seconds=1), DECADE.not_after, id="one second longer"),
        pytest.param(timedelta(0), DECADE.not_after, id="just as long"),
        pytest.param(timedelta(seconds=-1), DECADE.not_after - timedelta(seconds=1), id="one second shorter"),
    ],
)
def test_the_end_is_cut_to_the_cas_own(ca, after, expected):
    period = Validity(DECADE.not_before, DECADE.not_after + after)
    leaf = ca.sign_request(request_of(), KUBELET_USAGES, period, 2)
    assert validity(leaf) == (DECADE.not_before, expected)


@pytest.mark.parametrize(
    ("usage", "use"),
    [
        ("signing", "digital_signature"),
        ("digital signature", "digital_signature"),
        ("content commitment", "content_commitment"),
        ("key encipherment", "key_encipherment"),
        ("data encipherment", "data_encipherment"),
        ("key agreement", "key_agreement"),
        ("cert sign", "key_cert_sign"),
        ("crl sign", "crl_sign"),
    ],
)
def test_each_usage_of_the_api_sets_its_own_bit(ca, usage, use):
    leaf = ca.sign_request(request_of(), [usage], YEAR, 2)
    assert uses_of(leaf) == {use}
    assert ("keyUsage", True) in extensions_of(leaf)
    assert "extendedKeyUsage" not in dict(extensions_of(leaf))


@pytest.mark.parametrize(
    ("usage", "oid"),
    [
        ("any", "2.5.29.37.0"),
        ("server auth", "1.3.6.1.5.5.7.3.1"),
        ("client auth", "1.3.6.1.5.5.7.3.2"),
        ("code signing", "1.3.6.1.5.5.7.3.3"),
        ("email protection", "1.3.6.1.5.5.7.3.4"),
        ("s/mime", "1.3.6.1.5.5.7.3.4"),
        ("ipsec end system", "1.3.6.1.5.5.7.3.5"),
        ("ipsec tunnel", "1.3.6.1.5.5.7.3.6"),
        ("ipsec user", "1.3.6.1.5.5.7.3.7"),
        ("timestamping", "1.3.6.1.5.5.7.3.8"),
        ("ocsp signing", "1.3.6.1.5.5.7.3.9"),
        ("microsoft sgc", "1.3.6.1.4.1.311.10.3.3"),
        ("netscape sgc", "2.16.840.1.113730.4.1"),
    ],
)
def test_each_extended_usage_of_the_api_has_its_object_identifier(ca, usage, oid):
    leaf = ca.sign_request(request_of(), [usage], YEAR, 2)
    assert [each.dotted_string for each in extension(leaf, x509.ExtendedKeyUsage)] == [oid]
    assert "keyUsage" not in dict(extensions_of(leaf))


@pytest.mark.parametrize("usage", ["encipher only", "decipher only"])
def test_two_usages_mean_something_beside_key_agreement(ca, usage):
    usages = extension(ca.sign_request(request_of(), ["key agreement", usage], YEAR, 2), x509.KeyUsage)
    assert (usages.encipher_only, usages.decipher_only) == (
        usage == "encipher only",
        usage == "decipher only",
    )


NAMES_OF_BITS = {
    "digitalSignature": "digital_signature",
    "contentCommitment": "content_commitment",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}


def test_the_table_of_key_usages(vectors, ca):
    compared = 0
    for case in json.loads((vectors / "csr_signer.json").read_text())["key_usages"]:
        # Neither can be had here: what validation lets nobody ask for, and a usage without its companion.
        if case.get("error") or "encipher only" in case["usages"]:
            continue
        leaf = ca.sign_request(request_of(), case["usages"], YEAR, 2)
        if case["key_usage"]:
            assert uses_of(leaf) == {NAMES_OF_BITS[name] for name in case["key_usage"]}
        else:
            assert "keyUsage" not in dict(extensions_of(leaf))
        if case["ext_key_usage"]:
            assert [each._name for each in extension(leaf, x509.ExtendedKeyUsage)] == case["ext_key_usage"]
        else:
            assert "extendedKeyUsage" not in dict(extensions_of(leaf))
        compared += 1
    assert compared == 4


def _recorded_certificates(recorded):
    for path in sorted((recorded / "exchanges").glob("c*_cert.json")):
        created = path.with_name(path.name.replace("_cert", "_create"))
        spec = json.loads(created.read_text())["request"]["body"]["spec"]
        pem = json.loads(path.read_text())["pem_text"].encode()
        yield path.stem, spec, x509.load_pem_x509_certificate(pem)


def test_what_a_real_cluster_signed_is_signed_alike_here(recorded, keys):
    authority = authority_of(key=keys(KeyAlgorithm.RSA_2048))
    compared = 0
    for name, spec, real in _recorded_certificates(recorded):
        request = CertificateRequest.parse(base64.b64decode(spec["request"]))
        period = Validity(*validity(real))
        made = authority.sign_request(request, spec["usages"], period, real.serial_number)
        assert extensions_of(made) == extensions_of(real), name
        for ours, theirs in zip(made.extensions, real.extensions, strict=True):
            if not isinstance(ours.value, x509.AuthorityKeyIdentifier):
                assert ours.value == theirs.value, name
        assert made.public_key() == real.public_key(), name
        assert set(map(str, made.subject)) == set(map(str, real.subject)), name
        assert made.signature_algorithm_oid == real.signature_algorithm_oid, name
        assert validity(made) == validity(real), name
        compared += 1
    assert compared >= 20


def test_extended_usages_come_once_each_and_in_gos_order(ca):
    usages = ["ocsp signing", "s/mime", "client auth", "email protection", "server auth", "any"]
    leaf = ca.sign_request(request_of(), usages, YEAR, 2)
    assert [each.dotted_string for each in extension(leaf, x509.ExtendedKeyUsage)] == [
        "2.5.29.37.0",
        "1.3.6.1.5.5.7.3.1",
        "1.3.6.1.5.5.7.3.2",
        "1.3.6.1.5.5.7.3.4",
        "1.3.6.1.5.5.7.3.9",
    ]


def test_a_key_from_chance_makes_a_ca_like_any_other():
    key = KeyPair.generate()
    assert CertificateAuthority.create("kubernetes", key, DECADE, 1).key is key
