"""Decision trees."""

from __future__ import annotations

from typing import Any

from izwi.config.options import model_option
from izwi.models.base import SklearnModel


class _Tree(SklearnModel):
    handles_nan = True
    options = (
        model_option(
            "max_depth",
            "int",
            None,
            "depth of the tree; without it, leaves are split until they are pure",
            minimum=1,
        ),
        model_option(
            "min_samples_leaf", "int", 1, "smallest number of samples in a leaf", minimum=1
        ),
    )

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        # The seed decides between equally good splits.
        return False

    def _parameters(self) -> dict[str, Any]:
        return {
            "max_depth": self.values["max_depth"],
            "min_samples_leaf": self.values["min_samples_leaf"],
            "random_state": self.seed,
        }


class Tree(_Tree):
    """A decision tree (CART, Gini impurity)."""

    name = "tree"
    task = "classification"
    handles_class_weight = True

    def _estimator(self) -> Any:
        from sklearn.tree import DecisionTreeClassifier

        weight = "balanced" if self.values.get("class_weight") else None
        return DecisionTreeClassifier(**self._parameters(), class_weight=weight)


class TreeRegression(_Tree):
    """A regression tree (CART, squared error)."""

    name = "tree_reg"
    task = "regression"

    def _estimator(self) -> Any:
        from sklearn.tree import DecisionTreeRegressor

        return DecisionTreeRegressor(**self._parameters())
