"""Audio that cannot be used: listed by file and reason, and left out where the ini lets it pass."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data.csv_safety import harmless
from izwi.errors import Problems
from izwi.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pandas as pd

    from izwi.engine.plan import Plan
    from izwi.preprocessing.binning import Fold

# In the attributes of a feature matrix: pairs of row and reason.
EXCLUDED = "excluded"
LIST = "bad_files.csv"
COLUMNS = ("database", "features", "file", "reason")
SHOWN = 3


def warning(files: list[tuple[str, str]], total: int) -> str:
    """One line about the files that are left out.

    Args:
        files: file and reason of each
        total: rows of their table
    """
    some = "; ".join(f"{file}: {reason}" for file, reason in files[:SHOWN])
    more = f"; … and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return (
        f"fail_threshold: {len(files)} of {total} rows of audio cannot be used; models that take "
        f"these features leave them out of training and test ({some}{more})"
    )


def remarks(paths: Iterable[str], threads: int) -> list[str]:
    """Warnings about audio that is used, though something is odd about it.

    Args:
        paths: of the files, missing ones among them
        threads: workers

    Returns:
        one line, or none
    """
    from izwi.data import lengths

    paths = list(paths)
    each = zip(paths, lengths.remarks(paths, threads), strict=True)
    odd = [(path, "; ".join(lines)) for path, lines in each if lines]
    if not odd:
        return []
    some = "; ".join(f"{Path(path).name}: {text}" for path, text in odd[:SHOWN])
    more = f"; … and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
    return [f"{len(odd)} of {len(paths)} audio files are used, but look wrong ({some}{more})"]


def leave_out(
    tables: list[pd.DataFrame], matrices: list[list[pd.DataFrame]], split: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Take rows without features out of a split.

    Args:
        tables: a table per database
        matrices: per database, its feature matrices; the rows that an extractor could not use are
            pairs of row and reason in their ``attrs["excluded"]``
        split: of these tables

    Returns:
        * the split, with these rows in no part
        * ``n`` of them, ``parts`` (part or fold to number; ``unused`` for rows of no part),
          ``classes`` (part or fold, then class, to number, where classes are known), and
          ``files``: ``database``, ``file``, ``part`` and ``reason`` of each row; empty if there
          are none
    """
    reasons: dict[int, list[str]] = {}
    first = 0
    for table, row in zip(tables, matrices, strict=True):
        for matrix in row:
            for position, reason in matrix.attrs.get(EXCLUDED, []):
                reasons.setdefault(first + position, []).append(reason)
        first += len(table)
    if not reasons:
        return split, {}
    rows = sorted(reasons)
    parts: dict[str, int] = {}
    classes: dict[str, dict[str, int]] = {}
    truths = [truth for table in tables for truth in table["truth"]]
    files = []
    for bad in rows:
        database, file, part = split.loc[bad, ["database", "file", "part"]]
        part = part or "unused"
        parts[part] = parts.get(part, 0) + 1
        if isinstance(truth := truths[bad], str):
            of_part = classes.setdefault(part, {})
            of_part[truth] = of_part.get(truth, 0) + 1
        reason = "; ".join(dict.fromkeys(reasons[bad]))
        files.append({"database": database, "file": file, "part": part, "reason": reason})
    split = split.copy()
    split.loc[rows, ["part", "dev_folds"]] = ""
    split.loc[rows, "fold"] = 0
    parts = dict(sorted(parts.items()))
    return split, {"n": len(rows), "parts": parts, "classes": classes, "files": files}


def check(
    n_folds: int,
    folds: list[Fold],
    truths: dict[int, np.ndarray],
    labels: list[str] | None,
    *,
    tested: bool = True,
) -> list[str]:
    """Check that what is left can be trained and tested on.

    Args:
        n_folds: number of folds before, 0 for hold-out
        folds: number and row numbers of train, dev and test
        truths: fold → truth of all rows, shape (rows,)
        labels: classes, None for regression
        tested: whether there was anything to test on

    Returns:
        a warning for each fold in which training misses classes

    Raises:
        UserError: if train or test is empty, or train holds one class
    """
    import pandas as pd

    problems = Problems()
    warnings = []
    for number in range(len(folds) + 1, n_folds + 1):
        problems.add(f"[FEATS] fail_threshold: fold {number}: {_nothing('no row in test')}")
    for number, train, _, test in folds:
        where = f"fold {number}: " if number else ""
        for part, rows in (("train", train), ("test", test)):
            if not len(rows) and (tested or part == "train"):
                problems.add(f"[FEATS] fail_threshold: {where}{_nothing(f'no row in {part}')}")
        classes = set(pd.Series(truths[number][train]).dropna())
        if labels and len(classes) == 1:
            problems.add(
                f"[FEATS] fail_threshold: {where}{_nothing(f'{max(classes)} alone in train')}"
            )
        elif labels and (absent := [label for label in labels if label not in classes]):
            warnings.append(
                f"[FEATS] fail_threshold: {where}classes that train never sees: {', '.join(absent)}"
            )
    problems.raise_if_any()
    return warnings


def _nothing(what: str) -> str:
    return f"without the audio that cannot be used there is {what}: mend the files in {LIST}"


def write_list(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    """Write a list of files that cannot be used.

    Args:
        path: of the CSV file
        rows: values of :data:`COLUMNS`
    """
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([harmless(cell) for cell in row] for row in rows)


def list_of(matrix: str) -> Path:
    """Path of the list that belongs to a feature matrix.

    Args:
        matrix: path of the matrix
    """
    return Path(matrix).with_suffix(f".{LIST}")


def gather(plan: Plan) -> Path | None:
    """Bring the lists of all feature matrices of a call together, in the folder of results.

    Returns:
        the list of all; None, and there is no such file, where all audio can be used
    """
    target = Path(plan.results) / LIST
    rows: list[list[str]] = []
    for unit in plan.units["features"].values():
        try:
            with open(list_of(unit.outputs["matrix"]), newline="", encoding="utf-8") as stream:
                rows += [row for row in list(csv.reader(stream))[1:] if row not in rows]
        except FileNotFoundError:
            continue
    if not rows:
        target.unlink(missing_ok=True)
        return None
    with atomic(target) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])
    return target
