"""Bins, balancing and submodels on small hand-made data, against the plain libraries."""

from pathlib import Path

import imblearn.combine
import imblearn.over_sampling
import imblearn.under_sampling
import numpy as np
import pandas as pd
import pytest

from izwi import balancing, binning, submodels
from izwi.errors import UserError
from izwi.experiment import resolve


@pytest.fixture(scope="module")
def unequal():
    """Three overlapping classes of 40, 20 and 10 rows, and who speaks."""
    rng = np.random.default_rng(3)
    y = np.repeat(["a", "b", "c"], [40, 20, 10])
    X = rng.normal(size=(70, 4)) + np.repeat([0, 0.7, 1.4], [40, 20, 10])[:, None]
    return X, y, np.array([f"s{i % 5}" for i in range(70)], dtype=object)


@pytest.mark.parametrize("method", balancing.SAMPLERS)
def test_samplers_are_those_of_imbalanced_learn(method, unequal):
    X, y, groups = unequal
    plain = {
        "ros": imblearn.over_sampling.RandomOverSampler(random_state=7),
        "smote": imblearn.over_sampling.SMOTE(random_state=7),
        "adasyn": imblearn.over_sampling.ADASYN(random_state=7),
        "borderlinesmote": imblearn.over_sampling.BorderlineSMOTE(random_state=7),
        "svmsmote": imblearn.over_sampling.SVMSMOTE(random_state=7),
        "clustercentroids": imblearn.under_sampling.ClusterCentroids(random_state=7),
        "randomundersampler": imblearn.under_sampling.RandomUnderSampler(random_state=7),
        "editednearestneighbours": imblearn.under_sampling.EditedNearestNeighbours(),
        "tomeklinks": imblearn.under_sampling.TomekLinks(),
        "smoteenn": imblearn.combine.SMOTEENN(random_state=7),
        "smotetomek": imblearn.combine.SMOTETomek(random_state=7),
    }[method]
    expected_X, expected_y = plain.fit_resample(X, y)
    made, names, speakers, report = balancing.balance(X, y, groups, method=method, seed=7)
    np.testing.assert_array_equal(made, expected_X)
    assert list(names) == list(expected_y)
    assert report["before"] == {"a": 40, "b": 20, "c": 10}
    assert report["after"] == {n: int((expected_y == n).sum()) for n in "abc"}
    assert set(speakers) <= set(groups) and len(speakers) == len(made)


def test_speakers_of_repeated_rows(unequal):
    X, y, groups = unequal
    made, _, speakers, _ = balancing.balance(X, y, groups, method="ros", seed=0)
    known = {tuple(row): speaker for row, speaker in zip(X, groups, strict=True)}
    assert [known[tuple(row)] for row in made] == list(speakers)


def test_ros_leaves_gaps_as_they_are(unequal):
    X, y, groups = unequal
    X = X.copy()
    X[0, 0] = np.nan
    made, _, _, _ = balancing.balance(X, y, groups, method="ros", seed=0)
    assert np.isnan(made).any() and "ros" not in balancing.NEED_NUMBERS


def test_balancing_that_does_not_work(unequal):
    X, y, _ = unequal
    with pytest.raises(UserError, match=r"smote needs more than 5 .* fewer of c \(5\); use ros"):
        balancing.balance(X[:65], y[:65], None, method="smote", seed=0)
    # Each of b lies among a; the smallest class is never thinned out.
    far = np.concatenate([np.arange(20.0), [3.5, 7.5, 11.5, 15.5], [90.0, 91, 92]])[:, None]
    names = np.repeat(["a", "b", "c"], [20, 4, 3])
    with pytest.raises(UserError, match="leaves no training row of b"):
        balancing.balance(far, names, None, method="editednearestneighbours", seed=0)
    apart = np.concatenate([np.arange(20.0), 1000 + np.arange(8.0)])[:, None]
    names = np.repeat(["a", "b"], [20, 8])
    with pytest.raises(UserError, match=r"^\[FEATS\] balancing: adasyn does not work") as error:
        balancing.balance(apart, names, None, method="adasyn", seed=0)
    assert len(error.value.problems) == 1 and "\n" not in error.value.problems[0]


def test_equal_classes_are_left_alone(unequal):
    X, y, _ = unequal
    made, _, _, report = balancing.balance(X[20:60], y[20:60], None, method="smote", seed=0)
    assert len(made) == 40 and report["note"] == "balancing: the classes are equal already"


def test_quantile_edges():
    values = np.array([1.0, 2, 3, 4, 5, 6, np.nan])
    edges = binning.quantile_edges(values, ["low", "mid", "high"])
    assert edges == list(np.quantile([1, 2, 3, 4, 5, 6], [1 / 3, 2 / 3]))
    found = binning.assign(np.array([edges[0], edges[1], -9.0, np.nan]), edges, ["l", "m", "h"])
    # A bin holds its lower limit.
    assert found[:3].tolist() == ["m", "h", "l"] and np.isnan(found[3])
    with pytest.raises(UserError, match="3 bins of equal size cannot be cut from 2 different"):
        binning.quantile_edges(np.array([1.0, 1, 1, 1, 2]), ["l", "m", "h"])


def test_limits_come_from_training_rows_alone():
    table = pd.DataFrame({"truth": [None] * 6, "value": [1.0, 2, 3, 100, 200, 300]})
    assert binning.is_later(table, ["l", "h"]) and not binning.is_later(table, None)
    rows = np.arange(6)
    folds = [(1, rows[:3], rows[:0], rows[3:]), (2, rows[3:], rows[:0], rows[:3])]
    assert binning.edges_of(table, folds, ["l", "h"]) == [
        {"fold": 1, "edges": [2.0]},
        {"fold": 2, "edges": [200.0]},
    ]


def test_rows_without_a_submodel():
    table = pd.DataFrame({"gender": ["f", "m", None, "f", "x", None, "x"], "file": list("abcdefg")})
    train, test = np.array([0, 1, 2]), np.array([3, 4, 5, 6])
    with pytest.raises(UserError) as error:
        submodels.check(table, "gender", [(0, train, train[:0], test)])
    assert [line.split(":")[1] for line in error.value.problems] == [
        " 1 test rows have no value of 'gender', so no model can predict them",
        " 2 test rows have gender = x, but none of their training rows has",
    ]
    warnings = submodels.check(table, "gender", [(0, train, train[:0], test[:1])])
    assert warnings == [
        "[MODEL] submodel: 1 training rows have no value of 'gender', they are unused"
    ]
    with pytest.raises(UserError, match="there is no column 'sexx' but gender"):
        submodels.check(table, "sexx", [])
    numbers = pd.DataFrame({"age": range(30)})
    with pytest.raises(UserError, match="'age' has 30 values"):
        submodels.values_of(numbers, "age")


def problems(tmp_path: Path, **sections: str) -> list[str]:
    """What is wrong with an ini, without its path."""
    (tmp_path / "d.csv").write_text("file,speaker,age\n")
    text = "[DATA]\ndatabases = ['d']\nd = d.csv\ntarget = age\n" + sections.pop("DATA", "")
    parts = {"FEATS": "type = os", "MODEL": "type = svm"} | sections
    text += "\n" + "\n".join(f"[{name}]\n{lines}" for name, lines in parts.items())
    (tmp_path / "x.ini").write_text(text)
    try:
        resolve("x.ini", cwd=tmp_path)
    except UserError as error:
        return [line.removeprefix("x.ini: ") for line in error.problems]
    return []


def test_options_that_contradict_each_other(tmp_path):
    assert problems(tmp_path, FEATS="type = os\nbalancing = smoot") == [
        "[FEATS] balancing: 'smoot' is none of none, ros, smote, adasyn, borderlinesmote, "
        "svmsmote, clustercentroids, randomundersampler, editednearestneighbours, tomeklinks, "
        "smoteenn, smotetomek, did you mean 'smote'?"
    ]
    assert problems(tmp_path, FEATS="type = os\nbalancing = ros", MODEL="type = svr") == [
        "[FEATS] balancing: a regression has no classes to balance"
    ]
    assert problems(tmp_path, DATA="submodel = age", MODEL="type = svm\nsubmodel = sex") == [
        "[DATA] submodel: is another column than MODEL.submodel = sex"
    ]
    (line,) = problems(tmp_path, DATA="type = continuous")
    assert line.startswith("[DATA] type: continuous needs labels of the bins")
    (line,) = problems(tmp_path, DATA="type = continuous\nlabels = ['a', 'b']\nbins = [0, 1]")
    assert line == "[DATA] bins: 2 labels need 3 limits, there are 2"


def test_what_is_not_asked_for_is_in_no_key(tmp_path):
    (tmp_path / "d.csv").write_text("file,speaker,age\n")
    text = "[DATA]\ndatabases = ['d']\nd = d.csv\ntarget = age\n[FEATS]\ntype = os\n"
    (tmp_path / "x.ini").write_text(text + "[MODEL]\ntype = svm\n")
    assert resolve("x.ini", cwd=tmp_path).learning == {}
    (tmp_path / "x.ini").write_text(text + "balancing = ros\n[MODEL]\ntype = svm\nsubmodel = sex\n")
    found = resolve("x.ini", cwd=tmp_path)
    assert found.learning == {"balancing": "ros", "balancing_seed": 42, "submodel": "gender"}
    assert found.split["submodel"] == "gender"
