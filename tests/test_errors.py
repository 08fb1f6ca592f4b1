import json
import pickle

import pytest

from joinsim import errors
from joinsim.errors import (
    ApiError,
    BackendError,
    JoinRefused,
    JoinsimError,
    LocalProtocolError,
    Location,
    ProtocolError,
    Reason,
    RemoteProtocolError,
    ScenarioError,
)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_can_be_caught_at_the_root(name):
    kind = getattr(errors, name)
    if issubclass(kind, Exception):
        assert issubclass(kind, JoinsimError)


def test_errors_are_sorted_by_who_must_act():
    assert issubclass(LocalProtocolError, ProtocolError)
    assert issubclass(RemoteProtocolError, ProtocolError)
    parts = [ScenarioError, BackendError, ProtocolError, ApiError, JoinRefused]
    for kind in parts:
        assert not any(issubclass(kind, other) for other in parts if other is not kind)


@pytest.mark.parametrize(
    ("location", "path", "text"),
    [
        (None, "", "expected a"),
        (None, "nodes.w.pin", "nodes.w.pin: expected a"),
        (Location("f.yaml", 3, 7), "", "f.yaml:3:7: expected a"),
        (Location("f.yaml", 3, 7), "nodes.w.pin", "f.yaml:3:7: nodes.w.pin: expected a"),
    ],
)
def test_a_scenario_error_is_one_line_that_starts_with_the_place(location, path, text):
    error = ScenarioError("expected a", location=location, path=path)
    assert str(error) == text
    assert (error.problem, error.location, error.path) == ("expected a", location, path)


def test_an_api_error_reads_as_its_message():
    error = ApiError(404, "NotFound", 'nodes "n" not found', {"name": "n"})
    assert str(error) == error.message == 'nodes "n" not found'
    assert (error.code, error.reason, error.details) == (404, "NotFound", {"name": "n"})
    assert ApiError(500, "", "x").details is None


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        ("preflight", "error execution phase preflight: no"),
        ("kubelet-start", "error execution phase kubelet-start: no"),
        ("configuration", "no"),
    ],
)
def test_a_refusal_reads_as_kubeadm_words_it(phase, text):
    error = JoinRefused(phase, Reason.PIN_MISMATCH, "no")
    assert str(error) == text
    assert (error.phase, error.reason, error.problem, error.timed_out) == (
        phase,
        Reason.PIN_MISMATCH,
        "no",
        False,
    )
    assert JoinRefused(phase, Reason.PIN_MISMATCH, "no", timed_out=True).timed_out


def test_a_refusal_reads_as_the_real_kubeadm_was_recorded(recorded):
    real = json.loads((recorded / "kubeadm-join" / "08c_malformed_hash.json").read_text())["error"]
    problem = real.partition("error execution phase preflight: ")[2]
    assert f"error: {JoinRefused('preflight', Reason.PIN_MALFORMED, problem)}" == real


def test_reasons_are_named_as_scenarios_name_them():
    assert len({reason.value for reason in Reason}) == len(Reason)
    for reason in Reason:
        assert reason.value == reason.name.lower().replace("_", "-") == str(reason)


def test_a_location_reads_as_editors_read_one():
    assert str(Location("a b.yaml", 1, 1)) == "a b.yaml:1:1"
    assert pickle.loads(pickle.dumps(Location("f", 2, 3))) == Location("f", 2, 3)
