"""Do predicted properties go with the target, and do they agree with what is known?

A property that differs by class is a cue that a model can learn instead of the class. Recordings of
one speaker resemble each other, so the tests use means of speakers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from izwi.annotation.targets import TARGETS, column_of
from izwi.audit.conditions import p_by_truth
from izwi.data.description import sex_of
from izwi.evaluation.holm import holm


def associations(table: pd.DataFrame, targets: Iterable[str]) -> list[dict[str, Any]]:
    """How each property goes with the truth.

    The unit is the mean of a speaker, with classes of a speaker in a class; without speakers, or
    with one alone, the row. A label counts as a share: 1 where a row has it.

    Args:
        table: ``truth``, ``speaker`` (may be missing) and the predicted columns
        targets: names of the properties

    Returns:
        for each property, and each of its labels but one of two: ``property``, ``label`` (None for
        a number), ``unit``, ``n`` (of units), ``measure`` and ``effect`` (with classes the
        correlation ratio η over the units, with numbers Pearson's r), ``p`` of the F test of
        `izwi.audit.conditions.p_by_truth`, ``p_holm`` corrected for all of them, and
        ``means`` (class → mean of its units; None with numbers)
    """
    table = table[table["truth"].notna()]
    speaker = table["speaker"] if "speaker" in table else pd.Series(None, table.index, dtype="str")
    numeric = pd.api.types.is_numeric_dtype(table["truth"])
    found = []
    for name, label, values in _numbers(table, targets):
        there = values.notna()
        row = _association(values[there], table["truth"][there], speaker[there], numeric)
        found.append({"property": column_of(name), "label": label, **row})
    corrected = holm([row["p"] for row in found])
    for row, p in zip(found, corrected, strict=True):
        row["p_holm"] = p
    return found


def _numbers(
    table: pd.DataFrame, targets: Iterable[str]
) -> Iterable[tuple[str, str | None, pd.Series]]:
    """Each property as numbers: name, label, values."""
    for name in targets:
        if TARGETS[name].kind in ("text", "group"):
            continue
        column = table[column_of(name)]
        if not TARGETS[name].labels:
            yield name, None, column.astype("float64")
            continue
        present = sorted(column.dropna().unique())
        # Of two labels one says all.
        for label in present[-1:] if len(present) == 2 else present:
            yield name, label, (column == label).astype("float64").where(column.notna())


def _association(
    values: pd.Series, truth: pd.Series, speaker: pd.Series, numeric: bool
) -> dict[str, Any]:
    known = speaker.notna()
    by_speaker = speaker.nunique() > 1
    frame = pd.DataFrame({"value": values, "truth": truth})
    if by_speaker:
        frame = frame.assign(speaker=speaker)[known]
        if numeric:
            units = frame.groupby("speaker", sort=True)[["value", "truth"]].mean()
        else:
            cells = frame.groupby(["speaker", "truth"], sort=True)
            units = cells["value"].mean().reset_index()
    else:
        units = frame
    unit = ("speaker" if numeric else "speaker and class") if by_speaker else "row"
    own, of = units["value"].to_numpy(float), units["truth"].to_numpy()
    row: dict[str, Any] = {"unit": unit, "n": len(units), "measure": "r" if numeric else "η"}
    varies = len(units) > 2 and np.ptp(own) > 0 and units["truth"].nunique() > 1
    row["effect"] = row["p"] = None
    if varies:
        if numeric:
            row["effect"] = float(np.corrcoef(own, of.astype(float))[0, 1])
        else:
            groups = units.groupby("truth", sort=True)["value"]
            between = (groups.size() * (groups.mean() - own.mean()) ** 2).sum()
            row["effect"] = float(np.sqrt(between / ((own - own.mean()) ** 2).sum()))
        (p,) = p_by_truth(
            values.to_numpy(float)[:, None], truth.reset_index(drop=True), _ids(speaker)
        )
        row["p"] = None if np.isnan(p) else float(p)
    row["means"] = None
    if not numeric:
        means = units.groupby("truth", sort=True)["value"].mean()
        row["means"] = {str(label): float(mean) for label, mean in means.items()}
    return row


def _ids(speaker: pd.Series) -> pd.Series:
    return speaker.reset_index(drop=True)


def agreements(table: pd.DataFrame, targets: Iterable[str]) -> list[dict[str, Any]]:
    """How predictions agree with a column of the database of the same name.

    Args:
        table: with the predicted columns
        targets: names of the properties

    Returns:
        for each that the table knows: ``property``, ``n`` rows with both; of numbers ``mae``, ``r``
        and ``ccc``; of labels ``accuracy`` and the mean recall ``uar``; of
        speakers the number of ``groups`` and ``known_groups``, and ``adjusted_rand`` (Hubert and
        Arabie, 1985); of texts ``word_error_rate``
    """
    found = []
    for name in targets:
        if name not in table or column_of(name) not in table:
            continue
        known, predicted = table[name], table[column_of(name)]
        kind = TARGETS[name].kind
        if kind in ("text", "group"):
            known = known.astype(object).map(str, na_action="ignore")
        elif kind == "label":
            known = known.astype(object).map(sex_of, na_action="ignore")
        else:
            known = pd.to_numeric(known, errors="coerce")
        both = known.notna() & predicted.notna()
        if not both.any():
            continue
        row: dict[str, Any] = {"property": column_of(name), "n": int(both.sum())}
        known, predicted = known[both], predicted[both]
        if kind == "group":
            from sklearn.metrics import adjusted_rand_score

            row |= {
                "groups": int(predicted.nunique()),
                "known_groups": int(known.nunique()),
                "adjusted_rand": float(adjusted_rand_score(known, predicted)),
            }
        elif kind == "text":
            row["word_error_rate"] = word_error_rate(known, predicted)
        elif kind == "label":
            right = known == predicted
            row |= {
                "accuracy": float(right.mean()),
                "uar": float(right.groupby(known.astype(str)).mean().mean()),
            }
        else:
            x, y = known.to_numpy(float), predicted.to_numpy(float)
            varies = len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
            row |= {
                "mae": float(np.abs(x - y).mean()),
                "r": float(np.corrcoef(x, y)[0, 1]) if varies else None,
                "ccc": _ccc(x, y) if varies else None,
            }
        found.append(row)
    return found


def word_error_rate(known: Iterable[str], predicted: Iterable[str]) -> float | None:
    """Words that were inserted, left out or replaced, over the words that were said.

    Case and punctuation do not count. None where nothing was said.
    """
    wrong = total = 0
    for said, heard in zip(known, predicted, strict=True):
        a, b = _words(said), _words(heard)
        # Levenshtein's distance, row by row.
        before = list(range(len(b) + 1))
        for i, word in enumerate(a, start=1):
            row = [i]
            for j, other in enumerate(b, start=1):
                row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (word != other)))
            before = row
        wrong += before[-1]
        total += len(a)
    return wrong / total if total else None


def _words(text: str) -> list[str]:
    bare = ("".join(c for c in word if c.isalnum()).lower() for word in text.split())
    return [word for word in bare if word]


def _ccc(x: np.ndarray, y: np.ndarray) -> float:
    """Concordance correlation coefficient (Lin, Biometrics 45, 1989)."""
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    return float(2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))
