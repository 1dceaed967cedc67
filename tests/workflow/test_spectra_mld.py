"""Spectrograms with a convolutional net, and mid-level descriptors, from the ini to the figure."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from workflow import Folder

from izwi.data import audio
from izwi.features.mld import Mld

TEST_SPEAKERS = [8, 10, 13, 15]
EMOTIONS = ["anger", "sadness"]


@pytest.fixture(scope="module")
def run(emodb, tmp_path_factory):
    """One call: a net on spectra, an svm on spectra, an svm on mid-level descriptors."""
    folder = Folder(tmp_path_factory.mktemp("spectra"), own_cache=True)
    data = {
        "databases": "['emodb']",
        "emodb": emodb / "emodb.csv",
        "emodb.filter": f"{{'emotion': {EMOTIONS}}}",
        "emodb.split_strategy": TEST_SPEAKERS,
        "target": "emotion",
    }
    spectra = {"type": "spectra", "fft_hop_dur": 20, "fft_nbands": 20, "spectra.duration": 1.5}
    net = {"type": "cnn", "layers": "[120, 84]", "learning_rate": 0.001, "patience": 5}
    inis = [
        folder.ini("cnn", EXP={"epochs": 10}, DATA=data, FEATS=spectra, MODEL=net),
        folder.ini("spectra_svm", DATA=data, FEATS=spectra, MODEL={"type": "svm"}),
        folder.ini(
            "mld",
            DATA=data,
            FEATS={"type": "mld", "min_syls": 3, "scale": "standard"},
            MODEL={"type": "svm"},
        ),
    ]
    folder.config(inis)
    # One core, one process for all models of a kind.
    folder.run("-c", "1", "--configfile", "config.yaml")
    return folder


@pytest.fixture(scope="module")
def labels(emodb):
    table = pd.read_csv(emodb / "emodb.csv")
    return table[table["emotion"].isin(EMOTIONS)].reset_index(drop=True)


def test_the_net_tells_anger_from_sadness(run, labels):
    metrics = run.metrics("cnn")
    assert metrics["value"] > 0.9
    assert metrics["n_test"] == labels["speaker"].isin(TEST_SPEAKERS).sum()
    rows = run.predictions("cnn")
    uar = recall_score([r["truth"] for r in rows], [r["prediction"] for r in rows], average="macro")
    assert metrics["value"] == pytest.approx(uar, abs=1e-12)
    # Dev speakers are taken from training, and early stopping looks at them.
    assert any("set aside from the training part as dev" in line for line in metrics["notes"])


@pytest.mark.parametrize("name", ["cnn", "spectra_svm"])
def test_what_is_cut_is_in_the_metrics(run, labels, name):
    said = (
        f"[FEATS] emodb: spectra: {len(labels)} of {len(labels)} rows are longer than 1.5 s (up to "
        "2.00 s) and cut there; more is seen with a higher spectra.duration"
    )
    assert said in run.metrics(name)["warnings"]
    assert not any("spectra" in line for line in run.metrics("mld")["warnings"])


def test_mid_level_descriptors_give_the_figure_of_plain_scikit_learn(run, labels, emodb):
    extractor = Mld({"min_syls": 3})
    X = np.stack([extractor(*audio.read(str(emodb / file))) for file in labels["file"]])
    test = labels["speaker"].isin(TEST_SPEAKERS).to_numpy()
    X = X[:, ~np.isnan(X[~test]).all(axis=0)]
    imputer = SimpleImputer(strategy="median").fit(X[~test])
    scaler = StandardScaler().fit(imputer.transform(X[~test]))
    model = SVC().fit(scaler.transform(imputer.transform(X[~test])), labels["emotion"][~test])
    expected = model.predict(scaler.transform(imputer.transform(X[test])))
    found = {row["file"]: row["prediction"] for row in run.predictions("mld")}
    assert found == dict(zip(labels["file"][test], expected, strict=True))
    assert run.metrics("mld")["value"] > 0.8
    few = int((X[:, extractor.columns.index("n_syl")] < 3).sum())
    said = f"mld: {few} of {len(labels)} rows have fewer than min_syls = 3 syllables"
    assert any(said in line for line in run.metrics("mld")["warnings"]) == (few > 0)


def test_spectra_are_extracted_once_and_nothing_is_left_to_do(run, labels):
    parts = list((run.path / "results/cache/features").glob("spectra-20-*/*.parquet"))
    assert sum(len(pd.read_parquet(part, columns=["digest"])) for part in parts) == len(labels)
    assert run.run("--configfile", "config.yaml").nothing_to_do
    record = json.loads((run.path / "results/experiments/cnn/experiment.json").read_text())
    assert record["features"][0]["options"]["fft_nbands"] == 20


def test_other_features_are_one_line_each(run, emodb):
    data = {"databases": "['emodb']", "emodb": emodb / "emodb.csv", "target": "emotion"}
    inis = [
        run.ini("a", DATA=data, FEATS={"type": "os"}, MODEL={"type": "cnn"}),
        run.ini("b", DATA=data, FEATS={"type": "['spectra', 'os']"}, MODEL={"type": "cnn"}),
    ]
    run.config(inis, "wrong.yaml")
    text = run.run("-n", "--configfile", "wrong.yaml", ok=False).text
    wanted = "[MODEL] type: cnn reads spectra or os with level = frames alone, but FEATS.type is"
    assert f"a.ini: {wanted} os" in text
    assert f"b.ini: {wanted} spectra, os" in text
    assert "Traceback" not in text
