"""Controls: figures reached without the speech, by chance or from metadata and level.

A control is an ordinary experiment on the split of those that it is a control for, with other
features and a plain model. One is made for each distinct split, whatever tables show it.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from izwi.config import options as table
from izwi.config.experiment import Experiment
from izwi.config.experiment.resolved import ComponentSpec
from izwi.engine.keys import key_of

# In the order of the table; "chance" alone is no experiment, it is computed from the test set.
KINDS = ("chance", "majority", "duration", "level", "metadata")
# Columns of a database that are known without the audio, with the speaker where train and test
# may share some; the sampling rate is read from the audio files.
METADATA = ("gender", "age", "language", "accent", "sentence", "text", "transcription")
SAMPLING_RATE = "sampling_rate"
MODELS = {"classification": "svm", "regression": "lin_reg"}
CONSTANT = {"classification": "majority", "regression": "mean"}
NAMES = {
    "classification": {"majority": "majority class"},
    "regression": {"majority": "training mean"},
}
_NO_PICTURES: dict[str, Any] = {
    "value_counts": None,
    "value_counts_of": [],
    "maps": {},
    "epoch_progression": False,
    "regplot": [],
    "tree": False,
}

# Options of pictures that are there if they are wanted.
_OWN = ("spotlight", "runs_compare", "column_values")


def label_of(kind: str, task: str) -> str:
    """How a table calls a control."""
    name = NAMES[task].get(kind, kind)
    return name if kind in ("chance", "majority") else f"{name} only"


def split_key(experiment: Experiment) -> str:
    """Equal for experiments that train and test on the same rows with the same truth."""
    e = experiment
    return key_of(e.databases, e.load, e.split, e.task, e.target, e.labels, e.seed, e.evaluation)


def shares_speakers(experiment: Experiment) -> bool:
    """Whether the protocol puts rows of one speaker into training and test."""
    split = experiment.split
    if split["logo"]:
        # Folds that the data bring may be of anything; by a renamed column they say so here.
        renamed = [(d["options"]["colnames"] or {}).values() for d in experiment.databases]
        return any("fold" in names for names in renamed)
    if split["k_fold_cross"]:
        return True
    if split["strategy"] == "cross_data":
        return False
    return any(one["split_strategy"] == "random" for one in split["databases"].values())


def control(experiment: Experiment, kind: str) -> Experiment:
    """The control of a kind for the split of an experiment.

    Args:
        experiment: one that it is a control for
        kind: of :data:`KINDS`, but not ``chance``
    """
    names = "+".join(database["name"] for database in experiment.databases)
    model = (CONSTANT if kind == "majority" else MODELS)[experiment.task]
    own = table.own_options("models", model).values()
    options = {option.name: option.default for option in own if option.status == "ok"}
    if model == "svm":
        options["class_weight"] = True
    features: ComponentSpec = {"type": "signal", "options": {}}
    if kind == "metadata":
        target = "gender" if experiment.target == "sex" else experiment.target
        columns = [*METADATA, *(["speaker"] if shares_speakers(experiment) else []), SAMPLING_RATE]
        columns = [column for column in columns if column != target]
        features = {"type": "metadata", "options": {"metadata.columns": columns}}
    return replace(
        experiment,
        name=f"control--{kind}--{names}-{experiment.target}-{split_key(experiment)[:6]}",
        runs=1,
        epochs=None,
        save=False,
        save_test=None,
        features=(features,),
        preprocessing={
            "scale": "standard",
            "features": [kind] if kind in ("duration", "level") else None,
        },
        model={"type": model, "options": options},
        learning={},
        analyses={},
        augment={},
        robustness={},
        plots={k: v for k, v in experiment.plots.items() if k not in _OWN} | _NO_PICTURES,
        setting={},
        grids=(),
        control=kind,
        # A control is supposed to use what a real experiment must not.
        leakage="ignore",
        warnings=(),
        notes=(),
    )


def placed(
    result: dict[str, Any],
    cells: Mapping[tuple[int, int], Experiment],
    kinds: tuple[str, ...],
    made: MutableMapping[str, Experiment],
) -> str | None:
    """Add lines for controls to a table.

    A control belongs to a split. So it is a row where all cells of a column share theirs, a column
    where all cells of a row do, and else there is a row of controls for each row.

    Args:
        result: gets rows or columns, and cells, see `wanted.lay_out`
        cells: row and column → experiment
        kinds: of controls that are asked for
        made: name → control; gets those that are new

    Returns:
        ``rows``, ``columns``, ``each``: where the splits differ; None for an empty table
    """
    keys = {place: split_key(experiment) for place, experiment in cells.items()}
    if not keys:
        return None
    by_column, by_row = (
        len({(place[axis], key) for place, key in keys.items()}) == len({p[axis] for p in keys})
        for axis in (1, 0)
    )
    where = "rows" if by_column else "columns" if by_row else "each"
    lines = [None] if where != "each" else sorted({row for row, _ in cells})
    axis = "columns" if where == "columns" else "rows"
    for line in lines:
        # One experiment for each place of the other axis stands for the split there.
        of: dict[int, Experiment] = {}
        for (row, column), experiment in sorted(cells.items(), key=lambda item: item[0]):
            if line in (None, row):
                of.setdefault(row if where == "columns" else column, experiment)
        for kind in kinds:
            label = label_of(kind, result["task"])
            if line is not None:
                label = f"{result['rows'][line]['label']}: {label}"
            result[axis].append({"label": label, "control": kind})
            place = len(result[axis]) - 1
            for other, experiment in of.items():
                name = None
                if kind != "chance":
                    one = control(experiment, kind)
                    name = made.setdefault(one.name, one).name
                row, column = (other, place) if axis == "columns" else (place, other)
                result["cells"].append(
                    {
                        "row": row,
                        "column": column,
                        "experiment": name,
                        "control": kind,
                        "of": experiment.name,
                    }
                )
    return where
