"""A control plane in this process: an API server and its controllers on one host.

Making one does what ``kubeadm init`` does before anything runs (keys and certificates on
disk); :meth:`ControlPlane.start` brings it up. Stopping it drops every connection and
keeps what is stored, as stopping the static pods of a real one would.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from joinsim.api import Kubeconfig
from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, CONFIG_MAPS, SECRETS, JsonObject
from joinsim.controlplane.admission import Admission
from joinsim.controlplane.apiserver import ApiServer
from joinsim.controlplane.authentication import Authenticator
from joinsim.controlplane.authorization import Authorizer
from joinsim.controlplane.certificates import create_certificates
from joinsim.controlplane.chronicle import Chronicle
from joinsim.controlplane.controllers import (
    BootstrapSigner,
    CsrApprover,
    CsrCleaner,
    CsrSigner,
    Informer,
    TokenCleaner,
)
from joinsim.controlplane.deleting import Deleter
from joinsim.controlplane.init import populate
from joinsim.controlplane.loopback import Loopback, TokenBucket
from joinsim.controlplane.reading import Reader
from joinsim.controlplane.reviews import Reviews
from joinsim.controlplane.settings import ClusterSettings
from joinsim.controlplane.store import Store
from joinsim.controlplane.users import User, service_account
from joinsim.controlplane.writing import Writer
from joinsim.events import ApiServerStarted, ApiServerStopped, ClusterBooted
from joinsim.journal import Journal
from joinsim.pki import KeyPair, PublicKeyPin
from joinsim.wire import Request, TlsError
from joinsim.world import Host

__all__ = ["ControlPlane"]

HANDSHAKE_SECONDS = 32.0
"""How long the API server waits for a client to finish its handshake."""

ADMIN_CONF = "/etc/kubernetes/admin.conf"


class ControlPlane:
    """One control plane on one host.

    ``overhear`` is shown every request that comes over the network, credentials included:
    whoever runs an API server reads what it is sent.
    """

    def __init__(
        self,
        host: Host,
        settings: ClusterSettings,
        journal: Journal,
        *,
        overhear: Callable[[Request], None] | None = None,
    ) -> None:
        self.host = host
        self.settings = settings
        self.endpoint = f"{host.address}:{settings.port}"
        self._certificates = create_certificates(host, settings)
        self._chronicle = Chronicle(journal, settings.name, host.name)
        self.store = Store(host.clock, host.randomness.stream("uids"))
        self.apiserver = self._assemble(overhear)
        self._scope: trio.CancelScope | None = None
        self._populated = False
        self._chronicle.record(
            ClusterBooted(settings.name, settings.version, self.endpoint, tuple(map(str, self.ca_pins)))
        )

    def _assemble(self, overhear: Callable[[Request], None] | None) -> ApiServer:
        clock, randomness = self.host.clock, self.host.randomness
        authorizer = Authorizer(self.store)
        admission = Admission(authorizer)
        return ApiServer(
            cluster=self.settings.name,
            version=self.settings.version,
            authenticator=Authenticator(
                self._certificates.ca.certificate,
                self._read_secret,
                clock,
                anonymous=self.settings.anonymous_auth,
            ),
            authorizer=authorizer,
            reader=Reader(self.store, randomness.stream("watches")),
            writer=Writer(self.store, admission, clock, randomness.stream("names"), self._chronicle.wrote),
            deleter=Deleter(self.store, admission, clock, self._chronicle.wrote),
            reviews=Reviews(authorizer, clock),
            clock=clock,
            stream=randomness.stream("audit"),
            record=self._chronicle.record,
            overhear=overhear,
        )

    def _read_secret(self, name: str) -> JsonObject | None:
        return self.store.get(SECRETS, name, "kube-system")

    @property
    def ca_key(self) -> KeyPair:
        """The cluster CA's key pair."""
        return self._certificates.ca.key

    @property
    def ca_pem(self) -> bytes:
        """The cluster CA, in PEM."""
        return self._certificates.ca.pem

    @property
    def ca_pins(self) -> tuple[PublicKeyPin, ...]:
        """The pins of the cluster CA, as the join command prints them."""
        return (self._certificates.ca.pin,)

    def admin_kubeconfig(self) -> Kubeconfig:
        """The administrator's kubeconfig, read from the host's disk."""
        return Kubeconfig.parse(self.host.files.read(ADMIN_CONF).decode())

    # --- running -------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve and control until stopped or cancelled; started once the port is open.

        Objects are made at the first start; later ones find what was stored.
        """
        if not self._populated:
            self._populated = True
            populate(
                self.store,
                self.settings,
                host=self.host.name,
                address=self.host.address,
                ca_pem=self.ca_pem,
                clock=self.host.clock,
                stream=self.host.randomness.stream("names"),
            )
        listener = self.host.listen(self.settings.port)
        try:
            with trio.CancelScope() as self._scope:
                async with trio.open_nursery() as nursery:
                    self._chronicle.record(ApiServerStarted(self.settings.name, self.endpoint))
                    self._start_controllers(nursery)
                    nursery.start_soon(trio.serve_listeners, self._serve, [listener])
                    task_status.started()
        finally:
            self._scope = None
            with trio.CancelScope(shield=True):
                await listener.aclose()
            self._chronicle.record(ApiServerStopped(self.settings.name))

    def stop(self) -> None:
        """Stop serving, as when the machine is switched off; nothing happens if it does not run."""
        if self._scope is not None:
            self._scope.cancel()

    async def _serve(self, stream: trio.abc.Stream) -> None:
        try:
            with trio.fail_after(HANDSHAKE_SECONDS):
                secured = await self._certificates.serving.accept(stream)
        except (TlsError, trio.TooSlowError):
            return
        await self.apiserver.serve(secured, secured.peer)

    def _start_controllers(self, nursery: trio.Nursery) -> None:
        clock, randomness = self.host.clock, self.host.randomness

        def client(user: User) -> Loopback:
            agent = f"kube-controller-manager/{self.settings.version} (linux/amd64) kubernetes/joinsim"
            return Loopback(self.apiserver, user, agent, TokenBucket())

        shared = client(User("system:kube-controller-manager", ("system:authenticated",)))
        config_maps, secrets, csrs = (
            Informer(shared, resource.path())
            for resource in (CONFIG_MAPS, SECRETS, CERTIFICATE_SIGNING_REQUESTS)
        )
        # Divergence: these four of the controller manager's; nothing gives nodes pod CIDRs, marks them
        # unreachable, or clears away old CSRs.
        # Each has a client, and so a rate limit, of its own, though two share an identity.
        certificates = service_account("certificate-controller")
        approver = CsrApprover(client(certificates), csrs)
        signer = CsrSigner(
            client(certificates), csrs, self._certificates.ca, clock, randomness.stream("serials")
        )
        csr_cleaner = CsrCleaner(client(certificates), csrs, clock)
        bootstrap_signer = BootstrapSigner(
            client(service_account("bootstrap-signer")), config_maps, secrets, clock
        )
        token_cleaner = TokenCleaner(client(service_account("token-cleaner")), secrets, clock)
        for part in (
            bootstrap_signer,
            token_cleaner,
            approver,
            signer,
            csr_cleaner,
            config_maps,
            secrets,
            csrs,
        ):
            nursery.start_soon(part.run)
