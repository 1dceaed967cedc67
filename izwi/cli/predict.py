"""``izwi predict``: a trained model on files, folders, lists, CSV databases or the microphone."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.cli import Parser, one_thread, say
from izwi.data.csv_safety import harmless
from izwi.errors import printable
from izwi.files import atomic
from izwi.reporting.numbers import rounded

if TYPE_CHECKING:
    import pandas as pd

    from izwi.serving.predictor import Predictor

EXAMPLES = """\
  izwi predict --experiment emotions my_voice.wav more_files/
  izwi predict --experiment emotions --microphone 3
  izwi predict --experiment emotions --web
"""


def asked_for(arguments: list[str]) -> argparse.Namespace:
    """What the user asks for."""
    parser = Parser("predict", EXAMPLES)
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--experiment", metavar="NAME", help="an experiment that was run")
    which.add_argument("--model", metavar="FOLDER", help="a folder such as results/models/svm-…")
    add("--results", default="results", metavar="FOLDER", help="folder of results (results)")
    add(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="audio files, folders, lists (.txt, a path a line), CSV databases (file, start, end)",
    )
    add("--microphone", type=float, metavar="SECONDS", help="record from the microphone")
    add("--csv", metavar="FILE", help="write the predictions to a CSV file, too")
    add("--json", action="store_true", help="print JSON")
    add("--web", action="store_true", help="serve a web page on this machine")
    add("--port", type=int, default=7860, help="port of the web page (7860)")
    found = parser.parse_args(arguments)
    if found.web and (found.inputs or found.microphone or found.csv or found.json):
        parser.error("--web takes its audio from the page: leave out inputs, --csv and --json")
    if not (found.web or found.inputs or found.microphone):
        parser.error("name files, folders or lists, or give --microphone SECONDS or --web")
    if found.microphone is not None and not 0 < found.microphone <= 3600:
        parser.error("--microphone: give seconds between 0 and 3600")
    return found


def main(arguments: list[str]) -> int:
    """Predict what is asked for.

    Returns:
        0, or 1 where there is a file without a prediction
    """
    asked = asked_for(arguments)
    one_thread()
    from izwi.serving.predictor import Predictor, model_folder

    predictor = Predictor(asked.model or model_folder(asked.experiment, asked.results))
    name = asked.experiment or Path(asked.model).name
    if asked.web:
        from izwi.serving import web

        web.serve(predictor, name, asked.port)
        return 0
    return predict(predictor, name, asked)


def predict(predictor: Predictor, name: str, asked: argparse.Namespace) -> int:
    """Predict all inputs in one go, print them, and write them where that is asked for."""
    import pandas as pd
    import soundfile

    from izwi.serving import inputs

    rows = inputs.collect(asked.inputs) if asked.inputs else None
    with tempfile.TemporaryDirectory() as folder:
        if asked.microphone:
            say(f"recording {asked.microphone:g} s …")
            samples, rate = inputs.record(asked.microphone)
            recording = str(Path(folder) / "microphone.wav")
            soundfile.write(recording, samples.T, rate, subtype="FLOAT")
            rows = pd.concat([rows, inputs.collect([recording])], ignore_index=True)
        result = predictor.predict(rows, progress=say)
        if asked.microphone:
            result["file"] = result["file"].replace(recording, "microphone")
    notes = predictor.notes + result.attrs["notes"]
    good = result[result["problem"].isna()]
    if asked.json:
        print(as_json(predictor, name, result, notes))
    else:
        say(f"{name}: {predictor.title}", *(f"note: {note}" for note in notes))
        print_table(predictor, good)
    if asked.csv:
        with atomic(asked.csv) as path:
            table = good.drop(columns="problem").rename(columns=harmless).map(harmless)
            table.to_csv(path, index=False, lineterminator="\n")
    bad = result[result["problem"].notna()]
    why = bad["problem"].replace("missing", "there is no such file")
    say(*(f"{where(row)}: no prediction, {why[row.Index]}" for row in bad.itertuples()))
    if len(bad):
        say(f"{len(bad)} of {len(result)} without a prediction")
    return 1 if len(bad) else 0


def print_table(predictor: Predictor, rows: pd.DataFrame) -> None:
    """One line a file: label, probabilities from the largest on, time."""
    places = [where(row) for row in rows.itertuples()]
    width = max(map(len, places), default=0)
    across = max(map(len, predictor.labels or [""]))
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        if predictor.task == "regression":
            line = f"{rounded(row['prediction']):>10}"
        else:
            ranked = ", ".join(f"{label} {p:.3f}" for label, p in ranking(predictor, row))
            line = f"{row['prediction']:{across}}  {ranked}"
        print(printable(f"{place:{width}}  {line}  {row['seconds']:.3f} s"))


def as_json(predictor: Predictor, name: str, result: pd.DataFrame, notes: list[str]) -> str:
    """All of it for other programs."""
    files = []
    for row, values in zip(result.itertuples(), result.to_dict("records"), strict=True):
        entry = {"file": row.file, **span(row)}
        if row.problem is not None:
            entry["problem"] = row.problem
        else:
            entry["prediction"] = row.prediction
            if predictor.task == "classification":
                entry["probabilities"] = dict(ranking(predictor, values))
        files.append(entry | {"seconds": row.seconds})
    content = {"model": name, "title": predictor.title, "notes": notes, "files": files}
    return json.dumps(content, indent=2, ensure_ascii=False)


def ranking(predictor: Predictor, row: dict[str, Any]) -> list[tuple[str, float]]:
    """Labels with their probabilities, the most likely first."""
    pairs = [(label, row[f"p_{label}"]) for label in predictor.labels or ()]
    return sorted(pairs, key=lambda pair: -pair[1])


def where(row: Any) -> str:
    """File, with the part of it where it is a part."""
    part = span(row)
    if not part:
        return row.file
    return f"{row.file} {part['start']:.3f}–{part.get('end', float('nan')):.3f} s"


def span(row: Any) -> dict[str, float]:
    """Start and end in seconds, where the row is a part of a file."""
    import pandas as pd

    if row.start == pd.Timedelta(0) and pd.isna(row.end):
        return {}
    end = {} if pd.isna(row.end) else {"end": row.end.total_seconds()}
    return {"start": row.start.total_seconds(), **end}
