"""Whatever becomes of its requests, a kubelet installs only a certificate for its own key."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import event, given
from hypothesis import strategies as st

from joinsim.join.tls_bootstrap import AwaitCertificate, Install, Submit, TlsBootstrap
from joinsim.pki import Validity
from tests.join.material import NOW, authority, key_pair

PAUSES = (2.0, 4.0, 8.0, 16.0)
SHORT = Validity(NOW, NOW + timedelta(days=1))

conditions = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Approved", "Approved", "Denied", "Failed", "approved", "Other", ""]),
            "status": st.sampled_from(["True", "False", "Unknown"]),
            "reason": st.text(max_size=5),
        }
    ),
    max_size=2,
)
certificates = st.sampled_from(["own", "own", "of another key", "garbage", "no base64", "empty", ""])
uids = st.sampled_from(["the uid", "the uid", "the uid", "another"])
observations = st.tuples(conditions, certificates, uids)
happenings = st.lists(observations | st.sampled_from(["deleted", "timed out"]), max_size=4)


def encoded(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def issued(what: str, machine: TlsBootstrap) -> str:
    if what == "own":
        return encoded(
            authority()
            .issue_client("anyone", [], machine.key.public_key, SHORT, 7)
            .public_bytes(Encoding.PEM)
        )
    if what == "of another key":
        other = key_pair("somebody else").public_key
        return encoded(authority().issue_client("anyone", [], other, SHORT, 7).public_bytes(Encoding.PEM))
    return {"garbage": encoded(b"no certificate"), "no base64": "***", "empty": encoded(b""), "": ""}[what]


def check(submit: Submit) -> bytes:
    """What holds for every request; its public key."""
    spec = submit.request["spec"]
    assert spec["signerName"] == "kubernetes.io/kube-apiserver-client-kubelet"
    assert spec["usages"] == ["digital signature", "client auth"]
    assert spec.keys() == {"request", "signerName", "usages"}
    assert submit.request["metadata"] == {"generateName": "csr-"}
    assert "PRIVATE KEY" not in json.dumps(submit.request)
    csr = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == "CN=system:node:worker-1,O=system:nodes"
    assert not list(csr.extensions)
    return csr.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@given(st.lists(st.none() | happenings, min_size=1, max_size=8), st.floats(0, 1))
def test_only_an_approved_certificate_for_the_key_that_asked_is_installed(attempts, jitter):
    numbers = itertools.count()
    machine = TlsBootstrap("worker-1", lambda: key_pair(f"attempt {next(numbers)}"), lambda: jitter)
    step = machine.begin(10.0)
    assert step.at == 10
    keys: set[bytes] = set()
    for failures, happened in enumerate(attempts):
        assert isinstance(step, Submit)
        key, now = check(step), step.at
        assert key not in keys
        keys.add(key)
        if happened is None:
            step = machine.rejected("no", now)
        else:
            awaited = machine.submitted({"metadata": {"name": "csr-1", "uid": "the uid"}}, now)
            assert awaited == AwaitCertificate("csr-1", now + 900)
            step = None
            for what in happened:
                if what == "deleted":
                    step = machine.deleted(now)
                elif what == "timed out":
                    step = machine.timed_out(now)
                else:
                    kinds, certificate, uid = what
                    content = issued(certificate, machine)
                    status = {"conditions": kinds, "certificate": content}
                    asked = machine.key
                    step = machine.observed({"metadata": {"uid": uid}, "status": status}, now)
                    types = {kind["type"] for kind in kinds}
                    settled = uid != "the uid" or types & {"Denied", "Failed"}
                    answered = "Approved" in types and bool(content)
                    assert (step is None) == (not settled and not answered)
                    assert isinstance(step, Install) == (not settled and answered and certificate == "own")
                    if isinstance(step, Install):
                        event("installed")
                        assert step.key is asked
                        assert base64.b64decode(content) == step.pem
                        return
                if step is not None:
                    break
            if step is None:
                step = machine.timed_out(now)
        assert machine.problem
        assert isinstance(step, Submit)
        if failures < len(PAUSES):
            assert PAUSES[failures] <= step.at - now <= PAUSES[failures] * 1.1 + 1e-9
        else:
            assert step.at - now == pytest.approx(32)
    event("still asking")
