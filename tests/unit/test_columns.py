"""Columns as people name and write them, from the ini to the split."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from izwi.config.experiment import resolve
from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.errors import UserError
from izwi.splits import make_split

N = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("columns")
    for i in range(N):
        soundfile.write(folder / f"{i}.wav", np.full(1600, i / 30), 16000)
    return folder


def table(header: str, cells: Any, first: str = "") -> str:
    lines = [f"file,{header}", *(f"{i}.wav,{cells(i)}" for i in range(N))]
    return first + "\n".join(lines) + "\n"


def run(folder: Path, text: str, data: str = "", target: str = "emotion", model: str = "svm"):
    """Split, table and all that is said."""
    (folder / "db.csv").write_text(text)
    (folder / "x.ini").write_text(
        f"[DATA]\ndatabases = ['db']\ndb = db.csv\ntarget = {target}\n{data}\n"
        f"[FEATS]\ntype = os\n[MODEL]\ntype = {model}\n"
    )
    experiment = resolve("x.ini", cwd=folder)
    database = experiment.databases[0]
    listing = scan(database, cwd=folder, cache=folder / "cache", write=False)
    rows, loaded = load_table({**database, **experiment.load}, listing)
    split, made = make_split(experiment.split, [rows])
    said = [*experiment.notes, *loaded["warnings"], *loaded["notes"]]
    return split, rows, [*said, *made["warnings"], *made["notes"]]


def told(folder: Path, *args: Any, **how: Any) -> str:
    with pytest.raises(UserError) as error:
        run(folder, *args, **how)
    return "\n".join(error.value.problems)


NAMES = [
    *("speaker_id", "speakers", "ActorID", "Speaker", "Subject ID", "participant", "id_speaker"),
    *("spk", "SpkID", "subj", "patient_no", "user_id", "Sprecher"),
]


@pytest.mark.parametrize("column", NAMES)
@pytest.mark.parametrize("how", ["", "db.limit_samples_per_speaker = 2", "svm\nlogo = 2"])
def test_a_column_of_speakers_by_another_name(folder, column, how):
    text = table(f"{column},emotion", lambda i: f"s{i % 4},{'ab'[i // 4 % 2]}")
    model = how if how.startswith("svm") else "svm"
    line = told(folder, text, "" if how == model else how, model=model)
    assert f"db.colnames = {{'{column}': 'speaker'}}" in line and "random" not in line
    colnames = f"db.colnames = {{'{column}': 'speaker'}}\n"
    split, _, _ = run(folder, text, colnames + ("" if how == model else how), model=model)
    assert split["speaker"].nunique() == 4


@pytest.mark.parametrize("how", ["db.split_strategy = random", "svm\nk_fold_cross = 3"])
def test_a_split_that_needs_no_speakers_tells_of_their_column(folder, how):
    text = table("ActorID,emotion", lambda i: f"s{i % 4},{'ab'[i // 4 % 2]}")
    data, model = ("", how) if how.startswith("svm") else (how, "svm")
    advice = "db.colnames = {'ActorID': 'speaker'}"
    assert any(advice in line for line in run(folder, text, data, model=model)[2])
    # Each row has another: nobody can be in two parts.
    text = table("ActorID,emotion", lambda i: f"s{i},{'ab'[i % 2]}")
    assert not any(advice in line for line in run(folder, text, data, model=model)[2])


@pytest.mark.parametrize("written", [".5", "5e-1", "0.50", "+0.5"])
def test_one_number_in_many_writings(folder, written):
    text = table("speaker,emotion,x", lambda i: f"s{i},{'ab'[i % 2]},{[0.5, 1.5][i // 6]}")
    for line in (f"db.filter = [['x', '{written}']]", f"db.mapping = {{'x': {{'{written}': 3}}}}"):
        _, rows, said = run(folder, text, line)
        assert not any("does not occur" in one for one in said)
        assert len(rows) == 6 if "filter" in line else set(rows["x"]) == {3.0, 1.5}


@pytest.mark.parametrize("labels", ["['0.0', '1']", "[0.0, 1.0]", "['0', '1.00']"])
def test_labels_that_are_numbers_in_another_writing(folder, labels):
    text = table("speaker,emotion", lambda i: f"s{i},{i % 2}.0")
    split, rows, said = run(folder, text, f"labels = {labels}")
    assert sorted(set(rows["truth"])) == ["0", "1"] and (split["part"] != "").all()
    assert not any("do not occur" in line for line in said)


def test_a_comma_of_decimals_or_thousands(folder):
    text = table("speaker,emotion", lambda i: f's{i},"{i % 2 + 1},000"')
    assert any("Write 1.000 or 1000" in line for line in run(folder, text)[2])
    text = table("speaker,emotion", lambda i: f's{i},"{i % 2 + 1},5"')
    assert any("decimal comma? Write 1.5" in line for line in run(folder, text)[2])


@pytest.mark.parametrize(
    "target", ["emotion; age", "emotion/age", "emotion and age", "emotion+age"]
)
def test_targets_however_they_are_joined(folder, target):
    line = told(folder, table("emotion,age", lambda i: "a,1"), target=target)
    assert "one target" in line and "DATA.target: [emotion, age]" in line


def test_a_target_may_hold_a_blank(folder):
    _, rows, _ = run(
        folder,
        table("emotion,age,emotion age", lambda i: f"a,1,{'xy'[i % 2]}"),
        "db.split_strategy = random",
        target="emotion age",
    )
    assert sorted(set(rows["truth"])) == ["x", "y"]


PARTS = ["train", "train", "dev", "test"]


@pytest.mark.parametrize("column", ["split", "Set", "partition", "part", "data_split"])
def test_a_column_that_holds_the_split(folder, column):
    text = table(f"speaker,emotion,{column}", lambda i: f"s{i},{'ab'[i // 4 % 2]},{PARTS[i % 4]}")
    split, _, said = run(folder, text, "db.split_strategy = column")
    order = split["file"].str.removesuffix(".wav").astype(int)
    assert split["part"].tolist() == [PARTS[i % 4] for i in order]
    assert not any("looks like a split" in line for line in said)
    _, _, said = run(folder, text)
    assert any("looks like a split" in line for line in said)


FLAGS = {
    "is_test": ("1", "0"),
    "Test": ("yes", "no"),
    "in_test_set": ("True", "False"),
    "heldout": ("y", "n"),
}
# Columns that say the split by their values alone.
WORDS = {
    "mode": ("tr", "ts"),
    "x": ("Train Set", "test-set"),
    "which": ("train-other", "test-other"),
}


@pytest.mark.parametrize("column, values", [*FLAGS.items(), *WORDS.items()])
@pytest.mark.parametrize("model", ["svm", "svm\nlogo = 2", "svm\nk_fold_cross = 2"])
def test_a_column_that_looks_like_a_split_by_any_name(folder, column, values, model):
    def cells(i: int) -> str:
        which = i % 3 == 0 if column in FLAGS else i % 3 > 0
        return f"s{i % 6},{'ab'[i % 2]},{values[not which]}"

    text = table(f"speaker,emotion,{column}", cells)
    said = [line for line in run(folder, text, model=model)[2] if "looks like a split" in line]
    assert len(said) == 1 and ("instead of" in said[0]) == ("\n" in model)
    # What the note says to set does what the column says.
    advice = said[0].split("set ")[1].split(" instead")[0].replace(" and ", ", ")
    split, _, more = run(folder, text, "\n".join(advice.split(", ")))
    assert not any("looks like" in line for line in more)
    order = split["file"].str.removesuffix(".wav").astype(int)
    assert split["part"].tolist() == ["train" if i % 3 else "test" for i in order]


@pytest.mark.parametrize("column", ["fold", "cv_fold", "Fold ID", "kfold"])
def test_a_column_that_looks_like_folds(folder, column):
    text = table(f"speaker,emotion,{column}", lambda i: f"s{i},{'ab'[i // 4 % 2]},{i % 3}")
    (line,) = [line for line in run(folder, text)[2] if "looks like 3 folds" in line]
    rename = "" if column == "fold" else f"db.colnames = {{'{column}': 'fold'}}"
    assert (rename or "set MODEL.logo") in line and "MODEL.logo = 3" in line
    split, _, said = run(folder, text, rename, model="svm\nlogo = 3")
    order = split["file"].str.removesuffix(".wav").astype(int)
    assert split["fold"].tolist() == [i % 3 + 1 for i in order]
    assert not any("looks like" in line for line in said)


@pytest.mark.parametrize("column", ["test_score", "folder", "condition", "trainer"])
def test_a_column_that_does_not_look_like_a_split(folder, column):
    values = {"folder": "xyz", "condition": ["test", "control", "rest"]}.get(column, "101")
    text = table(f"speaker,emotion,{column}", lambda i: f"s{i},{'ab'[i % 2]},{values[i % 3]}")
    assert not any("looks like" in line for line in run(folder, text)[2])


def test_the_values_of_such_a_column_may_be_named(folder):
    text = table("speaker,emotion,session", lambda i: f"s{i},{'ab'[i // 4 % 2]},{i % 4}")
    how = "db.split_strategy = column\ndb.split_column = session\n"
    values = "db.train_vals = [0, '1']\ndb.test_vals = [3.0]"
    split, _, said = run(folder, text, how + values)
    assert split["part"].value_counts().to_dict() == {"train": 6, "test": 3, "": 3}
    assert any("3 rows in no part of 'session', unused: 2" in line for line in said)
    assert "say which is what" in told(folder, text, how)
    assert "'7' is not in 'session'" in told(folder, text, f"{how}db.test_vals = [7]")
    twice = f"{how}db.train_vals = [0]\ndb.test_vals = [0]"
    assert "train_vals as well" in told(folder, text, twice)
    line = told(folder, text, "db.split_strategy = column\ndb.split_column = nothing")
    assert "no column 'nothing'" in line


@pytest.mark.parametrize(
    "target", ["['emotion', 'age']", "emotion, age", "[emotion,age]", "emotion age"]
)
def test_several_targets_are_several_experiments(folder, target):
    line = told(folder, table("emotion,age", lambda i: "a,1"), target=target)
    assert line.count("\n") == 0 and "one target" in line and "DATA.target: [emotion, age]" in line


@pytest.mark.parametrize(
    "header",
    [
        "# file,speaker,emotion",
        "#file, speaker, emotion",
        "# by a tool, of 2024, v1\n## file,speaker,emotion",
        "# file,speaker,emotion\n# all files, 16 kHz, mono",
        "sep=;\n# file;speaker;emotion",
        "# name,speaker,emotion",
    ],
)
def test_a_header_that_is_a_comment(folder, header):
    separator = ";" if "sep" in header else ","
    body = "\n".join(separator.join((f"{i}.wav", f"s{i}", "ab"[i % 2])) for i in range(N))
    colnames = "db.colnames = {'name': 'file'}" if "name" in header else ""
    _, rows, _ = run(folder, f"{header}\n{body}\n", colnames)
    assert len(rows) == N and set(rows["truth"]) == {"a", "b"} and rows["speaker"].nunique() == N
    # Lines are counted as editors do.
    bad = body.replace("3.wav", "3.wav,x,y,z") if separator == "," else body
    if bad != body:
        line = header.count("\n") + 1 + 4
        assert f"line {line}:" in told(folder, f"{header}\n{bad}\n", colnames)


@pytest.mark.parametrize(
    "first, separator",
    [
        ("sep=,\n", ","),
        ("sep=;\n", ";"),
        ('"sep=,"\r\n', ","),
        ("# made by a tool\n", ","),
        ("# file list, of 2024\n#\n", ","),
        ("sep=;\n# comment; more\n", ";"),
        ("\n \n", ","),
    ],
)
def test_first_lines_that_are_no_header(folder, first, separator):
    text = table("speaker,emotion", lambda i: f"s{i % 4},{'ab'[i // 4 % 2]}")
    plain, rows, _ = run(folder, text)
    split, same, _ = run(folder, first + text.replace(",", separator))
    assert split.equals(plain) and same.equals(rows)
    wrong = first + text.replace(",", separator) + separator.join(["1.wav", "a", "b", "c\n"])
    assert f"line {N + 2 + first.count(chr(10))}" in told(folder, wrong)


def test_tabs_between_columns_leave_commas_in_cells(folder):
    text = table("speaker,emotion,text", lambda i: f"s{i % 4},{'ab'[i // 4 % 2]},yes no")
    plain, rows, _ = run(folder, text)
    tabbed = text.replace(",", "\t").replace("yes no", "yes, no")
    split, same, _ = run(folder, tabbed)
    assert split.equals(plain) and same["emotion"].equals(rows["emotion"])
    assert f"line {N + 2}" in told(folder, tabbed + "1.wav\ta\tb\tc\td\n")


def test_numbers_as_classes_are_hinted_at(folder):
    ages = table("speaker,age", lambda i: f"s{i % 4},{23 + i // 4}")
    _, _, said = run(folder, ages, target="age")
    assert any("3 different numbers" in line and "regression" in line for line in said)
    codes = table("speaker,emotion", lambda i: f"s{i % 4},{i // 4}")
    _, _, said = run(folder, codes)
    assert not any("different numbers" in line for line in said)
    _, _, said = run(folder, ages, "labels = [23, 24, 25]", target="age")
    assert any("different numbers" in line for line in said)


def test_a_decimal_comma_is_no_class(folder):
    text = table("speaker,score", lambda i: f's{i % 4},"{3 + i // 4},5"')
    _, _, said = run(folder, text, target="score")
    assert any("decimal comma? Write 3.5" in line for line in said)
    assert "decimal comma? Write 3.5" in told(folder, text, target="score", model="svr")


@pytest.mark.parametrize("key", ["'0.0'", "'0'", "0", "0.0", "'0.00'"])
def test_numbers_map_as_people_write_them(folder, key):
    for cells in ("0.0", "0"):
        text = table("speaker,emotion", lambda i, c=cells: f"s{i % 4},{(c, '1.5')[i // 4 % 2]}")
        mapping = f"db.mapping = {{{key}: 'low', '1.50': 'high'}}"
        _, rows, _ = run(folder, text, mapping)
        assert set(rows["truth"]) == {"low", "high"}
        _, rows, _ = run(folder, text, f"db.filter = [['emotion', [{key}, 1.5]]]")
        assert len(rows) == N


def test_labels_are_matched_with_those_of_the_data(folder):
    text = table("speaker,emotion", lambda i: f"s{i % 4},{('sadness', 'anger')[i // 4 % 2]}")
    _, _, said = run(folder, text, "labels = ['sad', 'sadness', 'anger']")
    assert any("'sad'" in line or ": sad" in line for line in said)
    assert not any("did you mean" in line for line in said)
    line = told(folder, text, "labels = ['sad', 'angry']")
    assert re.search("did you mean 'sadness' for 'sad' and 'anger' for 'angry'", line)
    line = told(folder, text, "labels = ['SADNESS', 'Anger']")
    assert "did you mean 'sadness' for 'SADNESS' and 'anger' for 'Anger'" in line
    text = table("speaker,emotion", lambda i: f"s{i % 4},{('sadness', 'anger', 'joy')[i // 4]}")
    _, _, said = run(folder, text, "db.mapping = {'Anger': 'a', 'sadness': 'b', 'joy': 'a'}")
    assert any("did you mean 'anger' for 'Anger'" in line for line in said)


def test_a_value_that_names_two_parts_is_in_none(folder):
    parts = ["train", "test", "train,test", "test"]
    text = table("speaker,emotion,split", lambda i: f's{i % 4},{"ab"[i // 4 % 2]},"{parts[i % 4]}"')
    split, rows, said = run(folder, text, "db.split_strategy = column")
    assert split["part"].eq("").tolist() == rows["speaker"].eq("s2").tolist()
    assert "[DATA] db: 3 rows in no part of 'split', unused: train,test" in said


def test_of_two_columns_with_splits_the_one_used_is_told(folder):
    def cells(i):
        return f"s{i % 4},{'ab'[i // 4 % 2]},{'train' if i % 4 else 'test'},"

    line = "columns 'split' and 'partition' are different splits, 'split' is used"
    text = table("speaker,emotion,split,partition", lambda i: cells(i) + ["test", "train"][i % 2])
    said = run(folder, text, "db.split_strategy = column")[2]
    assert any(line in text for text in said)
    how = "db.split_strategy = column\ndb.split_column = split"
    assert not any("different splits" in text for text in run(folder, text, how)[2])
    # Other words for the same parts are no other split.
    same = table(
        "speaker,emotion,split,partition", lambda i: cells(i) + ("TRN" if i % 4 else "Eval")
    )
    said = run(folder, same, "db.split_strategy = column")[2]
    assert not any("different splits" in text for text in said)


def test_folds_with_a_gap_are_not_advised(folder):
    text = table("speaker,emotion,fold", lambda i: f"s{i % 4},{'ab'[i // 4 % 2]},{i % 4 or ''}")
    said = run(folder, text)[2]
    assert "db: column 'fold' is not used: 3 rows have no fold" in said
    assert not any("original_fold': 'fold'" in line for line in said)
