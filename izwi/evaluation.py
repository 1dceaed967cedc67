"""Predictions → measures with intervals: the content of metrics.json and predictions.csv.

Every measure is computed from *weights*: how often each sample counts. A plain evaluation weights
each sample once, a resample of the bootstrap by the number of times it was drawn, so that the
figure and its interval come from the same lines of code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from izwi.errors import UserError

CLASSIFICATION = ("uar", "accuracy", "f1", "eer")
REGRESSION = ("mse", "mae", "ccc", "pcc")
RESAMPLES = 1000
KEY = ("database", "file", "start", "end")
# What the train stage reports of choices that depend on the data.
FROM_TRAINING = ("bins", "submodels", "self_training")
CELLS_AT_ONCE = 4_000_000  # weights held in memory at a time


def measures(
    truth: Sequence[Any],
    prediction: Sequence[Any],
    *,
    task: str,
    labels: Sequence[str] | None = None,
    scores: Sequence[float] | None = None,
) -> dict[str, float | None]:
    """All measures of one set of predictions.

    UAR and F1 are means over the classes that occur in ``truth``. EER is the midpoint of
    Maio et al., "FVC2000" (2002), as in audmetric; other than there, rejecting everything is a
    point of the curve, so that constant scores have an EER of .5. CCC is that of Lin (1989),
    and 0 where truth or prediction is constant, where PCC is undefined.

    Args:
        truth: (samples) classes or numbers, none missing
        prediction: (samples) classes or numbers, none missing
        task: ``classification`` or ``regression``
        labels: all classes, ordered; absent: those that occur
        scores: (samples) how much speaks for the second of two classes, for the EER

    Returns:
        ``uar, accuracy, f1, eer`` or ``mse, mae, ccc, pcc``; ``None`` where undefined
    """
    sample = _Sample(truth, [prediction], task, labels, None if scores is None else [scores])
    return sample.measures()[0]


def interval(
    truth: Sequence[Any],
    prediction: Sequence[Any],
    measure: str,
    *,
    task: str,
    labels: Sequence[str] | None = None,
    seed: int,
    scores: Sequence[float] | None = None,
    resamples: int = RESAMPLES,
) -> tuple[float | None, float | None]:
    """95 % percentile interval of a measure by a bootstrap over samples.

    It does not depend on the order of the samples. With several runs each resample draws the
    samples once for all runs, and the measure is the mean over the runs. Resamples in which the
    measure is undefined are left out.

    Args:
        truth: (samples) classes or numbers
        prediction: (samples) or (runs, samples)
        measure: one of the names that :func:`measures` returns
        task: ``classification`` or ``regression``
        labels: all classes, ordered
        seed: of the resamples
        scores: (samples) or (runs, samples), as for :func:`measures`
        resamples: how many

    Returns:
        low and high limit, ``None`` where the measure is undefined
    """
    runs = prediction if np.ndim(prediction) == 2 else [prediction]
    if scores is not None and np.ndim(scores) == 1:
        scores = [scores]
    sample = _Sample(truth, runs, task, labels, scores if measure == "eer" else None)
    return sample.intervals(seed, resamples)[measure]


def evaluate(
    spec: dict[str, Any],
    predictions: pd.DataFrame,
    *,
    training: dict[str, Any],
    split: dict[str, Any],
    tables: Iterable[dict[str, Any]],
) -> dict[str, Any]:
    """The content of metrics.json, but for the experiment's name.

    The headline is the measure over the pooled predictions of all folds, as mean over runs.

    Args:
        spec: ``task``, ``measure``, ``labels`` (ordered; classification), ``seed``
        predictions: as ``docs/architecture.md`` defines them
        training: report of the train stage; its ``counts`` tell the rows trained on (``train``)
        split: report of the split stage
        tables: reports of the load and features stages

    Returns:
        plain values that JSON can hold; ``None`` for what is undefined

    Raises:
        UserError: if the measure cannot be had from these data, or a prediction is no number
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
    _check(spec, predictions, labelled)
    runs = [run for _, run in labelled.groupby("run", sort=True)]
    n_all = int((predictions["run"] == predictions["run"].min()).sum())
    n = len(runs[0]) if runs else 0
    if n < n_all:
        notes.append(
            f"{n_all - n} of {n_all} test rows have no truth: predicted, but not evaluated"
        )

    result: dict[str, Any] = {"type": task, "measure": measure, "value": None, "ci": [None, None]}
    result["ci_method"] = f"bootstrap over samples ({RESAMPLES})"
    names = CLASSIFICATION if task == "classification" else REGRESSION
    result["metrics"] = dict.fromkeys(names)
    result["intervals"] = {name: [None, None] for name in names}
    result |= {"runs": len(runs), "sd": None, "min": None, "max": None}
    result |= {"per_run": [], "per_fold": [], "fold_mean": None, "per_class": {}}
    result |= {"per_database": {}, "per_speaker": {}, "confusion": None, "labels": labels}
    result |= {
        "n_train": training.get("counts", {}).get("train"),
        "n_test": n_all,
        "n_evaluated": n,
        "n_speakers": _speakers(predictions),
        "transductive": bool(training.get("transductive", False)),
        "probability_disagreement": None,
        "warnings": warnings,
        "notes": notes,
    }
    # Only where it was asked for.
    result |= {key: training[key] for key in FROM_TRAINING if training.get(key)}
    if not runs:
        return result

    sample = _Sample.of_runs(runs, task, labels)
    per_run = sample.measures()
    values = [run[measure] for run in per_run if run[measure] is not None]
    result["metrics"] = _mean(per_run)
    result["value"] = result["metrics"][measure]
    intervals = sample.intervals(spec["seed"], RESAMPLES)
    result["intervals"] = {name: list(limits) for name, limits in intervals.items()}
    result["ci"] = result["intervals"][measure]
    if len(values) > 1:
        result |= {"sd": float(np.std(values, ddof=1)), "min": min(values), "max": max(values)}
    result["per_run"] = [
        {"run": int(run["run"].iloc[0]), **row} for run, row in zip(runs, per_run, strict=True)
    ]
    first = runs[0].reset_index(drop=True)
    if first["fold"].nunique() > 1:
        result["per_fold"] = [
            {"fold": int(fold), "n": len(rows), **_mean(sample.part(rows).measures())}
            for fold, rows in first.groupby("fold", sort=True).indices.items()
        ]
        result["fold_mean"] = _mean([{m: f[m] for m in names} for f in result["per_fold"]])
    for database, rows in first.groupby("database", sort=False).indices.items():
        own = sample.part(rows)
        one = len(rows) == len(first)
        limits = intervals if one else own.intervals(spec["seed"], RESAMPLES)
        result["per_database"][str(database)] = {
            "n": len(rows),
            "n_speakers": _speakers(first.loc[rows]),
            "value": _mean(own.measures())[measure],
            "ci": list(limits[measure]),
            **_mean(own.measures()),
        }
    result["per_speaker"] = {
        str(speaker): {"n": len(rows), "value": _mean(sample.part(rows).measures())[measure]}
        for speaker, rows in first.groupby("speaker", sort=True).indices.items()
    }
    if task == "classification":
        result["per_class"], result["confusion"] = sample.per_class()
        warnings.extend(_absent(first, labels))
        result["probability_disagreement"] = _disagreement(labelled, labels)
    if "submodels" in training:
        result["per_submodel"] = _per_submodel(first, sample, result.pop("submodels"))
    if spec.get("bins"):
        result["binned"] = binned(
            runs, spec["bins"], [str(label) for label in spec["bin_labels"]], spec["seed"]
        )
        outside = result["binned"]["truth_outside"]
        if outside:
            warnings.append(
                f"[DATA] bins: {outside} of {n} values of the test set lie outside "
                f"{spec['bins'][0]:g} to {spec['bins'][-1]:g}, the binned figures leave them out"
            )
    return result


def binned(
    runs: list[pd.DataFrame], bins: list[float], labels: list[str], seed: int
) -> dict[str, Any]:
    """A regression as if it were a classification: truth and prediction put into bins.

    Args:
        runs: predictions of each run, all of the same rows
        bins: limits, ascending; a bin holds its lower limit, not its upper
        labels: of the bins
        seed: of the intervals

    Returns:
        ``labels``, ``bins``, ``metrics``, ``intervals``, ``per_class`` and ``confusion`` as for a
        classification; ``truth_outside``: rows whose truth lies in no bin, which are left out;
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
        "per_class": {},
        "confusion": None,
        "runs": len(runs),
        "n_evaluated": int(inside.sum()),
        "truth_outside": int((~inside).sum()),
        "predicted_outside": outside,
    }
    if not inside.any():
        return result
    sample = _Sample(names[places[0][inside]], predicted, "classification", labels)
    result["metrics"] = _mean(sample.measures())
    limits = sample.intervals(seed, RESAMPLES)
    result["intervals"] = {name: list(pair) for name, pair in limits.items()}
    result["per_class"], result["confusion"] = sample.per_class()
    return result


def _per_submodel(
    first: pd.DataFrame, sample: _Sample, submodels: dict[str, Any]
) -> dict[str, Any]:
    """Figures of each model of its own, over the rows that it predicts."""
    rows_of = first.groupby("submodel", sort=True).indices
    return {
        "column": submodels["column"],
        "values": {
            name: {
                "n_train": about["train"],
                "n_test": len(rows_of.get(name, ())),
                **(_mean(sample.part(rows_of[name]).measures()) if name in rows_of else {}),
            }
            for name, about in submodels["values"].items()
        },
    }


def write_predictions(predictions: pd.DataFrame, path: str | Path) -> None:
    """Write predictions.csv, see `write_rows`.

    Args:
        predictions: as ``docs/architecture.md`` defines them
        path: of the CSV file
    """
    columns = [*KEY, "speaker", "fold", "run", "truth", "prediction"]
    columns += [name for name in predictions.columns if name.startswith("p_")]
    table = predictions.sort_values(["run", "row"], ignore_index=True)
    write_rows(table.reindex(columns=columns), path)


def write_rows(table: pd.DataFrame, path: str | Path) -> None:
    """Write rows about files as CSV, for users.

    ``start`` and ``end`` are written only where a row is a segment, as audformat writes them, and
    an ``end`` that is the file's is empty. Numbers are written with as many digits as bring the
    same number back. A text that begins with ``=``, ``+``, ``-`` or ``@`` would be run as a
    formula by spreadsheets: it gets an apostrophe in front, unless it is a number or made of signs
    alone (``-1``, ``+``), which no spreadsheet runs, so that such labels stay as they are.

    Args:
        table: ``database, file, start, end, speaker`` and others; of these ``truth`` and
            ``prediction`` may be texts from outside
        path: of the CSV file
    """
    table = table.copy()
    if not ((table["start"] > pd.Timedelta(0)) | table["end"].notna()).any():
        table = table.drop(columns=["start", "end"])
    table["speaker"] = [
        speaker.removeprefix(f"{database}/") if isinstance(speaker, str) else None
        for database, speaker in zip(table["database"], table["speaker"], strict=True)
    ]
    for name in ("database", "file", "speaker", "truth", "prediction"):
        if name in table and not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].map(_harmless, na_action="ignore")
    for name in ("start", "end") if "start" in table else ():
        table[name] = pd.to_timedelta(table[name]).map(_duration, na_action="ignore")
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _harmless(text: str) -> str:
    signs_or_number = r"[+-]*|[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
    if text[:1] in tuple("=+-@\t\r") and not re.fullmatch(signs_or_number, text, re.IGNORECASE):
        return "'" + text
    return text


def _duration(duration: pd.Timedelta) -> str:
    # always with a fraction, so that a column looks the same whatever else is in it
    text = str(duration)
    return text if "." in text else f"{text}.000000"


class _Sample:
    """Truth and the predictions of one or more runs for the same samples.

    Args:
        truth: (samples)
        predictions: (runs, samples)
        task: ``classification`` or ``regression``
        labels: all classes; absent: those that occur
        scores: (runs, samples) for the second of two classes
    """

    def __init__(self, truth, predictions, task, labels=None, scores=None) -> None:
        self.task = task
        if task == "classification":
            occurring = {*truth, *(label for run in predictions for label in run)}
            self.labels = sorted(occurring) if labels is None else list(labels)
            code = {label: i for i, label in enumerate(self.labels)}
            self.truth = np.array([code[label] for label in truth], dtype=np.int64)
            self.predictions = np.array([[code[p] for p in run] for run in predictions])
            usable = scores is not None and len(self.labels) == 2
            self.scores = np.array(scores, dtype=float) if usable else None
        else:
            self.labels, self.scores = [], None
            self.truth = np.asarray(truth, dtype=float)
            self.predictions = np.asarray(predictions, dtype=float)

    @classmethod
    def of_runs(cls, runs: list[pd.DataFrame], task: str, labels: list[str]) -> _Sample:
        """From one table of predictions per run, all of the same rows."""
        score = f"p_{labels[1]}" if len(labels) == 2 else None
        scored = task == "classification" and score in runs[0].columns
        return cls(
            runs[0]["truth"].to_numpy(),
            [run["prediction"].to_numpy() for run in runs],
            task,
            labels if task == "classification" else None,
            [run[score].to_numpy() for run in runs] if scored else None,
        )

    def part(self, rows: np.ndarray) -> _Sample:
        """The samples of some rows."""
        part = object.__new__(_Sample)
        part.task, part.labels, part.truth = self.task, self.labels, self.truth[rows]
        part.predictions = self.predictions[:, rows]
        part.scores = None if self.scores is None else self.scores[:, rows]
        return part

    def sorted(self) -> _Sample:
        """The same samples in an order that depends on their values only."""
        keys = [self.truth, *self.predictions, *([] if self.scores is None else self.scores)]
        return self.part(np.lexsort(keys[::-1]))

    def measures(self) -> list[dict[str, float | None]]:
        """All measures of each run."""
        weights = np.ones((1, len(self.truth)))
        return [
            {name: _plain(value[0]) for name, value in self._weighted(run, weights).items()}
            for run in range(len(self.predictions))
        ]

    def intervals(self, seed: int, resamples: int) -> dict[str, tuple[float | None, float | None]]:
        """95 % percentile interval of each measure's mean over runs; see :func:`interval`."""
        sample, random, n = self.sorted(), np.random.default_rng(seed), len(self.truth)
        chunks = []
        step = max(1, CELLS_AT_ONCE // n)
        for begin in range(0, resamples, step):
            size = min(step, resamples - begin)
            drawn = random.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
            weights = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(float)
            runs = [sample._weighted(run, weights) for run in range(len(self.predictions))]
            chunks.append({name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]})
        limits = {}
        for name in chunks[0]:
            values = np.concatenate([chunk[name] for chunk in chunks])
            values = values[np.isfinite(values)]
            low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
            limits[name] = (_plain(low), _plain(high))
        return limits

    def per_class(self) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
        """Recall, precision and F1 of each class, and the confusion matrix (means over runs)."""
        weights = np.ones((1, len(self.truth)))
        runs = range(len(self.predictions))
        counts = np.array([self._counts(run, weights)[0] for run in runs])
        rows = []
        for matrix in counts:
            recall, precision, f1 = _rates(matrix)
            rows.append(
                {
                    label: {
                        "recall": _plain(recall[i]),
                        "precision": _plain(precision[i]),
                        "f1": _plain(f1[i]),
                    }
                    for i, label in enumerate(self.labels)
                }
            )
        support = counts[0].sum(axis=1)
        per_class = {
            label: {**_mean([row[label] for row in rows]), "n": int(support[i])}
            for i, label in enumerate(self.labels)
        }
        matrix = counts[0].astype(int) if len(counts) == 1 else counts.mean(axis=0)
        return per_class, {"labels": list(self.labels), "counts": matrix.tolist()}

    def _counts(self, run: int, weights: np.ndarray) -> np.ndarray:
        # (resamples, samples) → confusion matrices (resamples, truth, prediction); sums of whole
        # numbers, so exact in any order
        size = len(self.labels)
        cells = self.truth * size + self.predictions[run]
        order = np.argsort(cells, kind="stable")
        occupied, begins = np.unique(cells[order], return_index=True)
        counts = np.zeros((len(weights), size * size))
        counts[:, occupied] = np.add.reduceat(weights[:, order], begins, axis=1)
        return counts.reshape(-1, size, size)

    def _weighted(self, run: int, weights: np.ndarray) -> dict[str, np.ndarray]:
        # (resamples, samples) → each measure (resamples), NaN where undefined
        if self.task == "regression":
            return _regression(self.truth, self.predictions[run], weights)
        counts = self._counts(run, weights)
        recall, _, f1 = _rates(counts)
        undefined = np.full(len(weights), np.nan)
        return {
            "uar": np.nanmean(recall, axis=1),
            "accuracy": np.trace(counts, axis1=1, axis2=2) / weights.sum(axis=1),
            "f1": np.nanmean(f1, axis=1),
            "eer": undefined
            if self.scores is None
            else _eer(self.truth, self.scores[run], weights),
        }


def _rates(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # recall, precision, F1 (…, classes); NaN for recall and F1 of classes that do not occur
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = hits / true, hits / predicted
        f1 = np.where(true > 0, 2 * hits / (true + predicted), np.nan)
    return recall, precision, f1


def _regression(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> dict:
    # Moments around one centre, which a constant meets exactly. No matrix product: its sums
    # depend on the number of threads.
    x, y = truth - np.median(truth), prediction - np.median(prediction)
    shift = np.median(prediction) - np.median(truth)
    total = weights.sum(axis=1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("rs,s->r", weights, values) / total

    mean_x, mean_y, square_x, square_y = mean(x), mean(y), mean(x * x), mean(y * y)
    variance_x, variance_y = square_x - mean_x**2, square_y - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    constant = (variance_x <= 1e-12 * square_x) | (variance_y <= 1e-12 * square_y)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = variance_x + variance_y + (mean_y - mean_x + shift) ** 2
        ccc = np.where(constant, 0.0, 2 * covariance / spread)
        pcc = np.where(constant, np.nan, covariance / np.sqrt(variance_x * variance_y))
    error = prediction - truth
    return {"mse": mean(error**2), "mae": mean(np.abs(error)), "ccc": ccc, "pcc": pcc}


def _eer(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(scores, kind="stable")
    _, begins = np.unique(scores[order], return_index=True)
    weights, positive = weights[:, order], truth[order] == 1

    def below(of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # weight that lies under each threshold, the last above all scores, and all of it
        sums = np.cumsum(np.add.reduceat(weights * of, begins, axis=1), axis=1)
        return np.concatenate([np.zeros((len(sums), 1)), sums], axis=1), sums[:, -1:]

    (missed, positives), (rejected, negatives) = below(positive), below(~positive)
    with np.errstate(invalid="ignore"):
        missed, accepted = missed / positives, (negatives - rejected) / negatives
    second = np.argmax(accepted <= missed, axis=1)
    rows = np.arange(len(weights))
    first = np.where(accepted[rows, second] == missed[rows, second], second, second - 1)
    both = accepted + missed
    return np.minimum(both[rows, first], both[rows, second]) / 2


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _mean(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    # of each measure, over the rows in which it is defined
    means = {}
    for name in rows[0]:
        values = [row[name] for row in rows if row[name] is not None]
        means[name] = float(np.mean(values)) if values else None
    return means


def _unique(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))


def _speakers(predictions: pd.DataFrame) -> int | None:
    return int(predictions["speaker"].nunique()) or None


def _check(spec: dict[str, Any], predictions: pd.DataFrame, labelled: pd.DataFrame) -> None:
    # the counts below hold only if each run predicts each row once
    keys = [tuple(run["row"]) for _, run in predictions.groupby("run")]
    if len(set(keys)) > 1 or any(len(set(rows)) < len(rows) for rows in keys):
        raise ValueError("the runs must predict the same rows, each once")
    if spec["task"] == "regression":
        numbers = predictions["prediction"].astype(float)
        bad = predictions.loc[~np.isfinite(numbers), "file"]
        if len(bad):
            raise UserError(
                f"[MODEL] type: {len(bad)} of {len(predictions)} predictions are not finite "
                f"numbers (first: {bad.iloc[0]}); try [FEATS] scale = standard"
            )
        return
    known = {str(label) for label in spec["labels"]}
    unknown = ({*labelled["truth"]} | {*predictions["prediction"]}) - known
    if unknown:
        raise ValueError(f"not among the labels {sorted(known)}: {sorted(map(str, unknown))}")
    if spec["measure"] == "eer":
        if len(known) != 2:
            raise UserError(
                f"[MODEL] measure: eer needs two classes, there are {len(known)}; use uar"
            )
        if f"p_{spec['labels'][1]}" not in predictions:
            raise UserError("[MODEL] measure: eer needs a model that gives probabilities; use uar")


def _absent(rows: pd.DataFrame, labels: list[str]) -> list[str]:
    def missing(truth: pd.Series) -> list[str]:
        return [label for label in labels if label not in set(truth)]

    lines = []
    if everywhere := missing(rows["truth"]):
        lines.append(
            f"classes absent from the truth of the test set, left out of UAR and F1: "
            f"{', '.join(everywhere)}"
        )
    for name in ("fold", "speaker"):
        groups = rows.groupby(name, sort=True)["truth"]
        absent = {key: sorted({*missing(truth)} - {*everywhere}) for key, truth in groups}
        told = [f"{key}: {', '.join(gone)}" for key, gone in absent.items() if gone]
        if told:
            more = f"; and {len(told) - 10} more" if len(told) > 10 else ""
            lines.append(
                f"in {len(told)} of {len(absent)} {name}s some classes do not occur in the truth; "
                f"their measures are means over those that do ({'; '.join(told[:10])}{more})"
            )
    return lines


def _disagreement(predictions: pd.DataFrame, labels: list[str]) -> int | None:
    columns = [f"p_{label}" for label in labels]
    if not set(columns) <= set(predictions):
        return None
    probabilities = predictions[columns].to_numpy(dtype=float)
    decided = predictions["prediction"].map({label: i for i, label in enumerate(labels)})
    own = probabilities[np.arange(len(probabilities)), decided.to_numpy(dtype=int)]
    return int((own < probabilities.max(axis=1)).sum())  # a tie is no disagreement
