"""Runs of scenarios whose cast is kept, so that one journal can be judged against many expectations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from joinsim.backends import FakeGround
from joinsim.journal import Journal
from joinsim.scenario import Cast, Scenario, Verdict, judge, load_file, load_text, run_scenario

SHIPPED = sorted((Path(__file__).parent.parent.parent / "scenarios").rglob("*.yaml"))


class Witness(FakeGround):
    """Simulated ground that remembers what was played on it."""

    def run(self, play, **settings):
        self.play = play
        return super().run(play, **settings)


@dataclass(frozen=True)
class Run:
    """A scenario that has run."""

    scenario: Scenario
    verdict: Verdict
    journal: Journal
    cast: Cast

    def judged(self, *expectations) -> Verdict:
        """The verdict on the same journal, had the file expected this instead."""
        model = self.scenario.model.model_copy(update={"expect": expectations})
        return judge(replace(self.scenario, model=model), self.verdict.seed, self.journal, self.cast)

    @property
    def events(self) -> list[object]:
        return [record.event for record in self.journal]

    def of(self, kind):
        return [event for _, event in self.journal.of(kind)]


def run(scenario: Scenario, *, seed: int | None = None) -> Run:
    ground = Witness()
    verdict = run_scenario(scenario, seed=seed, ground=ground)
    assert verdict.journal is not None, verdict.problem
    return Run(scenario, verdict, verdict.journal, ground.play.cast)


def run_text(text: str, *, seed: int | None = None) -> Run:
    """Run the one scenario of a text."""
    (scenario,) = load_text(text, "made-up.yaml")
    return run(scenario, seed=seed)


_done: dict[str, list[Run]] = {}


def shipped_runs(file: Path) -> list[Run]:
    """The runs of a shipped file, one a cell; they happen once for all tests."""
    key = str(file)
    if key not in _done:
        _done[key] = [run(scenario) for scenario in load_file(key)]
    return _done[key]


def document(
    *,
    cluster: str = "{tokens: {join: {}}}",
    node: str = "{discovery: {token: join, pin: cluster}}",
    nodes: str = "",
    timeline: str = "  - {at: 0s, join: worker-1}\n",
    expect: str = "  - {node: worker-1, outcome: joined}\n",
    rest: str = "",
) -> str:
    """A scenario of one node, with parts of it replaced."""
    return (
        "joinsim: 1\n"
        "summary: Made up for a test.\n"
        f"cluster: {cluster}\n"
        f"nodes:\n  worker-1: {node}\n{nodes}"
        f"{rest}"
        f"timeline:\n{timeline}"
        f"expect:\n{expect}"
    )
