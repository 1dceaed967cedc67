"""The workflow as a whole, on the embedded synthetic data: no other data are needed."""

import csv
import json
import re
import shutil
import textwrap

import pytest
from workflow import MODELS, ROOT, Folder, copy_results

from izwi.engine.stage import stages

DATA = {
    "databases": "['demo']",
    "demo.type": "demo",
    "demo.limit_samples": 80,
    "demo.split_strategy": "speaker_split",
    "demo.test_size": 40,
    "target": "emotion",
}
FEATS = {"type": "os", "set": "eGeMAPSv02", "scale": "standard"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # a space in the path, as users have
    folder = Folder(tmp_path_factory.mktemp("demo data"), own_cache=True)
    inis = [
        folder.ini("first", DATA=DATA, FEATS=FEATS, MODEL={"type": "svm"}),
        folder.ini("second", DATA=DATA, FEATS=FEATS, MODEL={"type": "knn"}),
    ]
    folder.config(inis)
    folder.call = folder.run("--configfile", "config.yaml")
    return folder


def test_stages_are_shared(folder):
    call = folder.call
    assert [call.jobs(stage) for stage in ("database", "load", "split", "audit")] == [1] * 4
    # One set for both, and the fingerprints that the audit compares.
    assert call.jobs("features") == 2
    assert len(list((folder.path / "results/features").glob("*/os-*.parquet"))) == 1
    assert folder.metrics("first")["n_test"] == folder.metrics("second")["n_test"]


def test_contract_of_an_experiment(folder):
    metrics = folder.metrics("first")
    assert metrics["name"] == "first"
    assert {
        *("name", "type", "measure", "value", "ci", "ci_method", "metrics", "per_run", "per_fold"),
        *("per_class", "n_train", "n_test", "n_speakers", "labels", "warnings"),
    } <= set(metrics)
    rows = folder.predictions("first")
    labels = metrics["labels"]
    assert list(rows[0]) == [
        *("database", "file", "speaker", "fold", "run", "truth", "prediction"),
        *(f"p_{label}" for label in labels),
    ]
    assert all(not row["file"].startswith("/") for row in rows)
    assert all(abs(sum(float(row[f"p_{k}"]) for k in labels) - 1) < 1e-6 for row in rows)
    with open(folder.path / "results/summary.csv", newline="", encoding="utf-8") as stream:
        assert [row["name"] for row in csv.DictReader(stream)] == ["first", "second"]


def test_every_job_has_log_and_benchmark(folder):
    results = folder.path / "results"
    made = set()
    for stage in stages():
        files = [
            {path.relative_to(place).with_suffix("") for path in place.rglob("*.*")}
            for place in (results / "logs" / stage, results / "benchmarks" / stage)
        ]
        assert files[0] == files[1] and len(files[0]) == folder.call.jobs(stage)
        made |= {stage} if files[0] else set()
    assert {"database", "features", "audit", "train", "plot", "experiment", "summary"} <= made
    told = list((results / "benchmarks").rglob("*.tsv"))
    assert all(path.read_text().startswith("s\th:m:s\tmax_rss\t") for path in told)
    # What was made, and how long it took.
    told = "".join(path.read_text() for path in (results / "logs").rglob("*.log"))
    for stage in ("database", "load", "split", "features", "train", "evaluate", "experiment"):
        assert re.search(rf"^{stage} .+ \([0-9a-f]+\): [0-9.]+ s$", told, re.MULTILINE), stage


def test_nothing_to_do_and_one_ini_alone(folder):
    assert folder.run("--configfile", "config.yaml").nothing_to_do
    call = folder.run("--config", "ini=first.ini")
    assert call.jobs("train") == 0
    with open(folder.path / "results/summary.csv", newline="", encoding="utf-8") as stream:
        latest = {row["name"]: row["latest"] for row in csv.DictReader(stream)}
    assert latest == {"first": "yes", "second": ""}


def test_a_folder_for_temporary_files_with_a_long_name(folder, tmp_path, monkeypatch):
    """No socket can lie there: each job makes its unit itself, and says nothing of it."""
    place = tmp_path / ("long" * 25)
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    copy_results(folder, folder.path / "long", *MODELS)
    call = folder.run("--config", "ini=first.ini", "results=long", "cache=results/cache")
    assert "Traceback" not in call.text and call.jobs("train") == 1
    assert not list(place.glob("izwi-*"))
    for file in ("metrics.json", "predictions.csv"):
        assert folder.bytes_of("first", file, "long") == folder.bytes_of("first", file)


def test_from_any_directory_and_as_a_module(folder, tmp_path):
    module = tmp_path / "Snakefile"
    settings = {
        "ini": str(folder.path / "first.ini"),
        "cache": str(folder.path / "results/cache"),
    }
    module.write_text(
        textwrap.dedent(
            f"""
            module izwi:
                snakefile: {str(ROOT / "Snakefile")!r}
                config: {settings!r}

            use rule * from izwi as izwi_*

            rule mine:
                default_target: True
                input: rules.izwi_all.input
            """
        )
    )
    other = Folder(tmp_path, own_cache=True)
    copy_results(folder, tmp_path / "results", *MODELS, "cache", "splits")
    # The profile, which says the same for izwi's own Snakefile, is the importing workflow's.
    flags = ("-c", "2", "--rerun-triggers", "mtime")
    other.run(*flags, snakefile=module)
    assert other.bytes_of("first", "predictions.csv") == folder.bytes_of("first", "predictions.csv")
    assert other.run(*flags, snakefile=module).nothing_to_do


def test_changing_the_ini_and_back_retrains_nothing(folder, tmp_path):
    before = folder.bytes_of("second", "metrics.json")
    ini = folder.path / "second.ini"
    text = ini.read_text()
    try:
        ini.write_text(text + "K_val = 9\n")
        call = folder.run("--configfile", "config.yaml")
        assert (call.jobs("train"), call.jobs("features")) == (1, 0)
        assert folder.bytes_of("second", "metrics.json") != before
    finally:
        ini.write_text(text)
    call = folder.run("--configfile", "config.yaml")
    assert call.jobs("train") == call.jobs("evaluate") == 0
    assert folder.bytes_of("second", "metrics.json") == before


def test_a_comment_changes_nothing(folder):
    ini = folder.path / "first.ini"
    ini.write_text("; a remark\n" + ini.read_text())
    assert folder.run("--configfile", "config.yaml").nothing_to_do


def test_all_problems_of_all_inis_at_once(folder):
    one = folder.ini(
        "one", DATA=DATA, FEATS={"type": "os", "scael": "standard"}, MODEL={"type": "svm"}
    )
    two = folder.ini(
        "two", DATA=DATA, FEATS={"type": "oss"}, MODEL={"type": "svm", "C_val": "much"}
    )
    folder.config([one, two], "wrong.yaml")
    call = folder.run("-n", "--configfile", "wrong.yaml", ok=False)
    assert call.code != 0 and "Traceback" not in call.text
    lines = [line for line in call.text.splitlines() if line.startswith(("one.ini", "two.ini"))]
    assert lines[0] == "one.ini: [FEATS] scael: unknown option, did you mean 'scale'?"
    assert len(lines) == 3
    assert any("C_val" in line for line in lines) and any("'oss'" in line for line in lines)


def test_two_inis_with_one_name(folder):
    shutil.copy(folder.path / "first.ini", folder.path / "copy.ini")
    folder.config(["first.ini", "copy.ini"], "twice.yaml")
    call = folder.run("-n", "--configfile", "twice.yaml", ok=False)
    assert call.code != 0
    assert "copy.ini: [EXP] name: 'first' is the name of first.ini as well" in call.text


UNUSED = {"type": "os", "set": "GeMAPSv01b"}


@pytest.fixture(scope="module")
def mixed(folder):
    """Lines of a call: one experiment cannot be made, two have settings of no effect."""
    model = {"type": "svm"}
    labels = DATA | {"labels": "['anger', 'bliss']"}
    mixed = {"type": "knn", "logo": 3, "n_jobs": 4}
    pictures = {"value_counts": "['gendre', 'duration']", "tsne": "['speaker', 'xyz']"}
    inis = [
        folder.ini("wrong_labels", DATA=labels, FEATS=UNUSED, MODEL=model),
        folder.ini("lacking", DATA=DATA, FEATS=FEATS, MODEL=model, PLOT=pictures),
        folder.ini("overridden", DATA=DATA, FEATS=FEATS, MODEL=mixed),
    ]
    folder.config(inis, "mixed.yaml")
    call = folder.run("--configfile", "mixed.yaml", ok=False)
    assert call.code != 0
    return [line for line in call.text.splitlines() if line]


def test_wrong_data_is_told_before_extraction(folder, mixed):
    assert mixed[-1].startswith("wrong_labels.ini: [DATA] labels") and "bliss" in mixed[-1]
    assert not list((folder.path / "results/cache/features").glob("os-GeMAPSv01b*"))


def test_a_column_that_no_picture_can_show_costs_the_picture_alone(folder, mixed):
    """A warning says so, where pictures show whatever else they can."""
    warned = [line for line in mixed if "the data have no column" in line]
    warned.sort(key=lambda line: "xyz" in line)
    assert len(warned) == 2
    assert "lacking.ini: [PLOT] value_counts: the data have no column 'gendre', did" in warned[0]
    assert "lacking.ini: [PLOT] tsne: the data have no column 'xyz'; there are target," in warned[1]
    made = {path.name for path in (folder.path / "results/experiments/lacking/plots").iterdir()}
    assert {"value_counts_gendre.png", "value_counts_duration.png", "tsne_xyz.png"} <= made


def test_warnings_of_the_ini_reach_the_metrics(folder, mixed):
    metrics = folder.metrics("overridden")
    assert any("overridden by" in line for line in metrics["warnings"])
    assert any("n_jobs" in line for line in metrics["notes"])
    record = json.loads(folder.bytes_of("overridden", "experiment.json"))
    assert record["split"]["logo"] == 3


def test_shards_change_nothing(folder, tmp_path):
    """The embedded data as a CSV of a user, extracted in parts."""
    (source,) = (folder.path / "results/databases").glob("demo-*/demo.csv")
    other = Folder(tmp_path)
    data = DATA | {"demo": source, "demo.type": "csv", "demo.limit_samples": 40}
    ini = other.ini("first", DATA=data, FEATS=FEATS, MODEL={"type": "svm"})
    whole = other.run("--config", f"ini={ini}", "results=whole")
    parts = other.run("--config", f"ini={ini}", "results=parts", "cache=parts_cache", "shards=90")
    assert (whole.jobs("shard"), parts.jobs("shard") > 1) == (0, True)
    assert "config: shards" not in parts.text
    for file in ("predictions.csv", "metrics.json"):
        assert other.bytes_of("first", file, "parts") == other.bytes_of("first", file, "whole")
    # The parts have done the work.
    logs = [path.read_text() for path in (tmp_path / "parts/logs/features").rglob("os-*.log")]
    assert len(logs) == 1 and " files in " not in logs[0]
