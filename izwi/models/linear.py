"""Linear models."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from izwi.config.options import model_option
from izwi.data.rows import Rows
from izwi.models.base import SklearnModel
from izwi.wording import count

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from izwi.models.base import Dev

COST = model_option(
    "C_val",
    "float",
    1.0,
    "cost of an error; small values regularise more",
    minimum=0,
    aliases=("C",),
)
ITERATIONS = model_option(
    "max_iter", "int", 1000, "maximum number of iterations of the solver", minimum=1
)


class _LeastSquares(SklearnModel):
    task = "regression"
    out_of_core = True

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        if not isinstance(X, Rows):
            return super()._fit(X, y, groups, dev)
        from izwi.models import linear_blocks

        found = linear_blocks.least_squares(X, y, self.values.get("alpha", 0))
        self.estimator = linear_blocks.filled(self._estimator(), found)
        return {}


class LinearRegression(_LeastSquares):
    """Ordinary least squares; of several solutions, the one with the smallest weights."""

    name = "lin_reg"

    def _estimator(self) -> Any:
        from sklearn import linear_model

        return linear_model.LinearRegression()


class Ridge(_LeastSquares):
    """Least squares with a penalty on the squares of the weights."""

    name = "ridge"
    options = (
        model_option("alpha", "float", 1.0, "weight of the penalty on the squares", minimum=0),
    )

    def _estimator(self) -> Any:
        from sklearn import linear_model

        return linear_model.Ridge(alpha=self.values["alpha"])


class _Classifier(SklearnModel):
    task = "classification"
    handles_class_weight = True
    out_of_core = True
    options = (COST, ITERATIONS)

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        problems = super().check(options)
        if options["C_val"] <= 0:
            problems.append(f"[MODEL] C_val: {options['C_val']} is not above 0")
        return problems

    def _parameters(self) -> dict[str, Any]:
        return {
            "C": self.values["C_val"],
            "max_iter": self.values["max_iter"],
            "class_weight": "balanced" if self.values.get("class_weight") else None,
        }

    def _fitted(self, X: np.ndarray, y: np.ndarray, **changed: Any) -> tuple[Any, list[str]]:
        """The estimator, and a warning if its solver did not reach the optimum."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            estimator = self._estimator().set_params(**changed).fit(X, y)
        stopped = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
        return estimator, self._told(not stopped)

    def _told(self, converged: bool) -> list[str]:
        if converged:
            return []
        return [
            f"{self.name}: not converged after {count(self.values['max_iter'], 'iteration')}: "
            "scale the features ([FEATS] scale), or raise [MODEL] max_iter"
        ]

    def _weights(self, y: np.ndarray) -> np.ndarray:
        """Weight of each class."""
        import numpy as np
        from sklearn.utils.class_weight import compute_class_weight

        how = "balanced" if self.values.get("class_weight") else None
        return compute_class_weight(how, classes=np.asarray(self.classes), y=y)

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        self.estimator, told = self._fitted(X, y)
        return {"warnings": told}


class LogisticRegression(_Classifier):
    """Multinomial logistic regression with a penalty on the squares of the weights."""

    name = "logreg"

    def _estimator(self) -> Any:
        from sklearn import linear_model

        return linear_model.LogisticRegression(**self._parameters())

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        if not isinstance(X, Rows):
            return super()._fit(X, y, groups, dev)
        import numpy as np

        from izwi.models import linear_blocks

        codes = np.searchsorted(self.classes, y)
        found = linear_blocks.logistic(
            X,
            codes,
            len(self.classes),
            self._weights(y)[codes],
            self.values["C_val"],
            self.values["max_iter"],
        )
        self.estimator = linear_blocks.filled(self._estimator(), found, np.asarray(self.classes))
        return {"warnings": self._told(found.converged)}


class LinearSVM(_Classifier):
    """A linear support vector machine with squared hinge loss, each class against the rest.

    The decision is the machine's own. Probabilities are Platt's (1999) sigmoids of the decision
    values on inner folds of the training samples, with speakers kept apart, normalised to the sum
    1 (Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", KDD 2002).
    """

    name = "linear_svm"
    sigmoids: np.ndarray | None = None  # (classes, 2), of two classes (1, 2)

    def _estimator(self) -> Any:
        from sklearn import svm

        # The primal problem, whose solver draws nothing at random.
        return svm.LinearSVC(**self._parameters(), dual=False)

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        import numpy as np

        from izwi.models import coupling
        from izwi.models.svm import inner_folds

        if isinstance(X, Rows):
            return self._fit_blocks(X, y, groups)
        self.estimator, told = self._fitted(X, y)
        if self.decisions_only:
            return {"warnings": told}
        folds, warned = inner_folds(y, groups, self.name, self.sources)
        decisions = []
        for train, test in folds:
            # As much cost of all errors together as in the whole.
            part, _ = self._fitted(X[train], y[train], C=self.values["C_val"] * len(y) / len(train))
            decisions.append(part.decision_function(X[test]).reshape(len(test), -1))
        tested = np.concatenate([test for _, test in folds])
        self.sigmoids = coupling.rest_sigmoids(np.concatenate(decisions), y[tested], self.classes)
        return {"warnings": told + warned}

    def _fit_blocks(self, X: Rows, y: np.ndarray, groups: np.ndarray | None) -> dict[str, Any]:
        """Fit rows on the disk; the machines of all inner folds together."""
        import numpy as np

        from izwi.models import coupling, linear_blocks
        from izwi.models.svm import inner_folds

        codes, most = np.searchsorted(self.classes, y), self.values["max_iter"]
        # Of two classes there is one machine; else the rest has the weight 1, as in liblinear.
        positive = np.arange(len(self.classes)) if len(self.classes) > 2 else np.array([1])
        mine = codes[:, None] == positive
        signs = np.where(mine, 1, -1).astype(np.int8)

        def costs(rows: np.ndarray) -> np.ndarray:
            own = self._weights(y[rows])
            rest = 1.0 if len(self.classes) > 2 else own[0]
            found = np.zeros(mine.shape, np.float32)
            # As much cost of all errors together, so that a part regularises as the whole does.
            cost = self.values["C_val"] * len(y) / len(rows)
            found[rows] = cost * np.where(mine[rows], own[positive], rest)
            return found

        found = linear_blocks.squared_hinge(X, signs, costs(np.arange(len(y))), most)
        classes = np.asarray(self.classes)
        self.estimator = linear_blocks.filled(self._estimator(), found, classes)
        if self.decisions_only:
            return {"warnings": self._told(found.converged)}
        folds, warned = inner_folds(y, groups, self.name, self.sources)
        start = np.column_stack([found.weights, found.offsets])
        parts = linear_blocks.squared_hinge(
            X,
            np.tile(signs, len(folds)),
            np.hstack([costs(train) for train, _ in folds]),
            most,
            np.tile(start, (len(folds), 1)),
        )
        scores = linear_blocks.decisions(X, parts).reshape(len(y), len(folds), -1)
        values = np.concatenate([scores[test, i] for i, (_, test) in enumerate(folds)])
        tested = np.concatenate([test for _, test in folds])
        self.sigmoids = coupling.rest_sigmoids(values, y[tested], self.classes)
        return {"warnings": self._told(found.converged) + warned}

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        from izwi.models import coupling

        decision = self.estimator.predict(X)
        if self.sigmoids is None:
            return decision, np.full((len(X), len(self.classes)), np.nan)
        values = self.estimator.decision_function(X).reshape(len(X), -1)
        return decision, coupling.normalised(values, self.sigmoids)

    def _save(self, folder: Path) -> dict[str, Any]:
        super()._save(folder)
        return {"sigmoids": None if self.sigmoids is None else self.sigmoids.tolist()}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        import numpy as np

        super()._load(folder, state)
        self.sigmoids = None if state["sigmoids"] is None else np.array(state["sigmoids"])
