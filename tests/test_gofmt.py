import ast
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim.gofmt import duration, parse_duration, parse_rfc3339, quote, rfc3339, string_list


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("plain text", '"plain text"'),
        ('a "b"', r'"a \"b\""'),
        ("it's", '"it\'s"'),
        ("a\\b", r'"a\\b"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("\x80\xa0\xad", r'"\u0080\u00a0\u00ad"'),
        ("\u00e9\u4e16\U0001f600\ufffd", '"\u00e9\u4e16\U0001f600\ufffd"'),
        ("\u200b\u2028\ufeff", r'"\u200b\u2028\ufeff"'),
        ("\ue000\U000e0001", r'"\ue000\U000e0001"'),
        # Bytes of an argument that are no UTF-8.
        ("a\udcff\udc80", r'"a\xff\x80"'),
    ],
    ids=ascii,
)
def test_a_string_is_quoted_as_go_quotes_it(text, quoted):
    assert quote(text) == quoted


@given(st.text())
def test_a_quoted_string_is_one_printable_line_that_reads_back(text):
    quoted = quote(text)
    assert quoted.isprintable()
    # Go's escapes are Python's too.
    assert ast.literal_eval(quoted) == text


def test_a_list_is_printed_with_blanks_between():
    assert string_list([]) == "[]"
    assert string_list(["a b", "c"]) == "[a b c]"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        # The table of time's own tests for Duration.String, in seconds.
        (0, "0s"),
        (1e-9, "1ns"),
        (1.1e-6, "1.1µs"),
        (2.2e-3, "2.2ms"),
        (3.3, "3.3s"),
        (4 * 60 + 5, "4m5s"),
        (4 * 60 + 5.001, "4m5.001s"),
        (5 * 3600 + 6 * 60 + 7.001, "5h6m7.001s"),
        (8 * 60 + 1e-9, "8m0.000000001s"),
        (999e-9, "999ns"),
        (1e-6, "1µs"),
        (999.999e-6, "999.999µs"),
        (1e-3, "1ms"),
        (0.999999, "999.999ms"),
        (1, "1s"),
        (59.5, "59.5s"),
        (60, "1m0s"),
        (3600, "1h0m0s"),
        (86400, "24h0m0s"),
        (31536000, "8760h0m0s"),
        (-1.5, "-1.5s"),
        (-90, "-1m30s"),
    ],
)
def test_a_duration_is_printed_as_go_prints_it(seconds, text):
    assert duration(seconds) == text
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("5s", 5),
        ("+5s", 5),
        ("-5s", -5),
        ("5.0s", 5),
        ("5.s", 5),
        (".5s", 0.5),
        ("1.004s", 1.004),
        ("10ns", 1e-8),
        ("11us", 1.1e-5),
        ("12\u00b5s", 1.2e-5),
        ("12\u03bcs", 1.2e-5),
        ("13ms", 0.013),
        ("15m", 900),
        ("16h", 57600),
        ("3h30m", 12600),
        ("10.5s4m", 250.5),
        ("-2m3.4s", -123.4),
        ("1h2m3s4ms5us6ns", 3723.004005006),
        ("1h1h", 7200),
        ("0.3333333333333333333h", 1200),
        ("9223372036s", 9223372036),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'invalid duration ""'),
        ("-", 'invalid duration "-"'),
        ("+", 'invalid duration "+"'),
        ("s", 'invalid duration "s"'),
        (".", 'invalid duration "."'),
        ("-.", 'invalid duration "-."'),
        (".s", 'invalid duration ".s"'),
        ("+.s", 'invalid duration "+.s"'),
        ("--5s", 'invalid duration "--5s"'),
        (" 5s", 'invalid duration " 5s"'),
        ("five", 'invalid duration "five"'),
        ("3000000h", 'invalid duration "3000000h"'),
        ("9223372037s", 'invalid duration "9223372037s"'),
        ("9" * 400 + "h", 'invalid duration "' + "9" * 400 + 'h"'),
        ("3", 'missing unit in duration "3"'),
        ("1h3", 'missing unit in duration "1h3"'),
        ("1..2s", 'missing unit in duration "1..2s"'),
        ("1d", 'unknown unit "d" in duration "1d"'),
        ("5S", 'unknown unit "S" in duration "5S"'),
        ("1hh", 'unknown unit "hh" in duration "1hh"'),
        ("1h-5m", 'unknown unit "h-" in duration "1h-5m"'),
        ("5s ", 'unknown unit "s " in duration "5s "'),
        ("5s\n", r'unknown unit "s\x0a" in duration "5s\x0a"'),
        ("1e3s", 'unknown unit "e" in duration "1e3s"'),
        ("5\u00b5", r'unknown unit "\xc2\xb5" in duration "5\xc2\xb5"'),
        ("\u0665s", r'invalid duration "\xd9\xa5s"'),
        ('5"s', r'unknown unit "\"s" in duration "5\"s"'),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_duration_is_refused_in_gos_words(text, problem):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_duration(text)
    assert str(caught.value) == f"time: {problem}"


@given(st.integers(-(10**12), 10**12))
def test_a_printed_duration_reads_back(milliseconds):
    assert parse_duration(duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)


@given(st.text(max_size=10) | st.text("0123456789.hmsnu\u00b5-+ ", max_size=10))
def test_any_text_is_a_duration_or_refused(text):
    try:
        seconds, problem = parse_duration(text), None
    except ValueError as error:
        seconds, problem = 0.0, str(error)
    assert abs(seconds) < 2**63 / 1e9
    assert problem is None or (problem.startswith("time: ") and problem.isascii())


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 18, 0, 5, tzinfo=UTC), "2026-11-23T18:00:05Z"),
        (datetime(2026, 11, 23, 18, 0, 5, 999999, tzinfo=UTC), "2026-11-23T18:00:05Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2025-12-31T23:30:00Z"),
    ],
    ids=str,
)
def test_a_time_is_written_in_utc_and_whole_seconds(moment, text):
    assert rfc3339(moment) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T18:00:05Z", datetime(2026, 11, 23, 18, 0, 5, tzinfo=UTC)),
        ("2026-11-23T19:30:05+01:30", datetime(2026, 11, 23, 18, 0, 5, tzinfo=UTC)),
        ("2026-11-23T13:00:05-05:00", datetime(2026, 11, 23, 18, 0, 5, tzinfo=UTC)),
        ("2026-11-23T18:00:05.25Z", datetime(2026, 11, 23, 18, 0, 5, 250000, tzinfo=UTC)),
        ("2026-11-23T18:00:05,25Z", datetime(2026, 11, 23, 18, 0, 5, 250000, tzinfo=UTC)),
        ("2026-11-23T18:00:05.1234567891Z", datetime(2026, 11, 23, 18, 0, 5, 123456, tzinfo=UTC)),
        ("2026-11-23T8:00:05Z", datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_go_reads_it(text, moment):
    assert parse_rfc3339(text) == moment


LAYOUT = ' as "2006-01-02T15:04:05Z07:00": cannot parse '


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", LAYOUT + '"" as "2006"'),
        ("tomorrow", LAYOUT + '"tomorrow" as "2006"'),
        ("2026", LAYOUT + '"" as "-"'),
        ("2026-11-23", LAYOUT + '"" as "T"'),
        ("2026-11-23 18:00:05Z", LAYOUT + '" 18:00:05Z" as "T"'),
        ("2026-11-23t18:00:05Z", LAYOUT + '"t18:00:05Z" as "T"'),
        ("2026-11-23T18:00", LAYOUT + '"" as ":"'),
        ("2026-11-23T18:00:05", LAYOUT + '"" as "Z07:00"'),
        ("2026-11-23T18:00:05z", LAYOUT + '"z" as "Z07:00"'),
        ("2026-11-23T18:00:05+0100", LAYOUT + '"+0100" as "Z07:00"'),
        ("2026-1-23T18:00:05Z", LAYOUT + '"1-23T18:00:05Z" as "01"'),
        ("\u0662026-11-23T18:00:05Z", LAYOUT + r'"\xd9\xa2026-11-23T18:00:05Z" as "2006"'),
        ("2026-13-01T00:00:00Z", ": month out of range"),
        ("2026-00-01T00:00:00Z", ": month out of range"),
        ("2026-02-29T00:00:00Z", ": day out of range"),
        ("2026-01-00T00:00:00Z", ": day out of range"),
        ("2026-01-01T24:00:00Z", ": hour out of range"),
        ("2026-01-01T00:60:00Z", ": minute out of range"),
        ("2026-01-01T00:00:60Z", ": second out of range"),
        ("2026-11-23T18:00:05Z ", ': extra text: " "'),
        ("2026-11-23T18:00:05Z\n", r': extra text: "\x0a"'),
    ],
    ids=ascii,
)
def test_what_is_no_time_is_refused_in_gos_words(text, problem):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_rfc3339(text)
    shown = text.replace("\n", r"\x0a").replace("\u0662", r"\xd9\xa2")
    assert str(caught.value) == f'parsing time "{shown}"{problem}'


@given(st.integers(-(10**10), 10**11))
def test_a_written_time_reads_back(seconds):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert parse_rfc3339(rfc3339(moment)) == moment
