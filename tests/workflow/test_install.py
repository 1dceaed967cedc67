"""The package as pip installs it: the demo from an empty folder, without the checkout."""

import csv
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from workflow import ROOT, environment

pytest.importorskip("setuptools", minversion="77")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package alone; what it needs is that of this environment."""
    place = tmp_path_factory.mktemp("install")
    source = place / "source"
    # A build leaves files behind, so it is of a copy.
    skip = shutil.ignore_patterns(
        ".*", "results", "build", "docs", "tests", "shared", "*.egg-info", "__pycache__"
    )
    shutil.copytree(ROOT, source, ignore=skip)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile"]
    target = place / "site"
    subprocess.run([*pip, *options, "--target", str(target), str(source)], check=True)
    shutil.rmtree(source)
    if (ROOT / "scripts" / "load.py").is_file():
        # As long as stages are scripts, their keys look for them beside the package.
        (target / "scripts").symlink_to(target / "izwi" / "workflow" / "scripts")
    return target


@pytest.fixture(scope="module")
def izwi(installed, tmp_path_factory):
    """The command, in an empty folder."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def call(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-P", installed / "bin" / "izwi", *arguments],
            cwd=folder,
            env={**environment(), "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return SimpleNamespace(call=call, folder=folder)


@pytest.fixture(scope="module")
def demo(izwi):
    cache = f"cache={os.environ['TEST_FEATURE_CACHE']}"
    return izwi.call("run", "--demo", "-c", "2", "--config", cache)


def test_the_package_is_the_installed_one(installed, izwi):
    assert izwi.call("--version").stdout.startswith("izwi ")
    done = subprocess.run(
        [sys.executable, "-c", "from izwi.home import HOME; print(HOME)"],
        cwd=izwi.folder,
        env={**environment(), "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(installed / "izwi" / "workflow")


def test_the_demo_runs_from_an_empty_folder(demo, izwi):
    metrics = json.loads((izwi.folder / "demo_results/experiments/demo/metrics.json").read_text())
    assert metrics["value"] > 0.5
    assert f"{metrics['value']:.3f}" in demo.stderr and "demo_results/summary.csv" in demo.stderr
    assert not (izwi.folder / "results").exists()
    assert "Snakemake" not in demo.stderr and "profile" not in demo.stderr
    bib = (izwi.folder / "demo_results/experiments/demo/references.bib").read_text()
    assert "izwi: machine learning on speech databases" in bib


def test_a_second_call_makes_nothing(demo, izwi):
    cache = f"cache={os.environ['TEST_FEATURE_CACHE']}"
    assert izwi.call("run", "--demo", "--config", cache).stderr.startswith("nothing to do: ")
    again = izwi.call("run", "--demo", "-n", "--config", cache)
    assert again.stdout.startswith("nothing to do: ")


def test_a_call_that_names_nothing_says_what_to_type(izwi):
    told = izwi.call("run", code=1).stderr
    assert "izwi run my.ini" in told and "izwi run --demo" in told and told.count("\n") == 1


def test_the_other_commands_find_the_results(demo, izwi):
    here = ("--results", "demo_results")
    assert izwi.call("explain", "demo", *here).stdout.startswith("demo: uar ")
    (database,) = (izwi.folder / "demo_results/databases").iterdir()
    with open(izwi.folder / "demo_results/experiments/demo/predictions.csv", newline="") as stream:
        row = next(csv.DictReader(stream))
    found = izwi.call("predict", "--experiment", "demo", *here, "--json", database / row["file"])
    (file,) = json.loads(found.stdout)["files"]
    assert file["prediction"] == row["prediction"]


def test_results_are_packed_verified_and_tidied_from_there(demo, installed, izwi):
    ini = installed / "izwi/workflow/config/experiments/demo.ini"
    here = ("--results", "demo_results", "--cache", os.environ["TEST_FEATURE_CACHE"])
    izwi.call("archive", str(ini), *here, "--output", "demo.zip")
    assert "all figures follow from the predictions" in izwi.call("verify", "demo.zip").stdout
    assert izwi.call("prune", str(ini), *here).stdout == "nothing to delete\n"
    other = izwi.folder / "other.ini"
    other.write_text(ini.read_text().replace("type = svm", "type = knn"))
    listed = izwi.call("prune", str(other), *here).stdout
    assert "B  in all\n" in listed and "nothing was deleted" in listed


def test_what_is_wrong_is_one_line(izwi):
    (izwi.folder / "bad.yaml").write_text("experiments: [demo.ini\n")
    found = izwi.call("run", "bad.yaml", code=1).stderr
    assert found.startswith("bad.yaml: cannot be read: ") and found.count("\n") == 1
