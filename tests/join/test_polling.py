import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim.join.polling import Poll


def attempts(poll, *, took=0.0):
    """The moments of a whole series in which every attempt takes so long and fails."""
    made = []
    while poll is not None:
        made.append(poll.attempt_at)
        poll = poll.again(poll.attempt_at + took)
    return made


def test_the_first_attempt_is_made_at_once_and_the_next_on_the_beat():
    assert attempts(Poll.begin(100, 5, 20)) == [100, 105, 110, 115]


def test_an_attempt_at_the_very_moment_of_the_deadline_is_not_made():
    assert attempts(Poll.begin(0, 5, 10)) == [0, 5]


def test_an_attempt_just_before_the_deadline_is_made():
    assert attempts(Poll.begin(0, 5, 10.001)) == [0, 5, 10]


@pytest.mark.parametrize("began", [0.0, 0.1, 1.001, 1.003005, 1e6 + 0.7])
def test_when_a_series_began_does_not_change_how_many_attempts_it_has(began):
    """The sum of the intervals drifts away from the deadline by a rounding error."""
    assert len(attempts(Poll.begin(began, 5, 20))) == 4
    assert len(attempts(Poll.begin(began, 0.05, 0.35))) == 7
    assert len(attempts(Poll.begin(began, 5, 300))) == 60


def test_an_interval_longer_than_the_timeout_is_cut_to_it():
    assert Poll.begin(0, 5, 2).interval == 2
    assert attempts(Poll.begin(0, 5, 2)) == [0]


def test_no_time_at_all_is_time_for_one_attempt():
    assert attempts(Poll.begin(7, 5, 0)) == [7]


def test_the_beat_counts_from_the_start_of_an_attempt():
    assert attempts(Poll.begin(0, 5, 20), took=3) == [0, 5, 10, 15]


def test_a_slow_attempt_is_followed_by_the_next_without_a_pause():
    assert attempts(Poll.begin(0, 5, 20), took=7) == [0, 7, 14]


def test_after_a_slow_attempt_the_beat_starts_anew():
    late = Poll.begin(0, 5, 60).again(7)
    assert late is not None
    assert late.attempt_at == 7
    assert late.again(7.5).attempt_at == 12


def test_a_series_gives_up_at_its_deadline_or_after_an_attempt_that_overran_it():
    poll = Poll.begin(0, 5, 20)
    assert poll.gives_up_at(15.2) == 20
    assert poll.gives_up_at(29) == 29


@given(st.floats(0, 1e6), st.floats(0.01, 10), st.floats(0, 100), st.lists(st.floats(0, 30), max_size=40))
def test_no_attempt_is_early_and_none_is_made_once_the_time_is_up(began, interval, timeout, durations):
    poll = Poll.begin(began, interval, timeout)
    for duration in durations:
        after = poll.again(poll.attempt_at + duration)
        if after is None:
            assert poll.attempt_at + max(duration, poll.interval) >= poll.deadline - 1e-5
            return
        assert after.attempt_at < after.deadline == poll.deadline
        assert after.attempt_at >= poll.attempt_at + min(interval, timeout)
        poll = after
