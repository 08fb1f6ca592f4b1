import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.controlplane.api import CONFIG_MAPS_PATH, Api, a_config_map

EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


def with_config_maps(*names, **fields):
    api = Api(**fields)
    for name in names:
        api.ask("POST", CONFIG_MAPS_PATH, a_config_map(name))
    return api


def names_of(answer):
    return [item["metadata"]["name"] for item in answer.body["items"]]


def token_of(answer):
    return answer.body["metadata"].get("continue", "")


def read_token(token):
    return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))


def made_token(**fields):
    packed = json.dumps({"v": "meta.k8s.io/v1", "rv": 1, "start": "/a\0", **fields}).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def test_a_chunk_says_where_to_go_on_and_how_much_is_left():
    api = with_config_maps("a", "b", "c")
    first = api.ask("GET", f"{CONFIG_MAPS_PATH}?limit=1")
    assert names_of(first) == ["a"]
    version = int(first.body["metadata"]["resourceVersion"])
    assert read_token(token_of(first)) == {"v": "meta.k8s.io/v1", "rv": version, "start": "/a\0"}
    assert first.body["metadata"]["remainingItemCount"] == 2
    last = api.ask("GET", f"{CONFIG_MAPS_PATH}?limit=2&continue={token_of(first)}")
    assert names_of(last) == ["b", "c"]
    assert last.body["metadata"] == {"resourceVersion": str(version)}


def test_in_all_namespaces_a_token_names_the_namespace():
    first = Api().ask("GET", "/api/v1/configmaps?limit=1")
    assert read_token(token_of(first))["start"].split("/")[1] == "kube-public"


def test_namespaces_are_in_the_order_of_the_keys_that_hold_their_objects():
    """``team-a/`` stands before ``team/``, since a hyphen stands before a slash."""
    api = Api()
    for namespace in ("team", "team-a"):
        api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        api.ask("POST", f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "x"}})
    target, token, found = "/api/v1/configmaps?limit=1&continue=", "", []
    while True:
        answer = api.ask("GET", target + token)
        found += [item["metadata"]["namespace"] for item in answer.body["items"]]
        token = token_of(answer)
        if not token:
            break
    assert found[-2:] == ["team-a", "team"]
    assert found == [
        each["metadata"]["namespace"] for each in api.ask("GET", "/api/v1/configmaps").body["items"]
    ]


def test_how_much_is_left_is_not_counted_where_a_selector_chooses():
    answer = with_config_maps("a", "b").ask("GET", f"{CONFIG_MAPS_PATH}?limit=1&labelSelector=!x")
    assert token_of(answer)
    assert "remainingItemCount" not in answer.body["metadata"]


CHANGES = st.lists(
    st.tuples(st.sampled_from(["POST", "PUT", "DELETE"]), st.sampled_from("abcdef")), max_size=6
)


@given(st.sets(st.sampled_from("abcdef")), st.integers(1, 4), st.lists(CHANGES, min_size=6, max_size=6))
def test_the_chunks_together_are_the_list_at_the_version_of_the_first(names, limit, changes):
    api = with_config_maps(*sorted(names))
    expected = api.ask("GET", CONFIG_MAPS_PATH).body
    found, token = [], ""
    for between in changes:
        answer = api.ask("GET", f"{CONFIG_MAPS_PATH}?limit={limit}&continue={token}")
        assert answer.body["metadata"]["resourceVersion"] == expected["metadata"]["resourceVersion"]
        assert len(answer.body["items"]) <= limit
        found += answer.body["items"]
        token = token_of(answer)
        if not token:
            break
        for method, name in between:
            target = CONFIG_MAPS_PATH if method == "POST" else f"{CONFIG_MAPS_PATH}/{name}"
            api.ask(
                method, target, None if method == "DELETE" else a_config_map(name, {"at": str(len(found))})
            )
    assert found == expected["items"]


def test_an_expired_token_comes_with_one_that_goes_on_in_what_there_is_now():
    api = with_config_maps("a", "b", "c", history_length=3)
    token = token_of(api.ask("GET", f"{CONFIG_MAPS_PATH}?limit=1"))
    for count in range(5):
        api.ask("PUT", f"{CONFIG_MAPS_PATH}/c", a_config_map("c", {"count": str(count)}))
    answer = api.ask("GET", f"{CONFIG_MAPS_PATH}?limit=1&continue={token}")
    assert (answer.status, answer.body["reason"], answer.message) == (410, "Expired", EXPIRED)
    fresh = answer.body["metadata"]["continue"]
    assert read_token(fresh) == {"v": "meta.k8s.io/v1", "rv": -1, "start": "/a\0"}
    rest = api.ask("GET", f"{CONFIG_MAPS_PATH}?continue={fresh}")
    assert names_of(rest) == ["b", "c"]
    assert rest.body["items"][1]["data"] == {"count": "4"}


def test_a_list_of_an_exact_version_is_that_of_then_and_may_expire():
    api = with_config_maps("a", history_length=3)
    then = api.ask("GET", CONFIG_MAPS_PATH).body["metadata"]["resourceVersion"]
    exact = f"{CONFIG_MAPS_PATH}?resourceVersion={then}&resourceVersionMatch=Exact"
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map("b"))
    assert names_of(api.ask("GET", exact)) == ["a"]
    assert names_of(api.ask("GET", f"{CONFIG_MAPS_PATH}?resourceVersion={then}&limit=5")) == ["a"]
    assert names_of(api.ask("GET", exact.replace("Exact", "NotOlderThan"))) == ["a", "b"]
    for count in range(4):
        api.ask("PUT", f"{CONFIG_MAPS_PATH}/b", a_config_map("b", {"count": str(count)}))
    answer = api.ask("GET", exact)
    assert answer.status == 410
    assert answer.message == "The resourceVersion for the provided list is too old."
    assert answer.body["metadata"] == {}


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("zzz", r": invalid character '\xcf' looking for beginning of value"),
        ("!", ": illegal base64 data at input byte 0"),
        ("abcde", ": illegal base64 data at input byte 5"),
        (made_token(v="meta.k8s.io/v2"), ": server does not recognize this encoded version meta.k8s.io/v2"),
        (made_token(rv=0), ": incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (made_token(start=""), ": encoded start key empty (version meta.k8s.io/v1)"),
        (made_token(start="/../secrets/a"), ": /../secrets/a"),
        (made_token(start=7), ": json: cannot unmarshal into Go struct field continueToken"),
        (made_token(rv="1"), ": json: cannot unmarshal into Go struct field continueToken"),
        (base64.urlsafe_b64encode(b"[12]").decode().rstrip("="), ": json: cannot unmarshal into Go value"),
        (base64.urlsafe_b64encode(b'{"v":').decode().rstrip("="), ": unexpected end of JSON input"),
    ],
)
def test_a_token_that_is_none_is_a_bad_request(token, problem):
    answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?continue={token}")
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert answer.message.startswith(f"invalid continue token: continue key is not valid{problem}")


def test_a_token_of_a_version_that_was_never_reached_times_out():
    assert Api().ask("GET", f"{CONFIG_MAPS_PATH}?continue={made_token(rv=10**9)}").status == 504


@pytest.mark.parametrize(("version", "code"), [("0", 200), ("1", 400)])
def test_a_token_and_a_version_exclude_each_other(version, code):
    api = with_config_maps("a", "b")
    token = token_of(api.ask("GET", f"{CONFIG_MAPS_PATH}?limit=1"))
    answer = api.ask("GET", f"{CONFIG_MAPS_PATH}?continue={token}&resourceVersion={version}")
    assert answer.status == code
    if code == 400:
        assert answer.message == "specifying resource version is not allowed when using continue"


@pytest.mark.parametrize("number", ["99999999999999999999", "9223372036854775808", "-" + "9" * 5000])
def test_a_limit_beyond_all_numbers_is_a_bad_request(number):
    answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?limit={number}")
    assert (answer.status, answer.message) == (
        400,
        f'strconv.ParseInt: parsing "{number}": value out of range',
    )
