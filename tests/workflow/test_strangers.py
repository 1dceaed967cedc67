"""Data, links and folders of strangers in whole calls: told, harmless, nothing else is touched."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from workflow import IZWI, Folder, izwi_environment

from izwi.reporting.texts import CITED

LABELS = ["<script>alert(1)</script>", "a\nb\x1b[2J", "$(touch outside)|`x`", "[c](javascript:x)"]
NAME = "x $(touch outside)"
TEXTS = ("methods.md", "model_card.md", "table1.md", "references.bib", "CITATION.cff")
CUT = {"split_strategy": "speaker_split", "test_size": 40}


def write_database(folder, labels=LABELS):
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "db.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "speaker", "gender", "emotion"])
        for i in range(48):
            sound = np.random.default_rng(i).normal(0, 0.1 * (1 + i % 4), 4000)
            soundfile.write(folder / f"{i}.wav", sound, 8000)
            gender = ["female<img src=x>", "male"][i % 2]
            writer.writerow([f"{i}.wav", f"<b>s{i % 12}\x1b[31m", gender, labels[i % len(labels)]])


def sections(**data):
    return {
        "DATA": {"databases": "['d']", "d": "db.csv", "target": "emotion", **CUT, **data},
        "FEATS": {"type": "signal", "scale": "standard"},
        "MODEL": {"type": "knn"},
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A call on hostile names, and what lay there before."""
    folder = Folder(tmp_path_factory.mktemp("hostile"), page=True)
    write_database(folder.path)
    folder.ini("x", EXP={"name": NAME}, **sections())
    before = {path.name for path in folder.path.iterdir()}
    call = folder.run("-c1", "--config", "experiments=x.ini")
    return folder.path, call, before


def test_labels_are_shown_and_do_nothing(hostile):
    path, call, before = hostile
    assert "\x1b" not in re.sub(r"\x1b\[\d*m", "", call.text)
    assert {p.name for p in path.iterdir()} - before <= {"results", ".snakemake"}
    for name in TEXTS:
        text = (path / "results" / "experiments" / NAME / name).read_text(encoding="utf-8")
        assert all(line.isprintable() for line in text.splitlines()), name
        if name.endswith(".md"):
            # The remark at the end is izwi's own, the same for all.
            text = text.removesuffix(CITED)
            assert not re.search(r"(?<!\\)<[a-z/!?]|\]\(", text, re.IGNORECASE), name
    card = (path / "results" / "experiments" / NAME / "model_card.md").read_text(encoding="utf-8")
    assert f"izwi predict --experiment '{NAME}' my_voice.wav" in card
    (page,) = (path / "results").glob("*.html")
    shown = page.read_text(encoding="utf-8")
    assert "<script>alert" not in shown and "<img src=x>" not in shown and "\x1b" not in shown


# A call as a user who may not write everywhere, also where tests run as root.
BOUND = ["setpriv", "--bounding-set=-dac_override,-fowner", "--inh-caps=-all"]


def run_bound(folder, *arguments):
    """A call of izwi without the rights of root."""
    bound = BOUND if os.geteuid() == 0 else []
    done = subprocess.run(
        [*bound, *IZWI, "run", "x.ini", *arguments, "--config", "page=none"],
        cwd=folder,
        env=izwi_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (done.stdout + done.stderr).splitlines()
    return done.returncode, [line for line in lines if line.strip()]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_links_in_results_lead_no_call_to_files_of_the_user(hostile, tmp_path):
    shutil.copytree(hostile[0], tmp_path, dirs_exist_ok=True, symlinks=True)
    own, results = tmp_path / "own", tmp_path / "results"
    shutil.copytree(results / "experiments" / NAME, own / "x")
    (own / "x" / "OUTDATED.txt").write_text("mine")
    (own / "x" / "plots" / "holiday.png").write_text("mine")
    (own / "models").mkdir()
    for link, target in ((f"experiments/{NAME}", "x"), ("models", "models")):
        shutil.rmtree(results / link)
        (results / link).symlink_to(own / target)
    before = contents(own)
    for arguments in ((), ("-F",), ("-n",)):
        code, lines = run_bound(tmp_path, *arguments)
        told = [line for line in lines if " is a link that leads to " in line]
        assert code == 1 and len(lines) == 2 == len(told), lines
        assert contents(own) == before


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which(BOUND[0]), reason="root without setpriv")
def test_results_that_may_not_change_are_told_and_can_be_looked_at(hostile, tmp_path):
    shutil.copytree(hostile[0], tmp_path, dirs_exist_ok=True)
    results = tmp_path / "results"
    ini = tmp_path / "x.ini"
    ini.write_text(ini.read_text().replace("type = knn", "type = tree"))
    shut = [results, *(path for path in results.rglob("*") if path.is_dir())]
    experiment = results / "experiments" / NAME
    places = ([results / "models"], [experiment], [experiment / "metrics.json"])
    for number, paths in enumerate((*places, [*shut, *contents(results)])):
        for path in paths:
            path.chmod(path.stat().st_mode & ~0o222)
        before = contents(results)
        code, lines = run_bound(tmp_path)
        assert code == 1 and len(lines) == 1 and lines[0].startswith("cannot write "), lines
        if number == len(places):
            assert run_bound(tmp_path, "-n")[0] == 0
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)
        # Their lock and what is kept of scans is all that a call may have changed.
        changed = {p for p, content in before.items() if p.read_bytes() != content}
        assert changed <= {results / "plans" / "lock"}


def test_links_that_lead_in_circles_are_told(tmp_path):
    folder = Folder(tmp_path)
    write_database(tmp_path, ["a", "b"])
    (tmp_path / "loop.ini").symlink_to("loop.ini")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    os.symlink(".", tmp_path / "again")
    folder.ini("x", **sections(d="loop.csv"))
    call = folder.run("-n", "--config", "experiments=x.ini", ok=False)
    assert call.code and "loop.csv" in call.text and "Traceback" not in call.text
    folder.ini("y", **sections(root_folders="loop.ini"))
    call = folder.run("-n", "--config", "experiments=y.ini", "root_folders=loop.ini", ok=False)
    assert call.code and "loop.ini" in call.text and "Traceback" not in call.text
