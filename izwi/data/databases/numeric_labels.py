"""Labels that are numbers, or look like numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from izwi.data.databases.source import listed
from izwi.errors import UserError
from izwi.wording import agreed, count

_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# Whole numbers below this are codes of classes, or ratings of few steps.
MOST_CODES = 12
# With these, tables of numbers mark that there is none.
_MARKS = (-99999, -9999, -999, -99, -9, 99, 999, 9999, 99999)
# So many times the range of nine in ten values is no tail of theirs.
_FAR = 100
# Squares of larger ones leave the range of numbers in measures and models.
MOST_TARGET = 1e12


def hints(there: list[str], target: str, numeric: bool) -> list[str]:
    """Warnings where classes look like measured numbers.

    Args:
        there: the classes
        target: column that holds them
        numeric: whether all are numbers
    """
    lines = []
    commas = [value for value in there if _COMMA.fullmatch(value)]
    if commas and all(_NUMBER.fullmatch(value.replace(",", ".")) for value in there):
        lines.append(
            f"'{target}' holds {listed(commas, 3)}, which are classes here: {_comma(commas)}"
        )
    codes = {str(number) for number in range(MOST_CODES)}
    if numeric and len(there) > 2 and not codes.issuperset(there):
        lines.append(
            f"'{target}' holds {len(there)} different numbers, which are classes here: for a "
            "regression set EXP.type = regression, for bins type = continuous with bins"
        )
    return lines


def _comma(cells: list[str]) -> str:
    """What to write instead of numbers with a comma, which may be one of thousands."""
    point, none = (cells[0].replace(",", mark) for mark in (".", ""))
    if all(_THOUSANDS.fullmatch(cell) for cell in cells):
        return f"a comma of decimals or of thousands? Write {point} or {none}"
    return f"a decimal comma? Write {point}"


def numbers(text: pd.Series, target: str, name: str) -> pd.Series:
    """The target of a regression, float64.

    Args:
        text: of each row
        target: column that holds it
        name: of the database

    Raises:
        UserError: if a value is no number, or beyond what can be computed with
    """
    found = pd.to_numeric(text, errors="coerce").astype("float64")
    wrong = text[~np.isfinite(found)]
    if len(wrong):
        commas = [value for value in map(str, wrong) if _COMMA.fullmatch(value)]
        them = agreed(len(wrong), "it", "them")
        advice = _comma(commas) if commas else f"leave {them} empty, or filter or map {them}"
        are = agreed(len(wrong), "is no number", "are not numbers")
        raise UserError(
            f"[DATA] target: {count(len(wrong), 'value')} of '{target}' in {name} {are}, "
            f"such as {listed(sorted(map(str, wrong.unique())), 3)}: {advice}"
        )
    large = text[found.abs() > MOST_TARGET]
    if len(large):
        are = agreed(len(large), "is", "are")
        raise UserError(
            f"[DATA] target: {count(len(large), 'value')} of '{target}' in {name} {are} beyond "
            f"{MOST_TARGET:g}, such as {listed(sorted(map(str, large.unique())), 3)}: filter or "
            f"map {agreed(len(large), 'it', 'them')}"
        )
    return found


def marks(values: pd.Series, target: str) -> list[str]:
    """A warning where a number of a regression looks like a mark of missing values.

    Args:
        values: of all rows
        target: column that holds them
    """
    rest = values[~values.isin(_MARKS)].dropna()
    if rest.empty:
        return []
    low, high = float(rest.min()), float(rest.max())
    # Farther from all others than these are from each other.
    apart = [m for m in _MARKS if m < low - (high - low) or m > high + (high - low)]
    # A scale has no single step below 1, 2, 3 … that is -1, or is 0 and far from all others; -1 and
    # 1, or 0 and 1, may be the two values of one.
    for mark in (-1, 0):
        others = rest[rest != mark]
        low_of, high_of = float(others.min()), float(others.max())
        far = mark == -1 or (low_of > high_of - low_of and others.nunique() > 2)
        if low_of > 0 and high_of > 1 and far and len(others) < len(rest):
            apart, low = [*apart, mark], low_of
    lines = []
    for mark in apart:
        if number := int((values == mark).sum()):
            lines.append(
                f"'{target}' is {mark:g} in {count(number, 'row')}, all others lie between {low:g} "
                f"and {high:g}: if it marks missing values, leave these cells empty"
            )
    return lines + _far_off(values[~values.isin(apart)], target)


def _far_off(values: pd.Series, target: str) -> list[str]:
    """A warning of numbers so far from the others that they decide a mean squared error alone.

    Skewed measures such as durations reach some ten times the range of most of their values.
    """
    values = values.dropna()
    low, middle, high = values.quantile([0.05, 0.5, 0.95])
    far = values[(values - middle).abs() > _FAR * (high - low)]
    if far.empty or not high > low:
        return []
    rest = values.drop(far.index)
    return [
        f"'{target}' is far from all other values in {count(len(far), 'row')} "
        f"({listed([f'{value:g}' for value in sorted(far.unique())], 3)}; the others lie between "
        f"{rest.min():g} and {rest.max():g}): if it is a slip or has another unit, mend it"
    ]


def transformed(
    values: pd.Series, options: Mapping[str, Any], target: str
) -> tuple[pd.Series, list[str]]:
    """A numeric target mirrored, standardised and divided, in this order, as the options ask.

    Args:
        values: of all rows of a database that have one
        options: of the database
        target: column that holds it

    Returns:
        the target as it is learned, and notes on what was done

    Raises:
        UserError: if it cannot be standardised
    """
    notes = []
    if options.get("reverse"):
        highest = options.get("reverse.max")
        highest = float(values.max()) if highest is None else highest
        values = (values - highest).abs()
        notes.append(f"'{target}' is mirrored: its distance from {highest:g}")
    if options.get("scale"):
        # As scikit-learn's StandardScaler.
        mean, deviation = float(values.mean()), float(values.std(ddof=0))
        if not deviation > 0:
            raise UserError(
                f"[DATA] scale: all values of '{target}' are {mean:g}, so they have no standard "
                "deviation: leave scale out"
            )
        values = (values - mean) / deviation
        notes.append(
            f"'{target}' is in standard deviations ({deviation:.4g}) from the mean ({mean:.4g}) of "
            f"all {count(len(values), 'row')}, test rows included"
        )
    if options.get("target_divide_by"):
        values = values / options["target_divide_by"]
        notes.append(f"'{target}' is divided by {options['target_divide_by']:g}")
    return values, notes
