"""Records that a stranger may write, changed at random: all are read or told in one line each."""

from __future__ import annotations

import copy
import itertools
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from test_archive_attacks import minimal

from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.errors import UserError
from izwi.features import imported, pretrained
from izwi.reporting import archive_record
from izwi.serving.predictor import Predictor

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 5
EXAMPLES = 60  # of each reader in the suite
SHORT = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", ".", "..", "../x", "/etc/passwd", "a/b", "\0", "\n", "x" * 300, "nan"]),
    st.sampled_from(["file", "../../outside", "w.bin", "../w.safetensors", "float99", "{}"]),
    st.sampled_from(["time", "labels", "segmented", "misc", "str", "int", "date"]),
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1, 10**9, 2**63, 10**40, float("inf"), float("nan"), 1e308]),
    st.floats(),
    st.builds(lambda: json.loads("[" * 150 + "]" * 150)),
    TEXTS,
    st.lists(TEXTS, max_size=3),
    st.dictionaries(TEXTS, st.one_of(st.none(), TEXTS, st.integers()), max_size=3),
)


def places(value, at=()):
    """Where the parts of a record stand, itself included."""
    yield at
    if isinstance(value, dict | list) and len(at) < 20:
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*at, key))


@st.composite
def mutated(draw, record):
    """A record in which a few parts are others, missing, renamed, doubled or exchanged."""
    record = copy.deepcopy(record)
    if draw(st.integers(0, 9)) == 9:
        return draw(JUNK)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        spots = [spot for spot in places(record) if spot]
        if not spots:
            return draw(JUNK)
        spot = draw(st.sampled_from(spots))
        parent = record
        for key in spot[:-1]:
            parent = parent[key]
        how = draw(st.sampled_from(["other", "other", "gone", "renamed", "moved"]))
        if how == "gone":
            del parent[spot[-1]]
        elif how == "renamed" and isinstance(parent, dict):
            parent[draw(TEXTS)] = parent.pop(spot[-1])
        elif how == "moved":
            other = record
            for key in draw(st.sampled_from(spots)):
                other = other[key]
            parent[spot[-1]] = copy.deepcopy(other)
        else:
            parent[spot[-1]] = draw(JUNK)
    return record


def told(call, *arguments, **more):
    """What a call gives; None where it says what is wrong, in lines."""
    try:
        return call(*arguments, **more)
    except UserError as error:
        assert error.problems and len(error.problems) <= 50
        for line in error.problems:
            assert line.strip() and line.isprintable() and len(line) < 2000, line
        return None


# ------------------------------------------------------------------- archives


def read_archive(draw, folder):
    record = draw(mutated(minimal()))
    content = json.dumps(record).encode("utf-8", "surrogatepass")
    content = draw(st.sampled_from([content] * 9 + [b"[" * 10**5, content[:-1], b'{"a": ' * 5000]))
    names = draw(st.lists(TEXTS, max_size=2))
    told(archive_record.read_record, content, ["archive.json", *names])


# ------------------------------------------------------------------ databases

HEADER = {
    "name": "db",
    "tables": {
        "emotion": {
            "type": "filewise",
            "split_id": "train",
            "columns": {"emotion": {"scheme_id": "emotion"}, "speaker": {"scheme_id": "speaker"}},
        },
        "parts": {"type": "segmented", "columns": {"age": {"scheme_id": "age"}}},
    },
    "misc_tables": {"speakers": {"levels": {"speaker": "str"}, "columns": {"sex": None}}},
    "schemes": {
        "emotion": {"dtype": "str", "labels": ["a", "b"]},
        "speaker": {"dtype": "str", "labels": "speakers"},
        "age": {"dtype": "time"},
    },
    "splits": {"train": {"type": "train"}},
}
KINDS = [
    pa.string(),
    pa.large_string(),
    pa.int8(),
    pa.float64(),
    pa.bool_(),
    pa.binary(),
    pa.date32(),
    pa.timestamp("ns"),
    pa.duration("us"),
    pa.decimal128(5, 2),
    pa.null(),
    pa.list_(pa.string()),
    pa.struct([("a", pa.string())]),
    pa.map_(pa.string(), pa.int8()),
    pa.dictionary(pa.int8(), pa.string()),
]


COLUMNS = ["file", "emotion", "speaker", "start", "end", "age", "sex", "x"]


@st.composite
def parquet(draw):
    """The bytes of a table of Parquet with columns of any kind, perhaps damaged."""
    rows = draw(st.integers(0, 4))
    columns = {}
    for name in draw(st.sampled_from([COLUMNS, COLUMNS[:3], COLUMNS[1:], COLUMNS[6:], []])):
        values = [f"{i}.wav" if name == "file" else "ab"[i % 2] for i in range(rows)]
        kind = pa.string()
        if draw(st.integers(0, 3)) == 3:
            kind, values = draw(st.sampled_from(KINDS)), [None] * rows
        elif draw(st.integers(0, 5)) == 5:
            values = draw(st.lists(st.one_of(TEXTS, st.none()), min_size=rows, max_size=rows))
            values = [v and v.encode("utf-8", "replace").decode() for v in values]
        columns[name] = pa.array(values, kind)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    content = bytearray(sink.getvalue().to_pybytes())
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.sampled_from([len(content)] * 5 + [len(content) // 2, 0]))])


CSV = "file,emotion,speaker\n" + "".join(f"{i}.wav,{'ab'[i % 2]},s{i}\n" for i in range(4))
ROWS = st.one_of(
    st.binary(max_size=30),
    st.lists(st.lists(TEXTS, max_size=4), max_size=3).map(
        lambda rows: "\n".join(["file,emotion,speaker", *map(",".join, rows)]).encode()
    ),
    st.lists(st.tuples(st.sampled_from(["0.wav", "1.wav"]), TEXTS, TEXTS), max_size=5).map(
        lambda rows: "\n".join(["file,emotion,speaker", *map(",".join, rows)]).encode()
    ),
)


def read_audformat(draw, folder):
    for path in folder.glob("db.*"):
        path.unlink()
    part = draw(st.sampled_from(["header", "header", "text", "rows", "parquet"]))
    header = draw(mutated(HEADER)) if part == "header" else HEADER
    text = json.dumps(header) if draw(st.booleans()) else yaml.safe_dump(header)
    if part == "text":
        text = draw(
            st.sampled_from([text[: len(text) // 2], "{" * 5000, "- " * 5000, "", "&a [*a]"])
        )
    (folder / "db.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    (folder / "db.emotion.csv").write_bytes(draw(ROWS) if part == "rows" else CSV.encode())
    (folder / "db.parts.csv").write_text("file,start,end,age\n0.wav,0,0 days 00:00:00.5,1\n")
    (folder / "db.speakers.csv").write_text("speaker,sex\ns0,female\n")
    if part == "parquet":
        table = draw(st.sampled_from(["emotion", "parts", "speakers"]))
        (folder / f"db.{table}.parquet").write_bytes(draw(parquet()))
    spec = {"name": "db", "type": "audformat", "path": str(folder), "options": {}}
    listing = told(scan, spec, cwd=folder, cache=folder / "cache", write=False)
    if listing:
        spec |= {"task": "classification", "target": draw(st.sampled_from(["emotion", "age", "x"]))}
        told(load_table, spec, listing)


def read_imported(draw, folder):
    path = folder / draw(st.sampled_from(["x.parquet", "x.csv"]))
    path.write_bytes(draw(st.one_of(parquet(), ROWS)))
    told(imported._load, str(path))


# --------------------------------------------------------------------- models


def write_json(path, record):
    path.write_bytes(json.dumps(record).encode("utf-8", "surrogatepass"))


def read_pretrained(draw, folder):
    source = ROOT / "izwi/features/untrained/wav2vec2"
    config = json.loads((source / "config.json").read_text())
    index = {"metadata": {}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    write_json(folder / "config.json", draw(mutated(config)))
    write_json(folder / pretrained.INDEX, draw(mutated(index)))
    shutil.copy(source / "preprocessor_config.json", folder)
    (folder / "model-1.safetensors").touch()
    (folder / "model-2.safetensors").touch()
    told(pretrained.read_config, folder, "x")
    names = told(pretrained.weight_files, folder, "x")
    assert names is None or {"model-1.safetensors", "model-2.safetensors"}.issuperset(names)


def model_folder(folder):
    """A small model as the train stage leaves it."""
    from izwi import features, models
    from izwi.preprocessing.pipeline import Preprocessing
    from izwi.training.fitting import Fitted

    names = features.extractor_class("signal")({}).columns
    X, y = np.random.default_rng(1).normal(size=(20, len(names))), np.array(["a", "b"] * 10)
    preprocessing = Preprocessing({"scale": "standard"})
    model = models.model_class("svm")({}, seed=1, labels=["a", "b"])
    model.fit(preprocessing.fit_transform(X, names), y)
    Fitted(preprocessing, model, {}, names).save(folder / "run1")
    about = {
        "feature_sets": [{"type": "signal", "options": {}, "versions": {"numpy": "1"}}],
        "features": names,
        "task": "classification",
        "labels": ["a", "b"],
        "model": {"type": "svm"},
        "runs": [{"dev": None}],
        "best_run": 1,
        "folds": 0,
        "submodels": None,
    }
    write_json(folder / "model.json", about)
    write_json(folder / "run1" / "calibration.json", {"temperature": 1.5})
    return folder


def read_model(draw, folder):
    whole = folder / "whole"
    if not whole.is_dir():
        whole.mkdir()
        assert Predictor(model_folder(whole))
    copied = folder / "copied"
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(whole, copied)
    files = sorted(path for path in copied.rglob("*") if path.is_file())
    path = draw(st.sampled_from(files))
    if path.suffix == ".json":
        write_json(path, draw(mutated(json.loads(path.read_text()))))
    else:
        content = bytearray(path.read_bytes())
        for _ in range(draw(st.integers(1, 3))):
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
        path.write_bytes(content[: draw(st.sampled_from([len(content), len(content) // 2, 0]))])
    told(Predictor, copied)


READERS = [read_archive, read_audformat, read_imported, read_pretrained, read_model]


@pytest.fixture
def folder(tmp_path):
    """Where a database lies; nothing beside it may be read or change."""
    inside = tmp_path / "in" / "side"
    inside.mkdir(parents=True)
    for i in range(4):
        soundfile.write(inside / f"{i}.wav", np.zeros(800), 8000)
    return inside


@pytest.mark.parametrize("reader", READERS)
def test_a_changed_record_is_read_or_told(reader, folder):
    @SHORT
    @given(st.data())
    def fuzz(data):
        reader(data.draw, folder)

    fuzz()
    assert [path.name for path in folder.parent.iterdir()] == ["side"]


@pytest.mark.soak
@pytest.mark.parametrize("reader", READERS)
def test_many_changed_records_are_read_or_told(reader, folder):
    end = time.monotonic() + 60 * MINUTES / len(READERS)
    # Whole rounds: an example that depended on the clock would be no example.
    for number in itertools.count():
        if time.monotonic() > end:
            break

        @seed(number)
        @settings(SHORT, max_examples=500, derandomize=False)
        @given(st.data())
        def fuzz(data):
            reader(data.draw, folder)

        fuzz()
