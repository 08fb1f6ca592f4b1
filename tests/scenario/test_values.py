import re
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from joinsim.scenario.suggestions import listed, nearest, shown, suggestion
from joinsim.scenario.values import (
    AbsolutePath,
    Duration,
    HostName,
    HttpsUrl,
    Name,
    Pins,
    Scalars,
    Strings,
    TokenValue,
    is_literal_token,
)


def read(kind, value):
    """What a value is read as; the error's text where it is refused."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return error.errors()[0]["msg"]


def refused(kind, value):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    return caught.value.errors()[0]["msg"].removeprefix("Value error, ")


# --- durations --------------------------------------------------------------------------------

UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def nanoseconds(text):
    """A duration by the grammar in the documentation of Go's time.ParseDuration; None where there is none.

    A possibly signed sequence of decimal numbers, each with optional fraction and a unit suffix.
    """
    sign, rest = (-1 if text[:1] == "-" else 1), (text[1:] if text[:1] in ("+", "-") else text)
    if rest == "0":
        return 0
    total = Fraction(0)
    if not rest:
        return None
    while rest:
        digits = 0
        while digits < len(rest) and rest[digits] in "0123456789.":
            digits += 1
        number, rest = rest[:digits], rest[digits:]
        if number.count(".") > 1 or not number.strip("."):
            return None
        unit = 0
        while unit < len(rest) and rest[unit] not in "0123456789.":
            unit += 1
        name, rest = rest[:unit], rest[unit:]
        if name not in UNITS:
            return None
        whole, _, fraction = number.partition(".")
        total += Fraction(int((whole + fraction) or 0), 10 ** len(fraction)) * UNITS[name]
    return sign * total


@given(st.text("0123456789.+- hmsnuµμdHMe_٣\n", max_size=10))
@example("1h30m")
@example(".5s")
@example("1.s")
@example(".s")
@example("1.5.5s")
@example("1h1h")
@example("+0")
def test_a_duration_is_read_as_go_reads_it(text):
    expected = nanoseconds(text)
    if expected is None or text.startswith("-"):
        assert "expected a duration" in refused(Duration, text)
    else:
        assert read(Duration, text) == pytest.approx(float(expected / 10**9), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("4m", 240), ("24h", 86400), ("1h30m", 5400), ("1.5h", 5400), ("100ms", 0.1), ("0s", 0), ("0", 0), ("5m0s", 300)],
)  # fmt: skip
def test_a_duration_in_seconds(text, seconds):
    assert read(Duration, text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("4 m", '"4 m"'), ("4M", '"4M"'), ("-1s", "it cannot be negative"), ("-0s", "it cannot be negative"),
        ("1e3s", '"1e3s"'), ("٣s", '"٣s"'), ("", '""'), ("\n", '"\n"'), ("1s\n", '"1s\n"'), (" 1s", '" 1s"'),
        ("1", '"1"'), ("s", '"s"'), ("1d", "write 24h"), ("7d", "write 168h"), ("1w", '"1w"'), ("1,5h", '"1,5h"'),
        ("1:30", '"1:30"'), ("PT1M", '"PT1M"'), ("9" * 400 + "s", "…"), ("3000000h", '"3000000h"'),
        (5, "write 5s if seconds are meant"), (0, "write 0s"), (1.5, "the number 1.5"), (True, "found true"),
        (None, "found nothing"), ([], "a list"), ({}, "a mapping"), (["1s"], "a list"),
    ],
)  # fmt: skip
def test_what_is_no_duration_is_told_so(value, told):
    message = refused(Duration, value)
    assert message.startswith("expected a duration such as 90s, 4m or 1h30m, found ")
    assert told in message


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Name, ["a", "0", "a-b", "a" * 63, "a--b"],
            ["", "-a", "a-", "A", "a.b", "a_b", "a" * 64, "a\n", "\na", "ä", "a b", "a/b", "٣"]),
        (HostName, ["a", "a.b", "worker-1.example", "1.2.3", ".".join(["a" * 50] * 4)],
            ["", ".", "a.", ".a", "a..b", "a.-b", "A", "a_b", "a" * 254, "a\n", "ä.example", "a b"]),
        (AbsolutePath, ["/a", "/a/b.conf", "//", "/ä"], ["", "/", "a", "./a", "/a b", "/a\n", " /a", "~/a"]),
        (HttpsUrl, ["https://a/b", "https://a/", "https://a:1/b?c#d"],
            ["", "http://a/b", "https://a", "https:///b", "HTTPS://a/b", "https://a b/", "https://a/b\n", "ftp://a/b"]),
    ],
)  # fmt: skip
def test_names_and_places(kind, good, bad):
    for value in good:
        assert read(kind, value) == value
    for value in [*bad, 1, None, True, ["a"]]:
        refused(kind, value)


@pytest.mark.parametrize(
    "value",
    ["abcdef.0123456789abcde", "abcdef.0123456789abcdefg", "abcde.0123456789abcdef", "ABCDEF.0123456789ABCDEF",
     "abcdef.0123456789abcdef\n", " abcdef.0123456789abcdef", "abcdef0123456789abcdef", "abcdef:0123456789abcdef", ""],
)  # fmt: skip
def test_what_is_nearly_a_token_is_refused_and_not_repeated(value):
    message = refused(TokenValue, value)
    assert message.startswith("expected a bootstrap token, six and sixteen characters")
    assert not re.search("[0-9A-Fa-f]{12}", message.partition("found")[2])


def test_a_token_is_literal_where_it_has_a_dot():
    assert is_literal_token("abcdef.0123456789abcdef")
    assert is_literal_token(".")
    assert not is_literal_token("join")
    assert not is_literal_token("")


@pytest.mark.parametrize(
    ("value", "pins"),
    [
        ("none", ()), ("cluster", ("cluster",)), (["cluster"], ("cluster",)), ([], ()),
        ("sha256:zz", ("sha256:zz",)), (["md5:1", "cluster"], ("md5:1", "cluster")), (":", (":",)),
    ],
)  # fmt: skip
def test_what_is_pinned(value, pins):
    assert read(Pins, value) == pins


@pytest.mark.parametrize(
    "value", ["None", "clutser", "", 5, None, True, ["none"], ["cluster", "no"], [None], [[]], {}, "e3b0c442"]
)
def test_what_cannot_be_pinned(value):
    assert "expected cluster, none, a pin such as sha256:… or a list of pins" in refused(Pins, value)


def test_one_value_stands_for_a_list_of_one():
    assert read(Scalars, "a") == ("a",)
    assert read(Scalars, [1, True, 2.5, "x"]) == (1, True, 2.5, "x")
    assert [type(value) for value in read(Scalars, [1, True])] == [int, bool]
    assert read(Strings, "a") == ("a",)
    assert read(Strings, ["a", "b"]) == ("a", "b")
    for value in (None, [None], [[1]], [{}], {}):
        refused(Scalars, value)
        refused(Strings, value)
    refused(Strings, 1)


# --- what is said of wrong ones -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'), ("", '""'), (4, "the number 4"), (-1.5, "the number -1.5"), (True, "true"), (False, "false"),
        (None, "nothing"), ([], "a list"), ([1], "a list"), ({}, "a mapping"), ("x" * 60, f'"{"x" * 60}"'),
        ("x" * 61, f'"{"x" * 59}…"'),
    ],
)  # fmt: skip
def test_how_a_value_is_shown(value, text):
    assert shown(value) == text


def test_what_was_probably_meant():
    names = ["automatic", "manual", "NoSchedule"]
    assert nearest("automatc", names) == "automatic"
    assert nearest("AUTOMATIC", names) == "automatic"
    assert nearest("noschedule", names) == "NoSchedule"
    assert nearest("xyz", names) == nearest("", names) == nearest("a", []) == ""
    assert suggestion("manul", names) == "; did you mean manual?"
    assert suggestion("xyz", names) == ""


def test_names_in_a_sentence():
    assert listed(["a"]) == "a"
    assert listed(["a", "b"], "and") == "a and b"
    assert listed(["a", "b", "c"]) == "a, b or c"
