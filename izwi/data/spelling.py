"""Labels and ids that look equal and are not: one form for all, and a warning for the rest."""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from collections.abc import Iterable

# Share of letters in common from which one word may be a slip of another.
_ALIKE = 0.75
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# A number in any way that people and programs write it: 0.5, .5, 5., 5e-1.
_WRITTEN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
# Characters that nobody sees, beside those of Unicode's category Cf: joiners, fillers of Hangul, a
# Braille cell without dots, and selectors of variants.
_UNSEEN = {
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F),
    *(0x2800, 0x3164, 0xFFA0),
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
}
_MARKS = str.maketrans(dict.fromkeys("’‘`´ʼ′", "'") | dict.fromkeys("“”„«»″", '"'))
# Zeros before a number within an id, such as s01, and decimals that say nothing.
_ZEROS = re.compile(r"(?<![0-9.])0+(?=[0-9])|(?<=[0-9])\.0+$")
_AROUND = re.compile(r"^[\s'\"(\[]+(?=\w)|(?<=\w)[\s'\".,;:!?)\]]+$")
# A small İ of Turkish has a dot of its own; minus signs are no hyphens.
_DOTTED = "i\u0307"
_SIGNS = {0x0131: "i", 0x2212: "-", 0xFE63: "-", 0xFF0D: "-"}
# Letters of other alphabets that look like Latin ones.
_TWINS = str.maketrans(
    "асеіјорѕухһԁԛԝαοιρνυвнкмтАВЕЗІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aceijopsyxhdqwaoipvubhkmtABE3IJKMHOPCTYXABEZHIKMNOPTYX",
)


# What stands between classes where a cell holds several.
_BETWEEN = re.compile(r"\s*[;,|/+&]\s*|\s+and\s+")
# Letters from which a word is long; and words of which each is compared with each.
_LONG, _MOST_COMPARED = 6, 200
# Yes and no, as `_said` writes them; and what means that beside the other or the word behind it.
_ANSWERS = [("true", "false"), ("yes", "no"), ("1.0", "0.0")]
_SHORT = ((("t", "f"), ("true", "false")), (("y", "n"), ("yes", "no")), (("on", "off"), ()))


def clean(text: str) -> str:
    """Text in Unicode's form NFC, without what nobody sees.

    Blanks of all kinds become plain ones, none is left at either end, and characters without a
    width are left out.
    """
    if text.isascii():
        return text.strip()
    text = unicodedata.normalize("NFC", text)
    kinds = [(unicodedata.category(char), char) for char in text]
    seen = [(kind, char) for kind, char in kinds if kind != "Cf" and ord(char) not in _UNSEEN]
    return "".join(" " if kind == "Zs" else char for kind, char in seen).strip()


def look(text: str) -> str:
    """What text looks like to a hurried eye: the same for other case, width, blanks, alphabet."""
    plain = unicodedata.normalize("NFKC", clean(text)).translate(_TWINS).casefold()
    plain = plain.translate(_SIGNS).replace(_DOTTED, "i")
    if number := _NUMBER.fullmatch(plain):
        # 01, 1 and 1.0, as spreadsheets and programs write one number.
        whole, part = plain.lstrip("+-").split(".")[0], (number[1] or "").strip(".")
        return f"{'-' * plain.startswith('-')}{whole.lstrip('0') or '0'}.{part.rstrip('0')}"
    plain = _ZEROS.sub("", plain.translate(_TWINS).translate(_MARKS))
    # Quotes around a word, and a full stop behind it.
    plain = _AROUND.sub("", plain) or plain
    dashes = (" " if unicodedata.category(char) in ("Pd", "Pc") else char for char in plain)
    return " ".join("".join(dashes).split())


def alike(texts: Iterable[str]) -> list[list[str]]:
    """Groups of different texts that look the same, sorted."""
    groups: dict[str, set[str]] = {}
    for text in texts:
        groups.setdefault(look(text), set()).add(text)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def _said(label: str) -> str:
    """What a class looks like; numbers are the same however they are written."""
    seen = look(label)
    for text in (label, seen):
        if _WRITTEN.fullmatch(text) and abs(number := float(text)) < 2**53:
            return repr(number + 0.0)
    return seen


def same_meaning(labels: Iterable[str]) -> list[list[str]]:
    """Groups of classes that look the same, or say yes or no in two ways, such as True and 1.

    Letters such as N are often short for something else, so they say no only beside a whole answer
    and, unless that is the word, the other letter.
    """
    groups: dict[str, set[str]] = {}
    for label in labels:
        groups.setdefault(_said(label), set()).add(label)
    answers = [pair for pair in _ANSWERS if any(word in groups for word in pair)]
    for pair, words in _SHORT:
        met = sum(word in groups for word in pair)
        if met == 2 or (met and words in answers):
            answers.append(pair)
    for same in zip(*answers, strict=True):
        joined = set().union(*(groups.pop(word, ()) for word in same))
        groups[same[0]] = joined
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def composed(labels: Iterable[str]) -> dict[str, list[str]]:
    """Classes that name several of the others, such as ``anger;joy``, and which these are."""
    labels = set(labels)
    found = {}
    for label in sorted(labels):
        parts = [part.strip() for part in _BETWEEN.split(label)]
        if len(parts) > 1 and labels.issuperset(parts):
            found[label] = list(dict.fromkeys(parts))
    return found


def slips(labels: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of classes of which one may be a slip of the other.

    A letter within a long word is missing, or two stand in each other's place; what differs at an
    end, or in a digit, makes words of their own.
    """
    long = sorted(label for label in set(labels) if len(label) >= _LONG and label.isalpha())
    if len(long) > _MOST_COMPARED:
        return []
    pairs = []
    for one, other in itertools.combinations(sorted(long, key=len), 2):
        if len(other) - len(one) > 1 or (one[0], one[-1]) != (other[0], other[-1]):
            continue
        lacks = len(one) < len(other) and any(
            one == other[:i] + other[i + 1 :] for i in range(1, len(other) - 1)
        )
        beside = _is_swapped(one, other) and other in {
            one[:i] + one[i + 1] + one[i] + one[i + 2 :] for i in range(1, len(one) - 2)
        }
        if lacks or beside:
            pairs.append((one, other))
    return pairs


def differ(texts: Iterable[str]) -> str:
    """In what texts that look the same differ."""
    texts = list(texts)
    if len({look(text) for text in texts}) > 1:
        return "and may mean the same"
    # Not casefold, for which ß is ss.
    return "in case alone" if len({text.lower() for text in texts}) == 1 else "and look alike"


def as_there(text: str, there: Iterable[str]) -> str:
    """A value as the data write it: 0, 0.0 and 0.00 are one number."""
    there = list(there)
    if text in there or not _WRITTEN.fullmatch(text):
        return text
    same = [value for value in there if _WRITTEN.fullmatch(value) and float(value) == float(text)]
    return same[0] if len(same) == 1 else text


def _is_swapped(one: str, other: str) -> bool:
    """Whether two words differ by two letters that are in each other's place."""
    places = [i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    if len(one) != len(other) or len(places) != 2:
        return False
    i, j = places
    return one[i] == other[j] and one[j] == other[i]


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Known words that ``word`` may be a slip of, the likeliest first; usually none.

    A slip is a letter too many, too few or another one, two in each other's place, or, in long
    words, a few of these; also a part of a name, as ``speaker`` of ``speaker_split``, or the
    beginning of one, as ``emo`` of ``emotion``.
    """
    lower = word.lower()
    found = []
    for other in dict.fromkeys(known):
        near = other.lower()
        # Quick bounds before the ratio itself.
        matcher = difflib.SequenceMatcher(None, lower, near, autojunk=False)
        swapped = _is_swapped(lower, near)
        one = 2 < len(lower) == len(near) and sum(map(str.__ne__, lower, near)) == 1
        short, long = sorted((lower, near), key=len)
        part = len(short) > 2 and (long.startswith(short) or lower in re.split(r"[_.]", near))
        alike = matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE
        if swapped or one or part or alike:
            found.append((swapped, matcher.ratio(), other))
    return [other for _, _, other in sorted(found, key=lambda hit: hit[:2], reverse=True)]
