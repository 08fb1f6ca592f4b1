import pytest
import trio

from joinsim.api.objects import CONFIG_MAPS, NODES, SECRETS
from joinsim.controlplane.store import ChangeType, Store
from joinsim.errors import ApiError
from joinsim.world import Seed
from tests.controlplane.api import SetClock


def a_store(**options):
    return Store(SetClock(), Seed(1).stream("uids"), **options)


def a_thing(name="x", value="1", namespace="ns", **metadata):
    return {"metadata": {"name": name, "namespace": namespace, **metadata}, "data": {"value": value}}


def version(stored):
    return int(stored["metadata"]["resourceVersion"])


def refusal(call, *arguments):
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    return caught.value.code, caught.value.reason


def test_every_write_takes_the_next_number_of_one_counter():
    store = a_store()
    first = store.create(CONFIG_MAPS, a_thing())
    second = store.create(NODES, {"metadata": {"name": "n"}})
    third = store.update(CONFIG_MAPS, a_thing(value="2"))
    assert [version(stored) for stored in (first, second, third)] == [1, 2, 3]
    store.delete(NODES, "n")
    assert store.version == 4


def test_what_is_stored_is_found_by_kind_namespace_and_name():
    store = a_store()
    stored = store.create(CONFIG_MAPS, a_thing())
    assert store.get(CONFIG_MAPS, "x", "ns") == stored
    assert store.get(CONFIG_MAPS, "x", "other") is None
    assert store.get(CONFIG_MAPS, "X", "ns") is None
    assert store.get(SECRETS, "x", "ns") is None


def test_all_comes_by_namespace_and_name():
    store = a_store()
    for name, namespace in (("b", "2"), ("a", "2"), ("c", "1")):
        store.create(CONFIG_MAPS, a_thing(name, namespace=namespace))
    names = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in store.all(CONFIG_MAPS)]
    assert names == [("1", "c"), ("2", "a"), ("2", "b")]
    assert [item["metadata"]["name"] for item in store.all(CONFIG_MAPS, "2")] == ["a", "b"]
    assert store.all(SECRETS) == []


def test_uids_are_version_4_and_differ():
    store = a_store()
    uids = {store.create(CONFIG_MAPS, a_thing(str(index)))["metadata"]["uid"] for index in range(50)}
    assert len(uids) == 50
    assert all(uid[14] == "4" and uid[19] in "89ab" for uid in uids)


def test_a_second_life_has_a_uid_of_its_own():
    store = a_store()
    first = store.create(CONFIG_MAPS, a_thing())
    store.delete(CONFIG_MAPS, "x", "ns")
    assert store.create(CONFIG_MAPS, a_thing())["metadata"]["uid"] != first["metadata"]["uid"]


def test_what_is_there_is_not_created_again():
    store = a_store()
    store.create(CONFIG_MAPS, a_thing())
    assert refusal(store.create, CONFIG_MAPS, a_thing(value="2")) == (409, "AlreadyExists")
    assert store.version == 1


def test_what_is_gone_is_neither_updated_nor_deleted():
    store = a_store()
    assert refusal(store.update, CONFIG_MAPS, a_thing()) == (404, "NotFound")
    assert refusal(store.delete, CONFIG_MAPS, "x", "ns") == (404, "NotFound")
    assert store.version == 0


def test_an_update_names_the_stored_version_or_none():
    store = a_store()
    store.create(CONFIG_MAPS, a_thing())
    assert refusal(store.update, CONFIG_MAPS, a_thing(value="2", resourceVersion="0")) == (409, "Conflict")
    assert refusal(store.update, CONFIG_MAPS, a_thing(value="2", resourceVersion="2")) == (409, "Conflict")
    assert refusal(store.update, CONFIG_MAPS, a_thing(value="2", resourceVersion="01")) == (409, "Conflict")
    assert version(store.update(CONFIG_MAPS, a_thing(value="2", resourceVersion="1"))) == 2
    assert version(store.update(CONFIG_MAPS, a_thing(value="3"))) == 3


def test_an_update_that_changes_nothing_is_no_write():
    store = a_store()
    stored = store.create(CONFIG_MAPS, a_thing())
    assert store.update(CONFIG_MAPS, stored) == stored
    assert store.update(CONFIG_MAPS, a_thing()) == stored
    assert store.version == 1
    assert store.changed_at(CONFIG_MAPS) == 1


def test_what_was_stored_never_changes_in_place():
    store = a_store()
    first = store.create(CONFIG_MAPS, a_thing(labels={"a": "b"}))
    store.update(CONFIG_MAPS, a_thing(value="2"))
    store.delete(CONFIG_MAPS, "x", "ns")
    assert first["data"] == {"value": "1"}
    assert version(first) == 1


def test_changed_at_is_told_for_each_kind_by_itself():
    store = a_store()
    assert store.changed_at(NODES) == 0
    store.create(NODES, {"metadata": {"name": "n"}})
    store.create(CONFIG_MAPS, a_thing())
    assert store.changed_at(NODES) == 1
    store.delete(NODES, "n")
    assert store.changed_at(NODES) == 3


def test_the_history_tells_every_change_after_a_version():
    store = a_store()
    store.create(CONFIG_MAPS, a_thing())
    store.update(CONFIG_MAPS, a_thing(value="2"))
    store.delete(CONFIG_MAPS, "x", "ns")
    changes = store.changes_after(0)
    assert [(change.version, change.type) for change in changes] == [
        (1, ChangeType.ADDED),
        (2, ChangeType.MODIFIED),
        (3, ChangeType.DELETED),
    ]
    assert changes[1].previous == changes[0].object
    assert changes[2].object["data"] == {"value": "2"}
    assert version(changes[2].object) == 3
    assert [change.version for change in store.changes_after(2)] == [3]
    assert store.changes_after(3) == []


@pytest.mark.parametrize(("since", "told"), [(5, []), (4, [5]), (2, [3, 4, 5])])
def test_a_bounded_history_reaches_back_so_far(since, told):
    store = a_store(history_length=3)
    for name in "abcde":
        store.create(CONFIG_MAPS, a_thing(name))
    assert [change.version for change in store.changes_after(since)] == told


@pytest.mark.parametrize("since", [0, 1])
def test_what_is_older_than_the_history_has_expired(since):
    store = a_store(history_length=3)
    for name in "abcde":
        store.create(CONFIG_MAPS, a_thing(name))
    with pytest.raises(ApiError, match=rf"^too old resource version: {since} \(2\)$") as caught:
        store.changes_after(since)
    assert (caught.value.code, caught.value.reason) == (410, "Expired")


def test_an_empty_history_reaches_back_to_now():
    assert a_store().changes_after(0) == []


def test_a_follower_receives_the_changes_of_its_kind_only_and_no_more_after_it_left(play):
    async def body(world):
        store = a_store()
        store.create(CONFIG_MAPS, a_thing("before"))
        with store.follow(CONFIG_MAPS) as changes:
            store.create(SECRETS, a_thing("secret"))
            store.create(CONFIG_MAPS, a_thing("after"))
            assert (await changes.receive()).object["metadata"]["name"] == "after"
            with pytest.raises(trio.WouldBlock):
                changes.receive_nowait()
        store.create(CONFIG_MAPS, a_thing("late"))
        with pytest.raises(trio.ClosedResourceError):
            changes.receive_nowait()

    play(body)


def test_the_time_of_creation_stays_whatever_an_update_says():
    store = a_store()
    stored = store.create(CONFIG_MAPS, a_thing())
    changed = store.update(CONFIG_MAPS, a_thing(value="2", uid="u", creationTimestamp="2001-01-01T00:00:00Z"))
    for field in ("uid", "creationTimestamp"):
        assert changed["metadata"][field] == stored["metadata"][field]


def test_every_follower_receives_every_change(play):
    async def body(world):
        store = a_store()
        with store.follow(CONFIG_MAPS) as one, store.follow(CONFIG_MAPS) as other:
            store.create(CONFIG_MAPS, a_thing())
            assert (await one.receive()) == (await other.receive())

    play(body)
