"""Histogram gradient boosting, as scikit-learn has it."""

from __future__ import annotations

from typing import Any

from izwi.config.options import model_option
from izwi.models.base import SklearnModel


class _Boosted(SklearnModel):
    handles_nan = True
    options = (
        model_option("n_estimators", "int", 100, "number of rounds of trees", minimum=1),
        model_option("learning_rate", "float", 0.1, "weight of each new tree", minimum=0),
        model_option("max_depth", "int", None, "depth of a tree; without it, unlimited", minimum=1),
        model_option("max_leaf_nodes", "int", 31, "largest number of leaves of a tree", minimum=2),
        model_option(
            "min_samples_leaf", "int", 20, "smallest number of samples in a leaf", minimum=1
        ),
        model_option("reg_lambda", "float", 0.0, "L2 regularisation of the leaves", minimum=0),
    )

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        problems = super().check(options)
        if options["learning_rate"] == 0:
            problems.append("[MODEL] learning_rate: 0 learns nothing")
        return problems

    def _parameters(self) -> dict[str, Any]:
        names = ("learning_rate", "max_depth", "max_leaf_nodes", "min_samples_leaf")
        return {
            **{name: self.values[name] for name in names},
            "max_iter": self.values["n_estimators"],
            "l2_regularization": self.values["reg_lambda"],
            # Its own would stop by samples of the speakers it learns from.
            "early_stopping": False,
            # Of more than 200,000 samples, limits of bins come from as many drawn at random.
            "random_state": 0,
        }


class HistBoosting(_Boosted):
    """Histogram gradient boosting for classification."""

    name = "hgb"
    task = "classification"
    handles_class_weight = True

    def _estimator(self) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        weight = "balanced" if self.values.get("class_weight") else None
        return HistGradientBoostingClassifier(**self._parameters(), class_weight=weight)


class HistBoostingRegression(_Boosted):
    """Histogram gradient boosting for regression."""

    name = "hgb_reg"
    task = "regression"

    def _estimator(self) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(**self._parameters())
