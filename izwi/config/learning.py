"""Options for learning beyond a single fit: balancing, self-training, submodels and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import DatabaseSpec, SplitSpec


# Models that can rank features: quick, without a dev set.
_CLASSIFIERS = ("bayes", "gmm", "knn", "linear_svm", "logreg", "rf", "svm", "tree", "xgb")
_REGRESSORS = ("knn_reg", "lin_reg", "rf_reg", "ridge", "svr", "tree_reg", "xgr")
# As nkululeko calls them.
_NAMES = {"log_reg": "logreg"}
# What only a model reads, of the options that `Entries.general` holds.
OF_MODELS = (
    *(("FEATS", name) for name in ("scale", "balancing", "balancing_random_state")),
    *(("EXP", name) for name in ("runs", "epochs")),
)
# What says nothing without another option.
WITHOUT = {
    ("FEATS", "balancing_random_state"): ("FEATS", "balancing"),
    ("MODEL", "tune.search_strategy"): ("MODEL", "tune"),
    ("MODEL", "tune.n_iter"): ("MODEL", "tune"),
    ("MODEL", "tune.folds"): ("MODEL", "tune"),
    ("MODEL", "semi_supervised.threshold"): ("MODEL", "semi_supervised"),
    ("MODEL", "semi_supervised.rounds"): ("MODEL", "semi_supervised"),
    ("EXPL", "print_stats"): ("EXPL", "feature_distributions"),
    ("EXP", "use_splits"): ("EXP", "databases"),
}
# Analyses that need no model.
OF_FEATURES = ("clusters", "feature_distributions", "feature_correlation", "ranking")


def resolve(
    get: Callable[[str, str], Any],
    problem: Callable[[str, str, str], None],
    *,
    task: str,
    seed: int,
) -> dict[str, Any]:
    """Read the options that the train stage needs.

    Args:
        get: value of an option, by section and name
        problem: takes section, name and what is wrong
        task: ``classification`` or ``regression``
        seed: of the experiment

    Returns:
        only options in use, so that the others change no key
    """
    asked: dict[str, Any] = {}
    balancing = get("FEATS", "balancing")
    if balancing not in (None, "none"):
        if task == "regression":
            problem("FEATS", "balancing", "a regression has no classes to balance")
        own = get("FEATS", "balancing_random_state")
        asked |= {"balancing": balancing, "balancing_seed": seed if own is None else own}
    if get("MODEL", "calibrate"):
        if task == "regression":
            problem("MODEL", "calibrate", "a regression has no probabilities")
        asked["calibrate"] = get("MODEL", "calibrate")
    column = get("MODEL", "submodel") or get("DATA", "submodel")
    if column:
        if get("DATA", "submodel") not in (None, column):
            problem("DATA", "submodel", f"is another column than MODEL.submodel = {column}")
        # Both names mean the same column of the tables.
        asked["submodel"] = "gender" if column == "sex" else column
    if get("MODEL", "semi_supervised"):
        if task == "regression":
            problem("MODEL", "semi_supervised", "self_training needs a classifier")
        if get("MODEL", "logo") or get("MODEL", "k_fold_cross"):
            problem(
                "MODEL",
                "semi_supervised",
                "folds test every row, so none is without a label: leave out logo and k_fold_cross",
            )
        asked["self_training"] = {
            name: get("MODEL", f"semi_supervised.{name}") for name in ("threshold", "rounds")
        }
    return asked


def analyses(
    get: Callable[[str, str], Any],
    problem: Callable[[str, str, str], None],
    *,
    task: str,
    learned: dict[str, Any],
) -> dict[str, Any]:
    """Analyses of an experiment beside its figures.

    Args:
        get: value of an option, by section and name
        problem: takes section, name and what is wrong
        task: ``classification`` or ``regression``
        learned: what `resolve` returned

    Returns:
        of ``clusters`` (their number, None for that of the classes), ``active_learning`` (number
        of files), ``ranking`` (models), ``learning_curve``, ``permutation``, ``shap``,
        ``feature_correlation`` and
        ``feature_distributions`` (True, or ``told``, the number of features whose tests are
        noted) those that are asked for
    """
    asked: dict[str, Any] = {}
    number = get("EXPL", "clusters")
    if number:
        if number is True and task == "regression":
            problem("EXPL", "clusters", "a regression has no classes: set the number of clusters")
        asked["clusters"] = None if number is True else number
    wanted = get("MODEL", "active_learning")
    if wanted:
        if task == "regression":
            problem("MODEL", "active_learning", "needs a classifier, to know what is uncertain")
        asked["active_learning"] = wanted
    if get("PLOT", "learning_curve"):
        asked["learning_curve"] = True
    for name in ("permutation", "shap", "feature_distributions", "feature_correlation"):
        if get("EXPL", name):
            asked[name] = True
    if get("EXPL", "print_stats") and "feature_distributions" in asked:
        asked["feature_distributions"] = {"told": get("EXPL", "max_feats")}
    if models := get("EXPL", "model"):
        asked["ranking"] = _ranking(models, problem, task)
    if asked.keys() & {"permutation", "shap"} and not get("MODEL", "save"):
        for name in sorted(asked.keys() & {"permutation", "shap"}):
            if get("MODEL", "logo") or get("MODEL", "k_fold_cross"):
                problem("EXPL", name, "looks at the models of the folds: set MODEL.save = True")
    for section, name in (
        ("MODEL", "active_learning"),
        ("PLOT", "learning_curve"),
        ("EXPL", "permutation"),
        ("EXPL", "shap"),
    ):
        if name in asked and "submodel" in learned:
            problem(section, name, "not with submodel, as it is about one model")
    return asked


def _ranking(
    models: Iterable[str], problem: Callable[[str, str, str], None], task: str
) -> list[str]:
    """Models that rank the features, by their names here."""
    known = _CLASSIFIERS if task == "classification" else _REGRESSORS
    found = [_NAMES.get(str(name), str(name)) for name in models]
    for name in found:
        if name not in known:
            problem("EXPL", "model", f"'{name}' cannot rank features, one of {', '.join(known)}")
    return list(dict.fromkeys(found))


def allow_unlabelled(
    databases: Iterable[DatabaseSpec],
    split: SplitSpec,
    problem: Callable[[str, str, str], None],
    *,
    wanted: bool,
    active: bool,
) -> None:
    """Mark the databases whose rows without a label are kept.

    Args:
        databases: gets ``unlabelled`` where they are
        split: spec of the split; gets ``unlabelled`` for semi-supervised or active learning
        problem: takes section, name and what is wrong
        wanted: whether semi-supervised or active learning is used
        active: whether it is active learning, which also uses test databases
    """
    for database in databases:
        name = database["name"]
        strategy = split["databases"][name]["split_strategy"]
        in_train = strategy == "train" or name in (split["trains"] or [])
        in_test = strategy == "test" or name in (split["tests"] or [])
        if (wanted and in_train) or (active and in_test):
            database["unlabelled"] = True
        elif database["options"]["unlabelled"]:
            problem(
                "DATA",
                f"{name}.unlabelled",
                f"needs {name}.split_strategy = train, and MODEL.semi_supervised or "
                "MODEL.active_learning",
            )
    if wanted:
        split["unlabelled"] = True
