"""Comparison of two experiments on the same test set, with a permutation test.

Both predict the same speakers, so they are compared speaker by speaker. If they were equally good,
it would not matter which of the two a speaker's predictions came from: the test swaps the
predictions of whole speakers between both, in all ways or many, and asks how often the measures
then lie as far apart as they do (a permutation test of paired data: Fisher, "The design of
experiments", 1935, III.21; Good, "Permutation, parametric and bootstrap tests of hypotheses",
2005).

For a measure that is a sum over samples this is the sign-flip test of each speaker's share d of the
difference, of which the swap turns the sign:

========  ==========================================================================================
accuracy  d = (hits of a - hits of b) / n
uar       d = Σ over classes c of (hits of a - hits of b among the speaker's samples of c) / (K n_c)
          for K classes in the truth of the test set and n_c samples of class c in all of it
mse, mae  d = (sum of the errors of a - that of b) / n
========  ==========================================================================================

A speaker need not have all classes, and the shares add up to the difference of the measures. F1,
EER, CCC and PCC have no such shares; they are computed anew for each swap, which is as exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from izwi.data.csv_files import KEY
from izwi.evaluation.eer import Scores, Swaps, equal_error_rate
from izwi.evaluation.holm import holm
from izwi.evaluation.intervals import CELLS_AT_ONCE, Limit, of_difference
from izwi.evaluation.measures import Sample, direction, plain
from izwi.wording import count

PATTERNS = 2**15
EXACT_SPEAKERS = 15
FEWEST_SPEAKERS = 6  # of five, the smallest two-sided p is 2/32
LEVEL = 0.05
NOT_TESTABLE = "not testable"
MCNEMAR = "mcnemar_p (accuracy, assumes independent samples)"
COLUMNS = (
    *("a", "b", "measure", "value_a", "value_b", "difference", "ci_low", "ci_high"),
    *("n", "n_speakers", "test", "p", "p_holm", "verdict", MCNEMAR),
)


@dataclass(frozen=True)
class Comparison:
    """Two experiments on the same test set.

    Args:
        value_a: measure of the first, mean over runs; ``None`` where it is undefined
        value_b: of the second
        p: two-sided, ``None`` where it cannot be had
        test: what was done, or why it was not: then it begins with ``not testable``
        n: samples with a truth
        n_speakers: speakers of these, ``None`` where they are not known
        mcnemar: p of McNemar's exact test, see :func:`mcnemar`
        ci: 95 % interval of the difference over speakers, see
            :func:`izwi.evaluation.intervals.of_difference`; ``None`` where these are not known
    """

    value_a: float | None
    value_b: float | None
    p: float | None
    test: str
    n: int
    n_speakers: int | None
    mcnemar: float | None = None
    ci: Limit = (None, None)

    @property
    def difference(self) -> float | None:
        """First minus second."""
        if self.value_a is None or self.value_b is None:
            return None
        return self.value_a - self.value_b


def compare(
    a: pd.DataFrame,
    b: pd.DataFrame,
    measure: str,
    *,
    task: str,
    labels: Sequence[str] | None = None,
    seed: int,
) -> Comparison:
    """Compare two experiments by swapping speakers.

    Up to 15 speakers all swaps are tried, with more 2¹⁵ - 1 random ones beside the observed one.
    Runs are compared in pairs, the first with the first and so on, if both have as many, else each
    with each; the difference is the mean over the pairs.

    Args:
        a: predictions as ``docs/data_contracts.md`` defines them
        b: the same of the second experiment
        measure: a name that :func:`izwi.evaluation.measures.measures` returns
        task: ``classification`` or ``regression``
        labels: classes, ordered; needed for the EER alone
        seed: of random swaps
    """
    runs_a, runs_b = _runs(a), _runs(b)
    n = len(runs_a[0]) if runs_a else 0
    if not n or not _same(runs_a, runs_b):
        reason = "no truth" if not n else "different test sets"
        return Comparison(None, None, None, f"{NOT_TESTABLE}: {reason}", n, None)
    names = _labels([*runs_a, *runs_b], labels) if task == "classification" else []
    first, second = (_sample(runs, task, names, measure) for runs in (runs_a, runs_b))
    value_a, value_b = _mean(first, measure), _mean(second, measure)
    accurate = task == "classification" and len(runs_a) == len(runs_b) == 1
    by_samples = mcnemar(first, second) if accurate else None
    speakers = runs_a[0]["speaker"]
    known = int(speakers.nunique())
    reason = ""
    if value_a is None or value_b is None:
        reason = f"{measure} is undefined"
    elif speakers.isna().any():
        reason = "samples without a speaker" if known else "no speakers known"
    if reason:
        test = f"{NOT_TESTABLE}: {reason}"
        return Comparison(value_a, value_b, None, test, n, known or None, by_samples)
    codes = np.unique(speakers.to_numpy(dtype=str), return_inverse=True)[1]
    limits = of_difference(first, second, codes, measure)
    if known < FEWEST_SPEAKERS:
        p, test = None, f"{NOT_TESTABLE}: {count(known, 'speaker')}, {FEWEST_SPEAKERS} are needed"
    else:
        p, test = _swapped(first, second, codes, measure, seed)
    return Comparison(value_a, value_b, p, test, n, known, by_samples, limits)


def shares(a: Sample, b: Sample, groups: np.ndarray, measure: str) -> np.ndarray:
    """Each speaker's share of the difference between two experiments; they add up to it.

    Args:
        a: predictions of the first
        b: of the second, for the same samples in the same order
        groups: (samples) number of the speaker, from 0
        measure: ``accuracy``, ``uar``, ``mse`` or ``mae``, see the head of this module

    Returns:
        (speakers), mean over runs
    """
    if measure in ("mse", "mae"):
        power = 2 if measure == "mse" else 1
        of = [(np.abs(s.predictions - s.truth) ** power).mean(axis=0) for s in (a, b)]
        weight = np.full(len(a.truth), 1 / len(a.truth))
    elif measure in ("accuracy", "uar"):
        of = [(s.predictions == s.truth).mean(axis=0) for s in (a, b)]
        _, classes, counts = np.unique(a.truth, return_inverse=True, return_counts=True)
        uar = 1 / (len(counts) * counts[classes])
        weight = uar if measure == "uar" else np.full(len(a.truth), 1 / len(a.truth))
    else:
        raise ValueError(f"{measure} is not a sum over samples")
    return np.bincount(groups, weights=(of[0] - of[1]) * weight)


def mcnemar(a: Sample, b: Sample) -> float:
    """McNemar's exact test of whether two classifiers are equally often right.

    Two-sided, by the binomial distribution of the samples on which one alone is right (McNemar,
    Psychometrika 12, 1947). It takes samples for independent, which those of one speaker are not.

    Args:
        a: predictions of the first, one run
        b: of the second, for the same samples in the same order
    """
    from scipy import stats

    right_a, right_b = a.predictions[0] == a.truth, b.predictions[0] == b.truth
    alone = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return float(stats.binomtest(alone[0], sum(alone)).pvalue) if sum(alone) else 1.0


def comparisons(
    experiments: Mapping[str, pd.DataFrame],
    measure: str,
    *,
    task: str,
    labels: Sequence[str] | None = None,
    seed: int,
    pairs: Iterable[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """All comparisons of a table, with Holm's correction over them.

    Args:
        experiments: name → predictions
        measure: as for :func:`compare`
        task: as for :func:`compare`
        labels: as for :func:`compare`
        seed: as for :func:`compare`
        pairs: names of those to compare; absent: each with each

    Returns:
        ``a, b, measure, value_a, value_b, difference, ci_low, ci_high, n, n_speakers, test, p,
        p_holm, verdict`` (``a is better``, ``b is better``, ``no significant difference``,
        ``not testable``) and McNemar's p in a column that says what it assumes
    """
    pairs = list(itertools.combinations(experiments, 2) if pairs is None else pairs)
    found = [
        compare(experiments[a], experiments[b], measure, task=task, labels=labels, seed=seed)
        for a, b in pairs
    ]
    corrected = holm([one.p for one in found])
    return pd.DataFrame(
        [
            {
                "a": a,
                "b": b,
                "measure": measure,
                "value_a": one.value_a,
                "value_b": one.value_b,
                "difference": one.difference,
                "ci_low": one.ci[0],
                "ci_high": one.ci[1],
                "n": one.n,
                "n_speakers": one.n_speakers,
                "test": one.test,
                "p": one.p,
                "p_holm": p,
                "verdict": _verdict(one, p, measure),
                MCNEMAR: one.mcnemar,
            }
            for (a, b), one, p in zip(pairs, found, corrected, strict=True)
        ],
        columns=COLUMNS,
    )


def _verdict(one: Comparison, p: float | None, measure: str) -> str:
    if p is None:
        return NOT_TESTABLE
    if p >= LEVEL:
        return "no significant difference"
    assert one.difference is not None, "a comparison with a p value has one"
    return "a is better" if direction(measure) * one.difference > 0 else "b is better"


def _runs(predictions: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows with a truth of each run, in an order that both experiments share."""
    if "speaker" not in predictions:
        predictions = predictions.assign(speaker=None)
    labelled = predictions[predictions["truth"].notna()]
    # The table may list a file twice, with two labels.
    by = [*KEY, "truth"]
    return [
        run.sort_values(by, kind="stable", ignore_index=True)
        for _, run in labelled.groupby("run", sort=True)
    ]


def _same(runs_a: list[pd.DataFrame], runs_b: list[pd.DataFrame]) -> bool:
    if not runs_b:
        return False
    # All missing values are equal, whatever stands for them.
    first, second = (
        runs[0][[*KEY, "speaker", "truth"]].astype(object).fillna("") for runs in (runs_a, runs_b)
    )
    return first.equals(second)


def _labels(runs: list[pd.DataFrame], labels: Sequence[str] | None) -> list[str]:
    occurring = {label for run in runs for name in ("truth", "prediction") for label in run[name]}
    return [*(labels or []), *sorted(occurring - {*(labels or [])})]


def _sample(runs: list[pd.DataFrame], task: str, labels: list[str], measure: str) -> Sample:
    sample = Sample.of_runs(runs, task, labels)
    if measure != "eer":
        sample.scores = None  # it would be computed for each swap
    return sample


def _mean(sample: Sample, measure: str) -> float | None:
    return plain(sample.mean_weighted(np.ones((1, len(sample.truth))))[measure][0])


def _swapped(a: Sample, b: Sample, codes: np.ndarray, measure: str, seed: int) -> tuple[float, str]:
    """p of the swaps of speakers, and what was done."""
    n = int(codes.max()) + 1
    exact = n <= EXACT_SPEAKERS
    groups = np.concatenate([codes, n + codes])
    n_a, n_b = len(a.predictions), len(b.predictions)
    same = n_a == n_b
    pairs = [(i, i) for i in range(n_a)] if same else itertools.product(range(n_a), range(n_b))
    both = [a.of_run(i).joined(b.of_run(j)) for i, j in pairs]
    step = max(1, CELLS_AT_ONCE // max(2 * n, len(a.labels) ** 2))
    of_scores = [
        Scores(one.truth, one.scores[0], groups, 2 * n)
        for one in both
        if measure == "eer" and one.scores is not None
    ]
    differences = []
    for swap in _patterns(n, exact, seed, step):
        if of_scores:
            rates = [equal_error_rate(kept, Swaps(swap)).reshape(2, -1) for kept in of_scores]
            differences.append(np.mean([there - back for there, back in rates], axis=0))
            continue
        there, back = np.hstack([1 - swap, swap]), np.hstack([swap, 1 - swap])
        differences.append(
            np.mean(
                [
                    pair.mean_weighted(there, groups)[measure]
                    - pair.mean_weighted(back, groups)[measure]
                    for pair in both
                ],
                axis=0,
            )
        )
    found = np.abs(np.concatenate(differences))
    # A swap without a figure counts against the difference; equal is equal but for rounding.
    reached = ~(found < found[0] - 1e-10 * np.nanmax(found))
    p = float(np.mean(reached))
    swaps = f"all {2**n}" if exact else f"{PATTERNS} random"
    return p, f"permutation over {n} speakers, {swaps} swaps"


def _patterns(n: int, exact: bool, seed: int, step: int) -> Iterator[np.ndarray]:
    """Chunks of (swaps, speakers), 1 where a speaker is swapped; the first swaps none."""
    if exact:
        # Swapping all others instead only changes the sign, so half of the swaps are enough.
        numbers = np.arange(2 ** (n - 1))
        swaps = (numbers[:, None] >> np.arange(n)) & 1
    else:
        swaps = np.random.default_rng(seed).integers(0, 2, size=(PATTERNS, n), dtype=np.int8)
        swaps[0] = 0
    for begin in range(0, len(swaps), step):
        yield swaps[begin : begin + step].astype(float)
