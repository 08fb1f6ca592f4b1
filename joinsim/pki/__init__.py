"""Keys, certificate authorities, signing requests and public-key pins."""

from joinsim.pki.authority import CertificateAuthority, Validity
from joinsim.pki.certificates import (
    CertificateError,
    common_name,
    extended_key_usages,
    organizations,
    parse_bundle,
    public_key_of,
    to_pem,
    validity,
)
from joinsim.pki.keys import KeyAlgorithm, KeyPair, PrivateKey, PublicKey, RandomBytes
from joinsim.pki.pins import PinError, PublicKeyPin, any_pinned
from joinsim.pki.requests import CertificateRequest, RequestError, build_request, distinguished_name

__all__ = [
    "CertificateAuthority",
    "CertificateError",
    "CertificateRequest",
    "KeyAlgorithm",
    "KeyPair",
    "PinError",
    "PrivateKey",
    "PublicKey",
    "PublicKeyPin",
    "RandomBytes",
    "RequestError",
    "Validity",
    "any_pinned",
    "build_request",
    "common_name",
    "distinguished_name",
    "extended_key_usages",
    "organizations",
    "parse_bundle",
    "public_key_of",
    "to_pem",
    "validity",
]
