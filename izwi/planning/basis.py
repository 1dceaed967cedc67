"""The part of an experiment that the stages before training see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from izwi.config import pictures
from izwi.engine.keys import key_of

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment


@dataclass(frozen=True)
class Basis:
    """What tables, splits, features and the audit are planned from, and nothing else.

    Experiments that agree here share all of that, so that it is planned once for all of them.

    Its attributes are those of `Experiment`, and three that are parts of such.

    Attributes:
        scale: how features are scaled
        model: type of the model
        columns: pictures, and the columns of the data that they show
    """

    ini: str
    target: str
    labels: list[str] | None
    databases: tuple[dict[str, Any], ...]
    load: dict[str, Any]
    split: dict[str, Any]
    features: tuple[dict[str, Any], ...]
    fail_threshold: float
    leakage: str
    scale: str | None
    model: str
    columns: list[tuple[str, str]]

    @classmethod
    def of(cls, experiment: Experiment) -> Basis:
        """The basis of an experiment."""
        return cls(
            experiment.ini,
            experiment.target,
            experiment.labels,
            experiment.databases,
            experiment.load,
            experiment.split,
            experiment.features,
            experiment.fail_threshold,
            experiment.leakage,
            experiment.preprocessing["scale"],
            experiment.model["type"],
            pictures.columns_wanted(experiment),
        )

    @property
    def key(self) -> str:
        """The same for experiments that agree."""
        return key_of(vars(self))
