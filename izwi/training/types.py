"""The spec of the train stage, and its report beside the predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import ComponentSpec, PreprocessingSpec


class TuneSpec(TypedDict):
    """A nested search.

    Attributes:
        values: option of the model → values
        folds: maximum number of inner folds
        strategy: ``random``, ``halving`` or ``tpe``; without it all combinations are tried
        n_iter: number of combinations of ``random`` and ``tpe``
        ranges: option → low, high and ``linear`` or ``log``; only of ``tpe``
    """

    values: dict[str, list[Any]]
    folds: int
    strategy: NotRequired[str]
    n_iter: NotRequired[int]
    ranges: NotRequired[dict[str, list[Any]]]


class SelfTrainingSpec(TypedDict):
    """Minimum probability for a label from the model, and maximum number of rounds."""

    threshold: float
    rounds: int


class TrainSpec(TypedDict):
    """Spec of the train stage.

    Attributes:
        task: ``classification`` or ``regression``
        runs: trainings, each with its own seed
        seed: of the first run
        measure: for decisions on dev rows
        save: whether the models of folds are kept, too
        features: the feature sets of the matrices, to apply the model to other audio
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
    """One training with its own seed.

    Attributes:
        run: its number, from 1
        seed: of the model
        dev: the measure on dev rows, mean over folds; None without dev rows
        folds: ``fold`` (0 without cross-validation), ``n_train``, ``n_dev``, ``n_test``, and
            the model's report on its training
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
        counts: ``train``, rows that were trained on; ``augmented``, their copies, if there are any
        runs: one at least
        best_run: number of the run that is best on dev; 1 without dev rows
        transductive: whether the features of test rows took part in a fit
        n_features: number of features before any selection
        tuning: searches for options, see `izwi.training.tuning.search`
        self_training: labels that were added, per run and fold
        submodels: the column that has a model for each value, and the rows of each
        bins: limits of the bins per fold, if training rows decide
        excluded: rows with unusable audio
        ensemble: how members were fused, in the report of an ensemble
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
    ensemble: NotRequired[dict[str, Any]]
