import pytest

from joinsim import __version__
from joinsim.cli.main import commands
from joinsim.errors import BackendError, Location, ScenarioError


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["run", "-h"], ["token", "--help"], ["ca-hash", "-h"]]
)
def test_help_is_on_standard_output(joinsim, arguments):
    done = joinsim(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: ")


def test_help_names_every_command(joinsim):
    done = joinsim("--help")
    for command in ("run", "lint", "schema", "ca-hash", "token"):
        assert f"\n  {command} " in done.out


@pytest.mark.parametrize("arguments", [[], ["token"]])
def test_a_group_without_a_command_shows_its_help_and_ends_with_2(joinsim, arguments):
    done = joinsim(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err


def test_the_version(joinsim):
    done = joinsim("--version")
    assert (done.code, done.out) == (0, f"joinsim, version {__version__}\n")


@pytest.mark.parametrize("arguments", [["rnu"], ["token", "make"], ["RUN"], [""]])
def test_an_unknown_command_is_refused(joinsim, arguments):
    done = joinsim(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "No such command" in done.err


@pytest.fixture
def failing():
    """A command that fails in a way of one's own."""

    def make(error):
        @commands.command("fail-for-a-test")
        def fail():
            raise error

    yield make
    commands.commands.pop("fail-for-a-test", None)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BackendError("no docker"), 3, "joinsim: no docker\n"),
        (ScenarioError("wrong", location=Location("x.yaml", 2, 3)), 2, "x.yaml:2:3: wrong\n"),
        (KeyboardInterrupt(), 130, "joinsim: interrupted\n"),
        (
            OSError(28, "No space left on device"),
            2,
            "joinsim: cannot write the output: No space left on device\n",
        ),
    ],
    ids=["ground", "input", "interrupted", "output"],
)
def test_each_kind_of_failure_has_its_exit_code(process_of_failure, error, code, said):
    done = process_of_failure(error)
    assert (done.code, done.out) == (code, "")
    assert done.err.lstrip("\n") == said


@pytest.fixture
def process_of_failure(joinsim, failing, capfd):
    import os

    def run(error):
        failing(error)
        # A failure of the output leaves standard output pointing at nothing.
        kept = os.dup(1)
        try:
            return joinsim("fail-for-a-test")
        finally:
            os.dup2(kept, 1)
            os.close(kept)

    return run
