"""Trained models on degraded copies of the rows that they were tested on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.errors import UserError
from izwi.files import read_json
from izwi.training import runs
from izwi.training.fit_predict import copies_of, prepare
from izwi.training.fitting import Fitted
from izwi.training.predict import with_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from izwi.training.fit_predict import Copied
    from izwi.training.types import TrainingReport

# Names the clean rows where others name what made them.
CLEAN = ""
MAKER = "maker"


def predict(
    training: TrainingReport,
    tables: list[pd.DataFrame],
    matrices: list[list[pd.DataFrame]],
    split: pd.DataFrame,
    labels: list[str] | None,
    folder: str | Path,
    copied: Sequence[Copied],
) -> pd.DataFrame:
    """Predict the test rows of each fold, and their copies, with the models of that fold.

    Args:
        training: report of the training
        tables: a table per database
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression
        folder: of the fitted models
        copied: table and matrices of copies, of each database that has some

    Returns:
        predictions as those of the training, with the column ``maker``, empty for the clean rows;
        a row whose copy could not be used lacks that copy

    Raises:
        UserError: if no copy could be used
    """
    import numpy as np
    import pandas as pd

    _, samples, folds, truths, *_ = prepare(tables, matrices, split, labels)
    kept = read_json(Path(folder) / "model.json")
    samples = replace(samples, names=kept["features"])
    fitted = [
        (record["run"], fold, rows, _load(folder, record["run"], fold, samples.names))
        for record in training["runs"]
        for fold, _, _, rows in folds
    ]
    parts = []
    makers = pd.unique(np.concatenate([table[MAKER] for table, _ in copied]))
    for maker in (CLEAN, *map(str, makers)):
        heard, there = samples, None
        if maker:
            copies = copies_of(tables, samples.names, _of(copied, maker))
            there = copies.source if copies else np.array([], dtype=int)
            if copies:
                values = samples.values[np.arange(len(samples.values))]
                values[there] = copies.values
                heard = replace(samples, values=values)
        for run, fold, rows, model in fitted:
            own = rows if there is None else rows[np.isin(rows, there)]
            part = runs.predicted(model, heard, truths[fold], own, kept["labels"], fold, run)
            part = with_classes(part, kept["labels"], labels)
            parts.append(part.assign(**{MAKER: maker}))
    found = pd.concat([part for part in parts if len(part)], ignore_index=True)
    if not (found[MAKER] != CLEAN).any():
        raise UserError("[EXP] robustness: no degraded test sample could be used")
    return found.sort_values([MAKER, "run", "row"], kind="stable", ignore_index=True)


def _load(folder: str | Path, run: int, fold: int, names: list[str]) -> Fitted:
    return Fitted.load(Path(folder) / (f"run{run}" + (f"-fold{fold}" if fold else "")), names)


def _of(copied: Sequence[Copied], maker: str) -> list[Copied]:
    """The copies of one maker, with the rows that could not be used numbered anew."""
    from izwi.data.bad_audio import EXCLUDED

    found = []
    for table, matrices in copied:
        own = (table[MAKER] == maker).to_numpy()
        place = {int(row): i for i, row in enumerate(own.nonzero()[0])}
        parts = []
        for matrix in matrices:
            part = matrix[own].reset_index(drop=True)
            bad = matrix.attrs.get(EXCLUDED, [])
            part.attrs = {EXCLUDED: [[place[row], why] for row, why in bad if row in place]}
            parts.append(part)
        found.append((table[own].reset_index(drop=True), parts))
    return found
