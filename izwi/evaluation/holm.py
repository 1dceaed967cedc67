"""Holm's correction of several tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

P = TypeVar("P", float, float | None)


def holm(p: Sequence[P]) -> list[P]:
    """Correct several p for being several (Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        p: of all tests; None and NaN are no test, and stay
    """
    tested = sorted((v, i) for i, v in enumerate(p) if v is not None and not math.isnan(v))
    corrected = list(p)
    largest = 0.0
    for done, (value, place) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - done) * value))
        corrected[place] = largest
    return corrected
