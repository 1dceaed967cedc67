"""Grids: one ini with several values of some options becomes an experiment per combination."""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from izwi.config import multidb
from izwi.config.experiment import Experiment, resolve_read
from izwi.config.ini import Ini, literal, read_ini
from izwi.config.options import SECTIONS, WIDE, convert, elsewhere, suggest
from izwi.engine.keys import key_of
from izwi.errors import Problems, UserError
from izwi.wording import count

MOST_MEMBERS = 20_000
_LONGEST_NAME = 150  # bytes; a name is that of a folder, too
_FLAGS = {
    "models": "MODEL.type",
    "features": "FEATS.type",
    "balancing": "FEATS.balancing",
    "scale": "FEATS.scale",
    "target": "DATA.target",
}
_PREFIXES = {"model_": "MODEL", "feats_": "FEATS", "exp_": "EXP", "data_": "DATA"}
_ENTRY = ("inis", "ini", "grid", "name")
# Name of the axis of inis, if a grid covers several.
EXPERIMENT = "EXP.name"


@dataclass(frozen=True)
class Axis:
    """Options that change together, and the values they take.

    Args:
        options: such as ``FEATS.type``
        values: per step a text for each option, as an ini would hold it; None takes the option
            out of the ini
    """

    options: tuple[str, ...]
    values: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Grid:
    """What a config varies.

    Args:
        inis: inis that it applies to, as given; None for all of the config
        axes: the options that vary
        name: of the table of results; None: a table for each ini, of its name
    """

    inis: tuple[str, ...] | None
    axes: tuple[Axis, ...]
    name: str | None = None


def entries_of(value: Any, key: str, example: str, problems: Problems) -> list[Mapping[str, Any]]:
    """The entries of a key of a config that takes one mapping or a list of them.

    Args:
        value: of the key; None: it is not set
        key: its name, in the plural of what it lists
        example: of its list
        problems: takes what is wrong
    """
    entries = [value] if isinstance(value, Mapping) else [] if value is None else value
    if isinstance(entries, list) and all(isinstance(entry, Mapping) for entry in entries):
        return entries
    problems.add(f"config: {key}: write a list of {key}, such as {example}")
    return []


def read_grids(value: Any, find: Callable[[Any], list[str]], problems: Problems) -> list[Grid]:
    """Read ``grid`` of a config.

    Args:
        value: ``{option: values}``, or a list of ``{inis: paths, grid: {option: values}}``
        find: finds inis by path, glob, or a list of them
        problems: takes what is wrong
    """
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [Grid(None, _axes(value, problems))]
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        problems.add(
            "config: grid: write {option: [values]}, such as {MODEL.type: [svm, xgb]}, or a list "
            "of {inis: paths, grid: {option: [values]}}"
        )
        return []
    grids = []
    for entry in value:
        for key in entry:
            if key not in _ENTRY:
                near = suggest(str(key), _ENTRY) or f" (there are {', '.join(_ENTRY)})"
                problems.add(f"config: grid: {key}: unknown key{near}")
        if not isinstance(entry.get("grid"), Mapping):
            problems.add("config: grid: an entry of the list needs grid: {option: [values]}")
            continue
        name = entry.get("name")
        if name is not None and (not isinstance(name, str) or slug(name) != name):
            problems.add(f"config: grid: name: {name!r} is not a folder name")
        paths = entry.get("inis", entry.get("ini"))
        inis = None if paths is None else tuple(find(paths))
        grids.append(Grid(inis, _axes(entry["grid"], problems), name))
    return grids


def _axes(value: Mapping[Any, Any], problems: Problems) -> tuple[Axis, ...]:
    axes = []
    for key, steps in value.items():
        options = tuple(_option(part) for part in str(key).split(","))
        for option in options:
            section, _, name = option.partition(".")
            if not name or section not in SECTIONS or section == "FLAGS":
                near = suggest(section, SECTIONS) if name else ""
                problems.add(
                    f"config: grid: '{option}' is not an option{near or ', write SECTION.option'}, "
                    "such as FEATS.type"
                )
        steps = steps if isinstance(steps, list) else [steps]
        try:
            axes.append(_axis(options, steps))
        except ValueError as error:
            problems.add(f"config: grid: {key}: {error}")
    if not value:
        problems.add("config: grid: is empty, name options and their values")
    return tuple(axes)


def _option(text: str) -> str:
    section, dot, name = text.strip().partition(".")
    return f"{section.upper()}{dot}{name}"


def _axis(options: tuple[str, ...], steps: list[Any]) -> Axis:
    """An axis.

    Raises:
        ValueError: if values are missing, twice there, or fewer or more than options
    """
    if not steps:
        raise ValueError("has no values")
    # A dict, since searching a long axis for each value would be slow.
    values: dict[tuple[str | None, ...], None] = {}
    for step in steps:
        each = [step] if len(options) == 1 else step
        if not isinstance(each, list | tuple) or len(each) != len(options):
            raise ValueError(
                f"{step!r} is not a list of {count(len(options), 'value')}, one per option"
            )
        texts = tuple(_text(value) for value in each)
        if texts in values:
            raise ValueError(f"{step!r} is named twice")
        values[texts] = None
    return Axis(options, tuple(values))


def _text(value: Any) -> str | None:
    """A value as an ini holds it."""
    if value is None or isinstance(value, str):
        return value
    return repr(value)


def flags(ini: Ini) -> tuple[Axis, ...]:
    """Take the section FLAGS out of an ini.

    Returns:
        its axes; problems are in the ini's ``problems``
    """
    axes = []
    for lower, value in ini.sections.pop("FLAGS", {}).items():
        head = next((prefix for prefix in _PREFIXES if lower.startswith(prefix)), "")
        if lower == "name_target":
            options: tuple[str, ...] = (EXPERIMENT, "DATA.target")
        elif lower in _FLAGS:
            options = (_FLAGS[lower],)
        elif head:
            options = (f"{_PREFIXES[head]}.{lower.removeprefix(head)}",)
        else:
            near = next(
                (
                    f", did you mean '{prefix}{lower}'?"
                    for prefix, section in _PREFIXES.items()
                    if lower in elsewhere(section)
                ),
                suggest(lower, [*_FLAGS, "name_target"]),
            )
            ini.problems.append(f"[FLAGS] {ini.spelling.get(lower, lower)}: unknown option{near}")
            continue
        try:
            steps = convert(WIDE["FLAGS"]["models"], value.text)
            axes.append(_axis(options, steps or []))
        except ValueError as error:
            ini.problems.append(f"[FLAGS] {ini.spelling.get(lower, lower)}: {error}")
    return tuple(axes)


def expand(path: str, grids: Iterable[Grid], *, cwd: Path, **more: Any) -> list[Experiment]:
    """Resolve an ini, or all members of its grids. It is read once.

    Args:
        path: the ini
        grids: the config's; those for other inis are ignored
        cwd: working directory
        more: further arguments of `experiment.resolve_read`

    Returns:
        the experiment, or one for each combination of values

    Raises:
        UserError: with all problems, each once, however many members have it
    """
    file = cwd / os.path.expanduser(path)
    try:
        ini = read_ini(file)
        own = flags(ini)
    except UserError as error:
        raise UserError([f"{path}: {line}" for line in error.problems]) from None
    mine = [grid for grid in grids if grid.inis is None or path in grid.inis]
    if pairs := multidb.take(ini):
        return _crossed(path, pairs, [*mine, *own], cwd=cwd, **more)
    if not mine and not own:
        return [resolve_read(ini, path, cwd=cwd, **more)]
    found: dict[tuple, Experiment] = {}
    problems = Counter[str]()
    n = 0
    for grid in mine or [Grid(None, ())]:
        # What the config varies replaces the ini's own section.
        varied = {option for axis in grid.axes for option in axis.options}
        axes = [axis for axis in own if not varied & set(axis.options)]
        axes += grid.axes
        size = math.prod(len(axis.values) for axis in axes)
        if size > MOST_MEMBERS:
            raise UserError(f"{path}: the grid has {size} members; at most {MOST_MEMBERS} are run")
        table = grid.name or _own_name(ini, file)
        for steps in itertools.product(*(axis.values for axis in axes)):
            n += 1
            setting = {
                option: text
                for axis, texts in zip(axes, steps, strict=True)
                for option, text in zip(axis.options, texts, strict=True)
            }
            before = found.get(tuple(setting.items()))
            if before is not None:
                found[tuple(setting.items())] = replace(before, grids=(*before.grids, table))
                continue
            try:
                experiment = resolve_read(ini, path, cwd=cwd, overrides=setting, **more)
            except UserError as error:
                problems.update(error.problems)
                continue
            name = member_name(experiment.name, axes, setting)
            found[tuple(setting.items())] = replace(
                experiment, name=name, setting=setting, grids=(table,)
            )
    if problems:
        options = {o.lower() for grid in mine for axis in grid.axes for o in axis.options}
        raise UserError([_told(line, path, count, n, options) for line, count in problems.items()])
    return _distinct(list(found.values()))


def _crossed(
    path: str, pairs: list[multidb.Pair], varied: list[Any], **more: Any
) -> list[Experiment]:
    """An experiment for each pair of databases.

    Raises:
        UserError: with all problems, each once, however many pairs have it
    """
    if varied:
        raise UserError(
            f"{path}: [EXP] databases: a grid cannot vary an ini that crosses databases: write an "
            "ini for each setting, or an ini for each pair"
        )
    if not pairs[0].name:
        # Without the databases all else would look wrong, too.
        raise UserError([f"{path}: {line}" for line in pairs[0].ini.problems])
    found, problems = [], Counter[str]()
    for pair in pairs:
        try:
            one = resolve_read(pair.ini, path, overrides=pair.setting, **more)
        except UserError as error:
            problems.update(error.problems)
            continue
        found.append(
            replace(one, name=f"{one.name}--{pair.name}", setting=pair.setting, crossed=one.name)
        )
    if problems:
        raise UserError(
            [
                line if n == len(pairs) else f"{line} (in {n} of {len(pairs)} pairs of databases)"
                for line, n in problems.items()
            ]
        )
    return found


def member_name(base: str, axes: Iterable[Axis], setting: Mapping[str, str | None]) -> str:
    """Name of a member: ``<base>--<option>_<value>…``, short enough for a folder."""
    parts = [
        f"{option}_{slug(setting[option])}"
        for axis in axes
        # A value with its own name represents all options that change with it.
        if EXPERIMENT not in axis.options
        for option in axis.options
    ]
    name = "--".join([base, *(slug(part) for part in parts)])
    if len(name.encode()) > _LONGEST_NAME:
        short = name.encode()[: _LONGEST_NAME - 7].decode(errors="ignore")
        name = f"{short}-{key_of(dict(setting))[:6]}"
    return name


def slug(text: str | None) -> str:
    """A value as a piece of a file name: ``['os', 'praat']`` is ``os+praat``."""
    if text is None:
        return "default"
    try:
        value = literal(text)
    except ValueError:
        value = text
    if isinstance(value, list | tuple):
        text = "+".join(map(str, value))
    return re.sub(r"[^\w.+-]+", "-", text).strip("-") or "empty"


def _distinct(experiments: list[Experiment]) -> list[Experiment]:
    """Members whose values look alike in a file name get a key."""
    counts = Counter(experiment.name.lower() for experiment in experiments)
    return [
        replace(e, name=f"{e.name}-{key_of(e.setting)[:6]}") if counts[e.name.lower()] > 1 else e
        for e in experiments
    ]


def _told(line: str, path: str, count: int, members: int, options: set[str]) -> str:
    """A problem with the place to fix it: the grid in the config, or the ini."""
    text = line.removeprefix(f"{path}: ")
    head = re.match(r"\[(\w+)\] ([^:,]+)", text)
    if head and f"{head[1]}.{head[2]}".lower() in options:
        return f"{path}: grid: {text}"
    return line if count == members else f"{line} (in {count} of {members} members of the grid)"


def _own_name(ini: Ini, file: Path) -> str:
    """Name of the ini, whatever its members are."""
    entry = ini.sections.get("EXP", {}).get("name")
    text = str(literal(entry.text)) if entry and entry.text[:1] not in "[{(" else file.stem
    return slug(text.replace("\\", "/").rstrip("/.").rpartition("/")[2] or file.stem)


def tables(experiments: Iterable[Experiment]) -> dict[str, dict[str, Any]]:
    """The contents of the tables of results.

    Returns:
        name → ``axes`` (options, in order), ``members`` (``name``, ``values``: a text per axis) and
        ``formats`` of its picture
    """
    members: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        for name in experiment.grids:
            members.setdefault(name, []).append(experiment)
    return {name: _table(own) for name, own in members.items()}


def _table(experiments: list[Experiment]) -> dict[str, Any]:
    axes = list(dict.fromkeys(option for e in experiments for option in e.setting))
    several = len({e.ini for e in experiments}) > 1
    if several and EXPERIMENT not in axes:
        axes.insert(0, EXPERIMENT)
    rows = []
    for experiment in experiments:
        values = {axis: experiment.setting.get(axis) for axis in axes}
        if several:
            values[EXPERIMENT] = values[EXPERIMENT] or experiment.name.partition("--")[0]
        rows.append({"name": experiment.name, "values": {a: shown(v) for a, v in values.items()}})
    formats = dict.fromkeys(["png", *(f for e in experiments for f in e.plots["format"])])
    return {"axes": axes, "members": rows, "formats": list(formats)}


def shown(text: str | None) -> str:
    """A value for readers: lists without brackets."""
    if text is None:
        return "default"
    try:
        value = literal(text)
    except ValueError:
        return text
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else text
