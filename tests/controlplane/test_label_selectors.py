import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim.controlplane.label_selectors import read_label_selector
from joinsim.errors import ApiError

keys = st.sampled_from(["app", "tier", "example.com/role"])
values = st.sampled_from(["", "web", "db", "5", "10"])
labels = st.dictionaries(keys, values)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("", True),
        ("app", True),
        ("!app", False),
        ("nope", False),
        ("!nope", True),
        ("! nope", True),
        ("app=web", True),
        ("app==web", True),
        (" app = web ", True),
        ("app=db", False),
        ("app!=db", True),
        ("nope!=db", True),
        ("app in (db, web)", True),
        ("app in(db,web)", True),
        ("app notin (db)", True),
        ("nope notin (db)", True),
        ("app in ()", False),
        ("empty in ()", True),
        ("empty in (,web)", True),
        ("empty=", True),
        ("app=,tier", False),
        ("size>4", True),
        ("size>5", False),
        ("size<6", True),
        ("app<6", False),
        ("app=web,tier=front", True),
        ("app=web,tier=back", False),
        ("in in (in)", True),
        ("example.com/role=x.y_z-1", True),
    ],
)
def test_what_a_selector_selects(selector, chosen):
    labels = {
        "app": "web",
        "tier": "front",
        "empty": "",
        "size": "5",
        "in": "in",
        "example.com/role": "x.y_z-1",
    }
    assert read_label_selector(selector)(labels) is chosen


@pytest.mark.parametrize(
    ("selector", "problem"),
    [
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("app,", "found '', expected: identifier after ','"),
        ("app,,tier", "found ',', expected: identifier after ','"),
        ("app=web tier", "found 'tier', expected: ',' or 'end of string'"),
        ("app web", "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("app in (web", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("app in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("app==(", "unable to parse requirement: found '(', expected: identifier"),
        ("app>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"),
    ],
)  # fmt: skip
def test_what_is_no_selector_is_refused(selector, problem):
    with pytest.raises(ApiError) as caught:
        read_label_selector(selector)
    assert (caught.value.code, caught.value.message) == (400, problem)


@pytest.mark.parametrize(
    "selector", ["-app", "a/b/c", "/app", "app/", "a" * 64, "app=-x", "app=" + "x" * 64, "äpp", "app=ü"]
)
def test_keys_and_values_keep_their_grammar(selector):
    with pytest.raises(ApiError, match=r"^unable to parse requirement: (key|values)"):
        read_label_selector(selector)


@given(labels, keys, values)
def test_equal_and_not_equal_are_opposites(labels, key, value):
    assert read_label_selector(f"{key}={value}")(labels) is not read_label_selector(f"{key}!={value}")(labels)
    assert read_label_selector(f"{key}={value}")(labels) is (labels.get(key) == value)


@given(st.text(max_size=30))
def test_any_text_is_a_selector_or_a_bad_request(text):
    with contextlib.suppress(ApiError):
        read_label_selector(text)({"app": "web"})
