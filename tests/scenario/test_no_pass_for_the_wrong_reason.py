"""Every expectation of every shipped scenario is falsified, one part at a time: none may still pass.

A verdict is read off a finished journal, so each scenario runs once and its journal is judged
against every falsified version of what its file expects.
"""

import pytest

from joinsim.errors import Reason
from joinsim.events import JoinFailed
from joinsim.scenario import Outcome, Property, Status, load_text, run_scenario
from joinsim.scenario.expected import AttackExpectation, CsrExpectation, NodeExpectation, PropertyExpectation
from tests.scenario.runs import SHIPPED, shipped_runs

PHASES = ("configuration", "preflight", "kubelet-start", "kubelet-wait-bootstrap", "control-plane-join")
CSR_STATES = ("pending", "approved", "denied", "issued")
SOMEBODY = ("kubernetes-admin", "system:anonymous", "system:bootstrap:zzzzzz", "system:node:worker-1", "")


def others(values, but):
    return [value for value in values if value != but]


def falsified_node(expectation, run):
    def but(**changes):
        # Not a copy: what is falsified has to be something that a file could say.
        fields = {name: getattr(expectation, name) for name in type(expectation).model_fields} | changes
        given = {name: value for name, value in fields.items() if value is not None}
        del given["when"]
        if isinstance(given.get("takes"), tuple):
            given["takes"] = [f"{bound}s" for bound in given["takes"]]
        return NodeExpectation.model_validate(given)

    bare = {"phase": None, "reason": None, "error": None}
    refusal = {"phase": expectation.phase or "preflight", "reason": expectation.reason or Reason.PIN_MISMATCH}
    for outcome in others(Outcome, expectation.outcome):
        name = f"outcome {outcome}"
        yield name, but(outcome=outcome, **(bare if outcome is Outcome.JOINED else refusal))
    if expectation.outcome is not Outcome.JOINED:
        for phase in others(PHASES, expectation.phase):
            yield f"phase {phase}", but(phase=phase)
        (failed,) = (event for _, event in run.journal.of(JoinFailed, expectation.node))
        for reason in others(Reason, failed.reason):
            yield f"reason {reason}", but(reason=reason)
        yield "error", but(error="no such words in any error of kubeadm")
        if expectation.error:
            yield "longer error", but(error=expectation.error + "\N{SNOWMAN}")
            yield "error in capitals", but(error=expectation.error.upper())
    if expectation.trusts is not None:
        for trusted in others(("cluster", "nobody", *run.cast.adversaries), expectation.trusts):
            yield f"trusts {trusted}", but(trusts=trusted)
    if expectation.takes is not None:
        shortest, longest = expectation.takes
        yield "takes longer", but(takes=(longest + 0.001, longest + 3600.0))
        if shortest:
            yield "takes less", but(takes=(0.0, shortest - 0.001))


def falsified_csr(expectation, run):
    for state in others(CSR_STATES, expectation.state):
        yield f"state {state}", expectation.model_copy(update={"state": state})
    tokens = [f"token:{name}" for name in run.cast.tokens]
    for key in ("requestor", "approver"):
        if getattr(expectation, key) is not None:
            for who in others((*SOMEBODY, *tokens), getattr(expectation, key)):
                yield f"{key} {who}", expectation.model_copy(update={key: who})


def falsified(expectation, run):
    if isinstance(expectation, NodeExpectation):
        yield from falsified_node(expectation, run)
    elif isinstance(expectation, CsrExpectation):
        yield from falsified_csr(expectation, run)
    elif isinstance(expectation, PropertyExpectation):
        yield "broken", expectation.model_copy(update={"broken": not expectation.broken})
    else:
        assert isinstance(expectation, AttackExpectation)
        yield "fired", expectation.model_copy(update={"fired": not expectation.fired})


def names(file):
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", SHIPPED, ids=names)
def test_a_shipped_scenario_passes_and_every_falsified_expectation_of_it_fails(file):
    for run in shipped_runs(file):
        assert run.verdict.status is Status.PASSED, run.verdict.failures
        expected = [expectation for _, expectation in run.scenario.expectations()]
        places = [location for location, _ in run.scenario.expectations()]
        assert run.judged(*run.scenario.model.expect).status is Status.PASSED
        tried = 0
        for index, expectation in enumerate(expected):
            for what, false in falsified(expectation, run):
                changed = list(run.scenario.model.expect)
                changed[changed.index(expectation)] = false.model_copy(update={"when": expectation.when})
                verdict = run.judged(*changed)
                told = f"{run.scenario.name}, expect[{index}]: {what}"
                assert verdict.status is Status.FAILED, f"passed with a false expectation: {told}"
                assert places[index] in [check.location for check in verdict.failures], told
                tried += 1
        assert tried


@pytest.mark.parametrize("file", SHIPPED, ids=names)
def test_a_statement_about_a_property_that_is_not_so_fails_every_shipped_scenario(file):
    for run in shipped_runs(file):
        broken = dict(run.verdict.broken)
        rest = [
            expectation
            for expectation in run.scenario.model.expect
            if not isinstance(expectation, PropertyExpectation)
        ]
        for judged in Property:
            true = [PropertyExpectation(property=each, broken=each in broken) for each in Property]
            assert run.judged(*rest, *true).status is Status.PASSED
            # What is stated last must not be undone by what is expected of nodes, nor the reverse.
            assert run.judged(*true, *rest).status is Status.PASSED
            false = [
                PropertyExpectation(property=each, broken=(each in broken) is not (each is judged))
                for each in Property
            ]
            for stated in ((*rest, *false), (*false, *rest)):
                verdict = run.judged(*stated)
                assert verdict.status is Status.FAILED, judged
                assert len(verdict.failures) == 1
                assert str(judged) in verdict.failures[0].expected


@pytest.mark.parametrize("file", SHIPPED, ids=names)
def test_what_was_broken_or_refused_cannot_be_kept_quiet(file):
    # Each expectation that says something is wrong is needed for the verdict to pass.
    for run in shipped_runs(file):
        for expectation in run.scenario.model.expect:
            says_wrong = (isinstance(expectation, PropertyExpectation) and expectation.broken) or (
                isinstance(expectation, NodeExpectation) and expectation.outcome is not Outcome.JOINED
            )
            if says_wrong and expectation in [known for _, known in run.scenario.expectations()]:
                quiet = [known for known in run.scenario.model.expect if known is not expectation]
                assert run.judged(*quiet).status is Status.FAILED, expectation


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("outcome: joined, trusts: mallory}", "outcome: joined, trusts: cluster}"),
        ("fired: true}", "fired: false}"),
        ("broken: true}", "broken: false}"),
        ("  - {property: genuine-control-plane, broken: true}\n", ""),
        ("holds: [{token: join}]", "holds: []"),
        ("pin: none", "pin: cluster"),
        ("between: [worker-1, control-plane]", "between: [mallory-2, control-plane]"),
        ("at: 0s, by: mallory", "at: 30m, by: mallory"),
        ("at: 0s, by: mallory", "at: 2h, by: mallory"),
        ("at: 1s, join", "at: 2h, join"),
    ],
)
def test_the_same_holds_from_the_file_to_the_verdict(right, wrong):
    file = next(file for file in SHIPPED if file.stem == "stolen-token-unpinned")
    text = file.read_text()
    assert right in text
    if "mallory-2" in wrong:
        text = text.replace("adversaries:\n", "fileServers: {mallory-2: {}}\nadversaries:\n")
    (scenario,) = load_text(text.replace(right, wrong))
    assert run_scenario(scenario).status is Status.FAILED
