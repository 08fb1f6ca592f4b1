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
from cryptography.x509.oid import NameOID

from joinsim.pki.certificates import common_name, organizations, public_key_of
from joinsim.pki.keys import KeyPair

__all__ = ["CertificateRequest", "RequestError", "build_request", "distinguished_name"]

_REQUEST = re.compile(
    rb"^-----BEGIN CERTIFICATE REQUEST-----[ \t\r]*\n.*?^-----END CERTIFICATE REQUEST-----[ \t\r]*(?=\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_BEGIN = re.compile(rb"^-----BEGIN ([^\n]*?)-----", re.MULTILINE)
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
    """A subject in the order in which Go encodes one: organizations, then the common name."""
    # Divergence: Go writes printable names as PrintableString, and several organizations as
    # one set; here all are UTF8String and each stands alone. Every reader sees the same names.
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    if name:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    return x509.Name(attributes)


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
            # Divergence: Go says which structure it could not read, and reads requests of any version.
            raise RequestError("asn1: structure error: malformed certificate request") from error
        try:
            public_key_of(request)
        except ValueError as error:
            raise RequestError("x509: cannot verify signature: algorithm unimplemented") from error
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


def _without_headers(block: bytes) -> bytes:
    # RFC 1421 headers ("Name: value" lines up to an empty one) are legal to the API
    # server and unknown to the PEM reader used here.
    lines = block.split(b"\n")
    body = [line for line in lines[1:-1] if b":" not in line and line.strip()]
    return b"\n".join([lines[0], *body, lines[-1]]) + b"\n"
