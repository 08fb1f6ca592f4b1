import json
from contextlib import aclosing

import pytest
import trio

from joinsim.api.protobuf import decode_protobuf
from tests.controlplane.api import CONFIG_MAPS_PATH, CSRS, STRANGER, Api, a_config_map

ONE = f"{CONFIG_MAPS_PATH}/one"


def put(api, name="one", value="1"):
    """Create a ConfigMap, or change it; its version."""
    body = a_config_map(name, {"value": value})
    answer = api.ask("PUT", f"{CONFIG_MAPS_PATH}/{name}", body)
    if answer.status == 404:
        answer = api.ask("POST", CONFIG_MAPS_PATH, body)
    return int(answer.body["metadata"]["resourceVersion"])


def told(events):
    return [(event["type"], event["object"]["metadata"].get("name")) for event in events]


def watched(play, act, query="", **api_options):
    """The events of a watch that lasts a second, in which ``act`` is done after a moment."""

    async def body(world):
        api = Api(**api_options)
        put(api, "old")
        watch = api.follow(f"{CONFIG_MAPS_PATH}?watch=true&timeoutSeconds=1{query}")
        events = []

        async def read():
            events.extend(await watch.rest())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.sleep(0.5)
            act(api)
        return events

    return play(body)


# --- get and list -----------------------------------------------------------------------------


def test_an_object_that_is_not_there_is_named():
    answer = Api().ask("GET", ONE)
    assert (answer.status, answer.message) == (404, 'configmaps "one" not found')
    assert answer.body["details"] == {"name": "one", "kind": "configmaps"}
    answer = Api().ask("GET", f"{CSRS}/x")
    assert answer.message == 'certificatesigningrequests.certificates.k8s.io "x" not found'


def test_a_list_has_the_lists_kind_and_its_items_have_none():
    api = Api()
    put(api)
    body = api.ask("GET", CONFIG_MAPS_PATH).body
    assert (body["kind"], body["apiVersion"]) == ("ConfigMapList", "v1")
    assert body["metadata"] == {"resourceVersion": str(api.store.version)}
    (item,) = body["items"]
    assert "kind" not in item
    assert "apiVersion" not in item
    assert item["data"] == {"value": "1"}


def test_an_empty_list_is_a_list():
    assert Api().ask("GET", CONFIG_MAPS_PATH).body["items"] == []


def test_a_list_of_all_namespaces_holds_those_of_each():
    api = Api()
    put(api)
    names = [item["metadata"]["namespace"] for item in api.ask("GET", "/api/v1/configmaps").body["items"]]
    assert names == sorted(names)
    assert {"default", "kube-public", "kube-system"} == set(names)


@pytest.mark.parametrize("version", ["abc", "-1", "1.5", "0x1", " 1"])
def test_a_version_that_is_no_number_is_a_bad_request(version):
    for more in ("", "&watch=true"):
        answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?resourceVersion={version}{more}")
        assert answer.status == 400
        assert answer.message == (
            f'invalid resource version: resourceVersion: Invalid value: "{version}": strconv.ParseUint: '
            f'parsing "{version}": invalid syntax'
        )


def test_a_version_from_the_future_times_out():
    api = Api()
    now = api.store.version
    answer = api.ask("GET", f"{CONFIG_MAPS_PATH}?resourceVersion={now + 1}")
    assert answer.status == 504
    assert answer.message == f"Timeout: Too large resource version: {now + 1}, current: {now}"
    assert answer.headers["retry-after"] == "1"
    assert answer.body["details"] == {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }


@pytest.mark.parametrize("version", ["0", "", "1"])
def test_a_version_that_is_past_is_answered_with_what_is_there_now(version):
    api = Api()
    put(api)
    assert len(api.ask("GET", f"{CONFIG_MAPS_PATH}?resourceVersion={version}").body["items"]) == 1


@pytest.mark.parametrize("limit", ["0", "2", "500"])
def test_a_limit_that_is_not_reached_is_kept(limit):
    api = Api()
    put(api, "one")
    put(api, "two")
    assert len(api.ask("GET", f"{CONFIG_MAPS_PATH}?limit={limit}").body["items"]) == 2


@pytest.mark.parametrize(("parameter", "more"), [("limit", ""), ("timeoutSeconds", "&watch=true")])
def test_a_number_that_is_none_is_a_bad_request(parameter, more):
    answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?{parameter}=soon{more}")
    assert (answer.status, answer.message) == (400, 'strconv.ParseInt: parsing "soon": invalid syntax')


# --- watch --------------------------------------------------------------------------------------


def test_a_watch_from_no_version_begins_with_what_is_there(play):
    events = watched(play, lambda api: put(api, "new"))
    assert told(events) == [("ADDED", "old"), ("ADDED", "new")]
    assert events[0]["object"]["kind"] == "ConfigMap"
    assert events[0]["object"]["apiVersion"] == "v1"


def test_a_watch_tells_changes_and_deletions(play):
    def act(api):
        put(api, "old", "2")
        api.ask("DELETE", f"{CONFIG_MAPS_PATH}/old")

    events = watched(play, act)
    assert told(events) == [("ADDED", "old"), ("MODIFIED", "old"), ("DELETED", "old")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    assert events[2]["object"]["data"] == {"value": "2"}


def test_a_watch_from_a_version_tells_what_came_after_it(play):
    async def body(world):
        api = Api()
        versions = [put(api, "one", str(value)) for value in range(3)]
        watch = api.follow(f"{CONFIG_MAPS_PATH}?watch=1&resourceVersion={versions[0]}&timeoutSeconds=1")
        events = await watch.rest()
        assert [int(event["object"]["metadata"]["resourceVersion"]) for event in events] == versions[1:]
        assert {event["type"] for event in events} == {"MODIFIED"}

    play(body)


def test_a_watch_of_a_namespace_or_a_kind_tells_nothing_of_others(play):
    def act(api):
        api.ask("POST", "/api/v1/namespaces/kube-public/configmaps", a_config_map("elsewhere"))
        api.ask("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "secret"}})

    assert told(watched(play, act)) == [("ADDED", "old")]


def test_what_enters_a_selection_is_added_and_what_leaves_it_deleted(play):
    async def body(world):
        api = Api()
        path = "/api/v1/nodes"
        watch = api.follow(f"{path}?watch=1&timeoutSeconds=1&fieldSelector=spec.unschedulable%3Dtrue")
        since = api.store.version
        api.ask("POST", path, {"metadata": {"name": "n"}})
        for closed in (True, False, True):
            stored = api.ask("GET", f"{path}/n").body
            stored["spec"]["unschedulable"] = closed
            stored["metadata"]["labels"] = {"x": str(closed)}
            api.ask("PUT", f"{path}/n", stored)
        api.ask("DELETE", f"{path}/n")
        live = await watch.rest()
        replayed = await api.follow(
            f"{path}?watch=1&timeoutSeconds=1&fieldSelector=spec.unschedulable%3Dtrue&resourceVersion={since}"
        ).rest()
        # The live watch begins when it is first read, after all of this: it has nothing to tell.
        assert live == []
        assert told(replayed) == [("ADDED", "n"), ("DELETED", "n"), ("ADDED", "n"), ("DELETED", "n")]

    play(body)


def test_a_watch_ends_when_its_time_is_up(play):
    async def body(world):
        watch = Api().follow(f"{CONFIG_MAPS_PATH}?watch=1&timeoutSeconds=7")
        assert await watch.rest() == []
        return world.clock.elapsed()

    assert play(body) == pytest.approx(7)


@pytest.mark.parametrize("asked", ["", "&timeoutSeconds=0"])
def test_a_watch_without_a_time_ends_after_half_an_hour_to_an_hour(play, asked):
    async def body(world):
        api = Api()
        lasted = []
        for _ in range(5):
            began = world.clock.elapsed()
            await api.follow(f"{CONFIG_MAPS_PATH}?watch=1{asked}").rest()
            lasted.append(world.clock.elapsed() - began)
        return lasted

    lasted = play(body)
    assert all(1800 <= seconds <= 3600 for seconds in lasted)
    assert len(set(lasted)) > 1


def test_a_watch_from_before_the_history_is_told_so_and_ends(play):
    async def body(world):
        api = Api(history_length=5)
        watch = api.follow(f"{CONFIG_MAPS_PATH}?watch=1&resourceVersion=1")
        oldest = api.store.version - 5
        (event,) = await watch.rest()
        assert event["type"] == "ERROR"
        assert event["object"] == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": f"too old resource version: 1 ({oldest})",
            "reason": "Expired",
            "code": 410,
        }

    play(body)


def initial_events_end(event):
    return event["object"]["metadata"].get("annotations", {}).get("k8s.io/initial-events-end")


@pytest.mark.parametrize(
    "query",
    [
        "&allowWatchBookmarks=true",
        "&allowWatchBookmarks=true&resourceVersion=0",
        "&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        "&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=1",
    ],
)
def test_a_bookmark_ends_the_initial_events(play, query):
    events = watched(play, lambda api: put(api, "new"), query)
    assert told(events) == [("ADDED", "old"), ("BOOKMARK", None), ("ADDED", "new")]
    bookmark = events[1]
    assert initial_events_end(bookmark) == "true"
    assert set(bookmark["object"]) == {"kind", "apiVersion", "metadata"}
    assert bookmark["object"]["kind"] == "ConfigMap"
    assert (
        bookmark["object"]["metadata"]["resourceVersion"]
        == events[0]["object"]["metadata"]["resourceVersion"]
    )


def test_a_bookmark_is_sent_to_nobody_who_did_not_allow_one(play):
    query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    assert told(watched(play, lambda api: None, query)) == [("ADDED", "old")]


def test_a_watch_that_wants_no_initial_events_gets_none(play):
    query = "&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    assert told(watched(play, lambda api: put(api, "new"), query)) == [("ADDED", "new")]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (
            "sendInitialEvents=true",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            "resourceVersionMatch=NotOlderThan",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    ],
)
def test_initial_events_and_version_match_go_together(query, problem):
    answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?watch=1&{query}")
    assert answer.status == 422
    assert answer.message == (
        f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: {problem}'
    )
    assert answer.body["details"]["kind"] == "ListOptions"
    assert answer.body["details"]["group"] == "meta.k8s.io"
    assert answer.body["details"]["causes"][0]["field"] == "resourceVersionMatch"


def test_a_watch_of_one_object_follows_it_alone(play):
    events = watched(play, lambda api: put(api, "new"), "&fieldSelector=metadata.name%3Dnew")
    assert told(events) == [("ADDED", "new")]


def test_the_old_way_to_watch_works_too(play):
    async def body(world):
        api = Api()
        put(api)
        watch = api.follow("/api/v1/watch/namespaces/default/configmaps?timeoutSeconds=1")
        assert told(await watch.rest()) == [("ADDED", "one")]
        assert watch.headers["Content-Type"] == "application/json"

    play(body)


def test_a_watch_is_refused_to_those_who_may_not():
    answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?watch=1", by=STRANGER)
    assert answer.message.startswith('configmaps is forbidden: User "stranger" cannot watch resource')


# --- bookmarks, and watches in other forms -------------------------------------------------


def test_bookmarks_come_every_minute_and_shortly_before_the_end(play):
    async def body(world):
        api = Api()
        put(api, "old")
        version = api.store.version
        began = trio.current_time()
        query = f"watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=130"
        watch, times = api.follow(f"{CONFIG_MAPS_PATH}?{query}"), []
        async for line in watch.lines:
            event = json.loads(line)
            assert event["type"] == "BOOKMARK"
            assert initial_events_end(event) is None
            assert event["object"]["metadata"]["resourceVersion"] == str(api.store.version)
            times.append(trio.current_time() - began)
            # What changes elsewhere moves the version on, and is no event.
            api.ask("POST", "/api/v1/nodes", {"metadata": {"name": f"n{len(times)}"}})
        return times

    assert play(body) == [60, 120, 128]


def test_a_bookmark_never_overtakes_a_change(play):
    """A client that reads slowly finds both waiting: the bookmark says that all before it was told."""

    async def body(world):
        api = Api()
        query = f"watch=1&allowWatchBookmarks=true&resourceVersion={api.store.version}&timeoutSeconds=200"
        put(api, "early")
        watch = api.follow(f"{CONFIG_MAPS_PATH}?{query}")
        async with aclosing(watch.lines):
            events = [await watch.next()]
            await trio.sleep(70)
            put(api, "late")
            return told([*events, await watch.next(), await watch.next()])

    assert play(body) == [("ADDED", "early"), ("ADDED", "late"), ("BOOKMARK", None)]


def test_a_watch_in_protobuf_is_made_of_frames(play):
    async def body(world):
        api = Api()
        put(api, "old")
        accept = [("Accept", "application/vnd.kubernetes.protobuf,application/json")]
        watch = api.follow(f"{CONFIG_MAPS_PATH}?watch=1&timeoutSeconds=1", headers=accept)
        assert watch.headers["Content-Type"] == "application/vnd.kubernetes.protobuf;stream=watch"
        return [frame async for frame in watch.lines]

    (frame,) = play(body)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    stored = frame[frame.index(b"k8s\x00") :]
    assert decode_protobuf(stored)["metadata"]["name"] == "old"
    assert b"ADDED" in frame[:20]


def test_the_end_of_the_history_is_told_in_protobuf_too(play):
    async def body(world):
        accept = [("Accept", "application/vnd.kubernetes.protobuf")]
        watch = Api(history_length=5).follow(f"{CONFIG_MAPS_PATH}?watch=1&resourceVersion=1", headers=accept)
        return [frame async for frame in watch.lines]

    (frame,) = play(body)
    said = decode_protobuf(frame[frame.index(b"k8s\x00") :])
    assert (b"ERROR" in frame[:20], said["kind"], said["code"]) == (True, "Status", 410)


def test_a_watch_of_tables_tells_its_columns_once(play):
    async def body(world):
        api = Api()
        put(api, "old")
        accept = [("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")]
        query = "watch=1&allowWatchBookmarks=true&timeoutSeconds=1"
        watch = api.follow(f"{CONFIG_MAPS_PATH}?{query}", headers=accept)
        return await watch.rest()

    added, bookmark = play(body)
    assert [column["name"] for column in added["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert [row["cells"][0] for row in added["object"]["rows"]] == ["old"]
    assert (bookmark["type"], bookmark["object"]["rows"]) == ("BOOKMARK", [])
    assert bookmark["object"]["columnDefinitions"] is None


@pytest.mark.parametrize("version", [2**64, "9" * 5000], ids=["one-more", "huge"])
def test_a_version_beyond_all_numbers_is_a_bad_request(version):
    answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?resourceVersion={version}")
    assert (answer.status, answer.message.rpartition(": ")[2]) == (400, "value out of range")
