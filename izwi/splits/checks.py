"""What must hold of a split, and what the user should know about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from izwi.errors import Problems, UserError
from izwi.splits.parts import folds
from izwi.splits.report import Log, count, shorten


def check_parts(
    spec: dict[str, Any],
    split: pd.DataFrame,
    truth: pd.Series,
    labels: list[str],
    log: Log,
) -> None:
    """Train and test hold rows, train two classes at least; missing classes are told.

    Raises:
        UserError: if a part is empty, or train or all holds one class
    """
    problems, key = Problems(), _key(spec)
    numbers, absent = 0, {"train": {}, "dev": {}, "test": {}}
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
        told = ", ".join(f"{label} ({count(n, 'row')})" for label, n in sorted(unseen.items()))
        log.warn(f"{key}: classes in test that train never sees: {told}")
    for part, classes in absent.items():
        names = [label for label in labels if label in classes]
        if part == "train":
            names = [label for label in names if label not in unseen]
        if numbers > 1:
            names = [f"{name} ({classes[name]} of {numbers} folds)" for name in names]
        if names:
            log.warn(f"{key}: classes absent from {part}: {', '.join(names)}")


def _key(spec: dict[str, Any]) -> str:
    """The option that made the split."""
    for key in ("logo", "k_fold_cross"):
        if spec.get(key):
            return f"[MODEL] {key}"
    return "[DATA] split_strategy"


def _why(spec: dict[str, Any], split: pd.DataFrame) -> str:
    """Which part each database went to, and what to do."""
    if split["fold"].any():
        return "take other folds"
    told = []
    for name, rows in split.groupby("database", sort=False):
        parts = rows["part"][rows["part"] != ""].value_counts()
        options = spec.get("databases", {}).get(name) or {}
        strategy = options.get("split_strategy")
        by = "" if strategy is None else f" (split_strategy = {strategy})"
        numbers = ", ".join(f"{n} {part}" for part, n in parts.items()) or "unused"
        told.append(f"{name} is {numbers}{by}")
    return (
        "; ".join(told) + "; add a database for the missing part (split_strategy = train or test, "
        "or trains and tests), or split one by speaker_split or a list of test speakers"
    )


def check_shared(
    spec: dict[str, Any],
    split: pd.DataFrame,
    frame: pd.DataFrame,
    log: Log,
) -> None:
    """Tell speakers and recordings that are in two parts at once."""
    shared: dict[tuple[str, str], set[str]] = {}
    doubled: dict[tuple[str, str], int] = {}
    speaker, names = pd.factorize(split["speaker"])  # -1 is unknown
    audio = None
    if "digest" in frame:
        segments = frame.groupby(["digest", "start", "end"], dropna=False)
        audio = segments.ngroup().to_numpy()
    for _, train, dev, test in folds(split):
        rows = {"train": train, "dev": dev, "test": test}
        for first, second in (("train", "test"), ("train", "dev"), ("dev", "test")):
            both = np.intersect1d(speaker[rows[first]], speaker[rows[second]])
            shared.setdefault((first, second), set()).update(names[both[both >= 0]])
            if audio is not None:
                again = np.isin(audio[rows[second]], audio[rows[first]]).sum()
                doubled[first, second] = doubled.get((first, second), 0) + int(again)
    key = _key(spec)
    used = split["speaker"][split["part"] != ""]
    if used.isna().any():
        log.note(
            f"{key}: {count(int(used.isna().sum()), 'row')} of unknown speaker, "
            f"not known whether in several parts"
        )
    total = used.nunique()
    for (first, second), both in shared.items():
        if both:
            log.warn(
                f"{key}: speakers in both {first} and {second}: {len(both)} of "
                f"{total}: {shorten(both)}"
            )
    for (first, second), number in doubled.items():
        if number:
            log.warn(
                f"{key}: the same audio in both {first} and {second}: "
                f"{count(number, 'row')} of {second}"
            )
