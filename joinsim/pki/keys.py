"""Key pairs, from a seed or from chance.

The names of the algorithms are kubeadm's (``encryptionAlgorithm`` of a
ClusterConfiguration). An ECDSA key made from seeded bytes is the same in every run;
an RSA key never is, since prime generation takes its chance from OpenSSL.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

__all__ = ["KeyAlgorithm", "KeyPair", "PrivateKey", "PublicKey", "RandomBytes"]

RandomBytes: TypeAlias = Callable[[int], bytes]
"""Gives so many random bytes: ``os.urandom``, or a stream of a seed."""

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
"""Kubernetes makes no Ed25519 keys and takes other people's: in a CA bundle, in a request."""


class KeyAlgorithm(StrEnum):
    """The kinds of key that kubeadm makes, by its own names."""

    ECDSA_P256 = "ECDSA-P256"
    ECDSA_P384 = "ECDSA-P384"
    RSA_2048 = "RSA-2048"
    RSA_3072 = "RSA-3072"
    RSA_4096 = "RSA-4096"

    @property
    def seedable(self) -> bool:
        """Whether the same random bytes always give the same key."""
        return self in _CURVES


_CURVES: dict[KeyAlgorithm, tuple[ec.EllipticCurve, int]] = {
    # The order of the group, from FIPS 186-5 and SEC 2.
    KeyAlgorithm.ECDSA_P256: (
        ec.SECP256R1(),
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    KeyAlgorithm.ECDSA_P384: (
        ec.SECP384R1(),
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
}

_RSA_BITS = {
    KeyAlgorithm.RSA_2048: 2048,
    KeyAlgorithm.RSA_3072: 3072,
    KeyAlgorithm.RSA_4096: 4096,
}


class KeyPair:
    """A private key and its public half. Its repr and its errors never show the key."""

    def __init__(self, private_key: PrivateKey) -> None:
        self.private_key = private_key
        self.public_key: PublicKey = private_key.public_key()

    @classmethod
    def generate(
        cls,
        algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256,
        random_bytes: RandomBytes = os.urandom,
    ) -> KeyPair:
        """Make a key pair.

        An ECDSA scalar is drawn with 64 bits to spare and reduced (FIPS 186-5, A.2.1),
        so the result depends on ``random_bytes`` alone. RSA keys ignore it.
        """
        if algorithm in _RSA_BITS:
            return cls(rsa.generate_private_key(65537, _RSA_BITS[algorithm]))
        curve, order = _CURVES[algorithm]
        drawn = int.from_bytes(random_bytes((order.bit_length() + 7) // 8 + 8), "big")
        return cls(ec.derive_private_key(drawn % (order - 1) + 1, curve))

    @classmethod
    def from_pem(cls, pem: bytes) -> KeyPair:
        """Read the first private key of a PEM text, in any of the usual encodings.

        Raises ValueError, without quoting the text, where there is none or it is of a
        kind that Kubernetes does not use.
        """
        start = pem.find(b"-----BEGIN ")
        while start >= 0 and b"PRIVATE KEY" not in pem[start : pem.find(b"\n", start)]:
            start = pem.find(b"-----BEGIN ", start + 1)
        if start < 0:
            raise ValueError("no PEM private key found")
        try:
            key = serialization.load_pem_private_key(pem[start:], password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("the PEM private key could not be read") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError("the PEM private key is neither ECDSA nor RSA")
        return cls(key)

    def private_pem(self) -> bytes:
        """The private key as kubeadm and the kubelet write it (SEC 1 or PKCS #1)."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    def public_pem(self) -> bytes:
        """The public key as a SubjectPublicKeyInfo in PEM."""
        return self.public_key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def matches(self, public_key: object) -> bool:
        """Whether a public key, of a certificate say, is this pair's own."""
        return self.public_key == public_key

    def __repr__(self) -> str:
        kind = "RSA" if isinstance(self.private_key, rsa.RSAPrivateKey) else self.private_key.curve.name
        return f"<KeyPair {kind}-{self.private_key.key_size}>" if kind == "RSA" else f"<KeyPair {kind}>"
