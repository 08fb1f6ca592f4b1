import pytest
import trio

from joinsim.errors import BackendError
from joinsim.world import DialError, SocketDialer, SocketNetwork


def test_a_connection_is_made_and_carries_bytes_both_ways():
    async def body():
        network = SocketNetwork()
        port = network.reserve(0)
        async with network.listen("here", port) as listener:
            client = await SocketDialer().dial("127.0.0.1", port)
            server = await listener.accept()
            async with client, server:
                await client.send_all(b"ping")
                assert await server.receive_some(4) == b"ping"
                await server.send_all(b"pong")
                assert await client.receive_some(4) == b"pong"

    trio.run(body)


def test_a_port_where_nobody_listens_refuses_in_gos_words():
    async def body():
        network = SocketNetwork()
        port = network.reserve(0)
        network.close()
        with pytest.raises(DialError, match=f"^dial tcp 127.0.0.1:{port}: connect: connection refused$"):
            await SocketDialer().dial("127.0.0.1", port)

    trio.run(body)


def test_a_port_that_is_taken_is_the_grounds_fault():
    async def body():
        first = SocketNetwork()
        port = first.reserve(0)
        async with first.listen("here", port):
            with pytest.raises(
                BackendError, match=f"cannot listen at 127.0.0.1 port {port}: Address already in use"
            ):
                SocketNetwork().reserve(port)

    trio.run(body)


def test_an_address_that_is_not_this_machines_is_the_grounds_fault():
    with pytest.raises(BackendError, match=r"cannot listen at 192\.0\.2\.1 port 0"):
        SocketNetwork("192.0.2.1").reserve(0)
