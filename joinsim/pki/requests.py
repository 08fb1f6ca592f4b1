"""Certificate signing requests (PKCS #10): built by a kubelet, read by a signer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from joinsim.pki.certificates import common_name, organizations, public_key_of
from joinsim.pki.keys import KeyPair

__all__ = ["CertificateRequest", "RequestError", "build_request", "distinguished_name", "encoded_by_go"]

_REQUEST = re.compile(
    rb"^-----BEGIN CERTIFICATE REQUEST-----[ \t\r]*\n.*?^-----END CERTIFICATE REQUEST-----[ \t\r]*(?=\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_BEGIN = re.compile(rb"^-----BEGIN ([^\n]*?)-----", re.MULTILINE)
_GO_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_GO_ORDER = (
    NameOID.COUNTRY_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.STREET_ADDRESS,
    NameOID.POSTAL_CODE,
    NameOID.COMMON_NAME,
    NameOID.SERIAL_NUMBER,
)
_GO_CURVES = (ec.SECP224R1, ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_GO_SINGLE = (NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER)
_MALFORMED = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class RequestError(ValueError):
    """A text that is no signing request; the message is the API server's."""


def distinguished_name(name: str, groups: Sequence[str] = ()) -> x509.Name:
    """A subject as Go encodes one: organizations, then the common name."""
    attributes = [_attribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    if name:
        attributes.append(_attribute(NameOID.COMMON_NAME, name))
    return encoded_by_go(x509.Name(attributes))


def encoded_by_go(name: x509.Name) -> x509.Name:
    """A distinguished name as Go's ``pkix.Name`` writes it again, which is what a signer does.

    Attributes that it does not know are lost, the others come in its order, several of one
    type stand together as one relative name, and of common names the last is kept.
    """
    relative = []
    for oid in _GO_ORDER:
        values = [str(attribute.value) for attribute in name.get_attributes_for_oid(oid)]
        if oid in _GO_SINGLE:
            values = [value for value in values[-1:] if value]
        if values:
            attributes = [_attribute(oid, value) for value in dict.fromkeys(values)]
            relative.append(x509.RelativeDistinguishedName(attributes))
    return x509.Name(relative)


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    """An attribute whose string has the type that Go's asn1 gives it."""
    kind = _ASN1Type.PrintableString if _GO_PRINTABLE.fullmatch(value) else _ASN1Type.UTF8String
    return x509.NameAttribute(oid, value, kind, _validate=False)


def build_request(
    key: KeyPair,
    name: str,
    groups: Sequence[str] = (),
    *,
    alternative_names: Sequence[x509.GeneralName] = (),
) -> bytes:
    """A signed request in PEM. ECDSA signatures are deterministic (RFC 6979)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(distinguished_name(name, groups))
    if alternative_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative_names), critical=False)
    deterministic = True if isinstance(key.private_key, ec.EllipticCurvePrivateKey) else None
    request = builder.sign(key.private_key, hashes.SHA256(), ecdsa_deterministic=deterministic)
    return request.public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class CertificateRequest:
    """A signing request that parsed and whose own signature holds."""

    parsed: x509.CertificateSigningRequest

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, pem: bytes) -> CertificateRequest:
        """Read the first PEM block, which must be a ``CERTIFICATE REQUEST``.

        What stands after the block is ignored, as the API server ignores it. A request
        passes many hands in one cluster, so the last few are remembered. Raises
        :class:`RequestError`.
        """
        first = _BEGIN.search(pem)
        block = _REQUEST.search(pem)
        if not first or first[1] != b"CERTIFICATE REQUEST" or not block:
            raise RequestError("PEM block type must be CERTIFICATE REQUEST")
        try:
            request = x509.load_pem_x509_csr(_without_headers(block.group()))
            # These are read when first asked for, and nobody who asks later expects a failure.
            _ = request.subject, request.extensions, request.public_key()
        except _MALFORMED as error:
            # Divergence: of a malformed request Go says which structure it could not read, and it reads any version.
            raise RequestError("asn1: structure error: malformed certificate request") from error
        _refuse_unknown_key(request)
        try:
            valid = request.is_signature_valid
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            valid = False
        if not valid:
            raise RequestError("x509: signature over certificate request does not verify")
        return cls(request)

    @property
    def common_name(self) -> str:
        """The subject's CommonName: the user that the certificate will be."""
        return common_name(self.parsed.subject)

    @property
    def organizations(self) -> tuple[str, ...]:
        """The subject's Organizations: the groups that the certificate will give."""
        return organizations(self.parsed.subject)

    def all_alternative_names(self) -> x509.SubjectAlternativeName | None:
        """The subject alternative names that are asked for, None where there are none."""
        try:
            return self.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return None

    def alternative_names(self, kind: type[x509.GeneralName]) -> list[object]:
        """The subject alternative names of one kind, ``x509.DNSName`` say; empty where none."""
        return [name.value for name in self.all_alternative_names() or () if isinstance(name, kind)]


def _refuse_unknown_key(request: x509.CertificateSigningRequest) -> None:
    """Refuse keys that OpenSSL can read and Go's crypto/x509 cannot, in the words of the latter."""
    try:
        key = public_key_of(request)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RequestError("x509: cannot verify signature: algorithm unimplemented") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, _GO_CURVES):
        raise RequestError("x509: unsupported elliptic curve")


def _without_headers(block: bytes) -> bytes:
    # RFC 1421 headers ("Name: value" lines up to an empty one) are legal to the API
    # server and unknown to the PEM reader used here.
    lines = block.split(b"\n")
    body = [line for line in lines[1:-1] if b":" not in line and line.strip()]
    return b"\n".join([lines[0], *body, lines[-1]]) + b"\n"
