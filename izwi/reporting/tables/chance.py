"""Figures of chance: guesses among the classes, or shuffled numbers."""

from __future__ import annotations

import numpy as np

from izwi.evaluation.measures import Sample

SIMULATIONS = 1000


def chance(
    truth: np.ndarray, measure: str, *, task: str, labels: list[str], seed: int
) -> tuple[float | None, str]:
    """Expected measure of a guesser who knows the classes, or the values, but no sample.

    A classification is guessed with equal probability for each class of the test set: UAR and
    accuracy are one over their number, the EER is a half; the F1 has no closed form and is
    simulated. A regression deals out the true values of the test set at random: the mean squared
    error is twice their variance, the mean absolute error their mean absolute difference (that of
    Gini, each with each, itself included), CCC and PCC are 0 (their expectation over all orders).

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


def _regression(truth: np.ndarray, measure: str) -> float | None:
    n = len(truth)
    if measure == "mse":
        return float(2 * truth.var())
    if measure == "mae":
        # Σ|a - b| over all pairs of ascending values
        weights = 2 * np.arange(1, n + 1) - n - 1
        return float(2 * (weights * np.sort(truth)).sum() / n**2)
    return 0.0
