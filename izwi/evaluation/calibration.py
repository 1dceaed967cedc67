"""Calibration of probabilities, and how well uncertainty finds errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

BINS = 10
POINTS = 50  # of a curve, at most


def calibration(
    runs: Sequence[pd.DataFrame], labels: Sequence[str], bins: int = BINS
) -> dict[str, Any] | None:
    """How far the probability of the decision is from how often it is right.

    The expected calibration error is Σ over bins of n_b/n · abs(share right - mean confidence),
    with bins of equal width (Naeini et al., AAAI 2015; Guo et al., ICML 2017). Confidence is the
    probability of the class decided for, which need not be the most probable one. The Brier score
    is the mean over samples of Σ over classes of (probability - truth)², 0 to 2 (Brier, Monthly
    Weather Review 78, 1950).

    Args:
        runs: predictions of each run, with a truth and with ``p_<label>`` for every label
        labels: classes, ordered
        bins: how many

    Returns:
        ``ece``, ``brier``, ``mean_confidence``, ``accuracy``: means over runs; ``bins``: for each
        ``low``, ``high`` (a bin holds its upper limit, the first also 0), ``n``, ``confidence`` and
        ``right``, the data of a reliability diagram, of all runs together. ``None`` without
        probabilities.
    """
    found = _probabilities(runs, labels)
    if found is None:
        return None
    edges = np.linspace(0, 1, bins + 1)
    figures, counts = [], np.zeros((3, bins))
    for run, p in zip(runs, found, strict=True):
        truth, decision = _codes(run["truth"], labels), _codes(run["prediction"], labels)
        rows = np.arange(len(run))
        confidence, right = p[rows, decision], decision == truth
        place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
        own = np.array(
            [np.bincount(place, weights=w, minlength=bins) for w in (rows >= 0, confidence, right)]
        )
        counts += own
        figures.append(
            {
                "ece": np.abs(own[2] - own[1]).sum() / len(run),
                "brier": ((p - (np.arange(len(labels)) == truth[:, None])) ** 2).sum() / len(run),
                "mean_confidence": confidence.mean(),
                "accuracy": right.mean(),
            }
        )
    rows_of_bins = []
    for i, (n, confidence, right) in enumerate(counts.T):
        shares = (confidence / n, right / n) if n else (None, None)
        rows_of_bins.append(
            {
                "low": float(edges[i]),
                "high": float(edges[i + 1]),
                "n": int(n),
                **dict(zip(("confidence", "right"), shares, strict=True)),
            }
        )
    means = {name: float(np.mean([row[name] for row in figures])) for name in figures[0]}
    return {**means, "bins": rows_of_bins}


def uncertainty(
    runs: Sequence[pd.DataFrame], labels: Sequence[str], bins: int = BINS
) -> dict[str, Any] | None:
    """Entropy of the probabilities, and the errors that are left if the uncertain are refused.

    Uncertainty is the entropy of a sample's probabilities as share of the largest, log of the
    number of classes. The curve is that of El-Yaniv and Wiener (JMLR 11, 2010): coverage is the
    share of samples that is kept, the most certain first, risk the share of errors among them;
    samples of equal uncertainty are kept together. Its area is the mean of the risk over all
    coverages 1/n, 2/n … 1 (Geifman et al., ICLR 2019), within equal uncertainties as if their
    errors were spread evenly.

    Args:
        runs: predictions of each run, with a truth and with ``p_<label>`` for every label
        labels: classes, ordered
        bins: of the histogram

    Returns:
        of all runs together ``histogram`` (``low``, ``high``, ``right``, ``wrong``: numbers of
        samples), ``curve`` (``threshold``: uncertainty up to which is kept, ``coverage``,
        ``risk``; 50 points at most) and ``area``. ``None`` without probabilities, or with one
        class.
    """
    found = _probabilities(runs, labels)
    if len(labels) < 2 or found is None:
        return None
    values = entropies(np.concatenate(found))
    wrong = np.concatenate([(run["truth"] != run["prediction"]).to_numpy() for run in runs])
    edges = np.linspace(0, 1, bins + 1)
    by = [np.histogram(values[of], edges)[0] for of in (~wrong, wrong)]
    thresholds, place = np.unique(values, return_inverse=True)
    kept = np.cumsum(np.bincount(place))
    errors = np.cumsum(np.bincount(place, weights=wrong))
    n = len(values)
    spread = np.interp(np.arange(1, n + 1), [0, *kept], [0, *errors])
    shown = np.unique(np.searchsorted(kept, np.linspace(1, n, POINTS)))
    return {
        "histogram": [
            {"low": low, "high": high, "right": int(right), "wrong": int(bad)}
            for low, high, right, bad in zip(
                edges[:-1].tolist(), edges[1:].tolist(), *by, strict=True
            )
        ],
        "curve": [
            {
                "threshold": float(thresholds[i]),
                "coverage": float(kept[i] / n),
                "risk": float(errors[i] / kept[i]),
            }
            for i in shown
        ],
        "area": float(np.mean(spread / np.arange(1, n + 1))),
    }


def certain(
    runs: Sequence[pd.DataFrame], labels: Sequence[str], threshold: float
) -> list[pd.DataFrame] | None:
    """The predictions whose uncertainty, as in :func:`uncertainty`, is below a threshold.

    Args:
        runs: predictions of each run, with ``p_<label>`` for every label
        labels: classes, ordered
        threshold: 0 to 1

    Returns:
        the rows of each run that are left; ``None`` without probabilities, or with one class
    """
    found = _probabilities(runs, labels)
    if len(labels) < 2 or found is None:
        return None
    return [run[entropies(p) < threshold] for run, p in zip(runs, found, strict=True)]


def entropies(p: np.ndarray) -> np.ndarray:
    """Uncertainty of each sample: the entropy as a share of the largest possible.

    Args:
        p: probabilities, shape (samples, classes), two classes at least

    Returns:
        0 to 1, shape (samples,)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(p > 0, -p * np.log(p), 0.0)
    # so that rounding does not order equally uncertain samples
    return np.round(np.clip(each.sum(axis=1) / np.log(p.shape[1]), 0, 1), 12)


def _probabilities(runs: Sequence[pd.DataFrame], labels: Sequence[str]) -> list[np.ndarray] | None:
    # of each run, shape (samples, classes); None where one lacks some
    columns = [f"p_{label}" for label in labels]
    if not columns or not all(set(columns) <= set(run) for run in runs):
        return None
    found = [run[columns].to_numpy(dtype=float) for run in runs]
    return found if all(np.isfinite(p).all() for p in found) else None


def _codes(values: pd.Series, labels: Sequence[str]) -> np.ndarray:
    return values.map({label: i for i, label in enumerate(labels)}).to_numpy(dtype=int)
