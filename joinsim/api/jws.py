"""The detached signature over cluster-info (JWS, RFC 7515 appendix F, HS256).

The payload is the ``kubeconfig`` text of the ConfigMap, byte for byte. What is stored
is the compact serialization with its middle part left out. There is no algorithm to
negotiate: a verifier computes the whole string again and compares.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

__all__ = ["KEY_PREFIX", "compute_detached_signature", "is_valid_signature"]

KEY_PREFIX = "jws-kubeconfig-"
"""What stands before the token id in the ConfigMap's key."""


def compute_detached_signature(content: str, token_id: str, token_secret: str) -> str:
    """Sign a text with a token: ``header..signature``, base64url without padding."""
    header = _encode(f'{{"alg":"HS256","kid":"{token_id}"}}'.encode())
    # A caller's text may be no Unicode, which is a wrong text and not a crash.
    signed = f"{header}.{_encode(content.encode(errors='surrogatepass'))}"
    mac = hmac.new(token_secret.encode(), signed.encode(), hashlib.sha256)
    return f"{header}..{_encode(mac.digest())}"


def is_valid_signature(signature: str, content: str, token_id: str, token_secret: str) -> bool:
    """Whether a stored signature is the one that this token gives for this text."""
    expected = compute_detached_signature(content, token_id, token_secret)
    return hmac.compare_digest(signature.encode(errors="surrogatepass"), expected.encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
