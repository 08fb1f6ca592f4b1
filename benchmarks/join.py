"""How long a whole worker join takes, beside the cryptography that it cannot do without.

    python benchmarks/join.py [ROUNDS]

A round is one join on simulated ground, from the boot of the control plane to the
registered Node. Its floor is as many TLS handshakes over memory buffers as the join made, as
many key generations, as many signatures; how many that is, is counted in one join before
the rounds begin. Ten joins and ten floors take turns, so that their ratio does not depend
on how busy the machine is.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from joinsim.api import BootstrapToken, TokenRecord
from joinsim.backends import FakeGround
from joinsim.controlplane import ClusterSettings, ControlPlane
from joinsim.events import NodeRegistered
from joinsim.join import BootstrapTokenDiscovery, Discovery, JoinConfiguration, JoinEngine, KubeletSettings
from joinsim.pki import CertificateAuthority, KeyPair, Validity
from joinsim.wire import ClientTls
from joinsim.world import World

ROUNDS, BLOCK = 100, 10
TARGET_MS = 25.0


async def join(world: World) -> None:
    """Boot a control plane, join one worker with token and pin, and see its Node registered."""
    token = BootstrapToken.generate(world.seed.stream("token").bytes)
    host, worker = world.add_host("control-plane"), world.add_host("worker-1")
    control_plane = ControlPlane(host, ClusterSettings(tokens=(TokenRecord(token),)), world.journal)
    await world.nursery.start(control_plane.run)
    pins = tuple(map(str, control_plane.ca_pins))
    discovery = Discovery(BootstrapTokenDiscovery(token.value, control_plane.endpoint, pins))
    outcome = await JoinEngine(worker, JoinConfiguration(discovery), world.journal, KubeletSettings()).run()
    assert outcome.joined, outcome.refusal
    assert any(world.journal.of(NodeRegistered))


def count_cryptography() -> Counter[str]:
    """What one join does of handshakes, key generations and signatures."""
    counts: Counter[str] = Counter()

    def counted(what: str, original: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*args: object, **kwargs: object) -> object:
            counts[what] += 1
            return original(*args, **kwargs)

        return wrapper

    with (
        patch.object(ClientTls, "connect", counted("handshakes", ClientTls.connect)),
        patch.object(ec, "derive_private_key", counted("keys", ec.derive_private_key)),
        patch.object(x509.CertificateBuilder, "sign", counted("signatures", x509.CertificateBuilder.sign)),
        patch.object(
            x509.CertificateSigningRequestBuilder,
            "sign",
            counted("signatures", x509.CertificateSigningRequestBuilder.sign),
        ),
    ):
        FakeGround().run(join, seed=1)
    return counts


class Floor:
    """The cryptography of a join and nothing else."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        now = datetime.now(UTC).replace(microsecond=0)
        self._period = Validity(now - timedelta(hours=1), now + timedelta(hours=1))
        self._key = KeyPair.generate()
        self._authority = CertificateAuthority.create("ca", self._key, self._period, 1)
        leaf = KeyPair.generate()
        certificate = self._authority.issue_server("server", leaf.public_key, ["server"], self._period, 2)
        self._server, self._client = SSL.Context(SSL.TLS_SERVER_METHOD), SSL.Context(SSL.TLS_CLIENT_METHOD)
        for context in (self._server, self._client):
            # The same key exchange as in the join, and no session tickets either.
            context.set_tmp_ecdh(ec.SECP256R1())
            context.set_options(SSL.OP_NO_TICKET)
        self._server.use_certificate(certificate)
        self._server.use_privatekey(leaf.private_key)
        self._client.set_verify(SSL.VERIFY_PEER)
        store = self._client.get_cert_store()
        assert store is not None
        store.add_cert(crypto.X509.from_cryptography(self._authority.certificate))

    def run(self) -> None:
        """As many of each as a join makes."""
        for _ in range(self._counts["keys"]):
            KeyPair.generate()
        for serial in range(self._counts["signatures"]):
            self._authority.issue_client("client", (), self._key.public_key, self._period, serial + 3)
        for _ in range(self._counts["handshakes"]):
            self._handshake()

    def _handshake(self) -> None:
        client, server = SSL.Connection(self._client), SSL.Connection(self._server)
        client.set_connect_state()
        server.set_accept_state()
        ends = [client, server]
        done = {client: False, server: False}
        while not all(done.values()):
            for here, there in (ends, ends[::-1]):
                done[here] = _step(here) or done[here]
                _carry(here, there)


def _step(end: SSL.Connection) -> bool:
    try:
        end.do_handshake()
    except SSL.WantReadError:
        return False
    return True


def _carry(source: SSL.Connection, target: SSL.Connection) -> None:
    try:
        target.bio_write(source.bio_read(65536))
    except SSL.WantReadError:
        return


def milliseconds(action: Callable[[], object]) -> float:
    """How long something takes."""
    began = perf_counter()
    action()
    return (perf_counter() - began) * 1000


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    counts = count_cryptography()
    floor = Floor(counts)
    ground = FakeGround()
    joins, floors = [], []
    for first in range(0, rounds, BLOCK):
        block = range(first, min(first + BLOCK, rounds))
        joins += [milliseconds(partial(ground.run, join, seed=seed)) for seed in block]
        floors += [milliseconds(floor.run) for _ in block]
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"one worker join, median of {rounds} rounds (target: at most {TARGET_MS:.0f} ms)")
    print(f"  join   {median(joins):6.2f} ms   (fastest {min(joins):.2f} ms)")
    print(f"  floor  {median(floors):6.2f} ms   ({told})")
    print(f"  ratio  {median(joins) / median(floors):6.2f}")


if __name__ == "__main__":
    main()
