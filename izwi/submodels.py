"""One model for each value of a column, such as gender: each is trained and tested on its rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.errors import Problems, UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.binning import Fold
    from izwi.fitting import Samples

MOST_VALUES = 20
KEY = "[MODEL] submodel"


def values_of(table: pd.DataFrame, column: str) -> pd.Series:
    """Value of each row as text, missing where there is none.

    Raises:
        UserError: if the column does not exist, or has too many values to train a model for each
    """
    if column not in table:
        own = {"database", "file", "start", "end", "digest", "truth", "value", "part"}
        there = [name for name in table if name not in own and not name.startswith("original_")]
        raise UserError(f"{KEY}: there is no column '{column}' but {', '.join(there)}")
    number = table[column].nunique()
    if number > MOST_VALUES:
        raise UserError(
            f"{KEY}: '{column}' has {number} values, a model for each of at most {MOST_VALUES} "
            "is trained; map them by <database>.mapping"
        )
    return table[column].astype("str")


def check(table: pd.DataFrame, column: str, folds: list[Fold]) -> list[str]:
    """Every test row needs a value that its training rows have.

    Args:
        table: rows of all databases
        column: whose values get a model each
        folds: number and row numbers of train, dev and test

    Returns:
        warnings

    Raises:
        UserError: with the number of test rows that no model could predict
    """
    value = values_of(table, column)
    unused: set[int] = set()
    missing: set[int] = set()
    unseen: dict[str, set[int]] = {}
    for _, train, dev, test in folds:
        trained = set(value.iloc[train].dropna())
        unused.update(row for part in (train, dev) for row in part[value.iloc[part].isna()])
        missing.update(test[value.iloc[test].isna()])
        for row in test:
            if isinstance(value.iloc[row], str) and value.iloc[row] not in trained:
                unseen.setdefault(value.iloc[row], set()).add(row)
    problems = Problems()
    if missing:
        problems.add(
            f"{KEY}: {len(missing)} test rows have no value of '{column}', so no model can "
            f"predict them: leave them out by <database>.required = ['{column}']"
        )
    for name, rows in sorted(unseen.items()):
        problems.add(
            f"{KEY}: {len(rows)} test rows have {column} = {name}, but none of their training "
            "rows has: change the split, or leave them out by <database>.filter"
        )
    problems.raise_if_any()
    if unused:
        return [f"{KEY}: {len(unused)} training rows have no value of '{column}', they are unused"]
    return []


def train(
    spec: dict[str, Any],
    table: pd.DataFrame,
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
    folder: str | Path,
) -> tuple[pd.DataFrame, dict[str, Any]]:
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
        as `izwi.training.train`; predictions have the column ``submodel``, and the report
        ``submodels``: the ``column`` and per value the ``folder`` and rows in ``train``
    """
    from izwi import training

    value = values_of(table, spec["submodel"]).to_numpy()
    parts, reports = [], {}
    for number, name in enumerate(sorted({v for v in value if isinstance(v, str)}), start=1):
        own = value == name
        its_folds = [
            (fold, *(rows[own[rows]] for rows in parts_of_fold))
            for fold, *parts_of_fold in folds
            if own[parts_of_fold[-1]].any()
        ]
        if not its_folds:
            continue
        try:
            predictions, report = training.train_folds(
                spec, samples, truths, its_folds, labels, Path(folder) / f"submodel{number}"
            )
        except UserError as error:
            where = f" (in the submodel of {spec['submodel']} = {name})"
            raise UserError([line + where for line in error.problems]) from None
        parts.append(predictions.assign(submodel=name))
        reports[name] = report | {"folder": f"submodel{number}"}
    return training.in_order(parts), _joined(spec, reports)


def _joined(spec: dict[str, Any], reports: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The reports of all values as one."""
    from izwi import training

    column = spec["submodel"]
    lines = {
        kind: list(
            dict.fromkeys(
                line if "deterministic" in line else f"{column} = {name}: {line}"
                for name, report in reports.items()
                for line in report[kind]
            )
        )
        for kind in ("notes", "warnings")
    }
    runs = []
    for records in zip(*(report["runs"] for report in reports.values()), strict=True):
        devs = [record["dev"] for record in records]
        whole = None not in devs
        runs.append(
            {
                "run": records[0]["run"],
                "seed": records[0]["seed"],
                # Each value counts alike, as each decides of its own samples.
                "dev": sum(devs) / len(devs) if whole else None,
                "folds": [
                    {"submodel": name, **fold}
                    for name, record in zip(reports, records, strict=True)
                    for fold in record["folds"]
                ],
            }
        )
    trained = {name: report["counts"]["train"] for name, report in reports.items()}
    return {
        **lines,
        "counts": {"train": sum(trained.values())},
        "runs": runs,
        "best_run": training.best_run(spec, runs),
        "transductive": any(report["transductive"] for report in reports.values()),
        "n_features": next(iter(reports.values()))["n_features"],
        **{
            kind: [
                {"submodel": name, **row}
                for name, report in reports.items()
                for row in report[kind]
            ]
            for kind, asked in (("self_training", "self_training"), ("tuning", "tune"))
            if spec.get(asked)
        },
        "submodels": {
            "column": column,
            "values": {
                name: {"folder": report["folder"], "train": trained[name]}
                for name, report in reports.items()
            },
        },
    }
