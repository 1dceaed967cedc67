"""One fit: preprocessing, balancing and model, all fitted on the same training rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from izwi import models
from izwi.data.rows import Rows
from izwi.errors import UserError
from izwi.files import read_json, write_json
from izwi.preprocessing import balancing
from izwi.training import out_of_core
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.models.base import Dev, Model, Prediction
    from izwi.preprocessing.pipeline import Preprocessing, Steps
    from izwi.training.types import TrainSpec

CALIBRATION = "calibration.json"


@dataclass(frozen=True)
class Copies:
    """Augmented copies of rows; a model learns from those of the rows that it is fitted on.

    Args:
        values: shape (copies, features)
        source: number of the row that each is a copy of, shape (copies,)
    """

    values: np.ndarray
    source: np.ndarray


@dataclass(frozen=True)
class Samples:
    """All rows of an experiment, as extracted.

    Args:
        names: of the features
        values: shape (rows, features); large ones are on the disk
        split: of these rows
        copies: of rows; they are no rows, so no part of the split can hold them
    """

    names: list[str]
    values: np.ndarray | Rows
    split: pd.DataFrame
    copies: Copies | None = None

    def with_copies(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows to fit on, and behind them the copies of these rows.

        Args:
            rows: row numbers

        Returns:
            * values, shape (rows and copies, features)
            * number of the row that each is or is a copy of, shape (rows and copies,)
            * number of each, those of copies behind those of all rows
        """
        import numpy as np

        if self.copies is None:
            return self.values[rows], rows, rows
        own = np.flatnonzero(np.isin(self.copies.source, rows))
        return (
            np.concatenate([self.values[rows], self.copies.values[own]]),
            np.concatenate([rows, self.copies.source[own]]),
            np.concatenate([rows, len(self.values) + own]),
        )

    def number_of_copies(self, rows: np.ndarray) -> int:
        """Number of copies of some rows."""
        import numpy as np

        return 0 if self.copies is None else int(np.isin(self.copies.source, rows).sum())

    def speakers(self, rows: np.ndarray) -> np.ndarray | None:
        """Speaker of each of these rows, shape (rows,); None if the data have none."""
        column = self.split["speaker"]
        return column.to_numpy()[rows] if column.notna().any() else None

    def sources(self, rows: np.ndarray) -> np.ndarray | None:
        """Number of the recording of each of these rows; None if no recording has two rows."""
        return None if self._recordings is None else self._recordings[rows]

    @cached_property
    def _recordings(self) -> np.ndarray | None:
        from izwi import splits

        return splits.recordings(self.split)


@dataclass(frozen=True)
class TrainingSet:
    """The data that one model is fitted on.

    Args:
        samples: all rows
        truth: of all rows, shape (rows,)
        train: row numbers, all with a truth
        dev: row numbers; models that stop early read them
        labels: classes in order, None for regression
    """

    samples: Samples
    truth: np.ndarray
    train: np.ndarray
    dev: np.ndarray
    labels: list[str] | None

    @property
    def groups(self) -> np.ndarray | None:
        """Speaker of each training row, None if the data have none."""
        return self.samples.speakers(self.train)


class Fitted:
    """A fitted preprocessing and the model behind it."""

    def __init__(
        self, preprocessing: Preprocessing, model: Model, history: dict[str, Any], names: list[str]
    ) -> None:
        self.preprocessing = preprocessing
        self.model = model
        self.history = history
        self.names = names
        self.temperature: float | None = None

    @classmethod
    def load(cls, folder: Path, names: list[str]) -> Fitted:
        """Read the files written by `save`.

        Args:
            folder: of a run, or of a fold in it
            names: of the features before preprocessing
        """
        from izwi.preprocessing.pipeline import Preprocessing

        preprocessing = Preprocessing.load(folder / "preprocessing")
        model = models.load_model(folder / "model")
        model.features = preprocessing.features
        fitted = cls(preprocessing, model, {}, names)
        if (folder / CALIBRATION).is_file():
            fitted.temperature = read_json(folder / CALIBRATION)["temperature"]
        return fitted

    def predict(self, samples: Samples, rows: np.ndarray) -> Prediction:
        """Predict rows of the experiment; some at a time, if their features are on the disk."""
        if not isinstance(samples.values, Rows) or not len(rows):
            return self.decide(self.transform(samples, rows))
        import numpy as np

        from izwi.models.base import Prediction

        places, found = [], []
        speakers = samples.speakers(rows)
        for some in out_of_core.parts_of(self.preprocessing, samples.values, rows, speakers):
            places.append(some)
            found.append(self.decide(self.transform(samples, rows[some])))
        back = np.argsort(np.concatenate(places))
        whole: list[Any] = [
            None if parts[0] is None else np.concatenate(parts)[back]
            for parts in zip(*found, strict=True)
        ]
        return Prediction(*whole)

    def decide(self, X: np.ndarray) -> Prediction:
        """Predict the output of `transform`, with calibrated probabilities if available."""
        predicted = self.model.predict(X)
        if self.temperature is None:
            return predicted
        return predicted.at_temperature(self.temperature, self.model.known())

    def calibrate(self, data: TrainingSet) -> None:
        """Fit the temperature of the probabilities on dev rows; decisions stay unchanged.

        Raises:
            UserError: if no dev row has a class that the model knows
        """
        import numpy as np

        from izwi.models import temperature

        known = data.dev[np.isin(data.truth[data.dev].astype(str), self.model.classes)]
        if not len(known):
            raise UserError(
                "[MODEL] calibrate: temperature is fitted on a dev set, and there is none: set "
                "EXP.traindevtest = True"
            )
        predicted = self.predict(data.samples, known)
        p = predicted.class_probabilities()[:, self.model.known()]
        place = np.searchsorted(self.model.classes, data.truth[known].astype(str))
        self.temperature = temperature.fit(p, place)
        self.history["temperature"] = self.temperature
        warnings = [*self.history["warnings"]]
        if not 1.01 * temperature.LOWEST < self.temperature < 0.99 * temperature.HIGHEST:
            warnings.append(
                f"[MODEL] calibrate: the temperature is at its limit, {self.temperature:.3g}: "
                f"{count(len(p), 'dev sample does', 'dev samples do')} not suffice to calibrate "
                "the model"
            )
        impossible = int((p[np.arange(len(p)), place] < temperature.FLOOR).sum())
        if impossible:
            warnings.append(
                f"[MODEL] calibrate: the model gave {impossible} of {len(p)} dev samples no chance "
                "to be what they are, and these decide the temperature"
            )
        self.history["warnings"] = warnings

    def transform(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        """The model's inputs for these rows, shape (rows, features)."""
        return self.preprocessing.transform(samples.values[rows], samples.speakers(rows), rows=rows)

    def save(self, folder: Path) -> None:
        """Store both without pickle."""
        self.preprocessing.save(folder / "preprocessing")
        self.model.save(folder / "model")
        if self.temperature is not None:
            write_json(folder / CALIBRATION, {"temperature": self.temperature})


class Prepared(NamedTuple):
    """Training rows as inputs of a model, prepared from these rows only.

    Args:
        preprocessing: fitted
        X: shape (rows and their copies, features), scaled and balanced; on the disk, if the model
            is fitted out of core
        y: shape (rows and their copies,)
        groups: speakers, in the same shape, or None
        sources: recording that each row comes from, in the same shape; None if no two share one
        dev: X and y of the dev rows, for models that stop early
        balancing: what was done to the classes, see `balancing.balance`
    """

    preprocessing: Preprocessing
    X: np.ndarray | Rows
    y: np.ndarray
    groups: np.ndarray | None
    sources: np.ndarray | None
    dev: tuple[np.ndarray | Rows, np.ndarray] | None
    balancing: dict[str, Any]


def with_dev(
    spec: TrainSpec,
    split: pd.DataFrame,
    truth: np.ndarray,
    train_rows: np.ndarray,
    dev_rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Training and dev rows; a model that stops early gets dev rows of the training part.

    Args:
        spec: of the train stage
        split: of all rows
        truth: of all rows
        train_rows: row numbers
        dev_rows: row numbers, empty if there is no dev set
    """
    from izwi import splits

    options = spec["model"]["options"]
    if len(dev_rows) or not models.model_class(spec["model"]["type"]).stops_early(options):
        return train_rows, dev_rows
    share = {"share": options["validation_split"]} if "validation_split" in options else {}
    return splits.dev_from_train(split.assign(truth=truth), train_rows, seed=spec["seed"], **share)


def fit(spec: TrainSpec, data: TrainingSet, seed: int) -> Fitted:
    """Fit on training rows; models that stop early use dev rows.

    Args:
        spec: of the train stage
        data: the rows
        seed: of the model; balancing uses the experiment's seed, so that runs share it
    """
    return learn(spec, prepare(spec, data), data, seed)


def prepare(spec: TrainSpec, data: TrainingSet) -> Prepared:
    """Prepare rows for the model: select, impute, scale, balance."""
    import numpy as np

    from izwi.preprocessing.pipeline import Preprocessing

    cls = models.model_class(spec["model"]["type"])
    method = spec.get("balancing")
    impute = not cls.handles_nan or method in balancing.NEED_NUMBERS
    impute = impute or "nan_strategy" in spec["preprocessing"]
    steps: Steps = {**spec["preprocessing"], "impute": impute}
    if cls.takes_recordings:
        steps["arrays"] = True
    preprocessing = Preprocessing(steps)
    samples = data.samples
    if is_out_of_core(spec, data):
        return _prepare_on_disk(spec, data, preprocessing)
    values, of, numbers = samples.with_copies(data.train)
    groups = samples.speakers(of)
    sources = _together(samples, of)
    preprocessing.fit(values, samples.names)
    X = preprocessing.transform(values, groups, rows=numbers)
    y = data.truth[of]
    balanced: dict[str, Any] = {}
    if method:
        # Samplers cannot compute with recordings, so they resample row positions.
        rows = np.arange(len(X), dtype=float)[:, None] if cls.takes_recordings else X
        try:
            made, y, groups, sources, balanced = _balanced(spec, rows, y, groups, sources)
            X = X[made[:, 0].astype(int)] if cls.takes_recordings else made
        except UserError as error:
            balanced = balancing.unchanged(y, error.problems[0])
    dev = None
    if cls.stops_early(spec["model"]["options"]) and len(data.dev):
        dev = (
            preprocessing.transform(
                samples.values[data.dev], samples.speakers(data.dev), rows=data.dev
            ),
            data.truth[data.dev],
        )
    return Prepared(preprocessing, X, y, groups, sources, dev, balanced)


def _together(samples: Samples, of: np.ndarray) -> np.ndarray | None:
    """What inner folds must not part: segments of one recording, and copies of a row.

    Args:
        samples: all rows
        of: number of the row that each is or is a copy of
    """
    from izwi import splits

    found = samples.sources(of)
    return splits.together(of if found is None else found)


def _balanced(
    spec: TrainSpec,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None,
    sources: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None, dict[str, Any]]:
    """Rows of balanced classes, with speaker and recording of the row that each is like."""
    import numpy as np

    from izwi import splits

    own = np.arange(len(y))
    X, y, like, report = balancing.balance(
        X, y, own, method=spec["balancing"], seed=spec["balancing_seed"]
    )
    if like is not None:
        like = like.astype(int)
        groups = None if groups is None else groups[like]
        # A row that was drawn twice must not be on both sides of a fold either.
        sources = splits.together((own if sources is None else sources)[like])
    return X, y, groups, sources, report


def is_out_of_core(spec: TrainSpec, data: TrainingSet) -> bool:
    """Whether a fit reads its rows from the disk.

    It does if the model can, there are more than `out_of_core.LIMIT` training rows, without copies,
    and classes are not balanced by computing new rows.

    Args:
        spec: of the train stage
        data: the rows
    """
    cls = models.model_class(spec["model"]["type"])
    return (
        cls.out_of_core
        and isinstance(data.samples.values, Rows)
        and len(data.train) > out_of_core.LIMIT
        and spec.get("balancing") not in balancing.NEED_NUMBERS
    )


def _prepare_on_disk(spec: TrainSpec, data: TrainingSet, preprocessing: Preprocessing) -> Prepared:
    import numpy as np

    samples, rows = data.samples, data.train
    values = samples.values
    assert isinstance(values, Rows), "a fit out of core has its rows on the disk"
    out_of_core.fit_preprocessing(preprocessing, values, rows, samples.names)
    y, groups = data.truth[rows], samples.speakers(rows)
    sources = _together(samples, rows)
    X = out_of_core.transformed(preprocessing, values, rows, groups)
    balanced: dict[str, Any] = {}
    if spec.get("balancing"):
        places = np.arange(len(rows), dtype=float)[:, None]
        made, y, groups, sources, balanced = _balanced(spec, places, y, groups, sources)
        X = X.taken(made[:, 0].astype(int))
    dev = None
    cls = models.model_class(spec["model"]["type"])
    if cls.stops_early(spec["model"]["options"]) and len(data.dev):
        speakers = samples.speakers(data.dev)
        dev_X = out_of_core.transformed(preprocessing, values, data.dev, speakers)
        dev = (dev_X, data.truth[data.dev])
    return Prepared(preprocessing, X, y, groups, sources, dev, balanced)


def learn(
    spec: TrainSpec,
    prepared: Prepared,
    data: TrainingSet,
    seed: int,
    *,
    decisions_only: bool = False,
) -> Fitted:
    """Fit the model to prepared rows.

    Args:
        spec: of the train stage
        prepared: training rows
        data: their source
        seed: of the model
        decisions_only: probabilities are not needed, which some models learn at a high cost
    """
    cls = models.model_class(spec["model"]["type"])
    model = cls(spec["model"]["options"], seed=seed, labels=data.labels)
    model.features = prepared.preprocessing.features
    model.sources = prepared.sources
    model.decisions_only = decisions_only
    # Only models that take rows on the disk are given them.
    X, dev = cast("np.ndarray", prepared.X), cast("Dev | None", prepared.dev)
    history = model.fit(X, prepared.y, groups=prepared.groups, dev=dev)
    if isinstance(prepared.X, Rows):
        history = {**history, "out_of_core": True}
        history["notes"] = [
            *history["notes"],
            f"fitted out of core: of more than {out_of_core.LIMIT:,} training rows the features "
            "are read from the disk",
        ]
    if prepared.balancing:
        sizes = {key: prepared.balancing[key] for key in ("before", "after")}
        history = {**history, "balancing": sizes}
        for kind in ("note", "warning"):
            if line := prepared.balancing.get(kind):
                history[f"{kind}s"] = [line, *history[f"{kind}s"]]
    return Fitted(prepared.preprocessing, model, history, data.samples.names)


def score(spec: TrainSpec, fitted: Fitted, data: TrainingSet, rows: np.ndarray) -> float:
    """Measure ``spec["measure"]`` on some rows; NaN where it is undefined."""
    return measure_of(spec, fitted.predict(data.samples, rows), data.truth[rows], data.labels)


def measure_of(
    spec: TrainSpec, predicted: Any, truth: np.ndarray, labels: list[str] | None
) -> float:
    """``spec["measure"]`` of predictions; NaN where it is undefined.

    Args:
        spec: of the train stage
        predicted: predictions of some rows
        truth: of these rows, shape (rows,)
        labels: classes in order, None for regression
    """
    from izwi.evaluation.measures import measures

    scores = None
    if labels and len(labels) == 2 and predicted.probabilities is not None:
        scores = predicted.probabilities[:, 1]
    found = measures(truth, predicted.decision, task=spec["task"], labels=labels, scores=scores)
    value = found[spec["measure"]]
    return float("nan") if value is None else float(value)
