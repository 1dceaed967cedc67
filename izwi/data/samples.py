"""The samples of an experiment: its tables, feature matrices and split, read from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.files import read_json

if TYPE_CHECKING:
    import pandas as pd

# In a table of copies: position of the source in its table.
ROW = "copied_row"


def read_samples(
    inputs: dict[str, Any], *, on_disk: bool = False
) -> tuple[list[pd.DataFrame], list[list[pd.DataFrame]], pd.DataFrame, list[str] | None]:
    """What fits of an experiment read.

    Args:
        inputs: paths: ``tables``, ``matrices`` (for each table those of all feature sets),
            ``split`` and ``split_report``, of these tables or more
        on_disk: large matrices stay there, as `izwi.training.out_of_core.StoredMatrix`

    Returns:
        a table per database, per database its feature matrices, the split of these tables, and
        the classes in order or None
    """
    import pandas as pd

    tables, matrices = read_matrices(inputs, on_disk=on_disk)
    split, report = pd.read_parquet(inputs["split"]), read_json(inputs["split_report"])
    labels = report["labels"] or None
    if sum(map(len, tables)) < len(split):
        split = _of_these(split, tables)
        if labels and not report["spec"]["labels"]:
            present = set().union(*(table["truth"] for table in tables))
            labels = [label for label in labels if label in present]
    return tables, matrices, split, labels


def _of_these(split: pd.DataFrame, tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The split of some databases, as it would be without the others, which are for tests."""
    names = [table["database"].iloc[0] for table in tables]
    split = split[split["database"].isin(names)].reset_index(drop=True)
    if "held_out" in split:
        split.loc[split["held_out"], "part"] = "test"
    return split


def read_matrix(path: str) -> pd.DataFrame:
    """A feature matrix.

    As pandas reads it, which takes ten times the memory for 20,000 columns.
    """
    from pyarrow.parquet import ParquetFile

    return ParquetFile(path).read().to_pandas()


def read_matrices(
    inputs: dict[str, Any], *, on_disk: bool = False
) -> tuple[list[pd.DataFrame], list[list[pd.DataFrame]]]:
    """A table per database, and per database its feature matrices.

    Args:
        inputs: paths: ``tables`` and ``matrices``
        on_disk: as for `read_samples`
    """
    import pandas as pd

    from izwi.training import out_of_core

    tables = [pd.read_parquet(path) for path in inputs["tables"]]
    paths = inputs["matrices"]
    n_sets = len(paths) // len(tables)
    read: Any = read_matrix
    if on_disk and out_of_core.is_large(sum(map(len, tables)), paths, inputs.get("copies")):
        read = out_of_core.StoredMatrix
    matrices = [
        [read(path) for path in paths[i * n_sets : (i + 1) * n_sets]] for i in range(len(tables))
    ]
    return tables, matrices


def read_copies(inputs: dict[str, Any]) -> list[tuple[pd.DataFrame, list[pd.DataFrame]]]:
    """The copies to train on: a table for each database that has some, and its matrices.

    Args:
        inputs: paths: ``copies``, ``copy_matrices``, or none of them
    """
    import pandas as pd

    paths, tables = inputs.get("copy_matrices", []), inputs.get("copies", [])
    n_sets = len(paths) // max(1, len(tables))
    return [
        (
            pd.read_parquet(table),
            [read_matrix(path) for path in paths[i * n_sets : (i + 1) * n_sets]],
        )
        for i, table in enumerate(tables)
    ]
