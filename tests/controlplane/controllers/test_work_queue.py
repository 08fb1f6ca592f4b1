import pytest
import trio

from joinsim.controlplane.controllers.work_queue import WorkQueue


def queued(play, body, **options):
    async def run(world):
        async with trio.open_nursery() as nursery:
            result = await body(world, WorkQueue(nursery, **options))
            nursery.cancel_scope.cancel()
        return result

    return play(run)


def test_keys_come_in_order_and_each_once(play):
    async def body(world, keys):
        for key in "abac":
            keys.add(key)
        return [await keys.get() for _ in range(3)]

    assert queued(play, body) == ["a", "b", "c"]


def test_a_key_that_is_being_worked_on_comes_again_when_it_is_done(play):
    async def body(world, keys):
        keys.add("a")
        await keys.get()
        keys.add("a")
        keys.add("b")
        assert await keys.get() == "b"
        keys.done("a")
        assert await keys.get() == "a"
        keys.done("a")
        with trio.move_on_after(10) as scope:
            await keys.get()
        return scope.cancelled_caught

    assert queued(play, body)


def test_a_key_that_was_not_added_meanwhile_does_not_come_again(play):
    async def body(world, keys):
        keys.add("a")
        await keys.get()
        keys.done("a")
        with trio.move_on_after(10) as scope:
            await keys.get()
        return scope.cancelled_caught

    assert queued(play, body)


def test_whoever_waits_is_woken(play):
    async def body(world, keys):
        keys.add_after("a", 3)
        assert await keys.get() == "a"
        return world.clock.elapsed()

    assert queued(play, body) == pytest.approx(3)


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_delay_that_is_over_is_none(play, seconds):
    async def body(world, keys):
        keys.add_after("a", seconds)
        await keys.get()
        return world.clock.elapsed()

    assert queued(play, body) == 0


def pauses(play, count, **options):
    async def body(world, keys):
        waited = []
        for _ in range(count):
            began = world.clock.elapsed()
            keys.retry("a")
            await keys.get()
            waited.append(world.clock.elapsed() - began)
            keys.done("a")
        return waited

    return queued(play, body, **options)


def test_pauses_between_retries_double_up_to_a_thousand_seconds(play):
    found = pauses(play, 16)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])
    assert found[12] == pytest.approx(819.2)
    assert found[13:] == pytest.approx([1000.0] * 3)


def test_a_key_that_is_forgotten_begins_with_the_shortest_pause(play):
    async def body(world, keys):
        for _ in range(5):
            keys.retry("a")
        keys.forget("a")
        keys.forget("never seen")
        keys.retry("a")
        await keys.get()
        return world.clock.elapsed()

    assert queued(play, body) == pytest.approx(0.2)


def test_each_key_has_pauses_of_its_own(play):
    async def body(world, keys):
        keys.retry("a")
        keys.retry("a")
        keys.retry("b")
        return [await keys.get() for _ in range(2)], world.clock.elapsed()

    found, elapsed = queued(play, body)
    assert sorted(found) == ["a", "b"]
    assert elapsed == pytest.approx(0.2)
