"""One decision for each speaker: the predictions of all samples of a speaker, combined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from izwi.evaluation.intervals import few_speakers, intervals, of_part
from izwi.evaluation.measures import Sample, mean_of

HOW = ("mode", "mean")


def combined(
    runs: Sequence[pd.DataFrame],
    how: str,
    measure: str,
    *,
    task: str,
    labels: Sequence[str],
    seed: int,
    method: str,
) -> dict[str, Any]:
    """The measures over speakers, each of whom counts once.

    A class is decided for by the majority of a speaker's predictions (``mode``; of classes with
    equal votes that with the larger mean probability, where there are some, else the first in the
    order of the classes) or by the mean of their probabilities (``mean``). Numbers are averaged.
    Of a classification, speakers with samples of several classes are left out.

    Args:
        runs: predictions of each run, all of the same rows with a truth
        how: one of :data:`HOW`; ``mean`` of a classification needs ``p_<label>`` of every label
        measure: the main one
        task: ``classification`` or ``regression``
        labels: classes, ordered
        seed: of the intervals
        method: of the intervals, which are over speakers

    Returns:
        ``how``, ``measure``, ``value``, ``ci``, ``ci_method``, ``metrics``, ``intervals``,
        ``interval_reasons``, ``per_class``, ``confusion``, ``runs``, ``n_evaluated`` (speakers),
        ``n_speakers``, ``few_speakers``; ``several_classes`` and ``unknown``: speakers of several
        classes, and samples without a speaker, which are left out
    """
    names = list(labels)
    first = runs[0]
    known = first["speaker"].notna().to_numpy()
    truths = first[known].groupby("speaker", sort=True)["truth"]
    single = truths.nunique() == 1 if task == "classification" else truths.count() > 0
    speakers = list(single.index[single])
    n = len(speakers)
    result: dict[str, Any] = {
        "how": how,
        "measure": measure,
        "value": None,
        "ci": [None, None],
        "ci_method": None,
        "metrics": {},
        "intervals": {},
        "interval_reasons": {},
        "per_class": {},
        "confusion": None,
        "runs": len(runs),
        "n_evaluated": n,
        "n_speakers": n,
        "few_speakers": few_speakers(n),
        "several_classes": int((~single).sum()),
        "unknown": int((~known).sum()),
    }
    if not n:
        return result
    tables = [_of_speakers(run[known], speakers, how, task, names) for run in runs]
    sample = Sample.of_runs(tables, task, names)
    limits = intervals(sample, speakers, seed=seed, method=of_part(method, speakers))
    result["metrics"] = mean_of(sample.measures())
    result["value"] = result["metrics"][measure]
    result["intervals"] = {name: list(pair) for name, pair in limits.chosen.items()}
    result["interval_reasons"] = limits.reasons
    result["ci"], result["ci_method"] = result["intervals"][measure], limits.method
    if task == "classification":
        result["per_class"], result["confusion"] = sample.per_class()
    return result


def _of_speakers(
    run: pd.DataFrame, speakers: list[str], how: str, task: str, labels: list[str]
) -> pd.DataFrame:
    """Truth, decision and mean probabilities of each speaker."""
    columns = [f"p_{label}" for label in labels if f"p_{label}" in run]
    grouped = run.groupby("speaker", sort=True)
    table = pd.DataFrame(index=pd.Index(speakers))
    if task != "classification":
        means = grouped[["truth", "prediction"]].mean()
        return table.join(means).reset_index(drop=True)
    table["truth"] = grouped["truth"].first()
    p = grouped[columns].mean().loc[speakers] if columns else None
    if how == "mean":
        if p is None or len(columns) < len(labels):
            raise ValueError("mean needs the probabilities of all classes")
        decided = p.to_numpy().argmax(axis=1)
    else:
        votes = pd.crosstab(run["speaker"], run["prediction"])
        counts = votes.reindex(index=speakers, columns=labels, fill_value=0).to_numpy()
        tied = counts == counts.max(axis=1, keepdims=True)
        known = p is not None and len(columns) == len(labels)
        weight = p.to_numpy() if p is not None and known else np.zeros(counts.shape)
        decided = np.where(tied, weight, -1.0).argmax(axis=1)
    table["prediction"] = np.array(labels, dtype=object)[decided]
    if p is not None:
        table[columns] = p
    return table.reset_index(drop=True)
