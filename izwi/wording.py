"""Words that depend on numbers."""

from __future__ import annotations


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 row``, ``3 rows``, ``2 classes``.

    Args:
        number: how many
        noun: of one; it may bring its verb, ``row has``
        plural: of several, where it is more than an ending
    """
    several = plural or noun + ("es" if noun.endswith("s") else "s")
    return f"{number} {noun if number == 1 else several}"


def agreed(number: int, one: str, several: str) -> str:
    """The word that goes with a number, such as ``is`` or ``are``."""
    return one if number == 1 else several
