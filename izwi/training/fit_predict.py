"""Fit and predict: tables, features and a split become predictions and models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from izwi import splits
from izwi.data import bad_audio
from izwi.data.samples import ROW
from izwi.engine.keys import versions_of
from izwi.errors import UserError
from izwi.features import extractor_class, metadata
from izwi.files import write_json
from izwi.preprocessing import binning
from izwi.training import out_of_core, runs, submodels
from izwi.training.fitting import Copies, Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    from izwi.config.experiment.resolved import ComponentSpec
    from izwi.data.rows import Rows
    from izwi.training.types import TrainingReport, TrainSpec

    # Table and matrices of the copies of a database.
    Copied = tuple[pd.DataFrame, list[pd.DataFrame]]

KEYS = ["file", "start", "end"]
TUNED = ("run", "fold", "submodel", "chosen")


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

    blocks = _aligned([_joined(table, row) for table, row in zip(tables, matrices, strict=True)])
    return (pd.concat(tables, ignore_index=True), pd.concat(blocks, ignore_index=True))


def _joined(table: pd.DataFrame, matrices: list[pd.DataFrame]) -> pd.DataFrame:
    """All features of a table.

    Raises:
        UserError: if a matrix has other rows
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for position, matrix in enumerate(matrices):
        if len(matrix) != len(table):
            raise UserError("[FEATS] a feature matrix does not fit its table; delete it")
        for name in matrix.columns.drop(KEYS):
            # Two sets may use one feature name; keep both.
            unique = name if name not in columns else f"{name}.{position + 1}"
            columns[unique] = matrix[name].to_numpy()
    return pd.DataFrame(columns)


def copies_of(
    tables: list[pd.DataFrame], names: list[str], copied: Sequence[Copied]
) -> Copies | None:
    """Augmented copies with the features of the rows that they are copies of.

    Args:
        tables: a table per database
        names: of the features
        copied: table and matrices of copies, of each database that has some

    Returns:
        those whose audio could be used; None without copies
    """
    import numpy as np
    import pandas as pd

    first, at = {}, 0
    for table in tables:
        first[table["database"].iloc[0] if len(table) else None] = at
        at += len(table)
    blocks, sources = [], []
    for table, matrices in copied:
        if not len(table) or table["database"].iloc[0] not in first:
            continue
        block = _joined(table, matrices)
        lacks = {name: metadata.unknown(name) for name in names if name not in block}
        block = (block.assign(**lacks) if lacks else block)[names]
        good = np.ones(len(table), dtype=bool)
        for matrix in matrices:
            good[[row for row, _ in matrix.attrs.get(bad_audio.EXCLUDED, [])]] = False
        blocks.append(block[good])
        sources.append(table[ROW].to_numpy()[good] + first[table["database"].iloc[0]])
    if not blocks:
        return None
    return Copies(pd.concat(blocks, ignore_index=True).to_numpy(), np.concatenate(sources))


def _aligned(blocks: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Features of all databases under the same names, unknown where a database lacks one.

    Raises:
        UserError: if databases disagree in features that are more than metadata
    """
    names = list(dict.fromkeys(name for block in blocks for name in block))
    aligned = []
    for block in blocks:
        lacks = {name: metadata.unknown(name) for name in names if name not in block}
        if None in lacks.values():
            raise UserError("[FEATS] type: the databases do not have the same features")
        same = list(block.columns) == names
        aligned.append(block if same else block.assign(**lacks)[names])
    return aligned


def prepare(
    tables: list[pd.DataFrame],
    matrices: list[list[pd.DataFrame]],
    split: pd.DataFrame,
    labels: list[str] | None,
    copies: Sequence[Copied] = (),
) -> tuple[
    pd.DataFrame,
    Samples,
    list[binning.Fold],
    dict[int, np.ndarray],
    list[dict[str, Any]],
    dict[str, Any],
]:
    """Read everything that the fits of an experiment need.

    Args:
        tables: a table per database
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression
        copies: to train on, see `izwi.data.samples.read_copies`

    Returns:
        rows of all tables, their features, the folds, per fold the truth of all rows, the limits
        of bins that are computed from training rows, and the rows that are left out because their
        audio is unusable, see `bad_audio.leave_out`

    Raises:
        UserError: if too little is left
    """
    import pandas as pd

    names, values, copied_values = _values_of(tables, matrices, copies)
    table = pd.concat(tables, ignore_index=True)
    n_folds = int(split["fold"].max())
    tested = bool(n_folds or (split["part"] == "test").any())
    split, excluded = bad_audio.leave_out(tables, matrices, split)
    samples = Samples(names, values, split, copied_values)
    folds = list(splits.folds(split))
    truths = {fold: table["truth"].to_numpy() for fold, *_ in folds}
    bins = []
    later = binning.is_later(table, labels)
    if excluded:
        excluded["warnings"] = bad_audio.check(
            n_folds, folds, truths, None if later else labels, tested=tested
        )
    if later and labels:
        bins = binning.edges_of(table, folds, labels)
        value = table["value"].to_numpy(dtype=float)
        truths = {b["fold"]: binning.assign(value, b["edges"], labels) for b in bins}
    return table, samples, folds, truths, bins, excluded


def _values_of(
    tables: list[pd.DataFrame], matrices: list[list[pd.DataFrame]], copies: Sequence[Copied]
) -> tuple[list[str], np.ndarray | Rows, Copies | None]:
    """Names of the features and values of all rows, on the disk if the matrices are; copies."""
    if isinstance(matrices[0][0], out_of_core.StoredMatrix):
        return *out_of_core.stacked(tables, cast("Any", matrices)), None
    features = stack(tables, matrices)[1]
    names = list(features.columns)
    return names, features.to_numpy(), copies_of(tables, names, copies)


def train(
    spec: TrainSpec,
    tables: list[pd.DataFrame],
    matrices: list[list[pd.DataFrame]],
    split: pd.DataFrame,
    labels: list[str] | None,
    folder: str | Path,
    *,
    copies: Sequence[Copied] = (),
) -> tuple[pd.DataFrame, TrainingReport]:
    """Train on each fold's training rows and predict its test rows.

    Args:
        spec: ``task``, ``model`` and each of ``features`` (``type`` and ``options``),
            ``preprocessing``, ``runs``, ``seed``, ``measure`` (for decisions on dev), ``save``
            (keep the models of folds, too); if set in the ini, ``balancing`` with
            ``balancing_seed``, ``submodel``, ``self_training``, ``tune`` and ``calibrate``
        tables: a table per database
        matrices: per database, its feature matrices
        split: the split of these tables
        labels: classes in order, None for regression
        folder: where the fitted models go, a subfolder per run (and fold)
        copies: to train on, see `izwi.data.samples.read_copies`

    Returns:
        * predictions of shape (runs x tested rows, columns), see docs/data_contracts.md
        * report with ``notes``, ``warnings``, ``counts``, ``runs`` (per run: seed, dev measure,
          history), ``best_run`` (by dev, 1 without), ``transductive``, ``n_features``
    """
    table, samples, folds, truths, bins, excluded = prepare(tables, matrices, split, labels, copies)
    if spec.get("submodel"):
        predictions, report = submodels.train(spec, table, samples, truths, folds, labels, folder)
    else:
        predictions, report = runs.train_folds(spec, samples, truths, folds, labels, folder)
    if bins:
        report["bins"] = bins
    if excluded:
        report["warnings"] += excluded.pop("warnings")
        report["excluded"] = excluded
    write_json(
        Path(folder) / "model.json",
        {
            "model": spec["model"],
            "preprocessing": spec["preprocessing"],
            "task": spec["task"],
            "labels": labels,
            "features": samples.names,
            "submodels": report.get("submodels"),
            # Where options were tuned, each model's folder has those that were chosen.
            "tuned": [
                {key: value for key, value in found.items() if key in TUNED}
                for found in report.get("tuning", [])
            ],
            # With these the model can be used on other audio, wherever its folder is moved to.
            "feature_sets": [
                {**feature_set, "versions": _versions(feature_set)}
                for feature_set in spec["features"]
            ],
            "folds": int(split["fold"].max()),
            "runs": [
                {name: record[name] for name in ("run", "seed", "dev")} for record in report["runs"]
            ],
            "best_run": report["best_run"],
        },
    )
    return predictions, report


def _versions(feature_set: ComponentSpec) -> dict[str, str | None]:
    return versions_of(extractor_class(feature_set["type"]).packages)
