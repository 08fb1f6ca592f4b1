import shlex

import click.testing
import pytest

from joinsim.backends import Capability, FakeGround
from joinsim.cli.main import commands
from joinsim.errors import BackendError
from joinsim.scenario import CheckKind, Property, Status, load_file, load_text, run_scenario
from tests.scenario.runs import document, run_text

REFUSED = "  - {node: worker-1, outcome: refused, phase: configuration, reason: invalid-configuration}\n"


class Grounded(FakeGround):
    """Ground on which provisioning a cluster goes wrong."""

    def __init__(self, error):
        self.error = error

    async def provision(self, world, plan, prepare):
        raise self.error


def scenario(**parts):
    (only,) = load_text(document(**parts), "made-up.yaml")
    return only


def test_what_is_as_expected_passes():
    run = run_text(document())
    assert run.verdict.status is Status.PASSED
    assert run.verdict.failures == []
    assert run.verdict.broken == ()
    assert {check.kind for check in run.verdict.checks} == {CheckKind.EXPECTATION, CheckKind.PROPERTY}


def test_every_property_is_judged_once_whether_or_not_it_is_named():
    for expect in ("", "  - {property: available, broken: false}\n"):
        run = run_text(document(expect="  - {node: worker-1, outcome: joined}\n" + expect))
        judged = [
            check.expected.split()[0] for check in run.verdict.checks if check.kind is CheckKind.PROPERTY
        ]
        assert judged == [str(each) for each in Property]


def test_what_is_not_as_expected_fails_where_the_file_says_so():
    run = run_text(document(expect=REFUSED))
    assert run.verdict.status is Status.FAILED
    [first] = run.verdict.failures
    assert first.kind is CheckKind.EXPECTATION
    assert (first.location.line, first.location.column) == (9, 5)
    assert first.expected == "worker-1 refused in configuration: invalid-configuration"
    assert first.observed == "worker-1 joined"


def test_a_bug_of_joinsims_own_is_an_error_and_no_failure():
    error = RuntimeError("lost the token abcdef.0123456789abcdef")
    verdict = run_scenario(scenario(), ground=Grounded(error))
    assert verdict.status is Status.ERRORED
    assert verdict.problem == "RuntimeError: lost the token abcdef.****************"
    assert verdict.journal is None
    assert verdict.checks == ()


def test_of_several_errors_the_first_is_told():
    group = ExceptionGroup("several", [ExceptionGroup("more", [ValueError("one")]), KeyError("two")])
    verdict = run_scenario(scenario(), ground=Grounded(group))
    assert (verdict.status, verdict.problem) == (Status.ERRORED, "ValueError: one")


@pytest.mark.parametrize(
    "error",
    [
        BackendError("no docker"),
        KeyboardInterrupt(),
        SystemExit(3),
        BaseExceptionGroup("both", [ValueError("one"), KeyboardInterrupt()]),
        ExceptionGroup("one", [BackendError("no docker")]),
    ],
    ids=repr,
)
def test_that_the_ground_is_not_there_or_the_user_interrupts_is_raised(error):
    wanted = (BackendError, KeyboardInterrupt, SystemExit)
    with pytest.raises(wanted):
        run_scenario(scenario(), ground=Grounded(error))


@pytest.mark.parametrize(
    ("missing", "parts"),
    [
        (Capability.LATE_START, {"cluster": "{tokens: {join: {}}, startsAt: 1s}"}),
        (Capability.KEY_ALGORITHM, {"cluster": "{tokens: {join: {}}, keyAlgorithm: ECDSA-P256}"}),
        (Capability.CERTIFICATE_VALIDITY, {"cluster": "{tokens: {join: {}}, certificateValidity: 8760h}"}),
        (Capability.FILE_SERVERS, {"rest": "fileServers: {files.example: {}}\n"}),
        (Capability.LINKS, {"rest": "adversaries:\n  m: {position: {between: [worker-1, control-plane]}}\n"}),
    ],
)
def test_a_scenario_that_asks_for_more_than_the_ground_has_is_skipped_and_says_why(missing, parts):
    class Poorer(FakeGround):
        name = "poorer"
        capabilities = frozenset(Capability) - {missing}

    verdict = run_scenario(scenario(**parts), ground=Poorer())
    assert verdict.status is Status.SKIPPED
    assert verdict.problem == f"the ground poorer does not have {missing}"
    assert run_scenario(scenario(**parts)).status is Status.PASSED
    assert run_scenario(scenario(), ground=Poorer()).status is Status.PASSED


# --- again ----------------------------------------------------------------------------------------


def test_the_seed_of_the_file_counts_unless_another_is_given():
    made = scenario(rest="seed: 5\n")
    assert run_scenario(made).seed == 5
    assert run_scenario(made, seed=0).seed == 0
    assert run_scenario(made).journal.digest() == run_scenario(made, seed=5).journal.digest()
    assert run_scenario(made).journal.digest() != run_scenario(made, seed=6).journal.digest()


@pytest.mark.parametrize("algorithm", ["ECDSA-P256", "ECDSA-P384"])
def test_two_runs_with_one_seed_give_the_same_bytes(algorithm):
    made = scenario(cluster=f"{{tokens: {{join: {{}}}}, keyAlgorithm: {algorithm}}}")
    first, second = (run_scenario(made, seed=3).journal.text() for _ in range(2))
    assert first == second


def test_the_journal_of_a_run_with_rsa_keys_shows_nothing_of_them():
    made = scenario(cluster="{tokens: {join: {}}, keyAlgorithm: RSA-2048}")
    first, second = (run_scenario(made, seed=3) for _ in range(2))
    assert first.status is Status.PASSED
    assert first.journal.text() == second.journal.text()
    assert '"sha256:key-1"' in first.journal.text()
    assert not any(pin.startswith("sha256:") and len(pin) > 20 for pin in first.journal.text().split('"'))


def test_the_command_runs_exactly_this_again(tmp_path):
    folder = tmp_path / "a folder with 'quotes'"
    folder.mkdir()
    file = folder / "odd.yaml"
    text = document(
        node='{discovery: {token: join, pin: "${pin}"}}', rest="matrix: {pin: [cluster, none, 'sha256:zz']}\n"
    )
    file.write_text(text)
    verdicts = [run_scenario(each, seed=11) for each in load_file(str(file))]
    assert [verdict.status for verdict in verdicts] == [Status.PASSED, Status.PASSED, Status.FAILED]
    for verdict in verdicts:
        program, *arguments = shlex.split(verdict.reproduce)
        assert program == "joinsim"
        result = click.testing.CliRunner().invoke(
            commands, [*arguments, "--json", "-"], standalone_mode=False
        )
        assert result.return_value == (0 if verdict.status is Status.PASSED else 1)
        assert f'"{verdict.scenario.name}"' in result.stdout
        assert all(
            f'"{other.scenario.name}"' not in result.stdout for other in verdicts if other is not verdict
        )
        assert '"seed": 11' in result.stdout
