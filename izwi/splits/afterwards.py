"""Filters and limits of all databases, behind mapping and split, as nkululeko has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from izwi.data.databases.source import SYNONYMS, as_list, as_text, text_of
from izwi.data.spelling import as_there
from izwi.errors import UserError
from izwi.splits.report import Log, shorten
from izwi.splits.strategies import AFTERWARDS
from izwi.splits.subsets import generator
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import SplitSpec


def left(spec: SplitSpec, rows: pd.DataFrame, part: str, log: Log) -> pd.Index:
    """Rows of a part that filters and limits leave.

    Args:
        spec: of the split; ``afterwards`` has the values of :data:`AFTERWARDS`
        rows: of the part, in an order that does not depend on the source
        part: its name, for messages and random numbers
        log: takes the remarks

    Returns:
        their index

    Raises:
        UserError: if a filter names a column that is not there, or leaves no row
    """
    asked = spec.get("afterwards") or {}
    rows = rows.sample(frac=1, random_state=generator(spec["seed"], f"limit {part}"))
    for name in AFTERWARDS:
        if not (value := asked.get(name)):
            continue
        before = len(rows)
        if name == "limit_samples":
            rows = rows.head(value)
        elif name == "filter":
            rows = _filtered(rows, value, spec["target"], part)
        else:
            rows = rows.groupby("speaker", dropna=False).head(value)
        if lost := before - len(rows):
            log.note(f"[DATA] {name}: {count(lost, 'row')} of {before} in {part} unused")
    return rows.index.sort_values()


def _filtered(rows: pd.DataFrame, filters: list[list[Any]], target: str, part: str) -> pd.DataFrame:
    for column, values in filters:
        name = "truth" if column == target else SYNONYMS.get(column, column)
        if name not in rows:
            others = set(rows.columns) - {"digest", "start", "end", "truth"}
            raise UserError(
                f"[DATA] filter: no column '{column}', name one of {shorten(others | {target})}"
            )
        text = as_text(rows[name])
        there = set(text.dropna())
        wanted = {as_there(text_of(value), there) for value in as_list(values)}
        if len(rows) and not text.isin(wanted).any():
            raise UserError(
                f"[DATA] filter: leaves no row of {part}, where '{column}' has {shorten(there)}"
            )
        rows = rows[text.isin(wanted)]
    return rows
