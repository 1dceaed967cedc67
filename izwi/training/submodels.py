"""One model for each value of a column, such as gender, trained and tested on its own rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from izwi.errors import UserError
from izwi.splits.submodels import values_of
from izwi.training import runs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.preprocessing.binning import Fold
    from izwi.training.fitting import Samples
    from izwi.training.types import RunReport, TrainingReport, TrainSpec


def train(
    spec: TrainSpec,
    table: pd.DataFrame,
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
    folder: str | Path,
) -> tuple[pd.DataFrame, TrainingReport]:
    """Train and test a model for each value.

    Args:
        spec: of the train stage; ``submodel`` is the column
        table: rows of all databases
        samples: the same rows' features and split
        truths: fold → truth of all rows, shape (rows,)
        folds: number and row numbers of train, dev and test
        labels: classes in order, None for regression
        folder: where the fitted models go, a subfolder per value

    Returns:
        as `izwi.training.fit_predict.train`; predictions have the column ``submodel``, and the
        report ``submodels``: the ``column`` and per value the ``folder`` and rows in ``train``
    """
    value = values_of(table, spec["submodel"]).to_numpy()
    parts = []
    reports: dict[str, TrainingReport] = {}
    folders: dict[str, str] = {}
    for number, name in enumerate(sorted({v for v in value if isinstance(v, str)}), start=1):
        own = value == name
        its_folds = [
            (fold, *(rows[own[rows]] for rows in parts_of_fold))
            for fold, *parts_of_fold in folds
            if own[parts_of_fold[-1]].any()
        ]
        if not its_folds:
            continue
        folders[name] = f"submodel{number}"
        try:
            predictions, reports[name] = runs.train_folds(
                spec, samples, truths, its_folds, labels, Path(folder) / folders[name]
            )
        except UserError as error:
            where = f" (in the submodel of {spec['submodel']} = {name})"
            raise UserError([line + where for line in error.problems]) from None
        parts.append(predictions.assign(submodel=name))
    return runs.in_order(parts), _joined(spec, reports, folders)


def _joined(
    spec: TrainSpec, reports: dict[str, TrainingReport], folders: dict[str, str]
) -> TrainingReport:
    """The reports of all values as one."""
    column = spec["submodel"]

    def lines(kind: Literal["notes", "warnings"]) -> list[str]:
        return list(
            dict.fromkeys(
                line if "deterministic" in line else f"{column} = {name}: {line}"
                for name, report in reports.items()
                for line in report[kind]
            )
        )

    def rows(kind: Literal["self_training", "tuning"]) -> list[dict[str, Any]]:
        return [
            {"submodel": name, **row} for name, report in reports.items() for row in report[kind]
        ]

    records: list[RunReport] = []
    for alike in zip(*(report["runs"] for report in reports.values()), strict=True):
        devs = [record["dev"] for record in alike if record["dev"] is not None]
        records.append(
            {
                "run": alike[0]["run"],
                "seed": alike[0]["seed"],
                # Every submodel counts the same, since each predicts its own samples.
                "dev": sum(devs) / len(devs) if len(devs) == len(alike) else None,
                "folds": [
                    {"submodel": name, **fold}
                    for name, record in zip(reports, alike, strict=True)
                    for fold in record["folds"]
                ],
            }
        )
    trained = {name: report["counts"]["train"] for name, report in reports.items()}
    joined: TrainingReport = {
        "notes": lines("notes"),
        "warnings": lines("warnings"),
        "counts": {"train": sum(trained.values())},
        "runs": records,
        "best_run": runs.best_run(spec, records),
        "transductive": any(report["transductive"] for report in reports.values()),
        "n_features": next(iter(reports.values()))["n_features"],
    }
    if any("augmented" in report["counts"] for report in reports.values()):
        copies = [report["counts"].get("augmented", 0) for report in reports.values()]
        joined["counts"]["augmented"] = sum(copies)
    if spec.get("self_training"):
        joined["self_training"] = rows("self_training")
    if spec.get("tune"):
        joined["tuning"] = rows("tuning")
    joined["submodels"] = {
        "column": column,
        "values": {name: {"folder": folders[name], "train": trained[name]} for name in reports},
    }
    return joined
