"""The leakage audit: what could make the figures of a split better than they are.

docs/leakage_audit.md has the checks, their limits and what to do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from izwi import splits
from izwi.audit import conditions, duplicates, fitted, overlaps
from izwi.audit.findings import FLATTERING, NOTE, Finding, line_of, report
from izwi.errors import UserError
from izwi.features.signal import COLUMNS
from izwi.preprocessing import binning

__all__ = ["audit", "find_copies"]


def find_copies(tables: list[pd.DataFrame], prints: duplicates.Prints) -> np.ndarray | None:
    """Near-duplicates among all rows, which splits of the same tables share.

    Args:
        tables: as for `audit`
        prints: of all rows

    Returns:
        as `overlaps.copies` gives it
    """
    return overlaps.copies(pd.concat(tables, ignore_index=True), prints)


def audit(
    spec: dict[str, Any],
    tables: list[pd.DataFrame],
    split: pd.DataFrame,
    *,
    labels: list[str],
    recordings: pd.DataFrame | None,
    copies: np.ndarray | None = None,
    imported: pd.DataFrame | None = None,
    teachers: list[str] | None = None,
) -> dict[str, Any]:
    """Look at a split before anything is trained on it.

    Args:
        spec: ``target``; ``labels``, as the ini has them or None; ``leakage``, ``warn`` or
            ``error``; ``fitted``, see `fitted.steps`
        tables: one per database, in the order of the split
        split: which row is in train, dev or test, or in which fold
        labels: the classes, none for regression
        recordings: properties of each recording of the split, NaN where its audio cannot be
            read; None where no audio is
        copies: pairs of near-duplicates among them, see `find_copies`
        imported: imported features of each row, numbers alone, None where there are none
        teachers: lines on teachers of soft labels that know of the test set

    Returns:
        ``findings`` (kind, grade, line, counts, examples), and by their grade the lines
        ``warnings`` and ``notes``

    Raises:
        UserError: with ``leakage = error``, if there are leaks or cues; a line for each
    """
    frame = pd.concat(tables, ignore_index=True)
    if binning.is_later(frame, spec["labels"]):
        # Bins are cut from training rows alone; until then the target is the number.
        frame["truth"], labels = frame["value"], []
    folds = [
        {"train": train, "dev": dev, "test": test} for _, train, dev, test in splits.folds(split)
    ]
    found: list[Finding] = [
        *fitted.steps(spec["fitted"], teachers or []),
        *overlaps.speakers(split, folds),
        *overlaps.audio(frame, folds),
        *overlaps.stretches(frame, folds),
        *overlaps.texts(frame, spec["target"], folds, labels),
    ]
    if imported is not None:
        found += fitted.imported(imported, folds)
    if recordings is None:
        line = (
            "no audio is read for these features: near-duplicates, sampling rate, duration, level "
            "and digital silence were not looked at"
        )
        found.append(Finding("no audio", NOTE, line))
    else:
        found += overlaps.near(frame, copies, folds)
        found += _conditions(spec["target"], frame, split, recordings, folds)
    if spec["leakage"] == "error":
        bad = [finding for finding in found if finding.grade in FLATTERING]
        if bad:
            raise UserError([f"[DATA] leakage: {line_of(finding)}" for finding in bad])
    return report(found)


def _conditions(
    target: str,
    frame: pd.DataFrame,
    split: pd.DataFrame,
    recordings: pd.DataFrame,
    folds: list[dict[str, Any]],
) -> list[Finding]:
    """Recording conditions by class, in databases that are trained on, and in train and test."""
    compared = conditions.values(recordings[list(COLUMNS)])
    trained = set(frame["database"].iloc[folds[0]["train"]])
    heard = recordings["duration"].notna().to_numpy()
    rows = heard & (split["part"].ne("") & frame["database"].isin(trained)).to_numpy()
    folds = [{part: own[heard[own]] for part, own in fold.items()} for fold in folds]
    whole = frame["end"].isna().all() and not frame["start"].gt(pd.Timedelta(0)).any()
    unlike = conditions.between(compared, split["speaker"], folds)
    noun = "file" if whole else "segment"
    of_classes = conditions.by_class(
        compared[rows], frame["truth"][rows], split["speaker"][rows], target, noun
    )
    used = heard & split["part"].ne("").to_numpy()
    silent = conditions.silent(recordings[used], frame["file"][used], noun)
    reported = {name for finding in unlike for name in finding.counts}
    return silent + unlike + [f for f in of_classes if f.grade != NOTE or f.kind not in reported]
