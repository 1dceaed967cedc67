"""95 % intervals of measures: by resampling speakers or samples, or by leaving speakers out.

Samples of one speaker resemble each other, so that an interval over samples is too narrow for what
a reader wants to know: how the figure would be with other speakers. With few speakers a percentile
interval over speakers is too narrow, too; there the t interval of the jackknife holds what it
promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from izwi.errors import UserError
from izwi.evaluation.measures import Sample, plain

RESAMPLES = 1000
METHODS = ("auto", "speakers", "samples", "jackknife")
ENOUGH_SPEAKERS = 20  # for a bootstrap over them
FEW_SPEAKERS = 10  # fewer are worth a warning
CELLS_AT_ONCE = 4_000_000  # weights held in memory at a time

Limits = dict[str, tuple[float | None, float | None]]


@dataclass(frozen=True)
class Intervals:
    """Low and high limit of each measure, by each method; ``None`` where there is none.

    Args:
        chosen: those of the method in use
        method: its name, for readers
        samples: percentiles of a bootstrap over samples
        speakers: percentiles of a bootstrap over speakers
        jackknife: t interval of the delete-one-speaker jackknife
    """

    chosen: Limits
    method: str
    samples: Limits
    speakers: Limits
    jackknife: Limits


def intervals(
    sample: Sample,
    speakers: Sequence[str | None] | None,
    *,
    seed: int,
    method: str = "auto",
    resamples: int = RESAMPLES,
) -> Intervals:
    """95 % intervals of each measure's mean over runs.

    They do not depend on the order of the samples. ``auto`` is the jackknife with fewer than 20
    speakers and the bootstrap over speakers with more; over samples where a sample has no speaker,
    or all have the same. Limits beyond the range of a measure are put at its end.

    Args:
        sample: at least one sample
        speakers: (samples) who speaks, such as ``<database>/<id>``; absent: not known
        seed: of the resamples
        method: one of :data:`METHODS`
        resamples: how many

    Raises:
        UserError: if a method over speakers is asked for and these are not known, or are but one
    """
    codes, count, lack = _codes(speakers)
    if lack and method in ("speakers", "jackknife"):
        raise UserError(
            f"[EXP] ci: {method} needs two speakers at least in the test set, there: {lack}; "
            "use samples"
        )
    by_samples = bootstrap(sample, None, seed=seed, resamples=resamples)
    if lack:
        nothing: Limits = dict.fromkeys(by_samples, (None, None))
        name = f"bootstrap over samples ({resamples})"
        if method == "auto":
            name += f", {lack}"
        return Intervals(by_samples, name, by_samples, nothing, nothing)
    by_speakers = bootstrap(sample, codes, seed=seed, resamples=resamples)
    left_out = jackknife(sample, codes)
    if method == "auto":
        method = "speakers" if count >= ENOUGH_SPEAKERS else "jackknife"
    chosen, name = {
        "samples": (by_samples, f"bootstrap over samples ({resamples})"),
        "speakers": (by_speakers, f"bootstrap over speakers ({resamples})"),
        "jackknife": (left_out, "jackknife over speakers (t)"),
    }[method]
    return Intervals(chosen, name, by_samples, by_speakers, left_out)


def by_method(
    sample: Sample, speakers: Sequence[str | None], *, seed: int, method: str = "auto"
) -> Limits:
    """Intervals by the method in use alone, as `intervals` chooses it.

    Args:
        sample: at least one sample
        speakers: (samples) who speaks
        seed: of the resamples
        method: one of :data:`METHODS`; over samples where speakers are not known
    """
    codes, count, lack = _codes(speakers)
    if lack or method == "samples":
        return bootstrap(sample, None, seed=seed, resamples=RESAMPLES)
    if method == "jackknife" or (method == "auto" and count < ENOUGH_SPEAKERS):
        return jackknife(sample, codes)
    return bootstrap(sample, codes, seed=seed, resamples=RESAMPLES)


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
        for size in _chunks(resamples, sample):
            drawn = random.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
            yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(float)

    limits: Limits = {}
    for name, values in _values(sample, weights(), groups).items():
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
        limits[name] = (plain(low), plain(high))
    return limits


def jackknife(sample: Sample, groups: np.ndarray) -> Limits:
    """t interval by leaving out each group in turn.

    The standard error is that of Tukey, √((g − 1)/g · Σᵢ (θ₍ᵢ₎ − mean of θ₍ᵢ₎)²) for g groups and
    the measure θ₍ᵢ₎ without group i; the t distribution has g − 1 degrees of freedom (Efron &
    Tibshirani, "An introduction to the bootstrap", 1993, chapter 11).

    Args:
        sample: at least one sample
        groups: (samples) number of the group that each belongs to, from 0; at least two groups

    Returns:
        no limits where the measure is undefined without one of the groups
    """
    from scipy import stats

    sample, groups = _in_order(sample, groups)
    n = int(groups.max()) + 1

    def weights() -> Iterator[np.ndarray]:
        begin = 0
        for size in _chunks(n, sample):
            chunk = np.ones((size, n))
            chunk[np.arange(size), np.arange(begin, begin + size)] = 0
            begin += size
            yield chunk

    whole = sample.mean_weighted(np.ones((1, n)), groups)
    quantile = stats.t.ppf(0.975, n - 1)
    limits: Limits = {}
    for name, without in _values(sample, weights(), groups).items():
        error = np.sqrt((n - 1) * np.var(without))
        least, most = sample.range_of(name)
        low, high = whole[name][0] - quantile * error, whole[name][0] + quantile * error
        limits[name] = (plain(max(low, least)), plain(min(high, most)))
    return limits


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


def _chunks(n: int, sample: Sample) -> Iterator[int]:
    step = max(1, CELLS_AT_ONCE // len(sample.truth))
    for begin in range(0, n, step):
        yield min(step, n - begin)


def _values(
    sample: Sample, weights: Iterator[np.ndarray], groups: np.ndarray | None
) -> dict[str, np.ndarray]:
    chunks = [sample.mean_weighted(chunk, groups) for chunk in weights]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
