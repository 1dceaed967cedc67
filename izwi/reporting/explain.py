"""Where a number comes from: ini lines, split, features, model, predictions, figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from izwi.config import options as table
from izwi.config.experiment import Experiment, resolve_read
from izwi.config.ini import Ini, read_ini
from izwi.config.options import Option, suggest
from izwi.config.root_folders import read_roots, root_file
from izwi.errors import UserError
from izwi.files import read_json
from izwi.reporting.numbers import interval, measured
from izwi.reporting.record import (
    METRICS,
    RECORD,
    Metrics,
    Record,
    database_names,
    members,
    predicted,
    versions,
)
from izwi.wording import count

SHOWN = 5  # of what has changed
# Shown for an option that no stage reads.
_NOWHERE = "changes no result"


@dataclass(frozen=True)
class IniLine:
    """An option that an ini, or a root file, gives.

    Args:
        where: file and line
        text: ``[SECTION] name = value``
        stage: what reads it, or that nothing does
    """

    where: str
    text: str
    stage: str


class Results:
    """The results of an experiment: its folder, and the files that its records name.

    Args:
        folder: ``<results>/experiments/<name>``
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.parent.parent
        self.record: Record = read_json(folder / "experiment.json")
        self.metrics: Metrics = read_json(folder / "metrics.json")
        # Paths are as they were when the results were made, perhaps elsewhere.
        self.made_in = Path(self.record["stages"]["evaluate"]["files"]["metrics"]).parents[2]

    def place(self, path: str) -> Path:
        """Where a file that the records name lies now."""
        try:
            return self.root / Path(path).relative_to(self.made_in)
        except ValueError:
            return Path(path)

    def shown(self, path: str) -> str:
        """A file that the records name, and whether it is there."""
        found = self.place(path)
        return f"{found}" + ("" if found.exists() else "  (not here)")

    def report(self, path: str) -> dict[str, Any]:
        """A report that the records name; empty where it is not there."""
        found = self.place(path)
        return read_json(found) if found.is_file() else {}


def find(name: str, results: str | Path = "results") -> Results:
    """The results of an experiment.

    Args:
        name: of the experiment, or its folder
        results: folder of results

    Raises:
        UserError: if there is no such experiment
    """
    for folder in (Path(name), Path(results, "experiments", name)):
        if (folder / RECORD).is_file() and (folder / METRICS).is_file():
            return Results(folder.resolve() if folder.name in ("", ".", "..") else folder)
    there = sorted(path.parent.name for path in Path(results).glob(f"experiments/*/{RECORD}"))
    if not there:
        raise UserError(
            f"no experiment '{name}': {results} holds no results; run its ini, or say --results"
        )
    near = suggest(name, there) or f"; there are {', '.join(there[:10])}" + (
        f" and {len(there) - 10} more" if len(there) > 10 else ""
    )
    raise UserError(f"no experiment '{name}' in {results}{near}")


def explain(found: Results, *, cwd: Path) -> str:
    """The way to an experiment's figure, as text.

    Args:
        found: its results
        cwd: the working directory, which paths of inis are relative to
    """
    sections = [
        ("", [_headline(found)]),
        *_asked(found, cwd),
        ("data (stage load)", _data(found)),
        ("split", _split(found)),
    ]
    if found.record["features"]:
        sections.append(("features", _features(found)))
    if found.record["model"]["type"]:
        fused = members(found.record)
        sections += [
            ("ensemble", _ensemble(found)) if fused else ("model (stage train)", _model(found)),
            ("predictions", _predictions(found)),
            ("figure (stage evaluate)", _measured(found)),
        ]
    sections.append(("software", _software(found)))
    blocks = []
    for title, lines in sections:
        indent = "  " if title else ""
        blocks.append("\n".join([*([title] if title else []), *(f"{indent}{x}" for x in lines)]))
    return "\n\n".join(blocks) + "\n"


# ------------------------------------------------------------------------- ini


def ini_lines(ini: Ini, path: Path, record: Record, cwd: Path) -> list[IniLine]:
    """All options that an ini gives, those of its root file included, in the order of lines.

    Args:
        ini: its content
        path: where it lies
        record: content of experiment.json
        cwd: the working directory
    """
    names = database_names(record)
    entries = [
        (section, lower, value, str(path), ini.spelling.get(lower, lower))
        for section, values in ini.sections.items()
        for lower, value in values.items()
    ]
    root = root_file(ini, path.parent, cwd)
    if root is not None:
        own = ini.sections.get("DATA", {})
        roots = read_roots(root, names)
        entries += [
            ("DATA", lower, value, str(root), roots.spelling.get(lower, lower))
            for lower, value in roots.sections["DATA"].items()
            if lower not in own
        ]
    return [
        IniLine(
            f"{file}:{value.line}",
            f"[{section}] {spelt} = {' '.join(value.text.split())}",
            _reader(section, lower, record, names),
        )
        for section, lower, value, file, spelt in entries
    ]


def _reader(section: str, lower: str, record: Record, names: list[str]) -> str:
    option = _option(section, lower, record, names)
    if option is None:
        return "load" if lower in [name.lower() for name in names] else "unknown"
    if option.status != "ok":
        return _NOWHERE
    return _NOWHERE if option.stage == "none" else option.stage


def _option(section: str, lower: str, record: Record, names: list[str]) -> Option | None:
    if section == "DATA":
        for name in sorted(names, key=len, reverse=True):
            if lower.startswith(f"{name.lower()}."):
                return table.PER_DATABASE.get(lower[len(name) + 1 :])
    kinds = {"FEATS": [spec["type"] for spec in record["features"]]}
    kinds["MODEL"] = [record["model"]["type"]]
    package = {"FEATS": "features", "MODEL": "models"}.get(section)
    for kind in kinds.get(section, ()):
        own = table.own_options(package, kind) if package else {}
        if lower in own:
            return own[lower]
    return table.WIDE.get(section, {}).get(lower) or table.elsewhere(section).get(lower)


def _asked(found: Results, cwd: Path) -> Iterator[tuple[str, list[str]]]:
    """What the ini says, line by line, and what has changed since."""
    record = found.record
    path = _ini_of(found, cwd)
    if path is None:
        yield (
            f"asked for by {record['ini']}",
            ["which is not here: what follows is what was recorded when the results were made"],
        )
        return
    try:
        ini = read_ini(path)
        entries = ini_lines(ini, path, record, cwd)
    except UserError as error:
        yield (f"asked for by {path}", error.problems)
        return
    width = max((len(entry.where) for entry in entries), default=0)
    text = max((len(entry.text) for entry in entries if len(entry.text) < 90), default=0)
    lines = [f"{entry.where:<{width}}  {entry.text:<{text}}  → {entry.stage}" for entry in entries]
    lines += [f"{'a grid':<{width}}  {name} = {value}" for name, value in record["setting"].items()]
    yield "asked for by", lines
    changed = _changed(ini, path, record, cwd)
    if changed:
        yield "changed since: these results are of an earlier ini", changed


def _ini_of(found: Results, cwd: Path) -> Path | None:
    """The ini where it was, beside the results, or among the inis of an archive."""
    name = Path(found.record["ini"])
    places = (cwd / name, found.root.parent / name, found.root.parent / "inis" / name.name)
    for place in places:
        if place.is_file():
            return Path(name) if place == cwd / name else place
    return None


def _changed(ini: Ini, path: Path, record: Record, cwd: Path) -> list[str]:
    """Options whose values are not those that the results were made with."""
    try:
        now = resolve_read(ini, path, cwd=cwd, overrides=record["setting"])
    except UserError:
        # Its data lie elsewhere, or another ini makes them: nothing to compare with.
        return []
    lines = []
    content: dict[str, Any] = {**record}
    before = dict(_leaves({key: content[key] for key in _compared(now)}))
    after = dict(_leaves(_compared(now)))
    for place in {**before, **after}:
        then, this = before.get(place, "not given"), after.get(place, "not given")
        if then != this:
            lines.append(f"{place}: {then} then, {this} now")
    more = len(lines) - SHOWN
    return lines[:SHOWN] + ([f"… and {more} more"] if more > 0 else [])


def _compared(experiment: Experiment) -> dict[str, Any]:
    """What results depend on; where a database lies is not part of it."""
    content = experiment.as_dict()
    keys = ("target", "labels", "seed", "runs", "load", "split", "features", "preprocessing")
    further = ("model", "learning", "evaluation", "segmentation")
    return {key: content[key] for key in (*keys, *further)}


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, own in value.items():
            yield from _leaves(own, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(own, dict) for own in value):
        for i, own in enumerate(value):
            yield from _leaves(own, f"{place}[{i}]")
    else:
        yield place, list(value) if isinstance(value, tuple) else value


# -------------------------------------------------------------------- sections


def _headline(found: Results) -> str:
    metrics = found.metrics
    if not found.record["model"]["type"]:
        return f"{found.record['name']}: no model, only its data are described"
    speakers = metrics["n_speakers"]
    who = "speakers unknown" if speakers is None else count(speakers, "speaker")
    return (
        f"{found.record['name']}: {metrics['measure']} {measured(metrics['value'])} "
        f"{_interval(metrics['ci'])}, {count(metrics['n_evaluated'], 'sample')}, {who}"
    )


def _interval(pair: list[float | None] | None) -> str:
    return interval(pair) or "(no interval)"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in values.items() if value is not None)


def _data(found: Results) -> list[str]:
    lines = []
    for database, stage in zip(
        found.record["databases"], found.record["stages"]["load"], strict=True
    ):
        report = found.report(stage["files"]["report"])
        where = database["path"] or "made by a rule"
        lines.append(f"{database['name']}: {database['type']}, {where}")
        options = {k: v for k, v in database["options"].items() if v not in (None, False)}
        if options:
            lines.append(f"  options: {_pairs(options)}")
        if "counts" in report:
            counts = report["counts"]
            why = ", ".join(f"{reason} {n}" for reason, n in counts["dropped"].items())
            left = f" (left out: {why})" if why else ""
            lines.append(f"  rows: {counts['used']} of {counts['listed']} listed{left}")
        lines.append(f"  table: {found.shown(stage['files']['table'])}, key {stage['key']}")
    for stage in found.record["stages"].get("segment", ()):
        counts = found.report(stage["files"]["report"]).get("counts", {}).get("segmentation", {})
        what = ", ".join(f"{name} {n}" for name, n in counts.items() if n)
        lines.append(f"  segments ({what}): {found.shown(stage['files']['table'])}")
    return lines


def _split(found: Results) -> list[str]:
    stage = found.record["stages"]["split"]
    spec = found.record["split"]
    report = found.report(stage["files"]["report"])
    kind = {k: spec[k] for k in ("logo", "k_fold_cross", "trains", "tests") if spec[k]}
    lines = [f"kind: {_pairs(kind)}"] if kind else []
    for name, own in spec["databases"].items():
        shown = _pairs({k: v for k, v in own.items() if v is not None})
        if shown:
            lines.append(f"{name}: {shown}")
    for part, n in report.get("counts", {}).items():
        if n:
            speakers = report["speakers"].get(part)
            of = f" of {count(speakers, 'speaker')}" if speakers else ""
            folds = report["n_folds"] and part != "unused"
            lines.append(f"{'fold ' if folds else ''}{part}: {count(n, 'row')}{of}")
    lines += [f"note: {line}" for line in report.get("notes", ())]
    lines.append(f"file: {found.shown(stage['files']['split'])}, key {stage['key']}")
    return lines


def _features(found: Results) -> list[str]:
    record = found.record
    stages = record["stages"]["features"]
    sets = record["features"]
    lines = []
    for i, stage in enumerate(stages):
        # A matrix for each database and feature set, in this order.
        spec = sets[i % len(sets)]
        database = record["databases"][i // len(sets)]["name"]
        report = found.report(stage["files"]["report"])
        size = (
            f": {count(report['rows'], 'row')}, {count(len(report['features']), 'feature')}"
            if report
            else ""
        )
        lines.append(f"{spec['type']} of {database}{size}")
        if spec["options"]:
            lines.append(f"  options: {_pairs(spec['options'])}")
        lines.append(f"  matrix: {found.shown(stage['files']['matrix'])}, key {stage['key']}")
        store = report.get("spec", {}).get("store")
        if store:
            lines.append(f"  store: {found.shown(store)}")
    return lines


def _model(found: Results) -> list[str]:
    record = found.record
    stage = record["stages"]["train"]
    report = found.report(stage["files"]["report"])
    scale = record["preprocessing"]["scale"]
    of = "each speaker's samples" if scale == "speaker" else "training rows"
    lines = [f"scale: {scale}, fitted on {of}" if scale else "scale: none"]
    if record["preprocessing"]["features"]:
        lines.append(f"features used: {', '.join(record['preprocessing']['features'])}")
    lines += [f"{key}: {value}" for key, value in record["learning"].items()]
    lines.append(f"{record['model']['type']}: {_pairs(record['model']['options'])}")
    for run in report.get("runs", ()):
        rows = [(fold["n_train"], fold["n_dev"], fold["n_test"]) for fold in run["folds"]]
        train = _range([n for n, _, _ in rows], "row")
        folds = f" in each of {len(rows)} folds" if len(rows) > 1 else ""
        dev, test = (sum(column) for column in list(zip(*rows, strict=True))[1:])
        made = [fold.get("n_augmented", 0) for fold in run["folds"]]
        copies = f" and {_range(made, 'copy', 'copies')}" if any(made) else ""
        lines.append(
            f"run {run['run']}: seed {run['seed']}, {train}{copies} to train on{folds}, "
            f"{dev} dev, {test} tested"
        )
    lines += [f"note: {line}" for line in report.get("notes", ())]
    lines.append(f"report: {found.shown(stage['files']['report'])}, key {stage['key']}")
    return lines


def _range(numbers: list[int], *noun: str) -> str:
    """``8 rows``, ``264 to 288 rows``."""
    most = count(max(numbers), *noun)
    return most if min(numbers) == max(numbers) else f"{min(numbers)} to {most}"


def _ensemble(found: Results) -> list[str]:
    """The members of an ensemble, and their weights."""
    stage = found.record["stages"]["ensemble"]
    about = found.report(stage["files"]["report"]).get("ensemble", {})
    lines = [f"method: {found.record['model']['options']['method']}"]
    lines += [
        f"member {name}: predictions {found.shown(unit['files']['predictions'])}, key {unit['key']}"
        for name, unit in zip(members(found.record), found.record["stages"]["members"], strict=True)
    ]
    for one in about.get("learned", ()):
        where = f"run {one['run']}" + (f", fold {one['fold']}" if one["fold"] else "")
        if "weights" in one:
            told = ", ".join(f"{name} {measured(w)}" for name, w in one["weights"].items())
            lines.append(f"weights of {where}: {told}")
        else:
            lines.append(f"regression of {where}: fitted on {count(one['n'], 'training row')}")
    lines.append(f"report: {found.shown(stage['files']['report'])}, key {stage['key']}")
    return lines


def _predictions(found: Results) -> list[str]:
    metrics = found.metrics
    return [
        f"{count(metrics['n_test'], 'row')}, {metrics['n_evaluated']} of them with a truth, "
        f"{metrics['runs']} run{'s' * (metrics['runs'] != 1)}",
        f"as made: {found.shown(predicted(found.record)['files']['predictions'])}",
        f"to read: {found.folder / 'predictions.csv'}",
    ]


def _measured(found: Results) -> list[str]:
    metrics, stage = found.metrics, found.record["stages"]["evaluate"]
    measure = metrics["measure"]
    lines = [f"{measure} = {measured(metrics['value'])}{_sum(metrics)}"]
    if metrics["runs"] > 1:
        runs = ", ".join(measured(run[measure]) for run in metrics["per_run"])
        lines.append(f"mean of the runs: {runs}")
    lines.append(f"95 % interval {_interval(metrics['ci'])}: {metrics['ci_method']}")
    chance = metrics.get("chance", {}).get(measure)
    lines.append(f"by chance: {measured(chance)}")
    if baseline := metrics.get("baseline"):
        lines.append(f"{baseline['kind']}: {measured(baseline[measure])}")
    lines += [f"warning: {line}" for line in metrics["warnings"]]
    lines.append(f"file: {found.folder / METRICS}, key {stage['key']}")
    return lines


def _sum(metrics: Metrics) -> str:
    """How the value follows from counts, if that fits into a line."""
    if metrics["value"] is None or metrics["runs"] > 1:
        return ""
    confusion = metrics["confusion"]
    if confusion and metrics["measure"] in ("uar", "accuracy"):
        hits = [row[i] for i, row in enumerate(confusion["counts"])]
        sizes = [sum(row) for row in confusion["counts"]]
        if metrics["measure"] == "accuracy":
            return f": {sum(hits)} of {sum(sizes)} right"
        shown = [
            f"{label} {hit}/{size}"
            for label, hit, size in zip(confusion["labels"], hits, sizes, strict=True)
            if size
        ]
        return f": mean recall of {', '.join(shown)}"
    return f": over {count(metrics['n_evaluated'], 'sample')}"


def _software(found: Results) -> list[str]:
    record = found.record
    return [f"izwi {record['izwi']}, {versions(record)}", f"seed {record['seed']}"]
