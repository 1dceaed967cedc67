"""What an ini becomes.

Specs are parts of it that go to the stages as JSON and into their keys, so they are plain dicts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NotRequired, TypedDict


class ComponentSpec(TypedDict):
    """A model or a feature set: its name in the registry, and its options by name."""

    type: str
    options: dict[str, Any]


class DatabaseSpec(TypedDict):
    """A database.

    Attributes:
        name: as the ini calls it
        type: ``csv``, ``audformat``, ``audb``, ``demo``, or ``soft`` where another ini makes it
        path: absolute; a name for audb, None for demo
        options: of loading
        unlabelled: whether all of it is predicted, so that it need not have the target
    """

    name: str
    type: str | None
    path: str | None
    options: dict[str, Any]
    unlabelled: NotRequired[bool]


class LoadSpec(TypedDict):
    """What all databases share when loaded.

    Attributes:
        task: ``classification`` or ``regression``
        target: column that is predicted
        labels: classes, None where the data decide or there are none
        continuous: whether the target is a number that is binned
        bins: limits of the bins, None where the training rows decide
        seed: of the samples that are drawn, None where all are taken
    """

    task: str
    target: str
    labels: list[str] | None
    continuous: bool
    bins: list[float] | None
    seed: int | None


class SplitSpec(TypedDict):
    """How rows are divided into train, dev and test.

    Attributes:
        strategy: ``train_test``, or ``cross_data`` with the databases ``trains`` and ``tests``
        logo: groups of speakers that are left out in turn, None without
        k_fold_cross: number of stratified folds, None without
        databases: name → ``split_strategy`` and the options that it reads
        submodel: column with a model for each of its values
        unlabelled: whether rows without a label train as well
    """

    task: str
    target: str
    labels: list[str] | None
    seed: int
    same_speakers: bool
    traindevtest: bool
    strategy: str
    trains: list[str] | None
    tests: list[str] | None
    logo: int | None
    k_fold_cross: int | None
    databases: dict[str, dict[str, Any]]
    submodel: NotRequired[str]
    unlabelled: NotRequired[bool]


class PreprocessingSpec(TypedDict):
    """Scaler and chosen features, None for none and all."""

    scale: str | None
    features: list[str] | None


class FurtherFigures(TypedDict, total=False):
    """Figures beside those of the measure.

    Attributes:
        bins: limits by which a regression is shown as a classification, too
        bin_labels: names of these bins
        uncertainty_threshold: figures are also given of the predictions below it
    """

    bins: list[float]
    bin_labels: list[str]
    uncertainty_threshold: float


class EvaluationSpec(FurtherFigures):
    """How figures are made.

    Attributes:
        measure: the one that decides
        ci: method of the intervals, see `izwi.evaluation.intervals`
    """

    measure: str
    ci: str


@dataclass(frozen=True)
class Experiment:
    """A resolved ini.

    Args:
        ini: its path as given
        name: name of the experiment
        task: ``classification`` or ``regression``
        seed: of every random choice
        runs: number of trainings
        epochs: most epochs of a net, None for the model's default
        traindevtest: whether a dev set is cut
        target: column that is predicted
        labels: classes, None where the data decide
        save: keep trained models
        save_test: where the predictions become a database, None where they do not
        soft: ``min_confidence`` and ``max_uncertainty`` of these labels
        databases: in the order of the ini
        load: what all databases share when loaded
        split: spec of the split stage
        features: the feature sets
        fail_threshold: share of a database's rows whose audio may be unusable
        preprocessing: scaler and chosen features
        model: its type and options
        learning: how is learned beyond a single fit, see `izwi.config.learning`
        analyses: what is found out beside the figures, see `izwi.config.learning`
        evaluation: how figures are made
        leakage: what becomes of what the audit finds: ``error``, ``warn`` or ``ignore``
        plots: wanted plots and their formats, see ``pictures.read_options``
        setting: what a grid varies: option → text of its value
        grids: tables of results that it is a row of
        control: kind of control that it is, see `tables.controls`, None for what an ini describes
        warnings: what overrides what, one line each
        notes: what has no effect, one line each
    """

    ini: str
    name: str
    task: str
    seed: int
    runs: int
    epochs: int | None
    traindevtest: bool
    target: str
    labels: list[str] | None
    save: bool
    save_test: str | None
    soft: dict[str, float | None]
    databases: tuple[DatabaseSpec, ...]
    load: LoadSpec
    split: SplitSpec
    features: tuple[ComponentSpec, ...]
    fail_threshold: float
    preprocessing: PreprocessingSpec
    model: ComponentSpec
    learning: dict[str, Any]
    analyses: dict[str, Any]
    evaluation: EvaluationSpec
    leakage: str
    plots: dict[str, Any]
    setting: dict[str, str | None] = field(default_factory=dict)
    grids: tuple[str, ...] = ()
    control: str | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; values are shared, not copied."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
