"""What the train stage is asked for, and what it writes beside its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import ComponentSpec, PreprocessingSpec


class TuneSpec(TypedDict):
    """A nested search: options of the model with their values, and the number of inner folds."""

    values: dict[str, list[Any]]
    folds: int


class SelfTrainingSpec(TypedDict):
    """A label is taken from the model above this probability, in this many rounds at most."""

    threshold: float
    rounds: int


class TrainSpec(TypedDict):
    """Spec of the train stage.

    Attributes:
        task: ``classification`` or ``regression``
        runs: trainings, each with a seed of its own
        seed: of the first run
        measure: by which dev rows decide
        save: whether the models of folds are kept, too
        features: what the matrices hold, for the model to be used on other audio
        balancing: method, see `izwi.preprocessing.balancing`
        submodel: column that has a model for each of its values
        calibrate: how probabilities are calibrated
    """

    task: str
    model: ComponentSpec
    preprocessing: PreprocessingSpec
    runs: int
    seed: int
    measure: str
    save: bool
    features: NotRequired[list[ComponentSpec]]
    balancing: NotRequired[str]
    balancing_seed: NotRequired[int]
    submodel: NotRequired[str]
    self_training: NotRequired[SelfTrainingSpec]
    tune: NotRequired[TuneSpec]
    calibrate: NotRequired[str]


class RunReport(TypedDict):
    """One training with a seed of its own.

    Attributes:
        run: its number, from 1
        seed: of the model
        dev: the measure on dev rows, mean over folds; None without any
        folds: ``fold`` (0 without a cross-validation), ``n_train``, ``n_dev``, ``n_test``, and
            what the model says of its training
    """

    run: int
    seed: int
    dev: float | None
    folds: list[dict[str, Any]]


class TrainingReport(TypedDict):
    """All runs.

    Attributes:
        notes: one line each
        warnings: one line each
        counts: ``train``, rows that were trained on
        runs: one at least
        best_run: number of the run that is best on dev; 1 without dev rows
        transductive: whether the features of test rows took part in a fit
        n_features: number of features before any selection
        tuning: searches for options, see `izwi.training.tuning.search`
        self_training: labels that were added, per run and fold
        submodels: the column that has a model for each value, and the rows of each
        bins: limits of the bins per fold, where training rows decide
        excluded: rows whose audio cannot be used
    """

    notes: list[str]
    warnings: list[str]
    counts: dict[str, int]
    runs: list[RunReport]
    best_run: int
    transductive: bool
    n_features: int
    tuning: NotRequired[list[dict[str, Any]]]
    self_training: NotRequired[list[dict[str, Any]]]
    submodels: NotRequired[dict[str, Any]]
    bins: NotRequired[list[dict[str, Any]]]
    excluded: NotRequired[dict[str, Any]]
