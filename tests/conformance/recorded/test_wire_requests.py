"""What kubeadm and a kubelet really put on the wire, protobuf bodies included, asked of the fake.

The recorder stood between the two and could not pass the kubelet's client certificate on, so
what the kubelet asked after its bootstrap was asked by nobody, and refused. Who asks with the
right to do so is therefore tried besides: then a request must be understood.
"""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from pathlib import Path

import pytest

from joinsim.api.protobuf import decode_protobuf
from joinsim.backends import FakeGround
from joinsim.wire import ClientTls
from tests.conformance.recorded.comparing import normal, replaced
from tests.conformance.recorded.divergences import VOLATILE_TEXT, WIRE_OF_ANOTHER_CLUSTER, WIRE_UNSERVED
from tests.conformance.recorded.stage import Stage
from tests.controlplane.api import Api, node

FILE = Path(__file__).parents[2] / "recorded" / "wire" / "kubeadm-and-kubelet.jsonl"
RECORDED = [json.loads(line) for line in FILE.read_text().splitlines()]


def resource_of(recorded):
    path = re.sub(r"\?.*", "", recorded["path"])
    return re.search(r"v1/(?:namespaces/[^/]+/)?(\w+)", path)[1]


def packed(body):
    return base64.b64decode(body["base64"]) if isinstance(body, dict) else body.encode()


def headers_of(recorded):
    return [(name, value) for name, value in recorded["headers"] if name not in ("Host", "Content-Length")]


NUMBERED = [
    pytest.param(number, id=f"{number} {recorded['method']} {resource_of(recorded)}")
    for number, recorded in enumerate(RECORDED)
]


@cache
def answers():
    async def talk(world):
        stage = await Stage.set(world, node="w40")
        names, found = {}, []
        for recorded in RECORDED:
            target = recorded["path"]
            for theirs, ours in names.items():
                target = target.replace(theirs, ours)
            answer = await stage.send(
                ClientTls(None), recorded["method"], target, headers_of(recorded), packed(recorded["body"])
            )
            if answer.status == 201:
                theirs, ours = map(decode_protobuf, (packed(recorded["resp_body"]), answer.body))
                names[theirs["metadata"]["name"]] = ours["metadata"]["name"]
            found.append(answer)
        return found

    return FakeGround().run(talk, seed=36)


@pytest.mark.parametrize("number", NUMBERED)
def test_the_answer_is_the_recorded_one(number):
    recorded, answer = RECORDED[number], answers()[number]
    expected = dict(recorded["resp_headers"])
    found = {name.title(): value for name, value in answer.headers.items()}
    assert answer.status == recorded["status"]
    for name in ("Content-Type", "Cache-Control", "X-Content-Type-Options"):
        assert found.get(name) == expected.get(name)
    ours, theirs = decode_protobuf(answer.body), decode_protobuf(packed(recorded["resp_body"]))
    if any(name in recorded["path"] for name in WIRE_OF_ANOTHER_CLUSTER):
        assert ours.pop("data").keys() == theirs.pop("data").keys()
        for metadata in (ours["metadata"], theirs["metadata"]):
            metadata.pop("annotations", None)
    for each in theirs.get("items", []):
        # The recorded controller manager was faster: it had approved and signed by then.
        each["status"] = ours["items"][0]["status"]
    assert replaced(VOLATILE_TEXT, "*", normal(ours)) == replaced(VOLATILE_TEXT, "*", normal(theirs))


def test_most_answers_are_in_protobuf():
    assert all(answer.headers["content-type"].startswith("application/vnd.kube") for answer in answers())


@pytest.mark.parametrize("number", NUMBERED)
def test_a_request_is_understood_from_those_who_may_ask(number):
    recorded = RECORDED[number]
    by = (
        node("w40") if recorded["path"].startswith("/api/v1/nodes") and recorded["method"] == "POST" else None
    )
    # A watch does not end by itself: what it would begin with is a list.
    target = re.sub(
        r"&?(watch|sendInitialEvents|resourceVersionMatch|allowWatchBookmarks)=\w*", "", recorded["path"]
    )
    body = packed(recorded["body"]) or None
    answer = Api().ask(recorded["method"], target, body, by=by, headers=headers_of(recorded))
    if resource_of(recorded) in WIRE_UNSERVED:
        assert answer.status == WIRE_UNSERVED[resource_of(recorded)].status
        return
    named = re.search(r"/(nodes|leases)/w40", target)
    expected = 404 if named else 201 if recorded["method"] == "POST" else 200
    assert answer.status == expected, answer.raw
    assert (decode_protobuf(answer.raw)["kind"] == "Status") == bool(named)


def test_what_a_kubelet_posts_is_stored_as_it_says_it():
    recorded = next(each for each in RECORDED if each["path"] == "/api/v1/nodes" and each["method"] == "POST")
    api = Api()
    api.ask("POST", "/api/v1/nodes", packed(recorded["body"]), by=node("w40"), headers=headers_of(recorded))
    stored, sent = api.ask("GET", "/api/v1/nodes/w40").body, decode_protobuf(packed(recorded["body"]))
    assert stored["metadata"]["labels"] == sent["metadata"]["labels"]
    assert [each["type"] for each in stored["status"]["conditions"]] == [
        each["type"] for each in sent["status"]["conditions"]
    ]
    assert stored["status"]["capacity"] == sent["status"]["capacity"]
    assert stored["status"]["nodeInfo"].items() >= sent["status"]["nodeInfo"].items()


@pytest.mark.parametrize("resource", WIRE_UNSERVED)
def test_every_resource_declared_as_not_served_was_asked_for(resource):
    assert resource in map(resource_of, RECORDED)
