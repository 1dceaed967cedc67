"""95 % intervals of measures: by resampling speakers or samples, or by leaving speakers out.

Samples of one speaker resemble each other, so that an interval over samples is too narrow for what
a reader wants to know: how the figure of this fitted model would be with other speakers. The
default was chosen by simulation, see benchmarks/coverage.py and its table in docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from izwi.errors import UserError
from izwi.evaluation.measures import Sample, plain

RESAMPLES = 1000
METHODS = ("auto", "speakers", "samples", "jackknife")
FEW_SPEAKERS = 10  # fewer are worth a warning
ENOUGH_OF_A_CLASS = 5  # speakers
CELLS_AT_ONCE = 4_000_000  # weights held in memory at a time
LONG = 50_000  # resamples of so many are counted one by one, in the cache of the processor
NARROWEST = 1e-9  # an interval of no width says nothing

Limit = tuple[float | None, float | None]
Limits = dict[str, Limit]


@dataclass(frozen=True)
class Intervals:
    """Low and high limit of each measure, by each method; ``None`` where there is none.

    Args:
        chosen: those of the method in use
        method: its name, for readers
        samples: percentiles of a bootstrap over samples
        speakers: percentiles of a bootstrap over speakers
        jackknife: t interval of the delete-one-speaker jackknife
        reasons: measure → why the chosen method has no limits of it
        freedom: measure → degrees of freedom; empty if the method in use has none
    """

    chosen: Limits
    method: str
    samples: Limits
    speakers: Limits
    jackknife: Limits
    reasons: dict[str, str]
    freedom: dict[str, float]


def intervals(
    sample: Sample,
    speakers: Sequence[str | None] | None,
    *,
    seed: int,
    method: str = "auto",
    resamples: int = RESAMPLES,
) -> Intervals:
    """95 % intervals of each measure's mean over runs.

    They do not depend on the order of the samples. ``auto`` is the jackknife; the bootstrap over
    samples where a sample has no speaker, or all have the same. Where an interval would have no
    width, or would rest on a class of a single speaker, there are no limits but a reason.

    Args:
        sample: at least one sample
        speakers: (samples) who speaks, such as ``<database>/<id>``; absent: not known
        seed: of the resamples
        method: one of :data:`METHODS`
        resamples: how many

    Raises:
        UserError: if a method over speakers is asked for and these are not known, or are but one
    """
    codes, _, lack = _codes(speakers)
    if lack and method in ("speakers", "jackknife"):
        raise UserError(
            f"[EXP] ci: {method} needs two speakers at least in the test set, there: {lack}; "
            "use samples"
        )
    chosen, name, why = by_method(sample, speakers, seed=seed, method=method, resamples=resamples)
    way = "samples" if lack or method == "samples" else method.replace("auto", "jackknife")
    found = {way: chosen}
    for other in ("samples", "speakers", "jackknife"):
        if other == way:
            continue
        if other != "samples" and lack:
            found[other] = dict.fromkeys(chosen, (None, None))
        elif other == "jackknife":
            found[other] = jackknife(sample, codes)
        else:
            groups = None if other == "samples" else codes
            found[other] = bootstrap(sample, groups, seed=seed, resamples=resamples)
    freedom = {}
    if way == "jackknife":
        freedom = {measure: degrees_of_freedom(sample, codes, measure) for measure in chosen}
    return Intervals(chosen=chosen, method=name, reasons=why, freedom=freedom, **found)


def of_part(method: str, speakers: Sequence[str | None] | None) -> str:
    """The method that was asked for, or ``auto`` if some rows have too few speakers for it."""
    return "auto" if method != "samples" and _codes(speakers)[2] else method


def by_method(
    sample: Sample,
    speakers: Sequence[str | None] | None,
    *,
    seed: int,
    method: str = "auto",
    resamples: int = RESAMPLES,
) -> tuple[Limits, str, dict[str, str]]:
    """Intervals by one method alone: limits, its name for readers, and why some are missing.

    Args:
        sample: at least one sample
        speakers: (samples) who speaks
        seed: of the resamples
        method: one of :data:`METHODS`; over samples where speakers are not known
        resamples: how many
    """
    codes, _, lack = _codes(speakers)
    groups = None if lack or method == "samples" else codes
    if groups is not None and method != "speakers":
        limits, name = jackknife(sample, groups), "jackknife over speakers (t)"
    else:
        limits = bootstrap(sample, groups, seed=seed, resamples=resamples)
        name = f"bootstrap over {'samples' if groups is None else 'speakers'} ({resamples})"
        if lack and method != "samples":
            name += f", {lack}"
    return limits, name, reasons(sample, groups, limits)


def reasons(sample: Sample, groups: np.ndarray | None, limits: Limits) -> dict[str, str]:
    """Why measures have no limits, for those that have a value.

    Args:
        sample: at least one sample
        groups: (samples) number of the speaker, from 0; absent: each sample is its own
        limits: by a method of this module
    """
    whole = sample.mean_weighted(np.ones((1, len(sample.truth))))
    unit = "sample" if groups is None else "speaker"
    alone = _classes_of_one(sample, groups)
    found = {}
    for name, (low, _) in limits.items():
        if low is not None or not np.isfinite(whole[name][0]):
            continue
        of = sample.classes_of(name, alone)
        if of:
            who = ", ".join(repr(sample.labels[place]) for place in of)
            found[name] = f"a single {unit} has {who}: how it varies with others is unknown"
        elif _varies(sample, groups, name):
            found[name] = f"undefined without one of the {unit}s"
        else:
            found[name] = (
                f"it is the same without any one of the {unit}s: the interval would have no width"
            )
    return found


def bootstrap(sample: Sample, groups: np.ndarray | None, *, seed: int, resamples: int) -> Limits:
    """Percentile interval: 2.5 and 97.5 % of the measure over resamples.

    Each resample draws, with replacement, as many samples or groups as there are, the same for all
    runs; a group comes with all its samples (the cluster bootstrap of Davison & Hinkley,
    "Bootstrap methods and their application", 1997, 3.8). Resamples in which a measure is
    undefined are left out.

    Args:
        sample: at least one sample
        groups: (samples) number of the group that each belongs to, from 0; absent: over samples
        seed: of the resamples
        resamples: how many
    """
    sample, groups = _in_order(sample, groups)
    n = len(sample.truth) if groups is None else int(groups.max()) + 1
    random = np.random.default_rng(seed)

    def weights() -> Iterator[np.ndarray]:
        for size in _chunks(resamples, n):
            if n < LONG:
                drawn = random.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
                yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(float)
                continue
            counts = np.empty((size, n))
            for row in counts:
                row[:] = np.bincount(random.integers(n, size=n), minlength=n)
            yield counts

    alone = _classes_of_one(sample, groups)
    limits: Limits = {}
    for name, values in _values(sample, weights(), groups).items():
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
        limits[name] = _wide(low, high, not sample.classes_of(name, alone))
    return limits


def jackknife(sample: Sample, groups: np.ndarray) -> Limits:
    """t interval by leaving out each group in turn, on a scale without ends.

    The standard error is that of Tukey, √((g − 1)/g · Σᵢ (θ₍ᵢ₎ − mean of θ₍ᵢ₎)²) for g groups and
    the transformed measure θ₍ᵢ₎ without group i (Efron & Tibshirani, "An introduction to the
    bootstrap", 1993, chapter 11). Measures between 0 and 1 are taken on the logit scale,
    correlations by Fisher's z, errors by their logarithm; limits are transformed back. The degrees
    of freedom are those of :func:`degrees_of_freedom`.

    Args:
        sample: at least one sample
        groups: (samples) number of the group that each belongs to, from 0; at least two groups

    Returns:
        no limits where the measure is undefined without one of the groups, where a class is spoken
        by one alone, or where nothing varies
    """
    from scipy import stats

    sample, groups = _in_order(sample, groups)
    n = int(groups.max()) + 1
    whole = sample.mean_weighted(np.ones((1, n)), groups)
    limits: Limits = {}
    for name, without in without_each(sample, groups).items():
        value = whole[name][0]
        scale = _SCALES[sample.range_of(name)]
        with np.errstate(divide="ignore", invalid="ignore"):
            place, places = scale.there(value), scale.there(without)
            # At the end of a range, as without all errors, a replicate is infinitely far away.
            spread = places if np.isfinite(places).all() else without * scale.slope(value)
            error = np.sqrt((n - 1) * np.var(spread))
            freedom = degrees_of_freedom(sample, groups, name)
            reach = stats.t.ppf(0.975, freedom) * error
            low, high = scale.back(place - reach), scale.back(place + reach)
        limits[name] = _wide(low, high, error > NARROWEST)
    return limits


def without_each(sample: Sample, groups: np.ndarray) -> dict[str, np.ndarray]:
    """Each measure without each group in turn.

    Args:
        sample: at least one sample
        groups: (samples) number of the group that each belongs to, from 0

    Returns:
        measure → (groups), NaN where it is undefined, or would be a mean over fewer classes
    """
    sample, groups = _in_order(sample, groups)
    return _values(sample, _leaving_out(int(groups.max()) + 1), groups)


def of_difference(a: Sample, b: Sample, groups: np.ndarray, measure: str) -> Limit:
    """t interval of the difference of two models, a − b, on the same samples.

    The jackknife as in :func:`jackknife`: each group is left out of both at once, so what makes a
    group hard for both cancels. The difference needs no other scale; its degrees of freedom are
    those of the measure. Limits end where the measure's range does.

    Args:
        a: predictions of the first
        b: of the second, for the same samples in the same order
        groups: (samples) number of the group that each belongs to, from 0
        measure: a name that :func:`izwi.evaluation.measures.measures` returns

    Returns:
        no limits as in :func:`jackknife`, or of fewer than two groups
    """
    from scipy import stats

    n = int(groups.max()) + 1
    if n < 2:
        return None, None
    whole = [s.mean_weighted(np.ones((1, n)), groups)[measure][0] for s in (a, b)]
    without = without_each(a, groups)[measure] - without_each(b, groups)[measure]
    error = np.sqrt((n - 1) * np.var(without))
    reach = stats.t.ppf(0.975, degrees_of_freedom(a, groups, measure)) * error
    low, high = a.range_of(measure)
    found = np.clip(whole[0] - whole[1] + np.array([-reach, reach]), low - high, high - low)
    return _wide(float(found[0]), float(found[1]), error > NARROWEST)


def degrees_of_freedom(sample: Sample, groups: np.ndarray, measure: str) -> float:
    """Of the jackknife's t: Kish's effective number of groups, less one.

    A group's weight is its share of the samples, or the mean of its shares of the classes that the
    measure is a mean over. The effective number is 1/Σ weight² (Kish, "Survey sampling", 1965): as
    many as there are groups if all weigh the same, fewer the more uneven they are. As simulations
    show, errors have half as many degrees, since they vary so unevenly over speakers, and
    correlations four fifths. Never below one.

    Args:
        sample: at least one sample
        groups: (samples) number of the group that each belongs to, from 0
        measure: a name that :func:`izwi.evaluation.measures.measures` returns
    """
    counts = _class_counts(sample, groups)
    occurring = np.unique(sample.truth).tolist() if sample.labels else []
    of = [occurring.index(place) for place in sample.classes_of(measure, occurring)]
    shares = counts[:, of] if of else counts.sum(axis=1, keepdims=True)
    weights = (shares / shares.sum(axis=0)).mean(axis=1)
    freedom = float(1 / (weights**2).sum() - 1)
    return max(1.0, _SCALES[sample.range_of(measure)].worth * freedom)


class _Scale(NamedTuple):
    there: Callable[[Any], Any]
    back: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    worth: float = 1.0  # share of the degrees of freedom


def _logit(x: Any) -> Any:
    return np.log(x / (1 - x))


def _expit(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# Range of a measure → a scale without ends.
_SCALES = {
    (0.0, 1.0): _Scale(_logit, _expit, lambda x: 1 / (x * (1 - x))),
    (-1.0, 1.0): _Scale(np.arctanh, np.tanh, lambda x: 1 / (1 - x**2), 0.8),
    (0.0, math.inf): _Scale(np.log, np.exp, lambda x: 1 / x, 0.5),
    (-math.inf, math.inf): _Scale(lambda x: x, lambda x: x, lambda x: 1.0),  # of differences
}


def _wide(low: float, high: float, usable: bool) -> Limit:
    if not usable or not high - low > NARROWEST:
        return None, None
    return plain(low), plain(high)


def _leaving_out(n: int) -> Iterator[np.ndarray]:
    begin = 0
    for size in _chunks(n, n):
        chunk = np.ones((size, n))
        chunk[np.arange(size), np.arange(begin, begin + size)] = 0
        begin += size
        yield chunk


def _class_counts(sample: Sample, groups: np.ndarray | None) -> np.ndarray:
    # (groups, classes that occur) numbers of samples; of a regression one class
    if groups is None:
        groups = np.arange(len(sample.truth))
    truth = sample.truth if sample.labels else np.zeros(len(groups), int)
    size = max(1, len(sample.labels))
    n = int(groups.max()) + 1
    counts = np.bincount(groups * size + truth, minlength=n * size).reshape(n, size)
    return counts[:, counts.any(axis=0)]


def _classes_of_one(sample: Sample, groups: np.ndarray | None) -> list[int]:
    # places of the classes that a single group has
    if not sample.labels:
        return []
    counts = _class_counts(sample, groups)
    occurring = np.unique(sample.truth)
    return occurring[(counts > 0).sum(axis=0) == 1].tolist()


def _varies(sample: Sample, groups: np.ndarray | None, measure: str) -> bool:
    # whether the measure is not the same without each of the groups
    if groups is None:
        return False
    values = _values(sample, _leaving_out(int(groups.max()) + 1), groups)[measure]
    return not np.ptp(values) <= NARROWEST


def few_speakers(count: int | None) -> bool:
    """True where figures rest on too few speakers."""
    return count is not None and count < FEW_SPEAKERS


def _codes(speakers: Sequence[str | None] | None) -> tuple[np.ndarray, int, str]:
    # codes in the order of the names, their number, and why they cannot be used (or "")
    unknown = np.ones(0, bool) if speakers is None else pd.isna(np.asarray(speakers, dtype=object))
    if unknown.all():
        return np.zeros(0, int), 0, "no speakers known"
    if unknown.any():
        return np.zeros(0, int), 0, f"{unknown.sum()} of them without a speaker"
    names, codes = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    return codes, len(names), "one speaker" if len(names) == 1 else ""


def _in_order(sample: Sample, groups: np.ndarray | None) -> tuple[Sample, Any]:
    if groups is None:
        return sample.part(sample.order()), None
    order = sample.order(groups)
    return sample.part(order), groups[order]


def _chunks(n: int, width: int) -> Iterator[int]:
    step = max(1, CELLS_AT_ONCE // width)
    for begin in range(0, n, step):
        yield min(step, n - begin)


def _values(
    sample: Sample, weights: Iterator[np.ndarray], groups: np.ndarray | None
) -> dict[str, np.ndarray]:
    # A mean over fewer classes is another measure: undefined.
    present = (_class_counts(sample, groups) > 0).astype(float)
    chunks = []
    for chunk in weights:
        values = sample.mean_weighted(chunk, groups)
        if sample.over_classes and sample.labels:
            lacking = (chunk @ present < 1).any(axis=1)
            for name in sample.over_classes:
                values[name] = np.where(lacking, np.nan, values[name])
        chunks.append(values)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
