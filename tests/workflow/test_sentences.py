"""Fourteen very different experiments: each sentence about them against an independent count."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from workflow import Folder

from izwi.data.databases.demo import synthesise
from izwi.reporting import captions

DEMO = {"databases": "['demo']", "demo.type": "demo", "demo.limit_samples": 60}
PEOPLE = {"databases": "['people']", "people": "people.csv"}
BOTH = {**DEMO, **PEOPLE, "databases": "['demo', 'people']"}
NET = {"type": "mlp", "layers": "[8]", "save": True}
STATED = {
    "people.split_strategy": "speakers_stated",
    "people.train": "['de_m1', 'de_m4', 'en_m2', 'en_f2', 'pl_m3']",
    "people.dev": "['de_f1', 'pl_f3']",
    "people.test": "['en_f5', 'pl_m6', 'de_f4']",
}


def drawn(name, strategy="speaker_split", size=30, **more):
    own = {"split_strategy": strategy, "test_size": size, **more}
    return {f"{name}.{option}": value for option, value in own.items()}


# Name → what its sections hold beside target and features.
ASKED = {
    "svm_dev": {
        "EXP": {"traindevtest": True},
        "DATA": DEMO | drawn("demo"),
        "MODEL": {"type": "svm"},
        "PLOT": {"uncertainty_threshold": 0.4},
    },
    "knn_logo": {"DATA": DEMO, "MODEL": {"type": "knn", "logo": 4}},
    "tree_folds": {"EXP": {"seed": 9}, "DATA": DEMO, "MODEL": {"type": "tree", "k_fold_cross": 5}},
    "xgb_stratified": {
        "DATA": DEMO | drawn("demo", "random", 25, stratify=True),
        "MODEL": {"type": "xgb", "n_estimators": 5},
    },
    "svr_age": {
        "DATA": PEOPLE | drawn("people") | {"target": "age", "people.filter": "{'gender': 'male'}"},
        "MODEL": {"type": "svr"},
    },
    "mlp_runs": {
        "EXP": {"traindevtest": True, "runs": 3, "epochs": 3},
        "DATA": DEMO | drawn("demo"),
        "FEATS": {"balancing": "ros", "balancing_random_state": 7},
        "MODEL": NET,
    },
    "mlp_calibrated": {
        "EXP": {"traindevtest": True, "epochs": 3},
        "DATA": DEMO | drawn("demo"),
        "MODEL": NET | {"calibrate": "temperature"},
    },
    "knn_calibrated": {
        "EXP": {"runs": 2},
        "DATA": PEOPLE | STATED,
        "MODEL": {"type": "knn", "calibrate": "temperature"},
    },
    "tests_beside": {
        "DATA": BOTH | drawn("demo") | {"tests": "['people']", "same_speakers": False},
        "MODEL": {"type": "svm"},
    },
    "self_trained": {
        "DATA": BOTH
        | drawn("demo")
        | {"people.unlabelled": True, "people.split_strategy": "train"},
        "MODEL": {"type": "knn", "semi_supervised": "self_training"},
    },
    "one_tested": {
        "DATA": PEOPLE | {"people.split_strategy": "['pl_m7']"},
        "MODEL": {"type": "bayes"},
    },
    "tuned": {"DATA": DEMO | drawn("demo"), "MODEL": {"type": "knn", "tune": "{'K_val': [1, 3]}"}},
    "across": {
        "DATA": BOTH | {"strategy": "cross_data", "trains": "['people']", "tests": "['demo']"},
        "MODEL": {"type": "tree"},
    },
    "escaped": {
        "EXP": {"runs": 2, "traindevtest": True},
        "DATA": PEOPLE
        | drawn("people", size=20)
        | {
            "labels": "['a|b', '<i>c</i>']",
            "people.mapping": "{'anger': 'a|b', 'sadness': '<i>c</i>'}",
        },
        "MODEL": {"type": "tree"},
    },
}
CROSSED = ("knn_logo", "tree_folds")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All experiments by one call."""
    folder = Folder(tmp_path_factory.mktemp("sentences"))
    synthesise(folder.path / "copy")
    table = pd.read_csv(folder.path / "copy" / "demo.csv")
    table["file"] = str(folder.path / "copy") + "/" + table["file"]
    table["age"] = 20 + table.groupby("speaker").ngroup()
    table.iloc[::6].to_csv(folder.path / "people.csv", index=False)
    assert len(ASKED) == 14
    inis = []
    for name, asked in ASKED.items():
        sections = asked | {
            "DATA": {"target": "emotion"} | asked["DATA"],
            "FEATS": {"type": "signal", "scale": "standard"} | asked.get("FEATS", {}),
        }
        inis.append(folder.ini(name, **sections))
    folder.config(inis)
    # One core, one process for all nets: PyTorch is loaded once.
    folder.run("--configfile", "config.yaml", "-c", "1")
    return folder


def experiment(folder, name):
    """Methods, rows with their part and what the CSV says of them, distinct tested rows."""
    place = folder.path / "results/experiments" / name
    split = json.loads((place / "experiment.json").read_text())["stages"]["split"]["files"]["split"]
    rows = pd.read_parquet(folder.path / split)
    labels = pd.read_csv(folder.path / "copy/demo.csv")
    rows["key"] = rows["file"].str.extract(r"(wav/[^/]+)$")[0]
    rows = rows.drop(columns="speaker").merge(labels.rename(columns={"file": "key"}), on="key")
    # One person has a name for each database.
    rows["who"] = rows["database"] + "/" + rows["speaker"]
    tested = pd.DataFrame(folder.predictions(name)).query("run == '1'")
    return (place / "methods.md").read_text(), rows, tested


def size(rows):
    """As sentences say it."""
    files, people = len(rows), rows["who"].nunique()
    return f"{files} file{'s' * (files != 1)} of {people} speaker{'s' * (people != 1)}"


def given(told, what):
    """What a text says of the size of a part, empty where it has none."""
    found = re.search(r"This gave (.*?)\.", told)
    parts = re.split(", | and ", found[1]) if found else []
    return next((part.removesuffix(f" for {what}") for part in parts if part.endswith(what)), "")


@pytest.mark.parametrize("name", ASKED)
def test_sizes(folder, name):
    told, rows, tested = experiment(folder, name)
    for database, own in rows[rows["part"] != ""].groupby("database"):
        title = "embedded synthetic speech of izwi [@izwi]" if database == "demo" else database
        said = re.search(rf"{re.escape(title)} contributed (.*?) files from (\d+) speakers", told)
        assert int(said[1].split()[0]) == len(own) and int(said[2]) == own["who"].nunique()
        sexes = own.drop_duplicates("who")["gender"].value_counts().sort_index()
        assert "(" + ", ".join(f"{n} {sex}" for sex, n in sexes.items()) in told[said.end() :]
    unused = int((rows["part"] == "").sum())
    assert (f"{unused} files took part in neither" in told) == bool(unused)
    assert ("took part in neither" in told) == bool(unused)
    if name in CROSSED:
        assert len(tested) == len(rows) and "This gave" not in told
        sizes = rows.groupby("fold").size()
        span = f"{sizes.min()} to {sizes.max()}" if sizes.min() < sizes.max() else sizes.min()
        assert f"; each fold had {span} files." in told
        shared = int((rows.groupby("who")["fold"].nunique() > 1).sum())
    else:
        for part, what in (("train", "training"), ("dev", "development"), ("test", "testing")):
            own = rows[rows["part"] == part]
            assert given(told, what).partition(" (")[0] == (size(own) if len(own) else ""), part
        train, test = (set(rows.loc[rows["part"] == part, "who"]) for part in ("train", "test"))
        shared = len(train & test)
        assert len(tested) == (rows["part"] == "test").sum()
    where = "more than one fold" if name in CROSSED else "both the training and the test set"
    assert f"{f'{shared} speakers were' if shared else 'No speaker was'} in {where}" in told
    people = (tested["database"] + "/" + tested["speaker"]).nunique()
    evaluated = f"{len(tested)} samples of {people} speaker{'s' * (people != 1)}"
    assert f"(n = {evaluated})" in told


@pytest.mark.parametrize("name", ASKED)
def test_what_was_drawn_and_by_which_seeds(folder, name):
    told, rows, _ = experiment(folder, name)
    said = re.search(
        r"(\d+) of (\d+) \w+ \((\d+) % were requested\) were drawn at random(.*?)\.", told
    )
    data = ASKED[name]["DATA"]
    database = next((key.partition(".")[0] for key in data if key.endswith(".test_size")), None)
    assert bool(said) == bool(database)
    if database:
        own = rows[rows["database"] == database]
        aside = own[own["part"] == ("" if name == "tests_beside" else "test")]
        by_row = data[f"{database}.split_strategy"] == "random"
        found = [len(x) if by_row else x["who"].nunique() for x in (aside, own)]
        assert [int(said[1]), int(said[2])] == found
        assert int(said[3]) == data[f"{database}.test_size"]
        assert ("within classes" in said[4]) == by_row
        assert ("set aside, for neither training nor testing" in said[4]) == (
            name == "tests_beside"
        )
        assert said[4].endswith("and held out for testing") == (name != "tests_beside")
    own = ", and that of the balancing was 7" if name == "mlp_runs" else ""
    seed = ASKED[name].get("EXP", {}).get("seed", 42)
    runs = len({row["run"] for row in folder.predictions(name)})
    drawn = ", the training" if name in ("mlp_calibrated", "tree_folds", "across") else ""
    assert f"The seed of the split{drawn} and the intervals was {seed}{own}.\n" in told
    trained = f"trained {runs} times, with the seeds 42 to {41 + runs};"
    assert (trained in told) == ("with the seeds" in told) == (runs > 1)


@pytest.mark.parametrize("name", ASKED)
def test_what_dev_rows_decided(folder, name):
    told, rows, _ = experiment(folder, name)
    decided = re.findall(r"Development samples decided (.*?)\.", told)
    expected = {
        "svm_dev": ["nothing"],
        "mlp_runs": ["which epoch was kept and which run was best"],
        "mlp_calibrated": ["which epoch was kept"],
        "escaped": ["which run was best"],
    }
    assert decided == expected.get(name, [])
    calibrated = "temperature" in str(ASKED[name]["MODEL"])
    assert ("fitted on the development samples" in told) == calibrated
    assert ("the same that chose the epoch" in told) == (name == "mlp_calibrated")
    assert bool((rows["part"] == "dev").any()) == bool(decided or calibrated)


@pytest.mark.parametrize("name", ASKED)
def test_intervals_card_and_caption(folder, name):
    told, rows, tested = experiment(folder, name)
    place = folder.path / "results/experiments" / name
    figures, record = folder.metrics(name), json.loads((place / "experiment.json").read_text())
    card = (place / "model_card.md").read_text()
    none = name in ("one_tested", "escaped")
    assert ("It has no interval" in told) == none == ("Its 95 % interval" not in told)
    line = re.search(rf"^\| \*\*{figures['measure']}\*\* \| \S+ \| (.*)\|$", card, re.MULTILINE)
    assert (line[1].strip() == "") == none
    anything = re.search(r"^\| \S+ \| \S+ \| \[", card.partition("## Per class")[0], re.MULTILINE)
    assert ("; interval by" in card) == bool(anything)
    caption = captions.figure(figures)
    assert ("no interval: " in caption) == none == ("(95 %" not in caption)
    people = (tested["database"] + "/" + tested["speaker"]).nunique()
    trained = rows[rows["part"] == "train"]
    if name == "self_trained":
        trained = trained[trained["database"] == "demo"]
    n, whole = len(trained), tested["fold"].nunique()
    said = captions.data(record, figures)
    of = f"{len(tested)} samples of {people} speaker{'s' * (people != 1)}"
    if name in CROSSED:
        assert f"; {of} in {whole} folds, each tested once by a model of other folds." in said
        assert f"- trained and tested on: {len(rows)} samples in {whole} folds, each tested" in card
    else:
        assert f"trained on {n} samples, tested on {of}." in said
        assert f"- trained on: {n} samples;" in card
    assert ("a model for each fold" in card) == (name in CROSSED)
    if figures["type"] == "classification":
        for label, own in tested.groupby("truth"):
            cell = re.sub(r"<(?=[a-z/])", r"\<", label.replace("|", "/"))
            assert re.search(rf"^\| {re.escape(cell)} \|.*\| {len(own)} \|$", card, re.MULTILINE)


@pytest.mark.parametrize("name", ASKED)
def test_table_1(folder, name):
    _, rows, _ = experiment(folder, name)
    lines = (folder.path / f"results/experiments/{name}/table1.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4:]]
    whole = {row[0]: row[2:5] for row in cells if row[1] == "all"}
    if name in CROSSED:
        parts = {"all": rows} | {f"fold {fold}": own for fold, own in rows.groupby("fold")}
    else:
        parts = {part: own for part, own in rows.groupby("part") if part}
    expected = {}
    for part, own in parts.items():
        sex = own.drop_duplicates("who")["gender"].value_counts()
        share = f"{sex.get('female', 0)}/{sex.get('male', 0)}"
        expected[part] = [str(len(own)), str(own["who"].nunique()), share]
    assert whole == expected
    unused = int((rows["part"] == "").sum())
    assert (f"{unused} further samples are in no part." in lines[0]) == bool(unused)


def test_unlabelled_rows_are_told_apart(folder):
    told, rows, _ = experiment(folder, "self_trained")
    bare = int((rows["database"] == "people").sum())
    whole = size(rows[rows["part"] == "train"])
    assert given(told, "training") == f"{whole} ({bare} without a label)"
    (fit,) = folder.metrics("self_trained")["self_training"]
    assert f"This labelled {bare - fit['rounds'][-1]['left']} of {bare} samples." in told


def test_the_number_that_is_predicted(folder):
    told, rows, _ = experiment(folder, "svr_age")
    people = pd.read_csv(folder.path / "people.csv")
    ages = people.loc[people["gender"] == "male", "age"]
    spread = f"mean {ages.mean():.1f}, SD {ages.std():.1f}, range {ages.min()}–{ages.max()}"
    assert f"(of all used samples: {spread})" in told and len(ages) == len(rows)
    assert f"; {len(people) - len(ages)} were left out by filters." in told


def test_uncertainty_is_below_its_threshold(folder):
    told, _, tested = experiment(folder, "svm_dev")
    assert "whose uncertainty was below 0.4 " in told
    p = tested.filter(like="p_").astype(float).to_numpy()
    entropy = -(p * np.log(np.clip(p, 1e-300, None))).sum(axis=1) / np.log(p.shape[1])
    n = int((entropy < 0.4).sum())
    assert folder.metrics("svm_dev")["certain"]["n_evaluated"] == n > 0
    assert "is below the threshold" in captions.seen("confusion_matrix_certain")


def test_stated_chosen_and_escaped(folder):
    told, _, _ = experiment(folder, "one_tested")
    assert "Speaker pl_m7 of people was held out for testing." in told
    # A comment, which a reader does not see.
    assert re.search(r"\n\n<!-- [^<>]* -->\n$", told)
    stated = "(test: en_f5, pl_m6 and de_f4; development: de_f1 and pl_f3)"
    assert stated in experiment(folder, "knn_calibrated")[0]
    assert "Training was on people and testing on demo." in experiment(folder, "across")[0]
    chosen = folder.metrics("tuned")["tuning"]["searches"][0]["chosen"]["K_val"]
    assert f"The search chose K_val = {chosen}." in experiment(folder, "tuned")[0]
    for file in ("methods.md", "model_card.md", "table1.md"):
        text = (folder.path / "results/experiments/escaped" / file).read_text()
        assert "\\<i>c" in text and not re.search(r"(?<!\\)<i>", text)
