"""Columns with a separate model for each value: requirements on each test row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi.errors import Problems, UserError
from izwi.wording import agreed, count

if TYPE_CHECKING:
    import pandas as pd

    from izwi.preprocessing.binning import Fold

MOST_VALUES = 20
KEY = "[MODEL] submodel"


def values_of(table: pd.DataFrame, column: str) -> pd.Series:
    """Value of each row as text, or missing.

    Raises:
        UserError: if the column does not exist, or has too many values to train a model for each
    """
    if column not in table:
        own = {"database", "file", "start", "end", "digest", "truth", "value", "part"}
        there = [name for name in table if name not in own and not name.startswith("original_")]
        raise UserError(f"{KEY}: there is no column '{column}' but {', '.join(there)}")
    number = table[column].nunique()
    if number > MOST_VALUES:
        raise UserError(
            f"{KEY}: '{column}' has {number} values, a model for each of at most {MOST_VALUES} "
            "is trained; map them by <database>.mapping"
        )
    return table[column].astype("str")


def check_submodels(table: pd.DataFrame, column: str, folds: list[Fold]) -> list[str]:
    """Check that every test row has a value that its training rows have.

    Args:
        table: rows of all databases
        column: has a model for each value
        folds: number and row numbers of train, dev and test

    Returns:
        warnings

    Raises:
        UserError: with the number of test rows that no model could predict
    """
    value = values_of(table, column)
    unused: set[int] = set()
    missing: set[int] = set()
    unseen: dict[str, set[int]] = {}
    for _, train, dev, test in folds:
        trained = set(value.iloc[train].dropna())
        unused.update(row for part in (train, dev) for row in part[value.iloc[part].isna()])
        missing.update(test[value.iloc[test].isna()])
        for row in test:
            if isinstance(value.iloc[row], str) and value.iloc[row] not in trained:
                unseen.setdefault(value.iloc[row], set()).add(row)
    problems = Problems()
    if missing:
        problems.add(
            f"{KEY}: {count(len(missing), 'test row has', 'test rows have')} no value of "
            f"'{column}', so no model can "
            f"predict them: leave them out by <database>.required = ['{column}']"
        )
    for name, rows in sorted(unseen.items()):
        problems.add(
            f"{KEY}: {count(len(rows), 'test row has', 'test rows have')} {column} = {name}, but "
            "none of their training "
            "rows has: change the split, or leave them out by <database>.filter"
        )
    problems.raise_if_any()
    if unused:
        return [
            f"{KEY}: {count(len(unused), 'training row has', 'training rows have')} no value of "
            f"'{column}', {agreed(len(unused), 'it is', 'they are')} unused"
        ]
    return []
