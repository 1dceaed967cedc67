"""The shipped config of a published paper, on the small sample of its data."""

import csv

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from workflow import ROOT, Folder


@pytest.fixture(scope="module")
def folder(nemo, tmp_path_factory):
    """All of the config, with data laid out as the authors publish them."""
    folder = Folder(tmp_path_factory.mktemp("published"))
    whole = folder.path / "data" / "nEMO"
    (whole / "samples").mkdir(parents=True)
    labels = pd.read_csv(nemo / "nemo.csv").iloc[::3]
    names = labels["file"].str.rpartition("/")[2]
    for name, file in zip(names, labels["file"], strict=True):
        (whole / "samples" / name).symlink_to(nemo / file)
    published = labels.assign(file_id=names, speaker_id=" " * 8 + labels["speaker"])
    published = published[["file_id", "emotion", "text", "speaker_id", "gender", "age"]]
    published.to_csv(whole / "data.tsv", sep="\t", index=False, quoting=csv.QUOTE_NONE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IZWI_DATA", str(folder.path / "data"))
        # The shipped config names its ini from the checkout.
        text = (ROOT / "config" / "papers" / "nemo_baseline.yaml").read_text(encoding="utf-8")
        text = text.replace("[config/papers", f"[{ROOT}/config/papers")
        (folder.path / "nemo_baseline.yaml").write_text(text, encoding="utf-8")
        # The table alone, without pictures.
        table = "results/tables/nemo_baseline/nemo_baseline.md"
        arguments = ["--configfile", "nemo_baseline.yaml", "--config", "results=results"]
        folder.run(table, *arguments, "-c", "2")
    return folder


def test_the_published_value_stands_beside_ours(folder):
    place = folder.path / "results" / "tables" / "nemo_baseline"
    text = (place / "nemo_baseline.md").read_text(encoding="utf-8")
    assert "0.840" in text and "Christop 2024" in text and "does not state the split" in text
    for protocol in ("random", "speakers"):
        for model in ("rf", "svm", "knn"):
            metrics = folder.metrics(f"{protocol}--MODEL.type_{model}")
            assert f"{metrics['value']:.3f}" in text


def test_the_protocols_are_what_they_say(folder):
    """By nearest neighbours in scikit-learn, on the folds and features of the call."""
    (matrix,) = (folder.path / "results" / "features").glob("*/mfcc*.parquet")
    features = pd.read_parquet(matrix).set_index("file").drop(columns=["start", "end"])
    for protocol in ("random", "speakers"):
        rows = pd.DataFrame(folder.predictions(f"{protocol}--MODEL.type_knn")).set_index("file")
        X, right = features.loc[rows.index].to_numpy(float), []
        for fold in rows["fold"].unique():
            test = (rows["fold"] == fold).to_numpy()
            held, rest = set(rows["speaker"][test]), set(rows["speaker"][~test])
            assert (len(held) == 1 and not held & rest) if protocol == "speakers" else held <= rest
            scaler = StandardScaler().fit(X[~test])
            model = KNeighborsClassifier().fit(scaler.transform(X[~test]), rows["truth"][~test])
            right += list(model.predict(scaler.transform(X[test])) == rows["truth"][test])
        value = folder.metrics(f"{protocol}--MODEL.type_knn")["value"]
        assert abs(np.mean(right) - value) <= 2 / len(rows)
