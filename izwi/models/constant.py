"""Constant predictions, as baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.models.base import Model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from izwi.models.base import Dev


class Majority(Model):
    """Always the class that is most frequent in training; of ties, the first by name.

    Probabilities are the shares of the classes in training.
    """

    name = "majority"
    task = "classification"
    packages = ()
    handles_nan = True

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        import numpy as np

        _, counts = np.unique(y, return_counts=True)
        self.shares = (counts / counts.sum()).tolist()
        return {}

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        most = self.classes[int(np.argmax(self.shares))]
        return np.full(len(X), most), np.tile(self.shares, (len(X), 1))

    def _save(self, folder: Path) -> dict[str, Any]:
        return {"shares": self.shares}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self.shares = state["shares"]


class Mean(Model):
    """Always the mean of the training samples."""

    name = "mean"
    task = "regression"
    packages = ()
    handles_nan = True

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        self.mean = float(y.mean())
        return {}

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        return np.full(len(X), self.mean), None

    def _save(self, folder: Path) -> dict[str, Any]:
        return {"mean": self.mean}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self.mean = state["mean"]
