"""The simulated ground: what it can do, and that nothing of a run outlives it."""

import gc
from datetime import timedelta

import pytest
import trio

from joinsim.api import BootstrapToken, TokenRecord
from joinsim.backends import Capability, ClusterPlan, FakeGround
from joinsim.errors import ApiError
from joinsim.events import ApiServerStarted, ApiServerStopped
from joinsim.pki import KeyAlgorithm
from joinsim.wire import ApiClient, ClientTls, Connection, Connections, RequestFailed
from joinsim.world import DialError

PLAN = ClusterPlan("v1.36.2", (TokenRecord(BootstrapToken.parse("abcdef.0123456789abcdef")),))
INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"


async def nothing(cluster):
    await trio.lowlevel.checkpoint()


def client(world, cluster, host="worker-1") -> ApiClient:
    machine = world.hosts.get(host) or world.add_host(host)
    connection = Connection(f"https://{cluster.endpoint}", ClientTls(None), "")
    return Connections(machine.dialer, machine.clock).client(
        connection, user_agent="tests/1", timeout_seconds=5
    )


class Interrupted(Exception):
    pass


def test_it_can_do_all_that_a_ground_can():
    assert FakeGround().capabilities == set(Capability)
    assert FakeGround().name == "fake"


def test_what_is_played_is_handed_back(play):
    async def body(world):
        return world.seed.value

    assert play(body, seed=7) == 7


def test_a_day_passes_at_once():
    async def body(world):
        await trio.sleep(86400)
        return world.clock.elapsed()

    assert FakeGround().run(body, seed=1) == 86400


def test_a_cluster_that_starts_at_once_answers_when_it_is_provisioned(play):
    async def body(world):
        cluster = await FakeGround().provision(world, PLAN, nothing)
        await cluster.wait_open()
        assert world.clock.elapsed() == 0
        return cluster.name, (await client(world, cluster).get(INFO))["kind"], len(cluster.ca_pins)

    assert play(body) == ("cluster", "ConfigMap", 1)


def test_a_cluster_that_starts_late_refuses_until_then(play):
    async def body(world):
        cluster = await FakeGround().provision(world, ClusterPlan("v1.36.2", starts_at_seconds=60), nothing)
        assert world.clock.elapsed() == 0
        asking = client(world, cluster)
        for moment in (0, 59.999):
            await trio.sleep_until(trio.current_time() - world.clock.elapsed() + moment)
            with pytest.raises(RequestFailed, match="connection refused"):
                await asking.get(INFO)
        await cluster.wait_open()
        assert world.clock.elapsed() == pytest.approx(60)
        return (await asking.get(INFO))["kind"]

    assert play(body) == "ConfigMap"


@pytest.mark.parametrize("late", [0.0, 5.0])
def test_no_node_is_let_in_before_the_cluster_is_prepared(play, late):
    async def body(world):
        seen = []
        worker = world.add_host("worker-1")

        async def prepare(cluster):
            with pytest.raises(DialError, match="connection refused"):
                await worker.dialer.dial("control-plane", 6443)
            stream = await cluster.administrators_host.dialer.dial("control-plane", 6443)
            await stream.aclose()
            await trio.sleep(10)
            seen.append(world.clock.elapsed())

        cluster = await FakeGround().provision(world, ClusterPlan("v1.36.2", starts_at_seconds=late), prepare)
        await cluster.wait_open()
        seen.append(world.clock.elapsed())
        await client(world, cluster).get(INFO)
        return seen

    assert play(body) == [late + 10, late + 10]


def test_an_error_in_preparing_ends_the_run(play):
    async def fail(cluster):
        raise Interrupted

    async def body(world):
        await FakeGround().provision(world, PLAN, fail)

    with pytest.raises(ExceptionGroup) as caught:
        play(body)
    assert caught.group_contains(Interrupted)


def test_a_plan_is_followed(play):
    async def body(world):
        plan = ClusterPlan("v1.36.2", PLAN.tokens, 0.0, KeyAlgorithm.ECDSA_P384, timedelta(hours=2))
        cluster = await FakeGround().provision(world, plan, nothing)
        info = await client(world, cluster).get(INFO)
        await trio.sleep(1)
        signed = (await client(world, cluster).get(INFO))["data"]
        settings = cluster.control_plane.settings
        key = cluster.control_plane.ca_key.public_key
        return info["kind"], "jws-kubeconfig-abcdef" in signed, key.key_size, settings.certificate_validity

    assert play(body) == ("ConfigMap", True, 384, timedelta(hours=2))


# --- the end ----------------------------------------------------------------------------------------


async def ends_well(world):
    pass


async def fails(world):
    raise Interrupted


async def is_cancelled(world):
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio.sleep_forever()


async def service_fails(world):
    async def fail():
        await trio.sleep(1)
        raise Interrupted

    world.nursery.start_soon(fail)
    await trio.sleep_forever()


@pytest.mark.parametrize("ending", [ends_well, fails, is_cancelled, service_fails])
def test_however_a_run_ends_no_server_and_no_listener_is_left(ending):
    worlds = []

    async def body(world):
        worlds.append(world)
        cluster = await FakeGround().provision(world, PLAN, nothing)
        await client(world, cluster).get(INFO)
        await ending(world)

    if ending in (fails, service_fails):
        with pytest.raises(ExceptionGroup) as caught:
            FakeGround().run(body, seed=1)
        # Nothing went wrong besides, while everything was being ended.
        assert caught.value.split(Interrupted)[1] is None
    else:
        FakeGround().run(body, seed=1)
    (world,) = worlds
    started, stopped = (len(list(world.journal.of(kind))) for kind in (ApiServerStarted, ApiServerStopped))
    assert started == stopped == 1
    assert world.network._listeners == {}
    assert list(world.nursery.child_tasks) == []
    # What a run leaves open is told by warnings when it is collected, and warnings are errors.
    worlds.clear()
    world = None
    gc.collect()


def test_a_run_may_follow_one_that_failed_and_is_the_same():
    async def body(world):
        await FakeGround().provision(world, PLAN, nothing)
        return world.journal.text()

    first = FakeGround().run(body, seed=1)
    with pytest.raises(ExceptionGroup):
        FakeGround().run(fails, seed=1)
    assert FakeGround().run(body, seed=1) == first
    assert FakeGround().run(body, seed=2) != first


def test_keys_are_numbered_in_a_journal_that_shall_not_show_them():
    async def body(world):
        cluster = await FakeGround().provision(world, PLAN, nothing)
        return cluster.ca_pins, world.journal.text()

    (pin,), text = FakeGround().run(body, seed=1, opaque_keys=True)
    assert pin not in text
    assert "sha256:key-1" in text


def test_an_anonymous_client_is_told_no_as_by_any_api_server(play):
    async def body(world):
        cluster = await FakeGround().provision(world, PLAN, nothing)
        with pytest.raises(ApiError) as caught:
            await client(world, cluster).get("/api/v1/nodes")
        return caught.value.code

    assert play(body) == 403
