"""An experiment on embeddings of a SavedModel, from the ini to its figure."""

import numpy as np
import pandas as pd
import pytest
from saved_models import embedded, save
from sklearn.metrics import recall_score
from sklearn.neighbors import KNeighborsClassifier
from workflow import ROOT, Folder

from izwi.data import audio

pytestmark = pytest.mark.trill
TEST_SPEAKERS = [8, 10, 13, 15]


def test_figure_of_plain_libraries(emodb, tmp_path):
    folder = Folder(tmp_path)
    save(str(tmp_path / "model"), seed=3)
    shipped = (ROOT / "config/experiments/tensorflow/trill.ini").read_text()
    # The model of the test in the place of the real one, and less to compute.
    text = shipped.replace("../../../models/trill", "model").replace(
        "root_folders = ../../data_roots.ini",
        f"emodb = {emodb / 'emodb.csv'}\nemodb.filter = {{'emotion': ['anger', 'sadness']}}",
    )
    assert "= model\n" in text and "emodb.filter" in text
    ini = "trill.ini"
    (tmp_path / ini).write_text(text)
    folder.run("--config", f"ini={ini}")

    table = pd.read_csv(emodb / "emodb.csv")
    table = table[table["emotion"].isin(["anger", "sadness"])]
    X = []
    for file in table["file"]:
        signal, rate = audio.read(str(emodb / file))
        X.append(embedded(audio.resample(audio.mix(signal), rate, 16000)[0], seed=3))
    X, test = np.array(X), table["speaker"].isin(TEST_SPEAKERS).to_numpy()
    model = KNeighborsClassifier().fit(X[~test], table["emotion"][~test])
    expected = recall_score(table["emotion"][test], model.predict(X[test]), average="macro")
    metrics = folder.metrics("trill")
    assert (metrics["n_train"], metrics["n_test"]) == ((~test).sum(), test.sum())
    assert metrics["value"] == pytest.approx(expected, abs=0.02)
    assert folder.run("--config", f"ini={ini}").nothing_to_do

    # Other weights in the same folder are other features.
    save(str(tmp_path / "model"), seed=4)
    assert folder.run("-n", "--config", f"ini={ini}").jobs("features") == 1
