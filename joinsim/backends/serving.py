"""The control plane on a socket of this machine and on the time of day, for real clients.

The same control plane as in a simulation; what differs is the host that it is given: sockets
in the place of the simulated network, a folder in the place of files in memory, the machine's
clock, and chance in the place of a seed.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio

from joinsim.api import BootstrapToken, TokenRecord
from joinsim.backends.fake import CONTROL_PLANE
from joinsim.controlplane import ClusterSettings, ControlPlane
from joinsim.errors import BackendError
from joinsim.journal import Journal, Record
from joinsim.pki import CertificateError
from joinsim.world import Chance, Host, RootedFiles, Services, SocketDialer, SocketNetwork, WallClock

__all__ = ["ServeSettings", "Served", "new_token", "serving", "serving_in_thread"]

RECORDS_MAX = 100_000


@dataclass(frozen=True)
class ServeSettings:
    """Where to serve, and what.

    ``port`` 0 is any free one. ``state`` is a folder that keeps keys, certificates and
    kubeconfigs, so that the next start has the same authorities; without one they are put into
    a temporary folder and go with it. ``follow`` is told of every record of the journal.
    """

    address: str = "127.0.0.1"
    port: int = 0
    state: Path | None = None
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    follow: Callable[[Record], None] | None = None


@dataclass(frozen=True)
class Served:
    """A control plane that is being served."""

    control_plane: ControlPlane
    journal: Journal
    folder: Path

    @property
    def endpoint(self) -> str:
        """``host:port``."""
        return self.control_plane.endpoint

    @property
    def url(self) -> str:
        """``https://host:port``."""
        return f"https://{self.endpoint}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig on this machine's disk."""
        return self.folder / "etc" / "kubernetes" / "admin.conf"

    @property
    def ca_file(self) -> Path:
        """The cluster's CA certificate on this machine's disk."""
        return self.folder / "etc" / "kubernetes" / "pki" / "ca.crt"

    @property
    def ca_hashes(self) -> tuple[str, ...]:
        """What ``--discovery-token-ca-cert-hash`` takes."""
        return tuple(map(str, self.control_plane.ca_pins))

    def join_command(self, token: BootstrapToken) -> str:
        """The command that ``kubeadm token create --print-join-command`` prints. It holds the token."""
        hashes = " ".join(f"--discovery-token-ca-cert-hash {pin}" for pin in self.ca_hashes)
        return f"kubeadm join {self.endpoint} --token {token.value} {hashes} "


@asynccontextmanager
async def serving(settings: ServeSettings) -> AsyncIterator[Served]:
    """Serve for the length of an ``async with`` block.

    Raises :class:`~joinsim.errors.BackendError` where the port cannot be had or the folder
    cannot be used.
    """
    network = SocketNetwork(settings.address)
    try:
        port = network.reserve(settings.port)
        with _folder(settings.state) as folder:
            async with trio.open_nursery() as nursery:
                served = _make(settings, port, network, folder, nursery)
                await nursery.start(served.control_plane.run)
                yield served
                nursery.cancel_scope.cancel()
    finally:
        network.close()


@contextmanager
def serving_in_thread(settings: ServeSettings) -> Iterator[Served]:
    """Serve in a thread for the length of a ``with`` block, for callers that are not asynchronous.

    What :func:`serving` raises comes through.
    """
    started: list[tuple[Served, trio.lowlevel.TrioToken, trio.CancelScope]] = []
    failed: list[BaseException] = []
    ready = threading.Event()

    async def main() -> None:
        with trio.CancelScope() as scope:
            async with serving(settings) as served:
                started.append((served, trio.lowlevel.current_trio_token(), scope))
                ready.set()
                await trio.sleep_forever()

    def run() -> None:
        try:
            trio.run(main)
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits)
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="joinsim serve", daemon=True)
    thread.start()
    ready.wait()
    if not started:
        thread.join()
        raise failed[0]
    served, token, scope = started[0]
    try:
        yield served
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join()
    if failed:
        raise failed[0]


@contextmanager
def _folder(state: Path | None) -> Iterator[Path]:
    if state is None:
        made = Path(tempfile.mkdtemp(prefix="joinsim-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackendError(f"cannot keep state in {state}: {error.strerror}") from None
    yield state


def _make(
    settings: ServeSettings, port: int, network: SocketNetwork, folder: Path, nursery: trio.Nursery
) -> Served:
    clock = WallClock()
    journal = Journal(clock.elapsed, records_max=RECORDS_MAX, follow=settings.follow)
    journal.redactor.hide(*(record.token.secret for record in settings.cluster.tokens))
    host = Host(
        name=CONTROL_PLANE,
        address=settings.address,
        files=RootedFiles(folder, private=True),
        dialer=SocketDialer(),
        clock=clock,
        randomness=Chance(),
        services=Services(CONTROL_PLANE, nursery, journal),
        network=network,
    )
    try:
        control_plane = ControlPlane(host, replace(settings.cluster, port=port), journal)
    except (OSError, CertificateError, ValueError) as error:
        raise BackendError(f"cannot use the state in {folder}: {error}") from None
    return Served(control_plane, journal, folder)


def new_token() -> TokenRecord:
    """A fresh token that never expires, for a cluster that is served by itself."""
    return TokenRecord(BootstrapToken.generate(Chance().stream("tokens").bytes))
