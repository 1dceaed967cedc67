"""Gradient boosted trees (XGBoost)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.config.options import Option, model_option
from izwi.models.base import SklearnModel

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from izwi.models.base import Dev

ADVICE = "set n_estimators to the number of trees you want"


def _unsupported(name: str) -> Option:
    return Option("MODEL", name, "any", stage="train", status="unsupported", advice=ADVICE)


class _Boosted(SklearnModel):
    packages = ("xgboost-cpu", "scikit-learn")
    handles_nan = True
    options = (
        model_option("n_estimators", "int", 100, "number of trees", minimum=1),
        model_option("max_depth", "int", 6, "depth of a tree", minimum=0),
        model_option("learning_rate", "float", 0.3, "weight of each new tree", minimum=0),
        model_option(
            "subsample", "float", 1.0, "share of samples that a tree sees", minimum=0, maximum=1
        ),
        model_option(
            "colsample_bytree",
            "float",
            1.0,
            "share of features that a tree sees",
            minimum=0,
            maximum=1,
        ),
        model_option(
            "min_child_weight", "float", 1.0, "smallest sum of weights in a leaf", minimum=0
        ),
        model_option("gamma", "float", 0.0, "smallest gain of a new branch", minimum=0),
        model_option("reg_lambda", "float", 1.0, "L2 regularisation of the leaves", minimum=0),
        _unsupported("early_stopping_rounds"),
        _unsupported("eval_metric"),
        _unsupported("validation_split"),
    )

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        return options.get("subsample", 1) == 1 and options.get("colsample_bytree", 1) == 1

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        return super().check(options) + [
            f"[MODEL] {name}: 0 leaves nothing to learn from"
            for name in ("subsample", "colsample_bytree")
            if options[name] == 0
        ]

    def _parameters(self) -> dict[str, Any]:
        names = [option.name for option in self.options if option.status == "ok"]
        # One thread, since sums of histograms depend on the number.
        return {name: self.values[name] for name in names} | {
            "tree_method": "hist",
            "device": "cpu",
            "n_jobs": 1,
            "random_state": self.seed,
        }

    def _save(self, folder: Path) -> dict[str, Any]:
        self.estimator.save_model(folder / "model.ubj")
        return {}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self.estimator = self._estimator()
        self.estimator.load_model(folder / "model.ubj")


class XGB(_Boosted):
    """Boosted trees for classification."""

    name = "xgb"
    task = "classification"
    handles_class_weight = True

    def _estimator(self) -> Any:
        from xgboost import XGBClassifier

        return XGBClassifier(**self._parameters())

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        import numpy as np
        from sklearn.utils.class_weight import compute_sample_weight

        weight = compute_sample_weight("balanced", y) if self.values.get("class_weight") else None
        codes = np.searchsorted(self.classes, y)
        self.estimator = self._estimator().fit(X, codes, sample_weight=weight)
        return {}

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        codes, probabilities = super()._predict(X)
        return np.asarray(self.classes)[codes], probabilities


class XGR(_Boosted):
    """Boosted trees for regression."""

    name = "xgr"
    task = "regression"

    def _estimator(self) -> Any:
        from xgboost import XGBRegressor

        return XGBRegressor(**self._parameters())
