from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import weakref
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import soundfile
from audio_tables import make_table, some

from izwi import features
from izwi.errors import UserError
from izwi.features import extraction, praat, store
from izwi.features import opensmile as opensmile_module

ROOT = Path(__file__).resolve().parents[2]
OS = {"type": "os", "options": {}}
PRAAT = {"type": "praat", "options": {}}


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """Number of samples of each signal that openSMILE is asked to analyse."""
    seen: list[int] = []
    original = opensmile_module.OpenSmile.take

    def counting(self, box, rate):
        seen.append(box[0].shape[1])
        return original(self, box, rate)

    monkeypatch.setattr(opensmile_module.OpenSmile, "take", counting)
    return seen


def test_classes_are_read_without_heavy_imports():
    code = """
        import sys
        from izwi import features
        for name in features.EXTRACTORS:
            cls = features.extractor_class(name)
            assert cls.name == name and isinstance(cls.options, tuple)
        heavy = {"numpy", "pandas", "pyarrow", "opensmile", "parselmouth", "soundfile"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, check=True)


def test_unknown_option_and_type():
    with pytest.raises(ValueError, match="sett"):
        features.extractor_class("os")({"sett": "eGeMAPSv02"})
    with pytest.raises(KeyError):
        features.extractor_class("no such type")


def test_rows_stand_in_the_order_of_the_table(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 60)
    table = make_table(paths)
    matrix = extraction.extract(OS, table, paths, store=tmp_path / "a", threads=2)
    assert matrix.columns[:3].tolist() == ["file", "start", "end"]
    assert matrix.shape == (len(paths), 3 + 88)
    pd.testing.assert_frame_equal(matrix[["file", "start", "end"]], table.drop(columns="digest"))
    assert (matrix.dtypes.iloc[3:] == np.float32).all()

    other = table.sample(frac=1, random_state=3)
    shuffled = extraction.extract(OS, other, paths, store=tmp_path / "b", threads=1)
    pd.testing.assert_frame_equal(shuffled, matrix.loc[other.index].reset_index(drop=True))
    again = extraction.extract(OS, other, paths, store=tmp_path / "a", threads=1)
    pd.testing.assert_frame_equal(again, shuffled)


def test_same_audio_is_extracted_once(emodb, tmp_path, calls):
    paths = some(emodb, "wav/*.wav", 200)
    first = next(iter(paths))
    copy = tmp_path / "copy.wav"
    copy.write_bytes(Path(paths[first]).read_bytes())
    paths["copy.wav"] = str(copy)
    table = make_table(paths)
    table = pd.concat([table, table.iloc[:1]], ignore_index=True)
    matrix = extraction.extract(OS, table, paths, store=tmp_path / "s", threads=1)
    assert len(matrix) == 5
    assert len(calls) == 3
    same = matrix.iloc[[0, 3, 4], 3:]
    assert (same.nunique() <= 1).all()
    assert (matrix.iloc[[0, 1], 3:].nunique() == 2).any()


def test_only_unseen_audio_is_extracted(emodb, tmp_path, calls):
    paths = some(emodb, "wav/*.wav", 100)
    table = make_table(paths)
    extraction.extract(OS, table.iloc[:2], paths, store=tmp_path, threads=1)
    said: list[str] = []
    extraction.extract(OS, table, paths, store=tmp_path, threads=1, progress=said.append)
    assert len(calls) == len(table)
    assert f"{len(table) - 2} files" in said[-1]
    assert "2 were in the store" in said[-1]
    # Nothing is read where all is known: the files may be gone.
    gone = dict.fromkeys(paths, "/nowhere.wav")
    extraction.extract(OS, table, gone, store=tmp_path, threads=1)
    assert len(calls) == len(table)


def test_changed_audio_is_new_audio(emodb, tmp_path):
    source = some(emodb, "wav/*.wav", 200)
    one, other = list(source.values())[:2]
    path = tmp_path / "a.wav"
    path.write_bytes(Path(one).read_bytes())
    before = extraction.extract(
        OS, make_table({"a.wav": str(path)}), {"a.wav": str(path)}, store=tmp_path / "s", threads=1
    )
    path.write_bytes(Path(other).read_bytes())
    after = extraction.extract(
        OS, make_table({"a.wav": str(path)}), {"a.wav": str(path)}, store=tmp_path / "s", threads=1
    )
    assert not np.array_equal(before.iloc[:, 3:], after.iloc[:, 3:])


def test_bad_files_are_told_together_and_good_ones_kept(emodb, tmp_path, calls, monkeypatch):
    monkeypatch.setattr(store, "FLUSH_SECONDS", 1e9)
    paths = some(emodb, "wav/*.wav", 130)
    good = list(paths)
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "empty.wav").touch()
    signal_, rate = soundfile.read(paths[good[0]])
    soundfile.write(tmp_path / "short.wav", signal_[:200], rate)
    for name in ("text.wav", "empty.wav", "short.wav"):
        paths[name] = str(tmp_path / name)
    paths["gone.wav"] = None
    table = make_table({**paths, "gone.wav": "/gone.wav"})
    with pytest.raises(features.BadFiles) as error:
        extraction.extract(OS, table, paths, store=tmp_path / "s", threads=2)
    assert isinstance(error.value, UserError)
    rows = dict(error.value.rows)
    assert sorted(rows) == ["empty.wav", "gone.wav", "short.wav", "text.wav"]
    assert rows["gone.wav"] == "missing"
    assert "too short" in rows["short.wav"]
    assert f"4 of {len(table)}" in error.value.problems[0]
    assert all(line.startswith("[FEATS] type: ") for line in error.value.problems)
    count = len(calls)
    matrix = extraction.extract(
        OS, table[table["file"].isin(good)], paths, store=tmp_path / "s", threads=1
    )
    assert len(matrix) == len(good)
    assert len(calls) == count


def test_many_bad_files_are_counted(tmp_path):
    files = {f"{number}.wav": None for number in range(30)}
    table = make_table({file: f"/{file}" for file in files})
    with pytest.raises(features.BadFiles) as error:
        extraction.extract(OS, table, files, store=tmp_path, threads=1)
    assert len(error.value.rows) == 30
    assert len(error.value.problems) == 12
    assert error.value.problems[-1].endswith("20 more")


def test_bad_parts_are_named(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 535)
    (file,) = paths
    table = make_table(paths, [(file, 0.5, 1.5), (file, 1.5, 2.5), (file, 3.0, None)])
    with pytest.raises(features.BadFiles) as error:
        extraction.extract(OS, table, paths, store=tmp_path, threads=1)
    assert error.value.rows == [
        (file, "1.500 s to 2.500 s: ends at 2.500 s, the file ends at 2.000 s"),
        (file, "3.000 s to the end: starts at 3.000 s, the file ends at 2.000 s"),
    ]


def test_damaged_store_is_mended(emodb, tmp_path, calls):
    paths = some(emodb, "wav/*.wav", 200)
    table = make_table(paths)
    first = extraction.extract(OS, table, paths, store=tmp_path, threads=1)
    (part,) = tmp_path.glob("part-*")
    # Within the values, which a look at the keys alone does not touch.
    column = pq.ParquetFile(part).metadata.row_group(0).column(3)
    assert column.path_in_schema.startswith("values")
    at = column.data_page_offset + column.total_compressed_size - 20
    raw = bytearray(part.read_bytes())
    raw[at : at + 10] = b"0123456789"
    part.write_bytes(raw)
    said: list[str] = []
    second = extraction.extract(OS, table, paths, store=tmp_path, threads=1, progress=said.append)
    pd.testing.assert_frame_equal(first, second)
    assert any("damaged" in line for line in said)
    assert len(calls) == 2 * len(table)


def test_a_matrix_of_many_blocks_is_looked_up_at_once(emodb, tmp_path, monkeypatch, calls):
    paths = some(emodb, "wav/*.wav", 60)
    (tmp_path / "empty.wav").touch()
    paths["empty.wav"] = str(tmp_path / "empty.wav")
    table = make_table(paths)
    # Rows that repeat, in another order than that of the store.
    table = pd.concat([table, table.iloc[2:5]]).sample(frac=1, random_state=0)

    def write(name, block):
        monkeypatch.setattr(extraction, "BLOCK_ROWS", block)
        looked.clear()
        made = extraction.Extraction(OS, table, paths, store=tmp_path / "s", threads=1)
        made.run(fail_threshold=0.5)
        made.write(tmp_path / name)
        assert len(looked) == 1
        return pd.read_parquet(tmp_path / name)

    looked: list[int] = []
    original = store.Store.found

    def counting(self, rows):
        looked.append(len(rows))
        return original(self, rows)

    monkeypatch.setattr(store.Store, "found", counting)
    one = write("one.parquet", 2**15)
    count = len(calls)
    many = write("many.parquet", 3)
    pd.testing.assert_frame_equal(one, many)
    assert one.attrs == many.attrs and len(one.attrs["excluded"]) == 1
    assert one.iloc[:, 3:].isna().all(axis=1).sum() == 1
    assert pq.ParquetFile(tmp_path / "many.parquet").num_row_groups > 3
    assert len(calls) == count
    # A damaged part is found only then.
    part = min((tmp_path / "s").glob("part-*"))
    column = pq.ParquetFile(part).metadata.row_group(0).column(3)
    raw = bytearray(part.read_bytes())
    at = column.data_page_offset + column.total_compressed_size - 20
    raw[at : at + 10] = b"0123456789"
    part.write_bytes(raw)
    made = extraction.Extraction(OS, table, paths, store=tmp_path / "s", threads=1)
    made.run(fail_threshold=0.5)
    made.write(tmp_path / "mended.parquet")
    pd.testing.assert_frame_equal(one, pd.read_parquet(tmp_path / "mended.parquet"))
    assert len(calls) > count


def test_progress_is_told_now_and_then(emodb, tmp_path, monkeypatch):
    monkeypatch.setattr(extraction, "PROGRESS_SECONDS", 0.2)
    paths = some(emodb, "wav/*.wav", 50)
    said: list[str] = []
    extraction.extract(
        OS, make_table(paths), paths, store=tmp_path, threads=1, progress=said.append
    )
    assert len(said) > 1
    assert " of 11 files" in said[0]
    assert "s left" in said[0]
    assert said[-1].startswith("os: 11 files in")


def test_an_empty_table(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 535)
    empty = make_table(paths).iloc[:0]
    matrix = extraction.extract(OS, empty, paths, store=tmp_path, threads=1)
    assert matrix.shape == (0, 91)


def script(folder: Path, spec: dict, step: int) -> list[str]:
    """A script as a workflow would run it, without a guard for its main part."""
    path = folder / "job.py"
    path.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests" / "unit")!r}]
        from pathlib import Path
        from audio_tables import make_table, some
        from izwi.features import extraction
        with open({str(folder / "ran")!r}, "a") as stream:
            stream.write("once")
        paths = some(Path(sys.argv[1]), "wav/*.wav", {step})
        matrix = extraction.extract({spec!r}, make_table(paths), paths,
            store=Path({str(folder / "store")!r}), threads=2)
        matrix.to_parquet({str(folder / "matrix.parquet")!r})
        """)
    )
    return [sys.executable, str(path)]


def test_processes_do_not_run_the_callers_script(emodb, tmp_path):
    subprocess.run([*script(tmp_path, PRAAT, 33), str(emodb)], check=True, timeout=100)
    assert (tmp_path / "ran").read_text() == "once"
    paths = some(emodb, "wav/*.wav", 33)
    alone = extraction.extract(PRAAT, make_table(paths), paths, store=tmp_path / "alone", threads=1)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "matrix.parquet"), alone)


@pytest.mark.parametrize("spec", [OS, PRAAT])
def test_a_killed_run_goes_on_and_leaves_no_process(emodb, tmp_path, spec):
    job = subprocess.Popen([*script(tmp_path, spec, 3), str(emodb)], start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("store/part-*")):
        assert time.monotonic() < deadline
        assert job.poll() is None
        time.sleep(0.05)
    job.send_signal(signal.SIGKILL)
    job.wait()
    for _ in range(300):
        try:
            os.killpg(job.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        os.killpg(job.pid, signal.SIGKILL)
        raise AssertionError("workers outlive the run")
    paths = some(emodb, "wav/*.wav", 3)
    extractor = features.extractor_class(spec["type"])(spec["options"])
    kept = store.Store(tmp_path / "store", extractor.columns)
    table = make_table(paths)
    left = kept.missing(extraction.row_keys(table))
    assert 0 < len(left) < len(table)


def test_the_example_in_the_docs_works(emodb, tmp_path, monkeypatch):
    page = (ROOT / "docs" / "add_a_feature_extractor.md").read_text(encoding="utf-8")
    module = ModuleType("zero_crossings")
    exec(page.split("```python\n")[1].split("```")[0], module.__dict__)
    monkeypatch.setitem(sys.modules, "zero_crossings", module)
    monkeypatch.setitem(features.EXTRACTORS, "zcr", "zero_crossings:ZeroCrossings")
    paths = some(emodb, "wav/*.wav", 100)
    matrix = extraction.extract(
        {"type": "zcr", "options": {}}, make_table(paths), paths, store=tmp_path, threads=2
    )
    for row, path in enumerate(paths.values()):
        samples = [sample for sample in soundfile.read(path)[0] if sample != 0]
        changes = sum((a < 0) != (b < 0) for a, b in pairwise(samples))
        assert matrix["zero_crossing_rate"][row] == pytest.approx(changes / 2.0)


@pytest.mark.parametrize(
    ("kind", "cls", "method"),
    [
        ("os", opensmile_module.OpenSmile, "_frames_of_file"),
        ("praat", praat.Praat, "_measure"),
    ],
)
def test_long_signals_are_let_go_of(emodb, tmp_path, monkeypatch, kind, cls, method):
    """Before what takes most memory: two hours of audio are half a gigabyte."""
    paths = some(emodb, "wav/*.wav", 535)
    table = make_table(paths)
    names = cls({}).columns
    read, measured = [], []

    def checked(signal):
        read.append(weakref.ref(signal))
        return signal

    def measure(*_):
        measured.append([signal() is None for signal in read])
        return np.zeros((len(names), 1), np.float32) if kind == "os" else dict.fromkeys(names, 0.0)

    monkeypatch.setattr("izwi.data.audio._checked", checked)
    monkeypatch.setattr(opensmile_module, "LONG", 0.0)
    monkeypatch.setattr(cls, method, measure)
    extraction.extract({"type": kind, "options": {}}, table, paths, store=tmp_path, threads=1)
    assert measured == [[True]]
