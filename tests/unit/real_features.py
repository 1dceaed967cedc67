"""eGeMAPS functionals of a quarter of EmoDB, straight from opensmile, for tests of models."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from plain_features import plain_egemaps


class Sample(NamedTuple):
    """Arrays of one part; ``names`` are those of the features."""

    X: np.ndarray
    emotion: np.ndarray
    age: np.ndarray
    speaker: np.ndarray
    names: list[str]


@cache
def train_and_test(folder: Path) -> tuple[Sample, Sample]:
    """Every fourth file; speakers 8, 10, 13 and 15 are the test part."""
    table = pd.read_csv(folder / "emodb.csv", dtype={"speaker": str}).iloc[::4]
    X = plain_egemaps([folder / file for file in table["file"]]).astype(np.float64)
    is_test = table["speaker"].isin(["8", "10", "13", "15"]).to_numpy()

    def part(rows: np.ndarray) -> Sample:
        return Sample(
            X[rows],
            table["emotion"].to_numpy(dtype=str)[rows],
            table["age"].to_numpy(dtype=np.float64)[rows],
            table["speaker"].to_numpy(dtype=str)[rows],
            [f"feature {i}" for i in range(X.shape[1])],
        )

    return part(~is_test), part(is_test)
