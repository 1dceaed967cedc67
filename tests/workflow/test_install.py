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
    metrics = json.loads((izwi.folder / "results/experiments/demo/metrics.json").read_text())
    assert metrics["value"] > 0.5
    assert f"{metrics['value']:.4g}" in demo.stderr and "results/summary.csv" in demo.stderr
    assert "Snakemake" not in demo.stderr and "profile" not in demo.stderr
    bib = (izwi.folder / "results/experiments/demo/references.bib").read_text()
    assert "izwi: machine learning on speech databases" in bib


def test_a_second_call_makes_nothing(demo, izwi):
    cache = f"cache={os.environ['TEST_FEATURE_CACHE']}"
    assert izwi.call("run", "--config", cache).stderr.startswith("nothing to do: ")
    again = izwi.call("run", "-n", "--config", cache)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_the_other_commands_find_the_results(demo, izwi):
    assert izwi.call("explain", "demo").stdout.startswith("demo: uar ")
    (database,) = (izwi.folder / "results/databases").iterdir()
    with open(izwi.folder / "results/experiments/demo/predictions.csv", newline="") as stream:
        row = next(csv.DictReader(stream))
    found = izwi.call("predict", "--experiment", "demo", "--json", database / row["file"])
    (file,) = json.loads(found.stdout)["files"]
    assert file["prediction"] == row["prediction"]


def test_what_is_wrong_is_one_line(izwi):
    (izwi.folder / "bad.yaml").write_text("experiments: [demo.ini\n")
    found = izwi.call("run", "bad.yaml", code=1).stderr
    assert found.startswith("bad.yaml: cannot be read: ") and found.count("\n") == 1
