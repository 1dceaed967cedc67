"""Recording conditions that differ by class, or between train and test.

Rows of one speaker are no independent samples, so tests are made on the means of speakers; Holm's
method corrects them for the number of properties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from izwi.audit.findings import CUE, NOTE, SHIFT, Finding, decimals, percent

# Digital silence (s) and clipped samples (share) from which a recording counts.
PADDED = 0.01
CLIPPED = 0.001
ALPHA = 0.01
# Effects that are told: by class the correlation ratio (for shares Cramér's V), between train and
# test the difference of means in standard deviations. Of what belongs to speech, too, such as its
# duration, less is told, unless it nearly tells the class.
BY_CLASS = 0.2
BY_CLASS_SPEECH = 0.25
DECISIVE = 0.8
BETWEEN = 0.8
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


def by_class(
    compared: pd.DataFrame, truth: pd.Series, speaker: pd.Series, target: str, noun: str
) -> list[Finding]:
    """Properties that differ by class, or go with a number that is predicted.

    Args:
        compared: as :func:`values` gives it
        truth: of the same rows, labels or numbers
        speaker: likewise
        target: name of the column that is predicted
        noun: of a row, ``file`` or ``segment``
    """
    known = truth.notna().to_numpy()
    compared, truth, speaker = compared[known], truth[known], speaker[known]
    numeric = pd.api.types.is_numeric_dtype(truth)
    measured = {}
    for prop in PROPERTIES:
        column = compared[prop.name]
        if column.nunique() > 1:
            effect = _correlation(column, truth) if numeric else ratio(column, truth)
            measured[prop] = effect, _p_by_truth(column, truth, speaker)
    corrected = holm([p for _, p in measured.values()])
    findings, speech = [], []
    for (prop, (effect, _)), p in zip(measured.items(), corrected, strict=True):
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
        elif prop.speech and effect < DECISIVE:
            speech.append((prop, effect, counts))
        else:
            line = _cue_line(prop, compared[prop.name], means, effect, target, noun)
            findings.append(Finding(prop.name, CUE, line, counts))
    if speech:
        symbol = "|r|" if numeric else "η"
        told = ", ".join(f"{prop.title} ({symbol} {decimals(e)})" for prop, e, _ in speech)
        line = (
            f"not the same for every {target}: {told}; a model that sees nothing else "
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
    for rows in folds:
        train, test = rows["train"], rows["test"]
        measured = {}
        for prop in PROPERTIES:
            column = compared[prop.name]
            if column.iloc[np.concatenate([train, test])].nunique() > 1:
                measured[prop] = _welch(column, speaker, train, test)
        corrected = holm([p for *_, p in measured.values()])
        for (prop, (ours, theirs, effect, _)), p in zip(measured.items(), corrected, strict=True):
            if not np.isnan(p) and p < ALPHA and effect >= BETWEEN:
                found.setdefault(prop, []).append((ours, theirs, effect, p))
    if not found:
        return []
    told, counts = [], {}
    for prop, of_folds in found.items():
        ours, theirs, effect, p = max(of_folds, key=lambda numbers: numbers[2])
        size = f" (g {effect:.1f})" if np.isfinite(effect) else ""
        where = f" in {len(of_folds)} of {len(folds)} folds" if len(folds) > 1 else ""
        told.append(f"{_compared(prop, ours, theirs)}{size}{where}")
        counts[prop.name] = {
            "train": round(ours, 4),
            "test": round(theirs, 4),
            "effect": round(effect, 4) if np.isfinite(effect) else None,
            "p": p,
            "folds": len(of_folds),
        }
    line = f"test is unlike train: {'; '.join(told)}"
    return [Finding("train and test differ", SHIFT, line, counts)]


# ---------------------------------------------------------------------- statistics


def ratio(column: pd.Series, truth: pd.Series) -> float:
    """Correlation ratio η of a number and classes; for a truth (0, 1) it is Cramér's V.

    Args:
        column: numbers, not all the same
        truth: a class for each
    """
    means = column.groupby(truth).transform("mean")
    total = ((column - column.mean()) ** 2).sum()
    return float(np.sqrt(((means - column.mean()) ** 2).sum() / total))


def holm(p: list[float]) -> list[float]:
    """Probabilities corrected for their number by Holm's method; NaN counts for nothing."""
    values = np.array(p, dtype=float)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = len(tested) - np.arange(len(tested))
    values[order] = np.minimum(1, np.maximum.accumulate(values[order] * factors))
    return values.tolist()


def f_test(y: np.ndarray, x: np.ndarray, block: np.ndarray) -> float:
    """Probability of an effect as large by chance, in a linear model with an intercept per block.

    Args:
        y: shape (units,)
        x: design without the intercepts, shape (units, columns)
        block: block of each unit, shape (units,)

    Returns:
        p of the F test of all columns of ``x`` together, NaN where it cannot be had
    """
    from scipy.special import fdtrc

    blocks = pd.factorize(block)[0]
    y, *columns = (v - (np.bincount(blocks, v) / np.bincount(blocks))[blocks] for v in (y, *x.T))
    x = np.stack(columns, axis=1)
    rank = int(np.linalg.matrix_rank(x))
    free = len(y) - blocks.max() - 1 - rank
    if rank == 0 or free < 1:
        return np.nan
    solution = np.linalg.lstsq(x, y, rcond=None)[0]
    rest, total = float(((y - x @ solution) ** 2).sum()), float((y**2).sum())
    if total == 0:
        return np.nan
    if rest <= 1e-12 * total:
        return 0.0
    return float(fdtrc(rank, free, (total - rest) / rank / (rest / free)))


def _correlation(column: pd.Series, truth: pd.Series) -> float:
    return float(abs(np.corrcoef(column, truth)[0, 1])) if truth.nunique() > 1 else 0.0


def _p_by_truth(column: pd.Series, truth: pd.Series, speaker: pd.Series) -> float:
    """p of a difference by class (or of a slope), on means of speakers where there are such."""
    numeric = pd.api.types.is_numeric_dtype(truth)
    frame = pd.DataFrame({"y": column, "truth": truth, "speaker": speaker})
    if speaker.nunique() < 2:
        # Nobody, or one: files are all there is.
        frame["speaker"] = ""
        block = False
    else:
        frame = frame.dropna(subset="speaker")
        several = frame.groupby("speaker")["truth"].nunique() > 1
        block = bool(several.mean() > 0.5)
        cells = ["speaker"] if numeric else ["speaker", "truth"]
        if not numeric or not block:
            frame = frame.groupby(cells, as_index=False).mean(numeric_only=True)
    x = (
        frame[["truth"]].to_numpy(float)
        if numeric
        else pd.get_dummies(frame["truth"], dtype=float).to_numpy()
    )
    blocks = frame["speaker"].to_numpy() if block else np.zeros(len(frame), dtype=int)
    return f_test(frame["y"].to_numpy(float), x, blocks)


def _welch(
    column: pd.Series, speaker: pd.Series, train: np.ndarray, test: np.ndarray
) -> tuple[float, float, float, float]:
    """Means of train and test, their distance in standard deviations, and p (Welch's t test).

    The means and the distance are those of rows, the test is that of means of speakers. Where
    either part has one value alone, and not the same, that is no chance.
    """
    from scipy.special import fdtrc

    ours, theirs = column.iloc[train].to_numpy(), column.iloc[test].to_numpy()
    means = float(ours.mean()), float(theirs.mean())
    gap = abs(means[0] - means[1])
    free = len(ours) + len(theirs) - 2
    pooled = (((ours - means[0]) ** 2).sum() + ((theirs - means[1]) ** 2).sum()) / max(1, free)
    if pooled <= 1e-12 * gap**2:
        return (*means, np.inf if gap else 0.0, 0.0 if gap else 1.0)
    effect = gap / pooled**0.5 * (1 - 3 / (4 * free - 1))
    units = []
    for rows, own in ((train, ours), (test, theirs)):
        who = speaker.iloc[rows]
        known = who.notna().to_numpy()
        means_of = pd.Series(own[known]).groupby(who[known].to_numpy()).mean()
        units.append(means_of if known.any() else own)
    if min(map(len, units)) < 2:
        return (*means, effect, np.nan)
    errors = [np.var(unit, ddof=1) / len(unit) for unit in units]
    if not sum(errors):
        return (*means, effect, 0.0)
    t = (np.mean(units[0]) - np.mean(units[1])) / sum(errors) ** 0.5
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(unit) - 1) for error, unit in zip(errors, units, strict=True)
    )
    return (*means, effect, float(fdtrc(1, freedom, t**2)))


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
    """One line on what tells the class beside the speech."""
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
