"""The network of a simulated world: names, listeners, connections and their delay.

A connection is two one-way pipes of bytes. What is written at one end arrives at the
other after the link's latency, in order, unless a rule says otherwise. Errors have
the words of Go's ``net`` package, since that is what kubeadm prints.
"""

from __future__ import annotations

import ipaddress
import math
import operator
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Protocol

import trio

from joinsim.errors import ProtocolError
from joinsim.world.rules import Action, Delay, Divert, Drop, Link, Pass, Refuse, Rule

__all__ = ["DialError", "Dialer", "HostDialer", "Listener", "Network", "NetworkStream"]

LATENCY_SECONDS = 0.0
"""How long a packet takes between two hosts, one way, unless a rule delays it."""


class DialError(ProtocolError):
    """A connection could not be made; the message is Go's, from ``dial tcp`` on."""


class Dialer(Protocol):
    """Makes connections for one host."""

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        """Connect to a name or address; :class:`DialError` where that fails."""


class _Pipe:
    """One direction of a connection."""

    def __init__(self, network: Network, link: Link) -> None:
        self._network = network
        self._link = link
        self._segments: deque[tuple[float, bytes]] = deque()
        self._ended_at = math.inf
        self._reset = False
        self._abandoned = False
        self._disowned = False
        self._reader = trio.lowlevel.ParkingLot()

    def put(self, data: bytes) -> None:
        if self._reset:
            raise trio.BrokenResourceError("write: connection reset by peer")
        if self._disowned:
            raise trio.BrokenResourceError("write: broken pipe")
        if self._abandoned:
            # TCP takes what nobody will read, is told so, and fails at the next write.
            self._disowned = True
            return
        self._segments.append((self._arrival(), data))
        self.reconsider()

    def end(self) -> None:
        if self._ended_at == math.inf:
            self._ended_at = self._arrival()
            self.reconsider()

    def _arrival(self) -> float:
        """When what is sent now arrives; in the past where that takes no time."""
        latency = self._network.latency(self._link)
        return trio.current_time() + latency if latency else -math.inf

    def reset(self) -> None:
        """Break the pipe: what is under way is lost."""
        self._reset = True
        self._segments.clear()
        self.reconsider()

    def abandon(self) -> None:
        """The reader is gone; the writer finds out at the second write from now, as over TCP."""
        self._abandoned = True
        self._segments.clear()
        self.reconsider()

    def due(self) -> float:
        """When a reader need not wait any longer; infinity where nothing is on its way."""
        if self._reset or self._abandoned:
            return -math.inf
        if self._network.is_cut(self._link):
            return math.inf
        return self._segments[0][0] if self._segments else self._ended_at

    def ready(self) -> bool:
        """Whether a read would not wait."""
        return _is_past(self.due())

    async def wait(self) -> None:
        """Wait until a read is worth another try."""
        due = self.due()
        if due == math.inf:
            await self._reader.park()
        else:
            with trio.move_on_at(due):
                await self._reader.park()

    def reconsider(self) -> None:
        """Let a waiting reader look again."""
        self._reader.unpark()

    def take(self, count_max: int) -> bytes:
        if self._reset:
            raise trio.BrokenResourceError("read: connection reset by peer")
        taken = bytearray()
        while self._segments and len(taken) < count_max and _is_past(self._segments[0][0]):
            due, data = self._segments.popleft()
            room = count_max - len(taken)
            taken += data[:room]
            if len(data) > room:
                self._segments.appendleft((due, data[room:]))
        return bytes(taken)


def _is_past(moment: float) -> bool:
    return moment == -math.inf or moment <= trio.current_time()


class NetworkStream(trio.abc.HalfCloseableStream):
    """One end of a connection."""

    def __init__(self, link: Link, incoming: _Pipe, outgoing: _Pipe) -> None:
        self.link = link
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False
        self._eof_sent = False
        self._sending = False
        self._receiving = False

    async def _send_turn(self) -> None:
        """Wait for our turn to send: a checkpoint during which nobody else may send."""
        self._check_open()
        if self._sending:
            raise trio.BusyResourceError("another task is sending on this connection")
        if self._eof_sent:
            raise trio.ClosedResourceError("the sending side is closed")
        self._sending = True
        try:
            await trio.lowlevel.checkpoint()
        finally:
            self._sending = False
        self._check_open()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Hand bytes to the network, which takes any number at once."""
        await self._send_turn()
        if data:
            self._outgoing.put(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """Return at once: sending never blocks."""
        await self._send_turn()

    async def send_eof(self) -> None:
        """Tell the other end that nothing more will come; saying it twice is no error."""
        if self._eof_sent:
            self._check_open()
            await trio.lowlevel.checkpoint()
        else:
            await self._send_turn()
            self._eof_sent = True
            self._outgoing.end()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for bytes; an empty result is the end of the stream."""
        if max_bytes is not None and operator.index(max_bytes) < 1:
            raise ValueError("max_bytes must be >= 1")
        self._check_open()
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving on this connection")
        self._receiving = True
        try:
            if self._incoming.ready():
                await trio.lowlevel.checkpoint()
            while not self._incoming.ready():
                await self._incoming.wait()
        finally:
            self._receiving = False
        self._check_open()
        return self._incoming.take(max_bytes or 65536)

    def is_readable(self) -> bool:
        """Whether something waits to be read, an end of stream included."""
        return self._incoming.ready()

    def reset(self) -> None:
        """Break the connection both ways, as a host does that loses its state."""
        self._incoming.reset()
        self._outgoing.reset()

    def close(self) -> None:
        """Close both directions; the other end reads what was sent, then the end."""
        if not self._closed:
            self._closed = True
            self._outgoing.end()
            self._incoming.abandon()

    async def aclose(self) -> None:
        """Like :meth:`close`, and a checkpoint."""
        self.close()
        await trio.lowlevel.checkpoint()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this end of the connection was closed")


class Listener(trio.abc.Listener[trio.abc.Stream]):
    """Accepts connections at one host and port."""

    def __init__(self, network: Network, host: str, port: int, loopback: bool) -> None:
        self._network = network
        self.host = host
        self.port = port
        self.loopback = loopback
        self._send, self._receive = trio.open_memory_channel[NetworkStream](math.inf)
        self._accepted: list[NetworkStream] = []

    def offer(self, stream: NetworkStream) -> None:
        """Queue a connection that has been made."""
        self._accepted = [known for known in self._accepted if not known._closed]
        self._accepted.append(stream)
        self._send.send_nowait(stream)

    async def accept(self) -> NetworkStream:
        """The next connection; ``trio.ClosedResourceError`` once the listener is closed."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise trio.ClosedResourceError("the listener was closed") from None

    def close(self, *, reset: bool = False) -> None:
        """Stop listening; with ``reset``, also break the connections that were accepted."""
        self._network._forget(self)
        self._send.close()
        # Nobody will ever accept what still waits.
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                self._receive.receive_nowait().reset()
        if reset:
            for stream in self._accepted:
                stream.reset()

    async def aclose(self) -> None:
        """Like :meth:`close`, and a checkpoint."""
        self.close()
        await trio.lowlevel.checkpoint()


class Network:
    """Hosts by name and address, and what runs between them."""

    def __init__(self, latency_seconds: float = LATENCY_SECONDS) -> None:
        self._latency_seconds = latency_seconds
        self._addresses: dict[str, str] = {}
        self._listeners: dict[tuple[str, int], Listener] = {}
        self._streams: list[NetworkStream] = []
        self._rules: list[Rule] = []

    # --- names ---------------------------------------------------------------

    def add_host(self, name: str, address: str = "") -> str:
        """Give a host a name and an address (the next free one of 10.0.0.0/16)."""
        address = address or str(ipaddress.IPv4Address("10.0.0.0") + len(self._addresses) + 1)
        if name in self._addresses or address in self._addresses.values():
            raise ValueError(f"there is a host {name} or {address} already")
        self._addresses[name] = address
        return address

    def address_of(self, host: str) -> str:
        """The address of a host."""
        return self._addresses[host]

    def _resolve(self, source: str, target: str) -> str:
        """The host behind a name or an address, empty where nobody has it."""
        if target == "localhost" or _is_loopback(target):
            return source
        if target in self._addresses:
            return target
        for name, address in self._addresses.items():
            if address == target:
                return name
        return ""

    # --- rules ---------------------------------------------------------------

    def lay(self, rule: Rule) -> None:
        """Put a rule behind those that are there."""
        self._rules.append(rule)
        self._changed()

    def lift(self, rule: Rule) -> None:
        """Take a rule away again."""
        self._rules.remove(rule)
        self._changed()

    @contextmanager
    def bent_by(self, rule: Rule) -> Iterator[None]:
        """Lay a rule for the length of a block."""
        self.lay(rule)
        try:
            yield
        finally:
            self.lift(rule)

    def judge(self, link: Link) -> Action:
        """What the rules say about a link: the first that does not pass decides."""
        for rule in self._rules:
            action = rule.judge(link)
            if not isinstance(action, Pass):
                return action
        return Pass()

    def latency(self, link: Link) -> float:
        """How long a packet takes on a link, in seconds; a host reaches itself at once."""
        action = self.judge(link)
        base = 0.0 if link.source == link.target else self._latency_seconds
        return base + action.seconds if isinstance(action, Delay) else base

    def is_cut(self, link: Link) -> bool:
        """Whether packets on a link get lost."""
        return isinstance(self.judge(link), Drop)

    def _changed(self) -> None:
        for stream in self._streams:
            if isinstance(self.judge(stream.link), Refuse):
                stream.reset()
            stream._incoming.reconsider()

    # --- connections ----------------------------------------------------------

    def listen(self, host: str, port: int, *, loopback: bool = False) -> Listener:
        """Listen at a host's port, with ``loopback`` for the host itself only.

        Raises OSError where somebody listens already.
        """
        if (host, port) in self._listeners:
            raise OSError(f"listen tcp :{port}: bind: address already in use")
        listener = Listener(self, host, port, loopback)
        self._listeners[host, port] = listener
        return listener

    def _forget(self, listener: Listener) -> None:
        if self._listeners.get((listener.host, listener.port)) is listener:
            del self._listeners[listener.host, listener.port]

    async def dial(self, source: str, target: str, port: int) -> NetworkStream:
        """Connect a host to a name or address.

        Takes a round trip. Waits for as long as a rule drops the packets: whoever dials
        sets the deadline.
        """
        name = self._resolve(source, target)
        if not name:
            await trio.lowlevel.checkpoint()
            raise _unreachable(target, port)
        link = Link(source, name, port)
        while self.is_cut(link):
            # A SYN that gets no answer is sent again, after 1, 2, 4, … seconds; one
            # second is close enough to when the rule is lifted.
            await trio.sleep(1)
        action = self.judge(link)
        latency = self.latency(link)
        await trio.sleep(2 * latency)
        refused = isinstance(action, Refuse)
        host, reached = name, port
        if isinstance(action, Divert):
            host, reached = action.host, action.port if action.port is not None else port
        listener = self._listeners.get((host, reached))
        if listener is not None and listener.loopback and source != host:
            listener = None
        if refused or listener is None:
            raise DialError(f"dial tcp {_joined(self._shown(target), port)}: connect: connection refused")
        ours, theirs = self._connect(link)
        listener.offer(theirs)
        return ours

    def _connect(self, link: Link) -> tuple[NetworkStream, NetworkStream]:
        there, back = _Pipe(self, link), _Pipe(self, link)
        ours, theirs = NetworkStream(link, back, there), NetworkStream(link, there, back)
        self._streams = [stream for stream in self._streams if not stream._closed]
        self._streams += [ours, theirs]
        return ours, theirs

    def _shown(self, target: str) -> str:
        if target == "localhost":
            return "127.0.0.1"
        return self._addresses.get(target, target)


@lru_cache(maxsize=256)
def _is_loopback(target: str) -> bool:
    try:
        return ipaddress.ip_address(target).is_loopback
    except ValueError:
        return False


def _unreachable(target: str, port: int) -> DialError:
    try:
        ipaddress.ip_address(target)
    except ValueError:
        # Divergence: Go says which server it asked (lookup NAME on 192.0.2.53:53); none is asked here.
        return DialError(f"dial tcp: lookup {target}: no such host")
    return DialError(f"dial tcp {_joined(target, port)}: connect: no route to host")


def _joined(target: str, port: int) -> str:
    return f"[{target}]:{port}" if ":" in target else f"{target}:{port}"


class HostDialer:
    """Dials from one host of a simulated network."""

    def __init__(self, network: Network, host: str) -> None:
        self._network = network
        self._host = host

    async def dial(self, host: str, port: int) -> NetworkStream:
        """Connect to a name or address; :class:`DialError` where that fails."""
        return await self._network.dial(self._host, host, port)
