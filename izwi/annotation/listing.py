"""The CSV of a database with its predicted properties, to be used elsewhere or as a database."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pandas as pd

from izwi.data import DATABASE
from izwi.splits.parts import FOLD, shown

KEY = ["file", "start", "end"]
# Columns of the tables that say nothing outside of izwi.
_INTERNAL = ("digest", "truth", "value", "part", "fold")


def rows(
    table: pd.DataFrame,
    split: pd.DataFrame,
    target: str,
    selection: str,
    places: Mapping[str, Mapping[str, str]],
) -> pd.DataFrame:
    """All that is known of each row, then what is predicted.

    Args:
        table: of all databases, with predicted columns and ``truth``
        split: of these rows
        target: the column that ``truth`` takes the place of
        selection: ``all`` rows, or those in ``train`` or ``test``; of folds all are both
        places: database → file → absolute path

    Returns:
        ``file`` (absolute path), ``start``, ``end``, the columns of the databases and the predicted
        ones; ``database`` where there are several
    """
    found = table.copy()
    found["file"] = [
        os.path.abspath(places[database][file])
        for database, file in zip(found["database"], found["file"], strict=True)
    ]
    for name in ("start", "end"):
        found[name] = pd.to_timedelta(found[name]).map(str, na_action="ignore")
    if target != DATABASE:
        found[target] = found["value"] if "value" in found else found["truth"]
    if selection != "all":
        found = found[shown(split).isin([selection, FOLD]).to_numpy()]
    drop = [name for name in _INTERNAL if name in found]
    if found["database"].nunique() < 2 and target != DATABASE:
        drop.append("database")
    found = found.drop(columns=drop)
    return found[KEY + [name for name in found if name not in KEY]]
