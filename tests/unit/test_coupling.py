"""Probabilities of support vector machines: pairs of classes, coupled."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.svm import SVC

from izwi.evaluation import calibration
from izwi.models import coupling
from izwi.models.svm import SVM

CLASSES = list("abcd")
PAIRS = list(itertools.combinations(range(4), 2))
SAME = np.tile([1.0, 0.0], (6, 1))  # decision values that are log odds


def test_pairs_that_agree_are_coupled_to_what_they_come_from():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 20)
    odds = np.column_stack([logit(p[:, i] / (p[:, i] + p[:, j])) for i, j in PAIRS])
    assert coupling.couple(odds, SAME, 4) == pytest.approx(p, abs=1e-6)


def test_pairs_that_disagree_are_coupled_with_the_least_squares_of_the_paper():
    odds = np.random.default_rng(1).normal(0, 2, (5, 6))
    found = coupling.couple(odds, SAME, 4)
    assert found.sum(axis=1) == pytest.approx(1) and (found >= 0).all()
    for row, p in zip(odds, found, strict=True):
        r = expit(row)

        def lost(z, r=r):
            q = np.exp(z) / np.exp(z).sum()
            return sum(((1 - r[k]) * q[i] - r[k] * q[j]) ** 2 for k, (i, j) in enumerate(PAIRS))

        best = minimize(lost, np.zeros(4), tol=1e-12).x
        assert p == pytest.approx(np.exp(best) / np.exp(best).sum(), abs=1e-3)


def test_a_sigmoid_is_that_of_platt():
    random = np.random.default_rng(2)
    y = random.choice(["a", "b"], 80, p=[0.3, 0.7])
    decisions = 30 * (np.where(y == "a", -1.0, 1.0) + random.normal(0, 1.5, 80))[:, None]
    n, m = (y == "a").sum(), (y == "b").sum()
    target = np.where(y == "a", (n + 1) / (n + 2), 1 / (m + 2))

    def loss(values):
        p = expit(values[0] * decisions[:, 0] / 30 + values[1])
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum()

    slope, intercept = minimize(loss, [0, 0], tol=1e-10).x
    (found,) = coupling.sigmoids(decisions, y, ["a", "b"])
    assert found == pytest.approx([slope / 30, intercept], rel=1e-2)


def spoken(seed, classes=CLASSES, speakers=8, each=30):
    """Samples of speakers who are each a little different."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(0, 1, (len(classes), 6))
    groups = np.repeat(np.arange(speakers), each)
    y = random.integers(len(classes), size=len(groups))
    X = centres[y] + random.normal(0, 0.5, (speakers, 6))[groups] + random.normal(0, 1, (len(y), 6))
    return X, np.array(classes)[y], np.array([f"s{g}" for g in groups])


def area_and_brier(p, decision, y, labels):
    frame = pd.DataFrame({"truth": y, "prediction": decision})
    frame = frame.assign(**{f"p_{label}": p[:, i] for i, label in enumerate(labels)})
    area = calibration.uncertainty([frame], labels)["area"]
    return np.array([area, calibration.calibration([frame], labels)["brier"]])


@pytest.mark.parametrize(
    "options", [{}, {"kernel": "linear", "C_val": 0.1}, {"class_weight": True}]
)
@pytest.mark.parametrize("classes", [CLASSES, ["a", "b"]], ids=len)
def test_probabilities_are_not_worse_than_those_of_libsvm(tmp_path, options, classes):
    X, y, groups = spoken(1, classes)
    tested, truth, _ = spoken(2, classes, each=60)
    model = SVM(options, labels=classes)
    model.fit(X, y, groups=groups)
    found = model.predict(tested)
    plain = {"C": options.get("C_val", 1.0), "kernel": options.get("kernel", "rbf")}
    plain["class_weight"] = "balanced" if options.get("class_weight") else None
    # The decision is that of the plain machine, with and without probabilities.
    assert (found.decision == SVC(**plain).fit(X, y).predict(tested)).all()
    own = SVC(**plain, probability=True, random_state=1).fit(X, y)
    theirs = area_and_brier(own.predict_proba(tested), found.decision, truth, classes)
    ours = area_and_brier(found.probabilities, found.decision, truth, classes)
    assert (ours <= theirs + 0.015).all()
    guess = np.full((len(tested), len(classes)), 1 / len(classes))
    assert (ours < area_and_brier(guess, found.decision, truth, classes)).all()
    model.save(tmp_path)
    again = SVM.load(tmp_path).predict(tested)
    assert (again.probabilities == found.probabilities).all()
    quick = SVM(options, labels=classes)
    quick.decisions_only = True
    quick.fit(X, y, groups=groups)
    assert (quick.predict(tested).decision == found.decision).all()
