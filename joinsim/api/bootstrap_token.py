"""Bootstrap tokens: their grammar, their making, and the Secret that holds one.

A token is ``<id>.<secret>``. The id is public: it names the Secret and the signature
in cluster-info. The secret half signs and authenticates, and appears in no repr, no
text and no error of this module.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from joinsim.api.objects import JsonObject, name_of, namespace_of, text, texts
from joinsim.gofmt import parse_rfc3339, quote, rfc3339
from joinsim.redaction import MASK, mask_token

__all__ = [
    "DEFAULT_GROUP",
    "SECRET_TYPE",
    "BootstrapToken",
    "TokenError",
    "TokenRecord",
    "has_expired",
    "is_bootstrap_secret",
    "is_group",
    "is_token_id",
    "secret_data",
    "secret_name",
    "token_id_of_secret_name",
]

TOKEN_PATTERN = r"\A([a-z0-9]{6})\.([a-z0-9]{16})\z"
GROUP_PATTERN = r"\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z"
SECRET_TYPE = "bootstrap.kubernetes.io/token"
SECRET_PREFIX = "bootstrap-token-"
USAGE_PREFIX = "usage-bootstrap-"
DEFAULT_GROUP = "system:bootstrappers:kubeadm:default-node-token"

_ID = re.compile(r"[a-z0-9]{6}")
_SECRET = re.compile(r"[a-z0-9]{16}")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class TokenError(ValueError):
    """A token, or a Secret that should hold one, cannot be read; the message is kubeadm's."""


@dataclass(frozen=True)
class BootstrapToken:
    """One bootstrap token. ``str`` and ``repr`` show its id only."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, value: str) -> BootstrapToken:
        """Read ``id.secret``; the whole string must match, a newline at its end included.

        >>> BootstrapToken.parse("abcdef.0123456789abcdef")
        BootstrapToken(id='abcdef')
        """
        token_id, dot, secret = value.partition(".")
        if not (dot and _ID.fullmatch(token_id) and _SECRET.fullmatch(secret)):
            raise TokenError(
                f"the bootstrap token {quote(mask_token(value))} was not of the form {quote(TOKEN_PATTERN)}"
            )
        return cls(token_id, secret)

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> BootstrapToken:
        """Draw a token, each character independent and uniform."""
        return cls(_draw(random_bytes, 6), _draw(random_bytes, 16))

    @property
    def value(self) -> str:
        """The token as it is typed: secret. For credentials and Secrets only."""
        return f"{self.id}.{self.secret}"

    def __str__(self) -> str:
        return f"{self.id}.{MASK}"


def _draw(random_bytes: Callable[[int], bytes], length: int) -> str:
    drawn = ""
    while len(drawn) < length:
        # 252 is the largest multiple of 36 in a byte: the rest would favour some letters.
        drawn += "".join(_ALPHABET[byte % 36] for byte in random_bytes(length) if byte < 252)
    return drawn[:length]


def is_token_id(value: str) -> bool:
    """Whether a string has the form of a token id."""
    return _ID.fullmatch(value) is not None


def is_group(value: str) -> bool:
    """Whether a string may stand in ``auth-extra-groups``."""
    return _GROUP.fullmatch(value) is not None


def secret_name(token_id: str) -> str:
    """The name of the Secret, in ``kube-system``, that holds the token with this id."""
    return SECRET_PREFIX + token_id


def token_id_of_secret_name(name: str) -> str | None:
    """The token id in a Secret's name, or None where the name is not of that form."""
    token_id = name.removeprefix(SECRET_PREFIX)
    return token_id if name.startswith(SECRET_PREFIX) and is_token_id(token_id) else None


def has_expired(expiration: str, now: datetime) -> bool:
    """The one rule by which authenticator, signer and cleaner judge ``expiration``.

    Absent or empty: never. Not RFC 3339: it has. Otherwise the very second counts as past.
    """
    if not expiration:
        return False
    try:
        return parse_rfc3339(expiration) <= now
    except ValueError:
        return True


def secret_data(secret: JsonObject) -> dict[str, str]:
    """A Secret's ``data`` decoded to text; values that are no base64 or no UTF-8 read as empty.

    Line ends within the base64 are passed over, as Go's decoder does it.
    """
    decoded = {}
    for key, value in texts(secret, "data").items():
        try:
            folded = value.replace("\n", "").replace("\r", "")
            decoded[key] = base64.b64decode(folded, validate=True).decode()
        except ValueError:
            decoded[key] = ""
    return decoded


@dataclass(frozen=True)
class TokenRecord:
    """A token with what the cluster knows about it: the contents of its Secret."""

    token: BootstrapToken
    description: str = ""
    expiration: datetime | None = None
    usages: tuple[str, ...] = ("signing", "authentication")
    groups: tuple[str, ...] = (DEFAULT_GROUP,)

    def to_secret(self) -> JsonObject:
        """The Secret, as ``kubeadm token create`` posts it."""
        data: Mapping[str, str] = {
            "token-id": self.token.id,
            "token-secret": self.token.secret,
            **({"description": self.description} if self.description else {}),
            **({"expiration": rfc3339(self.expiration)} if self.expiration else {}),
            **{USAGE_PREFIX + usage: "true" for usage in self.usages},
            **({"auth-extra-groups": ",".join(self.groups)} if self.groups else {}),
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret_name(self.token.id), "namespace": "kube-system"},
            "type": SECRET_TYPE,
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }

    @classmethod
    def from_secret(cls, secret: JsonObject) -> TokenRecord:
        """Read a Secret as kubeadm's decoder does, in its order, with its errors."""
        name, data = name_of(secret), secret_data(secret)
        token_id = data.get("token-id", "")
        if not token_id:
            raise TokenError(f"bootstrap Token Secret has no token-id data: {name}")
        if name != secret_name(token_id):
            raise TokenError(
                "bootstrap token name is not of the form 'bootstrap-token-(token-id)'. "
                f"Actual: {quote(name)}. Expected: {quote(secret_name(token_id))}"
            )
        if not data.get("token-secret"):
            raise TokenError(f"bootstrap Token Secret has no token-secret data: {name}")
        try:
            token = BootstrapToken.parse(f"{token_id}.{data['token-secret']}")
        except TokenError as error:
            raise TokenError(f"bootstrap Token Secret is invalid and couldn't be parsed: {error}") from None
        expiration = None
        if data.get("expiration"):
            try:
                expiration = parse_rfc3339(data["expiration"])
            except ValueError as error:
                raise TokenError(
                    f"can't parse expiration time of bootstrap token {quote(name)}: {error}"
                ) from error
        usages = sorted(
            key.removeprefix(USAGE_PREFIX)
            for key, value in data.items()
            if key.startswith(USAGE_PREFIX) and value == "true"
        )
        groups = data.get("auth-extra-groups", "")
        return cls(
            token,
            data.get("description", ""),
            expiration,
            tuple(usages),
            tuple(groups.split(",")) if groups else (),
        )


def is_bootstrap_secret(secret: JsonObject) -> bool:
    """Whether a Secret has the bootstrap token type and is where bootstrap tokens are looked for."""
    return text(secret, "type") == SECRET_TYPE and namespace_of(secret) == "kube-system"
