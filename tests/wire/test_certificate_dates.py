"""Years after its boot a cluster's certificates have expired: judged on its own clock, in a real join."""

from datetime import datetime, timedelta

import pytest
import trio

from joinsim.errors import Reason
from joinsim.events import DiscoveryRetried
from joinsim.wire import RequestFailed
from joinsim.world import EPOCH
from tests.pair import JoinPair

YEAR = timedelta(days=365)
X509 = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time "


def after(passed, **settings):
    """A join, and the administrator's request, so long after the cluster was made."""

    async def body(world):
        pair = await JoinPair.create(world, **settings)
        # Switched off meanwhile: idle controllers still have something to do every few minutes.
        pair.control_plane.stop()
        await trio.sleep(passed.total_seconds() - 0.001)
        await world.nursery.start(pair.control_plane.run)
        await trio.sleep(0.001)
        outcome = await pair.join()
        try:
            await pair.administrator().get("/api/v1/nodes")
            problem = ""
        except RequestFailed as error:
            problem = error.problem
        retries = [event.error for _, event in world.journal.of(DiscoveryRetried)]
        return outcome, problem, retries

    return body


@pytest.mark.parametrize("passed", [timedelta(hours=24), YEAR - timedelta(hours=1)])
def test_within_their_year_certificates_are_believed(play, passed):
    outcome, problem, retries = play(after(passed))
    assert outcome.joined
    assert problem == ""
    assert not retries


def test_after_two_years_the_serving_certificate_has_expired_whatever_the_machines_clock_says(play):
    outcome, problem, retries = play(after(2 * YEAR))
    # Its first request verifies nothing; the second does, and goes on failing until the timeout.
    assert outcome.refusal.reason is Reason.CLUSTER_INFO_UNAVAILABLE
    ended = f"is after {EPOCH + YEAR:%Y-%m-%dT%H:%M:%SZ}"
    assert problem.startswith(X509)
    assert problem.endswith(ended)
    assert len(retries) > 10
    assert all(X509 in retry and retry.endswith(ended) for retry in retries)
    # The dates that it is judged by are virtual ones.
    said = datetime.fromisoformat(problem.removeprefix(X509).split()[0])
    assert timedelta(0) <= said - (EPOCH + 2 * YEAR) < timedelta(hours=1)


def test_with_longer_lived_certificates_two_years_are_nothing(play):
    outcome, problem, _ = play(after(2 * YEAR, certificate_validity=3 * YEAR))
    assert outcome.joined
    assert problem == ""


def test_after_eleven_years_the_authority_itself_has_expired(play):
    outcome, problem, _ = play(after(11 * YEAR, certificate_validity=12 * YEAR))
    assert not outcome.joined
    assert problem.startswith(X509)


def test_a_node_whose_clock_is_behind_finds_the_certificates_not_yet_valid(play):
    async def body(world):
        pair = await JoinPair.create(world)
        late = world.add_host("late", clock_skew_seconds=-86400.0)
        pair.worker = late
        outcome = await pair.join()
        with pytest.raises(RequestFailed) as caught:
            await pair.administrator().get("/api/v1/nodes")
        return outcome, caught.value.problem

    outcome, problem = play(body)
    assert outcome.refusal.reason is Reason.CLUSTER_INFO_UNAVAILABLE
    assert problem.startswith(X509 + "2025-12-31T")
    assert " is before 202" in problem
