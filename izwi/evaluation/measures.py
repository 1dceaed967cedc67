"""Truth and predictions → measures.

Every measure is computed from *weights*: how often each sample, or each group of samples, counts.
A plain evaluation weights all once, a resample of a bootstrap by the number of times it was drawn,
so that a figure, its interval and its test come from the same lines of code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from izwi.evaluation.eer import Scores, equal_error_rate

Values: TypeAlias = Sequence[Any] | np.ndarray

CLASSIFICATION = ("uar", "accuracy", "f1", "eer")
REGRESSION = ("mse", "mae", "ccc", "pcc")
_LOWER_IS_BETTER = ("mse", "mae", "eer")
# All that are not listed lie between 0 and 1.
RANGES = {"mse": (0.0, math.inf), "mae": (0.0, math.inf), "ccc": (-1.0, 1.0), "pcc": (-1.0, 1.0)}


def direction(measure: str) -> int:
    """1 where higher values of a measure are better, -1 where lower ones are."""
    return -1 if measure in _LOWER_IS_BETTER else 1


def measures(
    truth: Values,
    prediction: Values,
    *,
    task: str,
    labels: Sequence[str] | None = None,
    scores: Values | None = None,
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
    sample = Sample(truth, [prediction], task, labels, None if scores is None else [scores])
    return sample.measures()[0]


class Sample:
    """Truth and the predictions of one or more runs for the same samples.

    Args:
        truth: (samples)
        predictions: (runs, samples)
        task: ``classification`` or ``regression``
        labels: all classes; absent: those that occur
        scores: (runs, samples) for the second of two classes
    """

    def __init__(
        self,
        truth: Values,
        predictions: Sequence[Values] | np.ndarray,
        task: str,
        labels: Sequence[str] | None = None,
        scores: Sequence[Values] | None = None,
    ) -> None:
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
    def of_runs(cls, runs: list[pd.DataFrame], task: str, labels: list[str]) -> Sample:
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

    # measures that are means over classes, so that all classes must be there
    over_classes: tuple[str, ...] = ("uar", "f1")

    def range_of(self, name: str) -> tuple[float, float]:
        """Least and largest value that a measure can have."""
        return RANGES.get(name, (0.0, 1.0))

    def classes_of(self, name: str, places: list[int]) -> list[int]:
        """Those of some classes that a measure cannot do without."""
        return places if name in (*self.over_classes, "eer") else []

    def part(self, rows: np.ndarray) -> Sample:
        """The samples of some rows."""
        part = object.__new__(type(self))
        part.task, part.labels, part.truth = self.task, self.labels, self.truth[rows]
        part.predictions = self.predictions[:, rows]
        part.scores = None if self.scores is None else self.scores[:, rows]
        return part

    def order(self, *further: np.ndarray) -> np.ndarray:
        """Places that sort the samples by their values, and by further numbers of each."""
        keys = [self.truth, *self.predictions, *([] if self.scores is None else self.scores)]
        return np.lexsort([*keys, *further][::-1])

    def joined(self, other: Sample) -> Sample:
        """These samples and then those of another, with as many runs and the same labels."""
        both = object.__new__(Sample)
        both.task, both.labels = self.task, self.labels
        both.truth = np.concatenate([self.truth, other.truth])
        both.predictions = np.concatenate([self.predictions, other.predictions], axis=1)
        scored = self.scores is not None and other.scores is not None
        both.scores = np.concatenate([self.scores, other.scores], axis=1) if scored else None
        return both

    def of_run(self, run: int) -> Sample:
        """The samples with the predictions of one run."""
        one = object.__new__(Sample)
        one.task, one.labels, one.truth = self.task, self.labels, self.truth
        one.predictions = self.predictions[run : run + 1]
        one.scores = None if self.scores is None else self.scores[run : run + 1]
        return one

    def measures(self) -> list[dict[str, float | None]]:
        """All measures of each run."""
        weights = np.ones((1, len(self.truth)))
        return [
            {name: plain(value[0]) for name, value in self.weighted(run, weights).items()}
            for run in range(len(self.predictions))
        ]

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
                        "recall": plain(recall[i]),
                        "precision": plain(precision[i]),
                        "f1": plain(f1[i]),
                    }
                    for i, label in enumerate(self.labels)
                }
            )
        support = counts[0].sum(axis=1)
        per_class = {
            label: {**mean_of([row[label] for row in rows]), "n": int(support[i])}
            for i, label in enumerate(self.labels)
        }
        matrix = counts[0].astype(int) if len(counts) == 1 else counts.mean(axis=0)
        return per_class, {"labels": list(self.labels), "counts": matrix.tolist()}

    def mean_weighted(
        self, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Each measure's mean over runs, see :meth:`weighted`."""
        runs = [self.weighted(run, weights, groups) for run in range(len(self.predictions))]
        return {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}

    def weighted(
        self, run: int, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Each measure of one run, for many weightings at once.

        Args:
            run: its place
            weights: (weightings, samples), or (weightings, groups); whole numbers
            groups: (samples) number of the group that each belongs to

        Returns:
            measure → (weightings), NaN where undefined
        """
        if self.task == "regression":
            n = weights.shape[1]
            return _regression(
                self._once(
                    "moments", run, groups, lambda: self._moments(self.predictions[run], groups, n)
                ),
                weights,
            )
        counts = self._counts(run, weights, groups)
        recall, _, f1 = _rates(counts)
        undefined = np.full(len(weights), np.nan)
        with np.errstate(invalid="ignore"):
            accuracy = np.trace(counts, axis1=1, axis2=2) / counts.sum(axis=(1, 2))
        eer = undefined
        if self.scores is not None:
            scores, n = self.scores[run], weights.shape[1]
            kept = self._once("scores", run, groups, lambda: Scores(self.truth, scores, groups, n))
            eer = equal_error_rate(kept, weights)
        return {"uar": _nanmean(recall), "accuracy": accuracy, "f1": _nanmean(f1), "eer": eer}

    def _counts(
        self, run: int, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> np.ndarray:
        # weights → confusion matrices (weightings, truth, prediction); sums of whole numbers, so
        # exact in any order
        size, n = len(self.labels), weights.shape[1]
        if groups is not None:
            of_groups = self._once("cells", run, groups, lambda: self._of_groups(run, groups, n))
            return (weights @ of_groups).reshape(-1, size, size)
        order, occupied, begins = self._once("cells", run, None, lambda: self._cells_in_order(run))
        counts = np.zeros((len(weights), size * size))
        own = weights if order is None else weights[:, order]
        counts[:, occupied] = np.add.reduceat(own, begins, axis=1)
        return counts.reshape(-1, size, size)

    def _cells(self, run: int) -> np.ndarray:
        return self.truth * len(self.labels) + self.predictions[run]

    def _of_groups(self, run: int, groups: np.ndarray, n: int) -> np.ndarray:
        # (groups, truth and prediction) numbers of samples
        size = len(self.labels) ** 2
        counts = np.bincount(groups * size + self._cells(run), minlength=n * size)
        return counts.reshape(n, size).astype(float)

    def _cells_in_order(self, run: int) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        # what sorts the samples by their cell, the cells that occur, and where each begins
        cells, order = self._cells(run), None
        if (np.diff(cells) < 0).any():
            order = np.argsort(cells, kind="stable")
            cells = cells[order]
        return (order, *np.unique(cells, return_index=True))

    def _moments(
        self, prediction: np.ndarray, groups: np.ndarray | None, n: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        # Moments around one centre, which a constant meets exactly: by how much predictions are
        # shifted, and the terms of their sums, for each sample or each of n groups.
        truth = self.truth
        x, y = truth - np.median(truth), prediction - np.median(prediction)
        error = prediction - truth
        terms = [np.ones(len(truth)), x, y, x * x, y * y, x * y, error**2, np.abs(error)]
        if groups is not None:
            terms = [np.bincount(groups, weights=term, minlength=n) for term in terms]
        return np.median(prediction) - np.median(truth), terms

    def _once(self, name: str, run: int, groups: np.ndarray | None, make: Callable[[], Any]) -> Any:
        # What many weightings share; groups are the same as long as they are the same array.
        kept = self.__dict__.setdefault("_kept", {})
        held = kept.get((name, run, groups is None))
        if held is None or held[0] is not groups:
            held = kept[name, run, groups is None] = (groups, make())
        return held[1]


class Recalls(Sample):
    """A classification whose measures are the recalls of its classes, by their places."""

    @classmethod
    def like(cls, sample: Sample) -> Recalls:
        """The same samples."""
        same = object.__new__(cls)
        same.__dict__.update(vars(sample))
        return same

    over_classes = ()

    def classes_of(self, name: str, places: list[int]) -> list[int]:
        """The class itself, if it is one of them."""
        return [place for place in places if str(place) == name]

    def weighted(
        self, run: int, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Recall of each class, for many weightings at once, see `Sample.weighted`."""
        recall, _, _ = _rates(self._counts(run, weights, groups))
        return {str(place): values for place, values in enumerate(recall.T)}


def _rates(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # recall, precision, F1 (…, classes); NaN for recall and F1 of classes that do not occur
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = hits / true, hits / predicted
        f1 = np.where(true > 0, 2 * hits / (true + predicted), np.nan)
    return recall, precision, f1


def _nanmean(rates: np.ndarray) -> np.ndarray:
    # (weightings, classes) → mean over the classes that occur, NaN where none does
    known = np.isfinite(rates)
    with np.errstate(invalid="ignore"):
        return np.where(known, rates, 0).sum(axis=1) / known.sum(axis=1)


def _regression(
    moments: tuple[np.ndarray, list[np.ndarray]], weights: np.ndarray
) -> dict[str, np.ndarray]:
    shift, terms = moments
    # No matrix product: its sums depend on the number of threads.
    size, *totals = [np.einsum("rs,s->r", weights, term) for term in terms]
    with np.errstate(invalid="ignore"):
        mean_x, mean_y, square_x, square_y, product, mse, mae = [total / size for total in totals]
    variance_x, variance_y = square_x - mean_x**2, square_y - mean_y**2
    covariance = product - mean_x * mean_y
    constant = (variance_x <= 1e-12 * square_x) | (variance_y <= 1e-12 * square_y)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = variance_x + variance_y + (mean_y - mean_x + shift) ** 2
        ccc = np.where(constant, 0.0, 2 * covariance / spread)
        pcc = np.where(constant, np.nan, covariance / np.sqrt(variance_x * variance_y))
    return {"mse": mse, "mae": mae, "ccc": ccc, "pcc": pcc}


def plain(value: float) -> float | None:
    """The number, or ``None`` where it is not finite, as JSON has it."""
    return float(value) if math.isfinite(value) else None


def mean_of(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Mean of each measure over the rows in which it is defined."""
    means = {}
    for name in rows[0]:
        values = [value for row in rows if (value := row[name]) is not None]
        means[name] = float(np.mean(values)) if values else None
    return means
