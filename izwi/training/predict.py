"""A trained model tested on databases that had no part in its training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from izwi.files import read_json
from izwi.training import runs
from izwi.training.fit_predict import prepare
from izwi.training.fitting import Fitted, Samples

if TYPE_CHECKING:
    import pandas as pd

    from izwi.training.types import TrainingReport


def predict(
    training: TrainingReport,
    tables: list[pd.DataFrame],
    matrices: list[list[pd.DataFrame]],
    split: pd.DataFrame,
    labels: list[str] | None,
    folder: str | Path,
) -> tuple[pd.DataFrame, TrainingReport]:
    """Predict the test rows of a hold-out split with models trained on its training rows.

    Args:
        training: report of the training
        tables: a table per database, including those that were trained on
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression
        folder: of the fitted models

    Returns:
        * predictions of shape (runs x tested rows, columns), as those of the training
        * its report, with the numbers of tested and left-out rows
    """
    _, samples, folds, truths, bins, excluded = prepare(tables, matrices, split, labels)
    ((fold, _, _, rows),) = folds
    kept = read_json(Path(folder) / "model.json")
    samples = Samples(kept["features"], samples.values, samples.split)
    parts = []
    for record in training["runs"]:
        fitted = Fitted.load(Path(folder) / f"run{record['run']}", samples.names)
        part = runs.predicted(
            fitted, samples, truths[fold], rows, kept["labels"], fold, record["run"]
        )
        parts.append(with_classes(part, kept["labels"], labels))
    report = cast("TrainingReport", {k: v for k, v in training.items() if k != "excluded"})
    report["runs"] = [
        {**record, "folds": [{**one, "n_test": len(rows)} for one in record["folds"]]}
        for record in training["runs"]
    ]
    if bins:
        report["bins"] = bins
    if excluded:
        lines = excluded.pop("warnings")
        report["warnings"] = list(dict.fromkeys([*training["warnings"], *lines]))
        report["excluded"] = excluded
    return runs.in_order(parts), report


def with_classes(
    part: pd.DataFrame, known: list[str] | None, labels: list[str] | None
) -> pd.DataFrame:
    """Predictions with probabilities of all classes, 0 for those that training never saw."""
    if labels == known:
        return part
    columns: list[Any] = [name for name in part if not _of_class(name, known)]
    for prefix in ("p_", runs.UNCALIBRATED):
        if any(f"{prefix}{label}" in part for label in known or []):
            columns += [f"{prefix}{label}" for label in labels or []]
    return part.reindex(columns=columns, fill_value=0.0)


def _of_class(name: str, known: list[str] | None) -> bool:
    return any(name in (f"p_{label}", f"{runs.UNCALIBRATED}{label}") for label in known or [])
