"""What a figure is worth without the speech: by guessing, and by always saying the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from izwi.evaluation.measures import REGRESSION, Sample

SIMULATIONS = 1000


def chance(
    truth: np.ndarray, measure: str, *, task: str, labels: list[str], seed: int
) -> tuple[float | None, str]:
    """Expected measure of a guesser who knows the classes, or the values, but no sample.

    A classification is guessed with equal probability for each class of the test set: UAR and
    accuracy are one over their number, however many classes training has (UAR is a mean over the
    classes of the test set, and whoever guesses others, too, does worse), the EER is a half; the F1
    has no closed form and is simulated. A regression deals out the true values of the test set at
    random: the mean squared error is twice their variance, the mean absolute error their mean
    absolute difference (that of Gini, each with each, itself included), CCC and PCC are 0 (their
    expectation over all orders).

    Args:
        truth: (samples) of the test set
        measure: which one
        task: ``classification`` or ``regression``
        labels: classes, ordered
        seed: of the simulation

    Returns:
        the measure, None where it is undefined, and ``analytic`` or ``simulated``
    """
    if task == "regression":
        return _regression(np.asarray(truth, dtype=float), measure), "analytic"
    classes = sorted(set(truth))
    if measure in ("uar", "accuracy"):
        return 1 / len(classes), "analytic"
    if measure == "eer":
        return 0.5, "analytic"
    guesses = np.random.default_rng(seed).choice(classes, size=(SIMULATIONS, len(truth)))
    # Of all classes, those that do not occur in the test set are not in its F1 either.
    sample = Sample(truth, guesses, task, [label for label in labels if label in classes])
    found = sample.mean_weighted(np.ones((1, len(truth))))[measure][0]
    return float(found), f"simulated, {SIMULATIONS} guesses"


def constants(
    truth: np.ndarray, folds: Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]], task: str
) -> dict[int, str | float]:
    """What a model would say that knows the training truth alone.

    Args:
        truth: (rows) classes or numbers of all rows, missing where there is none
        folds: number, and row numbers of train, dev and test
        task: ``classification`` or ``regression``

    Returns:
        fold → the most frequent class in training, of equals the first by name, or the mean; folds
        without a training truth are left out
    """
    found: dict[int, str | float] = {}
    for fold, train, _, _ in folds:
        known = truth[train][~pd.isna(truth[train])]
        if not len(known):
            continue
        if task == "regression":
            found[fold] = float(known.astype(float).mean())
        else:
            names, counts = np.unique(known.astype(str), return_counts=True)
            found[fold] = str(names[np.argmax(counts)])
    return found


def worthless(
    truth: np.ndarray,
    folds: pd.Series,
    said: dict[int, str | float],
    measure: str,
    *,
    task: str,
    labels: list[str],
    seed: int,
) -> dict[str, Any]:
    """What is reached without the speech: ``chance`` and, if known, ``baseline``.

    Args:
        truth: (samples) of the test set
        folds: (samples) in which each is tested
        said: fold → what is said there of every sample, see :func:`constants`
        measure: the one that decides
        task: ``classification`` or ``regression``
        labels: classes, ordered
        seed: of a simulation
    """
    names = REGRESSION if task == "regression" else tuple({"uar": 0, "accuracy": 0, measure: 0})
    by_chance = {
        name: chance(truth, name, task=task, labels=labels, seed=seed)[0] for name in names
    }
    if not set(folds) <= said.keys():
        return {"chance": by_chance, "baseline": None}
    values = Sample(truth, [folds.map(said).to_numpy()], task, labels).measures()[0]
    kind = "training mean" if task == "regression" else "majority class"
    return {"chance": by_chance, "baseline": {"kind": kind, **values}}


def _regression(truth: np.ndarray, measure: str) -> float | None:
    n = len(truth)
    if measure == "mse":
        return float(2 * truth.var())
    if measure == "mae":
        # Σ|a - b| over all pairs of ascending values
        weights = 2 * np.arange(1, n + 1) - n - 1
        return float(2 * (weights * np.sort(truth)).sum() / n**2)
    return 0.0
