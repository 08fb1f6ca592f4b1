from contextlib import aclosing, asynccontextmanager

import trio

from joinsim.controlplane.controllers import Informer
from joinsim.errors import ApiError
from joinsim.wire import WatchEvent


def a_thing(name, version="1", namespace="ns"):
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": version}}


class Scripted:
    """Answers each watch with the next list of events, and then with one that never says anything."""

    def __init__(self, *watches):
        self.watches = [*watches]
        self.asked = []

    @asynccontextmanager
    async def watch(self, path):
        self.asked.append(path)
        told = self.watches.pop(0) if self.watches else None
        if isinstance(told, ApiError):
            raise told
        async with aclosing(self._events(told)) as events:
            yield events

    async def _events(self, told):
        if told is None:
            await trio.sleep_forever()
        for kind, stored in told:
            yield WatchEvent(kind, stored)


def followed(play, *watches, seconds=60):
    """What a subscriber is told, and what the cache holds, when these watches have been."""

    async def body(world):
        client = Scripted(*watches)
        informer = Informer(client, "/things")
        told = []
        informer.subscribe(lambda stored, gone: told.append((stored["metadata"]["name"], gone)))
        with trio.move_on_after(seconds):
            await informer.run()
        late = []
        informer.subscribe(lambda stored, gone: late.append(stored["metadata"]["name"]))
        assert late == [key.partition("/")[2] for key in informer.objects]
        return told, sorted(informer.objects), client.asked

    return play(body)


MARK = ("BOOKMARK", {"metadata": {"resourceVersion": "9"}})


def test_a_cache_holds_what_is_there_and_tells_of_every_change(play):
    told, cached, asked = followed(
        play,
        [
            ("ADDED", a_thing("a")),
            ("ADDED", a_thing("b")),
            MARK,
            ("MODIFIED", a_thing("a", "2")),
            ("DELETED", a_thing("b", "3")),
        ],
        seconds=0.5,
    )
    assert told == [("a", False), ("b", False), ("a", False), ("b", True)]
    assert cached == ["ns/a"]
    assert asked[0] == "/things?allowWatchBookmarks=true"


def test_what_went_while_nobody_watched_is_told_when_the_next_watch_has_caught_up(play):
    told, cached, _ = followed(
        play, [("ADDED", a_thing("a")), ("ADDED", a_thing("b")), MARK], [("ADDED", a_thing("b")), MARK]
    )
    assert told == [("a", False), ("b", False), ("b", False), ("a", True)]
    assert cached == ["ns/b"]


def test_a_watch_that_is_refused_or_expires_is_begun_again(play):
    told, cached, asked = followed(
        play,
        ApiError(403, "Forbidden", "no"),
        [("ADDED", a_thing("a")), MARK, ("ERROR", {"code": 410})],
        [("ADDED", a_thing("a")), MARK],
    )
    assert told == [("a", False), ("a", False)]
    assert cached == ["ns/a"]
    assert len(asked) == 4
