"""Runs: on each fold a model is fitted on its training rows and predicts its test rows.

Every fitted step sees only the training rows of its fold; an epoch or a run is chosen on dev rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi import models, splits
from izwi.training import self_training, tuning
from izwi.training.fitting import Fitted, Samples, TrainingSet, fit, score, with_dev
from izwi.wording import agreed, count

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.preprocessing.binning import Fold
    from izwi.training.types import RunReport, TrainingReport, TrainSpec

UNCALIBRATED = "raw_"
SIZES = ("n_train", "n_dev", "n_test")
COLUMNS = ["database", "file", "start", "end", "speaker"]


def _counts(samples: Samples, trained: np.ndarray) -> dict[str, int]:
    """Number of rows that were trained on, and of their copies."""
    counts = {"train": len(trained)}
    if samples.copies is not None:
        counts["augmented"] = samples.number_of_copies(trained)
    return counts


def _listen(said: dict[str, dict[str, list[int]]], reports: list[Any], fold: int) -> None:
    """Note which fold says what."""
    for report in reports:
        for kind, texts in said.items():
            for line in report[kind]:
                texts.setdefault(line, []).append(fold)


def train_folds(
    spec: TrainSpec,
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
    folder: str | Path,
) -> tuple[pd.DataFrame, TrainingReport]:
    """Train all runs on each fold and predict its test rows.

    Args:
        spec: as for `izwi.training.fit_predict.train`
        samples: all rows
        truths: fold → truth of all rows, shape (rows,)
        folds: number and row numbers of train, dev and test
        labels: classes in order, None for regression
        folder: where the fitted models go

    Returns:
        as `izwi.training.fit_predict.train`
    """
    import numpy as np
    import pandas as pd

    split, cls = samples.split, models.model_class(spec["model"]["type"])
    notes, n_runs = list[str](), spec["runs"]
    if n_runs > 1 and tuning.is_deterministic(spec, cls):
        notes.append(f"{spec['model']['type']} is deterministic: fitted once, not {n_runs} times")
        n_runs = 1
    # kind → text → folds that say it
    said: dict[str, dict[str, list[int]]] = {"warnings": {}, "notes": {}}
    trained_rows: set[int] = set()
    parts, searches, transductive = [], [], False
    runs: list[RunReport] = []
    for run in range(1, n_runs + 1):
        seed = spec["seed"] + run - 1
        record: RunReport = {"run": run, "seed": seed, "dev": None, "folds": []}
        dev_scores = []
        for fold, train_rows, dev_rows, test_rows in folds:
            truth = truths[fold]
            bare = pd.isna(truth[train_rows])
            train_rows, pool = train_rows[~bare], train_rows[bare]
            there = len(dev_rows)
            train_rows, dev_rows = with_dev(spec, split, truth, train_rows, dev_rows)
            if len(dev_rows) > there:
                _once(notes, _dev_note(split, dev_rows, fold))
                _listen(said, _dev_parting(samples, train_rows, dev_rows), fold)
            data = TrainingSet(samples, truth, train_rows, dev_rows, labels)
            fitted, found = _fit(spec, data, seed, pool)
            parts.append(predicted(fitted, samples, truth, test_rows, labels, fold, run))
            trained_rows |= set(train_rows.tolist())
            if len(dev_rows):
                dev_scores.append(score(spec, fitted, data, dev_rows))
            transductive |= fitted.preprocessing.report["transductive"]
            reports = [fitted.preprocessing.report, fitted.history]
            if found:
                reports.append({kind: found.pop(kind) for kind in ("warnings", "notes")})
                searches.append({"run": run, "fold": fold, **found})
            _listen(said, reports, fold)
            sizes = dict(zip(SIZES, map(len, (train_rows, dev_rows, test_rows)), strict=True))
            if samples.copies is not None:
                sizes["n_augmented"] = samples.number_of_copies(train_rows)
            record["folds"].append({"fold": fold, **sizes, **_history(fitted)})
            if fold == 0 or spec["save"]:
                fitted.save(Path(folder) / (f"run{run}-fold{fold}" if fold else f"run{run}"))
        if dev_scores and np.isfinite(mean := np.mean(dev_scores)):
            record["dev"] = float(mean)
        runs.append(record)
    numbers = [fold for fold, *_ in folds]
    trained = np.array(sorted(trained_rows), dtype=int)
    result: TrainingReport = {
        "notes": [*notes, *_led(said["notes"], numbers)],
        "warnings": _led(said["warnings"], numbers),
        "counts": _counts(samples, trained),
        "runs": runs,
        "best_run": best_run(spec, runs),
        "transductive": transductive,
        "n_features": len(samples.names),
    }
    return in_order(parts), _with_choices(result, spec, searches)


def _fit(
    spec: TrainSpec, data: TrainingSet, seed: int, pool: np.ndarray
) -> tuple[Fitted, dict[str, Any] | None]:
    """Fit on the rows of a fold; tune options and calibrate probabilities if the spec says so.

    Returns:
        the fitted model, and the result of the search for options
    """
    own, found = tuning.chosen_spec(spec, data, seed)
    if spec.get("self_training"):
        fitted = self_training.fit(own, data, seed, pool)
    else:
        fitted = fit(own, data, seed)
    if spec.get("calibrate"):
        fitted.calibrate(data)
    return fitted, found


def _history(fitted: Fitted) -> dict[str, Any]:
    return {k: v for k, v in fitted.history.items() if k not in ("notes", "warnings")}


def _with_choices(
    report: TrainingReport, spec: TrainSpec, searches: list[dict[str, Any]]
) -> TrainingReport:
    """The report with the searches for options and the labels that were added."""
    if searches:
        report["tuning"] = searches
    if spec.get("self_training"):
        report["self_training"] = [
            {"run": record["run"], "fold": fold["fold"], **fold["self_training"]}
            for record in report["runs"]
            for fold in record["folds"]
        ]
    return report


def in_order(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Predictions of folds and runs as one table, sorted by run, then row."""
    import pandas as pd

    return pd.concat(parts, ignore_index=True).sort_values(
        ["run", "row"], kind="stable", ignore_index=True
    )


def predicted(
    fitted: Fitted,
    samples: Samples,
    truth: np.ndarray,
    rows: np.ndarray,
    labels: list[str] | None,
    fold: int,
    run: int,
) -> pd.DataFrame:
    """A model's predictions of some rows as a table.

    Args:
        fitted: on the training rows of the fold
        samples: all rows
        truth: of all rows, shape (rows,)
        rows: row numbers
        labels: classes that the model was given, in order, None for regression
        fold: number, 0 for hold-out
        run: number, from 1
    """
    part = samples.split.loc[rows, COLUMNS].reset_index(drop=True)
    part.insert(0, "row", rows)
    part["fold"] = fold
    part["run"] = run
    part["truth"] = truth[rows]
    if not len(rows):
        return part.assign(prediction=part["truth"])
    found = fitted.predict(samples, rows)
    part["prediction"] = found.decision
    if found.probabilities is not None:
        for column, label in enumerate(labels or []):
            part[f"p_{label}"] = found.probabilities[:, column]
    if found.uncalibrated is not None:
        for column, label in enumerate(labels or []):
            part[f"{UNCALIBRATED}{label}"] = found.uncalibrated[:, column]
    return part


def best_run(spec: TrainSpec, runs: list[RunReport]) -> int:
    """The run that is best on dev; the first if there is no dev."""
    from izwi.evaluation.measures import direction

    scored = [(r["dev"], r["run"]) for r in runs if r["dev"] is not None]
    if not scored:
        return 1
    sign = direction(spec["measure"])
    # A tie goes to the first run, so that more runs do not change it.
    best = min(scored, key=lambda s: (-sign * s[0], s[1]))
    return best[1]


def _once(lines: list[str], *added: str) -> None:
    lines += [line for line in dict.fromkeys(added) if line not in lines]


def _led(texts: dict[str, list[int]], numbers: list[int]) -> list[str]:
    """Each text once, led by the folds that say it; without a lead where there is no fold."""
    lines = []
    for text, folds in texts.items():
        own = sorted({*folds} - {0})
        if len(own) == len(numbers) > 1:
            text = f"in each of {len(own)} folds: {text}"
        elif own:
            text = f"{'fold' if len(own) == 1 else 'folds'} {', '.join(map(str, own))}: {text}"
        lines.append(text)
    return lines


def _dev_note(split: pd.DataFrame, dev_rows: np.ndarray, fold: int) -> str:
    where = f" of fold {fold}" if fold else ""
    if "speaker" in split:
        speakers = sorted(split.loc[dev_rows, "speaker"].dropna().unique())
        if speakers:
            return (
                f"early stopping: {count(len(speakers), 'speaker')}{where} "
                f"{agreed(len(speakers), 'is', 'are')} set aside from the training part "
                f"as dev: {', '.join(map(str, speakers))}"
            )
    are = agreed(len(dev_rows), "is", "are")
    return (
        f"early stopping: {count(len(dev_rows), 'sample')}{where} {are} set aside from the "
        "training part"
    )


def _dev_parting(
    samples: Samples, train_rows: np.ndarray, dev_rows: np.ndarray
) -> list[dict[str, list[str]]]:
    """Warning that dev was taken out of recordings that are trained on."""
    import numpy as np

    rows = np.concatenate([train_rows, dev_rows])
    sources = splits.together(samples.sources(rows))
    number = len(splits.parted(sources, np.isin(rows, dev_rows)))
    if not number:
        return []
    line = (
        f"early stopping: {count(number, 'recording')} of several speakers "
        f"{agreed(number, 'is', 'are')} in both train and dev, as keeping the speakers of a "
        "recording together would leave one group alone: training may stop too late"
    )
    return [{"notes": [], "warnings": [line]}]
