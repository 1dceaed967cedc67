"""Measures, intervals, metrics.json and predictions.csv against independent calculations."""

from __future__ import annotations

import json

import audformat
import audmetric
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn import metrics as sk

from izwi.data import csv_files
from izwi.errors import UserError
from izwi.evaluation import chance, intervals, robustness, scoring
from izwi.evaluation.measures import Sample
from izwi.plots import style
from izwi.reporting import captions
from izwi.reporting.numbers import worth
from izwi.reporting.texts import methods

LABELS = ["a", "b", "c", "d"]


def classes(seed=0, n=300, labels=LABELS, hit=0.6):
    random = np.random.default_rng(seed)
    truth = random.choice(labels, n, p=np.arange(1, len(labels) + 1) / sum(range(len(labels) + 1)))
    return truth, np.where(random.random(n) < hit, truth, random.choice(labels, n))


def numbers(seed=0, n=300):
    random = np.random.default_rng(seed)
    truth = random.normal(40, 12, n)
    return truth, 10 + 0.7 * truth + random.normal(0, 6, n)


def table(truth, prediction, *, folds=None, speakers=None, run=1, **more):
    n = len(truth)
    return pd.DataFrame(
        {
            "row": np.arange(n),
            "database": "db",
            "file": [f"wav/{i:03d}.wav" for i in range(n)],
            "start": pd.to_timedelta([0] * n),
            "end": pd.to_timedelta([pd.NaT] * n),
            "speaker": [f"db/{i % 5}" for i in range(n)] if speakers is None else speakers,
            "fold": 0 if folds is None else folds,
            "run": run,
            "truth": truth,
            "prediction": prediction,
            **more,
        }
    )


def evaluate(
    predictions, *, task="classification", measure=None, labels=LABELS, ci=None, **reports
):
    if task == "regression":
        labels = None
    spec = {
        "task": task,
        "measure": measure or ("uar" if task == "classification" else "mse"),
        "labels": labels,
        "seed": 42,
    }
    if ci is not None:
        spec["ci"] = ci
    reports = {"training": {"counts": {"train": 7}}, "split": {}, "tables": []} | reports
    result = scoring.evaluate(spec, predictions, **reports)
    json.dumps(result, allow_nan=False)
    return result


@pytest.mark.parametrize("ci", ["auto", "samples", "speakers"])
def test_an_interval_without_width_is_told(ci):
    truth = np.array(["a", "b"] * 24)
    labels = ["a", "b"]
    result = evaluate(table(truth, truth), labels=labels, ci=ci)
    assert result["ci"] == [None, None] and "no width" in result["interval_reasons"]["uar"]
    # 95 % of draws of 48 samples with this error rate have an error.
    rate = 0.0605
    assert 1 - scipy.stats.binom.pmf(0, 48, rate) == pytest.approx(0.95, abs=1e-3)
    assert any(
        line.startswith("no interval of uar: ")
        and "no error in 48 samples fits an error rate of up to 6.1 %" in line
        for line in result["warnings"]
    )
    wrong = evaluate(table(truth, np.array(["a"] * 48)), labels=labels, ci="jackknife")
    told = [line for line in wrong["warnings"] if "no width" in line]
    assert wrong["ci"] == [None, None] and told and "no error" not in told[0]


def test_evaluate_classification():
    truth, prediction = classes()
    folds = np.arange(len(truth)) % 3 + 1
    result = evaluate(table(truth, prediction, folds=folds))
    assert result["value"] == pytest.approx(sk.balanced_accuracy_score(truth, prediction))
    assert result["metrics"]["uar"] == result["value"]
    assert result["ci"][0] < result["value"] < result["ci"][1]
    sample = Sample(truth, [prediction], "classification", LABELS)
    limits = intervals.intervals(sample, [f"db/{i % 5}" for i in range(300)], seed=42)
    for measure in ("uar", "f1"):
        assert result["intervals"][measure] == list(limits.jackknife[measure])
    assert result["ci"] == result["ci_jackknife"] == result["intervals"]["uar"]
    assert result["ci_speakers"] == list(limits.speakers["uar"])
    assert result["ci_samples"] == list(limits.samples["uar"])
    assert len({tuple(result[f"ci_{way}"]) for way in ("samples", "speakers", "jackknife")}) == 3
    assert result["intervals"]["eer"] == [None, None]
    assert result["ci_method"] == "jackknife over speakers (t)"
    assert result["few_speakers"] is True
    assert any(warning.startswith("few speakers: ") for warning in result["warnings"])
    assert (result["n_train"], result["n_test"], result["n_speakers"]) == (7, 300, 5)
    assert (result["runs"], result["sd"], result["min"], result["max"]) == (1, None, None, None)
    assert result["labels"] == LABELS
    assert result["probability_disagreement"] is None
    assert result["transductive"] is False
    for fold in result["per_fold"]:
        rows = folds == fold["fold"]
        assert fold["n"] == rows.sum()
        assert fold["uar"] == pytest.approx(
            sk.balanced_accuracy_score(truth[rows], prediction[rows])
        )
    assert result["fold_mean"]["uar"] == pytest.approx(
        np.mean([fold["uar"] for fold in result["per_fold"]])
    )
    assert result["fold_mean"]["uar"] != result["value"]
    assert result["fold_sd"]["uar"] == pytest.approx(
        np.std([fold["uar"] for fold in result["per_fold"]], ddof=1)
    )
    precision, recall, f1, n = sk.precision_recall_fscore_support(truth, prediction, labels=LABELS)
    for i, label in enumerate(LABELS):
        expected = {"recall": recall[i], "precision": precision[i], "f1": f1[i], "n": n[i]}
        low, high = result["per_class"][label].pop("recall_ci")
        assert low <= expected["recall"] <= high
        assert result["per_class"][label] == pytest.approx(expected)
    matrix = sk.confusion_matrix(truth, prediction, labels=LABELS).tolist()
    assert result["confusion"] == {"labels": LABELS, "counts": matrix}
    for speaker, entry in result["per_speaker"].items():
        rows = np.array([f"db/{i % 5}" == speaker for i in range(300)])
        assert entry["n"] == rows.sum()
        assert entry["value"] == pytest.approx(
            sk.balanced_accuracy_score(truth[rows], prediction[rows])
        )


def test_evaluate_does_not_depend_on_the_order_of_rows():
    truth, prediction = classes()
    frame = pd.concat([table(truth, prediction), table(truth, prediction[::-1], run=2)])
    assert evaluate(frame.sample(frac=1, random_state=1)) == evaluate(frame)


def test_several_runs():
    truth, first = classes(hit=0.5)
    _, second = classes(hit=0.7)
    second = np.where(np.arange(300) % 2, truth, first)
    frame = pd.concat([table(truth, first, run=1), table(truth, second, run=2)])
    result = evaluate(frame)
    values = [sk.balanced_accuracy_score(truth, p) for p in (first, second)]
    assert result["value"] == pytest.approx(np.mean(values))
    assert [run["run"] for run in result["per_run"]] == [1, 2]
    assert [run["uar"] for run in result["per_run"]] == pytest.approx(values)
    assert result["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (result["min"], result["max"]) == pytest.approx((min(values), max(values)))
    matrices = [sk.confusion_matrix(truth, p, labels=LABELS) for p in (first, second)]
    assert np.allclose(result["confusion"]["counts"], np.mean(matrices, axis=0))
    assert result["n_test"] == 300
    assert sum(entry["n"] for entry in result["per_class"].values()) == 300


def test_evaluate_regression():
    truth, prediction = numbers()
    folds = np.arange(300) % 2 + 1
    result = evaluate(
        table(truth, prediction, folds=folds), task="regression", measure="ccc", labels=None
    )
    assert result["value"] == pytest.approx(audmetric.concordance_cc(truth, prediction))
    assert set(result["metrics"]) == {"mse", "mae", "ccc", "pcc"}
    assert (result["labels"], result["per_class"], result["confusion"]) == ([], {}, None)
    assert result["per_fold"][1]["mae"] == pytest.approx(
        np.abs(truth - prediction)[folds == 2].mean()
    )


def test_constant_regression_is_json():
    truth, _ = numbers()
    result = evaluate(table(truth, np.full(300, 0.1)), task="regression", measure="pcc")
    assert (result["value"], result["ci"]) == (None, [None, None])
    assert result["metrics"]["ccc"] == 0


def test_reports_are_merged_and_absent_classes_told():
    truth = ["a", "a", "b", "b", "a", "a"]
    result = evaluate(
        table(truth, ["a", "d", "b", "b", "b", "a"], folds=[1, 1, 1, 1, 2, 2], speakers=None),
        tables=[{"warnings": ["dropped 3"], "notes": ["read"]}, {"warnings": ["dropped 3"]}],
        split={"warnings": ["few speakers"]},
        training={"notes": ["fitted once"], "transductive": True},
    )
    assert result["warnings"][:2] == ["dropped 3", "few speakers"]
    assert result["notes"] == ["read", "fitted once"]
    assert result["transductive"] is True
    assert result["n_train"] is None
    assert any("absent from the truth" in w and w.endswith("c, d") for w in result["warnings"])
    assert any("1 of 2 folds" in w and "fold 2 lacks b" in w for w in result["warnings"])
    nothing = {"recall": None, "precision": 0, "f1": None, "n": 0, "recall_ci": [None, None]}
    assert result["per_class"]["d"] == nothing
    assert result["per_class"]["c"]["precision"] is None
    assert result["value"] == pytest.approx((2 / 4 + 1) / 2)
    assert result["per_fold"][1]["uar"] == 0.5


def test_rows_without_truth():
    truth, prediction = classes()
    truth = truth.astype(object)
    truth[:30] = np.nan
    result = evaluate(table(truth, prediction))
    assert result["value"] == pytest.approx(
        sk.balanced_accuracy_score(truth[30:].astype(str), prediction[30:])
    )
    assert (result["n_test"], result["n_evaluated"]) == (300, 270)
    assert "30 of 300 test rows have no truth" in result["notes"][0]
    result = evaluate(table([None] * 300, prediction))
    assert (result["value"], result["n_evaluated"], result["n_test"]) == (None, 0, 300)
    assert set(result["metrics"].values()) == {None}
    result = evaluate(table([np.nan] * 300, np.zeros(300)), task="regression")
    assert result["metrics"] == dict.fromkeys(["mse", "mae", "ccc", "pcc"])


def test_few_are_the_speakers_whose_rows_have_a_truth():
    truth, prediction = classes()
    speakers = np.array([f"db/{i % 12}" for i in range(300)])
    truth = np.where(np.arange(300) % 12 < 3, truth.astype(object), None)
    result = evaluate(table(truth, prediction, speakers=speakers))
    assert (result["n_speakers"], result["few_speakers"]) == (3, True)
    assert any("rest on 3 test speakers" in warning for warning in result["warnings"])


def test_without_speakers():
    truth, prediction = classes()
    for frame in (
        table(truth, prediction, speakers=[None] * 300),
        table(truth, prediction).drop(columns="speaker"),
    ):
        result = evaluate(frame)
        assert (result["n_speakers"], result["per_speaker"]) == (None, {})
        assert result["ci"] == result["ci_samples"]
        assert result["ci_method"] == "bootstrap over samples (1000), no speakers known"
        assert (result["few_speakers"], result["best_speaker"]) == (False, None)


def test_method_of_the_intervals():
    truth, prediction = classes()
    frame = table(truth, prediction)
    for method, told in (("samples", "bootstrap over samples"), ("speakers", "over speakers")):
        result = evaluate(frame, ci=method)
        assert result["ci"] == result[f"ci_{method}"]
        assert told in result["ci_method"]
    with pytest.raises(UserError, match="ci: speakers needs two speakers"):
        evaluate(frame.assign(speaker=None), ci="speakers")
    # one database with speakers, one without: together over samples, apart as each can
    half = frame["row"] < 150
    frame["database"] = np.where(half, "db", "other")
    frame.loc[~half, "speaker"] = None
    result = evaluate(frame)
    assert result["ci_method"].endswith("150 of them without a speaker")
    assert result["unknown_speakers"] == 150
    told = methods.interval_n(result)
    assert told == "n = 300 samples of 5 speakers, 150 of unknown ones"
    own = result["per_database"]
    assert own["db"]["ci_method"] == "jackknife over speakers (t)"
    assert own["other"]["ci_method"].endswith("no speakers known")


@pytest.mark.parametrize("measure", ["mae", "ccc"])
def test_best_and_worst_speaker(measure):
    truth, prediction = numbers()
    speakers = np.array([f"db/{i % 12}" for i in range(300)])
    noise = np.random.default_rng(1).normal(0, 40, 300)
    prediction = np.where(speakers == "db/7", truth, prediction)
    prediction = np.where(speakers == "db/3", truth + noise, prediction)
    result = evaluate(
        table(truth, prediction, speakers=speakers), task="regression", measure=measure
    )
    assert result["best_speaker"] == {"speaker": "db/7", **result["per_speaker"]["db/7"]}
    assert result["worst_speaker"]["speaker"] == "db/3"
    values = [row["value"] for row in result["per_speaker"].values()]
    assert result["speaker_mean"] == pytest.approx(np.mean(values))
    assert result["speaker_sd"] == pytest.approx(np.std(values, ddof=1))
    assert (result["few_speakers"], result["warnings"]) == (False, [])


def test_probabilities():
    p_a = np.array([0.9, 0.4, 0.5, 0.3])
    frame = table(list("aabb"), list("aaba"), p_a=p_a, p_b=1 - p_a)
    result = evaluate(frame, labels=["a", "b"], measure="eer")
    # decisions a a b a, probabilities say a b (tie) b
    assert result["probability_disagreement"] == 2
    assert result["value"] == audmetric.equal_error_rate([0, 0, 1, 1], 1 - p_a)[0]
    # the score is that of the second class: of the first, the EER would be 1
    p_a = np.array([0.9, 0.8, 0.2, 0.1])
    frame = table(list("aabb"), list("aabb"), p_a=p_a, p_b=1 - p_a)
    result = evaluate(frame, labels=["a", "b"], measure="eer")
    assert (result["value"], result["probability_disagreement"]) == (0, 0)


def test_calibration_and_fairness_beside_the_figures():
    truth, prediction = classes(labels=["a", "b"])
    p_a = np.where(prediction == "a", 0.8, 0.3)
    frame = table(truth, prediction, p_a=p_a, p_b=1 - p_a)
    frame["row"] += 50  # rows of the test set in a longer table
    result = evaluate(frame, labels=["a", "b"])
    assert result["calibration"]["accuracy"] == pytest.approx(np.mean(truth == prediction))
    assert result["calibration"]["mean_confidence"] == pytest.approx(
        np.maximum(p_a, 1 - p_a).mean()
    )
    assert result["uncertainty"]["curve"][-1]["coverage"] == 1
    assert result["fairness"] == {}
    traits = pd.DataFrame({"gender": ["?"] * 50 + ["female", "male"] * 150})
    found = evaluate(frame, labels=["a", "b"], traits=traits)["fairness"]["gender"]
    odd = np.arange(300) % 2 == 1
    assert found["groups"]["male"]["value"] == pytest.approx(
        sk.balanced_accuracy_score(truth[odd], prediction[odd])
    )
    assert set(found["groups"]) == {"female", "male"}
    without = evaluate(table(truth, prediction), labels=["a", "b"])
    assert (without["calibration"], without["uncertainty"]) == (None, None)


def test_eer_where_it_cannot_be():
    truth, prediction = classes()
    with pytest.raises(UserError, match="measure: eer needs two classes, there are 4"):
        evaluate(table(truth, prediction), measure="eer")
    with pytest.raises(UserError, match="gives probabilities"):
        evaluate(table(["a", "b"], ["a", "b"]), measure="eer", labels=["a", "b"])


def test_predictions_that_are_no_numbers():
    with pytest.raises(UserError, match="1 of 2 predictions are not finite"):
        evaluate(table([1.0, 2.0], [1.0, np.inf]), task="regression")


def test_rows_predicted_twice_or_not_by_all_runs():
    truth, prediction = classes()
    twice = pd.concat([table(truth, prediction)] * 2)
    fewer = pd.concat([table(truth, prediction), table(truth, prediction, run=2)[1:]])
    for frame in (twice, fewer):
        with pytest.raises(ValueError, match="same rows"):
            evaluate(frame)


def test_predictions_file(tmp_path):
    frame = table(["a", None, "b"], ["a", "b", "b"], p_a=[0.1 + 0.2, 1e-9, 1 / 3])
    frame["p_b"] = 1 - frame["p_a"]
    path = tmp_path / "predictions.csv"
    csv_files.write_predictions(frame.iloc[::-1], path)
    lines = path.read_bytes().decode().split("\n")
    assert lines[0] == "database,file,speaker,fold,run,truth,prediction,p_a,p_b"
    assert lines[1] == "db,wav/000.wav,0,0,1,a,a,0.30000000000000004,0.7"
    assert lines[2].startswith("db,wav/001.wav,1,0,1,,b,1e-09,")
    read = pd.read_csv(path)
    assert read["p_a"].tolist() == frame["p_a"].tolist()


def test_predictions_file_with_segments(tmp_path):
    frame = table([1.5, 2.0], [1.25, 3.0])
    frame["start"] = pd.to_timedelta(["0.5s", "0s"])
    frame["end"] = pd.to_timedelta(["1.5s", None])
    path = tmp_path / "predictions.csv"
    csv_files.write_predictions(frame, path)
    read = pd.read_csv(path)
    assert list(read)[:4] == ["database", "file", "start", "end"]
    assert read["start"].tolist() == ["0 days 00:00:00.500000", "0 days 00:00:00.000000"]
    index = audformat.segmented_index(frame["file"], frame["start"], frame["end"])
    back = audformat.segmented_index(
        read["file"], pd.to_timedelta(read["start"]), pd.to_timedelta(read["end"])
    )
    pd.testing.assert_index_equal(back, index)
    assert read["truth"].tolist() == [1.5, 2.0]


def test_formulas_are_defused_and_numbers_left_alone(tmp_path):
    labels = [
        "-1",
        "+1",
        "-0.5",
        "-",
        "=1+1",
        "@SUM(A1)",
        "-x",
        "+cmd|' /C calc'!A0",
        "fine",
        "1e-3",
    ]
    frame = table(labels, labels)
    path = tmp_path / "predictions.csv"
    csv_files.write_predictions(frame, path)
    read = pd.read_csv(path, dtype=str, keep_default_na=False)
    expected = ["-1", "+1", "-0.5", "-", "'=1+1", "'@SUM(A1)", "'-x", "'+cmd|' /C calc'!A0", "fine"]
    assert read["truth"].tolist() == [*expected, "1e-3"]
    assert read["file"].tolist() == frame["file"].tolist()


def test_real_figures(emodb):
    """Gender of EmoDB by mean age: a stump's figures on real rows, folds by speaker."""
    data = pd.read_csv(emodb / "emodb.csv")
    prediction = np.where(data["age"] > data["age"].mean(), "male", "female")
    frame = table(data["gender"], prediction, speakers=[f"emodb/{s}" for s in data["speaker"]])
    result = evaluate(frame, labels=["female", "male"])
    assert result["n_test"] == 535
    assert result["n_speakers"] == 10
    assert result["value"] == pytest.approx(
        sk.recall_score(data["gender"], prediction, average="macro")
    )
    assert result["per_class"]["male"]["n"] == (data["gender"] == "male").sum()
    lacking = [w for w in result["warnings"] if "10 of 10 speakers" in w]
    assert len(lacking) == 1


def test_chance_and_the_baseline_stand_beside_the_figure():
    truth, prediction = classes()
    folds = np.arange(300) % 2 + 1
    frame = table(truth, prediction, folds=folds)
    result = evaluate(frame, constants={1: "a", 2: "d"})
    assert result["chance"] == {"uar": 0.25, "accuracy": 0.25}
    said = np.where(folds == 1, "a", "d")
    assert result["baseline"]["kind"] == "majority class"
    assert result["baseline"]["accuracy"] == pytest.approx((said == truth).mean())
    assert result["baseline"]["uar"] == pytest.approx(sk.balanced_accuracy_score(truth, said))
    assert evaluate(frame, constants={1: "a"})["baseline"] is None  # the other fold has none
    truth, prediction = numbers()
    result = evaluate(table(truth, prediction), task="regression", constants={0: 35.0})
    assert result["baseline"]["kind"] == "training mean"
    assert result["baseline"]["mse"] == pytest.approx(((truth - 35) ** 2).mean())
    assert result["chance"]["mse"] == pytest.approx(2 * truth.var())
    assert result["chance"]["ccc"] == 0


def test_constants_are_those_of_training_rows_with_a_truth():
    truth = np.array(["b", "b", "a", "a", "c", None, "c", "c"], dtype=object)
    rows = [(1, np.arange(0, 5), np.arange(0), np.arange(5, 8)), (2, np.arange(4, 8), [], [0])]
    assert chance.constants(truth, iter(rows), "classification") == {1: "a", 2: "c"}
    ages = np.array([20.0, np.nan, 40.0])
    rows = [(0, np.array([0, 1, 2]), [], []), (1, np.array([1]), [], [])]
    assert chance.constants(ages, iter(rows), "regression") == {0: 30.0}


def test_a_model_with_one_answer_is_told_with_the_likely_cause():
    def told(prediction, folds=None, task="classification", truth=None, **spec):
        frame = table(classes()[0] if truth is None else truth, prediction, folds=folds)
        return [line for line in scored(frame, task, spec) if "for every test sample" in line]

    def scored(frame, task, spec):
        spec = {"task": task, "measure": "uar", "labels": LABELS, "seed": 1} | spec
        reports = {"training": {}, "split": {}, "tables": []}
        return scoring.evaluate(spec, frame, **reports)["warnings"]

    same = np.array(["a"] * 300)
    (line,) = told(same, scale="none", model="svm")
    assert "'a'" in line and "[FEATS] scale = standard" in line and "0.25" in line
    (line,) = told(same, scale="standard", model="svm")
    assert "scale = standard" not in line
    folds = np.arange(300) % 2 + 1
    (line,) = told(np.where(folds == 1, "a", "b"), folds)
    assert "each fold" in line
    assert told(np.where(np.arange(300) == 7, "b", "a")) == []
    assert told(same, model="majority") == []
    assert told(same, truth=same) == []
    (line,) = told(np.full(300, 3.5), None, "regression", numbers()[0], measure="mse")
    assert "one value" in line
    assert told(same, np.arange(300) + 1) == []  # a fold of one sample has one answer


def test_a_figure_that_one_run_lacks_has_neither_value_nor_interval():
    truth, prediction = numbers()
    runs = [table(truth, prediction, run=1), table(truth, np.full(300, 30.0), run=2)]
    result = evaluate(pd.concat(runs), task="regression", measure="pcc")
    assert (result["value"], result["ci"]) == (None, [None, None])
    assert "pcc is undefined in 1 of 2 runs, so it has no mean" in result["warnings"]
    assert result["metrics"]["mse"] == pytest.approx(
        np.mean([((truth - p) ** 2).mean() for p in (prediction, 30.0)])
    )


def test_groups_have_intervals_by_the_method_that_was_asked_for():
    truth, prediction = classes()
    traits = pd.DataFrame({"gender": ["female" if i % 5 < 3 else "male" for i in range(300)]})
    drawn = {unit: f"bootstrap over {unit}" for unit in ("samples", "speakers")}
    for ci, begin in {None: "jackknife over speakers", **drawn}.items():
        groups = evaluate(table(truth, prediction), ci=ci, traits=traits)["fairness"]["gender"]
        for group in groups["groups"].values():
            assert group["ci_method"].startswith(begin)


@pytest.mark.parametrize("ci", ["auto", "speakers", "samples"])
def test_degraded_copies_have_intervals_by_the_method_that_was_asked_for(ci):
    truth, prediction = classes()
    speakers = np.array([f"db/{i % 12}" for i in range(300)])
    clean = table(truth, prediction, speakers=speakers).assign(maker="")
    same = clean.assign(maker="b", prediction=LABELS[0])
    makers = {"a": {"kind": "white", "level": 5}, "b": {"kind": "white", "level": 0}}
    spec = {"task": "classification", "measure": "uar", "ci": ci, "seed": 1, "makers": makers}
    frame = pd.concat([clean, clean.iloc[:200].assign(maker="a"), same])
    rows = robustness.table(spec, frame, LABELS)
    for row, number in zip(rows, (300, 200, 300), strict=True):
        own = clean.iloc[:number] if row is not rows[2] else same
        sample = Sample(own["truth"], [own["prediction"]], "classification", LABELS)
        limits, name, _ = intervals.by_method(sample, own["speaker"], seed=1, method=ci)
        assert row["n"] == number and row["speakers"] == 12
        assert (row["ci"], row["ci_method"]) == (list(limits["uar"]), name)
    assert rows[1]["loss"] == pytest.approx(0) and rows[2]["ci"] == [None, None]
    assert rows[2]["loss"] == pytest.approx(rows[0]["value"] - 1 / len(LABELS))
    assert "no width" in rows[2]["ci_reason"] and rows[0]["ci_reason"] is None


def test_a_loss_is_above_0_where_an_error_grows():
    truth, prediction = numbers()
    clean = table(truth, prediction).assign(maker="")
    worse = clean.assign(maker="a", prediction=prediction + 5)
    spec = {"task": "regression", "measure": "mae", "ci": "auto", "seed": 1}
    spec["makers"] = {"a": {"kind": "white", "level": 5}}
    # A row without a truth is predicted alone.
    clean.loc[0, "truth"] = worse.loc[0, "truth"] = np.nan
    rows = robustness.table(spec, pd.concat([clean, worse]), None)
    error = [np.abs(truth - said)[1:].mean() for said in (prediction, prediction + 5)]
    assert [row["value"] for row in rows] == pytest.approx(error)
    assert rows[1]["loss"] == pytest.approx(error[1] - error[0]) and rows[1]["n"] == 299


def test_classes_of_few_speakers_are_told_where_others_have_many():
    truth, prediction = classes()
    speakers = np.array([f"db/{i % 12}" for i in range(300)])
    frame = table(truth, prediction, speakers=speakers)
    assert not any("may be too narrow" in line for line in evaluate(frame)["warnings"])
    frame.loc[~frame["speaker"].isin(["db/1", "db/2"]) & (frame["truth"] == "c"), "truth"] = "a"
    (line,) = [line for line in evaluate(frame)["warnings"] if "may be too narrow" in line]
    assert "c (2)" in line
    result = evaluate(frame)
    assert "c (2)" in result["interval_doubt"] and "both ends" in result["interval_doubt"]
    assert result["interval_doubt"] in style.interval_note(result)
    assert result["interval_doubt"] in captions.figure(result)


def test_chance_is_one_over_the_classes_that_are_tested():
    """As simulated: saying one class, or guessing among those that are tested, is the best."""
    rng = np.random.default_rng(0)
    truth = np.repeat(["a", "b", "c"], [60, 30, 10])
    labels = ["a", "b", "c", "d", "e"]

    def guessed(classes):
        said = rng.choice(classes, size=(4000, len(truth)))
        return np.mean([[(run[truth == name] == name).mean() for name in "abc"] for run in said])

    for measure in ("uar", "accuracy"):
        found = chance.chance(truth, measure, task="classification", labels=labels, seed=1)
        assert found == (1 / 3, "analytic")
    assert guessed(["a", "b", "c"]) == pytest.approx(1 / 3, abs=0.005)
    assert guessed(labels) == pytest.approx(1 / 5, abs=0.005)
    # A figure of the experiment says the same, whose training had all five.
    frame = pd.DataFrame({"truth": truth, "prediction": "a"})
    always = Sample.of_runs([frame], "classification", labels).measures()[0]
    assert always["uar"] == pytest.approx(1 / 3)
    beside = chance.worthless(
        truth,
        pd.Series([0] * 100),
        {0: "d"},
        "uar",
        task="classification",
        labels=labels,
        seed=1,
    )
    assert beside["chance"]["uar"] == pytest.approx(1 / 3)
    # The majority class of training has no test sample: it is never right.
    assert beside["baseline"]["uar"] == 0


def test_a_figure_is_written_with_chance_and_baseline():
    truth, prediction = classes()
    result = evaluate(table(truth, prediction), constants={0: "a"})
    accuracy = float((truth == "a").mean())
    assert worth(result, "accuracy", "{:.3f}".format) == (
        f"chance 0.250, majority class {accuracy:.3f}"
    )
    for text in (style.value_with_interval(result, "uar"), captions.figure(result)):
        assert "chance 0.25" in text and "majority class 0.25" in text
    unknown = evaluate(table(truth, prediction))
    assert "(chance 0.250)" in style.value_with_interval(unknown, "uar")


@pytest.mark.parametrize(("measure", "better"), [("mse", -1), ("ccc", 1)])
def test_optimism_is_how_much_better_the_inner_score_is(measure, better):
    truth, prediction = numbers()
    frame = table(truth, prediction)
    outer = evaluate(frame, task="regression", measure=measure)["value"]
    search = {"run": 1, "fold": 0, "chosen": {"C_val": 1}, "inner": outer + better * 0.25}
    reports = {"training": {"tuning": [search]}}
    found = evaluate(frame, task="regression", measure=measure, **reports)["tuning"]
    assert found["outer"] == pytest.approx(outer)
    assert found["optimism"] == pytest.approx(0.25)


def test_a_bin_holds_its_lower_limit_and_the_last_not_its_upper():
    truth = np.array([0.0, 9.9, 10.0, 19.9, 20.0, -0.1, 5.0, 15.0])
    predicted = np.array([0.0, 10.0, 10.0, 20.0, 5.0, 5.0, -1.0, 15.0])
    found = scoring.binned([table(truth, predicted)], [0, 10, 20], ["low", "high"], 1, "samples")
    assert (found["truth_outside"], found["n_evaluated"]) == (2, 6)
    assert found["predicted_outside"] == 2  # 20 and -1, for the nearest bin
    assert found["confusion"]["counts"] == [[2, 1], [0, 3]]


def test_degrees_of_freedom_are_never_below_1():
    truth, prediction = numbers(n=20)
    sample = Sample(truth, [prediction], "regression", [])
    # Two speakers have one degree, of which an error is worth half.
    assert intervals.degrees_of_freedom(sample, np.arange(20) % 2, "mse") == 1
