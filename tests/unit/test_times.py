"""Times as people and programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi.config.experiment import resolve
from izwi.data import audio, scan, times
from izwi.data.databases import load_table
from izwi.errors import UserError
from izwi.features.imported import Import
from izwi.serving import inputs

GOOD = {
    "0.5": 0.5,
    ".5": 0.5,
    "5": 5.0,
    "+1e-3": 0.001,
    " 1.5 ": 1.5,
    "00:00:01.5": 1.5,
    "1:02:03": 3723.0,
    "0 days 00:00:01.500000000": 1.5,
    "1 day, 0:00:01": 86401.0,
    "-1 days +23:59:59.5": -0.5,
    "1500 ms": 1.5,
    "1.5s": 1.5,
    "2 minutes": 120.0,
    "1h": 3600.0,
    "250us": 0.00025,
    "250 µs": 0.00025,
    "5e-1 s": 0.5,
    "1.5e3 ms": 1.5,
    "2\u00a0s": 2.0,
    "\ufeff1.5\u200b": 1.5,
}
BAD = ["0,5", "1 5", "00:00:00,500", "1,500.0", "0.5.1", "12:30", "00:61:00", "1 5 s", "soon"]
BAD += ["inf", "-inf", "1e10", "1700000000000", "1700000000", "2024-01-01", "1_0", "0x10", "True"]
BAD += ["1e400", "99999 days 00:00:00", "1e30 s", "0.5 ; 1", "１"]


@pytest.mark.parametrize("text", GOOD)
def test_what_is_a_time(text):
    (found,) = times.parse([text], "start", "[DATA] db")
    assert found.total_seconds() == pytest.approx(GOOD[text], abs=1e-9)


@pytest.mark.parametrize("text", BAD)
def test_what_is_none_is_an_error_of_one_line(text):
    with pytest.raises(UserError) as told:
        times.parse(["1", text], "start", "[DATA] db", lambda row: row + 2)
    (line,) = told.value.problems
    assert f"'{text}' (line 3)" in line and "\n" not in line
    if text in ("0,5", "00:00:00,500"):
        assert f"comma? Write {text.replace(',', '.')}" in line
    with pytest.raises(audio.AudioError, match="is no time"):
        audio.nanoseconds(text)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e10, 1700000000000, 1.7e12])
def test_numbers_that_are_no_seconds(value):
    for column in ([value], pd.Series([value, 0.0]), np.array([value])):
        with pytest.raises(UserError, match="is no time"):
            times.parse(column, "start", "[DATA] db")


def test_what_is_missing_is_no_time():
    found = times.parse(["", None, np.nan, "NaT", "nan", "NA", pd.NaT], "end", "[DATA] db")
    assert found.isna().all() and found.dtype == "timedelta64[ns]"
    deltas = pd.Series(pd.to_timedelta([1, None], unit="s"))
    assert times.parse(deltas, "end", "[DATA] db").dt.total_seconds().tolist()[0] == 1.0


def database(folder: Path, text: str, **options: str) -> tuple[pd.DataFrame, dict]:
    soundfile.write(folder / "a.wav", np.full(16000, 0.1), 16000)
    (folder / "db.csv").write_text(text)
    place = {"name": "db", "type": "csv", "path": str(folder / "db.csv"), "options": options}
    found = scan.scan(place, cwd=folder, cache=folder / "cache")
    return load_table({**place, "task": "classification", "target": "emotion"}, found)


def test_the_line_of_a_csv_is_told(tmp_path):
    text = 'file,start,end,emotion\na.wav,0,1,x\n\n"a.wav","0,5",1,x\n'
    with pytest.raises(UserError, match=r"'0,5' \(line 4\)"):
        database(tmp_path, text)
    with pytest.raises(UserError, match=r"'0,5' \(line 4\)"):
        inputs.collect([tmp_path / "db.csv"])


def test_bad_segments_end_the_experiment_or_are_left_out(tmp_path):
    cells = ["0,0.5", "0.5,0.25", "-0.1,0.2", "0.3,0.3", "0.5,"]
    text = "file,start,end,emotion\n" + "".join(f"a.wav,{cell},x\n" for cell in cells)
    with pytest.raises(UserError, match=r"3 segments .*0\.500 to 0\.250 s \(line 3\).*drop"):
        database(tmp_path, text)
    table, report = database(tmp_path, text, bad_segments="drop")
    assert table["start"].dt.total_seconds().tolist() == [0.0, 0.5]
    assert report["counts"] == {"listed": 5, "used": 2, "dropped": {"bad segments": 3}}
    assert "3 segments" in report["warnings"][0]
    only = "file,start,end,emotion\na.wav,1,0,x\n"
    with pytest.raises(UserError, match="leaves no row"):
        database(tmp_path, only, bad_segments="drop")


@pytest.mark.parametrize("line", ["bad_segments = drop", "db.bad_segments = drop"])
def test_the_ini_says_what_becomes_of_bad_segments(tmp_path, line):
    (tmp_path / "db.csv").write_text("file,start,end,emotion\na.wav,1,0,x\n")
    text = f"[EXP]\nname = x\n[DATA]\ndatabases = ['db']\ndb = db.csv\ntarget = emotion\n{line}\n"
    (tmp_path / "x.ini").write_text(text)
    (own,) = resolve(tmp_path / "x.ini", cwd=tmp_path).databases
    assert own["options"]["bad_segments"] == "drop"


@pytest.mark.parametrize("cell", ['"0,5"', "1 5", "inf", "1e10"])
def test_imported_features_are_read_by_the_same(tmp_path, cell):
    path = tmp_path / "features.csv"
    path.write_text(f"file,start,end,x\na.wav,{cell},1.0,3\n")
    table = pd.DataFrame({"file": ["a.wav"], "start": pd.to_timedelta([0.5], unit="s")})
    table["end"] = pd.to_timedelta([1.0], unit="s")
    extractor = Import({"import_file": str(path)})
    with pytest.raises(UserError, match="column 'start' is no time"):
        extractor.matrix(table, {})
    path.write_text("file,start,end,x\na.wav,0:00:00.5,1000 ms,3\n")
    assert extractor.matrix(table, {})["x"].tolist() == [3.0]


def test_bad_segments_of_an_audformat_database(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(16000, 0.1), 16000)
    (tmp_path / "db.yaml").write_text(
        "name: x\nschemes:\n  emotion: {dtype: str}\n  length: {dtype: time}\ntables:\n"
        "  emotion:\n    type: segmented\n    columns:\n      emotion: {scheme_id: emotion}\n"
        "      length: {scheme_id: length}\n"
    )
    rows = ["a.wav,0 days 00:00:00,0 days 00:00:00.5,x,0 days 00:00:02"]
    rows += ["a.wav,0 days 00:00:00.5,0 days 00:00:00.2,x,1", "a.wav,0.5,0.7,y,3 s"]

    def load(**options: str) -> tuple[pd.DataFrame, dict]:
        text = "\n".join(["file,start,end,emotion,length", *rows, ""])
        (tmp_path / "db.emotion.csv").write_text(text)
        place = {"name": "db", "type": "audformat", "path": str(tmp_path), "options": options}
        found = scan.scan(place, cwd=tmp_path, cache=tmp_path / "cache", write=False)
        return load_table({**place, "task": "classification", "target": "emotion"}, found)

    with pytest.raises(UserError, match=r"1 segment .*0\.500 to 0\.200 s \(line 3\).*drop"):
        load()
    table, report = load(bad_segments="drop")
    assert table["truth"].tolist() == ["x", "y"] and table["length"].tolist() == [2.0, 3.0]
    assert report["counts"] == {"listed": 3, "used": 2, "dropped": {"bad segments": 1}}
    rows[2] = 'a.wav,0.5,0.7,y,"3,5"'
    with pytest.raises(UserError, match=r"column 'length' is no time.*decimal comma"):
        load(bad_segments="drop")
