"""Numbers as readers see them: in pictures, tables, texts and on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

NONE = "–"
# A size that is but rounding, as of a correlation that is zero.
_NOISE = 1e-9


def rounded(value: float | None, most: float = math.inf) -> str:
    """Three decimals, one from ten on, or two digits where it is tiny; never a power of ten.

    Args:
        value: None is a dash
        most: from here on four significant digits
    """
    if value is None:
        return NONE
    size = abs(value)
    if _NOISE < size < 0.0005:
        return f"{value:.{1 - math.floor(math.log10(size))}f}"
    if size < 9.9995:
        return f"{value:.3f}"
    # An integer, where four digits would need a power of ten.
    return f"{value:.1f}" if size < most else f"{value:.4g}" if size < 9999.5 else f"{value:.0f}"


def count(number: int | float | str, noun: str, plural: str = "") -> str:
    """``1 speaker``, ``12 speakers``, ``1,200 files``."""
    number = int(number)
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def clock(seconds: float) -> str:
    """``5 s``, ``2 min 5 s``, ``3 h 20 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def significant(value: float | None, digits: int) -> str:
    """With a number of significant digits."""
    return "undefined" if value is None else f"{value:.{digits}g}"


def interval(limits: Sequence[float | None] | None, digits: int) -> str:
    """``[0.1, 0.2]``, empty where there is none."""
    low, high = limits or (None, None)
    if low is None or high is None:
        return ""
    return f"[{significant(low, digits)}, {significant(high, digits)}]"


def probability(p: float, equal: str = "") -> str:
    """The p of a test.

    Args:
        p: 0 to 1
        equal: goes before it, where it is not only known to be small
    """
    return "< .001" if p < 0.001 else f"{equal}{p:.3f}"
