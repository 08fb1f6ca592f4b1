"""Take secrets out of text before anybody keeps it.

Redaction happens when an event, an error or a repr is made, never when it is
printed: what was never kept cannot leak. Bootstrap tokens are known by their shape
(``abcdef.0123456789abcdef``), private keys by their PEM armour; secrets without a
shape of their own (a token's secret half alone, a certificate key) are named to a
:class:`Redactor` when they come into being.
"""

from __future__ import annotations

import re

__all__ = ["MASK", "Redactor", "mask_token", "redact"]

MASK = "*" * 16
"""What stands in the place of a token's secret half."""

# The letters and digits of an escape before it (of a line end, say) do not belong to a token.
_TOKEN = re.compile(
    r"([a-z0-9]{6})\.[a-z0-9]{16}(?![A-Za-z0-9])"
    r"(?:(?<![A-Za-z0-9].{23})|(?<=\\[abfnrtv].{23})|(?<=\\x[0-9a-f]{2}.{23})"
    r"|(?<=\\u[0-9a-f]{4}.{23})|(?<=%[0-9A-Fa-f]{2}.{23}))"
)
_PRIVATE_KEY = re.compile(
    # A key that breaks off has no end and is a secret all the same.
    r"-----BEGIN (?P<label>[A-Z ]*PRIVATE KEY)-----(?! \(redacted\)).*?(?:-----END (?P=label)-----|\Z)",
    re.DOTALL,
)
_TOKEN_LENGTH = 6 + 1 + 16
_TOKEN_ID_AT_MOST = re.compile(r"[A-Za-z0-9]{1,6}[^A-Za-z0-9]")
_TELLING = 12
"""So many letters and digits, or more, may hold enough of a secret to tell it."""


def redact(text: str) -> str:
    """Mask every bootstrap token and private key in a text.

    >>> redact("join with abcdef.0123456789abcdef")
    'join with abcdef.****************'
    """
    if len(text) >= _TOKEN_LENGTH and "." in text:
        text = _TOKEN.sub(rf"\1.{MASK}", text)
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(r"-----BEGIN \g<label>----- (redacted)", text)
    return text


def mask_token(text: str) -> str:
    """Mask what may be the secret half of a mistyped bootstrap token.

    kubeadm prints a malformed token as it was typed. One with a typing error in it,
    wherever the error is, still gives its secret away. So of a text with twelve letters
    and digits or more only what may be the id is kept; short garbage stays readable.

    >>> mask_token("abcdef-0123")
    'abcdef-0123'
    >>> mask_token("abcdef.0123456789abcdeF")
    'abcdef.****************'
    """
    # Divergence: where kubeadm prints a whole malformed value, it is masked here.
    if sum(map(str.isalnum, text)) < _TELLING:
        return text
    token_id = _TOKEN_ID_AT_MOST.match(text)
    return (token_id.group() if token_id else "") + MASK


class Redactor:
    """Redaction for one run: the shapes of :func:`redact`, and the secrets named to it."""

    def __init__(self) -> None:
        self._secrets: list[str] = []

    def hide(self, *secrets: str) -> None:
        """Mask these strings too from now on. Each has eight characters or more."""
        for secret in secrets:
            assert len(secret) >= 8, "too short to be told from ordinary text"
            if secret not in self._secrets:
                self._secrets.append(secret)
        # The longest first, so that a secret within a secret leaves no remainder.
        self._secrets.sort(key=lambda secret: (-len(secret), secret))

    def __call__(self, text: str) -> str:
        text = redact(text)
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return text
