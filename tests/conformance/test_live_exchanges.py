"""Three conversations with a live API server, held again with the fake, each in one go.

They stand beside the project, so this skips without them. They hold what the recordings
do not: refusals of bodies, of selectors, of versions, and conditions that may not change.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache, reduce

import pytest
import trio

from joinsim.api.objects import CONFIG_MAPS
from joinsim.backends import FakeGround
from joinsim.controlplane.store import HISTORY_LENGTH
from joinsim.wire import ClientTls
from tests.conformance.recorded.comparing import comparable
from tests.conformance.recorded.divergences import (
    LIVE_ADMINISTRATOR,
    LIVE_DIVERGENCES,
    LIVE_OF_ANOTHER_CLUSTER,
)
from tests.conformance.recorded.stage import CLUSTER_INFO, Stage
from tests.conftest import ROOT
from tests.pair import TOKEN

FOLDER = ROOT.parent / "shared" / "protocol" / "vectors"
CONVERSATIONS = ("live_exchanges", "live_exchanges_csr", "live_exchanges_node")
BAD_TOKENS = {"bad bearer": "abcdef.0000000000000000", "malformed": "malformed"}


def exchanges(conversation):
    file = FOLDER / f"{conversation}.json"
    found = json.loads(file.read_text())["exchanges"] if file.exists() else []
    return [exchange for exchange in found if "request" in exchange]


def titles(kept):
    named = [(talk, exchange["title"]) for talk in CONVERSATIONS for exchange in exchanges(talk)]
    return [pytest.param(*name, id=name[1]) for name in named if kept(name[1])]


@pytest.mark.parametrize(
    ("conversation", "title"),
    titles(lambda title: title not in {**LIVE_DIVERGENCES, **LIVE_OF_ANOTHER_CLUSTER}),
)
def test_the_answer_is_the_live_one(vectors, conversation, title):
    answered, recorded = held_again(conversation)[title]
    assert answered == recorded


@pytest.mark.parametrize(("conversation", "title"), titles(LIVE_DIVERGENCES.__contains__))
def test_a_declared_divergence_still_differs(vectors, conversation, title):
    answered, recorded = held_again(conversation)[title]
    assert answered != recorded
    assert answered.startswith(f"HTTP {LIVE_DIVERGENCES[title].status}\n")


@cache
def held_again(conversation):
    """What was answered and what had been, by title."""

    async def talk(world):
        stage = await Stage.set(world, node="n1")
        names = {}
        answers = {}
        for exchange in exchanges(conversation):
            await _prepare(stage, exchange["title"])
            answer = await _ask(stage, conversation, exchange, names)
            answers[exchange["title"]] = answer, exchange["response"]
            _learn(names, answer, exchange["response"])
        return {title: _compared(*pair) for title, pair in answers.items()}

    return FakeGround().run(talk, seed=1)


async def _ask(stage, conversation, exchange, names):
    asked = exchange["request"]
    headers = dict(asked["headers"])
    title = exchange["title"]
    if "Authorization" in headers:
        token = next((bad for words, bad in BAD_TOKENS.items() if words in title), TOKEN.value)
        headers["Authorization"] = f"Bearer {token}"
        tls = ClientTls(None)
    elif "anonymous" in title:
        tls = ClientTls(None)
    else:
        tls = await stage.node_tls() if conversation.endswith("node") else stage.admin_tls()
    target = asked["path"]
    if "watch=1" in target and "timeoutSeconds" not in target:
        target += "&timeoutSeconds=1"
    body = asked["body"] or ""
    for recorded, here in names.items():
        target, body = target.replace(recorded, here), body.replace(recorded, here)
    body = await _at_current_version(stage, target, body)
    return await stage.send(tls, asked["method"], target, headers.items(), body)


async def _at_current_version(stage, target, body):
    """A body that names a version names the object's current one, but for the one that is stale on purpose."""
    if body.startswith("hex:"):
        return bytes.fromhex(body.removeprefix("hex:"))
    if '"resourceVersion": ' in body and '"resourceVersion": "1"' not in body:
        stored = await stage.admin("GET", re.sub("/(approval|status)$", "", target))
        body = re.sub(
            '"resourceVersion": "\\d+"', f'"resourceVersion": "{stored["metadata"]["resourceVersion"]}"', body
        )
    return body.encode()


def _learn(names, answer, response):
    """Remember what an object is called here that was called otherwise in the recording."""
    try:
        here, recorded = json.loads(answer.body)["metadata"], json.loads(response["body"])["metadata"]
    except (ValueError, KeyError):
        return
    for field in ("name", "uid"):
        if field in here and field in recorded:
            names[recorded[field]] = here[field]


def _compared(answer, response):
    if "<truncated" in response["body"]:
        # Of long bodies only the beginning was kept: status and headers remain.
        answer, response = replace(answer, body=b""), {**response, "body": ""}
    return comparable(answer, _as_recorded(response))


def _as_recorded(response):
    """A response in the shape of the recordings."""
    body = reduce(lambda text, pair: text.replace(*pair), LIVE_ADMINISTRATOR.items(), response["body"])
    shaped = {**response, "headers": {**dict(response["headers"]), "Date": "Mon, 23 Nov 2026 18:00:00 GMT"}}
    if body.startswith('{"type":'):
        return {**shaped, "events": [[0, json.loads(line)] for line in body.splitlines()]}
    return {**shaped, "body": json.loads(body) if body.startswith("{") else body}


async def _prepare(stage, title):
    """What was done between the exchanges and not written down."""
    await trio.sleep(1)
    if title == "watch resourceVersion too old":
        store = stage.pair.control_plane.store
        config_map = await stage.admin("GET", CLUSTER_INFO)
        for count in range(HISTORY_LENGTH + 1):
            store.update(CONFIG_MAPS, {**config_map, "data": {**config_map["data"], "count": str(count)}})
            config_map["metadata"].pop("resourceVersion", None)
    if title == "delete missing":
        await stage.admin("DELETE", "/api/v1/namespaces/default/configmaps/x")
    if title == "node create own ok":
        await stage.admin("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})
    if title == "CSR approval: add Denied after Approved":
        await stage.decide("joe", reason="R", message="M")
