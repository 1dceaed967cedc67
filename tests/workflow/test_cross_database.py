"""Train on one database and test on others; splits that are reused; root files."""

import json

import numpy as np
import pandas as pd
import pytest
from plain_features import plain_egemaps
from sklearn.metrics import accuracy_score, recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from workflow import Folder

MAPPING = "{'anger':'angry', 'happiness':'happy', 'sadness':'sad', 'neutral':'neutral'}"
EMOTIONS = {"anger": "angry", "happiness": "happy", "sadness": "sad", "neutral": "neutral"}
LABELS = ["angry", "happy", "neutral", "sad"]
TEST_SPEAKERS = [8, 10, 13, 15]


@pytest.fixture(scope="module")
def folder(emodb, nemo, fsdd, tmp_path_factory):
    """One call over inis that share tables, features and splits."""
    folder = Folder(tmp_path_factory.mktemp("cross"))
    (folder.path / "data").mkdir()
    # Two databases of one corpus, with a third of its rows.
    speakers = {"first": ["SM0", "MP0", "WR0"], "second": ["KD0", "KS0"]}
    labels = pd.read_csv(nemo / "nemo.csv")
    for name, own in speakers.items():
        part = labels[labels["speaker"].isin(own)].iloc[::2]
        part.assign(file=[str(nemo / file) for file in part["file"]]).to_csv(
            folder.path / "data" / f"{name}.csv", index=False
        )
    # As in the post: no header, and more databases than are asked for.
    (folder.path / "data" / "data_roots.ini").write_text(
        f"emodb = {emodb}/\nemodb.mapping = {MAPPING}\n"
        "first = first.csv\nsecond = ./second.csv\n"
        f"first.mapping = {MAPPING}\nsecond.mapping = {MAPPING}\n"
        "dataset_2 = ./d2\ndataset_2.files_tables = ['files_test', 'files_train']\n"
    )
    data = {"root_folders": "data/data_roots.ini", "target": "emotion", "labels": LABELS}
    whole = data | {"databases": "['first', 'emodb']", "strategy": "cross_data"}
    base = {"FEATS": {"type": "os", "scale": "standard"}, "MODEL": {"type": "svm"}}
    inis = [
        folder.ini(
            "there",
            DATA=whole | {"trains": "['emodb']", "tests": "['first']", "first.value_counts": True},
            PLOT={"value_counts": True},
            **base,
        ),
        folder.ini(
            "back",
            DATA=whole
            | {"trains": "['first']", "tests": "['emodb']", "emodb.split_strategy": "random"},
            **base,
        ),
        folder.ini(
            "further",
            DATA=data
            | {
                "databases": "['emodb']",
                "emodb.split_strategy": TEST_SPEAKERS,
                "tests": "['first', 'second']",
            },
            **base,
        ),
        folder.ini(
            "split_once",
            DATA=data
            | {
                "databases": "['emodb']",
                "emodb.split_strategy": "speaker_split",
                "emodb.testsplit": 40,
            },
            **base,
        ),
        folder.ini(
            "split_again",
            DATA=data
            | {"databases": "['emodb']", "emodb.split_strategy": "reuse", "emodb.testsplit": 40},
            FEATS={"type": "os"},
            MODEL={"type": "knn"},
        ),
    ]
    # One core, one process for all models of a kind.
    folder.run("-c", "1", "--configfile", folder.config(inis))
    return folder


@pytest.fixture(scope="module")
def plain(emodb, folder):
    """Labels of the four emotions and eGeMAPSv02 functionals.

    One file in five is extracted here; unit tests compare all of the extractor.
    """
    matrices = (folder.path / "results/features").glob("*/os-*.parquet")
    values = pd.concat(map(pd.read_parquet, matrices)).drop(columns=["start", "end"])
    values = values.assign(file=values["file"].str.rpartition("/")[2]).drop_duplicates("file")
    values = values.set_index("file")
    found = {}
    for name in ("emodb", "first", "second"):
        path = emodb / "emodb.csv" if name == "emodb" else folder.path / "data" / f"{name}.csv"
        labels = pd.read_csv(path)
        labels = labels.assign(truth=labels["emotion"].map(EMOTIONS)).dropna(subset=["truth"])
        labels = labels.sort_values("file", ignore_index=True)
        features = values.loc[labels["file"].str.rpartition("/")[2]].to_numpy()
        some = plain_egemaps([path.parent / f for f in labels["file"][::5]])
        np.testing.assert_array_equal(features[::5], some)
        found[name] = labels, pd.DataFrame(features)
    return found


def svm(plain, train, tests, rows=slice(None)):
    """Predictions of a plain scikit-learn script for each test database."""
    labels, features = plain[train]
    scaler = StandardScaler().fit(features.to_numpy()[rows])
    model = SVC(C=1, gamma="scale").fit(
        scaler.transform(features.to_numpy()[rows]), labels["truth"][rows]
    )
    return {name: model.predict(scaler.transform(plain[name][1].to_numpy())) for name in tests}


@pytest.mark.parametrize(
    "name, train, test", [("there", "emodb", "first"), ("back", "first", "emodb")]
)
def test_whole_databases_with_mapped_classes(folder, plain, name, train, test):
    truth = plain[test][0]["truth"]
    expected = svm(plain, train, [test])[test]
    metrics = folder.metrics(name)
    assert (metrics["n_train"], metrics["n_test"]) == (len(plain[train][0]), len(truth))
    assert metrics["value"] == pytest.approx(
        recall_score(truth, expected, average="macro"), abs=2e-3
    )
    rows = folder.predictions(name)
    assert {row["database"] for row in rows} == {test}
    agreement = np.mean(
        [row["prediction"] == label for row, label in zip(rows, expected, strict=True)]
    )
    assert agreement > 0.99
    # What the mapping does not name is counted, by its value.
    assert (
        "emodb: 196 of 535 rows dropped: values not in the mapping "
        "(boredom 81, fear 69, disgust 46)"
    ) in metrics["notes"]


def test_a_split_strategy_is_overridden_with_a_warning(folder):
    assert (
        "[DATA] emodb.split_strategy: overridden by DATA.strategy = cross_data"
        in folder.metrics("back")["warnings"]
    )


def test_one_model_tested_on_further_databases(folder, plain):
    labels = plain["emodb"][0]
    rows = ~labels["speaker"].isin(TEST_SPEAKERS).to_numpy()
    expected = svm(plain, "emodb", ["first", "second"], rows)
    metrics = folder.metrics("further")
    assert metrics["n_train"] == rows.sum()
    assert list(metrics["per_database"]) == ["first", "second"]
    truths = {name: plain[name][0]["truth"] for name in expected}
    for name, found in metrics["per_database"].items():
        uar = recall_score(truths[name], expected[name], average="macro")
        assert (found["n"], found["uar"]) == (len(truths[name]), pytest.approx(uar, abs=5e-3))
        assert found["accuracy"] == pytest.approx(
            accuracy_score(truths[name], expected[name]), abs=5e-3
        )
        assert found["value"] == found["uar"]
        assert found["ci"][0] < found["uar"] < found["ci"][1]
    pooled = recall_score(
        pd.concat(truths.values()), np.concatenate(list(expected.values())), average="macro"
    )
    assert metrics["value"] == pytest.approx(pooled, abs=5e-3)
    (note,) = [line for line in metrics["notes"] if line.startswith("[DATA] tests:")]
    assert note.startswith(f"[DATA] tests: {(~rows).sum()} rows in the test part of emodb")


def test_one_more_database_to_test_on_trains_nothing_again(folder):
    shared = {
        "DATA": {
            "root_folders": "data/data_roots.ini",
            "target": "emotion",
            "labels": LABELS,
            "databases": "['emodb']",
            "emodb.split_strategy": TEST_SPEAKERS,
        },
        "FEATS": {"type": "os", "scale": "standard"},
        "MODEL": {"type": "svm"},
    }
    tests = {"own": None, "one": "['first']", "other": "['second']"}
    inis = [
        folder.ini(name, **(shared | {"DATA": shared["DATA"] | ({"tests": of} if of else {})}))
        for name, of in tests.items()
    ]
    folder.config(inis, "more.yaml")
    call = folder.run("-c", "2", "--configfile", "more.yaml")
    # The model of "further" serves all three, and what it held out is the test set of "own".
    assert call.jobs("train") == 0
    assert call.jobs("predict") == 2
    assert folder.metrics("own")["n_train"] == folder.metrics("further")["n_train"]
    together = [(row["file"], row["prediction"]) for row in folder.predictions("further")]
    apart = [
        (row["file"], row["prediction"])
        for name in ("one", "other")
        for row in folder.predictions(name)
    ]
    assert apart == together


def test_reuse_is_the_split_of_the_first_run(folder):
    records = [
        json.loads(folder.bytes_of(name, "experiment.json"))["stages"]["split"]
        for name in ("split_once", "split_again")
    ]
    assert records[0] == records[1]
    speakers = [
        {row["speaker"] for row in folder.predictions(n)} for n in ("split_once", "split_again")
    ]
    assert speakers[0] == speakers[1]
    assert len(speakers[0]) == 4
    assert [line for line in folder.metrics("split_again")["notes"] if "reuse is taken" in line]


def test_the_ini_wins_over_the_root_file_and_another_computer_over_both(folder, emodb):
    (folder.path / "mine.ini").write_text("emodb = /absent/on/this/computer\n")
    call = folder.run("--config", "ini=split_once.ini", "root_folders=mine.ini", ok=False)
    assert call.code != 0
    assert (
        "[DATA] emodb: no such file or folder: /absent/on/this/computer; see line 1 of" in call.text
    )
    assert "Traceback" not in call.text
