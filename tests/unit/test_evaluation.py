"""Measures, intervals, metrics.json and predictions.csv against independent calculations."""

from __future__ import annotations

import json
import time

import audformat
import audmetric
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk

from izwi import evaluation
from izwi.errors import UserError

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


def evaluate(predictions, *, task="classification", measure=None, labels=LABELS, **reports):
    if task == "regression":
        labels = None
    spec = {
        "task": task,
        "measure": measure or ("uar" if task == "classification" else "mse"),
        "labels": labels,
        "seed": 42,
    }
    reports = {"training": {"counts": {"train": 7}}, "split": {}, "tables": []} | reports
    result = evaluation.evaluate(spec, predictions, **reports)
    json.dumps(result, allow_nan=False)
    return result


def test_by_hand():
    # recalls 2/3, 1/2, 1/1; precisions 2/3, 1/2, 1/1
    truth, prediction = list("aaabbc"), list("aababc")
    found = evaluation.measures(truth, prediction, task="classification", labels=LABELS)
    assert found["uar"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["eer"] is None
    # recall and precision differ: swapping truth and prediction shows
    found = evaluation.measures(list("aaab"), list("abbb"), task="classification")
    assert found["uar"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["f1"] == pytest.approx((1 / 2 + 1 / 2) / 2)


def test_classification_agrees_with_audmetric_and_sklearn():
    truth, prediction = classes()
    found = evaluation.measures(truth, prediction, task="classification", labels=LABELS)
    assert found["uar"] == pytest.approx(
        audmetric.unweighted_average_recall(truth, prediction), abs=1e-12
    )
    assert found["accuracy"] == pytest.approx(audmetric.accuracy(truth, prediction), abs=1e-12)
    assert found["f1"] == pytest.approx(
        audmetric.unweighted_average_fscore(truth, prediction), abs=1e-12
    )


def test_absent_classes_are_left_out_as_sklearn_does_with_their_labels():
    truth, prediction = classes()
    keep = truth != "b"
    truth, prediction = truth[keep], prediction[keep]
    assert "b" in prediction
    found = evaluation.measures(truth, prediction, task="classification", labels=LABELS)
    present = ["a", "c", "d"]
    assert found["uar"] == pytest.approx(sk.balanced_accuracy_score(truth, prediction))
    assert found["f1"] == pytest.approx(
        sk.f1_score(truth, prediction, labels=present, average="macro")
    )


def test_regression_agrees_with_audmetric():
    truth, prediction = numbers()
    found = evaluation.measures(truth, prediction, task="regression")
    assert found["mse"] == pytest.approx(audmetric.mean_squared_error(truth, prediction))
    assert found["mae"] == pytest.approx(audmetric.mean_absolute_error(truth, prediction))
    assert found["ccc"] == pytest.approx(audmetric.concordance_cc(truth, prediction))
    assert found["pcc"] == pytest.approx(audmetric.pearson_cc(truth, prediction))


@pytest.mark.parametrize("constant", [0.1, 0.0, 31.4159, -1e6])
def test_constant_prediction(constant):
    truth, _ = numbers()
    found = evaluation.measures(truth, [constant] * len(truth), task="regression")
    assert found["ccc"] == 0
    assert found["pcc"] is None
    assert found["mse"] == pytest.approx(np.mean((truth - constant) ** 2))
    same = evaluation.measures([constant] * 4, [constant] * 4, task="regression")
    assert (same["ccc"], same["pcc"], same["mse"]) == (0, None, 0)
    assert evaluation.measures([constant], [constant + 1], task="regression")["ccc"] == 0


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_eer_agrees_with_audmetric(digits):
    random = np.random.default_rng(3)
    truth = random.choice(["no", "yes"], 200)
    scores = np.round(random.normal(0, 1, 200) + (truth == "yes"), digits)
    decided = np.where(scores > 0.5, "yes", "no")
    found = evaluation.measures(
        truth, decided, task="classification", labels=["no", "yes"], scores=scores
    )
    assert found["eer"] == audmetric.equal_error_rate(truth == "yes", scores)[0]


def test_eer_by_hand():
    def eer(truth, scores):
        return evaluation.measures(
            truth, truth, task="classification", labels=["n", "y"], scores=scores
        )["eer"]

    assert eer(list("nnyy"), [0.1, 0.2, 0.8, 0.9]) == 0
    assert eer(list("yynn"), [0.1, 0.2, 0.8, 0.9]) == 1
    assert eer(list("nynyn"), [0.2, 0.8, 0.4, 0.5, 0.5]) == pytest.approx(1 / 6)
    assert eer(list("nnyy"), [0.5] * 4) == 0.5
    assert eer(list("yyyy"), [0.1, 0.2, 0.8, 0.9]) is None


def naive_interval(truth, prediction, measure, n=1000):
    random = np.random.default_rng(99)
    values = []
    for _ in range(n):
        rows = random.integers(len(truth), size=len(truth))
        values.append(measure(truth[rows], prediction[rows]))
    return np.percentile(values, [2.5, 97.5])


def test_interval_is_that_of_a_plain_bootstrap():
    truth, prediction = classes()
    found = evaluation.interval(
        truth, prediction, "uar", task="classification", labels=LABELS, seed=1
    )
    assert found == pytest.approx(
        naive_interval(truth, prediction, sk.balanced_accuracy_score), abs=0.01
    )
    truth, prediction = numbers()
    found = evaluation.interval(truth, prediction, "ccc", task="regression", seed=1)
    assert found == pytest.approx(
        naive_interval(truth, prediction, audmetric.concordance_cc), abs=0.01
    )
    found = evaluation.interval(truth, prediction, "pcc", task="regression", seed=1)
    assert found == pytest.approx(naive_interval(truth, prediction, audmetric.pearson_cc), abs=0.01)


def test_interval_of_eer_is_that_of_a_plain_bootstrap():
    random = np.random.default_rng(3)
    truth = random.choice(["n", "y"], 200)
    scores = random.normal(0, 1, 200) + (truth == "y")
    found = evaluation.interval(
        truth, truth, "eer", task="classification", labels=["n", "y"], seed=1, scores=scores
    )
    expected = naive_interval(
        truth == "y", scores, lambda t, s: audmetric.equal_error_rate(t, s)[0], n=500
    )
    assert found == pytest.approx(expected, abs=0.015)


def test_interval_of_accuracy_is_close_to_the_binomial_one():
    truth, prediction = classes(n=400)
    low, high = evaluation.interval(
        truth, prediction, "accuracy", task="classification", seed=5, resamples=4000
    )
    hits = int((truth == prediction).sum())
    exact = stats.binomtest(hits, 400).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.006)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_interval_is_seeded_and_ignores_the_order_of_rows(task):
    truth, prediction = classes() if task == "classification" else numbers()
    measure = "uar" if task == "classification" else "mse"
    order = np.random.default_rng(5).permutation(len(truth))
    kwargs = {"task": task, "labels": LABELS if task == "classification" else None}
    once = evaluation.interval(truth, prediction, measure, seed=1, **kwargs)
    assert once == evaluation.interval(truth, prediction, measure, seed=1, **kwargs)
    assert once == evaluation.interval(truth[order], prediction[order], measure, seed=1, **kwargs)
    assert once != evaluation.interval(truth, prediction, measure, seed=2, **kwargs)


def test_interval_draws_for_all_runs_at_once():
    truth, first = classes(hit=0.9)
    kwargs = {"task": "classification", "labels": LABELS, "seed": 1}
    single = evaluation.interval(truth, first, "accuracy", **kwargs)
    # identical runs: not narrower than one, as it would be if each run drew its own resample
    assert evaluation.interval(truth, [first] * 8, "accuracy", **kwargs) == pytest.approx(single)
    # one run always right, one always wrong: the mean is .5 in every resample
    wrong = np.where(truth == "a", "b", "a")
    assert evaluation.interval(truth, [truth, wrong], "accuracy", **kwargs) == (0.5, 0.5)


def test_interval_leaves_out_resamples_without_a_figure():
    kwargs = {"task": "classification", "labels": ["n", "y"], "seed": 1}
    scores = [0.1, 0.4, 0.35, 0.8]
    low, high = evaluation.interval(list("nnyy"), list("nnyy"), "eer", scores=scores, **kwargs)
    assert 0 <= low <= high <= 1
    assert evaluation.interval(list("yyyy"), list("yyyy"), "eer", scores=scores, **kwargs) == (
        None,
        None,
    )


def test_interval_in_several_chunks(monkeypatch):
    truth, prediction = classes()
    kwargs = {"task": "classification", "labels": LABELS, "seed": 1}
    whole = evaluation.interval(truth, prediction, "uar", **kwargs)
    monkeypatch.setattr(evaluation, "CELLS_AT_ONCE", 7 * len(truth))
    assert evaluation.interval(truth, prediction, "uar", **kwargs) == whole


def test_bootstrap_is_fast():
    truth, prediction = classes(n=535, labels=list("abcdefg"))
    took = []
    for _ in range(5):
        begin = time.process_time()
        evaluation.interval(
            truth, prediction, "uar", task="classification", labels=list("abcdefg"), seed=1
        )
        took.append(time.process_time() - begin)
    assert min(took) < 0.1  # 0.02 s where nothing else runs


def test_evaluate_classification():
    truth, prediction = classes()
    folds = np.arange(len(truth)) % 3 + 1
    result = evaluate(table(truth, prediction, folds=folds))
    assert result["value"] == pytest.approx(sk.balanced_accuracy_score(truth, prediction))
    assert result["metrics"]["uar"] == result["value"]
    assert result["ci"][0] < result["value"] < result["ci"][1]
    assert result["ci"] == list(
        evaluation.interval(truth, prediction, "uar", task="classification", labels=LABELS, seed=42)
    )
    assert result["intervals"]["uar"] == result["ci"]
    assert result["intervals"]["f1"] == list(
        evaluation.interval(truth, prediction, "f1", task="classification", labels=LABELS, seed=42)
    )
    assert result["intervals"]["eer"] == [None, None]
    assert result["ci_method"] == "bootstrap over samples (1000)"
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
    precision, recall, f1, n = sk.precision_recall_fscore_support(truth, prediction, labels=LABELS)
    for i, label in enumerate(LABELS):
        expected = {"recall": recall[i], "precision": precision[i], "f1": f1[i], "n": n[i]}
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
    assert any("1 of 2 folds" in w and "2: b" in w for w in result["warnings"])
    assert result["per_class"]["d"] == {"recall": None, "precision": 0, "f1": None, "n": 0}
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


def test_without_speakers():
    truth, prediction = classes()
    for frame in (
        table(truth, prediction, speakers=[None] * 300),
        table(truth, prediction).drop(columns="speaker"),
    ):
        result = evaluate(frame)
        assert (result["n_speakers"], result["per_speaker"]) == (None, {})


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
    evaluation.write_predictions(frame.iloc[::-1], path)
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
    evaluation.write_predictions(frame, path)
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
    evaluation.write_predictions(frame, path)
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
