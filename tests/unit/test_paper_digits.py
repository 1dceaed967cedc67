"""The shipped config on spoken digits: its data, its protocols, and the published values."""

import os
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from izwi.config.result_set import read_config, resolve_all
from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.reporting.tables import wanted
from izwi.splits import make_split

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config" / "papers" / "fsdd_forests.yaml"


@pytest.fixture(scope="module")
def place(fsdd, tmp_path_factory):
    """The recordings as their authors publish them, listed by the command of the config."""
    place = tmp_path_factory.mktemp("digits")
    (place / "fsdd").mkdir()
    (place / "fsdd" / "recordings").symlink_to(fsdd / "wav")
    (command,) = re.findall(r"^# Data: (.*) \(21 MB", CONFIG.read_text("utf-8"), re.MULTILINE)
    listing, clones = re.subn(r"git clone \S+ fsdd", "true", command)
    assert clones == 1
    subprocess.run(["bash", "-c", listing], env={**os.environ, "IZWI_DATA": str(place)}, check=True)
    return place


@pytest.fixture(scope="module")
def found(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IZWI_DATA", str(place))
        config = read_config(yaml.safe_load(CONFIG.read_text("utf-8")), cwd=ROOT, fallback="none")
        experiments = resolve_all(config, cwd=ROOT)
    return config, {experiment.name: experiment for experiment in experiments}


def test_the_command_lists_all_recordings(place, fsdd):
    made = pd.read_csv(place / "fsdd" / "fsdd.csv").sort_values("file", ignore_index=True)
    known = pd.read_csv(fsdd / "fsdd.csv").sort_values("file", ignore_index=True)
    assert made["file"].tolist() == known["file"].str.replace("wav/", "recordings/", 1).tolist()
    assert made[["speaker", "digit"]].equals(known[["speaker", "digit"]])


def test_each_published_value_has_its_cell(found):
    config, experiments = found
    tables, _ = wanted.lay_out(config.tables, list(experiments.values()))
    assert [table["name"] for table in tables] == ["eight_digits", "three_digits"]
    for table in tables:
        rows = [line["label"] for line in table["rows"] if not line["control"]]
        assert sorted(rows) == ["MFCC", "mel spectrogram", "spectrogram"]
        columns = [line["label"] for line in table["columns"]]
        assert columns == ["random, 6 folds", "leave one speaker out"]
        cells = {(entry["row"], entry["column"]) for entry in table["published"]}
        assert len(cells) == 3 and {columns[column] for _, column in cells} == {columns[0]}


@pytest.mark.parametrize("digits", ["0+1+2", "0+1+2+3+4+5+6+7"])
def test_both_protocols_train_on_480_recordings_as_the_paper(found, digits, tmp_path):
    _, experiments = found
    splits = {}
    for way in ("k_fold_cross_6--MODEL.logo_default", "k_fold_cross_default--MODEL.logo_6"):
        experiment = experiments[f"mfcc--DATA.labels_{digits}--MODEL.{way}"]
        (database,) = experiment.databases
        listing = scan(database, cwd=tmp_path, cache=tmp_path)
        table, _ = load_table({**database, **experiment.load}, listing)
        split, _ = make_split(experiment.split, [table])
        splits[way] = split
        assert set(split.groupby("fold").size()) == {96}
        shared = split.groupby("fold")["speaker"].nunique()
        assert set(shared) == ({1} if "logo_6" in way else {6})
    first, second = (set(split["file"]) for split in splits.values())
    assert first == second and len(first) == 576
