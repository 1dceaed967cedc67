"""Grids and pictures by real calls, on a part of EmoDB."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from plain_features import plain_egemaps
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from workflow import ROOT, Folder

COSTS = [0.1, 10]
SCALES = ["none", "standard"]


def data(emodb, **options):
    return {
        "databases": "['emodb']",
        "emodb": emodb / "emodb.csv",
        "emodb.limit_samples": 90,
        "emodb.split_strategy": [8, 10, 13, 15],
        "target": "emotion",
    } | options


@pytest.fixture(scope="module")
def folder(emodb, tmp_path_factory):
    """A grid of the config, one of an ini, and an experiment with many pictures, in one call."""
    folder = Folder(tmp_path_factory.mktemp("grids"))
    os = {"type": "os"}
    folder.ini("exp", DATA=data(emodb), FEATS=os, MODEL={"type": "svm", "layers": "[8]"})
    folder.ini(
        "flags",
        DATA=data(emodb),
        FEATS=os,
        MODEL={"type": "xgb"},
        FLAGS={"models": "['knn', 'tree']", "scale": "['none', 'standard']"},
    )
    folder.ini(
        "nets",
        EXP={"runs": 2, "epochs": 4},
        DATA=data(emodb, **{"emodb.value_counts": True}),
        FEATS={"type": "os", "scale": "standard"},
        MODEL={"type": "mlp", "layers": "[8]"},
        PLOT={
            "epoch_progression": True,
            "best_model": True,
            "runs_compare": "features",
            "tsne": "['gender']",
            "pca": True,
            "value_counts": "['age']",
            "format": "['png', 'svg', 'pdf']",
        },
        EXPL={"value_counts": "[['gender', 'age']]"},
    )
    grid = {"FEATS.scale": SCALES, "MODEL.C_val": COSTS}
    folder.config(["*.ini"], grid=[{"ini": "exp.ini", "grid": grid}])
    folder.call = folder.run("--configfile", "config.yaml")
    return folder


def table(folder, name):
    with open(
        folder.path / "results/grids/config" / name / "table.csv", encoding="utf-8"
    ) as stream:
        return list(csv.DictReader(stream))


def test_runs_have_a_picture(folder):
    place = folder.path / "results/runs/config"
    endings = {f"runs.{ending}" for ending in ("png", "svg", "pdf")}
    assert {path.name for path in place.iterdir() if path.is_file()} == {
        *endings,
        *(f"{name}.csv" for name in endings),
    }
    with open(place / "runs.png.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    metrics = folder.metrics("nets")
    assert [float(row["value"]) for row in rows] == [run["uar"] for run in metrics["per_run"]]
    assert np.mean([float(row["value"]) for row in rows]) == pytest.approx(metrics["value"])
    assert {row["label"] for row in rows} == {"os-eGeMAPSv02-functionals"}
    # One run has no spread.
    assert {row["experiment"] for row in rows} == {"nets"}
    assert any("[PLOT] best_model: no effect here, a choice on" in n for n in metrics["notes"])


def test_figures_of_a_grid_against_plain_scikit_learn(folder, emodb):
    rows = table(folder, "exp")
    assert [(r["FEATS.scale"], float(r["MODEL.C_val"])) for r in rows] == [
        (scale, cost) for scale in SCALES for cost in COSTS
    ]
    predictions = folder.predictions(rows[0]["name"])
    used = pd.read_parquet(next((folder.path / "results/labels").glob("emodb-*.parquet")))
    assert len(used) == 90
    X = plain_egemaps([emodb / file for file in used["file"]])
    test = used["file"].isin([row["file"] for row in predictions]).to_numpy()
    assert test.sum() == len(predictions) == int(rows[0]["n_test"])
    truth = used["truth"].to_numpy()
    for row in rows:
        scaled = X
        if row["FEATS.scale"] == "standard":
            scaled = StandardScaler().fit(X[~test]).transform(X)
        model = SVC(C=float(row["MODEL.C_val"])).fit(scaled[~test], truth[~test])
        uar = recall_score(truth[test], model.predict(scaled[test]), average="macro")
        assert float(row["value"]) == pytest.approx(uar, abs=1e-12)
        metrics = folder.metrics(row["name"])
        assert (
            row["name"]
            == f"exp--FEATS.scale_{row['FEATS.scale']}--MODEL.C_val_" + (row["MODEL.C_val"])
        )
        assert metrics["value"] == float(row["value"])
        limits = [float(row[name]) if row[name] else None for name in ("ci_low", "ci_high")]
        assert metrics["ci"] == limits
        assert "[MODEL] layers: no effect with MODEL.type = svm" in metrics["notes"]


def test_members_are_whole_experiments(folder):
    with open(folder.path / "results/summary.csv", encoding="utf-8") as stream:
        names = {row["name"] for row in csv.DictReader(stream)}
    members = [row["name"] for name in ("exp", "flags") for row in table(folder, name)]
    assert names == {"nets", *members} and len(members) == 8
    for name in members:
        place = folder.path / "results/experiments" / name
        files = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
        assert {
            "metrics.json", "predictions.csv", "experiment.json", "plots/confusion_matrix.png"
        } <= files  # fmt: skip
    record = json.loads((place / "experiment.json").read_text())
    assert record["setting"] == {"MODEL.type": "tree", "FEATS.scale": "standard"}
    assert folder.call.jobs("load") == folder.call.jobs("split") == 1
    # One set for all, and the fingerprints that the audit compares.
    assert folder.call.jobs("features") == 2
    assert len(list((folder.path / "results/features").glob("*/os-*.parquet"))) == 1
    text = (folder.path / "results/grids/config/flags/table.md").read_text()
    assert text.count("| tree |") == text.count("| knn |") == 2
    assert (folder.path / "results/grids/config/flags/heat_map.png").read_bytes()[1:4] == b"PNG"


def test_runs(folder):
    metrics = folder.metrics("nets")
    assert len(metrics["per_run"]) == 2
    rows = folder.predictions("nets")
    values = [
        recall_score(
            [r["truth"] for r in rows if r["run"] == run],
            [r["prediction"] for r in rows if r["run"] == run],
            average="macro",
        )
        for run in ("1", "2")
    ]
    assert [run["uar"] for run in metrics["per_run"]] == pytest.approx(values)
    assert metrics["value"] == pytest.approx(np.mean(values))
    assert metrics["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (metrics["min"], metrics["max"]) == (min(values), max(values))


def test_pictures_in_all_formats(folder):
    plots = folder.path / "results/experiments/nets/plots"
    stems = [
        *("confusion_matrix", "epoch_progression", "tsne", "tsne_gender", "pca"),
        *("value_counts", "value_counts_age", "value_counts_gender_age", "value_counts_of_emodb"),
    ]
    assert folder.plots("nets") == {
        f"{stem}.{ending}" for stem in stems for ending in ("png", "svg", "pdf")
    }
    assert (plots / "tsne_gender.pdf").read_bytes().startswith(b"%PDF")


def test_nothing_to_do_and_what_is_wrong(folder):
    assert folder.run("--configfile", "config.yaml").nothing_to_do
    grid = {"MODEL.type": ["svmm", "knn"]}
    folder.config(["exp.ini"], "wrong.yaml", grid=grid)
    call = folder.run("-n", "--configfile", "wrong.yaml", ok=False)
    assert call.code == 1
    assert "exp.ini: grid: [MODEL] type: 'svmm' is unknown, did you mean 'svm'?" in call.text
    assert "Traceback" not in call.text


def test_shipped_files_plan(emodb, tmp_path, monkeypatch):
    """What config/ holds; its databases are looked up by the environment."""
    monkeypatch.setenv("IZWI_DATA", str(emodb.parent))
    from izwi.config.result_set import read_config, resolve_all

    inis = [f"config/experiments/{name}.ini" for name in ("compare_flags", "pictures")]
    inis.append("config/experiments/runs_and_epochs.ini")
    config = {"experiments": ["config/experiments/exp.ini", *inis]}
    config["grid"] = [
        {
            "ini": "config/experiments/exp.ini",
            "grid": {"FEATS.type": ["os", "praat"], "MODEL.type": ["xgb", "svm"]},
        }
    ]
    found = resolve_all(read_config(config, cwd=ROOT, fallback="none"), cwd=ROOT)
    assert len(found) == 4 + 8 + 1 + 1
