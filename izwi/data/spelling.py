"""Labels and ids that look equal and are not: one form for all, and a warning for the rest."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# Letters of other alphabets that look like Latin ones.
_TWINS = str.maketrans(
    "асеіјорѕухһԁԛԝαοιρνυвнкмтАВЕЗІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aceijopsyxhdqwaoipvubhkmtABE3IJKMHOPCTYXABEZHIKMNOPTYX",
)


def clean(text: str) -> str:
    """Text in Unicode's form NFC, without what nobody sees.

    Blanks of all kinds become plain ones, none is left at either end, and characters without a
    width are left out.
    """
    if text.isascii():
        return text.strip()
    text = unicodedata.normalize("NFC", text)
    kinds = [(unicodedata.category(char), char) for char in text]
    return "".join(" " if kind == "Zs" else char for kind, char in kinds if kind != "Cf").strip()


def look(text: str) -> str:
    """What text looks like to a hurried eye: the same for other case, width, blanks, alphabet."""
    plain = unicodedata.normalize("NFKC", clean(text)).translate(_TWINS).casefold()
    if number := _NUMBER.fullmatch(plain):
        # 01, 1 and 1.0, as spreadsheets and programs write one number.
        whole, part = plain.lstrip("+-").split(".")[0], (number[1] or "").strip(".")
        return f"{'-' * plain.startswith('-')}{whole.lstrip('0') or '0'}.{part.rstrip('0')}"
    return " ".join(plain.translate(_TWINS).replace("_", " ").replace("-", " ").split())


def alike(texts: Iterable[str]) -> list[list[str]]:
    """Groups of different texts that look the same, sorted."""
    groups: dict[str, set[str]] = {}
    for text in texts:
        groups.setdefault(look(text), set()).add(text)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def differ(texts: Iterable[str]) -> str:
    """In what texts that look the same differ."""
    return "in case alone" if len({text.casefold() for text in texts}) == 1 else "and look alike"


def as_there(text: str, there: Iterable[str]) -> str:
    """A value as the data write it: 0, 0.0 and 0.00 are one number."""
    there = list(there)
    if text in there or not _NUMBER.fullmatch(text):
        return text
    same = [value for value in there if _NUMBER.fullmatch(value) and float(value) == float(text)]
    return same[0] if len(same) == 1 else text
