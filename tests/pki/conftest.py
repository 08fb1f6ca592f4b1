"""Keys and authorities that many tests share; RSA keys are slow to make, so each is made once."""

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from joinsim.pki import CertificateAuthority, KeyAlgorithm, KeyPair, Validity

DECADE = Validity(datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC))
YEAR = Validity(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def stream(label):
    """Random bytes of a test's own: SHA-256 of a label and a counter."""
    count = 0

    def draw(size):
        nonlocal count
        drawn = b""
        while len(drawn) < size:
            drawn += hashlib.sha256(f"{label}/{count}".encode()).digest()
            count += 1
        return drawn[:size]

    return draw


def key_of(label, algorithm=KeyAlgorithm.ECDSA_P256):
    return KeyPair.generate(algorithm, stream(label))


def authority_of(label="ca", *, key=None, name="kubernetes", period=DECADE):
    return CertificateAuthority.create(name, key or key_of(label), period, 1)


@pytest.fixture(scope="session")
def keys():
    """One key of every algorithm that kubeadm knows, made when first asked for."""
    made = {}

    def make(algorithm):
        if algorithm not in made:
            made[algorithm] = key_of(str(algorithm), algorithm)
        return made[algorithm]

    return make


@pytest.fixture
def ca():
    return authority_of()


@pytest.fixture(scope="session")
def openssl():
    """Run the ``openssl`` command: ``openssl(["x509", "-text"], content)`` gives what it prints."""
    if not shutil.which("openssl"):
        pytest.skip("the openssl command is not installed")

    def run(arguments, content=b""):
        done = subprocess.run(["openssl", *arguments], input=content, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run
