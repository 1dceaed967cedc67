"""Linear models."""

from __future__ import annotations

from typing import Any

from izwi.models.base import SklearnModel


class LinearRegression(SklearnModel):
    """Ordinary least squares; of several solutions, the one with the smallest weights."""

    name = "lin_reg"
    task = "regression"

    def _estimator(self) -> Any:
        from sklearn import linear_model

        return linear_model.LinearRegression()
