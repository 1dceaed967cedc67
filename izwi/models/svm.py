"""Support vector machines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from izwi.config.options import model_option
from izwi.errors import UserError
from izwi.models.base import SklearnModel
from izwi.wording import count

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from izwi.models.base import Dev

# Folds for the calibration of probabilities: of whole speakers, and shuffled. More of them give no
# better probabilities, see docs/statistics.md.
FOLDS = 3
SHUFFLED = 2

# More training rows are worth a warning.
MANY = 50_000
# CPU seconds of one machine for each pair of rows and root of the number of features, measured with
# 1,500 to 6,000 rows of 22 to 352 features, nine tenths of which are support vectors.
OF_A_PAIR = 6e-9

OPTIONS = (
    model_option(
        "C_val",
        "float",
        1.0,
        "cost of an error; small values regularise more",
        minimum=0,
        aliases=("C",),
    ),
    model_option(
        "kernel", "str", "rbf", "kernel function", choices=("rbf", "linear", "poly", "sigmoid")
    ),
    model_option(
        "gamma",
        "float|str",
        "scale",
        "width of the kernels rbf, poly and sigmoid: scale, auto or a number",
        minimum=0,
    ),
    model_option("degree", "int", 3, "degree of the kernel poly", minimum=1),
)


class _Machine(SklearnModel):
    machines = 1.0  # that are fitted, in units of one of all rows
    instead = ""

    @classmethod
    def slow(cls, rows: int, features: int) -> str | None:
        if rows <= MANY:
            return None
        hours = cls.machines * OF_A_PAIR * rows**2 * math.sqrt(features) / 3600
        time = f"{60 * hours:.0f} minutes" if hours < 2 else f"{hours:.0f} hours"
        return (
            f"[MODEL] type: {cls.name} of {rows:,} training rows takes some {time} or more, since "
            f"it compares each row with each; {cls.instead} take minutes"
        )

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        problems = super().check(options)
        if options["C_val"] <= 0:
            problems.append(f"[MODEL] C_val: {options['C_val']} is not above 0")
        gamma = options["gamma"]
        if isinstance(gamma, str) and gamma not in ("scale", "auto"):
            problems.append(f"[MODEL] gamma: {gamma!r} is neither scale nor auto nor a number")
        return problems

    def _parameters(self) -> dict[str, Any]:
        values = self.values
        return {
            "C": values["C_val"],
            "kernel": values["kernel"],
            "gamma": values["gamma"],
            "degree": values["degree"],
        }


class SVM(_Machine):
    """Support vector classification.

    The decision is the machine's own (one against one). Probabilities are those of its pairs of
    classes, coupled: Platt's (1999) sigmoids of decision values on inner folds of the training
    samples, once with speakers kept apart and once shuffled, see `izwi.models.coupling`.
    """

    name = "svm"
    task = "classification"
    options = OPTIONS
    handles_class_weight = True
    # One of all rows, and those of the inner folds.
    machines = 1 + FOLDS * (1 - 1 / FOLDS) ** 2 + SHUFFLED * (1 - 1 / SHUFFLED) ** 2
    instead = "linear_svm, logreg, xgb and mlp"
    sigmoids: np.ndarray | None = None  # (pairs of classes, 2)

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        import numpy as np
        from sklearn.svm import SVC

        from izwi.models import coupling

        weight = "balanced" if self.values.get("class_weight") else None

        def fitted(rows: np.ndarray) -> SVC:
            options = self._parameters()
            # As much cost of all errors together, so that a part regularises as the whole does.
            options["C"] *= len(y) / len(rows)
            machine = SVC(**options, class_weight=weight, decision_function_shape="ovo")
            return machine.fit(X[rows], y[rows])

        self.estimator = fitted(np.arange(len(y)))
        if self.decisions_only:
            return {}
        folds, warnings = inner_folds(y, groups, self.name, self.sources)
        folds = [*folds, *_shuffled_folds(y, self.sources)]
        decisions = np.concatenate([_of_pairs(fitted(train), X[test]) for train, test in folds])
        tested = np.concatenate([test for _, test in folds])
        self.sigmoids = coupling.sigmoids(decisions, y[tested], self.classes)
        return {"warnings": warnings}

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        from izwi.models import coupling

        if self.sigmoids is None:
            return self.estimator.predict(X), np.full((len(X), len(self.classes)), np.nan)
        p = coupling.couple(_of_pairs(self.estimator, X), self.sigmoids, len(self.classes))
        return self.estimator.predict(X), p

    def _save(self, folder: Path) -> dict[str, Any]:
        super()._save(folder)
        return {"sigmoids": None if self.sigmoids is None else self.sigmoids.tolist()}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        import numpy as np

        if "sigmoids" not in state:
            raise UserError(f"{folder}: a model of an earlier izwi; train it again")
        super()._load(folder, state)
        self.sigmoids = None if state["sigmoids"] is None else np.array(state["sigmoids"])


def _shuffled_folds(
    y: np.ndarray, sources: np.ndarray | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Stratified folds that know no speakers, as libsvm has them; none where a class is too small.

    Folds of whole speakers leave out more than a new speaker does, so that their decision values
    alone make probabilities too timid. Rows of one recording stay together here, too: a copy of
    what was learned is no new sample.
    """
    import numpy as np

    from izwi.splits import stratified_folds

    return stratified_folds(np.unique(y, return_inverse=True)[1], sources, SHUFFLED, seed=0)


def _of_pairs(machine: Any, X: np.ndarray) -> np.ndarray:
    # decision values (samples, pairs); of two classes scikit-learn returns a vector
    return machine.decision_function(X).reshape(len(X), -1)


class SVR(_Machine):
    """Support vector regression."""

    name = "svr"
    instead = "ridge, xgr and mlp_reg"
    task = "regression"
    options = (
        *OPTIONS,
        model_option(
            "epsilon",
            "float",
            0.1,
            "errors up to this size cost nothing, in units of the target",
            minimum=0,
        ),
    )

    def _estimator(self) -> Any:
        from sklearn import svm

        return svm.SVR(**self._parameters(), epsilon=self.values["epsilon"])


def inner_folds(
    y: np.ndarray,
    groups: np.ndarray | None,
    name: str = "svm",
    sources: np.ndarray | None = None,
) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[str]]:
    """Folds of the training samples with all classes in every training part.

    At most :data:`FOLDS`; stratified, speakers kept apart if every class has enough of them, else
    recordings. Speakers who share recordings stay together, if enough groups are left.
    With a class of one sample there are no such folds: all samples are in both parts.

    Args:
        y: (samples) labels
        groups: (samples) speakers, if known
        name: of the model, for warnings
        sources: (samples) recording of each, see `izwi.models.base.Model`

    Returns:
        * pairs of training and test positions
        * warnings
    """
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import StratifiedGroupKFold

    from izwi.splits import stratified_folds

    _, classes, counts = np.unique(y, return_inverse=True, return_counts=True)
    most = min(FOLDS, counts.min())
    warnings: list[str] = []
    if most > 1 and groups is not None and not pd.isna(groups).any():
        codes, _ = pd.factorize(np.asarray(groups), sort=True)
        for kept in _kept_together(codes, sources):
            for n in range(min(most, kept.max() + 1), 1, -1):
                folds = list(StratifiedGroupKFold(n).split(y, y, kept))
                if all(
                    len(test) and len(np.unique(y[train])) == len(counts) for train, test in folds
                ):
                    return folds, _parting(name, kept, sources)
        warnings.append(
            f"{name}: a class has training samples of one speaker only, so probabilities are "
            "calibrated on folds that share speakers"
        )
    if folds := stratified_folds(classes, sources, FOLDS):
        return folds, warnings
    everything = np.arange(len(y))
    few = "a single training sample" if most < 2 else "training samples of one recording only"
    return [(everything, everything)], [
        f"{name}: a class has {few}, so probabilities are "
        "calibrated on the samples the model was trained on: they are too sure of themselves"
    ]


def _kept_together(speakers: np.ndarray, sources: np.ndarray | None) -> list[np.ndarray]:
    """What folds may be made of, best first: speakers joined by their recordings, speakers."""
    from izwi.splits import joined

    group = joined(speakers, sources)
    return [group] if group is speakers else [group, speakers]


def _parting(name: str, kept: np.ndarray, sources: np.ndarray | None) -> list[str]:
    """Warning that recordings are in both parts of folds, if they are."""
    from izwi.splits import parted

    number = len(parted(sources, kept))
    if not number:
        return []
    return [
        f"{name}: probabilities are calibrated on folds that part "
        f"{count(number, 'recording')} of several speakers, as too few groups are left if the "
        "speakers of a recording stay together: they may be too sure of themselves"
    ]
