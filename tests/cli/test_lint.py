import json

import pytest

from joinsim.scenario import Document
from tests.cli.conftest import PASSING


def test_files_without_a_fault_are_counted(joinsim, scenario):
    done = joinsim("lint", scenario())
    assert (done.code, done.out, done.err) == (0, "1 file, 1 scenario, nothing wrong\n", "")


def test_cells_are_counted_and_nothing_runs(joinsim, scenario, tmp_path):
    scenario("d/a.yaml")
    scenario("d/b.yaml", PASSING.replace("at: 0s", 'at: "${at}"') + "matrix: {at: [0s, 1s, 2s]}\n")
    done = joinsim("lint", tmp_path / "d")
    assert (done.code, done.out) == (0, "2 files, 4 scenarios, nothing wrong\n")


def test_each_fault_is_a_line_on_standard_error(joinsim, scenario):
    first = scenario("a.yaml", PASSING.replace("claim: C18", "claim: C18\nsed: 1"))
    second = scenario("b.yaml", PASSING.replace("join: {}", "join: {tll: 1h}"))
    done = joinsim("lint", first, second, scenario("good.yaml"))
    assert (done.code, done.out) == (2, "")
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{first}:4:1: sed: expected ")
    assert lines[1].startswith(f"{second}:4:27: cluster.tokens.join.tll: expected ")


def test_lint_needs_a_path(joinsim):
    assert joinsim("lint").code == 2


@pytest.mark.parametrize(
    "text", ["[" * 90, "a: " * 300, "- " * 20, "? " * 20, "&a [*a]", "%", "\t", "---\n---\n"]
)
def test_no_text_gives_a_traceback(joinsim, scenario, text):
    done = joinsim("lint", scenario("x.yaml", text))
    assert (done.code, done.out) == (2, "")
    assert "x.yaml:" in done.err


def test_the_schema_is_json_schema_of_the_format(joinsim):
    done = joinsim("schema")
    assert (done.code, done.err) == (0, "")
    schema = json.loads(done.out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) >= {"joinsim", "summary", "nodes", "timeline", "expect"}
    names = {field.alias or name for name, field in Document.model_fields.items()}
    assert set(schema["properties"]) == names


def test_schema_takes_no_argument(joinsim):
    assert joinsim("schema", "x").code == 2
