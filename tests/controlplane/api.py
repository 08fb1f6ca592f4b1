"""An API server with what ``kubeadm init`` leaves, made without a run: no network, no controllers.

It is put together from the package's own parts, so a request goes the whole way from its
URL to the store; time stands still unless a test moves it.

def test_something():
    api = Api()
    assert api.ask("GET", "/api/v1/nodes").status == 200
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from joinsim.api.objects import SECRETS
from joinsim.controlplane.admission import Admission
from joinsim.controlplane.apiserver import ApiServer
from joinsim.controlplane.authentication import Authenticator
from joinsim.controlplane.authorization import Authorizer
from joinsim.controlplane.deleting import Deleter
from joinsim.controlplane.init import populate
from joinsim.controlplane.reading import Reader
from joinsim.controlplane.reviews import Reviews
from joinsim.controlplane.settings import ClusterSettings
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User
from joinsim.controlplane.writing import Writer
from joinsim.pki import CertificateAuthority, KeyAlgorithm, KeyPair, Validity, build_request
from joinsim.wire import Headers, Request
from joinsim.world import Seed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULT_TOKEN_GROUP = "system:bootstrappers:kubeadm:default-node-token"

ADMIN = User("kubernetes-admin", ("kubeadm:cluster-admins", "system:authenticated"))
MASTER = User("root", ("system:masters", "system:authenticated"))
TOKEN_USER = User(
    "system:bootstrap:abcdef", ("system:bootstrappers", DEFAULT_TOKEN_GROUP, "system:authenticated")
)
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
CONTROLLER = User(
    "system:serviceaccount:kube-system:certificate-controller",
    ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)
STRANGER = User("stranger", ("system:authenticated",))

CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CONFIG_MAPS_PATH = "/api/v1/namespaces/default/configmaps"
KUBELET_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
CLIENT_USAGES = ["digital signature", "client auth"]


def node(name: str) -> User:
    """The user that a kubelet's client certificate stands for."""
    return User(f"system:node:{name}", ("system:nodes", "system:authenticated"))


@cache
def a_key(label: str = "one", algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256) -> KeyPair:
    """A key pair, the same at every call with one label."""
    return KeyPair.generate(algorithm, Seed(1).stream("key", label).bytes)


@cache
def an_authority(name: str = "kubernetes") -> CertificateAuthority:
    """A CA that is valid for ten years around ``NOW``."""
    period = Validity(NOW - timedelta(days=1), NOW + timedelta(days=3650))
    return CertificateAuthority.create(name, a_key(f"ca {name}"), period, 1)


@dataclass
class SetClock:
    """Time that moves only when it is moved."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def message(self) -> str:
        return str(self.body["message"])


@dataclass
class Watch:
    """A watch that goes on: its events, as lines of JSON."""

    lines: AsyncGenerator[bytes, None]
    headers: dict[str, str]

    async def next(self) -> Any:
        """The next event."""
        return json.loads(await anext(self.lines))

    async def rest(self) -> list[Any]:
        """All events until the server ends the watch."""
        return [json.loads(line) async for line in self.lines]


@dataclass
class Api:
    """One API server. ``as_`` is who asks where nobody is named: ``system:masters``."""

    settings: ClusterSettings = field(default_factory=ClusterSettings)
    history_length: int = 1000
    as_: User = MASTER

    def __post_init__(self) -> None:
        self.clock = SetClock()
        seed = Seed(1)
        self.store = Store(self.clock, seed.stream("uids"), history_length=self.history_length)
        self.authority = an_authority()
        self.authorizer = Authorizer(self.store)
        self.writes: list[tuple[Any, ...]] = []
        self.served: list[Any] = []
        self.server = ApiServer(
            cluster="cluster",
            version=self.settings.version,
            authenticator=Authenticator(
                self.authority.certificate,
                lambda name: self.store.get(SECRETS, name, "kube-system"),
                self.clock,
                anonymous=self.settings.anonymous_auth,
            ),
            authorizer=self.authorizer,
            reader=Reader(self.store, seed.stream("watches")),
            writer=Writer(
                self.store,
                Admission(self.authorizer),
                self.clock,
                seed.stream("names"),
                lambda *write: self.writes.append(write),
            ),
            deleter=Deleter(
                self.store, Admission(self.authorizer), self.clock, lambda *write: self.writes.append(write)
            ),
            reviews=Reviews(self.authorizer, self.clock),
            clock=self.clock,
            stream=seed.stream("audit"),
            record=self.served.append,
        )
        populate(
            self.store,
            self.settings,
            host="control-plane",
            address="10.0.0.1",
            ca_pem=self.authority.pem,
            clock=self.clock,
            stream=seed.stream("init"),
        )

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        by: User | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Answer:
        """Ask as a user whom nobody doubts; a body that is not bytes goes as JSON."""
        return _answer(self.server.handle_as(by or self.as_, _request(method, target, body, headers)))

    def knock(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        token: str | None = None,
        certificate: Any = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Answer:
        """Ask as from the network, with credentials that must prove who asks."""
        more = [("Authorization", f"Bearer {token}")] if token is not None else []
        request = _request(method, target, body, [*more, *headers])
        return _answer(self.server.handle(request, certificate))

    def follow(
        self, target: str, *, by: User | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> Watch:
        """Begin a watch; inside a run only."""
        request = _request("GET", target, None, headers)
        response = self.server.handle_as(by or self.as_, request)
        assert not isinstance(response.body, bytes), response.body
        return Watch(response.body, dict(response.headers))

    def create_csr(self, name: str = "csr-1", by: User = TOKEN_USER, **fields: Any) -> Answer:
        """POST a CSR, that of a kubelet on its first start unless told otherwise."""
        return self.ask("POST", CSRS, a_csr(name, **fields), by=by)

    def decide(self, name: str, decision: str = "Approved", by: User = ADMIN, **fields: Any) -> Answer:
        """PUT a condition to ``/approval``."""
        csr = self.ask("GET", f"{CSRS}/{name}").body
        conditions = csr["status"].get("conditions", [])
        csr["status"]["conditions"] = [*conditions, a_condition(decision, **fields)]
        return self.ask("PUT", f"{CSRS}/{name}/approval", csr, by=by)


def _request(method: str, target: str, body: Any, headers: Iterable[tuple[str, str]]) -> Request:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    given = Headers(headers)
    kind = [] if body is None or "content-type" in given else [("Content-Type", "application/json")]
    return Request(method, target, Headers([*headers, *kind]), content)


def _answer(response: Any) -> Answer:
    assert isinstance(response.body, bytes), "a watch: ask for it inside a run"
    return Answer(response.status, {name.lower(): value for name, value in response.headers}, response.body)


def a_condition(kind: str, **fields: Any) -> dict[str, Any]:
    """A condition of a CSR, true unless told otherwise."""
    return {"type": kind, "status": "True", **fields}


def a_csr(
    name: str = "csr-1",
    *,
    cn: str = "system:node:worker-1",
    orgs: tuple[str, ...] = ("system:nodes",),
    signer: str = KUBELET_SIGNER,
    usages: Any = None,
    sans: tuple[Any, ...] = (),
    metadata: Any = None,
    **spec: Any,
) -> dict[str, Any]:
    """A CertificateSigningRequest; ``spec`` adds fields or takes the place of those that are there."""
    pem = build_request(a_key(), cn, orgs, alternative_names=sans)
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": metadata if metadata is not None else {"name": name},
        "spec": {
            "request": base64.b64encode(pem).decode(),
            "signerName": signer,
            "usages": CLIENT_USAGES if usages is None else usages,
            **spec,
        },
    }


def a_config_map(name: str = "settings", data: Any = None, **metadata: Any) -> dict[str, Any]:
    """A ConfigMap of the namespace ``default``."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"key": "value"} if data is None else data,
    }


def a_token_secret(name: str = "bootstrap-token-foobar", data: Any = None, **more: Any) -> dict[str, Any]:
    """The Secret of the token ``foobar.circumnavigatio1`` with these keys in place of, or besides, its own."""
    plain = {
        "token-id": "foobar",
        "token-secret": "circumnavigatio1",
        "usage-bootstrap-authentication": "true",
        "usage-bootstrap-signing": "true",
        "auth-extra-groups": DEFAULT_TOKEN_GROUP,
        **(data or {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {
            key: base64.b64encode(value.encode()).decode()
            for key, value in plain.items()
            if value is not None
        },
        **more,
    }
