"""How verdicts are shown: on a terminal, in a pipe, to machines."""

from joinsim.report.json_report import as_json
from joinsim.report.junit import as_junit
from joinsim.report.text import plain_lines, print_table, summary

__all__ = ["as_json", "as_junit", "plain_lines", "print_table", "summary"]
