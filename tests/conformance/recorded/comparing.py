"""Answers as texts in which everything stands that must be the same, and nothing else."""

from __future__ import annotations

import json
import re
from functools import reduce

from tests.conformance.recorded.divergences import (
    REMOVED_FIELDS,
    REMOVED_HEADERS,
    REMOVED_TEXT,
    VOLATILE_FIELDS,
    VOLATILE_HEADERS,
    VOLATILE_TEXT,
)


def comparable(answer, response):
    """An answer and a recorded one, each as a text of what is left to compare."""
    said = answer.body.decode()
    if "events" in response:
        events = [event for _, event in response["events"]]
        answered = [json.loads(line) for line in said.splitlines()]
        # Who recorded left after what was waited for; whoever stays is sent a bookmark a minute.
        if all(event["type"] == "BOOKMARK" for event in answered[len(events) :]):
            answered = answered[: len(events)]
        bodies = normal(answered), normal(events)
        return (
            answer_text(answer.status, answer.headers, "", bodies[0]),
            answer_text(response["status"], response["headers"], "", bodies[1]),
        )
    recorded = response["body"]
    if isinstance(recorded, str):
        form, bodies = "", (said, recorded)
    else:
        form = _recorded_form(response)
        bodies = normal(json.loads(said)), normal(recorded)
    return (
        answer_text(answer.status, answer.headers, _form(said) if form else "", bodies[0]),
        answer_text(response["status"], response["headers"], form, bodies[1]),
    )


def answer_text(status, headers, form, body):
    body = replaced(REMOVED_TEXT, "", replaced(VOLATILE_TEXT, "*", body))
    return "\n".join([f"HTTP {status}", *_headers(headers), f"({form})", body])


def replaced(patterns, by, text):
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


def normal(value):
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
