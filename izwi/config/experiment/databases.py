"""The databases of an experiment: where they are and how they are loaded."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from typing import Any

from izwi.config import compatibility
from izwi.config.experiment.entries import Entries, texts
from izwi.config.experiment.resolved import DatabaseSpec, FurtherFigures, LoadSpec
from izwi.config.experiment.splits import strategy_quietly
from izwi.config.options import PER_DATABASE, Option, convert
from izwi.config.root_folders import absent
from izwi.data import soft_labels
from izwi.splits.strategies import AFTERWARDS
from izwi.wording import count

# What is done with a target that is a number.
_NUMERIC = ("reverse", "reverse.max", "scale", "target_divide_by")
# Bytes, where check_size is True.
_SMALLEST = 1000
_LOAD_OPTIONS = (
    "audio_path",
    "target_tables",
    "target_tables_append",
    "files_tables",
    "train_tables",
    "dev_tables",
    "test_tables",
    "columns",
    "colnames",
    "label",
    "filter",
    "required",
    "limit_samples",
    "limit_samples_per_speaker",
    "min_duration_of_sample",
    "max_duration_of_sample",
    "check_size",
    *_NUMERIC,
    "rename_speakers",
    "unlabelled",
    "mapping",
    "version",
    "min_confidence",
    "max_uncertainty",
)


def read_load(
    entries: Entries, task: str, target: str, least: int
) -> tuple[list[str] | None, LoadSpec, FurtherFigures]:
    """Classes, and the options of loading that all databases share.

    Args:
        entries: of the ini
        task: classification or regression
        target: column that is predicted
        least: number of classes that a classification needs

    Returns:
        * classes, None if the data decide or there are none
        * the shared options
        * ``bins`` and ``bin_labels`` that also show a regression as a classification
    """
    binned: FurtherFigures = {}
    labels = texts(entries.get("DATA", "labels"))
    bins = entries.get("DATA", "bins")
    continuous = entries.get("DATA", "type") == "continuous"
    if labels is not None:
        for label in sorted({label for label in labels if labels.count(label) > 1}):
            entries.problem("DATA", "labels", f"'{label}' is named twice")
        if len(labels) < least and task == "classification":
            entries.problem("DATA", "labels", "a classification needs at least two")
    if bins is not None:
        if any(low >= high for low, high in itertools.pairwise(bins)):
            entries.problem("DATA", "bins", f"{bins} are not ascending")
        if labels is None:
            entries.problem(
                "DATA",
                "bins",
                f"labels are missing: name the {count(max(len(bins) - 1, 0), 'bin')}",
            )
        elif len(bins) != len(labels) + 1:
            entries.problem(
                "DATA",
                "bins",
                f"{count(len(labels), 'label needs', 'labels need')} {len(labels) + 1} limits, "
                f"there are {len(bins)}",
            )
    if task == "regression":
        keys = ["labels", "bins", "type"]
        if bins is not None and labels is not None:
            binned = {"bins": bins, "bin_labels": labels}
            keys = []
        unused = [
            f"[DATA] {entries.spelt(entries.general['DATA', key][0])}"
            for key in keys
            if ("DATA", key) in entries.general
        ]
        if unused:
            entries.notes.append(f"no effect in regression: {', '.join(unused)}")
        labels = bins = None
        continuous = False
    elif continuous and bins is None and labels is None:
        entries.problem(
            "DATA",
            "type",
            "continuous needs labels of the bins, such as labels = ['low', 'high']; their "
            "limits are in bins, or else quantiles of the training rows",
        )
    elif bins is not None and not continuous:
        entries.notes.append("[DATA] bins: taken as DATA.type = continuous")
        continuous = True
    load: LoadSpec = {
        "task": task,
        "target": target,
        "labels": labels,
        "continuous": continuous,
        "bins": bins,
        "seed": None,
    }
    return labels, load, binned


def read_database(entries: Entries, name: str) -> DatabaseSpec:
    """Kind, place and load options of a database."""
    normalise: dict[str, Callable[[Any], Any]] = {
        "filter": _filter,
        "mapping": _mapping,
        "colnames": _colnames,
    }
    options: dict[str, Any] = {}
    for key in _LOAD_OPTIONS:
        value = entries.get_of(name, key, normalise.get(key))
        options[key] = texts(value) if isinstance(value, list) and key != "filter" else value
    # The default is not in the key.
    if entries.get_of(name, "bad_segments") == "drop":
        options["bad_segments"] = "drop"
    later = limits_afterwards(entries)
    for key in later:
        # What stands for all databases acts on the parts, beside what stands for this one.
        own = entries.of_database.get((name, key))
        value = entries.convert(PER_DATABASE[key], "DATA", *own) if own else None
        options[key] = _filter(value) if key == "filter" and value else value
    general_filter = ("DATA", "filter") in entries.general and "filter" not in later
    if (name, "filter") in entries.of_database and general_filter:
        lower, value = entries.general["DATA", "filter"]
        try:
            general = _filter(convert(PER_DATABASE["filter"], value.text) or [])
            options["filter"] = [*(options["filter"] or []), *general]
        except ValueError as error:
            entries.problem("DATA", lower, str(error))
    # Only then may tables with a split define the parts for this target.
    strategy = strategy_quietly(entries, name)
    options["split_strategy"] = "database" if strategy == "database" else None
    # In nkululeko's inis, 0 means no limit.
    size = options["check_size"]
    options["check_size"] = _SMALLEST if size is True else size or None
    options["scale"] = bool(options["scale"])
    low = options["min_duration_of_sample"] = options["min_duration_of_sample"] or None
    high = options["max_duration_of_sample"] = options["max_duration_of_sample"] or None
    if low and high and low > high:
        entries.problems.add(
            f"[DATA] {name}.min_duration_of_sample: {low:g} is more than "
            f"max_duration_of_sample, {high:g}"
        )
    kind = entries.get_of(name, "type")
    kind, path = _source(entries, name, kind, options["version"])
    return {"name": name, "type": kind, "path": path, "options": options}


def limits_afterwards(entries: Entries) -> dict[str, Any]:
    """Filters and limits of all databases that act behind the split, with their values."""
    if not compatibility.wants(entries.ini):
        return {}
    found: dict[str, Any] = {}
    for name in AFTERWARDS:
        if entry := entries.general.get(("DATA", name)):
            value = entries.convert(PER_DATABASE[name], "DATA", *entry)
            try:
                found[name] = _filter(value) if name == "filter" and value else value
            except ValueError as error:
                entries.problem("DATA", entry[0], str(error))
    return {name: value for name, value in found.items() if value}


def check_numeric(entries: Entries, databases: Iterable[DatabaseSpec], load: LoadSpec) -> None:
    """Report options that compute with the target if it is no number."""
    if load["task"] == "regression" or load["continuous"]:
        return
    for database in databases:
        for key in _NUMERIC:
            if database["options"][key]:
                entries.problems.add(
                    f"[DATA] {database['name']}.{key}: classes are no numbers, so it is for "
                    "EXP.type = regression or DATA.type = continuous"
                )


def _source(
    entries: Entries, name: str, kind: str | None, version: str | None
) -> tuple[str | None, str | None]:
    """Kind and path of a database."""
    entry = entries.paths.get(name)
    text = ""
    if entry is not None:
        try:
            text = convert(Option("DATA", name, "path"), entry[1].text) or ""
        except ValueError as error:
            entries.problems.add(f"[DATA] {name}: {error}")
            return kind, None
    if kind == "demo":
        return kind, None
    if kind == "audb" or (kind is None and version):
        if not version:
            entries.problems.add(
                f"[DATA] {name}.version: missing, an audb database needs it, such as "
                f"{name}.version = 1.0.0"
            )
        return "audb", text or name
    if not text and entries.roots_broken:
        return kind, None
    if entry is None or not text:
        where = f" there or in {' or '.join(entries.roots)}" if entries.roots else ""
        entries.problems.add(
            f"[DATA] {name}: no path, add a line {name} = <its CSV, or its audformat folder>{where}"
        )
        return kind, None
    path, tried = entries.locate(text, entry[1].source)
    if path is None:
        hint = soft_labels.advice(
            tried, folders=[entries.file.parent, entries.cwd], cwd=entries.cwd
        )
        entries.problems.add(
            f"[DATA] {name}: no such file or folder: {' or '.join(tried)}{hint or absent(entry[1])}"
        )
        return kind, None
    if path in entries.made:
        if kind not in (None, "csv"):
            entries.problems.add(f"[DATA] {name}.type: {entries.made[path]} makes it, it is a csv")
        return "soft", path
    return _kind_of(entries, name, kind, path), path


def _kind_of(entries: Entries, name: str, kind: str | None, path: str) -> str | None:
    is_folder = os.path.isdir(path)
    is_audformat = is_folder and os.path.exists(os.path.join(path, "db.yaml"))
    if kind is None:
        if is_audformat:
            return "audformat"
        if not is_folder and path.lower().endswith((".csv", ".tsv")):
            return "csv"
        what = "a folder without db.yaml" if is_folder else "neither *.csv nor *.tsv nor a folder"
        entries.problems.add(
            f"[DATA] {name}: {path} is {what}; name its CSV file, or set {name}.type"
        )
    elif kind == "csv" and is_folder:
        entries.problems.add(f"[DATA] {name}: {path} is a folder; name the CSV file in it")
    elif kind == "audformat" and not is_audformat:
        entries.problems.add(
            f"[DATA] {name}: {path} is not an audformat database (a folder with db.yaml); "
            f"for a CSV file set {name}.type = csv"
        )
    return kind


def _filter(value: Any) -> list[list[Any]]:
    """Filters as a list of ``[column, [values]]``.

    Raises:
        ValueError: if it is neither a dict nor a list of pairs
    """
    if isinstance(value, dict):
        pairs = list(value.items())
    elif len(value) == 2 and not isinstance(value[0], list | tuple):
        pairs = [tuple(value)]
    else:
        pairs = list(value)
    result = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"{pair!r} is not a pair: write [[column, values], ...]")
        column, wanted = pair
        wanted = list(wanted) if isinstance(wanted, list | tuple | set) else [wanted]
        if not wanted or any(isinstance(v, dict | list | tuple) for v in wanted):
            raise ValueError(f"{pair!r}: name a column, and the values to keep")
        result.append([str(column), wanted])
    return result


def _mapping(value: dict[Any, Any]) -> dict[str, Any]:
    """Mapping as ``{"target": {...}}`` or ``{"columns": {column: {...}}}``.

    Raises:
        ValueError: if values are mixed, or a value is mapped twice
    """
    nested = [isinstance(v, dict) for v in value.values()]
    if not value:
        raise ValueError("is empty")
    if all(nested):
        return {"columns": {str(column): _expand(change) for column, change in value.items()}}
    if any(nested):
        raise ValueError("mixes {value: new value} with {column: {value: new value}}")
    return {"target": _expand(value)}


def _expand(change: dict[Any, Any]) -> dict[str, Any]:
    """``{'a, b': 'c'}`` as ``{'a': 'c', 'b': 'c'}``."""
    result: dict[str, Any] = {}
    for old, new in change.items():
        if isinstance(new, dict | list | tuple | set):
            raise ValueError(f"{old!r} becomes {new!r}, which is not a single value")
        for part in str(old).split(","):
            if result.setdefault(part.strip(), new) != new:
                raise ValueError(f"'{part.strip()}' is mapped twice")
    return result


def _colnames(value: dict[Any, Any]) -> dict[str, str]:
    """Renamings as text.

    Raises:
        ValueError: if two columns get one name
    """
    result = {str(old): str(new) for old, new in value.items()}
    for new in sorted(set(result.values())):
        if list(result.values()).count(new) > 1:
            raise ValueError(f"two columns would be named '{new}'")
    return result
