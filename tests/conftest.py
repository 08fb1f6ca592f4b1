"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from joinsim.backends import FakeGround
from joinsim.world import World

# Machines differ in speed; a deadline would test the machine.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).parent.parent


@pytest.fixture
def play() -> Callable[..., Any]:
    """Run an async function in a world of its own, on virtual time: ``play(body)``, ``play(body, seed=2)``."""

    def run(body: Callable[[World], Awaitable[Any]], *, seed: int = 1) -> Any:
        return FakeGround().run(body, seed=seed)

    return run


@pytest.fixture(scope="session")
def recorded() -> Path:
    """What a real control plane and the real kubeadm answered."""
    return Path(__file__).parent / "recorded"


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Tables of inputs and results beside the project; skips where they are not there."""
    folder = ROOT.parent / "shared" / "protocol" / "vectors"
    if not folder.is_dir():
        pytest.skip("the tables of inputs and results are not here")
    return folder
