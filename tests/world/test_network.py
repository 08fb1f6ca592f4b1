import pytest
import trio
import trio.testing

from joinsim.world import (
    Delay,
    DialError,
    Divert,
    Drop,
    Link,
    LinkRule,
    Network,
    NetworkStream,
    Pass,
    Refuse,
    World,
    partition,
    run_deterministic,
)
from joinsim.world.seed import Seed


async def connected(world, source="a", target="b", port=1):
    """Two hosts with a connection between them: (the end that dialled, the end that accepted)."""
    for name in (source, target):
        if name not in world.hosts:
            world.add_host(name)
    async with world.hosts[target].listen(port) as listener:
        ours = await world.hosts[source].dialer.dial(target, port)
        return ours, await listener.accept()


async def dialling(world, target, port=1, source="a"):
    """The error that dialling gives, as text."""
    with pytest.raises(DialError) as caught:
        await world.hosts[source].dialer.dial(target, port)
    return str(caught.value)


# --- trio's own kits ---------------------------------------------------------------------


@pytest.mark.parametrize("latency", [0.0, 0.02], ids=["no latency", "latency"])
def test_connections_keep_trios_rules_for_streams(latency):
    async def body():
        async with trio.open_nursery() as nursery:
            world = World(Seed(1), nursery, network=Network(latency))
            ports = iter(range(1, 100))

            async def maker():
                return await connected(world, port=next(ports))

            # The kits for two-way and, each way, for one-way streams are parts of this one. None,
            # since sending never blocks, however much is under way.
            await trio.testing.check_half_closeable_stream(maker, None)

    run_deterministic(body, 1)


# --- names -------------------------------------------------------------------------------


def test_hosts_get_addresses_in_turn(play):
    async def body(world):
        hosts = [world.add_host("a"), world.add_host("b", address="192.0.2.7"), world.add_host("c")]
        assert [host.address for host in hosts] == ["10.0.0.1", "192.0.2.7", "10.0.0.3"]
        assert [world.network.address_of(host.name) for host in hosts] == [host.address for host in hosts]

    play(body)


@pytest.mark.parametrize(("name", "address"), [("a", ""), ("b", "10.0.0.1")])
def test_names_and_addresses_are_given_once(play, name, address):
    async def body(world):
        world.add_host("a")
        with pytest.raises(ValueError, match="already"):
            world.add_host(name, address=address)
        assert list(world.hosts) == ["a"]

    play(body)


@pytest.mark.parametrize("target", ["b", "10.0.0.2"])
def test_a_host_is_reached_by_name_and_by_address(play, target):
    async def body(world):
        world.add_host("a")
        listener = world.add_host("b").listen(1)
        await world.hosts["a"].dialer.dial(target, 1)
        assert (await listener.accept()).link == Link("a", "b", 1)

    play(body)


@pytest.mark.parametrize("target", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "a", "10.0.0.1"])
def test_a_host_reaches_itself(play, target):
    async def body(world):
        listener = world.add_host("a").listen(1)
        await world.hosts["a"].dialer.dial(target, 1)
        assert (await listener.accept()).link == Link("a", "a", 1)

    play(body)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("nowhere.example", "dial tcp: lookup nowhere.example: no such host"),
        ("B", "dial tcp: lookup B: no such host"),
        ("", "dial tcp: lookup : no such host"),
        ("10.0.0.3", "dial tcp 10.0.0.3:1: connect: no route to host"),
        ("fd00::3", "dial tcp [fd00::3]:1: connect: no route to host"),
        ("b", "dial tcp 10.0.0.2:1: connect: connection refused"),
        ("10.0.0.2", "dial tcp 10.0.0.2:1: connect: connection refused"),
        ("six", "dial tcp [fd00::6]:1: connect: connection refused"),
        ("localhost", "dial tcp 127.0.0.1:1: connect: connection refused"),
        ("127.0.0.1", "dial tcp 127.0.0.1:1: connect: connection refused"),
    ],
)
def test_errors_on_dialling_have_gos_words(play, target, problem):
    async def body(world):
        for name in ("a", "b"):
            world.add_host(name)
        world.add_host("six", address="fd00::6")
        world.hosts["b"].listen(2)
        assert await dialling(world, target) == problem

    play(body)


# --- listeners ---------------------------------------------------------------------------


def test_a_port_is_opened_once_at_a_time(play):
    async def body(world):
        host, other = world.add_host("a"), world.add_host("b")
        listener = host.listen(80)
        other.listen(80)
        with pytest.raises(OSError, match="listen tcp :80: bind: address already in use"):
            host.listen(80)
        await listener.aclose()
        host.listen(80)
        # Closing the old one again does not take the new one away.
        await listener.aclose()
        await other.dialer.dial("a", 80)

    play(body)


def test_a_loopback_port_is_for_the_host_itself(play):
    async def body(world):
        listener = world.add_host("a").listen(10248, loopback=True)
        world.add_host("b")
        assert await dialling(world, "a", 10248, source="b") == (
            "dial tcp 10.0.0.1:10248: connect: connection refused"
        )
        await world.hosts["a"].dialer.dial("127.0.0.1", 10248)
        await listener.accept()

    play(body)


def test_connections_are_accepted_in_the_order_in_which_they_were_made(play):
    async def body(world):
        listener = world.add_host("server").listen(1)
        for name in "cab":
            await world.add_host(name).dialer.dial("server", 1)
        assert [(await listener.accept()).link.source for _ in "cab"] == ["c", "a", "b"]

    play(body)


def test_a_closed_listener_wakes_who_waits_for_connections_and_refuses_new_ones(play):
    async def body(world):
        world.add_host("a")
        listener = world.add_host("b").listen(1)
        async with trio.open_nursery() as nursery:

            async def accept():
                with pytest.raises(trio.ClosedResourceError):
                    await listener.accept()

            nursery.start_soon(accept)
            await trio.testing.wait_all_tasks_blocked()
            await listener.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await listener.accept()
        assert "connection refused" in await dialling(world, "b")

    play(body)


def test_a_connection_that_waits_to_be_accepted_is_reset_when_the_listener_closes(play):
    async def body(world):
        world.add_host("a")
        listener = world.add_host("b").listen(1)
        waiting = await world.hosts["a"].dialer.dial("b", 1)
        await listener.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await waiting.receive_some()

    play(body)


@pytest.mark.parametrize("reset", [True, False])
def test_connections_outlive_their_listener_unless_it_resets_them(play, reset):
    async def body(world):
        world.add_host("a")
        listener = world.add_host("b").listen(1)
        ours = await world.hosts["a"].dialer.dial("b", 1)
        theirs = await listener.accept()
        listener.close(reset=reset)
        if reset:
            with pytest.raises(trio.BrokenResourceError, match=r"^read: connection reset by peer$"):
                await ours.receive_some()
        else:
            await theirs.send_all(b"still here")
            assert await ours.receive_some() == b"still here"

    play(body)


# --- bytes -------------------------------------------------------------------------------


def test_bytes_arrive_in_order_and_in_pieces_no_larger_than_asked_for(play):
    async def body(world):
        ours, theirs = await connected(world)
        for number in range(100):
            await ours.send_all(bytes([number]) * 3)
        received = b""
        while len(received) < 300:
            piece = await theirs.receive_some(7)
            assert 0 < len(piece) <= 7
            received += piece
        assert received == b"".join(bytes([number]) * 3 for number in range(100))

    play(body)


def test_a_large_write_arrives_whole(play):
    async def body(world):
        ours, theirs = await connected(world)
        sent = bytes(range(256)) * 20_000
        await ours.send_all(sent)
        await ours.aclose()
        received = b"".join([piece async for piece in theirs])
        assert received == sent

    play(body)


def test_what_was_sent_before_closing_is_read_before_the_end(play):
    async def body(world):
        ours, theirs = await connected(world)
        await ours.send_all(b"last words")
        await ours.aclose()
        assert await theirs.receive_some() == b"last words"
        assert await theirs.receive_some() == b""
        assert await theirs.receive_some() == b""

    play(body)


def test_half_a_connection_can_be_closed(play):
    async def body(world):
        ours, theirs = await connected(world)
        await ours.send_eof()
        await ours.send_eof()
        assert await theirs.receive_some() == b""
        await theirs.send_all(b"answer")
        assert await ours.receive_some() == b"answer"
        with pytest.raises(trio.ClosedResourceError):
            await ours.send_all(b"more")

    play(body)


def test_a_reset_loses_what_was_under_way_and_breaks_both_ends(play):
    async def body(world):
        ours, theirs = await connected(world)
        await ours.send_all(b"lost")
        theirs.reset()
        for stream in (ours, theirs):
            with pytest.raises(trio.BrokenResourceError, match=r"^read: connection reset by peer$"):
                await stream.receive_some()
            with pytest.raises(trio.BrokenResourceError, match=r"^write: connection reset by peer$"):
                await stream.send_all(b"x")

    play(body)


def test_writing_to_a_closed_connection_fails_at_the_second_write_with_a_broken_pipe(play):
    async def body(world):
        ours, theirs = await connected(world)
        await theirs.aclose()
        await ours.send_all(b"taken, and answered with a reset")
        with pytest.raises(trio.BrokenResourceError, match=r"^write: broken pipe$"):
            await ours.send_all(b"x")
        assert await ours.receive_some() == b""

    play(body)


def test_waiting_readers_are_woken_by_bytes_by_the_end_and_by_a_reset(play):
    async def body(world):
        outcomes = []

        async def read(stream):
            try:
                outcomes.append(await stream.receive_some())
            except trio.BrokenResourceError:
                outcomes.append("broken")

        async def send(stream):
            await stream.send_all(b"x")

        async def reset(stream):
            stream.reset()

        for wake in (send, NetworkStream.send_eof, NetworkStream.aclose, reset):
            ours, theirs = await connected(world)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read, theirs)
                await trio.testing.wait_all_tasks_blocked()
                await wake(ours)
        assert outcomes == [b"x", b"", b"", "broken"]

    play(body)


def test_a_connection_says_whether_a_read_would_wait(play):
    async def body(world):
        ours, theirs = await connected(world)
        readable = [theirs.is_readable()]
        await ours.send_all(b"x")
        readable.append(theirs.is_readable())
        await theirs.receive_some()
        readable.append(theirs.is_readable())
        await ours.aclose()
        readable.append(theirs.is_readable())
        return readable

    assert play(body) == [False, True, False, True]


@pytest.mark.parametrize("size", [0, -1])
def test_reading_no_bytes_at_all_is_our_own_bug(play, size):
    async def body(world):
        ours, _ = await connected(world)
        with pytest.raises(ValueError, match="max_bytes"):
            await ours.receive_some(size)

    play(body)


# --- latency -----------------------------------------------------------------------------


def test_dialling_takes_a_round_trip_and_bytes_half_of_one(play):
    async def body(world):
        with world.network.bent_by(LinkRule(Delay(0.5), source="a")):
            ours, theirs = await connected(world)
            moments = [world.clock.elapsed()]
            await ours.send_all(b"x")
            moments.append(world.clock.elapsed())
            await theirs.receive_some()
            moments.append(world.clock.elapsed())
            await theirs.send_all(b"y")
            await ours.receive_some()
            moments.append(world.clock.elapsed())
            await ours.aclose()
            await theirs.receive_some()
            moments.append(world.clock.elapsed())
        return moments

    assert play(body) == [1, 1, 1.5, 2, 2.5]


def test_refusals_too_take_a_round_trip(play):
    async def body(world):
        world.add_host("a")
        world.add_host("b")
        with world.network.bent_by(LinkRule(Delay(0.25))):
            await dialling(world, "b")
        return world.clock.elapsed()

    assert play(body) == 0.5


def test_a_network_may_be_slow_everywhere_but_within_a_host():
    async def body():
        async with trio.open_nursery() as nursery:
            world = World(Seed(1), nursery, network=Network(0.1))
            await connected(world, "a", "a")
            assert world.clock.elapsed() == 0
            await connected(world, "a", "b")
            assert world.clock.elapsed() == pytest.approx(0.2)
            with world.network.bent_by(LinkRule(Delay(1))):
                await connected(world, "a", "c")
            assert world.clock.elapsed() == pytest.approx(2.4)

    run_deterministic(body, 1)


def test_bytes_do_not_overtake_one_another_when_a_link_gets_faster(play):
    async def body(world):
        ours, theirs = await connected(world)
        with world.network.bent_by(LinkRule(Delay(5))):
            await ours.send_all(b"slow ")
        await ours.send_all(b"fast")
        await ours.aclose()
        received = b"".join([piece async for piece in theirs])
        return received, world.clock.elapsed()

    assert play(body) == (b"slow fast", 5)


def test_bytes_that_are_not_due_are_not_read_with_those_that_are(play):
    async def body(world):
        ours, theirs = await connected(world)
        await ours.send_all(b"now")
        with world.network.bent_by(LinkRule(Delay(1))):
            await ours.send_all(b"later")
        assert await theirs.receive_some() == b"now"
        assert not theirs.is_readable()
        assert await theirs.receive_some() == b"later"
        return world.clock.elapsed()

    assert play(body) == 1


# --- loss --------------------------------------------------------------------------------


def test_across_a_partition_bytes_wait_until_it_is_healed(play):
    async def body(world):
        ours, theirs = await connected(world)
        world.add_host("c")
        async with trio.open_nursery() as nursery:
            rule = partition("a", "c")
            world.network.lay(rule)

            async def heal():
                await trio.sleep(30)
                world.network.lift(rule)

            nursery.start_soon(heal)
            await ours.send_all(b"held up")
            await theirs.send_all(b"likewise")
            assert not theirs.is_readable()
            assert await theirs.receive_some() == b"held up"
            assert await ours.receive_some() == b"likewise"
        return world.clock.elapsed()

    assert play(body) == 30


def test_a_partition_that_comes_while_bytes_are_under_way_holds_them_up_too(play):
    async def body(world):
        with world.network.bent_by(LinkRule(Delay(1))):
            ours, theirs = await connected(world)
            await ours.send_all(b"x")
        with world.network.bent_by(partition("a")), trio.move_on_after(60) as waiting:
            await theirs.receive_some()
        assert waiting.cancelled_caught
        assert await theirs.receive_some() == b"x"

    play(body)


def test_whoever_dials_into_a_partition_waits_and_gets_through_when_it_heals(play):
    async def body(world):
        world.add_host("a")
        world.add_host("b").listen(1)
        rule = partition("b")
        world.network.lay(rule)
        with trio.move_on_after(600) as waiting:
            await world.hosts["a"].dialer.dial("b", 1)
        assert waiting.cancelled_caught

        async def heal():
            await trio.sleep(60)
            world.network.lift(rule)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(heal)
            await world.hosts["a"].dialer.dial("b", 1)
        # Its packets are sent again once a second.
        return world.clock.elapsed()

    assert 660 <= play(body) <= 661


def test_a_drop_may_be_for_one_port_and_direction_only(play):
    async def body(world):
        for name in "ab":
            world.add_host(name).listen(1)
            world.hosts[name].listen(2)
        with world.network.bent_by(LinkRule(Drop(), "a", "b", 1)):
            await world.hosts["a"].dialer.dial("b", 2)
            await world.hosts["b"].dialer.dial("a", 1)
            with trio.move_on_after(9) as waiting:
                await world.hosts["a"].dialer.dial("b", 1)
        assert waiting.cancelled_caught

    play(body)


# --- refusal -----------------------------------------------------------------------------


def test_refused_connections_cannot_be_made_and_standing_ones_are_reset(play):
    async def body(world):
        ours, theirs = await connected(world)
        other, _ = await connected(world, "c", "b", 2)
        world.hosts["b"].listen(1)
        with world.network.bent_by(LinkRule(Refuse(), source="a")):
            assert await dialling(world, "b") == "dial tcp 10.0.0.2:1: connect: connection refused"
            for stream in (ours, theirs):
                with pytest.raises(trio.BrokenResourceError):
                    await stream.receive_some()
            await other.send_all(b"not concerned")
        await world.hosts["a"].dialer.dial("b", 1)

    play(body)


def test_a_reader_who_waits_is_woken_when_its_link_is_refused(play):
    async def body(world):
        ours, _ = await connected(world)
        async with trio.open_nursery() as nursery:

            async def read():
                with pytest.raises(trio.BrokenResourceError):
                    await ours.receive_some()

            nursery.start_soon(read)
            await trio.sleep(5)
            world.network.lay(LinkRule(Refuse()))

    play(body)


# --- interception ------------------------------------------------------------------------


def test_a_diverted_connection_ends_at_another_host_without_the_dialler_noticing(play):
    async def body(world):
        for name in ("a", "b", "mallory"):
            world.add_host(name)
        honest, false = world.hosts["b"].listen(1), world.hosts["mallory"].listen(1)
        before = await world.hosts["a"].dialer.dial("b", 1)
        genuine = await honest.accept()
        with world.network.bent_by(LinkRule(Divert("mallory"), "a", "b")):
            ours = await world.hosts["a"].dialer.dial("b", 1)
            assert ours.link == Link("a", "b", 1)
            await ours.send_all(b"secret")
            assert await (await false.accept()).receive_some() == b"secret"
            # What stood before goes on to where it went, and others are not diverted.
            await before.send_all(b"hello")
            assert await genuine.receive_some() == b"hello"
            await world.hosts["mallory"].dialer.dial("b", 1)
            assert (await honest.accept()).link.source == "mallory"
        await world.hosts["a"].dialer.dial("b", 1)
        assert (await honest.accept()).link.source == "a"

    play(body)


def test_a_diversion_may_change_the_port(play):
    async def body(world):
        world.add_host("a")
        world.add_host("b")
        listener = world.add_host("mallory").listen(8443)
        with world.network.bent_by(LinkRule(Divert("mallory", 8443), "a", "b", 1)):
            await world.hosts["a"].dialer.dial("b", 1)
            await listener.accept()

    play(body)


def test_a_diversion_to_where_nobody_listens_looks_like_a_refusal_of_the_target(play):
    async def body(world):
        world.add_host("a")
        world.add_host("b").listen(1)
        world.add_host("mallory").listen(1, loopback=True)
        with world.network.bent_by(LinkRule(Divert("mallory"))):
            assert await dialling(world, "b") == "dial tcp 10.0.0.2:1: connect: connection refused"

    play(body)


def test_a_rule_may_be_anything_that_judges_links(play):
    class AtNight:
        def judge(self, link):
            return Refuse() if world_of[0].clock.elapsed() > 3600 else Pass()

    world_of = []

    async def body(world):
        world_of.append(world)
        world.add_host("a")
        world.add_host("b").listen(1)
        world.network.lay(AtNight())
        await world.hosts["a"].dialer.dial("b", 1)
        await trio.sleep(3601)
        await dialling(world, "b")

    play(body)
