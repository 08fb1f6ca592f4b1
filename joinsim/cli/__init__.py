"""The command line.

Exit codes: 0 all as expected, 1 not as expected, 2 the input is wrong, 3 the ground is
not there, 130 interrupted.
"""

from joinsim.cli.main import main

__all__ = ["main"]
