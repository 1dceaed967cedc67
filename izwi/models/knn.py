"""Nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.config.options import model_option
from izwi.errors import UserError
from izwi.models.base import SklearnModel
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np

    from izwi.models.base import Dev


class _Neighbours(SklearnModel):
    options = (
        model_option("K_val", "int", 5, "number of neighbours", minimum=1),
        model_option(
            "KNN_weights",
            "str",
            "uniform",
            "weight of a neighbour: all the same, or by inverse distance",
            choices=("uniform", "distance"),
            aliases=("weights",),
        ),
    )

    def _parameters(self) -> dict[str, Any]:
        return {"n_neighbors": self.values["K_val"], "weights": self.values["KNN_weights"]}

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        if len(y) < self.values["K_val"]:
            raise UserError(
                f"[MODEL] K_val: {count(self.values['K_val'], 'neighbour')} requested, but there "
                "are only "
                f"{count(len(y), 'training sample')}"
            )
        return super()._fit(X, y, groups, dev)


class KNN(_Neighbours):
    """The most frequent class among the nearest neighbours."""

    name = "knn"
    task = "classification"

    def _estimator(self) -> Any:
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(**self._parameters())


class KNNRegression(_Neighbours):
    """The mean of the nearest neighbours."""

    name = "knn_reg"
    task = "regression"

    def _estimator(self) -> Any:
        from sklearn.neighbors import KNeighborsRegressor

        return KNeighborsRegressor(**self._parameters())
