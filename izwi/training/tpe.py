"""Combinations of values that optuna's tree-structured Parzen estimator suggests one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from izwi.training.types import TuneSpec

PACKAGE = "optuna"


def absent() -> str | None:
    """Advice if optuna is not installed, else None."""
    if util.find_spec(PACKAGE) is None:
        return (
            f"tpe needs {PACKAGE}, which is not installed; type: make tune "
            "(or: pip install -r requirements-tune.txt)"
        )
    return None


def search(
    tune: TuneSpec,
    seed: int,
    direction: int,
    score_of: Callable[[dict[str, Any]], float | None],
) -> None:
    """Score ``n_iter`` suggestions, each made from the scores before it.

    The sampler is optuna's ``TPESampler`` with its defaults: the first ten combinations are drawn
    at random. See Bergstra et al., "Algorithms for hyper-parameter optimization" (NIPS 2011). A
    list is a categorical distribution; a range is one of whole numbers or of floats, logarithmic
    if it says so. Options are suggested in the order of their names.

    Args:
        tune: ``n_iter``, ``values`` (option → list) and ``ranges`` (option → low, high, scale)
        seed: of the sampler
        direction: 1 if higher scores are better, else -1
        score_of: called with a combination; None if it has no score. A combination may come twice
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize" if direction > 0 else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed),
    )
    for _ in range(tune["n_iter"]):
        trial = study.ask()
        score = score_of(_suggested(trial, tune["values"], tune.get("ranges", {})))
        if score is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, score)


def _suggested(
    trial: Any, values: Mapping[str, list[Any]], ranges: Mapping[str, list[Any]]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted({*values, *ranges}):
        if name in values:
            # By place: optuna's categories are no lists, such as sizes of layers.
            found[name] = values[name][trial.suggest_categorical(name, range(len(values[name])))]
            continue
        low, high, scale = ranges[name]
        suggest = trial.suggest_int if isinstance(low, int) else trial.suggest_float
        found[name] = suggest(name, low, high, log=scale == "log")
    return found
