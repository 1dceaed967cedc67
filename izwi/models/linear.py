"""Linear models."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from izwi.config.options import model_option
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


class LinearRegression(SklearnModel):
    """Ordinary least squares; of several solutions, the one with the smallest weights."""

    name = "lin_reg"
    task = "regression"

    def _estimator(self) -> Any:
        from sklearn import linear_model

        return linear_model.LinearRegression()


class Ridge(SklearnModel):
    """Least squares with a penalty on the squares of the weights."""

    name = "ridge"
    task = "regression"
    options = (
        model_option("alpha", "float", 1.0, "weight of the penalty on the squares", minimum=0),
    )

    def _estimator(self) -> Any:
        from sklearn import linear_model

        return linear_model.Ridge(alpha=self.values["alpha"])


class _Classifier(SklearnModel):
    task = "classification"
    handles_class_weight = True
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
        if not any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
            return estimator, []
        return estimator, [
            f"{self.name}: not converged after {count(self.values['max_iter'], 'iteration')}: "
            "scale the features ([FEATS] scale), or raise [MODEL] max_iter"
        ]

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

        self.estimator, told = self._fitted(X, y)
        if self.decisions_only:
            return {"warnings": told}
        folds, warned = inner_folds(y, groups, self.name)
        decisions = []
        for train, test in folds:
            # As much cost of all errors together as in the whole.
            part, _ = self._fitted(X[train], y[train], C=self.values["C_val"] * len(y) / len(train))
            decisions.append(part.decision_function(X[test]).reshape(len(test), -1))
        tested = np.concatenate([test for _, test in folds])
        self.sigmoids = coupling.rest_sigmoids(np.concatenate(decisions), y[tested], self.classes)
        return {"warnings": told + warned}

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
