import base64

import pytest

from joinsim.api.csr import csr_state, request_bytes


def csr(*conditions, certificate=""):
    return {"status": {"conditions": [{"type": kind} for kind in conditions], "certificate": certificate}}


@pytest.mark.parametrize(
    ("value", "state"),
    [
        pytest.param({}, "pending", id="no status"),
        pytest.param(csr(), "pending", id="no conditions"),
        pytest.param(csr("Approved"), "approved", id="approved"),
        pytest.param(csr("Approved", certificate="LS0t"), "issued", id="issued"),
        pytest.param(csr("Denied"), "denied", id="denied"),
        pytest.param(csr("Denied", certificate="LS0t"), "denied", id="denied, whatever else it holds"),
        pytest.param(csr("Failed"), "pending", id="failed without an approval"),
        pytest.param(csr("Approved", "Failed"), "approved", id="approved, and the signer could not"),
        pytest.param(csr("approved"), "pending", id="lower case"),
        pytest.param({"status": {"conditions": "Approved"}}, "pending", id="conditions of another type"),
        pytest.param(
            {"status": {"conditions": ["Approved", None]}}, "pending", id="a condition of another type"
        ),
    ],
)
def test_the_state_of_a_request(value, state):
    assert csr_state(value) == state


@pytest.mark.parametrize("content", [b"", b"a", b"hello\n", bytes(range(256))])
def test_the_request_is_decoded(content):
    assert request_bytes({"spec": {"request": base64.b64encode(content).decode()}}) == content


def test_line_ends_within_the_base64_are_passed_over():
    assert request_bytes({"spec": {"request": "aGVs\r\nbG8=\n"}}) == b"hello"


@pytest.mark.parametrize(
    "value",
    [{}, {"spec": {}}, {"spec": None}, {"spec": {"request": 5}}, {"spec": {"request": ["YQ=="]}}]
    + [
        {"spec": {"request": text}}
        for text in ("YQ", "Y!Q==", "aGVsbG8", "_-8=", "YQ==YQ==", "\u00e9", " YQ==")
    ],
    ids=ascii,
)
def test_what_is_no_base64_reads_as_empty(value):
    assert request_bytes(value) == b""
