"""Who is asking: client certificates, then bootstrap tokens, then nobody in particular.

The order and the outcomes are the API server's. A certificate that verifies wins over
any token. Credentials that are presented and not accepted are 401, even where anonymous
access is allowed: nothing falls back.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from joinsim.api import status
from joinsim.api.bootstrap_token import (
    BootstrapToken,
    TokenError,
    has_expired,
    is_bootstrap_secret,
    is_group,
    secret_data,
    secret_name,
)
from joinsim.api.objects import JsonObject, mapping
from joinsim.controlplane.users import ANONYMOUS, User
from joinsim.pki import common_name, extended_key_usages, organizations, validity
from joinsim.world import Clock

__all__ = ["Authenticator"]

TOKEN_CACHE_SECONDS = 10
"""How long a token that was accepted is accepted again without another look (failures are not kept)."""

_CLIENT_USAGES = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


class Authenticator:
    """Turns credentials into users.

    ``read_secret`` gives the Secret of this name in ``kube-system``, or None.
    """

    def __init__(
        self,
        client_ca: x509.Certificate,
        read_secret: Callable[[str], JsonObject | None],
        clock: Clock,
        *,
        anonymous: bool = True,
    ) -> None:
        self._client_ca = client_ca
        self._read_secret = read_secret
        self._clock = clock
        self._anonymous = anonymous
        self._accepted: dict[str, tuple[datetime, User]] = {}
        self._issued_by_us: dict[x509.Certificate, bool] = {}

    def authenticate(self, authorization: str, certificate: x509.Certificate | None) -> User:
        """The user behind an Authorization header and a client certificate; 401 for none."""
        refused = not self._anonymous
        if certificate is not None:
            if self._verifies(certificate):
                name = common_name(certificate.subject)
                if name:
                    return _certificate_user(name, certificate)
            else:
                refused = True
        token = _bearer(authorization)
        if token:
            user = self._by_token(token)
            if user is not None:
                return user
        if token or refused:
            raise status.unauthorized()
        return ANONYMOUS

    # --- client certificates -------------------------------------------------------

    def _verifies(self, certificate: x509.Certificate) -> bool:
        not_before, not_after = validity(certificate)
        usages = extended_key_usages(certificate)
        return (
            not_before <= self._clock.now() <= not_after
            and (not usages or bool(usages & _CLIENT_USAGES))
            and self._is_issued_by_us(certificate)
        )

    def _is_issued_by_us(self, certificate: x509.Certificate) -> bool:
        known = self._issued_by_us.get(certificate)
        if known is None:
            try:
                certificate.verify_directly_issued_by(self._client_ca)
                known = True
            except (InvalidSignature, ValueError, TypeError):
                known = False
            self._issued_by_us[certificate] = known
        return known

    # --- bootstrap tokens ------------------------------------------------------------

    def _by_token(self, presented: str) -> User | None:
        now = self._clock.now()
        until, user = self._accepted.get(presented, (now, None))
        if user is not None and now < until:
            return user
        self._accepted.pop(presented, None)
        user = self._look_up(presented, now)
        if user is not None:
            self._accepted[presented] = (now + timedelta(seconds=TOKEN_CACHE_SECONDS), user)
        return user

    def _look_up(self, presented: str, now: datetime) -> User | None:
        """The checks of a bootstrap token, in the API server's order; any failure is no opinion."""
        try:
            token = BootstrapToken.parse(presented)
        except TokenError:
            return None
        secret = self._read_secret(secret_name(token.id))
        if secret is None or "deletionTimestamp" in mapping(secret, "metadata"):
            return None
        data = secret_data(secret)
        if not (is_bootstrap_secret(secret) and data):
            return None
        if not hmac.compare_digest(data.get("token-secret", "").encode(), token.secret.encode()):
            return None
        if data.get("token-id") != token.id or has_expired(data.get("expiration", ""), now):
            return None
        if data.get("usage-bootstrap-authentication") != "true":
            return None
        extra = data.get("auth-extra-groups", "")
        groups = extra.split(",") if extra else []
        if not all(map(is_group, groups)):
            return None
        named = sorted({"system:bootstrappers", *groups})
        return User(f"system:bootstrap:{token.id}", (*named, "system:authenticated"))


def _certificate_user(name: str, certificate: x509.Certificate) -> User:
    fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    groups = (*organizations(certificate.subject), "system:authenticated")
    extra = {"authentication.kubernetes.io/credential-id": (f"X509SHA256={fingerprint}",)}
    return User(name, groups, extra=extra)


def _bearer(authorization: str) -> str:
    kind, _, token = authorization.strip().partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
