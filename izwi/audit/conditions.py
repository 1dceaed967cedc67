"""Recording conditions that differ by class, or between train and test.

Rows of one speaker are not independent samples, so the tests compare means of speakers; Holm's
method corrects them for the number of properties.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from izwi.audit.findings import CUE, NOTE, SHIFT, Finding, decimals, percent
from izwi.evaluation.holm import holm
from izwi.features.signal import FLOOR
from izwi.wording import agreed, count

# Digital silence (s) and clipped samples (share) from which a recording counts.
PADDED = 0.01
CLIPPED = 0.001
ALPHA = 0.01
# Smallest effects to report: by class the correlation ratio (for shares Cramér's V), between train
# and test the difference of means in standard deviations (of shares Cohen's h). Properties that
# belong to speech as well, such as its duration, have a limit of their own.
BY_CLASS = 0.2
BY_CLASS_SPEECH = 0.25
DECISIVE = 0.8
BETWEEN = 0.8
# Fewest rows of train and of test for that.
FEWEST = 5
# Share of padded files that is worth a note.
OFTEN = 0.05


@dataclass(frozen=True)
class Property:
    """What is compared.

    Args:
        name: column of :func:`values`
        title: for messages
        unit: for messages; empty for the share of rows of which it is true
        speech: whether it is a property of speech as well
    """

    name: str
    title: str
    unit: str = ""
    speech: bool = False


PROPERTIES = (
    Property("sampling_rate", "sampling rate", "Hz"),
    Property("channels", "channels", "channels"),
    Property("padding_start", "begin with digital silence"),
    Property("padding_end", "end in digital silence"),
    Property("clipped", "are clipped"),
    Property("duration", "duration", "s", speech=True),
    Property("level", "level", "dBFS", speech=True),
    Property("noise_floor", "noise floor", "dBFS", speech=True),
)


def values(signals: pd.DataFrame) -> pd.DataFrame:
    """What is compared, a column for each property; a truth is 1."""
    result = signals[[prop.name for prop in PROPERTIES]].astype(float)
    for name, limit in (("padding_start", PADDED), ("padding_end", PADDED), ("clipped", CLIPPED)):
        result[name] = (result[name] > limit).astype(float)
    return result


def silent(signals: pd.DataFrame, files: pd.Series, noun: str) -> list[Finding]:
    """Recordings that hold digital silence alone: something went wrong with them.

    Args:
        signals: properties of some recordings
        files: of the same rows
        noun: of a row, ``file`` or ``segment``
    """
    rows = (signals["level"] <= FLOOR).to_numpy()
    if not rows.any():
        return []
    number, some = int(rows.sum()), sorted(set(files[rows]))[:2]
    hold = agreed(number, "holds", "hold")
    line = (
        f"{number} of {count(len(rows), noun)} {hold} digital silence alone, such as "
        f"{' and '.join(some)}: leave them out unless they are meant"
    )
    counts = {"rows": number, "of": len(rows)}
    return [Finding("silence", SHIFT, line, counts, some)]


def by_class(
    compared: pd.DataFrame, truth: pd.Series, speaker: pd.Series, target: str, noun: str
) -> list[Finding]:
    """Properties that differ by class, or go with a number that is predicted.

    Args:
        compared: as :func:`values` gives it
        truth: of the same rows, labels or numbers
        speaker: of each row
        target: name of the column that is predicted
        noun: of a row, ``file`` or ``segment``
    """
    known = truth.notna().to_numpy()
    compared, truth, speaker = compared[known], truth[known], speaker[known]
    numeric = pd.api.types.is_numeric_dtype(truth)
    varied = [prop for prop in PROPERTIES if compared[prop.name].nunique() > 1]
    if not varied:
        return []
    y = compared[[prop.name for prop in varied]].to_numpy(float)
    effects = _correlations(y, truth.to_numpy(float)) if numeric else ratios(y, truth)
    measured = dict(zip(varied, effects.tolist(), strict=True))
    corrected = holm(p_by_truth(y, truth, speaker))
    findings, speech = [], []
    for (prop, effect), p in zip(measured.items(), corrected, strict=True):
        certain = not np.isnan(p) and p < ALPHA
        counts: dict[str, Any] = {"effect": round(effect, 4), "p": None if np.isnan(p) else p}
        if prop.unit == "":
            counts |= {"rows": int(compared[prop.name].sum()), "of": len(compared)}
        means = None if numeric else compared[prop.name].groupby(truth).mean().sort_values()
        if means is not None:
            counts["by_class"] = {str(name): round(v, 4) for name, v in means.items()}
        least = BY_CLASS_SPEECH if prop.speech else BY_CLASS
        if not certain or effect < least:
            share = compared[prop.name].mean()
            if prop.unit == "" and share >= OFTEN:
                line = _share_line(prop, compared[prop.name], noun)
                findings.append(Finding(prop.name, NOTE, line, counts))
            if prop.name == "sampling_rate":
                shares = compared[prop.name].value_counts(normalize=True)
                shown = ", ".join(f"{rate:.0f} Hz {percent(n)}" for rate, n in shares.items())
                line = f"{noun}s of several sampling rates: {shown}"
                findings.append(Finding(prop.name, NOTE, line, counts))
            if prop.name == "channels":
                shares = compared[prop.name].value_counts(normalize=True)
                shown = ", ".join(f"{n:.0f} in {percent(share)}" for n, share in shares.items())
                line = f"{noun}s of several numbers of channels: {shown}"
                findings.append(Finding(prop.name, NOTE, line, counts))
        elif prop.speech and effect < DECISIVE:
            speech.append((prop, effect, counts))
        else:
            line = _cue_line(prop, compared[prop.name], means, effect, target, noun)
            findings.append(Finding(prop.name, CUE, line, counts))
    if speech:
        symbol = "|r|" if numeric else "η"
        shown = ", ".join(f"{prop.title} ({symbol} {decimals(e)})" for prop, e, _ in speech)
        line = (
            f"not the same for every {target}: {shown}; a model that sees nothing else "
            "(FEATS.type = signal) shows how much that tells"
        )
        counts = {prop.name: numbers for prop, _, numbers in speech}
        findings.append(Finding("speech properties", NOTE, line, counts))
    return findings


def between(
    compared: pd.DataFrame, speaker: pd.Series, folds: list[dict[str, np.ndarray]]
) -> list[Finding]:
    """Properties in which test is unlike train.

    Args:
        compared: as :func:`values` gives it
        speaker: of the same rows
        folds: row numbers by part, for each fold
    """
    found: dict[Property, list[tuple[float, float, float, float]]] = {}
    y, who = compared.to_numpy(float), pd.factorize(speaker)[0]
    parts = [(rows["train"], rows["test"]) for rows in folds]
    measured = [welch(y, who, *rows) for rows in parts if min(map(len, rows)) >= FEWEST]
    corrected = iter(holm([p for *_, chances in measured for p in chances]))
    for means, effects, _ in measured:
        for prop, pair, effect in zip(PROPERTIES, means.T.tolist(), effects.tolist(), strict=True):
            p = next(corrected)
            if prop.unit == "":
                effect = cohens_h(*pair)
            if not np.isnan(p) and p < ALPHA and effect >= BETWEEN:
                found.setdefault(prop, []).append((*pair, effect, p))
    if not found:
        return []
    shown, counts = [], {}
    for prop, of_folds in found.items():
        ours, theirs, effect, p = max(of_folds, key=lambda numbers: numbers[2])
        symbol = "g" if prop.unit else "h"
        size = f" ({symbol} {effect:.1f})" if np.isfinite(effect) else ""
        where = f" in {len(of_folds)} of {len(folds)} folds" if len(folds) > 1 else ""
        shown.append(f"{_compared(prop, ours, theirs)}{size}{where}")
        counts[prop.name] = {
            "train": round(ours, 4),
            "test": round(theirs, 4),
            "effect": round(effect, 4) if np.isfinite(effect) else None,
            "p": p,
            "folds": len(of_folds),
        }
    line = f"test is unlike train: {'; '.join(shown)}"
    return [Finding("train and test differ", SHIFT, line, counts)]


# ---------------------------------------------------------------------- statistics


def ratios(y: np.ndarray, truth: pd.Series) -> np.ndarray:
    """Correlation ratios η of numbers and classes; for truths (0, 1) it is Cramér's V.

    Args:
        y: shape (rows, properties), none of them constant
        truth: a class for each row
    """
    codes = pd.factorize(truth)[0]
    center = y.mean(axis=0)
    between = ((means_of(y, codes)[codes] - center) ** 2).sum(axis=0)
    return np.sqrt(between / ((y - center) ** 2).sum(axis=0))


def means_of(y: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Means of groups, shape (groups, properties).

    Args:
        y: shape (rows, properties)
        codes: group of each row, 0 to n - 1, none of them empty
    """
    sums = [np.bincount(codes, column) for column in y.T]
    return np.stack(sums, axis=1) / np.bincount(codes)[:, None] if sums else y[:0]


def cohens_h(first: float, second: float) -> float:
    """Difference of two shares, after Cohen (1988); from .8 it is large."""
    return 2 * abs(math.asin(first**0.5) - math.asin(second**0.5))


def f_test(y: np.ndarray, x: np.ndarray, block: np.ndarray) -> list[float]:
    """Probability of an effect as large by chance, in a linear model with an intercept per block.

    Args:
        y: shape (units, properties)
        x: design without the intercepts, shape (units, columns)
        block: block of each unit, 0 to n - 1, shape (units,)

    Returns:
        for each property p of the F test of all columns of ``x`` together, NaN where it cannot be
        had
    """
    from scipy.special import fdtrc

    rounding = 1e-20 * (y**2).sum(axis=0)
    y, x = (v - means_of(v, block)[block] for v in (y, x))
    rank = int(np.linalg.matrix_rank(x))
    free = len(y) - int(block.max()) - 1 - rank
    if rank == 0 or free < 1:
        return [np.nan] * y.shape[1]
    rest = ((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum(axis=0)
    total = (y**2).sum(axis=0)
    result = []
    for unexplained, all_of_it, nothing in zip(rest, total, rounding, strict=True):
        if all_of_it <= nothing:
            result.append(np.nan)
        elif unexplained <= 1e-12 * all_of_it:
            result.append(0.0)
        else:
            f = (all_of_it - unexplained) / rank / (unexplained / free)
            result.append(float(fdtrc(rank, free, f)))
    return result


def _correlations(y: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Magnitudes of Pearson's r."""
    y, truth = y - y.mean(axis=0), truth - truth.mean()
    size = np.sqrt((truth**2).sum() * (y**2).sum(axis=0))
    return np.abs(truth @ y) / np.where(size > 0, size, 1)


def p_by_truth(y: np.ndarray, truth: pd.Series, speaker: pd.Series) -> list[float]:
    """p of differences by class (or of slopes), on means of speakers where there are such.

    Where most speakers have several classes, classes are compared within speakers. What is the
    same in all recordings of each speaker is compared between them, by their shares of classes.
    """
    numeric = pd.api.types.is_numeric_dtype(truth)
    who, value = pd.factorize(speaker)[0], pd.factorize(truth)[0]
    number = truth.to_numpy(float)[:, None] if numeric else np.eye(value.max(initial=-1) + 1)[value]
    if who.max(initial=-1) < 1:
        # Nobody, or one: rows are all there is.
        return f_test(y, number, np.zeros(len(y), dtype=int)) if len(y) else []
    y, who, value, number = (v[who >= 0] for v in (y, who, value, number))
    between = f_test(means_of(y, who), means_of(number, who), np.zeros(who.max() + 1, dtype=int))
    pairs = np.unique(np.stack([who, value]), axis=1)
    if np.mean(np.bincount(pairs[0]) > 1) <= 0.5:
        return between
    if not numeric:
        cells = pd.factorize(who * (value.max() + 1) + value)[0]
        first = np.unique(cells, return_index=True)[1]
        y, number, who = means_of(y, cells), means_of(number, cells), who[first]
    within = f_test(y, number, who)
    return [b if np.isnan(w) else w for w, b in zip(within, between, strict=True)]


def welch(
    y: np.ndarray, who: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """How unlike train and test are.

    Where either has one value alone, and not the same, that is no chance. Where all are the same,
    nothing can be tested.

    Args:
        y: shape (rows, properties)
        who: speaker of each row as a number, negative where unknown
        train: row numbers
        test: row numbers

    Returns:
        * means of rows, shape (2, properties): train and test
        * their distance in standard deviations (Hedges' g), infinite where these are 0
        * p of Welch's t test of the means of speakers, NaN where it cannot be had
    """
    from scipy.special import fdtrc

    parts = y[train], y[test]
    units = []
    for rows, part in zip((train, test), parts, strict=True):
        known = who[rows] >= 0
        codes = pd.factorize(who[rows][known])[0]
        units.append(means_of(part[known], codes) if known.any() else part)
    means = np.stack([part.mean(axis=0) for part in parts])
    gap = np.abs(means[0] - means[1])
    free = len(train) + len(test) - 2
    squares = sum(((part - part.mean(axis=0)) ** 2).sum(axis=0) for part in parts)
    deviation = np.sqrt(squares / max(1, free))
    effects, chances = np.zeros(y.shape[1]), []
    for i in range(y.shape[1]):
        if gap[i] == 0:
            chances.append(np.nan)
        elif deviation[i] <= 1e-6 * gap[i]:
            effects[i] = np.inf
            chances.append(0.0)
        else:
            effects[i] = gap[i] / deviation[i] * (1 - 3 / (4 * free - 1))
            chances.append(np.nan)
            if min(map(len, units)) > 1:
                errors = [np.var(unit[:, i], ddof=1) / len(unit) for unit in units]
                total = sum(errors)
                distance = np.mean(units[0][:, i]) - np.mean(units[1][:, i])
                if total > 0:
                    freedom = total**2 / sum(
                        error**2 / (len(unit) - 1)
                        for error, unit in zip(errors, units, strict=True)
                    )
                    chances[-1] = float(fdtrc(1, freedom, distance**2 / total))
    return means, effects, chances


# ------------------------------------------------------------------------- lines


def _share_line(prop: Property, column: pd.Series, noun: str) -> str:
    return f"{int(column.sum())} of {len(column)} {noun}s {prop.title} ({percent(column.mean())})"


def _cue_line(
    prop: Property,
    column: pd.Series,
    means: pd.Series | None,
    effect: float,
    target: str,
    noun: str,
) -> str:
    """One line on a property that predicts the class without the speech."""
    if prop.unit == "":
        text = _share_line(prop, column, noun)
        most = (
            ""
            if means is None
            else (
                f", {means.index[-1]} {percent(means.iloc[-1])}, {means.index[0]} "
                f"{percent(means.iloc[0])}"
            )
        )
        symbol = "|r|" if means is None else "Cramér's V"
        return f"{text}{most}: a model can learn it ({symbol} {decimals(effect)})"
    if means is None:
        return f"{prop.title} goes with {target}: a model can learn it (|r| {decimals(effect)})"
    shown = ", ".join(
        f"{name} {_number(prop, value)}" for name, value in means.iloc[[0, -1]].items()
    )
    return (
        f"{prop.title} differs by {target}, from {shown} {prop.unit} on average: a model can learn "
        f"it (η {decimals(effect)})"
    )


def _compared(prop: Property, ours: float, theirs: float) -> str:
    if prop.unit == "":
        return f"{percent(theirs)} {prop.title} against {percent(ours)}"
    name = "" if prop.title == prop.unit else f"{prop.title} "
    return f"{name}{_number(prop, theirs)} {prop.unit} against {_number(prop, ours)}"


def _number(prop: Property, value: float) -> str:
    if prop.name == "sampling_rate":
        return f"{value:.0f}"
    return f"{value:.1f}".replace("-", "−")
