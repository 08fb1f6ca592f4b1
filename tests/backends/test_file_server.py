import pytest
import trio

from joinsim.backends import FileServer
from joinsim.pki import parse_bundle
from joinsim.wire import ClientTls, HttpClient, RequestFailed


async def served(world, **files):
    server = FileServer(world.add_host("files.example"))
    await world.nursery.start(server.run)
    for path, content in files.items():
        server.publish(f"/{path}", content)
    return server


def asking(world, *authorities, name="files.example"):
    machine = world.hosts.get("worker-1") or world.add_host("worker-1")
    for authority in authorities:
        machine.add_trusted(authority)
    bundle = machine.ca_bundle()
    roots = ClientTls(parse_bundle(bundle) if bundle else ())
    return HttpClient(machine.dialer, f"https://{name}", machine.clock, tls=roots)


def test_what_is_published_is_served(play):
    async def body(world):
        server = await served(world, a=b"first", b=b"")
        client = asking(world, server.authority_pem)
        answers = [await client.send("GET", path) for path in ("/a", "/b", "/c", "/", "/a/")]
        server.publish("/a", b"second")
        answers.append(await client.send("GET", "/a"))
        return [(answer.status, answer.body) for answer in answers]

    missing = (404, b"404 page not found\n")
    assert play(body) == [(200, b"first"), (200, b""), missing, missing, missing, (200, b"second")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed_from_outside(play, method):
    async def body(world):
        server = await served(world, a=b"first")
        client = asking(world, server.authority_pem)
        refused = await client.send(method, "/a", body=b"other")
        return refused.status, (await client.send("GET", "/a")).body

    assert play(body) == (405, b"first")


def test_who_does_not_have_its_authority_does_not_believe_it(play):
    async def body(world):
        await served(world, a=b"first")
        with pytest.raises(RequestFailed, match="certificate signed by unknown authority"):
            await asking(world).send("GET", "/a")

    play(body)


def test_the_authority_of_one_server_vouches_for_no_other(play):
    async def body(world):
        await served(world)
        other = FileServer(world.add_host("other.example"))
        with pytest.raises(RequestFailed, match="certificate signed by unknown authority"):
            await asking(world, other.authority_pem).send("GET", "/a")

    play(body)


def test_it_is_believed_under_its_address_too_and_for_a_year(play):
    async def body(world):
        server = await served(world, a=b"first")
        client = asking(world, server.authority_pem, name=server.host.address)
        assert (await client.send("GET", "/a")).body == b"first"
        await trio.sleep(364 * 86400)
        assert (await asking(world, name="files.example").send("GET", "/a")).body == b"first"
        await trio.sleep(2 * 86400)
        with pytest.raises(RequestFailed, match="certificate has expired"):
            await asking(world, name="files.example").send("GET", "/a")

    play(body)


def test_who_hangs_up_in_the_middle_of_it_disturbs_nobody(play):
    async def body(world):
        server = await served(world, a=b"first")
        client = asking(world, server.authority_pem)
        stream = await world.hosts["worker-1"].dialer.dial("files.example", 443)
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        silent = await world.hosts["worker-1"].dialer.dial("files.example", 443)
        assert (await client.send("GET", "/a")).body == b"first"
        await silent.aclose()
        return (await client.send("GET", "/a")).status

    assert play(body) == 200
