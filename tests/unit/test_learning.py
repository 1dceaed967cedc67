"""Bins, balancing and submodels on small hand-made data, against the plain libraries."""

from pathlib import Path

import imblearn.combine
import imblearn.over_sampling
import imblearn.under_sampling
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from izwi import models
from izwi.analyses import active_learning, clusters, learning_curve
from izwi.config.experiment import resolve
from izwi.errors import UserError
from izwi.preprocessing import balancing, binning
from izwi.splits.submodels import check_submodels, values_of
from izwi.training import fitting, self_training
from izwi.training.fitting import Samples, TrainingSet


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


def test_pictures_of_the_data_have_the_limits_of_the_training_rows():
    table = pd.DataFrame({"truth": [None] * 6, "value": [1.0, 2, 3, 100, 200, 300]})
    split = pd.DataFrame({"part": ["train"] * 3 + ["test"] * 3, "fold": 0})
    found = binning.shown(table, split, ["l", "h"])
    assert found["truth"].tolist() == ["l", "h", "h", "h", "h", "h"]
    # Folds have limits of their own, so that those of all rows are shown.
    found = binning.shown(table, split.assign(fold=[1, 1, 1, 2, 2, 2]), ["l", "h"])
    assert found["truth"].tolist() == ["l", "l", "l", "h", "h", "h"]


def test_rows_without_a_submodel():
    table = pd.DataFrame({"gender": ["f", "m", None, "f", "x", None, "x"], "file": list("abcdefg")})
    train, test = np.array([0, 1, 2]), np.array([3, 4, 5, 6])
    with pytest.raises(UserError) as error:
        check_submodels(table, "gender", [(0, train, train[:0], test)])
    assert [line.split(":")[1] for line in error.value.problems] == [
        " 1 test row has no value of 'gender', so no model can predict them",
        " 2 test rows have gender = x, but none of their training rows has",
    ]
    warnings = check_submodels(table, "gender", [(0, train, train[:0], test[:1])])
    assert warnings == ["[MODEL] submodel: 1 training row has no value of 'gender', it is unused"]
    with pytest.raises(UserError, match="there is no column 'sexx' but gender"):
        check_submodels(table, "sexx", [])
    numbers = pd.DataFrame({"age": range(30)})
    with pytest.raises(UserError, match="'age' has 30 values"):
        values_of(numbers, "age")


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


@pytest.fixture(scope="module")
def half_labelled():
    """Samples and truth: 30 rows of two classes, 60 rows without a label, 10 to test."""
    rng = np.random.default_rng(5)
    names = np.repeat([["a", "b"]], 50, axis=0).ravel()
    values = rng.normal(size=(100, 3)) + (names == "b")[:, None] * 1.5
    part = np.repeat(["train", "test"], [90, 10])
    split = pd.DataFrame({"speaker": [f"s{i % 9}" for i in range(100)], "part": part})
    split = split.assign(database="d", file=[f"{i:03}.wav" for i in range(100)], fold=0)
    split = split.assign(start=pd.Timedelta(0), end=pd.NaT, dev_folds="")
    truth = names.astype(object)
    truth[30:90] = np.nan
    return Samples(["x", "y", "z"], values, split), truth, names


SPEC = {
    "task": "classification",
    "model": {"type": "bayes", "options": {}},
    "preprocessing": {"scale": None, "features": None},
    "seed": 42,
    "measure": "uar",
}


def test_no_dev_row_is_among_those_that_the_scaler_learns_from(half_labelled):
    samples, _, names = half_labelled
    train, dev = np.arange(60), np.arange(60, 90)
    options = {option.name: option.default for option in models.model_class("mlp").options}
    spec = SPEC | {"model": {"type": "mlp", "options": options}}
    spec |= {"preprocessing": {"scale": "standard", "features": None}}
    prepared = fitting.prepare(spec, TrainingSet(samples, names, train, dev, ["a", "b"]))
    scaler = StandardScaler().fit(samples.values[train])
    np.testing.assert_allclose(prepared.X, scaler.transform(samples.values[train]))
    np.testing.assert_allclose(prepared.dev[0], scaler.transform(samples.values[dev]))


def test_what_cannot_be_balanced_stays_and_is_told(half_labelled):
    samples, _, _ = half_labelled
    apart = np.concatenate([np.arange(20.0), 1000 + np.arange(8.0)])
    samples = Samples(["x"], apart[:, None], samples.split[:28])
    names = np.repeat(["a", "b"], [20, 8]).astype(object)
    spec = SPEC | {"balancing": "adasyn", "balancing_seed": 0}
    none = np.array([], dtype=int)
    fitted = fitting.fit(spec, TrainingSet(samples, names, np.arange(28), none, ["a", "b"]), 42)
    assert fitted.history["balancing"] == {"before": {"a": 20, "b": 8}, "after": {"a": 20, "b": 8}}
    (line,) = fitted.history["warnings"]
    assert line.startswith("[FEATS] balancing: adasyn does not work on these data")
    assert line.endswith("here the training rows stay as they are")


def test_self_training_is_that_of_scikit_learn(half_labelled):
    samples, truth, _ = half_labelled
    train, pool, test = np.arange(30), np.arange(30, 90), np.arange(90, 100)
    spec = SPEC | {"self_training": {"threshold": 0.9, "rounds": 3}}
    found = self_training.fit(
        spec, TrainingSet(samples, truth, train, train[:0], ["a", "b"]), 42, pool
    )
    codes = np.where(pd.isna(truth), -1, (truth == "b").astype(int))[:90].astype(int)
    plain = SelfTrainingClassifier(GaussianNB(), threshold=0.9, max_iter=3)
    plain.fit(samples.values[:90], codes)
    np.testing.assert_allclose(
        found.predict(samples, test).probabilities, plain.predict_proba(samples.values[test])
    )
    rounds = found.history["self_training"]["rounds"]
    assert [sum(r["added"].values()) for r in rounds] == [
        int((plain.labeled_iter_ == r["round"]).sum()) for r in rounds
    ]
    assert rounds[-1]["left"] == int((plain.labeled_iter_ == -1).sum())
    # What is given is not changed.
    assert pd.isna(truth[pool]).all()


def test_a_row_is_taken_where_the_probability_is_above_the_threshold_not_at_it(half_labelled):
    samples, truth, _ = half_labelled
    data = TrainingSet(samples, truth, np.arange(30), np.arange(0), ["a", "b"])
    # With four neighbours the probabilities are quarters.
    knn = SPEC | {"model": {"type": "knn", "options": {"K_val": 4}}}
    pool = np.arange(30, 90)
    p = fitting.fit(knn, data, 42).predict(samples, pool).probabilities.max(axis=1)
    assert (p == 0.75).any() and (p > 0.75).any()
    spec = knn | {"self_training": {"threshold": 0.75, "rounds": 1}}
    (only,) = self_training.fit(spec, data, 42, pool).history["self_training"]["rounds"]
    assert sum(only["added"].values()) == (p > 0.75).sum()


def test_files_to_label_next(half_labelled):
    samples, truth, _ = half_labelled
    fold = (0, np.arange(90), np.arange(0), np.arange(90, 100))
    rows = active_learning.choose(SPEC | {"active_learning": 4}, samples, truth, fold, ["a", "b"])
    model = GaussianNB().fit(samples.values[:30], truth[:30].astype(str))
    probabilities = pd.DataFrame(
        model.predict_proba(samples.values), index=samples.split["file"], columns=["a", "b"]
    )
    p = probabilities.loc[rows["file"]].to_numpy()
    np.testing.assert_allclose(rows["uncertainty"], -(p * np.log2(p)).sum(axis=1))
    np.testing.assert_allclose(rows["confidence"], p.max(axis=1))
    assert rows["uncertainty"].is_monotonic_decreasing and rows["file"].nunique() == 4
    # Among the forty most uncertain of the sixty without a label.
    pool = probabilities.iloc[30:90]
    sure = pool.max(axis=1).sort_values(kind="stable")
    assert set(rows["file"]) <= set(sure.index[:40])
    with pytest.raises(UserError, match="61 files are wanted, but 60 have no label"):
        active_learning.choose(SPEC | {"active_learning": 61}, samples, truth, fold, ["a", "b"])


def test_chosen_files_are_unlike_each_other():
    X = np.array([[0.0], [0.1], [0.2], [50], [50.1], [99]])
    assert sorted(active_learning.diverse(X, np.ones(6), 3, seed=0)) == [1, 3, 5]
    # Of equal rows there are fewer clusters than are wanted.
    assert sorted(active_learning.diverse(np.zeros((4, 1)), np.ones(4), 3, seed=0)) == [0, 1, 2]


def test_clusters_against_labels(half_labelled):
    samples, _, names = half_labelled
    table = samples.split.assign(truth=names)
    spec = {"preprocessing": {"scale": "standard", "features": None}, "seed": 1, "clusters": 2}
    found = clusters.clusters(spec | {"target": "emotion"}, table, samples.values, samples.names)
    X = StandardScaler().fit_transform(samples.values)
    plain = KMeans(2, n_init=10, random_state=1).fit_predict(X)
    of_target = found["agreement"]["emotion"]
    assert of_target["adjusted_rand"] == pytest.approx(metrics.adjusted_rand_score(names, plain))
    assert of_target["mutual_information"] == pytest.approx(metrics.mutual_info_score(names, plain))
    assert found["counts"] == {
        name: np.bincount(plain[names == name], minlength=2).tolist() for name in "ab"
    }
    # One database agrees with everything and says nothing.
    assert set(found["agreement"]) == {"emotion", "speaker"}


def test_learning_curve(half_labelled):
    samples, _, names = half_labelled
    fold = (0, np.arange(90), np.arange(0), np.arange(90, 100))
    spec = SPEC | {"model": {"type": "knn", "options": {"K_val": 1}}}
    found = learning_curve.learning_curve(spec, samples, {0: names}, [fold], ["a", "b"])
    assert found["unit"] == "speakers"
    (last,) = [point for point in found["points"] if point["share"] == 1]
    assert (last["n_train"], last["units"], last["train"]) == (90, 9, 1.0)
    model = KNeighborsClassifier(1).fit(samples.values[:90], names[:90])
    predicted = model.predict(samples.values[90:])
    assert last["test"] == pytest.approx(metrics.balanced_accuracy_score(names[90:], predicted))
    assert found["chance"]["uar"] == 0.5
    majority = pd.Series(names[:90]).mode()[0]
    assert found["baseline"] == {
        "kind": "majority class",
        **found["baseline"],
        "uar": metrics.balanced_accuracy_score(names[90:], [majority] * 10),
        "accuracy": pytest.approx((names[90:] == majority).mean()),
    }
    # Ten rows of each speaker; a fifth of nine speakers is one, as a tenth is.
    assert all(point["n_train"] == 10 * point["units"] for point in found["points"])
    assert [row["share"] for row in found["mean"]] == [0.1, 0.4, 0.6, 0.8, 1.0]
    assert [row["units"] for row in found["mean"]] == [1, 3, 5, 7, 9]
    # Repeats differ in the order of the speakers.
    small = [point["test"] for point in found["points"] if point["share"] < 1]
    by_repeat = np.reshape(small, (learning_curve.REPEATS, 4))
    assert len(np.unique(by_repeat, axis=0)) > 1
    again = learning_curve.learning_curve(spec, samples, {0: names}, [fold], ["a", "b"])
    assert found == again
