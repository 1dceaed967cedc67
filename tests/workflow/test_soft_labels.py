"""Soft labels through the workflow: edges between inis, what is written, what leaks are told."""

import csv
import json
import os

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy
from workflow import Folder

from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.engine.config_plan import planned

MAPPING = "{'anger':'angry', 'happiness':'happy', 'sadness':'sad', 'neutral':'neutral'}"
EMOTIONS = ["anger", "happiness", "neutral"]
LABELS = ["angry", "happy", "neutral", "sad"]
NET = {"type": "xgb", "save": True, "n_estimators": 15}
ASKED = ["--config", "ini=student.ini", 'experiments=["teacher.ini", "student.ini", "broken.ini"]']


def rows(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write(path, lines):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def sections(emodb, n_estimators=15, **student):
    """The inis of the post, with paths and section headers."""
    teacher = {
        "EXP": {"save_test": "./my_test_predictions.csv"},
        "DATA": {
            "databases": "['emodb', 'unlabelled']",
            "emodb": emodb / "emodb.csv",
            "emodb.split_strategy": "train",
            "emodb.mapping": MAPPING,
            "emodb.limit_samples": 80,
            "unlabelled": "unlabelled.csv",
            "unlabelled.split_strategy": "test",
            "target": "emotion",
            "labels": LABELS,
        },
        "FEATS": {"type": "os"},
        "MODEL": NET | {"n_estimators": n_estimators},
    }
    learner = {
        "EXP": {"root": "./tests/", "runs": 1, "epochs": 1, "save": True},
        "DATA": {
            "strategy": "cross_data",
            "databases": "['emodb', 'learned', 'test_db']",
            "trains": "['emodb', 'learned']",
            "tests": "['test_db']",
            "emodb": f"{emodb}/",
            "emodb.split_strategy": "speaker_split",
            "emodb.mapping": MAPPING,
            "emodb.limit_samples": 80,
            "test_db": "test_db.csv",
            "test_db.mapping": MAPPING,
            "learned": "./my_test_predictions.csv",
            "learned.type": "csv",
            "target": "emotion",
            "labels": LABELS,
            **student,
        },
        "FEATS": {"type": "os"},
        "MODEL": NET,
    }
    return {"teacher": teacher, "student": learner}


def chain(emodb):
    """A chain of teachers over audformat; the last student is tested on what the first saw."""
    shared = {"target": "emotion", "emodb": emodb, "emodb.files_tables": "['files']"}
    base = {"FEATS": {"type": "os"}, "MODEL": NET}
    asked = {
        "first": {
            "databases": "['emodb']",
            "emodb.filter": {"speaker": [3, 8, 9], "emotion": EMOTIONS},
            "emodb.split_strategy": "[3]",
        },
        "second": {
            "databases": "['soft', 'emodb']",
            "soft": "first.csv",
            "soft.split_strategy": "train",
            "emodb.filter": {"speaker": [10], "emotion": EMOTIONS},
            "emodb.split_strategy": "test",
        },
        "third": {
            "databases": "['soft', 'emodb']",
            "soft": "second.csv",
            "soft.split_strategy": "train",
            "emodb.filter": {"speaker": [8, 11], "emotion": EMOTIONS},
            "emodb.split_strategy": "test",
            "emodb.limit_samples": 40,
        },
    }
    return {
        name: {"EXP": {"save_test": f"{name}.csv"} if name != "third" else {}}
        | {"DATA": data | shared, **base}
        for name, data in asked.items()
    }


@pytest.fixture(scope="module")
def place(emodb, nemo, tmp_path_factory):
    """A folder in which two chains of teachers and students have run."""
    folder = Folder(tmp_path_factory.mktemp("soft"))
    labelled = rows(nemo / "nemo.csv")
    four = [row for row in labelled if row["emotion"] in ("anger", "happiness", "sadness")]
    segments = [
        {
            "file": os.path.relpath(nemo / row["file"], folder.path),
            "start": 0.1,
            "end": 0.9,
            "speaker": row["speaker"],
            "gender": row["gender"],
        }
        for row in four
        if row["speaker"] in ("SM0", "MP0")
    ]
    write(folder.path / "unlabelled.csv", segments[::2])
    write(
        folder.path / "test_db.csv",
        [
            row | {"file": str(nemo / row["file"])}
            for row in four
            if row["speaker"] in ("KD0", "KS0")
        ][::2],
    )
    for name, content in sections(emodb).items():
        folder.ini(name, **content)
    (folder.path / "broken.ini").write_text("[EXP]\nnmae = x\n")
    for name, content in chain(emodb).items():
        folder.ini(name, **content)
    # Students before their teachers.
    inis = [f"{name}.ini" for name in ("student", "teacher", "third", "second", "first")]
    # On one core: one worker for all.
    folder.run("-c", "1", "--configfile", folder.config(inis))
    return folder


@pytest.fixture(scope="module")
def written(place):
    return pd.read_csv(place.path / "my_test_predictions.csv")


def test_what_is_labelled_has_no_figure(place):
    assert place.metrics("student")["n_evaluated"] == len(rows(place.path / "test_db.csv"))
    teacher = place.metrics("teacher")
    # Nothing is known of the truth of what is labelled.
    assert (teacher["value"], teacher["ci"], teacher["n_evaluated"]) == (None, [None, None], 0)
    assert place.run("-c", "1", "--configfile", "config.yaml").nothing_to_do


def test_the_path_of_the_ini_is_a_link_and_all_that_is_written_outside(place):
    link = place.path / "my_test_predictions.csv"
    assert link.is_symlink()
    own = place.path / "results" / "experiments" / "teacher" / "soft_labels.csv"
    assert link.resolve() == own.resolve()
    found = {path.name for path in place.path.iterdir()}
    given = {"unlabelled.csv", "test_db.csv", "config.yaml", "broken.ini"}
    given |= {f"{name}.ini" for name in ("teacher", "student", "first", "second", "third")}
    made = {link.name, "first.csv", "second.csv"}
    assert found - given - {".snakemake", "results"} == made


def test_the_target_is_what_was_predicted(place, written):
    predictions = pd.DataFrame(place.predictions("teacher"))
    assert written["emotion"].tolist() == predictions["prediction"].tolist()
    assert written["truth"].isna().all()
    shares = written[[f"p_{label}" for label in LABELS]].to_numpy()
    np.testing.assert_allclose(
        shares, predictions[[f"p_{label}" for label in LABELS]].to_numpy(dtype=float), atol=1e-12
    )
    np.testing.assert_allclose(written["entropy"], entropy(shares, axis=1))
    np.testing.assert_allclose(written["uncertainty"], entropy(shares, axis=1) / np.log(4))
    # xgboost decides for the most probable label.
    np.testing.assert_allclose(written["confidence"], shares.max(axis=1))


def test_paths_are_absolute_and_segments_are_kept(place, written):
    given = rows(place.path / "unlabelled.csv")
    paths = {os.path.normpath(place.path / row["file"]) for row in given}
    assert set(written["file"]) == paths
    assert len(written) == len(given)
    assert (pd.to_timedelta(written["start"]).dt.total_seconds() == 0.1).all()
    assert (pd.to_timedelta(written["end"]).dt.total_seconds() == 0.9).all()
    assert set(zip(written["speaker"], written["gender"], strict=True)) == {
        (row["speaker"], row["gender"]) for row in given
    }


def test_the_student_trains_on_it(place, written):
    record = json.loads(
        (place.path / "results" / "experiments" / "student" / "experiment.json").read_text()
    )
    table = pd.read_parquet(place.path / record["stages"]["load"][1]["files"]["table"])
    assert sorted(table["truth"]) == sorted(written["emotion"])
    assert place.metrics("student")["n_train"] == 80 + len(written)
    assert not [line for line in place.metrics("student")["warnings"] if "leak" in line]


def test_asking_for_the_second_alone_runs_both_where_the_first_is_changed(place, emodb):
    before = place.metrics("student")["value"]
    summary = place.path / "results" / "experiments" / "third" / "metrics.json"
    untouched = summary.stat().st_mtime_ns
    for name, content in sections(
        emodb,
        n_estimators=2,
        **{"learned.min_confidence": 0.3, "learned.max_uncertainty": 0.95},
    ).items():
        place.ini(name, **content)
    place.run(*ASKED)
    labels = pd.read_csv(place.path / "my_test_predictions.csv")
    sure = labels[(labels["confidence"] >= 0.3) & (labels["uncertainty"] <= 0.95)]
    assert 0 < len(sure) < len(labels)
    student = place.metrics("student")
    assert student["n_train"] == 80 + len(sure)
    assert student["value"] != before
    assert summary.stat().st_mtime_ns == untouched


def test_the_error_names_the_ini_that_is_missing(place, monkeypatch):
    # An earlier call left the file: a CSV like any other, whose origin is still known.
    call = place.run("-n", "--config", "ini=student.ini", "results=other")
    assert call.jobs("train") == 1 and call.jobs("soft_label") == 0
    monkeypatch.chdir(place.path)
    (place.path / "alone.yaml").write_text('{"experiments": ["student.ini"], "results": "other"}')
    plan = planned("alone.yaml", cache=place.cache).plan
    (unit,) = (u for u in plan.units["load"].values() if u.label == "learned")
    own = {"name": "learned", "type": "csv", "path": "my_test_predictions.csv", "options": {}}
    listing = scan(own, cwd=place.path, cache=place.path / "other" / "cache")
    table, _ = load_table(unit.spec, listing)
    labels = pd.read_csv(place.path / "my_test_predictions.csv")
    sure = labels[(labels["confidence"] >= 0.3) & (labels["uncertainty"] <= 0.95)]
    assert sorted(table["truth"]) == sorted(sure["emotion"])
    (place.path / "my_test_predictions.csv").unlink()
    call = place.run("--config", "ini=student.ini", ok=False)
    assert call.code != 0
    assert "teacher.ini makes it (save_test): add teacher.ini to the experiments" in call.text


def test_teachers_that_saw_the_test_set(place):
    labels = rows(place.path / "first.csv")
    assert {row["speaker"] for row in labels} == {"3"}
    assert any(row["emotion"] != row["truth"] for row in labels)
    speakers = pd.Series([row["speaker"] for row in place.predictions("third")]).value_counts()
    warnings = place.metrics("third")["warnings"]
    assert (
        f"[DATA] soft: leak: {speakers['8']} of {speakers.sum()} rows of the test set are "
        "recordings that the teacher of these labels was trained on"
    ) in warnings
    assert (
        "[DATA] soft: leak: 1 of 2 speakers of the test set the teacher of these labels was "
        "trained on: 8"
    ) in warnings


def test_labels_in_a_circle(place, emodb):
    content = chain(emodb)["first"]
    content["DATA"] |= {"databases": "['emodb', 'soft']", "soft": "second.csv"}
    place.ini("first", **content)
    call = place.run("--configfile", "config.yaml", ok=False)
    assert call.code != 0
    assert "the labels go in a circle" in call.text
    assert "Traceback" not in call.text
