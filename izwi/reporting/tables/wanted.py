"""``tables`` of a config: which experiment stands in which cell."""

from __future__ import annotations

import csv
import fnmatch
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from izwi.config import grid
from izwi.config import options as option_table
from izwi.config.experiment import Experiment
from izwi.config.options import PER_DATABASE, suggest
from izwi.errors import Problems
from izwi.reporting.tables import controls

KEYS = (
    "name",
    "rows",
    "columns",
    "experiments",
    "measure",
    "published",
    "controls",
    "best",
    "caption",
    "labels",
)
PUBLISHED = ("row", "column", "value", "source", "protocol")
# Axes that are not options: the databases trained on, and those tested on.
SIDES = ("train", "test")
BEST = ("column", "row", "table")
NOTHING = "–"


@dataclass(frozen=True)
class Wanted:
    """A table as the config asks for it.

    Args:
        name: of its files
        rows: options whose values are the rows, or of ``train`` and ``test``
        columns: likewise
        experiments: names or globs of those in it, None for all
        measure: what is shown, None for the experiments' own
        published: entries with ``row``, ``column``, ``value``, ``source``, ``protocol``
        controls: kinds of controls, see `controls.KINDS`
        best: among what the best is sought, None for what fits
        caption: what it is about, None for its name
        labels: value or option → how the table calls it
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    experiments: tuple[str, ...] | None = None
    measure: str | None = None
    published: tuple[dict[str, Any], ...] = ()
    controls: tuple[str, ...] = controls.KINDS
    best: str | None = None
    caption: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------------- the config


def read_tables(value: Any, problems: Problems, *, cwd: Path) -> list[Wanted]:
    """Read ``tables`` of a config.

    Args:
        value: a list of tables, or one
        problems: takes what is wrong, one line each
        cwd: folder that files of published values are relative to
    """
    example = "[{name: results, rows: FEATS.type, columns: MODEL.type}]"
    entries = grid.entries_of(value, "tables", example, problems)
    found: list[Wanted] = []
    for number, entry in enumerate(entries, 1):
        name = _name(entry.get("name"), number, problems)
        if name.lower() in (one.name.lower() for one in found):
            problems.add(f"config: tables: two are called '{name}', give each a name of its own")
        elif name == "comparisons":
            problems.add(
                "config: tables: name: 'comparisons' is the file of all tests, choose another"
            )
        found.append(_Reader(name, entry, problems, cwd).table())
    return found


def _name(value: Any, number: int, problems: Problems) -> str:
    if value is None:
        problems.add(f"config: tables: table {number} has no name, add one, such as name: results")
        return f"table {number}"
    if not isinstance(value, str | int) or grid.slug(str(value)) != str(value):
        problems.add(
            f"config: tables: name: {value!r} is not a file name, use letters, digits, - and _"
        )
    return str(value)


class _Reader:
    """One entry of ``tables``."""

    def __init__(self, name: str, entry: Mapping[str, Any], problems: Problems, cwd: Path) -> None:
        self.name = name
        self.entry = entry
        self.problems = problems
        self.cwd = cwd

    def table(self) -> Wanted:
        """The entry, checked as far as possible without the experiments."""
        for key in self.entry:
            if key not in KEYS:
                near = suggest(str(key), KEYS) or f" (there are {', '.join(KEYS)})"
                self._problem(str(key), f"unknown key{near}")
        labels = self.entry.get("labels") or {}
        if not isinstance(labels, Mapping):
            self._problem("labels", "write {value: how the table calls it}")
            labels = {}
        rows, columns = self._options("rows"), self._options("columns")
        if both := sorted({*rows} & {*columns}):
            self._problem("columns", f"{', '.join(both)}: stands in rows as well, keep one")
        return Wanted(
            name=self.name,
            rows=rows,
            columns=columns,
            experiments=self._experiments(),
            measure=self._measure(),
            published=self._published(),
            controls=self._controls(),
            best=self._one_of("best", BEST),
            caption=self.entry.get("caption") and str(self.entry["caption"]),
            labels={str(old): str(new) for old, new in labels.items()},
        )

    def _problem(self, key: str, text: str) -> None:
        self.problems.add(f"config: tables: {self.name}: {key}: {text}")

    def _options(self, key: str) -> tuple[str, ...]:
        value = self.entry.get(key)
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
            self._problem(
                key, "name what varies: an option such as MODEL.type, a list of them, train or test"
            )
            return ()
        found = []
        for text in texts:
            try:
                found.append(canonical(text))
            except ValueError as error:
                self._problem(key, str(error))
        return tuple(found)

    def _experiments(self) -> tuple[str, ...] | None:
        value = self.entry.get("experiments")
        if value is None:
            return None
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
            self._problem("experiments", "write names of experiments, or globs such as ['svm*']")
            return None
        return tuple(texts)

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

    def _one_of(self, key: str, allowed: Sequence[str]) -> str | None:
        value = self.entry.get(key)
        if value is not None and value not in allowed:
            near = suggest(str(value), allowed) or f", use one of {', '.join(allowed)}"
            self._problem(key, f"'{value}' is not known{near}")
            return None
        return value

    def _controls(self) -> tuple[str, ...]:
        value = self.entry.get("controls", True)
        if isinstance(value, bool) or value is None:
            return controls.KINDS if value else ()
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list):
            self._problem("controls", f"write False, or some of {', '.join(controls.KINDS)}")
            return ()
        for name in names:
            if name not in controls.KINDS:
                near = suggest(str(name), controls.KINDS)
                self._problem(
                    "controls",
                    f"'{name}' is not a control"
                    f"{near or ', there are ' + ', '.join(controls.KINDS)}",
                )
        return tuple(name for name in controls.KINDS if name in names)

    def _published(self) -> tuple[dict[str, Any], ...]:
        """Published figures, from a CSV or from the config itself."""
        value = self.entry.get("published")
        if value is None:
            return ()
        if isinstance(value, str):
            path = self.cwd / os.path.expanduser(value)
            try:
                with open(path, newline="", encoding="utf-8-sig") as stream:
                    entries: list[Any] = list(csv.DictReader(stream))
            except FileNotFoundError:
                self._problem("published", f"no such file: {value} (in {self.cwd})")
                return ()
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                self._problem("published", f"{value} cannot be read: {error}")
                return ()
            where = [f"{value}: line {number}" for number in range(2, len(entries) + 2)]
        elif isinstance(value, list):
            entries = value
            where = [f"entry {number}" for number in range(1, len(entries) + 1)]
        else:
            self._problem("published", f"write a CSV file, or a list of {{{', '.join(PUBLISHED)}}}")
            return ()
        return tuple(
            entry
            for place, stated in zip(where, entries, strict=True)
            if (entry := self._published_entry(stated, place)) is not None
        )

    def _published_entry(self, stated: Any, place: str) -> dict[str, Any] | None:
        if not isinstance(stated, Mapping):
            self._problem("published", f"{place}: write {{{', '.join(PUBLISHED)}}}")
            return None
        for key in stated:
            if key not in PUBLISHED:
                near = suggest(str(key), PUBLISHED) or f" (there are {', '.join(PUBLISHED)})"
                self._problem("published", f"{place}: {key}: unknown{near}")
        texts = {key: str(stated.get(key) if stated.get(key) is not None else "").strip()
                 for key in PUBLISHED}  # fmt: skip
        for key, text in texts.items():
            if not text:
                detail = ", with page or table" if key == "source" else ""
                self._problem("published", f"{place}: {key} is missing{detail}")
        try:
            number = float(texts["value"])
        except ValueError:
            number = math.nan
        if texts["value"] and not math.isfinite(number):
            self._problem("published", f"{place}: value: {texts['value']!r} is not a number")
        return texts | {"value": number} if all(texts.values()) else None


def canonical(text: str) -> str:
    """An option as the option table spells it.

    Args:
        text: ``SECTION.option``, in any case, or one of :data:`SIDES`

    Raises:
        ValueError: if there is no such option
    """
    section, dot, name = text.strip().partition(".")
    if not dot and section.lower() in SIDES:
        return section.lower()
    if not dot:
        places = [s for s in option_table.SECTIONS if section.lower() in option_table.elsewhere(s)]
        near = f", did you mean '{places[0]}.{section}'?" if places else suggest(section, SIDES)
        raise ValueError(
            f"'{text}' is not an option{near or ', write SECTION.option, such as FEATS.type'}"
        )
    section = section.upper()
    if section not in option_table.SECTIONS:
        near = suggest(section, option_table.SECTIONS) or ", such as FEATS.type"
        raise ValueError(f"'{text}': no section of that name{near}")
    known = option_table.elsewhere(section)
    option = known.get(name.lower())
    if option is not None:
        return f"{section}.{option.name}"
    head, dot, rest = name.rpartition(".")
    if section == "DATA" and dot and rest.lower() in PER_DATABASE:
        return f"DATA.{head}.{PER_DATABASE[rest.lower()].name}"
    near = suggest(name, [option.name for option in known.values()]).replace("'", f"'{section}.", 1)
    raise ValueError(f"'{text}' is not an option{near}")


# ------------------------------------------------------------- values of options


def value_of(experiment: Experiment, option: str) -> str:
    """Value of an option in an experiment, as text for the table.

    Args:
        experiment: as resolved
        option: as `canonical` returns it

    Returns:
        text; :data:`NOTHING` where the option plays no part in the experiment
    """
    if option in SIDES:
        return " + ".join(sides(experiment)[option]) or NOTHING
    for varied, text in experiment.setting.items():
        if _canonical_or_none(varied) == option:
            return grid.shown(text)
    if option == grid.EXPERIMENT:
        return experiment.name.partition("--")[0] if experiment.setting else experiment.name
    section, _, name = option.partition(".")
    values = [_shown(value) for value in _resolved(experiment, section, name)]
    return ", ".join(dict.fromkeys(values)) or NOTHING


def _canonical_or_none(text: str) -> str | None:
    try:
        return canonical(text)
    except ValueError:
        return None


def _resolved(experiment: Experiment, section: str, name: str) -> list[Any]:
    """Values of an option, of each feature set or database one; none if it is not read."""
    e = experiment
    own = {
        "FEATS.type": [feature_set["type"] for feature_set in e.features],
        "MODEL.type": [e.model["type"]],
        "MODEL.measure": [e.evaluation["measure"]],
        "EXP.type": [e.task],
        "DATA.databases": [database["name"] for database in e.databases],
    }
    if e.fuses:
        # An ensemble of features stands beside the experiment on all of them.
        own["FEATS.type"] = e.model["options"]["features"]
        own["MODEL.type"] = [f"ensemble ({e.model['options']['method']})"]
    if f"{section}.{name}" in own:
        return own[f"{section}.{name}"]
    head, _, rest = name.rpartition(".")
    databases = [d for d in e.databases if not head or d["name"].lower() == head.lower()]
    of_databases = [
        source
        for database in databases
        for source in (e.split["databases"].get(database["name"], {}), database["options"])
    ]
    places: dict[str, list[Mapping[str, Any]]] = {
        "FEATS": [f["options"] for f in e.features] + [e.preprocessing, e.learning],
        "MODEL": [e.model["options"], e.split, e.learning, e.evaluation, e.analyses],
        "EXP": [e.as_dict(), e.evaluation, e.soft],
        "DATA": [*of_databases, e.as_dict(), e.split],
    }
    found = []
    for place in places.get(section, [e.plots, e.analyses]):
        if rest in place:
            found.append(place[rest])
    return [value for value in found if value is not None] or found[:1]


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def sides(experiment: Experiment) -> dict[str, list[str]]:
    """Names of the databases that are trained on, and of those that are tested."""
    split = experiment.split
    names = [database["name"] for database in experiment.databases]
    if split["strategy"] == "cross_data":
        return {"train": [*(split["trains"] or ())], "test": [*(split["tests"] or ())]}
    parts = {name: _part(split["databases"][name]) for name in names}
    tests = [name for name in names if parts[name] not in ("train", "dev")]
    return {
        "train": [
            name
            for name in names
            if parts[name] not in ("test", "dev") and name not in (split["tests"] or ())
        ],
        "test": split["tests"] or tests,
    }


def _part(options: Mapping[str, Any]) -> Any:
    """The part that all used rows of a database are in, or how it is split."""
    return options.get("only") or options["split_strategy"]


# ------------------------------------------------------------------------- cells


def lay_out(
    wanted: Iterable[Wanted], experiments: Sequence[Experiment]
) -> tuple[list[dict[str, Any]], list[Experiment]]:
    """Put experiments and controls into the cells of all tables.

    Args:
        wanted: tables of the config
        experiments: all of the config

    Returns:
        * a plain dict per table: ``name``, ``caption``, ``measure``, ``task``, ``seed``, ``best``,
          ``row_options``, ``column_options``, ``rows`` and ``columns`` (``label`` and ``control``),
          ``cells`` (``row``, ``column``, ``experiment``, ``control``, and ``of``, whose test set a
          control is for), ``published``, ``formats``
        * controls, each once, to be made beside the experiments

    Raises:
        UserError: with all problems, one line each
    """
    problems = Problems()
    made: dict[str, Experiment] = {}
    tables = []
    for one in wanted:
        table = _Layout(one, experiments, problems, made).table()
        if table is not None:
            tables.append(table)
    problems.raise_if_any()
    return tables, list(made.values())


class _Layout:
    """One table on its way from the config to cells."""

    def __init__(
        self,
        wanted: Wanted,
        experiments: Sequence[Experiment],
        problems: Problems,
        made: dict[str, Experiment],
    ) -> None:
        self.wanted = wanted
        self.experiments = experiments
        self.problems = problems
        self.made = made

    def _problem(self, text: str) -> None:
        self.problems.add(f"config: tables: {self.wanted.name}: {text}")

    def table(self) -> dict[str, Any] | None:
        """The table, or None behind a problem."""
        wanted = self.wanted
        before = len(self.problems.lines)
        members = self._members()
        measure = self._measure(members) if members else None
        rows: dict[str, int] = {}
        columns: dict[str, int] = {}
        cells: dict[tuple[int, int], Experiment] = {}
        for member in members:
            row, column = (
                places.setdefault(self._label(member, options), len(places))
                for places, options in ((rows, wanted.rows), (columns, wanted.columns))
            )
            first = cells.setdefault((row, column), member)
            if first is not member:
                names = f"{list(rows)[row]} / {list(columns)[column]}"
                self._problem(
                    f"two experiments in one cell ({names}): {first.name} and {member.name}; add "
                    "what distinguishes them to rows or columns, or leave one out by experiments"
                )
        published = [
            placed for entry in wanted.published if (placed := self._placed(entry, rows, columns))
        ]
        if len(self.problems.lines) > before:
            return None
        formats = dict.fromkeys(["png", *(f for m in members for f in m.plots["format"])])
        table = {
            "name": wanted.name,
            "caption": wanted.caption or wanted.name,
            "measure": measure,
            "task": members[0].task,
            "seed": members[0].seed,
            "row_options": [wanted.labels.get(option, option) for option in wanted.rows],
            "column_options": [wanted.labels.get(option, option) for option in wanted.columns],
            "rows": [{"label": label, "control": None} for label in rows],
            "columns": [{"label": label, "control": None} for label in columns],
            "cells": [
                {"row": row, "column": column, "experiment": member.name, "control": None}
                for (row, column), member in sorted(cells.items(), key=lambda item: item[0])
            ],
            "published": published,
            "formats": list(formats),
        }
        where = controls.placed(table, cells, wanted.controls, self.made)
        table["best"] = wanted.best or ("row" if where == "columns" else "column")
        return table

    def _members(self) -> list[Experiment]:
        if self.wanted.experiments is None:
            return list(self.experiments)
        found: dict[str, Experiment] = {}
        for pattern in self.wanted.experiments:
            matching = [e for e in self.experiments if _matches(pattern, e)]
            if not matching:
                names = dict.fromkeys(n for e in self.experiments for n in _names(e))
                near = suggest(pattern, names) or f" (there are {_some(names)})"
                self._problem(f"experiments: none is called '{pattern}'{near}")
            found |= {e.name: e for e in matching}
        # In the order of the config, however they are named here.
        return [e for e in self.experiments if e.name in found]

    def _measure(self, members: list[Experiment]) -> str | None:
        tasks = {member.task: member for member in members}
        if len(tasks) > 1:
            names = " and ".join(f"{member.name} ({task})" for task, member in tasks.items())
            self._problem(f"experiments: {names} have no measure in common, make two tables")
            return None
        task = next(iter(tasks))
        if self.wanted.measure is not None:
            if self.wanted.measure not in option_table.MEASURES[task]:
                self._problem(
                    f"measure: {self.wanted.measure} is not a measure of {task}, use one of "
                    f"{', '.join(option_table.MEASURES[task])}"
                )
            return self.wanted.measure
        own = {member.evaluation["measure"]: member for member in members}
        if len(own) > 1:
            detail = " and ".join(f"{member.name} has {measure}" for measure, member in own.items())
            self._problem(
                f"measure: {detail}: say which one is shown, such as measure: {next(iter(own))}"
            )
        return next(iter(own))

    def _label(self, member: Experiment, options: tuple[str, ...]) -> str:
        values = [value_of(member, option) for option in options]
        return ", ".join(self.wanted.labels.get(value, value) for value in values)

    def _placed(
        self, entry: dict[str, Any], rows: dict[str, int], columns: dict[str, int]
    ) -> dict[str, Any] | None:
        """A published value in its cell."""
        place = {}
        for key, known in (("row", rows), ("column", columns)):
            text = self.wanted.labels.get(entry[key], entry[key])
            if text not in known:
                near = suggest(text, known) or f" (there are {_some(known)})"
                self._problem(f"published: the table has no {key} '{entry[key]}'{near}")
            else:
                place[key] = known[text]
        return {**entry, **place} if len(place) == 2 else None


def _names(experiment: Experiment) -> list[str]:
    """By what an experiment can be named: itself, its grid, its ini."""
    return [experiment.name, *experiment.grids, experiment.name.partition("--")[0], experiment.ini]


def _matches(pattern: str, experiment: Experiment) -> bool:
    names = _names(experiment)
    return pattern in names or any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
