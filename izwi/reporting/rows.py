"""The rows of summaries: a line of a CSV for each experiment."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from izwi.data.csv_safety import harmless
from izwi.files import atomic
from izwi.reporting.record import (
    NO_MODEL,
    Metrics,
    Record,
    databases_shown,
    feature_types,
    model_shown,
)

COLUMNS = (
    "name",
    "type",
    "databases",
    "target",
    "features",
    "scale",
    "model",
    "measure",
    "value",
    "ci_low",
    "ci_high",
    "ci_method",
    "interval_doubt",
    "chance",
    "baseline",
    "n_train",
    "n_folds",
    "n_test",
    "n_evaluated",
    "n_speakers",
    "few_speakers",
    "transductive",
    "warnings",
)


def row(record: Record, metrics: Metrics) -> dict[str, Any]:
    """What a summary says of an experiment.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json

    Returns:
        column of `COLUMNS` → value
    """
    low, high = metrics["ci"] or (None, None)
    measure = metrics["measure"]
    return {
        "name": metrics["name"],
        "type": metrics["type"],
        "databases": databases_shown(record, " "),
        "target": record["target"],
        "features": " ".join(feature_types(record)),
        "scale": record["preprocessing"]["scale"],
        "model": model_shown(record) or NO_MODEL,
        "measure": measure if record["model"]["type"] else None,
        "value": metrics["value"],
        "ci_low": low,
        "ci_high": high,
        "ci_method": metrics["ci_method"],
        "interval_doubt": metrics.get("interval_doubt"),
        "chance": metrics.get("chance", {}).get(measure),
        "baseline": (metrics.get("baseline") or {}).get(measure),
        **{
            name: metrics[name]
            for name in ("n_train", "n_test", "n_evaluated", "n_speakers", "few_speakers")
        },
        "n_folds": len(metrics.get("per_fold") or ()) or None,
        "transductive": metrics["transductive"],
        "warnings": len(metrics["warnings"]),
    }


def write(path: str | Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV, atomically; no cell is run as a formula."""
    with (
        atomic(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, list(columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
