"""The command line, called as a function or as a process."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from joinsim.cli import main

ROOT = Path(__file__).parents[2]

PASSING = """\
joinsim: 1
summary: A node with a token and a pin joins.
claim: C18
cluster: {tokens: {join: {}}}
nodes:
  worker-1:
    discovery: {token: join, pin: cluster}
timeline:
  - {at: 0s, join: worker-1}
expect:
  - {node: worker-1, outcome: joined}
"""
FAILING = PASSING.replace("outcome: joined", "outcome: refused, phase: preflight, reason: pin-mismatch")


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def joinsim(capfd):
    """Call the command line in this process: ``joinsim("run", path)``."""

    def call(*arguments):
        capfd.readouterr()
        before = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        finally:
            signal.signal(signal.SIGTERM, before)
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Outcome(ended.value.code, out, err)

    return call


def environment(**variables):
    """What a process of its own is given: this project, and nothing of whoever runs the tests."""
    kept = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    return {**kept, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **variables}


@pytest.fixture
def process(tmp_path):
    """Start the command line as a process in a folder of its own; it is gone when the test is."""
    started = []

    def start(*arguments, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **options}
        command = [sys.executable, "-m", "joinsim", *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=tmp_path, **options))
        return started[-1]

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()


@pytest.fixture
def scenario(tmp_path):
    """Write a scenario: ``scenario("name.yaml")``, one that passes unless told otherwise."""

    def write(name="passing.yaml", text=PASSING):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
