"""The figure of a model on degraded copies of its test samples, by kind and strength."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.augmentation import degraded
from izwi.evaluation.intervals import by_method, few_speakers
from izwi.evaluation.measures import Sample, direction
from izwi.evaluation.remarks import speakers_of

if TYPE_CHECKING:
    import pandas as pd

CLEAN = "none"


def table(
    spec: dict[str, Any], predictions: pd.DataFrame, labels: list[str] | None
) -> list[dict[str, Any]]:
    """The measure on clean samples and on each kind of copies.

    Args:
        spec: ``task``, ``measure``, ``seed``, ``ci``; ``makers``: for each key its ``kind`` and
            ``level``
        predictions: as those of the training, with the column ``maker``
        labels: classes in order, None for regression

    Returns:
        a row for the clean samples, then one for each maker in the order of the spec:
        ``degradation``, ``strength``, ``level``, ``measure``, ``value``, ``ci`` (a 95 % interval),
        ``ci_method``, ``ci_reason`` (why it has none), ``loss`` (by how much it is worse than on
        the same samples as they were recorded), ``n`` and ``speakers``
    """
    known = predictions[predictions["truth"].notna()]
    clean = known[known["maker"] == ""]
    rows = [_row(spec, clean, clean, labels, {"degradation": CLEAN, "strength": "", "level": None})]
    for key, maker in spec["makers"].items():
        kind, level = maker["kind"], maker["level"]
        about = {
            "degradation": degraded.WORDS[kind],
            "strength": degraded.strength(kind, level),
            "level": level,
        }
        rows.append(_row(spec, known[known["maker"] == key], clean, labels, about))
    return rows


def _row(
    spec: dict[str, Any],
    own: pd.DataFrame,
    clean: pd.DataFrame,
    labels: list[str] | None,
    about: dict[str, Any],
) -> dict[str, Any]:
    measure = spec["measure"]
    row: dict[str, Any] = {**about, "measure": measure, "value": None, "ci": [None, None]}
    row |= {"ci_method": None, "ci_reason": None, "loss": None, "n": 0, "speakers": None}
    runs = [run.reset_index(drop=True) for _, run in own.groupby("run", sort=True)]
    if not runs:
        return row
    speakers = runs[0]["speaker"]
    sample = Sample.of_runs(runs, spec["task"], labels or [])
    limits, method, why = by_method(sample, speakers, seed=spec["seed"], method=spec["ci"])
    # Rows whose copy could not be used must not count in the loss.
    same = clean[clean["row"].isin(runs[0]["row"])]
    before = Sample.of_runs([r for _, r in same.groupby("run")], spec["task"], labels or [])
    value, reference = _value(sample, measure), _value(before, measure)
    lost = None if value is None or reference is None else direction(measure) * (reference - value)
    lost = None if lost is None else lost + 0.0  # no -0.0
    return {
        **row,
        "value": value,
        "ci": list(limits[measure]),
        "ci_method": method,
        "ci_reason": why.get(measure),
        "loss": lost,
        "n": len(runs[0]),
        "speakers": speakers_of(runs[0]),
        "few_speakers": few_speakers(speakers_of(runs[0])),
    }


def _value(sample: Sample, measure: str) -> float | None:
    """Mean of the measure over runs, as in the headline of an experiment."""
    import numpy as np

    from izwi.evaluation.measures import plain

    return plain(sample.mean_weighted(np.ones((1, len(sample.truth))))[measure][0])
