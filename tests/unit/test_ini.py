import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from izwi.config.ini import literal, parse, read_ini, unquoted
from izwi.errors import UserError


def values(text):
    ini = parse(text)
    assert ini.problems == []
    return {section: {k: v.text for k, v in d.items()} for section, d in ini.sections.items()}


def test_sections_keys_and_values():
    text = "[exp]\nName = My Exp\n\n[DATA]\nemodb.Type : csv\ncrema-d=/data/crema-d\n"
    assert values(text) == {
        "EXP": {"name": "My Exp"},
        "DATA": {"emodb.type": "csv", "crema-d": "/data/crema-d"},
    }
    ini = parse(text)
    assert ini.lines == {"EXP": 1, "DATA": 4}
    assert ini.sections["DATA"]["crema-d"].line == 6
    assert ini.spelling["emodb.type"] == "emodb.Type"


@pytest.mark.parametrize(
    "line, value",
    [
        ("k = os # comment", "os"),
        ("k = os ; comment", "os"),
        ("k = os\t#comment", "os"),
        ("k = a#b;c", "a#b;c"),
        ("k = ['a # b', \"c ; d\"] # e", "['a # b', \"c ; d\"]"),
        ("k = don't # do that", "don't"),
        ("k = 100% %(sure)s", "100% %(sure)s"),
        ("k = a = b", "a = b"),
        ("k : C:\\data", "C:\\data"),
        ("k =", ""),
        ("k = # nothing", ""),
        ("k = {'a':'b'}   ", "{'a':'b'}"),
        ("  k = indented first key", "indented first key"),
    ],
)
def test_values_and_comments(line, value):
    assert values(f"[S]\n{line}\n") == {"S": {"k": value}}


def test_continuation_lines():
    text = (
        "[DATA]\nlabels = ['a', # first\n   ; a comment between\n\n   'b',\n   'c']\ntarget = x\n"
    )
    found = values(text)["DATA"]
    assert ast.literal_eval(found["labels"]) == ["a", "b", "c"]
    assert found["target"] == "x"
    # In a bracket, what looks like a key is none.
    assert literal(values("[S]\nm = {\n  'a': 1,\n  'b': 2}")["S"]["m"]) == {"a": 1, "b": 2}


def test_indented_section_and_first_line():
    assert values(" [EXP]\nname = x\n  [FEATS]\ntype = os") == {
        "EXP": {"name": "x"},
        "FEATS": {"type": "os"},
    }


@pytest.mark.parametrize(
    "text, problem",
    [
        (
            "[A]\nx = 1\n[B]\n[a]\n",
            "line 4: section [A] is already on line 1: merge the two",
        ),
        ("[A]\nType = 1\ntype = 2\n", "line 3: [A] type is already on line 2: keep one of them"),
        ("x = 1\n", "line 1: 'x = 1' stands before the first [SECTION]"),
        (
            "[A]\nsome words\n",
            "line 2: 'some words' is neither a [SECTION] nor a 'key = value' (further lines of a "
            "value are indented)",
        ),
        (
            "[A]\ntype = os\n  scale = standard\n",
            "line 3: 'scale = standard' is indented, so it would continue 'type': begin it at the "
            "margin",
        ),
    ],
)
def test_mistakes_of_form(text, problem):
    assert parse(text).problems == [problem]


def test_duplicate_keeps_the_first():
    ini = parse("[A]\nx = 1\nx = [2,\n  3]\n")
    assert ini.sections["A"]["x"].text == "1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path, encoding, end):
    file = tmp_path / "a.ini"
    file.write_bytes(end.join(["[DATA]", "labels = ['u29', 'ü29']", ""]).encode(encoding))
    ini = read_ini(file)
    assert literal(ini.sections["DATA"]["labels"].text) == ["u29", "ü29"]


def test_latin_file_names_encoding_and_remedy(tmp_path):
    file = tmp_path / "a.ini"
    file.write_bytes("[DATA]\nlabels = ['u29', 'ü29']\n".encode("cp1252"))
    with pytest.raises(UserError) as error:
        read_ini(file)
    assert error.value.problems == [
        "line 2: the file is not UTF-8 but probably Windows-1252 or Latin-1: save it as UTF-8 in "
        "your editor, or type: iconv -f cp1252 -t utf-8 old.ini > new.ini"
    ]


def test_unreadable_files(tmp_path):
    with pytest.raises(UserError, match=r"^no such file$"):
        read_ini(tmp_path / "none.ini")
    with pytest.raises(UserError, match="is a folder, not an ini file"):
        read_ini(tmp_path)
    (tmp_path / "wide.ini").write_bytes("[EXP]\n".encode("utf-16"))
    with pytest.raises(UserError, match="UTF-16: save it as UTF-8"):
        read_ini(tmp_path / "wide.ini")


@pytest.mark.parametrize(
    "text, value",
    [
        ("os", "os"),
        ("['os']", ["os"]),
        ("\"['os']\"", ["os"]),
        ("'os'", "os"),
        (".4", 0.4),
        ("-3", -3),
        ("1e-4", 1e-4),
        ("True", True),
        ("None", None),
        ("{'l1':64, 'l2':16}", {"l1": 64, "l2": 16}),
        ("0.1, 0.2", (0.1, 0.2)),
        ("0003", "0003"),
        ("1-ccc", "1-ccc"),
        ("os, praat", "os, praat"),
        ("C:\\data\\new", "C:\\data\\new"),
        ("__import__('os').system('true')", "__import__('os').system('true')"),
        ("", ""),
    ],
)
def test_literals(text, value):
    assert literal(text) == value
    assert type(literal(text)) is type(value)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("['a', 'b'", "['a', 'b' lacks a closing ']'"),
        ("['a', 'b]", "['a', 'b] lacks a closing quote"),
        ("{'a': 'b'", "{'a': 'b' lacks a closing '}'"),
        ("'a", "'a lacks a closing quote"),
        ("['a']]", "['a']] has a ']' too many"),
        (
            "[a, b]",
            "[a, b] is not a Python literal: put words in quotes, and commas between them",
        ),
        (
            "[0003]",
            "[0003] is not a Python literal: put words in quotes, and commas between them",
        ),
        (
            "[open('x')]",
            "[open('x')] is not a Python literal: put words in quotes, and commas between them",
        ),
    ],
)
def test_broken_literals(text, problem):
    with pytest.raises(ValueError) as error:
        literal(text)
    assert str(error.value) == problem


def test_unquoted_keeps_backslashes():
    assert unquoted(r"'C:\new\table'") == r"C:\new\table"
    assert unquoted("'a', 'b'") == "'a', 'b'"
    assert unquoted("'") == "'"


scalars = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=8),
)
keys = st.from_regex(r"\A[a-z][a-z0-9_.-]{0,12}\Z")


@settings(max_examples=100, deadline=None)
@given(
    content=st.dictionaries(
        st.from_regex(r"\A[A-Z]{1,8}\Z"),
        st.dictionaries(
            keys,
            st.one_of(
                st.integers(),
                st.lists(scalars, max_size=3),
                st.dictionaries(st.text(max_size=5).filter(str.isprintable), scalars, max_size=3),
            ),
            max_size=3,
        ),
        max_size=3,
    ),
    comment=st.sampled_from(["", "  # a [comment]", "\t; it's 'one'"]),
    sign=st.sampled_from([" = ", "=", ": "]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(content, comment, sign, end):
    text = "".join(
        f"[{section}]{end}"
        + "".join(f"{key}{sign}{value!r}{comment}{end}" for key, value in entries.items())
        for section, entries in content.items()
    )
    ini = parse(text)
    assert ini.problems == []
    assert {
        section: {key: literal(value.text) for key, value in entries.items()}
        for section, entries in ini.sections.items()
    } == content
