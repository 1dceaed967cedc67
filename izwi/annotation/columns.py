"""Predicted properties as columns of a table, and rows that these leave out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from izwi.annotation.speakers import groups
from izwi.annotation.targets import TARGETS, column_of
from izwi.config.experiment.resolved import AnnotationSpec
from izwi.data.spelling import as_there
from izwi.errors import UserError
from izwi.wording import count

DROPPED = "predicted"
INDEX = ["file", "start", "end"]


def values_of(name: str, features: pd.DataFrame, speakers: int | None = None) -> pd.Series:
    """A property, from the features that hold it.

    Args:
        name: of the target
        features: the columns of its type, shape (rows, columns); NaN for unusable audio
        speakers: their number, None to estimate it

    Returns:
        (rows) float64, or labels as text; missing where the features are
    """
    target = TARGETS[name]
    if target.kind == "text":
        letters = features[target.source[0]]
        return letters.map(_written, na_action="ignore").astype("str")
    if target.kind == "group":
        vectors = features.drop(columns=INDEX, errors="ignore")
        known = vectors.notna().all(axis=1)
        found = groups(vectors[known].to_numpy(dtype="float64"), speakers)
        names = pd.Series([str(number + 1) for number in found], index=vectors.index[known])
        return names.reindex(vectors.index).astype("str")
    own = features[list(target.source)].astype("float64")
    if not target.labels:
        return own.iloc[:, 0] * target.factor
    known = own.notna().all(axis=1)
    largest = own.fillna(0).to_numpy().argmax(axis=1)
    labels = pd.Series(np.array(target.labels, dtype=object)[largest], index=own.index)
    return labels.where(known, None).astype("str")


def _written(letters: np.ndarray) -> str:
    """Code points as text."""
    return "".join(map(chr, letters))


def annotate(
    table: pd.DataFrame, matrices: dict[str, pd.DataFrame], spec: AnnotationSpec
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Add the columns, then leave out the rows that are not asked for.

    Args:
        table: of the load stage
        matrices: type of features → the matrix for these rows
        spec: what to add

    Returns:
        the table, and a report: ``notes``, ``warnings``, and the number of rows ``dropped``

    Raises:
        UserError: if no row is left
    """
    name = str(table["database"].iloc[0]) if len(table) else ""
    notes: list[str] = []
    warnings: list[str] = []
    for target in spec["targets"]:
        column = column_of(target)
        if column in table:
            table = table.rename(columns={column: f"original_{column}"})
            notes.append(f"{name}: column '{column}' is called 'original_{column}' in the table")
        values = values_of(target, matrices[TARGETS[target].features], spec.get("speakers"))
        table = table.assign(**{column: values.to_numpy()})
        if TARGETS[target].kind == "group":
            notes.append(f"{name}: {column}: {count(values.nunique(), 'group')} of recordings")
        if lost := int(values.isna().sum()):
            warnings.append(f"{name}: {count(lost, 'row')} without {column}, for their audio")
    total = len(table)
    for option, kept in _conditions(table, spec, name, warnings):
        left = table[kept[table.index]]
        if len(left) < len(table):
            dropped = len(table) - len(left)
            notes.append(f"{name}: {dropped} of {count(len(table), 'row')} dropped: {option}")
        if left.empty:
            raise UserError(f"{option}: leaves no row of {name}{_range(table, option)}")
        table = left
    table = table.reset_index(drop=True)
    return table, {"notes": notes, "warnings": warnings, "dropped": total - len(table)}


def _conditions(
    table: pd.DataFrame, spec: AnnotationSpec, name: str, warnings: list[str]
) -> list[tuple[str, pd.Series]]:
    """What the ini says of a condition, and which rows meet it."""
    found = []
    for target, limit in spec["min"].items():
        meets = table[column_of(target)] >= limit
        found.append((f"[PREDICT] min: {target} = {limit:g}", meets))
    for target, limit in spec["max"].items():
        meets = table[column_of(target)] <= limit
        found.append((f"[PREDICT] max: {target} = {limit:g}", meets))
    for column, values in spec["filter"].get(name, []):
        text = table[column].astype(object).map(_text, na_action="ignore")
        there = sorted(text.dropna().unique())
        wanted = [as_there(_text(value), there) for value in values]
        for value in wanted:
            if value not in there:
                warnings.append(f"{name}: filter: '{value}' does not occur in '{column}'")
        found.append((f"[DATA] {name}.filter: {column} = {', '.join(wanted)}", text.isin(wanted)))
    return found


def _range(table: pd.DataFrame, option: str) -> str:
    """``: snr_pred is 3 to 12``, for a limit of a number."""
    target = option.rpartition(": ")[2].partition(" = ")[0]
    column = column_of(target)
    if column not in table or not pd.api.types.is_numeric_dtype(table[column]):
        return ""
    return f": {column} is {table[column].min():.3g} to {table[column].max():.3g}"


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def merged(report: dict[str, Any], own: dict[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    """The report of a loaded table, with what annotation did to it.

    Args:
        report: of the load stage
        own: of `annotate`
        table: with the columns
    """
    dropped = Counter(report["counts"]["dropped"])
    if own["dropped"]:
        dropped[DROPPED] += own["dropped"]
    return {
        **report,
        "notes": report["notes"] + own["notes"],
        "warnings": report["warnings"] + own["warnings"],
        "counts": {**report["counts"], "used": len(table), "dropped": dict(dropped)},
        "columns": [name for name in table if table[name].notna().any()],
    }
