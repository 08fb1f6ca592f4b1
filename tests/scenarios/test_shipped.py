"""The scenarios that come with joinsim: each holds, and together they show what was promised."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from joinsim.cli.lint import schema_text
from joinsim.events import CsrApproved, JoinFailed, JoinStarted
from joinsim.scenario import CheckKind, Outcome, Status, load_file, load_text, outcome_of, run_scenario
from tests.scenarios.claims import CLAIMS, README, SCENARIOS, with_table

FILES = sorted(str(path.relative_to(SCENARIOS)) for path in SCENARIOS.rglob("*.y*ml"))
CELLS = {
    f"{Path(file).parent}/{scenario.name}": scenario
    for file in FILES
    for scenario in load_file(str(SCENARIOS / file))
}


@cache
def ran(cell, seed=1):
    return run_scenario(CELLS[cell], seed=seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cell", CELLS)
def test_a_shipped_scenario_passes(cell, seed):
    verdict = ran(cell, seed)
    assert (verdict.status, verdict.problem, verdict.failures) == (Status.PASSED, "", [])
    assert any(check.kind is CheckKind.EXPECTATION for check in verdict.checks)


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_scenario_fails_where_the_opposite_is_expected(file):
    # What passes whatever is expected of it has shown nothing.
    document = load_file(str(SCENARIOS / file))[0].document.value()
    for index, expected in enumerate(document["expect"]):
        if expected.get("outcome") == "joined":
            expected |= {"outcome": "refused", "phase": "preflight", "reason": "pin-mismatch"}
        elif "outcome" in expected:
            kept = {key: expected[key] for key in ("when", "node") if key in expected}
            document["expect"][index] = {**kept, "outcome": "joined"}
    scenario, *_ = load_text(json.dumps(document), file)
    verdict = run_scenario(scenario)
    assert verdict.status is Status.FAILED
    assert any(check.kind is CheckKind.EXPECTATION for check in verdict.failures)


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_file_names_the_schema_in_its_first_line(file):
    first = (SCENARIOS / file).read_text().splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named
    assert (SCENARIOS / file).parent.joinpath(named[1]).resolve() == SCENARIOS / "scenario.schema.json"


def test_the_shipped_schema_is_what_the_command_prints():
    assert (SCENARIOS / "scenario.schema.json").read_text() == schema_text(), (
        "make it again: python -m joinsim schema > scenarios/scenario.schema.json"
    )


def test_the_guides_table_of_claims_is_up_to_date():
    told = README.read_text()
    assert told == with_table(told), "make it again: python -m tests.scenarios.claims"


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_file_names_claims_that_there_are(file):
    claims = load_file(str(SCENARIOS / file))[0].model.claim
    assert claims
    assert set(claims) <= set(CLAIMS)
    assert len(claims) == len(set(claims))


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_file_has_a_summary_of_its_own(file):
    summaries = [scenario.model.summary for scenario in CELLS.values()]
    own = load_file(str(SCENARIOS / file))
    assert own[0].model.summary.endswith(".")
    assert summaries.count(own[0].model.summary) == len(own)


def test_the_claims_are_numbered_without_gaps():
    assert list(CLAIMS) == [
        *(f"C{number}" for number in range(1, 37)),
        *(f"S{number}" for number in range(1, 9)),
    ]


def test_every_folder_is_in_the_guide():
    told = README.read_text()
    for folder in {Path(file).parts[0] for file in FILES}:
        assert f"| `{folder}` |" in told


# --- the situations that were promised --------------------------------------------------------------

# Situation by situation: the file, what its (one) node is given, and how its join has to end.
SITUATIONS = {
    "pinned token": ("token-discovery/pinned", {"token", "pin"}, "joined"),
    "unpinned token": ("token-discovery/unpinned", {"token", "no pin"}, "joined"),
    "file with credentials inside": ("file-discovery/embedded-credentials", {"file"}, "joined"),
    "file and TLS bootstrap token": (
        "file-discovery/with-tls-bootstrap-token",
        {"file", "tlsBootstrapToken"},
        "joined",
    ),
    "file without credentials, no token": (
        "file-discovery/without-credentials",
        {"file"},
        "refused: credentials-missing",
    ),
    "HTTPS URL": ("file-discovery/https-url", {"https", "tlsBootstrapToken"}, "joined"),
    "HTTPS URL that the host does not verify": (
        "file-discovery/https-url-untrusted",
        {"https", "tlsBootstrapToken"},
        "refused: discovery-file-unavailable",
    ),
    "plain HTTP URL": (
        "file-discovery/http-url",
        {"http", "tlsBootstrapToken"},
        "refused: invalid-configuration",
    ),
    "wrong CA hash": ("token-discovery/wrong-pin", {"token", "pin"}, "refused: pin-mismatch"),
    "two hashes of which one matches": ("token-discovery/one-of-two-pins", {"token", "two pins"}, "joined"),
    "wrong token secret": ("token-discovery/wrong-secret", {"token", "pin"}, "refused: signature-invalid"),
    "unknown token id": ("token-discovery/unknown-token", {"token", "pin"}, "timed-out: signature-missing"),
    "expired token": ("token-discovery/expired-token", {"token", "pin"}, "timed-out: signature-missing"),
    "node before control plane": ("token-discovery/before-the-control-plane", {"token", "no pin"}, "joined"),
    "approved after four minutes": ("approval/approved-by-hand", {"token", "pin"}, "joined"),
    "nobody approves": ("approval/nobody-approves", {"token", "pin"}, "timed-out: tls-bootstrap-timeout"),
    "cluster-info closed, token": (
        "hardening/closed-cluster-info-token",
        {"token", "pin"},
        "timed-out: cluster-info-unavailable",
    ),
    "cluster-info closed, file": (
        "hardening/closed-cluster-info-file",
        {"file", "tlsBootstrapToken"},
        "joined",
    ),
}


def _given(node):
    """What a node is told, in a few words."""
    discovery = node.discovery
    if discovery.token is not None:
        yield "token"
        yield {None: "pinning not said", 0: "no pin", 1: "pin", 2: "two pins"}[
            None if discovery.pin is None else len(discovery.pin)
        ]
    if discovery.file is not None:
        yield "file"
    if discovery.url is not None:
        yield discovery.url.partition(":")[0]
    if node.tls_bootstrap_token is not None:
        yield "tlsBootstrapToken"


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_promised_situation_is_there(situation):
    cell, given, outcome = SITUATIONS[situation]
    scenario = CELLS[cell]
    (name, node), *others = scenario.model.nodes.items()
    assert not others
    assert set(_given(node)) == given
    assert outcome_of(name, ran(cell).journal) == outcome
    # It is promised only if the file itself expects it.
    (expected,) = (wanted for _, wanted in scenario.expectations() if getattr(wanted, "node", "") == name)
    assert (
        f"{expected.outcome}: {expected.reason}" == outcome or expected.outcome == outcome == Outcome.JOINED
    )


def _span(cell, ended):
    journal = ran(cell).journal
    (began, _), *_ = journal.of(JoinStarted)
    (end, event), *_ = journal.of(ended)
    return end.at - began.at, event


def test_an_approval_by_hand_comes_after_four_minutes():
    waited, event = _span("approval/approved-by-hand", CsrApproved)
    assert 240 <= waited < 245
    assert event.approver == "kubernetes-admin"
    assert CELLS["approval/approved-by-hand"].model.cluster.approval == "manual"


@pytest.mark.parametrize(
    "cell",
    ["approval/nobody-approves", "hardening/closed-cluster-info-token", "token-discovery/unknown-token"],
)
def test_a_join_that_times_out_does_so_after_five_minutes(cell):
    waited, event = _span(cell, JoinFailed)
    assert 300 <= waited < 310
    assert event.timed_out


def test_a_plain_http_url_is_refused_at_validation():
    waited, event = _span("file-discovery/http-url", JoinFailed)
    assert (waited, event.phase) == (0, "configuration")


def test_the_node_that_starts_early_starts_before_the_control_plane():
    scenario = CELLS["token-discovery/before-the-control-plane"]
    assert scenario.model.cluster.starts_at > scenario.model.timeline[0].at


def test_closed_to_the_public_means_closed_in_both_scenarios():
    for file in ("token", "file"):
        assert CELLS[f"hardening/closed-cluster-info-{file}"].model.cluster.cluster_info == "closed"
