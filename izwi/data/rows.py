"""Rows of numbers in a file, for matrices that need not fit into memory.

The file has no name, so that nothing is left of it, however a process ends. It is read through the
page cache, a block at a time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

# Bytes that are read at a time.
BLOCK = 16 * 2**20
# Bytes of a block of columns.
COLUMNS = 384 * 2**20


class Rows:
    """A matrix in a file without a name.

    Indexing by row numbers, a slice or a mask returns an array, as of a matrix in memory.

    Args:
        folder: where the file is made
        shape: rows and columns
        dtype: of the numbers
    """

    def __init__(self, folder: str | Path, shape: tuple[int, int], dtype: Any) -> None:
        import numpy as np

        self.shape, self.dtype = shape, np.dtype(dtype)
        self.folder = folder
        self._width = shape[1] * self.dtype.itemsize
        self._file = tempfile.TemporaryFile(dir=folder, prefix=".izwi-rows-")  # noqa: SIM115
        os.ftruncate(self._file.fileno(), max(1, shape[0] * self._width))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        import numpy as np

        if isinstance(rows, slice):
            first, last, step = rows.indices(len(self))
            if step != 1:
                return self[np.arange(first, last, step)]
            return self._contiguous(first, max(first, last))
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        found = np.empty((len(rows), self.shape[1]), self.dtype)
        if not len(rows):
            return found
        if rows.min() < 0 or rows.max() >= len(self):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(self)}")
        step = self.rows_at_a_time
        for begin in range(0, len(rows), step):
            some = rows[begin : begin + step]
            low, high = int(some.min()), int(some.max()) + 1
            if high - low <= 2 * len(some):
                found[begin : begin + step] = self._contiguous(low, high)[some - low]
                continue
            self._scattered(some, found[begin : begin + step])
        return found

    @property
    def rows_at_a_time(self) -> int:
        """Rows of a block, as many in each machine."""
        return max(1, BLOCK // max(1, self._width))

    def _scattered(self, rows: np.ndarray, found: np.ndarray) -> None:
        # Not mapped: a system may keep megabytes around each row in memory.
        view, file, width, at = (
            memoryview(found.data).cast("B"),
            self._file.fileno(),
            self._width,
            0,
        )
        for row in rows.tolist():
            if os.preadv(file, [view[at : at + width]], row * width) != width:
                raise OSError("a temporary file of features ends too early")
            at += width

    def _contiguous(self, first: int, last: int) -> np.ndarray:
        import numpy as np

        found = np.empty((last - first, self.shape[1]), self.dtype)
        view, done = memoryview(found.data).cast("B"), 0
        while done < len(view):
            read = os.preadv(self._file.fileno(), [view[done:]], first * self._width + done)
            if not read:
                raise OSError("a temporary file of features ends too early")
            done += read
        return found

    def write(self, first: int, values: np.ndarray) -> None:
        """Write rows.

        Args:
            first: number of the first row
            values: shape (rows, columns); as many columns as the matrix has
        """
        import numpy as np

        view = memoryview(np.ascontiguousarray(values, self.dtype).data).cast("B")
        done = 0
        while done < len(view):
            done += os.pwrite(self._file.fileno(), view[done:], first * self._width + done)

    def put(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Write rows to places that need not be next to each other.

        Args:
            rows: their numbers
            values: shape (rows, columns)
        """
        import numpy as np

        if len(rows) and (np.diff(rows) == 1).all():
            self.write(int(rows[0]), values)
            return
        for row, value in zip(rows.tolist(), values, strict=True):
            self.write(row, value)

    def taken(self, rows: np.ndarray) -> Rows:
        """Another file with some of the rows, which may repeat."""
        other = Rows(self.folder, (len(rows), self.shape[1]), self.dtype)
        for places, block in self.blocks(rows):
            other.write(places.start, block)
        return other

    def blocks(self, rows: np.ndarray | None = None) -> Iterator[tuple[slice, np.ndarray]]:
        """Some rows at a time.

        Args:
            rows: their numbers; absent: all

        Yields:
            places among ``rows``, and the values
        """
        n = len(self) if rows is None else len(rows)
        for first in range(0, n, self.rows_at_a_time):
            places = slice(first, min(n, first + self.rows_at_a_time))
            yield places, self[places if rows is None else rows[places]]

    def column_blocks(
        self, rows: np.ndarray, columns: list[int]
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Some columns at a time of all the rows, which is a pass over the file for each.

        Args:
            rows: numbers of the rows
            columns: numbers of the columns

        Yields:
            numbers of the columns, and values of shape (rows, columns)
        """
        import numpy as np

        step = max(1, COLUMNS // max(1, len(rows) * self.dtype.itemsize))
        for first in range(0, len(columns), step):
            own = columns[first : first + step]
            found = np.empty((len(rows), len(own)), self.dtype)
            for places, block in self.blocks(rows):
                found[places] = block[:, own]
            yield own, found
