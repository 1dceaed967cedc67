"""The table of copies: which rows of a table are copied, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi.augmentation import makers
from izwi.data.samples import ROW
from izwi.splits.parts import folds

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pandas as pd

PARTS = ("train", "test")
# Column of copies that names what made them.
MAKER = "maker"


def rows_of(split: pd.DataFrame, database: str, parts: Iterable[str]) -> np.ndarray:
    """Rows of a database that are in some parts, in any fold.

    Args:
        split: of all databases
        database: its name
        parts: of :data:`PARTS`

    Returns:
        positions in the table of the database, ascending
    """
    import numpy as np

    wanted = set(parts)
    own = np.flatnonzero((split["database"] == database).to_numpy())
    found: set[int] = set()
    for _, train, _, test in folds(split):
        found.update(train.tolist() if "train" in wanted else ())
        found.update(test.tolist() if "test" in wanted else ())
    return np.flatnonzero(np.isin(own, sorted(found)))


def copied(table: pd.DataFrame, rows: np.ndarray, made_by: Iterable[str]) -> pd.DataFrame:
    """The table of copies, all of one maker after those of another.

    Args:
        table: of the load stage
        rows: positions of the rows that are copied
        made_by: keys of makers

    Returns:
        the columns of the table, where ``digest`` stands for the audio of the copy, and two:
        ``copied_row``, position of its source, and ``maker``
    """
    import pandas as pd

    sources = table.iloc[rows]
    known = sources["digest"].notna()
    parts = [
        sources.assign(
            **{
                "digest": sources["digest"]
                .where(~known, sources["digest"].astype(str) + makers.MARK + key)
                .to_numpy(),
                ROW: rows,
                MAKER: key,
            }
        )
        for key in made_by
    ]
    return pd.concat(parts, ignore_index=True)
