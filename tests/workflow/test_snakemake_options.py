"""Snakemake's own options do with izwi what they do with any workflow."""

import json
import re
import shutil
import subprocess
import zipfile

import pytest
from workflow import MODELS, ROOT, SNAKEMAKE, Folder, copy_results, environment

FIRST, SECOND = "svm", "knn"
AFTER_TRAIN = {"evaluate", "plot", "experiment", "summary", "overview"}


@pytest.fixture(scope="module")
def made(two_models, tmp_path_factory):
    """Two experiments on the same features, made."""
    place = tmp_path_factory.mktemp("options") / "copy"
    shutil.copytree(two_models, place)
    return Folder(place)


@pytest.fixture
def place(made, tmp_path):
    """A copy of it, for tests that change it; times are kept."""
    folder = Folder(tmp_path / "copy")
    shutil.copytree(made.path, folder.path, dirs_exist_ok=True)
    return folder


# Jobs of each rule, where all is made.
ALL = {
    **dict.fromkeys(("database", "load", "split", "describe", "audit", "summary", "overview"), 1),
    "all": 1,
    **dict.fromkeys(("features", "train", "evaluate", "plot", "experiment"), 2),
}


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


@pytest.fixture(scope="module")
def looked(made):
    """Option → what a call prints that only looks; nothing is written."""
    before = files(made)
    options = ("-n", "--lint", "--list-rules", "--list-untracked", "--summary")
    options += ("--detailed-summary", "--rulegraph", "--dag", "--filegraph")
    found = {option: made.run("--configfile", "config.yaml", option) for option in options}
    assert files(made) == before
    return {option: call.text for option, call in found.items()}


def test_nothing_to_do(looked):
    assert "Nothing to be done" in looked["-n"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (
            ["-R", "train"],
            {"train": 2, "evaluate": 2, "plot": 2, "experiment": 2, "summary": 1, "overview": 1},
        ),
        (["-R", "plot", "summary"], {"plot": 2, "summary": 1, "overview": 1}),
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
                "overview": 1,
            },
        ),
        (["-F", "--until", "features"], {"database": 1, "load": 1, "split": 1, "features": 2}),
    ],
)
def test_forcing_and_ending_early(made, arguments, wanted):
    found = planned(made, *arguments)
    found.pop("all", None)
    assert found == wanted


def test_omit_from(made):
    found = planned(made, "-F", "--omit-from", "train")
    assert not {"train", *AFTER_TRAIN} & set(found) and found["features"] == 2


def test_forced_stages_are_made_and_then_there_is_nothing_to_do(place):
    before = files(place)
    call = place.run("--configfile", "config.yaml", "-R", "evaluate")
    assert {stage: call.jobs(stage) for stage in AFTER_TRAIN} == {
        **{"evaluate": 2, "plot": 2, "experiment": 2, "summary": 1, "overview": 1}
    }
    assert call.jobs("train") == 0
    changed = {p for p, time in files(place).items() if before.get(p) != time}
    metrics = place.path / "results/experiments" / FIRST / "metrics.json"
    assert metrics in changed
    assert not any("models" in path.parts for path in changed)
    assert place.run("--configfile", "config.yaml").nothing_to_do


def test_force_all_in_a_profile(place):
    profile = place.path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("forceall: true\ncores: 2\n")
    assert planned(place, "--profile", "profile") == ALL


def test_files_as_targets_are_their_chains_alone(made, tmp_path):
    folder = Folder(tmp_path)
    for name in ("config.yaml", f"{FIRST}.ini", f"{SECOND}.ini"):
        shutil.copy(made.path / name, folder.path)
    matrix = next((made.path / "results/features").glob("*/os-*.parquet"))
    place = f"results/experiments/{FIRST}"
    targets = {
        str(matrix.relative_to(made.path)): 0,
        f"{place}/plots/confusion_matrix.png": 1,
        # The model is there.
        f"{place}/metrics.json": 0,
    }
    times = {}
    for target, trained in targets.items():
        call = folder.run("--configfile", "config.yaml", "--", target)
        assert (call.jobs("train"), call.jobs("summary")) == (trained, 0)
        times[target] = (folder.path / target).stat().st_mtime_ns
        assert not (folder.path / "results/experiments" / SECOND).exists()
    folder.run("--configfile", "config.yaml")
    assert times == {target: (folder.path / target).stat().st_mtime_ns for target in targets}
    assert folder.run("--configfile", "config.yaml").nothing_to_do


def test_allowed_rules(made):
    matrix = next((made.path / "results/features").glob("*/os-*.parquet"))
    target = str(matrix.relative_to(made.path))
    assert planned(made, "-f", "--allowed-rules", "features", "--", target) == {"features": 1}


def test_threads_and_resources_reach_a_cluster(place):
    """What a submit command receives, by an option of a call and by a profile."""
    profile = place.path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("set-resources:\n  features:\n    mem_mb: 64000\n")
    call = place.run(
        *("--configfile", "config.yaml", "-n", "-F", "-c", "8", "--executor", "dryrun"),
        *("--set-threads", "train=4", "--profile", "profile"),
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


@pytest.mark.parametrize("rule", ["load", "split", "features", "train", "evaluate", "summary"])
def test_rules_are_the_stages(looked, rule):
    assert re.search(rf"^{rule}\b", looked["--list-rules"], re.MULTILINE)


@pytest.mark.parametrize("graph", ["--rulegraph", "--dag", "--filegraph"])
def test_graphs(looked, graph):
    text = looked[graph]
    nodes = re.findall(r"^\s*\d+\s*\[", text, re.MULTILINE)
    assert nodes and "digraph" in text
    if graph == "--rulegraph":
        assert len(nodes) <= 20
        labels = set(re.findall(r'label = "(\w+)"', text))
        assert {"load", "split", "features", "audit", "train", "evaluate", "plot"} <= labels


def test_summaries_know_the_provenance(looked):
    lines = looked["--summary"].splitlines()
    rows = [line.split("\t") for line in lines if line.startswith("results/")]
    rules = {row[0]: row[2] for row in rows}
    assert rules[f"results/experiments/{FIRST}/metrics.json"] == "experiment"
    assert rules[f"results/experiments/{FIRST}/plots/confusion_matrix.png"] == "plot"
    assert {"load", "split", "features", "audit", "train", "evaluate"} <= set(rules.values())
    assert {row[-2] for row in rows} == {"ok"}
    assert {row[-1] for row in rows} == {"no update"}
    assert f"results/experiments/{FIRST}/metrics.json" in looked["--detailed-summary"]


def test_what_was_made_is_tracked(looked):
    untracked = looked["--list-untracked"].splitlines()
    own = ("experiments", "evaluations", "splits", "features", "audits", "summary.csv", "labels")
    assert not [line for line in untracked if line.startswith(tuple(f"results/{f}" for f in own))]


def test_report(made, tmp_path):
    archive = tmp_path / "report.zip"
    text = made.run("--configfile", "config.yaml", "--report", str(archive)).text
    assert "Missing metadata" not in text
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        (page,) = (name for name in opened.namelist() if name.endswith("report.html"))
        content = opened.read(page).decode()
    assert f"Experiment {FIRST}" in content and "train" in content


def test_all_outputs_can_be_deleted(place):
    place.run("--configfile", "config.yaml", "--delete-all-output")
    assert not list((place.path / "results/experiments").rglob("*.json")) or not [
        path
        for path in (place.path / "results/experiments").rglob("*.json")
        if path.parent.name != ".keys"
    ]
    assert planned(place) == ALL


def test_other_options(place):
    for options in (["--touch"], ["--unlock"], ["--workflow-profile", "none", "-c2"]):
        place.run("--configfile", "config.yaml", *options)
    assert place.run("--configfile", "config.yaml", "-c1", "--keep-going").nothing_to_do


def test_several_configs_and_several_retries(place):
    (place.path / "more.yaml").write_text(json.dumps({"experiments": [f"{FIRST}.ini"]}))
    call = place.run("--configfile", "config.yaml", "more.yaml", "--retries", "2")
    assert (
        "svm" in call.text
        and (place.path / "results/summaries/config+more.csv").read_text().count("\n") == 2
    )


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
    # Each job is a process of its own, so of the second module the models alone are made.
    copy_results(made, folder.path / "deep" / "two", *MODELS)
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
