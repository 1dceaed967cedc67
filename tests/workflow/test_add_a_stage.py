"""The stage of docs/add_a_stage.md, written as the page says, stands by itself everywhere."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from workflow import ROOT, environment

COPIED = ("izwi", "rules", "Snakefile", "config", "profiles", "envs", "CITATION.cff")
BLOCK = re.compile(r"`([\w/]+\.\w+)`:\n\n```python\n(.*?)```", re.DOTALL)


class Checkout:
    """A copy of the checkout that the page was followed in."""

    def __init__(self, path):
        self.path = path
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, path / name)

    def follow(self, page):
        """Write the files that a page tells to write, and add to those that are there."""
        blocks = BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
        for name, text in blocks:
            with open(self.path / name, "a", encoding="utf-8") as stream:
                stream.write(("\n\n" if stream.tell() else "") + text)
        return [name for name, _ in blocks]

    def call(self, module, *arguments, ok=True):
        process = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.path,
            capture_output=True,
            text=True,
            env={**environment(), "PYTHONPATH": str(self.path)},
            check=False,
        )
        text = process.stdout + process.stderr
        assert not ok or process.returncode == 0, text
        return text

    def snakemake(self, *arguments):
        return self.call(
            "snakemake", "-c2", "--config", f"cache={os.environ['TEST_FEATURE_CACHE']}", *arguments
        )

    def text(self, name):
        return (self.path / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    assert checkout.follow("add_a_stage.md") == ["izwi/stages/durations.py", "rules/models.smk"]
    assert re.search(r"^durations +1$", checkout.snakemake("-n"), re.MULTILINE)
    checkout.snakemake()
    return checkout


def test_record_methods_and_page_show_it(made):
    stage = json.loads(made.text("results/experiments/demo/experiment.json"))["stages"]["durations"]
    found = json.loads(made.text(stage["files"]["errors"]))
    predictions = made.text("results/experiments/demo/predictions.csv").count("\n") - 1
    assert sum(group["samples"] for group in found.values()) == predictions
    assert found["short"]["seconds"][1] <= found["middle"]["seconds"][0]
    sentence = "Errors were also compared between 3 groups of samples by duration."
    assert f"**Further.** {sentence}" in made.text("results/experiments/demo/methods.md")
    page = made.text("results/index.html")
    assert "Errors by duration" in page and stage["key"] in page


def test_nothing_is_left_to_do_and_it_can_be_forced(made):
    assert not re.search(r"^durations", made.snakemake("-n"), re.MULTILINE)
    assert re.search(r"^durations +1$", made.snakemake("-n", "-R", "durations"), re.MULTILINE)


def test_an_archive_holds_it_and_verify_computes_it_again(made):
    made.call("izwi", "archive", "--configfile", "config/config.yaml")
    text = made.call("izwi", "verify", "results/archives/config.zip")
    assert "durations demo: ok" in text


def test_prune_lists_what_no_config_needs(made):
    old = made.path / "results/durations/0123456789ab.json"
    old.write_text("{}", encoding="utf-8")
    text = made.call("izwi", "prune", "--configfile", "config/config.yaml")
    assert old.name in text and text.count("results/durations/") == 1
