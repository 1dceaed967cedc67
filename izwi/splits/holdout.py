"""The split strategies of single databases, and the databases' parts across databases."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from izwi.errors import Problems, UserError
from izwi.splits.own_column import note_ignored
from izwi.splits.parts import PARTS
from izwi.splits.report import Log, shorten
from izwi.splits.speakers import named_speakers, speaker_advice
from izwi.splits.strategies import STRATEGIES, UNSTATED
from izwi.splits.subsets import (
    best_subset,
    generator,
    quantile_bins,
    share_of,
    strata,
    stratified_sample,
)
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import SplitSpec

DEFAULT_SIZE = 20  # percent, where the ini is silent
MANY = 10  # more different numbers than this are binned before distributions are compared
BINS = 4  # into so many


def assign_parts(spec: SplitSpec, frame: pd.DataFrame, log: Log) -> pd.Series:
    """Give each row its part.

    Args:
        spec: options of the split
        frame: rows of all tables, in an order that does not depend on the source
        log: takes the remarks

    Returns:
        ``train``, ``dev``, ``test`` or empty, on the index of the frame

    Raises:
        UserError: if a database cannot be split in this way
    """
    problems = Problems()
    parts = pd.Series("", index=frame.index, dtype=object)
    for name, rows in frame.groupby("database", sort=False):
        try:
            parts[rows.index] = _database_parts(spec, name, rows, log)
        except UserError as error:
            problems.extend(error)
    problems.raise_if_any()
    return parts


@dataclass(frozen=True)
class Asked:
    """One database: the input of a strategy's function, which returns the part of each row.

    Attributes:
        spec: options of the split
        name: of the database
        strategy: how it is split
        options: those of the database
        rows: of the database, in an order that does not depend on the source
        rng: its own random generator
        log: takes the remarks
    """

    spec: SplitSpec
    name: str
    strategy: Any
    options: dict[str, Any]
    rows: pd.DataFrame
    rng: np.random.Generator
    log: Log

    @property
    def key(self) -> str:
        """The option, as messages name it."""
        return f"[DATA] {self.name}.split_strategy"

    def sizes(self, number: int, noun: str) -> tuple[int, int]:
        """How many of ``number`` speakers or rows go to test and dev; some stay for train."""
        test_size, dev_size = self.options["test_size"], self.options["dev_size"]
        test = share_of(number, test_size)
        dev = share_of(number, dev_size) if dev_size else 0
        if test + dev >= number:
            sizes = f"test_size {test_size:g} %" + (f", dev_size {dev_size:g} %" if dev else "")
            raise UserError(
                f"{self.key}: {sizes} of {count(number, noun)} leaves none for train, "
                f"take smaller parts or another split_strategy"
            )
        return test, dev


def _database_parts(spec: SplitSpec, name: str, rows: pd.DataFrame, log: Log) -> Any:
    """Part of each row of one database: one for all, or shape (rows,)."""
    options = dict(spec.get("databases", {}).get(name) or {})
    if options.get("test_size") is None:
        options["test_size"] = DEFAULT_SIZE
    if options.get("dev_size") is None:
        options["dev_size"] = DEFAULT_SIZE if spec.get("traindevtest") else 0
    rng = generator(spec["seed"], name)
    strategy = _strategy(spec, name, options.get("split_strategy"), rows, log)
    asked = Asked(spec, name, strategy, options, rows, rng, log)
    if strategy != "column":
        note_ignored(name, rows, log)
    if isinstance(strategy, str):
        if strategy in ("", *PARTS):
            return strategy
        if strategy not in STRATEGIES:
            raise UserError(f"{asked.key}: unknown strategy '{strategy}'")
        known = STRATEGIES[strategy]
        if known.speakers:
            _check_speakers(asked)
        module, function = known.function.split(":")
        return getattr(import_module(f"izwi.splits.{module}"), function)(asked)
    _check_speakers(asked)
    part_of = named_speakers({"test": list(strategy)}, rows["speaker"], asked.key)
    return rows["speaker"].map(lambda speaker: part_of.get(speaker, "train"))


def _strategy(
    spec: SplitSpec, name: str, stated: Any, rows: pd.DataFrame, log: Log
) -> str | list[Any]:
    """The strategy of a database: from the ini, from trains and tests, or the default."""
    trains, tests = spec.get("trains"), spec.get("tests")
    if spec.get("strategy") == "cross_data":
        if name in (tests or []) or (tests is None and name not in (trains or [])):
            return "test"
        if name in (trains or []) or trains is None:
            return "train"
        log.note(f"[DATA] {name}: {count(len(rows), 'row')} unused, neither in trains nor in tests")
        return ""
    if stated in UNSTATED:
        log.note(f"[DATA] {name}.split_strategy: '{stated}' counts as if it were not stated")
        stated = None
    if stated is not None:
        return stated
    if "part" in rows and rows["part"].notna().any():
        log.note(f"[DATA] {name}: no split_strategy, taken from its own train and test tables")
        return "database"
    log.note(f"[DATA] {name}: no split_strategy, speaker_split taken")
    return "speaker_split"


def _check_speakers(asked: Asked) -> None:
    """Check that the speaker of each row is known; else an error says what to do."""
    name, rows = asked.name, asked.rows
    wanted = asked.strategy if isinstance(asked.strategy, str) else "a list of speakers"
    missing = len(rows) if "speaker" not in rows else int(rows["speaker"].isna().sum())
    if missing == len(rows):
        raise UserError(
            f"{asked.key}: {wanted} needs a speaker column and the database has none, "
            f"{speaker_advice(name, rows) or f'set {name}.split_strategy = random'}"
        )
    if missing:
        raise UserError(
            f"{asked.key}: {wanted} needs the speaker of every row, {count(missing, 'row')} of "
            f"{len(rows)} without; leave them out by {name}.required = speaker, or set "
            f"{name}.split_strategy = random"
        )


def own_parts(asked: Asked) -> pd.Series:
    """The parts that the tables of the database define."""
    name, rows = asked.name, asked.rows
    if "part" not in rows or rows["part"].isna().all():
        raise UserError(
            f"{asked.key}: {asked.strategy} needs tables of the database that define train and "
            f"test, but there are none; name them with {name}.train_tables and "
            f"{name}.test_tables or set {name}.split_strategy = speaker_split"
        )
    parts = rows["part"].fillna("")
    strange = set(parts) - {"", *PARTS}
    if strange:
        raise UserError(f"{asked.key}: column 'part' holds {shorten(strange)}, expected {PARTS}")
    unused = int((parts == "").sum())
    if unused:
        asked.log.note(
            f"[DATA] {name}: {count(unused, 'row')} of {len(rows)} in none of its parts, unused"
        )
    return parts


def by_speaker(asked: Asked) -> pd.Series:
    """Speakers drawn at random."""
    speakers = asked.rows["speaker"]
    test, dev = asked.sizes(speakers.nunique(), "speaker")
    drawn = asked.rng.permutation(sorted(set(speakers)))
    part_of = dict.fromkeys(drawn[:test], "test") | dict.fromkeys(drawn[test : test + dev], "dev")
    return speakers.map(lambda speaker: part_of.get(speaker, "train"))


def at_random(asked: Asked) -> np.ndarray:
    """Rows drawn at random, regardless of the speaker."""
    rows, rng = asked.rows, asked.rng
    test, dev = asked.sizes(len(rows), "row")
    parts = np.full(len(rows), "train", dtype=object)
    if asked.options.get("stratify"):
        chosen = stratified_sample(strata(rows["truth"]), test / len(rows), rng)
        parts[chosen] = "test"
        if dev:
            rest = np.flatnonzero(~chosen)
            classes = strata(rows["truth"].iloc[rest])
            parts[rest[stratified_sample(classes, dev / len(rest), rng)]] = "dev"
        return parts
    drawn = rng.permutation(len(rows))
    parts[drawn[:test]] = "test"
    parts[drawn[test : test + dev]] = "dev"
    return parts


def stated(asked: Asked) -> pd.Series:
    """Speakers that the ini names for each part."""
    name, speakers = asked.name, asked.rows["speaker"]
    lists = {}
    for part in PARTS:
        wanted = asked.options.get(part)
        if wanted is not None:
            lists[part] = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    if not lists:
        raise UserError(
            f"[DATA] {name}.test: speakers_stated needs the speakers, "
            f"set {name}.test = [...] (and {name}.train, {name}.dev)"
        )
    part_of = named_speakers(lists, speakers, f"[DATA] {name}.{'/'.join(lists)}")
    others = "" if "train" in lists else "train"
    parts = speakers.map(lambda speaker: part_of.get(speaker, others))
    unused = speakers[parts == ""]
    if len(unused):
        asked.log.note(
            f"[DATA] {name}: {count(unused.nunique(), 'speaker')} "
            f"({count(len(unused), 'row')}) in none of the lists, unused: {shorten(set(unused))}"
        )
    return parts


def balanced(asked: Asked) -> pd.Series:
    """Test speakers first, then dev speakers of the others, with balanced columns."""
    options, rows = asked.options, asked.rows
    test, dev = asked.sizes(rows["speaker"].nunique(), "speaker")
    columns = _balance_columns(asked.spec, asked.name, options, rows, asked.log)
    size_weight = options.get("size_diff_weight")
    size_weight = 1.0 if size_weight is None else float(size_weight)
    parts = pd.Series("train", index=rows.index, dtype=object)
    for part, number, size in (
        ("test", test, options["test_size"]),
        ("dev", dev, options["dev_size"]),
    ):
        if not number:
            continue
        rest = (parts == "train").to_numpy()
        speakers = rows["speaker"][rest].to_numpy(dtype=str)
        chosen = best_subset(
            speakers,
            [(codes[rest], weight) for codes, weight in columns],
            number=number,
            share=len(rows) * size / 100 / len(speakers),
            size_weight=size_weight,
            rng=asked.rng,
        )
        parts[rows["speaker"].isin(chosen)] = part
    return parts


def _balance_columns(
    spec: SplitSpec, name: str, options: dict[str, Any], rows: pd.DataFrame, log: Log
) -> list[tuple[np.ndarray, float]]:
    """Categories (int codes) and weight of each column to balance."""
    balance = options.get("balance")
    if not balance:
        balance = {spec["target"]: 1}
        log.note(f"[DATA] {name}: balanced by '{spec['target']}', as balance is not set")
    if isinstance(balance, str):
        balance = [balance]
    weights = dict(balance) if isinstance(balance, dict) else dict.fromkeys(balance, 1)
    if options.get("stratify"):
        weights.setdefault(spec["target"], 1)
    columns, problems = [], Problems()
    for wanted, weight in weights.items():
        column = "truth" if wanted == spec["target"] else "gender" if wanted == "sex" else wanted
        if column not in rows or rows[column].isna().all():
            others = set(rows.columns) - {"database", "file", "start", "end", "digest", "truth"}
            problems.add(
                f"[DATA] balance: database '{name}' has no column '{wanted}', "
                f"it has {shorten(others | {spec['target']})}"
            )
            continue
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight < 0:
            problems.add(f"[DATA] balance: weight of '{wanted}' is {weight!r}, set a number >= 0")
            continue
        values = rows[column]
        bins = options.get("age_bins")
        if pd.api.types.is_numeric_dtype(values) and (bins or values.nunique() > MANY):
            values = quantile_bins(values, bins or BINS)
            log.note(f"[DATA] {name}: '{wanted}' in {count(values.nunique(), 'bin')} for balancing")
        missing = int(rows[column].isna().sum())
        if missing:
            log.note(
                f"[DATA] {name}: {count(missing, 'row')} without '{wanted}', a class of its own"
            )
        columns.append((pd.factorize(values, sort=True, use_na_sentinel=False)[0], float(weight)))
    problems.raise_if_any()
    return columns
