"""Verdicts as JUnit XML, the format that CI systems read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from joinsim.scenario import Status, Verdict

__all__ = ["as_junit"]

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(verdicts: Sequence[Verdict]) -> str:
    """One test suite, one test case a scenario; its time is the world's."""
    counts = Counter(verdict.status for verdict in verdicts)
    suite = ET.Element(
        "testsuite",
        name="joinsim",
        tests=str(len(verdicts)),
        failures=str(counts[Status.FAILED]),
        errors=str(counts[Status.ERRORED]),
        skipped=str(counts[Status.SKIPPED]),
    )
    for verdict in verdicts:
        _add_case(suite, verdict)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    # With "unicode" the declaration would name the encoding of the locale.
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


def _add_case(suite: ET.Element, verdict: Verdict) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_xml(verdict.scenario.file),
        name=_xml(verdict.scenario.name),
        time=f"{verdict.elapsed_seconds:.3f}",
    )
    if verdict.status is Status.SKIPPED:
        ET.SubElement(case, "skipped", message=_xml(verdict.problem))
    elif verdict.status is Status.ERRORED:
        ET.SubElement(case, "error", message=_xml(verdict.problem)).text = _xml(verdict.reproduce)
    elif verdict.status is Status.FAILED:
        lines = [f"expected {check.expected}; observed {check.observed}" for check in verdict.failures]
        failure = ET.SubElement(case, "failure", message=_xml(lines[0]))
        failure.text = _xml("\n".join([*lines, verdict.reproduce]))


def _xml(text: str) -> str:
    """A text without the characters that XML 1.0 cannot hold (its production ``Char``)."""
    return _NOT_XML.sub("\ufffd", text)
