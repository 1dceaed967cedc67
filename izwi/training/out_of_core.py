"""Fits of more rows than fit into memory: features on the disk, read a block at a time.

Where they begin depends on the number of rows alone, so that the same data are fitted in the same
way on every machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data.rows import Rows
from izwi.errors import UserError
from izwi.features import metadata
from izwi.preprocessing.bags import has_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pandas as pd

    from izwi.preprocessing.pipeline import Preprocessing

# More rows than this are read from the disk; models that can are then fitted out of core.
LIMIT = 100_000
# Columns whose statistics are computed at a time, in double precision.
AT_ONCE = 8
KEYS = ("file", "start", "end")


class StoredMatrix:
    """A feature matrix that stays on the disk.

    Args:
        path: of the Parquet file
    """

    def __init__(self, path: str | Path) -> None:
        import json

        import pyarrow.parquet as pq

        self.path = Path(path)
        with pq.ParquetFile(path) as file:
            schema, self.rows = file.schema_arrow, file.metadata.num_rows
        self.columns = [name for name in schema.names if name not in KEYS]
        self.types = {name: schema.field(name).type for name in self.columns}
        attributes = (schema.metadata or {}).get(b"PANDAS_ATTRS")
        self.attrs: dict[str, Any] = json.loads(attributes) if attributes else {}

    def __len__(self) -> int:
        return self.rows

    @property
    def dtype(self) -> np.dtype:
        """Of all values together."""
        import numpy as np

        return np.result_type(*(kind.to_pandas_dtype() for kind in self.types.values()))

    def blocks(self) -> Iterator[np.ndarray]:
        """Values of some rows at a time, shape (rows, features)."""
        import pyarrow.parquet as pq

        # Row groups that are read ahead would stay in memory.
        with pq.ParquetFile(self.path, pre_buffer=False) as file:
            size = max(1, 2**23 // max(1, len(self.columns)))
            for batch in file.iter_batches(size, columns=self.columns, use_threads=False):
                yield batch.to_pandas()[self.columns].to_numpy(self.dtype)


def is_large(rows: int, paths: Sequence[str], copies: Sequence[str] | None) -> bool:
    """Whether matrices stay on the disk: numbers of more than :data:`LIMIT` rows, without copies.

    Args:
        rows: of all tables
        paths: of the feature matrices
        copies: paths of augmented copies, if there are any
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if rows <= LIMIT or copies:
        return False
    for path in paths:
        schema = pq.read_schema(path)
        if has_frames(schema.names):
            return False
        kinds = [schema.field(name).type for name in schema.names if name not in KEYS]
        if not all(pa.types.is_floating(kind) or pa.types.is_integer(kind) for kind in kinds):
            return False
    return True


def stacked(
    tables: list[pd.DataFrame], matrices: list[list[StoredMatrix]]
) -> tuple[list[str], Rows]:
    """Join feature sets by column and databases by row, as `fit_predict.stack`.

    Args:
        tables: a table per database
        matrices: per database, its feature matrices

    Returns:
        names of the features, and the values

    Raises:
        UserError: if a matrix has other rows, or databases disagree in their features
    """
    import numpy as np

    own_names = []
    for table, row in zip(tables, matrices, strict=True):
        own: list[str] = []
        for position, matrix in enumerate(row):
            if len(matrix) != len(table):
                raise UserError("[FEATS] a feature matrix does not fit its table; delete it")
            own += [n if n not in own else f"{n}.{position + 1}" for n in matrix.columns]
        own_names.append(own)
    names = list(dict.fromkeys(name for own in own_names for name in own))
    dtype = np.result_type(*(matrix.dtype for row in matrices for matrix in row))
    values = Rows(matrices[0][0].path.parent, (sum(map(len, tables)), len(names)), dtype)
    first = 0
    for own, row in zip(own_names, matrices, strict=True):
        lacks = {name: metadata.unknown(name) for name in names if name not in own}
        if None in lacks.values():
            raise UserError("[FEATS] type: the databases do not have the same features")
        places = [names.index(name) for name in own]
        for block in _side_by_side(row):
            whole = np.empty((len(block), len(names)), dtype)
            whole[:, places] = block
            for name, value in lacks.items():
                whole[:, names.index(name)] = value
            values.write(first, whole)
            first += len(block)
    return names, values


def _side_by_side(matrices: list[StoredMatrix]) -> Iterator[np.ndarray]:
    """Blocks of all feature sets of a database, which may be cut differently."""
    import numpy as np

    if len(matrices) == 1:
        yield from matrices[0].blocks()
        return
    sources = [matrix.blocks() for matrix in matrices]
    rest = [next(source, None) for source in sources]
    while all(part is not None and len(part) for part in rest):
        parts = [part for part in rest if part is not None]
        size = min(map(len, parts))
        yield np.hstack([part[:size] for part in parts])
        rest = [
            part[size:] if len(part) > size else next(source, None)
            for part, source in zip(parts, sources, strict=True)
        ]


def fit_preprocessing(own: Preprocessing, values: Rows, rows: np.ndarray, names: list[str]) -> None:
    """Fit the steps on rows of a file, a few columns at a time.

    The statistics are those of each column alone, as in memory.

    Args:
        own: what is fitted
        values: of all rows
        rows: numbers of the training rows
        names: of the features

    Raises:
        UserError: as `Preprocessing.fit`
    """
    import numpy as np

    own.names = names
    parts, kept = [], []
    selected = own.select(names)
    if not own.learns:
        there = np.zeros(len(selected), dtype=bool)
        own.kept = selected
        for _, values_of_rows in values.blocks(rows):
            own.refuse_infinite(values_of_rows)
            there |= ~np.isnan(values_of_rows[:, selected]).all(axis=0)
        own.keep([i for i, defined in zip(selected, there, strict=True) if defined], selected)
        return
    for columns, block in values.column_blocks(rows, selected):
        for first in range(0, len(columns), AT_ONCE):
            some = columns[first : first + AT_ONCE]
            X = block[:, first : first + AT_ONCE].astype(np.float64)
            defined = np.atleast_1d(~np.isnan(X).all(axis=0))
            if not defined.any():
                continue
            part = own.like([names[column] for column in some])
            part.fit(X, part.names)
            parts.append(part)
            kept += [column for column, is_defined in zip(some, defined, strict=True) if is_defined]
        del block
    own.join(parts, kept, selected)


def transformed(
    own: Preprocessing, values: Rows, rows: np.ndarray, speakers: np.ndarray | None
) -> Rows:
    """The inputs of a model for some rows, in single precision.

    Args:
        own: fitted steps
        values: of all rows
        rows: their numbers
        speakers: of these rows
    """
    import numpy as np

    X = Rows(values.folder, (len(rows), len(own.kept)), np.float32)
    for places in parts_of(own, values, rows, speakers):
        some = rows[places]
        Z = own.transform(values[some], None if speakers is None else speakers[places], rows=some)
        X.put(places, Z)
    return X


def parts_of(
    own: Preprocessing, values: Rows, rows: np.ndarray, speakers: np.ndarray | None
) -> Iterator[np.ndarray]:
    """Places of rows that are transformed at a time; whole speakers, if these are scaled alone.

    Args:
        own: fitted steps
        values: of all rows
        rows: their numbers
        speakers: of these rows
    """
    import numpy as np

    # The transform needs some copies in double precision.
    size = max(1, values.rows_at_a_time // 2)
    if own.scale != "speaker" or speakers is None or any(s != s or s is None for s in speakers):
        for first in range(0, len(rows), size):
            yield np.arange(first, min(len(rows), first + size))
        return
    codes = np.unique(speakers.astype(str), return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(codes[order])) + 1, len(rows))
    first = 0
    for end, following in zip(ends, [*ends[1:], None], strict=True):
        if following is None or following - first > size:
            yield order[first:end]
            first = end
