import json

import pytest
import yaml as pyyaml

from joinsim.api.yaml_codec import YamlError, YamlLoader, dump_yaml, load_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("---\n", None),
        ("{}", {}),
        ("a: 1", {"a": 1}),
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: >-\n  x\n  y\n", {"a": "x y"}),
        ("a: &x [1]\nb: *x\n", {"a": [1], "b": [1]}),
        ("base: &x {a: 1}\nmore:\n  <<: *x\n  b: 2\n", {"base": {"a": 1}, "more": {"a": 1, "b": 2}}),
        ("a: 1\na: 2\n", {"a": 2}),
    ],
    ids=ascii,
)
def test_a_document_is_read_as_json(text, value):
    assert load_yaml(text) == value


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *[(text, True) for text in ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y")],
        *[
            (text, False)
            for text in ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N")
        ],
        *[(text, None) for text in ("", "~", "null", "Null", "NULL")],
        *[(text, text) for text in ("tRUE", "yeS", "oN", "nULL", "none", "nil", "t", "f")],
        *[(f'"{text}"', text) for text in ("yes", "true", "1", "1.5", "", "null", "~")],
        ("0", 0),
        ("-0", 0),
        ("+5", 5),
        ("1_000", 1000),
        ("0644", 420),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0b11", -3),
        ("99999999999999999999", 99999999999999999999),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-1.5E-1", -0.15),
        ("09", 9.0),
        ("123456.1234567890123456", 123456.1234567890123456),
        *[(text, text) for text in ("12:30", "1:2:3", "2026-11-23", "2026-11-23T18:00:00Z", "0x", "0xg")],
        *[
            (text, text)
            for text in ("1.36.2", "v1", "10.96.0.0/12", "::1", "12h", "abcdef.0123456789abcdef", ".")
        ],
        ("\u0661", "\u0661"),
    ],
    ids=ascii,
)
def test_a_scalar_reads_as_it_reads_to_kubernetes(scalar, value):
    read = load_yaml(f"a: {scalar}")["a"]
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("key", "name"), [("1", "1"), ("yes", "true"), ("off", "false"), ("1.5", "1.5"), ("'1'", "1")]
)
def test_every_key_is_a_string(key, name):
    assert load_yaml(f"{key}: x") == {name: "x"}


def test_only_the_first_document_is_read():
    assert load_yaml("a: 1\n---\nb: 2\n") == {"a": 1}
    assert load_yaml("a: 1\n...\n[ not read") == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: [", id="not closed"),
        pytest.param("a: b: c", id="two colons"),
        pytest.param("\ta: 1", id="a tab"),
        pytest.param("a: 'x", id="a quote"),
        pytest.param("*a", id="an alias of nothing"),
        pytest.param("a: \x00", id="a null byte"),
        pytest.param("a: \x1b[0m", id="a control character"),
        pytest.param("a: \ud800", id="half a surrogate pair"),
        pytest.param('a: "\\ud800"', id="half a surrogate pair, spelt"),
        pytest.param("{[a]: b}", id="a list for a key"),
        pytest.param("~: b", id="null for a key"),
        pytest.param("a: &a [*a]", id="a list within itself"),
        pytest.param("a: &a {b: {c: *a}}", id="a map within itself"),
        pytest.param("a: !!python/name:os.system", id="a tag of Python's"),
        pytest.param("a: !mine b", id="a tag of nobody's"),
        pytest.param("a: !!timestamp 2026-11-23", id="a date by its tag"),
        pytest.param("a: !!binary aGk=", id="bytes by their tag"),
        pytest.param("a: !!set {b}", id="a set by its tag"),
        pytest.param("a: " + "9" * 5000, id="a number of 5,000 digits"),
        pytest.param("[" * 3000, id="3,000 brackets"),
        pytest.param("{a: " * 3000, id="3,000 braces"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="100,000 brackets that are closed"),
        pytest.param("{a: " * 50_000 + "}" * 50_000, id="50,000 braces that are closed"),
        pytest.param("- " * 50_000 + "a", id="50,000 lists in one line"),
        pytest.param("? " * 50_000 + "a", id="50,000 keys in one line"),
        pytest.param("\n".join(" " * depth + "a:" for depth in range(600)), id="600 maps in 600 lines"),
        pytest.param("-\t" * 50_000 + "a", id="50,000 lists with tabs"),
    ],
)
def test_what_cannot_be_json_is_refused_as_yaml(text):
    with pytest.raises(YamlError, match=r"^yaml: "):
        load_yaml(text)


def test_a_document_that_its_aliases_blow_up_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 10):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    with pytest.raises(YamlError, match="excessive aliasing"):
        load_yaml("\n".join(lines))


def test_a_document_may_be_large_and_fairly_deep():
    assert load_yaml("[" * 400 + "]" * 400) is not None
    assert load_yaml("- {a: [b, c]}\n" * 2000) == [{"a": ["b", "c"]}] * 2000


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a: 1\nb: [\n", 3, 1, "yaml: line 3: did not find expected node content"),
        ("a: 1\n b: 2\n", 2, 3, "yaml: line 2: mapping values are not allowed in this context"),
    ],
)
def test_an_error_tells_its_place(text, line, column, said):
    with pytest.raises(YamlError) as caught:
        load_yaml(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value) == said


def test_an_error_without_a_place_says_what_is_wrong():
    assert str(YamlError("what")) == "yaml: what"


STRINGS = [
    *("", " ", "x", "true", "Yes", "no", "on", "OFF", "y", "N", "~", "null", "Null"),
    *(
        "1",
        "-1",
        "+1",
        "0644",
        "1_000",
        "0x1F",
        "0b1",
        "0o7",
        "1.5",
        ".5",
        "5.",
        "1e3",
        "09",
        "12:30",
        "1:2:3.5",
    ),
    *("2026-11-23", "2026-1-2", "2026-11-23T18:00:00Z", "2026-11-23 18:00:00", "<<", "-", "*a", "&a", "!a"),
    *("a: b", "a #b", "# a", "[a]", "{a}", "'a'", '"a"', "%a", "@a", "`a", "|", ">", "?", "? a", "a:", ":a"),
    *(
        "x\n",
        "x\ny",
        "\n",
        "\n\nx",
        "x\n\n",
        " x\ny",
        "x \ny",
        "x\ty",
        "\t",
        "\r",
        "x\r\ny",
        "\u00e9",
        "\u0661",
    ),
    *(
        "\u2028",
        "\x85",
        "\U0001f600",
        "\x7f",
        "\x07",
        "abcdef.0123456789abcdef",
        "v1.36.2",
        "10.96.0.0/12",
        "12h",
    ),
]


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_a_written_string_reads_back(text):
    value = {"key": text, "list": [text, [text]], "map": {"a": text}}
    assert load_yaml(dump_yaml(value)) == value


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_a_reader_of_yaml_1_1_finds_a_written_string_to_be_one(text):
    # PyYAML's own resolver is another statement of YAML 1.1, dates and base 60 included.
    assert pyyaml.safe_load(dump_yaml({"a": text})) == {"a": text}


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -5, 10**30, 1.5, [], {}, [[]], {"a": {}}, [{"a": [1]}]], ids=repr
)
def test_a_written_value_reads_back(value):
    assert load_yaml(dump_yaml({"a": value})) == {"a": value}


def test_yaml_is_written_as_kubernetes_writes_it():
    value = {
        "b": [{"name": "x", "on": True}, "yes"],
        "a": {"text": "one\ntwo\n", "number": 5, "digits": "5", "nothing": None, "empty": "", "list": []},
    }
    assert dump_yaml(value) == (
        "a:\n"
        '  digits: "5"\n'
        '  empty: ""\n'
        "  list: []\n"
        "  nothing: null\n"
        "  number: 5\n"
        "  text: |\n"
        "    one\n"
        "    two\n"
        "b:\n"
        "- name: x\n"
        '  "on": true\n'
        '- "yes"\n'
    )


def test_a_value_that_stands_twice_is_written_twice():
    shared = ["x"]
    assert dump_yaml({"a": shared, "b": shared}) == "a:\n- x\nb:\n- x\n"


def test_long_lines_are_not_folded():
    text = "word " * 200 + "end"
    assert dump_yaml({"a": text}) == f"a: {text}\n"


@pytest.mark.parametrize("sample", ["admin.conf", "bootstrap-kubelet.conf", "kubelet-config.worker.yaml"])
def test_what_kubeadm_wrote_is_written_alike(vectors, sample):
    text = (vectors.parent / "data" / "samples" / sample).read_text()
    assert dump_yaml(load_yaml(text)) == text


def test_a_scenarios_reader_knows_json_only():
    # Its format has a key "on", and says "no" and "12:30" where it means them.
    text = "on: yes\nat: 0644\nplain: 12\ntrue: off\n"
    assert pyyaml.load(text, YamlLoader) == {"on": "yes", "at": "0644", "plain": 12, True: "off"}


def test_json_is_yaml():
    value = {"a": [1, "two", None, True, {"b": "\u00e9"}]}
    assert load_yaml(json.dumps(value)) == value
