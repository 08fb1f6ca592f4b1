import re

import pytest

from joinsim.errors import ScenarioError
from joinsim.scenario import ScenarioErrors, load_file, load_text
from tests.scenario.mistakes import SECTIONS, WHOLE, WHOLE_TEXTS, Mistake, made

MISTAKES = {
    f"{section}: {name}": made(how) for section, all_ in SECTIONS.items() for name, how in all_.items()
}
MISTAKES |= {f"whole text: {name}": Mistake.of(marked) for name, marked in WHOLE_TEXTS.items()}
# Where these leave nothing of the file to be right, several things are wrong at once.
SEVERAL = {"wrong type: text for a mapping", "whole text: an empty mapping"}
SECRETS = ("0123456789abcde", "0123456789ABCDEF")


def errors_of(text, file="scenario.yaml"):
    with pytest.raises(ScenarioError) as caught:
        load_text(text, file)
    error = caught.value
    return error.errors if isinstance(error, ScenarioErrors) else [error]


def test_the_scenario_that_the_mistakes_are_made_in_has_none():
    assert [scenario.name for scenario in load_text(WHOLE, "dir/whole.yaml")] == [
        "whole[timeout=5m]",
        "whole[timeout=10m]",
    ]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line_that_points_at_it(name):
    mistake = MISTAKES[name]
    errors = errors_of(mistake.text)
    told = str(errors[0])
    assert told.startswith(f"scenario.yaml:{mistake.line}:{mistake.column}: ")
    assert len(errors) == 1 or name in SEVERAL, "\n".join(map(str, errors))
    for error in errors:
        assert str(error).isprintable()
        assert "expected" in str(error)
        assert not any(secret in str(error) for secret in SECRETS)


def test_what_is_told_of_each_mistake(snapshot):
    told = {name: [str(error) for error in errors_of(mistake.text)] for name, mistake in MISTAKES.items()}
    assert "\n".join(f"{name}\n    " + "\n    ".join(lines) for name, lines in told.items()) == snapshot


def test_several_mistakes_are_told_in_the_order_of_the_file():
    text = WHOLE.replace("seed: 7", "seed: x").replace("by: mallory", "bye: mallory")
    text = text.replace("fired: true", "fired: maybe").replace("ttl: 24h", "ttl: 1 day")
    lines = [error.location.line for error in errors_of(text)]
    assert len(lines) >= 4
    assert lines == sorted(lines)


def test_references_that_lead_nowhere_are_all_told():
    text = WHOLE.replace("approve: worker-1", "approve: worker-9").replace("trusts: mallory", "trusts: eve")
    assert [error.path for error in errors_of(text)] == ["timeline[6].approve", "expect[0].trusts"]


def test_a_mistake_in_one_cell_only_is_told():
    # The first cell is right; the second puts a value where none of its kind belongs.
    text = WHOLE.replace("[5m, 10m]", '[5m, "10 m"]')
    (error,) = errors_of(text)
    assert 'found "10 m"' in str(error)


def test_lines_end_as_they_like():
    mistake = MISTAKES["reference: who is trusted"]
    (error,) = errors_of(mistake.text.replace("\n", "\r\n"))
    assert (error.location.line, error.location.column) == (mistake.line, mistake.column)


def test_columns_count_characters_and_not_bytes():
    (error,) = errors_of(WHOLE.replace("by: mallory", 'by: mallory, "ключ🔑": 1'))
    line = next(line for line in WHOLE.splitlines() if "by: mallory" in line)
    assert error.location.column == line.index("by: mallory") + len("by: mallory, ") + 1


def test_aliases_may_repeat_what_is_there():
    text = (
        WHOLE.replace("ttl: 24h", "ttl: &day 24h")
        .replace("deadline: 2h", "deadline: 2h")
        .replace("{name: later, ttl: 1h}", "{name: later, ttl: *day}")
    )
    scenario = load_text(text)[0]
    step = next(step for step in scenario.model.timeline if step.create_token)
    assert step.create_token.ttl == 86400.0


def test_aliases_that_multiply_are_refused():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]\n" for depth in range(1, 9)
    )
    (error,) = errors_of(bomb)
    assert "expected at most 100000 values, found more" in str(error)


@pytest.mark.parametrize("depth", [1, 50, 100])
def test_what_is_nested_no_deeper_than_the_limit_is_read(depth):
    (error,) = errors_of("[" * depth + "]" * depth)
    assert "expected a mapping, found a list" in str(error)


# --- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "place", "byte"),
    [
        (b"joinsim: 1\nsummary: \xff\n", "2:10", "0xff"),
        (b"\x80", "1:1", "0x80"),
        ("summary: äöü ".encode() + b"\xc3(", "1:14", "0xc3"),
        ("joinsim: 1\n".encode("utf-16"), "1:1", "0xff"),
        (b"summary: \xed\xa0\x80", "1:10", "0xed"),
    ],
)
def test_a_file_that_is_not_utf_8_is_refused_at_the_byte_that_shows_it(tmp_path, content, place, byte):
    file = tmp_path / "latin.yaml"
    file.write_bytes(content)
    with pytest.raises(ScenarioError, match=rf"latin\.yaml:{place}: expected UTF-8, found byte {byte} at "):
        load_file(str(file))


def test_a_byte_order_mark_is_no_part_of_the_scenario(tmp_path):
    file = tmp_path / "marked.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    assert len(load_file(str(file))) == 2


@pytest.mark.parametrize("what", ["missing.yaml", ".", "missing/x.yaml"])
def test_a_file_that_cannot_be_read_is_the_authors_to_put_right(tmp_path, what):
    with pytest.raises(ScenarioError):
        load_file(str(tmp_path / what))


# --- names and cells ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.yaml", "a"), ("dir/b.yml", "b"), ("c.joinsim.yaml", "c"), ("d.yaml.yaml", "d.yaml"), ("e", "e")],
)
def test_a_scenario_is_named_after_its_file(file, name):
    text = re.sub(r"  timeout: .*", "  timeout: [5m]", WHOLE)
    (scenario,) = load_text(text, file)
    assert scenario.name == name


def test_the_cells_of_a_matrix_come_in_the_order_of_the_file():
    text = WHOLE.replace("  timeout: [5m, 10m]", "  timeout: [5m, 10m]\n  z: [true, b]\n  a: [1, 2.5]")
    cells = [dict(scenario.cell) for scenario in load_text(text)]
    assert cells == [
        {"timeout": timeout, "z": z, "a": a}
        for timeout in ("5m", "10m")
        for z in (True, "b")
        for a in (1, 2.5)
    ]


def test_a_parameter_keeps_its_kind():
    text = WHOLE.replace("  timeout: [5m, 10m]", "  timeout: [5m]\n  s: [3]\n  h: [true, false]")
    text = text.replace("seed: 7", "seed: ${s}").replace("heartbeats: true", "heartbeats: ${h}")
    seen = [(each.model.seed, each.model.nodes["worker-1"].heartbeats) for each in load_text(text)]
    assert seen == [(3, True), (3, False)]


def test_an_expectation_holds_in_the_cells_that_it_names():
    text = WHOLE.replace("when: {timeout: 5m}", "when: {timeout: [5m]}")
    first, second = load_text(text)
    assert len(list(first.expectations())) == len(list(second.expectations())) + 1


def test_expectations_and_steps_know_their_place():
    lines = WHOLE.splitlines()
    scenario = load_text(WHOLE, "x.yaml")[0]
    for location, expectation in scenario.expectations():
        kind = next(kind for kind in ("node", "csr", "property", "attack") if hasattr(expectation, kind))
        assert f"{kind}: {getattr(expectation, kind)}" in lines[location.line - 1]
    for index, step in enumerate(scenario.model.timeline):
        location = scenario.step_location(index)
        assert lines[location.line - 1][location.column - 1 :].startswith(
            "{" if step.action != "publish" else ("{", "at")
        )
