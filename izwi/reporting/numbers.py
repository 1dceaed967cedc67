"""Numbers as readers see them: in pictures, tables, texts and on the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

NONE = "–"


def rounded(value: float | None, most: float = math.inf) -> str:
    """Three decimals, one from ten on, or by power of ten where it is tiny.

    Args:
        value: None is a dash
        most: from here on four significant digits
    """
    if value is None:
        return NONE
    size = abs(value)
    if size and size < 0.001:
        return f"{value:.2e}"
    return f"{value:.3f}" if size < 10 else f"{value:.1f}" if size < most else f"{value:.4g}"


def significant(value: float | None, digits: int) -> str:
    """With a number of significant digits."""
    return "undefined" if value is None else f"{value:.{digits}g}"


def interval(limits: Sequence[float | None] | None, digits: int) -> str:
    """``[0.1, 0.2]``, empty where there is none."""
    low, high = limits or (None, None)
    if low is None or high is None:
        return ""
    return f"[{significant(low, digits)}, {significant(high, digits)}]"


def worth(metrics: Mapping[str, Any], measure: str, written: Callable[[float | None], str]) -> str:
    """The figures of guessing and of always saying the same, ``chance 0.5, majority class 0.48``.

    Args:
        metrics: the content of metrics.json
        measure: whose
        written: gives the text of a number

    Returns:
        empty where neither is known
    """
    baseline = metrics.get("baseline") or {}
    figures = {
        "chance": (metrics.get("chance") or {}).get(measure),
        baseline.get("kind", ""): baseline.get(measure),
    }
    return ", ".join(f"{name} {written(v)}" for name, v in figures.items() if v is not None)


def probability(p: float, equal: str = "") -> str:
    """The p of a test.

    Args:
        p: 0 to 1
        equal: goes before it, where it is not only known to be small
    """
    return "< .001" if p < 0.001 else f"{equal}{p:.3f}"
