"""Steps outside the training that may have seen test data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from izwi.audit.findings import LEAK, NOTE, SHIFT, SHOWN, TOLD_BEFORE, Finding
from izwi.wording import agreed, count

# Features that were standardised or brought to a range over all rows: how close to 0 and 1 mean,
# deviation and limits are, how far those of train alone are from them, and in how many columns.
CLOSE = 1e-3
APART = 5e-3
MOST = 0.9


def steps(spec: dict[str, Any], transferred: list[str]) -> list[Finding]:
    """What the options of an experiment say.

    Args:
        spec: ``scale``; ``pretrained``, names of feature sets and models trained elsewhere;
            ``copies``, number of augmented copies of each training sample, if there are any
        transferred: lines on teachers of soft labels that know of the test set
    """
    findings = [
        Finding(TOLD_BEFORE, LEAK if ": leak: " in line else SHIFT, line) for line in transferred
    ]
    if spec["scale"] == "speaker":
        line = (
            "FEATS.scale = speaker uses all recordings of a test speaker to scale each of them: "
            "the figures hold where these are known beforehand"
        )
        findings.append(Finding("transductive", LEAK, line))
    if spec["pretrained"]:
        line = (
            f"{', '.join(spec['pretrained'])}: trained elsewhere, not known whether on recordings "
            "of the test set"
        )
        findings.append(Finding("pretrained", NOTE, line, examples=spec["pretrained"]))
    if copies := spec.get("copies"):
        line = (
            f"{count(copies, 'augmented copy', 'augmented copies')} of each training sample "
            f"{agreed(copies, 'is', 'are')} trained on, in the folds that train on their source "
            "alone: none is in dev or test"
        )
        findings.append(Finding("augmentation", NOTE, line, {"copies": copies}))
    return findings


def imported(matrix: pd.DataFrame, folds: list[dict[str, np.ndarray]]) -> list[Finding]:
    """Features from elsewhere that look as if they were scaled over train and test together.

    Args:
        matrix: their values, a row for each of the split; numbers alone
        folds: row numbers by part, for each fold
    """
    train = folds[0]["train"]
    every = np.unique(np.concatenate([rows for fold in folds for rows in fold.values()]))
    all_values, own = matrix.to_numpy(float)[every], matrix.to_numpy(float)[train]
    # A column without a value in train was not scaled by it.
    varied = ~np.isnan(own).all(axis=0)
    varied[varied] = np.nanstd(all_values[:, varied], axis=0) > 0
    names = matrix.columns[varied]
    all_values, own = all_values[:, varied], own[:, varied]
    if not len(names) or len(every) == len(train):
        return []
    how = {
        "standardised": (_standard(all_values), _standard(own)),
        "brought to 0 to 1": (_ranged(all_values, 0), _ranged(own, 0)),
        "brought to −1 to 1": (_ranged(all_values, -1), _ranged(own, -1)),
    }
    for title, (whole, part) in how.items():
        fits = whole < CLOSE
        # If train alone fits as well, the scaling did not use test.
        leaked = fits & (part > APART)
        if fits.mean() >= MOST and leaked.any():
            line = (
                f"imported features look {title} over train and test together "
                f"({int(fits.sum())} of {len(names)} columns): scale them in izwi (FEATS.scale), "
                "which fits on train alone"
            )
            counts = {"columns": int(fits.sum()), "of": len(names)}
            return [Finding("imported", LEAK, line, counts, names[leaked][:SHOWN].tolist())]
    return []


def _standard(values: np.ndarray) -> np.ndarray:
    """How far each column is from mean 0 and deviation 1, whatever the divisor."""
    n = len(values)
    deviation = np.nanstd(values, axis=0)
    off = np.minimum(np.abs(deviation - 1), np.abs(deviation * np.sqrt(n / (n - 1)) - 1))
    return np.maximum(np.abs(np.nanmean(values, axis=0)), off)


def _ranged(values: np.ndarray, low: float) -> np.ndarray:
    """How far the limits of each column are from ``low`` and 1."""
    return np.maximum(
        np.abs(np.nanmin(values, axis=0) - low), np.abs(np.nanmax(values, axis=0) - 1)
    )
