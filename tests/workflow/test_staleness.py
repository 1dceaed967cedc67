"""Whatever a result depends on: change it, and the figure is that of a fresh folder.

Every kind of change has its experiment and its own copy of the data. One call runs them all, then
all are changed, and a second call runs them again; a third one sees the changed state alone.
"""

import json
import os
import shutil

import pandas as pd
import pytest
from workflow import Folder

TRAIN, TEST = [3, 8, 9, 10], [13, 15]
EMOTIONS = ["anger", "neutral", "sadness"]
FEATS = {"type": "os", "set": "eGeMAPSv02", "scale": "standard"}
STAGES = ("load", "split", "features", "train", "evaluate")
RESULTS = ("metrics.json", "predictions.csv")


class Case:
    """An experiment with its data, before and after its change."""

    def __init__(self, name, folder, source):
        self.name, self.folder = name, folder
        self.place = folder.path / name
        shutil.copytree(source, self.place)
        self.csv = self.place / "data.csv"
        self.data = {
            "databases": "['speech']",
            "speech": f"{name}/data.csv",
            "speech.split_strategy": TEST,
            "target": "emotion",
        }
        self.feats, self.model, self.plot = dict(FEATS), {"type": "svm"}, {}

    def labels(self):
        return pd.read_csv(self.csv, dtype=str)

    def write(self, table):
        before = self.csv.stat()
        table.to_csv(self.csv, index=False)
        # A file from a backup is older than what was made of the one before.
        os.utime(self.csv, (before.st_atime - 9999, before.st_mtime - 9999))

    def ini(self):
        return self.folder.ini(
            self.name, DATA=self.data, FEATS=self.feats, MODEL=self.model, PLOT=self.plot
        )


def another_recording(case):
    """Same name, size and time, other content."""
    files = case.labels()["file"]
    for one, other in ((files[0], files[9]), (files[21], files[30])):
        path, stat = case.place / one, (case.place / one).stat()
        sound = (case.place / other).read_bytes()[: stat.st_size].ljust(stat.st_size, b"\0")
        path.write_bytes(sound[:44] + sound[44:][::-1])
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def added(case):
    extra = pd.read_csv(case.place / "more.csv", dtype=str)
    case.write(pd.concat([case.labels(), extra]))


def removed(case):
    case.write(case.labels().drop(index=[1, 2, 20]))


def renamed(case):
    table = case.labels()
    old, new = table.loc[5, "file"], "wav/another_name.wav"
    (case.place / old).rename(case.place / new)
    table.loc[5, "file"] = new
    case.write(table)


def labels_edited(case):
    table = case.labels()
    table.loc[table.index[::7], "emotion"] = "anger"
    case.write(table)


def another_csv(case):
    table = case.labels()
    table[table.index % 5 > 0].to_csv(case.place / "other.csv", index=False)
    case.data["speech"] = f"{case.name}/other.csv"


def touched(case):
    for path in (case.csv, *(case.place / "wav").iterdir()):
        path.touch()


def options(section, **new):
    def change(case):
        getattr(case, section).update({k.replace("__", "."): v for k, v in new.items()})

    return change


def nothing(case):
    pass


def commented(case):
    case.ini()
    path = case.folder.path / f"{case.name}.ini"
    path.write_text(f"# a remark\n\n{path.read_text()}\n; another\n")
    case.ini = lambda: path.name


# Kind of change → what makes it, and the first stage that it concerns.
MERGED = "{'anger': 'angry', 'neutral, sadness': 'calm'}"
CHANGES = {
    "feature_set": (options("feats", set="GeMAPSv01b"), "features"),
    "level": (options("feats", level="lld"), "features"),
    "audio_replaced_in_place": (another_recording, "load"),
    "file_added": (added, "load"),
    "file_removed": (removed, "load"),
    "file_renamed": (renamed, "load"),
    "labels_edited": (labels_edited, "load"),
    "csv_path": (another_csv, "load"),
    "mapping": (options("data", speech__mapping=MERGED), "load"),
    "filter": (options("data", speech__filter="{'gender': ['female', 'male']}"), "load"),
    "limit_samples": (options("data", speech__limit_samples=20), "load"),
    "labels_list": (options("data", labels="['anger', 'sadness']"), "load"),
    "target": (options("data", target="gender"), "load"),
    "test_speakers": (options("data", speech__split_strategy=[3, 8]), "split"),
    "scaler": (options("feats", scale="robust"), "train"),
    "model_option": (options("model", C_val=0.05), "train"),
    "model": (options("model", type="knn"), "train"),
    "measure": (options("model", measure="accuracy"), "evaluate"),
    "nothing": (nothing, None),
    "touched": (touched, None),
    "commented": (commented, None),
    "another_plot": (options("plot", value_counts="True"), None),
}


@pytest.fixture(scope="module")
def runs(emodb, tmp_path_factory):
    """What stands in the results before, after, and in a fresh folder."""
    source = tmp_path_factory.mktemp("speech")
    table = pd.read_csv(emodb / "emodb.csv", dtype=str)
    table = table[table["emotion"].isin(EMOTIONS) & table["speaker"].isin(map(str, TRAIN + TEST))]
    table = table.groupby(["speaker", "emotion"]).head(2)
    chosen = table.reset_index(drop=True)
    chosen["file"] = [f"wav/{i:03d}.wav" for i in range(len(chosen))]
    (source / "wav").mkdir()
    for file, original in zip(chosen["file"], table["file"], strict=True):
        shutil.copy(emodb / original, source / file)
    chosen.iloc[:-3].to_csv(source / "data.csv", index=False)
    chosen.iloc[-3:].to_csv(source / "more.csv", index=False)

    folder = Folder(tmp_path_factory.mktemp("stale"))
    cases = {name: Case(name, folder, source) for name in CHANGES}
    folder.config([case.ini() for case in cases.values()])
    folder.run("--configfile", "config.yaml")
    before = {name: seen(folder, name) for name in CHANGES}
    for name, (change, _) in CHANGES.items():
        change(cases[name])
        cases[name].ini()
    after_call = folder.run("--configfile", "config.yaml")
    after = {name: seen(folder, name) for name in CHANGES}
    folder.cache = str(folder.path / "fresh_cache")
    folder.run("--configfile", "config.yaml", "--config", "results=fresh")
    fresh = {name: seen(folder, name, "fresh") for name in CHANGES}
    return folder, before, after, fresh, after_call


def seen(folder, name, results="results"):
    path = folder.path / results / "experiments" / name
    record = json.loads((path / "experiment.json").read_text())
    stages = {stage: record["stages"][stage] for stage in STAGES}
    files = {
        stage: [file for s in as_list(units) for file in s["files"].values()]
        for stage, units in stages.items()
    }
    return {
        "contents": {file: (path / file).read_bytes() for file in RESULTS},
        "keys": {stage: [s["key"] for s in as_list(units)] for stage, units in stages.items()},
        "times": {
            stage: [(folder.path / file).stat().st_mtime_ns for file in paths]
            for stage, paths in files.items()
        },
    }


def as_list(units):
    return units if isinstance(units, list) else [units]


@pytest.mark.parametrize("name", CHANGES)
def test_the_figure_is_that_of_a_fresh_folder(runs, name):
    _, before, after, fresh, _ = runs
    assert after[name]["contents"] == fresh[name]["contents"]
    if CHANGES[name][1] is not None and name != "filter":
        assert after[name]["contents"] != before[name]["contents"]


@pytest.mark.parametrize("name", CHANGES)
def test_only_stages_that_depend_on_it_run_again(runs, name):
    _, before, after, _, _ = runs
    first = CHANGES[name][1]
    # Features depend on the table, not on the split.
    untouched = {
        None: STAGES,
        "load": (),
        "split": ("load", "features"),
        "features": ("load", "split"),
        "train": ("load", "split", "features"),
        "evaluate": ("load", "split", "features", "train"),
    }[first]
    for stage in STAGES:
        same = before[name]["keys"][stage] == after[name]["keys"][stage]
        assert same == (stage in untouched), stage
        if same:
            assert before[name]["times"][stage] == after[name]["times"][stage], stage


def test_audio_is_extracted_once_whatever_table_lists_it(runs):
    """All cases list the same recordings; two were replaced and three were added."""
    folder, *_ = runs
    logs = [path.read_text() for path in (folder.path / "results/logs").rglob("*.log")]
    lines = [line for line in "".join(logs).splitlines() if " files in " in line]
    name = "os-eGeMAPSv02-functionals of "
    counts = [int(line.split(": os: ")[1].split()[0]) for line in lines if name in line]
    assert counts and sum(counts) <= 36 + 2


def test_back_to_the_old_inis_trains_nothing(runs):
    folder, before, *_ = runs
    folder.cache = os.environ["TEST_FEATURE_CACHE"]
    data = {
        "databases": "['speech']",
        "speech": "scaler/data.csv",
        "speech.split_strategy": TEST,
        "target": "emotion",
    }
    folder.ini("scaler", DATA=data, FEATS=FEATS, MODEL={"type": "svm"}, PLOT={})
    call = folder.run("--config", "ini=scaler.ini")
    assert [call.jobs(stage) for stage in STAGES] == [0] * len(STAGES)
    assert seen(folder, "scaler")["contents"] == before["scaler"]["contents"]
