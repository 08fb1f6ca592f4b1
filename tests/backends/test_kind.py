"""The kind ground is not built yet: what asks for it is told so, and nothing runs in its place."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.kind
def test_a_run_on_kind_is_refused_before_anything_happens():
    command = [sys.executable, "-m", "joinsim", "run", "--backend", "kind", "scenarios"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'kind' is not 'fake'" in done.stderr
