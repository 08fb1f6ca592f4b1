import pytest
import trio

from joinsim.events import ServiceStarted, ServiceStopped
from joinsim.world import CA_BUNDLE, Entry, ServiceExit


def _said(world):
    """What the journal tells of services: moment, what happened, detail."""
    told = []
    for record in world.journal:
        if isinstance(record.event, ServiceStarted):
            told.append((record.at, "started", record.event.service))
        elif isinstance(record.event, ServiceStopped):
            told.append((record.at, "stopped", record.event.service, record.event.message))
    return told


# --- trust -------------------------------------------------------------------------------


def test_a_new_host_trusts_nobody_and_has_an_empty_disk(play):
    async def body(world):
        host = world.add_host("a")
        assert host.ca_bundle() == b""
        assert list(host.files.entries()) == []

    play(body)


def test_trusted_authorities_are_added_to_the_bundle_on_the_disk(play):
    async def body(world):
        host = world.add_host("a")
        host.add_trusted(b"one\n")
        host.add_trusted(b"two\n")
        assert host.ca_bundle() == b"one\ntwo\n"
        assert list(host.files.entries()) == [Entry(CA_BUNDLE, 0o644)]

    play(body)


def test_whoever_changes_the_bundle_changes_what_the_host_trusts(play):
    async def body(world):
        host = world.add_host("a")
        host.add_trusted(b"one\n")
        host.files.write(CA_BUNDLE, b"mallory's\n")
        assert host.ca_bundle() == b"mallory's\n"
        host.files.remove(CA_BUNDLE)
        assert host.ca_bundle() == b""

    play(body)


def test_hosts_share_neither_disks_nor_chance(play):
    async def body(world):
        one, other = world.add_host("a"), world.add_host("b")
        one.files.write("/x", b"")
        assert not other.files.exists("/x")
        assert one.randomness.stream("k").bytes(8) != other.randomness.stream("k").bytes(8)
        assert one.randomness.stream("m") is world.seed.stream("a", "m")

    play(body)


# --- services ----------------------------------------------------------------------------


def test_a_service_that_ends_is_started_again_after_ten_seconds(play):
    async def body(world):
        host = world.add_host("a")

        async def service():
            await trio.sleep(5)
            raise ServiceExit("no kubeconfig")

        host.services.start("kubelet", service)
        await trio.sleep(16)
        return _said(world)

    assert play(body) == [
        (0, "started", "kubelet"),
        (5, "stopped", "kubelet", "no kubeconfig"),
        (15, "started", "kubelet"),
    ]


def test_a_service_that_returns_is_started_again_too(play):
    async def body(world):
        host = world.add_host("a")
        host.services.start("s", trio.lowlevel.checkpoint)
        await trio.sleep(20.5)
        return [entry[:2] for entry in _said(world)]

    assert play(body) == [
        (0, "started"),
        (0, "stopped"),
        (10, "started"),
        (10, "stopped"),
        (20, "started"),
        (20, "stopped"),
    ]


@pytest.mark.parametrize("after", [1, 12], ids=["while it runs", "between two attempts"])
def test_a_stopped_service_stays_stopped(play, after):
    async def body(world):
        host = world.add_host("a")
        running = []

        async def service():
            running.append(True)
            try:
                await trio.sleep(8)
            finally:
                running.pop()

        host.services.start("s", service)
        await trio.sleep(after)
        assert host.services.is_running("s")
        host.services.stop("s")
        assert not host.services.is_running("s")
        await trio.sleep(100)
        assert not running
        assert _said(world)[-1] == (after, "stopped", "s", "")

    play(body)


def test_stopping_what_does_not_run_is_no_error_and_no_event(play):
    async def body(world):
        host = world.add_host("a")
        host.services.stop("kubelet")
        assert not host.services.is_running("kubelet")
        assert not _said(world)

    play(body)


def test_starting_a_service_again_replaces_it(play):
    async def body(world):
        host = world.add_host("a")
        ran = []

        async def service(name):
            while True:
                ran.append((name, world.clock.elapsed()))
                await trio.sleep(10)

        host.services.start("s", lambda: service("old"))
        await trio.sleep(15)
        host.services.start("s", lambda: service("new"))
        await trio.sleep(15)
        return ran

    assert play(body) == [("old", 0), ("old", 10), ("new", 15), ("new", 25)]


def test_a_service_stopped_before_its_turn_never_started(play):
    async def body(world):
        host = world.add_host("a")
        host.services.start("s", trio.sleep_forever)
        host.services.stop("s")
        await trio.sleep(1)
        return _said(world)

    assert [entry[1] for entry in play(body)] == ["stopped"]


def test_services_of_one_name_on_two_hosts_are_two(play):
    async def body(world):
        one, other = world.add_host("a"), world.add_host("b")
        for host in (one, other):
            host.services.start("kubelet", trio.sleep_forever)
        one.services.stop("kubelet")
        assert other.services.is_running("kubelet")

    play(body)


def test_a_service_that_crashes_ends_the_run_rather_than_being_hidden(play):
    async def body(world):
        async def service():
            raise LookupError("our own bug")

        world.add_host("a").services.start("s", service)
        await trio.sleep(1)

    with pytest.raises(ExceptionGroup) as caught:
        play(body)
    assert caught.group_contains(LookupError, match="our own bug")
