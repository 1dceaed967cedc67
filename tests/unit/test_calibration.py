"""Calibration and uncertainty against scikit-learn and calculation by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from izwi.evaluation.calibration import calibration, uncertainty

LABELS = ["a", "b", "c"]


def run(p, truth, labels=LABELS, prediction=None):
    p = np.asarray(p, dtype=float)
    decided = np.array(labels)[p.argmax(axis=1)] if prediction is None else prediction
    columns = {f"p_{label}": p[:, i] for i, label in enumerate(labels)}
    return pd.DataFrame({"truth": list(truth), "prediction": decided, **columns})


def drawn(n=2000, seed=0, sharper=1.0):
    """Truth drawn from the probabilities; ``sharper`` exaggerates what is then told of them."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (n, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = [LABELS[random.choice(3, p=row)] for row in p]
    told = np.exp(sharper * logits)
    return run(told / told.sum(axis=1, keepdims=True), truth)


def test_by_hand():
    p = [[0.9, 0.1, 0], [0.9, 0.1, 0], [0.6, 0.3, 0.1], [0.2, 0.3, 0.5]]
    frame = run(p, "abac")
    found = calibration([frame], LABELS)
    json.dumps(found, allow_nan=False)
    # .9: one of two right; .6: right, .5: right; a limit belongs to the bin below
    assert found["ece"] == pytest.approx((2 * abs(0.5 - 0.9) + 0.4 + 0.5) / 4)
    assert found["accuracy"] == 0.75
    assert found["mean_confidence"] == pytest.approx(2.9 / 4)
    occupied = [(b["low"], b["n"], b["right"]) for b in found["bins"] if b["n"]]
    assert [low for low, _, _ in occupied] == pytest.approx([0.4, 0.5, 0.8])
    assert [(n, right) for _, n, right in occupied] == [(1, 1), (1, 1), (2, 0.5)]
    assert found["bins"][0] == {"low": 0, "high": 0.1, "n": 0, "confidence": None, "right": None}


def test_bins_and_brier_agree_with_scikit_learn():
    frame = drawn(sharper=1.7)
    found = calibration([frame], LABELS)
    p = frame[["p_a", "p_b", "p_c"]].to_numpy()
    right, confidence = calibration_curve(
        frame["truth"] == frame["prediction"], p.max(axis=1), n_bins=10
    )
    occupied = [b for b in found["bins"] if b["n"]]
    assert [b["right"] for b in occupied] == pytest.approx(right.tolist())
    assert [b["confidence"] for b in occupied] == pytest.approx(confidence.tolist())
    brier = sum(sk.brier_score_loss(frame["truth"] == k, frame[f"p_{k}"]) for k in LABELS)
    assert found["brier"] == pytest.approx(brier)
    sizes = np.array([b["n"] for b in occupied])
    assert found["ece"] == pytest.approx((sizes * np.abs(right - confidence)).sum() / 2000)


def test_calibrated_probabilities_have_a_small_error():
    fair, boastful = (calibration([drawn(sharper=s)], LABELS) for s in (1, 2.5))
    assert fair["ece"] < 0.03
    assert boastful["ece"] > 0.1
    assert boastful["mean_confidence"] > boastful["accuracy"] + 0.1


def test_confidence_is_that_of_the_decision():
    frame = run([[0.6, 0.4, 0]] * 4, "bbbb", prediction=list("bbbb"))
    found = calibration([frame], LABELS)
    assert (found["mean_confidence"], found["ece"]) == (0.4, 0.6)


def test_runs():
    runs = [drawn(n=300, seed=seed) for seed in (1, 2)]
    found = calibration(runs, LABELS)
    each = [calibration([one], LABELS) for one in runs]
    assert found["ece"] == pytest.approx(np.mean([one["ece"] for one in each]))
    assert sum(b["n"] for b in found["bins"]) == 600
    assert uncertainty(runs, LABELS) == uncertainty([pd.concat(runs)], LABELS)


def test_without_probabilities():
    frame = drawn(n=10)
    for bad in (frame.drop(columns="p_b"), frame.assign(p_a=np.nan)):
        assert calibration([bad], LABELS) is None
        assert uncertainty([bad], LABELS) is None
    assert calibration([frame], []) is None


def test_entropy_and_errors_that_are_left():
    frame = drawn(n=400)
    found = uncertainty([frame], LABELS)
    json.dumps(found, allow_nan=False)
    p = frame[["p_a", "p_b", "p_c"]].to_numpy()
    entropy = stats.entropy(p, axis=1) / np.log(3)
    wrong = (frame["truth"] != frame["prediction"]).to_numpy()
    for b in found["histogram"]:
        inside = (entropy >= b["low"]) & (entropy < b["high"])
        assert (b["right"], b["wrong"]) == ((inside & ~wrong).sum(), (inside & wrong).sum())
    for point in found["curve"]:
        kept = entropy <= point["threshold"] + 1e-9
        assert point["coverage"] == kept.mean()
        assert point["risk"] == pytest.approx(wrong[kept].mean())
    assert found["curve"][-1]["coverage"] == 1
    assert 40 <= len(found["curve"]) <= 50
    risks = np.cumsum(wrong[np.argsort(entropy)]) / np.arange(1, 401)
    assert found["area"] == pytest.approx(risks.mean())
    # certain samples have fewer errors than all
    assert found["area"] < wrong.mean()


def test_equal_uncertainties_are_kept_together():
    # order within them must not matter: the wrong one of three equals
    p = [[1, 0], [0.8, 0.2], [0.2, 0.8], [0.8, 0.2]]
    frame = run(p, "aaba"[:2] + "bb", labels=["a", "b"])
    found = uncertainty([frame], ["a", "b"])
    again = uncertainty([frame[::-1]], ["a", "b"])
    assert found == again
    assert [(c["coverage"], c["risk"]) for c in found["curve"]] == [(0.25, 0), (1, 0.25)]
    assert found["area"] == pytest.approx(np.mean([0, 1 / 3 / 2, 2 / 3 / 3, 1 / 4]))
    assert uncertainty([frame], ["a"]) is None
