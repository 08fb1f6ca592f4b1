import base64
import itertools
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from joinsim.join.tls_bootstrap import AwaitCertificate, Install, Submit, TlsBootstrap
from joinsim.pki import Validity
from tests.join.material import NOW, authority, key_pair

SHORT = Validity(NOW, NOW + timedelta(days=1))
APPROVED = {"type": "Approved", "status": "True"}
WATCHING = "cannot watch on the certificate signing request: "


def bootstrap(*, jitter=0.0):
    numbers = itertools.count()
    return TlsBootstrap("worker-1", lambda: key_pair(f"attempt {next(numbers)}"), lambda: jitter)


def waiting():
    machine = bootstrap()
    machine.begin(0)
    machine.submitted({"metadata": {"name": "csr-1", "uid": "u"}}, 0)
    return machine


def issued_to(key):
    certificate = authority().issue_client("system:node:worker-1", ["system:nodes"], key.public_key, SHORT, 7)
    return base64.b64encode(certificate.public_bytes(Encoding.PEM)).decode()


def csr(*conditions, certificate="", uid="u"):
    status = {"conditions": [*conditions], "certificate": certificate}
    return {"metadata": {"name": "csr-1", "uid": uid}, "status": status}


def test_the_first_request_goes_out_at_once():
    step = bootstrap().begin(7.5)
    assert isinstance(step, Submit)
    assert step.at == 7.5


def test_the_request_is_the_one_that_the_approver_recognizes():
    request = bootstrap().begin(0).request
    assert request["apiVersion"] == "certificates.k8s.io/v1"
    assert request["kind"] == "CertificateSigningRequest"
    assert request["metadata"] == {"generateName": "csr-"}
    spec = request["spec"]
    assert spec["signerName"] == "kubernetes.io/kube-apiserver-client-kubelet"
    assert spec["usages"] == ["digital signature", "client auth"]
    assert "expirationSeconds" not in spec
    pem = base64.b64decode(spec["request"])
    assert pem.startswith(b"-----BEGIN CERTIFICATE REQUEST-----\n")
    asked = x509.load_pem_x509_csr(pem)
    assert [(attribute.oid._name, attribute.value) for attribute in asked.subject] == [
        ("organizationName", "system:nodes"),
        ("commonName", "system:node:worker-1"),
    ]
    assert isinstance(asked.public_key(), ec.EllipticCurvePublicKey)
    assert asked.public_key().curve.name == "secp256r1"
    assert isinstance(asked.signature_hash_algorithm, SHA256)
    assert len(asked.extensions) == 0


def test_a_request_that_is_stored_is_waited_for_fifteen_minutes():
    machine = bootstrap()
    machine.begin(0)
    stored = {"metadata": {"name": "csr-xyz12", "uid": "u"}}
    assert machine.submitted(stored, 3) == AwaitCertificate("csr-xyz12", 903)


def test_attempts_are_further_and_further_apart_and_then_steady():
    machine = bootstrap()
    step, moments = machine.begin(0), []
    for _ in range(8):
        moments.append(step.at)
        step = machine.rejected("no", step.at)
    assert moments == [0, 2, 6, 14, 30, 62, 94, 126]


def test_jitter_makes_the_first_pauses_up_to_a_tenth_longer_but_not_the_steady_ones():
    machine = bootstrap(jitter=1.0)
    step, pauses = machine.begin(0), []
    for _ in range(6):
        now = step.at
        step = machine.rejected("no", now)
        pauses.append(step.at - now)
    assert pauses == pytest.approx([2.2, 4.4, 8.8, 17.6, 32, 32])


def test_a_new_attempt_has_a_new_key():
    machine = bootstrap()
    first = machine.begin(0)
    key = machine.key
    second = machine.rejected("Unauthorized", 0)
    assert machine.problem == "cannot create certificate signing request: Unauthorized"
    assert machine.key is not key
    assert first.request["spec"]["request"] != second.request["spec"]["request"]


@pytest.mark.parametrize(
    "conditions",
    [[], [{"type": "approved"}], [{"type": "Other"}], [APPROVED], [{}]],
    ids=["none", "lower case", "another", "approved but not issued", "malformed"],
)
def test_there_is_nothing_to_do_until_the_certificate_is_there(conditions):
    assert waiting().observed(csr(*conditions), 1) is None


def test_a_certificate_without_approval_is_not_taken():
    machine = waiting()
    assert machine.observed(csr(certificate=issued_to(machine.key)), 1) is None


@pytest.mark.parametrize("status", ["True", "False", "Unknown", ""])
def test_an_approved_certificate_is_installed_whatever_the_conditions_status(status):
    machine = waiting()
    step = machine.observed(
        csr({"type": "Approved", "status": status}, certificate=issued_to(machine.key)), 1
    )
    assert isinstance(step, Install)
    assert step.key is machine.key
    assert step.key.matches(step.chain[0].public_key())
    assert base64.b64decode(issued_to(machine.key)) == step.pem


@pytest.mark.parametrize(
    ("kind", "said"),
    [("Denied", "certificate signing request is denied"), ("Failed", "certificate signing request failed")],
)
def test_a_refused_request_is_followed_by_a_new_one(kind, said):
    machine = waiting()
    key = machine.key
    refusal = {"type": kind, "reason": "Because", "message": "no"}
    # That it is approved and issued as well changes nothing.
    step = machine.observed(csr(APPROVED, refusal, certificate=issued_to(key)), 10)
    assert isinstance(step, Submit)
    assert step.at == 12
    assert machine.problem == f"{WATCHING}{said}, reason: Because, message: no"
    assert machine.key is not key


def test_another_request_of_the_same_name_is_not_ours():
    machine = waiting()
    step = machine.observed(csr(APPROVED, certificate=issued_to(machine.key), uid="other"), 0)
    assert isinstance(step, Submit)
    assert machine.problem == f'{WATCHING}csr "csr-1" changed UIDs'


def test_a_deleted_request_is_made_anew():
    machine = waiting()
    assert isinstance(machine.deleted(0), Submit)
    assert machine.problem == f'{WATCHING}csr "csr-1" was deleted'


def test_a_wait_in_vain_is_a_failed_attempt():
    machine = waiting()
    assert machine.timed_out(900).at == 902
    assert machine.problem == f"{WATCHING}timed out waiting for the condition"


@pytest.mark.parametrize(
    "certificate",
    ["***", base64.b64encode(b"nothing").decode(), base64.b64encode(b"").decode() or "====", "AAA"],
    ids=["no base64", "no PEM", "padding", "cut short"],
)
def test_what_is_no_certificate_is_not_installed(certificate):
    machine = waiting()
    assert isinstance(machine.observed(csr(APPROVED, certificate=certificate), 0), Submit)
    assert machine.problem == "tls: failed to find any PEM data in certificate input"


def test_a_certificate_for_another_key_is_not_installed():
    machine = waiting()
    step = machine.observed(csr(APPROVED, certificate=issued_to(key_pair("mallory"))), 0)
    assert isinstance(step, Submit)
    assert machine.problem == "tls: private key does not match public key"


def test_only_the_first_certificate_of_a_chain_must_fit():
    machine = waiting()
    pem = base64.b64decode(issued_to(machine.key))
    chain = base64.b64encode(pem + authority().pem).decode()
    step = machine.observed(csr(APPROVED, certificate=chain), 0)
    assert isinstance(step, Install)
    assert len(step.chain) == 2
    backwards = base64.b64encode(authority().pem + pem).decode()
    assert isinstance(waiting().observed(csr(APPROVED, certificate=backwards), 0), Submit)


def test_nothing_else_is_checked_on_a_certificate():
    """Not its subject, not who issued it, not its dates: the API server will be the judge."""
    machine = waiting()
    long_past = Validity(NOW - timedelta(days=20), NOW - timedelta(days=19))
    odd = authority("mallory").issue_client(
        "somebody", ["system:masters"], machine.key.public_key, long_past, 7
    )
    content = base64.b64encode(odd.public_bytes(Encoding.PEM)).decode()
    assert isinstance(machine.observed(csr(APPROVED, certificate=content), 0), Install)
