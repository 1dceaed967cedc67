"""What the pages add_a_….md tell to write works, written as they say, and follows everywhere."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from page_example import details
from workflow import ROOT, environment

COPIED = ("izwi", "rules", "Snakefile", "config", "profiles", "envs", "CITATION.cff")
# A file, or an entry of a registry.
BLOCK = re.compile(r"(?:Into\s`(\w+)`\sof\s)?`([\w/]+\.\w+)`:\n\n```python\n(.*?)```", re.DOTALL)


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
        for registry, name, text in blocks:
            path = self.path / name
            there = path.read_text(encoding="utf-8") if path.exists() else ""
            if registry:
                before, start, entries = there.partition(f"\n{registry} = {{\n")
                there = before + start + text + entries
            else:
                there = f"{there}\n\n{text}" if there else text
            path.write_text(there, encoding="utf-8")
        return [name for _, name, _ in blocks]

    def python(self, *arguments):
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            capture_output=True,
            text=True,
            env={**environment(), "PYTHONPATH": str(self.path)},
            check=False,
        )
        text = process.stdout + process.stderr
        assert process.returncode == 0, text
        return text

    def call(self, module, *arguments):
        return self.python("-m", module, *arguments)

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
    assert checkout.follow("add_a_scaler.md") == ["izwi/preprocessing/scalers.py"]
    assert checkout.follow("add_a_plot.md") == [
        "izwi/plots/speakers.py",
        "izwi/reporting/pictures.py",
    ]
    assert checkout.follow("add_a_split_strategy.md") == [
        "izwi/splits/order.py",
        "izwi/splits/strategies.py",
    ]
    assert checkout.follow("add_a_model.md") == [
        "izwi/models/extra_trees.py",
        "izwi/models/__init__.py",
    ]
    ini = checkout.path / "config/experiments/demo.ini"
    text = ini.read_text(encoding="utf-8")
    text = text.replace("scale = standard", "scale = center").replace("speaker_split", "latest")
    text = text.replace("type = svm", "type = extra_trees\nn_estimators = 7")
    ini.write_text(f"{text}speakers = True\n", encoding="utf-8")
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
    (shown,) = details(made.text("results/index.html"))
    assert "Errors by duration" in shown["further"]
    assert stage["key"] in [key for _, key, _ in shown["provenance"]["stages"]]


def test_nothing_is_left_to_do_and_it_can_be_forced(made):
    assert not re.search(r"^durations", made.snakemake("-n"), re.MULTILINE)
    assert re.search(r"^durations +1$", made.snakemake("-n", "-R", "durations"), re.MULTILINE)


def test_an_archive_holds_it_and_verify_computes_it_again(made):
    made.call("izwi", "archive", "--configfile", "config/config.yaml")
    text = made.call("izwi", "verify", "results/archives/config.zip")
    assert "durations demo: ok" in text


def test_a_scaler_is_an_entry(made):
    assert "center" in made.call("izwi", "options", "scale")
    report = json.loads(made.text("results/experiments/demo/experiment.json"))
    assert report["preprocessing"]["scale"] == "center"
    sentence = "centred to zero mean, with parameters fitted on the training samples alone."
    assert sentence in made.text("results/experiments/demo/methods.md")
    (model,) = (made.path / "results/models").iterdir()
    code = (
        "import sys; from pathlib import Path; from izwi.preprocessing.pipeline import "
        "Preprocessing as P; [f] = Path(sys.argv[1]).rglob('preprocessing.json'); "
        "print(P.load(f.parent).scale)"
    )
    assert made.python("-c", code, str(model)).strip() == "center"


def test_a_model_is_a_class_and_a_line(made):
    assert "number of trees" in made.call("izwi", "options", "n_estimators")
    record = json.loads(made.text("results/experiments/demo/experiment.json"))
    assert record["model"]["type"] == "extra_trees"
    assert record["model"]["options"]["n_estimators"] == 7


def test_a_split_strategy_is_a_function_and_an_entry(made):
    assert "latest" in made.call("izwi", "options", "split_strategy")
    methods = made.text("results/experiments/demo/methods.md")
    assert (
        "Of demo, the last 124 of 312 samples (40 % were requested), in the order of their files, "
        "were held out for testing."
    ) in methods
    rows = made.text("results/experiments/demo/predictions.csv").splitlines()
    assert len(rows) == 1 + int(0.4 * 312)


def test_a_plot_is_a_function_and_an_entry(made):
    assert "measure of each speaker" in made.call("izwi", "options", "speakers")
    plots = made.path / "results/experiments/demo/plots"
    assert (plots / "speakers.png").stat().st_size > 1000
    shown = (plots / "speakers.png.csv").read_text().splitlines()
    metrics = json.loads(made.text("results/experiments/demo/metrics.json"))
    assert shown[0] == "speaker,uar" and len(shown) == 1 + metrics["n_speakers"]
    (shown,) = details(made.text("results/index.html"))
    captions = " ".join(picture["caption"] for picture in shown["pictures"])
    assert "the lowest first; the dotted line" in captions


def test_prune_lists_what_no_config_needs(made):
    old = made.path / "results/durations/0123456789ab.json"
    old.write_text("{}", encoding="utf-8")
    text = made.call("izwi", "prune", "--configfile", "config/config.yaml")
    assert old.name in text and text.count("results/durations/") == 1
