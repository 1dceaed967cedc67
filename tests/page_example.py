"""A page of results from made-up predictions, with labels and names that try to be markup."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from izwi.config.experiment import resolve
from izwi.data import csv_files
from izwi.engine.plan import Unit
from izwi.evaluation import comparison, scoring
from izwi.files import write_json
from izwi.reporting.page import build, write
from izwi.reporting.page.options import DEFAULTS
from izwi.reporting.spotlight import build as spotlight
from izwi.reporting.spotlight.write import document

EVIL = "</script><img src=x onerror=\"window.evil='1'\">"
LABELS = ["anger", "neutral", EVIL]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
TUNING = {
    "measure": "uar",
    "inner": 0.75,
    "outer": 0.5,
    "optimism": 0.25,
    "chosen": [{"values": {"C_val": 10, "gamma": "scale"}, "n": 2}],
    "searches": [
        {
            "fold": 0,
            "candidates": [
                {"values": {"C_val": value, "gamma": "scale"}, "score": value / 20}
                for value in (1, 10)
            ],
        }
    ],
}
AUDIT = [
    {
        "kind": "padding_end",
        "grade": "cue",
        "line": f"files of {EVIL} end in silence",
        "counts": {"rows": 3, "of": 40},
        "examples": [f"{EVIL}.wav"],
    },
    {"kind": "same text", "grade": "note", "line": "texts recur", "counts": {}, "examples": []},
]
PICTURES = ("confusion_matrix", "learning_curve", "value_counts")
CURVE = {
    "measure": "uar",
    "unit": "speakers",
    "points": [],
    "mean": [
        {"share": share, "units": 5 * share, "n_train": 60 * share, "train": 1.0, "test": share}
        for share in (0.2, 0.6, 1.0)
    ],
    "chance": {"uar": 1 / 3},
    "baseline": None,
    "notes": [],
}
INI = """
[EXP]
name = {name}
[DATA]
databases = ['db']
db = db.csv
db.type = csv
db.limit_samples = 40
target = emotion
[FEATS]
type = os
[MODEL]
type = {model}
C_val = 10
"""


def unpacked(text: str):
    """What the page holds compressed."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


def details(page: str) -> list[dict]:
    """The details of all experiments of a page, in the order of its rows."""
    packs = re.findall(r'<script type="text/plain" id="x\d+">([^<]*)<', page)
    columns = list(map(unpacked, packs))
    return [_row(pack, i) for pack in columns for i in range(len(pack["name"]))]


def _row(columns, i: int):
    """Of what is stored in columns."""
    if isinstance(columns, list):
        return columns[i]
    return {name: _row(part, i) for name, part in columns.items()}


def predictions(n: int = 40) -> pd.DataFrame:
    """Predictions of a classifier that is right in three of four."""
    random = np.random.default_rng(1)
    truth = np.array(LABELS, dtype=object)[np.arange(n) % 3]
    scores = random.dirichlet(np.ones(3), n)
    right = np.arange(n) % 4 > 0
    scores[right, np.arange(n)[right] % 3] += 1
    scores /= scores.sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "database": "db",
            "file": [f"wav/{i} & <b>.wav" for i in range(n)],
            "start": pd.to_timedelta(np.zeros(n), unit="s"),
            "end": pd.to_timedelta([None] * n),
            "speaker": [f"db/s{i % 5}<i>" for i in range(n)],
            "fold": 0,
            "run": 1,
            "truth": truth,
            "prediction": np.array(LABELS, dtype=object)[scores.argmax(axis=1)],
        }
    )
    for i, label in enumerate(LABELS):
        frame[f"p_{label}"] = scores[:, i]
    return frame


def experiment(folder: Path, name: str, model: str, frame: pd.DataFrame, measure="uar") -> Unit:
    """The folder of an experiment, as the workflow leaves it."""
    own = folder / "results/experiments" / name
    (own / "plots").mkdir(parents=True)
    (folder / "db.csv").touch()
    ini = folder / f"{name}.ini"
    ini.write_text(INI.format(name="safe", model=model), encoding="utf-8")
    record = {
        "key": f"key of {name}",
        **resolve(str(ini), cwd=folder).as_dict(),
        "name": name,  # an ini may not be called so, but nothing rests on that
        "izwi": "0",
        "stages": {"load": [{"key": "table", "files": {"table": "t.parquet"}}]},
        "packages": {"numpy": "1.2.3"},
    }
    spec = {"task": "classification", "measure": measure, "labels": LABELS, "seed": 1}
    metrics = scoring.evaluate(
        spec,
        frame,
        training={"counts": {"train": 60}},
        split={},
        tables=[],
        constants={0: LABELS[0]},
        traits=pd.DataFrame({"gender": np.array([EVIL, "male"])[frame["row"] % 5 % 2]}),
    )
    metrics["warnings"].append(f"see {folder}/deep/file.txt: {EVIL}")
    metrics["tuning"] = TUNING
    metrics["audit"] = AUDIT
    write_json(own / "learning_curve.json", CURVE)
    write_json(own / "metrics.json", {"name": name, **metrics})
    write_json(own / "experiment.json", record)
    csv_files.write_predictions(frame, own / "predictions.csv")
    pictures = [own / f"plots/{name}.png" for name in PICTURES]
    for path in pictures:
        path.write_bytes(PNG)
    files = {
        **{path.name: path for path in pictures},
        "metrics": own / "metrics.json",
        "record": own / "experiment.json",
        "predictions": own / "predictions.csv",
    }
    return Unit(
        "experiment", name, name, {}, {}, {k: str(v) for k, v in files.items()}, [f"{name}.ini"]
    )


def compared(folder: Path, frames: dict[str, pd.DataFrame]) -> Unit:
    """The tests of the tables, as the workflow writes them."""
    path = folder / "comparisons.csv"
    found = comparison.comparisons(frames, "uar", task="classification", labels=LABELS, seed=1)
    csv_files.write_table(found.assign(table="g"), path)
    return Unit("comparisons", "k", "comparisons", {}, {}, {"comparisons": str(path)})


def recordings(folder: Path, frame: pd.DataFrame) -> dict[str, str]:
    """A second of tone for each row but the last of those that are wrong, which is missing."""
    folder.mkdir()
    paths = {}
    for i, file in enumerate(frame["file"]):
        path = folder / f"{i}.wav"
        tone = 0.3 * np.sin(2 * np.pi * 40 * (5 + i) * np.arange(22050) / 22050)
        soundfile.write(path, tone, 22050)
        paths[file] = str(path)
    return paths


def many(folder: Path, count: int) -> str:
    """A page of many experiments, each with its own figures, keys and names: ``e0``, ``e1`` …"""
    frame = predictions(120)
    unit = experiment(folder, "e", "svm", frame)
    builder = build.Builder(str(folder / "results"), {**DEFAULTS, "audio": "none"}, None)
    content = builder.content([unit], [], [], "")
    (first,) = content["experiments"]
    random = np.random.default_rng(1)
    content["experiments"] = [_varied(first, f"e{i}", random) for i in range(count)]
    return write.page(content, builder.pictures)


def _varied(one: dict, name: str, random: np.random.Generator) -> dict:
    def other(value):
        if isinstance(value, dict):
            return {key: other(part) for key, part in value.items()}
        if isinstance(value, list):
            return [other(part) for part in value]
        if isinstance(value, float):
            return float(f"{value * random.uniform(0.8, 1):.6g}")
        if isinstance(value, str) and value.startswith("key"):
            return random.bytes(6).hex()
        return value

    found = other(one)
    found["summary"]["name"] = found["details"]["name"] = name
    shares = found["summary"]["confusion"]["percents"]
    found["summary"]["confusion"]["percents"] = random.integers(0, 101, len(shares)).tolist()
    return found


def make(folder: Path, **options) -> dict:
    """A page with two experiments, one that failed, and a table.

    Returns:
        ``page`` (path), ``text``, ``frame`` (predictions), ``paths`` (of the recordings),
        ``builder``
    """
    frame = predictions()
    paths = recordings(folder / "audio", frame)
    better = frame.assign(
        prediction=frame["truth"].where(frame["row"] % 8 > 0, frame["prediction"])
    )
    units = [
        experiment(folder, "first <b>&amp;", "svm", frame),
        experiment(folder, "second", "svm", better),
        Unit(
            "experiment", "k", "lost", {}, {}, {"metrics": str(folder / "lost.json")}, ["lost.ini"]
        ),
    ]
    (folder / "lost.json").touch()
    grid = folder / "results/grids/g"
    grid.mkdir(parents=True)
    (grid / "table.md").write_text(f"# g\n\n| a | b |\n| --- | --- |\n| {EVIL} | **2** |\n")
    (grid / "heat_map.png").write_bytes(PNG)
    outputs = {"markdown": str(grid / "table.md"), "png": str(grid / "heat_map.png")}
    frames = {units[0].label: frame, units[1].label: better}
    tables = [Unit("grid", "g", "g", {}, {}, outputs), compared(folder, frames)]
    builder = build.Builder(
        str(folder / "results"), {**DEFAULTS, **options}, lambda load, file: paths.get(file)
    )
    problems = [f"lost.ini: [MODEL] K_val: too many {EVIL}", "other.ini: not this one"]
    content = builder.content(units, tables, problems, "commit 1234567890")
    text = write.page(content, builder.pictures, builder.recordings)
    page = folder / "results/index.html"
    page.write_text(text, encoding="utf-8")
    return {"page": page, "text": text, "frame": frame, "paths": paths, "builder": builder}


def samples(folder: Path, **options) -> dict:
    """A page of the samples of one experiment: 40 that are tested on, 20 to train, 3 unused.

    Returns:
        ``page`` (path), ``text``, ``content``, ``frame`` (predictions), ``features``
    """
    frame = predictions()
    n = 63
    random = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "database": "db",
            "file": [f"wav/{i} & <b>.wav" for i in range(n)],
            "start": pd.to_timedelta(np.zeros(n), unit="s"),
            "end": pd.to_timedelta([None] * n),
            "speaker": [f"db/s{i % 5}<i>" for i in range(n)],
            "truth": np.array(LABELS, dtype=object)[np.arange(n) % 3],
            "age": [None, *map(float, random.integers(18, 80, n - 1))],
            "native": np.arange(n) % 2 == 0,
            "text": [EVIL if i == 7 else f"see {folder}/deep/{i}.txt" for i in range(n)],
            "digest": "d",
        }
    )
    part = np.repeat(["test", "train", ""], [40, 20, 3])
    split = pd.DataFrame({"part": part, "fold": 0, "speaker": table["speaker"]})
    features = pd.DataFrame(random.normal(size=(n, 4)), columns=["F0", "age", EVIL, "jitter"])
    # A second run is not shown.
    runs = pd.concat([frame, frame.assign(run=2, prediction=LABELS[0])], ignore_index=True)
    own = folder / "results/experiments/first"
    own.mkdir(parents=True)
    files = {"split": split, "seconds": pd.DataFrame({"seconds": 0.5 + np.arange(n)})}
    matrix = pd.concat([table[["file", "start", "end"]], features], axis=1)
    for name, content in {**files, "table": table, "matrix": matrix, "runs": runs}.items():
        content.to_parquet(folder / f"{name}.parquet")
    write_json(folder / "split.json", {"labels": LABELS})
    paths = recordings(folder / "audio", frame)
    inputs = {name: str(folder / f"{name}.parquet") for name in files}
    inputs |= {
        "split_report": str(folder / "split.json"),
        "tables": [str(folder / "table.parquet")],
    }
    inputs |= {"matrices": [str(folder / "matrix.parquet")]}
    inputs |= {"predictions": str(folder / "runs.parquet")}
    spec = {"target": "emotion", "task": "classification", "most": 2000, "seed": 3}
    spec |= {"features": None, "first": ["jitter"], **options}
    content = spotlight.content(spec, inputs, str(own), lambda _, file: paths.get(file))
    page = own / "spotlight.html"
    page.write_text(document(content, f"first: {EVIL}", "60 samples"), encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    return {
        **{"page": page, "text": text, "content": content, "frame": frame, "table": table},
        **{"features": features, "inputs": inputs, "spec": spec, "paths": paths},
    }
