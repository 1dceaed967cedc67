"""Nothing stale is reported, whatever the clock, the code or a call that failed."""

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
def made(tmp_path_factory, source):
    folder = Folder(tmp_path_factory.mktemp("made"))
    folder.ini("one", DATA=DEMO, FEATS=FEATS, MODEL={"type": "knn"})
    folder.run("--config", "ini=one.ini", snakefile=source / "Snakefile")
    return folder


def planned(folder, source):
    """The stages that a dry run announces."""
    text = folder.run("--config", "ini=one.ini", "-n", snakefile=source / "Snakefile").text
    table = text.partition("Job stats:")[2].partition("total")[0]
    return set(re.findall(r"^(\w+) +\d+$", table, re.MULTILINE)) - {"all"}


AFTER_LOAD = {"load", "split", "describe", "features", "audit"}
AFTER_TRAIN = {"train", "evaluate", "plot", "experiment", "summary"}


@pytest.mark.parametrize(
    ("module", "old", "new", "wanted"),
    [
        # How the cells of a CSV are stripped; describe reads headers with the same module.
        ("data/scan.py", ".strip()", '.strip(" \\t\\n")', AFTER_LOAD | AFTER_TRAIN),
        ("training/fitting.py", '"""', '"""Once more. ', AFTER_TRAIN),
        ("evaluation/intervals.py", '"""', '"""Once more. ', AFTER_TRAIN - {"train"}),
        ("plots/confusion.py", '"""', '"""Once more. ', {"plot", "experiment", "summary"}),
        ("reporting/texts/methods.py", '"""', '"""Once more. ', {"experiment", "summary"}),
        ("models/svm.py", '"""', '"""Once more. ', set()),
        ("features/praat.py", '"""', '"""Once more. ', set()),
        ("engine/call.py", '"""', '"""Once more. ', set()),
    ],
)
def test_an_edit_makes_exactly_what_it_can_change_again(made, source, module, old, new, wanted):
    path = source / "izwi" / module
    text = path.read_text(encoding="utf-8")
    assert old in text
    try:
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        assert planned(made, source) == wanted
    finally:
        path.write_text(text, encoding="utf-8")


def shift(paths, seconds):
    for path in paths:
        if path.is_file():
            os.utime(path, times=(time.time() + seconds,) * 2)


@pytest.mark.parametrize(
    ("part", "seconds"),
    [("experiments", 100), ("experiments/one/metrics.json", -100_000), ("", 100)],
)
def test_keys_decide_and_not_times(made, tmp_path, part, seconds):
    folder = Folder(tmp_path / "copy")
    shutil.copytree(made.path, folder.path, dirs_exist_ok=True)
    results = folder.path / "results"
    place = results / part
    shift([place] if place.is_file() else place.rglob("*"), seconds)
    assert folder.run("--config", "ini=one.ini").nothing_to_do
    # Another ini of the same name, while the files of the old one lie ahead of the clock.
    folder.ini("one", DATA=DEMO, FEATS=FEATS, MODEL={"type": "tree"})
    old = folder.metrics("one")
    call = folder.run("--config", "ini=one.ini")
    assert folder.metrics("one") != old and call.jobs("train") == 1
    row = (results / "summary.csv").read_text().splitlines()[1]
    assert ",tree," in row
    assert folder.run("--config", "ini=one.ini").nothing_to_do
    if seconds > 0:
        shift(results.rglob("*"), seconds)
        assert folder.run("-R", "train", "--config", "ini=one.ini").jobs("train") == 1


def test_times_of_another_zone(made, tmp_path, monkeypatch):
    folder = Folder(tmp_path / "copy")
    shutil.copytree(made.path, folder.path, dirs_exist_ok=True)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        monkeypatch.setenv("TZ", zone)
        assert folder.run("--config", "ini=one.ini").nothing_to_do


def test_a_failed_call_leaves_no_old_figure_that_looks_valid(made, tmp_path):
    folder = Folder(tmp_path / "copy")
    shutil.copytree(made.path, folder.path, dirs_exist_ok=True)
    # None of these speakers is there.
    broken = {**DEMO, "demo.split_strategy": "['nobody']"}
    broken.pop("demo.test_size")
    folder.ini("one", DATA=broken, FEATS=FEATS, MODEL={"type": "knn"})
    folder.ini("two", DATA=DEMO, FEATS=FEATS, MODEL={"type": "bayes"})
    folder.config(["one.ini", "two.ini"])
    call = folder.run("--configfile", "config.yaml", ok=False)
    assert call.code == 1 and "nobody" in call.text.splitlines()[-1]
    outdated = folder.path / "results/experiments/one/OUTDATED.txt"
    assert outdated.is_file()
    table = (folder.path / "results/summary.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table] == ["name", "two"]
    folder.ini("one", DATA=DEMO, FEATS=FEATS, MODEL={"type": "knn"})
    folder.run("--configfile", "config.yaml")
    assert not outdated.exists()
    assert (folder.path / "results/summary.csv").read_text().count("\n") == 3


def test_one_bad_ini_among_many_stops_its_own_experiment(made, tmp_path):
    folder = Folder(tmp_path)
    bad = {**DEMO, "demo.mapping": "{'anger': 'x', 'nothing': 'y'}", "labels": "['x', 'z']"}
    folder.ini("good", DATA=DEMO, FEATS=FEATS, MODEL={"type": "knn"})
    folder.ini("bad", DATA=bad, FEATS=FEATS, MODEL={"type": "knn"})
    folder.config(["bad.ini", "good.ini"])
    call = folder.run("--configfile", "config.yaml", ok=False)
    assert call.code == 1
    assert all(line.startswith("bad.ini: ") for line in call.text.strip().splitlines()[-1:])
    assert folder.metrics("good")["name"] == "good"
    assert call.jobs("train") == 2 and not (folder.path / "results/experiments/bad").exists()
