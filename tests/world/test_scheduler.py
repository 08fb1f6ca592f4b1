"""trio's private names live in one module of joinsim; these tests say when trio has changed them."""

import random
import threading

import pytest
import trio
import trio.testing

from joinsim.world import run_deterministic

CHANGED = (
    "trio has changed what joinsim.world.scheduler relies on: {}. Look at how trio._core._run orders its"
    " batch of runnable tasks, adapt _seeded_order, and then this test."
)


def test_trio_still_has_the_switch_for_deterministic_scheduling():
    from trio._core import _run

    switch = getattr(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", None)
    assert isinstance(switch, bool), CHANGED.format(
        "_run._ALLOW_DETERMINISTIC_SCHEDULING is no bool any more"
    )


def test_trio_still_shuffles_with_a_generator_of_its_own():
    from trio._core import _run

    generator = getattr(_run, "_r", None)
    assert isinstance(generator, random.Random), CHANGED.format("_run._r is no random.Random any more")


async def _order():
    """In which order eight tasks come to their turns, four turns each."""
    turns = []

    async def task(name):
        for _ in range(4):
            await trio.lowlevel.checkpoint()
            turns.append(name)

    async with trio.open_nursery() as nursery:
        for name in range(8):
            nursery.start_soon(task, name)
    return tuple(turns)


def test_one_seed_gives_one_order():
    orders = {run_deterministic(_order, 5) for _ in range(5)}
    assert len(orders) == 1, CHANGED.format("a seeded run is not repeatable")


def test_different_seeds_give_different_orders():
    orders = {run_deterministic(_order, seed) for seed in range(10)}
    assert len(orders) == 10, CHANGED.format("the seed does not reach trio's shuffling")


def test_what_happened_before_a_run_does_not_change_its_order():
    expected = run_deterministic(_order, 5)
    random.seed(1)
    trio.run(_order)
    run_deterministic(_order, 6)
    assert run_deterministic(_order, 5) == expected


def test_without_the_scheduler_the_order_is_chances():
    def on_virtual_time():
        return trio.run(_order, clock=trio.testing.MockClock(autojump_threshold=0))

    # If trio's own order never differed, the tests above would prove nothing.
    assert len({on_virtual_time() for _ in range(10)}) > 1


def test_trio_is_left_as_it_was_found():
    from trio._core import _run

    _run._r.seed(99)
    switch, state = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()
    run_deterministic(_order, 1)
    assert _run._ALLOW_DETERMINISTIC_SCHEDULING is switch
    assert _run._r.getstate() == state


@pytest.fixture
def switch_off():
    """trio as it is outside pytest: Hypothesis' plugin for trio has thrown the switch already."""
    from trio._core import _run

    before = _run._ALLOW_DETERMINISTIC_SCHEDULING
    _run._ALLOW_DETERMINISTIC_SCHEDULING = False
    yield
    _run._ALLOW_DETERMINISTIC_SCHEDULING = before


async def _cancelled_together():
    """In which order fifty tasks wake that are cancelled at once; trio keeps them in a set."""
    woken = []

    async def task(name):
        try:
            await trio.sleep_forever()
        finally:
            woken.append(name)

    async with trio.open_nursery() as nursery:
        for name in range(50):
            nursery.start_soon(task, name)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return tuple(woken)


def test_tasks_that_trio_keeps_in_a_set_wake_in_one_order(switch_off):
    orders, kept = set(), []
    for size in range(8):
        # Other objects in memory, other addresses, another order of the set.
        kept.append([object() for _ in range(100 + 7 * size)])
        orders.add(run_deterministic(_cancelled_together, 1))
    assert len(orders) == 1, CHANGED.format("tasks that become runnable together are not sorted")


def test_the_switch_is_on_during_a_run_and_off_again_after_it(switch_off):
    from trio._core import _run

    async def look():
        return _run._ALLOW_DETERMINISTIC_SCHEDULING

    assert run_deterministic(look, 1) is True
    assert _run._ALLOW_DETERMINISTIC_SCHEDULING is False


async def _fail():
    raise LookupError("on purpose")


def test_a_run_that_raises_says_so_and_leaves_trio_as_it_was():
    from trio._core import _run

    switch = _run._ALLOW_DETERMINISTIC_SCHEDULING
    with pytest.raises(LookupError, match="on purpose"):
        run_deterministic(_fail, 1)
    assert _run._ALLOW_DETERMINISTIC_SCHEDULING is switch


def test_runs_in_several_threads_take_turns_and_come_out_the_same():
    expected = [run_deterministic(_order, seed) for seed in range(6)]
    got = {}
    threads = [
        threading.Thread(target=lambda seed=seed: got.update({seed: run_deterministic(_order, seed)}))
        for seed in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[seed] for seed in range(6)] == expected
