"""Nested search for options, against GridSearchCV and on rows that must not be seen."""

import dataclasses

import audmetric
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    LeaveOneGroupOut,
    cross_val_predict,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from izwi import models
from izwi.config.experiment import resolve
from izwi.errors import UserError
from izwi.evaluation import scoring
from izwi.training import fitting, runs, tuning
from izwi.training.fitting import Samples, TrainingSet


def made_up(speakers, rows=15, seed=0, part="train"):
    """Three classes that overlap, a number, and speakers who differ."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat([f"db/{i}" for i in range(speakers)], rows)
    y = np.resize(["a", "b", "c"], len(speaker)).astype(object)
    codes = np.array([{"a": 0, "b": 1, "c": 2}[name] for name in y])
    X = rng.normal(size=(len(y), 5)) + codes[:, None] * [0.8, 0.4, 0, 0, 0]
    X += rng.normal(size=(speakers, 5))[np.repeat(np.arange(speakers), rows)]
    split = pd.DataFrame(
        {
            "database": "db",
            "file": [f"{i:04}.wav" for i in range(len(y))],
            "start": pd.Timedelta(0),
            "end": pd.NaT,
            "speaker": speaker,
            "part": part,
            "fold": 0,
            "dev_folds": "",
        }
    )
    samples = Samples([f"f{i}" for i in range(5)], X * [1, 10, 100, 1, 1], split)
    return samples, y, codes + X[:, 2]


def spec_of(kind, values, folds=5, measure="uar", **more):
    cls = models.model_class(kind)
    options = {option.name: option.default for option in cls.options if option.status == "ok"}
    return {
        "task": cls.task,
        "model": {"type": kind, "options": options},
        "preprocessing": {"scale": "standard", "features": None},
        "runs": 1,
        "seed": 42,
        "measure": measure,
        "save": False,
        "tune": {"values": values, "folds": folds},
        **more,
    }


def rows_of(samples, truth, train, labels):
    return TrainingSet(samples, truth, train, train[:0], labels)


def test_choice_and_figures_are_those_of_grid_search():
    samples, y, _ = made_up(5)
    values = {"C_val": [0.01, 0.3, 30.0], "gamma": [0.01, 0.1, "scale"]}
    found = tuning.search(
        spec_of("svm", values), rows_of(samples, y, np.arange(75), ["a", "b", "c"]), 42
    )
    plain = GridSearchCV(
        make_pipeline(StandardScaler(), SVC()),
        {"svc__C": values["C_val"], "svc__gamma": values["gamma"]},
        scoring="balanced_accuracy",
        cv=GroupKFold(5),
    ).fit(samples.values, y.astype(str), groups=samples.split["speaker"])
    assert found["chosen"] == {
        "C_val": plain.best_params_["svc__C"],
        "gamma": plain.best_params_["svc__gamma"],
    }
    assert found["inner"] == pytest.approx(plain.best_score_, abs=1e-12)
    scores = [row["score"] for row in found["candidates"]]
    np.testing.assert_allclose(scores, plain.cv_results_["mean_test_score"], atol=1e-12)
    assert len(set(scores)) > 3 and found["unit"] == "speakers"
    of_folds = [plain.cv_results_[f"split{i}_test_score"][plain.best_index_] for i in range(5)]
    assert found["inner_sd"] == pytest.approx(np.std(of_folds, ddof=1))


def test_regression_by_errors():
    samples, _, numbers = made_up(4)
    values = {"C_val": [0.1, 10.0], "epsilon": [0.01, 0.5]}
    spec = spec_of("svr", values, measure="mae")
    found = tuning.search(spec, rows_of(samples, numbers, np.arange(60), None), 42)
    plain = GridSearchCV(
        make_pipeline(StandardScaler(), SVR()),
        {"svr__C": values["C_val"], "svr__epsilon": values["epsilon"]},
        scoring="neg_mean_absolute_error",
        cv=GroupKFold(4),
    ).fit(samples.values, numbers, groups=samples.split["speaker"])
    assert list(found["chosen"].values()) == list(plain.best_params_.values())
    assert found["inner"] == pytest.approx(-plain.best_score_, abs=1e-12)


@pytest.mark.parametrize(
    ("model", "values"), [("knn", {"K_val": [1, 5, 25]}), ("svm", {"C_val": [0.001, 1.0, 100.0]})]
)
def test_by_eer_the_lowest_is_taken(model, values):
    samples, y, _ = made_up(5)
    y = np.where(y == "c", "b", y).astype(object)
    spec = spec_of(model, values, measure="eer")
    rows = np.arange(75)
    found = tuning.search(spec, rows_of(samples, y, rows, ["a", "b"]), 42)
    scores = [row["score"] for row in found["candidates"]]
    assert found["inner"] == min(scores) < max(scores)
    assert found["chosen"] == found["candidates"][int(np.argmin(scores))]["values"]
    if model == "knn":
        plain = make_pipeline(StandardScaler(), KNeighborsClassifier(found["chosen"]["K_val"]))
        p = cross_val_predict(
            plain,
            samples.values,
            y.astype(str),
            groups=samples.split["speaker"],
            cv=LeaveOneGroupOut(),
            method="predict_proba",
        )
        by_speaker = [
            audmetric.equal_error_rate(y[r] == "b", p[r, 1])[0] for r in rows.reshape(5, 15)
        ]
        assert found["inner"] == pytest.approx(np.mean(by_speaker))


def test_the_run_with_the_lowest_eer_on_dev_is_the_best():
    of_runs = [{"run": run, "dev": dev} for run, dev in enumerate([0.3, 0.1, 0.2], start=1)]
    assert runs.best_run({"measure": "eer"}, of_runs) == 2
    assert runs.best_run({"measure": "uar"}, of_runs) == 1
    of_runs.append({"run": 4, "dev": 0.1})
    assert runs.best_run({"measure": "eer"}, of_runs) == 2


def folds_of(samples, tested):
    """A fold per speaker that is tested."""
    speaker = samples.split["speaker"].to_numpy()
    rows = np.arange(len(speaker))
    return [
        (number, rows[speaker != name], rows[:0], rows[speaker == name])
        for number, name in enumerate(tested, start=1)
    ]


def test_no_test_row_reaches_the_search(monkeypatch, tmp_path):
    samples, y, _ = made_up(5)
    spec = spec_of("knn", {"K_val": [1, 5, 15]})
    folds = folds_of(samples, ["db/1", "db/4"])
    truths = {1: y, 2: y}
    expected = runs.train_folds(spec, samples, truths, folds, ["a", "b", "c"], tmp_path)
    search, seen = tuning.search, []

    def poisoned(spec, data, seed):
        # What is not a training row of this fold breaks whatever looks at it.
        values, truth = samples.values.copy(), data.truth.copy()
        others = np.setdiff1d(np.arange(len(truth)), data.train)
        values[others], truth[others] = np.inf, "no label"
        seen.append(data.train)
        spoilt = dataclasses.replace(data.samples, values=values)
        return search(spec, dataclasses.replace(data, samples=spoilt, truth=truth), seed)

    monkeypatch.setattr(tuning, "search", poisoned)
    predictions, report = runs.train_folds(spec, samples, truths, folds, ["a", "b", "c"], tmp_path)
    pd.testing.assert_frame_equal(predictions, expected[0])
    assert report["tuning"] == expected[1]["tuning"]
    for (_, _, _, test), rows in zip(folds, seen, strict=True):
        assert not set(test) & set(rows)


def test_chosen_values_are_fitted_on_all_training_rows(tmp_path):
    samples, y, _ = made_up(5)
    spec = spec_of("knn", {"K_val": [1, 5, 15]})
    folds = folds_of(samples, ["db/1", "db/4"])
    predictions, report = runs.train_folds(
        spec, samples, {1: y, 2: y}, folds, ["a", "b", "c"], tmp_path
    )
    outer = []
    for (fold, train, _, test), told in zip(folds, report["tuning"], strict=True):
        plain = GridSearchCV(
            make_pipeline(StandardScaler(), KNeighborsClassifier()),
            {"kneighborsclassifier__n_neighbors": [1, 5, 15]},
            scoring="balanced_accuracy",
            cv=GroupKFold(4),
        ).fit(samples.values[train], y[train].astype(str), groups=samples.split["speaker"][train])
        assert told["chosen"]["K_val"] == plain.best_params_["kneighborsclassifier__n_neighbors"]
        own = predictions[predictions["fold"] == fold]
        assert own["prediction"].tolist() == plain.predict(samples.values[test]).tolist()
        outer.append(balanced_accuracy_score(y[test].astype(str), own["prediction"]))
    metrics = scoring.evaluate(
        {"task": "classification", "measure": "uar", "labels": ["a", "b", "c"], "seed": 1},
        predictions,
        training=report,
        split={},
        tables=[],
    )["tuning"]
    inner = [told["inner"] for told in report["tuning"]]
    assert [told["outer"] for told in metrics["searches"]] == pytest.approx(outer)
    assert metrics["optimism"] == pytest.approx(np.mean(inner) - np.mean(outer))
    assert sum(row["n"] for row in metrics["chosen"]) == 2


def test_balancing_is_done_in_the_inner_folds(monkeypatch):
    samples, y, _ = made_up(4)
    rows = np.flatnonzero((y != "c") | (np.arange(len(y)) % 2 == 0))
    sizes = []
    from izwi.preprocessing import balancing

    balance = balancing.balance

    def watched(X, *arguments, **more):
        sizes.append(len(X))
        return balance(X, *arguments, **more)

    monkeypatch.setattr(balancing, "balance", watched)
    spec = spec_of("knn", {"K_val": [1, 5]}, balancing="ros", balancing_seed=3)
    tuning.search(spec, rows_of(samples, y, rows, ["a", "b", "c"]), 42)
    own = samples.split["speaker"].to_numpy()[rows]
    assert sorted(sizes) == sorted(int((own != name).sum()) for name in set(own))


def inner(samples, y, rows, folds=5, labels=("a", "b", "c")):
    return tuning.inner_folds(rows_of(samples, y, rows, list(labels)), folds=folds, seed=42)


def test_inner_folds_keep_speakers_apart_whatever_the_order():
    samples, y, _ = made_up(12)
    pairs, unit, notes, warnings = inner(samples, y, np.arange(len(y)))
    assert (len(pairs), unit, notes, warnings) == (5, "speakers", [], [])
    speaker = samples.split["speaker"].to_numpy()
    tested = [set(speaker[test]) for _, test in pairs]
    assert set.union(*tested) == set(speaker) and sum(map(len, tested)) == 12
    assert all(not set(speaker[train]) & set(speaker[test]) for train, test in pairs)
    # Rows in another order, the same folds.
    order = np.random.default_rng(1).permutation(len(y))
    moved = dataclasses.replace(samples, split=samples.split.iloc[order].reset_index(drop=True))
    again = inner(moved, y[order], np.arange(len(y)))[0]
    assert [set(speaker[order][test]) for _, test in again] == tested


def test_few_speakers():
    samples, y, _ = made_up(3)
    rows = np.arange(len(y))
    pairs, _, notes, _ = inner(samples, y, rows)
    assert len(pairs) == 3 and "3 inner folds instead of 5" in notes[0]
    # Class c has one speaker: a fold has to do without, and this is told.
    only = rows[(y != "c") | (samples.split["speaker"] == "db/0")]
    pairs, _, _, warnings = inner(samples, y, only)
    assert len(pairs) == 3 and "a class has training samples of one speaker only" in warnings[0]
    # Two speakers, each with a class of its own.
    apart = rows[
        ((samples.split["speaker"] == "db/0") & (y == "a"))
        | ((samples.split["speaker"] == "db/1") & (y == "b"))
    ]
    with pytest.raises(UserError, match="2 training speakers cannot be cut into folds"):
        inner(samples, y, apart)
    pairs, unit, _, warnings = inner(samples, y, rows[:15])
    assert (len(pairs), unit) == (5, "samples") and "have one speaker" in warnings[0]
    samples.split["speaker"] = None
    assert "have no speakers" in inner(samples, y, rows)[3][0]
    with pytest.raises(UserError, match="two training samples of each class"):
        inner(samples, y, rows[:3])


def test_rows_without_a_speaker_are_never_scored():
    samples, y, _ = made_up(5)
    samples.split.loc[:9, "speaker"] = None
    pairs, _, notes, _ = inner(samples, y, np.arange(len(y)))
    assert all(set(range(10)) <= set(train) for train, _ in pairs)
    assert "10 training samples without a speaker" in notes[-1]


def test_a_combination_that_fails_is_told_and_not_chosen():
    samples, y, _ = made_up(4)
    arguments = rows_of(samples, y, np.arange(60), ["a", "b", "c"]), 42
    found = tuning.search(spec_of("knn", {"K_val": [50, 3]}), *arguments)
    assert found["chosen"] == {"K_val": 3} and found["candidates"][0]["score"] is None
    (warning,) = found["warnings"]
    assert warning.startswith("[MODEL] tune: K_val = 50 cannot be trained in an inner fold (")
    with pytest.raises(UserError, match="no combination of values can be trained"):
        tuning.search(spec_of("knn", {"K_val": [50]}), *arguments)


def test_of_equals_the_first_is_chosen():
    samples, y, _ = made_up(4)
    spec = spec_of("tree", {"max_depth": [50, 40, 30]})
    arguments = rows_of(samples, y, np.arange(60), ["a", "b", "c"]), 42
    found = tuning.search(spec, *arguments)
    assert found["chosen"] == {"max_depth": 50}
    assert len({row["score"] for row in found["candidates"]}) == 1


def test_the_seed_counts_if_any_candidate_is_random():
    xgb = models.model_class("xgb")
    assert tuning.is_deterministic(spec_of("xgb", {"max_depth": [2, 3]}), xgb)
    assert not tuning.is_deterministic(spec_of("xgb", {"subsample": [1.0, 0.5]}), xgb)


def experiment(tmp_path, *model):
    (tmp_path / "a.csv").write_text("file,speaker,emotion\n")
    lines = ["[DATA]", "databases = ['a']", "a = a.csv", "target = emotion"]
    lines += ["[FEATS]", "type = os", "[MODEL]", *model]
    (tmp_path / "x.ini").write_text("\n".join(lines))
    return resolve("x.ini", cwd=tmp_path)


def test_values_are_read_as_options_are(tmp_path):
    found = experiment(
        tmp_path,
        "type = svm",
        "C_val = 7",
        "tune = {'gamma': ['scale', 0.1], 'c': [1, 10], 'class_weight': [False, True]}",
        "tune.folds = 3",
    )
    values = {"C_val": [1.0, 10.0], "class_weight": [False, True], "gamma": ["scale", 0.1]}
    assert found.learning["tune"] == {"values": values, "folds": 3}
    # No fit uses the 7, so it must not be in a key.
    assert found.model["options"]["C_val"] == 1.0
    assert found.warnings == ("[MODEL] C_val: overridden by MODEL.tune",)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "{'C_vall': [1]}",
            "'C_vall' is not an option of svm that can be tuned, did you mean 'C_val'",
        ),
        ("{'n_estimators': [1]}", "of svm there are C_val, class_weight, degree, gamma, kernel"),
        ("{'C_val': 1}", "C_val: 1 is not a list of values"),
        ("{'C_val': ['x']}", "C_val: x is not a number"),
        ("{'C_val': [1, 1.0]}", "C_val: 1.0 is named twice"),
        ("{'C_val': [1, 0]}", "C_val: 0.0 is not above 0"),
        ("{'kernel': ['rfb']}", "kernel: 'rfb' is none of rbf, linear, poly, sigmoid, did you"),
        ("{'C_val': [1], 'c': [2]}", "'c' is named twice"),
        ("{}", "is empty"),
        ("[1, 2]", "is not a dictionary"),
        (f"{{'C_val': {[*range(1, 60)]}, 'degree': {[*range(1, 60)]}}}", "3481 combinations"),
    ],
)
def test_wrong_values_are_told_at_once(tmp_path, line, told):
    with pytest.raises(UserError) as error:
        experiment(tmp_path, "type = svm", f"tune = {line}")
    (problem,) = error.value.problems
    assert problem.startswith("x.ini: [MODEL] tune: ") and told in problem


def test_a_random_search_tries_some_of_the_grid():
    samples, y, _ = made_up(5)
    values = {"C_val": [0.01, 0.3, 30.0], "gamma": [0.01, 0.1, "scale"]}
    data = rows_of(samples, y, np.arange(75), ["a", "b", "c"])
    spec = spec_of("svm", values)
    grid = tuning.search(spec, data, 42)["candidates"]
    spec["tune"] |= {"strategy": "random", "n_iter": 4}
    some = tuning.search(spec, data, 42)
    assert len(some["candidates"]) == 4 and all(one in grid for one in some["candidates"])
    assert some["inner"] == max(one["score"] for one in some["candidates"])
    # All folds and runs try the same; another seed tries others.
    assert tuning.tried_of(spec["tune"], 42) == [one["values"] for one in some["candidates"]]
    seeds = {str(tuning.tried_of(spec["tune"], seed)) for seed in range(20)}
    assert len(seeds) > 5
    spec["tune"]["n_iter"] = 50
    assert tuning.search(spec, data, 42)["candidates"] == grid


def test_halving_leaves_the_best_third_to_more_rows():
    samples, y, _ = made_up(8, rows=45)
    values = {"C_val": [1e-4, 1e-3, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0]}
    data = rows_of(samples, y, np.arange(360), ["a", "b", "c"])
    spec = spec_of("svm", values, folds=4)
    grid = {one["values"]["C_val"]: one for one in tuning.search(spec, data, 42)["candidates"]}
    spec["tune"]["strategy"] = "halving"
    found = tuning.search(spec, data, 42)
    shares = [one.get("share", 1) for one in found["candidates"]]
    assert sorted(shares) == pytest.approx([1 / 9] * 6 + [1 / 3] * 2 + [1])
    (last,) = (one for one in found["candidates"] if "share" not in one)
    assert last["values"] == found["chosen"] and found["inner"] == last["score"]
    # On all rows it is the same fit as in a grid.
    assert last == grid[found["chosen"]["C_val"]]
    assert tuning.search(spec, data, 42) == found


def test_halving_of_few_rows_is_a_grid():
    samples, y, _ = made_up(3, rows=6)
    data = rows_of(samples, y, np.arange(18), ["a", "b", "c"])
    spec = spec_of("svm", {"C_val": [0.1, 1.0, 10.0]}, folds=3)
    grid = tuning.search(spec, data, 42)
    spec["tune"]["strategy"] = "halving"
    assert tuning.search(spec, data, 42) == grid


def by_tpe(values, ranges, n_iter, kind="svm", **more):
    spec = spec_of(kind, values, **more)
    spec["tune"] |= {"strategy": "tpe", "n_iter": n_iter, "ranges": ranges}
    return spec


def test_tpe_is_a_study_of_optuna():
    optuna = pytest.importorskip("optuna", reason="optuna is not installed: make tune")
    samples, y, _ = made_up(5)
    spec = by_tpe({"gamma": [0.01, 0.1, "scale"]}, {"C_val": [0.01, 100.0, "log"]}, 14)
    data = rows_of(samples, y, np.arange(75), ["a", "b", "c"])
    found = tuning.search(spec, data, 42)

    def score(trial):
        machine = SVC(
            C=trial.suggest_float("C_val", 0.01, 100, log=True),
            gamma=trial.suggest_categorical("gamma", [0.01, 0.1, "scale"]),
        )
        return cross_val_score(
            make_pipeline(StandardScaler(), machine),
            samples.values,
            y.astype(str),
            groups=samples.split["speaker"],
            cv=GroupKFold(5),
            scoring="balanced_accuracy",
        ).mean()

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=spec["seed"])
    )
    study.optimize(score, 14)
    assert [one["values"] for one in found["candidates"]] == [t.params for t in study.trials]
    values = [one["score"] for one in found["candidates"]]
    np.testing.assert_allclose(values, [t.value for t in study.trials], atol=1e-12)
    assert (found["chosen"], found["inner"]) == (study.best_params, pytest.approx(study.best_value))
    spec["tune"]["n_iter"] = 1
    assert tuning.search(spec, data, 42)["candidates"] == found["candidates"][:1]
    other = tuning.search(spec | {"seed": 1}, data, 42)
    assert other["candidates"] != found["candidates"][:1]


def test_tpe_does_not_fit_twice_and_goes_on_after_a_failure(monkeypatch):
    pytest.importorskip("optuna", reason="optuna is not installed: make tune")
    samples, y, _ = made_up(4)
    data = rows_of(samples, y, np.arange(60), ["a", "b", "c"])
    learn, fits = fitting.learn, []
    monkeypatch.setattr(fitting, "learn", lambda *a, **k: fits.append(1) or learn(*a, **k))
    spec = by_tpe({}, {"K_val": [40, 50, "linear"]}, 20, "knn")
    found = tuning.search(spec, data, 42)
    tried = [one["values"]["K_val"] for one in found["candidates"]]
    assert len(fits) == 4 * len(set(tried)) and len(tried) == len(set(tried)) < 20
    assert found["notes"][-1].endswith("more than once")
    failed = {one["values"]["K_val"] for one in found["candidates"] if one["score"] is None}
    assert failed == {k for k in tried if k > 45} and found["chosen"]["K_val"] <= 45
    # Of fewer combinations than n_iter all are tried, as by a grid.
    few = by_tpe({"K_val": [1, 5]}, {}, 2, "knn")
    assert tuning.search(few, data, 42) == tuning.search(
        spec_of("knn", {"K_val": [1, 5]}), data, 42
    )


def test_ranges_are_read_as_options_are(tmp_path):
    pytest.importorskip("optuna", reason="optuna is not installed: make tune")
    tpe = ("tune.search_strategy = tpe", "tune.n_iter = 9")
    line = "tune = {'kernel': ['rbf', 'linear'], 'degree': (2, 4), 'c': (0.01, 10, 'log')}"
    found = experiment(tmp_path, "type = svm", line, *tpe)
    assert found.learning["tune"] == {
        "values": {"kernel": ["rbf", "linear"]},
        "ranges": {"C_val": [0.01, 10.0, "log"], "degree": [2, 4, "linear"]},
        "folds": 5,
        "strategy": "tpe",
        "n_iter": 9,
    }
    for line, told in [
        ("{'C_val': (0.0, 1)}", "C_val: 0.0 is not above 0"),
        ("{'C_val': (3, 2)}", "3.0 is not below 2.0"),
        ("{'C_val': (1, 2, 3)}", "is no range, such as (0.01, 100)"),
        ("{'gamma': (0, 1, 'log')}", "a logarithmic range begins above 0"),
        ("{'gamma': ('scale', 1)}", "the ends of a range are numbers"),
        ("{'kernel': (1, 2)}", "its values are no numbers"),
        ("{'degree': (0.5, 2)}", "degree: 0.5 is not a whole number"),
    ]:
        with pytest.raises(UserError) as error:
            experiment(tmp_path, "type = svm", f"tune = {line}", *tpe)
        assert any(told in problem for problem in error.value.problems), (
            line,
            error.value.problems,
        )


def test_tpe_without_optuna_is_told_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("izwi.training.tpe.util.find_spec", lambda name: None)
    line = "tune = {'C_val': [1, 2]}"
    with pytest.raises(UserError, match=r"tpe needs optuna.*make tune.*requirements-tune"):
        experiment(tmp_path, "type = svm", line, "tune.search_strategy = tpe")
