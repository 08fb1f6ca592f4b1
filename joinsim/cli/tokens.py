"""``joinsim ca-hash`` and ``joinsim token``: the two values that a join command carries."""

from __future__ import annotations

import re
from typing import BinaryIO

import click
from cryptography.exceptions import UnsupportedAlgorithm

from joinsim.api import BootstrapToken
from joinsim.cli.files import InputError
from joinsim.pki import CertificateError, PublicKeyPin, parse_bundle
from joinsim.world import Chance

__all__ = ["ca_hash", "token"]

_ARMOUR = re.compile(rb"^-----BEGIN ([A-Z0-9 ]{1,40})-----", re.MULTILINE)


@click.command("ca-hash")
@click.argument("file", type=click.File("rb"))
def ca_hash(file: BinaryIO) -> None:
    """Print the public-key pin of each certificate in a PEM file.

    The pin is what kubeadm's --discovery-token-ca-cert-hash takes: sha256 over the
    certificate's SubjectPublicKeyInfo. FILE may be - for standard input.
    """
    given = file.read()
    try:
        # Every pin before the first is printed: half a list looks like a whole one.
        pins = [PublicKeyPin.of(certificate) for certificate in parse_bundle(given)]
    except CertificateError as error:
        found = _found(given)
        said = f", found {found}" if found else f": {error}"
        raise InputError(f"expected PEM certificates in {file.name}{said}") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"cannot pin a certificate in {file.name}: {error}") from None
    for pin in pins:
        click.echo(str(pin))


def _found(given: bytes) -> str:
    """What somebody gave in place of certificates, where that can be told; never the text itself."""
    labels = {label.decode() for label in _ARMOUR.findall(given)}
    if "CERTIFICATE" in labels:
        return ""
    if labels:
        return " and ".join(sorted(labels))
    if not given.strip():
        return "nothing"
    # A SEQUENCE of more than 127 bytes, which every certificate is.
    is_der = len(given) > 1 and given[0] == 0x30 and given[1] > 0x80
    return "DER; openssl x509 -inform der makes PEM of it" if is_der else ""


@click.group()
def token() -> None:
    """Bootstrap tokens."""


@token.command()
def generate() -> None:
    """Print a new random bootstrap token. No cluster learns of it."""
    click.echo(BootstrapToken.generate(Chance().stream("tokens").bytes).value)
