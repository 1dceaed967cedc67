"""Models that look at no feature: what a figure is worth is seen beside theirs."""

from __future__ import annotations

from izwi.models.base import Model


class Majority(Model):
    """Always the class that is most frequent in training, of equals the first by name.

    Probabilities are the shares of the classes in training.
    """

    name = "majority"
    task = "classification"
    packages = ()
    handles_nan = True

    def _fit(self, X, y, groups, dev):
        import numpy as np

        _, counts = np.unique(y, return_counts=True)
        self.shares = (counts / counts.sum()).tolist()
        return {}

    def _predict(self, X):
        import numpy as np

        most = self.classes[int(np.argmax(self.shares))]
        return np.full(len(X), most), np.tile(self.shares, (len(X), 1))

    def _save(self, folder):
        return {"shares": self.shares}

    def _load(self, folder, state):
        self.shares = state["shares"]


class Mean(Model):
    """Always the mean of the training samples."""

    name = "mean"
    task = "regression"
    packages = ()
    handles_nan = True

    def _fit(self, X, y, groups, dev):
        self.mean = float(y.mean())
        return {}

    def _predict(self, X):
        import numpy as np

        return np.full(len(X), self.mean), None

    def _save(self, folder):
        return {"mean": self.mean}

    def _load(self, folder, state):
        self.mean = state["mean"]
