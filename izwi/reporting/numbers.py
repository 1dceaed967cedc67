"""Numbers as readers see them: in pictures, tables, texts and on the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

NONE = "–"


def rounded(value: float | None, most: float = math.inf) -> str:
    """Three decimals, one from ten on; never a power of ten.

    Args:
        value: None is a dash
        most: from here on four significant digits
    """
    if value is None:
        return NONE
    size = abs(value)
    if size < 9.9995:
        # Without the sign of a zero.
        return f"{round(value, 3) + 0.0:.3f}"
    # An integer, where four digits would need a power of ten.
    return f"{value:.1f}" if size < most else f"{value:.4g}" if size < 9999.5 else f"{value:.0f}"


def plain(value: float) -> str:
    """A number of the data: whole numbers without decimals."""
    return f"{value:.0f}" if float(value).is_integer() else rounded(value)


def clock(seconds: float) -> str:
    """``5 s``, ``2 min 5 s``, ``3 h 20 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def bytes_of(size: float) -> str:
    """``12 kB``, ``3 MB``, ``1.5 GB``."""
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        if size < 999.5 * factor:
            # What is there is not nothing.
            return f"{max(size / factor, 1):.0f} {unit}" if size else f"0 {unit}"
    return f"{size / 1e9:.1f} GB"


def measured(value: float | None) -> str:
    """A measure in a text: rounded, or ``undefined``."""
    return "undefined" if value is None else rounded(value)


def interval(limits: Sequence[float | None] | None) -> str:
    """``[0.100, 0.200]``, empty where there is none."""
    low, high = limits or (None, None)
    return "" if low is None or high is None else f"[{rounded(low)}, {rounded(high)}]"


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
    return "< 0.001" if p < 0.001 else f"{equal}{p:.3f}"
