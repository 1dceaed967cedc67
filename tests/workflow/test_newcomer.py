"""A first experiment on one's own data: what `izwi new` writes runs as it is."""

import csv
import os
from pathlib import Path

import pandas as pd
from workflow import Folder

from izwi.cli import main
from tests.conftest import CACHE


def test_odd_data_become_results(two_models, tmp_path, monkeypatch, capsys):
    """A CSV of a German spreadsheet, with columns of other names and audio in another folder."""
    (database,) = (two_models / "results" / "databases").glob("demo-*")
    place = tmp_path / "Meine Daten"
    (place / "deep").mkdir(parents=True)
    os.symlink(database / "wav", place / "deep" / "audio")
    with open(database / "demo.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with open(place / "list.csv", "w", encoding="cp1252", newline="") as stream:
        table = csv.writer(stream, delimiter=";")
        table.writerow(["Clip", "ActorID", "Geschlecht", "Emotion", "Größe"])
        for row in rows:
            clip = Path(row["file"]).name
            table.writerow([clip, row["speaker"], row["gender"], row["emotion"], "1,5"])
    folder = Folder(tmp_path / "work")
    monkeypatch.chdir(folder.path)
    assert main(["new", str(place), "--name", "mine"]) == 0
    settings = ["--config", f"cache={os.environ[CACHE]}", "page=none"]
    assert main(["check", "mine.ini", *settings]) == 0
    assert "nothing to do" not in capsys.readouterr().out
    folder.run("--configfile", "mine.yaml")
    (summary,) = pd.read_csv(folder.path / "results" / "summary.csv").to_dict("records")
    assert summary["name"] == "mine"
    assert summary["n_evaluated"] == len(rows)
    assert summary["value"] > 0.5
    assert main(["check", "mine.yaml", *settings]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_real_data_become_results(emodb, tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["new", str(emodb / "emodb.csv"), "--name", "berlin"]) == 0
    folder.run("--configfile", "berlin.yaml")
    (summary,) = pd.read_csv(tmp_path / "results" / "summary.csv").to_dict("records")
    assert (summary["n_evaluated"], summary["n_speakers"]) == (535, 10)
    # Of seven emotions; 1/7 is chance.
    assert summary["ci_low"] > 1 / 7
