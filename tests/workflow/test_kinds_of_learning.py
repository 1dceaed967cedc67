"""Self-training, active learning, clusters, learning curves and tuning, on EmoDB."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from plain_features import plain_egemaps
from scipy import stats
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from workflow import Folder

TEST_SPEAKERS = [8, 10, 13, 15]
BARE_SPEAKERS = [9, 16]
THRESHOLD = 0.7


@pytest.fixture(scope="module")
def plain(emodb):
    """A third of EmoDB in the order of its files, with eGeMAPSv02 by opensmile itself."""
    labels = pd.read_csv(emodb / "emodb.csv").iloc[::3].sort_values("file", ignore_index=True)
    features = plain_egemaps([emodb / file for file in labels["file"]])
    test = labels["speaker"].isin(TEST_SPEAKERS).to_numpy()
    return labels, features, test, labels["speaker"].isin(BARE_SPEAKERS).to_numpy()


@pytest.fixture(scope="module")
def run(emodb, plain, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("kinds"))
    labels, _, test, bare = plain
    labels = labels.assign(file=[str(emodb / file) for file in labels["file"]])
    labels[~test & ~bare].to_csv(folder.path / "labelled.csv", index=False)
    labels[test].to_csv(folder.path / "test.csv", index=False)
    labels[bare].drop(columns="emotion").to_csv(folder.path / "bare.csv", index=False)
    labels[bare].to_csv(folder.path / "aside.csv", index=False)
    data = {
        "databases": "['labelled', 'bare', 'tested']",
        "labelled": "labelled.csv",
        "labelled.split_strategy": "train",
        "bare": "bare.csv",
        "bare.split_strategy": "train",
        "tested": "test.csv",
        "tested.split_strategy": "test",
        "target": "emotion",
    }
    feats = {"type": "os", "scale": "standard"}
    model = {
        "type": "knn",
        "semi_supervised": "self_training",
        "semi_supervised.threshold": THRESHOLD,
        "semi_supervised.rounds": 2,
    }
    inis = [
        folder.ini("bare", DATA=data, FEATS=feats, MODEL=model | {"active_learning": 5}),
        folder.ini(
            "aside",
            DATA=data | {"bare": "aside.csv", "bare.unlabelled": True},
            FEATS=feats,
            MODEL=model,
        ),
        folder.ini(
            "supervised",
            DATA={k: v for k, v in data.items() if not k.startswith("bare")}
            | {"databases": "['labelled', 'tested']"},
            FEATS=feats,
            MODEL={"type": "knn"},
            EXPL={"clusters": True, "permutation": True, "feature_distributions": True},
            PLOT={"learning_curve": True},
        ),
        folder.ini(
            "tuned",
            DATA={k: v for k, v in data.items() if not k.startswith("bare")}
            | {"databases": "['labelled', 'tested']"},
            FEATS=feats,
            MODEL={"type": "knn", "tune": "{'K_val': [1, 5, 25]}"},
        ),
    ]
    folder.config(inis)
    # One core, one process for all models of a kind.
    folder.run("-c", "1", "--configfile", "config.yaml")
    return folder


def predicted(folder, name):
    return {row["file"].rpartition("/")[2]: row["prediction"] for row in folder.predictions(name)}


def test_self_training_by_hand(run, plain):
    labels, features, test, bare = plain
    truth = labels["emotion"].to_numpy(dtype=object)
    known, added = ~test & ~bare, []
    for _ in range(2):
        scaler = StandardScaler().fit(features[known])
        model = KNeighborsClassifier(5).fit(scaler.transform(features[known]), truth[known])
        left = np.flatnonzero(~test & ~known)
        probabilities = model.predict_proba(scaler.transform(features[left]))
        sure = probabilities.max(axis=1) > THRESHOLD
        added.append(int(sure.sum()))
        truth[left[sure]] = model.classes_[probabilities.argmax(axis=1)][sure]
        known[left[sure]] = True
    scaler = StandardScaler().fit(features[known])
    model = KNeighborsClassifier(5).fit(scaler.transform(features[known]), truth[known])
    expected = model.predict(scaler.transform(features[test]))
    names = labels["file"][test].str.removeprefix("wav/")
    assert predicted(run, "bare") == dict(zip(names, expected, strict=True))
    figures = run.metrics("bare")
    (told,) = figures["self_training"]
    assert told["pool"] == int(bare.sum())
    assert [sum(step["added"].values()) for step in told["rounds"]] == added and added[0] > 0
    assert figures["n_train"] == int((~test & ~bare).sum())


def test_labels_left_aside_are_not_seen(run):
    assert predicted(run, "aside") == predicted(run, "bare")


def test_files_to_label_next(run, plain):
    labels, _, _, bare = plain
    path = run.path / "results/experiments/bare/active_learning.csv"
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    there = set(labels["file"][bare].str.removeprefix("wav/"))
    files = {row["file"].rpartition("/")[2] for row in rows}
    assert files <= there and len(files) == 5
    uncertainty = [float(row["uncertainty"]) for row in rows]
    assert uncertainty == sorted(uncertainty, reverse=True) and uncertainty[0] > 0


def test_clusters_by_hand(run, plain):
    labels, features, _, bare = plain
    # Rows lie database by database: labelled, then tested.
    order = np.r_[np.flatnonzero(~plain[2] & ~bare), np.flatnonzero(plain[2])]
    X = StandardScaler().fit_transform(features[order])
    found = KMeans(7, n_init=10, random_state=42).fit_predict(X)
    told = json.loads((run.path / "results/experiments/supervised/clusters.json").read_text())
    assert (told["k"], told["n"]) == (7, len(order))
    emotion = labels["emotion"].iloc[order]
    assert told["agreement"]["emotion"]["adjusted_rand"] == pytest.approx(
        metrics.adjusted_rand_score(emotion, found), abs=1e-6
    )
    assert told["agreement"]["emotion"]["mutual_information"] == pytest.approx(
        metrics.mutual_info_score(emotion, found), abs=1e-6
    )


def test_the_learning_curve_ends_in_the_figure(run):
    folder = run.path / "results/experiments/supervised"
    curve = json.loads((folder / "learning_curve.json").read_text())
    assert curve["unit"] == "speakers" and curve["measure"] == "uar"
    (whole,) = [point for point in curve["points"] if point["share"] == 1]
    assert whole["test"] == pytest.approx(run.metrics("supervised")["value"])
    assert whole["n_train"] == run.metrics("supervised")["n_train"]
    assert (folder / "plots/learning_curve.png").exists()


def test_tuning_by_hand(run, plain):
    labels, features, test, bare = plain
    known = ~test & ~bare
    truth = labels["emotion"].to_numpy(dtype=str)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        {"kneighborsclassifier__n_neighbors": [1, 5, 25]},
        scoring="balanced_accuracy",
        cv=GroupKFold(4),
    ).fit(features[known], truth[known], groups=labels["speaker"][known])
    found = run.metrics("tuned")["tuning"]
    (told,) = found["searches"]
    assert told["chosen"]["K_val"] == search.best_params_["kneighborsclassifier__n_neighbors"]
    scores = [row["score"] for row in told["candidates"]]
    np.testing.assert_allclose(scores, search.cv_results_["mean_test_score"], atol=1e-9)
    names = labels["file"][test].str.removeprefix("wav/")
    expected = search.predict(features[test])
    assert predicted(run, "tuned") == dict(zip(names, expected, strict=True))
    outer = metrics.balanced_accuracy_score(truth[test], expected)
    assert run.metrics("tuned")["value"] == pytest.approx(outer)
    assert found["optimism"] == pytest.approx(search.best_score_ - outer)
    kept = (
        run.path
        / json.loads((run.path / "results/experiments/tuned/experiment.json").read_text())[
            "stages"
        ]["train"]["files"]["model"]
    )
    assert json.loads((kept / "model.json").read_text())["tuned"][0]["chosen"] == told["chosen"]
    model = json.loads((kept / "run1/model/model.json").read_text())
    assert model["options"]["K_val"] == told["chosen"]["K_val"]


def test_explained_by_hand(run, plain):
    labels, features, _, bare = plain
    folder = run.path / "results/experiments/supervised"
    ranked = pd.read_csv(folder / "explain/permutation.csv")
    figures = run.metrics("supervised")
    assert ranked["figure"].unique() == pytest.approx([figures["value"]])
    assert len(ranked) == 88 and ranked["n"].unique().tolist() == [figures["n_test"]]
    found = pd.read_csv(folder / "explain/feature_distributions.csv")
    # The feature of rank 1, wherever it stands in openSMILE's order: one has this figure.
    used = labels.assign(**{f"f{i}": column for i, column in enumerate(features.T)})[~bare]
    means = used.groupby(["speaker", "emotion"])[[f"f{i}" for i in range(88)]].mean()
    best = max(
        stats.kruskal(*(group for _, group in means[name].groupby("emotion"))).statistic
        for name in means
    )
    assert found["statistic"][0] == pytest.approx(best, rel=1e-5) == found["statistic"].max()
    assert found["n"][0] == len(means)
    # All files of this copy are 2 s long, which leaves nothing to go with.
    assert found["rho_duration"].isna().all() and found["rho_level"].abs().max() > 0.3
    for name in ("permutation", "feature_distributions"):
        assert (folder / f"plots/{name}.png").exists()
