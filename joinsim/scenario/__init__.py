"""Scenarios: the file format, the runner, and the checks over a finished journal."""

from joinsim.scenario.cast import Cast
from joinsim.scenario.expectations import outcome_of
from joinsim.scenario.expected import Outcome, Property
from joinsim.scenario.loader import Scenario, ScenarioErrors, load_file, load_text
from joinsim.scenario.properties import breaches
from joinsim.scenario.runner import run_scenario
from joinsim.scenario.schema import Binding, Document
from joinsim.scenario.verdict import Check, CheckKind, Status, Verdict, judge

__all__ = [
    "Binding",
    "Cast",
    "Check",
    "CheckKind",
    "Document",
    "Outcome",
    "Property",
    "Scenario",
    "ScenarioErrors",
    "Status",
    "Verdict",
    "breaches",
    "judge",
    "load_file",
    "load_text",
    "outcome_of",
    "run_scenario",
]
