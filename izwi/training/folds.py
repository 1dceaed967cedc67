"""Folds within the training rows, of whole speakers and recordings.

The search for options and the weights of ensembles rest on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi import splits
from izwi.errors import UserError
from izwi.wording import agreed, count

if TYPE_CHECKING:
    import numpy as np

    from izwi.training.fitting import Samples, TrainingSet

    Pairs = list[tuple[np.ndarray, np.ndarray]]

KEY = "[MODEL] tune"


def inner_folds(
    data: TrainingSet, *, folds: int, seed: int
) -> tuple[Pairs, str, list[str], list[str]]:
    """Divide training rows into folds of whole speakers, as ``MODEL.logo`` divides an experiment.

    If speakers are few, or a class has too few of them, there are fewer folds, so that every
    class is in every training part. If that is impossible, a training part may lack a class, but
    has at least two. Rows of unknown speakers are never scored. Speakers who share a recording stay
    together; if that leaves no such folds, a warning tells which recordings are parted. Without
    speakers the folds are of whole recordings, so that segments of one are never in both parts.

    Args:
        data: the rows
        folds: maximum number
        seed: of the experiment

    Returns:
        * pairs of row numbers, inner training and inner test
        * ``speakers``, ``samples`` or, where these are segments, ``recordings``
        * notes
        * warnings

    Raises:
        UserError: if the rows cannot be divided
    """
    import pandas as pd

    rows = data.train
    strata = splits.strata(pd.Series(data.truth[rows]))
    rng = splits.generator(seed, "tune")
    speakers = data.groups
    known = pd.Series(speakers).dropna() if speakers is not None else pd.Series(dtype=str)
    sources = splits.together(data.samples.sources(rows))
    if speakers is None or known.nunique() < 2:
        unit = "samples" if sources is None else "recordings"
        fold = _by_rows(strata, sources, folds, rng)
        who = "one speaker" if known.nunique() else "no speakers"
        warning = (
            f"{KEY}: the training samples have {who}, so the inner folds are made of {unit}, and "
            "the inner score is too optimistic"
        )
        return _pairs(rows, fold, fold >= 0), unit, [], [warning]
    names = sorted(known.unique())
    owner = pd.Categorical(speakers, categories=names).codes.astype(int)
    where = splits.named(owner, sources)
    group = splits.joined(where, sources)
    scored = owner >= 0
    pairs, complete = _by_speakers(data, group, scored, strata, folds, rng)
    notes, warnings = [], []
    shared = splits.parted(sources, where)
    if not pairs and len(shared):
        again = splits.generator(seed, "tune")
        pairs, complete = _by_speakers(data, where, scored, strata, folds, again)
        warnings.append(_parting(data, sources, shared))
    elif len(shared):
        several = agreed(len(shared), "has", "have")
        notes.append(
            f"{KEY}: {count(len(shared), 'recording')} {several} several speakers, who stay "
            f"together in the inner folds: {count(len(names), 'speaker')} are "
            f"{count(len(set(group[scored])), 'group')}"
        )
    if not pairs:
        raise UserError(
            f"{KEY}: the {len(names)} training speakers cannot be cut into folds that leave two "
            "classes to learn from; leave out tune"
        )
    if not complete:
        warnings.append(
            f"{KEY}: a class has training samples of one speaker only, so an inner fold lacks it"
        )
    if len(pairs) < folds:
        notes.append(
            f"{KEY}: {len(pairs)} inner folds instead of {folds}, of {count(len(names), 'speaker')}"
        )
    if number := int((~scored).sum()):
        notes.append(
            f"{KEY}: {count(number, 'training sample')} without a speaker "
            f"{agreed(number, 'is', 'are')} in no inner test fold"
        )
    return pairs, "speakers", notes, warnings


def _parting(data: TrainingSet, sources: np.ndarray | None, shared: np.ndarray) -> str:
    """Warning that recordings are in both parts of inner folds."""
    import numpy as np

    first = data.train[np.flatnonzero(sources == shared[0])[0]]
    such = "" if len(shared) == 1 else "such as "
    return (
        f"{KEY}: inner folds part {count(len(shared), 'recording')} of several speakers "
        f"({such}{data.samples.split['file'].iloc[first]}), as too few groups are left if the "
        "speakers of a recording stay together: the inner score may be too optimistic"
    )


def _by_speakers(
    data: TrainingSet,
    group: np.ndarray,
    scored: np.ndarray,
    strata: np.ndarray,
    folds: int,
    rng: np.random.Generator,
) -> tuple[Pairs, bool]:
    """As many folds of whole groups as possible with every class in every training part.

    Args:
        data: the rows
        group: speaker, or group of speakers, of each training row, 0 to n - 1, -1 if unknown
        scored: whether a training row may be in a test part
        strata: class of each training row
        folds: maximum number
        rng: source of randomness

    Returns:
        pairs of row numbers, none if there are no two folds that leave two classes to learn from;
        and whether every training part has every class
    """
    import numpy as np

    truth, labels = data.truth, data.labels
    counts = np.zeros((group.max() + 1, strata.max() + 1))
    np.add.at(counts, (group[scored], strata[scored]), 1)
    classes = len(np.unique(truth[data.train])) if labels is not None else 1
    spare: Pairs = []
    for number in range(min(folds, len(counts)), 1, -1):
        whole = number == len(counts)
        fold = np.arange(number) if whole else splits.deal(number, counts, rng)
        pairs = _pairs(data.train, np.where(group >= 0, fold[group], -1), scored)
        least = min(len(np.unique(truth[train])) for train, _ in pairs) if labels else 1
        if least >= classes:
            return pairs, True
        if not spare and least >= 2:
            spare = pairs
    return spare, False


def _by_rows(
    strata: np.ndarray, sources: np.ndarray | None, folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Fold of each row, stratified, with all rows of a recording in one."""
    import numpy as np

    pairs = splits.stratified_folds(strata, sources, folds, seed=int(rng.integers(2**32)))
    if not pairs:
        what = "samples" if sources is None else "recordings"
        raise UserError(
            f"{KEY}: without speakers, two training {what} of each class are needed; leave out tune"
        )
    fold = np.zeros(len(strata), dtype=int)
    for i, (_, test) in enumerate(pairs):
        fold[test] = i
    return fold


def strangers(samples: Samples, pool: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Rows without truth that share neither speaker nor recording with rows of a test part.

    Args:
        samples: all rows
        pool: row numbers
        test: row numbers
    """
    import numpy as np
    import pandas as pd

    own = np.concatenate([pool, test])
    away = np.ones(len(pool), dtype=bool)
    for values in (samples.speakers(own), samples.sources(own)):
        if values is not None:
            codes = pd.factorize(values)[0]
            there = codes[len(pool) :]
            away &= ~np.isin(codes[: len(pool)], there[there >= 0])
    return pool[away]


def _pairs(rows: np.ndarray, fold: np.ndarray, scored: np.ndarray) -> Pairs:
    numbers = sorted(set(fold[scored].tolist()))
    return [(rows[fold != number], rows[scored & (fold == number)]) for number in numbers]
