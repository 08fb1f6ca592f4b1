"""Real sockets in the place of the simulated network: a host's ports and its way out."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

import trio

from joinsim.errors import BackendError
from joinsim.world.network import DialError

__all__ = ["SocketDialer", "SocketNetwork"]

BACKLOG = 1024
DIAL_SECONDS = 30.0


class SocketNetwork:
    """The ports of this machine at one address, loopback unless told otherwise."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self._reserved: dict[int, socket.socket] = {}

    def reserve(self, port: int) -> int:
        """Take a port now, any free one for 0, for :meth:`listen` to open later; its number.

        Raises :class:`~joinsim.errors.BackendError` where the machine does not give it.
        """
        family = socket.AF_INET6 if ipaddress.ip_address(self.address).version == 6 else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind((self.address, port))
        except OSError as error:
            opened.close()
            raise BackendError(f"cannot listen at {self.address} port {port}: {error.strerror}") from None
        number: int = opened.getsockname()[1]
        self._reserved[number] = opened
        return number

    def listen(self, host: str, port: int, *, loopback: bool = False) -> trio.abc.Listener[trio.abc.Stream]:
        """Listen at a port. All of this machine's ports are at one address, whatever ``loopback`` says."""
        if port not in self._reserved:
            port = self.reserve(port)
        opened = self._reserved.pop(port)
        opened.listen(BACKLOG)
        return trio.SocketListener(trio.socket.from_stdlib_socket(opened))

    def close(self) -> None:
        """Give back the ports that were reserved and never opened."""
        while self._reserved:
            self._reserved.popitem()[1].close()


class SocketDialer:
    """Dials from this machine."""

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        """Connect to a name or address; :class:`DialError`, in Go's words, where that fails."""
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            with trio.fail_after(DIAL_SECONDS):
                stream: trio.abc.Stream = await trio.open_tcp_stream(host, port)
        except trio.TooSlowError:
            raise DialError(f"dial tcp {shown}: i/o timeout") from None
        except socket.gaierror:
            raise DialError(f"dial tcp: lookup {host}: no such host") from None
        except OSError as error:
            raise DialError(f"dial tcp {shown}: connect: {_called(error)}") from None
        return stream


def _called(error: OSError) -> str:
    """What Go calls it: the C library's words, in lower case."""
    cause: BaseException | None = error
    while isinstance(cause, OSError) and cause.errno is None:
        cause = cause.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[-1]
    number = cause.errno if isinstance(cause, OSError) and cause.errno else errno.ECONNREFUSED
    return os.strerror(number).lower()
