"""Imported databases, submodels, bins and balancing on EmoDB, against plain libraries."""

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from plain_features import plain_egemaps
from sklearn.metrics import confusion_matrix, recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from workflow import Folder

TEST_SPEAKERS = [8, 10, 13, 15]
FEATS = {"type": "os", "scale": "standard"}
AGES = {"target": "age", "type": "continuous"}


@pytest.fixture(scope="module")
def plain(emodb):
    """A third of EmoDB, with eGeMAPSv02 functionals by opensmile itself."""
    labels = pd.read_csv(emodb / "emodb.csv").iloc[::3].reset_index(drop=True)
    features = plain_egemaps([emodb / file for file in labels["file"]])
    return labels, features, labels["speaker"].isin(TEST_SPEAKERS).to_numpy()


@pytest.fixture(scope="module")
def run(emodb, plain, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("learning"))
    labels, _, test = plain
    for name, rows in (("train", ~test), ("test", test)):
        # As the post writes them: blanks after commas, and 'sex'.
        lines = ["file, speaker, sex, age, emotion, sentence"]
        lines += [
            f"{emodb / row.file}, s{row.speaker}, {row.gender}, {row.age}, {row.emotion}, "
            f"{row.sentence}"
            for row in labels[rows].itertuples()
        ]
        (folder.path / f"my_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    own = {
        "databases": "['my_train', 'my_test']",
        "my_train": "my_train.csv",
        "my_train.type": "csv",
        "my_train.split_strategy": "train",
        "my_test": "my_test.csv",
        "my_test.split_strategy": "test",
        "target": "emotion",
    }
    tables = "emotion.categories.{}.gold_standard"
    inis = [
        folder.ini("submodels", DATA=own, FEATS=FEATS, MODEL={"type": "svm", "submodel": "sex"}),
        folder.ini(
            "of_data", DATA=own | {"submodel": "gender"}, FEATS=FEATS, MODEL={"type": "svm"}
        ),
        folder.ini("smote", DATA=own, FEATS=FEATS | {"balancing": "smote"}, MODEL={"type": "svm"}),
        folder.ini(
            "quantiles",
            EXP={"type": "classification"},
            DATA=own | AGES | {"labels": "['young', 'middle', 'old']"},
            FEATS=FEATS,
            MODEL={"type": "svm"},
            PLOT={"value_counts": True},
        ),
        folder.ini(
            "quantile_folds",
            DATA=own | AGES | {"labels": "['young', 'old']"},
            FEATS=FEATS,
            MODEL={"type": "knn", "logo": 5},
        ),
        folder.ini(
            "regression",
            EXP={"type": "regression"},
            DATA=own
            | AGES
            # As the post has them.
            | {"labels": "['u40', '40ies', '50ies', '60ies', 'ü70']"}
            | {"bins": "[-1000,  30, 32, 33, 34, 1000]"},
            FEATS=FEATS,
            MODEL={"type": "svr"},
        ),
        folder.ini(
            "msp",
            DATA={
                "databases": "['msp']",
                "msp": emodb,
                "msp.files_tables": "['files']",
                "msp.target_tables": [tables.format("test"), tables.format("train")],
                "msp.split_strategy": "specified",
                "msp.test_tables": [tables.format("test")],
                "msp.train_tables": [tables.format("train")],
                "msp.limit_samples": 60,
                "target": "emotion",
            },
            FEATS=FEATS,
            MODEL={"type": "knn"},
        ),
    ]
    folder.config(inis)
    # One core, one worker for all.
    folder.run("-c", "1", "--configfile", "config.yaml")
    return folder


def scaled(features, train):
    scaler = StandardScaler().fit(features[train])
    return scaler.transform(features)


def column(folder, name, key="prediction"):
    """File → value of one column of the predictions."""
    return {row["file"].split("/")[-1]: row[key] for row in folder.predictions(name)}


def by_file(labels, rows, values):
    return dict(zip(labels["file"][rows].str.removeprefix("wav/"), values, strict=True))


def test_a_model_for_each_sex(run, plain):
    labels, features, test = plain
    expected, figures = {}, {}
    for sex in ("female", "male"):
        own = (labels["gender"] == sex).to_numpy()
        train, its_test = own & ~test, own & test
        X = scaled(features, train)
        predicted = SVC().fit(X[train], labels["emotion"][train]).predict(X[its_test])
        expected |= by_file(labels, its_test, predicted)
        figures[sex] = recall_score(
            labels["emotion"][its_test],
            predicted,
            average="macro",
            labels=sorted(set(labels["emotion"][its_test])),
        )
    assert column(run, "submodels") == expected
    metrics = run.metrics("submodels")
    of_sex = metrics["per_submodel"]["values"]
    assert metrics["per_submodel"]["column"] == "gender"
    assert {sex: of_sex[sex]["uar"] for sex in of_sex} == pytest.approx(figures)
    assert [of_sex[sex]["n_test"] for sex in ("female", "male")] == [
        int((test & (labels["gender"] == sex)).sum()) for sex in ("female", "male")
    ]
    assert sum(v["n_train"] for v in of_sex.values()) == metrics["n_train"] == int((~test).sum())
    assert run.bytes_of("of_data", "predictions.csv") == run.bytes_of(
        "submodels", "predictions.csv"
    )


def test_other_columns_of_a_csv_are_kept(run, plain):
    labels, _, test = plain
    (path,) = [
        path
        for path in (run.path / "results/labels").glob("my_test-*.parquet")
        if set(pd.read_parquet(path)["truth"].dropna()) == set(labels["emotion"][test])
    ]
    table = pd.read_parquet(path)
    assert by_file(labels, test, labels["sentence"][test]) == dict(
        zip(table["file"].str.split("/").str[-1], table["sentence"], strict=True)
    )
    assert "gender" in table and "sex" not in table


def test_smote_on_scaled_training_rows(run, plain):
    labels, features, test = plain
    X = scaled(features, ~test)
    # In the order of the tables, by file.
    order = labels["file"][~test].sort_values().index
    balanced, names = SMOTE(random_state=42).fit_resample(
        X[order], labels["emotion"][order].to_numpy()
    )
    predicted = SVC().fit(balanced, names).predict(X[test])
    assert column(run, "smote") == by_file(labels, test, predicted)
    metrics = run.metrics("smote")
    assert metrics["n_train"] == int((~test).sum())
    most = labels["emotion"][~test].value_counts().max()
    assert any(f"anger {most} to {most}" in note for note in metrics["notes"])


def test_bins_at_quantiles_of_the_training_rows(run, plain):
    labels, features, test = plain
    edges = np.quantile(labels["age"][~test], [1 / 3, 2 / 3])
    names = np.array(["young", "middle", "old"])[np.digitize(labels["age"], edges)]
    X = scaled(features, ~test)
    predicted = SVC().fit(X[~test], names[~test]).predict(X[test])
    assert column(run, "quantiles", "truth") == by_file(labels, test, names[test])
    assert column(run, "quantiles") == by_file(labels, test, predicted)
    metrics = run.metrics("quantiles")
    assert metrics["bins"] == [{"fold": 0, "edges": list(edges)}]
    assert metrics["labels"] == ["young", "middle", "old"]
    # Quantiles of all rows are others, so that a look at the test rows would show.
    assert list(edges) != list(np.quantile(labels["age"], [1 / 3, 2 / 3]))


def test_each_fold_has_its_own_limits(run, plain):
    labels, _, _ = plain
    rows = run.predictions("quantile_folds")
    age = by_file(labels, slice(None), labels["age"])
    fold = {row["file"].split("/")[-1]: int(row["fold"]) for row in rows}
    bins = {b["fold"]: b["edges"] for b in run.metrics("quantile_folds")["bins"]}
    assert sorted(bins) == [1, 2, 3, 4, 5] and len({tuple(e) for e in bins.values()}) > 1
    for number, (edge,) in bins.items():
        assert edge == np.median([age[name] for name in age if fold[name] != number])
    truth = column(run, "quantile_folds", "truth")
    for name, number in fold.items():
        assert truth[name] == ("old" if age[name] >= bins[number][0] else "young")


def test_binned_confusion_matrix_of_a_regression(run, plain):
    labels, features, test = plain
    X = scaled(features, ~test)
    predicted = SVR().fit(X[~test], labels["age"][~test]).predict(X[test])
    limits = [30, 32, 33, 34]
    truth = np.digitize(labels["age"][test], limits)
    binned = run.metrics("regression")["binned"]
    assert binned["labels"] == ["u40", "40ies", "50ies", "60ies", "ü70"]
    matrix = confusion_matrix(truth, np.digitize(predicted, limits), labels=range(5))
    assert binned["confusion"]["counts"] == matrix.tolist()
    recalls = matrix.diagonal()[matrix.sum(1) > 0] / matrix.sum(1)[matrix.sum(1) > 0]
    assert binned["metrics"]["uar"] == pytest.approx(recalls.mean())
    metrics = run.metrics("regression")
    assert metrics["measure"] == "mse" and metrics["labels"] == []
    assert run.plots("regression") == {"truth_prediction.png", "confusion_matrix_binned.png"}


def test_tables_as_in_the_post(run, emodb):
    test = set(pd.read_csv(emodb / "db.emotion.categories.test.gold_standard.csv")["file"])
    truth = pd.read_csv(emodb / "db.emotion.csv").set_index("file")["emotion"]
    speakers = pd.read_csv(emodb / "db.files.csv").set_index("file")["speaker"].astype(str)
    rows = run.predictions("msp")
    metrics = run.metrics("msp")
    assert metrics["n_train"] + len(rows) == 60
    assert {row["file"] for row in rows} <= test
    assert all(row["truth"] == truth[row["file"]] for row in rows)
    assert all(row["speaker"] == speakers[row["file"]] for row in rows)
    assert {row["speaker"] for row in rows} == {"12", "14", "15", "16"}


def test_what_cannot_be_done_is_told_in_one_line(run):
    own = {
        "databases": "['my_train', 'my_test']",
        "my_train": "my_train.csv",
        "my_train.split_strategy": "train",
        "my_test": "my_test.csv",
        "my_test.split_strategy": "test",
        "target": "emotion",
    }
    men = own | {"my_train.filter": "{'sex': 'male'}"}
    cases = {
        "unseen": (
            {"DATA": men, "MODEL": {"type": "svm", "submodel": "sex"}},
            "test rows have gen",
        ),
        "ties": (
            {"DATA": own | AGES | {"labels": [f"b{i}" for i in range(9)]}},
            "[DATA] labels: 9 bins of equal size cannot be cut from 5 different values",
        ),
    }
    inis = []
    for name, (sections, _) in cases.items():
        inis.append(run.ini(name, **{"FEATS": FEATS, "MODEL": {"type": "knn"}, **sections}))
    run.config(inis, "wrong.yaml")
    call = run.run("-k", "--configfile", "wrong.yaml", ok=False)
    assert call.code != 0
    for name, (_, line) in cases.items():
        told = [
            text
            for text in call.text.splitlines()
            if text.startswith(f"{name}.ini: ") and line in text
        ]
        assert told, (name, call.text)
