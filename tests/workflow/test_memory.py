"""Results remember what other calls, other configs and earlier inis have made."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from page_example import details
from workflow import DEMO, ROOT, SNAKEMAKE, Folder, environment

import izwi
from izwi.cli import main

FEATS = {"type": "os", "scale": "standard"}
# On one split the control of both configs is the same.
TABLE = {"name": "models", "rows": "MODEL.type", "columns": "DATA.databases"}
TABLE |= {"controls": ["majority"]}


class Remembered(Folder):
    """A folder with the results of two configs, whose tables have the same name."""

    def summary(self):
        with open(self.path / "results/summary.csv", newline="", encoding="utf-8") as stream:
            return {row["name"]: row for row in csv.DictReader(stream)}

    def status(self):
        return {name: (row["status"], row["latest"]) for name, row in self.summary().items()}

    def izwi(self, *arguments):
        """What the command says."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.path)
            patch.setattr("sys.stdout", io.StringIO())
            patch.setattr("sys.stderr", io.StringIO())
            assert main(list(arguments)) == 0, sys.stderr.getvalue()
            return sys.stdout.getvalue()

    def figures(self, name):
        path = self.path / "results/history" / f"{name}.jsonl"
        return [json.loads(line)["row"]["value"] for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def folder(two_models, tmp_path_factory):
    place = tmp_path_factory.mktemp("memory") / "copy"
    shutil.copytree(two_models, place)
    folder = Remembered(place, page=True)
    (made,) = (place / "results/databases").glob("demo-*")
    lines = (made / "demo.csv").read_text().splitlines()
    # Labels that may be edited, of recordings whose features are there.
    kept = [lines[0], *lines[1:49]]
    (place / "mine.csv").write_text("\n".join(kept) + "\n")
    data = {
        "databases": "['mine']",
        "mine": "mine.csv",
        "mine.audio_path": made.relative_to(place),
        "mine.split_strategy": "speaker_split",
        "mine.test_size": 40,
        "target": "emotion",
    }
    folder.ini("tree", DATA=data, FEATS=FEATS, MODEL={"type": "tree"})
    folder.ini("same", DATA=DEMO, FEATS=FEATS, MODEL={"type": "tree"})
    folder.config(["svm.ini", "knn.ini"], "a.yaml", tables=[TABLE])
    folder.config(["tree.ini", "same.ini"], "b.yaml", tables=[TABLE])
    folder.run("--configfile", "a.yaml")
    folder.alone = {
        path: path.read_bytes() for path in (place / "results").glob("*/a*/*.*") if path.is_file()
    }
    folder.alone[place / "results/summaries/a.csv"] = (
        place / "results/summaries/a.csv"
    ).read_bytes()
    folder.run("--configfile", "b.yaml")
    return folder


def test_all_experiments_are_shown_and_the_latest_call_is_marked(folder):
    assert folder.status() == {
        **dict.fromkeys(("tree", "same"), ("current", "yes")),
        **dict.fromkeys(("svm", "knn"), ("current", "")),
    }
    rows = folder.summary()
    assert [(rows[name]["ini"], rows[name]["config"]) for name in ("svm", "tree")] == [
        # The first of the two calls that share the folder was of this ini alone.
        ("svm.ini", "svm"),
        ("tree.ini", "b"),
    ]
    for name, row in rows.items():
        assert float(row["value"]) == folder.metrics(name)["value"]
        assert row["made"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    page = (folder.path / "results/index.html").read_text(encoding="utf-8")
    places = [page.index(f'href="#/{name}"') for name in ("tree", "same", "knn", "svm")]
    assert places == sorted(places)
    shown = {one["name"]: one for one in details(page)}
    latest = {name for name, one in shown.items() if one["call"] == "latest"}
    assert latest == {"tree", "same", *(name for name in shown if name.startswith("control--"))}
    assert len(shown) == 6 and page.count('<abbr title="of the latest call">') == len(latest)
    # Pictures and recordings of another call are found, too.
    (picture,) = shown["svm"]["pictures"]
    assert picture["drawn"] and picture["links"]
    errors = shown["svm"]["errors"]["rows"]
    assert errors and all("missing" not in row["audio"] for row in errors)
    assert {"ini", "history"} <= {name for name, _ in shown["svm"]["links"]}


def test_each_config_keeps_its_tables_and_its_archive(folder):
    assert {"models.csv", "comparisons.csv", "a.csv"} <= {path.name for path in folder.alone}
    assert {path: path.read_bytes() for path in folder.alone} == folder.alone
    with open(folder.path / "results/summaries/b.csv", newline="", encoding="utf-8") as stream:
        assert [row["name"] for row in csv.DictReader(stream)] == ["tree", "same"]
    for config in ("a", "b"):
        name = f"{config}.zip"
        folder.izwi(
            "archive", "--configfile", f"{config}.yaml", "--cache", folder.cache, "--output", name
        )
        assert folder.izwi("verify", name).endswith("all figures follow from the predictions\n")


def test_experiments_of_different_configs_are_compared(folder):
    told = folder.izwi("compare", "svm", "same", "knn").splitlines()
    assert [line.split()[:2] for line in told[1:]] == [
        ["svm", "same"],
        ["svm", "knn"],
        ["same", "knn"],
    ]
    value = f"{folder.metrics('same')['value']:.3f}"
    assert value in told[1] and value in told[3]
    assert "different test sets" in folder.izwi("compare", "svm", "tree")


def test_what_changed_since_is_said_and_a_name_keeps_its_figures(folder):
    before = folder.metrics("tree")
    knn = folder.path / "knn.ini"
    knn.write_text(knn.read_text() + "K_val = 3\n")
    (folder.path / "svm.ini").unlink()
    labels = folder.path / "mine.csv"
    lines = labels.read_text().splitlines()
    labels.write_text("\n".join(lines[:-4]) + "\n")
    folder.run("--config", "ini=same.ini")
    assert folder.status() == {
        "same": ("current", "yes"),
        "tree": ("earlier data", ""),
        "knn": ("earlier ini", ""),
        "svm": ("ini gone", ""),
    }
    page = (folder.path / "results/index.html").read_text(encoding="utf-8")
    for status in ("earlier data", "earlier ini", "ini gone"):
        assert f'<span class="badge">{status}</span>' in page
    assert folder.run("--config", "ini=same.ini").nothing_to_do

    tree = folder.path / "tree.ini"
    (folder.path / "copy.ini").write_text(tree.read_text().replace("standard", "robust"))
    folder.run("--config", "ini=copy.ini")
    log = (folder.path / "results/logs/experiment/tree.log").read_text(encoding="utf-8")
    assert "note: this name was last used by tree.ini" in log
    after = folder.metrics("tree")
    assert folder.figures("tree") == [before["value"], after["value"]]
    assert folder.status()["tree"] == ("current", "yes")
    told = folder.izwi("history", "tree")
    assert f"{before['value']:.3f} [" in told and f"{after['value']:.3f} [" in told
    assert "FEATS.scale: standard → robust" in told and "data of mine" in told
    found = izwi.history("tree", results=folder.path / "results")
    assert found["value"].tolist() == [before["value"], after["value"]]
    page = (folder.path / "results/index.html").read_text(encoding="utf-8")
    (shown,) = [one for one in details(page) if one["name"] == "tree"]
    assert "FEATS.scale: standard → robust" in shown["history"][-1]["changes"]


def test_a_call_that_is_killed_loses_no_figure(folder):
    before = folder.figures("same")
    same = folder.path / "same.ini"
    same.write_text(same.read_text().replace("= tree", "= knn"))
    call = [*SNAKEMAKE, "-s", str(ROOT / "Snakefile"), "--config", "ini=same.ini"]
    mark = folder.path / "results/experiments/same/OUTDATED.txt"
    with subprocess.Popen(
        [*call, f"cache={folder.cache}"],
        cwd=folder.path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while not mark.exists() and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    assert folder.figures("same") == before
    folder.run("--config", "ini=same.ini")
    assert folder.figures("same") == [*before, folder.metrics("same")["value"]]
    assert folder.metrics("same")["value"] == folder.metrics("knn")["value"]
    # As it was: nothing is trained, and the history has a third figure.
    same.write_text(same.read_text().replace("= knn", "= tree"))
    assert folder.run("--config", "ini=same.ini").jobs("train") == 0
    assert folder.figures("same") == [*before, folder.metrics("knn")["value"], *before]
