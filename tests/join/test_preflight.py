import pytest

from joinsim.errors import Reason
from joinsim.join import NodeRegistration
from joinsim.join.preflight import checks_for, failed_checks
from tests.pair import JoinPair

KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
BOOTSTRAP = "/etc/kubernetes/bootstrap-kubelet.conf"
CA = "/etc/kubernetes/pki/ca.crt"
CHECKS = {
    "FileAvailable--etc-kubernetes-kubelet.conf": KUBELET_CONF,
    "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf": BOOTSTRAP,
    "FileAvailable--etc-kubernetes-pki-ca.crt": CA,
}


def ignoring(*names):
    return NodeRegistration(ignore_preflight_errors=names)


def found(play, paths, *ignored):
    async def body(world):
        pair = await JoinPair.create(world)
        for path in paths:
            pair.worker.files.write(path, b"")
        return failed_checks(pair.worker, pair.pinned(node_registration=ignoring(*ignored)))

    return play(body)


def test_an_empty_machine_passes(play):
    assert found(play, []) == ([], [])


def test_what_is_there_already_is_told_in_kubeadms_order(play):
    _, errors = found(play, [CA, BOOTSTRAP, KUBELET_CONF])
    assert errors == [f"\t[ERROR {name}]: {path} already exists" for name, path in CHECKS.items()]


def test_the_checks_have_kubeadms_names(play):
    async def body(world):
        pair = await JoinPair.create(world)
        config = pair.pinned(ca_cert_path="/srv/pki/own.crt")
        assert [check.name for check in checks_for(config)][-1] == "FileAvailable--srv-pki-own.crt"
        assert [check.name for check in checks_for(pair.pinned())] == list(CHECKS)

    play(body)


@pytest.mark.parametrize(
    "name",
    [
        "FileAvailable--etc-kubernetes-kubelet.conf",
        "fileavailable--ETC-kubernetes-kubelet.conf",
        "all",
        "ALL",
    ],
)
def test_an_ignored_failure_becomes_a_warning(play, name):
    warnings, errors = found(play, [KUBELET_CONF], name)
    assert errors == []
    assert warnings == [
        f"\t[WARNING FileAvailable--etc-kubernetes-kubelet.conf]: {KUBELET_CONF} already exists"
    ]


def test_ignoring_one_check_does_not_ignore_another(play):
    warnings, errors = found(play, [KUBELET_CONF, CA], "FileAvailable--etc-kubernetes-kubelet.conf")
    assert (len(warnings), len(errors)) == (1, 1)


@pytest.mark.parametrize("path", CHECKS.values())
def test_a_failed_check_ends_the_join_before_any_request(play, path):
    overheard = []

    async def body(world):
        pair = await JoinPair.create(world, overhear=overheard.append)
        pair.worker.files.write(path, b"theirs")
        outcome = await pair.join()
        assert (outcome.refusal.phase, outcome.refusal.reason) == ("preflight", Reason.PREFLIGHT_CHECK)
        assert not outcome.refusal.timed_out
        assert str(outcome.refusal) == "error execution phase preflight: preflight checks failed"
        assert outcome.output[1] == "[preflight] Some fatal errors occurred:"
        assert outcome.output[2].endswith(f"{path} already exists")
        assert outcome.output[-1].startswith(
            "[preflight] If you know what you are doing, you can make a check"
        )
        assert pair.worker.files.read(path) == b"theirs"

    play(body)
    assert overheard == []


def test_the_phase_can_be_skipped_and_discovery_still_happens(play):
    async def body(world):
        pair = await JoinPair.create(world)
        pair.worker.files.write(CA, pair.control_plane.ca_pem)
        outcome = await pair.join(pair.pinned(skip_phases=("preflight",)))
        assert outcome.joined
        assert "[preflight] Running pre-flight checks" not in outcome.output

    play(body)
