"""Predictions → the content of metrics.json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NotRequired

import numpy as np
import pandas as pd

from izwi.evaluation import by_speaker
from izwi.evaluation.calibration import calibration, certain, uncertainty
from izwi.evaluation.chance import worthless
from izwi.evaluation.fairness import fairness
from izwi.evaluation.intervals import (
    Intervals,
    by_method,
    degrees_of_freedom,
    few_speakers,
    intervals,
    of_part,
    without_each,
)
from izwi.evaluation.measures import (
    CLASSIFICATION,
    REGRESSION,
    Recalls,
    Sample,
    direction,
    mean_of,
    plain,
)
from izwi.evaluation.remarks import (
    absent_classes,
    check,
    disagreement,
    few_of_a_class,
    one_answer,
    speakers_of,
    without_limits,
)
from izwi.evaluation.searches import of_searches
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import EvaluationSpec

    class EvaluateSpec(EvaluationSpec):
        """Spec of the evaluate stage; the classes come from the split."""

        task: str
        target: str
        seed: int
        model: NotRequired[str]
        scale: NotRequired[str | None]
        labels: NotRequired[list[str]]


# What the train stage reports of choices that depend on the data.
FROM_TRAINING = ("bins", "submodels", "self_training", "excluded", "ensemble")
SCALED = ("submodel", "fold", "temperature")
WAYS = ("samples", "speakers", "jackknife")  # of intervals


def evaluate(
    spec: EvaluateSpec,
    predictions: pd.DataFrame,
    *,
    training: dict[str, Any],
    split: dict[str, Any],
    tables: Iterable[dict[str, Any]],
    traits: pd.DataFrame | None = None,
    constants: dict[int, str | float] | None = None,
) -> dict[str, Any]:
    """The content of metrics.json, but for the experiment's name.

    The headline is the measure over the pooled predictions of all folds, as mean over runs.

    Args:
        spec: of the evaluate stage, with the classes of the split; ``ci`` absent is ``auto``
        predictions: as ``docs/data_contracts.md`` defines them
        training: report of the train stage; its ``counts`` tell the rows trained on (``train``)
        split: report of the split stage
        tables: reports of the load and features stages
        constants: what a model says in each fold that knows the training truth alone, see
            `izwi.evaluation.chance.constants`
        traits: row number → what is known of the speaker, see `izwi.evaluation.fairness.traits`

    Returns:
        plain values that JSON can hold; ``None`` for what is undefined

    Raises:
        UserError: if the measure or the intervals cannot be had from these data, or a prediction
            is no number
    """
    task, measure = spec["task"], spec["measure"]
    labels = [str(label) for label in spec.get("labels") or []]
    reports = [*tables, split, training]
    warnings = _unique(line for report in reports for line in report.get("warnings", []))
    notes = _unique(line for report in reports for line in report.get("notes", []))

    predictions = predictions.sort_values(["run", "row"], ignore_index=True)
    if "speaker" not in predictions:
        predictions["speaker"] = None
    labelled = predictions[predictions["truth"].notna()]
    check(spec, predictions, labelled)
    runs = [run for _, run in labelled.groupby("run", sort=True)]
    result = _nothing(spec, labels) | _sizes(predictions, labelled, runs, training)
    result |= {"warnings": warnings, "notes": notes}
    n, n_all = result["n_evaluated"], result["n_test"]
    if bare := n_all - n:
        notes.append(f"{bare} of {n_all} test rows have no truth: predicted, but not evaluated")
    result |= {key: training[key] for key in FROM_TRAINING if training.get(key)}
    if not runs:
        return result

    sample, first = Sample.of_runs(runs, task, labels), runs[0].reset_index(drop=True)
    seed, method = spec["seed"], spec.get("ci", "auto")
    limits = intervals(sample, first["speaker"], seed=seed, method=method)
    result |= _headline(sample, measure, limits, [int(run["run"].iloc[0]) for run in runs])
    warnings.extend(_undefined(result, measure))
    truth = first["truth"].to_numpy()
    options: dict[str, Any] = {"task": task, "labels": labels, "seed": seed}
    result |= worthless(truth, first["fold"], constants or {}, measure, **options)
    warnings.extend(one_answer(spec, runs, result["chance"][measure]))
    result |= _per_fold(first, sample)
    result |= _per_speaker(first, sample, measure)
    if result["few_speakers"]:
        who = count(speakers_of(first) or 0, "test speaker")
        warnings.append(f"few speakers: the values rest on {who} and depend on who they are")
    if limits.chosen[measure][0] is None and measure in limits.reasons:
        warnings.append(without_limits(labelled, n, measure, task, limits.reasons[measure]))
    elif limits.freedom and (doubt := few_of_a_class(first, task)):
        result["interval_doubt"] = doubt
        warnings.append(f"the interval {doubt}")
    result["per_database"] = _per_database(spec, first, sample, limits)
    if traits is not None:
        result["fairness"] = _fairness(sample, traits, first, spec)
    if task == "classification":
        warnings.extend(absent_classes(first, labels))
        result |= _of_classes(spec, runs, sample, labels, training)
    if "submodels" in training:
        result["per_submodel"] = _per_submodel(first, sample, result.pop("submodels"))
    return result | _asked_for(spec, runs, labels, training, warnings)


def _fairness(
    sample: Sample, traits: pd.DataFrame, first: pd.DataFrame, spec: EvaluateSpec
) -> dict[str, Any]:
    of_rows = traits.reindex(first["row"]).reset_index(drop=True)
    of_rows["speaker"] = first["speaker"]
    method = spec.get("ci", "auto")
    return fairness(sample, of_rows, spec["measure"], seed=spec["seed"], method=method)


def _asked_for(
    spec: EvaluateSpec,
    runs: list[pd.DataFrame],
    labels: list[str],
    training: dict[str, Any],
    warnings: list[str],
) -> dict[str, Any]:
    """What only some inis want."""
    result: dict[str, Any] = {}
    if how := spec.get("combine_per_speaker"):
        result["by_speaker"] = _by_speaker(spec, runs, labels, how, warnings)
    if training.get("tuning"):
        result["tuning"] = of_searches(spec, training["tuning"], runs, labels)
    if spec.get("bins"):
        result["binned"] = _binned(spec, runs, warnings)
    return result


def without_model(spec: EvaluateSpec, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The content of metrics.json where nothing is trained: no figure, what stages have noted.

    Args:
        spec: of the evaluate stage
        reports: of the stages before
    """
    sizes = dict.fromkeys(("runs", "n_train", "n_test", "n_evaluated"), 0)
    said = {
        kind: _unique(line for report in reports for line in report.get(kind, []))
        for kind in ("warnings", "notes")
    }
    labels = [str(label) for label in spec.get("labels") or []]
    found = _nothing(spec, labels) | sizes | said
    return found | {"n_speakers": None, "few_speakers": False, "transductive": False}


def _nothing(spec: EvaluateSpec, labels: list[str]) -> dict[str, Any]:
    """Every figure of metrics.json as it is where no row has a truth."""
    names = CLASSIFICATION if spec["task"] == "classification" else REGRESSION
    return {
        "type": spec["task"],
        "measure": spec["measure"],
        "value": None,
        "ci": [None, None],
        "ci_method": None,
        "ci_df": None,
        "interval_reasons": {},
        **{f"ci_{way}": [None, None] for way in WAYS},
        "metrics": dict.fromkeys(names),
        "intervals": {name: [None, None] for name in names},
        **dict.fromkeys(("sd", "min", "max", "fold_mean", "fold_sd", "speaker_mean", "speaker_sd")),
        **{name: [] for name in ("per_run", "per_fold")},
        **{name: {} for name in ("per_class", "per_database", "per_speaker", "fairness")},
        **dict.fromkeys(("best_speaker", "worst_speaker", "calibration", "uncertainty")),
        **dict.fromkeys(("confusion", "probability_disagreement", "speakers_t")),
        "labels": labels,
        "chance": {},
        "baseline": None,
    }


def _by_speaker(
    spec: EvaluateSpec, runs: list[pd.DataFrame], labels: list[str], how: str, warnings: list[str]
) -> dict[str, Any]:
    """The figures of speakers; warns of those that are left out."""
    found = by_speaker.combined(
        runs,
        how,
        spec["measure"],
        task=spec["task"],
        labels=labels,
        seed=spec["seed"],
        method=spec.get("ci", "auto"),
    )
    if several := found["several_classes"]:
        warnings.append(
            f"[PLOT] combine_per_speaker: {several} of {several + found['n_speakers']} speakers "
            f"have samples of several classes of {spec['target']}, so they have no single truth: "
            "left out"
        )
    return found


def _binned(spec: EvaluateSpec, runs: list[pd.DataFrame], warnings: list[str]) -> dict[str, Any]:
    """The figures of a regression as a classification; warns of values outside all bins."""
    bins, labels = spec["bins"], [str(label) for label in spec["bin_labels"]]
    found = binned(runs, bins, labels, spec["seed"], spec.get("ci", "auto"))
    if found["truth_outside"]:
        warnings.append(
            f"[DATA] bins: {found['truth_outside']} of {len(runs[0])} values of the test set lie "
            f"outside {bins[0]:g} to {bins[-1]:g}, the binned figures leave them out"
        )
    return found


def _sizes(
    predictions: pd.DataFrame,
    labelled: pd.DataFrame,
    runs: list[pd.DataFrame],
    training: dict[str, Any],
) -> dict[str, Any]:
    """How many samples and speakers figures rest on, and how they were predicted."""
    counts = training.get("counts", {})
    speakers = speakers_of(labelled if runs else predictions)
    unknown = int(runs[0]["speaker"].isna().sum()) if runs and speakers else 0
    return {
        "runs": len(runs),
        "n_train": counts.get("train"),
        **({"n_augmented": counts["augmented"]} if "augmented" in counts else {}),
        "n_test": int((predictions["run"] == predictions["run"].min()).sum()),
        "n_evaluated": len(runs[0]) if runs else 0,
        "n_speakers": speakers,
        **({"unknown_speakers": unknown} if unknown else {}),
        "few_speakers": few_speakers(speakers),
        "transductive": bool(training.get("transductive", False)),
    }


def _headline(sample: Sample, measure: str, limits: Intervals, runs: list[int]) -> dict[str, Any]:
    """The figures of all rows: mean over runs, its interval, and each run."""
    per_run = sample.measures()
    # Of all runs, as the interval is: undefined where one of them is.
    means = {
        name: plain(value[0])
        for name, value in sample.mean_weighted(np.ones((1, len(sample.truth)))).items()
    }
    values = [value for run in per_run if (value := run[measure]) is not None]
    result = {
        "value": means[measure],
        "ci": list(limits.chosen[measure]),
        **_of_intervals(limits),
        "ci_df": limits.freedom.get(measure),
        **{f"ci_{way}": list(getattr(limits, way)[measure]) for way in WAYS},
        "metrics": means,
        "per_run": [{"run": run, **row} for run, row in zip(runs, per_run, strict=True)],
    }
    if len(values) > 1:
        result |= {"sd": float(np.std(values, ddof=1)), "min": min(values), "max": max(values)}
    return result


def _undefined(result: dict[str, Any], measure: str) -> list[str]:
    lacking = sum(run[measure] is None for run in result["per_run"])
    if not lacking or lacking == len(result["per_run"]):
        return []
    return [
        f"{measure} is undefined in {lacking} of {len(result['per_run'])} runs, so it has no mean"
    ]


def _per_fold(first: pd.DataFrame, sample: Sample) -> dict[str, Any]:
    """The measures of each fold, their means and deviations; nothing of a single one."""
    rows_of = first.groupby("fold", sort=True).indices
    if len(rows_of) == 1:
        return {}
    folds = [mean_of(sample.part(rows).measures()) for rows in rows_of.values()]
    return {
        "per_fold": [
            {"fold": int(fold), "n": len(rows), **values}
            for (fold, rows), values in zip(rows_of.items(), folds, strict=True)
        ],
        "fold_mean": mean_of(folds),
        "fold_sd": _sd(folds),
    }


def binned(
    runs: list[pd.DataFrame], bins: list[float], labels: list[str], seed: int, method: str
) -> dict[str, Any]:
    """A regression as if it were a classification: truth and prediction put into bins.

    Args:
        runs: predictions of each run, all of the same rows
        bins: limits, ascending; a bin holds its lower limit, not its upper
        labels: of the bins
        seed: of the intervals
        method: of the intervals

    Returns:
        ``labels``, ``bins``, ``metrics``, ``intervals``, ``ci_method``, ``n_speakers``,
        ``few_speakers``, ``per_class`` and ``confusion`` as for a classification;
        ``truth_outside``: rows whose truth lies in no bin, which are left out;
        ``predicted_outside``: predictions that lie in no bin and count for the nearest one
    """
    places = [np.searchsorted(bins, run["truth"].to_numpy(float), side="right") - 1 for run in runs]
    inside = (places[0] >= 0) & (places[0] < len(labels))
    names = np.array(labels, dtype=object)
    predicted, outside = [], 0
    for run in runs:
        place = np.searchsorted(bins, run["prediction"].to_numpy(float)[inside], side="right") - 1
        outside += int(((place < 0) | (place >= len(labels))).sum())
        predicted.append(names[np.clip(place, 0, len(labels) - 1)])
    result: dict[str, Any] = {
        "labels": labels,
        "bins": list(bins),
        "measure": "uar",
        "metrics": dict.fromkeys(CLASSIFICATION),
        "intervals": {name: [None, None] for name in CLASSIFICATION},
        "ci_method": None,
        "per_class": {},
        "confusion": None,
        "runs": len(runs),
        "n_evaluated": int(inside.sum()),
        "n_speakers": speakers_of(runs[0][inside]),
        "few_speakers": few_speakers(speakers_of(runs[0][inside])),
        "truth_outside": int((~inside).sum()),
        "predicted_outside": outside,
    }
    if not inside.any():
        return result
    sample = Sample(names[places[0][inside]], predicted, "classification", labels)
    result["metrics"] = mean_of(sample.measures())
    speakers = runs[0]["speaker"].to_numpy()[inside]
    limits = intervals(sample, speakers, seed=seed, method=of_part(method, speakers))
    result |= _of_intervals(limits)
    result["per_class"], result["confusion"] = sample.per_class()
    return result


def _of_intervals(limits: Intervals) -> dict[str, Any]:
    return {
        "intervals": _lists(limits),
        "ci_method": limits.method,
        "interval_reasons": limits.reasons,
    }


def _lists(limits: Intervals) -> dict[str, list[float | None]]:
    return {name: list(pair) for name, pair in limits.chosen.items()}


def _sd(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    # n - 1 of each measure, over the rows in which it is defined
    found = {}
    for name in rows[0]:
        values = [value for row in rows if (value := row[name]) is not None]
        found[name] = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return found


def _per_database(
    spec: EvaluateSpec, first: pd.DataFrame, sample: Sample, limits: Intervals
) -> dict[str, Any]:
    """The figures of each database; those of all rows where there is but one."""
    measure, method = spec["measure"], spec.get("ci", "auto")
    result = {}
    for database, rows in first.groupby("database", sort=False).indices.items():
        own, chosen, name, why = sample.part(rows), limits.chosen, limits.method, limits.reasons
        if len(rows) < len(first):
            speakers = first["speaker"].iloc[rows]
            chosen, name, why = by_method(own, speakers, seed=spec["seed"], method=method)
        values = mean_of(own.measures())
        result[str(database)] = {
            "n": len(rows),
            "n_speakers": speakers_of(first.loc[rows]),
            "value": values[measure],
            "ci": list(chosen[measure]),
            "ci_method": name,
            "ci_reason": why.get(measure),
            **values,
        }
    return result


def _of_classes(
    spec: EvaluateSpec,
    runs: list[pd.DataFrame],
    sample: Sample,
    labels: list[str],
    training: dict[str, Any],
) -> dict[str, Any]:
    """What a classification has beside its measures: classes, confusions, probabilities."""
    per_class, confusion = sample.per_class()
    recalls, _, why = by_method(
        Recalls.like(sample), runs[0]["speaker"], seed=spec["seed"], method=spec.get("ci", "auto")
    )
    for label, (place, pair) in zip(sample.labels, recalls.items(), strict=True):
        per_class[label]["recall_ci"] = list(pair)
        if place in why:
            per_class[label]["recall_ci_reason"] = why[place]
    result = {
        "per_class": per_class,
        "confusion": confusion,
        "probability_disagreement": disagreement(pd.concat(runs), labels),
        "calibration": _calibration(runs, labels, training),
        "uncertainty": uncertainty(runs, labels),
    }
    if spec.get("uncertainty_threshold") is not None:
        result["certain"] = _certain(spec, runs, labels)
    return result


def _per_speaker(first: pd.DataFrame, sample: Sample, measure: str) -> dict[str, Any]:
    """The measure of each speaker, their mean and deviation, the best and the worst."""
    rows_of = first.groupby("speaker", sort=True).indices
    per_speaker: dict[str, dict[str, Any]] = {
        str(speaker): {"n": len(rows), "value": mean_of(sample.part(rows).measures())[measure]}
        for speaker, rows in rows_of.items()
    }
    found: dict[str, Any] = {"per_speaker": per_speaker}
    if len(rows_of) > 1 and first["speaker"].notna().all():
        # For the interval of the difference from another experiment, wherever it is computed.
        from scipy import stats

        codes = first.groupby("speaker", sort=True).ngroup().to_numpy()
        for row, value in zip(
            per_speaker.values(), without_each(sample, codes)[measure], strict=True
        ):
            row["without"] = plain(value)
        freedom = degrees_of_freedom(sample, codes, measure)
        found["speakers_t"] = float(stats.t.ppf(0.975, freedom))
    known: list[dict[str, Any]] = [
        {"speaker": speaker, **row}
        for speaker, row in per_speaker.items()
        if row["value"] is not None
    ]
    if not known:
        return found
    ascending = sorted(known, key=lambda row: row["value"])
    worst, best = ascending[0], ascending[-1]
    if direction(measure) < 0:
        worst, best = best, worst
    values = [{"mean": row["value"]} for row in known]
    return found | {
        "speaker_mean": mean_of(values)["mean"],
        "speaker_sd": _sd(values)["mean"],
        "best_speaker": best,
        "worst_speaker": worst,
    }


def _calibration(
    runs: list[pd.DataFrame], labels: list[str], training: dict[str, Any]
) -> dict[str, Any] | None:
    """How good the probabilities are and, where they were scaled, were before."""
    found = calibration(runs, labels)
    if found is None or not {f"raw_{label}" for label in labels} <= set(runs[0]):
        return found
    before = [run.assign(**{f"p_{label}": run[f"raw_{label}"] for label in labels}) for run in runs]
    scaled = [
        {"run": run["run"], **{key: fold[key] for key in SCALED if key in fold}}
        for run in training["runs"]
        for fold in run["folds"]
    ]
    return {**found, "before": calibration(before, labels), "temperatures": scaled}


def _certain(
    spec: EvaluateSpec, runs: list[pd.DataFrame], labels: list[str]
) -> dict[str, Any] | None:
    """The figures of predictions that are certain enough, beside which all stand.

    Args:
        spec: as for `evaluate`; ``uncertainty_threshold``
        runs: predictions of each run
        labels: classes, ordered

    Returns:
        ``threshold``; ``n_evaluated``, ``share`` and ``n_speakers`` of what is left (means over
        runs), ``metrics``, ``intervals`` (of a single run), ``per_class``, ``confusion``
    """
    threshold, measure = spec["uncertainty_threshold"], spec["measure"]
    left = certain(runs, labels, threshold)
    if left is None:
        return None
    kept = [run for run in left if len(run)]
    n = sum(map(len, left)) / len(left)
    known = [count for run in kept if (count := speakers_of(run)) is not None]
    speakers = min(known) if known and len(known) == len(kept) else None
    result: dict[str, Any] = {
        "threshold": threshold,
        "measure": measure,
        "value": None,
        "runs": len(runs),
        "n_evaluated": int(n) if n == int(n) else n,
        "share": n / len(runs[0]),
        "n_speakers": speakers,
        "few_speakers": few_speakers(speakers),
        "metrics": dict.fromkeys(CLASSIFICATION),
        "intervals": {name: [None, None] for name in CLASSIFICATION},
        "ci_method": None,
        "per_class": {},
        "confusion": None,
    }
    if not kept:
        return result
    samples = [Sample.of_runs([run], "classification", labels) for run in kept]
    result["metrics"] = mean_of([sample.measures()[0] for sample in samples])
    result["value"] = result["metrics"][measure]
    counts = np.array([sample.per_class()[1]["counts"] for sample in samples], dtype=float)
    matrix = counts[0].astype(int) if len(runs) == 1 else counts.sum(axis=0) / len(runs)
    result["confusion"] = {"labels": labels, "counts": matrix.tolist()}
    if len(runs) == 1:
        speakers = kept[0]["speaker"]
        method = of_part(spec.get("ci", "auto"), speakers)
        limits = intervals(samples[0], speakers, seed=spec["seed"], method=method)
        result |= _of_intervals(limits)
        result["per_class"] = samples[0].per_class()[0]
    return result


def _per_submodel(first: pd.DataFrame, sample: Sample, submodels: dict[str, Any]) -> dict[str, Any]:
    """Figures of each model of its own, over the rows that it predicts."""
    rows_of = first.groupby("submodel", sort=True).indices
    return {
        "column": submodels["column"],
        "values": {
            name: {
                "n_train": about["train"],
                "n_test": len(rows_of.get(name, ())),
                **(mean_of(sample.part(rows_of[name]).measures()) if name in rows_of else {}),
            }
            for name, about in submodels["values"].items()
        },
    }


def _unique(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))
