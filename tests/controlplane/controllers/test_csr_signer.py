"""What the signer makes, read by an X.509 library that had no part in making it (OpenSSL's)."""

import base64
import ipaddress
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import trio
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS
from joinsim.controlplane.controllers.csr_shapes import shape_problem
from joinsim.controlplane.controllers.csr_signer import signed_validity
from joinsim.errors import ApiError
from joinsim.pki import CertificateRequest
from joinsim.wire import Headers, Request
from tests.controlplane.api import CSRS, KUBELET_SIGNER, NOW, TOKEN_USER, a_csr, a_key, an_authority
from tests.pair import JoinPair

SERVING = "kubernetes.io/kubelet-serving"
CLIENT = "kubernetes.io/kube-apiserver-client"


def signed(play, *, decide=True, wait=0.05, ca_validity=None, **fields):
    """The stored CSR, after the administrator made and approved it; and the cluster's CA."""

    async def body(world):
        more = {"ca_validity": ca_validity} if ca_validity else {}
        pair = await JoinPair.create(world, **more)
        admin = pair.administrator()
        stored = await admin.create(CSRS, a_csr(**fields))
        if decide:
            stored["status"] = {"conditions": [{"type": "Approved", "status": "True"}]}
            # The approver may have been faster.
            with suppress(ApiError):
                await admin.update(f"{CSRS}/csr-1/approval", stored)
        await trio.sleep(wait)
        found = pair.control_plane.store.get(CERTIFICATE_SIGNING_REQUESTS, "csr-1")
        return found, x509.load_pem_x509_certificate(pair.control_plane.ca_pem)

    return play(body)


def certificate_of(csr):
    return x509.load_pem_x509_certificate(base64.b64decode(csr["status"]["certificate"]))


def test_a_certificate_is_the_requests_subject_and_key_under_the_clusters_ca(play):
    csr, ca = signed(play)
    certificate = certificate_of(csr)
    assert certificate.subject.rfc4514_string() == "CN=system:node:worker-1,O=system:nodes"
    assert certificate.public_key() == a_key().public_key
    assert certificate.issuer == ca.subject
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(ca))
    store.set_time(NOW.replace(tzinfo=None) + timedelta(hours=1))
    crypto.X509StoreContext(store, crypto.X509.from_cryptography(certificate)).verify_certificate()


def test_a_certificate_has_these_extensions_and_no_others(play):
    csr, ca = signed(play)
    found = {
        extension.oid: (extension.critical, extension.value) for extension in certificate_of(csr).extensions
    }
    critical, usage = found.pop(x509.KeyUsage.oid)
    assert critical
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, False, False)
    critical, purposes = found.pop(x509.ExtendedKeyUsage.oid)
    assert (critical, [*purposes]) == (False, [ExtendedKeyUsageOID.CLIENT_AUTH])
    critical, constraints = found.pop(x509.BasicConstraints.oid)
    assert (critical, constraints.ca) == (True, False)
    _, issuer = found.pop(x509.AuthorityKeyIdentifier.oid)
    subject = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer.key_identifier == subject.digest
    assert found == {}


def test_serial_numbers_are_long_and_differ(play):
    serials = {
        certificate_of(signed(lambda body, seed=seed: play(body, seed=seed))[0]).serial_number
        for seed in (1, 2)
    }
    assert len(serials) == 2
    assert all(0 < serial < 2**128 for serial in serials)
    assert max(serials) > 2**96


@pytest.mark.parametrize(
    ("asked", "lasts"),
    [
        (600, 600),
        (3600, 3600),
        (8 * 3600 - 1, 8 * 3600 - 1),
        (8 * 3600, 8 * 3600 - 300),
        (2**31 - 1, 8760 * 3600 - 300),
    ],
)
def test_it_begins_five_minutes_ago_and_lasts_what_was_asked(play, asked, lasts):
    csr, _ = signed(play, expirationSeconds=asked)
    certificate = certificate_of(csr)
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == NOW + timedelta(seconds=lasts)


def test_it_lasts_a_year_where_nothing_was_asked(play):
    csr, _ = signed(play)
    assert certificate_of(csr).not_valid_after_utc == NOW + timedelta(hours=8760, minutes=-5)


def test_it_ends_with_its_authority(play):
    csr, ca = signed(play, ca_validity=timedelta(hours=24))
    assert certificate_of(csr).not_valid_after_utc == ca.not_valid_after_utc


def test_an_authority_whose_time_is_up_signs_nothing_and_fails_nothing(play):
    async def body(world):
        pair = await JoinPair.create(world, ca_validity=timedelta(hours=1))
        await trio.sleep(2 * 3600)
        # In process: no client would trust this server any more.
        server = pair.control_plane.apiserver
        headers = Headers([("Content-Type", "application/json")])
        request = Request("POST", CSRS, headers, json.dumps(a_csr()).encode())
        assert server.handle_as(TOKEN_USER, request).status == 201
        await trio.sleep(60)
        found = pair.control_plane.store.get(CERTIFICATE_SIGNING_REQUESTS, "csr-1")
        assert [condition["type"] for condition in found["status"]["conditions"]] == ["Approved"]
        assert "certificate" not in found["status"]

    play(body)


def test_names_that_were_asked_for_are_kept(play):
    sans = (x509.DNSName("worker-1"), x509.IPAddress(ipaddress.ip_address("10.0.0.9")))
    csr, _ = signed(play, signer=SERVING, usages=["server auth", "digital signature"], sans=sans)
    names = certificate_of(csr).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [*names] == [*sans]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"orgs": ("team",)}, "subject organization is not system:nodes"),
        ({"cn": "alice"}, "subject common name does not begin with system:node:"),
        ({"sans": (x509.DNSName("a"),)}, "DNS subjectAltNames are not allowed"),
        ({"sans": (x509.RFC822Name("a@b"),)}, "Email subjectAltNames are not allowed"),
        ({"sans": (x509.UniformResourceIdentifier("a:b"),)}, "URI subjectAltNames are not allowed"),
        (
            {"usages": ["client auth"]},
            "usages did not match [client auth digital signature key encipherment]",
        ),
        (
            {"signer": SERVING, "usages": ["server auth", "digital signature"]},
            "DNS or IP subjectAltName is required",
        ),
        (
            {"signer": SERVING, "usages": ["server auth"], "sans": (x509.DNSName("a"),)},
            "usages did not match [digital signature key encipherment server auth]",
        ),
        (
            {"signer": CLIENT, "usages": ["server auth"]},
            "missing required usage for client certificate: client auth",
        ),
        (
            {"signer": CLIENT, "usages": ["client auth", "server auth"]},
            "invalid usage for client certificate: server auth",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_an_approved_request_of_a_bad_shape_fails_in_its_signers_words(play, fields, message):
    csr, _ = signed(play, **fields)
    approved, failed = csr["status"]["conditions"]
    assert approved["type"] == "Approved"
    assert (failed["type"], failed["status"], failed["reason"]) == (
        "Failed",
        "True",
        "SignerValidationFailure",
    )
    assert failed["message"] == message
    assert "certificate" not in csr["status"]


def test_what_was_not_approved_is_not_signed(play):
    csr, _ = signed(play, decide=False, wait=100, signer=CLIENT)
    assert csr["status"] == {}


@pytest.mark.parametrize("signer", ["example.com/mine", "kubernetes.io/not-recognised"])
def test_nobody_signs_for_a_signer_that_is_not_ours(play, signer):
    csr, _ = signed(play, wait=100, signer=signer)
    assert [condition["type"] for condition in csr["status"]["conditions"]] == ["Approved"]
    assert "certificate" not in csr["status"]


def test_requests_are_handled_as_in_the_controllers_own_table(play, vectors):
    for case in json.loads((vectors / "csr_signer.json").read_text())["handle"]:
        outcome = case["outcome"]
        if case["signerName"].endswith("legacy-unknown") or outcome == "no API call":
            continue  # Nobody can make the first over the API; the others are tests of their own.
        csr, _ = signed(
            play,
            cn=case["commonName"] or "x",
            orgs=tuple(case["organization"]),
            signer=case["signerName"],
            usages=case["usages"] or ["client auth"],
            sans=tuple(x509.DNSName(name) for name in case["dnsNames"]),
        )
        types = [condition["type"] for condition in csr["status"]["conditions"]]
        assert ("certificate" in csr["status"]) is (outcome == "signed"), case["name"]
        assert ("Failed" in types) is outcome.startswith("Failed"), case["name"]


def test_durations_are_as_in_the_controllers_own_table(vectors):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for case in json.loads((vectors / "csr_signer.json").read_text())["duration"]:
        asked = case["expiration_seconds"]
        if asked is None or asked > case["cert_ttl_seconds"]:
            continue  # The cluster's own duration is a year here.
        assert signed_validity(now, asked).not_after == now + timedelta(seconds=case["result_seconds"]), case[
            "name"
        ]


def test_usages_become_key_usages_as_in_the_authoritys_own_table(play, vectors):
    named = {
        "digitalSignature": "digital_signature",
        "keyCertSign": "key_cert_sign",
        "cRLSign": "crl_sign",
        "contentCommitment": "content_commitment",
    }
    purposes = {
        "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
        "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
        "OCSPSigning": ExtendedKeyUsageOID.OCSP_SIGNING,
    }
    request = CertificateRequest.parse(base64.b64decode(a_csr()["spec"]["request"]))
    for case in json.loads((vectors / "csr_signer.json").read_text())["key_usages"]:
        if case.get("error") or "encipher only" in case["usages"]:
            continue  # Validation lets no unknown usage in; X.509 knows encipherOnly beside keyAgreement only.
        certificate = an_authority().sign_request(request, case["usages"], signed_validity(NOW, None), 1)
        extensions = {extension.oid: extension.value for extension in certificate.extensions}
        usage = extensions.get(x509.KeyUsage.oid)
        for name, field in named.items():
            assert bool(usage and getattr(usage, field)) is (name in case["key_usage"]), case
        found = {*extensions.get(x509.ExtendedKeyUsage.oid, ())}
        assert found == {purposes[name] for name in case["ext_key_usage"]}, case


def test_an_empty_node_name_has_the_right_shape():
    request = CertificateRequest.parse(base64.b64decode(a_csr(cn="system:node:")["spec"]["request"]))
    assert shape_problem(KUBELET_SIGNER, request, ["client auth", "digital signature"]) == ""
