"""Checks of a split, and warnings about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from izwi.data import spelling
from izwi.data.description import sex_of
from izwi.errors import Problems, UserError
from izwi.splits.parts import folds
from izwi.splits.report import Log, shorten
from izwi.splits.speakers import like_speaker, speaker_keys
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import SplitSpec

# What is told of ids that several databases have; the methods text knows it by this.
DIFFERENT_PEOPLE = "of several databases on both sides of the split count as different people"
# Of so many people several databases do not have the same ages by chance.
_SEVERAL = 3


def check_parts(
    spec: SplitSpec, split: pd.DataFrame, truth: pd.Series, labels: list[str], log: Log
) -> None:
    """Check that train and test hold rows and train two classes; warn of missing classes.

    Raises:
        UserError: if a part is empty, or train or all holds one class
    """
    problems, key = Problems(), _key(spec)
    numbers = 0
    absent: dict[str, dict[str, int]] = {"train": {}, "dev": {}, "test": {}}
    unseen: dict[str, int] = {}
    used = truth[truth.isin(labels)] if labels else truth.dropna()
    if used.nunique() == 1:
        if labels:
            raise UserError(
                f"[DATA] target: all {count(len(used), 'row')} are of one class, {used.iloc[0]}: "
                "check labels, mapping and filters"
            )
        log.warn(
            f"[DATA] target: all {count(len(used), 'row')} have one value, {used.iloc[0]:g}: there "
            "is nothing to learn"
        )
    for number, train, dev, test in folds(split):
        numbers += 1
        where = f"fold {number}: " if number else ""
        for part, rows in (("train", train), ("test", test)):
            if not len(rows):
                problems.add(f"{key}: {where}no row in {part}: {_why(spec, split)}")
        missing = int(truth.iloc[dev].isna().sum())
        if not spec.get("unlabelled"):
            missing += int(truth.iloc[train].isna().sum())
        if missing:
            problems.add(
                f"[DATA] target: {where}{count(missing, 'row')} in train or dev without a value"
            )
        if not labels or not len(train) or not len(test):
            continue
        classes = truth.iloc[train].dropna().unique()
        if len(classes) < 2:
            problems.add(
                f"{key}: {where}train holds one class only, {shorten(classes)}: {_why(spec, split)}"
            )
        for part, rows in (("train", train), ("dev", dev), ("test", test)):
            there = truth.iloc[rows].value_counts()
            for label in labels:
                if len(rows) and label not in there:
                    absent[part][label] = absent[part].get(label, 0) + 1
            if part == "test":
                for label, rows_of in there.items():
                    if label not in classes:
                        unseen[label] = unseen.get(label, 0) + int(rows_of)
    problems.raise_if_any()

    if unseen:
        shown = ", ".join(f"{label} ({count(n, 'row')})" for label, n in sorted(unseen.items()))
        log.warn(f"{key}: classes in test that train never sees: {shown}")
    for part, classes in absent.items():
        names = [label for label in labels if label in classes]
        if part == "train":
            names = [label for label in names if label not in unseen]
        if numbers > 1:
            names = [f"{name} ({classes[name]} of {numbers} folds)" for name in names]
        if names:
            log.warn(f"{key}: classes absent from {part}: {', '.join(names)}")


def _key(spec: SplitSpec) -> str:
    """The option that made the split."""
    for key in ("logo", "k_fold_cross"):
        if spec.get(key):
            return f"[MODEL] {key}"
    return "[DATA] split_strategy"


def _why(spec: SplitSpec, split: pd.DataFrame) -> str:
    """The part of each database, and what to do."""
    if split["fold"].any():
        return "take other folds"
    lines = []
    for name, rows in split.groupby("database", sort=False):
        parts = rows["part"][rows["part"] != ""].value_counts()
        options = spec.get("databases", {}).get(name) or {}
        strategy = options.get("split_strategy")
        by = "" if strategy is None else f" (split_strategy = {strategy})"
        numbers = ", ".join(f"{n} {part}" for part, n in parts.items()) or "unused"
        lines.append(f"{name} is {numbers}{by}")
    return (
        "; ".join(lines) + "; add a database for the missing part (split_strategy = train or test, "
        "or trains and tests), or split one by speaker_split or a list of test speakers"
    )


def check_speakers(spec: SplitSpec, split: pd.DataFrame, frame: pd.DataFrame, log: Log) -> None:
    """Check that speaker-disjoint strategies keep speakers apart; warn of unknown speakers.

    The leakage audit checks other strategies, and audio that is in two parts.

    Raises:
        UserError: if a speaker is in two parts, for example with an id in two databases
    """
    used = split["speaker"][split["part"] != ""]
    if used.isna().any():
        log.note(
            f"{_key(spec)}: {count(int(used.isna().sum()), 'row')} of unknown speaker, "
            f"not known whether in several parts"
        )
        _nameless(split, frame, log)
    problems = Problems()
    if not spec.get("same_speakers"):
        _same_ids(split, frame, log)
    _check_alike(spec, split, frame, log, problems)
    if split["fold"].any() or spec.get("strategy") == "cross_data":
        problems.raise_if_any()
        return
    _, train, dev, test = next(folds(split))
    seen = split.iloc[np.concatenate([train, dev])]
    for name, rows in split.iloc[test].groupby("database", sort=False):
        strategy = _disjoint(spec, name, frame)
        both = seen[seen["speaker"].isin(rows["speaker"].dropna())]
        if strategy and len(both):
            problems.add(
                f"[DATA] {name}.split_strategy: {strategy} promises test speakers that nothing is "
                f"trained on, but {shorten(set(both['speaker']))} "
                f"{'are' if both['speaker'].nunique() > 1 else 'is'} in train or dev with rows of "
                f"{shorten(set(both['database']))}: leave them out there by a filter, or set "
                f"{name}.split_strategy = test if they may be shared"
            )
    problems.raise_if_any()


def _nameless(split: pd.DataFrame, frame: pd.DataFrame, log: Log) -> None:
    """Warn of databases without a speaker whose column looks as if it held them."""
    for name, rows in split[split["part"] != ""].groupby("database", sort=False):
        own = frame.loc[rows.index].dropna(axis="columns", how="all")
        column = None if rows["speaker"].notna().any() else like_speaker(own)
        # Where each row has another, none is in two parts.
        if column is not None and own[column].duplicated().any():
            log.warn(
                f"[DATA] {name}: its column '{column}' looks like speakers and is not used, so "
                "that one may be in train and test, and intervals are not over speakers: set "
                f"{name}.colnames = {{'{column}': 'speaker'}}"
            )


def _same_ids(split: pd.DataFrame, frame: pd.DataFrame, log: Log) -> None:
    """Tell of ids that one database has on one side of the split and another on the other.

    Where the databases differ in a sex or an age, ids are surely not those of the same people;
    where they agree on the ages of several, they most likely are.
    """
    used = frame[split["part"].ne("") & frame["speaker"].notna()]
    if used["database"].nunique() < 2:
        return
    part = split["part"].loc[used.index]
    side = part if split["fold"].any() else part.eq("test")
    who = speaker_keys(used, same_speakers=True)
    seen = pd.DataFrame({"who": who, "side": side, "database": used["database"]}).drop_duplicates()
    pairs = seen.merge(seen, on="who", suffixes=("", "_other"))
    across = pairs["side"].ne(pairs["side_other"]) & pairs["database"].ne(pairs["database_other"])
    ids = set(pairs["who"][across])
    rows = used.assign(who=who)[who.isin(ids)]
    likely = False
    for name in ("gender", "age"):
        if ids and name in rows:
            told = rows.dropna(subset=name)
            values = told[name].map(sex_of).groupby(told["who"]).nunique()
            several = told.groupby("who")["database"].nunique().gt(1)
            if (values[several] > 1).any():
                return
            likely |= name == "age" and int(several.sum()) >= _SEVERAL
    if not ids:
        return
    tell = log.warn if likely else log.note
    tell(
        f"[DATA] same_speakers: {count(len(ids), 'speaker id')} {DIFFERENT_PEOPLE} "
        f"({shorten(ids)}){', though the ages are the same' if likely else ''}: if they are the "
        "same people, set same_speakers = True"
    )


def _check_alike(
    spec: SplitSpec, split: pd.DataFrame, frame: pd.DataFrame, log: Log, problems: Problems
) -> None:
    """Ids of one database that differ in case or look alone are most likely one speaker."""
    used = split[split["part"].ne("") & split["speaker"].notna()]
    folds_of = used["fold"].any()
    side = used["fold"] if folds_of else used["part"].eq("test")
    sides = side.groupby(used["speaker"]).agg(set)
    for same in spelling.alike(sides.index):
        name = str(used.loc[used["speaker"].eq(same[0]), "database"].iloc[0])
        ids = [key.removeprefix(f"{name}/") for key in same]
        line = (
            f"[DATA] {name}: the speakers {' and '.join(ids)} differ {spelling.differ(ids)}: if "
            f"they are one, {name}.mapping = {{'speaker': {{'{ids[1]}': '{ids[0]}'}}}}, else give "
            "them other names so"
        )
        promised = spec.get("logo") if folds_of else _disjoint(spec, name, frame)
        if promised and len(set.union(*sides[same])) > 1:
            problems.add(f"{line}; the split puts them on both sides")
        else:
            log.warn(line)


def _disjoint(spec: SplitSpec, name: str, frame: pd.DataFrame) -> str:
    """The strategy of a database if it promises that each speaker is in one part only."""
    stated = (spec.get("databases", {}).get(name) or {}).get("split_strategy")
    if isinstance(stated, list | tuple):
        return "a list of test speakers"
    if stated in ("speaker_split", "speakers_stated", "balanced"):
        return stated
    if stated in (None, "reuse", "train_test"):
        rows = frame[frame["database"] == name]
        if "part" not in rows or rows["part"].isna().all():
            return "speaker_split"
    return ""
