"""``joinsim``: the command that the others hang on, and what becomes of their errors."""

from __future__ import annotations

import os
import sys

import click

from joinsim import __version__
from joinsim.cli.lint import lint, schema
from joinsim.cli.run import run
from joinsim.cli.tokens import ca_hash, token
from joinsim.errors import BackendError, ScenarioError

__all__ = ["main"]

EXIT_WRONG_INPUT, EXIT_NO_GROUND, EXIT_INTERRUPTED = 2, 3, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="joinsim")
def commands() -> None:
    """Simulate and test how machines join a Kubernetes cluster, and who trusts whom afterwards."""


commands.add_command(run)
commands.add_command(lint)
commands.add_command(schema)
commands.add_command(ca_hash)
commands.add_command(token)


def main() -> None:
    """Run the command line and exit. What a user got wrong is told in a line, never in a traceback."""
    try:
        sys.exit(commands.main(standalone_mode=False) or 0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("joinsim: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_WRONG_INPUT)
    except BackendError as error:
        click.echo(f"joinsim: {error}", err=True)
        sys.exit(EXIT_NO_GROUND)
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
