"""``ensembles`` of a config: experiments whose predictions are fused into one."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from izwi.config import grid
from izwi.config import options as option_table
from izwi.config.experiment import Experiment
from izwi.config.experiment.resolved import ENSEMBLE
from izwi.config.options import suggest
from izwi.errors import Problems
from izwi.wording import count

KEYS = ("name", "members", "methods", "measure", "threshold", "folds")
METHODS = {
    "classification": (
        *("mean", "majority", "max", "sum", "uncertainty_threshold", "uncertainty_weighted"),
        *("confidence_weighted", "performance_weighted", "stacking"),
    ),
    "regression": ("mean", "median", "performance_weighted"),
}
ALL_METHODS = tuple(dict.fromkeys(name for names in METHODS.values() for name in names))
# As nkululeko calls them.
OTHER_NAMES = {"majority_voting": "majority", "uncertainty": "uncertainty_threshold"}
# Those whose weights are learned from training rows.
LEARNED = ("performance_weighted", "stacking")
DEFAULT_METHOD, DEFAULT_FOLDS, DEFAULT_THRESHOLD = "mean", 5, 1.0
FEWEST = {"majority": 3}
# In the place of an ini, in experiment.json and messages.
OF_CONFIG = "ensembles of the config"
_NO_PICTURES: dict[str, Any] = {
    "value_counts": None,
    "value_counts_of": [],
    "maps": {},
    "epoch_progression": False,
}


@dataclass(frozen=True)
class Wanted:
    """An ensemble as the config asks for it.

    Args:
        name: of the experiments that come of it, each with its method behind
        members: names or globs, None for all
        methods: of the fusion
        measure: main measure, and that of performance weights; None for that of the members
        threshold: least uncertain predictions up to it decide alone, see `izwi.training.fusion`
        folds: inner folds of learned weights
    """

    name: str
    members: tuple[str, ...] | None = None
    methods: tuple[str, ...] = (DEFAULT_METHOD,)
    measure: str | None = None
    threshold: float = DEFAULT_THRESHOLD
    folds: int = DEFAULT_FOLDS


# ---------------------------------------------------------------------- the config


def read_ensembles(value: Any, problems: Problems) -> list[Wanted]:
    """Read ``ensembles`` of a config.

    Args:
        value: a list of ensembles, or one
        problems: takes what is wrong, one line each
    """
    example = "[{name: fused, members: [svm, xgb, mlp], methods: [mean, stacking]}]"
    entries = grid.entries_of(value, "ensembles", example, problems)
    found: list[Wanted] = []
    for number, entry in enumerate(entries, 1):
        one = _Reader(entry, number, problems).ensemble()
        if one.name.lower() in (other.name.lower() for other in found):
            problems.add(
                f"config: ensembles: two are called '{one.name}', give each a name of its own"
            )
        found.append(one)
    return found


class _Reader:
    """One entry of ``ensembles``."""

    def __init__(self, entry: Mapping[str, Any], number: int, problems: Problems) -> None:
        self.entry = entry
        self.problems = problems
        self.name = self._name(number)

    def ensemble(self) -> Wanted:
        """The entry, checked as far as possible without the experiments."""
        for key in self.entry:
            if key not in KEYS:
                near = suggest(str(key), KEYS) or f" (there are {', '.join(KEYS)})"
                self._problem(str(key), f"unknown key{near}")
        members = self._texts("members", "write names of experiments, or globs such as ['svm*']")
        methods = self._methods()
        threshold = self._number("threshold", DEFAULT_THRESHOLD, 0, 1)
        if "threshold" in self.entry and "uncertainty_threshold" not in methods:
            self._problem("threshold", "is that of the method uncertainty_threshold alone")
        folds = self._number("folds", DEFAULT_FOLDS, 2, 1000)
        if folds != int(folds):
            self._problem("folds", f"{folds:g} is not a whole number, from 2 on")
        if "folds" in self.entry and not {*methods} & {*LEARNED}:
            self._problem("folds", f"inner folds are for {' and '.join(LEARNED)} alone")
        return Wanted(self.name, members, methods, self._measure(), threshold, int(folds))

    def _problem(self, key: str, text: str) -> None:
        self.problems.add(f"config: ensembles: {self.name}: {key}: {text}")

    def _name(self, number: int) -> str:
        value = self.entry.get("name")
        if value is None:
            self.problems.add(
                f"config: ensembles: ensemble {number} has no name, add one, such as name: fused"
            )
            return f"ensemble {number}"
        if not isinstance(value, str | int) or grid.slug(str(value)) != str(value):
            self.problems.add(
                f"config: ensembles: name: {value!r} is not a folder name, use letters, digits, "
                "- and _"
            )
        return str(value)

    def _texts(self, key: str, advice: str) -> tuple[str, ...] | None:
        value = self.entry.get(key)
        if value is None:
            return None
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
            self._problem(key, advice)
            return None
        return tuple(texts)

    def _methods(self) -> tuple[str, ...]:
        wanted = self._texts("methods", f"write some of {', '.join(ALL_METHODS)}")
        found = []
        for name in wanted or (DEFAULT_METHOD,):
            method = OTHER_NAMES.get(name, name)
            if method not in ALL_METHODS:
                near = suggest(name, ALL_METHODS) or f", there are {', '.join(ALL_METHODS)}"
                self._problem("methods", f"'{name}' is not known{near}")
            found.append(method)
        return tuple(dict.fromkeys(found))

    def _measure(self) -> str | None:
        value = self.entry.get("measure")
        if value is None:
            return None
        known = [name for names in option_table.MEASURES.values() for name in names]
        text = str(value).lower()
        if text not in known:
            near = suggest(text, known) or f", use one of {', '.join(known)}"
            self._problem("measure", f"'{value}' is not a measure{near}")
        return text

    def _number(self, key: str, default: float, least: float, most: float) -> float:
        value = self.entry.get(key, default)
        if isinstance(value, str) and re.fullmatch(r"\d*\.?\d+", value):
            # Snakemake's --config makes texts of the numbers in an entry.
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._problem(key, f"{value!r} is not a number")
            return default
        if not least <= value <= most:
            self._problem(key, f"{value:g} is not from {least:g} to {most:g}")
            return default
        return float(value)


# ----------------------------------------------------------------------- experiments


def lay_out(wanted: Iterable[Wanted], experiments: Sequence[Experiment]) -> list[Experiment]:
    """The experiments of all ensembles, one for each method.

    Args:
        wanted: ensembles of the config
        experiments: all of the config

    Raises:
        UserError: with all problems, one line each
    """
    problems = Problems()
    found: list[Experiment] = []
    taken = {experiment.name.lower(): experiment.ini for experiment in experiments}
    for one in wanted:
        for experiment in _Layout(one, experiments, problems).experiments():
            place = taken.get(experiment.name.lower())
            if place is not None:
                problems.add(
                    f"config: ensembles: {one.name}: '{experiment.name}' is the name of {place} as "
                    "well, use another"
                )
            found.append(experiment)
    problems.raise_if_any()
    return found


class _Layout:
    """One ensemble on its way from the config to experiments."""

    def __init__(
        self, wanted: Wanted, experiments: Sequence[Experiment], problems: Problems
    ) -> None:
        self.wanted = wanted
        self.all = experiments
        self.problems = problems

    def _problem(self, text: str) -> None:
        self.problems.add(f"config: ensembles: {self.wanted.name}: {text}")

    def experiments(self) -> list[Experiment]:
        """One for each method; none behind a problem."""
        before = len(self.problems.lines)
        members = self._members()
        if len(self.problems.lines) == before:
            self._check(members)
        if len(self.problems.lines) > before:
            return []
        return [self._experiment(members, method) for method in self.wanted.methods]

    def _members(self) -> list[Experiment]:
        if self.wanted.members is None:
            return [one for one in self.all if one.trains]
        found: dict[str, Experiment] = {}
        for pattern in self.wanted.members:
            matching = [one for one in self.all if _matches(pattern, one)]
            if not matching:
                names = [one.name for one in self.all]
                told = ", ".join(names[:8]) + (f" and {len(names) - 8} more" * (len(names) > 8))
                near = suggest(pattern, names) or f" (there are {told})"
                self._problem(f"members: none is called '{pattern}'{near}")
            found |= {one.name: one for one in matching}
        return list(found.values())

    def _check(self, members: list[Experiment]) -> None:
        """What does not fit, as far as the inis show it."""
        wanted = self.wanted
        if untrained := [one.name for one in members if not one.trains]:
            self._problem(f"members: {', '.join(untrained)}: nothing is trained, leave it out")
            return
        if len(members) < 2:
            self._problem(f"members: {count(len(members), 'experiment')}, name two at least")
            return
        tasks = {one.task: one.name for one in members}
        if len(tasks) > 1:
            told = " and ".join(f"{name} is {task}" for task, name in tasks.items())
            self._problem(f"members: {told}, they have nothing to fuse")
            return
        (task,) = tasks
        for method in wanted.methods:
            if method not in METHODS[task]:
                self._problem(
                    f"methods: {method} is not for {task}, use some of {', '.join(METHODS[task])}"
                )
            elif len(members) < (least := FEWEST.get(method, 2)):
                self._problem(f"methods: {method} needs {least} members, there are {len(members)}")
        runs = {one.runs: one.name for one in members if one.runs > 1}
        if len(runs) > 1:
            told = " and ".join(f"{name} has {n}" for n, name in runs.items())
            self._problem(f"members: EXP.runs differ ({told}), give all as many, or 1")
        self._check_measure(members, task)

    def _check_measure(self, members: list[Experiment], task: str) -> None:
        measure = self.wanted.measure
        allowed = option_table.MEASURES[task]
        if measure is not None and measure not in allowed:
            self._problem(
                f"measure: {measure} is not a measure of {task}, use one of {', '.join(allowed)}"
            )
        own = {one.evaluation["measure"]: one.name for one in members}
        if measure is None and len(own) > 1:
            told = " and ".join(f"{name} has {measure}" for measure, name in own.items())
            self._problem(
                f"measure: {told}: say which one counts, such as measure: {next(iter(own))}"
            )

    def _experiment(self, members: list[Experiment], method: str) -> Experiment:
        wanted, first = self.wanted, members[0]
        measure = wanted.measure or first.evaluation["measure"]
        options: dict[str, Any] = {
            "method": method,
            "members": [one.name for one in members],
            "features": list(dict.fromkeys(f["type"] for one in members for f in one.features)),
        }
        if method == "uncertainty_threshold":
            options["threshold"] = wanted.threshold
        if method in LEARNED:
            options["folds"] = wanted.folds
        return replace(
            first,
            ini=OF_CONFIG,
            name=f"{wanted.name}--{method}",
            runs=max(one.runs for one in members),
            epochs=None,
            save=False,
            save_test=None,
            exports=(),
            features=(),
            preprocessing={"scale": None, "features": None},
            model={"type": ENSEMBLE, "options": options},
            learning={},
            analyses={},
            augment={},
            robustness={},
            evaluation={**first.evaluation, "measure": measure},
            plots={**first.plots, **_NO_PICTURES},
            setting={},
            grids=(),
            warnings=(),
            notes=(),
        )


def _matches(pattern: str, experiment: Experiment) -> bool:
    names = [
        *(experiment.name, *experiment.grids, experiment.name.partition("--")[0], experiment.ini)
    ]
    return pattern in names or any(fnmatch.fnmatchcase(name, pattern) for name in names)
