"""Databases of every kind through the whole workflow, against independent calculations."""

import audb
import audbackend
import audeer
import audformat
import audiofile
import numpy as np
import opensmile
import pandas as pd
import pytest
from plain_features import plain_egemaps
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MinMaxScaler
from workflow import Folder

TEST = ["13", "14"]
SPLIT = {"split_strategy": "[13, 14]"}


@pytest.fixture(scope="module")
def labels(emodb):
    """A few files of four speakers, two of them for test."""
    table = pd.read_csv(emodb / "emodb.csv", dtype=str)
    table = table[table["speaker"].isin(["03", "3", "8", *TEST])]
    table = table[table["emotion"].isin(["anger", "sadness", "neutral"])]
    return table.groupby(["speaker", "emotion"]).head(3).reset_index(drop=True)


def knn(features, labels):
    """Predictions of plain scikit-learn for the test speakers."""
    test = labels["speaker"].isin(TEST).to_numpy()
    scaler = MinMaxScaler().fit(features[~test])
    model = KNeighborsClassifier().fit(scaler.transform(features[~test]), labels["emotion"][~test])
    return list(model.predict(scaler.transform(features[test]))), test


def sections(**data):
    return {
        "DATA": {"databases": "['d']", "target": "emotion"}
        | {f"d.{key}" if key else "d": value for key, value in data.items()},
        "FEATS": {"type": "os", "scale": "minmax"},
        "MODEL": {"type": "knn"},
    }


@pytest.fixture(scope="module")
def folder(emodb, labels, tmp_path_factory):
    """One call over a segmented CSV, imported features, praat and a published database."""
    folder = Folder(tmp_path_factory.mktemp("sources"))
    absolute = labels.assign(file=[str(emodb / file) for file in labels["file"]])
    segments = absolute.assign(
        start="0.25", end=["1.5" if i % 2 else "" for i in range(len(labels))]
    )
    segments.to_csv(folder.path / "segments.csv", index=False)
    absolute.to_csv(folder.path / "files.csv", index=False)
    features = absolute[["file"]].assign(
        level=np.arange(len(labels)) % 7, length=np.arange(len(labels)) % 3
    )
    features.to_csv(folder.path / "features.csv", index=False)
    inis = [
        folder.ini("segments", **sections(**{"": "segments.csv"}, **SPLIT)),
        folder.ini(
            "imported",
            **sections(**{"": "files.csv"}, **SPLIT)
            | {"FEATS": {"type": "import", "import_file": "features.csv", "scale": "minmax"}},
        ),
        folder.ini(
            "two_sets",
            **sections(**{"": "files.csv"}, **SPLIT)
            | {"FEATS": {"type": "['os', 'praat']", "scale": "robust"}},
        ),
    ]
    folder.config(inis)
    # One core, one worker for all.
    folder.run("-c", "1", "--configfile", "config.yaml")
    return folder


def test_segments(folder, emodb, labels):
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02)
    rows = []
    for i, file in enumerate(labels["file"]):
        signal, rate = audiofile.read(
            emodb / file, offset=0.25, duration=1.25 if i % 2 else None, always_2d=True
        )
        rows.append(smile(signal, rate).ravel())
    expected, test = knn(np.array(rows), labels)
    found = {row["file"]: row for row in folder.predictions("segments")}
    assert [found[str(emodb / f)]["prediction"] for f in labels["file"][test]] == expected
    first = found[str(emodb / labels["file"][test].iloc[0])]
    assert pd.Timedelta(first["start"]) == pd.Timedelta(0.25, "s")


def test_imported_features(folder, emodb, labels):
    order = np.arange(len(labels))
    expected, test = knn(np.stack([order % 7, order % 3], axis=1).astype(float), labels)
    found = {row["file"]: row["prediction"] for row in folder.predictions("imported")}
    assert [found[str(emodb / f)] for f in labels["file"][test]] == expected


def test_two_feature_sets_are_joined(folder):
    folder_of = folder.path / "results/features"
    matrices = [pd.read_parquet(path) for path in folder_of.glob("*/praat-*.parquet")]
    assert len(matrices) == 1
    assert folder.metrics("two_sets")["n_test"] == folder.metrics("segments")["n_test"]


def test_a_published_database(emodb, labels, tmp_path, monkeypatch):
    """Published to a repository on the file system, then named in an ini."""
    database = audformat.Database("voices")
    database.schemes["emotion"] = audformat.Scheme(labels=sorted(set(labels["emotion"])))
    database.schemes["speaker"] = audformat.Scheme("str")
    index = audformat.filewise_index([f"wav/{path.split('/')[-1]}" for path in labels["file"]])
    for name in ("emotion", "files"):
        database[name] = audformat.Table(index)
    database["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(labels["emotion"].to_list())
    database["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["files"]["speaker"].set(labels["speaker"].to_list())
    build = audeer.mkdir(tmp_path / "build")
    audeer.mkdir(tmp_path / "build" / "wav")
    for file in labels["file"]:
        signal, rate = audiofile.read(emodb / file)
        audiofile.write(f"{build}/wav/{file.split('/')[-1]}", signal, rate)
    database.save(build)
    host = audeer.mkdir(tmp_path / "host")
    repository = audb.Repository("local", host, "file-system")
    monkeypatch.setattr(audb.config, "REPOSITORIES", [repository])
    audbackend.backend.FileSystem.create(host, "local")
    audb.publish(build, "1.0.0", repository, verbose=False)
    # audb reads its repositories from the user's home.
    settings = tmp_path / "home" / ".config" / "audb.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"repositories:\n  - name: local\n    backend: file-system\n    host: {host}\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AUDB_CACHE_ROOT", str(tmp_path / "cache"))
    monkeypatch.setenv("AUDB_SHARED_CACHE_ROOT", str(tmp_path / "shared"))
    folder = Folder(tmp_path / "user")
    ini = folder.ini(
        "published", **sections(**{"": "voices"}, type="audb", version="1.0.0", **SPLIT)
    )
    folder.run("--config", f"ini={ini}")
    features = plain_egemaps([emodb / file for file in labels["file"]])
    expected, test = knn(features, labels)
    found = {row["file"]: row["prediction"] for row in folder.predictions("published")}
    names = [f"wav/{file.split('/')[-1]}" for file in labels["file"][test]]
    assert [found[name] for name in names] == expected
    assert folder.run("--config", f"ini={ini}").nothing_to_do
