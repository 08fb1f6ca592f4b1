import pytest
import trio

from joinsim.join.paths import CURRENT_CERTIFICATE, KUBELET_CONF
from joinsim.join.waiting import wait_for_certificate, wait_for_kubelet
from joinsim.pki import to_pem
from joinsim.wire import Response, serve_connection
from tests.join.material import PERIOD, authority, key_pair
from tests.pair import JoinPair

PORT = 10248
CALL = "The HTTP call equal to 'curl -sSL http://127.0.0.1:10248/healthz' returned"


async def serve(host, status, *, after=0.0):
    async def answer(request):
        assert request.path == "/healthz"
        return Response(status, [], b"")

    await trio.sleep(after)
    listener = host.listen(PORT, loopback=True)
    async with trio.open_nursery() as nursery:
        while True:
            nursery.start_soon(serve_connection, await listener.accept(), answer)


def waited(play, status, timeout, *, after=0.0):
    async def body(world):
        pair = await JoinPair.create(world)
        if status:

            async def run():
                await serve(pair.worker, status, after=after)

            world.nursery.start_soon(run)
        # Not at the very moment of a beat.
        await trio.sleep(0.01)
        began = trio.current_time()
        problem = await wait_for_kubelet(pair.worker, PORT, timeout)
        return problem, trio.current_time() - began

    return play(body)


@pytest.mark.parametrize(("after", "seconds"), [(0, 0), (0.3, 0.5), (3.9, 4.0)])
def test_a_kubelet_is_healthy_at_the_first_look_that_finds_it_so(play, after, seconds):
    problem, took = waited(play, 200, 240, after=after)
    assert problem == ""
    assert took == pytest.approx(seconds, abs=0.01)


def test_a_kubelet_that_does_not_run_is_waited_for_until_the_time_is_up(play):
    problem, took = waited(play, None, 15)
    assert took == pytest.approx(15)
    assert problem == (
        f'{CALL} error: Get "http://127.0.0.1:10248/healthz": dial tcp 127.0.0.1:10248: connect: connection refused'
    )


@pytest.mark.parametrize("status", [500, 404, 204, 301])
def test_only_200_is_healthy(play, status):
    problem, took = waited(play, status, 2)
    assert took == pytest.approx(2)
    assert problem == f"{CALL} status code: {status}"


def certificate_after(play, seconds, timeout, *, files=(KUBELET_CONF, CURRENT_CERTIFICATE), content=None):
    pem = authority().issue_client("n", [], key_pair("n").public_key, PERIOD, 7)
    whole = to_pem([pem]) + key_pair("n").private_pem()

    async def body(world):
        pair = await JoinPair.create(world)

        async def appear():
            await trio.sleep(seconds)
            for path in files:
                pair.worker.files.write(path, whole if content is None else content(whole))

        world.nursery.start_soon(appear)
        began = trio.current_time()
        found = await wait_for_certificate(pair.worker, timeout)
        return found, trio.current_time() - began

    return play(body)


def test_a_certificate_is_seen_at_the_next_whole_second(play):
    assert certificate_after(play, 2.2, 300) == (True, pytest.approx(3))


def test_a_certificate_after_the_last_look_is_not_seen(play):
    assert certificate_after(play, 9.5, 10) == (False, pytest.approx(10))


def test_a_fraction_of_a_second_is_still_waited_for(play):
    assert certificate_after(play, 99, 2.5) == (False, pytest.approx(2.5))


@pytest.mark.parametrize("files", [(KUBELET_CONF,), (CURRENT_CERTIFICATE,)], ids=["conf", "certificate"])
def test_both_kubeconfig_and_certificate_must_be_there(play, files):
    assert certificate_after(play, 0.5, 3, files=files)[0] is False


@pytest.mark.parametrize(
    "content",
    [
        lambda whole: b"",
        lambda whole: whole.partition(b"-----BEGIN PRIVATE")[0].partition(b"-----BEGIN EC")[0],
        lambda whole: whole[whole.index(b"PRIVATE KEY") - 20 :],
    ],
    ids=["empty", "no key", "no certificate"],
)
def test_a_file_that_makes_no_client_does_not_count(play, content):
    assert certificate_after(play, 0.5, 3, content=content)[0] is False
