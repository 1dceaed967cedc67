"""Gradient boosted trees (XGBoost)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import Option, model_option
from izwi.data.rows import Rows
from izwi.models.base import SklearnModel
from izwi.wording import count

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from izwi.models.base import Dev

# Of two classes → of several.
_OF_SEVERAL = {"logloss": "mlogloss", "error": "merror"}


def _eval_metric(*choices: str) -> Option:
    return model_option(
        "eval_metric",
        "str",
        choices[0],
        "with early_stopping_rounds: what the dev samples decide by",
        choices=choices,
    )


class _Boosted(SklearnModel):
    packages = ("xgboost-cpu", "scikit-learn")
    handles_nan = True
    out_of_core = True
    options: ClassVar[tuple[Option, ...]] = (
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
        model_option(
            "early_stopping_rounds",
            "int|bool",
            False,
            "no more trees when so many have not improved eval_metric on the dev samples, and only "
            "those up to the best; False: never",
            minimum=1,
        ),
        model_option(
            "validation_split",
            "float",
            0.2,
            "with early_stopping_rounds and no dev set: share of the training speakers that become "
            "dev",
            minimum=0.01,
            maximum=0.99,
        ),
    )

    @classmethod
    def stops_early(cls, options: dict[str, Any]) -> bool:
        return bool(options.get("early_stopping_rounds"))

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        return options.get("subsample", 1) == 1 and options.get("colsample_bytree", 1) == 1

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        problems = super().check(options)
        if options["early_stopping_rounds"] is True:
            problems.append("[MODEL] early_stopping_rounds: True is not a number of trees")
        return problems + [
            f"[MODEL] {name}: 0 leaves nothing to learn from"
            for name in ("subsample", "colsample_bytree")
            if options[name] == 0
        ]

    def _parameters(self) -> dict[str, Any]:
        names = [o.name for o in self.options if o.name not in _STOPPING]
        # One thread, since sums of histograms depend on the number.
        return {name: self.values[name] for name in names} | {
            "tree_method": "hist",
            "device": "cpu",
            "n_jobs": 1,
            "random_state": self.seed,
        }

    def _made(self, kind: type, stopping: dict[str, Any]) -> Any:
        """The estimator; rows on the disk become quantiles of features, a byte each."""
        estimator = kind(**self._parameters(), **stopping)
        in_memory = estimator._create_dmatrix
        estimator._create_dmatrix = lambda ref, **data: (
            _quantiles(ref, estimator.max_bin, **data)
            if isinstance(data["data"], Rows)
            else in_memory(ref, **data)
        )
        return estimator

    def _stopping(self, dev: Dev | None) -> dict[str, Any]:
        """What makes the estimator keep the trees up to the best on dev."""
        if dev is None or not self.values["early_stopping_rounds"]:
            return {}
        from xgboost.callback import EarlyStopping

        metric = self.values["eval_metric"]
        if len(self.classes) > 2:
            metric = _OF_SEVERAL.get(metric, metric)
        rounds = self.values["early_stopping_rounds"]
        return {
            "eval_metric": metric,
            "callbacks": [EarlyStopping(rounds=rounds, save_best=True)],
        }

    def _trees(self, dev: Dev | None) -> dict[str, Any]:
        """The report of a fit."""
        if dev is None:
            return {}
        trees = self.estimator.get_booster().num_boosted_rounds()
        return {
            "trees": trees,
            "notes": [
                f"{trees} of {self.values['n_estimators']} rounds of trees are "
                f"kept, the best on {count(len(dev[1]), 'dev sample')}"
            ],
        }

    def _save(self, folder: Path) -> dict[str, Any]:
        self.estimator.save_model(folder / "model.ubj")
        return {}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self.estimator = self._estimator()
        self.estimator.load_model(folder / "model.ubj")


def _quantiles(
    ref: Any, max_bin: int | None, *, data: Rows, label: np.ndarray, weight: Any = None, **more: Any
) -> Any:
    """XGBoost's matrix of quantiles, from blocks of rows.

    Args:
        ref: the matrix of the training rows, for one of dev rows
        max_bin: largest number of quantiles; None is XGBoost's default
        data: of shape (rows, features)
        label: shape (rows,)
        weight: shape (rows,), or None
        more: what else XGBoost knows of rows, none of which izwi uses
    """
    from xgboost import DataIter, QuantileDMatrix

    if unknown := [name for name, value in more.items() if _given(name, value)]:
        raise ValueError(f"not known of rows on the disk: {', '.join(unknown)}")

    class Blocks(DataIter):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = data.blocks()

        def next(self, input_data: Any) -> bool:
            found = next(self.blocks, None)
            if found is None:
                return False
            places, block = found
            own = None if weight is None else weight[places]
            input_data(data=block, label=label[places], weight=own)
            return True

        def reset(self) -> None:
            self.blocks = data.blocks()

    # One thread, as in memory.
    return QuantileDMatrix(Blocks(), ref=ref, nthread=1, max_bin=max_bin or 256)


def _given(name: str, value: Any) -> bool:
    return value is not None and name not in ("missing", "enable_categorical", "feature_types")


_STOPPING = ("early_stopping_rounds", "validation_split", "eval_metric")


class XGB(_Boosted):
    """Boosted trees for classification."""

    name = "xgb"
    task = "classification"
    handles_class_weight = True
    options = (*_Boosted.options, _eval_metric("logloss", "error", "auc"))

    def _estimator(self, **stopping: Any) -> Any:
        from xgboost import XGBClassifier

        return self._made(XGBClassifier, stopping)

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        import numpy as np
        from sklearn.utils.class_weight import compute_sample_weight

        weight = compute_sample_weight("balanced", y) if self.values.get("class_weight") else None
        codes = np.searchsorted(self.classes, y)
        known = None
        if dev is not None:
            seen = np.isin(dev[1], self.classes)
            known = (dev[0][seen], np.searchsorted(self.classes, dev[1][seen]))
        self.estimator = self._estimator(**self._stopping(known)).fit(
            X, codes, sample_weight=weight, eval_set=[known] if known else None, verbose=False
        )
        return self._trees(known)

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        codes, probabilities = super()._predict(X)
        return np.asarray(self.classes)[codes], probabilities


class XGR(_Boosted):
    """Boosted trees for regression."""

    name = "xgr"
    task = "regression"

    options = (*_Boosted.options, _eval_metric("rmse", "mae"))

    def _estimator(self, **stopping: Any) -> Any:
        from xgboost import XGBRegressor

        return self._made(XGBRegressor, stopping)

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        self.estimator = self._estimator(**self._stopping(dev)).fit(
            X, y, eval_set=[dev] if dev else None, verbose=False
        )
        return self._trees(dev)
