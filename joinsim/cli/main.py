"""``joinsim``: the command that the others hang on, and what becomes of their errors."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from joinsim import __version__
from joinsim.errors import BackendError, ScenarioError

__all__ = ["main"]

EXIT_NOT_AS_EXPECTED, EXIT_WRONG_INPUT, EXIT_NO_GROUND, EXIT_INTERRUPTED = 1, 2, 3, 130


_COMMANDS = {
    "ca-hash": "joinsim.cli.tokens:ca_hash",
    "lint": "joinsim.cli.lint:lint",
    "run": "joinsim.cli.run:run",
    "schema": "joinsim.cli.lint:schema",
    "token": "joinsim.cli.tokens:token",
}
"""Where each command is. They are imported when they are asked for, inside :func:`main`."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="joinsim")
def commands() -> None:
    """Simulate and test how machines join a Kubernetes cluster, and who trusts whom afterwards."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit. What a user got wrong is told in a line, never in a traceback.

    ``arguments`` are the process's own unless given.
    """
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding cannot show must not cost the verdict.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = commands.main(arguments, standalone_mode=False) or 0
        # Without a standard output (``>&-``) there is no such stream.
        if isinstance(sys.stdout, io.IOBase):
            sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = EXIT_INTERRUPTED
        _tell("interrupted")
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except ScenarioError as error:
        click.echo(str(error), err=True)
        code = EXIT_WRONG_INPUT
    except BackendError as error:
        code = EXIT_NO_GROUND
        _tell(str(error))
    except OSError as error:
        # Only output is left to fail here. Whoever reads it may have gone, which is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_NOT_AS_EXPECTED if isinstance(error, BrokenPipeError) else EXIT_WRONG_INPUT
        if not isinstance(error, BrokenPipeError):
            _tell(f"cannot write the output: {error.strerror}")
    sys.exit(code)


def _tell(said: str) -> None:
    click.echo(f"joinsim: {said}", err=True)


def _terminated(number: int, frame: FrameType | None) -> None:
    """Being asked to end is being interrupted: trio and rich tidy up in the same way."""
    interrupted = signal.getsignal(signal.SIGINT)
    if not callable(interrupted):
        raise KeyboardInterrupt
    interrupted(signal.SIGINT, frame)
