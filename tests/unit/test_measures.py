"""Measures against independent calculations."""

from __future__ import annotations

import audmetric
import numpy as np
import pytest
from sklearn import metrics as sk

from izwi.evaluation import measures

LABELS = ["a", "b", "c", "d"]


def classes(seed=0, n=300, labels=LABELS, hit=0.6):
    random = np.random.default_rng(seed)
    truth = random.choice(labels, n, p=np.arange(1, len(labels) + 1) / sum(range(len(labels) + 1)))
    return truth, np.where(random.random(n) < hit, truth, random.choice(labels, n))


def numbers(seed=0, n=300):
    random = np.random.default_rng(seed)
    truth = random.normal(40, 12, n)
    return truth, 10 + 0.7 * truth + random.normal(0, 6, n)


def test_by_hand():
    # recalls 2/3, 1/2, 1/1; precisions 2/3, 1/2, 1/1
    truth, prediction = list("aaabbc"), list("aababc")
    found = measures.measures(truth, prediction, task="classification", labels=LABELS)
    assert found["uar"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["eer"] is None
    # recall and precision differ: swapping truth and prediction shows
    found = measures.measures(list("aaab"), list("abbb"), task="classification")
    assert found["uar"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["f1"] == pytest.approx((1 / 2 + 1 / 2) / 2)


def test_classification_agrees_with_audmetric_and_sklearn():
    truth, prediction = classes()
    found = measures.measures(truth, prediction, task="classification", labels=LABELS)
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
    found = measures.measures(truth, prediction, task="classification", labels=LABELS)
    present = ["a", "c", "d"]
    assert found["uar"] == pytest.approx(sk.balanced_accuracy_score(truth, prediction))
    assert found["f1"] == pytest.approx(
        sk.f1_score(truth, prediction, labels=present, average="macro")
    )


def test_regression_agrees_with_audmetric():
    truth, prediction = numbers()
    found = measures.measures(truth, prediction, task="regression")
    assert found["mse"] == pytest.approx(audmetric.mean_squared_error(truth, prediction))
    assert found["mae"] == pytest.approx(audmetric.mean_absolute_error(truth, prediction))
    assert found["ccc"] == pytest.approx(audmetric.concordance_cc(truth, prediction))
    assert found["pcc"] == pytest.approx(audmetric.pearson_cc(truth, prediction))


@pytest.mark.parametrize("constant", [0.1, 0.0, 31.4159, -1e6])
def test_constant_prediction(constant):
    truth, _ = numbers()
    found = measures.measures(truth, [constant] * len(truth), task="regression")
    assert found["ccc"] == 0
    assert found["pcc"] is None
    assert found["mse"] == pytest.approx(np.mean((truth - constant) ** 2))
    same = measures.measures([constant] * 4, [constant] * 4, task="regression")
    assert (same["ccc"], same["pcc"], same["mse"]) == (0, None, 0)
    assert measures.measures([constant], [constant + 1], task="regression")["ccc"] == 0


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_eer_agrees_with_audmetric(digits):
    random = np.random.default_rng(3)
    truth = random.choice(["no", "yes"], 200)
    scores = np.round(random.normal(0, 1, 200) + (truth == "yes"), digits)
    decided = np.where(scores > 0.5, "yes", "no")
    found = measures.measures(
        truth, decided, task="classification", labels=["no", "yes"], scores=scores
    )
    assert found["eer"] == audmetric.equal_error_rate(truth == "yes", scores)[0]


def test_eer_by_hand():
    def eer(truth, scores):
        return measures.measures(
            truth, truth, task="classification", labels=["n", "y"], scores=scores
        )["eer"]

    assert eer(list("nnyy"), [0.1, 0.2, 0.8, 0.9]) == 0
    assert eer(list("yynn"), [0.1, 0.2, 0.8, 0.9]) == 1
    assert eer(list("nynyn"), [0.2, 0.8, 0.4, 0.5, 0.5]) == pytest.approx(1 / 6)
    assert eer(list("nnyy"), [0.5] * 4) == 0.5
    assert eer(list("yyyy"), [0.1, 0.2, 0.8, 0.9]) is None


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_weights_of_groups_are_those_of_their_samples(task):
    random = np.random.default_rng(2)
    groups = random.integers(7, size=120)
    weights = random.integers(0, 4, size=(50, 7)).astype(float)
    if task == "regression":
        truth, prediction = numbers(n=120)
        sample = measures.Sample(truth, [prediction], task)
    else:
        truth, prediction = classes(n=120, labels=["n", "y"])
        sample = measures.Sample(truth, [prediction], task, ["n", "y"], [random.random(120)])
    by_groups = sample.weighted(0, weights, groups)
    by_samples = sample.weighted(0, weights[:, groups])
    repeated = sample.part(np.repeat(np.arange(120), weights[3][groups].astype(int)))
    for name, values in by_groups.items():
        assert np.allclose(values, by_samples[name])
        assert values[3] == pytest.approx(repeated.measures()[0][name])
