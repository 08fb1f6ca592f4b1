"""``joinsim ca-hash`` and ``joinsim token``: the two values that a join command carries."""

from __future__ import annotations

from typing import BinaryIO

import click

from joinsim.api import BootstrapToken
from joinsim.cli.files import InputError
from joinsim.pki import CertificateError, PublicKeyPin, parse_bundle
from joinsim.world import Chance

__all__ = ["ca_hash", "token"]


@click.command("ca-hash")
@click.argument("file", type=click.File("rb"))
def ca_hash(file: BinaryIO) -> None:
    """Print the public-key pin of each certificate in a PEM file.

    The pin is what kubeadm's --discovery-token-ca-cert-hash takes: sha256 over the
    certificate's SubjectPublicKeyInfo. FILE may be - for standard input.
    """
    try:
        certificates = parse_bundle(file.read())
    except CertificateError as error:
        raise InputError(f"expected PEM certificates in {file.name}: {error}") from None
    for certificate in certificates:
        click.echo(str(PublicKeyPin.of(certificate)))


@click.group()
def token() -> None:
    """Bootstrap tokens."""


@token.command()
def generate() -> None:
    """Print a new random bootstrap token. No cluster learns of it."""
    click.echo(BootstrapToken.generate(Chance().stream("tokens").bytes).value)
