"""Real experiments on EmoDB against plain opensmile and scikit-learn."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from plain_features import plain_egemaps
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from workflow import Folder

TEST_SPEAKERS = [8, 10, 13, 15]
NETS = {"layers": "{'l1': 32}", "patience": 5}


def data(emodb, **options):
    return {
        "databases": "['emodb']",
        "emodb": emodb / "emodb.csv",
        "emodb.split_strategy": TEST_SPEAKERS,
        "target": "emotion",
    } | options


@pytest.fixture(scope="module")
def run(emodb, tmp_path_factory):
    """One call over many inis that share features."""
    folder = Folder(tmp_path_factory.mktemp("emodb"))
    standard = {"type": "os", "scale": "standard"}
    inis = [
        folder.ini("svm", DATA=data(emodb), FEATS=standard, MODEL={"type": "svm"}),
        folder.ini(
            "svm_audformat",
            DATA=data(emodb) | {"emodb": emodb},
            FEATS=standard,
            MODEL={"type": "svm"},
        ),
        folder.ini("logo", DATA=data(emodb), FEATS=standard, MODEL={"type": "svm", "logo": 10}),
        folder.ini(
            "mlp",
            EXP={"runs": 2, "epochs": 10},
            DATA=data(emodb),
            FEATS=standard,
            MODEL={"type": "mlp", **NETS},
        ),
        folder.ini("xgb", DATA=data(emodb), FEATS={"type": "['os']"}, MODEL={"type": "xgb"}),
        folder.ini(
            "age",
            DATA=data(emodb, target="age"),
            FEATS=standard,
            MODEL={"type": "svr"},
        ),
        folder.ini(
            "own_tables",
            DATA=data(emodb) | {"emodb": emodb, "emodb.split_strategy": "database"},
            FEATS=standard,
            MODEL={"type": "knn"},
            PLOT={"value_counts": True, "tsne": True},
        ),
    ]
    folder.config(inis)
    call = folder.run("--configfile", "config.yaml")
    return folder, call


@pytest.fixture(scope="module")
def plain(emodb, run):
    """Labels and eGeMAPSv02 functionals in the order of the CSV, as opensmile itself gives them.

    One file in five is extracted here; unit tests compare all of the extractor.
    """
    folder, _ = run
    labels = pd.read_csv(emodb / "emodb.csv")
    record = json.loads((folder.path / "results/experiments/svm/experiment.json").read_text())
    (features,) = record["stages"]["features"]
    matrix = pd.read_parquet(folder.path / features["files"]["matrix"]).set_index("file")
    values = matrix.drop(columns=["start", "end"]).loc[labels["file"]].to_numpy()
    some = labels["file"][::5]
    np.testing.assert_array_equal(values[::5], plain_egemaps([emodb / file for file in some]))
    return labels, values


def test_figure_of_plain_scikit_learn(run, plain):
    folder, _ = run
    labels, features = plain
    test = labels["speaker"].isin(TEST_SPEAKERS).to_numpy()
    scaler = StandardScaler().fit(features[~test])
    model = SVC().fit(scaler.transform(features[~test]), labels["emotion"][~test])
    expected = dict(
        zip(labels["file"][test], model.predict(scaler.transform(features[test])), strict=True)
    )
    rows = folder.predictions("svm")
    assert {row["file"]: row["prediction"] for row in rows} == expected
    metrics = folder.metrics("svm")
    uar = recall_score([r["truth"] for r in rows], [r["prediction"] for r in rows], average="macro")
    assert metrics["value"] == pytest.approx(uar, abs=1e-12)
    assert metrics["value"] == pytest.approx(0.6136, abs=0.002)
    assert (metrics["n_train"], metrics["n_test"], metrics["n_speakers"]) == (322, 213, 4)
    low, high = metrics["ci"]
    assert low < metrics["value"] < high


def test_the_audformat_copy_gives_the_same(run):
    folder, _ = run
    assert folder.predictions("svm_audformat") == folder.predictions("svm")


def test_every_file_is_tested_once_in_leave_one_speaker_out(run, plain):
    folder, _ = run
    labels, features = plain
    rows = {row["file"]: row for row in folder.predictions("logo")}
    assert len(rows) == len(folder.predictions("logo")) == len(labels) == 535
    for speaker in labels["speaker"].unique():
        test = (labels["speaker"] == speaker).to_numpy()
        # The scaler may see the training folds alone.
        scaler = StandardScaler().fit(features[~test])
        model = SVC().fit(scaler.transform(features[~test]), labels["emotion"][~test])
        expected = model.predict(scaler.transform(features[test]))
        assert [rows[file]["prediction"] for file in labels["file"][test]] == list(expected)
        assert len({rows[file]["fold"] for file in labels["file"][test]}) == 1
    metrics = folder.metrics("logo")
    assert len(metrics["per_fold"]) == 10


def test_regression(run, plain):
    folder, _ = run
    metrics = folder.metrics("age")
    assert metrics["type"] == "regression" and metrics["measure"] == "mse"
    rows = folder.predictions("age")
    truth = np.array([float(row["truth"]) for row in rows])
    prediction = np.array([float(row["prediction"]) for row in rows])
    assert metrics["value"] == pytest.approx(float(np.mean((truth - prediction) ** 2)))
    assert (folder.path / "results/experiments/age/plots/truth_prediction.png").exists()


def test_the_tables_of_the_database_split_it(run, emodb):
    folder, _ = run
    table = pd.read_csv(emodb / "db.emotion.categories.test.gold_standard.csv")
    assert {row["file"] for row in folder.predictions("own_tables")} == set(table["file"])
    assert folder.plots("own_tables") == {"confusion_matrix.png", "value_counts.png", "tsne.png"}


def test_features_are_extracted_once(run):
    """Four tables: emotion (CSV, audformat, its own tables) and age; the audio is the same."""
    folder, _ = run
    logs = [path.read_text() for path in (folder.path / "results/logs").rglob("*.log")]
    text = "".join(logs)
    assert len(re.findall(r"^features os-eGeMAPSv02-functionals of emodb ", text, re.M)) == 4
    told = re.findall(r": os: (\d+) files in ", text)
    # Fewer, where other tests were there before.
    assert sum(map(int, told)) <= 535


def test_a_second_call_has_nothing_to_do(run):
    folder, _ = run
    assert folder.run("--configfile", "config.yaml").nothing_to_do


def test_another_model_plans_no_feature_job(run, emodb):
    folder, _ = run
    ini = folder.ini(
        "another",
        DATA=data(emodb),
        FEATS={"type": "os", "scale": "standard"},
        MODEL={"type": "knn"},
    )
    call = folder.run("-n", "--config", f"ini={ini}")
    assert call.jobs("train") == 1
    assert call.jobs("features") == call.jobs("load") == call.jobs("split") == 0


def test_results_do_not_depend_on_cores_or_on_the_call(run):
    folder, _ = run
    names = ("mlp", "xgb", "age")
    folder.config([f"{name}.ini" for name in names], "few.yaml")
    folder.run("--configfile", "few.yaml", "-c", "1", "--config", "results=again")
    for name in names:
        for file in ("predictions.csv", "metrics.json"):
            assert folder.bytes_of(name, file) == folder.bytes_of(name, file, "again"), (name, file)


def test_what_an_experiment_keeps(run):
    folder, _ = run
    record = json.loads((folder.path / "results/experiments/svm/experiment.json").read_text())
    assert record["model"]["options"]["C_val"] == 1
    assert set(record["stages"]) == {
        "load",
        "split",
        "describe",
        "features",
        "audit",
        "train",
        "evaluate",
        "plot",
    }
    assert record["packages"]["opensmile"]
    with open(folder.path / "results/summary.csv", encoding="utf-8") as stream:
        assert len(stream.readlines()) == 8
