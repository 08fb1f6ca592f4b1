"""Whatever an author does to a file, it loads or it is refused at a place within it."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from joinsim.api.yaml_codec import load_yaml
from joinsim.errors import ScenarioError
from joinsim.scenario import ScenarioErrors, load_file, load_text
from tests.scenario.mistakes import WHOLE
from tests.scenario.runs import SHIPPED

TEXTS = [WHOLE, *(file.read_text() for file in SHIPPED)]
LIKE_A_MARK = [
    "[key]",
    "<node>",
    "<word>",
    "<token>",
    "<<",
    "=",
    "",
    "${x}",
    "abcdef.0123456789abcdef",
    "\n",
    "ключ",
]
KEYS = sorted(
    {node.value for text in TEXTS for node in yaml.compose(text).value[0][:1]}
    | {
        "at",
        "on",
        "join",
        "node",
        "csr",
        "property",
        "attack",
        "when",
        "token",
        "pin",
        "credentials",
        "tokens",
    }
)
SCALARS = st.one_of(
    st.sampled_from([*LIKE_A_MARK, "0s", "-1s", "none", "cluster", "worker-1", "join", "5m0s", "admin"]),
    st.text(max_size=8),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS + LIKE_A_MARK), inner, max_size=3)
    ),
    max_leaves=6,
)


def check(load, text):
    """Load, and hold every error against the text that it is about."""
    try:
        scenarios = load()
    except ScenarioError as error:
        lines = text.split("\n")
        for each in error.errors if isinstance(error, ScenarioErrors) else [error]:
            assert str(each).isprintable()
            assert each.location is not None
            assert each.location.line >= 1
            assert each.location.column >= 1
            # YAML has more line breaks than the usual ones; where there are none, lines can be counted.
            if not set(text) & set("\r\x85\u2028\u2029"):
                assert each.location.line <= len(lines)
                assert each.location.column <= len(lines[each.location.line - 1]) + 1
    else:
        assert scenarios
        for scenario in scenarios:
            assert list(scenario.expectations())


def places(value, path=()):
    """The path of everything in a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


@st.composite
def mutilated(draw):
    """A valid document in which keys are renamed, removed, moved, and values are others."""
    document = load_yaml(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(places(document), key=str)))
        if not path:
            continue
        *way, last = path
        place = document
        for step in way:
            place = place[step]
        change = draw(st.sampled_from(["rename", "remove", "replace", "add"]))
        if change == "replace":
            place[last] = draw(VALUES)
        elif change == "remove":
            del place[last]
        elif isinstance(place, dict):
            key = draw(st.sampled_from(KEYS + LIKE_A_MARK) | st.text(max_size=4))
            place[key] = place.pop(last) if change == "rename" else draw(VALUES)
        else:
            place.append(draw(VALUES))
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=draw(st.booleans()))


@given(mutilated())
def test_a_mutilated_scenario_loads_or_is_refused_at_a_place_within_it(text):
    check(lambda: load_text(text), text)


@given(st.sampled_from(TEXTS), st.data())
def test_a_scenario_with_a_piece_cut_out_or_put_in_loads_or_is_refused_at_a_place_within_it(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 12)))
    # What means something to YAML is likelier to break something than letters are.
    piece = data.draw(
        st.text(st.sampled_from(" \t\n\r\0:-?{}[],#&*!|>'\"%@`<=~$0a\ufeff\x85\u2028\ud800"), max_size=6)
    )
    changed = text[:start] + piece + text[end:]
    check(lambda: load_text(changed), changed)


@given(st.text(st.characters(), max_size=60))
def test_any_text_loads_or_is_refused_at_a_place_within_it(text):
    check(lambda: load_text(text), text)


@given(
    st.binary(max_size=60)
    | st.sampled_from(TEXTS).flatmap(lambda text: st.binary(max_size=3).map(text.encode().__add__))
)
def test_any_bytes_load_or_are_refused_at_a_place_within_them(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content)
    check(lambda: load_file(str(file)), content.decode(errors="replace"))
