"""Naive Bayes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.config.options import model_option
from izwi.models.base import SklearnModel

if TYPE_CHECKING:
    import numpy as np

    from izwi.models.base import Dev


class Bayes(SklearnModel):
    """Gaussian naive Bayes; with ``class_weight`` all classes have the same prior."""

    name = "bayes"
    task = "classification"
    handles_class_weight = True
    options = (
        model_option(
            "var_smoothing",
            "float",
            1e-9,
            "share of the largest variance that is added to all variances",
            minimum=0,
        ),
    )

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        from sklearn.naive_bayes import GaussianNB
        from sklearn.utils.class_weight import compute_sample_weight

        weight = compute_sample_weight("balanced", y) if self.values.get("class_weight") else None
        model = GaussianNB(var_smoothing=self.values["var_smoothing"])
        self.estimator = model.fit(X, y, sample_weight=weight)
        return {}
