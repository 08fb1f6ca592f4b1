import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim.wire import Headers, Request, Response

# --- headers -----------------------------------------------------------------------------


def test_headers_are_found_in_any_case():
    headers = Headers([("Content-Type", "application/json")])
    assert headers["CONTENT-TYPE"] == headers["content-type"] == "application/json"
    assert "Content-TYPE" in headers
    assert headers.get("accept", "none") == "none"


def test_several_headers_of_one_name_are_one_list():
    headers = Headers([("Accept", "a"), ("X", "1"), ("ACCEPT", "b"), ("accept", "")])
    assert headers["accept"] == "a, b, "
    assert list(headers) == ["accept", "x"]
    assert len(headers) == 2


def test_a_header_that_was_not_sent_is_missing():
    with pytest.raises(KeyError):
        Headers()["authorization"]
    assert not Headers()


def test_headers_do_not_show_their_values():
    shown = repr(Headers([("Authorization", "Bearer abcdef.0123456789abcdef")]))
    assert shown == "<Headers authorization>"


# --- requests ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", {}),
        ("/api/v1", "/api/v1", {}),
        ("/api/v1?", "/api/v1", {}),
        ("/a?watch=true", "/a", {"watch": "true"}),
        ("/a?watch", "/a", {"watch": ""}),
        ("/a?x=1&x=2", "/a", {"x": "1"}),
        ("/a?x=&y=%20+z", "/a", {"x": "", "y": "  z"}),
        ("/a?b?c=d", "/a", {"b?c": "d"}),
        ("/a%20b%2Fc", "/a b/c", {}),
        ("/a%3Fb?c=d", "/a?b", {"c": "d"}),
        ("/%C3%A4", "/ä", {}),
        ("/%zz", "/%zz", {}),
        ("//a//b/", "//a//b/", {}),
        ("/a#b", "/a#b", {}),
        ("http://10.0.0.1:6443/a/b?c=d", "/a/b", {"c": "d"}),
        ("https://server", "/", {}),
        ("https://server?x=1", "/", {"x": "1"}),
        ("*", "*", {}),
        ("/a?fieldSelector=metadata.name%3Dcsr-abc", "/a", {"fieldSelector": "metadata.name=csr-abc"}),
        ("/a?x=%ff", "/a", {"x": "\ufffd"}),
    ],
)
def test_a_target_is_a_path_and_a_query(target, path, query):
    request = Request("GET", target)
    assert request.path == path
    assert request.query == query


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)).map(lambda text: "/" + text))
def test_every_target_that_begins_with_a_slash_can_be_read(target):
    request = Request("GET", target)
    assert request.path.startswith("/")
    assert all(isinstance(value, str) for value in request.query.values())


def test_a_request_does_not_show_its_body_or_its_credentials():
    request = Request("POST", "/", Headers([("Authorization", "Bearer secret")]), b"private key")
    assert "secret" not in repr(request)
    assert "private" not in repr(request)


def test_answers_do_not_share_their_headers():
    Response(200).headers.append(("A", "b"))
    assert Response(200).headers == []
