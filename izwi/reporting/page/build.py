"""From the files of a call to what its page shows."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from izwi import __version__
from izwi.data.audio import AudioError
from izwi.engine.plan import Unit
from izwi.files import is_made, read_json
from izwi.reporting import captions, history
from izwi.reporting.page import read
from izwi.reporting.page.files import MIME, MOST_SECONDS, Embedded, address, clip, millimetres
from izwi.reporting.page.markup import number
from izwi.reporting.page.mistakes import MOST, Mistake, most_confident
from izwi.wording import count

# Load unit's key and a file as its database writes it → where it lies, None where it is missing.
Place = Callable[[str, str], str | None]
MOST_REASONS = 3
# Formats that browsers show.
SHOWN = (".png", ".svg")
# Of which call an experiment is, the most wanted first.
CALLS = ("latest", "earlier")
# Pictures wider than a column of 85 mm get more room on the page.
LARGE = 100


class Builder:
    """Collects what the page shows.

    Args:
        base: folder of the page
        options: see `izwi.reporting.page.options`
        place: finds recordings
    """

    def __init__(self, base: str, options: dict[str, Any], place: Place) -> None:
        self.base = base
        self.audio = options["audio"]
        self.place = place
        half = options["megabytes"] * 1e6 / 2
        self.pictures, self.recordings = Embedded(half), Embedded(half)
        self._clips: dict[tuple[Any, ...], dict[str, Any]] = {}

    def content(
        self,
        experiments: Iterable[Unit],
        tables: Iterable[Unit],
        problems: list[str],
        commit: str,
        *,
        was_made: Callable[[str], bool] = is_made,
        known: Mapping[str, dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Content of the page.

        Args:
            experiments: units of the folders of experiments, in their order on the page
            tables: units of tables of results
            problems: what went wrong in this call, a line each
            commit: of izwi's source code, empty where it is unknown
            was_made: whether a file is there and of this call's config
            known: name of an experiment → ``status``, ``latest``, ``made``, ``config`` and
                ``history``, see `izwi.stages.page`; of one that is not there, nothing is known

        Returns:
            ``lead``, ``experiments`` (``summary`` and ``details`` of each), ``missing`` (``name``
            and ``reasons``), ``tables``, ``comparisons``, ``notes``
        """
        tables = list(tables)
        made, missing, wanted, asked = [], [], [], 0
        for unit in experiments:
            about = (known or {}).get(unit.label, {})
            asked += about.get("latest", True)
            if not was_made(unit.outputs["metrics"]):
                missing.append({"name": unit.label, "reasons": reasons(unit, problems)})
                if not about:
                    continue
            one = read.experiment(unit.outputs, about)
            record_loads = loads(unit.outputs["record"])
            self._add_files(one, unit)
            predictions = unit.outputs["predictions"]
            errors, count, rows = most_confident(predictions, one["details"]["task"])
            one["details"]["errors"] = {"n": count, "of": one["summary"]["n"], "rows": []}
            one["details"]["rows"] = rows
            wanted.append((one["details"], errors, record_loads))
            made.append(one)
        shown_tables = [self._table(unit) for unit in tables]
        # There may not be room for all.
        for call in CALLS:
            own = [one["details"] for one in made if one["summary"]["call"] == call]
            self._embed_pictures([details["pictures"] for details in own])
        for call in CALLS:
            self._add_errors([one for one in wanted if one[0]["call"] == call])
        return {
            "lead": lead(asked, len(missing), commit),
            "experiments": made,
            "missing": missing,
            "tables": shown_tables,
            "comparisons": [
                test
                for unit in tables
                if unit.stage == "comparisons"
                for test in read.comparisons(unit.outputs["comparisons"])
            ],
            "notes": self._notes(),
        }

    def _add_files(self, one: dict[str, Any], unit: Unit) -> None:
        """Pictures, texts and links of an experiment."""
        details = one["details"]
        # The page draws these from their figures.
        drawn = {
            "confusion_matrix": one["summary"]["confusion"],
            "learning_curve": details["curve"],
        }
        folder = Path(unit.outputs["metrics"]).parent
        details["pictures"] = [
            {
                "name": stem,
                "title": captions.title(stem),
                "caption": captions.seen(stem),
                "paths": paths,
                "drawn": drawn.get(stem) is not None,
            }
            for stem, paths in read.pictures(unit.outputs).items()
        ]
        details["texts"] = read.portable(read.texts(folder))
        names = ("metrics.json", "predictions.csv", "experiment.json", *details["texts"])
        names += ("spotlight.html",)
        files = {name: folder / name for name in names}
        if "table1.md" in files:
            files["table1.tex"] = folder / "table1.tex"
        files |= {"history": history.path_of(folder.parents[1], folder.name)}
        ini = Path(details["ini"])
        # One elsewhere on this computer is no business of those who get the page.
        if not ini.is_absolute() and ".." not in ini.parts:
            files["ini"] = ini
        there = {name: path for name, path in files.items() if path.is_file()}
        details["links"] = [[name, address(path, self.base)] for name, path in there.items()]

    def _embed_pictures(self, experiments: list[list[dict[str, Any]]]) -> None:
        """Embed the first picture of each experiment, then the second of each, and so on."""
        for picture in filter(None, itertools.chain(*itertools.zip_longest(*experiments))):
            paths = picture.pop("paths")
            picture["links"] = [
                [ending[1:].upper(), address(path, self.base)] for ending, path in paths.items()
            ]
            if not picture["drawn"]:
                picture |= self._picture(paths)

    def _picture(self, paths: dict[str, str]) -> dict[str, Any]:
        """Where the page finds a picture: ``file`` in itself or a ``link``, or neither."""
        for ending in SHOWN:
            if ending in paths:
                content = Path(paths[ending]).read_bytes()
                name = self.pictures.add(content, MIME[ending])
                place = {"file": name} if name else {"link": address(paths[ending], self.base)}
                return place | ({"large": True} if millimetres(content, ending) > LARGE else {})
        return {}

    def _add_errors(
        self, wanted: list[tuple[dict[str, Any], list[Mistake], dict[str, str]]]
    ) -> None:
        """Embed the surest error of each experiment, then the second of each, and so on."""
        for rank in range(MOST):
            for details, errors, of_database in wanted:
                if rank < len(errors):
                    error = errors[rank]
                    details["errors"]["rows"].append(
                        {
                            "file": read.without_places(error.file),
                            "from": error.start,
                            "to": error.end,
                            "database": error.database,
                            "speaker": error.speaker,
                            "run": error.run,
                            "truth": _value(error.truth, details["task"]),
                            "prediction": _value(error.prediction, details["task"]),
                            "weight": read.portable(error.weight),
                            "own": read.portable(error.own),
                            "audio": self._recording(error, of_database.get(error.database)),
                        }
                    )

    def _recording(self, error: Mistake, load: str | None) -> dict[str, Any] | None:
        """Where the page finds a recording, or why there is none."""
        if self.audio == "none":
            return None
        path = None if load is None else self.place(load, error.file)
        if path is None or not os.path.isfile(path):
            return {"missing": "the recording was not found when the page was made"}
        key = (path, error.start, error.end)
        if key not in self._clips:
            self._clips[key] = self._clip(path, error.start, error.end)
        return self._clips[key]

    def _clip(self, path: str, start: float, end: float | None) -> dict[str, Any]:
        if self.audio == "embed" and self.recordings.size < self.recordings.limit:
            try:
                content, seconds, whole = clip(path, start, end)
            except AudioError as error:
                return {"missing": str(error)}
            name = self.recordings.add(content, MIME[".flac"])
            if name is not None:
                cut = f"first {seconds:g} of {whole:.1f} s" if whole - seconds > 0.01 else ""
                return {"file": name, "note": cut}
        part = f"#t={start:g}" + ("" if end is None else f",{end:g}")
        link = address(path, self.base)
        return {"link": link + part if start or end is not None else link}

    def _table(self, unit: Unit) -> dict[str, Any]:
        """A table of results with its picture and files."""
        files = [path for path in unit.outputs.values() if is_made(path)]
        text, name = "", unit.label
        for path in files:
            if path.endswith(".md"):
                text = Path(path).read_text(encoding="utf-8").strip()
                text = text.removeprefix(f"# {name}\n")
        if not files:
            text = "This table could not be made."
        if not text:
            text = "\n".join(map(csv_as_markdown, (p for p in files if p.endswith(".csv"))))
        paths = {os.path.splitext(path)[1]: path for path in files}
        kind = unit.stage if unit.stage in captions.KINDS else captions.HEAT_MAP
        picture = self._picture(paths)
        return {
            "name": name,
            "markdown": read.without_places(text),
            "picture": picture,
            "alt": f"{captions.KINDS[kind][0]}: {name}",
            "caption": captions.seen(kind) if picture else "",
            "links": [[os.path.basename(path), address(path, self.base)] for path in files],
        }

    def _notes(self) -> list[str]:
        """Notes on the page itself."""
        notes = []
        if self.recordings.contents:
            notes.append(
                f"This page holds {count(len(self.recordings.contents), 'recording')} or parts "
                "of them "
                f"(at most {MOST_SECONDS:g} s each): give it to nobody who may not have them. "
                "With page: {audio: link} or {audio: none} in the config it holds none."
            )
        left_out = self.pictures.left_out + self.recordings.left_out
        if left_out or self.audio == "link":
            notes.append(
                "Some pictures or recordings are not in this page but linked: they are shown as "
                "long as it lies where it was made, beside the folders of the experiments."
            )
        return notes


def loads(record: str) -> dict[str, str]:
    """Name of a database → key of the unit that loads it.

    Args:
        record: path of experiment.json
    """
    content = read_json(record)
    keys = [unit["key"] for unit in content["stages"]["load"]]
    names = [database["name"] for database in content["databases"]]
    return dict(zip(names, keys, strict=True))


def reasons(unit: Unit, problems: list[str]) -> list[str]:
    """Why an experiment failed, as far as the problems of its inis say."""
    own = [
        read.without_places(line)
        for line in problems
        if any(line.startswith(f"{source}: ") for source in unit.sources)
    ]
    more = [f"and {len(own) - MOST_REASONS} more"] if len(own) > MOST_REASONS else []
    return [*own[:MOST_REASONS], *more] or ["the log of the call tells why"]


def lead(asked: int, missing: int, commit: str) -> str:
    """The line below the heading.

    Args:
        asked: experiments of the call
        missing: those of them that could not be made
        commit: of izwi's source code, empty where it is unknown
    """
    lacking = f"{missing} of {count(asked, 'experiment')} could not be made. " if missing else ""
    source = f" ({commit})" if commit else ""
    return f"{lacking}Written by izwi {__version__}{source}."


def csv_as_markdown(path: str, most: int = 200) -> str:
    """A CSV as a table of Markdown, its first rows if it is long."""
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(itertools.islice(csv.reader(stream), most + 1))
    if not rows:
        return ""
    lines = [rows[0], ["---"] * len(rows[0]), *([_short(cell) for cell in row] for row in rows[1:])]
    cut = f"\n\nThe first {most} rows." if len(rows) > most else ""
    return "\n".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |" for line in lines) + cut


def _short(cell: str) -> str:
    try:
        value = float(cell)
    except ValueError:
        return cell
    return cell if value.is_integer() else number(value)


def _value(text: str, task: str) -> str | float:
    """A truth or a prediction: a label as text, a number as a number."""
    return read.portable(float(text)) if task == "regression" else text
