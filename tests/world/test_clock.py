from datetime import UTC, datetime, timedelta

import pytest
import trio

from joinsim.world import EPOCH, SkewedClock, VirtualClock, WallClock, run_deterministic


def test_a_world_begins_at_the_epoch(play):
    async def body(world):
        return world.clock.now(), world.clock.elapsed()

    assert play(body) == (EPOCH, 0)


@pytest.mark.parametrize(
    "passed",
    [timedelta(hours=24), timedelta(days=731), timedelta(days=3653), timedelta(microseconds=1)],
    ids=["a day", "two years", "ten years", "a microsecond"],
)
def test_time_passes_without_waiting(play, passed):
    async def body(world):
        await trio.sleep(passed.total_seconds())
        return world.clock.now()

    assert play(body) == EPOCH + passed


def test_many_sleepers_wake_in_the_order_of_their_deadlines(play):
    woken = []

    async def body(world):
        async def sleeper(hours):
            await trio.sleep(hours * 3600)
            woken.append((hours, world.clock.elapsed() / 3600))

        async with trio.open_nursery() as nursery:
            for hours in (24, 1, 17520, 5):
                nursery.start_soon(sleeper, hours)

    play(body)
    assert woken == [(1, 1), (5, 5), (24, 24), (17520, 17520)]


def test_time_stands_still_while_anything_can_go_on(play):
    async def body(world):
        for _ in range(1000):
            await trio.lowlevel.checkpoint()
        return world.clock.elapsed()

    assert play(body) == 0


def test_an_epoch_of_ones_own_is_counted_from_the_moment_the_clock_was_made():
    epoch = datetime(2030, 2, 28, 23, 59, 59, tzinfo=UTC)

    async def body():
        await trio.sleep(100)
        clock = VirtualClock(epoch)
        await trio.sleep(2)
        return clock.now(), clock.elapsed()

    assert run_deterministic(body, 1) == (datetime(2030, 3, 1, 0, 0, 1, tzinfo=UTC), 2)


@pytest.mark.parametrize("skew", [-3600.0, 0.5, 86400.0])
def test_a_host_whose_clock_is_wrong_stays_wrong_by_the_same_amount(play, skew):
    async def body(world):
        host = world.add_host("late", clock_skew_seconds=skew)
        begun = host.clock.now() - world.clock.now()
        await trio.sleep(1000)
        return begun, host.clock.now() - world.clock.now()

    assert play(body) == (timedelta(seconds=skew), timedelta(seconds=skew))


def test_a_host_without_skew_has_the_worlds_own_clock(play):
    async def body(world):
        return world.add_host("a").clock is world.clock

    assert play(body)


def test_a_skewed_clock_may_skew_another():
    async def body():
        return SkewedClock(SkewedClock(VirtualClock(), 10), -3).now()

    assert run_deterministic(body, 1) == EPOCH + timedelta(seconds=7)


def test_the_wall_clock_tells_the_machines_time_in_utc():
    async def body():
        clock = WallClock()
        before, told, after = datetime.now(UTC), clock.now(), datetime.now(UTC)
        await trio.sleep(60)
        return before <= told <= after, told.tzinfo, clock.elapsed()

    # Elapsed follows trio's clock, which is virtual here.
    assert run_deterministic(body, 1) == (True, UTC, 60)
