"""Databases written for use elsewhere: samples, names, tables that say the same when read again."""

from pathlib import Path

import audresample
import numpy as np
import pandas as pd
import pytest
import soundfile
from audio_tables import make_table

from izwi.config.experiment import resolve
from izwi.data import audio, databases
from izwi.data.scan import scan
from izwi.errors import UserError
from izwi.exporting import encode, export, tables

BASE = {
    "section": "EXPORT",
    "name": "mine",
    "audio": True,
    "folder": "audio",
    "rate": None,
    "format": None,
    "mono": False,
    "bit_depth": 16,
    "segments_as_files": False,
    "selection": "all",
    "orig_root": None,
}
RATES = {"a.wav": 16_000, "b.wav": 22_050, "deep/a.wav": 8_000, "deep/a.flac": 8_000}


@pytest.fixture
def data(tmp_path):
    """Four files, one of them in two parts; a table, its split, and where the files lie."""
    random, source = np.random.default_rng(0), tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    paths = {}
    for name, rate in RATES.items():
        signal = random.normal(0, 0.1, (2 * rate, 2 if name == "b.wav" else 1))
        paths[name] = str(source / name)
        soundfile.write(paths[name], signal, rate, subtype="PCM_16")
    parts = [("a.wav", 0, 0.75), ("a.wav", 0.75, 1.5)]
    parts += [(name, 0.0, None) for name in RATES if name != "a.wav"]
    table = make_table(paths, parts).assign(
        database="db",
        speaker=["03", "4", "03", "5", "4"],
        truth=["joy", "fear", "joy", "fear", "joy"],
        age=[31.0, 22.0, 31.0, np.nan, 22.0],
    )
    table = table.sort_values(["file", "start"]).reset_index(drop=True)
    split = table[["file"]].assign(part=["train", "test", "train", "", "test"], fold=0)
    return table, split, {"db": paths}


def written(data, folder, threads=1, **changes):
    table, split, places = data
    spec, folder = {**BASE, **changes}, folder / "out"
    frame = tables.rows_of([table], split, "emotion", same_speakers=False)
    folder.mkdir()
    frame, report = export.export(spec, frame, places, folder, threads=threads)
    report["files"] = tables.write(frame, folder, spec["name"])
    return folder, report


def read_again(place, tmp_path, kind):
    path = str(place / "mine.csv" if kind == "csv" else place)
    database = {"name": "again", "type": kind, "path": path, "options": {}}
    listing = scan(database, cwd=tmp_path, cache=tmp_path / "cache")
    assert None not in listing.paths
    spec = {"task": "classification", "target": "emotion", "labels": None, **database}
    return databases.load_table(spec, listing)[0]


@pytest.mark.parametrize("kind", ["csv", "audformat"])
@pytest.mark.parametrize("as_files", [False, True])
def test_what_was_written_is_read_again_with_the_same_labels(data, tmp_path, kind, as_files):
    folder, report = written(data, tmp_path, segments_as_files=as_files, threads=2)
    table, split, _ = data
    found = read_again(folder, tmp_path, kind)
    assert len(found) == len(table) == report["counts"]["rows"]
    assert report["counts"]["files"] == found["file"].nunique() == (5 if as_files else 4)
    wanted = {
        (speaker, truth, part or "nan", f"{age:g}")
        for speaker, truth, age, part in zip(
            *(table[name] for name in ("speaker", "truth", "age")), split["part"], strict=True
        )
    }
    part = found["split" if "split" in found else "original_split"].astype(object)
    part = part.where(part.notna(), "nan")
    told = zip(found["speaker"], found["truth"], part, found["age"], strict=True)
    assert {(who, what, where, f"{age:g}") for who, what, where, age in told} == wanted
    if not as_files:
        assert set(found["end"].dropna().dt.total_seconds()) == {0.75, 1.5}


def test_copies_are_the_originals_and_names_do_not_collide(data, tmp_path):
    folder, _ = written(data, tmp_path)
    for name, path in data[2]["db"].items():
        assert (folder / "audio" / name).read_bytes() == Path(path).read_bytes()


@pytest.mark.parametrize(("kind", "bits"), [("wav", 16), ("wav", 24), ("wav", 32), ("flac", 16)])
def test_samples_are_those_of_audresample(data, tmp_path, kind, bits):
    target = 11_025
    changes = {"section": "RESAMPLE", "rate": target, "mono": True}
    folder, _ = written(data, tmp_path, format=kind, bit_depth=bits, **changes)
    again = pd.read_csv(folder / "mine.csv")
    assert again["file"].nunique() == 4
    for name, path in data[2]["db"].items():
        signal, rate = soundfile.read(path, dtype="float32", always_2d=True)
        wanted = audresample.resample(signal.T.mean(axis=0, keepdims=True), rate, target)[0]
        stem = "deep/a-2" if name == "deep/a.wav" else name.rpartition(".")[0]
        found, rate = soundfile.read(folder / "audio" / f"{stem}.{kind}", dtype="float64")
        assert rate == target and len(found) == len(wanted)
        if bits == 32:
            assert (found == wanted).all()
        else:
            # The nearest step there is.
            step = 2.0 ** (1 - bits)
            assert (
                found
                == np.clip(np.rint(wanted / step), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * step
            ).all()


def test_16_bits_come_back_as_they_were_and_clipping_is_told(data, tmp_path):
    path = data[2]["db"]["a.wav"]
    before = soundfile.read(path, dtype="int16")[0]
    signal, rate = audio.read(path)
    assert encode.write(tmp_path / "x.wav", signal, rate, "wav", 16) == 0
    assert (soundfile.read(tmp_path / "x.wav", dtype="int16")[0] == before).all()
    loud = np.array([[0.5, 1.0, -1.0, 1.25, -1.5]], dtype="float32")
    assert encode.write(tmp_path / "x.wav", loud, rate, "wav", 16) == 3
    assert list(soundfile.read(tmp_path / "x.wav", dtype="int16")[0]) == [
        *(16384, 32767, -32768, 32767, -32768)
    ]
    assert encode.write(tmp_path / "x.wav", loud, rate, "wav", 32) == 0
    with pytest.raises(audio.AudioError, match="cannot be written as mp3 with 7000 Hz"):
        encode.write(tmp_path / "x.mp3", loud, 7000, "mp3", 16)


@pytest.mark.parametrize("mono", [True, False])
def test_channels_that_cancel_out_are_told_where_they_are_averaged(data, tmp_path, mono):
    path = data[2]["db"]["b.wav"]
    signal, rate = soundfile.read(path)
    soundfile.write(path, signal[:, :1] * [1, -1], rate)
    _, report = written(data, tmp_path, mono=mono, format="wav")
    told = [line for line in report["warnings"] if "cancel out" in line]
    assert len(told) == mono
    assert all("[EXPORT] mono: 1 of" in line and "b.wav" in line for line in told)


def test_segments_as_files_hold_their_part(data, tmp_path):
    folder, _ = written(data, tmp_path, segments_as_files=True)
    whole = soundfile.read(data[2]["db"]["a.wav"], dtype="int16")[0]
    for name, first, last in (("a_0.000-0.750", 0, 12_000), ("a_0.750-1.500", 12_000, 24_000)):
        part = soundfile.read(folder / "audio" / f"{name}.wav", dtype="int16")[0]
        assert (part == whole[first:last]).all()


def test_damaged_audio_is_an_error_or_counted(data, tmp_path):
    table, split, places = data
    with open(places["db"]["b.wav"], "r+b") as stream:
        stream.truncate(2000)
    frame = tables.rows_of([table], split, "emotion", same_speakers=False)
    spec = {**BASE, "format": "wav"}
    with pytest.raises(UserError, match=r"\[EXPORT\] 1 of 5 rows cannot.*FEATS.fail_threshold"):
        export.export(spec, frame, places, tmp_path / "one")
    kept, report = export.export(spec, frame, places, tmp_path / "two", fail_threshold=0.2)
    assert len(kept) == 4 and report["counts"] == {"rows": 4, "files": 3}
    assert any("b.wav: truncated" in line for line in report["warnings"])


def test_speakers_of_several_databases_stay_apart(data):
    table, split, _ = data
    both = [table, table.assign(database="other")]
    twice = pd.concat([split, split], ignore_index=True)
    apart = tables.rows_of(both, twice, "emotion", same_speakers=False)
    assert apart["speaker"].nunique() == 6 and "other_03" in set(apart["speaker"])
    assert tables.rows_of(both, twice, "emotion", same_speakers=True)["speaker"].nunique() == 3


INI = """
[EXP]
name = one
[DATA]
databases = ['demo']
demo.type = demo
target = emotion
{sections}
[FEATS]
type = os
"""


def resolved(tmp_path, sections):
    (tmp_path / "one.ini").write_text(INI.format(sections=sections))
    return resolve("one.ini", cwd=tmp_path)


def test_sections_become_exports_where_nothing_is_trained_or_always(tmp_path):
    both = "[EXPORT]\nroot = out/\ndata_name = x.csv\n[RESAMPLE]\ntarget = y.csv\nreplace = True\n"
    found = resolved(tmp_path, both)
    resample, exported = found.exports
    assert (resample["name"], resample["rate"], resample["format"]) == ("y", 16_000, "wav")
    assert (exported["name"], exported["rate"], exported["format"]) == ("x", None, None)
    assert exported["place"] == str(tmp_path / "out")
    assert any("never overwritten" in note for note in found.notes)
    model = f"{both}[MODEL]\ntype = svm\n"
    noted = resolved(tmp_path, model)
    assert noted.exports == ()
    assert sum("always = True" in note for note in noted.notes) == 2
    always = resolved(tmp_path, model.replace("[EXPORT]\n", "[EXPORT]\nalways = True\n"))
    assert [one["section"] for one in always.exports] == ["EXPORT"]


def test_what_cannot_be_written_is_told_before(tmp_path):
    (tmp_path / "mine").mkdir()
    for text, message in (
        ("[EXPORT]\ntarget_root = mine", "exists already"),
        ("[EXPORT]\nformat = flac\nbit_depth = 32", "flac holds integers"),
        ("[EXPORT]\ndata_name = a:b", "data_name: 'a:b' holds"),
        ("[RESAMPLE]\nsampling_rate = 10", "sampling_rate"),
        ("[SEGMENT]\nmethod = fixed\nwindow = 1\nresult = predictions.csv", "take another"),
    ):
        with pytest.raises(UserError, match=message):
            resolved(tmp_path, text)
