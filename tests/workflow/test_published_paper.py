"""The shipped configs of published papers, on small samples of their data."""

import csv

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
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
    make(folder, "nemo_baseline", "nemo_baseline")
    return folder


def make(folder, paper, table):
    """One table of a shipped config, without pictures, on data in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IZWI_DATA", str(folder.path / "data"))
        # The shipped config names its ini from the checkout.
        text = (ROOT / "config" / "papers" / f"{paper}.yaml").read_text(encoding="utf-8")
        text = text.replace("[config/papers", f"[{ROOT}/config/papers")
        (folder.path / f"{paper}.yaml").write_text(text, encoding="utf-8")
        arguments = ["--configfile", f"{paper}.yaml", "--config", "results=results"]
        folder.run(f"results/tables/{paper}/{table}.md", *arguments, "-c", "2")


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


@pytest.fixture(scope="module")
def digits(fsdd, tmp_path_factory):
    """The table of three digits, on four recordings of each digit and speaker."""
    folder = Folder(tmp_path_factory.mktemp("digits"))
    place = folder.path / "data" / "fsdd"
    place.mkdir(parents=True)
    (place / "recordings").symlink_to(fsdd / "wav")
    found = pd.DataFrame({"file": sorted(path.name for path in (fsdd / "wav").iterdir())})
    found[["digit", "speaker", "take"]] = found["file"].str.extract(r"(\d)_(\w+)_(\d+)\.wav")
    found = found[found["take"].astype(int) < 4]
    listed = found.assign(file="recordings/" + found["file"])[["file", "speaker", "digit"]]
    listed.to_csv(place / "fsdd.csv", index=False)
    make(folder, "fsdd_forests", "three_digits")
    return folder


def test_digits_have_their_published_values_beside_both_protocols(digits):
    text = (digits.path / "results/tables/fsdd_forests/three_digits.md").read_text("utf-8")
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.count("|") > 3}
    published = {"spectrogram": "0.940", "mel spectrogram": "0.951", "MFCC": "0.929"}
    for name, kind in (("spectrogram", "spectrogram"), ("MFCC", "mfcc")):
        row = lines[name]
        for way in ("default--MODEL.logo_6", "6--MODEL.logo_default"):
            experiment = f"{kind}--DATA.labels_0+1+2--MODEL.k_fold_cross_{way}"
            metrics = digits.metrics(experiment)
            assert metrics["n_evaluated"] == 72 and f"{metrics['value']:.3f}" in row
    assert "Xu et al. 2021" in text
    for name, value in published.items():
        assert f"published {value}" in lines[name]
    # With speakers on both sides the forests do better, as the paper's protocol does.
    random, apart = (
        digits.metrics(f"mfcc--DATA.labels_0+1+2--MODEL.k_fold_cross_{way}")["value"]
        for way in ("6--MODEL.logo_default", "default--MODEL.logo_6")
    )
    assert random > apart > 1 / 3


@pytest.mark.parametrize("way", ["default--MODEL.logo_6", "6--MODEL.logo_default"])
def test_forests_of_digits_are_those_of_scikit_learn(digits, way):
    """On the folds and features of the call."""
    (matrix,) = (digits.path / "results" / "features").glob("*/mfcc*.parquet")
    features = pd.read_parquet(matrix).set_index("file").drop(columns=["start", "end"])
    name = f"mfcc--DATA.labels_0+1+2--MODEL.k_fold_cross_{way}"
    rows = pd.DataFrame(digits.predictions(name)).set_index("file")
    # In the order of the table: a forest depends on it.
    rows = rows.loc[[file for file in features.index if file in rows.index]]
    X = features.loc[rows.index].to_numpy(float)
    for fold in rows["fold"].unique():
        test = (rows["fold"] == fold).to_numpy()
        held, rest = set(rows["speaker"][test]), set(rows["speaker"][~test])
        assert (len(held) == 1 and not held & rest) if way.endswith("logo_6") else held <= rest
        forest = RandomForestClassifier(random_state=42).fit(X[~test], rows["truth"][~test])
        assert forest.predict(X[test]).tolist() == rows["prediction"][test].tolist()
    right = np.mean(rows["truth"] == rows["prediction"])
    assert digits.metrics(name)["value"] == pytest.approx(right)
