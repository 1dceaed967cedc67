"""What an experiment finds out beside its figures; each kind is a file in its folder."""

from __future__ import annotations

from typing import Any

from izwi.errors import UserError

# Kind → file in the experiment's folder, and the code that makes it.
FILES = {
    "clusters": "clusters.json",
    "active_learning": "active_learning.csv",
    "learning_curve": "learning_curve.json",
}
MODULES = {
    "clusters": ("clusters.py", "preprocessing.py"),
    "active_learning": ("activelearning.py",),
    "learning_curve": ("learningcurve.py", "measures.py"),
}
# These fit the experiment's model.
FITS = ("active_learning", "learning_curve")


def spec_of(kind: str, value: Any, training: dict[str, Any], target: str) -> dict[str, Any]:
    """What an analysis reads.

    Args:
        kind: one of :data:`FILES`
        value: of its option
        training: spec of the train stage
        target: column that is predicted
    """
    if kind == "clusters":
        own = {key: training[key] for key in ("preprocessing", "seed")}
        return {"kind": kind, "clusters": value, "target": target, **own}
    without = {key: v for key, v in training.items() if key not in ("runs", "save")}
    return {"kind": kind, kind: value, **without}


def run(spec: dict[str, Any], tables: list, matrices: list, split: Any, labels: Any) -> Any:
    """Do one analysis.

    Args:
        spec: as `spec_of` gives it
        tables: a table per database
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression

    Returns:
        a table for ``active_learning``, else a dict

    Raises:
        UserError: if the data do not do for it
    """
    from izwi import activelearning, binning, clusters, learningcurve, training

    table, samples, folds, truths, *_ = training.prepare(tables, matrices, split, labels)
    split = samples.split
    if spec["kind"] == "clusters":
        table = binning.shown(table, split, labels).assign(speaker=split["speaker"])
        rows = (split["part"] != "").to_numpy()
        k = spec["clusters"] or len(labels)
        if rows.sum() <= k:
            raise UserError(f"[EXPL] clusters: {k} clusters of {rows.sum()} rows are too many")
        return clusters.clusters(
            {**spec, "clusters": k}, table[rows], samples.values[rows], samples.names
        )
    if spec["kind"] == "active_learning":
        return activelearning.choose(spec, samples, truths[folds[0][0]], folds[0], labels)
    return learningcurve.learning_curve(spec, samples, truths, folds, labels)
