"""Base classes of models."""

from __future__ import annotations

import json
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from izwi.errors import UserError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    import numpy as np

    from izwi.config.options import Option

    Dev: TypeAlias = tuple[np.ndarray, np.ndarray]  # features and truth of the dev samples

DESCRIPTION = "model.json"


class Prediction(NamedTuple):
    """Predictions of a model for some samples.

    Args:
        decision: (samples) labels, or numbers in regression
        probabilities: (samples, labels), in the order of the model's labels; a class that was
            absent from training has 0; None in regression
        uncalibrated: the same before they were scaled; None if they were not scaled
    """

    decision: np.ndarray
    probabilities: np.ndarray | None
    uncalibrated: np.ndarray | None = None

    def class_probabilities(self) -> np.ndarray:
        """The probabilities of a classification, shape (samples, labels)."""
        assert self.probabilities is not None, "a regression has none"
        return self.probabilities

    def at_temperature(self, temperature: float, known: list[int]) -> Prediction:
        """The same decision, with probabilities scaled by `izwi.models.temperature`.

        Args:
            temperature: above 0
            known: places of the classes that occurred in training
        """
        from izwi.models.temperature import scale

        scaled = self.class_probabilities().copy()
        scaled[:, known] = scale(scaled[:, known], temperature)
        return self._replace(probabilities=scaled, uncalibrated=self.probabilities)


class Model:
    """A classifier or regressor.

    A model is one file and one line in the registry, see docs/add_a_model.md. The class body is
    read when inis are parsed: heavy imports belong into the methods.

    Args:
        options: values of ``Option.name``, and the general ones that models read
            (``class_weight``, ``epochs``, ``measure``); missing ones have their default
        seed: of every random choice
        labels: all classes of the experiment in order, None in regression

    Raises:
        UserError: if options contradict each other, or the packages are not installed
    """

    name: ClassVar[str]
    task: ClassVar[str]  # classification or regression
    options: ClassVar[tuple[Option, ...]] = ()
    group: ClassVar[str] = "core"  # of dependencies, core or deep
    packages: ClassVar[tuple[str, ...]] = ("scikit-learn",)  # their versions are in the key
    needs_dev: ClassVar[bool] = False  # learns in epochs, the best by dev samples
    handles_nan: ClassVar[bool] = False
    handles_class_weight: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()  # the only forms of features it takes, all where empty
    # Fits X that is a `izwi.data.rows.Rows`, which need not fit into memory.
    out_of_core: ClassVar[bool] = False
    # X has one column, whose values are recordings: arrays of shape (samples,).
    takes_recordings: ClassVar[bool] = False
    # Options that say where something lies that ``content`` digests: they are no part of the key.
    located: ClassVar[tuple[str, ...]] = ()
    # Set before `fit` if no probabilities are needed; they may then be NaN.
    decisions_only = False

    def __init__(
        self, options: dict[str, Any], *, seed: int = 0, labels: list[str] | None = None
    ) -> None:
        self.values = {option.name: option.default for option in self.options} | options
        self.seed = seed
        self.labels = labels or []
        self.classes: list[str] = []  # those that occur in training, sorted
        self.features: list[str] = []  # names of the columns of X, for models that look at them
        # Number of the recording that each row of X comes from, 0 to n - 1; None if no two rows
        # share one. Set before `fit`, whose inner folds must not part them.
        self.sources: np.ndarray | None = None
        problems = self.check(self.values)
        absent = self.absent()
        if absent:
            problems.append(absent)
        if problems:
            raise UserError(problems)

    @classmethod
    def stops_early(cls, options: dict[str, Any]) -> bool:
        """Whether it learns from dev samples when to stop."""
        return cls.needs_dev

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        """Whether the seed changes nothing."""
        return True

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        """Problems with option values that types and limits cannot express, one line each.

        Args:
            options: every option of the model with its value
        """
        if options.get("class_weight") and not cls.handles_class_weight:
            return [f"[MODEL] class_weight: {cls.name} cannot weight classes; remove it"]
        return []

    @classmethod
    def slow(cls, rows: int, features: int) -> str | None:
        """A warning if a fit takes very long, else None; told before it begins.

        Args:
            rows: number of training rows
            features: their number
        """
        return None

    @classmethod
    def brings(cls, options: dict[str, Any]) -> list[dict[str, Any]] | None:
        """Feature sets (``type``, ``options``) of a model that chooses them itself, else None.

        Args:
            options: every option of the model with its value
        """
        return None

    @classmethod
    def content(cls, options: dict[str, Any]) -> Any:
        """Digests, for the key, of the files that the options point to.

        Called when a workflow is planned.

        Args:
            options: every option of the model with its value

        Raises:
            UserError: if a file is missing, or does not match the options
        """
        return None

    @classmethod
    def absent(cls) -> str | None:
        """Advice if the packages of the model are not installed, else None."""
        if cls.group == "deep" and util.find_spec("torch") is None:
            return (
                f"[MODEL] type: {cls.name} needs torch, which is not installed; type: "
                "make deep (or: pip install -r requirements-deep.txt)"
            )
        return None

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        dev: Dev | None = None,
    ) -> dict[str, Any]:
        """Fit on training samples.

        Args:
            X: (samples, features)
            y: (samples) labels or numbers
            groups: (samples) speakers
            dev: X and y of the dev samples

        Returns:
            ``notes`` and ``warnings`` (lists of lines), and further reports of the model

        Raises:
            UserError: if there are too few data or they do not suit this model
        """
        import numpy as np

        y = self._truth(y)
        warnings = []
        if self.task == "classification":
            self.classes = np.unique(y).tolist()
            unknown = sorted(set(self.classes) - set(self.labels))
            if unknown:
                raise ValueError(f"truth that is not a label: {', '.join(unknown)}")
            if len(self.classes) < 2:
                raise UserError(
                    f"[DATA] target: the {len(y)} training samples have one class only, "
                    f"{self.classes[0]!r}; a classifier needs two"
                )
            unseen = [label for label in self.labels if label not in self.classes]
            if unseen:
                warnings.append(
                    f"no training sample of {', '.join(map(repr, unseen))}: never predicted"
                )
        if dev is not None:
            dev = (dev[0], self._truth(dev[1]))
        with one_thread():
            report = self._fit(X, y, groups, dev)
        return {"notes": [], **report, "warnings": warnings + report.get("warnings", [])}

    def predict(self, X: np.ndarray) -> Prediction:
        """Predict samples of shape (samples, features)."""
        import numpy as np

        with one_thread():
            decision, known = self._predict(X)
        if self.task == "regression":
            return Prediction(np.asarray(decision, dtype=np.float64), None)
        probabilities = np.zeros((len(X), len(self.labels)))
        probabilities[:, self.known()] = known
        return Prediction(np.asarray(decision, dtype=str), probabilities)

    def known(self) -> list[int]:
        """Positions of the classes that occurred in training, among all labels."""
        return [self.labels.index(label) for label in self.classes]

    def save(self, folder: str | Path) -> None:
        """Store the fitted model, without pickle.

        Args:
            folder: made if it does not exist
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "model": self.name,
            "task": self.task,
            "options": self.values,
            "seed": self.seed,
            "labels": self.labels or None,
            "classes": self.classes or None,
            "versions": {name: metadata.version(name) for name in ("numpy", *self.packages)},
            "state": self._save(folder),
        }
        text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Model:
        """Read a model of this class that was saved."""
        folder = Path(folder)
        description = read_description(folder)
        if description["model"] != cls.name:
            raise ValueError(f"{folder} holds a {description['model']}, not a {cls.name}")
        model = cls(description["options"], seed=description["seed"], labels=description["labels"])
        model.classes = description["classes"] or []
        model._load(folder, description["state"])
        return model

    def _truth(self, y: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.asarray(y, dtype=str if self.task == "classification" else np.float64)

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        """Fit; ``self.classes`` is set already."""
        raise NotImplementedError

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Decision and, for classification, probabilities of shape (samples, self.classes)."""
        raise NotImplementedError

    def _save(self, folder: Path) -> dict[str, Any]:
        """Write the fitted state; the return value goes into the description."""
        raise NotImplementedError

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        """Read the state written by :meth:`_save`."""
        raise NotImplementedError


class SklearnModel(Model):
    """A model around an estimator of scikit-learn."""

    estimator: Any  # fitted

    def _estimator(self) -> Any:
        """The estimator, not fitted."""
        raise NotImplementedError

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        self.estimator = self._estimator().fit(X, y)
        return {}

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        if self.task == "regression":
            return self.estimator.predict(X), None
        return self.estimator.predict(X), self.estimator.predict_proba(X)

    def _save(self, folder: Path) -> dict[str, Any]:
        from izwi.models import persistence

        persistence.dump(self.estimator, folder / "model.skops")
        return {}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        from izwi.models import persistence

        self.estimator = persistence.load(folder / "model.skops")


def one_thread() -> AbstractContextManager:
    """Limit BLAS and OpenMP to one thread: the last digit of sums depends on their number."""
    # Only libraries that are loaded can be limited, those of scipy come along.
    import sklearn.utils  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def read_description(folder: str | Path) -> dict[str, Any]:
    """Read the description of a saved model.

    Raises:
        UserError: if there is none
    """
    path = Path(folder) / DESCRIPTION
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no model here, {DESCRIPTION} is missing") from None
