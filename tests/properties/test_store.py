"""Whoever replays the events after any version ends with the objects of a list."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from joinsim.api.objects import CONFIG_MAPS, SECRETS
from joinsim.controlplane.store import ChangeType, Store
from joinsim.errors import ApiError
from joinsim.world import Seed
from tests.controlplane.api import SetClock

KINDS = (CONFIG_MAPS, SECRETS)
kinds = st.sampled_from(KINDS)
names = st.sampled_from(["a", "b", "c"])
namespaces = st.sampled_from(["one", "two"])
values = st.sampled_from([{"v": "AAAA"}, {"v": "BBBB"}, {"v": "CCCC"}])


class StoreMachine(RuleBasedStateMachine):
    """The model is a dictionary of values, and a photograph of it after every version."""

    @initialize(history=st.sampled_from([1, 3, 8, 1000]))
    def begin(self, history):
        self.history = history
        self.store = Store(SetClock(), Seed(1).stream("uids"), history_length=history)
        self.values = {}
        self.photographs = [{}]
        self.versions_of = {}

    def wrote(self, key, value):
        """The model's own version of a write: the next number."""
        if value is None:
            del self.values[key]
            self.versions_of.pop(key)
        else:
            self.values[key] = value
            self.versions_of[key] = len(self.photographs)
        self.photographs.append(dict(self.values))

    @rule(kind=kinds, namespace=namespaces, name=names, value=values)
    def create(self, kind, namespace, name, value):
        key = (kind, namespace, name)
        new = {"metadata": {"name": name, "namespace": namespace}, "data": value}
        if key in self.values:
            with pytest.raises(ApiError) as caught:
                self.store.create(kind, new)
            assert caught.value.code == 409
            return
        self.store.create(kind, new)
        self.wrote(key, value)

    @rule(
        kind=kinds,
        namespace=namespaces,
        name=names,
        value=values,
        version=st.sampled_from(["none", "own", "old"]),
    )
    def update(self, kind, namespace, name, value, version):
        key = (kind, namespace, name)
        metadata = {"name": name, "namespace": namespace}
        own = self.versions_of.get(key, 0)
        if version != "none":
            metadata["resourceVersion"] = str(own if version == "own" else own - 1)
        new = {"metadata": metadata, "data": value}
        if key not in self.values or version == "old":
            with pytest.raises(ApiError) as caught:
                self.store.update(kind, new)
            assert caught.value.code == (409 if key in self.values else 404)
            return
        self.store.update(kind, new)
        if value != self.values[key]:
            self.wrote(key, value)

    @rule(kind=kinds, namespace=namespaces, name=names)
    def delete(self, kind, namespace, name):
        key = (kind, namespace, name)
        if key not in self.values:
            with pytest.raises(ApiError) as caught:
                self.store.delete(kind, name, namespace)
            assert caught.value.code == 404
            return
        self.store.delete(kind, name, namespace)
        self.wrote(key, None)

    @invariant()
    def a_list_holds_what_was_written(self):
        for kind in KINDS:
            listed = {
                (kind, item["metadata"]["namespace"], item["metadata"]["name"]): item["data"]
                for item in self.store.all(kind)
            }
            assert listed == {key: value for key, value in self.values.items() if key[0] is kind}
            for item in self.store.all(kind):
                key = (kind, item["metadata"]["namespace"], item["metadata"]["name"])
                assert item["metadata"]["resourceVersion"] == str(self.versions_of[key])
        assert self.store.version == len(self.photographs) - 1

    @rule(data=st.data())
    def a_replay_from_any_version_ends_with_the_list(self, data):
        since = data.draw(st.integers(0, self.store.version), label="since")
        if since < self.store.version - self.history:
            with pytest.raises(ApiError) as caught:
                self.store.changes_after(since)
            assert caught.value.code == 410
            return
        cache = dict(self.photographs[since])
        last = since
        for change in self.store.changes_after(since):
            metadata = change.object["metadata"]
            key = (change.resource, metadata["namespace"], metadata["name"])
            assert change.version == last + 1 == int(metadata["resourceVersion"])
            assert (key in cache) is (change.type is not ChangeType.ADDED)
            if change.type is ChangeType.DELETED:
                del cache[key]
            else:
                cache[key] = change.object["data"]
            assert cache == self.photographs[change.version]
            last = change.version
        assert cache == self.values


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=settings().max_examples * 2 // 5, stateful_step_count=30)
