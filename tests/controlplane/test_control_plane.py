import pytest
import trio

from joinsim.controlplane import ControlPlane
from joinsim.errors import ApiError
from joinsim.events import ApiServerStarted, ApiServerStopped, ClusterBooted, CsrIssued
from joinsim.wire import RequestFailed
from tests.controlplane.api import CSRS, a_config_map, a_csr
from tests.pair import JoinPair


def test_what_is_stored_outlives_a_stop(play):
    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.administrator()
        stored = await admin.create("/api/v1/namespaces/default/configmaps", a_config_map())
        pair.control_plane.stop()
        await trio.sleep(1)
        with pytest.raises(RequestFailed):
            await pair.administrator().get("/version")
        await world.nursery.start(pair.control_plane.run)
        found = await pair.administrator().get("/api/v1/namespaces/default/configmaps/settings")
        assert found == stored
        assert len([*world.journal.of(ApiServerStarted)]) == 2
        assert len([*world.journal.of(ApiServerStopped)]) == 1
        assert len([*world.journal.of(ClusterBooted)]) == 1

    play(body)


def test_controllers_pick_up_after_a_start_what_came_before_the_stop(play):
    async def body(world):
        pair = await JoinPair.create(world)
        stored = await pair.client(pair.token.value).create(CSRS, a_csr())
        pair.control_plane.stop()
        await trio.sleep(60)
        assert "certificate" not in stored["status"]
        await world.nursery.start(pair.control_plane.run)
        await trio.sleep(0.05)
        assert len([*world.journal.of(CsrIssued)]) == 1

    play(body)


def test_a_stop_of_what_does_not_run_is_nothing(play):
    async def body(world):
        pair = await JoinPair.create(world)
        pair.control_plane.stop()
        await trio.sleep(0.1)
        pair.control_plane.stop()

    play(body)


def test_the_administrators_kubeconfig_lets_in_and_the_files_are_private(play):
    async def body(world):
        pair = await JoinPair.create(world)
        assert (await pair.administrator().get("/api/v1/nodes"))["kind"] == "NodeList"
        with pytest.raises(ApiError):
            await pair.client().get("/api/v1/nodes")

    play(body)


def test_one_seed_makes_one_cluster_and_another_seed_another(play):
    async def body(world):
        return ControlPlane(
            world.add_host("cp"), (await JoinPair.create(world)).control_plane.settings, world.journal
        ).ca_pins

    assert play(body, seed=1) == play(body, seed=1)
    assert play(body, seed=1) != play(body, seed=2)


def test_a_hundred_and_fifty_requests_at_once_are_served_at_ten_a_second(play):
    async def body(world):
        pair = await JoinPair.create(world)
        client = pair.client(pair.token.value)
        began = world.clock.elapsed()
        for index in range(150):
            await client.create(CSRS, a_csr(f"csr-{index}"))
        await trio.sleep(60)
        return [record.at - began for record, _ in world.journal.of(CsrIssued)]

    issued = sorted(play(body))
    assert len(issued) == 150
    # Measured at a real cluster: the last after 13.6 seconds; two requests each, 20 a second, 30 at once.
    assert issued[-1] == pytest.approx((300 - 30) / 20, abs=1)
