"""A machine: its name, its disk, its clock, its way onto the network, its services.

The join engine and the kubelet run on a host and on nothing else. A host of a
simulated world and a real machine differ only in what these fields hold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import trio

from joinsim.events import ServiceStarted, ServiceStopped
from joinsim.journal import Journal
from joinsim.world.clock import Clock
from joinsim.world.files import FileSystem
from joinsim.world.network import Dialer
from joinsim.world.seed import Randomness

__all__ = ["CA_BUNDLE", "Host", "ServiceExit", "Services"]

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Where a host keeps the certificate authorities that it trusts for HTTPS."""

RESTART_SECONDS = 10.0
"""``RestartSec`` of the kubelet's unit: how long systemd waits before it starts it again."""


class ServiceExit(Exception):
    """A service ended by itself; the message is what it logged last."""


class Listening(Protocol):
    """Opens ports of a host."""

    def listen(self, host: str, port: int, *, loopback: bool = False) -> trio.abc.Listener[trio.abc.Stream]:
        """Listen at a port; with ``loopback``, for the host itself only."""


class Services:
    """What systemd is to a host: starts services, stops them, starts them again.

    A service is an async function. One that returns, or raises :class:`ServiceExit`, is
    started again after ten seconds, as the kubelet's unit asks for.
    """

    def __init__(self, host: str, nursery: trio.Nursery, journal: Journal) -> None:
        self._host = host
        self._nursery = nursery
        self._journal = journal
        self._running: dict[str, trio.CancelScope] = {}

    def start(self, name: str, service: Callable[[], Awaitable[None]]) -> None:
        """Start a service, in place of one of this name that runs already."""
        self.stop(name)
        scope = trio.CancelScope()
        self._running[name] = scope
        self._nursery.start_soon(self._supervise, name, service, scope)

    def stop(self, name: str) -> None:
        """Stop a service; one that does not run is no error."""
        scope = self._running.pop(name, None)
        if scope is not None:
            scope.cancel()
            self._journal.append(self._host, ServiceStopped(name))

    def is_running(self, name: str) -> bool:
        """Whether a service was started and not stopped (it may be between two attempts)."""
        return name in self._running

    async def _supervise(
        self, name: str, service: Callable[[], Awaitable[None]], scope: trio.CancelScope
    ) -> None:
        with scope:
            # One that was stopped before its turn came never ran, and the journal does not say so.
            await trio.lowlevel.checkpoint_if_cancelled()
            while True:
                self._journal.append(self._host, ServiceStarted(name))
                try:
                    await service()
                    said = "ended"
                except ServiceExit as error:
                    said = str(error)
                self._journal.append(self._host, ServiceStopped(name, said))
                await trio.sleep(RESTART_SECONDS)


@dataclass
class Host:
    """One machine.

    ``address`` is where others reach it; ``trusts`` are the certificate authorities in
    its CA bundle, read from the file at every use, so that whoever changes the file
    changes what the host trusts.
    """

    name: str
    address: str
    files: FileSystem
    dialer: Dialer
    clock: Clock
    randomness: Randomness
    services: Services
    network: Listening = field(repr=False)

    def listen(self, port: int, *, loopback: bool = False) -> trio.abc.Listener[trio.abc.Stream]:
        """Open a port of this machine; with ``loopback``, for itself only."""
        return self.network.listen(self.name, port, loopback=loopback)

    def ca_bundle(self) -> bytes:
        """The PEM text of the certificate authorities that this machine trusts for HTTPS."""
        try:
            return self.files.read(CA_BUNDLE)
        except FileNotFoundError:
            return b""

    def add_trusted(self, pem: bytes) -> None:
        """Install a certificate authority in the host's CA bundle."""
        self.files.write(CA_BUNDLE, self.ca_bundle() + pem)
