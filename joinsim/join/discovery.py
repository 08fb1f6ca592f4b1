"""Discovery: how a machine comes to believe which control plane is the right one.

State machines without I/O: told what was received, they answer what to do next,
:class:`Fetch`, :class:`Accept` or :class:`Refuse`. This one is for bootstrap tokens (the
other is in ``file_discovery``). Its rules, in order:

    1. Fetch cluster-info from the endpoint that the user named, without credentials and
       without verifying TLS. Any error, and a missing signature for the token's id, is
       tried again every 5 s until the discovery timeout.
    2. The pins must be well formed. (Not sooner: kubeadm reads them only now.)
    3. The signature must be the one that the token gives for these very bytes.
    4. The kubeconfig inside must name one cluster.
    5. Without pins that is all. Trust rests on the signature alone.
    6. With pins, one certificate of the bundle must carry a pinned key; and then the
       *whole* bundle is believed.
    7. Fetch again from the same endpoint, this time verifying TLS under that bundle.
    8. What came the second time must equal, byte for byte, what came the first time.

Nothing is used that was not accepted, no credential is sent before, and the machine ends
within its timeout (twice that with pins) and one request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from joinsim.api import BootstrapToken, Cluster, Kubeconfig, KubeconfigError, is_valid_signature
from joinsim.api.jws import KEY_PREFIX
from joinsim.errors import Reason
from joinsim.gofmt import quote
from joinsim.join.polling import Poll
from joinsim.pki import CertificateError, PinError, PublicKeyPin, any_pinned, parse_bundle

__all__ = ["RETRY_SECONDS", "Accept", "Fetch", "Refuse", "Step", "TokenDiscovery", "refuse"]

RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class Fetch:
    """Ask a server for cluster-info, not before ``at``.

    ``connection`` holds the server, what to verify it under (``insecure-skip-tls-verify``
    for nothing) and the credential to show, if any.
    """

    at: float
    connection: Kubeconfig
    verified: bool


@dataclass(frozen=True)
class Accept:
    """Discovery ended well: this is the cluster, and this is what vouched for it."""

    kubeconfig: Kubeconfig
    method: str


@dataclass(frozen=True)
class Refuse:
    """Discovery ended badly, at this moment and for this reason."""

    at: float
    reason: Reason
    problem: str
    timed_out: bool = False


Step: TypeAlias = Fetch | Accept | Refuse


def refuse(now: float, reason: Reason, problem: str, *, timed_out: bool = False) -> Refuse:
    """A refusal with kubeadm's opening words."""
    return Refuse(now, reason, f"couldn't validate the identity of the API Server: {problem}", timed_out)


class TokenDiscovery:
    """Discovery by a bootstrap token, with pins or without."""

    def __init__(
        self, token: BootstrapToken, endpoint: str, pins: Sequence[str], timeout_seconds: float
    ) -> None:
        self._token = token
        self._server = f"https://{endpoint}"
        self._pins = pins
        self._timeout = timeout_seconds
        self._poll = Poll.begin(0, 0, 0)
        self._first = ""
        self._accepted: Kubeconfig | None = None

    def begin(self, now: float) -> Step:
        """Start; the first thing to do."""
        self._poll = Poll.begin(now, RETRY_SECONDS, self._timeout)
        return self._fetch()

    def _fetch(self) -> Fetch:
        if self._accepted is None:
            unverified = Cluster(self._server, insecure_skip_tls_verify=True)
            return Fetch(self._poll.attempt_at, Kubeconfig({"": unverified}), verified=False)
        _, cluster = self._accepted.pick_cluster()
        verified = Cluster(self._server, cluster.certificate_authority_data)
        return Fetch(self._poll.attempt_at, Kubeconfig({"": verified}), verified=True)

    def failed(self, problem: str, now: float, *, forbidden: bool = False) -> Step:
        """A fetch brought an error; that it was 403 makes no difference here."""
        return self._retry(
            now, Reason.CLUSTER_INFO_UNAVAILABLE, f"failed to request the cluster-info ConfigMap: {problem}"
        )

    def _retry(self, now: float, reason: Reason, problem: str) -> Step:
        again = self._poll.again(now)
        if again is None:
            return refuse(self._poll.gives_up_at(now), reason, problem, timed_out=True)
        self._poll = again
        return self._fetch()

    def fetched(self, data: Mapping[str, str], now: float) -> Step:
        """A fetch brought cluster-info's data."""
        signature = data.get(KEY_PREFIX + self._token.id)
        if signature is None:
            return self._retry(
                now,
                Reason.SIGNATURE_MISSING,
                "could not find a JWS signature in the cluster-info ConfigMap for token ID "
                f"{quote(self._token.id)}",
            )
        if self._accepted is None:
            return self._judge_first(data, signature, now)
        return self._judge_second(data, now)

    def _judge_first(self, data: Mapping[str, str], signature: str, now: float) -> Step:
        try:
            pins = [PublicKeyPin.parse(pin) for pin in self._pins]
        except PinError as error:
            said = f"invalid discovery token CA certificate hash: {error}"
            return refuse(now, Reason.PIN_MALFORMED, said)
        content = data.get("kubeconfig", "")
        if not content:
            return refuse(
                now,
                Reason.CLUSTER_INFO_MALFORMED,
                "there is no kubeconfig key in the cluster-info ConfigMap. This API Server isn't set up for "
                "token bootstrapping, can't connect",
            )
        if not signature:
            return refuse(
                now,
                Reason.SIGNATURE_MISSING,
                f"token id {quote(self._token.id)} is invalid for this cluster or it has expired. Use "
                '"kubeadm token create" on the control-plane node to create a new valid token',
            )
        if not is_valid_signature(signature, content, self._token.id, self._token.secret):
            said = (
                "failed to verify JWS signature of received cluster info object, can't trust this API Server"
            )
            return refuse(now, Reason.SIGNATURE_INVALID, said)
        return self._judge_bundle(content, pins, now)

    def _judge_bundle(self, content: str, pins: Sequence[PublicKeyPin], now: float) -> Step:
        try:
            kubeconfig = Kubeconfig.parse(content)
        except KubeconfigError as error:
            said = f"couldn't parse the kubeconfig file in the cluster-info ConfigMap: {error}"
            return refuse(now, Reason.CLUSTER_INFO_MALFORMED, said)
        try:
            _, cluster = kubeconfig.pick_cluster()
        except KubeconfigError as error:
            said = f"malformed kubeconfig in the cluster-info ConfigMap: {error}"
            return refuse(now, Reason.CLUSTER_INFO_MALFORMED, said)
        if not pins:
            return Accept(kubeconfig, "token")
        try:
            bundle = parse_bundle(cluster.certificate_authority_data)
        except CertificateError as error:
            said = f"failed to parse cluster CA from the cluster-info ConfigMap: {error}"
            return refuse(now, Reason.CLUSTER_INFO_MALFORMED, said)
        if not any_pinned(bundle, pins):
            found = ":".join(str(PublicKeyPin.of(certificate)) for certificate in bundle)
            said = (
                "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "
                f"{quote(found)} are pinned"
            )
            return refuse(now, Reason.PIN_MISMATCH, said)
        self._first, self._accepted = content, kubeconfig
        return self.begin(now)

    def _judge_second(self, data: Mapping[str, str], now: float) -> Step:
        assert self._accepted is not None
        if data.get("kubeconfig", "") != self._first:
            said = (
                "the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different "
                "from the first"
            )
            return refuse(now, Reason.SECOND_FETCH_DIFFERS, said)
        return Accept(self._accepted, "token-pinned")
