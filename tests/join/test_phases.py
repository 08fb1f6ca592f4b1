import json

import pytest

from joinsim.join.phases import PHASES, UnknownPhaseError, phases_to_run


def names(skipped):
    return [phase.name for phase in phases_to_run(skipped)]


def test_a_workers_join_has_three_phases():
    assert names([]) == ["preflight", "kubelet-start", "kubelet-wait-bootstrap"]


@pytest.mark.parametrize("name", ["preflight", "kubelet-start", "kubelet-wait-bootstrap"])
def test_each_can_be_skipped(name):
    assert names([name]) == [left for left in names([]) if left != name]


def test_a_phase_that_does_nothing_on_a_worker_may_be_skipped_too():
    assert names(["check-etcd", "control-plane-prepare/certs", "etcd-join", "wait-control-plane"]) == names(
        []
    )


@pytest.mark.parametrize(
    "name", ["", "Preflight", "preflight ", "certs", "control-plane-join/etcd", "preflight/all", "all"]
)
def test_a_phase_that_there_is_not_cannot_be_skipped(name):
    with pytest.raises(UnknownPhaseError) as caught:
        phases_to_run(["preflight", name])
    assert str(caught.value) == f"invalid phase name: {name}"


def test_order_names_and_nesting_are_kubeadms(vectors):
    table = json.loads((vectors.parent / "data" / "phases.json").read_text())["phases"]
    expected = [
        (
            phase["name"],
            tuple(child["name"] for child in phase.get("children", ()) if "pseudo" not in child),
            phase["hidden"],
        )
        for phase in table
    ]
    assert [(phase.name, phase.children, phase.hidden) for phase in PHASES] == expected
