"""Analyses of an experiment beside its figures; each kind is a file in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from izwi.errors import UserError
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.analyses.active_learning import ActiveLearningSpec

# Kind → file in the experiment's folder, and the code that makes it.
FILES = {
    "clusters": "clusters.json",
    "active_learning": "active_learning.csv",
    "learning_curve": "learning_curve.json",
    "permutation": "explain/permutation.csv",
    "shap": "explain/shap.csv",
    "ranking": "explain/ranking.csv",
    "feature_distributions": "explain/feature_distributions.csv",
    "feature_correlation": "explain/feature_correlation.csv",
}
MODULES = {
    "clusters": "clusters",
    "active_learning": "active_learning",
    "learning_curve": "learning_curve",
    "permutation": "importance",
    "shap": "importance",
    "ranking": "ranking",
    "feature_distributions": "importance",
    "feature_correlation": "correlation",
}
# These fit the experiment's model.
FITS = ("active_learning", "learning_curve")
# These look at the models that were trained.
OF_MODELS = ("permutation", "shap")
# Models whose SHAP values can be computed exactly.
SHAP_MODELS = ("xgb", "xgr", "tree", "tree_reg", "rf", "rf_reg")
# These compare features with properties of the recording, of the feature type `signal`.
OF_RECORDINGS = ("feature_distributions", "feature_correlation")


def spec_of(kind: str, value: Any, training: dict[str, Any], target: str) -> dict[str, Any]:
    """The spec of an analysis.

    Args:
        kind: one of :data:`FILES`
        value: of its option
        training: spec of the train stage
        target: column that is predicted
    """
    if kind == "clusters":
        own = {key: training[key] for key in ("preprocessing", "seed")}
        return {"kind": kind, "clusters": value, "target": target, **own}
    if kind == "ranking":
        own = {key: training[key] for key in ("task", "seed", "measure", "preprocessing")}
        return {"kind": kind, "models": value, **own}
    if kind in OF_MODELS or kind in OF_RECORDINGS:
        keys = ("task", "seed", "measure") if kind == "permutation" else ("task",)
        own = {}
        if kind in OF_RECORDINGS:
            own = {"target": target, "features": training["preprocessing"]["features"]}
            own |= value if isinstance(value, dict) else {}
        return {"kind": kind, **{key: training[key] for key in keys}, **own}
    without = {key: v for key, v in training.items() if key not in ("runs", "save")}
    return {"kind": kind, kind: value, **without}


def run(
    spec: dict[str, Any],
    tables: list,
    matrices: list,
    split: Any,
    labels: Any,
    *,
    folder: str | Path | None = None,
    recordings: list | None = None,
    copies: Sequence[Any] = (),
) -> Any:
    """Do one analysis.

    Args:
        spec: as `spec_of` gives it
        tables: a table per database
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression
        folder: of the trained models, for those of :data:`OF_MODELS`
        recordings: per database its features of type ``signal``, for :data:`OF_RECORDINGS`
        copies: to train on, for those of :data:`FITS`

    Returns:
        a table if the file is a CSV, else a dict

    Raises:
        UserError: if there are too few data
    """
    import pandas as pd

    from izwi.analyses import active_learning, clusters, correlation, importance, ranking
    from izwi.analyses.learning_curve import learning_curve
    from izwi.preprocessing import binning
    from izwi.training import fit_predict

    table, samples, folds, truths, *_ = fit_predict.prepare(tables, matrices, split, labels, copies)
    split = samples.split
    if spec["kind"] == "clusters":
        table = binning.shown(table, split, labels).assign(speaker=split["speaker"])
        rows = (split["part"] != "").to_numpy()
        k = spec["clusters"] or len(labels)
        if rows.sum() <= k:
            raise UserError(
                f"[EXPL] clusters: {k} clusters of {count(int(rows.sum()), 'row')} are too many"
            )
        return clusters.clusters(
            {**spec, "clusters": k}, table[rows], samples.values[rows], samples.names
        )
    if spec["kind"] == "ranking":
        return ranking.ranking(spec, samples, truths, folds, labels)
    if spec["kind"] in OF_MODELS:
        explain = getattr(importance, spec["kind"])
        return explain(spec, samples, truths, folds, labels, folder)
    if spec["kind"] in OF_RECORDINGS:
        table = binning.shown(table, split, labels).assign(speaker=split["speaker"])
        rows = (split["part"] != "").to_numpy()
        features = pd.DataFrame(samples.values, columns=samples.names)
        features = features[spec["features"] or samples.names]
        recording = pd.concat(recordings, ignore_index=True)
        table, features, recording = (
            frame[rows].reset_index(drop=True) for frame in (table, features, recording)
        )
        if spec["kind"] == "feature_correlation":
            return correlation.correlation(table, features, recording, labels)
        return importance.distributions(table, features, recording, labels)
    fit_spec = cast("ActiveLearningSpec", spec)
    if spec["kind"] == "active_learning":
        return active_learning.choose(fit_spec, samples, truths[folds[0][0]], folds[0], labels)
    return learning_curve(fit_spec, samples, truths, folds, labels)
