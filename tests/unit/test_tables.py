"""Tables of a config: their cells, controls, tests and marks, and how they are written."""

from __future__ import annotations

import csv
import itertools
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn import dummy
from sklearn import metrics as sk

from izwi.config.result_set import read_config, resolve_all
from izwi.errors import UserError
from izwi.evaluation import scoring
from izwi.evaluation.chance import chance
from izwi.features.metadata import Metadata
from izwi.models import load_model, model_class
from izwi.reporting.tables import contents, controls, wanted, writing
from izwi.training.fit_predict import stack

INI = """\
[EXP]
name = {name}
[DATA]
databases = ['a']
a.type = demo
target = emotion
[FEATS]
type = os
[MODEL]
type = svm
"""
GRID = {"FEATS.type": ["os", "praat"], "MODEL.type": ["svm", "knn"]}
TABLE = {"name": "t", "rows": "FEATS.type", "columns": "MODEL.type"}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "exp.ini").write_text(INI.format(name="exp"))
    (tmp_path / "other.ini").write_text(INI.format(name="other"))
    return tmp_path


def laid_out(place, *tables, grid=GRID, inis=("exp.ini",)):
    config = {"experiments": list(inis), "tables": list(tables)} | ({"grid": grid} if grid else {})
    found = read_config(config, cwd=place, fallback="none")
    return wanted.lay_out(found.tables, resolve_all(found, cwd=place))


def problems(place, *tables, **more):
    with pytest.raises(UserError) as error:
        laid_out(place, *tables, **more)
    return error.value.problems


def names(lines):
    return [line["label"] for line in lines]


# ------------------------------------------------------------------------ config


def test_cells_of_a_grid(place):
    (table,), made = laid_out(place, {**TABLE, "controls": False, "labels": {"os": "openSMILE"}})
    assert names(table["rows"]) == ["openSMILE", "praat"]
    assert names(table["columns"]) == ["svm", "knn"]
    assert [(c["row"], c["column"], c["experiment"]) for c in table["cells"]] == [
        (i, j, f"exp--FEATS.type_{features}--MODEL.type_{model}")
        for i, features in enumerate(["os", "praat"])
        for j, model in enumerate(["svm", "knn"])
    ]
    assert (table["measure"], table["best"], made) == ("uar", "column", [])


def test_rows_by_several_options_names_and_databases(place):
    tables = [
        {"name": "n", "rows": ["exp.name", "FEATS.SET"], "columns": "model.c_val"},
        {"name": "sides", "rows": "train", "columns": "test", "experiments": "oth*"},
    ]
    (first, second), _ = laid_out(place, *tables, grid=None, inis=["exp.ini", "other.ini"])
    assert names(first["rows"])[:2] == ["exp, eGeMAPSv02", "other, eGeMAPSv02"]
    assert names(first["columns"]) == ["1"]
    assert names(second["rows"])[:1] == names(second["columns"]) == ["a"]


GIVEN = {"row": "os", "column": "svm", "value": 1, "source": "S", "protocol": "P"}
WRONG = [
    ({"rows": "FEATS.tpye"}, "rows: 'FEATS.tpye' is not an option, did you mean 'FEATS.type'?"),
    (
        {"rows": "tpye"},
        "rows: 'tpye' is not an option, write SECTION.option, such as FEATS.type",
    ),
    ({"rows": "c_val"}, "rows: 'c_val' is not an option, did you mean 'MODEL.c_val'?"),
    ({"columns": "FEATS.type"}, "columns: FEATS.type: stands in rows as well, keep one"),
    ({"colums": 1}, "colums: unknown key, did you mean 'columns'?"),
    ({"measure": "uarr"}, "measure: 'uarr' is not a measure, did you mean 'uar'?"),
    (
        {"measure": "mse"},
        "measure: mse is not a measure of classification, use one of uar, accuracy, f1, eer",
    ),
    ({"best": "rows"}, "best: 'rows' is not known, did you mean 'row'?"),
    ({"controls": ["levle"]}, "controls: 'levle' is not a control, did you mean 'level'?"),
    ({"experiments": "xep"}, "experiments: none is called 'xep', did you mean 'exp'?"),
    ({"published": "gone.csv"}, "published: no such file: gone.csv (in {place})"),
    ({"published": [{**GIVEN, "value": "x"}]}, "published: entry 1: value: 'x' is not a number"),
    (
        {"published": [{**GIVEN, "source": ""}]},
        "published: entry 1: source is missing, with page or table",
    ),
    (
        {"published": [{**GIVEN, "row": "oss"}]},
        "published: the table has no row 'oss', did you mean 'os'?",
    ),
]


@pytest.mark.parametrize(("table", "told"), WRONG)
def test_what_is_wrong_is_told_in_one_line(place, table, told):
    told = f"config: tables: t: {told.format(place=place)}"
    assert problems(place, {**TABLE, **table}) == [told]


def test_names_of_tables(place):
    assert problems(place, {**TABLE, "name": "a/b"}) == [
        "config: tables: name: 'a/b' is not a file name, use letters, digits, - and _"
    ]
    assert problems(place, TABLE, {**TABLE, "name": "T"}) == [
        "config: tables: two are called 'T', give each a name of its own"
    ]


def test_published_values_from_a_file(place):
    (place / "published.csv").write_text(
        'row,column,value,source,protocol\nos,svm,0.7,"A, Table 2",LOSO\n'
    )
    (table,), _ = laid_out(place, {**TABLE, "published": "published.csv"})
    (entry,) = table["published"]
    assert (entry["row"], entry["column"], entry["value"]) == (0, 0, 0.7)
    assert (entry["source"], entry["protocol"]) == ("A, Table 2", "LOSO")


def test_two_experiments_in_a_cell_are_named(place):
    lines = problems(place, {**TABLE, "rows": "DATA.target"})
    assert len(lines) == 2
    assert lines[0].startswith(
        "config: tables: t: two experiments in one cell (emotion / svm): "
        "exp--FEATS.type_os--MODEL.type_svm and exp--FEATS.type_praat--MODEL.type_svm; add what"
    )


def test_measures_and_tasks_must_agree(place):
    (place / "age.ini").write_text(INI.format(name="age").replace("svm", "svr"))
    (place / "f1.ini").write_text(INI.format(name="f1") + "measure = f1\n")
    table = {"name": "t", "rows": "EXP.name", "columns": "MODEL.type"}
    assert problems(place, table, grid=None, inis=["exp.ini", "age.ini"]) == [
        "config: tables: t: experiments: exp (classification) and age (regression) have no measure "
        "in common, make two tables"
    ]
    assert problems(place, table, grid=None, inis=["exp.ini", "f1.ini"]) == [
        "config: tables: t: measure: exp has uar and f1 has f1: say which one is shown, such as "
        "measure: uar"
    ]
    (found,), _ = laid_out(
        place, {**table, "measure": "accuracy"}, grid=None, inis=["exp.ini", "f1.ini"]
    )
    assert found["measure"] == "accuracy"


# ---------------------------------------------------------------------- controls


def test_controls_are_made_once_per_split(place):
    tables, made = laid_out(place, TABLE, {**TABLE, "name": "u", "rows": "FEATS.type"})
    assert [one.control for one in made] == ["majority", "duration", "level", "metadata"]
    table = tables[0]
    assert names(table["rows"])[2:] == [
        *("chance", "majority class", "duration only", "level only", "metadata only")
    ]
    level = made[2]
    assert level.features == ({"type": "signal", "options": {}},)
    assert level.preprocessing == {"scale": "standard", "features": ["level"]}
    assert level.model["type"] == "svm" and level.model["options"]["class_weight"] is True
    assert level.plots["maps"] == {} and level.split == made[0].split
    shown = [c for c in table["cells"] if c["control"] == "level"]
    assert [(c["row"], c["column"], c["experiment"]) for c in shown] == [
        (5, 0, level.name),
        (5, 1, level.name),
    ]


def test_controls_go_where_the_split_is_decided(place):
    by_rows = {**TABLE, "rows": "MODEL.k_fold_cross"}
    grid = {"MODEL.k_fold_cross": [3, 5], "MODEL.type": ["svm", "knn"]}
    (table,), made = laid_out(place, by_rows, grid=grid)
    assert table["best"] == "row" and len(made) == 8
    assert names(table["columns"])[2:] == [
        controls.label_of(k, "classification") for k in controls.KINDS
    ]
    both = {"MODEL.k_fold_cross": [3, 5], "EXP.seed": [1, 2]}
    table = {"name": "t", "rows": "EXP.seed", "columns": "MODEL.k_fold_cross", "controls": "level"}
    (table,), made = laid_out(place, table, grid=both)
    assert names(table["rows"]) == ["1", "2", "1: level only", "2: level only"]
    assert len({one.name for one in made}) == 4


def test_speakers_are_known_where_the_protocol_shares_them(place):
    def columns(grid):
        _, made = laid_out(place, TABLE, grid={**GRID, **grid})
        (one,) = [one for one in made if one.control == "metadata"]
        return one.features[0]["options"]["metadata.columns"]

    assert "speaker" not in columns({}) and "speaker" not in columns({"MODEL.logo": [3]})
    assert "speaker" in columns({"MODEL.k_fold_cross": [3]})
    assert "speaker" in columns({"DATA.a.split_strategy": ["random"]})
    fold = {"MODEL.logo": [3], "DATA.a.colnames": ["{'text': 'fold'}"]}
    assert "speaker" in columns(fold)
    target = columns({"DATA.target": ["gender"]})
    assert "gender" not in target and "sampling_rate" in target


@pytest.fixture
def speech(tmp_path):
    """A table of six files, of which the last has another sampling rate."""
    files = [f"{i}.wav" for i in range(6)]
    for i, file in enumerate(files):
        soundfile.write(tmp_path / file, np.zeros(100), 8000 if i == 5 else 16000)
    table = pd.DataFrame(
        {
            "file": files,
            "start": pd.Timedelta(0),
            "end": pd.NaT,
            "gender": ["f", "m", "f", "m", None, "f"],
            "age": [20.0, 30, 40, np.nan, 25, 35],
            "text": ["hello", "hello", "once", "a=b", "a=b", "twice"],
            "speaker": list("aabbcc"),
        }
    )
    return table, {file: str(tmp_path / file) for file in files}


def test_metadata_one_hot(speech):
    table, paths = speech
    found = Metadata({}).matrix(table, paths)
    expected = pd.get_dummies(table["gender"], dtype=float)
    assert found["metadata.gender=f"].tolist() == expected["f"].tolist()
    assert found["metadata.gender=m"].tolist() == expected["m"].tolist()
    assert found["metadata.text=a=b"].tolist() == [0, 0, 0, 1, 1, 0]
    np.testing.assert_array_equal(found["metadata.age"], table["age"])
    # What a single row has cannot be known from training.
    assert set(found) == {
        *("metadata.gender=f", "metadata.gender=m", "metadata.age", "metadata.text=a=b"),
        *("metadata.text=hello", "metadata.sampling_rate=16000"),
    }
    again = Metadata({}).matrix(table.iloc[::-1].reset_index(drop=True), paths)
    pd.testing.assert_frame_equal(again.iloc[::-1].reset_index(drop=True), found)
    with pytest.raises(UserError, match="'truth' is not metadata"):
        Metadata({"metadata.columns": ["truth"]}).matrix(table, paths)


def test_metadata_of_two_databases_are_one(speech):
    table, paths = speech
    first, second = table.iloc[:4].reset_index(drop=True), table.iloc[4:].reset_index(drop=True)
    second = second.drop(columns="age")
    tables = [first, second]
    matrices = []
    for one in tables:
        values = Metadata({"metadata.columns": ["gender", "age", "speaker"]}).matrix(one, paths)
        matrices.append([pd.concat([one[["file", "start", "end"]], values], axis=1)])
    _, features = stack(tables, matrices)
    assert features["metadata.speaker=a"].tolist() == [1, 1, 0, 0, 0, 0]
    assert features["metadata.speaker=c"].tolist() == [0, 0, 0, 0, 1, 1]
    assert features["metadata.age"].isna().tolist() == [False] * 3 + [True] * 3
    matrices[1][0]["other"] = 1.0
    with pytest.raises(UserError, match="do not have the same features"):
        stack(tables, matrices)


def test_constant_models_are_those_of_scikit_learn(tmp_path):
    X, random = np.full((20, 2), np.nan), np.random.default_rng(0)
    labels = ["c", "b", "a"]
    y = random.choice(labels[:2], 20)
    model = model_class("majority")({}, labels=labels)
    model.fit(X, y)
    prior = dummy.DummyClassifier(strategy="prior").fit(X, y)
    model.save(tmp_path / "majority")
    found = load_model(tmp_path / "majority").predict(X)
    assert found.decision.tolist() == prior.predict(X).tolist()
    np.testing.assert_allclose(found.probabilities[:, [1, 0]], prior.predict_proba(X))
    numbers = random.normal(size=20)
    model = model_class("mean")({})
    model.fit(X, numbers)
    model.save(tmp_path / "mean")
    found = load_model(tmp_path / "mean").predict(X)
    np.testing.assert_allclose(found.decision, dummy.DummyRegressor().fit(X, numbers).predict(X))


# ------------------------------------------------------------------------ chance


def test_chance_of_classes():
    truth = np.array(list("aaaaaabbc"))
    labels = ["a", "b", "c", "d"]

    def of(measure):
        return chance(truth, measure, task="classification", labels=labels, seed=1)

    guesses = np.random.default_rng(7).choice(list("abc"), (400, 9))
    hits = truth == guesses
    simulated = {
        "accuracy": hits.mean(axis=1),
        "uar": np.mean([hits[:, truth == name].mean(axis=1) for name in "abc"], axis=0),
        "f1": [
            sk.f1_score(truth, guess, labels=list("abc"), average="macro", zero_division=0)
            for guess in guesses
        ],
    }
    for measure, values in simulated.items():
        value, how = of(measure)
        error = np.std(values) * (1 / np.sqrt(1000) + 1 / np.sqrt(400))
        assert value == pytest.approx(np.mean(values), abs=4 * error)
        assert how == ("simulated, 1000 guesses" if measure == "f1" else "analytic")
    assert of("uar")[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("measure", ["mse", "mae", "ccc", "pcc"])
def test_chance_of_numbers_is_the_mean_over_all_orders(measure):
    from izwi.evaluation.measures import measures

    truth = np.array([1.0, 2, 2, 5, 9])
    orders = [
        measures(truth, np.array(order), task="regression")[measure]
        for order in itertools.permutations(truth)
    ]
    value, how = chance(truth, measure, task="regression", labels=[], seed=1)
    assert value == pytest.approx(np.mean(orders), abs=1e-12)
    assert how == "analytic"


# ------------------------------------------------------------------------- marks

CLASSES = ["x", "y"]


def predictions(hits, speakers=8, each=6, seed=0, label=CLASSES):
    """Of a classifier that is right with a probability."""
    random = np.random.default_rng(3)
    n = speakers * each
    truth = random.choice(label, n)
    own = np.random.default_rng(seed)
    right = own.random(n) < hits
    return pd.DataFrame(
        {
            "row": range(n),
            "database": "d",
            "file": [f"{i:03d}.wav" for i in range(n)],
            "start": pd.Timedelta(0),
            "end": pd.NaT,
            "speaker": [f"d/{i // each}" for i in range(n)],
            "fold": 0,
            "run": 1,
            "truth": truth,
            "prediction": np.where(right, truth, np.where(truth == "x", "y", "x")),
        }
    )


def measured(frame, **more):
    spec = {"task": "classification", "measure": "uar", "labels": CLASSES, "seed": 1}
    found = scoring.evaluate(
        spec, frame, training={"counts": {"train": 9}, **more}, split={}, tables=[]
    )
    return found


def table_of(cells, rows, columns, **more):
    return {
        "name": "t_1",
        "caption": "50 % & more",
        "measure": "uar",
        "task": "classification",
        "seed": 1,
        "best": "column",
        "row_options": ["FEATS.type"],
        "column_options": ["MODEL.type"],
        "rows": [{"label": r, "control": None} for r in rows],
        "columns": [{"label": c, "control": None} for c in columns],
        "cells": [{"row": i, "column": j, "experiment": e, "control": None} for i, j, e in cells],
        "published": [],
        "formats": ["png"],
    } | more


def filled(frames, table, **training):
    metrics = {
        name: None if frame is None else measured(frame, **training.get(name, {}))
        for name, frame in frames.items()
    }
    return contents.fill(table, metrics, frames.__getitem__)


def p_by_hand(a, b):
    """Two-sided p of all swaps of speakers' predictions."""

    def uar(first, second, swap):
        taken = np.where(np.isin(speaker, swap), second, first)
        return np.mean([(taken == truth)[truth == name].mean() for name in CLASSES])

    truth, speaker = a["truth"].to_numpy(), a["speaker"].to_numpy(dtype=str)
    a, b = a["prediction"].to_numpy(), b["prediction"].to_numpy()
    speakers = np.unique(speaker)
    differences = [
        abs(uar(a, b, speakers[list(swap)]) - uar(b, a, speakers[list(swap)]))
        for swap in itertools.product([False, True], repeat=len(speakers))
    ]
    return np.mean(np.array(differences) >= differences[0] - 1e-12)


@pytest.fixture(scope="module")
def two_columns():
    """In one column the best is far better than the next, in the other hardly."""
    frames = {
        "good": predictions(0.97, seed=1),
        "bad": predictions(0.4, seed=2),
        "worse": predictions(0.1, seed=3),
        "b": predictions(0.85, seed=4),
        "c": predictions(0.7, seed=5),
    }
    cells = [(0, 0, "bad"), (1, 0, "good"), (2, 0, "worse"), (0, 1, "b"), (1, 1, "c")]
    return frames, filled(frames, table_of(cells, ["r", "s", "t"], ["k", "l"]))


def test_the_best_is_tested_against_the_next(two_columns):
    frames, found = two_columns
    for cell in found.cells.values():
        frame = frames[cell.experiment]
        assert cell.value == pytest.approx(
            sk.balanced_accuracy_score(frame["truth"], frame["prediction"])
        )
    best = [cell for cell in found.cells.values() if cell.best]
    assert {cell.experiment for cell in best} == {"good", "b"}
    tests = found.tests.set_index("a")
    assert tests["b"].to_dict() == {"good": "bad", "b": "c"}
    by_hand = {a: p_by_hand(frames[a], frames[b]) for a, b in tests["b"].items()}
    assert tests["p"].to_dict() == pytest.approx(by_hand)
    # Holm: the smaller of two counts twice, the other at least as much
    small, large = min(by_hand.values()), max(by_hand.values())
    assert by_hand["good"] == small == 2 / 2**8
    assert tests["p_holm"].to_dict() == pytest.approx(
        {"good": 2 * small, "b": max(large, 2 * small)}
    )
    marks = {cell.experiment: cell.marks for cell in best}
    assert marks == {"good": [contents.FEW], "b": [contents.NOT_BETTER, contents.FEW]}


def test_ties_unequal_test_sets_and_what_could_not_be_made():
    frames = {
        "a": predictions(0.8, seed=1),
        "same": predictions(0.8, seed=1),
        "elsewhere": predictions(0.99, speakers=7, seed=1),
        "gone": None,
    }
    cells = [(0, 0, "a"), (1, 0, "same"), (2, 0, "elsewhere"), (3, 0, "gone")]
    found = filled(frames, table_of(cells, ["a", "b", "c", "d"], ["m"]))
    assert [cell.best for cell in found.cells.values()] == [True, True, False, False]
    assert found.tests[["a", "b", "p"]].to_numpy().tolist() == [["a", "same", 1.0]]
    assert found.cells[3, 0].marks == [contents.FAILED] and found.cells[3, 0].value is None
    assert "| d | – × |" in writing.markdown(found)


def test_not_testable_is_no_absence_of_a_difference():
    frames = {"a": predictions(1, speakers=5), "b": predictions(0, speakers=5)}
    found = filled(frames, table_of([(0, 0, "a"), (1, 0, "b")], ["a", "b"], ["m"]))
    assert found.tests["verdict"].tolist() == ["not testable"]
    assert found.cells[0, 0].marks[0] == contents.UNTESTED
    text = writing.markdown(found)
    assert "is not testable: 5 speakers, 6 are needed" in text and "n.s." not in text
    assert "not significant" not in text


def test_transductive_constant_and_controls_as_good(two_columns):
    frames = {"a": predictions(0.5, speakers=12, seed=1), "always": predictions(1, speakers=12)}
    frames["always"]["prediction"] = "x"
    frames["control"] = predictions(0.9, speakers=12, seed=5)
    table = table_of([(0, 0, "a"), (1, 0, "always")], ["a", "b"], ["m"])
    table["rows"].append({"label": "level only", "control": "level"})
    table["cells"].append(
        {"row": 2, "column": 0, "experiment": "control", "control": "level", "of": "a"}
    )
    found = filled(frames, table, a={"transductive": True})
    assert [found.cells[i, 0].marks[-1:] for i in range(3)] == [["¶"], ["c"], []]
    assert not found.cells[2, 0].best
    value = {i: f"{found.cells[i, 0].value:.3f}" for i in range(3)}
    assert found.remarks == [
        f"The control 'level only' ({value[2]}) is as good as the best experiment "
        f"({max(value[0], value[1])}) of its test set."
    ]
    assert (
        "c constant: the model predicts the same for every sample that it is tested on."
        in writing.markdown(found)
    )


def test_fixed_majority_differs_by_fold_and_is_constant_all_the_same():
    frame = predictions(0.5)
    frame["fold"] = [1] * 24 + [2] * 24
    frame["prediction"] = ["x"] * 24 + ["y"] * 24
    assert contents._is_constant(frame)
    frame.loc[0, "prediction"] = "y"
    assert not contents._is_constant(frame)


# ----------------------------------------------------------------------- writing


@pytest.fixture
def small():
    """Two figures, one of them constant, a control of chance, and a published one."""
    table = table_of(
        [(0, 0, "a_1"), (1, 0, "b")],
        ["=os_{1}", "praat|2"],
        ["svm^~"],
        published=[
            {"row": 0, "column": 0, "value": 0.75, "source": "@A & B, p. 3", "protocol": "10 %"}
        ],
    )
    table["rows"].append({"label": "chance", "control": "chance"})

    def cell(row, experiment, control, **more):
        return contents.Cell(row, 0, experiment, control, n=20, n_speakers=5, **more)

    cells = {
        (0, 0): cell(0, "a_1", None, value=0.5, ci=(0.4, 0.61), ci_method="t", best=True,
                     marks=[contents.UNTESTED, contents.FEW]),
        (1, 0): cell(1, "b", None, value=0.0001, ci=(0.0, 0.2), ci_method="t",
                     marks=[contents.FEW, contents.CONSTANT]),
        (2, 0): cell(2, None, "chance", value=0.5, how="analytic"),
    }  # fmt: skip
    tests = pd.DataFrame({"p": [None], "verdict": ["not testable"], "test": ["not testable: few"]})
    return contents.Contents(table, cells, tests, [])


def test_latex(small):
    text = writing.latex(small)
    lines = text.splitlines()
    body = lines[lines.index(r"\toprule") : lines.index(r"\bottomrule")]
    assert [line for line in body if "&" in line] == [
        r"FEATS.type / MODEL.type & svm\textasciicircum{}\textasciitilde{} \\",
        r"=os\_\{1\} & \textbf{0.500}\textsuperscript{\ddag{}}\linebreak "
        r"{\scriptsize [0.400, 0.610]}\linebreak \textit{0.750}\textsuperscript{(1)} \\",
        r"praat\textbar{}2 & 0.000\textsuperscript{c}\linebreak "
        r"{\scriptsize [0.000, 0.200]} \\",
        r"chance (analytic) & 0.500 \\",
    ]
    # Controls are below a rule of their own.
    assert body[-2:] == [r"\midrule", r"chance (analytic) & 0.500 \\"]
    assert r"\caption{50 \% \& more}" in lines and r"\label{tab:t_1}" in lines
    notes = lines[lines.index(r"\end{tabularx}") :]
    assert r"\raggedright\scriptsize" in notes
    for start in (
        "UAR with 95 \\% interval by t, samples / speakers: 20 / 5.",
        "All: few speakers",
        r"\textsuperscript{\ddag{}}whether it is better",
        r"\textsuperscript{c}constant: ",
        r"\textsuperscript{(1)}Published: @A \& B, p. 3; protocol: 10 \%.",
    ):
        assert any(line.startswith(start) for line in notes), start
    # Signs of one figure do not make the name of another command.
    small.cells[0, 0].marks = [contents.UNTESTED]
    assert r"\textsuperscript{\S{}c}" in writing.latex(small)


class _Cells(HTMLParser):
    """Texts of the cells of a table, and all texts outside it."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.outside, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th") or (
            self.inside and tag in ("b", "i", "sup", "small", "br")
        )
        if tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "br" and self.inside:
            self.rows[-1][-1] += "/"

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data
        elif data.strip():
            self.outside.append(data)


def test_html_shows_what_markdown_shows(small):
    small.table["rows"][1]["label"] = "<script>|2"
    found = writing.html(small)
    cells = _Cells(found)
    assert cells.rows == [
        ["FEATS.type / MODEL.type", "svm^~"],
        ["=os_{1}", "0.500‡/[0.400, 0.610]/0.750(1)"],
        ["<script>|2", "0.000c/[0.000, 0.200]"],
        ["chance (analytic)", "0.500"],
    ]
    assert "<script" not in found
    notes = "".join(cells.outside)
    assert "50 % & more" in notes and "constant: " in notes and "@A & B, p. 3" in notes
    # The look is in the text itself, not in a sheet that a paste would lose.
    assert "<style" not in found and "class=" not in found and "border-top" in found


def test_an_interval_that_may_be_too_narrow_is_marked(small):
    small.cells[0, 0].marks = [contents.NARROW]
    assert "[0.400, 0.610] ‖" in writing.markdown(small)
    assert "‖ the interval may be too narrow at both ends" in writing.markdown(small)
    assert r"\textsuperscript{$\|$}" in writing.latex(small)


def test_csv_holds_all_digits_and_no_formulas(small, tmp_path):
    writing.write_csv(small, tmp_path / "t.csv")
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["row"] for row in rows] == ["'=os_{1}", "praat|2", "chance"]
    assert [float(row["value"]) for row in rows] == [0.5, 0.0001, 0.5]
    first = rows[0]
    assert first["published_source"] == "'@A & B, p. 3" and first["published_value"] == "0.75"
    assert first["marks"] == "not testable; few speakers"
    assert (first["n"], first["n_speakers"], first["best"]) == ("20", "5", "True")
    assert rows[2]["ci_method"] == "analytic" and rows[2]["experiment"] == ""
    # Excel reads ASCII as it is; else it needs a mark, which programs need not know of.
    assert (tmp_path / "t.csv").read_bytes().isascii()
    small.table["rows"][0]["label"] = "Müller"
    writing.write_csv(small, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["row"][0] == "Müller"
    numbers = ["value", "ci_low", "ci_high", "n", "n_speakers", "chance", "published_value"]
    assert all(pd.api.types.is_numeric_dtype(table[name]) for name in numbers)


def test_chance_stands_beside_each_figure(two_columns, tmp_path):
    writing.write_csv(two_columns[1], tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["chance"].tolist() == [0.5] * 5


def test_counts_stand_where_they_differ(small):
    assert "samples / speakers: 20 / 5" in writing.markdown(small)
    small.cells[0, 0].n = 10
    text = writing.markdown(small)
    assert "| =os\\_{1} | **0.500** [0.400, 0.610] ‡; published 0.750 (1) | 10 / 5 |" in text
    assert "| praat\\|2 | 0.000 [0.000, 0.200] c | 20 / 5 |" in text
