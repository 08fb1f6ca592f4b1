"""Collects the real secrets of a run, and looks for them in what was told about it."""

from __future__ import annotations

import base64
import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from joinsim.api.objects import SECRETS
from joinsim.backends import FakeGround
from joinsim.pki import KeyPair

TOKEN = re.compile(r"(?<![a-z0-9])[a-z0-9]{6}\.([a-z0-9]{16})(?![a-z0-9])")
PEM_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")


class SeeThroughGround(FakeGround):
    """A ground that leaves behind what its world knew: ``secrets``, and whose ``key_files`` hold keys.

    ``reprs`` is how everything of joinsim's that was alive at the end shows itself, with
    ``with_reprs``.
    """

    def __init__(self, *, with_reprs=False):
        self.secrets = Secrets()
        self.key_files = []
        self.reprs = set()
        self._with_reprs = with_reprs

    def run(self, play, *, seed, opaque_keys=False):
        async def play_and_look(world):
            result = await play(world)
            self._look(world)
            return result

        return super().run(play_and_look, seed=seed, opaque_keys=opaque_keys)

    async def provision(self, world, plan, prepare):
        self.secrets.tokens.update(record.token.secret for record in plan.tokens)
        cluster = await super().provision(world, plan, prepare)
        self._store = cluster.control_plane.store
        return cluster

    def _look(self, world):
        """Take the secrets from the cluster's Secrets, from disks, and from memory."""
        store, self._store = self._store, None
        for secret in store.all(SECRETS):
            self.secrets.tokens.add(base64.b64decode(secret["data"]["token-secret"]).decode())
        for host in world.hosts.values():
            for entry in host.files.entries():
                if not entry.target:
                    self._look_into(f"{host.name}:{entry.path}", host.files.read(entry.path))
        alive = gc.get_objects()
        # Keys that never reached a disk: a file server's, a kubelet's whose CSR is pending.
        self.secrets.in_memory.update(key.private_pem() for key in alive if type(key) is KeyPair)
        if self._with_reprs:
            self.reprs = {repr(it) for it in alive if str(type(it).__module__).startswith("joinsim.")}

    def _look_into(self, name, content):
        keys = set(keys_in(content))
        self.secrets.on_disk |= keys
        self.key_files += [name] * bool(keys)
        self.secrets.tokens.update(TOKEN.findall(content.decode(errors="replace")))


@dataclass
class Secrets:
    """``tokens`` are secret halves; keys are in PEM as kubeadm writes them."""

    tokens: set[str] = field(default_factory=set)
    on_disk: set[bytes] = field(default_factory=set)
    in_memory: set[bytes] = field(default_factory=set)

    def spellings(self) -> Iterator[tuple[str, str]]:
        """Every way to write down a secret: what it is, and the text to look for."""
        for token in sorted(self.tokens):
            yield "token secret", token
            yield "token secret in hex", token.encode().hex()
            for text in inside_base64(token.encode()):
                yield "token secret in base64", text
        for pem in sorted(self.on_disk | self.in_memory):
            yield from key_spellings(pem)

    def leaks(self, text: str) -> list[str]:
        """Which kinds of secrets a text gives away."""
        text = squeezed(text)
        return [kind for kind, spelling in self.spellings() if spelling in text]


def squeezed(text: str) -> str:
    """A text without its line breaks, as they are or escaped, and its escaped quotes: they hide no key."""
    return re.sub(r"\\n|\s+", "", text).replace("\\'", "'")


def keys_in(content: bytes) -> Iterator[bytes]:
    """The private keys in a file, also those that a kubeconfig has in base64."""
    for block in PEM_KEY.finditer(content):
        yield KeyPair.from_pem(block.group()).private_pem()
    for run in BASE64.findall(content):
        for block in PEM_KEY.finditer(base64.b64decode(run[: len(run) // 4 * 4])):
            yield KeyPair.from_pem(block.group()).private_pem()


def inside_base64(secret: bytes) -> Iterator[str]:
    """What base64 of anything that has these bytes in it is sure to hold, at each of three alignments."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
        yield encoded[(0, 2, 3)[before] : len(encoded) - 1]


@cache
def key_spellings(pem: bytes) -> list[tuple[str, str]]:
    return [(kind, squeezed(text)) for kind, text in _key_spellings(KeyPair.from_pem(pem))]


def _key_spellings(key: KeyPair) -> Iterator[tuple[str, str]]:
    numbers = key.private_key.private_numbers()
    if isinstance(key.private_key, ec.EllipticCurvePrivateKey):
        secret_number = numbers.private_value
        length = (key.private_key.key_size + 7) // 8
    else:
        secret_number, length = numbers.p, key.private_key.key_size // 16
    raw = secret_number.to_bytes(length, "big")
    yield "key as a number", str(secret_number)
    yield "key in hex", raw.hex().lstrip("0")
    yield "key in hex", raw.hex().upper().lstrip("0")
    yield "key in hex", ":".join(f"{byte:02x}" for byte in raw)
    yield "key as bytes", repr(raw)[2:-1]
    for text in inside_base64(raw):
        yield "key in DER or PEM", text
        yield "key in DER or PEM, for URLs", text.replace("+", "-").replace("/", "_")
    for form in (PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8):
        pem = key.private_key.private_bytes(Encoding.PEM, form, NoEncryption())
        # The first line of the body holds the scalar of an ECDSA key.
        line = pem.splitlines()[1]
        yield "key in PEM", line.decode()
        for text in inside_base64(line):
            yield "key in base64 of PEM", text
