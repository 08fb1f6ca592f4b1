"""Certificates read and written the way Kubernetes' own clients do it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from joinsim.pki.keys import PublicKey

__all__ = [
    "CertificateError",
    "common_name",
    "extended_key_usages",
    "organizations",
    "parse_bundle",
    "public_key_of",
    "to_pem",
    "validity",
]

_BLOCK = re.compile(
    rb"^-----BEGIN CERTIFICATE-----[ \t\r]*\n(?P<body>(?:(?!^-----BEGIN ).)*?)^-----END CERTIFICATE-----[ \t\r]*$",
    re.DOTALL | re.MULTILINE,
)


class CertificateError(ValueError):
    """A text holds no certificate that can be used; the message is client-go's."""


@lru_cache(maxsize=256)
def parse_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read every certificate of a PEM bundle, in order. The last few bundles are remembered.

    As client-go does it: blocks of other types, blocks with headers, and what is no
    block because its end or its base64 is missing, are passed over; a block that holds
    no certificate spoils the whole bundle; none at all is an error.
    """
    found: list[x509.Certificate] = []
    for block in _BLOCK.finditer(pem):
        try:
            # A header has a colon, which is no base64 either.
            der = base64.b64decode(b"".join(block["body"].split()), validate=True)
        except binascii.Error:
            continue
        try:
            found.append(x509.load_der_x509_certificate(der))
        except (ValueError, x509.InvalidVersion) as error:
            raise CertificateError("x509: malformed certificate") from error
    if not found:
        raise CertificateError("data does not contain any valid RSA or ECDSA certificates")
    return tuple(found)


def to_pem(certificates: Iterable[x509.Certificate]) -> bytes:
    """The certificates as one PEM text, without anything between them."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def public_key_of(source: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey:
    """The public key in a certificate or a request; ValueError for one of another kind."""
    key = source.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        raise ValueError(f"unsupported public key type {type(key).__name__}")
    return key


def common_name(name: x509.Name) -> str:
    """The last CommonName of a distinguished name, or the empty string, as Go reads it."""
    values = _values(name, NameOID.COMMON_NAME)
    return values[-1] if values else ""


def organizations(name: x509.Name) -> tuple[str, ...]:
    """Every Organization of a distinguished name, in order: the groups of a Kubernetes user."""
    return tuple(_values(name, NameOID.ORGANIZATION_NAME))


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> Sequence[str]:
    return [str(attribute.value) for attribute in name.get_attributes_for_oid(oid)]


def extended_key_usages(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier]:
    """What the certificate says it may be used for; empty where it does not say."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(usages.value)


def validity(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """The first and the last second at which the certificate is valid, in UTC."""
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc
