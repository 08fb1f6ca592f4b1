import re
from xml.etree import ElementTree as ET

import pytest

from joinsim.report import as_junit

# What XML 1.0 takes for a character (its production 2), written down apart from the package.
NOT_XML = [chr(n) for n in (*range(9), 11, 12, *range(14, 32), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF)]


def suite_of(*verdicts):
    root = ET.fromstring(as_junit(verdicts).encode())
    assert root.tag == "testsuites"
    (suite,) = root
    return suite


def test_the_document_of_every_kind_of_verdict(verdicts, snapshot):
    assert as_junit(list(verdicts.values())) == snapshot


def test_the_suite_counts_every_kind(verdicts):
    suite = suite_of(*verdicts.values())
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "7", "failures": "2", "errors": "1", "skipped": "1"}
    assert len(suite) == 7


def test_no_verdicts_are_an_empty_suite():
    suite = suite_of()
    assert (suite.get("tests"), len(suite)) == ("0", 0)


@pytest.mark.parametrize(
    ("kind", "child"), [("passed", None), ("failed", "failure"), ("errored", "error"), ("skipped", "skipped")]
)
def test_a_case_says_what_became_of_it(verdicts, kind, child):
    (case,) = suite_of(verdicts[kind])
    assert [element.tag for element in case] == [child] * (child is not None)
    assert case.get("name") == verdicts[kind].scenario.name
    assert case.get("classname") == verdicts[kind].scenario.file


def test_the_time_is_the_worlds_in_seconds(verdicts):
    (case,) = suite_of(verdicts["several"])
    assert re.fullmatch(r"\d+\.\d{3}", case.get("time"))
    assert 300 <= float(case.get("time")) < 310


def test_a_failure_has_every_check_that_did_not_hold_and_the_command(verdicts):
    (case,) = suite_of(verdicts["failed"])
    (failure,) = case
    lines = failure.text.splitlines()
    assert len(lines) == 3
    assert failure.get("message") == lines[0]
    assert lines[-1] == verdicts["failed"].reproduce


def test_an_error_has_its_problem_and_the_command(verdicts):
    (case,) = suite_of(verdicts["errored"])
    (error,) = case
    assert error.get("message") == verdicts["errored"].problem
    assert error.text == verdicts["errored"].reproduce


def test_markup_is_escaped(foreign):
    said = '<a href="x">&amp;\'</a>]]>'
    (case,) = suite_of(foreign(said))
    assert case.get("name") == said
    assert said in case[0].get("message")
    assert said in case[0].text


@pytest.mark.parametrize("said", NOT_XML, ids=ascii)
def test_what_xml_cannot_hold_is_replaced_everywhere(foreign, said):
    document = as_junit([foreign(f"a{said}b")])
    assert said not in document
    (case,) = suite_of(foreign(f"a{said}b"))
    assert case.get("name") == "a\ufffdb"
    assert "a\ufffdb" in case[0].get("message")
    assert case[0].text.count("\ufffd") >= 2


@pytest.mark.parametrize("said", ["\u00a0", "\u200d", "世界", "🔑", "\ufffd", "\u2028", "\x7f"], ids=ascii)
def test_what_xml_can_hold_is_kept(foreign, said):
    (case,) = suite_of(foreign(said))
    assert case.get("name") == said


def test_the_declaration_names_the_encoding_that_files_have(verdicts):
    assert as_junit([verdicts["passed"]]).startswith("<?xml version='1.0' encoding='utf-8'?>\n")
