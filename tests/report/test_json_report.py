import hashlib
import json

import pytest

from joinsim.report import as_json
from joinsim.scenario import Property
from tests.report.conftest import PASSING, verdict_of

KEYS = [
    "scenario",
    "file",
    "cell",
    "summary",
    "claims",
    "seed",
    "status",
    "problem",
    "elapsedSeconds",
    "broken",
    "checks",
    "journalDigest",
    "reproduce",
]


def told(*verdicts):
    return json.loads(as_json(verdicts))["verdicts"]


def test_the_document_of_every_kind_of_verdict(verdicts, snapshot):
    assert as_json(list(verdicts.values())) == snapshot


def test_the_document_has_a_version_and_ends_with_a_line(verdicts):
    assert json.loads(as_json([])) == {"joinsim": 1, "verdicts": []}
    assert as_json([verdicts["passed"]]).endswith("}\n")


def test_every_verdict_has_the_same_keys(verdicts):
    for one in told(*verdicts.values()):
        assert list(one) == KEYS
        for check in one["checks"]:
            assert list(check) == ["kind", "held", "expected", "observed", "location"]


def test_verdicts_keep_their_order(verdicts):
    names = [one["scenario"] for one in told(*verdicts.values())]
    assert names == [verdict.scenario.name for verdict in verdicts.values()]


def test_a_cell_has_its_values(verdicts):
    (one,) = told(verdicts["cell"])
    assert (one["scenario"], one["cell"]) == ("cells[at=1m]", {"at": "1m"})


def test_a_broken_property_says_how_it_was_broken(verdicts):
    (one,) = told(verdicts["broken"])
    assert one["status"] == "failed"
    assert set(one["broken"]) == {Property.GENUINE_CONTROL_PLANE.value}


@pytest.mark.parametrize("kind", ["errored", "skipped"])
def test_what_did_not_run_has_a_problem_and_no_journal(verdicts, kind):
    (one,) = told(verdicts[kind])
    assert one["problem"]
    assert (one["status"], one["journalDigest"], one["checks"]) == (kind, None, [])


def test_the_digest_is_of_the_journals_text(verdicts):
    passed = verdicts["passed"]
    (one,) = told(passed)
    assert one["journalDigest"] == hashlib.sha256(passed.journal.text().encode()).hexdigest()


def test_equal_runs_give_equal_documents():
    documents = {as_json([verdict_of(PASSING)]) for _ in range(2)}
    assert len(documents) == 1


@pytest.mark.parametrize("said", ["\x00\x1b[31m", "\ud800", "\u2028", '"\\', "世界 🔑"], ids=ascii)
def test_any_text_survives_and_the_document_is_ascii(foreign, said):
    document = as_json([foreign(said)])
    assert document.isascii()
    (one,) = json.loads(document)["verdicts"]
    assert one["scenario"] == said
    assert one["checks"][0]["observed"] == said


def test_a_token_in_a_summary_is_masked():
    text = PASSING.replace("summary: A node", "summary: With abcdef.0123456789abcdef a node")
    assert "0123456789abcdef" not in as_json([verdict_of(text)])


def test_an_error_of_joinsims_own_has_its_secrets_masked(verdicts):
    (one,) = told(verdicts["errored"])
    assert one["problem"] == "JoinsimError: the floor gave way under abcdef.****************"
