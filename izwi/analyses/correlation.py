"""Which features say the same: rank correlations of pairs of features."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from izwi.analyses import importance

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Of more features, those are taken that differ most between the classes.
MOST_FEATURES = 200
_FEWEST = 3


def correlation(
    table: pd.DataFrame, features: pd.DataFrame, recording: pd.DataFrame, labels: list[str] | None
) -> pd.DataFrame:
    """Spearman's rank correlation of each pair of features, between and within speakers.

    The test is over the means of the speakers, since samples of one speaker resemble each other.
    It is corrected for the number of pairs (Benjamini & Hochberg, JRSS B 57, 1995).

    Args:
        table: ``truth`` and ``speaker`` (may be missing) of some rows, shape (rows, …)
        features: of the same rows, shape (rows, features)
        recording: ``duration`` and ``level`` of the same rows
        labels: classes in order, None for regression

    Returns:
        per pair, the strongest first: ``rank``, ``feature``, ``other``; ``n`` and ``unit``,
        ``speaker means`` or ``samples``; ``rho``, ``p``, ``p_bh`` over these; ``rho_samples`` over
        the samples, and ``rho_within``, of their distances from the mean of their speaker;
        ``place`` and ``place_other``: of both features in the order of how much they differ
        between the classes
    """
    import pandas as pd
    from scipy import stats

    order = importance.distributions(table, features, recording, labels)["feature"]
    order = order.head(MOST_FEATURES).tolist()
    values = features[order].astype(float)
    speaker = table["speaker"] if "speaker" in table else pd.Series(None, index=table.index)
    by_speaker = bool(speaker.notna().all()) and speaker.nunique() > 1
    means = values.groupby(speaker.to_numpy()).mean() if by_speaker else values
    within = values - values.groupby(speaker.to_numpy()).transform("mean") if by_speaker else None
    tested, plain = _matrix(means), _matrix(values)
    inside = _matrix(within) if within is not None else None
    found: list[dict[str, Any]] = []
    for i, j in itertools.combinations(range(len(order)), 2):
        n = int((means[order[i]].notna() & means[order[j]].notna()).sum())
        rho = tested[i, j]
        row = {"feature": order[i], "other": order[j], "n": n}
        row |= {"unit": "speaker means" if by_speaker else "samples"}
        row |= {"rho": _number(rho), "p": _p(rho, n), "p_bh": None}
        row |= {"rho_samples": _number(plain[i, j])}
        row |= {"rho_within": None if inside is None else _number(inside[i, j])}
        found.append(row | {"place": i + 1, "place_other": j + 1})
    known = [row for row in found if row["p"] is not None]
    corrected = stats.false_discovery_control([row["p"] for row in known]) if known else []
    for row, p in zip(known, corrected, strict=True):
        row["p_bh"] = float(p)
    found.sort(key=lambda row: (-abs(row["rho"] or 0.0), row["place"], row["place_other"]))
    return pd.DataFrame([{"rank": rank, **row} for rank, row in enumerate(found, start=1)])


def _matrix(values: pd.DataFrame) -> np.ndarray:
    """Spearman's rank correlations, shape (features, features); NaN where there is none."""
    import numpy as np

    if values.isna().to_numpy().any():
        return values.corr("spearman", min_periods=_FEWEST).to_numpy()
    ranks = values.rank().to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.atleast_2d(np.corrcoef(ranks, rowvar=False))
    still = np.ptp(ranks, axis=0) == 0
    found[still] = found[:, still] = np.nan
    return found if len(values) >= _FEWEST else np.full_like(found, np.nan)


def _p(rho: float, n: int) -> float | None:
    """Two-sided p of a rank correlation, by Student's t as scipy has it."""
    from scipy import stats

    if rho != rho or n < _FEWEST:
        return None
    if abs(rho) > 1 - 1e-12:
        return 0.0
    t = rho * ((n - 2) / ((1 + rho) * (1 - rho))) ** 0.5
    return float(2 * stats.t.sf(abs(t), n - 2))


def _number(value: float) -> float | None:
    return None if value != value else float(value)
