"""What a user may hand to a trained model."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from izwi.errors import UserError
from izwi.serving import inputs


@pytest.fixture
def folder(tmp_path):
    for name in ("b.wav", "A.FLAC", "notes.txt", "deep/er/c.mp3", "deep/d.jpg"):
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def files(*arguments):
    return inputs.collect(arguments)["file"].tolist()


def test_a_folder_is_all_its_audio(folder):
    audio = folder / "audio"
    assert files(audio) == [str(audio / name) for name in ("A.FLAC", "b.wav", "deep/er/c.mp3")]


def test_a_file_is_taken_as_named_in_the_order_named(folder):
    assert files("z.wav", folder / "audio" / "notes.wav", "a") == [
        "z.wav",
        str(folder / "audio" / "notes.wav"),
        "a",
    ]
    row = inputs.collect(["z.wav"]).iloc[0]
    assert row["start"] == pd.Timedelta(0) and pd.isna(row["end"])


def test_a_list_names_files_beside_it_or_in_the_working_directory(folder, monkeypatch):
    (folder / "list.txt").write_text("\ufeffaudio/b.wav\n\n  here.wav \nnowhere.wav\n")
    (folder / "cwd").mkdir()
    (folder / "cwd" / "here.wav").touch()
    monkeypatch.chdir(folder / "cwd")
    assert files(folder / "list.txt") == [
        str(folder / "audio/b.wav"),
        "here.wav",
        str(folder / "nowhere.wav"),
    ]


def test_a_csv_may_name_parts_of_files(folder):
    (folder / "db.csv").write_text(
        "speaker,file,start,end\n1,audio/b.wav,0.5,0 days 00:00:01.25\n2,audio/b.wav,,\n"
    )
    found = inputs.collect([folder / "db.csv"])
    assert found["file"].tolist() == [str(folder / "audio/b.wav")] * 2
    assert found["start"].dt.total_seconds().tolist() == [0.5, 0]
    assert found["end"].iloc[0].total_seconds() == 1.25 and pd.isna(found["end"].iloc[1])


def test_all_problems_are_told_at_once_in_one_line_each(folder):
    (folder / "none.csv").write_text("path,x\na.wav,1\n")
    (folder / "empty.csv").write_text("file\n")
    (folder / "empty.txt").write_text("\n")
    (folder / "latin.txt").write_bytes(b"\xe4.wav\n")
    (folder / "backwards.csv").write_text("file,start,end\na.wav,2,1\n")
    (folder / "hollow").mkdir()
    names = "none.csv empty.csv empty.txt latin.txt backwards.csv missing.csv missing.txt hollow"
    with pytest.raises(UserError) as caught:
        inputs.collect([folder / name for name in ("audio", *names.split())])
    assert caught.value.problems == [
        f"{folder}/none.csv: no column 'file' but path, x",
        f"{folder}/empty.csv: has no rows",
        f"{folder}/empty.txt: names no file",
        f"{folder}/latin.txt: is not UTF-8: save it as UTF-8",
        "backwards.csv: 1 segment ends before it starts or starts before 0, such as "
        f"{folder}/a.wav from 2.000 to 1.000 s (line 2)",
        f"{folder}/missing.csv: no such file",
        f"{folder}/missing.txt: cannot be read (No such file or directory)",
        f"{folder}/hollow: no audio in this folder, by the ending of the names",
    ]


class PortAudioError(Exception):
    pass


def sounddevice(**functions):
    return SimpleNamespace(PortAudioError=PortAudioError, wait=lambda: None, **functions)


def test_the_microphone_is_recorded_at_its_own_rate(monkeypatch):
    asked = []

    def rec(frames, rate, channels, dtype):
        asked.append((frames, rate, channels, dtype))
        return np.full((frames, channels), 0.25, dtype)

    device = sounddevice(query_devices=lambda kind: {"default_samplerate": 44100.0}, rec=rec)
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    signal, rate = inputs.record(1.5)
    assert asked == [(66150, 44100, 1, "float32")]
    assert signal.shape == (1, 66150) and signal.dtype == np.float32 and rate == 44100


def test_no_microphone_is_one_line(monkeypatch):
    def query_devices(kind):
        raise PortAudioError("Error querying\ndevice -1")

    monkeypatch.setitem(sys.modules, "sounddevice", sounddevice(query_devices=query_devices))
    with pytest.raises(UserError) as caught:
        inputs.record(1)
    assert caught.value.problems == [
        "--microphone: no microphone can be used here (Error querying device -1)"
    ]
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UserError, match="sounddevice is not installed; type: make web") as caught:
        inputs.record(1)
    assert len(caught.value.problems) == 1
