"""The embedded data set."""

import filecmp
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from plain_features import plain_egemaps
from sklearn.metrics import recall_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from izwi.data.databases import demo, load_table
from izwi.data.scan import scan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo")
    demo.synthesise(path)
    return path


@pytest.fixture(scope="module")
def table(folder):
    database = {"name": "demo", "type": "demo", "path": str(folder), "options": {}}
    listing = scan(database, cwd=folder, cache=folder / "cache")
    spec = {"task": "classification", "target": "emotion", "seed": 1}
    return load_table(database | spec, listing)[0]


def test_labels(table, folder):
    assert len(table) == 312
    emotions = ("anger", "happiness", "neutral", "sadness")
    assert table["truth"].value_counts().to_dict() == dict.fromkeys(emotions, 78)
    speakers = table.groupby("gender")["speaker"].nunique().to_dict()
    assert speakers == {"female": 5, "male": 8}
    assert set(table["language"]) == {"de", "en", "pl"}
    assert set(table["source"]) == {"synthetic"}
    assert demo.RECIPE in (folder / "README.md").read_text()
    assert table["digest"].is_unique


def test_audio(table, folder):
    for file in table["file"][::13]:
        info = soundfile.info(folder / file)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        samples, _ = soundfile.read(folder / file)
        assert 0.8 < info.duration < 8
        assert 0.005 < np.sqrt(np.mean(samples**2)) < 0.3
        assert np.abs(samples).max() <= 1


def test_the_same_bytes_each_time(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    demo.synthesise("again")
    names = ["demo.csv", "README.md", *(f"wav/{file}" for file in os.listdir(folder / "wav"))]
    same, differ, missing = filecmp.cmpfiles(folder, "again", names, shallow=False)
    assert (len(same), differ, missing) == (314, [], [])


def test_nothing_is_written_after_the_process_that_asked_was_killed(tmp_path):
    asks = f"from izwi.data.databases import demo; demo.synthesise({str(tmp_path)!r})"
    asking = subprocess.Popen([sys.executable, "-c", asks])
    while len(list(tmp_path.glob("wav/*"))) < 3:
        assert asking.poll() is None
        time.sleep(0.01)
    asking.kill()
    asking.wait()
    before, left = -1, 0
    # A busy computer may take a while to end it.
    while left != before:
        before = left
        time.sleep(0.5)
        left = len(list(tmp_path.glob("wav/*")))
    assert 3 <= left < 312


def test_neither_trivial_nor_hopeless(table, folder):
    # Half of it is enough to see, and takes half the time.
    table = table[table["file"].str.contains(r"_[135]\.wav")]
    features = plain_egemaps([folder / file for file in table["file"]])
    predicted = cross_val_predict(
        make_pipeline(StandardScaler(), SVC()),
        features,
        table["truth"],
        groups=table["speaker"],
        cv=GroupKFold(5),
    )
    assert 0.6 < recall_score(table["truth"], predicted, average="macro") < 0.9
