"""What an ini becomes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


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
        databases: per database ``name``, ``type`` (``soft`` where another ini makes it), ``path``
            (absolute; name and None for audb and demo), ``options`` (of loading), and
            ``unlabelled`` where all of it is predicted and it need not have the target
        load: what all databases share when loaded
        split: spec of the split stage
        features: per feature set ``type`` and ``options``
        fail_threshold: share of a database's rows whose audio may be unusable
        preprocessing: ``scale`` and ``features``
        model: ``type`` and ``options``
        learning: how is learned beyond a single fit, see `izwi.config.learning`
        analyses: what is found out beside the figures, see `izwi.config.learning`
        evaluation: ``measure``, ``ci``, and for a confusion matrix of a regression ``bins`` and
            their ``bin_labels``
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
    databases: tuple[dict[str, Any], ...]
    load: dict[str, Any]
    split: dict[str, Any]
    features: tuple[dict[str, Any], ...]
    fail_threshold: float
    preprocessing: dict[str, Any]
    model: dict[str, Any]
    learning: dict[str, Any]
    analyses: dict[str, Any]
    evaluation: dict[str, Any]
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
