"""Data of an experiment for use elsewhere: audio at a rate and in a format, tables beside it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import no_link, write_json
from izwi.wording import count

if TYPE_CHECKING:
    import pandas as pd

    from izwi.config.experiment import Experiment
    from izwi.config.experiment.resolved import ExportSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit


def _sentence(spec: dict[str, Any]) -> str:
    if not spec["audio"]:
        return ""
    rate = f" at {spec['rate']} Hz, resampled by audresample" if spec["rate"] else ""
    if spec["section"] == "SEGMENT" or spec["segments_as_files"]:
        return f"Segments were written as {spec['format'] or 'wav'} files{rate}, for use elsewhere."
    if spec["format"] is None:
        return "The recordings were copied, for use elsewhere."
    return f"The recordings were written as {spec['format']} files{rate}, for use elsewhere."


STAGE = Stage(
    name="export_data",
    outputs={"header": "exported_data/{database}-{key}/export.json"},
    scope="experiment",
    after=("database", "load", "annotate", "split", "segment", "segment_split"),
    mem_mb=4000,
    minutes=240,
    imports=("pandas", "izwi.exporting.export", "izwi.exporting.tables"),
    several=True,
    end=True,
    methods=_sentence,
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """A folder for each export that the ini asks for."""
    return [_unit(experiment, spec, planned, planner) for spec in experiment.exports]


def _unit(experiment: Experiment, spec: ExportSpec, planned: Planned, planner: Planner) -> Unit:
    settings = {
        **spec,
        "target": experiment.target,
        "same_speakers": experiment.split["same_speakers"],
        "fail_threshold": experiment.fail_threshold,
    }
    # Where a link leads changes nothing of the files.
    settings.pop("place")
    of_segments = spec["section"] == "SEGMENT"
    key = key_of(
        STAGE.name,
        settings,
        planned.parts.key,
        [table.key for table in planned.tables],
        # Tables without audio name the originals, and audio is named by its place among others.
        [content.paths or os.path.abspath(content.path) for content in planned.contents],
        code_of(__name__),
        versions_of(("audformat", "audresample", "numpy", "pandas", "soundfile")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=f"{spec['name']} of {experiment.name}",
        spec={
            **settings,
            "names": [table.label for table in planned.tables],
            "tables": [table.key for table in planned.tables],
        },
        inputs={
            "tables": [table.outputs["table"] for table in planned.tables],
            "split": planned.parts.outputs["split"],
            "recordings": [one.outputs["table"] for one in planned.recordings if of_segments],
            "recordings_split": planned.one("split").outputs["split"],
            "cuts": planned.outputs("segment", "cuts") if of_segments else [],
            "databases": [
                content.unit.outputs["header"]
                for content in planned.contents
                if content.unit and "header" in content.unit.outputs
            ],
        },
        source=experiment.ini,
        database=slug(spec["name"]),
    )
    return unit


def run(unit: Unit, job: Job) -> None:
    """Write the folder of one export; ``export.json`` comes last and lists its files."""
    import pandas as pd

    from izwi.exporting import tables as written

    folder, spec = Path(unit.outputs["header"]).parent, unit.spec
    _empty(folder)
    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    split = pd.read_parquet(unit.inputs["split"])
    places = {
        name: job.listing(job.plan.table(key)).places
        for name, key in zip(spec["names"], spec["tables"], strict=True)
    }

    def rows(some: list[pd.DataFrame], their_split: pd.DataFrame) -> pd.DataFrame:
        return written.rows_of(
            some, their_split, spec["target"], same_speakers=spec["same_speakers"]
        )

    if spec["section"] == "SEGMENT":
        report = _segments(unit, job, rows, tables, split, places)
    else:
        chosen = _selected(spec, rows(tables, split), split)
        report = _folder(spec, chosen, places, folder, job.threads)
        job.say(f"{spec['name']}: {count(report['counts']['files'], 'file')} written", show=True)
    job.report(unit, report)
    write_json(unit.outputs["header"], {"key": unit.key, "spec": spec, **report})


def _segments(
    unit: Unit,
    job: Job,
    rows: Any,
    tables: list[pd.DataFrame],
    split: pd.DataFrame,
    places: dict[str, dict[str, str]],
) -> dict[str, Any]:
    """Tables of segments and gaps that name the originals; and their audio, if that is wanted."""
    import pandas as pd

    from izwi.exporting import tables as written
    from izwi.segmentation.segments import GAP, SEGMENT

    folder, spec = Path(unit.outputs["header"]).parent, unit.spec
    cuts = [pd.read_parquet(path) for path in unit.inputs["cuts"]]
    kinds = pd.concat([one["kind"][one["kind"] != GAP] for one in cuts], ignore_index=True)
    speech = rows(tables, split)[(kinds == SEGMENT).to_numpy()]
    recordings = [pd.read_parquet(path) for path in unit.inputs["recordings"]]
    first, gaps, of = 0, [], []
    for table, one in zip(recordings, cuts, strict=True):
        silent = one[one["kind"] == GAP]
        gaps.append(table.iloc[silent["row"]].assign(start=silent["start"].to_numpy()))
        gaps[-1]["end"] = silent["end"].to_numpy()
        of += list(first + silent["row"].to_numpy())
        first += len(table)
    their_split = pd.read_parquet(unit.inputs["recordings_split"]).iloc[of].reset_index(drop=True)
    silence = rows(gaps, their_split)
    total: dict[str, Any] = {"warnings": [], "notes": [], "counts": {"files": 0}, "files": []}
    for frame, ending in ((speech, ""), (silence, "_silence")):
        frame = frame.reset_index(drop=True)
        name = spec["name"] + ending
        length = (frame["end"] - frame["start"]).astype("timedelta64[ns]").astype("int64")
        frame["duration"] = length / 1e9
        named = [places[d][f] for d, f in zip(frame["database"], frame["file"], strict=True)]
        written.write_csv(frame.assign(file=named), folder / f"{name}.csv")
        total["files"].append(f"{name}.csv")
        total["counts"][name] = len(frame)
        place = folder / (spec["folder"] + ending)
        if spec["audio"]:
            place.mkdir(parents=True, exist_ok=True)
        if spec["audio"] and len(frame):
            within = {**spec, "name": name}
            found = _folder(within, frame, places, place, job.threads)
            total["warnings"] += found["warnings"]
            total["notes"] += found["notes"]
            total["counts"]["files"] += found["counts"]["files"]
            total["files"] += [f"{place.name}/{file}" for file in found["files"]]
    return total


def _folder(
    spec: dict[str, Any],
    frame: pd.DataFrame,
    places: dict[str, dict[str, str]],
    folder: Path,
    threads: int,
) -> dict[str, Any]:
    """Audio of some rows and tables of them."""
    from izwi.exporting import export
    from izwi.exporting import tables as written

    within = {**spec, "folder": "" if spec["section"] == "SEGMENT" else spec["folder"]}
    frame, report = export.export(
        within, frame, places, folder, threads=threads, fail_threshold=spec["fail_threshold"]
    )
    report["files"] = written.write(frame, folder, spec["name"])
    return report


def _selected(spec: dict[str, Any], frame: pd.DataFrame, split: pd.DataFrame) -> pd.DataFrame:
    """The rows of the part that is asked for."""
    if spec["selection"] == "all":
        return frame
    return frame[(split["part"] == spec["selection"]).to_numpy()].reset_index(drop=True)


def _empty(folder: Path) -> None:
    """Take away what a call that was killed has left."""
    no_link(folder / "export.json")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
