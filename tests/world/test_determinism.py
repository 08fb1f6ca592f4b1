"""One seed, same bytes: what a failure report promises to whoever repeats it."""

import os
import subprocess
import sys

import pytest
import trio

from tests.conftest import ROOT
from tests.pair import JoinPair


async def _join(world):
    pair = await JoinPair.create(world)
    assert (await pair.join()).joined
    await trio.sleep(60)
    return world.journal.text()


def test_two_runs_with_one_seed_write_the_same_journal(play):
    assert play(_join, seed=4) == play(_join, seed=4)


def test_runs_with_different_seeds_write_different_journals(play):
    assert play(_join, seed=4) != play(_join, seed=5)


def _journals(folder, hash_seed, seed):
    command = [sys.executable, "-m", "joinsim", "run", "scenarios/token-discovery", "scenarios/under-attack"]
    command += ["-k", "pinned", "--seed", str(seed), "--journal", str(folder)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def across_processes(tmp_path_factory):
    """The journals of the same scenarios, from three processes."""
    settings = {"one": ("1", 1), "other hashes": ("2", 1), "other seed": ("1", 2)}
    return {name: _journals(tmp_path_factory.mktemp("journals"), *these) for name, these in settings.items()}


def test_processes_that_hash_differently_write_the_same_journals(across_processes):
    one, other = across_processes["one"], across_processes["other hashes"]
    assert len(one) >= 4
    assert all(len(journal) > 1000 for journal in one.values())
    assert one.keys() == other.keys()
    for name, journal in one.items():
        assert journal == other[name], f"{name} depends on the order of a set or the address of an object"


def test_a_process_with_another_seed_writes_others(across_processes):
    one, other = across_processes["one"], across_processes["other seed"]
    assert one.keys() == other.keys()
    assert all(journal != other[name] for name, journal in one.items())
