"""A world to run in: chance, time, hosts with files and trust, and the network between them."""

from joinsim.world.clock import EPOCH, Clock, SkewedClock, VirtualClock, WallClock
from joinsim.world.files import Content, Entry, FileSystem, MemoryFiles, RootedFiles
from joinsim.world.host import CA_BUNDLE, Host, ServiceExit, Services
from joinsim.world.network import Dialer, DialError, HostDialer, Listener, Network, NetworkStream
from joinsim.world.rules import Delay, Divert, Drop, Link, LinkRule, Pass, Refuse, Rule, partition
from joinsim.world.scheduler import run_deterministic
from joinsim.world.seed import Chance, Randomness, Seed, Stream
from joinsim.world.sockets import SocketDialer, SocketNetwork
from joinsim.world.world import World

__all__ = [
    "CA_BUNDLE",
    "EPOCH",
    "Chance",
    "Clock",
    "Content",
    "Delay",
    "DialError",
    "Dialer",
    "Divert",
    "Drop",
    "Entry",
    "FileSystem",
    "Host",
    "HostDialer",
    "Link",
    "LinkRule",
    "Listener",
    "MemoryFiles",
    "Network",
    "NetworkStream",
    "Pass",
    "Randomness",
    "Refuse",
    "RootedFiles",
    "Rule",
    "Seed",
    "ServiceExit",
    "Services",
    "SkewedClock",
    "SocketDialer",
    "SocketNetwork",
    "Stream",
    "VirtualClock",
    "WallClock",
    "World",
    "partition",
    "run_deterministic",
]
