"""Public-key pins: what ``--discovery-token-ca-cert-hash`` takes.

A pin is the SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4),
written ``sha256:<hex>``. The texts of the errors are kubeadm's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from joinsim.gofmt import quote
from joinsim.pki.certificates import public_key_of
from joinsim.pki.keys import PublicKey

__all__ = ["PinError", "PublicKeyPin", "any_pinned"]

_KNOWN = "Known format(s) are: sha256"
_HEX = "0123456789abcdefABCDEF"


class PinError(ValueError):
    """A pin that cannot be read; the message is kubeadm's."""


@dataclass(frozen=True)
class PublicKeyPin:
    """One pinned public key, by its SHA-256 digest (32 bytes)."""

    digest: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKeyPin:
        """Read ``format:hex-value``; the format in any case, the value in any case.

        >>> str(PublicKeyPin.parse("SHA256:" + "0A" * 32)) == "sha256:" + "0a" * 32
        True
        """
        parts = text.split(":")
        if len(parts) != 2:
            raise PinError(f'invalid hash, expected "format:hex-value". {_KNOWN}')
        kind, value = parts
        if kind.lower() != "sha256":
            raise PinError(f"unknown hash format {quote(kind)}. {_KNOWN}")
        # kubeadm counts bytes of text and halves them, so 65 digits pass this test
        # and fail the next one.
        length = len(_utf8(value)) // 2
        if length != hashlib.sha256().digest_size:
            raise PinError(
                f"invalid hash {quote(text)}, expected a 32 byte SHA-256 hash, found {length} bytes"
            )
        problem = _hex_problem(value)
        if problem:
            raise PinError(f"invalid hash {quote(text)}, could not decode SHA-256 from hex: {problem}")
        return cls(bytes.fromhex(value))

    @classmethod
    def of(cls, source: x509.Certificate | PublicKey) -> PublicKeyPin:
        """The pin of a certificate's public key, or of a public key."""
        key = public_key_of(source) if isinstance(source, x509.Certificate) else source
        return cls(hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest())

    def __str__(self) -> str:
        return f"sha256:{self.digest.hex()}"


def any_pinned(bundle: Iterable[x509.Certificate], pins: Iterable[PublicKeyPin]) -> bool:
    """Whether at least one certificate of a bundle carries a pinned key.

    This is all that kubeadm asks before it trusts the *whole* bundle. It is not a
    check that every certificate is pinned; do not use it as one.
    """
    wanted = frozenset(pins)
    return any(PublicKeyPin.of(certificate) in wanted for certificate in bundle)


def _utf8(value: str) -> bytes:
    # An argument that is no UTF-8 reaches Python as lone surrogates: refused below, not a crash.
    return value.encode(errors="surrogatepass")


def _hex_problem(value: str) -> str | None:
    for byte in _utf8(value):
        if chr(byte) not in _HEX:
            shown = f" '{chr(byte)}'" if chr(byte).isprintable() else ""
            return f"encoding/hex: invalid byte: U+{byte:04X}{shown}"
    return "encoding/hex: odd length hex string" if len(value) % 2 else None
