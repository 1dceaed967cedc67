"""Ensembles and crossed databases by a real call, against numpy on the members' predictions."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import balanced_accuracy_score
from workflow import Folder

from izwi.cli import main
from izwi.evaluation.comparison import compare
from tests.archives import contents, unit, write

LABELS = ["anger", "joy"]
MEMBERS = ["x", "y", "both"]
METHODS = ["mean", "performance_weighted", "stacking"]


def database(path, name, speakers, seed):
    """Short noises of speakers, with features of their own that tell a little of the emotion."""
    random = np.random.default_rng(seed)
    rows = []
    for speaker in range(speakers):
        for n in range(6):
            file = path / name / f"{speaker}_{n}.wav"
            file.parent.mkdir(exist_ok=True)
            soundfile.write(file, random.normal(0, 0.1, 800 + 80 * n + speaker), 8000)
            joy = n % 2
            row = {"file": str(file), "speaker": f"s{speaker:02}", "emotion": LABELS[joy]}
            rows.append(row | {"x": random.normal() + joy, "y": random.normal() + 0.7 * joy})
    table = pd.DataFrame(rows)
    table[["file", "speaker", "emotion"]].to_csv(path / f"{name}.csv", index=False)
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three experiments in five folds, three ensembles of them, and two databases crossed."""
    folder = Folder(tmp_path_factory.mktemp("fused"))
    tables = [database(folder.path, "a", 10, 1), database(folder.path, "b", 7, 2)]
    pd.concat(tables)[["file", "x", "y"]].to_csv(folder.path / "features.csv", index=False)
    data = {"databases": "['a']", "a": "a.csv", "target": "emotion"}
    feats = {"type": "import", "import_file": "features.csv", "scale": "standard"}
    models = {"x": "bayes", "y": "bayes", "both": "knn"}
    inis = [
        folder.ini(
            name,
            DATA=data,
            FEATS=feats | ({"features": f"['{name}']"} if name != "both" else {}),
            MODEL={"type": models[name], "logo": 5},
        )
        for name in MEMBERS
    ]
    crossed = data | {"b": "b.csv", "a.test_size": 60, "b.split_strategy": "speaker_split"}
    crossed = {key: value for key, value in crossed.items() if key != "databases"}
    inis.append(
        folder.ini(
            "crossed",
            EXP={"databases": "['a', 'b']", "use_splits": True},
            DATA=crossed,
            FEATS=feats,
            MODEL={"type": "bayes"},
        )
    )
    entry = {"name": "fused", "members": MEMBERS, "methods": METHODS, "folds": 3}
    folder.config(inis, ensembles=[entry])
    folder.call = folder.run("--configfile", "config.yaml", "-c", "1")
    return folder


def table_of(folder, name):
    found = pd.DataFrame(folder.predictions(name)).sort_values("file", ignore_index=True)
    return found.astype({f"p_{label}": float for label in LABELS} | {"fold": int})


def timed(frame):
    return frame.assign(start=pd.Timedelta(0), end=pd.NaT, run=1)


def p_of(frame):
    return frame[[f"p_{label}" for label in LABELS]].to_numpy(dtype=float)


def decided(p):
    return np.array(LABELS)[p.argmax(axis=1)]


def uar(frame, decisions):
    return balanced_accuracy_score(frame["truth"], decisions)


def inner_of(folder, name):
    path = folder.path / "results/experiments" / name / "experiment.json"
    stages = json.loads(path.read_text())["stages"]
    return [pd.read_parquet(folder.path / unit["files"]["predictions"]) for unit in stages["inner"]]


def test_figures_follow_from_the_members_predictions(folder):
    tables = [table_of(folder, name) for name in MEMBERS]
    p = np.mean([p_of(one) for one in tables], axis=0)
    metrics = folder.metrics("fused--mean")
    assert metrics["value"] == pytest.approx(uar(tables[0], decided(p)), abs=1e-12)
    np.testing.assert_allclose(p_of(table_of(folder, "fused--mean")), p, rtol=1e-6)
    for key in ("ci", "chance", "confusion", "n_evaluated", "n_speakers"):
        assert metrics[key]
    assert (metrics["n_evaluated"], metrics["n_speakers"]) == (60, 10)
    assert folder.plots("fused--mean") == {"confusion_matrix.png"}


def test_weights_rest_on_inner_folds_of_training_speakers(folder):
    tables = [table_of(folder, name) for name in MEMBERS]
    inner = inner_of(folder, "fused--performance_weighted")
    fused = table_of(folder, "fused--performance_weighted")
    learned = folder.metrics("fused--performance_weighted")["ensemble"]["learned"]
    assert [one["fold"] for one in learned] == [1, 2, 3, 4, 5]
    for one in learned:
        known = [frame[frame["fold"] == one["fold"]] for frame in inner]
        here = tables[0]["fold"] == one["fold"]
        for frame in known:
            assert set(frame["file"]) == set(tables[0].loc[~here, "file"])
            assert frame.groupby("speaker")["inner"].nunique().eq(1).all()
            assert frame["inner"].nunique() == 3
        scores = np.array([uar(frame, frame["prediction"]) for frame in known])
        weights = scores / scores.sum()
        assert list(one["weights"].values()) == pytest.approx(weights)
        p = sum(w * p_of(t[here]) for w, t in zip(weights, tables, strict=True))
        np.testing.assert_allclose(p_of(fused[here]), p, rtol=1e-6)
    assert folder.call.jobs("inner") == 3 and folder.call.jobs("ensemble") == 3


def test_tests_against_the_members(folder):
    path = folder.path / "results/experiments/fused--stacking/members.json"
    rows = json.loads(path.read_text())["members"]
    own = timed(table_of(folder, "fused--stacking"))
    p = []
    for row, name in zip(rows, MEMBERS, strict=True):
        other = timed(table_of(folder, name))
        assert row["member"] == name and row["n_speakers"] == 10
        assert row["value"] == pytest.approx(uar(other, other["prediction"]))
        assert row["difference"] == pytest.approx(
            uar(own, own["prediction"]) - uar(other, other["prediction"])
        )
        p.append(compare(own, other, "uar", task="classification", seed=42).p)
        assert row["p"] == pytest.approx(p[-1])
    order = np.argsort(p)
    holm = np.maximum.accumulate([min(1, (3 - i) * p[k]) for i, k in enumerate(order)])
    assert [rows[k]["p_holm"] for k in order] == pytest.approx(holm)
    methods = path.with_name("methods.md").read_text()
    assert "3 experiments (x, y, both)" in methods and "no test sample took part" in methods


def test_an_archive_fuses_again(folder, monkeypatch, capsys):
    """A forged prediction of an inner fold changes the ensembles whose weights rest on it."""
    monkeypatch.chdir(folder.path)
    cache = ["--cache", folder.cache] if folder.cache else []
    assert main(["archive", "config.yaml", "--output", "a.zip", *cache]) == 0
    files = contents(folder.path / "a.zip")
    index = json.loads(files["archive.json"])
    name = f"{unit(index, 'ensemble', 'fused--stacking')['inputs']['inner'][0]}.csv"
    lines = files[name].decode().splitlines()
    header, cells = lines[0].split(","), lines[1].split(",")
    for column in ("p_anger", "p_joy"):
        place = header.index(column)
        cells[place] = repr(1 - float(cells[place]))
    place = header.index("prediction")
    cells[place] = {"joy": "anger", "anger": "joy"}[cells[place]]
    lines[1] = ",".join(cells)
    forged = {**files, name: ("\n".join(lines) + "\n").encode()}
    capsys.readouterr()
    assert main(["verify", str(write(folder.path / "forged.zip", forged))]) == 1
    told = capsys.readouterr()
    lines = (told.out + told.err).splitlines()
    same = {line.partition(": ok")[0] for line in lines if ": ok, " in line}
    assert {*MEMBERS, "fused--mean", "crossed--a_to_b"} <= same
    assert not {"fused--performance_weighted", "fused--stacking"} & same


def test_crossed_databases_are_a_table_with_a_heat_map(folder):
    place = folder.path / "results/tables/config"
    table = pd.read_csv(place / "crossed.csv", encoding="utf-8-sig")
    text = (place / "crossed.md").read_text()
    assert (place / "crossed.png").read_bytes()[1:4] == b"PNG"
    tested = {}
    for a in "ab":
        for b in "ab":
            name = f"crossed--{a}_to_{b}"
            frame = table_of(folder, name)
            value = uar(frame, frame["prediction"])
            assert folder.metrics(name)["value"] == pytest.approx(value)
            low, high = folder.metrics(name)["ci"]
            assert f"{value:.3f}" in text and f"[{low:.3f}, {high:.3f}]" in text
            tested.setdefault(b, []).append(set(frame["file"]))
    # A column has one test set, and a row one model.
    assert all(first == second for first, second in tested.values())
    assert folder.call.jobs("train") == 3 + 2 and len(table)
