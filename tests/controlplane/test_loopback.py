import pytest
import trio

from joinsim.controlplane.loopback import TokenBucket


def moments(play, count, *, rest=0.0, **limits):
    """When each of so many requests is let through, after ``rest`` seconds of none."""

    async def body(world):
        bucket = TokenBucket(**limits)
        for _ in range(count if rest else 0):
            await bucket.take()
        await trio.sleep(rest)
        began = world.clock.elapsed()
        found = []
        for _ in range(count):
            await bucket.take()
            found.append(round(world.clock.elapsed() - began, 6))
        return found

    return play(body)


def test_thirty_requests_go_at_once_and_twenty_a_second_after_that(play):
    found = moments(play, 70)
    assert found[:30] == [0] * 30
    assert found[30:33] == pytest.approx([0.05, 0.10, 0.15])
    assert found[69] == pytest.approx(2.0)


def test_a_rest_fills_the_bucket_no_higher_than_its_brim(play):
    found = moments(play, 35, rest=3600)
    assert found[:30] == [0] * 30
    assert found[34] == pytest.approx(0.25)


def test_other_limits_hold_too(play):
    assert moments(play, 4, qps=1, burst=2) == pytest.approx([0, 0, 1, 2])
