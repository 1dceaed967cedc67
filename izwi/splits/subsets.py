"""Seeded choice of rows and speakers, independent of the order of the rows."""

from __future__ import annotations

import hashlib
import itertools
import math

import numpy as np
import pandas as pd

from izwi.errors import UserError

CANDIDATES = 1000  # speaker sets compared where there are too many to try all
ORDER = ["database", "file", "start", "end"]
TRUTH_BINS = 5  # classes into which a continuous target is cut for stratification


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers for one purpose, the same on every machine."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])


def share_of(number: int, percent: float) -> int:
    """So many percent of a number: rounded down, at least 1."""
    return max(1, math.floor(number * percent / 100 + 1e-9))


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows in an order that does not depend on the source; the index is kept."""
    return frame.sort_values([c for c in ORDER if c in frame], kind="stable")


def quantile_bins(values: pd.Series, bins: int) -> pd.Series:
    """Cut numbers at their quantiles; equal numbers fall into one bin."""
    return pd.qcut(values, bins, labels=False, duplicates="drop")


def strata(truth: pd.Series) -> np.ndarray:
    """Classes for stratification: the labels, or quantile bins of a number, as int codes."""
    if pd.api.types.is_numeric_dtype(truth):
        truth = quantile_bins(truth, TRUTH_BINS)
    return pd.factorize(truth, sort=True, use_na_sentinel=False)[0]


def best_subset(
    speakers: np.ndarray,
    columns: list[tuple[np.ndarray, float]],
    *,
    number: int,
    share: float,
    size_weight: float,
    rng: np.random.Generator,
    complete: bool = False,
) -> np.ndarray:
    """Choose the speakers whose rows are most like the rows of the others.

    All sets of that many speakers are compared, or ``CANDIDATES`` random ones where there are
    more. Cost: weighted mean of the Jensen-Shannon distances (base 2) between the chosen and the
    other rows in each column, and of the difference between the wanted and real share of rows.

    Args:
        speakers: speaker of each row, shape (rows,)
        columns: pairs of the category of each row, int codes of shape (rows,), and a weight
        number: how many speakers to choose
        share: wanted share of the rows, 0..1
        size_weight: weight of the difference in size
        rng: source of the random sets
        complete: first of all keep every category of the first column among the others, then
            have it among the chosen

    Returns:
        the chosen speakers, sorted
    """
    from scipy.spatial.distance import jensenshannon

    names, codes = np.unique(speakers, return_inverse=True)
    if math.comb(len(names), number) <= CANDIDATES:
        sets = np.array(list(itertools.combinations(range(len(names)), number)))
    else:
        sets = np.array([rng.permutation(len(names))[:number] for _ in range(CANDIDATES)])
    chosen = np.zeros((len(sets), len(names)))
    np.put_along_axis(chosen, sets, 1, axis=1)

    cost = size_weight * np.abs(chosen @ np.bincount(codes) / len(codes) - share)
    for categories, weight in columns:
        table = np.zeros((len(names), categories.max() + 1))
        np.add.at(table, (codes, categories), 1)
        inside = chosen @ table
        outside = table.sum(axis=0) - inside
        with np.errstate(invalid="ignore"):  # equal distributions may round below 0
            distance = np.nan_to_num(jensenshannon(inside, outside, base=2, axis=1))
        cost += weight * distance
    cost /= size_weight + sum(weight for _, weight in columns) or 1
    if complete:
        table = np.zeros((len(names), columns[0][0].max() + 1))
        np.add.at(table, (codes, columns[0][0]), 1)
        inside = chosen @ table
        lost = (table.sum(axis=0) - inside == 0).sum(axis=1)
        cost += 1000 * lost + 2 * (inside == 0).sum(axis=1)
    return names[np.sort(sets[np.argmin(cost.round(12))])]


def stratified_sample(classes: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Choose a share of the rows of each class; a class's last row is never taken.

    Args:
        classes: class of each row, shape (rows,)
        share: 0..1
        rng: source of randomness

    Returns:
        bool array, shape (rows,); at least one is true
    """
    chosen = np.zeros(len(classes), dtype=bool)
    for name in np.unique(classes):
        rows = rng.permutation(np.flatnonzero(classes == name))
        chosen[rows[: min(max(1, math.floor(len(rows) * share + 1e-9)), len(rows) - 1)]] = True
    if not chosen.any():
        chosen[rng.integers(len(classes))] = True
    return chosen


def dev_from_train(
    frame: pd.DataFrame, train_rows: np.ndarray, *, seed: int, share: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Take a dev part out of the training rows, for the early stopping of nets.

    Whole speakers are taken, at least one, such that no class vanishes from train and, where
    possible, none is absent from dev. Speakers who share recordings go together, unless that makes
    all of them one group. Rows of unknown speaker stay in train, unless their recording has a known
    one. With fewer than two speakers whole recordings are taken, stratified by class; a recording
    is one row, if it is not cut into segments.

    Args:
        frame: a split, or all rows in the same order, with the columns ``speaker`` (as in the
            split) and ``truth``, each optional
        train_rows: row numbers, shape (rows,)
        seed: of the choice
        share: of the speakers (or rows) to take, 0..1

    Returns:
        row numbers of train and of dev, ascending

    Raises:
        UserError: if there are fewer than two rows, or they are of one recording
    """
    from izwi.splits.sources import joined, named, recordings

    if len(train_rows) < 2:
        raise UserError("[DATA] split_strategy: train has fewer than 2 rows, none left for dev")
    rows = in_order(frame.iloc[train_rows].set_axis(np.asarray(train_rows), axis=0))
    rng = generator(seed, "dev")
    truth = strata(rows["truth"]) if "truth" in rows else np.zeros(len(rows), dtype=int)
    sources = recordings(rows)
    known = rows["speaker"].dropna() if "speaker" in rows else pd.Series(dtype=str)
    if known.nunique() < 2:
        dev = (
            stratified_sample(truth, share, rng)
            if sources is None
            else _whole_recordings(truth, sources, share, rng)
        )
    else:
        speakers = named(pd.factorize(rows["speaker"], sort=True)[0], sources)
        group = joined(speakers, sources)
        if group.max() < 1:
            group = speakers
        there = group >= 0
        chosen = best_subset(
            group[there],
            [(truth[there], 1.0)],
            number=share_of(int(group.max()) + 1, 100 * share),
            share=share,
            size_weight=1.0,
            rng=rng,
            complete=True,
        )
        dev = np.isin(group, chosen)
    return np.sort(rows.index[~dev].to_numpy()), np.sort(rows.index[dev].to_numpy())


def _whole_recordings(
    truth: np.ndarray, sources: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """As `stratified_sample`, of recordings: no class vanishes from the other rows."""
    from izwi.splits.sources import of_sources

    if sources.max() < 1:
        raise UserError("[DATA] split_strategy: train has one recording alone, none left for dev")
    dev = stratified_sample(of_sources(truth, sources), share, rng)[sources]
    lost = np.isin(truth, np.setdiff1d(truth, truth[~dev]))
    # A recording with samples of several classes may have the only ones of a rare class.
    if (kept := dev & ~np.isin(sources, sources[lost])).any():
        return kept
    return dev
