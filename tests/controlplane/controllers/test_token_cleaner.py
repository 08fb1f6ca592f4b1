import json
from datetime import timedelta

import pytest
import trio

from joinsim.api.objects import SECRETS
from joinsim.gofmt import rfc3339
from tests.controlplane.api import a_token_secret
from tests.pair import JoinPair

PATH = "/api/v1/namespaces/kube-system/secrets"
ONE = f"{PATH}/bootstrap-token-foobar"


def there(pair):
    return pair.control_plane.store.get(SECRETS, "bootstrap-token-foobar", "kube-system") is not None


def with_secret(play, act, *, seconds=None, **secret):
    """Store a token that expires after so many seconds, then ``act``."""

    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.administrator()
        data = dict(secret.pop("data", {}))
        if seconds is not None:
            # A moment has passed since the world began; expiry is in whole seconds.
            data["expiration"] = rfc3339(world.clock.epoch + timedelta(seconds=seconds))
        await admin.create(PATH, a_token_secret(data=data, **secret))
        await act(world, pair, admin)

    play(body)


def test_a_token_is_deleted_at_the_very_moment_at_which_it_expires(play):
    async def act(world, pair, admin):
        await trio.sleep(3600 - world.clock.elapsed() - 0.001)
        assert there(pair)
        await trio.sleep(0.01)
        assert not there(pair)

    with_secret(play, act, seconds=3600)


@pytest.mark.parametrize("expiration", ["2025-12-31T23:59:59Z", "nonsense", "2026-01-01"])
def test_a_token_that_has_expired_when_it_comes_is_deleted_at_once(play, expiration):
    async def act(world, pair, admin):
        await trio.sleep(0.01)
        assert not there(pair)

    with_secret(play, act, data={"expiration": expiration})


@pytest.mark.parametrize("data", [{}, {"expiration": ""}], ids=str)
def test_a_token_without_an_expiry_stays(play, data):
    async def act(world, pair, admin):
        await trio.sleep(86400)
        assert there(pair)

    with_secret(play, act, data=data)


@pytest.mark.parametrize("secret", [{"type": "Opaque"}], ids=str)
def test_a_secret_of_another_type_stays(play, secret):
    async def act(world, pair, admin):
        await trio.sleep(60)
        assert there(pair)

    with_secret(play, act, seconds=5, **secret)


def test_a_token_whose_life_is_prolonged_lives_on(play):
    async def act(world, pair, admin):
        await trio.sleep(5)
        stored = await admin.get(ONE)
        longer = rfc3339(world.clock.epoch + timedelta(seconds=100))
        await admin.update(ONE, {**stored, "data": a_token_secret(data={"expiration": longer})["data"]})
        await trio.sleep(90)
        assert there(pair)
        await trio.sleep(6)
        assert not there(pair)

    with_secret(play, act, seconds=10)


def test_a_token_whose_life_is_shortened_dies_sooner(play):
    async def act(world, pair, admin):
        stored = await admin.get(ONE)
        sooner = rfc3339(world.clock.epoch + timedelta(seconds=10))
        await admin.update(ONE, {**stored, "data": a_token_secret(data={"expiration": sooner})["data"]})
        await trio.sleep(11)
        assert not there(pair)

    with_secret(play, act, seconds=1000)


def test_a_token_of_the_same_name_that_came_later_is_judged_by_its_own_expiry(play):
    async def act(world, pair, admin):
        await admin.delete(ONE)
        await admin.create(PATH, a_token_secret())
        await trio.sleep(100)
        assert there(pair)

    with_secret(play, act, seconds=10)


def test_a_deletion_that_was_refused_is_not_tried_again(play):
    async def act(world, pair, admin):
        role = (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/roles/system:controller:token-cleaner"
        )
        kept = await admin.get(role)
        await admin.delete(role)
        await trio.sleep(20)
        assert there(pair)
        del kept["metadata"]["resourceVersion"]
        await admin.create(role.rpartition("/")[0], kept)
        await trio.sleep(60)
        assert there(pair)

    with_secret(play, act, seconds=10)


def test_tokens_are_cleaned_as_in_the_controllers_own_table(play, vectors):
    for case in json.loads((vectors / "bootstrap_controllers.json").read_text())["cleaner"]:
        seconds = {None: None, "-1h": -3600, "+1h": 3600, "+2s": 2}[case["expiration"]]

        async def act(world, pair, admin, case=case):
            await trio.sleep(0.5)
            assert there(pair) is (case["deleted"] is not True), case["origin"]
            await trio.sleep(2)
            assert there(pair) is (case["deleted"] is False), case["origin"]

        with_secret(play, act, seconds=seconds)
