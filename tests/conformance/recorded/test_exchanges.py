"""Every recorded request to a real API server, asked of the fake one over TLS.

A recording that is not declared in ``divergences.py`` must be answered with the same
status, headers and body; one that is declared must still be answered differently.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta

import pytest
import trio

from tests.conformance.recorded.comparing import answer_text, comparable, normal, replaced
from tests.conformance.recorded.divergences import (
    DIVERGENCES,
    REMOVED_FIELDS,
    REMOVED_HEADERS,
    VOLATILE_CERTIFICATE,
    VOLATILE_CERTIFICATE_TEXT,
    VOLATILE_FIELDS,
    VOLATILE_HEADERS,
)
from tests.conformance.recorded.stage import (
    CSRS,
    DENIED,
    RECORDED,
    Stage,
    as_shown,
    contents_of,
    load,
    manual_approval,
    scene_of,
)

# The families whose CSR the administrator decided on, with the automatic approval off.
DECIDED = {"d2": (), "d3": (("Approved",),), "d4": (DENIED,)}
NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))
EXCHANGES = [name for name in NAMES if "response" in load(name)]
# What was there some time after an exchange: not an answer, but an object, or a certificate's contents.
OUTCOMES = [name for name in NAMES if name not in EXCHANGES]


@pytest.mark.parametrize("name", [name for name in EXCHANGES if name not in DIVERGENCES])
def test_the_answer_is_the_recorded_one(play, name):
    answered, recorded = play(_replaying(name))
    assert answered == recorded


@pytest.mark.parametrize("name", [name for name in EXCHANGES if name in DIVERGENCES])
def test_a_declared_divergence_still_differs_in_the_way_that_it_says(play, name):
    answered, recorded = play(_replaying(name))
    assert answered != recorded
    assert answered.startswith(f"HTTP {DIVERGENCES[name].status}\n")


@pytest.mark.parametrize("name", ["g_table_clusterrolebinding_one", "g_table_csr_one", "g_table_nodes"])
def test_a_table_differs_in_what_it_says_of_its_columns_and_in_age(play, name):
    """The one object of these is made by the scene or by kubeadm; Nodes need a node."""
    body = load(name)["response"]["body"]
    answered = json.loads(play(_asking(name)).body)
    assert _columns(answered) == _columns(body)
    ages = [column["name"] for column in body["columnDefinitions"]].index("Age")
    if name != "g_table_nodes":
        (ours,), (theirs,) = answered["rows"], body["rows"]
        del ours["cells"][ages], theirs["cells"][ages]
        assert ours["cells"] == theirs["cells"]
        assert ours["object"].keys() == theirs["object"].keys()


def _columns(table):
    return [{**column, "description": None} for column in table["columnDefinitions"]]


def test_no_recording_got_lost():
    assert (len(EXCHANGES), len(OUTCOMES)) == (188, 79)


def test_every_declared_divergence_is_of_a_recording():
    assert [name for name in DIVERGENCES if name not in NAMES] == []


@pytest.mark.parametrize("volatile", [*VOLATILE_FIELDS, *REMOVED_FIELDS, *VOLATILE_HEADERS, *REMOVED_HEADERS])
def test_every_declared_volatile_name_is_in_some_recording(volatile):
    assert any(f'"{volatile.lower()}":' in (RECORDED / f"{name}.json").read_text().lower() for name in NAMES)


def _replaying(name):
    async def replay(world):
        return comparable(await _asking(name)(world), load(name)["response"])

    return replay


def _asking(name):
    recording = load(name)

    async def ask(world):
        stage = await Stage.set(world)
        # Whoever asks by certificate must have got it before the scene takes something away.
        await stage.tls_of(recording.get("identity"))
        scene = scene_of(name)
        if scene is not None:
            await scene(stage, recording)
        return await stage.replay(recording["request"], recording.get("identity"))

    return ask


@pytest.mark.parametrize("name", OUTCOMES)
def test_what_comes_of_it_is_what_was_recorded(play, name):
    found, recorded = play(_following(name))
    assert found == recorded


def _following(name):
    """What became of a CSR: as an object after some time, after its approval, or what its certificate says."""
    family, kind = re.fullmatch(
        r"(.+?)_(result1|result2_after_approve|final|cert|pending|issued|denied|node_after)", name
    ).groups()
    recorded = load(name)

    async def follow(world):
        stage = await Stage.set(world)
        if family == "e15":
            await as_shown(stage, recorded)
            return normal(await stage.admin("GET", "/api/v1/nodes/live1")), normal(recorded)
        if family in DECIDED:
            await manual_approval(*DECIDED[family])(stage, recorded)
            csr_name = recorded["metadata"]["name"]
        else:
            created = load(f"{family}_create")
            answer = await stage.replay(created["request"], created["identity"])
            csr_name = json.loads(answer.body)["metadata"]["name"]
        await trio.sleep(3)
        csr = await stage.admin("GET", f"{CSRS}/{csr_name}")
        if kind == "result2_after_approve" or (kind == "cert" and "conditions" not in csr["status"]):
            await stage.decide(csr_name)
            await trio.sleep(3)
            csr = await stage.admin("GET", f"{CSRS}/{csr_name}")
        if kind != "cert":
            return answer_text(200, {}, "", normal(csr)), answer_text(200, {}, "", normal(recorded))
        issued = base64.b64decode(csr["status"]["certificate"])
        return _certificate(contents_of(issued, world.clock.now() - timedelta(seconds=3))), _certificate(
            recorded
        )

    return follow


def _certificate(contents):
    kept = {key: value for key, value in contents.items() if key not in VOLATILE_CERTIFICATE}
    # The recorder looked some milliseconds after the signing.
    kept["backdate_s"] = round(kept["backdate_s"], -1)
    text = json.dumps(kept, indent=1)
    return replaced(VOLATILE_CERTIFICATE_TEXT, "*", text)
