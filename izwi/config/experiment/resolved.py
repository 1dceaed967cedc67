"""The result of resolving an ini.

Specs are parts of it. They are plain dicts, since they go to the stages as JSON and into keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NotRequired, TypedDict

from izwi.preprocessing.bags import BagSpec

# Type of the model of an experiment that fuses the predictions of others.
ENSEMBLE = "ensemble"


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
        unlabelled: whether all of it is only predicted, so it need not have the target
    """

    name: str
    type: str | None
    path: str | None
    options: dict[str, Any]
    unlabelled: NotRequired[bool]


class AnnotationSpec(TypedDict):
    """Predicted properties.

    Attributes:
        targets: names in `izwi.annotation.targets.TARGETS`
        features: the feature sets that hold them
        selection: rows of the CSV: ``all``, ``train`` or ``test``
        filter: database → pairs of a predicted column and the values to keep
        min: target → smallest value of the rows to use
        max: target → largest value of the rows to use
        speakers: number of speakers of each database, absent to estimate it
    """

    targets: list[str]
    features: list[ComponentSpec]
    selection: str
    filter: dict[str, list[list[Any]]]
    min: dict[str, float]
    max: dict[str, float]
    speakers: NotRequired[int]


class LoadSpec(TypedDict):
    """Options of loading that all databases share.

    Attributes:
        task: ``classification`` or ``regression``
        target: column that is predicted
        labels: classes, None if the data decide or there are none
        continuous: whether the target is a number that is binned
        bins: limits of the bins, None if the training rows decide
        seed: for drawing samples, None if all are used
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
        unlabelled: whether rows without a label are used for training, too
        described: whether nothing is trained, so that parts may be empty or of one class
        afterwards: filters and limits of all databases that act on the parts
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
    described: NotRequired[bool]
    afterwards: NotRequired[dict[str, Any]]


class SegmentSpec(TypedDict):
    """How recordings are cut into segments; times in seconds.

    Attributes:
        method: ``silero`` or ``fixed``
        selection: ``all``, or the part (``train``, ``test``) whose recordings are cut
        min_length: segments that are shorter are left out
        max_length: longer segments are cut into pieces, None for any length
        min_rest: a rest behind these that is shorter stays with the last one
        window: of ``fixed``: length of a window
        hop: of ``fixed``: from one window to the next
        threshold: of ``silero``: probability that begins speech
        min_speech: of ``silero``: shorter stretches are no speech
        min_silence: of ``silero``: shorter pauses are part of the speech
        pad: of ``silero``: added before and after a stretch
        include_silence_borders: whether gaps are also before the first and behind the last segment
    """

    method: str
    selection: str
    min_length: float
    max_length: float | None
    min_rest: float
    window: float | None
    hop: float | None
    threshold: float
    min_speech: float
    min_silence: float
    pad: float
    include_silence_borders: bool


class ExportSpec(TypedDict):
    """Data that are written for use elsewhere.

    Attributes:
        section: of the ini that asks for it: ``SEGMENT``, ``RESAMPLE`` or ``EXPORT``
        name: of its tables, without an ending
        audio: whether audio is written, or tables alone that name the originals
        folder: of the audio
        rate: sampling rate in Hz, None for that of the original
        format: of the audio, None for that of the original
        mono: whether channels are averaged
        bit_depth: of a sample
        segments_as_files: whether rows that are parts of files become files
        selection: ``all``, or the part (``train``, ``test``) whose rows are written
        orig_root: folder whose part of paths is left out, None for what all paths share
        place: where a link leads to the folder, None for none
    """

    section: str
    name: str
    audio: bool
    folder: str
    rate: int | None
    format: str | None
    mono: bool
    bit_depth: int
    segments_as_files: bool
    selection: str
    orig_root: str | None
    place: str | None


class PreprocessingSpec(TypedDict):
    """Scaler and chosen features, None for none and all; what fills gaps; bags of words."""

    scale: str | None
    features: list[str] | None
    nan_strategy: NotRequired[str]
    bags: NotRequired[BagSpec]


class FurtherFigures(TypedDict, total=False):
    """Figures beside those of the measure.

    Attributes:
        bins: limits that also show a regression as a classification
        bin_labels: names of these bins
        uncertainty_threshold: additional figures use only predictions below it
        combine_per_speaker: how the predictions of a speaker become one, for additional figures
    """

    bins: list[float]
    bin_labels: list[str]
    uncertainty_threshold: float
    combine_per_speaker: str


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
        save_test: path of a database with the predictions, None for no such database
        soft: ``min_confidence`` and ``max_uncertainty`` of these labels
        databases: in the order of the ini
        load: what all databases share when loaded
        split: spec of the split stage
        features: the feature sets
        fail_threshold: share of a database's rows whose audio may be unusable
        preprocessing: scaler and chosen features
        model: its type and options; without a type, only the data are described
        learning: learning beyond a single fit, see `izwi.config.learning`
        analyses: analyses beside the figures, see `izwi.config.learning`
        augment: augmented copies, see `izwi.config.experiment.augmentation`; empty without
        robustness: degradations that are tested on, see there; empty without
        evaluation: how figures are computed
        leakage: treatment of the audit's findings: ``error``, ``warn`` or ``ignore``
        plots: requested plots and their formats, see ``pictures.read_options``
        segmentation: how recordings are cut into the segments that are the samples, None where
            these are the rows of the databases
        exports: data that are written for use elsewhere
        setting: values that a grid sets: option → text of its value
        grids: tables of results that have a row for it
        crossed: name of the table of all pairs of databases that it belongs to, empty without one
        control: kind of control, see `tables.controls`, None for an experiment of an ini
        annotation: predicted properties, None if none is asked for
        onnx: whether the model is also written as an ONNX graph
        warnings: options that override others, one line each
        notes: options without effect, one line each
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
    augment: dict[str, Any]
    robustness: dict[str, Any]
    evaluation: EvaluationSpec
    leakage: str
    plots: dict[str, Any]
    segmentation: SegmentSpec | None = None
    exports: tuple[ExportSpec, ...] = ()
    setting: dict[str, str | None] = field(default_factory=dict)
    grids: tuple[str, ...] = ()
    crossed: str = ""
    control: str | None = None
    annotation: AnnotationSpec | None = None
    onnx: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def trains(self) -> bool:
        """Whether there is a model; without one, only the data are described."""
        return bool(self.model["type"])

    @property
    def fuses(self) -> bool:
        """Whether it is an ensemble, which trains nothing itself."""
        return self.model["type"] == ENSEMBLE

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; values are shared, not copied."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
