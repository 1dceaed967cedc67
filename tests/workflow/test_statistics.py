"""Intervals over speakers, calibration, fairness and comparisons through the workflow, on EmoDB."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import recall_score
from workflow import Folder

from izwi.evaluation import comparison

EMOTIONS = ["anger", "neutral", "sadness"]


@pytest.fixture(scope="module")
def folder(emodb, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("statistics"))
    labels = pd.read_csv(emodb / "emodb.csv").iloc[::2]
    labels = labels[labels["emotion"].isin(EMOTIONS)]
    labels["file"] = [str(emodb / file) for file in labels["file"]]
    labels.to_csv(folder.path / "some.csv", index=False)
    labels.drop(columns="speaker").to_csv(folder.path / "nobody.csv", index=False)
    data = {"databases": "['some']", "some": "some.csv", "target": "emotion"}
    nobody = {
        "databases": "['nobody']",
        "nobody": "nobody.csv",
        "nobody.split_strategy": "random",
        "nobody.test_size": 40,
        "target": "emotion",
    }
    feats = {"type": "os", "scale": "standard"}
    folds = {"logo": 10}
    inis = [
        folder.ini("svm", DATA=data, FEATS=feats, MODEL={"type": "svm", **folds}),
        folder.ini("knn", DATA=data, FEATS=feats, MODEL={"type": "knn", **folds}),
        folder.ini(
            "resampled",
            EXP={"ci": "speakers"},
            DATA=data,
            FEATS=feats,
            MODEL={"type": "svm", **folds},
        ),
        folder.ini("nobody", DATA=nobody, FEATS=feats, MODEL={"type": "knn"}),
    ]
    tables = [
        {
            "name": "models",
            "rows": "MODEL.type",
            "columns": "DATA.databases",
            "experiments": ["svm", "knn"],
            "controls": ["chance", "majority", "metadata"],
        }
    ]
    folder.config(inis, tables=tables)
    folder.call = folder.run("--configfile", "config.yaml", "-c", "1")
    return folder


def read(folder, name):
    frame = pd.DataFrame(folder.predictions(name))
    return frame, folder.metrics(name)


def test_interval_by_leaving_out_each_speaker(folder):
    frame, metrics = read(folder, "svm")

    def uar(rows):
        return recall_score(rows["truth"], rows["prediction"], average="macro")

    names = frame["speaker"].unique()
    without = logit([uar(frame[frame["speaker"] != s]) for s in names])
    assert len(without) == metrics["n_speakers"] == 10
    error = np.sqrt(0.9 * np.sum((without - without.mean()) ** 2))
    classes = [frame[frame["truth"] == label] for label in frame["truth"].unique()]
    shares = [np.mean([(own["speaker"] == s).mean() for own in classes]) for s in names]
    freedom = 1 / np.sum(np.square(shares)) - 1
    assert metrics["ci_df"] == pytest.approx(freedom)
    limits = expit(stats.t.interval(0.95, freedom, logit(uar(frame)), error))
    assert metrics["ci"] == pytest.approx(list(limits))
    assert metrics["ci_method"] == "jackknife over speakers (t)"
    assert metrics["few_speakers"] is False
    assert metrics["ci"] == metrics["ci_jackknife"] != metrics["ci_speakers"]


def test_an_option_chooses_the_method_and_trains_nothing(folder):
    metrics = folder.metrics("resampled")
    assert metrics["ci"] == metrics["ci_speakers"] == folder.metrics("svm")["ci_speakers"]
    assert metrics["ci_method"] == "bootstrap over speakers (1000)"
    models, evaluations = (
        [
            json.loads((folder.path / f"results/experiments/{name}/experiment.json").read_text())[
                "stages"
            ][stage]["key"]
            for name in ("svm", "resampled")
        ]
        for stage in ("train", "evaluate")
    )
    assert models[0] == models[1]
    assert evaluations[0] != evaluations[1]


def test_without_speakers_it_says_so(folder):
    metrics = folder.metrics("nobody")
    assert metrics["ci"] == metrics["ci_samples"]
    assert metrics["ci_method"] == "bootstrap over samples (1000), no speakers known"
    assert metrics["fairness"]["gender"]["test"] == "not testable: samples without a speaker"
    lines = folder.call.text.splitlines()
    (line,) = [line for line in lines if line.startswith("nobody ")]
    assert "bootstrap over samples" in line
    assert "unknown" in line


def test_table_names_the_method(folder):
    with open(folder.path / "results/summary.csv", newline="", encoding="utf-8") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    for name, row in rows.items():
        metrics = folder.metrics(name)
        assert row["ci_method"] == metrics["ci_method"]
        assert row["few_speakers"] == str(metrics["few_speakers"])


def test_fairness_by_what_the_table_says_of_speakers(folder):
    frame, metrics = read(folder, "svm")
    table = pd.read_csv(folder.path / "some.csv").set_index("file")
    gender = frame["file"].map(table["gender"])
    found = metrics["fairness"]["gender"]
    for name, group in found["groups"].items():
        own = frame[gender == name]
        uar = recall_score(own["truth"], own["prediction"], average="macro")
        assert group["value"] == pytest.approx(uar)
        assert (group["n"], group["n_speakers"]) == (len(own), 5)
    assert 0 < found["p"] <= 1
    # all speakers are of one age group: nothing to compare
    assert table["age"].between(20, 39).all()
    assert set(metrics["fairness"]) == {"gender"}


def test_calibration_of_written_probabilities(folder):
    frame, metrics = read(folder, "svm")
    p = frame[[f"p_{label}" for label in EMOTIONS]].astype(float).to_numpy()
    decided = frame["prediction"].map({label: i for i, label in enumerate(EMOTIONS)})
    confidence = p[np.arange(len(p)), decided]
    assert metrics["calibration"]["mean_confidence"] == pytest.approx(confidence.mean())
    assert metrics["calibration"]["accuracy"] == pytest.approx(metrics["metrics"]["accuracy"])
    assert sum(b["n"] for b in metrics["calibration"]["bins"]) == len(frame)
    last = metrics["uncertainty"]["curve"][-1]
    assert last["risk"] == pytest.approx(1 - metrics["metrics"]["accuracy"])


def test_two_experiments_compared(folder):
    def predictions(name):
        record = folder.path / "results/experiments" / name / "experiment.json"
        files = json.loads(record.read_text())["stages"]["train"]["files"]
        return pd.read_parquet(folder.path / files["predictions"])

    frames = {name: predictions(name) for name in ("svm", "knn", "nobody")}
    found = comparison.comparisons(frames, "uar", task="classification", seed=42)
    pair = found.iloc[0]
    values = [folder.metrics(name)["value"] for name in ("svm", "knn")]
    assert [pair["value_a"], pair["value_b"]] == pytest.approx(values)
    assert pair["test"] == "permutation over 10 speakers, all 1024 swaps"
    assert 2 / 1024 <= pair["p"] <= 1
    assert found["test"].tolist()[1:] == ["not testable: different test sets"] * 2


def test_a_table_with_its_test_and_controls(folder):
    with open(
        folder.path / "results/tables/config/models.csv", newline="", encoding="utf-8"
    ) as stream:
        rows = {row["row"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["svm", "knn", "chance", "majority class", "metadata only"]
    for name in ("svm", "knn"):
        frame, metrics = read(folder, name)
        uar = recall_score(frame["truth"], frame["prediction"], average="macro")
        assert float(rows[name]["value"]) == pytest.approx(uar)
        assert [float(rows[name][key]) for key in ("ci_low", "ci_high")] == metrics["ci"]
        assert (int(rows[name]["n"]), rows[name]["n_speakers"]) == (len(frame), "10")
    table = pd.read_csv(folder.path / "results/tables/config/comparisons.csv")
    best, other = sorted(("svm", "knn"), key=lambda name: -float(rows[name]["value"]))
    assert table[["table", "a", "b"]].to_numpy().tolist() == [["models", best, other]]
    significant = table["p_holm"][0] < 0.05
    assert ("not significantly better" in rows[best]["marks"]) != significant
    assert [row["best"] for row in rows.values()].count("True") == 1
    tex = (folder.path / "results/tables/config/models.tex").read_text()
    assert rf"{best} & \textbf{{{float(rows[best]['value']):.3f}}}" in tex
    assert (folder.path / "results/tables/config/models.png").read_bytes()[1:4] == b"PNG"


def test_controls_hear_nothing_and_stand_in_no_summary(folder):
    folders = {path.name.split("--")[1]: path.name
               for path in (folder.path / "results/experiments").glob("control--*")}  # fmt: skip
    assert set(folders) == {"majority", "metadata"}
    frame, _ = read(folder, folders["majority"])
    truth = dict(zip(frame["file"], frame["truth"], strict=True))
    for fold, tested in frame.groupby("fold"):
        learned = pd.Series(list(frame.loc[frame["fold"] != fold, "truth"]))
        assert set(tested["prediction"]) == {learned.value_counts().sort_index().idxmax()}
    assert len(truth) == len(frame)
    with open(folder.path / "results/summary.csv", newline="", encoding="utf-8") as stream:
        assert {row["name"] for row in csv.DictReader(stream)} == {
            *("svm", "knn", "resampled", "nobody")
        }


def test_nothing_is_done_twice_and_another_caption_makes_the_table_alone(folder):
    assert folder.run("--configfile", "config.yaml", "-c", "1").nothing_to_do
    content = json.loads((folder.path / "config.yaml").read_text())
    content["tables"][0]["caption"] = "Two models"
    (folder.path / "other.yaml").write_text(json.dumps(content))
    call = folder.run("-n", "--configfile", "other.yaml", "-c", "1")
    assert call.jobs("table") == 1
    assert call.jobs("train") == call.jobs("experiment") == call.jobs("features") == 0
