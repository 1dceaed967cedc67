"""Segments and exported data in a call of the workflow: trained on, listed, read again, kept."""

import json

import pandas as pd
import pytest
from workflow import Folder

from izwi.data import databases
from izwi.data.scan import scan
from izwi.segmentation import silero
from izwi.splits import make_split

pytestmark = pytest.mark.skipif(bool(silero.absent()), reason="silero-vad is not installed")
SEGMENT = {"min_length": 0.4, "max_length": 1, "result": "cut.csv", "output_audio": True}

SPLIT = {"task": "classification", "target": "emotion", "seed": 42}


@pytest.fixture(scope="module")
def made(emodb, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("segments"))
    data = {
        "databases": "['emodb']",
        "emodb": emodb / "emodb.csv",
        "emodb.limit_samples_per_speaker": 4,
        "emodb.split_strategy": "[8, 10, 13, 15]",
        "target": "emotion",
        "labels": "['anger', 'neutral', 'sadness']",
        "leakage": "ignore",
    }
    model = {"FEATS": {"type": "signal", "scale": "standard"}, "MODEL": {"type": "knn"}}
    lengths = {name: SEGMENT[name] for name in ("min_length", "max_length")}
    export = {"data_name": "mine", "segments_as_files": True, "target_root": "./mine"}
    inis = [
        folder.ini("trained", DATA=data | {"segment": True}, SEGMENT=SEGMENT, **model),
        folder.ini("listed", DATA=data, SEGMENT=lengths, EXPORT=export),
    ]
    folder.config(inis)
    return folder, folder.run("-c", "2", "--configfile", "config.yaml")


def table(path):
    return pd.read_csv(path, dtype={"speaker": str})


def test_segments_are_trained_on_and_stay_with_their_recording(made):
    folder, call = made
    assert call.jobs("segment") == call.jobs("segment_split") == 2
    assert call.jobs("export_data") == 3
    parts = {}
    for name in ("trained", "listed"):
        place = folder.path / "results/experiments" / name
        found = table(place / ("cut.csv" if name == "trained" else "segmented.csv"))
        parts[name] = found
        assert (found["duration"] >= 0.4).all() and (found["duration"] < 1.4).all()
        sides = found.groupby("file")["split"].nunique()
        assert (sides == 1).all() and found["file"].duplicated().any()
        assert set(found.loc[found["split"] == "test", "speaker"]) == {"8", "10", "13", "15"}
    pd.testing.assert_frame_equal(parts["trained"], parts["listed"])
    tested = folder.metrics("trained")["n_test"]
    assert tested == (parts["trained"]["split"] == "test").sum()
    predictions = pd.DataFrame(folder.predictions("trained"))
    known = parts["trained"].set_index("file")["emotion"]
    known.index = known.index.str.extract(r"(wav/.*)$", expand=False)
    assert (
        known[~known.index.duplicated()].loc[predictions["file"]].to_numpy() == predictions["truth"]
    ).all()


def test_texts_say_how_recordings_were_cut(made):
    folder, _ = made
    methods = folder.bytes_of("trained", "methods.md").decode()
    assert "cut into stretches of speech by silero-vad" in methods
    assert "samples of 40 recordings" in methods
    assert b"silero2024vad" in folder.bytes_of("trained", "references.bib")
    record = json.loads(folder.bytes_of("trained", "experiment.json"))
    assert record["packages"]["silero-vad"] and record["segmentation"]["max_length"] == 1


def test_an_exported_folder_is_a_database_with_the_same_labels_and_split(made):
    folder, _ = made
    listed = table(folder.path / "results/experiments/listed/segmented.csv")
    audio = table(folder.path / "results/experiments/trained/segments/cut.csv")
    assert len(audio) == len(listed)
    wanted = sorted(zip(listed["speaker"], listed["emotion"], listed["split"], strict=True))
    for kind, place in (("csv", "mine/mine.csv"), ("audformat", "mine")):
        base = {"name": "again", "type": kind, "path": str(folder.path / place), "options": {}}
        listing = scan(base, cwd=folder.path, cache=folder.path / "cache")
        spec = {"task": "classification", "target": "emotion", "labels": None, **base}
        read, _ = databases.load_table(spec, listing)
        split, _ = make_split(
            {**SPLIT, "databases": {"again": {"split_strategy": "column"}}}, [read]
        )
        assert sorted(zip(read["speaker"], read["truth"], split["part"], strict=True)) == wanted
