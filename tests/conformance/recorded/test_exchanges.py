"""Every recorded request to a real API server, asked of the fake one over TLS.

A recording that is not declared in ``divergences.py`` must be answered with the same
status, headers and body; one that is declared must still be answered differently.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from functools import reduce

import pytest
import trio

from tests.conformance.recorded.divergences import (
    DIVERGENCES,
    REMOVED_FIELDS,
    REMOVED_HEADERS,
    REMOVED_TEXT,
    VOLATILE_CERTIFICATE,
    VOLATILE_CERTIFICATE_TEXT,
    VOLATILE_FIELDS,
    VOLATILE_HEADERS,
    VOLATILE_TEXT,
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


def test_every_declared_divergence_is_of_a_recording():
    assert [name for name in DIVERGENCES if name not in NAMES] == []


@pytest.mark.parametrize("volatile", [*VOLATILE_FIELDS, *REMOVED_FIELDS, *VOLATILE_HEADERS, *REMOVED_HEADERS])
def test_every_declared_volatile_name_is_in_some_recording(volatile):
    assert any(f'"{volatile.lower()}":' in (RECORDED / f"{name}.json").read_text().lower() for name in NAMES)


def _replaying(name):
    recording = load(name)

    async def replay(world):
        stage = await Stage.set(world)
        # Whoever asks by certificate must have got it before the scene takes something away.
        await stage.tls_of(recording.get("identity"))
        scene = scene_of(name)
        if scene is not None:
            await scene(stage, recording)
        return _comparable(
            await stage.replay(recording["request"], recording.get("identity")), recording["response"]
        )

    return replay


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
            return _normal(await stage.admin("GET", "/api/v1/nodes/live1")), _normal(recorded)
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
            return _text(200, {}, "", _normal(csr)), _text(200, {}, "", _normal(recorded))
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
    return _replaced(VOLATILE_CERTIFICATE_TEXT, "*", text)


# --- comparing -------------------------------------------------------------------------


def _comparable(answer, response):
    """An answer and a recorded one, each as a text of what is left to compare."""
    said = answer.body.decode()
    if "events" in response:
        events = [event for _, event in response["events"]]
        bodies = _normal([json.loads(line) for line in said.splitlines()]), _normal(events)
        return (
            _text(answer.status, answer.headers, "", bodies[0]),
            _text(response["status"], response["headers"], "", bodies[1]),
        )
    recorded = response["body"]
    if isinstance(recorded, str):
        form, bodies = "", (said, recorded)
    else:
        form = _recorded_form(response)
        bodies = _normal(json.loads(said)), _normal(recorded)
    return (
        _text(answer.status, answer.headers, _form(said) if form else "", bodies[0]),
        _text(response["status"], response["headers"], form, bodies[1]),
    )


def _text(status, headers, form, body):
    body = _replaced(REMOVED_TEXT, "", _replaced(VOLATILE_TEXT, "*", body))
    return "\n".join([f"HTTP {status}", *_headers(headers), f"({form})", body])


def _replaced(patterns, by, text):
    return reduce(lambda text, pattern: re.sub(pattern, by, text), patterns, text)


def _headers(headers):
    named = {name.lower(): value for name, value in headers.items()}
    return [
        f"{name}: {_or_star(value, VOLATILE_HEADERS.get(name))}"
        for name, value in sorted(named.items())
        if name not in REMOVED_HEADERS
    ]


def _or_star(value, volatile):
    """The value, or a star where it has the form in which it may vary."""
    return "*" if volatile and isinstance(value, str) and re.fullmatch(volatile[0], value) else value


def _renderings(value):
    """How an API server may write an object: Go's JSON, in one line or for people to read."""
    renderings = {
        "one line": json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n",
        "indented": json.dumps(value, ensure_ascii=False, indent=2),
    }
    for character in "<>&":
        escape = f"\\u{ord(character):04x}"
        renderings = {form: text.replace(character, escape) for form, text in renderings.items()}
    return renderings


def _form(said):
    return next((form for form, text in _renderings(json.loads(said)).items() if text == said), "another")


def _recorded_form(response):
    """How the recorded body was written, which its length tells; empty where none is known."""
    length = int(response["headers"].get("Content-Length", 0))
    return next(
        (form for form, text in _renderings(response["body"]).items() if len(text.encode()) == length), ""
    )


def _normal(value):
    """A JSON value as text, in the order in which it came, its volatile parts taken out."""
    return json.dumps(_without_volatile(value), indent=1)


def _without_volatile(value):
    if isinstance(value, dict):
        return {
            key: _or_star(_without_volatile(item), VOLATILE_FIELDS.get(key))
            for key, item in value.items()
            if key not in REMOVED_FIELDS
        }
    return [_without_volatile(item) for item in value] if isinstance(value, list) else value
