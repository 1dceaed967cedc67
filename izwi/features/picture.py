"""Features that nets see as a picture: rows over frames, of a fixed duration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from izwi.errors import UserError
from izwi.features.base import Extractor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CELL = re.compile(r"(?:mel|lld)_(\d+)_(\d+)")


class Picture(Extractor):
    """Frames of the beginning of a recording; warns how many recordings are longer.

    Instances define ``seen``: the seconds that are kept, and the option that sets them.
    """

    asides: tuple[str, ...] = ("seconds",)
    seen: tuple[float, str]

    def aside(self, signal: np.ndarray, rate: int) -> list[float]:
        """Duration of one row in seconds; see the base class."""
        return [signal.shape[1] / rate]

    def remarks(self, matrix: pd.DataFrame) -> list[str]:
        """How many rows were cut; see the base class."""
        limit, option = self.seen
        seconds = matrix["seconds"]
        # Asides are float32 like the features.
        longer = seconds > limit * (1 + 1e-6)
        if not longer.any():
            return []
        return [
            f"{self.name}: {int(longer.sum())} of {len(seconds)} rows are longer than {limit:g} s "
            f"(up to {seconds.max():.2f} s) and cut there; more is seen with a higher {option}"
        ]


def cells(name: str, rows: int, frames: int) -> list[str]:
    """Names of the cells of a picture, row by row."""
    return [f"{name}_{row}_{frame}" for row in range(rows) for frame in range(frames)]


def grid(names: list[str]) -> tuple[int, int]:
    """Bands and frames of features that are a spectrogram.

    Args:
        names: of the features, in the order in which a matrix has them

    Returns:
        number of bands and of frames: values of shape (rows, features) can be reshaped to
        (rows, bands, frames)

    Raises:
        UserError: if they are not a spectrogram, or not a complete one
    """
    matches = [CELL.fullmatch(name) for name in names]
    cells = [(int(match[1]), int(match[2])) for match in matches if match]
    if not cells or len(cells) < len(names):
        raise UserError("[MODEL] type: a cnn reads spectrograms; set [FEATS] type = spectra")
    bands, frames = (len({cell[axis] for cell in cells}) for axis in (0, 1))
    if cells != sorted(set(cells)) or bands * frames != len(cells):
        raise UserError(
            "[FEATS] features: a cnn needs all frames of each band; leave the option out"
        )
    return bands, frames
