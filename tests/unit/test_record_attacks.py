"""Databases, configs and models from strangers: no bomb, no other file, no code of theirs."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml

from izwi import untrusted
from izwi.config import result_set
from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.engine import config_plan, snakemake_call
from izwi.errors import UserError, refusal
from izwi.features import imported, pretrained

ROOT = Path(__file__).resolve().parents[2]
LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: [*a{i - 1}, *a{i - 1}]}}\n"
    for i in range(1, 24)
)


@pytest.fixture
def small_and_quick():
    """A reader may take a few seconds and little memory beside what is there."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    yield
    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500 * 2**10


def database(folder, header=None):
    """A small database of audformat, with another header where one is given."""
    files = [f"{i}.wav" for i in range(4)]
    for file in files:
        soundfile.write(folder / file, np.zeros(1600), 16000)
    made = audformat.Database("db")
    made["emotion"] = audformat.Table(audformat.filewise_index(files))
    made["emotion"]["emotion"] = audformat.Column()
    made["emotion"]["emotion"].set(["a", "b", "a", "b"])
    made.save(str(folder), storage_format="csv")
    if header is not None:
        (folder / "db.yaml").write_text(header)
    return {"name": "db", "type": "audformat", "path": str(folder), "options": {}}


def reason(spec, folder):
    with pytest.raises(UserError) as found:
        listing = scan(spec, cwd=folder, cache=folder / "cache")
        load_table({**spec, "task": "classification", "target": "emotion"}, listing)
    assert all(line.startswith("[DATA] ") for line in found.value.problems)
    return "\n".join(found.value.problems)


BOMBS = {
    "aliases": LAUGHS,
    "merged": MERGED,
    "inside itself": "a: &a [*a]",
    "merged with itself": "a: &a {<<: *a}",
    "deep": "[" * 200_000,
    "deep without brackets": "- " * 200_000 + "x",
    "deep mappings": "{a: " * 200_000,
    "long number": f"a: {'9' * 5000}",
    "no date": "a: 2020-99-99",
    "odd tags": "a: !!timestamp x",
    "odd bool": "a: !!bool x",
}


@pytest.mark.usefixtures("small_and_quick")
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_yaml_that_is_small_alone_on_the_disk(bomb, tmp_path):
    """As the header of a database and as each of the configs."""
    tables = "tables: {emotion: {type: filewise}}\n" if bomb.startswith("a") else ""
    assert "db.yaml is not YAML" in reason(database(tmp_path, tables + bomb), tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text("experiments: [x.ini]\n" + bomb if bomb.startswith("a") else bomb)
    for read in (
        lambda: result_set._read_yaml(path),
        lambda: config_plan.planned(str(path)),
        lambda: snakemake_call._read(str(path)),
    ):
        with pytest.raises(UserError, match="cannot be read"):
            read()


def test_yaml_with_plain_aliases_is_read(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: &a {x: [1, 2]}\nb: {<<: *a, y: *a}\nc: [*a, *a]\n")
    assert untrusted.read_yaml(path)["c"] == [{"x": [1, 2]}] * 2


def repeated(text, rows):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "int32")), pa.array([text]))


@pytest.mark.usefixtures("small_and_quick")
@pytest.mark.parametrize(("text", "rows"), [("a.wav", 3_000_000), ("x" * 10**6, 100)])
def test_parquet_that_is_small_alone_on_the_disk(text, rows, tmp_path, monkeypatch):
    """Many rows, and one long text in each of them."""
    table = pa.table({name: repeated(text, rows) for name in ("file", "emotion")})
    path = tmp_path / "db.emotion.parquet"
    monkeypatch.setattr(untrusted, "MOST_BYTES", 150 * 10**6)
    spec = database(tmp_path)
    (tmp_path / "db.emotion.csv").unlink()
    # Stored as plain text, which takes no more space.
    plain = pa.schema([("file", pa.string()), ("emotion", pa.string())])
    step = rows if len(text) < 100 else 20
    with pq.ParquetWriter(path, plain, compression="zstd") as writer:
        for first in range(0, rows, step):
            writer.write_table(table.slice(first, step).cast(plain))
    assert path.stat().st_size < 10 * 2**20
    assert "cannot be read" in reason(spec, tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        imported._load(str(path))


OUTSIDE = "file,emotion\n" + "".join(f"{i}.wav,secret\n" for i in range(4))


@pytest.mark.parametrize(
    "name", ["../outside", "x/../../outside", "/outside", "..", ".", "a\\b", "a:b", "\\x01", ""]
)
def test_a_table_lies_in_its_database(name, tmp_path):
    """As a table, and as the labels of a scheme."""
    folder = tmp_path / "db.x" / "side"
    folder.mkdir(parents=True)
    (folder / "db.x").mkdir()
    for place in (folder.parent, tmp_path):
        (place / "outside.csv").write_text(OUTSIDE)
    (folder / "db...").mkdir()
    table = {"type": "filewise", "columns": {"emotion": {"scheme_id": "emotion"}}}
    spec = database(folder, json.dumps({"tables": {name: table}}))
    assert "is no plain name of a table" in reason(spec, folder)
    header = {"tables": {"emotion": table}, "schemes": {"emotion": {"labels": name}}}
    (folder / "db.yaml").write_text(json.dumps(header))
    assert "is no plain name of a table" in reason(spec, folder)


@pytest.mark.parametrize(
    "header",
    [
        {"tables": {"emotion": {"columns": ["a"]}}},
        {"tables": {"emotion": []}},
        {"tables": {"emotion": {"columns": {"emotion": 7}}}},
        {"tables": {"emotion": {"columns": {"emotion": {"scheme_id": ["x"]}}}}},
        {"tables": {"emotion": {"type": 7}}},
        {"tables": {"emotion": {}}, "schemes": []},
        {"tables": {"emotion": {}}, "schemes": {"a": 7}},
        {"tables": {"emotion": {}}, "splits": {"a": []}},
        {"tables": {"emotion": {}}, "misc_tables": {"a": {"levels": 7}}},
        {"tables": {}},
        {"tables": []},
        {"tables": None},
        [],
        "x",
        None,
    ],
)
def test_malformed_headers_are_told(header, tmp_path):
    assert reason(database(tmp_path, json.dumps(header)), tmp_path)


def test_a_table_that_is_null_is_an_empty_description(tmp_path):
    assert "no table of db has 'emotion'" in reason(
        database(tmp_path, json.dumps({"tables": {"emotion": None}})), tmp_path
    )


# --------------------------------------------------------------------- models


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(ROOT / "izwi/features/untrained/wav2vec2", folder)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "w.bin",
        "pytorch_model.bin",
        "../w.safetensors",
        "/w.safetensors",
        "a/w.safetensors",
        "w.safetensors.bin",
        ".safetensors",
        "w.pt",
        "w.safetensors\0.bin",
        "",
        7,
        None,
        ["w.safetensors"],
    ],
)
def test_weights_are_safetensors_of_the_folder(name, model, monkeypatch):
    torch = pytest.importorskip("torch")
    for place in (model, model.parent):
        for weights in ("w.bin", "w.pt", "w.safetensors", "pytorch_model.bin"):
            (place / weights).write_bytes(b"x" * 100)
    index = {"metadata": {}, "weight_map": {"a": name}}
    (model / pretrained.INDEX).write_text(json.dumps(index))

    def never(*_, **__):
        raise AssertionError("torch.load is reached")

    monkeypatch.setattr(torch, "load", never)
    with pytest.raises(UserError, match=r"takes \*\.safetensors"):
        pretrained.digests(model, "x")
    config = pretrained.architecture(model, "x")
    with pytest.raises(UserError, match=r"takes \*\.safetensors"):
        pretrained.load(model, config, "x")


@pytest.mark.parametrize("index", [[], {}, {"weight_map": None}, {"weight_map": ["a"]}, "x", None])
def test_an_index_without_a_map_is_told(index, model):
    (model / pretrained.INDEX).write_text(json.dumps(index))
    with pytest.raises(UserError):
        pretrained.digests(model, "x")
    (model / pretrained.INDEX).write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        pretrained.digests(model, "x")


@pytest.mark.parametrize(
    "more",
    [
        {"attn_implementation": "stranger/kernel"},
        {"_attn_implementation": "kernels-community/flash-attn"},
        {"_attn_implementation_internal": "paged|stranger/kernel"},
        {"encoder": {"_attn_implementation": "stranger/kernel"}},
        {"text_config": [{"attn_implementation": {"": "stranger/kernel"}}]},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"quantization_config": []},
        {"quantization_config": "x"},
        {"use_kernels": True},
        {"hidden_size": 10**12},
        {"num_hidden_layers": 10**9},
        {"hidden_size": "x"},
        {"model_type": "no such"},
        {"model_type": ["x"]},
        {"conv_dim": 7},
    ],
)
def test_a_config_brings_no_kernel_and_no_other_weights(more, model):
    pytest.importorskip("transformers")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | more))
    with pytest.raises(UserError):
        pretrained.architecture(model, "x")


def test_attention_is_said_and_code_is_never_run(model, tmp_path):
    pytest.importorskip("transformers")
    assert pretrained.architecture(model, "x")._attn_implementation == "sdpa"
    config = json.loads((model / "config.json").read_text())
    code = f"import pathlib\npathlib.Path({str(tmp_path / 'exploded')!r}).touch()\n"
    (model / "own.py").write_text(code + "class Own: pass\n")
    for kind in ("wav2vec2", "own"):
        config |= {
            "model_type": kind,
            "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"},
        }
        (model / "config.json").write_text(json.dumps(config))
        try:
            pretrained.architecture(model, "x")
        except UserError:
            assert kind == "own"
    assert not (tmp_path / "exploded").exists()
    calls = [
        line.strip()
        for path in [*(ROOT / "izwi").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]
        for line in path.read_text().splitlines()
        if "trust_remote_code" in line
    ]
    assert calls and all(re.search(r"trust_remote_code\"?[=:] ?False", call) for call in calls)


def test_little_memory_is_told_as_such(tmp_path):
    """Also where a library cannot even be loaded."""
    from izwi.errors import memory_ran_out

    for error in (
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("libtorch.so: failed to map segment from shared object"),
        ImportError("x.so: cannot map zero-fill pages"),
        RuntimeError("can't start new thread"),
    ):
        assert memory_ran_out(error), error
    for error in (ImportError("No module named 'x'"), OSError(2, "x"), ValueError("memory")):
        assert not memory_ran_out(error), error


@pytest.mark.parametrize(
    "number, advice",
    [("ENOSPC", "make room"), ("EDQUOT", "make room"), ("EFBIG", "ulimit -f"), ("EROFS", "folder")],
)
def test_a_disk_that_takes_no_more_is_one_line(number, advice):
    line = refusal(OSError(getattr(errno, number), "x", "results/a"))
    assert line and line.startswith("cannot write results/a: ") and advice in line
    assert "\n" not in line and refusal(OSError(errno.EIO, "x")) is None


def test_a_limit_of_file_sizes_is_told(tmp_path):
    """As a file is written, by what the system says."""
    code = (
        "import resource, sys, signal; from izwi.files import atomic; from izwi.errors import "
        "refusal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n  with atomic(sys.argv[1]) as path: path.write_bytes(bytes(5000))\n"
        "except OSError as error: print(refusal(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "x"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "File too large; allow larger files" in done.stdout and not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "files",
    [
        pd.Categorical(["a.wav", None]),
        pd.to_datetime(["2020", "2021"]),
        [True, False],
        [1.5, None],
        [b"a", b"b"],
        *(pd.Series([], dtype=kind) for kind in ("category", "int8", "datetime64[ns]", "bool")),
    ],
    ids=str,
)
def test_files_of_any_type_in_a_table_are_told(files, tmp_path):
    frame = pd.DataFrame({"file": files, "x": np.arange(len(files)) * 1.0})
    frame.to_parquet(tmp_path / "features.parquet")
    if len(files):
        with pytest.raises(UserError, match="name no file"):
            imported._load(str(tmp_path / "features.parquet"))
    else:
        assert imported._load(str(tmp_path / "features.parquet")).empty
    tables = {"emotion": {"type": "filewise", "columns": {"x": {}}}}
    (tmp_path / "db.yaml").write_text(yaml.safe_dump({"name": "db", "tables": tables}))
    frame.to_parquet(tmp_path / "db.emotion.parquet")
    spec = {"name": "db", "type": "audformat", "path": str(tmp_path), "options": {}}
    with pytest.raises(UserError) as error:
        listing = scan(spec, cwd=tmp_path, cache=tmp_path / "cache", write=False)
        load_table({**spec, "task": "classification", "target": "x"}, listing)
    assert len(error.value.problems) == 1
