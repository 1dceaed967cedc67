"""Random forests."""

from __future__ import annotations

from typing import Any

from izwi.config.options import model_option
from izwi.models.base import SklearnModel


class _Forest(SklearnModel):
    handles_nan = True
    options = (
        model_option("n_estimators", "int", 100, "number of trees", minimum=1),
        model_option(
            "max_depth",
            "int",
            None,
            "depth of a tree; without it, leaves are split until they are pure",
            minimum=1,
        ),
        model_option(
            "min_samples_leaf", "int", 1, "smallest number of samples in a leaf", minimum=1
        ),
        model_option(
            "max_features",
            "float|str",
            None,
            "features that a split chooses from: a share, sqrt or log2 (default: sqrt, in "
            "regression all)",
            minimum=0,
            maximum=1,
        ),
    )

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        # Each tree sees a random sample.
        return False

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        problems = super().check(options)
        wanted = options["max_features"]
        if wanted == 0 or (isinstance(wanted, str) and wanted not in ("sqrt", "log2")):
            problems.append(
                f"[MODEL] max_features: {wanted!r} is neither a share above 0 nor sqrt nor log2"
            )
        return problems

    def _parameters(self) -> dict[str, Any]:
        names = ("n_estimators", "max_depth", "min_samples_leaf", "max_features")
        # One job: sums over trees depend on the order of their ends.
        return {
            **{name: self.values[name] for name in names if self.values[name] is not None},
            "n_jobs": 1,
            "random_state": self.seed,
        }


class Forest(_Forest):
    """A random forest: the mean of the class probabilities of trees on bootstrap samples."""

    name = "rf"
    task = "classification"
    handles_class_weight = True

    def _estimator(self) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        weight = "balanced" if self.values.get("class_weight") else None
        return RandomForestClassifier(**self._parameters(), class_weight=weight)


class ForestRegression(_Forest):
    """A random forest for regression: the mean of trees on bootstrap samples."""

    name = "rf_reg"
    task = "regression"

    def _estimator(self) -> Any:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(**self._parameters())
