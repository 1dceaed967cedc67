"""How an experiment splits its databases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from izwi.config.experiment.entries import Entries, texts
from izwi.config.experiment.resolved import DatabaseSpec, SplitSpec
from izwi.splits.strategies import SIZES, STRATEGIES, UNSTATED

_SPLIT_OPTIONS = (
    "test_size",
    "dev_size",
    "train",
    "dev",
    "test",
    "balance",
    "age_bins",
    "stratify",
    "size_diff_weight",
    "split_column",
    "train_vals",
    "test_vals",
    "dev_vals",
)
_DEV_SIZE = 20.0


def _in_folds(
    entries: Entries, winner: str, stated: dict[str, Any], cross: bool, apart: bool
) -> None:
    """Note what cross-validation overrides.

    Args:
        entries: of the ini
        winner: the option that asks for folds
        stated: database → its strategy
        cross: whether databases are trained on or tested on as a whole
        apart: whether some are only tested on
    """
    if cross:
        entries.overridden("[DATA] strategy, trains, tests", winner)
    elif apart:
        entries.overridden("[DATA] tests", winner)
        if entries.extra_tests:
            entries.problem(
                "DATA",
                "tests",
                f"{', '.join(entries.extra_tests)} cannot be tested on with {winner}, which "
                "trains a model per fold: leave out one of the two",
            )
    for name, strategy in stated.items():
        if strategy is not None:
            entries.overridden(f"[DATA] {name}.split_strategy", winner)


def read_split(
    entries: Entries,
    task: str,
    target: str,
    labels: list[str] | None,
    seed: int,
    databases: Iterable[DatabaseSpec],
    *,
    described: bool = False,
) -> SplitSpec:
    """Spec of the split, with only the options that its strategies read.

    Args:
        entries: of the ini
        task: classification or regression
        target: column that is predicted
        labels: classes, None if the data decide or there are none
        seed: of the experiment
        databases: all of them
        described: whether nothing is trained
    """
    logo, folds = entries.get("MODEL", "logo"), entries.get("MODEL", "k_fold_cross")
    trains, tests, cross = _cross_data(entries)
    stated = {name: _strategy(entries, name) for name in entries.names}
    apart = tests is not None and not cross
    if logo or folds:
        winner = "MODEL.logo" if logo else "MODEL.k_fold_cross"
        if logo and folds:
            entries.overridden("[MODEL] k_fold_cross", winner)
            folds = None
        _in_folds(entries, winner, stated, cross, apart)
        cross, trains, tests = False, None, None
        stated = dict.fromkeys(stated)
    elif cross:
        for name, strategy in stated.items():
            part = "test" if name in (tests or []) else "train"
            if strategy not in (None, part):
                entries.overridden(f"[DATA] {name}.split_strategy", "DATA.strategy = cross_data")
        stated = dict.fromkeys(stated)
    elif apart:
        for name in tests or []:
            if entries.get_of(name, "as_test"):
                continue
            if stated[name] not in (None, "test"):
                entries.overridden(f"[DATA] {name}.split_strategy", "DATA.tests")
            stated[name] = "test"
    whole = bool(logo or folds or cross)
    specs = {}
    for database in databases:
        name = database["name"]
        reads = () if whole else _reads(stated[name])
        specs[name] = {"split_strategy": stated[name]} | {
            key: _split_value(entries, name, key) if key in reads else None
            for key in _SPLIT_OPTIONS
        }
        _only(entries, name, specs[name], whole)
        if not whole:
            _check_strategy(entries, database, specs[name])
        _split_notes(entries, name, specs[name], reads, whole)
    if not whole and stated and not described:
        _check_parts(entries, stated)
    spec: SplitSpec = {
        "task": task,
        "target": target,
        "labels": labels,
        "seed": seed,
        "same_speakers": entries.get("DATA", "same_speakers"),
        "traindevtest": entries.get("EXP", "traindevtest"),
        "strategy": "cross_data" if cross else "train_test",
        "trains": trains,
        "tests": tests,
        "logo": logo,
        "k_fold_cross": folds,
        "databases": specs,
    }
    if described:
        spec["described"] = True
    return spec


def _only(entries: Entries, name: str, spec: dict[str, Any], whole: bool) -> None:
    """The part that a database is confined to, if it is to one."""
    wanted = [part for part in ("train", "test") if entries.get_of(name, f"as_{part}")]
    if len(wanted) == 2:
        entries.problem("DATA", f"{name}.as_test", f"{name}.as_train is set as well, keep one")
    elif wanted and whole:
        entries.notes.append(f"[DATA] {name}.as_{wanted[0]}: no effect with this kind of split")
    elif wanted:
        # Only where it is asked for, so that the keys of all other splits stay.
        spec["only"] = wanted[0]


def _cross_data(entries: Entries) -> tuple[list[str] | None, list[str] | None, bool]:
    """Databases to train and test on, and whether these decide the split."""
    strategy = entries.get("DATA", "strategy")
    trains, tests = (
        entries.listed(key, texts(entries.get("DATA", key))) for key in ("trains", "tests")
    )
    if trains is None and tests is None:
        if strategy == "cross_data":
            entries.problem("DATA", "strategy", "cross_data needs tests = [databases to test on]")
        return None, None, False
    if trains is None and strategy != "cross_data":
        if tests == []:
            entries.problem("DATA", "tests", "is empty, name at least one")
        if all(name in (tests or []) for name in entries.names):
            entries.problem("DATA", "tests", "no database is left to train on")
            return None, None, False
        return None, tests, False
    if strategy == "train_test":
        entries.problem("DATA", "strategy", "train_test contradicts trains and tests")
    if strategy is None:
        entries.notes.append("[DATA] trains, tests: taken as DATA.strategy = cross_data")
    both = [name for name in trains or [] if name in (tests or [])]
    for name in both:
        entries.problem("DATA", "tests", f"'{name}' is in trains as well")
    if trains is None:
        trains = [name for name in entries.names if name not in (tests or [])]
    elif tests is None:
        tests = [name for name in entries.names if name not in trains]
    if not trains:
        entries.problem("DATA", "tests", "no database is left to train on")
    if not tests:
        entries.problem("DATA", "trains", "no database is left to test on")
    for name in entries.names:
        if name not in trains and name not in (tests or []):
            entries.warnings.append(f"[DATA] {name}: unused, neither in trains nor in tests")
    return trains, tests, True


def _strategy(entries: Entries, name: str) -> str | list[str] | None:
    strategy = entries.get_of(name, "split_strategy")
    if isinstance(strategy, list):
        return texts(strategy)
    if strategy == "reuse" and {(name, "test_size"), ("DATA", "test_size")} & {
        *entries.of_database,
        *entries.general,
    }:
        # The split that the first run with this size made, under the same key.
        entries.notes.append(
            f"[DATA] {name}.split_strategy: reuse is taken as speaker_split of the stated "
            "test_size; every split is kept and reused anyway"
        )
        return "speaker_split"
    if strategy in UNSTATED:
        entries.notes.append(
            f"[DATA] {name}.split_strategy: {strategy} is taken as if it were not stated; "
            "every split is kept and reused anyway"
        )
        return None
    return strategy


def _reads(strategy: str | list[str] | None) -> tuple[str, ...]:
    if isinstance(strategy, list):
        return ()
    if not strategy:
        return SIZES
    return STRATEGIES[strategy].reads if strategy in STRATEGIES else ()


def _split_value(entries: Entries, name: str, key: str) -> Any:
    value = entries.get_of(name, key)
    if key == "dev_size" and value is None and entries.get("EXP", "traindevtest"):
        return _DEV_SIZE
    if key == "balance" and value is not None:
        return _balance(entries, name, value)
    return texts(value) if isinstance(value, list) else value


def _balance(entries: Entries, name: str, value: dict[Any, Any]) -> dict[str, float]:
    for weight in value.values():
        if not isinstance(weight, int | float) or weight < 0:
            entries.problems.add(f"[DATA] {name}.balance: weight {weight!r} is not a number >= 0")
    return {str(column): weight for column, weight in value.items()}


def _check_strategy(entries: Entries, database: DatabaseSpec, spec: dict[str, Any]) -> None:
    name, strategy = database["name"], spec["split_strategy"]
    where = f"[DATA] {name}.split_strategy"
    options = database["options"]
    if strategy in ("database", "specified") and database["type"] == "csv":
        entries.problems.add(
            f"{where}: a CSV has no tables for '{strategy}', use train, test, dev or speaker_split"
        )
    elif strategy == "specified" and not (options["train_tables"] or options["test_tables"]):
        entries.problems.add(f"{where}: specified needs {name}.train_tables or {name}.test_tables")
    elif strategy == "speakers_stated" and not (spec["train"] or spec["dev"] or spec["test"]):
        entries.problems.add(f"{where}: speakers_stated needs {name}.test = [speakers]")
    elif strategy == []:
        entries.problems.add(f"{where}: the list of test speakers is empty")
    if (spec["test_size"] or 0) + (spec["dev_size"] or 0) >= 100:
        entries.problems.add(
            f"[DATA] {name}.test_size: {spec['test_size']:g} % and dev_size "
            f"{spec['dev_size']:g} % leave nothing to train on"
        )


def _split_notes(
    entries: Entries, name: str, spec: dict[str, Any], reads: Iterable[str], whole: bool
) -> None:
    """Add a note on split options of a database that nothing reads."""
    strategy = spec["split_strategy"]
    shown = "a list of speakers" if isinstance(strategy, list) else strategy or "none"
    situation = "with this kind of split" if whole else f"with split_strategy = {shown}"
    for key in _SPLIT_OPTIONS:
        if (name, key) in entries.of_database and key not in reads:
            spelt = entries.spelt(entries.of_database[name, key][0])
            entries.notes.append(f"[DATA] {spelt}: no effect {situation}")
    if name == entries.names[-1]:
        for key in (key for key in _SPLIT_OPTIONS if ("DATA", key) in entries.general):
            used = any(key in _reads(strategy_quietly(entries, other)) for other in entries.names)
            if whole or not used:
                entries.notes.append(f"[DATA] {entries.spelt(key)}: no effect with these splits")


def strategy_quietly(entries: Entries, name: str) -> Any:
    """Split strategy of a database, without the notes on it."""
    kept = list(entries.notes)
    strategy = _strategy(entries, name)
    entries.notes[:] = kept
    return strategy


def _check_parts(entries: Entries, stated: dict[str, Any]) -> None:
    strategies = set(map(str, stated.values()))
    if strategies <= {"train", "dev"}:
        entries.problems.add(
            "[DATA] split_strategy: there is no test set, give a database split_strategy = test"
        )
    elif strategies <= {"test", "dev"}:
        entries.problems.add(
            "[DATA] split_strategy: there is no training set, give a database "
            "split_strategy = train"
        )


def tests_alone(split: SplitSpec, name: str) -> bool:
    """Whether no row of a database is trained on."""
    if split["strategy"] == "cross_data":
        return name not in (split["trains"] or [])
    return is_test(split, name) or split["databases"][name].get("only") == "test"


def is_test(split: SplitSpec, name: str) -> bool:
    """Whether a whole database is in the test set."""
    stated = split["databases"][name]["split_strategy"]
    return name in (split["tests"] or []) or stated == "test"
