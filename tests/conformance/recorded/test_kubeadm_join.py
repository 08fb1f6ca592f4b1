"""The engine against what the real kubeadm 1.36 did in the same situation."""

from __future__ import annotations

import functools
import itertools
import re
import stat

import pytest

from joinsim.api.objects import mapping
from joinsim.api.yaml_codec import load_yaml
from joinsim.pki import common_name, parse_bundle
from joinsim.redaction import MASK
from tests.conformance.recorded import kubeadm_divergences as divergences
from tests.conformance.recorded.recordings import NAMES, Asked, Recording, normal
from tests.conformance.recorded.replay import SITUATIONS, Replay, replay

REPLAYED = [name for name in NAMES if name not in divergences.NOT_REPLAYED]
TIMED_TOLERANCE_SECONDS = 0.5  # kubeadm and the kubelet take a moment to start
REQUEST_TOLERANCE_SECONDS = 0.06
PROXY_SECONDS = 0.05  # what the recording proxy added to a request, where there was one

replayed = functools.cache(lambda name: replay(Recording.load(name)))


@pytest.fixture(params=REPLAYED)
def name(request):
    return request.param


@pytest.fixture
def recording(name):
    return Recording.load(name)


@pytest.fixture
def run(name) -> Replay:
    return replayed(name)


def matches_any(patterns, line):
    return any(re.match(pattern, line) for pattern in patterns)


# --- the outcome -------------------------------------------------------------------------------


def test_it_joins_where_kubeadm_joined(recording, run):
    assert run.outcome.joined == recording.joined


def test_it_says_what_kubeadm_said(name, recording, run):
    expected = normal(recording.error)
    if name in divergences.OTHER_ERROR:
        ours, _ = divergences.OTHER_ERROR[name]
        expected = expected.replace(divergences.OTHER_ERROR_RECORDED[name], ours)
    found = "" if run.outcome.refusal is None else str(run.outcome.refusal).rstrip("\n")
    assert normal(found) == expected


def test_it_prints_kubeadms_lines(recording, run):
    expected = [line for line in recording.output if not matches_any(divergences.HARNESS_LINES, line)]
    found = [line for line in run.outcome.output if not matches_any(divergences.STDERR_LINES, line)]
    assert [normal(line) for line in found] == [normal(line) for line in expected]


def test_it_takes_as_long_as_kubeadm_took(recording, run):
    assert run.seconds == pytest.approx(recording.seconds, abs=TIMED_TOLERANCE_SECONDS)


# --- the requests ------------------------------------------------------------------------------


def test_kubeadm_makes_these_requests(name, recording, run):
    if name in divergences.REQUESTS_OF_OTHERS:
        pytest.skip(divergences.REQUESTS_OF_OTHERS[name])
    expected = recording.requests_of("kubeadm")
    if name in divergences.MADE_AT_THE_DEADLINE or name in divergences.REQUEST_OF_OTHERS_LAST:
        expected = expected[:-1]
    found = run.requests_of("kubeadm")
    assert [str(asked) for asked in found] == [str(asked) for asked in expected]
    late = PROXY_SECONDS if "proxy" in name else 0.0
    for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert normal(ours.message).startswith(normal(theirs.message))
        offset = theirs.at - expected[0].at - index * late
        assert ours.at - found[0].at == pytest.approx(offset, abs=REQUEST_TOLERANCE_SECONDS)


def distinct(requests: list[Asked], left_out=()) -> dict[str, list[str]]:
    """What each of the kubelet's loops asked, each request once, at its first appearance.

    Three loops run beside each other: for the certificate, for the Node, and for the Lease,
    which looks its Node up with a timeout.
    """
    asked = dict.fromkeys(str(one) for one in requests)
    loops: dict[str, list[str]] = {"certificate": [], "node": [], "lease": []}
    for line in asked:
        if matches_any(divergences.KUBELET_REQUESTS_NOT_MADE, line) or line in left_out:
            continue
        if "certificatesigningrequests" in line:
            loops["certificate"].append(line)
        elif "/leases/" in line or re.search(r" get /api/v1/nodes/\S+timeout=10s", line):
            loops["lease"].append(line)
        else:
            loops["node"].append(line)
    return loops


def test_the_kubelet_makes_these_requests(name, recording, run):
    if name in divergences.KUBELET_NOT_COMPARED:
        pytest.skip(divergences.KUBELET_NOT_COMPARED[name])
    if name in divergences.REQUESTS_OF_OTHERS:
        pytest.skip(divergences.REQUESTS_OF_OTHERS[name])
    made, recorded = run.requests_of("kubelet"), recording.requests_of("kubelet")
    unrecorded = ()
    if len(recording.requests) == divergences.RECORDED_REQUESTS_MAX:
        full_after = recorded[-1].at - recorded[0].at
        made = [asked for asked in made if asked.at - made[0].at <= full_after]
        # A watch is recorded when it ends, so one that is open when the recording is full is not in it.
        unrecorded = {str(asked) for asked in made if asked.verb == "watch"} - set(map(str, recorded))
    assert distinct(made, unrecorded) == distinct(recorded)


@pytest.mark.parametrize(
    "what", ["create /api/v1/nodes", "get /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/w22"]
)
def test_a_kubelet_without_a_certificate_keeps_knocking_at_kubelets_intervals(what):
    name = "13b_no_autoapprove_manual_approve_at_9s"

    def pauses(requests):
        moments = [asked.at for asked in requests if f"{asked.verb} {asked.path}".startswith(what)]
        return [later - earlier for earlier, later in itertools.pairwise(moments)]

    expected = pauses(Recording.load(name).requests_of("kubelet"))
    found = pauses(replayed(name).requests_of("kubelet"))
    assert len(expected) == 5
    assert found[:5] == pytest.approx(expected, abs=0.1)


# --- the files ---------------------------------------------------------------------------------

INPUTS = ("/root/", "/etc/ssl/")


def left(run: Replay):
    for entry in run.host.files.entries():
        if not entry.path.startswith(INPUTS):
            kind = "l" if entry.target else "-"
            yield f"{kind}{stat.filemode(entry.mode)[1:]}", entry.path, entry.target


def test_it_leaves_these_files(name, recording, run):
    found = {(mode, normal(path), normal(target)) for mode, path, target in left(run)}
    if name == "18b_existing_kubelet_conf_no_ignore":
        # What fails the check here: the recording's own reason was the machine's cgroups.
        found.remove(("-rw-r--r--", "/etc/kubernetes/kubelet.conf", ""))
    assert found == {(mode, normal(path), normal(target)) for mode, path, target in recording.tree}


EXACT = {
    "/etc/kubernetes/kubelet.conf": "/kubernetes/kubelet.conf",
    "/etc/kubernetes/bootstrap-kubelet.conf": "/kubernetes/bootstrap-kubelet.conf",
    "/var/lib/kubelet/instance-config.yaml": "/kubelet/instance-config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env": "/kubelet/kubeadm-flags.env",
}


def test_the_files_say_the_same(recording, run):
    for _, path, _ in left(run):
        if path in EXACT and recording.content["files"]:
            found = run.host.files.read(path).decode()
            assert normal(found) == normal(recording.file(EXACT[path])), path


def test_the_kubelets_configuration_is_the_same(recording, run):
    if not any(path.endswith("config.yaml") for path in mapping(recording.content, "files")):
        return
    found = load_yaml(run.host.files.read("/var/lib/kubelet/config.yaml").decode())
    expected = load_yaml(recording.file("/kubelet/config.yaml"))
    assert mapping(found, "authentication", "x509") == {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}
    expected["authentication"]["x509"] = found["authentication"]["x509"]  # a folder of the recording's
    if "address" in expected:
        for key, value in divergences.HARNESS_KUBELET_CONFIG.items():
            assert expected.pop(key) == value
            found.pop(key, None)
    assert found == expected


def test_the_ca_on_disk_is_the_clusters(run):
    for _, path, _ in left(run):
        if path.endswith("pki/ca.crt"):
            assert run.host.files.read(path) == run.pair.control_plane.ca_pem


def test_the_serving_certificate_is_named_as_the_kubelet_names_it(recording, run):
    if not any(path.endswith("kubelet.crt") for path in mapping(recording.content, "files")):
        return

    def names(pem):
        leaf, authority = parse_bundle(pem)
        assert leaf.issuer == authority.subject == authority.issuer
        return [re.sub(r"[0-9]{10}$", "<time>", common_name(c.subject)) for c in (leaf, authority)]

    found = names(run.host.files.read("/var/lib/kubelet/pki/kubelet.crt"))
    assert found == names(recording.file("kubelet.crt").encode())


# --- the lists of differences --------------------------------------------------------------------


def test_every_recording_is_replayed_or_declared():
    assert NAMES
    assert set(divergences.NOT_REPLAYED) | set(SITUATIONS) <= set(NAMES)


@pytest.mark.parametrize("listed", divergences.VOLATILE, ids=lambda listed: listed.pattern)
def test_what_is_called_volatile_is_seen_in_a_recording_or_a_replay(listed):
    seen = "\n".join(
        [
            *(str(Recording.load(name).content) for name in NAMES),
            str(replayed("02_token_hash_kubelet").host.address),
        ]
    )
    assert re.search(listed.pattern.rstrip("$"), seen)


def test_no_listed_line_of_the_harness_is_printed_by_the_engine():
    printed = [line for name in REPLAYED for line in replayed(name).outcome.output]
    recorded = [line for name in REPLAYED for line in Recording.load(name).output]
    for pattern in divergences.HARNESS_LINES:
        assert matches_any([pattern], "") is False
        assert any(re.match(pattern, line) for line in recorded), pattern
        assert not any(re.match(pattern, line) for line in printed), pattern


def test_the_listed_stderr_lines_are_printed_and_were_no_stdout():
    printed = [line for name in REPLAYED for line in replayed(name).outcome.output]
    recorded = [line for name in REPLAYED for line in Recording.load(name).output]
    for pattern in divergences.STDERR_LINES:
        assert any(re.match(pattern, line) for line in printed), pattern
        assert not any(re.match(pattern, line) for line in recorded), pattern


@pytest.mark.parametrize("name", divergences.MADE_AT_THE_DEADLINE)
def test_the_request_at_the_deadline_was_at_the_deadline(name):
    recording = Recording.load(name)
    requests = recording.requests_of("kubeadm")
    at = requests[-1].at - requests[0].at
    assert at == pytest.approx(recording.configuration.timeouts.discovery, abs=0.02)


@pytest.mark.parametrize("name", divergences.OTHER_ERROR)
def test_a_declared_other_error_is_recorded_so(name):
    assert Recording.load(name).error.endswith(divergences.OTHER_ERROR_RECORDED[name])
    assert divergences.OTHER_ERROR.keys() == divergences.OTHER_ERROR_RECORDED.keys()


@pytest.mark.parametrize("name", divergences.REQUESTS_OF_OTHERS)
def test_the_declared_foreign_requests_are_foreign(name):
    assert len(Recording.load(name).requests) == divergences.RECORDED_REQUESTS_MAX
    assert any(asked.path.endswith("kubeadm-config?timeout=10s") for asked in Recording.load(name).requests)


@pytest.mark.parametrize("name", divergences.REQUEST_OF_OTHERS_LAST)
def test_the_declared_foreign_request_came_after_the_end(name):
    recording = Recording.load(name)
    requests = recording.requests_of("kubeadm")
    assert requests[-1].at - requests[0].at > recording.seconds
    assert requests[-1].user != requests[-2].user


@pytest.mark.parametrize("pattern", divergences.KUBELET_REQUESTS_NOT_MADE)
def test_the_kubelet_requests_that_are_not_made_were_recorded_and_are_not_made(pattern):
    recorded = [str(asked) for name in REPLAYED for asked in Recording.load(name).requests_of("kubelet")]
    made = [str(asked) for name in REPLAYED for asked in replayed(name).requests_of("kubelet")]
    assert any(re.match(pattern, line) for line in recorded)
    assert not any(re.match(pattern, line) for line in made)


def test_the_proxys_kubelet_stayed_anonymous():
    for name in divergences.KUBELET_NOT_COMPARED:
        users = {asked.user for asked in Recording.load(name).requests_of("kubelet")}
        assert users == {"system:anonymous", "system:bootstrap:abcdef"}


def test_no_dry_run_has_come_without_its_replay():
    assert not hasattr(Recording.load("02_token_hash_kubelet").configuration, "dry_run")


def test_a_mistyped_token_that_could_be_a_secret_is_masked():
    """The one recorded with a malformed token has none to hide; its text is the same to the letter."""
    assert MASK not in str(replayed("09c_malformed_token").outcome.refusal)
