import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from joinsim.backends import FakeGround
from joinsim.wire import BODY_BYTES_MAX, Request, Response, serve_connection

GET = b"GET / HTTP/1.1\r\nHost: server\r\n\r\n"
BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"400 Bad Request"
)


async def echo(request: Request) -> Response:
    """Say what was asked."""
    asked = f"{request.method} {request.target} {len(request.body)}{' cut' * request.oversized}"
    return Response(200, [], asked.encode())


async def serving(world, handler=echo):
    """A server for one connection; the client's end of it."""
    client, server = world.add_host("client"), world.add_host("server")
    listener = server.listen(80)
    ours = await client.dialer.dial("server", 80)
    world.nursery.start_soon(serve_connection, await listener.accept(), handler)
    return ours


async def everything(stream):
    """All that comes until the server closes; it must do so, sooner or later."""
    with trio.fail_after(3600):
        return b"".join([part async for part in stream])


def talk(*pieces, handler=echo, seconds_between=0.0):
    """What the server answers to these bytes, after which the client sends no more."""

    async def body(world):
        stream = await serving(world, handler)
        try:
            for piece in pieces:
                await stream.send_all(piece)
                await trio.sleep(seconds_between)
            await stream.send_eof()
        except trio.BrokenResourceError:
            # The server had heard enough.
            pass
        return await everything(stream)

    return FakeGround().run(body, seed=1)


def answer(*lines, body=b"", status=b"200 OK"):
    head = b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body)])
    return head + b"\r\n\r\n" + body


# --- requests that are in order -----------------------------------------------------------


def test_a_request_is_answered():
    assert talk(GET) == answer(body=b"GET / 0")


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"200 OK"),
        (201, b"201 Created"),
        (401, b"401 Unauthorized"),
        (403, b"403 Forbidden"),
        (404, b"404 Not Found"),
        (409, b"409 Conflict"),
        (413, b"413 Request Entity Too Large"),
        (422, b"422 Unprocessable Entity"),
        (429, b"429 Too Many Requests"),
        (500, b"500 Internal Server Error"),
        (504, b"504 Gateway Timeout"),
    ],
)
def test_statuses_have_gos_names(status, line):
    async def handler(_):
        return Response(status, [("A", "b")], b"x")

    assert talk(GET, handler=handler) == answer(b"A: b", body=b"x", status=line)


def test_requests_on_one_connection_are_answered_in_turn():
    asked = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(5)]
    expected = b"".join(answer(body=b"GET /%d 0" % number) for number in range(5))
    assert talk(*asked, seconds_between=10) == expected
    # The same in one piece, and byte by byte.
    assert talk(b"".join(asked)) == expected
    assert talk(*[bytes([byte]) for byte in b"".join(asked)]) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n4;x=y\r\nello\r\n0\r\nTrailer: z\r\n\r\n",
    ],
    ids=["with a length", "in one chunk", "in several, with extension and trailer"],
)
def test_a_body_is_read_to_its_end_and_no_further(body):
    request = b"POST /x HTTP/1.1\r\nHost: x\r\n" + body
    assert talk(request + GET) == answer(body=b"POST /x 5") + answer(body=b"GET / 0")


def test_a_body_reaches_the_handler_as_it_was_sent():
    bodies = []

    async def handler(request):
        bodies.append((request.body, request.oversized, request.headers["content-type"]))
        return Response(200)

    sent = bytes(range(256))
    talk(
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 256\r\n\r\n",
        sent,
        handler=handler,
    )
    assert bodies == [(sent, False, "a/b")]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (BODY_BYTES_MAX - 1, b"POST / 3145727"),
        (BODY_BYTES_MAX, b"POST / 3145728"),
        (BODY_BYTES_MAX + 1, None),
    ],
)
def test_a_body_over_three_mebibytes_is_cut_and_marked(size, said):
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    got = talk(request, bytes(size))
    if said is None:
        assert got.endswith(b" cut")
        assert int(got.split()[-2]) <= BODY_BYTES_MAX
    else:
        assert got == answer(body=said)


def test_who_asks_whether_to_go_on_is_told_to():
    request = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

    async def body(world):
        stream = await serving(world)
        await stream.send_all(request)
        first = await stream.receive_some()
        assert first.startswith(b"HTTP/1.1 100 ")
        assert first.endswith(b"\r\n\r\n")
        await stream.send_all(b"hello")
        assert await stream.receive_some() == answer(body=b"POST / 5")

    FakeGround().run(body, seed=1)


def test_head_is_answered_without_a_body_but_with_its_length():
    head = GET.replace(b"GET", b"HEAD")
    assert talk(head + GET) == b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + answer(body=b"GET / 0")


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
    ids=["HTTP/1.0", "close"],
)
def test_who_wants_one_answer_only_gets_one(request_):
    got = talk(request_ + GET)
    assert got.count(b"HTTP/1.1 200") == 1
    assert b"Connection: close\r\n" in got
    assert got.endswith(b"GET / 0")


@pytest.mark.parametrize("target", [b"*", b"http://server:80/a?b", b"/a%20b?c=%zz", b"//", b"/\x7e"])
def test_targets_of_all_forms_reach_the_handler(target):
    assert talk(GET.replace(b" / ", b" " + target + b" ")) == answer(body=b"GET " + target + b" 0")


# --- answers that come in pieces ----------------------------------------------------------


def pieces(*chunks, seconds=1.0, closed=None):
    async def handler(_):
        async def body():
            try:
                for chunk in chunks:
                    yield chunk
                    await trio.sleep(seconds)
            finally:
                if closed is not None:
                    closed.append(trio.current_time())

        return Response(200, [], body())

    return handler


def test_an_answer_in_pieces_is_sent_in_chunks_as_they_come():
    async def body(world):
        stream = await serving(world, pieces(b"one\n", b"two\n"))
        began = trio.current_time()
        await stream.send_all(GET)
        received = []
        while True:
            received.append((trio.current_time() - began, await stream.receive_some()))
            if received[-1][1].endswith(b"0\r\n\r\n"):
                break
        assert b"".join(part for _, part in received) == (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"
        )
        # The connection can be used again.
        await stream.send_all(GET)
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 OK")
        return trio.current_time() - began

    assert FakeGround().run(body, seed=1) == 2


def test_requests_sent_while_an_answer_streams_are_answered_after_it():
    async def body(world):
        stream = await serving(world, pieces(b"x"))
        await stream.send_all(GET)
        await trio.sleep(0.5)
        await stream.send_all(GET)
        got = b""
        while got.count(b"0\r\n\r\n") < 2:
            got += await stream.receive_some()
        assert got.count(b"HTTP/1.1 200 OK") == 2

    FakeGround().run(body, seed=1)


def test_head_of_an_answer_in_pieces_has_none():
    head = GET.replace(b"GET", b"HEAD")
    closed = []
    got = talk(head, handler=pieces(b"one", closed=closed))
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert got.endswith(b"\r\n\r\n")
    assert b"one" not in got


@pytest.mark.parametrize("cut", ["close", "reset"])
def test_a_client_that_goes_away_ends_its_answer(cut):
    closed = []

    async def body(world):
        stream = await serving(world, pieces(*[b"event\n"] * 1000, closed=closed))
        began = trio.current_time()
        await stream.send_all(GET)
        await trio.sleep(5.5)
        getattr(stream, cut)()
        await trio.sleep(5)
        return [moment - began for moment in closed]

    # At once, and not only when there is next something to say.
    assert FakeGround().run(body, seed=1) == [5.5]


def test_an_http_1_0_client_gets_the_pieces_without_chunks():
    async def body(world):
        stream = await serving(world, pieces(b"a", b"b"))
        await stream.send_all(b"GET / HTTP/1.0\r\n\r\n")
        return await everything(stream)

    assert FakeGround().run(body, seed=1) == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab"


def test_a_client_that_only_closes_its_own_half_has_gone_away_as_it_has_for_go():
    assert talk(GET, handler=pieces(b"one", b"two")).endswith(b"3\r\none\r\n")


# --- what is no HTTP ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\nhello\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / FTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
        b"G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n",
    ],
)
def test_what_is_no_request_is_a_bad_request_and_the_end(sent):
    assert talk(sent + GET) == BAD_REQUEST


def test_a_bad_request_after_good_ones_does_not_take_their_answers_away():
    assert talk(GET + b"nonsense\r\n\r\n") == answer(body=b"GET / 0") + BAD_REQUEST


def test_a_header_section_of_more_than_a_mebibyte_is_too_large():
    head = b"GET / HTTP/1.1\r\nHost: x\r\n"
    fits = head + b"A: " + b"b" * 1_000_000 + b"\r\n\r\n"
    assert talk(fits) == answer(body=b"GET / 0")
    got = talk(head, *[b"A%d: " % number + b"b" * 60_000 + b"\r\n" for number in range(20)])
    assert got == (
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Connection: close\r\n\r\n431 Request Header Fields Too Large"
    )


@pytest.mark.parametrize("length", range(1, len(GET)))
def test_half_a_request_is_never_answered_as_a_whole_one(length):
    assert talk(GET[:length]) in (b"", BAD_REQUEST)


@pytest.mark.parametrize(
    "body", [b"Content-Length: 9\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"]
)
def test_half_a_body_does_not_reach_the_handler(body):
    handled = []

    async def handler(request):
        handled.append(request)
        return Response(200)

    assert talk(b"POST / HTTP/1.1\r\nHost: x\r\n" + body, handler=handler) in (b"", BAD_REQUEST)
    assert not handled


@pytest.mark.parametrize("sent", [b"", GET, GET[:9]], ids=["nothing", "a request", "half a request"])
def test_a_connection_that_falls_silent_is_closed_after_ninety_seconds(sent):
    async def body(world):
        stream = await serving(world)
        await stream.send_all(sent)
        await everything(stream)
        return world.clock.elapsed()

    assert FakeGround().run(body, seed=1) == 90


def test_an_answer_may_take_longer_than_a_connection_may_be_silent():
    async def handler(_):
        await trio.sleep(3600)
        return Response(200, [], b"at last")

    async def body(world):
        stream = await serving(world, handler)
        await stream.send_all(GET)
        return await stream.receive_some()

    assert FakeGround().run(body, seed=1) == answer(body=b"at last")


@pytest.mark.parametrize("sent", [b"", GET, GET[:9]], ids=["nothing", "a request", "half a request"])
@pytest.mark.parametrize("cut", ["close", "reset"])
def test_a_client_that_vanishes_ends_its_connection_quietly(sent, cut):
    async def body(world):
        async def slow(request):
            await trio.sleep(1)
            return await echo(request)

        stream = await serving(world, slow)
        await stream.send_all(sent)
        getattr(stream, cut)()
        # An error of the server would end the world.
        await trio.sleep(1000)

    FakeGround().run(body, seed=1)


def test_an_error_of_the_handler_comes_through():
    async def handler(_):
        raise LookupError("our own bug")

    async def body(world):
        stream = await serving(world, handler)
        await stream.send_all(GET)
        await trio.sleep(1)

    with pytest.raises(ExceptionGroup) as caught:
        FakeGround().run(body, seed=1)
    assert caught.group_contains(LookupError)


# --- whatever comes -----------------------------------------------------------------------

_PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            GET,
            b"HEAD / HTTP/1.1\r\n",
            b"POST /x?y HTTP/1.1\r\n",
            b"CONNECT a:1 HTTP/1.1\r\n",
            b"OPTIONS * HTTP/1.1\r\n",
            b"GET http://a@[b/ HTTP/1.1\r\n",
            b"Host: x\r\n",
            b"Content-Length: 3\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Expect: 100-continue\r\n",
            b"Connection: close\r\n",
            b"Connection: upgrade\r\nUpgrade: h2c\r\n",
            b"\r\n",
            b"3\r\nabc\r\n",
            b"0\r\n\r\n",
            b"abc",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ]
    ),
)


@given(st.lists(_PIECES, max_size=10), st.booleans())
def test_no_bytes_crash_the_server_and_it_always_answers_or_closes(sent, at_once):
    async def body(world):
        stream = await serving(world)
        with trio.fail_after(3600):
            try:
                for piece in [b"".join(sent)] if at_once else sent:
                    await stream.send_all(piece)
                    await trio.sleep(0.001)
            except trio.BrokenResourceError:
                pass
            got = b"".join([part async for part in stream])
        # The server's task has ended without an error by now, and what it said was HTTP.
        await trio.sleep(1)
        return got

    got = FakeGround().run(body, seed=1)
    assert got == b"" or got.startswith(b"HTTP/1.1 ")


@given(st.lists(st.tuples(st.sampled_from(["GET", "HEAD", "POST"]), st.binary(max_size=20)), max_size=5))
def test_every_request_in_order_gets_its_own_answer(requests):
    sent = b"".join(
        f"{method} /{number} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
        for number, (method, content) in enumerate(requests)
    )
    expected = b""
    for number, (method, content) in enumerate(requests):
        said = answer(body=f"{method} /{number} {len(content)}".encode())
        expected += said.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else said
    assert talk(sent) == expected
