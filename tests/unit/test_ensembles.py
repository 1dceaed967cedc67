"""Ensembles: what is fused, by which weights, and what a config may ask for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from izwi.config import ensembles
from izwi.config.result_set import read_config, resolve_all
from izwi.engine.planner import make_plan
from izwi.errors import UserError
from izwi.evaluation.calibration import entropies
from izwi.reporting.tables import wanted
from izwi.training import fusion, inner

LABELS = ["a", "b", "c"]
NAMES = ["one", "two", "three"]
ROWS = 60


def spec(method, **more):
    known = {"task": "classification", "measure": "uar", "seed": 1, "members": NAMES}
    return {**known, "method": method, **more}


def frame(p, truth, fold=0, run=1, offset=0):
    """Predictions as the train stage writes them; the decision is not always the likeliest."""
    n = len(truth)
    decision = p.argmax(axis=1)
    decision[::7] = (decision[::7] + 1) % p.shape[1]
    found = pd.DataFrame(
        {
            "row": np.arange(n) + offset,
            "database": "d",
            "file": [f"{i + offset:03}.wav" for i in range(n)],
            "start": pd.Timedelta(0),
            "end": pd.NaT,
            "speaker": [f"d/s{i % 8}" for i in range(n)],
            "fold": fold,
            "run": run,
            "truth": np.array(LABELS, dtype=object)[truth],
            "prediction": np.array(LABELS, dtype=object)[decision],
        }
    )
    return found.assign(**{f"p_{label}": p[:, i] for i, label in enumerate(LABELS)})


def probabilities(rng, truth, skill, n=None):
    raw = rng.gamma(1.0, size=(len(truth), 3))
    raw[np.arange(len(truth)), truth] += skill
    return raw / raw.sum(axis=1, keepdims=True)


@pytest.fixture
def members():
    """Test rows and inner rows of three members of different skill."""
    rng = np.random.default_rng(0)
    test, known = rng.integers(0, 3, ROWS), rng.integers(0, 3, 90)
    skills = (0.3, 1.0, 3.0)
    return (
        [frame(probabilities(rng, test, skill), test) for skill in skills],
        [frame(probabilities(rng, known, skill), known, offset=500) for skill in skills],
    )


def stacked_p(frames):
    return np.array([one[[f"p_{label}" for label in LABELS]].to_numpy() for one in frames])


def votes(frames):
    return np.array([one["prediction"].map(LABELS.index).to_numpy() for one in frames])


def entropy(p):
    return -(p * np.log(p)).sum(axis=-1) / np.log(p.shape[-1])


def weighted(p, weights):
    """Row by row, in the plainest way."""
    return np.array(
        [
            sum(weights[m][i] * p[m][i] for m in range(len(p))) / sum(w[i] for w in weights)
            for i in range(p.shape[1])
        ]
    )


def test_each_method_against_numpy(members):
    test, _ = members
    p, chosen = stacked_p(test), votes(test)
    u = entropy(p)
    best = u.argmin(axis=0)
    rows = np.arange(ROWS)
    certain = u.min(axis=0) <= 0.6
    assert 0 < certain.sum() < ROWS
    largest = p.max(axis=0)
    wanted_p = {
        "mean": p.mean(axis=0),
        "sum": p.sum(axis=0) / 3,
        "max": largest / largest.sum(axis=1, keepdims=True),
        "uncertainty_weighted": weighted(p, 1 / u),
        "confidence_weighted": weighted(p, 1 - u),
        "uncertainty_threshold": np.where(certain[:, None], p[best, rows], p.mean(axis=0)),
        "majority": np.array([np.bincount(column, minlength=3) for column in chosen.T]) / 3,
    }
    decided = {name: found.argmax(axis=1) for name, found in wanted_p.items()}
    decided["uncertainty_threshold"] = np.where(
        certain, chosen[best, rows], p.mean(axis=0).argmax(axis=1)
    )
    split_votes = wanted_p["majority"].max(axis=1) < 0.5
    assert split_votes.any()
    # Of three different votes, the class with the largest mean probability.
    decided["majority"][split_votes] = p.mean(axis=0).argmax(axis=1)[split_votes]
    for method, expected in wanted_p.items():
        found, about = fusion.fuse(spec(method, threshold=0.6), test, [], LABELS)
        np.testing.assert_allclose(stacked_p([found])[0], expected, rtol=1e-9, err_msg=method)
        assert votes([found])[0].tolist() == decided[method].tolist(), method
        assert about["weights"] == []
        kept = ["row", "file", "speaker", "truth", "run", "fold"]
        pd.testing.assert_frame_equal(found[kept], test[0][kept], check_dtype=False)


def test_a_member_at_the_threshold_itself_decides(members):
    test, _ = members
    uncertainty = np.array([entropies(p) for p in stacked_p(test)])
    best, rows = uncertainty.argmin(axis=0), np.arange(ROWS)
    decided = votes(test)[best, rows]
    # Where the member and the mean decide differently.
    place = np.flatnonzero(decided != stacked_p(test).mean(axis=0).argmax(axis=1))[0]
    at = uncertainty[best[place], place]
    found, _ = fusion.fuse(spec("uncertainty_threshold", threshold=at), test, [], LABELS)
    assert votes([found])[0][place] == decided[place]


def test_weights_by_performance_are_the_scores_on_inner_folds(members):
    test, known = members
    found, about = fusion.fuse(spec("performance_weighted"), test, known, LABELS)
    uar = np.array([sk.balanced_accuracy_score(one["truth"], one["prediction"]) for one in known])
    (only,) = about["weights"]
    assert list(only["scores"].values()) == pytest.approx(uar)
    assert list(only["weights"].values()) == pytest.approx(uar / uar.sum())
    expected = np.tensordot(uar / uar.sum(), stacked_p(test), axes=1)
    np.testing.assert_allclose(stacked_p([found])[0], expected, rtol=1e-9)


def test_stacking_is_a_logistic_regression_on_inner_predictions(members):
    test, known = members
    # Members may have predicted in other orders, and one of them lacks a row.
    known = [known[0].sample(frac=1, random_state=3), known[1], known[2].iloc[:-1]]
    found, about = fusion.fuse(spec("stacking"), test, known, LABELS)
    (only,) = about["weights"]
    assert only["n"] == 89
    by_file = [one.sort_values("file").iloc[:89] for one in known]
    model = LogisticRegression(tol=1e-10, max_iter=10_000)
    model.fit(np.hstack(stacked_p(by_file)), by_file[0]["truth"])
    expected = model.predict_proba(np.hstack(stacked_p(test)))
    np.testing.assert_allclose(stacked_p([found])[0], expected, atol=1e-4)


@pytest.mark.parametrize("method", fusion.LEARNED)
def test_the_truth_of_test_rows_changes_no_weight_and_no_prediction(members, method):
    test, known = members
    shuffled = test[0]["truth"].sample(frac=1, random_state=5).to_numpy()
    assert (shuffled != test[0]["truth"]).any()
    first, weights = fusion.fuse(spec(method), test, known, LABELS)
    others = [one.assign(truth=shuffled) for one in test]
    second, again = fusion.fuse(spec(method), others, known, LABELS)
    assert weights == again
    columns = ["file", "prediction", "p_a", "p_b", "p_c"]
    pd.testing.assert_frame_equal(first[columns], second[columns])


def test_numbers_folds_and_runs():
    """Weights are those of the fold and run; a member that was fitted once stands for all runs."""
    rng = np.random.default_rng(1)
    names = NAMES[:2]
    own = spec("performance_weighted", task="regression", measure="mae", members=names)

    def numbers(n, noise, fold, run, offset):
        found = frame(np.eye(3)[np.zeros(n, int)], np.zeros(n, int), fold, run, offset)
        found = found.drop(columns=["p_a", "p_b", "p_c"])
        truth = np.arange(n, dtype=float)
        return found.assign(truth=truth, prediction=truth + rng.normal(0, noise, n))

    runs = ((1,), (1, 2))
    test = [
        pd.concat([numbers(5, 1, fold, run, 10 * fold) for run in own_runs for fold in (1, 2)])
        for own_runs in runs
    ]
    known = [
        pd.concat([numbers(9, noise, fold, run, 90) for run in own_runs for fold in (1, 2)])
        for noise, own_runs in zip((1, 3), runs, strict=True)
    ]
    found, about = fusion.fuse(own, test, known, None)
    assert [(w["run"], w["fold"]) for w in about["weights"]] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for one in about["weights"]:
        parts = [
            k[(k["fold"] == one["fold"]) & (k["run"] == (one["run"] if place else 1))]
            for place, k in enumerate(known)
        ]
        inverse = np.array([1 / (k["prediction"] - k["truth"]).abs().mean() for k in parts])
        expected = inverse / inverse.sum()
        assert list(one["weights"].values()) == pytest.approx(expected)
        rows = [
            t[(t["fold"] == one["fold"]) & (t["run"] == (one["run"] if place else 1))]
            for place, t in enumerate(test)
        ]
        fused = sum(w * r["prediction"].to_numpy() for w, r in zip(expected, rows, strict=True))
        here = found[(found["fold"] == one["fold"]) & (found["run"] == one["run"])]
        np.testing.assert_allclose(here["prediction"], fused)
    middle, _ = fusion.fuse(own | {"method": "median"}, test, [], None)
    both = [t[t["run"] == 1].sort_values("row")["prediction"].to_numpy() for t in test]
    np.testing.assert_allclose(middle.loc[middle["run"] == 1, "prediction"], np.mean(both, axis=0))


def test_weights_where_no_member_is_any_good():
    for scores, measure, expected in (
        ([0.5, None], "uar", [1, 0]),
        ([-0.2, 0.0], "ccc", [0.5, 0.5]),
        ([None, None], "uar", [0.5, 0.5]),
        ([2.0, 4.0], "mse", [2 / 3, 1 / 3]),
    ):
        assert fusion.performance_weights(scores, measure).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("change", ["row", "truth"])
def test_members_must_predict_the_same_rows_with_the_same_truth(members, change):
    test, _ = members
    other = test[1].iloc[1:] if change == "row" else test[1].assign(truth="a")
    with pytest.raises(UserError, match="one and two predict other rows, or rows with another"):
        fusion.fuse(spec("mean"), [test[0], other, test[2]], [], LABELS)


# --------------------------------------------------------------------- inner folds


def samples(seed=0, shuffled=False):
    """Six speakers to train on, two to test, and a split of them."""
    rng = np.random.default_rng(seed)
    n = 96
    truth = np.array(["a", "b"], dtype=object)[np.arange(n) % 2]
    x = rng.normal(size=(n, 2)) + (truth == "a")[:, None]
    speakers = [f"s{i // 12}" for i in range(n)]
    part = np.where(np.arange(n) < 72, "train", "test")
    if shuffled:
        truth[72:] = rng.permutation(truth[72:])
    places = {
        "file": [f"{i:03}.wav" for i in range(n)],
        "start": pd.to_timedelta(np.zeros(n)),
        "end": pd.to_timedelta([None] * n),
    }
    table = pd.DataFrame({"database": "d", **places, "speaker": speakers, "truth": truth})
    matrix = pd.DataFrame({**places, "f1": x[:, 0], "f2": x[:, 1]})
    split = pd.DataFrame(
        {
            **{"database": "d", **places},
            **{"speaker": [f"d/{s}" for s in speakers], "part": part, "fold": 0, "dev_folds": ""},
        }
    )
    return table, matrix, split


FIT = {
    "task": "classification",
    "model": {"type": "bayes", "options": {}},
    "preprocessing": {"scale": "standard", "features": None},
    "runs": 1,
    "seed": 1,
    "measure": "uar",
    "save": True,
    "features": [],
}


def test_inner_folds_leave_out_whole_speakers():
    """As many folds as speakers: each is predicted by a model of the others, all fitted anew."""
    table, matrix, split = samples()
    found, report = inner.predict(FIT, 6, [table], [[matrix]], split, ["a", "b"])
    assert (report["units"], report["folds"]) == (["speakers"], [6])
    assert sorted(found["row"]) == list(range(72)) and set(found["fold"]) == {0}
    x, y = matrix[["f1", "f2"]].to_numpy(), table["truth"].to_numpy(dtype=str)
    train = np.arange(96) < 72
    for speaker, rows in found.groupby("speaker"):
        own = (split["speaker"] == speaker).to_numpy()
        scaler = StandardScaler().fit(x[train & ~own])
        model = GaussianNB().fit(scaler.transform(x[train & ~own]), y[train & ~own])
        expected = model.predict_proba(scaler.transform(x[own]))
        np.testing.assert_allclose(rows[["p_a", "p_b"]], expected, rtol=1e-6)


def test_dev_rows_take_no_part_in_inner_folds():
    table, matrix, split = samples()
    split.loc[split["speaker"] == split["speaker"].iloc[0], "part"] = "dev"
    frames = []
    for turned in (False, True):
        if turned:
            dev = split["part"] == "dev"
            table.loc[dev, "truth"] = table.loc[dev, "truth"].map({"a": "b", "b": "a"})
        frames.append(inner.predict(FIT, 2, [table], [[matrix]], split, ["a", "b"])[0])
    pd.testing.assert_frame_equal(*frames)
    assert set(frames[0]["row"]) == set(np.flatnonzero(split["part"] == "train"))


def test_the_truth_of_test_rows_takes_no_part_in_inner_folds():
    frames = []
    for shuffled in (False, True):
        table, matrix, split = samples(shuffled=shuffled)
        frames.append(inner.predict(FIT, 3, [table], [[matrix]], split, ["a", "b"])[0])
    pd.testing.assert_frame_equal(*frames)


# -------------------------------------------------------------------------- config

INI = """\
[EXP]
name = {name}
[DATA]
databases = ['a']
a.type = demo
target = {target}
[FEATS]
type = {features}
[MODEL]
type = {model}
"""


@pytest.fixture
def place(tmp_path):
    for name, model, features in (("s", "svm", "os"), ("t", "tree", "os"), ("k", "knn", "praat")):
        text = INI.format(name=name, target="emotion", model=model, features=features)
        (tmp_path / f"{name}.ini").write_text(text)
    (tmp_path / "r.ini").write_text(
        INI.format(name="r", target="age", model="lin_reg", features="os")
    )
    (tmp_path / "seed.ini").write_text(
        INI.format(name="seed", target="emotion", model="knn", features="os").replace(
            "[DATA]", "seed = 3\n[DATA]"
        )
    )
    return tmp_path


def planned(place, entry, inis=("s.ini", "t.ini", "k.ini"), tables=()):
    config = {"experiments": list(inis), "ensembles": entry, "tables": list(tables)}
    found = read_config(config, cwd=place, fallback="none")
    return make_plan(
        resolve_all(found, cwd=place),
        "results",
        "results/cache",
        cwd=place,
        write=False,
        fused=found.ensembles,
        tables=found.tables,
    )


def test_an_ensemble_is_planned_for_each_method(place):
    plan = planned(
        place, {"name": "e", "members": ["s", "k.ini", "t*"], "methods": ["mean", "stacking"]}
    )
    names = ["s", "t", "k", "e--mean", "e--stacking"]
    assert [unit.label for unit in plan.of("experiment")] == names
    assert plan.of("summary")[0].spec["experiments"] == names
    # Inner folds are for learned weights alone, and the model is trained once.
    assert [unit.label for unit in plan.of("inner")] == ["s", "k", "t"]
    assert len(plan.of("train")) == 3
    mean, stacking = plan.of("ensemble")
    assert mean.spec["members"] == ["s", "k", "t"] and not mean.inputs["inner"]
    assert len(stacking.inputs["inner"]) == 3
    assert len(plan.of("split")) == len(plan.of("audit")) == 1
    alone = planned(place, None)
    assert {u.key for u in alone.of("experiment")} <= {u.key for u in plan.of("experiment")}


def test_an_ensemble_stands_in_a_table_as_one_of_its_features(place):
    found = read_config(
        {"experiments": ["s.ini", "k.ini"], "ensembles": {"name": "e"}}, cwd=place, fallback="none"
    )
    (one,) = ensembles.lay_out(found.ensembles, resolve_all(found, cwd=place))
    assert wanted.value_of(one, "FEATS.type") == "os, praat"
    assert wanted.value_of(one, "MODEL.type") == "ensemble (mean)"
    assert wanted.value_of(one, "EXP.name") == "e--mean"


@pytest.mark.parametrize(
    "entry, inis, line",
    [
        ({"members": "q"}, None, "e: members: none is called 'q' (there are s, t, k)"),
        ({"members": "s"}, None, "e: members: 1 experiment, name two at least"),
        (
            {"members": ["s", "t"], "methods": "majority_voting"},
            None,
            "e: methods: majority needs 3 members, there are 2",
        ),
        ({}, ("s.ini", "r.ini"), "e: members: s is classification and r is regression, they"),
        ({"methods": "median"}, None, "e: methods: median is not for classification, use some"),
        ({"methods": "maen"}, None, "e: methods: 'maen' is not known, did you mean 'mean'?"),
        ({"measure": "mse"}, None, "e: measure: mse is not a measure of classification, use"),
        ({"folds": 3}, None, "e: folds: inner folds are for performance_weighted and stacking"),
        ({"threshold": 0.2}, None, "e: threshold: is that of the method uncertainty_threshold"),
        ({"member": "s"}, None, "e: member: unknown key, did you mean 'members'?"),
        ({}, ("s.ini", "seed.ini"), "e: members: s and seed are not split alike, so they are not"),
    ],
)
def test_what_does_not_fit_is_told_before_work(place, entry, inis, line):
    with pytest.raises(UserError) as error:
        planned(place, {"name": "e", **entry}, inis or ("s.ini", "t.ini", "k.ini"))
    (told,) = error.value.problems
    assert told.startswith(f"config: ensembles: {line}")
