"""From an ini to an experiment: every option resolved, with its default, and checked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from izwi.analyses.kinds import SHAP_MODELS
from izwi.annotation.targets import types_of
from izwi.config import learning, pictures
from izwi.config import options as table
from izwi.config.experiment.annotation import read_annotation, read_targets
from izwi.config.experiment.augmentation import read_augment, read_robustness
from izwi.config.experiment.databases import (
    check_numeric,
    limits_afterwards,
    read_database,
    read_load,
)
from izwi.config.experiment.entries import Entries, several_targets, texts
from izwi.config.experiment.exports import SELECTING, read_exports
from izwi.config.experiment.features import (
    check_reads,
    read_bags,
    read_features,
    recordings_only,
)
from izwi.config.experiment.models import (
    ChosenModel,
    check_dev,
    read_measure,
    read_model,
    read_onnx,
    read_seed,
    read_threshold,
)
from izwi.config.experiment.names import read_name, read_save_test
from izwi.config.experiment.resolved import (
    ComponentSpec,
    DatabaseSpec,
    EvaluationSpec,
    Experiment,
    FurtherFigures,
    PreprocessingSpec,
    SplitSpec,
)
from izwi.config.experiment.segmentation import read_segmentation
from izwi.config.experiment.splits import is_test, read_split
from izwi.config.ini import Ini, Value, read_ini
from izwi.config.options import PER_DATABASE, WIDE
from izwi.data import DATABASE
from izwi.errors import UserError


def resolve(
    path: str | Path,
    *,
    cwd: str | Path,
    overrides: Mapping[str, str] | None = None,
    roots: Iterable[str] = (),
    made: Mapping[str, str] | None = None,
) -> Experiment:
    """Read an ini, resolve and check all its options.

    Args:
        path: the ini, relative to ``cwd``
        cwd: working directory
        overrides: values that replace or add to the ini's, such as ``{"MODEL.type": "svm"}``
        roots: root files of this computer; the first wins, also over the one that the ini names
        made: databases that other inis make, see `softlabel.makers`

    Returns:
        the experiment

    Raises:
        UserError: with all problems, one line each, behind the ini's path as given
    """
    try:
        ini = read_ini(Path(cwd) / os.path.expanduser(path))
    except UserError as error:
        raise UserError([f"{path}: {line}" for line in error.problems]) from None
    return resolve_read(ini, path, cwd=cwd, overrides=overrides, roots=roots, made=made)


def resolve_read(
    ini: Ini,
    path: str | Path,
    *,
    cwd: str | Path,
    overrides: Mapping[str, str | None] | None = None,
    roots: Iterable[str] = (),
    made: Mapping[str, str] | None = None,
) -> Experiment:
    """Resolve an ini that was read before; it is not changed.

    Args:
        ini: its content
        path: the ini, relative to ``cwd``
        cwd: working directory
        overrides: as for `resolve`; None removes an option from the ini
        roots: as for `resolve`
        made: as for `resolve`

    Returns:
        the experiment

    Raises:
        UserError: with all problems, one line each, behind the ini's path as given
    """
    own = Ini(
        {section: dict(entries) for section, entries in ini.sections.items()},
        dict(ini.lines),
        dict(ini.spelling),
        list(ini.problems),
    )
    for key, text in (overrides or {}).items():
        _override(own, key, text)
    file = Path(cwd) / os.path.expanduser(path)
    try:
        return _experiment(Entries(own, file, Path(cwd), roots, made), str(path))
    except UserError as error:
        raise UserError([f"{path}: {line}" for line in error.problems]) from None


def _override(ini: Ini, key: str, text: str | None) -> None:
    """Replace an option, however the ini spells it."""
    section, _, name = key.partition(".")
    entries = ini.sections.setdefault(section.upper(), {})
    lower = name.lower()
    known = table.elsewhere(section.upper()) if section.upper() in WIDE else {}
    head, _, rest = lower.partition(".")
    option, before = known.get(lower), ""
    if section.upper() == "DATA" and rest in PER_DATABASE:
        option, before = PER_DATABASE[rest], f"{head}."
    for spelling in (option.name, *option.aliases) if option else (lower,):
        entries.pop(f"{before}{spelling.lower()}", None)
    if text is not None:
        entries[lower] = Value(text, 0)
        ini.spelling.setdefault(lower, name)


def _is_limited(database: DatabaseSpec) -> bool:
    options = database["options"]
    return bool(options["limit_samples"] or options["limit_samples_per_speaker"])


def _save_test(
    entries: Entries, model: Any, databases: Iterable[DatabaseSpec], split: SplitSpec
) -> str | None:
    """Where predictions go; databases that are only predicted need no labels."""
    save_test = read_save_test(entries)
    if save_test is None:
        return None
    if model.none:
        entries.problem("EXP", "save_test", "without a model there are no predictions")
    for database in databases:
        if is_test(split, database["name"]):
            database["unlabelled"] = True
    return save_test


def _evaluation(
    entries: Entries, task: str, measure: str, binned: FurtherFigures
) -> EvaluationSpec:
    return {
        "measure": measure,
        "ci": entries.get("EXP", "ci"),
        **binned,
        **read_threshold(entries, task),
    }


def _preprocessing(entries: Entries, model: Any, features: Any, seed: int) -> PreprocessingSpec:
    """What only some inis ask for; the rest is to be added."""
    spec: PreprocessingSpec = {"scale": None, "features": None}
    if fill := entries.get("FEATS", "nan_strategy"):
        spec["nan_strategy"] = fill
    if bags := read_bags(entries, model, features, seed):
        spec["bags"] = bags
    return spec


def _experiment(entries: Entries, ini: str) -> Experiment:
    """Resolve all options, then report all problems together."""
    targets = read_targets(entries)
    task, model = read_model(entries, annotated=bool(targets))
    features, of_targets = read_features(entries, model, types_of(targets))
    check_reads(entries, model.type, features)
    target = _target(entries, model)
    labels, load, binned = read_load(entries, task, target, 1 if model.none else 2)
    databases = tuple(read_database(entries, name) for name in entries.names)
    annotation = read_annotation(
        entries, targets, of_targets, databases, features, trains=not model.none
    )
    check_numeric(entries, databases, load)
    seed = read_seed(entries)
    load["seed"] = seed if any(map(_is_limited, databases)) else None
    learned = _learning(entries, task, seed, model)
    scale, chosen = entries.get("FEATS", "scale"), texts(entries.get("FEATS", "features"))
    if model.brings and model.type:
        scale, chosen = recordings_only(entries, model.type, learned)
    split = read_split(entries, task, target, labels, seed, databases, described=model.none)
    if later := limits_afterwards(entries):
        split["afterwards"] = later
    if "submodel" in learned:
        split["submodel"] = learned["submodel"]
    if model.none:
        scale = None
    if "calibrate" in learned and not model.stops_early:
        check_dev(entries, split, databases)
    analyses = _analyses(entries, task, model, features, learned)
    active = "active_learning" in analyses
    wanted = active or "self_training" in learned
    learning.allow_unlabelled(databases, split, entries.problem, wanted=wanted, active=active)
    save_test = _save_test(entries, model, databases, split)
    # Such an ini asks for tables and nothing else.
    bare = bool(annotation) and model.none and not features
    measure = read_measure(entries, task)
    if model.needs_dev:
        model.options["measure"] = measure
    preprocessing = _preprocessing(entries, model, features, seed)
    preprocessing |= {"scale": None if scale == "none" else scale, "features": chosen}
    name = read_name(entries)
    segmentation = read_segmentation(entries, split, described=model.none)
    experiment = Experiment(
        ini=ini,
        name=name,
        task=task,
        seed=seed,
        runs=entries.get("EXP", "runs"),
        epochs=entries.get("EXP", "epochs"),
        traindevtest=entries.get("EXP", "traindevtest"),
        target=target,
        labels=labels,
        save=entries.get("MODEL", "save"),
        save_test=save_test,
        onnx=read_onnx(entries, model, scale, split),
        soft={key: entries.get("EXP", key) for key in ("min_confidence", "max_uncertainty")},
        databases=databases,
        load=load,
        split=split,
        features=features,
        fail_threshold=entries.get("FEATS", "fail_threshold"),
        preprocessing=preprocessing,
        # Without a type there is a problem, and no experiment.
        model={"type": model.type or "", "options": model.options},
        learning=learned,
        analyses=analyses,
        augment=read_augment(entries, model, features, seed),
        robustness=read_robustness(entries, model, features, learned, seed),
        evaluation=_evaluation(entries, task, measure, binned),
        leakage=_leakage(entries, bare),
        plots=_plots(entries, model, features, bare),
        annotation=annotation,
        segmentation=segmentation,
        exports=read_exports(entries, name, split, segmentation, described=model.none),
    )
    _without(entries, model)
    entries.settle()
    return replace(experiment, warnings=tuple(entries.warnings), notes=tuple(entries.notes))


def _without(entries: Entries, model: ChosenModel) -> None:
    """Note options that say nothing without another one, which is not there."""
    for (section, name), (other_section, other) in learning.WITHOUT.items():
        of_model = "MODEL" in (section, other_section) or other == "balancing"
        if (section, name) not in entries.general or (model.none and of_model):
            continue
        if entries.get(other_section, other) in (None, False, "none"):
            lower, _ = entries.general[section, name]
            needed = f"{other_section}.{other}"
            entries.notes.append(f"[{section}] {entries.spelt(lower)}: no effect without {needed}")
    if model.none and ("DATA", "submodel") in entries.general:
        entries.notes.append("[DATA] submodel: no effect without a model")


def _target(entries: Entries, model: ChosenModel) -> str:
    """The column that is predicted; without model and target, rows are counted by database."""
    if model.none and entries.get("DATA", "target") in (None, "none"):
        lost = []
        for store in (entries.general, entries.of_database):
            for owner, name in list(store):
                if name in ("labels", "bins", "type", "mapping") and (
                    owner == "DATA" or name == "mapping"
                ):
                    lost.append(f"[DATA] {entries.spelt(store.pop((owner, name))[0])}")
        if lost:
            entries.notes.append(f"no effect without DATA.target: {', '.join(lost)}")
        return DATABASE
    target = entries.required("DATA", "target", "name the column to predict")
    if target and "," in target:
        entries.problem("DATA", "target", several_targets(target))
    return str(target)


def _learning(entries: Entries, task: str, seed: int, model: ChosenModel) -> dict[str, Any]:
    """How the model learns beyond a single fit; options of that without a model are noted."""
    if not model.none:
        found = learning.resolve(entries.get, entries.problem, task=task, seed=seed)
        return found | model.learning
    idle = [
        f"[{section}] {entries.spelt(lower)}"
        for (section, name), (lower, _) in entries.general.items()
        if (section, name) in learning.OF_MODELS
    ]
    if idle:
        entries.notes.append(f"no effect without a model: {', '.join(idle)}")
    return {}


def _analyses(
    entries: Entries,
    task: str,
    model: ChosenModel,
    features: tuple[ComponentSpec, ...],
    learned: dict[str, Any],
) -> dict[str, Any]:
    """Analyses beside the figures."""
    asked = learning.analyses(entries.get, entries.problem, task=task, learned=learned)
    if model.none:
        possible = learning.OF_FEATURES if features else ()
        lost = [name for name in asked if name not in possible]
        if lost:
            entries.notes.append(
                f"{', '.join(lost)}: no effect without {'a model' if features else 'features'}"
            )
        return {name: value for name, value in asked.items() if name in possible}
    if "shap" in asked and model.type not in SHAP_MODELS:
        del asked["shap"]
        entries.notes.append(
            f"[EXPL] shap: no effect with MODEL.type = {model.type}, only "
            f"{', '.join(SHAP_MODELS)} have exact values; set EXPL.permutation"
        )
    return asked


def _leakage(entries: Entries, bare: bool) -> str:
    """What is done about leaks; without a model or features they are looked for on demand."""
    return (
        "ignore"
        if bare and ("DATA", "leakage") not in entries.general
        else entries.get("DATA", "leakage")
    )


def _selected(entries: Entries, model: ChosenModel) -> str:
    """The part to which pictures of the data are restricted."""
    own = ("EXPL", "sample_selection") in entries.general
    if own or not model.none or any(name in entries.ini.sections for name in SELECTING):
        return str(entries.get("EXPL", "sample_selection"))
    return str(entries.get("EXP", "sample_selection"))


# Models that are one tree.
TREES = ("tree", "tree_reg")


def _plots(
    entries: Entries, model: ChosenModel, features: tuple[ComponentSpec, ...], bare: bool
) -> dict[str, Any]:
    """Options of the pictures."""
    counted = [name for name in entries.names if entries.get_of(name, "value_counts")]
    plots, problems, notes = pictures.read_options(
        entries.get, counted, model.needs_dev, entries.binned
    )
    for line in problems:
        entries.problems.add(line)
    entries.notes += notes
    if plots["regplot"] and not features:
        entries.notes.append("[EXPL] regplot: no effect without FEATS.type")
        plots["regplot"] = []
    if plots["tree"] and model.type not in TREES:
        entries.notes.append(
            f"[EXPL] plot_tree: no effect, the model is no single tree: set MODEL.type = {TREES[0]}"
        )
        plots["tree"] = False
    folds = entries.get("MODEL", "logo") or entries.get("MODEL", "k_fold_cross")
    if plots["tree"] and folds and not entries.get("MODEL", "save"):
        entries.problem("EXPL", "plot_tree", "shows the model of a fold: set MODEL.save = True")
    if plots["tree"] and (entries.get("MODEL", "submodel") or entries.get("DATA", "submodel")):
        entries.problem("EXPL", "plot_tree", "not with submodel, as it is about one model")
    if (chosen := _selected(entries, model)) != "all":
        if folds:
            entries.notes.append(
                "[EXPL] sample_selection: no effect in cross-validation, where each sample is in "
                "all parts"
            )
        else:
            plots["selection"] = chosen
    if plots["plot_features"] and not entries.get("EXPL", "feature_distributions"):
        entries.notes.append("[EXPL] plot_features: no effect without EXPL.feature_distributions")
    if model.none:
        # What else would show the data?
        if not bare:
            plots["value_counts"] = plots["value_counts"] or [[pictures.TARGET]]
        if plots["maps"] and not features:
            entries.notes.append(f"{', '.join(plots['maps'])}: no effect without FEATS.type")
            plots["maps"] = {}
    return plots
