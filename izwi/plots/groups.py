"""Values of a column as groups that a picture can distinguish."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from izwi.reporting.numbers import plain
from izwi.wording import count


def is_numeric(values: pd.Series) -> bool:
    """True for numbers, not for True and False."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def as_text(
    values: pd.Series, most: int, order: Sequence[str] | None = None
) -> tuple[pd.Series, list[str]]:
    """Values as text; if there are too many, the rarest are merged, and the text counts them.

    Args:
        values: (samples) of any kind, missing ones stay missing
        most: maximum number of texts in the result
        order: texts that come first, in this order, the rest sorted

    Returns:
        * (samples) text
        * all texts, ordered; those of ``order`` that do not occur are among them
    """
    texts = values.astype("object").where(values.notna()).map(_text, na_action="ignore")
    counts = texts.value_counts()
    first = [str(text) for text in order or []]
    rest = sorted((text for text in counts.index if text not in first), key=_natural)
    labels = [*first, *rest]
    if len(labels) <= most:
        return texts, labels
    # Of equally frequent texts, the first ones stay.
    ranked = sorted(labels, key=lambda text: -counts.get(text, 0))
    kept = set(ranked[: most - 1])
    other = f"other ({count(len(labels) - len(kept), 'value')})"
    return texts.where(texts.isna() | texts.isin(kept), other), [
        *(text for text in labels if text in kept),
        other,
    ]


def quarters(values: pd.Series) -> tuple[pd.Series, list[str]]:
    """Numbers as four groups of about the same size, named by their limits.

    Returns:
        * (samples) text such as ``21–27``
        * the texts, ascending
    """
    groups = pd.qcut(values, 4, duplicates="drop")
    names = {}
    for interval in groups.cat.categories:
        own = values[groups == interval]
        low, high = plain(own.min()), plain(own.max())
        names[interval] = low if low == high else f"{low}–{high}"
    return groups.astype("object").map(names, na_action="ignore"), list(names.values())


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _natural(text: str) -> list[tuple[float, str]]:
    """Words in order, numbers in them by size: db/3 comes before db/16."""
    pieces = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(float(p), "") if i % 2 else (-1.0, p) for i, p in enumerate(pieces)]
