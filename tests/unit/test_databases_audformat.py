"""Audformat and audb databases, compared with the audformat package's own reading."""

import shutil

import audformat
import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.errors import UserError


def load(folder, tmp_path, *, kind="audformat", name="db", **spec):
    database = {"name": name, "type": kind, "path": str(folder)}
    database["options"] = spec.pop("options", {})
    listing = scan(database, cwd=tmp_path, cache=tmp_path / "cache")
    spec = {"task": "classification", "target": "emotion", "seed": 1, **spec}
    return load_table(database | spec, listing)


@pytest.fixture
def folder(tmp_path):
    """Four files by two speakers; segments with emotions, speakers in a miscellaneous table."""
    path = tmp_path / "db"
    (path / "wav").mkdir(parents=True)
    files = [f"wav/{i}.wav" for i in range(4)]
    for file in files:
        soundfile.write(path / file, np.zeros(16000), 16000)
    db = audformat.Database("db")
    db["speakers"] = audformat.MiscTable(pd.Index(["01", "02"], name="speaker", dtype="string"))
    db["speakers"]["gender"] = audformat.Column()
    db["speakers"]["gender"].set(["female", "male"])
    db["speakers"]["age"] = audformat.Column()
    db["speakers"]["age"].set([20, 30])
    db.schemes["speaker"] = audformat.Scheme("str", labels="speakers")
    db.schemes["emotion"] = audformat.Scheme(labels=["joy", "fear"])
    db.schemes["length"] = audformat.Scheme("time")
    db["files"] = audformat.Table(audformat.filewise_index(files))
    db["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["files"]["speaker"].set(["01", "01", "02", "02"])
    db["files"]["length"] = audformat.Column(scheme_id="length")
    db["files"]["length"].set(pd.to_timedelta([1, 1, 1, 1], unit="s"))
    db.splits["test"] = audformat.Split("test")
    db.splits["train"] = audformat.Split("train")
    parts = {
        "train": ([files[0], files[0], files[1]], ["0s", "0.5s", "0s"], ["0.5s", "1s", "1s"]),
        "test-1": ([files[2], files[3]], ["0s", "0.25s"], ["1s", "0.75s"]),
    }
    labels = {"train": ["joy", "fear", "joy"], "test-1": ["fear", "joy"]}
    for part, (names, starts, ends) in parts.items():
        table = audformat.Table(
            audformat.segmented_index(names, starts, ends), split_id=part.split("-")[0]
        )
        db[f"emotion.{part}"] = table
        table["emotion"] = audformat.Column(scheme_id="emotion")
        table["emotion"].set(labels[part])
    db["rating"] = audformat.Table(audformat.filewise_index(files))
    db["rating"]["valence"] = audformat.Column()
    db["rating"]["valence"].set([0.5, 1.5, 2.5, 3.5])
    save(db, path)
    return path


def save(db, path, storage_format="csv"):
    for old in path.glob("db.*"):
        old.unlink()
    db.save(str(path), storage_format=storage_format)
    for pickled in path.glob("*.pkl"):
        pickled.unlink()


def change(folder, function):
    db = audformat.Database.load(str(folder), load_data=True)
    function(db)
    save(db, folder)


def test_emodb_has_the_same_rows_as_its_csv(emodb, tmp_path):
    table, report = load(emodb, tmp_path)
    other, _ = load(emodb / "emodb.csv", tmp_path, kind="csv")
    shared = [column for column in other if column in table]
    assert shared == list(other)
    pd.testing.assert_frame_equal(table[shared], other)
    assert set(table) - set(shared) == {"part", "duration", "language"}
    assert table["duration"].unique() == [2.0]
    assert report["warnings"] == []


def test_emodb_as_audformat_reads_it(emodb, tmp_path):
    db = audformat.Database.load(str(emodb), load_data=True)
    expected = db["emotion"].get()["emotion"].sort_index()
    table, _ = load(emodb, tmp_path)
    assert table["file"].tolist() == expected.index.tolist()
    assert table["truth"].tolist() == expected.tolist()
    age = db["files"]["speaker"].get(map="age").reindex(expected.index)
    assert table["age"].tolist() == age.tolist()
    parts = table.groupby("part")["file"].apply(sorted)
    for part in ("train", "test"):
        name = f"emotion.categories.{part}.gold_standard"
        assert parts[part] == sorted(db[name].index)
    assert sorted(table["speaker"][table["part"] == "test"].unique()) == ["12", "14", "15", "16"]


def test_without_a_target_rows_are_those_of_all_tables(emodb, tmp_path):
    table, _ = load(emodb, tmp_path, target="database")
    assert len(table) == 535 and set(table["truth"]) == {"db"}
    assert table["file"].is_unique and table["speaker"].nunique() == 10


def test_the_target_may_be_an_attribute_of_the_speaker(emodb, tmp_path):
    table, _ = load(emodb, tmp_path, target="gender")
    assert table["truth"].value_counts().to_dict() == {"female": 302, "male": 233}
    # The split of emotions is not gender's, unless asked for.
    assert "part" not in table
    table, _ = load(emodb, tmp_path, target="gender", options={"split_strategy": "database"})
    assert table["part"].value_counts().to_dict() == {"train": 304, "test": 231}


@pytest.mark.parametrize("storage_format", ["csv", "parquet"])
def test_segments_meet_files(folder, tmp_path, storage_format):
    save(audformat.Database.load(str(folder), load_data=True), folder, storage_format)
    table, report = load(folder, tmp_path)
    assert table["file"].tolist() == [f"wav/{i}.wav" for i in (0, 0, 1, 2, 3)]
    assert table["start"].dt.total_seconds().tolist() == [0, 0.5, 0, 0, 0.25]
    assert table["end"].dt.total_seconds().tolist() == [0.5, 1, 1, 1, 0.75]
    assert table["truth"].tolist() == ["joy", "fear", "joy", "fear", "joy"]
    assert table["speaker"].tolist() == ["01", "01", "01", "02", "02"]
    assert table["gender"].tolist() == ["female"] * 3 + ["male"] * 2
    assert table["age"].tolist() == [20, 20, 20, 30, 30]
    assert table["length"].tolist() == [1.0] * 5
    assert table["part"].tolist() == ["train"] * 3 + ["test"] * 2
    assert "valence" not in table
    assert report["warnings"] == []


def test_stated_tables(folder, tmp_path):
    options = {
        "files_tables": ["files"],
        "target_tables": ["emotion.test-1", "emotion.train"],
        "train_tables": ["emotion.test-1"],
        "dev_tables": ["emotion.train"],
        "columns": ["valence"],
        "required": "speaker",
    }
    for append in (None, True):
        table, _ = load(folder, tmp_path, options={**options, "target_tables_append": append})
        assert table["part"].tolist() == ["dev"] * 3 + ["train"] * 2
        assert table["valence"].tolist() == [0.5, 0.5, 1.5, 2.5, 3.5]
        assert "length" not in table
    only, _ = load(folder, tmp_path, options={"target_tables": ["emotion.train"]})
    assert len(only) == 3
    with pytest.raises(UserError) as error:
        load(folder, tmp_path, options={"test_tables": ["x"], "files_tables": ["y"]})
    assert [problem.split(" but ")[0] for problem in error.value.problems] == [
        "[DATA] db.files_tables: there is no table 'y'",
        "[DATA] db.test_tables: there is no table 'x'",
    ]


def test_regression_on_another_table(folder, tmp_path):
    table, _ = load(folder, tmp_path, target="valence", task="regression")
    assert table["truth"].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert table["speaker"].tolist() == ["01", "01", "02", "02"]
    table, _ = load(folder, tmp_path, target="v", task="regression", options={"label": "valence"})
    assert table["truth"].tolist() == [0.5, 1.5, 2.5, 3.5]
    options = {"colnames": {"valence": "v"}}
    table, _ = load(folder, tmp_path, target="v", task="regression", options=options)
    assert table["truth"].tolist() == [0.5, 1.5, 2.5, 3.5]
    with pytest.raises(UserError, match=r"no table of db has 'arousal'.*rating \(valence\)"):
        load(folder, tmp_path, target="arousal")


def test_whole_files_become_the_segments_of_the_files_table(folder, tmp_path):
    options = {"files_tables": ["emotion.train"]}
    table, report = load(folder, tmp_path, target="valence", task="regression", options=options)
    assert table["file"].tolist() == ["wav/0.wav", "wav/0.wav", "wav/1.wav"]
    assert table["truth"].tolist() == [0.5, 0.5, 1.5]
    assert "every segment of a file gets the labels of its file" in report["notes"][0]


def test_segments_meet_segments(folder, tmp_path):
    def add_words(db):
        index = audformat.segmented_index(
            ["wav/0.wav", "wav/0.wav", "wav/1.wav"], ["0s", "0.5s", "0s"], ["0.5s", "1s", "0.9s"]
        )
        db["words"] = audformat.Table(index)
        db["words"]["word"] = audformat.Column()
        db["words"]["word"].set(["one", "two", "three"])

    change(folder, add_words)
    table, _ = load(folder, tmp_path, options={"columns": ["word"]})
    # wav/1.wav has another segment there: its word is not that of this one.
    assert table["word"].tolist()[:2] == ["one", "two"]
    assert table["word"].isna().tolist()[2:] == [True] * 3
    # A file gets what its segments agree on.
    options = {"columns": ["word"]}
    table, _ = load(folder, tmp_path, target="valence", task="regression", options=options)
    assert table["word"].isna().tolist() == [True, False, True, True]
    assert table["word"][1] == "three"


def overlap(db):
    table = audformat.Table(db["emotion.train"].index[:1], split_id="test")
    db["emotion.test-2"] = table
    table["emotion"] = audformat.Column(scheme_id="emotion")
    table["emotion"].set(["fear"])


def test_contradicting_tables(folder, tmp_path):
    change(folder, overlap)
    with pytest.raises(UserError, match=r"emotion\.test-2.* give different values of 'emotion'"):
        load(folder, tmp_path)
    options = {"target_tables": ["emotion.train", "emotion.test-1"]}
    table, report = load(folder, tmp_path, options=options)
    assert "part" not in table
    assert "1 row is in several of train, dev and test: wav/0.wav" in report["notes"][-1]
    options |= {"train_tables": ["emotion.train"], "test_tables": ["emotion.test-2"]}
    with pytest.raises(UserError, match=r"emotion\.train, emotion\.test-2 give different"):
        load(folder, tmp_path, options=options)


def test_text_of_a_table_is_completed_by_numbers_of_the_speakers(folder, tmp_path):
    db = audformat.Database.load(str(folder), load_data=True)
    db["files"]["age"] = audformat.Column()
    db["files"]["age"].set(pd.Series(["40", None, None, None], index=db["files"].index))
    save(db, folder, "parquet")
    table, _ = load(folder, tmp_path)
    assert table["age"].tolist() == [40, 40, 20, 30, 30]


def test_labels_of_the_split_tables_come_first(folder, tmp_path):
    def other_labels(db):
        db["gold"] = audformat.Table(db["emotion.test-1"].index)
        db["gold"]["emotion"] = audformat.Column(scheme_id="emotion")
        db["gold"]["emotion"].set(["joy", "joy"])

    change(folder, other_labels)
    options = {
        "target_tables": ["emotion.train", "emotion.test-1"],
        "train_tables": ["emotion.train"],
        "test_tables": ["gold"],
    }
    table, report = load(folder, tmp_path, options=options)
    assert table["truth"].tolist() == ["joy", "fear", "joy", "joy", "joy"]
    assert report["warnings"][0].startswith("1 row: the 'emotion' of the train, dev and test")


def test_scheme_names_a_column(folder, tmp_path):
    def rename(db):
        db["files"]["who"] = audformat.Column(scheme_id="speaker")
        db["files"]["who"].set(db["files"]["speaker"].get().tolist())
        db["files"].drop_columns("speaker", inplace=True)

    change(folder, rename)
    table, _ = load(folder, tmp_path)
    assert table["speaker"].tolist() == ["01", "01", "01", "02", "02"]
    assert table["age"].tolist() == [20, 20, 20, 30, 30]


def test_no_pickle_is_ever_read(folder, tmp_path):
    bomb = b"cos\nsystem\n(S'false'\ntR."
    for name in ("files", "emotion.train", "emotion.test-1"):
        (folder / f"db.{name}.pkl").write_bytes(bomb)
    assert len(load(folder, tmp_path)[0]) == 5


def test_no_database(tmp_path):
    with pytest.raises(UserError, match=r"no audformat database in .* set db\.type = csv"):
        load(tmp_path, tmp_path)
    (tmp_path / "db.yaml").write_text("a: [")
    with pytest.raises(UserError, match="is not YAML"):
        load(tmp_path, tmp_path)
    (tmp_path / "db.yaml").write_text("name: x\ntables:\n  files: {type: filewise}\n")
    with pytest.raises(UserError, match=r"has no db\.files\.csv"):
        load(tmp_path, tmp_path)


def test_audb_from_a_repository_on_disk(folder, tmp_path, monkeypatch):
    import audb
    import audbackend

    from izwi.data.databases.audb import fetch

    host = tmp_path / "host"
    host.mkdir()
    audbackend.backend.FileSystem.create(str(host), "repo")
    repository = audb.Repository("repo", str(host), "file-system")
    monkeypatch.setattr(audb.config, "REPOSITORIES", [repository])
    for cache in ("CACHE_ROOT", "SHARED_CACHE_ROOT"):
        monkeypatch.setattr(audb.config, cache, str(tmp_path / cache))
    expected, _ = load(folder, tmp_path)
    build = tmp_path / "build"
    shutil.copytree(folder, build)
    audb.publish(str(build), "1.0.0", repository, verbose=False)

    fetch("db", "1.0.0", tmp_path / "fetched")
    assert not list((tmp_path / "fetched").rglob("*.pkl"))
    table, _ = load(tmp_path / "fetched", tmp_path, kind="audb")
    pd.testing.assert_frame_equal(table, expected)
    fetch("db", None, tmp_path / "fetched")
    for version in ("2.0.0", None):
        with pytest.raises(UserError, match=r"audb does not find .*host \(repo\)"):
            fetch("nothing", version, tmp_path / "x")
    assert not (tmp_path / "x").exists()
