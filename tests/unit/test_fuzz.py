"""Random inis and databases: what is valid comes through, what is not is told in one line."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from izwi.config import options
from izwi.config.experiment import resolve
from izwi.config.ini import literal
from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.errors import UserError
from izwi.splits import folds, make_split

BOUNDED = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
READ = [option for option in options.all_options() if option.status == "ok"]
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
JUNK = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    WORDS,
    st.lists(WORDS, max_size=3).map(repr),
    st.dictionaries(WORDS, WORDS, max_size=2).map(repr),
    st.sampled_from(
        ["[", "{'a': ", "'a", "(1,", "[[]]", "None", "True", "1e999", "nan", "-0", "\\"]
    ),
)


def valid(option: options.Option) -> st.SearchStrategy | None:
    """Values that an option takes; None where these lie on disk, such as paths."""
    if option.choices and option.kind != "list":
        return st.sampled_from(option.choices)
    low, high = option.minimum, option.maximum
    kinds = {
        "bool": st.booleans(),
        "int": st.integers(
            math.ceil(low) if low is not None else -1000, int(high) if high is not None else 10**6
        ),
        "float": st.floats(
            low if low is not None else -1e6,
            high if high is not None else 1e6,
            allow_nan=False,
            allow_subnormal=False,
        ),
        "number_list": st.lists(
            st.integers(math.ceil(low or 0), int(high or 100)), min_size=1, max_size=4
        ),
    }
    return kinds.get(option.kind.split("|")[0])


@st.composite
def options_with_values(draw):
    option = draw(st.sampled_from([option for option in READ if valid(option) is not None]))
    return option, draw(valid(option))


@BOUNDED
@given(options_with_values(), st.booleans())
def test_what_is_valid_is_read_as_it_was_written(pair, spaces):
    option, value = pair
    text = value if isinstance(value, str) else repr(value)
    found = options.convert(option, f"  {text} ".strip() if spaces else text)
    if option.default is None and options.is_off(text) and "bool" not in option.kind:
        assert found is None
    elif isinstance(value, float):
        assert found == pytest.approx(value)
    else:
        assert found == value
    assert options.convert(option, text) == found


@BOUNDED
@given(st.sampled_from(READ), JUNK)
def test_a_value_is_taken_or_refused_in_one_line(option, text):
    text = text.strip()
    try:
        found = options.convert(option, text)
    except ValueError as error:
        assert str(error) and len(str(error)) < 5000
    else:
        json.dumps(found, default=list)


@st.composite
def inis(draw):
    """Inis with some lines changed, added or broken."""
    lines = {
        "EXP": {"name": "x", "seed": "1"},
        "DATA": {"databases": "['d']", "d": "d.csv", "target": "emotion"},
        "FEATS": {"type": "os"},
        "MODEL": {"type": draw(st.sampled_from(["svm", "knn", "xgb", "svr", "mlp"]))},
    }
    for _ in range(draw(st.integers(1, 4))):
        option = draw(st.sampled_from(READ))
        key = option.name
        if option.per_database and (option.database_only or draw(st.booleans())):
            key = f"d.{key}"
        if draw(st.integers(0, 9)) == 0:
            key = draw(WORDS) or key
        lines.setdefault(option.section, {})[key] = draw(JUNK)
    text = "".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for section, entries in lines.items()
    )
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return draw(st.sampled_from(["", "\ufeff"])) + text.replace("\n", end)


@BOUNDED
@given(inis())
def test_an_ini_is_an_experiment_or_problems_in_one_line_each(tmp_path, text):
    (tmp_path / "d.csv").write_text("file,emotion\n")
    (tmp_path / "x.ini").write_text(text, encoding="utf-8", newline="")
    try:
        experiment = resolve("x.ini", cwd=tmp_path)
    except UserError as error:
        assert error.problems
        for line in error.problems:
            assert line.startswith("x.ini: ") and line.isprintable()
    else:
        # What the jobs of other machines read is the same.
        record = json.dumps(experiment.as_dict(), allow_nan=False)
        assert json.loads(record)["databases"][0]["name"] == "d"
        assert resolve("x.ini", cwd=tmp_path) == experiment


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    for i in range(12):
        soundfile.write(folder / f"{i}.wav", np.full(160, i / 20), 16000)
    return folder


CELLS = st.one_of(st.sampled_from(["", "a", "b", "s1", "1", "2.5", "nan", "0 days", "-1"]), WORDS)


@st.composite
def databases(draw):
    columns = ["file", *draw(st.permutations(["emotion", "speaker", "start", "end", "x"]))]
    columns = columns[: draw(st.integers(2, 6))]
    rows = []
    for i in range(draw(st.integers(0, 12))):
        row = [f"{i if draw(st.integers(0, 9)) else 0}.wav"]
        for column in columns[1:]:
            plain = {"emotion": "ab"[i % 2], "speaker": f"s{i % 4}"}.get(column, "")
            row.append(draw(CELLS) if draw(st.integers(0, 11)) == 0 else plain)
        rows.append(row)
    task = draw(st.sampled_from(["svm", "svm", "svr"]))
    split = draw(
        st.sampled_from(
            ["", "d.split_strategy = random", "d.split_strategy = ['s1']", "logo", "kfold"]
        )
    )
    return columns, rows, task, split


@BOUNDED
@given(databases())
def test_a_database_is_split_or_told_to_be_wrong(audio, content):
    columns, rows, task, split = content
    with open(audio / "d.csv", "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([columns, *rows])
    model = {"logo": "logo = 2", "kfold": "k_fold_cross = 2"}.get(split, "")
    data = "" if model else split
    (audio / "x.ini").write_text(
        f"[DATA]\ndatabases = ['d']\nd = d.csv\ntarget = emotion\n{data}\n[FEATS]\ntype = os\n"
        f"[MODEL]\ntype = {task}\n{model}\n"
    )
    experiment = resolve("x.ini", cwd=audio)
    database = experiment.databases[0]
    try:
        listing = scan(database, cwd=audio, cache=audio / "cache")
        table, loaded = load_table({**database, **experiment.load}, listing)
        made, _ = make_split(experiment.split, [table])
    except UserError as error:
        for line in error.problems:
            assert line.startswith("[") and line.isprintable()
        return
    counts = loaded["counts"]
    assert counts["used"] == len(table) == counts["listed"] - sum(counts["dropped"].values())
    for _, train, dev, test in folds(made):
        assert len(train) and len(test)
        assert not {*train} & {*test} and not {*dev} & {*test}
        if task == "svm":
            assert table["truth"].iloc[train].nunique() > 1


@BOUNDED
@given(st.text(max_size=40))
def test_a_literal_is_a_value_or_refused(text):
    try:
        literal(text)
    except ValueError as error:
        assert str(error)
