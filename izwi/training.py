"""Fit and predict: features and a split become predictions and models.

Every fitted step sees the training rows of its fold alone; what is chosen, an epoch or a run, is
chosen on dev rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi import models, splits
from izwi.errors import UserError
from izwi.features import extractor_class
from izwi.files import write_json
from izwi.keys import versions_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

KEYS = ["file", "start", "end"]
COLUMNS = ["database", "file", "start", "end", "speaker"]


def stack(
    tables: list[pd.DataFrame], matrices: list[list[pd.DataFrame]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join tables by row, and feature sets by column.

    Args:
        tables: a table per database
        matrices: per database, its feature matrices, one per feature set

    Returns:
        * table of shape (rows, columns), index = row number
        * features of shape (rows, features)

    Raises:
        UserError: if databases disagree in their features
    """
    import pandas as pd

    blocks = []
    for table, row in zip(tables, matrices, strict=True):
        columns: dict[str, Any] = {}
        for position, matrix in enumerate(row):
            if len(matrix) != len(table):
                raise UserError("[FEATS] a feature matrix does not fit its table; delete it")
            for name in matrix.columns.drop(KEYS):
                # Two sets may name a feature alike; both are kept.
                unique = name if name not in columns else f"{name}.{position + 1}"
                columns[unique] = matrix[name].to_numpy()
        blocks.append(pd.DataFrame(columns))
    for block in blocks[1:]:
        if list(block.columns) != list(blocks[0].columns):
            raise UserError("[FEATS] type: the databases do not have the same features")
    return (
        pd.concat(tables, ignore_index=True),
        pd.concat(blocks, ignore_index=True),
    )


def train(
    spec: dict[str, Any],
    tables: list[pd.DataFrame],
    matrices: list[list[pd.DataFrame]],
    split: pd.DataFrame,
    labels: list[str] | None,
    folder: str | Path,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Train on each fold's training rows and predict its test rows.

    Args:
        spec: ``task``, ``model`` and each of ``features`` (``type`` and ``options``),
            ``preprocessing``, ``runs``, ``seed``, ``measure`` (by which dev decides), ``save``
            (keep the models of folds, too)
        tables: a table per database
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression
        folder: where the fitted models go, a subfolder per run (and fold)

    Returns:
        * predictions of shape (runs x tested rows, columns), see docs/architecture.md
        * report with ``notes``, ``warnings``, ``counts``, ``runs`` (per run: seed, dev measure,
          history), ``best_run`` (by dev, 1 without), ``transductive``, ``n_features``
    """
    import numpy as np
    import pandas as pd

    table, features = stack(tables, matrices)
    names = list(features.columns)
    values = features.to_numpy()
    speakers = split["speaker"].to_numpy() if split["speaker"].notna().any() else None
    truth = table["truth"].to_numpy()
    cls = models.model_class(spec["model"]["type"])
    notes: list[str] = []
    warnings: list[str] = []
    folds = list(splits.folds(split))
    n_runs = spec["runs"]
    if n_runs > 1 and cls.is_deterministic(spec["model"]["options"]):
        notes.append(f"{spec['model']['type']} is deterministic: fitted once, not {n_runs} times")
        n_runs = 1
    trained_rows: set[int] = set()
    parts, runs = [], []
    transductive = False
    for run in range(1, n_runs + 1):
        seed = spec["seed"] + run - 1
        record: dict[str, Any] = {"run": run, "seed": seed, "dev": None, "folds": []}
        dev_scores = []
        for fold, train_rows, dev_rows, test_rows in folds:
            if cls.needs_dev and len(dev_rows) == 0:
                train_rows, dev_rows = splits.dev_from_train(
                    split.assign(truth=table["truth"]), train_rows, seed=spec["seed"]
                )
                _once(notes, _dev_note(split, dev_rows, fold))
            fit = _fit(
                spec, cls, values, names, truth, speakers, train_rows, dev_rows, labels, seed
            )
            predicted = fit.predict(values[test_rows], _pick(speakers, test_rows))
            part = split.loc[test_rows, COLUMNS].reset_index(drop=True)
            part.insert(0, "row", test_rows)
            part["fold"] = fold
            part["run"] = run
            part["truth"] = truth[test_rows]
            part["prediction"] = predicted.decision
            if predicted.probabilities is not None:
                for column, label in enumerate(labels or []):
                    part[f"p_{label}"] = predicted.probabilities[:, column]
            parts.append(part)
            trained_rows |= set(train_rows.tolist())
            if len(dev_rows):
                dev_scores.append(_dev_score(spec, fit, values, truth, speakers, dev_rows, labels))
            transductive |= fit.preprocessing.report["transductive"]
            where = f"fold {fold}: " if fold else ""
            for report in (fit.preprocessing.report, fit.history):
                for line in report["warnings"]:
                    _once(warnings, where + line)
                for line in report["notes"]:
                    _once(notes, where + line)
            history = {k: v for k, v in fit.history.items() if k not in ("notes", "warnings")}
            record["folds"].append(
                {
                    "fold": fold,
                    "n_train": len(train_rows),
                    "n_dev": len(dev_rows),
                    "n_test": len(test_rows),
                    **history,
                }
            )
            if fold == 0 or spec["save"]:
                name = f"run{run}" if fold == 0 else f"run{run}-fold{fold}"
                fit.save(Path(folder) / name)
        if dev_scores:
            mean = float(np.mean(dev_scores))
            record["dev"] = mean if np.isfinite(mean) else None
        runs.append(record)
    predictions = pd.concat(parts, ignore_index=True).sort_values(
        ["run", "row"], kind="stable", ignore_index=True
    )
    report = {
        "notes": notes,
        "warnings": warnings,
        "counts": {"train": len(trained_rows)},
        "runs": runs,
        "best_run": _best_run(spec, runs),
        "transductive": transductive,
        "n_features": len(names),
    }
    write_json(
        Path(folder) / "model.json",
        {
            "model": spec["model"],
            "preprocessing": spec["preprocessing"],
            "task": spec["task"],
            "labels": labels,
            "features": names,
            # With these the model can be used on other audio, wherever its folder is moved to.
            "feature_sets": [
                {**feature_set, "versions": _versions(feature_set)}
                for feature_set in spec["features"]
            ],
            "folds": int(split["fold"].max()),
            "best_run": report["best_run"],
        },
    )
    return predictions, report


class Fitted:
    """A preprocessing and a model that belong together."""

    def __init__(self, preprocessing: Any, model: Any, history: dict[str, Any], names: list[str]):
        self.preprocessing = preprocessing
        self.model = model
        self.history = history
        self.names = names

    def predict(self, values: np.ndarray, speakers: np.ndarray | None) -> Any:
        """Predict rows.

        Args:
            values: features as extracted, shape (rows, features)
            speakers: speaker of each row, shape (rows,), for scaling by speaker
        """
        return self.model.predict(self.preprocessing.transform(values, speakers))

    def save(self, folder: Path) -> None:
        """Keep both without pickle."""
        self.preprocessing.save(folder / "preprocessing")
        self.model.save(folder / "model")


def _fit(
    spec: dict[str, Any],
    cls: Any,
    values: np.ndarray,
    names: list[str],
    truth: np.ndarray,
    speakers: np.ndarray | None,
    train_rows: np.ndarray,
    dev_rows: np.ndarray,
    labels: list[str] | None,
    seed: int,
) -> Fitted:
    from izwi.preprocessing import Preprocessing

    preprocessing = Preprocessing({**spec["preprocessing"], "impute": not cls.handles_nan})
    groups = _pick(speakers, train_rows)
    preprocessing.fit(values[train_rows], names)
    X = preprocessing.transform(values[train_rows], groups)
    dev = None
    if cls.needs_dev and len(dev_rows):
        dev = (
            preprocessing.transform(values[dev_rows], _pick(speakers, dev_rows)),
            truth[dev_rows],
        )
    model = cls(spec["model"]["options"], seed=seed, labels=labels)
    history = model.fit(X, truth[train_rows], groups=groups, dev=dev)
    return Fitted(preprocessing, model, history or {}, names)


def _dev_score(
    spec: dict[str, Any],
    fit: Fitted,
    values: np.ndarray,
    truth: np.ndarray,
    speakers: np.ndarray | None,
    dev_rows: np.ndarray,
    labels: list[str] | None,
) -> float:
    from izwi.evaluation import measures

    predicted = fit.predict(values[dev_rows], _pick(speakers, dev_rows))
    scores = None
    if labels and len(labels) == 2 and predicted.probabilities is not None:
        scores = predicted.probabilities[:, 1]
    found = measures(
        truth[dev_rows], predicted.decision, task=spec["task"], labels=labels, scores=scores
    )
    value = found[spec["measure"]]
    return float("nan") if value is None else float(value)


def _best_run(spec: dict[str, Any], runs: list[dict[str, Any]]) -> int:
    """The run that is best on dev; the first where there is no dev."""
    scored = [(r["dev"], r["run"]) for r in runs if r["dev"] is not None]
    if not scored:
        return 1
    lower_is_better = spec["measure"] in ("mse", "mae", "eer")
    # Of equals, the first: a tie must not depend on the number of runs.
    best = min(scored, key=lambda s: (s[0] if lower_is_better else -s[0], s[1]))
    return best[1]


def _versions(feature_set: dict[str, Any]) -> dict[str, str | None]:
    return versions_of(extractor_class(feature_set["type"]).packages)


def _pick(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]


def _once(lines: list[str], line: str) -> None:
    if line not in lines:
        lines.append(line)


def _dev_note(split: pd.DataFrame, dev_rows: np.ndarray, fold: int) -> str:
    where = f" of fold {fold}" if fold else ""
    if "speaker" in split:
        speakers = sorted(split.loc[dev_rows, "speaker"].dropna().unique())
        if speakers:
            return (
                f"early stopping: {len(speakers)} speakers{where} are set aside from the "
                f"training part as dev: {', '.join(map(str, speakers))}"
            )
    return f"early stopping: {len(dev_rows)} samples{where} are set aside from the training part"
