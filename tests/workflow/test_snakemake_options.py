"""Snakemake's own options do with izwi what they do with any workflow."""

import json
import re
import shutil
import subprocess
import zipfile

import pytest
from workflow import DEMO, ROOT, SNAKEMAKE, Folder, environment

FIRST, SECOND = "svm", "knn"
AFTER_TRAIN = {"evaluate", "plot", "experiment", "summary"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two experiments on the same features, made."""
    folder = Folder(tmp_path_factory.mktemp("options"))
    for model in (FIRST, SECOND):
        folder.ini(
            model, DATA=DEMO, FEATS={"type": "os", "scale": "standard"}, MODEL={"type": model}
        )
    folder.config([f"{FIRST}.ini", f"{SECOND}.ini"])
    # What a first call made is no less known for a second that builds on it.
    folder.run("--config", f"ini={FIRST}.ini")
    folder.run("--configfile", "config.yaml")
    return folder


@pytest.fixture
def place(made, tmp_path):
    """A copy of it, for tests that change it; times are kept."""
    folder = Folder(tmp_path / "copy")
    shutil.copytree(made.path, folder.path, dirs_exist_ok=True)
    return folder


def planned(folder, *arguments):
    """Rule → number of jobs that a dry run announces."""
    text = folder.run("--configfile", "config.yaml", "-n", *arguments).text
    table = text.partition("Job stats:")[2].partition("total")[0]
    return {
        found[1]: int(found[2]) for found in re.finditer(r"^(\w+) +(\d+)$", table, re.MULTILINE)
    }


def files(folder):
    """All files but Snakemake's own, with their times."""
    return {
        path: path.stat().st_mtime_ns
        for path in folder.path.rglob("*")
        if path.is_file() and ".snakemake" not in path.parts
    }


def test_nothing_to_do(made):
    assert made.run("--configfile", "config.yaml").nothing_to_do


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["-R", "train"], {"train": 2, "evaluate": 2, "plot": 2, "experiment": 2, "summary": 1}),
        (["--forcerun", "evaluate"], {"evaluate": 2, "plot": 2, "experiment": 2, "summary": 1}),
        (["-R", "plot"], {"plot": 2}),
        (["-R", "summary"], {"summary": 1}),
        (
            ["--forcerun", "features"],
            {
                "features": 2,
                "audit": 1,
                "train": 2,
                "evaluate": 2,
                "plot": 2,
                "experiment": 2,
                "summary": 1,
            },
        ),
        (["-F", "--until", "features"], {"database": 1, "load": 1, "split": 1, "features": 2}),
        (["-F", "--until", "split"], {"database": 1, "load": 1, "split": 1}),
    ],
)
def test_forcing_and_ending_early(made, arguments, wanted):
    found = planned(made, *arguments)
    found.pop("all", None)
    assert found == wanted


def test_omit_from(made):
    found = planned(made, "-F", "--omit-from", "plot")
    assert "plot" not in found and found["experiment"] == 2
    found = planned(made, "-F", "--omit-from", "train")
    assert not {"train", *AFTER_TRAIN} & set(found) and found["features"] == 2


def test_forced_stages_are_made_and_then_there_is_nothing_to_do(place):
    before = files(place)
    place.run("--configfile", "config.yaml", "-R", "evaluate")
    changed = {p for p, time in files(place).items() if before.get(p) != time}
    metrics = place.path / "results/experiments" / FIRST / "metrics.json"
    assert metrics in changed
    assert not any("models" in path.parts for path in changed)
    assert place.run("--configfile", "config.yaml").nothing_to_do


def test_force_all_in_a_profile(place):
    profile = place.path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("forceall: true\ncores: 2\n")
    assert planned(place, "--profile", "profile") == planned(place, "-F")


@pytest.mark.parametrize(
    "target",
    [
        "results/experiments/svm/metrics.json",
        "results/experiments/svm/plots/confusion_matrix.png",
        "results/features/{table}/{matrix}",
    ],
)
def test_one_file_as_target_is_its_chain_alone(made, tmp_path, target):
    folder = Folder(tmp_path)
    for name in ("config.yaml", f"{FIRST}.ini", f"{SECOND}.ini"):
        shutil.copy(made.path / name, folder.path)
    matrix = next((made.path / "results/features").glob("*/os-*.parquet"))
    target = target.format(table=matrix.parent.name, matrix=matrix.name)
    found = planned(folder, "--", target)
    assert found.get("train", 0) == (0 if "features" in target else 1)
    assert "summary" not in found
    folder.run("--configfile", "config.yaml", "--", target)
    assert (folder.path / target).is_file()
    first = (folder.path / target).stat().st_mtime_ns
    assert not (folder.path / "results/experiments" / SECOND).exists()
    folder.run("--configfile", "config.yaml")
    assert (folder.path / target).stat().st_mtime_ns == first
    assert folder.run("--configfile", "config.yaml").nothing_to_do


def test_allowed_rules(made):
    matrix = next((made.path / "results/features").glob("*/os-*.parquet"))
    target = str(matrix.relative_to(made.path))
    assert planned(made, "-f", "--allowed-rules", "features", "--", target) == {"features": 1}


def test_threads_and_resources_reach_a_cluster(place):
    """What a submit command receives, as options of a call and from a profile."""
    wanted = ["--set-threads", "train=4", "--set-resources", "features:mem_mb=64000"]
    profile = place.path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text(
        "set-threads:\n  train: 4\nset-resources:\n  features:\n    mem_mb: 64000\n"
    )
    for arguments in (wanted, ["--profile", "profile"]):
        call = place.run(
            *("--configfile", "config.yaml", "-n", "-F", "-c", "8", *arguments),
            *("--executor", "dryrun"),
        )
        rules = re.split(r"\n(?=\[)", call.text)
        train = next(text for text in rules if re.search(r"^(local)?rule train:", text, re.M))
        features = next(text for text in rules if re.search(r"^(local)?rule features:", text, re.M))
        assert re.search(r"threads: 4\b", train)
        assert re.search(r"mem_mb=64000\b", features)


def test_a_dry_run_writes_nothing(made, tmp_path):
    folder = Folder(tmp_path, own_cache=True)
    for name in ("config.yaml", f"{FIRST}.ini", f"{SECOND}.ini"):
        shutil.copy(made.path / name, folder.path)
    before = files(folder)
    folder.run("--configfile", "config.yaml", "-n")
    assert files(folder) == before
    before = files(made)
    for option in ("-n", "--summary", "--rulegraph", "--list-untracked", "--lint"):
        made.run("--configfile", "config.yaml", option)
    assert files(made) == before


def test_rules_are_the_stages(made):
    text = made.run("--configfile", "config.yaml", "--list-rules").text
    for rule in ("load", "split", "features", "train", "evaluate", "plot", "experiment", "summary"):
        assert re.search(rf"^{rule}\b", text, re.MULTILINE), rule


@pytest.mark.parametrize("graph", ["--rulegraph", "--dag", "--filegraph"])
def test_graphs(made, graph):
    text = made.run("--configfile", "config.yaml", graph).text
    nodes = re.findall(r"^\s*\d+\s*\[", text, re.MULTILINE)
    assert nodes and "digraph" in text
    if graph == "--rulegraph":
        assert len(nodes) <= 20
        labels = set(re.findall(r'label = "(\w+)"', text))
        assert {"load", "split", "features", "audit", "train", "evaluate", "plot"} <= labels


def test_summaries_know_the_provenance(made):
    rows = [
        line.split("\t")
        for line in made.run("--configfile", "config.yaml", "--summary").text.splitlines()
        if line.startswith("results/")
    ]
    rules = {row[0]: row[2] for row in rows}
    assert rules[f"results/experiments/{FIRST}/metrics.json"] == "experiment"
    assert rules[f"results/experiments/{FIRST}/plots/confusion_matrix.png"] == "plot"
    assert {"load", "split", "features", "audit", "train", "evaluate"} <= set(rules.values())
    assert {row[-2] for row in rows} == {"ok"}
    assert {row[-1] for row in rows} == {"no update"}
    text = made.run("--configfile", "config.yaml", "--detailed-summary").text
    assert f"results/experiments/{FIRST}/metrics.json" in text


def test_what_was_made_is_tracked(made):
    untracked = made.run("--configfile", "config.yaml", "--list-untracked").text.splitlines()
    own = ("experiments", "evaluations", "splits", "features", "audits", "summary.csv", "tables")
    assert not [line for line in untracked if line.startswith(tuple(f"results/{f}" for f in own))]


def test_report(made, tmp_path):
    page, archive = tmp_path / "report.html", tmp_path / "report.zip"
    text = made.run("--configfile", "config.yaml", "--report", str(page)).text
    assert "Missing metadata" not in text
    made.run("--configfile", "config.yaml", "--report", str(archive))
    content = page.read_text(encoding="utf-8")
    assert f"Experiment {FIRST}" in content and "train" in content
    assert zipfile.ZipFile(archive).testzip() is None


def test_all_outputs_can_be_deleted(place):
    place.run("--configfile", "config.yaml", "--delete-all-output")
    assert not list((place.path / "results/experiments").rglob("*.json")) or not [
        path
        for path in (place.path / "results/experiments").rglob("*.json")
        if path.parent.name != ".keys"
    ]
    place.run("--configfile", "config.yaml")
    assert place.metrics(FIRST)["name"] == FIRST


@pytest.mark.parametrize(
    "arguments",
    [
        ["--touch"],
        ["--unlock"],
        ["--lint"],
        ["-c1", "--keep-going"],
        ["--workflow-profile", "none"],
    ],
)
def test_other_options(place, arguments):
    cores = [] if "-c1" in arguments else ["-c2"]
    place.run("--configfile", "config.yaml", *cores, *arguments)
    assert place.run("--configfile", "config.yaml").nothing_to_do


def test_several_configs_and_several_retries(place):
    (place.path / "more.yaml").write_text(json.dumps({"experiments": [f"{FIRST}.ini"]}))
    call = place.run("--configfile", "config.yaml", "more.yaml", "--retries", "2")
    assert "svm" in call.text and (place.path / "results/summary.csv").read_text().count("\n") == 2


def module(folder, text):
    (folder.path / "Snakefile").write_text(text)
    process = subprocess.run(
        [*SNAKEMAKE, "-c2", "--rerun-triggers", "mtime"],
        cwd=folder.path,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout + process.stderr


def test_twice_as_a_module_with_prefix_and_override(made, tmp_path):
    folder = Folder(tmp_path)
    for name in (f"{FIRST}.ini", f"{SECOND}.ini"):
        shutil.copy(made.path / name, folder.path)
    settings = {"cache": made.cache, "page": "none"}
    text = module(
        folder,
        f"""
module first:
    snakefile: "{ROOT}/Snakefile"
    config: {settings | {"experiments": [f"{FIRST}.ini"], "results": "one"}}

use rule * from first as first_*

use rule features from first as first_features with:
    threads: 1

module second:
    snakefile: "{ROOT}/Snakefile"
    config: {settings | {"experiments": [f"{SECOND}.ini"], "results": "two"}}
    prefix: "deep"

use rule * from second as second_*

rule everything:
    default_target: True
    input: rules.first_all.input, "one/summary.csv", "deep/two/summary.csv"
""",
    )
    assert folder.metrics(FIRST, "one") == made.metrics(FIRST)
    assert folder.metrics(SECOND, "deep/two") == made.metrics(SECOND)
    rule = text.partition("rule first_features:")[2].partition("\n\n")[0]
    assert "threads" not in rule.partition("[")[0]
