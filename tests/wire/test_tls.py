from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from joinsim.pki import CertificateAuthority, KeyAlgorithm, KeyPair, Validity
from joinsim.wire import ClientTls, ServerTls, TlsError, TlsStream
from joinsim.wire.tls import name_problem
from joinsim.world import EPOCH, Delay, LinkRule, SkewedClock, VirtualClock, run_deterministic
from tests.wire import pki

DAY = timedelta(days=1)


class FixedClock:
    def __init__(self, now):
        self._now = now

    def now(self):
        return self._now


def shaking(server=None, client=None, host=pki.SERVER, clock=None):
    """A handshake over memory: what became of the client and of the server, a stream or an error each."""
    server = server or pki.server_tls()
    client = client or pki.client_tls()

    async def main():
        ours, theirs = trio.testing.memory_stream_pair()
        outcomes = {}

        async def keep(name, handshake):
            try:
                outcomes[name] = await handshake
            except TlsError as error:
                outcomes[name] = str(error)

        with trio.move_on_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keep, "client", client.connect(ours, host, clock or VirtualClock()))
                nursery.start_soon(keep, "server", server.accept(theirs))
        return outcomes["client"], outcomes["server"]

    return run_deterministic(main, 1)


def refusal(**arguments):
    """Why the client refused the server's certificate, without Go's usual beginning."""
    client, server = shaking(**arguments)
    assert isinstance(client, str), "the handshake should have failed"
    assert isinstance(server, str)
    beginning = "tls: failed to verify certificate: x509: "
    assert client.startswith(beginning)
    return client.removeprefix(beginning)


def connection(server=None, client=None):
    """A maker of encrypted connections over memory: (client's end, server's end)."""
    server, client = server or pki.server_tls(), client or pki.client_tls()

    async def maker():
        ours, theirs = trio.testing.memory_stream_pair()
        ends = {}

        async def accept():
            ends["server"] = await server.accept(theirs)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept)
            ends["client"] = await client.connect(ours, pki.SERVER, VirtualClock())
        return ends["client"], ends["server"]

    return maker


def over_tls(body, **ends):
    """Run ``body(client's end, server's end)`` on virtual time."""

    async def main():
        return await body(*await connection(**ends)())

    return run_deterministic(main, 1)


# --- the stream --------------------------------------------------------------------------


def test_an_encrypted_connection_keeps_trios_rules_for_streams():
    async def main():
        await trio.testing.check_two_way_stream(connection(), None)

    run_deterministic(main, 1)


@pytest.mark.parametrize("size", [1, 16383, 16384, 16385, 32769, 100_000, 1_000_003])
def test_a_message_of_many_records_arrives_whole(size):
    sent = (bytes(range(251)) * (size // 251 + 1))[:size]

    async def body(client, server):
        for sender, receiver in ((client, server), (server, client)):
            received = bytearray()

            async def receive(receiver=receiver, received=received):
                while len(received) < size:
                    received += await receiver.receive_some()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive)
                await sender.send_all(sent)
            assert received == sent

    over_tls(body)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_can_be_sent(kind):
    async def body(client, server):
        await client.send_all(kind(b"hello"))
        assert await server.receive_some() == b"hello"

    over_tls(body)


def test_reading_what_was_already_decrypted_gives_others_their_turn():
    async def body(client, server):
        await server.send_all(b"xy")
        assert await client.receive_some(1) == b"x"
        with trio.testing.assert_checkpoints():
            assert await client.receive_some(1) == b"y"

    over_tls(body)


def test_what_is_sent_is_not_on_the_wire_in_the_clear():
    seen = bytearray()

    class Tap(trio.abc.Stream):
        def __init__(self, inner):
            self.inner = inner

        async def send_all(self, data):
            seen.extend(data)
            await self.inner.send_all(data)

        async def receive_some(self, max_bytes=None):
            return await self.inner.receive_some(max_bytes)

        async def wait_send_all_might_not_block(self):
            await self.inner.wait_send_all_might_not_block()

        async def aclose(self):
            await self.inner.aclose()

    async def main():
        ours, theirs = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pki.server_tls().accept, theirs)
            client = await pki.client_tls().connect(Tap(ours), pki.SERVER, VirtualClock())
        await client.send_all(b"Authorization: Bearer abcdef.0123456789abcdef")

    run_deterministic(main, 1)
    assert len(seen) > 200
    assert b"abcdef" not in seen


def test_the_end_without_a_closing_alert_is_an_end():
    async def body(client, server):
        await server.send_all(b"last")
        await server.aclose()
        assert await client.receive_some() == b"last"
        assert await client.receive_some() == b""
        assert await client.receive_some() == b""

    over_tls(body)


def test_a_closing_alert_is_an_end_too():
    async def body(client, server):
        server._engine.shutdown()
        await server._flush()
        assert await client.receive_some() == b""

    over_tls(body)


def test_forged_bytes_break_the_connection():
    async def body(client, server):
        await server._transport.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(trio.BrokenResourceError, match=r"^tls: "):
            await client.receive_some()

    over_tls(body)


def test_a_record_cut_short_is_never_taken_for_data():
    async def body(client, server):
        server._engine.send(b"half of this")
        record = server._made()
        await server._transport.send_all(record[:-1])
        await server._transport.aclose()
        assert await client.receive_some() == b""

    over_tls(body)


@pytest.mark.parametrize("size", [0, -1])
def test_reading_no_bytes_at_all_is_our_own_bug(size):
    async def body(client, server):
        with pytest.raises(ValueError, match="max_bytes"):
            await client.receive_some(size)

    over_tls(body)


def test_a_connection_says_whether_the_one_underneath_can_be_read(play):
    async def body(world):
        host, other = world.add_host("server"), world.add_host("a")
        listener = host.listen(443)
        ends = []

        async def accept():
            ends.append(await pki.server_tls().accept(await listener.accept()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept)
            client = await pki.client_tls().connect(
                await other.dialer.dial("server", 443), "server", world.clock
            )
        # A server's session tickets come before its first words.
        await ends[0].send_all(b"x")
        assert client.is_readable()
        assert await client.receive_some() == b"x"
        assert not client.is_readable()
        await ends[0].aclose()
        assert client.is_readable()

    play(body)


# --- who may be believed -----------------------------------------------------------------


ALGORITHMS = [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_authorities_servers_and_clients_may_have_any_of_kubeadms_keys(algorithm):
    ca = pki.authority(keys=pki.key(algorithm))
    keys = pki.key(algorithm)
    certificate = ca.issue_client("node", [], keys.public_key, pki.PERIOD, 3)
    server = pki.server_tls(ca=ca, keys=keys, request_client_certificate=True)
    client, accepted = shaking(server, pki.client_tls(ca, certificate=certificate, key=keys))
    assert isinstance(client, TlsStream)
    assert client.peer == server.certificate
    assert accepted.peer == certificate


def test_one_of_several_authorities_is_enough():
    client, _ = shaking(client=pki.client_tls(pki.OTHER_CA, pki.CA, pki.CA))
    assert isinstance(client, TlsStream)


@pytest.mark.parametrize(
    "client",
    [pki.client_tls(pki.OTHER_CA), pki.client_tls(pki.authority("kubernetes")), ClientTls(())],
    ids=["another authority", "another of the same name", "no authority at all"],
)
def test_a_server_of_another_authority_is_refused(client):
    assert refusal(client=client).startswith("certificate signed by unknown authority")


def test_a_self_signed_server_is_refused_unless_it_is_believed_itself():
    keys = pki.key()
    own = CertificateAuthority.create(pki.SERVER, keys, pki.PERIOD, 5)
    server = ServerTls(own.certificate, keys)
    assert refusal(server=server) == "certificate signed by unknown authority"
    assert isinstance(shaking(server, pki.client_tls(own))[0], TlsStream)


def test_who_verifies_nothing_believes_anybody():
    server = pki.server_tls("elsewhere", ca=pki.OTHER_CA, valid=pki.period(EPOCH - 9 * DAY, EPOCH - 8 * DAY))
    client, _ = shaking(server, ClientTls(None))
    assert client.peer == server.certificate


def test_a_client_certificate_is_no_servers():
    keys = pki.key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(pki.CLIENT_CERTIFICATE.subject)
        .issuer_name(pki.CA.certificate.subject)
        .public_key(keys.public_key)
        .serial_number(7)
        .not_valid_before(pki.PERIOD.not_before)
        .not_valid_after(pki.PERIOD.not_after)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(pki.SERVER)]), critical=False)
        .sign(pki.CA.key.private_key, hashes.SHA256())
    )
    assert refusal(server=ServerTls(certificate, keys)) == "certificate specifies an incompatible key usage"


# --- for whom a certificate is ----------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["server"], "server"),
        (["server"], "SERVER"),
        (["Server.Example"], "server.example"),
        (["server.example"], "server.example."),
        (["*.example"], "server.example"),
        (["other", "server"], "server"),
        (["10.0.0.1"], "10.0.0.1"),
        (["10.0.0.1", "fd00::1"], "fd00::1"),
        (["fd00::1"], "fd00:0:0:0:0:0:0:1"),
        (["server", "10.0.0.1"], "10.0.0.1"),
    ],
)
def test_a_certificate_is_for_the_names_and_addresses_in_it(names, host):
    client, _ = shaking(pki.server_tls(*names), host=host)
    assert isinstance(client, TlsStream)


@pytest.mark.parametrize(
    ("names", "host", "problem"),
    [
        (["server"], "other", "certificate is valid for server, not other"),
        (["a", "b.c"], "other", "certificate is valid for a, b.c, not other"),
        (["server"], "server.example", "certificate is valid for server, not server.example"),
        (["*.example"], "a.b.example", "certificate is valid for *.example, not a.b.example"),
        (["*.example"], "example", "certificate is valid for *.example, not example"),
        (["a.*"], "a.b", "certificate is valid for a.*, not a.b"),
        (["10.0.0.1"], "10.0.0.2", "certificate is valid for 10.0.0.1, not 10.0.0.2"),
        (["10.0.0.1", "fd00::1"], "::1", "certificate is valid for 10.0.0.1, fd00::1, not ::1"),
        (
            ["server"],
            "10.0.0.1",
            "cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs",
        ),
        (
            ["10.0.0.1"],
            "server",
            "certificate is not valid for any names, but wanted to match server",
        ),
    ],
)
def test_a_certificate_for_somebody_else_is_refused_in_gos_words(names, host, problem):
    assert refusal(server=pki.server_tls(*names), host=host) == problem


@pytest.mark.parametrize("host", ["10.0.0.1", "elsewhere", pki.SERVER])
def test_a_client_that_expects_a_certain_name_checks_that_one_alone(host):
    expecting = pki.client_tls(server_name=pki.SERVER)
    assert isinstance(shaking(client=expecting, host=host)[0], TlsStream)
    other = pki.client_tls(server_name="kubernetes")
    assert refusal(client=other, host=host) == "certificate is valid for server, not kubernetes"


def test_the_common_name_counts_for_nothing():
    certificate = pki.CA.issue_server("server", pki.SERVER_KEY.public_key, [], pki.PERIOD, 4)
    wanted = "x509: certificate is not valid for any names, but wanted to match server"
    assert name_problem(certificate, "server") == wanted
    assert name_problem(certificate, "10.0.0.1").endswith("because it doesn't contain any IP SANs")


_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
_NAME = st.lists(_LABEL, min_size=1, max_size=4).map(".".join).filter(lambda name: not name[-1].isdigit())


@given(_NAME, _NAME)
def test_a_plain_name_is_for_itself_alone(name, host):
    certificate = pki.server_tls(name).certificate
    assert name_problem(certificate, name) == name_problem(certificate, name.upper()) == ""
    assert (name_problem(certificate, host) == "") == (name == host)


@given(_NAME, st.lists(_LABEL, max_size=2))
def test_a_star_stands_for_exactly_one_label(name, labels):
    certificate = pki.server_tls(f"*.{name}").certificate
    host = ".".join([*labels, name])
    assert (name_problem(certificate, host) == "") == (len(labels) == 1)


@given(st.ip_addresses(), st.ip_addresses())
def test_an_address_is_for_itself_alone(address, other):
    certificate = pki.server_tls(str(address)).certificate
    assert name_problem(certificate, str(address)) == ""
    assert (name_problem(certificate, str(other)) == "") == (address == other)


# --- when ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        (EPOCH, ""),
        (EPOCH + 365 * DAY, ""),
        (
            EPOCH - timedelta(seconds=1),
            "current time 2025-12-31T23:59:59Z is before 2026-01-01T00:00:00Z",
        ),
        (
            EPOCH + 365 * DAY + timedelta(seconds=1),
            "current time 2027-01-01T00:00:01Z is after 2027-01-01T00:00:00Z",
        ),
        (
            datetime(1999, 1, 1, tzinfo=UTC),
            "current time 1999-01-01T00:00:00Z is before 2026-01-01T00:00:00Z",
        ),
        (datetime(2099, 1, 1, tzinfo=UTC), "current time 2099-01-01T00:00:00Z is after 2027-01-01T00:00:00Z"),
    ],
    ids=["first second", "last second", "a second before", "a second after", "long before", "long after"],
)
def test_dates_are_judged_on_the_clock_that_is_given(now, problem):
    ca = pki.authority(valid=Validity(datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)))
    arguments = {"server": pki.server_tls(ca=ca), "client": pki.client_tls(ca), "clock": FixedClock(now)}
    if problem:
        assert refusal(**arguments) == f"certificate has expired or is not yet valid: {problem}"
    else:
        assert isinstance(shaking(**arguments)[0], TlsStream)


def test_an_expired_authority_is_refused_with_its_own_dates():
    ca = pki.authority(valid=pki.period(not_after=EPOCH + DAY))
    arguments = {"server": pki.server_tls(ca=ca), "client": pki.client_tls(ca)}
    assert refusal(**arguments, clock=FixedClock(EPOCH + 2 * DAY)) == (
        "certificate has expired or is not yet valid:"
        " current time 2026-01-03T00:00:00Z is after 2026-01-02T00:00:00Z"
    )


def test_the_machines_own_time_makes_no_difference():
    long_ago = Validity(datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC))
    ca = pki.authority(valid=long_ago)
    server = pki.server_tls(ca=ca, valid=long_ago)
    clock = FixedClock(datetime(2001, 6, 1, tzinfo=UTC))
    assert isinstance(shaking(server, pki.client_tls(ca), clock=clock)[0], TlsStream)


def test_a_client_whose_clock_is_slow_finds_a_fresh_certificate_not_yet_valid():
    async def main():
        return SkewedClock(VirtualClock(), -3600)

    assert refusal(clock=run_deterministic(main, 1)) == (
        "certificate has expired or is not yet valid:"
        " current time 2025-12-31T23:00:00Z is before 2026-01-01T00:00:00Z"
    )


def test_of_several_faults_the_one_is_named_that_go_looks_for_first():
    wrong = pki.server_tls("elsewhere", ca=pki.OTHER_CA)
    late = FixedClock(EPOCH + 400 * DAY)
    assert "has expired" in refusal(server=wrong, clock=late)
    assert refusal(server=wrong) == "certificate is valid for elsewhere, not server"


# --- client certificates -----------------------------------------------------------------


@pytest.mark.parametrize("ca", [pki.CA, pki.OTHER_CA], ids=["the cluster's", "a foreign one"])
def test_a_client_certificate_is_received_and_not_judged(ca):
    keys = pki.key()
    expired = pki.period(EPOCH - 9 * DAY, EPOCH - 8 * DAY)
    certificate = ca.issue_client("kubernetes-admin", ["system:masters"], keys.public_key, expired, 3)
    client, server = shaking(
        pki.server_tls(request_client_certificate=True), pki.client_tls(certificate=certificate, key=keys)
    )
    assert isinstance(client, TlsStream)
    assert server.peer == certificate


def test_a_client_without_certificate_is_let_in():
    _, server = shaking(pki.server_tls(request_client_certificate=True))
    assert server.peer is None


def test_a_server_that_does_not_ask_is_not_told():
    client = pki.client_tls(certificate=pki.CLIENT_CERTIFICATE, key=pki.CLIENT_KEY)
    _, server = shaking(client=client)
    assert server.peer is None


def test_a_certificate_without_its_key_proves_nothing_and_is_not_sent():
    client = pki.client_tls(certificate=pki.CLIENT_CERTIFICATE)
    _, server = shaking(pki.server_tls(request_client_certificate=True), client)
    assert server.peer is None


def test_a_certificate_with_another_key_cannot_be_presented():
    client = pki.client_tls(certificate=pki.CLIENT_CERTIFICATE, key=pki.key())
    with pytest.raises((SSL.Error, TlsError, ExceptionGroup)):
        shaking(pki.server_tls(request_client_certificate=True), client)


# --- what goes wrong on the way -----------------------------------------------------------


def client_meets(*pieces):
    """What a client says of a server that sends these bytes and hangs up."""

    async def main():
        ours, theirs = trio.testing.memory_stream_pair()

        async def server():
            await theirs.receive_some()
            # The client may have given up before all of it is sent.
            with suppress(trio.BrokenResourceError):
                for piece in pieces:
                    await theirs.send_all(piece)
                await theirs.send_eof()
                async for _ in theirs:
                    pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(server)
            with pytest.raises(TlsError) as caught:
                await pki.client_tls().connect(ours, pki.SERVER, VirtualClock())
        with pytest.raises(trio.ClosedResourceError):
            await ours.send_all(b"x")
        return str(caught.value)

    return run_deterministic(main, 1)


def server_meets(*pieces):
    """What a server says of a client that sends these bytes, and what it answers."""

    async def main():
        ours, theirs = trio.testing.memory_stream_pair()
        said = []

        async def server():
            try:
                await pki.server_tls().accept(theirs)
            except TlsError as error:
                said.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(server)
            with suppress(trio.BrokenResourceError):
                for piece in pieces:
                    await ours.send_all(piece)
                await ours.send_eof()
            answer = b"".join([part async for part in ours])
        return said[0], answer

    return run_deterministic(main, 1)


ALERT = b"\x15\x03\x03\x00\x02\x02"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        # RFC 8446 section 6; the words are those of Go's crypto/tls.
        (10, "unexpected message"),
        (20, "bad record MAC"),
        (40, "handshake failure"),
        (42, "bad certificate"),
        (44, "revoked certificate"),
        (45, "expired certificate"),
        (46, "unknown certificate"),
        (47, "illegal parameter"),
        (48, "unknown certificate authority"),
        (49, "access denied"),
        (50, "error decoding message"),
        (51, "error decrypting message"),
        (70, "protocol version not supported"),
        (71, "insufficient security level"),
        (80, "internal error"),
        (112, "unrecognized name"),
        (116, "certificate required"),
        (120, "no application protocol"),
    ],
)
def test_an_alert_is_an_error_in_gos_words(number, words):
    assert client_meets(ALERT + bytes([number])) == f"remote error: tls: {words}"


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ([b"HTTP/1.0 400 Bad Request\r\n\r\n"], "http: server gave HTTP response to HTTPS client"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", b"hello"], "http: server gave HTTP response to HTTPS client"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "tls: first record does not look like a TLS handshake"),
        ([b"220 mail.example ESMTP\r\n"], "tls: first record does not look like a TLS handshake"),
        ([bytes(64)], "tls: first record does not look like a TLS handshake"),
        ([], "EOF"),
        ([b"\x16\x03\x03"], "EOF"),
        ([b"\x16\x03\x03\x10\x00" + bytes(100)], "EOF"),
    ],
    ids=["HTTP error", "HTTP answer", "ssh", "smtp", "zeros", "nothing", "half a header", "half a record"],
)
def test_a_server_that_does_not_speak_tls(pieces, problem):
    assert client_meets(*pieces) == problem


@pytest.mark.parametrize("verb", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_a_client_that_speaks_plain_http_is_told_so_readably(verb):
    said, answer = server_meets(f"{verb} / HTTP/1.1\r\nHost: server\r\n\r\n".encode())
    assert said == "tls: first record does not look like a TLS handshake"
    assert answer == (b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")


@pytest.mark.parametrize("sent", [b"SSH-2.0-x\r\n", b"DELETE / HTTP/1.1\r\n\r\n", bytes(64), b"\xff" * 64])
def test_a_client_that_speaks_something_else_gets_no_answer(sent):
    said, answer = server_meets(sent)
    assert said.startswith("tls: ")
    assert answer == b""


def test_a_client_that_says_nothing_is_given_up():
    assert server_meets() == ("EOF", b"")


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_no_bytes_crash_a_handshake(pieces):
    for meets in (client_meets, server_meets):
        assert meets(*pieces)


@given(st.binary(max_size=60))
def test_no_first_record_crashes_a_handshake(body):
    record = b"\x16\x03\x01" + len(body).to_bytes(2, "big") + body
    assert client_meets(record)
    assert server_meets(record)


def test_old_versions_of_tls_are_refused():
    async def main():
        ours, theirs = trio.testing.memory_stream_pair()
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_1_VERSION)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        engine = SSL.Connection(context, None)
        engine.set_connect_state()
        said = []

        async def server():
            with pytest.raises(TlsError) as caught:
                await pki.server_tls().accept(theirs)
            said.append(str(caught.value))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(server)
            with pytest.raises(TlsError, match=r"^remote error: tls: protocol version not supported$"):
                await TlsStream(ours, engine).handshake()
        assert said == ["tls: unsupported protocol"]

    run_deterministic(main, 1)


@pytest.mark.parametrize(
    ("cut", "problem"),
    [("close", "EOF"), ("reset", "read: connection reset by peer")],
)
def test_a_connection_that_breaks_in_the_handshake(play, cut, problem):
    async def body(world):
        host, other = world.add_host("server"), world.add_host("a")
        listener = host.listen(443)

        async def server():
            stream = await listener.accept()
            await stream.receive_some()
            getattr(stream, cut)()

        world.nursery.start_soon(server)
        stream = await other.dialer.dial("server", 443)
        with pytest.raises(TlsError) as caught:
            await pki.client_tls().connect(stream, "server", world.clock)
        return str(caught.value)

    assert play(body) == problem


def test_a_cancelled_handshake_closes_its_stream():
    async def main():
        ours, theirs = trio.testing.memory_stream_pair()
        with trio.move_on_after(10) as waiting:
            await pki.client_tls().connect(ours, pki.SERVER, VirtualClock())
        assert waiting.cancelled_caught
        await theirs.receive_some()
        assert await theirs.receive_some() == b""

    run_deterministic(main, 1)


def test_a_handshake_takes_as_long_as_its_packets(play):
    async def body(world):
        host, other = world.add_host("server"), world.add_host("a")
        listener = host.listen(443)

        async def server():
            await pki.server_tls().accept(await listener.accept())

        world.nursery.start_soon(server)
        with world.network.bent_by(LinkRule(Delay(1))):
            stream = await other.dialer.dial("server", 443)
            began = world.clock.elapsed()
            await pki.client_tls().connect(stream, "server", world.clock)
        return world.clock.elapsed() - began

    # TLS 1.3: one round trip.
    assert play(body) == 2


def test_one_seed_gives_the_same_authority():
    drawn = [KeyPair.generate(random_bytes=pki.Seed(5).stream("a").bytes) for _ in "ab"]
    one, other = (CertificateAuthority.create("ca", keys, pki.PERIOD, 1) for keys in drawn)
    assert one.pem == other.pem
