import json

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from joinsim.backends import FakeGround
from joinsim.errors import ApiError, RemoteProtocolError
from joinsim.wire import (
    ApiClient,
    ClientTls,
    HttpClient,
    RequestFailed,
    Response,
    TlsError,
    WatchEvent,
    serve_connection,
)
from joinsim.world import Delay, Drop, LinkRule
from tests.wire import pki

URL = "http://server:80"


class Site:
    """A server that can be scripted, and what it saw; a client's machine beside it."""

    def __init__(self, world):
        self.world = world
        self.server = world.add_host("server")
        self.client = world.add_host("client")
        self.connections = 0
        self.requests = []
        self.streams = []

    def serve(self, handler, port=80, tls=None):
        """Answer HTTP."""

        async def handle(request):
            self.requests.append(request)
            return await handler(request)

        async def connection(stream):
            try:
                stream = await tls.accept(stream) if tls else stream
            except TlsError:
                return
            await serve_connection(stream, handle)

        return self._listen(connection, port)

    def script(self, *scripts, port=80):
        """Each connection in turn is served by the next of these functions of a stream."""
        waiting = iter(scripts)

        async def connection(stream):
            await next(waiting)(stream)

        return self._listen(connection, port)

    def _listen(self, connection, port):
        listener = self.server.listen(port)

        async def accept():
            while True:
                stream = await listener.accept()
                self.connections += 1
                self.streams.append(stream)
                self.world.nursery.start_soon(connection, stream)

        self.world.nursery.start_soon(accept)
        return listener

    def http(self, url=URL, tls=None):
        return HttpClient(self.client.dialer, url, self.client.clock, tls=tls)

    def api(self, **fields):
        return ApiClient(self.http(), user_agent="tests/1", **fields)


def at_site(body, **options):
    async def main(world):
        return await body(Site(world))

    return FakeGround().run(main, seed=1, **options)


def saying(*pieces, then="aclose", seconds_between=0.0):
    """A script: hear a request, say these bytes, and then close or reset or stay."""

    async def script(stream):
        await stream.receive_some()
        for piece in pieces:
            await stream.send_all(piece)
            await trio.sleep(seconds_between)
        if then == "aclose":
            await stream.aclose()
        elif then == "reset":
            stream.reset()

    return script


async def ok(_):
    return Response(200, [("Content-Type", "application/json")], b'{"ok": true}')


def problem_of(*scripts, timeout_seconds=None, verb="GET", **rules):
    """What a request says of a server that does this."""

    async def body(site):
        site.script(*scripts)
        with pytest.raises(RequestFailed) as caught:
            await site.http().send(verb, "/x", timeout_seconds=timeout_seconds)
        assert str(caught.value) == f'{verb.capitalize()} "{URL}/x": {caught.value.problem}'
        return caught.value.problem

    return at_site(body)


# --- asking ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "server", ["server", "server:80", "ftp://server", "http://", "https:///x", "", "HTTP//server"]
)
def test_a_server_must_be_a_url_with_scheme_and_host(server):
    with pytest.raises(ValueError, match="expected http://HOST:PORT"):
        HttpClient(None, server, None)


@pytest.mark.parametrize(
    ("url", "port", "host"),
    [
        ("http://server:8080", 8080, "server:8080"),
        ("http://server", 80, "server"),
        ("http://10.0.0.1:80/", 80, "10.0.0.1:80"),
    ],
)
def test_the_url_says_which_port_and_what_the_host_header_holds(url, port, host):
    async def body(site):
        site.serve(ok, port)
        answered = await site.http(url).send("GET", "/a?b=c")
        request = site.requests[0]
        assert (request.method, request.target, request.headers["host"]) == ("GET", "/a?b=c", host)
        assert answered.status == 200
        assert answered.headers["content-type"] == "application/json"
        assert answered.body == b'{"ok": true}'
        assert "ok" not in repr(answered)

    at_site(body)


@pytest.mark.parametrize(
    ("verb", "sent", "length"),
    [
        ("GET", b"", None),
        ("DELETE", b"", None),
        ("DELETE", b"{}", "2"),
        ("POST", b"", "0"),
        ("POST", b"body", "4"),
        ("PUT", b"x" * 100_000, "100000"),
        ("PATCH", b"", "0"),
    ],
)
def test_a_body_is_announced_by_its_length_as_go_does(verb, sent, length):
    async def body(site):
        site.serve(ok)
        await site.http().send(verb, "/", [("X-Y", "z")], sent)
        request = site.requests[0]
        assert request.body == sent
        assert request.headers.get("content-length") == length
        assert request.headers["x-y"] == "z"

    at_site(body)


def test_a_request_goes_out_in_one_piece():
    received = []

    async def script(stream):
        received.append(await stream.receive_some())
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def body(site):
        site.script(script)
        await site.http().send("POST", "/", body=b"the body")

    at_site(body)
    assert received[0].endswith(b"\r\n\r\nthe body")


def test_https_is_http_after_a_handshake():
    async def body(site):
        site.serve(ok, 443, pki.server_tls())
        answered = await site.http("https://server", pki.client_tls()).send("GET", "/")
        assert answered.status == 200

    at_site(body)


@pytest.mark.parametrize("size", [16_000, 17_000, 70_000, 1_000_000])
def test_large_requests_and_answers_pass_through_tls_whole(size):
    async def echo(request):
        return Response(200, [], request.body[::-1])

    async def body(site):
        site.serve(echo, 443, pki.server_tls())
        sent = bytes(range(250)) * (size // 250)
        answered = await site.http("https://server", pki.client_tls()).send("POST", "/", body=sent)
        assert answered.body == sent[::-1]

    at_site(body)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["with a length", "in chunks", "until the end", "HTTP/1.0", "after a 100"],
)
@pytest.mark.parametrize("piece", [1, 1000], ids=["byte by byte", "at once"])
def test_answers_of_all_forms_are_read(said, piece):
    async def body(site):
        site.script(saying(*[said[at : at + piece] for at in range(0, len(said), piece)]))
        assert (await site.http().send("GET", "/")).body == b"hello"

    at_site(body)


# --- connections that are kept ------------------------------------------------------------


def test_a_connection_is_used_again():
    async def body(site):
        site.serve(ok)
        http = site.http()
        for _ in range(5):
            await http.send("GET", "/")
            await trio.sleep(10)
        assert site.connections == 1
        assert len(site.requests) == 5

    at_site(body)


def test_requests_at_one_time_have_connections_of_their_own():
    async def slow(request):
        await trio.sleep(1)
        return await ok(request)

    async def body(site):
        site.serve(slow)
        http = site.http()
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(http.send, "GET", "/")
        # The second five found the connections of the first.
        assert site.connections == 5
        assert trio.current_time() - began[0] == 2

    began = []

    async def main(site):
        began.append(trio.current_time())
        await body(site)

    at_site(main)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_the_server_gave_up_is_replaced(how):
    async def body(site):
        site.serve(ok)
        http = site.http()
        await http.send("GET", "/")
        getattr(site.streams[0], how)()
        assert (await http.send("POST", "/")).status == 200
        assert site.connections == 2

    at_site(body)


def test_a_connection_that_was_idle_too_long_is_replaced():
    async def body(site):
        site.serve(ok)
        http = site.http()
        await http.send("GET", "/")
        await trio.sleep(3600)
        assert (await http.send("GET", "/")).status == 200
        assert site.connections == 2

    at_site(body)


def unlucky(verb, *scripts):
    """A second request on a connection that this becomes of; the status or problem, and how many were made."""

    async def first(stream):
        await stream.receive_some()
        await stream.send_all(EMPTY)
        await scripts[0](stream)

    async def body(site):
        site.script(first, *scripts[1:])
        http = site.http()
        await http.send("GET", "/")
        try:
            said = (await http.send(verb, "/")).status
        except RequestFailed as error:
            said = error.problem
        return said, site.connections

    return at_site(body)


EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("then", ["aclose", "reset"])
@pytest.mark.parametrize(
    ("verb", "again"), [("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False)]
)
def test_a_kept_connection_that_dies_under_a_request_has_it_sent_again_only_where_that_is_safe(
    verb, again, then
):
    said = unlucky(verb, saying(then=then), saying(EMPTY))
    problem = "EOF" if then == "aclose" else "read: connection reset by peer"
    assert said == ((200, 2) if again else (problem, 1))


def test_a_new_connection_that_dies_under_a_request_is_an_error_at_once():
    assert unlucky("GET", saying(), saying(), saying(EMPTY)) == ("EOF", 2)


@pytest.mark.parametrize("began", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_request_whose_answer_began_is_not_sent_again(began):
    said, connections = unlucky("GET", saying(began), saying(EMPTY))
    assert connections == 1
    assert isinstance(said, str)


def test_a_request_of_which_nothing_was_written_is_sent_again_whatever_it_is():
    class Unwatched:
        """Connections that do not show that the server has gone."""

        def __init__(self, inner):
            self.inner = inner

        async def dial(self, host, port):
            return trio.StapledStream(*[await self.inner.dial(host, port)] * 2)

    async def body(site):
        site.serve(ok)
        http = HttpClient(Unwatched(site.client.dialer), URL, site.client.clock)
        await http.send("GET", "/")
        site.streams[0].reset()
        assert (await http.send("POST", "/", body=b"x")).status == 200
        assert site.connections == 2

    at_site(body)


def test_a_request_that_crosses_the_servers_goodbye_is_sent_again():
    async def body(site):
        site.serve(ok)
        http = site.http()
        with site.world.network.bent_by(LinkRule(Delay(0.5))):
            await http.send("GET", "/")
            # The server closes 90 s after its answer left; the client hears of it half a second later.
            await trio.sleep(89.2)
            assert (await http.send("GET", "/")).status == 200
        assert site.connections == 2

    at_site(body)


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_is_not_kept_where_the_server_says_so(tls):
    async def last(_):
        return Response(200, [("Connection", "close")], b"bye")

    async def body(site):
        site.serve(last, 443, pki.server_tls() if tls else None)
        http = site.http("https://server" if tls else "http://server:443", pki.client_tls())
        for _ in range(3):
            assert (await http.send("GET", "/")).body == b"bye"
        assert site.connections == 3

    at_site(body)


def test_closing_a_client_closes_its_connections():
    async def body(site):
        site.serve(ok)
        http = site.http()
        await http.send("GET", "/")
        await http.aclose()
        await http.aclose()
        await trio.sleep(1)
        with pytest.raises(trio.ClosedResourceError):
            await site.streams[0].receive_some()
        # It may be used again all the same.
        assert (await http.send("GET", "/")).status == 200

    at_site(body)


# --- no answer ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (saying(), "EOF"),
        (saying(then="reset"), "read: connection reset by peer"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "unexpected EOF"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), "unexpected EOF"),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", then="reset"),
            "read: connection reset by peer",
        ),
    ],
    ids=["hangs up", "resets", "half a body", "half a chunk", "resets in the body"],
)
def test_an_answer_that_does_not_come_whole(script, problem):
    assert problem_of(script) == problem


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"\x15\x03\x01\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_http(said):
    assert problem_of(saying(said)).startswith("net/http: HTTP/1.x transport connection broken: ")


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_connection_that_breaks_before_the_request_is_sent_fails_in_writing(verb):
    async def body(site):
        listener = site.server.listen(80)

        async def accept():
            (await listener.accept()).reset()

        site.world.nursery.start_soon(accept)
        with pytest.raises(RequestFailed) as caught:
            await site.http().send(verb, "/x")
        return caught.value.problem

    assert at_site(body) in ("write: connection reset by peer", "read: connection reset by peer")


def test_a_reset_between_dialling_and_asking_is_an_error_of_writing():
    class Dialer:
        def __init__(self, inner):
            self.inner = inner

        async def dial(self, host, port):
            stream = await self.inner.dial(host, port)
            stream.reset()
            return stream

    async def body(site):
        site.serve(ok)
        http = HttpClient(Dialer(site.client.dialer), URL, site.client.clock)
        with pytest.raises(RequestFailed) as caught:
            await http.send("POST", "/x", body=b"{}")
        return str(caught.value)

    assert at_site(body) == f'Post "{URL}/x": write: connection reset by peer'


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://server:81", "dial tcp 10.0.0.1:81: connect: connection refused"),
        ("http://nowhere.example:80", "dial tcp: lookup nowhere.example: no such host"),
        ("http://10.9.9.9:80", "dial tcp 10.9.9.9:80: connect: no route to host"),
        ("http://[fd00::9]:80", "dial tcp [fd00::9]:80: connect: no route to host"),
        ("https://server:80", "http: server gave HTTP response to HTTPS client"),
        (
            "https://server:443",
            "tls: failed to verify certificate: x509: certificate is valid for elsewhere, not server",
        ),
    ],
)
def test_where_no_connection_can_be_made_the_error_is_gos(url, problem):
    async def body(site):
        site.serve(ok)
        site.serve(ok, 443, pki.server_tls("elsewhere"))
        with pytest.raises(RequestFailed) as caught:
            await site.http(url, pki.client_tls()).send("DELETE", '/a?b="c"')
        assert isinstance(caught.value, RemoteProtocolError)
        return str(caught.value)

    assert at_site(body) == f'Delete "{url}/a?b=\\"c\\"": {problem}'


def test_plain_http_to_an_https_port_is_answered_with_a_bad_request():
    async def body(site):
        site.serve(ok, 443, pki.server_tls())
        answered = await site.http("http://server:443").send("GET", "/")
        return answered.status, answered.body

    assert at_site(body) == (400, b"Client sent an HTTP request to an HTTPS server.\n")


# --- timeouts -----------------------------------------------------------------------------


async def silent(stream):
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (silent, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Le", then=""),
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        ),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", then=""),
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)",
        ),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 99, seconds_between=1),
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)",
        ),
    ],
    ids=["silence", "half a head", "half a body", "a body drop by drop"],
)
def test_a_request_with_a_timeout_ends_by_then(script, problem):
    assert problem_of(script, timeout_seconds=10) == problem


def test_a_timeout_is_kept_to_the_moment_and_its_connection_is_given_up():
    async def body(site):
        async def slow(request):
            await trio.sleep(30)
            return await ok(request)

        site.serve(slow)
        http = site.http()
        began = site.world.clock.elapsed()
        with pytest.raises(RequestFailed, match="context deadline exceeded"):
            await http.send("GET", "/", timeout_seconds=10)
        assert site.world.clock.elapsed() - began == 10
        assert (await http.send("GET", "/", timeout_seconds=31)).status == 200
        assert site.connections == 2

    at_site(body)


def test_a_request_without_a_timeout_waits_for_as_long_as_it_takes():
    async def body(site):
        async def very_slow(request):
            await trio.sleep(7 * 86400)
            return await ok(request)

        site.serve(very_slow)
        assert (await site.http().send("GET", "/")).status == 200
        return site.world.clock.elapsed()

    assert at_site(body) == 7 * 86400


def test_dialling_is_given_up_after_gos_thirty_seconds():
    async def body(site):
        site.serve(ok)
        with site.world.network.bent_by(LinkRule(Drop())), pytest.raises(RequestFailed) as caught:
            await site.http().send("GET", "/")
        return str(caught.value), site.world.clock.elapsed()

    assert at_site(body) == (f'Get "{URL}/": dial tcp server:80: i/o timeout', 30)


def test_a_handshake_is_given_up_after_gos_ten_seconds():
    async def body(site):
        site.script(silent)
        with pytest.raises(RequestFailed) as caught:
            await site.http("https://server:80", ClientTls(None)).send("GET", "/")
        return caught.value.problem, site.world.clock.elapsed()

    assert at_site(body) == ("net/http: TLS handshake timeout", 10)


def test_a_requests_own_timeout_comes_before_those_of_dialling_and_handshake():
    async def body(site):
        site.script(silent)
        for cut in (LinkRule(Drop()), LinkRule(Delay(0))):
            with site.world.network.bent_by(cut), pytest.raises(RequestFailed) as caught:
                await site.http("https://server:80", ClientTls(None)).send("GET", "/", timeout_seconds=5)
            assert "Client.Timeout exceeded while awaiting headers" in caught.value.problem
        return site.world.clock.elapsed()

    assert at_site(body) == 10


# --- the API client ------------------------------------------------------------------------


def test_every_verb_asks_as_client_go_does():
    async def body(site):
        site.serve(ok)
        api = site.api(token="abcdef.0123456789abcdef", timeout_seconds=10)
        calls = [
            (api.get("/api/v1/nodes/a"), "GET", None),
            (api.create("/api/v1/nodes", {"a": 1}), "POST", "application/json"),
            (api.update("/api/v1/nodes/a", {"a": 1}), "PUT", "application/json"),
            (api.patch("/api/v1/nodes/a", {"a": 1}), "PATCH", "application/strategic-merge-patch+json"),
            (api.delete("/api/v1/nodes/a"), "DELETE", None),
        ]
        for call, verb, kind in calls:
            assert await call == {"ok": True}
            request = site.requests[-1]
            assert request.method == verb
            assert request.target.endswith("?timeout=10s")
            assert request.headers["user-agent"] == "tests/1"
            assert request.headers["accept"] == "application/json"
            assert request.headers["authorization"] == "Bearer abcdef.0123456789abcdef"
            assert request.headers.get("content-type") == kind
            assert json.loads(request.body or b"null") == ({"a": 1} if kind else None)

    at_site(body)


def test_a_client_without_token_and_timeout_sends_neither():
    async def body(site):
        site.serve(ok)
        await site.api().get("/a", limit="5", fieldSelector="metadata.name=x")
        assert "authorization" not in site.requests[0].headers
        assert site.requests[0].target == "/a?fieldSelector=metadata.name%3Dx&limit=5"

    at_site(body)


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, max_size=3
    )
)
def test_any_name_in_a_path_arrives_as_it_was_meant(names):
    path = "/" + "/".join(name.replace("/", "") or "x" for name in names)

    async def body(site):
        site.serve(ok)
        await site.api().get(path, q=path)
        assert site.requests[0].path == path
        assert site.requests[0].query == {"q": path}

    at_site(body)


def answering(status, content):
    async def handler(_):
        return Response(status, [], content)

    async def body(site):
        site.serve(handler)
        with pytest.raises((ApiError, RequestFailed)) as caught:
            await site.api().get("/api/v1/nodes/a")
        return caught.value

    return at_site(body)


def test_a_status_of_failure_is_an_api_error():
    content = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'nodes "a" not found',
        "reason": "NotFound",
        "details": {"name": "a", "kind": "nodes"},
        "code": 404,
    }
    error = answering(404, json.dumps(content).encode())
    assert isinstance(error, ApiError)
    assert str(error) == 'nodes "a" not found'
    assert (error.code, error.reason) == (404, "NotFound")
    assert error.details == {"name": "a", "kind": "nodes"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"1",
        b'{"kind": "Pod"}',
        b'{"kind": 5}',
        b"{",
    ],
)
@pytest.mark.parametrize("code", [400, 401, 403, 404, 500, 503])
def test_a_refusal_that_is_no_status_is_an_api_error_all_the_same(code, content):
    error = answering(code, content)
    assert isinstance(error, ApiError)
    assert error.code == code
    if code == 404:
        assert str(error) == "the server could not find the requested resource"
    else:
        assert str(error).startswith("an error on the server (")


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"\xff\xfe", b"[]", b"null", b"1", b'"x"', b"{", b"[" * 100_000]
)
def test_an_answer_of_success_that_is_no_object_is_a_failed_request(content):
    error = answering(200, content)
    assert isinstance(error, RequestFailed)
    assert error.problem.startswith("the answer is not ")


# --- watches ------------------------------------------------------------------------------


def line(kind, name):
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}}}).encode() + b"\n"


def event(kind, name):
    return WatchEvent(kind, {"metadata": {"name": name}})


def chunked(*chunks, end=True):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + sent + (b"0\r\n\r\n" if end else b"")


async def watched(site, seen):
    async with site.api().watch("/w", resourceVersion="5") as events:
        async for one in events:
            seen.append(one)


def watching(script):
    """The events of a watch that a server answers so, and the error at its end."""

    async def body(site):
        site.script(script)
        seen = []
        try:
            await watched(site, seen)
        except RequestFailed as error:
            return seen, error.problem
        return seen, ""

    return at_site(body)


ALL = b"".join([line("ADDED", "a"), line("MODIFIED", "b"), line("BOOKMARK", "c"), line("DELETED", "d")])
EVENTS = [event("ADDED", "a"), event("MODIFIED", "b"), event("BOOKMARK", "c"), event("DELETED", "d")]


@pytest.mark.parametrize("size", [1, 2, 7, 50, 1000])
def test_events_are_read_however_they_are_cut_into_chunks(size):
    chunks = [ALL[at : at + size] for at in range(0, len(ALL), size)]
    assert watching(saying(chunked(*chunks))) == (EVENTS, "")


def test_empty_lines_and_carriage_returns_between_events_mean_nothing():
    assert watching(saying(chunked(b"\n\r\n" + ALL.replace(b"\n", b"\r\n\n")))) == (EVENTS, "")


def test_events_come_when_they_are_sent():
    async def handler(_):
        async def body():
            for name in "abc":
                yield line("ADDED", name)
                await trio.sleep(60)

        return Response(200, [], body())

    async def body(site):
        site.serve(handler)
        moments = []
        async with site.api().watch("/w", a="b") as events:
            assert site.requests[0].target == "/w?a=b&watch=true"
            async for one in events:
                moments.append((site.world.clock.elapsed(), one.object["metadata"]["name"]))
        return moments

    assert at_site(body) == [(0, "a"), (60, "b"), (120, "c")]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (saying(chunked(ALL, end=False)), "unexpected EOF"),
        (saying(chunked(ALL, end=False), then="reset", seconds_between=1), "read: connection reset by peer"),
        (saying(chunked(ALL + b'{"type": "ADD', end=False)), "unexpected EOF"),
        (saying(chunked(ALL + b'{"type": "ADD')), ""),
    ],
    ids=["hangs up", "resets", "hangs up in a line", "ends in a line"],
)
def test_a_watch_that_is_cut_gives_what_came_before(script, problem):
    assert watching(script) == (EVENTS, problem)


@pytest.mark.parametrize("garbage", [b"garbage", b"{", b"\xff", b'"x', b"[" * 100_000])
def test_a_line_that_is_no_event_ends_the_watch_as_a_failed_request(garbage):
    seen, problem = watching(saying(chunked(ALL + garbage + b"\n" + ALL)))
    assert seen == EVENTS
    assert problem == "unable to decode an event from the watch stream"


def test_a_refused_watch_is_an_api_error():
    async def handler(_):
        return Response(403, [], b'{"kind": "Status", "message": "no", "reason": "Forbidden", "code": 403}')

    async def body(site):
        site.serve(handler)
        with pytest.raises(ApiError, match=r"^no$"):
            await watched(site, [])

    at_site(body)


def test_who_leaves_a_watch_hangs_up():
    async def handler(_):
        async def body():
            yield line("ADDED", "a")
            await trio.sleep_forever()

        return Response(200, [], body())

    async def body(site):
        site.serve(handler)
        async with site.api().watch("/w") as events:
            async for _ in events:
                break
        await trio.sleep(1)
        with pytest.raises(trio.ClosedResourceError):
            await site.streams[0].receive_some()
        with trio.move_on_after(5) as waiting:
            await watched(site, [])
        assert waiting.cancelled_caught

    at_site(body)
