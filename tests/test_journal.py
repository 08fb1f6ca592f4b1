import dataclasses
import hashlib
import json
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim import events
from joinsim.events import (
    AttackFired,
    ClusterBooted,
    CsrCreated,
    Event,
    JoinFailed,
    JoinStarted,
    PhaseStarted,
    RequestServed,
    ServiceStopped,
)
from joinsim.journal import Journal, Record
from joinsim.pki import KeyPair
from joinsim.redaction import MASK

TOKEN, MASKED = "abcdef.0123456789abcdef", "abcdef.****************"
PINS = ["sha256:" + "0" * 63 + digit for digit in "0af"]
KINDS = [getattr(events, name) for name in events.__all__ if name != "Event"]


class Elapsed:
    """The world's time, set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def journal(**settings):
    return Journal(Elapsed(), **settings)


def lines(written):
    return [json.loads(line) for line in written.text().splitlines()]


def filled(kind, text):
    """An event of this kind with the text in every field that takes text."""
    values = {
        "str": text,
        "tuple[str, ...]": (text, "plain", text),
        "bool": True,
        "int": 7,
    }
    return kind(**{field.name: values[field.type] for field in dataclasses.fields(kind)})


def test_an_empty_journal_is_no_text():
    written = journal()
    assert (len(written), list(written), written.text()) == (0, [], "")
    assert written.digest() == hashlib.sha256(b"").hexdigest()


def test_a_record_is_one_line_of_json_time_and_actor_first():
    elapsed = Elapsed()
    written = Journal(elapsed)
    elapsed.now = 1.5
    written.append("worker-1", JoinStarted("worker-1", "token", "control-plane:6443", tuple(PINS[:2])))
    assert written.text() == (
        '{"at": 1.5, "actor": "worker-1", "event": "join.started", "node": "worker-1", "discovery": "token", '
        f'"source": "control-plane:6443", "pins": ["{PINS[0]}", "{PINS[1]}"]}}\n'
    )


def test_times_are_kept_to_the_microsecond():
    elapsed = Elapsed()
    written = Journal(elapsed)
    for elapsed.now in (0.1 + 0.2, 1.23456789, 86400.0000001):
        written.append("a", PhaseStarted("preflight"))
    assert [record.at for record in written] == [0.3, 1.234568, 86400.0]


def test_events_stay_in_the_order_in_which_they_came():
    written = journal()
    for phase in ("b", "a", "c"):
        written.append("x", PhaseStarted(phase))
    assert [record.event.phase for record in written] == ["b", "a", "c"]
    assert len(written) == 3


def test_events_are_found_by_kind_and_actor():
    written = journal()
    written.append("one", PhaseStarted("a"))
    written.append("two", PhaseStarted("b"))
    written.append("one", ServiceStopped("kubelet"))
    assert [event.phase for _, event in written.of(PhaseStarted)] == ["a", "b"]
    assert [event.phase for _, event in written.of(PhaseStarted, "two")] == ["b"]
    assert [record.actor for record, _ in written.of(Event)] == ["one", "two", "one"]
    assert list(written.of(JoinFailed)) == list(written.of(PhaseStarted, "three")) == []


def test_a_line_end_in_an_event_is_no_line_end_of_the_journal():
    written = journal()
    written.append("a\nb", ServiceStopped("kubelet", 'one\ntwo "three" \u2028 \u00e9'))
    assert written.text().count("\n") == 1
    assert written.text().isascii()
    assert lines(written)[0]["message"] == 'one\ntwo "three" \u2028 \u00e9'


def test_equal_runs_have_equal_digests_and_others_have_not():
    def run(phase):
        written = journal()
        written.append("a", PhaseStarted(phase))
        return written

    assert run("a").digest() == run("a").digest() == hashlib.sha256(run("a").text().encode()).hexdigest()
    assert run("a").digest() != run("b").digest()


def test_records_cannot_be_changed():
    written = journal()
    written.append("a", PhaseStarted("a"))
    record = next(iter(written))
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.actor = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.event.phase = "b"


def test_the_event_that_was_given_is_not_changed():
    event = ServiceStopped("kubelet", TOKEN)
    written = journal()
    written.append("a", event)
    assert event.message == TOKEN
    assert next(iter(written)).event.message == MASKED


def test_an_event_without_a_secret_is_kept_as_it_is():
    event = RequestServed("c", "u", ("g",), "get", "/api", 200, "kubeadm/v1.36.2")
    written = journal()
    written.append("a", event)
    assert next(iter(written)).event is event


# --- secrets ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_secret_survives_in_any_field_of_any_event(kind):
    pem = KeyPair.generate().private_pem().decode()
    certificate_key = "e6a2eb85" * 8
    written = journal()
    written.redactor.hide(certificate_key)
    written.append("a", filled(kind, f"x {TOKEN} {certificate_key} {pem}"))
    for shown in (written.text(), repr(list(written)), str(lines(written))):
        assert "0123456789abcdef" not in shown
        assert certificate_key not in shown
        assert not [line for line in pem.splitlines() if "----" not in line and line[:12] in shown]
    texts = [field for field in dataclasses.fields(kind) if "str" in field.type]
    assert written.text().count(MASKED) >= len(texts)


alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
secret_texts = st.text(alphabet, min_size=16, max_size=16)


@given(secret_texts, st.text(max_size=20), st.text(max_size=20))
def test_no_token_survives_a_journal(secret, before, after):
    text = f"{before} abcdef.{secret} {after}"
    written = journal()
    written.append("a", JoinFailed("n", "preflight", "r", False, text))
    written.append("a", ClusterBooted("c", "v", text, (text, "x")))
    assert f"abcdef.{secret}" not in written.text()
    assert written.text().count(f"abcdef.{MASK}") == 3


@given(st.text(min_size=8, max_size=40).filter(lambda text: "*" not in text), st.text(max_size=20))
def test_no_named_secret_survives_a_journal(secret, around):
    written = journal()
    written.redactor.hide(secret)
    written.append("a", AttackFired("x", "y", around + secret + around))
    assert secret not in next(iter(written)).event.detail
    assert secret not in lines(written)[0]["detail"]


# --- keys that no seed gives -------------------------------------------------------


def csr(pin):
    return CsrCreated("c", "csr-1", "s", "r", "cn", ("o",), pin)


def test_opaque_pins_are_numbered_in_the_order_of_their_appearance():
    written = journal(opaque_keys=True)
    written.append("a", JoinStarted("n", "token", "s", (PINS[1], PINS[0])))
    written.append("a", csr(PINS[2]))
    written.append("a", csr(PINS[1]))
    written.append("a", ServiceStopped("kubelet", f"none of {PINS[0]}:{PINS[2]} are pinned"))
    found = list(written)
    assert found[0].event.pins == ("sha256:key-1", "sha256:key-2")
    assert found[1].event.public_key == "sha256:key-3"
    assert found[2].event.public_key == "sha256:key-1"
    assert found[3].event.message == "none of sha256:key-2:sha256:key-3 are pinned"


def test_runs_with_other_keys_are_alike_when_keys_are_opaque():
    def run(pins, **settings):
        written = journal(**settings)
        for pin in pins:
            written.append("a", csr(pin))
        return written.digest()

    one, other = [PINS[0], PINS[1], PINS[0]], [PINS[2], PINS[0], PINS[2]]
    assert run(one, opaque_keys=True) == run(other, opaque_keys=True)
    assert run(one) != run(other)
    assert run(one, opaque_keys=True) != run([PINS[0], PINS[0], PINS[1]], opaque_keys=True)


def test_pins_are_shown_unless_they_are_opaque():
    written = journal()
    written.append("a", csr(PINS[0]))
    assert next(iter(written)).event.public_key == PINS[0]


# --- the events --------------------------------------------------------------------


def test_every_event_has_a_name_of_its_own():
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)
    for name in names:
        assert name == name.lower()
        assert all(part.isidentifier() for part in name.split("."))
        assert "." in name


def test_every_event_of_the_module_is_listed():
    def below(kind):
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    defined = {kind for kind in below(Event) if kind.__module__ == events.__name__}
    assert defined == {Event, *KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_frozen_and_holds_plain_values(kind):
    assert kind.__dataclass_params__.frozen
    assert kind.__doc__
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        assert hints[field.name] in (str, int, bool, tuple[str, ...])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_survives_as_json(kind):
    event = filled(kind, "text")
    record = Record(1.0, "a", event)
    read = json.loads(json.dumps(record.as_dict()))
    assert list(read)[:3] == ["at", "actor", "event"]
    assert read.pop("event") == kind.name
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in read.items()}
    assert kind(**{name: values[name] for name in values if name not in ("at", "actor")}) == event
