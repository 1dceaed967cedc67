"""Which pictures an experiment needs; ``izwi.plots`` draws them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from izwi.config.options import suggest
from izwi.errors import UserError
from izwi.reporting.pictures import OF_METRICS

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import Experiment

# Kind of map → packages beside the core that it needs.
MAPS: dict[str, tuple[str, ...]] = {"tsne": (), "umap": ("umap-learn", "numba"), "pca": ()}
_MODULES = {"umap-learn": "umap", "numba": "numba"}
# Users write this for the target column, whatever its name.
TARGET = "target"
# Endings of pictures, and of the file beside each that holds what it shows.
FORMATS = (".png", ".pdf", ".svg", ".eps")
DATA = ".csv"
# Samples on the page of `izwi.reporting.spotlight`, unless the ini gives a number
SAMPLES = 2000
# How long a sample lasts, in seconds; all data have it.
DURATION = "duration"


@dataclass(frozen=True)
class Picture:
    """One or several pictures that are drawn together.

    Args:
        kind: name of the function that draws
        names: names of the files, without endings
        needs: its source: ``results``, ``data``, ``features``, ``training``, ``model`` or one of
            the analyses
        title: first line in the picture
        spec: further arguments of the function
        packages: distributions whose versions can change it
        modules: of izwi that draw it, if `izwi.plots` does not import them
    """

    kind: str
    names: tuple[str, ...]
    needs: str
    title: str
    spec: dict[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


def read_options(
    get: Callable[[str, str], Any],
    databases: Iterable[str],
    learns_by_epoch: bool,
    binned: Iterable[str] = (),
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Resolve the options of all pictures.

    Args:
        get: value of an option, by section and name
        databases: those whose own distribution is wanted
        learns_by_epoch: whether the model has epochs to show
        binned: columns of numbers to draw as classes, beside those that the option names

    Returns:
        * ``value_counts`` (groups of columns, or None), ``value_counts_of`` (databases),
          ``maps`` (kind → columns that colour it), ``of_metrics`` (of `OF_METRICS`),
          ``max_feats``, ``plot_features`` and ``regplot`` (two features and a column each), where
          they are asked for, ``tree``, ``epoch_progression``, ``format`` (a list), and where
          they are not as by default ``dim``, ``dist_type``, ``ignore_gender``, ``bin_reals``
          (columns in small letters; empty: all), ``spotlight`` (most samples on the page),
          ``runs_compare`` (what experiments are called by, or True)
        * problems
        * notes
    """
    problems: list[str] = []
    notes: list[str] = []
    counts = [_columns(get(section, "value_counts")) for section in ("PLOT", "EXPL")]
    wanted = [group for groups in counts if groups for group in groups]
    colours = [str(name) for name in get("EXPL", "scatter.target") or []]
    maps: dict[str, list[str]] = {}
    for kind, packages in MAPS.items():
        asked = [_columns(get(section, kind)) for section in ("PLOT", "EXPL")]
        if kind in (get("EXPL", "scatter") or []):
            asked.append([[name] for name in colours])
        if all(columns is None for columns in asked):
            continue
        names = [name for columns in asked for group in columns or [] for name in group]
        maps[kind] = _unique([TARGET, *names])
        missing = [name for name in packages if find_spec(_MODULES[name]) is None]
        if missing:
            problems.append(
                f"[PLOT] {kind}: needs {' and '.join(missing)}, which is not installed; type: "
                f"make {kind} (or: pip install -r requirements-{kind}.txt)"
            )
    if colours and not maps:
        notes.append("[EXPL] scatter.target: no effect without EXPL.scatter")
    epochs = get("PLOT", "epoch_progression")
    if epochs and not learns_by_epoch:
        notes.append("[PLOT] epoch_progression: no effect, this model has no epochs")
    formats = get("PLOT", "format")
    pairs = [list(map(str, group)) for group in get("EXPL", "regplot") or []]
    problems += [
        f"[EXPL] regplot: {group} is no pair of features, with a column if you like, such as "
        "[['F0', 'intensity'], ['F0', 'intensity', 'gender']]"
        for group in pairs
        if not 2 <= len(group) <= 3
    ]
    plots = {
        "value_counts": None
        if all(groups is None for groups in counts)
        else [list(group) for group in dict.fromkeys(map(tuple, [[TARGET], *wanted]))],
        "value_counts_of": list(databases),
        "maps": maps,
        "of_metrics": [kind for kind in OF_METRICS if get("PLOT", kind)],
        "max_feats": get("EXPL", "max_feats"),
        "plot_features": [str(name) for name in get("EXPL", "plot_features") or []],
        "regplot": [[*group, TARGET][:3] for group in pairs],
        "tree": bool(get("EXPL", "plot_tree")),
        "epoch_progression": bool(epochs and learns_by_epoch),
        "format": _unique([formats] if isinstance(formats, str) else formats or ["png"]),
    }
    plots |= _looks(get, binned)
    if by := get("PLOT", "runs_compare"):
        if get("EXP", "runs") > 1:
            plots["runs_compare"] = by
        else:
            notes.append("[PLOT] runs_compare: no effect on one run: set EXP.runs")
    return plots, problems, notes


def _looks(get: Callable[[str, str], Any], binned: Iterable[str]) -> dict[str, Any]:
    """How pictures of data and maps look, as far as it is not the default."""
    found: dict[str, Any] = {}
    if get("EXPL", "scatter.dim") != 2:
        found["dim"] = get("EXPL", "scatter.dim")
    if get("EXPL", "dist_type") != "hist":
        found["dist_type"] = get("EXPL", "dist_type")
    if get("EXPL", "ignore_gender"):
        found["ignore_gender"] = True
    own = get("EXPL", "bin_reals")
    names = [*(own if isinstance(own, list) else []), *binned]
    if (most := get("EXPL", "spotlight")) is not False:
        found["spotlight"] = SAMPLES if most is True else most
    if get("EXPL", "print_colvals"):
        found["column_values"] = True
    if own is True or names:
        found["bin_reals"] = [] if own is True else _unique(str(n).lower() for n in names)
    return found


def wanted(experiment: Experiment, of: str, by: str) -> list[Picture]:
    """All pictures of an experiment.

    Args:
        experiment: the experiment
        of: its databases, by name
        by: its features, by name
    """
    plots = experiment.plots
    spec: dict[str, Any]
    model = f"{of}: {by}, {experiment.model['type']}"
    found = _of_results(experiment, model) if experiment.trains else []
    chosen = _only(plots, "selection")
    alone = f", {plots['selection']} alone" if chosen else ""
    of_data = _only(plots, "bin_reals", "dist_type", "ignore_gender", "selection")
    smooth = ("scipy",) if "dist_type" in of_data else ()
    if "column_values" in plots:
        found.append(Picture("column_values", ("column_values",), "data", of + alone, chosen))
    if plots["value_counts"] is not None:
        names = [_name("value_counts", *group) for group in plots["value_counts"]]
        columns = dict(zip(names, plots["value_counts"], strict=True))
        spec = {"columns": columns, **of_data}
        found.append(Picture("value_counts", tuple(columns), "data", of + alone, spec, smooth))
    if plots["value_counts_of"]:
        databases = {_name("value_counts_of", db): db for db in plots["value_counts_of"]}
        spec = {"databases": databases, **of_data}
        found.append(Picture("database_counts", tuple(databases), "data", "", spec, smooth))
    for kind, names in plots["maps"].items():
        columns = {_name(kind, name): name for name in names}
        spec = {"columns": columns, **_only(plots, "bin_reals", "dim", "selection")}
        spec["features"] = experiment.preprocessing["features"]
        packages = (*MAPS[kind], "scikit-learn")
        title = f"{of}: {by}{alone}"
        found.append(Picture(kind, tuple(columns), "features", title, spec, packages))
    if plots["regplot"]:
        pairs = {
            _name("regplot", *group[: 2 if group[2] == TARGET else 3]): group
            for group in plots["regplot"]
        }
        columns = {name: group[2] for name, group in pairs.items()}
        spec = {"columns": columns, "pairs": {name: group[:2] for name, group in pairs.items()}}
        title = f"{of}: {by}{alone}"
        spec |= chosen
        found.append(Picture("regplot", tuple(columns), "features", title, spec, ("scipy",)))
    if plots["tree"]:
        found.append(Picture("tree", ("tree",), "model", model))
    if plots["epoch_progression"]:
        found.append(Picture("epoch_progression", ("epoch_progression",), "training", model))
    explained = ("permutation", "shap", "ranking", "feature_distributions", "feature_correlation")
    for kind in explained:
        if kind in experiment.analyses:
            title = model if kind in ("permutation", "shap") else f"{of}: {by}"
            spec = {"number": plots["max_feats"]}
            if kind == "feature_distributions" and plots["plot_features"]:
                spec["also"] = plots["plot_features"]
            found.append(Picture(kind, (kind,), kind, title, spec))
    if experiment.robustness:
        found.append(Picture("robustness", ("robustness",), "robustness", model))
    if "learning_curve" in experiment.analyses:
        found.append(Picture("learning_curve", ("learning_curve",), "learning_curve", model))
    return found


def _of_results(experiment: Experiment, title: str) -> list[Picture]:
    """Those of the figures."""
    main = "confusion_matrix" if experiment.task == "classification" else "truth_prediction"
    found = [Picture(main, (main,), "results", title)]
    if "bins" in experiment.evaluation:
        name = "confusion_matrix_binned"
        found.append(Picture(name, (name,), "results", title))
    threshold = experiment.evaluation.get("uncertainty_threshold")
    if threshold is not None:
        name = "confusion_matrix_certain"
        found.append(Picture(name, (name,), "results", title, {"threshold": threshold}))
    if "combine_per_speaker" in experiment.evaluation and experiment.task == "classification":
        name = "confusion_matrix_per_speaker"
        found.append(Picture(name, (name,), "results", title))
    for kind in experiment.plots["of_metrics"]:
        entry = OF_METRICS[kind]
        if entry.regression or experiment.task == "classification":
            drawn = tuple(entry.pictures)
            modules = (f"izwi.plots.{entry.module}",)
            spec = {"names": list(drawn)}
            found.append(Picture(kind, drawn, "results", title, spec, modules=modules))
    return found


def columns_of(spec: dict[str, Any]) -> set[str]:
    """Columns of the data that a picture shows, in small letters."""
    found = spec.get("columns", {}).values()
    return {c.lower() for one in found for c in ([one] if isinstance(one, str) else one)}


def column_of(kind: str, name: str, columns: Iterable[str], target: str) -> str:
    """Column that a user means.

    Args:
        kind: of the picture
        name: as the user wrote it
        columns: of the data, those that hold a value
        target: of the experiment

    Raises:
        UserError: if there is none
    """
    if name in (TARGET, target):
        return "truth"
    columns = list(columns)
    known = {column.lower(): column for column in columns}
    wanted = name.lower()
    column = known.get("gender" if wanted == "sex" else wanted)
    if column is None:
        own = sorted(
            set(columns) - {DURATION, "digest", "start", "end", "seconds", "truth", "dev_folds"}
        )
        raise UserError(
            f"[PLOT] {kind}: the data have no column '{name}'{suggest(name, own)}; there are "
            f"{', '.join([TARGET, DURATION, *own])}"
        )
    return column


def _only(plots: dict[str, Any], *names: str) -> dict[str, Any]:
    """Those options that are given."""
    return {name: plots[name] for name in names if name in plots}


def _columns(value: Any) -> list[list[str]] | None:
    """Groups of columns of an option that is True, False, or a list of columns or groups."""
    if value is False or value is None:
        return None
    if value is True:
        return []
    groups = [list(v) if isinstance(v, list | tuple) else [v] for v in value]
    return [[str(name) for name in group] for group in groups if group]


def _name(kind: str, *columns: str) -> str:
    """Name of a file; that of the target needs no addition."""
    if columns == (TARGET,):
        return kind
    text = "_".join([kind, *columns])
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text)[:100]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
