"""Folds: groups of speakers, stratified rows, or folds defined in the data."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from izwi.errors import UserError
from izwi.splits.own_column import note_ignored
from izwi.splits.report import Log, natural, shorten
from izwi.splits.speakers import speaker_advice
from izwi.splits.subsets import generator, strata
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import SplitSpec

DEALS = 100  # random deals of speakers that are compared


def assign_folds(spec: SplitSpec, frame: pd.DataFrame, speakers: pd.Series, log: Log) -> np.ndarray:
    """Give each row the fold in which it is tested.

    Args:
        spec: options of the split; ``logo`` wins over ``k_fold_cross``
        frame: rows of all tables, in an order that does not depend on the source
        speakers: who speaks in each row
        log: takes the remarks

    Returns:
        1..n, shape (rows,)

    Raises:
        UserError: if there are too few speakers or rows, or a speaker is missing
    """
    n = spec.get("logo") or spec["k_fold_cross"] or 0
    key = "[MODEL] logo" if spec.get("logo") else "[MODEL] k_fold_cross"
    if n < 2:
        raise UserError(f"{key}: {n} is too few, at least 2 folds are needed")
    for name, rows in frame.groupby("database", sort=False):
        note_ignored(str(name), rows, log, key)
    if not spec.get("logo"):
        return _stratified(n, key, frame, generator(spec["seed"], "k_fold_cross"), log)
    if "fold" in frame and frame["fold"].notna().any():
        return _own_folds(n, key, frame, log)
    return _speaker_groups(n, key, frame, speakers, generator(spec["seed"], "logo"), log)


def _own_folds(n: int, key: str, frame: pd.DataFrame, log: Log) -> np.ndarray:
    """The folds of the data, renumbered from 1 in their order."""
    missing = int(frame["fold"].isna().sum())
    if missing:
        raise UserError(
            f"{key}: {count(missing, 'row')} of {len(frame)} without a value in the column 'fold', "
            f"fill it for all rows of all databases or remove it"
        )
    values = frame["fold"]
    if pd.api.types.is_numeric_dtype(values):
        values = values.map("{:.15g}".format)
    names = natural(set(values))
    if len(names) < 2:
        raise UserError(f"{key}: the column 'fold' holds one fold only, remove it or name more")
    log.note(f"{key}: folds taken from the column 'fold'")
    if len(names) != n:
        log.warn(
            f"{key}: {count(n, 'fold')} wanted, the column 'fold' has {len(names)} and is used "
            "as given"
        )
    if names != [str(i + 1) for i in range(len(names))]:
        log.note(f"{key}: folds {shorten(names)} are numbered from 1")
    return values.map({name: i + 1 for i, name in enumerate(names)}).to_numpy(dtype=np.int64)


def _speaker_groups(
    n: int,
    key: str,
    frame: pd.DataFrame,
    speakers: pd.Series,
    rng: np.random.Generator,
    log: Log,
) -> np.ndarray:
    missing = speakers.isna()
    if missing.any():
        where = set(frame["database"][missing])
        empty = set(where) - set(frame["database"][~missing])
        known = frame.dropna(axis="columns", how="all").columns
        advice = next(filter(None, (speaker_advice(name, known) for name in sorted(empty))), "")
        raise UserError(
            f"{key}: groups of speakers need the speaker of every row, "
            f"{count(missing.sum(), 'row')} without in {shorten(where)}; "
            + (advice or "use k_fold_cross, or leave them out by <database>.required = speaker")
        )
    names = natural(set(speakers))
    if len(names) < 2:
        raise UserError(f"{key}: there is one speaker alone, {names[0]}: use k_fold_cross")
    if n > len(names):
        log.warn(
            f"{key}: {count(n, 'group')} of {count(len(names), 'speaker')}: each is a group of "
            "its own"
        )
        n = len(names)
    if n == len(names):
        return speakers.map({name: i + 1 for i, name in enumerate(names)}).to_numpy(dtype=np.int64)

    table = pd.crosstab(speakers, strata(frame["truth"])).loc[names].to_numpy()
    return speakers.map(dict(zip(names, deal(n, table, rng) + 1, strict=True))).to_numpy()


def deal(n: int, table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign speakers to groups of equal size (one more or less); keep the best of many draws.

    ``StratifiedGroupKFold`` hardly depends on its seed, and may leave groups empty.
    The best draw has the least spread of size and of each class over the groups.

    Args:
        n: number of groups
        table: rows of each speaker and class, shape (speakers, classes)
        rng: source of randomness

    Returns:
        group of each speaker, 0..n-1, shape (speakers,)
    """
    table = np.column_stack([table, table.sum(axis=1)]) / table.sum()
    best, least = np.zeros(0, dtype=int), np.inf
    for _ in range(DEALS):
        group = rng.permutation(np.arange(len(table)) % n)
        sums = np.zeros((n, table.shape[1]))
        np.add.at(sums, group, table)
        spread = sums.std(axis=0).sum().round(12)
        if spread < least:
            best, least = group, spread
    return best


def _stratified(
    n: int, key: str, frame: pd.DataFrame, rng: np.random.Generator, log: Log
) -> np.ndarray:
    if n > len(frame):
        raise UserError(
            f"{key}: {count(n, 'fold')} of {count(len(frame), 'row')}, {len(frame)} at most"
        )
    if "fold" in frame and frame["fold"].notna().any():
        log.note(f"{key}: the column 'fold' is not used, set MODEL.logo to use it")
    classes = strata(frame["truth"])
    if np.bincount(classes).max() < n:
        raise UserError(f"{key}: no class has {n} rows, use fewer folds")
    # Imported here, since it would double the time of most splits.
    from sklearn.model_selection import StratifiedKFold

    folds = np.zeros(len(frame), dtype=np.int64)
    splitter = StratifiedKFold(n, shuffle=True, random_state=int(rng.integers(2**32)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the check of the folds reports rare classes
        for i, (_, test) in enumerate(splitter.split(classes, classes)):
            folds[test] = i + 1
    return folds
