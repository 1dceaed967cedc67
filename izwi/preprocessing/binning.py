"""Classes from a continuous target: bins by quantiles of training rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Fold = tuple[int, "np.ndarray", "np.ndarray", "np.ndarray"]


def is_later(table: pd.DataFrame, labels: list[str] | None) -> bool:
    """Whether the numbers in ``value`` still need bins from the training rows.

    Args:
        table: of one or all databases
        labels: of the experiment, in the order of the bins
    """
    return bool(labels) and "value" in table and bool(table["truth"].isna().all())


def quantile_edges(values: np.ndarray, labels: list[str]) -> list[float]:
    """Limits between the bins, with training rows as equally distributed as ties allow.

    Args:
        values: of the training rows, NaN where unknown, shape (rows,)
        labels: of the bins, from low to high

    Returns:
        one limit less than labels; a bin includes its lower limit, not its upper

    Raises:
        UserError: if a bin would be empty
    """
    import numpy as np

    values = values[~np.isnan(values)]
    shares = np.arange(1, len(labels)) / len(labels)
    edges = np.quantile(values, shares) if len(values) else np.full(len(shares), np.nan)
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(labels))
    if not counts.all():
        raise UserError(
            f"[DATA] labels: {count(len(labels), 'bin')} of equal size cannot be cut from "
            f"{count(len(np.unique(values)), 'different value')} of "
            f"{count(len(values), 'training row')}: name "
            "fewer labels, or bins"
        )
    return [float(edge) for edge in edges]


def assign(values: np.ndarray, edges: list[float], labels: list[str]) -> np.ndarray:
    """Label of each value, shape (rows,); the outer bins are open, missing values stay missing."""
    import numpy as np

    found = np.array(labels, dtype=object)[np.searchsorted(edges, values, side="right")]
    found[np.isnan(values)] = np.nan
    return found


def edges_of(table: pd.DataFrame, folds: Iterable[Fold], labels: list[str]) -> list[dict[str, Any]]:
    """Limits of each fold, from its training rows only.

    Returns:
        per fold ``fold`` and ``edges``

    Raises:
        UserError: if a bin would be empty
    """
    value = table["value"].to_numpy(dtype=float)
    return [
        {"fold": fold, "edges": quantile_edges(value[train], labels)} for fold, train, _, _ in folds
    ]


def shown(table: pd.DataFrame, split: pd.DataFrame, labels: list[str] | None) -> pd.DataFrame:
    """The table with labels for pictures of the data, if bins depend on training rows.

    The limits differ between folds; with folds, the table uses the quantiles of all rows.
    """
    if labels is None or not is_later(table, labels):
        return table
    value = table["value"].to_numpy(dtype=float)
    rows = (split["part"] != "").to_numpy()
    if not split["fold"].any():
        rows = (split["part"] == "train").to_numpy()
    return table.assign(truth=assign(value, quantile_edges(value[rows], labels), labels))
