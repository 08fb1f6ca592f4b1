"""The engine's requests against those that kubeadm and the kubelet put on the wire."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import trio

from joinsim.backends import FakeGround
from joinsim.join import Discovery, FileDiscovery, NodeRegistration
from tests.conformance.recorded import kubeadm_divergences as divergences
from tests.conformance.recorded.recordings import normal
from tests.conformance.recorded.replay import Situation
from tests.pair import JoinPair

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "recorded" / "wire" / "join.jsonl").read_text().splitlines()
]


@pytest.fixture(scope="module")
def sent():
    """The requests of a join by a discovery file with a token in it, as the recorded one was."""
    overheard = []

    async def body(world):
        pair = await JoinPair.create(world, worker="machine", overhear=overheard.append, port=16443)
        situation = Situation(pair)
        await situation.files_on_disk()
        await situation.nobody_approves()
        overheard.clear()
        file = FileDiscovery("/root/conf/disc-proxy.yaml")
        registration = NodeRegistration("w40")
        with trio.move_on_after(5):
            await pair.join(pair.pinned(discovery=Discovery(file=file), node_registration=registration))

    FakeGround().run(body, seed=36)
    return overheard


def shape(path):
    return re.sub(r"\?.*", "", path)


def counterpart(sent, recorded):
    for request in sent:
        if (request.method, shape(request.target)) == (recorded["method"], shape(recorded["path"])):
            return request
    return None


COMPARED = [
    recorded
    for recorded in RECORDED
    if "watch=true" not in recorded["path"] or "certificatesigning" in recorded["path"]
]


@pytest.mark.parametrize("recorded", COMPARED, ids=lambda r: f"{r['method']} {shape(r['path'])}")
def test_a_request_has_the_recorded_headers_but_for_the_declared_ones(sent, recorded):
    request = counterpart(sent, recorded)
    assert request is not None
    assert normal(request.target) == normal(recorded["path"])
    expected = dict(recorded["headers"])
    agent = expected.pop("User-Agent")
    found = {name.title(): request.headers[name] for name in request.headers}
    ours = found.pop("User-Agent")
    assert re.sub(r"v[0-9.]+|\S+$", "", ours) == re.sub(r"v[0-9.]+|\S+$", "", agent)
    for name, (theirs, instead, _) in divergences.HEADERS.items():
        assert expected.pop(name, theirs) == theirs
        assert found.pop(name, instead) == instead
    # How long the body is follows from its encoding.
    assert bool(expected.pop("Content-Length", "")) == bool(found.pop("Content-Length", ""))
    assert {name: normal(value) for name, value in found.items()} == {
        name: normal(value) for name, value in expected.items()
    }


@pytest.mark.parametrize("name", divergences.HEADERS)
def test_a_header_is_declared_only_where_it_differs(sent, name):
    theirs, ours, _ = divergences.HEADERS[name]
    assert theirs in [dict(recorded["headers"]).get(name) for recorded in COMPARED]
    assert ours in [request.headers.get(name.lower()) for request in sent]
    assert theirs != ours
