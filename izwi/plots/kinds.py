"""Each kind of picture, from the files of earlier stages.

A kind returns: name of a file, without its ending → function that draws to a path, and returns
what it has drawn as rows of a table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from izwi import plots
from izwi.config import pictures
from izwi.config.options import suggest
from izwi.data import bad_audio
from izwi.data.csv_safety import harmless
from izwi.data.samples import read_matrices
from izwi.errors import Problems, UserError
from izwi.files import read_json
from izwi.plots import groups, style
from izwi.plots.data import Rows
from izwi.preprocessing import binning
from izwi.reporting.pictures import OF_METRICS
from izwi.splits import parts
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.models.base import SklearnModel

Spec = dict[str, Any]
Inputs = dict[str, Any]
Drawn = dict[str, Callable[["str | Path"], Rows]]


def confusion_matrix(spec: Spec, inputs: Inputs) -> Drawn:
    """Truth against prediction, as counts and recalls."""
    metrics = read_json(inputs["metrics"])
    return {
        "confusion_matrix": lambda path: plots.confusion_matrix(metrics, path, spec["title"]),
    }


def confusion_matrix_certain(spec: Spec, inputs: Inputs) -> Drawn:
    """The same of the predictions that are certain enough."""
    metrics = read_json(inputs["metrics"])
    title = f"{spec['title']}, uncertainty below {spec['threshold']:g}"
    own = metrics["certain"] or {**metrics, "confusion": None}
    empty = "no probabilities of samples with a truth"
    if metrics["certain"]:
        empty = f"no prediction has an uncertainty below {spec['threshold']:g}"
    draw = functools.partial(plots.confusion_matrix, own, title=title, empty=empty)
    return {"confusion_matrix_certain": draw}


def confusion_matrix_per_speaker(spec: Spec, inputs: Inputs) -> Drawn:
    """The same of speakers, whose predictions are combined."""
    own = read_json(inputs["metrics"]).get("by_speaker") or {"confusion": None}
    draw = functools.partial(
        plots.confusion_matrix,
        own,
        title=f"{spec['title']}, by speaker",
        empty="no speaker whose samples have one class",
    )
    return {"confusion_matrix_per_speaker": draw}


def of_metrics(spec: Spec, inputs: Inputs) -> Drawn:
    """Pictures of data in metrics.json, each drawn by the function of its name."""
    metrics = read_json(inputs["metrics"])
    module = import_module(f"izwi.plots.{OF_METRICS[spec['kind']].module}")
    return {
        name: functools.partial(getattr(module, name), metrics, title=spec["title"])
        for name in spec["names"]
    }


def truth_prediction(spec: Spec, inputs: Inputs) -> Drawn:
    """Predicted numbers against true ones."""
    predictions, metrics = pd.read_parquet(inputs["predictions"]), read_json(inputs["metrics"])
    return {
        "truth_prediction": lambda path: plots.truth_prediction(
            predictions, metrics, path, spec["title"]
        ),
    }


def confusion_matrix_binned(spec: Spec, inputs: Inputs) -> Drawn:
    """Truth against prediction of a regression, both in bins."""
    metrics = read_json(inputs["metrics"])["binned"]
    return {
        "confusion_matrix_binned": lambda path: plots.confusion_matrix(
            metrics, path, spec["title"]
        ),
    }


def column_values(spec: Spec, inputs: Inputs) -> Drawn:
    """The columns of the data and their values."""
    draw = functools.partial(plots.column_values, _shown(spec, inputs), target=spec["target"])
    return {"column_values": lambda path: draw(path, spec["title"])}


def told(spec: Spec, inputs: Inputs) -> list[str]:
    """What the terminal shows beside a picture."""
    if spec["kind"] != "column_values":
        return []
    from izwi.plots import columns

    found = columns.columns_of(_shown(spec, inputs), spec["target"])
    # One line: a call shows but some notes.
    several = "; ".join(columns.told(name, own, 5) for name, own in found.items())
    return [f"[EXPL] print_colvals: {several}"]


def value_counts(spec: Spec, inputs: Inputs) -> Drawn:
    """The distribution of the target and other columns over the parts and over groups."""
    frame, labels = samples(inputs)
    frame = _chosen(frame, spec)
    drawn, without = _empty(spec, frame)
    for name, (first, *others) in spec["columns"].items():
        if name in without:
            continue
        column = column_of(frame, first, spec)
        if not others and column == "truth":
            others = [] if spec.get("ignore_gender") or "gender" not in frame else ["gender"]
        elif not others:
            others = [pictures.TARGET]
        values, order = classes_of(frame[column], first, labels, spec)
        drawn[name] = functools.partial(
            plots.value_counts,
            frame.assign(**{column: values}),
            column=column,
            by={column_of(frame, other, spec): shown(other, spec) for other in others},
            order=order,
            smooth=spec.get("dist_type") == "kde",
            title=f"{spec['title']}: {shown(first, spec)}",
            name=shown(first, spec),
        )
    return drawn


def database_counts(spec: Spec, inputs: Inputs) -> Drawn:
    """The distribution of the target in one database."""
    frame, labels = samples(inputs)
    frame = _chosen(frame, spec)
    frame["truth"], order = classes_of(frame["truth"], pictures.TARGET, labels, spec)
    return {
        name: functools.partial(
            plots.value_counts,
            frame[frame["database"] == database].reset_index(drop=True),
            by={} if spec.get("ignore_gender") else {"gender": "gender"},
            order=order,
            smooth=spec.get("dist_type") == "kde",
            title=f"{database}: {spec['target']}",
            name=spec["target"],
        )
        for name, database in spec["databases"].items()
    }


def feature_map(spec: Spec, inputs: Inputs) -> Drawn:
    """Do the features separate the classes at all? One map, in several colourings."""
    from izwi.training import fit_predict

    tables, matrices = read_matrices(inputs)
    _, features = fit_predict.stack(tables, matrices)
    frame, labels = samples(inputs)
    split, _ = bad_audio.leave_out(tables, matrices, pd.read_parquet(inputs["split"]))
    frame["part"] = parts.shown(split)
    chosen = _is_chosen(frame, spec)
    empty, without = _empty(spec, frame)
    columns = {
        name: column_of(frame, column, spec)
        for name, column in spec["columns"].items()
        if name not in without
    }
    if spec["features"]:
        features = features[spec["features"]]
    used = (frame["part"] != "").to_numpy() & chosen
    frame = frame[used].reset_index(drop=True)
    if not columns:
        return empty
    found = plots.embed(features.to_numpy()[used], spec["seed"], spec["kind"], spec.get("dim", 2))
    drawn = empty
    for name, column in columns.items():
        asked = spec["columns"][name]
        values, order = classes_of(frame[column], asked, labels, spec)
        drawn[name] = functools.partial(
            plots.draw_map,
            found,
            values,
            frame["part"],
            order=order,
            title=f"{spec['title']}, {shown(asked, spec)}",
            name=shown(asked, spec),
        )
    return drawn


def regplot(spec: Spec, inputs: Inputs) -> Drawn:
    """One feature over another, with lines for each class or other group."""
    from izwi.training import fit_predict

    _, features = fit_predict.stack(*read_matrices(inputs))
    frame, labels = samples(inputs)
    drawn, without = _empty(spec, frame)
    _refuse_unknown(features, "regplot", [name for pair in spec["pairs"].values() for name in pair])
    used = (frame["part"] != "").to_numpy() & _is_chosen(frame, spec)
    features, frame = (part[used].reset_index(drop=True) for part in (features, frame))
    pairs = [(features[first], features[second]) for first, second in spec["pairs"].values()]
    found = plots.correlations(pairs, frame["speaker"])
    for (name, column), (x, y), of_pair in zip(spec["columns"].items(), pairs, found, strict=True):
        if name in without:
            continue
        group = column_of(frame, column, spec)
        drawn[name] = functools.partial(
            plots.regplot,
            x,
            y,
            frame[group],
            frame["speaker"],
            of_pair,
            order=labels if group == "truth" else None,
            title=spec["title"],
            name=shown(column, spec),
        )
    return drawn


def tree(spec: Spec, inputs: Inputs) -> Drawn:
    """The decision tree of an experiment; of folds, that of the first."""
    from izwi import models
    from izwi.preprocessing.pipeline import Preprocessing

    run = read_json(f"{inputs['model']}/model.json")["best_run"]
    whole = Path(inputs["model"]) / f"run{run}"
    own = whole if (whole / "model").is_dir() else Path(inputs["model"]) / f"run{run}-fold1"
    fitted, steps = models.load_model(own / "model"), Preprocessing.load(own / "preprocessing")
    note = "" if own == whole else "of the first fold"
    if steps.scale != "none":
        note = ", ".join(filter(None, [note, f"features scaled ({steps.scale})"]))
    estimator = cast("SklearnModel", fitted).estimator
    draw = functools.partial(plots.tree, estimator, steps.features, note=note)
    return {"tree": lambda path: draw(path, title=spec["title"])}


def _refuse_unknown(features: pd.DataFrame, option: str, names: list[str]) -> None:
    problems = Problems()
    for name in dict.fromkeys(names):
        if name not in features:
            near = suggest(name, list(features)) or f", there are {features.shape[1]}"
            problems.add(f"[EXPL] {option}: no feature '{name}'{near}")
    problems.raise_if_any()


def epoch_progression(spec: Spec, inputs: Inputs) -> Drawn:
    """Losses and measures over the epochs of all runs."""
    training = read_json(inputs["training"])
    return {
        "epoch_progression": lambda path: plots.epoch_progression(
            training["runs"], training["best_run"], path, spec["title"]
        ),
    }


def learning_curve(spec: Spec, inputs: Inputs) -> Drawn:
    """The measure against the amount of training data."""
    curve = read_json(inputs["learning_curve"])
    return {"learning_curve": lambda path: plots.learning_curve(curve, path, spec["title"])}


def robustness(spec: Spec, inputs: Inputs) -> Drawn:
    """The measure on degraded test samples."""
    found = read_json(inputs["robustness"])
    return {"robustness": lambda path: plots.robustness(found, path, spec["title"])}


def permutation(spec: Spec, inputs: Inputs) -> Drawn:
    """The features whose permutation hurts most."""
    found = pd.read_csv(inputs["permutation"]).head(spec["number"])
    first = found.iloc[0]
    worse = f"{first['measure'].upper()} {first['figure']:.3f} gets worse by"
    note = f"each feature's values are permuted on the test set, n = {first['n']}"
    if pd.notna(first["n_speakers"]):
        note += f"; 95\u00a0%: jackknife over {count(round(first['n_speakers']), 'speaker')} (t)"
    draw = functools.partial(plots.importance, value="importance", axis=worse, note=note)
    return {"permutation": lambda path: draw(found, path, spec["title"])}


def ranking(spec: Spec, inputs: Inputs) -> Drawn:
    """The features whose permutation hurts several models most."""
    found = pd.read_csv(inputs["ranking"]).head(spec["number"])
    first, begin = found.iloc[0], "figure_"
    models = [name.removeprefix(begin) for name in found if name.startswith(begin)]
    figures = ", ".join(f"{model} {first[begin + model]:.3f}" for model in models)
    worse = f"{first['measure'].upper()} gets worse by"
    several = "mean over models, " if len(models) > 1 else ""
    note = f"{several}permuted on the test set, n = {first['n']:g}; without: {figures}"
    draw = functools.partial(plots.importance, value="importance", axis=worse, note=note)
    if len(models) == 1:
        limits = {f"{limit}_{models[0]}": limit for limit in ("ci_low", "ci_high")}
        found = found.rename(columns=limits)
    return {"ranking": lambda path: draw(found, path, spec["title"])}


def shap(spec: Spec, inputs: Inputs) -> Drawn:
    """The features that move the output of boosted trees most."""
    found = pd.read_csv(inputs["shap"]).head(spec["number"])
    note = f"SHAP values on the test set, n = {found['n'].iloc[0]}"
    axis = "mean of absolute SHAP values"
    draw = functools.partial(plots.importance, value="mean_abs_shap", axis=axis, note=note)
    return {"shap": lambda path: draw(found, path, spec["title"])}


def feature_distributions(spec: Spec, inputs: Inputs) -> Drawn:
    """The features that differ most between classes."""
    from izwi.training import fit_predict

    _, features = fit_predict.stack(*read_matrices(inputs))
    found = pd.read_csv(inputs["feature_distributions"])
    # Names that a spreadsheet would run as formulas begin with an apostrophe.
    names = {harmless(name): name for name in features}
    found["feature"] = found["feature"].map(names)
    also = spec.get("also", [])
    _refuse_unknown(features, "plot_features", also)
    first = found.index < spec["number"]
    found = found[first | found["feature"].isin(also)]
    frame, labels = samples(inputs)
    used = (frame["part"] != "").to_numpy()
    draw = functools.partial(
        plots.feature_distributions,
        found,
        features[used].reset_index(drop=True),
        frame[used].reset_index(drop=True),
        order=labels,
        title=spec["title"],
        name=spec["target"],
    )
    return {"feature_distributions": draw}


def feature_correlation(spec: Spec, inputs: Inputs) -> Drawn:
    """The correlation of the features that differ most between classes."""
    found = pd.read_csv(inputs["feature_correlation"])
    draw = functools.partial(plots.feature_correlation, found, number=spec["number"])
    return {"feature_correlation": lambda path: draw(path, title=spec["title"])}


def samples(inputs: Inputs) -> tuple[pd.DataFrame, list[str] | None]:
    """The rows of all tables with their parts, and the classes, ordered, or None."""
    table = pd.concat([pd.read_parquet(file) for file in inputs["tables"]], ignore_index=True)
    split = pd.read_parquet(inputs["split"])
    table["seconds"] = (table["end"] - table["start"]).dt.total_seconds()
    if "seconds" in inputs and pictures.DURATION not in table:
        table[pictures.DURATION] = pd.read_parquet(inputs["seconds"])["seconds"]
    labels = read_json(inputs["split_report"])["labels"] or None
    table = binning.shown(table, split, labels)
    return table.assign(part=parts.shown(split), speaker=split["speaker"]), labels


def _chosen(frame: pd.DataFrame, spec: Spec) -> pd.DataFrame:
    """The samples of the part that a picture is restricted to, if it is."""
    return frame[_is_chosen(frame, spec)] if "selection" in spec else frame


def _is_chosen(frame: pd.DataFrame, spec: Spec) -> np.ndarray:
    """Which samples these are, shape (samples,)."""
    part = spec.get("selection")
    return np.ones(len(frame), bool) if part is None else (frame["part"] == part).to_numpy()


def _shown(spec: Spec, inputs: Inputs) -> pd.DataFrame:
    """Those of them that are in a part."""
    frame = _chosen(samples(inputs)[0], spec)
    return frame[frame["part"] != ""]


def column_of(frame: pd.DataFrame, name: str, spec: Spec) -> str:
    """The column that a user means; see `pictures.column_of`."""
    there = [column for column in frame if frame[column].notna().any()]
    return pictures.column_of(spec["kind"], name, there, spec["target"])


def lacking(spec: Spec, inputs: Inputs) -> dict[str, list[str]]:
    """Why pictures cannot show what is asked of them: name → lines; none where all can."""
    if not pictures.columns_of(spec) - {pictures.TARGET} and "selection" not in spec:
        return {}
    return _lacking(spec, samples(inputs)[0])


def _lacking(spec: Spec, frame: pd.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if _chosen(frame, spec).empty:
        line = f"[EXPL] sample_selection: no sample is in {spec['selection']}"
        return {name.rpartition(".")[0]: [line] for name in spec["files"]}
    for name, columns in spec.get("columns", {}).items():
        for column in [columns] if isinstance(columns, str) else columns:
            try:
                column_of(frame, column, spec)
            except UserError as error:
                found.setdefault(name, []).extend(error.problems)
    return found


def _empty(spec: Spec, frame: pd.DataFrame) -> tuple[Drawn, dict[str, list[str]]]:
    """Pictures that say that the data lack their column, and why for each."""
    without = _lacking(spec, frame)
    drawn: Drawn = {}
    for name, lines in without.items():
        text = "\n".join(line.partition(": ")[2].partition(";")[0] for line in lines)
        drawn[name] = functools.partial(style.empty, text=text, title=spec["title"])
    return drawn, without


def classes_of(
    values: pd.Series, name: str, labels: list[str] | None, spec: Spec
) -> tuple[pd.Series, list[str] | None]:
    """Values as a picture shows them: numbers as they are or, if asked for, as quarters.

    Args:
        values: of a column
        name: as the user wrote it
        labels: classes of the target, ordered
        spec: of the picture

    Returns:
        * the values
        * its classes in their order, None if they need none
    """
    is_target = values.name == "truth"
    binned = spec.get("bin_reals")
    names = {name.lower(), spec["target"].lower() if is_target else str(values.name).lower()}
    wanted = binned is not None and (not binned or names & set(binned))
    if wanted and groups.is_numeric(values) and values.nunique() > 1:
        return groups.quarters(values.astype(float))
    return values, labels if is_target else None


def shown(name: str, spec: Spec) -> str:
    """Name of a column for readers of the picture."""
    return spec["target"] if name == pictures.TARGET else name


KINDS: dict[str, Callable[[Spec, Inputs], Drawn]] = {
    **dict.fromkeys(OF_METRICS, of_metrics),
    **dict.fromkeys(pictures.MAPS, feature_map),
    **{
        function.__name__: function
        for function in (
            confusion_matrix,
            confusion_matrix_certain,
            confusion_matrix_per_speaker,
            confusion_matrix_binned,
            truth_prediction,
            column_values,
            value_counts,
            database_counts,
            regplot,
            tree,
            epoch_progression,
            permutation,
            shap,
            ranking,
            feature_distributions,
            feature_correlation,
            learning_curve,
            robustness,
        )
    },
}
