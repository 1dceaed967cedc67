"""Training rows, predicted by models that had not seen them: what weights of ensembles rest on.

The training rows of each fold are cut into inner folds of whole speakers. On each, a model is
fitted as the experiment fits its own, with all that is fitted before it, and predicts the rows that
were left out. No test row takes part.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError
from izwi.training import runs, submodels, tuning
from izwi.training.fit_predict import prepare
from izwi.training.fitting import TrainingSet
from izwi.training.folds import strangers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from izwi.training.fit_predict import Copied
    from izwi.training.types import TrainSpec

KEY = "ensembles"


def predict(
    spec: TrainSpec,
    folds: int,
    tables: list[pd.DataFrame],
    matrices: list[list[pd.DataFrame]],
    split: pd.DataFrame,
    labels: list[str] | None,
    *,
    copies: Sequence[Copied] = (),
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Predict the training rows of each fold out of inner folds.

    Args:
        spec: of the train stage
        folds: maximum number of inner folds
        tables: a table per database
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression
        copies: to train on, see `izwi.data.samples.read_copies`

    Returns:
        * predictions, ``fold`` that of the experiment, ``inner`` the inner one
        * report: ``notes``, ``warnings``, ``units`` (``speakers``, ``samples`` or ``recordings``,
          of which the inner folds are made), ``folds`` (how many)

    Raises:
        UserError: if the training rows cannot be cut
    """
    import numpy as np
    import pandas as pd

    table, samples, outer, truths, _, _ = prepare(tables, matrices, split, labels, copies)
    own: TrainSpec = {**spec, "save": False}
    parts = []
    notes: list[str] = []
    warnings: list[str] = []
    units, counts = set(), set()
    for fold, train_rows, dev_rows, _ in outer:
        truth = truths[fold]
        bare = pd.isna(truth[train_rows])
        pool = train_rows[bare]
        data = TrainingSet(samples, truth, train_rows[~bare], dev_rows, labels)
        pairs, unit, noted, warned = _inner_folds(data, folds, spec["seed"])
        units.add(unit)
        counts.add(len(pairs))
        inner = [
            (number, np.sort([*train, *strangers(samples, pool, test)]), dev_rows, test)
            for number, (train, test) in enumerate(pairs, 1)
        ]
        inner_truths = {number: truth for number, *_ in inner}
        with tempfile.TemporaryDirectory(prefix="izwi-inner-") as folder:
            if own.get("submodel"):
                found, _ = submodels.train(own, table, samples, inner_truths, inner, labels, folder)
            else:
                found, _ = runs.train_folds(own, samples, inner_truths, inner, labels, folder)
        found = found.rename(columns={"fold": "inner"})
        found.insert(found.columns.get_loc("inner"), "fold", fold)
        parts.append(found)
        where = f"fold {fold}: " if fold else ""
        notes += [where + _told(line) for line in noted]
        warnings += [where + _told(line) for line in warned]
    predictions = pd.concat(parts, ignore_index=True)
    return predictions, {
        "notes": notes,
        "warnings": warnings,
        "units": sorted(units),
        "folds": sorted(counts),
    }


def _inner_folds(data: TrainingSet, folds: int, seed: int) -> Any:
    try:
        return tuning.inner_folds(data, folds=folds, seed=seed)
    except UserError as error:
        raise UserError([_told(line) for line in error.problems]) from None


def _told(line: str) -> str:
    """A message about inner folds, of what needs them here."""
    return line.replace(tuning.KEY, KEY).replace(
        "leave out tune", "take a method without learned weights"
    )
