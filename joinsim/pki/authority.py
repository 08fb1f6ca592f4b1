"""A certificate authority: the cluster CA, and whatever else signs in a world.

Certificates have the extensions that kubeadm and the certificate signing controller
give them, and no others. Times, serial numbers and keys come from the caller: this
module knows neither a clock nor chance.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from joinsim.pki.certificates import public_key_of, to_pem, validity
from joinsim.pki.keys import KeyPair, PublicKey
from joinsim.pki.pins import PublicKeyPin
from joinsim.pki.requests import CertificateRequest, distinguished_name, encoded_by_go

__all__ = ["CertificateAuthority", "Validity"]

_LEAF_USAGE = ("digital signature", "key encipherment")
_KEY_USAGES = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_EXTENDED_USAGES = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}


@dataclass(frozen=True)
class Validity:
    """The first and the last second of a certificate's life, in UTC."""

    not_before: datetime
    not_after: datetime


class CertificateAuthority:
    """A CA certificate and the key that signs for it."""

    def __init__(self, key: KeyPair, certificate: x509.Certificate) -> None:
        if not key.matches(certificate.public_key()):
            raise ValueError("the CA's key does not belong to its certificate")
        self.key = key
        self.certificate = certificate

    @classmethod
    def create(cls, name: str, key: KeyPair, period: Validity, serial: int) -> CertificateAuthority:
        """A self-signed CA as kubeadm makes one: its name is its common name and a DNS SAN."""
        subject = distinguished_name(name)
        builder = (
            _builder(subject, subject, key.public_key, period, serial)
            .add_extension(_key_usage([*_LEAF_USAGE, "cert sign"]), critical=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        )
        return cls(key, _sign(builder, key))

    @property
    def pin(self) -> PublicKeyPin:
        """The pin of the CA's public key, as ``kubeadm token create --print-join-command`` prints it."""
        return PublicKeyPin.of(self.certificate)

    @property
    def pem(self) -> bytes:
        """The CA certificate in PEM."""
        return to_pem([self.certificate])

    def issue_server(
        self,
        name: str,
        public_key: PublicKey,
        hosts: Iterable[str],
        period: Validity,
        serial: int,
        *,
        client_too: bool = False,
    ) -> x509.Certificate:
        """A serving certificate for host names and addresses (told apart by their form)."""
        usages = ["server auth", "client auth"] if client_too else ["server auth"]
        names = [_general_name(host) for host in dict.fromkeys(hosts)]
        return self._issue(distinguished_name(name), public_key, usages, period, serial, names)

    def issue_client(
        self, name: str, groups: Sequence[str], public_key: PublicKey, period: Validity, serial: int
    ) -> x509.Certificate:
        """A client certificate for a Kubernetes user and its groups."""
        return self._issue(distinguished_name(name, groups), public_key, ["client auth"], period, serial, [])

    def sign_request(
        self, request: CertificateRequest, usages: Sequence[str], period: Validity, serial: int
    ) -> x509.Certificate:
        """Sign as the certificate signing controller does.

        Subject (encoded anew), public key and alternative names are the request's, its other extensions
        are dropped, and the usages (of ``spec.usages``) become key usage and extended key
        usage. The end is cut to the CA's own.
        """
        end = min(period.not_after, validity(self.certificate)[1])
        builder = _builder(
            encoded_by_go(request.parsed.subject),
            self.certificate.subject,
            public_key_of(request.parsed),
            Validity(period.not_before, end),
            serial,
        )
        if any(usage in _KEY_USAGES for usage in usages):
            builder = builder.add_extension(_key_usage(usages), critical=True)
        # Each once, in Go's order of them, which is the order of the table.
        extended = dict.fromkeys(oid for usage, oid in _EXTENDED_USAGES.items() if usage in usages)
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(self._authority_key_identifier(), critical=False)
        names = request.all_alternative_names()
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return _sign(builder, self.key)

    def _issue(
        self,
        subject: x509.Name,
        public_key: PublicKey,
        extended: Sequence[str],
        period: Validity,
        serial: int,
        names: Sequence[x509.GeneralName],
    ) -> x509.Certificate:
        usages = x509.ExtendedKeyUsage([_EXTENDED_USAGES[usage] for usage in extended])
        builder = (
            _builder(subject, self.certificate.subject, public_key, period, serial)
            .add_extension(_key_usage(_LEAF_USAGE), critical=True)
            .add_extension(usages, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(self._authority_key_identifier(), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return _sign(builder, self.key)

    def _authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key)

    def __repr__(self) -> str:
        return f"<CertificateAuthority {self.certificate.subject.rfc4514_string()} {self.pin}>"


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: PublicKey, period: Validity, serial: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(period.not_before)
        .not_valid_after(period.not_after)
    )


def _sign(builder: x509.CertificateBuilder, key: KeyPair) -> x509.Certificate:
    deterministic = True if isinstance(key.private_key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(key.private_key, hashes.SHA256(), ecdsa_deterministic=deterministic)


def _key_usage(usages: Sequence[str]) -> x509.KeyUsage:
    wanted = {_KEY_USAGES[usage] for usage in usages if usage in _KEY_USAGES}
    agreement = "key_agreement" in wanted
    return x509.KeyUsage(
        digital_signature="digital_signature" in wanted,
        content_commitment="content_commitment" in wanted,
        key_encipherment="key_encipherment" in wanted,
        data_encipherment="data_encipherment" in wanted,
        key_agreement=agreement,
        key_cert_sign="key_cert_sign" in wanted,
        crl_sign="crl_sign" in wanted,
        # Divergence: the signer sets these two on their own as well. X.509 gives them a
        # meaning only beside key agreement, and the library here makes nothing else.
        encipher_only=agreement and "encipher_only" in wanted,
        decipher_only=agreement and "decipher_only" in wanted,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
