"""Nothing stale is reported, whatever the clock, the code or a call that failed."""

import csv
import os
import re
import shutil
import time

import pytest
from workflow import DEMO, ROOT, Folder

FEATS = {"type": "os", "scale": "standard"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the source code, to edit."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("izwi", "rules", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "CITATION.cff"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def made(two_models, tmp_path_factory):
    """Where nothing is changed but the code."""
    place = tmp_path_factory.mktemp("made") / "copy"
    shutil.copytree(two_models, place)
    return Folder(place)


@pytest.fixture
def folder(two_models, tmp_path):
    shutil.copytree(two_models, tmp_path / "copy")
    return Folder(tmp_path / "copy")


def planned(folder, source):
    """The stages that a dry run announces."""
    text = folder.run("--configfile", "config.yaml", "-n", snakefile=source / "Snakefile").text
    table = text.partition("Job stats:")[2].partition("total")[0]
    return set(re.findall(r"^(\w+) +\d+$", table, re.MULTILINE)) - {"all"}


AFTER_LOAD = {"load", "split", "describe", "features", "audit"}
AFTER_TRAIN = {"train", "evaluate", "plot", "experiment", "summary", "overview"}


@pytest.mark.parametrize(
    ("modules", "old", "new", "wanted"),
    [
        # How the cells of a CSV are stripped; describe reads headers with the same module.
        (["data/label_files.py"], ".strip()", '.strip(" \\t\\n")', AFTER_LOAD | AFTER_TRAIN),
        (["training/fitting.py"], '"""', '"""Once more. ', AFTER_TRAIN),
        (["evaluation/intervals.py"], '"""', '"""Once more. ', AFTER_TRAIN - {"train"}),
        (
            ["plots/confusion.py"],
            '"""',
            '"""Once more. ',
            {"plot", "experiment", "summary", "overview"},
        ),
        (
            ["reporting/texts/methods.py"],
            '"""',
            '"""Once more. ',
            {"experiment", "summary", "overview"},
        ),
        (
            ["models/tree.py", "features/praat.py", "engine/call.py"],
            *('"""', '"""Once more. ', set()),
        ),
    ],
)
def test_an_edit_makes_exactly_what_it_can_change_again(made, source, modules, old, new, wanted):
    before = {path: path.read_text("utf-8") for path in (source / "izwi" / m for m in modules)}
    assert all(old in text for text in before.values())
    try:
        for path, text in before.items():
            path.write_text(text.replace(old, new, 1), encoding="utf-8")
        assert planned(made, source) == wanted
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")


def shift(paths, seconds):
    for path in paths:
        if path.is_file():
            os.utime(path, times=(time.time() + seconds,) * 2)


def test_keys_decide_and_not_times(folder):
    results = folder.path / "results"
    metrics = results / "experiments/knn/metrics.json"
    for paths, seconds in (
        ((results / "experiments").rglob("*"), 100),
        ([metrics], -100_000),
        (results.rglob("*"), 100),
    ):
        shift(paths, seconds)
        assert folder.run("--configfile", "config.yaml").nothing_to_do
    # Another ini of the same name, while the files of the old one lie ahead of the clock.
    folder.ini("knn", DATA=DEMO, FEATS=FEATS, MODEL={"type": "tree"})
    old = folder.metrics("knn")
    call = folder.run("--configfile", "config.yaml")
    assert folder.metrics("knn") != old and call.jobs("train") == 1
    row = (results / "summary.csv").read_text().splitlines()[2]
    assert ",tree," in row
    assert folder.run("--configfile", "config.yaml").nothing_to_do
    shift(results.rglob("*"), 100)
    assert folder.run("-R", "train", "--configfile", "config.yaml").jobs("train") == 2


def test_times_of_another_zone(made, monkeypatch):
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        monkeypatch.setenv("TZ", zone)
        assert made.run("--configfile", "config.yaml").nothing_to_do


def test_a_failed_call_leaves_no_old_figure_that_looks_valid(folder):
    # None of these speakers is there.
    broken = {**DEMO, "demo.split_strategy": "['nobody']"}
    broken.pop("demo.test_size")
    folder.ini("knn", DATA=broken, FEATS=FEATS, MODEL={"type": "knn"})
    wrong = {**DEMO, "demo.mapping": "{'anger': 'x', 'nothing': 'y'}", "labels": "['x', 'z']"}
    folder.ini("wrong", DATA=wrong, FEATS=FEATS, MODEL={"type": "knn"})
    folder.config(["wrong.ini", "knn.ini", "svm.ini"])
    call = folder.run("--configfile", "config.yaml", ok=False)
    assert call.code == 1 and call.jobs("train") == 2
    last = [line for line in call.text.splitlines() if line]
    assert any(line.startswith("wrong.ini: ") for line in last[-3:])
    assert any(line.startswith("knn.ini: ") and "nobody" in line for line in last[-3:])
    outdated = folder.path / "results/experiments/knn/OUTDATED.txt"
    assert outdated.is_file()
    assert not (folder.path / "results/experiments/wrong").exists()
    with open(folder.path / "results/summary.csv", newline="", encoding="utf-8") as stream:
        status = {row["name"]: (row["status"], row["latest"]) for row in csv.DictReader(stream)}
    assert status == {"svm": ("current", "yes"), "knn": ("earlier ini", "yes")}
    own = (folder.path / "results/summaries/config.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in own] == ["name", "svm"]
    folder.ini("knn", DATA=DEMO, FEATS=FEATS, MODEL={"type": "knn"})
    folder.config(["knn.ini", "svm.ini"])
    folder.run("--configfile", "config.yaml")
    assert not outdated.exists()
    assert (folder.path / "results/summary.csv").read_text().count("\n") == 3
