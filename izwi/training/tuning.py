"""Options of a model chosen by a nested search: on training rows only, speakers kept apart.

The search never sees a test row of the fold that is evaluated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from izwi import splits
from izwi.config.options import Option, convert, suggest
from izwi.errors import UserError
from izwi.training import fitting
from izwi.training.folds import KEY, inner_folds
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np

    from izwi.models.base import Model
    from izwi.training.fitting import TrainingSet
    from izwi.training.types import TrainSpec, TuneSpec

MOST_CANDIDATES = 1000
# Of which a random search takes some.
MOST_COMBINATIONS = 100_000
# Of the candidates of a round of halving, one in so many goes on, with so many times the samples.
FACTOR = 3
# The machine and the pretrained weights are not values to search over.
NOT_TUNABLE = ("device",)
NOT_TUNABLE_KINDS = ("model", "path")


def read(
    wanted: Mapping[Any, Any],
    cls: type[Model],
    known: Mapping[str, Option],
    options: dict[str, Any],
    problem: Callable[[str], None],
    *,
    strategy: str = "grid",
) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """The values to try, checked as if each were in the ini.

    Args:
        wanted: option → values, as the ini has it
        cls: of the model
        known: lower-case name or alias → option that the model reads
        options: all options of the model as resolved; tuned options get their first value
        problem: takes errors, one line each
        strategy: of the search, ``grid``, ``random``, ``halving`` or ``tpe``

    Returns:
        * canonical name → values, by name
        * canonical name → low, high and scale of a range, by name; only of ``tpe``
    """
    tunable = {
        name: option
        for name, option in known.items()
        if option.status == "ok"
        and option.name not in (*NOT_TUNABLE, *cls.located)
        and option.kind not in NOT_TUNABLE_KINDS
    }
    if cls.handles_class_weight:
        tunable["class_weight"] = Option("MODEL", "class_weight", "bool", False)
    values: dict[str, list[Any]] = {}
    ranges: dict[str, list[Any]] = {}
    for name, stated in wanted.items():
        option = tunable.get(str(name).lower())
        if option is None:
            names = sorted({option.name for option in tunable.values()})
            there = f"of {cls.name} there are {', '.join(names)}" if names else "it has none"
            near = suggest(str(name), names) or f": {there}"
            problem(f"'{name}' is not an option of {cls.name} that can be tuned{near}")
        elif option.name in values or option.name in ranges:
            problem(f"'{name}' is named twice")
        elif strategy == "tpe" and isinstance(stated, tuple):
            ranges[option.name] = _range(option, stated, problem)
        elif not isinstance(stated, list | tuple) or not stated:
            problem(f"{option.name}: {stated!r} is not a list of values, such as [1, 10]")
        else:
            values[option.name] = _values(option, stated, problem)
    if not wanted:
        problem("is empty, name options and their values, such as {'C_val': [0.1, 1, 10]}")
    values = {name: values[name] for name in sorted(values) if values[name]}
    ranges = {name: ranges[name] for name in sorted(ranges) if ranges[name]}
    number = math.prod(map(len, values.values()))
    some = strategy in ("random", "tpe")
    most = MOST_COMBINATIONS if some else MOST_CANDIDATES
    if number > most:
        advice = "" if some else "; tune.search_strategy = random tries some"
        problem(f"{number} combinations are too many, the limit is {most}{advice}")
        return values, ranges
    reported = set(cls.check(options))
    every = with_ends(values, ranges)
    for candidate in candidates(every):
        for line in cls.check(options | candidate):
            if line not in reported:
                reported.add(line)
                problem(line.removeprefix("[MODEL] "))
    # A value that no fit uses must not change the key.
    options |= {name: stated[0] for name, stated in every.items()}
    return values, ranges


def with_ends(
    values: Mapping[str, list[Any]], ranges: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    """Values to try, with the two ends in place of a range."""
    return {**values, **{name: stated[:2] for name, stated in ranges.items()}}


def _range(option: Option, stated: tuple[Any, ...], problem: Callable[[str], None]) -> list[Any]:
    """Low, high and scale, as the spec has it; empty after a problem."""
    shown = f"{option.name}: {stated!r}"
    if not {"int", "float"} & set(option.kind.split("|")):
        problem(f"{shown} is a range, but its values are no numbers: take a list, such as [1, 10]")
        return []
    if len(stated) not in (2, 3) or stated[2:] not in ((), ("log",)):
        problem(f"{shown} is no range, such as (0.01, 100) or (0.01, 100, 'log')")
        return []
    ends = _values(option, stated[:2], problem)
    numbers = [end for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numbers) < 2:
        if len(ends) == 2:
            problem(f"{shown}: the ends of a range are numbers")
        return []
    low, high = numbers
    if not low < high:
        problem(f"{shown}: {low} is not below {high}")
    elif low <= 0 and len(stated) == 3:
        problem(f"{shown}: a logarithmic range begins above 0")
    else:
        return [low, high, "log" if len(stated) == 3 else "linear"]
    return []


def _values(option: Option, stated: Any, problem: Callable[[str], None]) -> list[Any]:
    found = []
    for value in stated:
        try:
            value = convert(option, value if isinstance(value, str) else repr(value))
        except ValueError as error:
            problem(f"{option.name}: {error}")
            continue
        value = list(value) if isinstance(value, tuple) else value
        if value in found:
            problem(f"{option.name}: {value!r} is named twice")
        found.append(value)
    return found


def candidates(values: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """All combinations; the last option changes fastest."""
    for combination in itertools.product(*values.values()):
        yield dict(zip(values, combination, strict=True))


def is_deterministic(spec: TrainSpec, cls: type[Model]) -> bool:
    """Whether the seed changes nothing, whichever values are chosen.

    Args:
        spec: of the train stage
        cls: of the model
    """
    options = spec["model"]["options"]
    if "tune" not in spec:
        return cls.is_deterministic(options)
    values = with_ends(spec["tune"]["values"], spec["tune"].get("ranges", {}))
    return all(cls.is_deterministic(options | chosen) for chosen in candidates(values))


def with_options(spec: TrainSpec, chosen: dict[str, Any]) -> TrainSpec:
    """The spec of a fit with these values."""
    model = spec["model"]
    return {**spec, "model": {"type": model["type"], "options": model["options"] | chosen}}


def chosen_spec(
    spec: TrainSpec, data: TrainingSet, seed: int
) -> tuple[TrainSpec, dict[str, Any] | None]:
    """The spec of a fit, with the values that tuning chooses on these rows.

    Args:
        as for `search`

    Returns:
        the spec, and the result of `search`, None if nothing is tuned
    """
    if not spec.get("tune"):
        return spec, None
    found = search(spec, data, seed)
    return with_options(spec, found["chosen"]), found


def search(spec: TrainSpec, data: TrainingSet, seed: int) -> dict[str, Any]:
    """Try combinations of values on inner folds of the training rows.

    The score of a combination is the mean of ``spec["measure"]`` over the inner folds, as in
    scikit-learn's ``GridSearchCV``; of ties the first is chosen, options sorted by name. Scaling,
    selection, imputation and balancing are fitted again in each inner fold. See Cawley and Talbot,
    "On over-fitting in model selection" (JMLR 11, 2010), for why the search has to be nested.

    Args:
        spec: of the train stage; ``tune`` is described in `izwi.training.types.TuneSpec`
        data: the rows; no score reads dev rows
        seed: of the model

    Returns:
        ``chosen`` (option → value), ``inner`` (its score), ``inner_sd`` (over folds, n - 1 below),
        ``folds``, ``unit`` (``speakers`` or ``samples``, of which folds are made), ``candidates``:
        per combination ``values``, ``score`` (None where it is undefined or the fit failed),
        ``per_fold`` and, where halving left it out, ``share`` (of the inner training rows that
        the score rests on); ``notes`` and ``warnings``

    Raises:
        UserError: if there are no inner folds, or no combination has a score
    """
    import numpy as np

    from izwi import models
    from izwi.evaluation.measures import direction

    tune, measure = spec["tune"], spec["measure"]
    folds, unit, notes, warnings = inner_folds(data, folds=tune["folds"], seed=spec["seed"])
    cls = models.model_class(spec["model"]["type"])
    if suggests(tune):
        tried, scores, failed = _by_tpe(spec, data, folds, seed)
        shares = np.ones(len(tried))
        if len(tried) < tune["n_iter"]:
            again = tune["n_iter"] - len(tried)
            notes.append(f"{KEY}: tpe suggested {count(again, 'combination')} more than once")
    else:
        tried = tried_of(tune, spec["seed"])
        if tune.get("strategy") == "halving":
            scores, failed, shares = _halving(spec, data, folds, seed, tried)
        else:
            (scores, failed), shares = _scores(spec, data, folds, seed, tried), np.ones(len(tried))
    # A fold where every score is undefined (EER of one class) does not rank the candidates.
    known = np.isfinite(scores[shares == 1]).any(axis=0)
    means = scores[:, known].mean(axis=1) if known.any() else np.full(len(tried), np.nan)
    of_all = np.where(shares == 1, means, np.nan)
    if not np.isfinite(of_all).any():
        why = next(iter(failed.values()), f"{measure} is undefined in the inner folds")
        raise UserError(f"{KEY}: no combination of values can be trained and measured ({why})")
    goodness = np.where(np.isfinite(of_all), direction(measure) * of_all, -np.inf)
    # Rounding must not decide ties.
    best = int(np.flatnonzero(goodness >= goodness.max() - 1e-12 * abs(goodness.max()))[0])
    of_best = scores[best, known]
    for shown, why in failed.items():
        warnings.append(f"{KEY}: {shown} cannot be trained in an inner fold ({why})")
    if not known.all():
        notes.append(
            f"{KEY}: {measure} is undefined in {int((~known).sum())} of {len(folds)} inner folds"
        )
    return {
        "chosen": tried[best],
        "inner": float(means[best]),
        "inner_sd": float(of_best.std(ddof=1)) if len(of_best) > 1 else None,
        "folds": len(folds),
        "unit": unit,
        "candidates": [
            {"values": candidate, "score": _plain(mean), "per_fold": list(map(_plain, row))}
            | ({} if share == 1 else {"share": share})
            for candidate, mean, row, share in zip(
                tried, means, scores, shares.tolist(), strict=True
            )
        ],
        "uses_dev": bool(cls.stops_early(spec["model"]["options"]) and len(data.dev)),
        "notes": notes,
        "warnings": warnings,
    }


def tried_of(tune: TuneSpec, seed: int) -> list[dict[str, Any]]:
    """The combinations that a search tries, in the order of the grid.

    Args:
        tune: of the spec
        seed: of the experiment: its folds and runs try the same
    """
    found = list(candidates(tune["values"]))
    number = tune.get("n_iter", len(found))
    if number >= len(found):
        return found
    rows = splits.generator(seed, "tune values").choice(len(found), number, replace=False)
    return [found[row] for row in sorted(rows)]


def suggests(tune: TuneSpec) -> bool:
    """Whether a sampler suggests what is tried; few combinations are all tried instead."""
    number = math.prod(map(len, tune["values"].values()))
    few = not tune.get("ranges") and number <= tune.get("n_iter", 0)
    return tune.get("strategy") == "tpe" and not few


def _by_tpe(
    spec: TrainSpec, data: TrainingSet, folds: list[tuple[np.ndarray, np.ndarray]], seed: int
) -> tuple[list[dict[str, Any]], np.ndarray, dict[str, str]]:
    """The measure of combinations that `izwi.training.tpe` suggests.

    Returns:
        * combinations, as they were first suggested
        * shape (combinations, folds), NaN where it is undefined or the fit failed
        * combination as text → why its fit failed
    """
    import numpy as np

    from izwi.evaluation.measures import direction
    from izwi.training import tpe

    prepared = [_Inner.of(spec, data, train, test) for train, test in folds]
    tried: list[dict[str, Any]] = []
    scores: list[list[float]] = []
    failed: dict[str, str] = {}

    def score_of(candidate: dict[str, Any]) -> float | None:
        if candidate in tried:
            row = scores[tried.index(candidate)]
        else:
            row = [inner.score(spec, candidate, seed, failed) for inner in prepared]
            tried.append(candidate)
            scores.append(row)
        known = np.isfinite(row)
        # Without the folds where it is undefined; a failed fit has no score.
        return (
            None
            if _shown(candidate) in failed or not known.any()
            else float(np.mean(row, where=known))
        )

    tpe.search(spec["tune"], spec["seed"], direction(spec["measure"]), score_of)
    return tried, np.array(scores), failed


def _halving(
    spec: TrainSpec,
    data: TrainingSet,
    folds: list[tuple[np.ndarray, np.ndarray]],
    seed: int,
    tried: list[dict[str, Any]],
) -> tuple[np.ndarray, dict[str, str], np.ndarray]:
    """The measure of combinations, of which the best go on with more rows, as scikit-learn's
    ``HalvingGridSearchCV`` with ``min_resources="exhaust"``.

    Returns:
        * as `_scores`, each combination in the last round that it took part in
        * combination as text → why its fit failed
        * share of the inner training rows in that round, 1 in the last, shape (combinations,)
    """
    import numpy as np

    from izwi.evaluation.measures import direction

    classes = len(data.labels or [0])
    least = 2 * len(folds) * classes / len(data.train)
    rounds = 1
    while FACTOR**rounds <= len(tried) and FACTOR**-rounds >= least:
        rounds += 1
    scores = np.full((len(tried), len(folds)), np.nan)
    shares, alive = np.ones(len(tried)), np.arange(len(tried))
    failed: dict[str, str] = {}
    for left in reversed(range(rounds)):
        share = float(FACTOR) ** -left
        found, new = _scores(spec, data, folds, seed, [tried[i] for i in alive], share)
        scores[alive], shares[alive] = found, share
        failed |= new
        if left:
            known = np.isfinite(found).any(axis=0)
            means = found[:, known].mean(axis=1) if known.any() else found[:, 0]
            means = np.where(np.isfinite(means), direction(spec["measure"]) * means, -np.inf)
            order = np.argsort(-means, kind="stable")
            alive = np.sort(alive[order[: -(-len(alive) // FACTOR)]])
    return scores, failed, shares


@dataclass(frozen=True)
class _Inner:
    """An inner fold whose preprocessing is fitted.

    Args:
        data: with its training rows
        prepared: the training rows, ready to learn from
        X: features of its test rows
        truth: of its test rows
    """

    data: TrainingSet
    prepared: fitting.Prepared
    X: np.ndarray
    truth: np.ndarray

    @classmethod
    def of(cls, spec: TrainSpec, data: TrainingSet, train: np.ndarray, test: np.ndarray) -> _Inner:
        inner = replace(data, train=train)
        prepared = fitting.prepare(spec, inner)
        X = prepared.preprocessing.transform(data.samples.values[test], data.samples.speakers(test))
        return cls(inner, prepared, X, data.truth[test])

    def score(
        self, spec: TrainSpec, candidate: dict[str, Any], seed: int, failed: dict[str, str]
    ) -> float:
        """The measure of a combination; NaN where it is undefined or, which is noted, failed."""
        try:
            fitted = fitting.learn(
                with_options(spec, candidate),
                self.prepared,
                self.data,
                seed,
                decisions_only=spec["measure"] != "eer",
            )
        except UserError as error:
            failed.setdefault(_shown(candidate), error.problems[0])
            return math.nan
        return fitting.measure_of(spec, fitted.model.predict(self.X), self.truth, self.data.labels)


def _scores(
    spec: TrainSpec,
    data: TrainingSet,
    folds: list[tuple[np.ndarray, np.ndarray]],
    seed: int,
    tried: list[dict[str, Any]],
    share: float = 1.0,
) -> tuple[np.ndarray, dict[str, str]]:
    """The measure of each combination on each inner fold.

    Args:
        share: of the inner training rows that are used, stratified by class
        others: as for `search`

    Returns:
        * shape (combinations, folds), NaN where it is undefined or the fit failed
        * combination as text → why its fit failed
    """
    import numpy as np
    import pandas as pd

    scores = np.full((len(tried), len(folds)), np.nan)
    failed: dict[str, str] = {}
    for column, (inner_train, inner_test) in enumerate(folds):
        if share < 1:
            strata = splits.strata(pd.Series(data.truth[inner_train]))
            rng = splits.generator(spec["seed"], f"halving {column}")
            inner_train = inner_train[splits.stratified_sample(strata, share, rng)]
        inner = _Inner.of(spec, data, inner_train, inner_test)
        for row, candidate in enumerate(tried):
            scores[row, column] = inner.score(spec, candidate, seed, failed)
    return scores, failed


def _shown(candidate: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in candidate.items())


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
