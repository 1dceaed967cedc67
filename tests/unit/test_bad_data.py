"""Kinds of wrong labels and tables, from the ini to the split: an error in one line, or a warning.

Mistakes in an ini alone are in test_experiment.py, audio in test_bad_audio.py.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi.config.experiment import resolve
from izwi.data.databases import load_table, numeric_labels
from izwi.data.scan import scan
from izwi.errors import UserError
from izwi.splits import make_split


def table(
    n=12, label=lambda i: "ab"[i % 2], speaker=lambda i: f"s{i % 4}", extra="", cells=lambda i: ""
):
    """A CSV: four speakers, both classes by each."""
    rows = [f"{i}.wav,{speaker(i)},{label(i // 4)}{cells(i)}" for i in range(n)]
    return "\n".join([f"file,speaker,emotion{extra}", *rows, ""])


GOOD = table()
IDS = table(speaker=lambda i: f"000{i % 4}")
NUMBERS = "file,speaker,emotion\n" + "".join(f"{i}.wav,s{i % 4},{i / 2}\n" for i in range(24))
BINS = "bins = [0, 50, 100]\nlabels = ['l', 'h']"
ALL = "db.split_strategy = ['s0', 's1', 's2', 's3']"
# name: CSV, lines of the ini (in [DATA], or behind [MODEL]), what is told
ERRORS = {
    # columns
    "no target": (GOOD.replace("emotion", "emo"), "", "target: db has no column 'emotion' but "
                  "file, start, end, speaker, emo, did you mean 'emo'"),
    "no speaker": (GOOD.replace("speaker", "who"), "", "speaker_split needs a speaker column and "
                   "the database has none, set db.split_strategy = random"),
    "no file": (GOOD.replace("file,", "path,"), "", "has no column 'file' but path"),
    "column twice": (GOOD.replace("speaker", "emotion"), "", "two columns named emotion"),
    "filter of no column": (GOOD, "db.filter = [['gender', 'f']]", "no column 'gender'"),
    "required is no column": (GOOD, "db.required = ['age']", "no column 'age'"),
    "submodel is no column": (GOOD, "submodel = gender", "no column 'gender'"),
    "balance of no column": (GOOD, "db.split_strategy = balanced\nbalance = {'age': 1}",
                             "no column 'age'"),
    "label is no column": (GOOD, "db.label = mood", "no column 'mood'"),
    "colnames of no column": (GOOD, "db.colnames = {'mood': 'x'}", "no column 'mood'"),
    "mapping of no column": (GOOD, "db.mapping = {'mood': {'a': 'b'}}", "no column 'mood'"),
    # values
    "no label at all": (table(label=lambda i: ""), "", "no row of db has a value of 'emotion'"),
    "some speakers missing": (table(speaker=lambda i: "" if i < 3 else f"s{i % 4}"), "",
                              "needs the speaker of every row, 3 rows of 12 without"),
    "a label that is misspelt": (table(24, lambda i: ["anger", "boredom", "joy"][i % 3]),
                                 "labels = ['anger', 'joy', 'bordom']", "no row has bordom"),
    "labels all misspelt": (GOOD, "labels = ['A', 'B']", "none of A, B occurs in 'emotion' of db, "
                            "which has the values a, b"),
    "one class": (table(label=lambda i: "a"), "", "all 12 rows are of one class, a"),
    "mapped to one class": (GOOD, "db.mapping = {'a, b': 'c'}", "all 12 rows are of one class, c"),
    "one class in train": (table(speaker=lambda i: f"s{i // 4}"),
                           "db.split_strategy = ['s0', 's2']", "train holds one class only, b"),
    "mapping of nothing": (GOOD, "db.mapping = {'x': 'y'}", "none of x occurs in 'emotion'"),
    "filter leaves nothing": (GOOD, "db.filter = [['speaker', 'zz']]", "leaves no row: 'speaker' "
                              "has the values s0, s1, s2, s3"),
    "filters leave nothing": (GOOD, "db.filter = [['speaker', 's0'], ['speaker', 's1']]",
                              "leaves no row"),
    "too short for all": (GOOD, "db.min_duration_of_sample = 5", "they last 0.10 to 0.10 s"),
    "conflicting labels": (GOOD + "0.wav,s0,b\n", "", "several labels, such as 0.wav: a, b"),
    "conflicting speakers": (GOOD + "0.wav,s3,a\n", "", "several speakers, such as 0.wav: s0, s3"),
    "words in a regression": (GOOD, "svr", "12 values of 'emotion' in db are not numbers"),
    "infinity in a regression": (table(label=lambda i: "inf" if i == 1 else i), "svr",
                                 "4 values of 'emotion' in db are not numbers, such as inf"),
    "not-a-number in a regression": (table(label=lambda i: "nan" if i == 1 else i), "svr",
                                     "are not numbers, such as nan"),
    "numbers for classes": (NUMBERS, "", "24 different numbers, too many for classes"),
    "outside of the bins": (table(label=lambda i: i * 60), BINS,
                            "values of 'emotion' in db lie outside 0 to 100"),
    "quantiles of one value": (table(label=lambda i: 3), "type = continuous\nlabels = ['l', 'h']",
                               "2 bins of equal size cannot be cut from 1 different value"),
    "a segment that ends first": (table(extra=",start,end", cells=lambda i: ",1,0.5"), "",
                                  "end before they start"),
    "a segment before 0": (table(extra=",start,end", cells=lambda i: ",-1,0.5"), "", "before 0"),
    "a time that is none": (table(extra=",start,end", cells=lambda i: ",x,0.5"), "",
                            "12 values of column 'start' are not times, such as 'x'"),
    "a time that is none behind an empty row": (
        table(extra=",start,end", cells=lambda i: ",x,0.5").replace("\n", "\n,, ,,\n", 1), "",
        "such as 'x' (line 3)"),
    # splits
    "one speaker": (table(speaker=lambda i: "s0"), "", "1 speaker leaves none for train"),
    "an unknown speaker": (GOOD, "db.split_strategy = ['s9']", "no speaker s9, the database has "
                           "s0, s1, s2, s3"),
    "one unknown of several": (GOOD, "db.split_strategy = ['s0', 's9']", "no speaker s9"),
    "an unknown speaker stated": (GOOD, "db.split_strategy = speakers_stated\ndb.test = ['s9']",
                                  "db.test: no speaker s9"),
    "a speaker in two parts": (GOOD, "db.split_strategy = speakers_stated\ndb.test = ['s0']\n"
                               "db.train = ['s0', 's1']", "speaker s0 named twice"),
    "all speakers tested": (GOOD, ALL, "no row in train"),
    "a number that two ids spell": (table(speaker=lambda i: ["1", "01", "2", "3"][i % 4]),
                                    "db.split_strategy = ['001']", "no speaker 001"),
    "groups of one speaker": (table(speaker=lambda i: "s"), "svm\nlogo = 9",
                              "logo: there is one speaker alone"),
    "more folds than rows": (GOOD, "svm\nk_fold_cross = 50", "50 folds of 12 rows, 12 at most"),
    "groups without speakers": (GOOD.replace("speaker", "spk"), "svm\nlogo = 3",
                                "groups of speakers need the speaker of every row"),
    "one row": (GOOD, "db.limit_samples = 1", "leaves none for train"),
    # files
    "empty": ("", "", "db.csv is empty"),
    "no rows": ("file,speaker,emotion\n", "", "db.csv has no rows"),
    "semicolons": (GOOD.replace(",", ";"), "", "separate cells by commas or tabs"),
    "semicolons and decimal commas": (
        re.sub("[ab]\n", "1,5\n", GOOD.replace(",", ";")), "",
        "in lines 2, 3, 4, 5, 6 and 7 more: separate cells by commas, not semicolons, and write "
        "numbers with a point"),
    "Latin-1": (GOOD.replace("a\n", "ä\n").encode("cp1252"), "", "is not UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "", "is not UTF-8"),
    "binary": (bytes(range(256)) * 9, "", "is not UTF-8"),
    "too many cells": (GOOD + "1.wav,s1,a,b\n", "", "more cells than columns in line 14"),
    "an open quote": (GOOD + '3.wav,s1,"a\n4.wav,s1,a\n', "", "a quote in line 14 is never closed"),
    "an endless cell": (GOOD + "x" * 200_000 + ",s1,a\n", "", "field larger than field limit"),
    "a row without a file": (GOOD + ",s1,a\n", "", "names no file in row 13"),
    "missing audio": (table(26), "", "2 of 26 audio files are missing: 24.wav, 25.wav; looked in"),
    "paths out of the database": (GOOD.replace("\n0.wav", "\n../../etc/passwd"), "",
                                  "1 of 12 audio files is missing: ../../etc/passwd"),
}  # fmt: skip
WARNINGS = {
    "some labels missing": (table(label=lambda i: "" if i == 2 else "ab"[i]), "",
                            "db: 4 of 12 rows dropped: no value of 'emotion'"),
    "rows twice": (GOOD + "0.wav,s0,a\n", "", "1 of 13 rows dropped: another row is about"),
    "part of a mapping": (GOOD, "db.mapping = {'a': 'x', 'b': 'y', 'q': 'z'}",
                          "mapping: q does not occur in 'emotion'"),
    "part of a filter": (GOOD, "db.filter = [['speaker', ['s0', 's1', 's9']]]",
                         "filter: 's9' does not occur in 'speaker'"),
    "classes unseen in training": (table(label=lambda i: "abc"[i], speaker=lambda i: f"s{i // 4}"),
                                   "db.split_strategy = ['s2']",
                                   "classes in test that train never sees: c (4 rows)"),
    "spellings of one class": (table(label=lambda i: ["Joy", "joy", "fear"][i]), "",
                               "Joy and joy differ in case alone, they are 2 classes"),
    "a full stop behind a class": (table(label=lambda i: ["Joy", "Joy.", "fear"][i]), "",
                                   "Joy and Joy. differ and look alike, they are 2 classes"),
    "quotes around a class": (table(label=lambda i: ["Joy", "'Joy'", "fear"][i]), "",
                              "'Joy' and Joy differ and look alike"),
    "a minus sign": (table(label=lambda i: ["-1", "\u22121", "1"][i]), "", "differ and look alike"),
    "a Turkish capital": (table(label=lambda i: ["HIGH", "H\u0130GH", "low"][i]), "",
                          "HIGH and H\u0130GH differ and look alike"),
    "times by other names": (table(extra=",Start,End", cells=lambda i: ",0.01,0.05"), "",
                             "db: columns 'Start' and 'End' look like times of segments and are "
                             "not read, so whole files are used: set db.colnames = "
                             "{'Start': 'start', 'End': 'end'}"),
    "times as others call them": (table(extra=",start_time,end_time",
                                        cells=lambda i: ",0:00:00.01,0:00:00.05"), "",
                                  "'start_time' and 'end_time' look like times"),
    "a begin without an end": (table(extra=",onset", cells=lambda i: ",0.01"), "",
                               "column 'onset' looks like times of segments and is not read"),
    "times in milliseconds": (table(extra=",start_ms,end_ms", cells=lambda i: ",10,50"), "",
                              "used: write columns start and end in seconds"),
    "an end by another name": (table(extra=",start,stop", cells=lambda i: ",0.01,0.05"), "",
                               "'stop' looks like times of segments and is not read, so the "
                               "other end of the file is used"),
    "a length in place of an end": (table(extra=",start,duration", cells=lambda i: ",0.01,0.05"),
                                    "", "each row lasts to the end of its file; 'duration' is not "
                                    "used"),
    "a mark of missing numbers": (table(24, label=lambda i: -999 if i == 2 else i), "svr",
                                  "'emotion' is -999 in 4 rows, all others lie between 0 and 5"),
    "minus one among positive numbers": (table(24, label=lambda i: -1 if i == 2 else i + 1), "svr",
                                         "'emotion' is -1 in 4 rows, all others lie between 1 and"
                                         " 6"),
    "two classes in a cell": (table(label=lambda i: ["joy", "fear", "fear;joy"][i]), "",
                              "4 rows hold several classes, such as 'fear;joy', which counts as a "
                              "class of its own: give each row one, such as by mapping = "
                              "{'emotion': {'fear;joy': 'fear'}}"),
    "several of a mapping": (GOOD, "db.mapping = {'a': 'x', 'b': 'y', 'p': 'z', 'q': 'z'}",
                             "mapping: p, q do not occur in 'emotion'"),
    "a cell too few": (table(extra=",note", cells=lambda i: "" if i == 2 else ",x"), "",
                       "db.csv has fewer cells than columns in line 4: the last columns are taken"),
    "recordings as speakers": (table(speaker=lambda i: f"{i}.wav"), "",
                               "db: each speaker has the name of a file: if 'speaker' names"),
    "a speaker of two sexes": (table(extra=",sex", cells=lambda i: ",f" if i == 4 else ",male"), "",
                               "db: 1 of 4 speakers has several values of 'gender', such as s0: "
                               "female, male"),
    "years of birth": (table(extra=",age", cells=lambda i: ",1990"), "",
                       "db: 'age' is below 0 or above 120 in 12 rows (1990)"),
    "one value in a regression": (table(label=lambda i: 3), "svr", "all 12 rows have one value, 3"),
    "tables of a CSV": (GOOD, "db.target_tables = ['x']", "a CSV file has no tables"),
}  # fmt: skip
NOTES = {
    "labels outside": (table(label=lambda i: "abc"[i]), "labels = ['a', 'b']",
                       "4 of 12 rows dropped: values not in labels (c 4)"),
    "speakers called like files": (table(speaker=lambda i: i), "",
                                   "db: each speaker has the name of a file"),
    "a slip of the pen": (table(24, label=lambda i: ["neutral", "x", "neutrl"][i % 3]), "",
                          "'neutrl' (8 rows) may be a slip of 'neutral' (8 rows): if it is, "
                          "mapping = {'emotion': {'neutrl': 'neutral'}}"),
    "codes of a sex": (table(extra=",sex", cells=lambda i: f",{i % 2}"), "",
                       "db: 'gender' holds 0, 1, none of which is known to mean female or male"),
    "unmapped values": (table(label=lambda i: "abc"[i]), "db.mapping = {'a': 'x', 'b': 'y'}",
                        "4 of 12 rows dropped: values not in the mapping (c 4)"),
}  # fmt: skip
# Nothing is wrong with these.
FINE = {
    "byte order mark": GOOD.encode("utf-8-sig"),
    "Windows line ends": GOOD.replace("\n", "\r\n"),
    "old Mac line ends": GOOD.replace("\n", "\r"),
    "blanks": GOOD.replace(",", " , "),
    "quotes": GOOD.replace("s0", '"s, ""0"""'),
    "other writings": GOOD.replace("s1", "Ünï 実").replace("b\n", "größte Freude 😀\n"),
    "words that are no times": table(extra=",begin,end_time", cells=lambda i: ",yes,no"),
    "a length of the file": table(extra=",duration", cells=lambda i: ",0.1"),
    "an offset alone": table(extra=",offset", cells=lambda i: ",0.1"),
    "numbers as ids": IDS,
    "separators behind the last cell": GOOD.replace("\n", ",\n").replace("emotion,", "emotion"),
    "rows of commas": f"{GOOD},,\n , ,\n",
    "a sex in several words": table(extra=",sex", cells=lambda i: [",F", ",female", ",w"][i // 4]),
    "a sex beside others": table(
        extra=",sex", cells=lambda i: "," + ["f", "m", "", "diverse"][i % 4]
    ),
    "ages": table(extra=",age", cells=lambda i: f",{30 + i}"),
    "blank lines": GOOD.replace("\n", "\n\n"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for i in range(24):
        soundfile.write(folder / f"{i}.wav", np.full(1600, i / 30), 16000)
    return folder


def run(folder, content, lines):
    """From the ini to the split, as the stages do; warnings and notes on the way."""
    of_model = lines.startswith(("svm", "svr"))
    model, data = (lines, "") if of_model else ("svm", lines)
    (folder / "db.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "x.ini").write_text(
        f"[DATA]\ndatabases = ['db']\ndb = db.csv\ntarget = emotion\n{data}\n[FEATS]\ntype = os\n"
        f"[MODEL]\ntype = {model}\n"
    )
    experiment = resolve("x.ini", cwd=folder)
    database = experiment.databases[0]
    listing = scan(database, cwd=folder, cache=folder / "cache")
    rows, loaded = load_table({**database, **experiment.load}, listing)
    split, made = make_split(experiment.split, [rows])
    return split, made, *([*loaded[kind], *made[kind]] for kind in ("warnings", "notes"))


@pytest.mark.parametrize("case", ERRORS)
def test_errors(folder, case):
    content, lines, words = ERRORS[case]
    with pytest.raises(UserError) as error:
        run(folder, content, lines)
    told = error.value.problems
    assert any(words in line for line in told), told
    for line in told:
        assert re.match(r"(x\.ini: )?\[(DATA|MODEL|FEATS)\] ", line) and line.isprintable()


@pytest.mark.parametrize("case", WARNINGS)
def test_warnings(folder, case):
    content, lines, words = WARNINGS[case]
    _, _, warnings, _ = run(folder, content, lines)
    assert any(words in line for line in warnings), warnings


@pytest.mark.parametrize("case", NOTES)
def test_what_the_ini_asks_to_leave_out_is_counted(folder, case):
    content, lines, words = NOTES[case]
    _, _, _, notes = run(folder, content, lines)
    assert any(words in line for line in notes), notes


@pytest.mark.parametrize("case", FINE)
def test_nothing_is_wrong(folder, case):
    split, made, warnings, _ = run(folder, FINE[case], "")
    assert made["counts"] == {"train": 9, "dev": 0, "test": 3} and warnings == []
    assert split["speaker"].nunique() == 4 and len(made["labels"]) == 2


def test_ids_as_numbers_and_as_texts(folder):
    split, *_ = run(folder, IDS, "db.split_strategy = [1, '0002']")
    assert set(split["speaker"][split["part"] == "test"]) == {"db/0001", "db/0002"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([31.0, 35.0, 26.0, 0.0], "'x' is 0 in 1 row, all others lie between 26 and 35"),
        ([1.0, 5.0, 3.0, -1.0], "'x' is -1 in 1 row, all others lie between 1 and 5"),
        ([*range(20, 80), 4000.0], ""),
        ([*range(20, 80), 4e6], "'x' is far from all other values in 1 row (4e+06; the others lie "
                                "between 20 and 79)"),
        ([0.0, 1.0], ""), ([-1.0, 1.0], ""), ([-1.0, 0.0, 1.0], ""), ([0.0, 1.0, 2.0, 3.0], ""),
        ([-1.0, 0.2, 0.7], ""), ([-2.0, -1.0, 1.0, 2.0], ""), ([0.0, 20.0, 80.0], ""),
        ([3.0, 3.0], ""),
        # Skewed as durations are.
        (np.exp(2 * np.random.default_rng(0).normal(size=5000)), ""),
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_told_from_scales(values, words):
    lines = numeric_labels.marks(pd.Series(values, dtype=float), "x")
    assert len(lines) == bool(words) and all(words in line for line in lines)
