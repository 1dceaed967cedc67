"""Inis without a model, as a user runs them; early stopping and copies of audio beside them."""

import csv
import json
import re
import subprocess
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import soundfile
from page_example import details, unpacked
from workflow import DEMO, IZWI, Folder, izwi_environment

import izwi
from izwi.cli import main
from izwi.features import snr
from izwi.files import read_json
from izwi.onnx_export import support
from izwi.reporting.page import read

SIGNAL = {"type": "['signal']", "scale": "standard"}
KNN = {"type": "knn", "logo": 3, "k_val": 1}
PREDICTED = {"type": "['signal', 'metadata']", "metadata.columns": "['snr_pred']"}
LIMITED = {"targets": "['snr']", "max": "{'snr': 99}", "sample_selection": "test"}
# In the manner of inis that nkululeko's authors publish; the terminal shows but some notes a call.
PUBLISHED = {
    "DATA": DEMO
    | {
        "labels": "['anger', 'happiness', 'neutral', 'sadness', 'pride']",
        "check_size": 1000,
    },
    "FEATS": {
        "type": "['signal']",
        "scaler": "robust",
        "features": "['duration', 'loudness_of_another_program', 'level']",
    },
    "MODEL": {"type": "knn"},
    "EXPL": {"value_counts": "[['gender']]"},
    "PLOT": {"combine_per_speaker": "mode"},
    "AUGMENT": {"augment": "['random_splice']", "result": "a.csv"},
}
if support.absent() is None:
    PUBLISHED["MODEL"]["onnx"] = True
ANGER = {key: value for key, value in DEMO.items() if key != "target"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("data_only"), page=True)
    expl = {"value_counts": "[['gender'], ['duration']]", "feature_distributions": "all"}
    expl |= {"scatter": "['pca']", "scatter.dim": 3, "scatter.target": "['duration']"}
    expl |= {"ignore_gender": True, "duration.bin_reals": True}
    xgb = {"type": "xgb", "early_stopping_rounds": 3, "validation_split": 0.3, "n_estimators": 200}
    inis = [
        folder.ini("explore", DATA=DEMO, FEATS=SIGNAL, EXPL=expl, RESAMPLE={"replace": True}),
        folder.ini(
            "chosen",
            EXP={"sample_selection": "test"},
            DATA=DEMO,
            EXPL={"print_colvals": True, "value_counts": True},
        ),
        folder.ini("bare", DATA=ANGER, AUGMENT={"augment": "['random_splice']", "result": "a.csv"}),
        folder.ini(
            "stops",
            EXP={"fig_dir": "figures"},
            DATA=DEMO,
            FEATS=PREDICTED,
            MODEL=xgb,
            PREDICT=LIMITED,
        ),
        folder.ini("annotated", DATA=DEMO, PREDICT={"targets": "['snr', 'translation']"}),
        folder.ini("published", **PUBLISHED),
        folder.ini("plain", DATA=DEMO, FEATS=SIGNAL, MODEL=KNN, EXPL={"spotlight": True}),
        folder.ini(
            "copies",
            EXP={"robustness": "['white', 'clipping']", "robustness.snr": [10]},
            DATA=DEMO | {"augment": "['random_splice']"},
            FEATS=SIGNAL,
            MODEL=KNN,
        ),
    ]
    folder.config(inis)
    return folder, run(folder)


def run(folder):
    """What a call of ``izwi run`` says."""
    words = [*IZWI, "run", "config.yaml", "-c", "2", "--config", f"cache={folder.cache}"]
    call = subprocess.run(
        words, cwd=folder.path, env=izwi_environment(), capture_output=True, text=True, check=False
    )
    assert call.returncode == 0, call.stderr
    return call.stderr


def test_data_are_described_and_nothing_is_trained(made):
    folder, _ = made
    models = {path.name[:3] for path in (folder.path / "results" / "models").iterdir()}
    assert models == {"xgb", "knn"}
    assert folder.plots("explore") == {
        *("value_counts.png", "value_counts_gender.png", "value_counts_duration.png"),
        *("pca.png", "pca_duration.png", "feature_distributions.png"),
    }
    shown = {
        name: pd.read_csv(folder.path / f"results/experiments/explore/plots/{name}.png.csv")
        for name in ("value_counts", "value_counts_duration", "pca", "pca_duration")
    }
    assert set(shown["value_counts"]["group"]) == {"train", "test"}
    seconds = shown["pca_duration"].drop_duplicates("label")["label"].tolist()
    assert len(seconds) == 4 and set(seconds) == set(shown["value_counts_duration"]["value"])
    assert np.linalg.norm(shown["pca"]["z"]) > 1e-3
    assert folder.plots("bare") == {"value_counts.png"}
    distributions = folder.path / "results/experiments/explore/explain/feature_distributions.csv"
    assert len(pd.read_csv(distributions)) == 11
    for name in ("explore", "bare"):
        metrics = folder.metrics(name)
        assert metrics["value"] is None and metrics["runs"] == 0 and metrics["warnings"]
        assert folder.predictions(name) == []
        methods = folder.bytes_of(name, "methods.md").decode()
        assert "**Data.**" in methods and "**Model.**" not in methods
        assert b"nothing was trained" in folder.bytes_of(name, "model_card.md")


def test_values_of_all_columns_of_a_part(made):
    folder, said = made
    assert folder.plots("chosen") == {"column_values.png", "value_counts.png"}
    plots = folder.path / "results/experiments/chosen/plots"
    found = pd.read_csv(plots / "column_values.png.csv")
    totals = found.groupby("column")["samples"].sum()
    counts = pd.read_csv(plots / "value_counts.png.csv")
    assert not counts["group"].isin(["train", "dev", "unused"]).any()
    by_group = counts.groupby("group")["samples"].sum()
    # The same samples, counted by other code; fewer than all.
    assert (totals == by_group["test"]).all() and 0 < by_group["test"] < 60
    genders = found[found["column"] == "gender"].set_index("value")["samples"].to_dict()
    assert len(genders) == 2 and genders == {name: by_group[name] for name in genders}
    (line,) = [line for line in said.splitlines() if "print_colvals" in line]
    assert f"gender: 2 values: female ({genders['female']})" in line
    assert "[EXP] sample_selection" not in said


def test_summary_and_page_say_that_there_is_no_model(made):
    folder, said = made
    with open(folder.path / "results" / "summary.csv", newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert rows["explore"]["model"] == rows["bare"]["model"] == "none: data only"
    assert rows["explore"]["value"] == rows["bare"]["measure"] == ""
    assert float(rows["stops"]["value"]) > 0
    assert "none: data only" in (folder.path / "results" / "index.html").read_text()
    # What an ini asks for in vain is said once.
    (line,) = (line for line in said.splitlines() if "[EXP] fig_dir: no effect" in line)
    assert line.endswith("(stops)")
    again = run(folder)
    assert "nothing to do" in again and "no effect" not in again


def test_augmented_files_are_listed(made):
    folder, said = made
    (place,) = (folder.path / "results" / "augmented_audio").glob("*/a.csv")
    assert str(place.relative_to(folder.path)) in said
    assert (folder.path / "results/experiments/bare/augment/a.csv").samefile(place)
    listed = pd.read_csv(place)
    trained = folder.bytes_of("bare", "table1.md").decode()
    assert re.search(rf"\| train \| all \| {len(listed)} ", trained)
    assert not {"digest", "part", "copied_row", "maker"} & set(listed)
    for row in listed.itertuples():
        made_of = soundfile.info(place.parent / row.file)
        assert made_of.duration == pytest.approx(pd.Timedelta(row.end).total_seconds())


def test_copies_are_trained_on_and_degraded_ones_tested_on(made):
    folder, _ = made
    plain, metrics = folder.metrics("plain"), folder.metrics("copies")
    assert metrics["n_augmented"] == metrics["n_train"] == plain["n_train"]
    assert "n_augmented" not in plain
    keys = [
        [row[key] for key in ("file", "speaker", "fold", "truth")]
        for row in folder.predictions("plain")
    ]
    assert keys == [
        [row[key] for key in ("file", "speaker", "fold", "truth")]
        for row in folder.predictions("copies")
    ]
    found = pd.read_csv(folder.path / "results/experiments/copies/robustness.csv")
    assert list(found["strength"].fillna("")) == [
        "",
        "10 dB SNR",
        "1 % of the samples",
        "5 % of the samples",
        "20 % of the samples",
    ]
    clean = found.iloc[0]
    assert clean["value"] == metrics["value"] and clean["loss"] == 0
    assert [clean["ci_low"], clean["ci_high"]] == pytest.approx(metrics["ci"])
    assert found["loss"].to_numpy() == pytest.approx(metrics["value"] - found["value"].to_numpy())
    assert (found["n"] == 60).all()
    assert folder.plots("copies") == {"confusion_matrix.png", "robustness.png"}
    methods = folder.bytes_of("copies", "methods.md").decode()
    assert "60 samples had 60 copies" in methods
    assert "white noise (10 dB SNR); clipping (1 % of the samples, 5 %" in methods
    card = folder.bytes_of("copies", "model_card.md").decode()
    assert "trained and tested on: 60 samples in " in card
    assert "once by a model of other folds (60 augmented copies in training)" in card


def test_samples_have_a_page(made):
    folder, _ = made
    place = folder.path / "results/experiments/plain"
    text = (place / "spotlight.html").read_text()
    held = unpacked(re.search(r'id="data">([^<]*)<', text)[1])
    columns = {one["name"]: one["values"] for one in held["columns"]}
    predicted = {row["file"]: row for row in folder.predictions("plain")}
    assert set(columns["file"]) == set(predicted) and len(columns["file"]) == 60
    for file, *told in zip(
        *(columns[name] for name in ("file", "speaker", "emotion", "prediction")), strict=True
    ):
        assert told == [predicted[file][name] for name in ("speaker", "truth", "prediction")]
    seconds = [soundfile.info(place / unquote(link)).duration for link in held["links"]]
    assert columns["duration"] == pytest.approx(seconds, rel=1e-5)
    record = read_json(place / "experiment.json")
    assert record["stages"]["spotlight"]["files"] == {
        "page": "results/experiments/plain/spotlight.html"
    }
    index = (folder.path / "results/index.html").read_text()
    links = {one["name"]: one["links"] for one in details(index)}
    assert ["spotlight.html", "experiments/plain/spotlight.html"] in links["plain"]
    assert "spotlight.html" not in [name for name, _ in links["copies"]]


def test_an_ini_as_they_are_published_runs(made):
    folder, _ = made
    metrics, place = folder.metrics("published"), folder.path / "results/experiments/published"
    assert metrics["labels"] == ["anger", "happiness", "neutral", "sadness"]
    # Each speaker has several classes, so there is no figure of speakers.
    assert metrics["by_speaker"]["n_evaluated"] == 0
    told = " ".join(metrics["warnings"])
    assert "[DATA] labels: no row has pride" in told
    assert "loudness_of_another_program is no feature here, of the selection 2 features" in told
    record = read_json(place / "experiment.json")
    assert sum(note.startswith("[AUGMENT]") for note in record["notes"]) == 1
    assert {"value_counts_gender.png", "confusion_matrix.png"} <= folder.plots("published")
    if "onnx" in PUBLISHED["MODEL"]:
        found = read_json(folder.path / record["stages"]["onnx"]["files"]["check"])
        assert found["samples"] == 60 and found["other_labels"] == 0
        assert found["difference"] < 1e-5 and (place / "model.onnx").is_file()


def test_python_and_commands(made, monkeypatch, capsys):
    folder, _ = made
    monkeypatch.chdir(folder.path)
    found = izwi.run(configfile="config.yaml", cache=folder.cache, cores=1)
    explore, bare = found["explore"], found["bare"]
    assert explore.value is None and explore.interval is None and explore.predictions.empty
    assert len(explore.table) == 60 and explore.features.shape == (60, 3 + 11)
    assert bare.features.shape == (60, 3) and set(bare.table["truth"]) == {"demo"}
    assert main(["explain", "explore"]) == 0
    assert "no model" in capsys.readouterr().out
    assert main(["compare", "stops", "bare"]) != 0
    assert "bare: nothing was trained" in capsys.readouterr().err
    assert main(["archive", "--configfile", "config.yaml", "--cache", folder.cache]) == 0
    assert main(["verify", "results/archives/config.zip"]) == 0


def test_predicted_properties_are_columns(made, monkeypatch):
    folder, said = made
    place = folder.path / "results/experiments/annotated"
    found = pd.read_csv(place / "demo_predicted.csv")
    assert list(found)[:3] == ["file", "start", "end"] and list(found)[-1] == "snr_pred"
    assert len(found) == 60 and "emotion" in found
    for file, value in zip(found["file"][::20], found["snr_pred"][::20], strict=True):
        assert snr.wada(soundfile.read(file)[0]) == pytest.approx(value, abs=1e-3)
    # Nothing else: no picture, no audit, no model.
    assert not (place / "plots").exists() and folder.metrics("annotated")["audit"] is None
    assert "[PREDICT] targets: translation: not built yet" in said
    (row,) = pd.read_csv(place / "properties.csv").to_dict("records")
    assert row["property"] == "snr_pred" and row["unit"] == "speaker and class"
    methods = (place / "methods.md").read_text()
    assert "(snr_pred) was predicted by waveform amplitude distribution analysis" in methods
    assert "@kim2008wada" in methods and "no label" in methods
    # As the page shows it.
    monkeypatch.chdir(folder.path)
    (shown,) = read.of_stages(read_json("results/experiments/annotated/experiment.json")).items()
    assert shown[0] == "Predicted properties"
    assert shown[1]["with_target"][0]["effect"] == pytest.approx(row["effect"])


def test_a_model_sees_predicted_columns_and_limits(made):
    folder, _ = made
    clean = pd.read_csv(folder.path / "results/experiments/annotated/demo_predicted.csv")
    left = int((clean["snr_pred"] > 99).sum())
    record = json.loads(folder.bytes_of("stops", "experiment.json"))
    table = pd.read_parquet(folder.path / record["stages"]["annotate"][0]["files"]["table"])
    assert left > 0 and len(table) == 60 - left and (table["snr_pred"] <= 99).all()
    matrices = [unit["files"]["matrix"] for unit in record["stages"]["features"]]
    columns = pd.read_parquet(folder.path / matrices[1])["metadata.snr_pred"]
    assert columns.tolist() == table["snr_pred"].tolist()
    methods = folder.bytes_of("stops", "methods.md").decode()
    assert f"{left} by their predicted properties" in methods
    assert "at most 99 dB" in methods and "snr_pred was a feature of the model" in methods
    tested = pd.read_csv(folder.path / "results/experiments/stops/demo_predicted.csv")
    assert len(tested) == len(folder.predictions("stops"))


def test_trees_stop_on_speakers_of_the_training_part(made):
    folder, _ = made
    notes = folder.metrics("stops")["notes"]
    (kept,) = (line for line in notes if "rounds of trees are kept" in line)
    assert 0 < int(kept.split(" of ")[0]) < 200
    assert any("set aside from the training part as dev" in line for line in notes)
    methods = folder.bytes_of("stops", "methods.md").decode()
    assert "set aside from the training part decided how many trees were kept" in methods
