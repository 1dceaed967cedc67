"""Importance, SHAP values and effect sizes, against scikit-learn, xgboost and scipy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost
from scipy import stats
from sklearn.inspection import permutation_importance
from sklearn.metrics import balanced_accuracy_score, mean_absolute_error
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from test_tuning import folds_of, made_up, spec_of

from izwi import splits
from izwi.analyses import importance, ranking
from izwi.config.experiment import resolve
from izwi.engine.planner import make_plan
from izwi.errors import UserError
from izwi.files import write_json
from izwi.training import runs

LABELS = ["a", "b", "c"]


def trained(folder, kind, truth, tested, labels=LABELS, measure="uar", **more):
    samples, _, _ = made_up(6, seed=3)
    spec = spec_of(kind, {}, measure=measure, **more) | {"save": True}
    del spec["tune"]
    folds = folds_of(samples, tested)
    truths = {fold: truth for fold, *_ in folds}
    _, report = runs.train_folds(spec, samples, truths, folds, labels, folder)
    write_json(folder / "model.json", {"best_run": report["best_run"]})
    return samples, folds, truths, spec


def test_importance_is_that_of_scikit_learn(tmp_path):
    _, y, _ = made_up(6, seed=3)
    samples, folds, truths, spec = trained(tmp_path, "bayes", y, ["db/0"])
    found = importance.permutation(spec, samples, truths, folds, LABELS, tmp_path, repeats=40)
    _, train, _, test = folds[0]
    plain = make_pipeline(StandardScaler(), GaussianNB()).fit(samples.values[train], y[train])
    reference = permutation_importance(
        plain,
        samples.values[test],
        y[test].astype(str),
        scoring="balanced_accuracy",
        n_repeats=40,
        random_state=0,
    )
    by_name = found.set_index("feature").loc[samples.names]
    error = np.sqrt((reference.importances_std**2 + by_name["sd"] ** 2) / 40)
    assert (np.abs(by_name["importance"] - reference.importances_mean) < 4 * error + 1e-9).all()
    assert by_name["importance"].abs().max() > 0.05
    np.testing.assert_allclose(by_name["sd"], reference.importances_std, rtol=0.5, atol=1e-2)
    assert found["rank"].tolist() == [1, 2, 3, 4, 5]
    assert found["importance"].is_monotonic_decreasing
    assert found["ci_low"].isna().all()  # one speaker


def test_a_ranking_is_the_mean_of_models_fitted_on_the_training_rows(tmp_path):
    """Bayes is the model of the experiment, so its importance is that of `permutation`."""
    _, y, _ = made_up(6, seed=3)
    samples, folds, truths, spec = trained(tmp_path, "bayes", y, ["db/0", "db/2", "db/4"])
    whole = importance.permutation(spec, samples, truths, folds, LABELS, tmp_path)
    own = {**spec, "models": ["bayes", "tree"]}
    found = ranking.ranking(own, samples, truths, folds, LABELS).set_index("feature")
    whole = whole.set_index("feature").loc[found.index]
    for ours, theirs in (("importance", "importance"), ("ci_low", "ci_low"), ("figure", "figure")):
        np.testing.assert_allclose(found[f"{ours}_bayes"], whole[theirs])
    means = found[["importance_bayes", "importance_tree"]].mean(axis=1)
    np.testing.assert_allclose(found["importance"], means)
    assert found["importance"].is_monotonic_decreasing and set(found["measure"]) == {"uar"}
    right = []
    for _, train, _, test in folds:
        scaler = StandardScaler().fit(samples.values[train])
        tree = DecisionTreeClassifier(random_state=42).fit(
            scaler.transform(samples.values[train]), y[train]
        )
        right.append(pd.Series(tree.predict(scaler.transform(samples.values[test])), test))
    decided = pd.concat(right)
    figure = balanced_accuracy_score(y[decided.index].astype(str), decided.astype(str))
    assert found["figure_tree"].iloc[0] == pytest.approx(figure)


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_importance_over_folds_by_hand(tmp_path, kind):
    _, y, numbers = made_up(6, seed=3)
    truth, model, labels, measure, score, sign = {
        "classification": (y, "bayes", LABELS, "uar", balanced_accuracy_score, 1),
        "regression": (numbers, "lin_reg", None, "mae", mean_absolute_error, -1),
    }[kind]
    tested = ["db/0", "db/2", "db/3", "db/5"]
    samples, folds, truths, spec = trained(tmp_path, model, truth, tested, labels, measure)
    found = importance.permutation(spec, samples, truths, folds, labels, tmp_path, repeats=3)
    from sklearn.linear_model import LinearRegression

    kept, rng = [], splits.generator(42, "permutation f2")
    for _, train, _, test in folds:
        learner = GaussianNB() if labels else LinearRegression()
        plain = make_pipeline(StandardScaler(), learner).fit(samples.values[train], truth[train])
        predicted = [plain.predict(samples.values[test])]
        for _ in range(3):
            X = samples.values[test].copy()
            X[:, 2] = X[rng.permutation(len(test)), 2]
            predicted.append(plain.predict(X))
        kept.append((test, predicted))
    rows = np.concatenate([test for test, _ in kept])
    runs = [np.concatenate([predicted[i] for _, predicted in kept]) for i in range(4)]
    known = truth[rows].astype(str) if labels else truth[rows]

    def drop(which):
        values = [score(known[which], run[which]) for run in runs]
        return sign * (values[0] - np.mean(values[1:]))

    (row,) = found[found["feature"] == "f2"].to_dict("records")
    whole = np.ones(len(rows), dtype=bool)
    assert row["importance"] == pytest.approx(drop(whole), abs=1e-9)
    speaker = samples.split["speaker"].to_numpy()[rows]
    without = np.array([drop(speaker != name) for name in tested])
    half = stats.t.ppf(0.975, 3) * np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    limits = [drop(whole) - half, drop(whole) + half]
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(limits, abs=1e-9)
    assert row["n_speakers"] == 4 and row["n"] == len(rows)


@pytest.mark.parametrize("classes", [2, 3])
def test_shap_values_are_those_of_xgboost(tmp_path, classes):
    _, y, _ = made_up(6, seed=3)
    y = np.where(y == "c", "b", y).astype(object) if classes == 2 else y
    labels = LABELS[:classes]
    samples, folds, truths, spec = trained(tmp_path, "xgb", y, ["db/0", "db/4"], labels)
    found = importance.shap(spec, samples, truths, folds, labels, tmp_path)
    sums = np.zeros((classes if classes > 2 else 1, 5))
    for _, train, _, test in folds:
        scaler = StandardScaler().fit(samples.values[train])
        X = scaler.transform(samples.values[test])
        plain = xgboost.XGBClassifier(n_estimators=100, n_jobs=1, random_state=42).fit(
            scaler.transform(samples.values[train]), np.searchsorted(labels, y[train].astype(str))
        )
        values = plain.get_booster().predict(xgboost.DMatrix(X), pred_contribs=True)
        values = values.reshape(len(X), -1, 6)
        margin = plain.predict(X, output_margin=True).reshape(len(X), -1)
        np.testing.assert_allclose(values.sum(axis=2), margin, atol=1e-3)
        sums += np.abs(values[..., :-1]).sum(axis=0)
    n = sum(len(test) for *_, test in folds)
    by_name = found.set_index("feature").loc[samples.names]
    np.testing.assert_allclose(by_name["mean_abs_shap"], sums.mean(axis=0) / n, rtol=1e-3)
    columns = [f"mean_abs_shap_{label}" for label in labels]
    if classes == 2:
        assert not set(columns) & set(found)
    else:
        np.testing.assert_allclose(by_name[columns], sums.T / n, rtol=1e-3)


def test_models_that_are_not_kept(tmp_path):
    _, y, _ = made_up(6, seed=3)
    samples, folds, _, spec = trained(tmp_path, "bayes", y, ["db/0"])
    folds = [(7, *folds[0][1:])]
    with pytest.raises(UserError, match=r"\[EXPL\] the models of the folds are not kept"):
        importance.permutation(spec, samples, {7: y}, folds, LABELS, tmp_path)


def explored(labels=LABELS, speakers=6):
    samples, y, numbers = made_up(speakers, seed=3)
    rng = np.random.default_rng(0)
    truth = y if labels else numbers
    table = pd.DataFrame({"truth": truth, "speaker": samples.split["speaker"]})
    features = pd.DataFrame(samples.values, columns=samples.names).assign(constant=1.0)
    recording = pd.DataFrame({"duration": rng.gamma(2, size=len(y)), "level": -30.0})
    features["f3"] = recording["duration"] ** 2
    return table, features, recording


def test_effects_are_those_of_scipy():
    table, features, recording = explored()
    table.loc[3, "truth"] = None  # without a label
    features.loc[5, "f4"] = np.nan
    found = importance.distributions(table, features, recording, LABELS).set_index("feature")
    means = features[table["truth"].notna()].groupby([table["speaker"], table["truth"]]).mean()
    for name in ("f0", "f1", "f2", "f4"):
        groups = [means.xs(label, level="truth")[name].to_numpy() for label in LABELS]
        h, p = stats.kruskal(*groups)
        row = found.loc[name]
        assert (row["statistic"], row["p"]) == (pytest.approx(h), pytest.approx(p))
        assert (row["n"], row["unit"], row["test"]) == (18, "speaker means", "Kruskal-Wallis")
        assert row["epsilon2"] == pytest.approx(h * (18 + 1) / (18**2 - 1))
        assert row["eta2"] == pytest.approx((h - 3 + 1) / (18 - 3))
        pairs = {}
        for i, j in ((0, 1), (0, 2), (1, 2)):
            pooled = np.sqrt((groups[i].var(ddof=1) + groups[j].var(ddof=1)) / 2)
            pairs[f"{LABELS[i]}, {LABELS[j]}"] = (groups[i].mean() - groups[j].mean()) / pooled
        largest = max(pairs, key=lambda pair: abs(pairs[pair]))
        assert row["d_between"] == largest
        assert row["cohens_d"] == pytest.approx(pairs[largest])
    # Benjamini and Hochberg by hand; what has no p is not counted.
    p = found["p"].dropna().sort_values()
    steps = p * len(p) / np.arange(1, len(p) + 1)
    expected = steps[::-1].cummin()[::-1].clip(upper=1)
    pd.testing.assert_series_equal(found["p_bh"].dropna().loc[p.index], expected, check_names=False)
    assert found.index[-1] == "constant" and np.isnan(found.loc["constant", "p"])
    known = table["truth"].notna()
    rho = stats.spearmanr(features["f1"][known], recording["duration"][known]).statistic
    assert found.loc["f1", "rho_duration"] == pytest.approx(rho)
    assert found.loc["f3", "rho_duration"] == pytest.approx(1)
    assert found["rho_level"].isna().all()  # the same in all
    assert found["rank"].tolist() == [1, 2, 3, 4, 5, 6]


def test_effects_on_a_number():
    table, features, recording = explored(labels=None)
    found = importance.distributions(table, features, recording, None).set_index("feature")
    means = features.groupby(table["speaker"]).mean()
    truth = table["truth"].astype(float).groupby(table["speaker"]).mean()
    rho, p = stats.spearmanr(means["f2"], truth)
    assert found.loc["f2", "rho"] == pytest.approx(rho)
    assert found.loc["f2", "p"] == pytest.approx(p)
    assert np.abs(found["rho"].dropna()).is_monotonic_decreasing


def test_effects_without_speakers():
    table, features, recording = explored()
    table["speaker"] = None
    found = importance.distributions(table, features, recording, LABELS).set_index("feature")
    groups = [features["f0"][table["truth"] == label] for label in LABELS]
    assert found.loc["f0", "unit"] == "samples"
    assert found.loc["f0", "p"] == pytest.approx(stats.kruskal(*groups).pvalue)


def written(folder: Path, name: str, **sections):
    sections = {
        "DATA": "databases = ['demo']\ndemo.type = demo\ntarget = emotion",
        "FEATS": "type = os",
        "MODEL": "type = xgb",
    } | sections
    text = "".join(f"[{section}]\n{lines}\n" for section, lines in sections.items())
    (folder / name).write_text(text)
    return resolve(name, cwd=folder)


def test_what_is_explained_or_drawn_changes_no_other_key(tmp_path):
    plain = written(tmp_path, "plain.ini")
    more = written(
        tmp_path,
        "more.ini",
        EXPL="permutation = True\nshap = True\nfeature_distributions = True\nmax_feats = 3\n"
        "model = ['log_reg', 'tree']",
        PLOT="calibration = True\nuncertainty = True\nrecall = True\nfairness = True\n"
        "uncertainty_threshold = 0.3",
    )
    plan = make_plan([plain, more], "results", str(tmp_path / "cache"), cwd=tmp_path)
    for stage in ("load", "split", "train"):
        assert len(plan.units[stage]) == 1
    # One set more, for the properties of the recordings; figures of the certain ones beside all.
    apart = make_plan([plain], "results", str(tmp_path / "cache"), cwd=tmp_path).units["features"]
    added = set(plan.units["features"]) - set(apart)
    assert [plan.units["features"][key].spec["type"] for key in added] == ["signal"]
    assert set(apart) < set(plan.units["features"])
    assert len(plan.units["evaluate"]) == 2 and len(plan.units["analyse"]) == 4
    assert more.analyses["ranking"] == ["logreg", "tree"]
    drawn = {unit.spec["kind"] for unit in plan.units["plot"].values()}
    assert drawn == {
        *("confusion_matrix", "confusion_matrix_certain", "calibration", "uncertainty", "recall"),
        *("fairness", "permutation", "shap", "ranking", "feature_distributions"),
    }


def test_what_cannot_be_explained(tmp_path):
    found = written(tmp_path, "svm.ini", MODEL="type = svm", EXPL="shap = True")
    assert found.analyses == {}
    assert any(
        note.startswith("[EXPL] shap: no effect with MODEL.type = svm") for note in found.notes
    )
    with pytest.raises(UserError, match=r"\[EXPL\] model: 'mlp' cannot rank features, one of"):
        written(tmp_path, "net.ini", EXPL="model = ['mlp']")
    with pytest.raises(UserError) as error:
        written(
            tmp_path, "folds.ini", MODEL="type = xgb\nlogo = 3\nsave = False", EXPL="shap = True"
        )
    assert error.value.problems == [
        "folds.ini: [EXPL] shap: looks at the models of the folds: set MODEL.save = True"
    ]
    with pytest.raises(UserError, match=r"\[EXPL\] permutation: not with submodel"):
        written(
            tmp_path, "sub.ini", MODEL="type = xgb\nsubmodel = gender", EXPL="permutation = True"
        )
