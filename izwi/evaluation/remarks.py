"""What is wrong with predictions, and what must be said beside their figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from izwi.errors import UserError
from izwi.evaluation.intervals import ENOUGH_OF_A_CLASS, few_speakers
from izwi.wording import agreed, count

if TYPE_CHECKING:
    from izwi.evaluation.scoring import EvaluateSpec


def one_answer(spec: EvaluateSpec, runs: list[pd.DataFrame], by_chance: float | None) -> list[str]:
    """Warns of models that say the same for every sample, with the likely cause."""
    if spec.get("model") in ("majority", "mean") or runs[0]["truth"].nunique() < 2:
        return []
    same = [
        run
        for run in runs
        if len(run) > run["fold"].nunique()
        and (run.groupby("fold")["prediction"].nunique() == 1).all()
    ]
    if not same:
        return []
    said = pd.unique(pd.concat(same)["prediction"])
    answer = f"{said[0]!r}" if len(said) == 1 and isinstance(said[0], str) else "one value"
    of = f"in {len(same)} of {len(runs)} runs " if len(runs) > 1 else ""
    each = " in each fold" if runs[0]["fold"].nunique() > 1 else ""
    unscaled = spec.get("scale", "none") in (None, "none")
    cause = (
        "likely the features are not scaled: set [FEATS] scale = standard"
        if unscaled
        else "try another [FEATS] type, less regularisation or [MODEL] class_weight = True"
    )
    figure = "" if by_chance is None else f" (chance: {spec['measure']} {by_chance:.3f})"
    return [f"{of}the model says {answer} for every test sample{each}{figure}; {cause}"]


def speakers_of(predictions: pd.DataFrame) -> int | None:
    """Number of speakers, None where nobody is known."""
    return int(predictions["speaker"].nunique()) or None


def check(spec: EvaluateSpec, predictions: pd.DataFrame, labelled: pd.DataFrame) -> None:
    """Refuse predictions of which no figure could be right.

    Raises:
        UserError: if a prediction is no number, or the measure does not fit
        ValueError: if the runs predict other rows, or other classes than there are
    """
    # Counts hold only if each run predicts each row once.
    keys = [tuple(run["row"]) for _, run in predictions.groupby("run")]
    if len(set(keys)) > 1 or any(len(set(rows)) < len(rows) for rows in keys):
        raise ValueError("the runs must predict the same rows, each once")
    if spec["task"] == "regression":
        numbers = predictions["prediction"].astype(float)
        bad = predictions.loc[~np.isfinite(numbers), "file"]
        if len(bad):
            raise UserError(
                f"[MODEL] type: {len(bad)} of {len(predictions)} predictions are not finite "
                f"numbers (first: {bad.iloc[0]}); try [FEATS] scale = standard"
            )
        return
    known = {str(label) for label in spec["labels"]}
    unknown = ({*labelled["truth"]} | {*predictions["prediction"]}) - known
    if unknown:
        raise ValueError(f"not among the labels {sorted(known)}: {sorted(map(str, unknown))}")
    if spec["measure"] == "eer":
        if len(known) != 2:
            raise UserError(
                f"[MODEL] measure: eer needs two classes, there are {len(known)}; use uar"
            )
        if f"p_{spec['labels'][1]}" not in predictions:
            raise UserError("[MODEL] measure: eer needs a model that gives probabilities; use uar")


def without_limits(rows: pd.DataFrame, n: int, measure: str, task: str, why: str) -> str:
    """That there is no interval, and what the figure does not say.

    The bound is the exact one behind the rule of three (Hanley & Lippman-Hand, "If nothing goes
    wrong, is everything all right?", 1983): errors so frequent leave n samples without one in 5 %.
    """
    line = f"no interval of {measure}: {why}"
    if task == "classification" and (rows["truth"] == rows["prediction"]).all():
        bound = 100 * (1 - 0.05 ** (1 / n))
        line += (
            f"; no error in {count(n, 'sample')} fits an error rate of up to {bound:.2g} %, "
            "if samples were independent"
        )
    return line


def few_of_a_class(first: pd.DataFrame, task: str) -> str:
    """Classes of so few speakers that, by simulation, intervals hold less than they promise."""
    if task != "classification" or few_speakers(speakers_of(first)):
        return ""
    counts = first.groupby("truth")["speaker"].nunique()
    scarce = [f"{label} ({n})" for label, n in counts.items() if n < ENOUGH_OF_A_CLASS]
    if not scarce:
        return ""
    return (
        "may be too narrow at both ends: classes of fewer than "
        f"{ENOUGH_OF_A_CLASS} test speakers: {', '.join(scarce)}"
    )


def absent_classes(rows: pd.DataFrame, labels: list[str]) -> list[str]:
    """Warnings of classes that do not occur in the truth, of all or of a fold or speaker."""

    def missing(truth: pd.Series) -> list[str]:
        present = set(truth.unique())
        return [label for label in labels if label not in present]

    lines = []
    if everywhere := missing(rows["truth"]):
        lines.append(
            f"classes absent from the truth of the test set, left out of UAR and F1: "
            f"{', '.join(everywhere)}"
        )
    for name in ("fold", "speaker"):
        groups = rows.groupby(name, sort=True)["truth"]
        absent = {key: sorted({*missing(truth)} - {*everywhere}) for key, truth in groups}
        lacking = [f"{name} {key} lacks {', '.join(gone)}" for key, gone in absent.items() if gone]
        if lacking:
            more = f"; and {len(lacking) - 10} more" if len(lacking) > 10 else ""
            lack = agreed(len(lacking), "lacks", "lack")
            lines.append(
                f"{len(lacking)} of {count(len(absent), name)} {lack} classes in the truth: "
                "measures are means over the others "
                f"({'; '.join(lacking[:10])}{more})"
            )
    return lines


def disagreement(predictions: pd.DataFrame, labels: list[str]) -> int | None:
    """Decisions that are not for the likeliest class, None where there are no probabilities."""
    columns = [f"p_{label}" for label in labels]
    if not set(columns) <= set(predictions):
        return None
    probabilities = predictions[columns].to_numpy(dtype=float)
    decided = predictions["prediction"].map({label: i for i, label in enumerate(labels)})
    own = probabilities[np.arange(len(probabilities)), decided.to_numpy(dtype=int)]
    return int((own < probabilities.max(axis=1)).sum())  # a tie is no disagreement
