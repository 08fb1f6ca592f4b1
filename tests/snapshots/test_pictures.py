"""Whole runs as they look: a change in what Kubernetes is said to do shows here first.

After a change that is meant: ``pytest tests/snapshots --snapshot-update``, and read the difference.
"""

import io
from pathlib import Path

import pytest
from rich.console import Console

from joinsim.errors import ScenarioError
from joinsim.report import print_table
from joinsim.scenario import load_file, load_text, run_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PINNED = (SCENARIOS / "token-discovery" / "pinned.yaml").read_text()


def verdicts_of(*files):
    # Files are named as from the project's own folder, wherever tests are started.
    texts = {f"scenarios/{file}.yaml": (SCENARIOS / f"{file}.yaml").read_text() for file in files}
    return [run_scenario(scenario) for file, text in texts.items() for scenario in load_text(text, file)]


@pytest.mark.parametrize(
    "file", ["token-discovery/pinned", "token-discovery/wrong-pin", "under-attack/stolen-token-unpinned"]
)
def test_the_journal_of_a_run(file, snapshot):
    (verdict,) = verdicts_of(file)
    assert verdict.journal.text() == snapshot


def test_the_table_of_all_shipped_scenarios(snapshot):
    console = Console(file=io.StringIO(), width=100, _environ={})
    files = [str(path.relative_to(SCENARIOS).with_suffix("")) for path in sorted(SCENARIOS.rglob("*.yaml"))]
    print_table(console, verdicts_of(*files))
    assert console.file.getvalue() == snapshot


MISTAKES = {
    "a key misspelt": ("claim:", "clam:"),
    "a value misspelt": ("pin: cluster", "pin: clutser"),
    "a duration without a unit": ("tokens: {join: {}}", "tokens: {join: {ttl: 5}}"),
    "a token that nobody made": ("token: join, pin", "token: jion, pin"),
    "a node that is not there": ("join: worker-1}", "join: worker-2}"),
    "YAML that ends too soon": ("trusts: cluster, takes: [0s, 5s]}", "trusts: cluster"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_error_of_a_file(mistake, snapshot):
    right, wrong = MISTAKES[mistake]
    assert PINNED.count(right) == 1
    with pytest.raises(ScenarioError) as caught:
        load_text(PINNED.replace(right, wrong), "pinned.yaml")
    assert str(caught.value) == snapshot


def test_the_shipped_file_behind_the_mistakes_is_right():
    assert len(load_file(str(SCENARIOS / "token-discovery" / "pinned.yaml"))) == 1
