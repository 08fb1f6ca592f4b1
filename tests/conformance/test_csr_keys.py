"""Keys that OpenSSL knows and Go's crypto/x509 does not: refused, and nothing worse."""

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding

from joinsim.wire import ClientTls
from tests.conformance.recorded.stage import CSRS, Stage, csr_body
from tests.pair import TOKEN

CURVE, ALGORITHM = (
    "x509: unsupported elliptic curve",
    "x509: cannot verify signature: algorithm unimplemented",
)


@pytest.mark.parametrize(
    ("make_key", "digest", "problem"),
    [
        (lambda: ec.derive_private_key(7, ec.SECP256K1()), hashes.SHA256(), CURVE),
        (lambda: ec.derive_private_key(7, ec.BrainpoolP256R1()), hashes.SHA256(), CURVE),
        (lambda: ed448.Ed448PrivateKey.from_private_bytes(bytes(57)), None, ALGORITHM),
        (lambda: dsa.generate_private_key(1024), hashes.SHA256(), ALGORITHM),
    ],
    ids=["secp256k1", "brainpool", "Ed448", "DSA"],
)
def test_a_csr_with_a_key_that_go_cannot_use_is_invalid(play, make_key, digest, problem):
    subject = x509.Name.from_rfc4514_string("CN=system:node:a,O=system:nodes")
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(make_key(), digest)
    encoded = base64.b64encode(request.public_bytes(Encoding.PEM)).decode()

    async def body(world):
        stage = await Stage.set(world)
        headers = [("Content-Type", "application/json"), ("Authorization", f"Bearer {TOKEN.value}")]
        sent = json.dumps(csr_body(encoded, name="a")).encode()
        answer = await stage.send(ClientTls(None), "POST", CSRS, headers, sent)
        refusal = json.loads(answer.body)
        assert answer.status == 422
        assert refusal["details"]["causes"][0]["message"].endswith(problem)

    play(body)
