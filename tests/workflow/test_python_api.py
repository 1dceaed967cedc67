"""`izwi.run`: figures and DataFrames of the same experiments, plan and cache."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from workflow import DEMO, ROOT, Folder, izwi_environment

import izwi
from izwi.cli import main
from izwi.errors import UserError

OS = {"type": "os", "scale": "standard"}
CACHE = os.environ["TEST_FEATURE_CACHE"]
# The tests share a cache.
HEAD = f"""\
import functools
import izwi
run = functools.partial(izwi.run, cache={CACHE!r})
"""
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("api"))
    folder.ini("my", DATA=DEMO, FEATS=OS, MODEL={"type": "svm"})
    folder.ini("other", DATA=DEMO, FEATS={"type": "['os', 'signal']"}, MODEL={"type": "knn"})
    folder.ini("wrong", DATA=DEMO | {"target": "emotoin"}, FEATS=OS, MODEL={"type": "svm"})
    folder.ini("typo", DATA=DEMO, FEATS=OS | {"type": "oss"}, MODEL={"type": "svm"})
    folder.config(["my.ini", "other.ini"], page="none")
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder.path)
    return folder


@pytest.fixture(scope="module")
def result(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.path)
        return izwi.run("my.ini", cache=CACHE, cores=2)


@pytest.fixture(scope="module")
def both(folder, result):
    """The first one, and another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.path)
        return izwi.run(configfile="config.yaml", cache=CACHE)


def test_figures_and_plots(result, folder):
    assert result.name == "my"
    assert result.folder == folder.path.resolve() / "results" / "experiments" / "my"
    assert result.metrics == folder.metrics("my")
    assert result.value == result.metrics["value"] and result.measure == "uar"
    low, high = result.interval
    assert low < result.value < high
    assert [path.name for path in result.plots] == ["confusion_matrix.png"]


def test_frames(result):
    split, table, features = result.split, result.table, result.features
    assert len(split) == len(table) == len(features) == 60
    for column in ("file", "start", "end"):
        assert split[column].equals(table[column]) and split[column].equals(features[column])
    assert features.shape[1] == 3 + 88
    predictions = result.predictions
    tested = split[split["part"] == "test"]
    assert list(predictions["file"]) == list(tested["file"])
    assert (table.loc[tested.index, "truth"].to_numpy() == predictions["truth"].to_numpy()).all()
    right = predictions["truth"] == predictions["prediction"]
    recalls = right.groupby(predictions["truth"]).mean()
    assert recalls.mean() == pytest.approx(result.value)


def test_several_inis_and_feature_sets_from_one_config(both, result, here):
    assert here.run("-n", "--configfile", "config.yaml").nothing_to_do
    assert list(both) == ["my", "other"]
    # That of the first call is not made again.
    assert both["my"].metrics == result.metrics
    columns = both["other"].features.columns
    assert list(columns[:3]) == ["file", "start", "end"] and not columns.duplicated().any()
    assert len(columns) > 3 + 88
    assert list(izwi.run(["other.ini"], cache=CACHE)) == ["other"]


def test_experiments_are_compared(both, here, result, capsys):
    other = both["other"]
    compared = izwi.compare(result, other, measure="accuracy").iloc[0]
    rows = result.predictions.merge(other.predictions, on=["file", "speaker", "truth"])
    right = [rows[f"prediction_{of}"] == rows["truth"] for of in "xy"]
    assert len(rows) == len(result.predictions) == compared["n"]
    assert compared["value_a"] == pytest.approx(right[0].mean())
    assert compared["difference"] == pytest.approx(right[0].mean() - right[1].mean())
    assert compared["n_speakers"] == rows["speaker"].nunique()
    assert main(["compare", "my", "results/experiments/other", "--csv", "compared.csv"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2 and shown[1].startswith("my  other  uar ")
    kept = pd.read_csv("compared.csv").iloc[0]
    assert kept["value_b"] == other.value and kept["verdict"] in shown[1]


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (["my"], "name two experiments, or more"),
        (["my", "results/experiments/my"], "an experiment is named twice"),
        (["my", "nobody"], "no experiment 'nobody' in results"),
        (["my", "other", "--measure", "mae"], "'mae' is no measure of a classification"),
    ],
)
@pytest.mark.usefixtures("both", "here")
def test_what_cannot_be_compared(capsys, arguments, problem):
    assert main(["compare", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert problem in line


@pytest.mark.parametrize(
    "inis, more, problems",
    [
        ("none.ini", {}, [r"no such file: none\.ini \(in .*\)"]),
        ("typo.ini", {}, [r"typo\.ini: \[FEATS\] type: 'oss' is unknown, did you mean 'os'\?"]),
        # Only a job can know this.
        ("wrong.ini", {}, [r"wrong\.ini: \[DATA\] target: demo has no column 'emotoin' .*"]),
        ("my.ini", {"cores": 0}, [r"izwi\.run: cores: 0 is no number of cores, from 1 on"]),
        (None, {}, [r"izwi\.run: name an ini, several, or configfile="]),
        (None, {"configfile": "no.yaml"}, [r"no such file: no\.yaml \(in .*\)"]),
    ],
)
def test_problems_are_those_of_a_call(here, inis, more, problems):
    with pytest.raises(UserError) as caught:
        izwi.run(inis, cache=CACHE, **more)
    found = caught.value.problems
    assert len(found) == len(problems)
    assert all(map(re.fullmatch, problems, found)), found


def test_a_file_that_is_gone_is_named(here, result):
    elsewhere = izwi.api.Result("my", result.folder)
    (split,) = (here.path / "results" / "splits").glob("demo-*.parquet")
    hidden = split.with_suffix(".hidden")
    split.rename(hidden)
    try:
        with pytest.raises(UserError, match=r"splits/.* is gone; run the experiment again"):
            _ = elsewhere.split
    finally:
        hidden.rename(split)


def test_examples_of_the_page(here, result):
    """All of them, one after the other, as a reader would type them."""
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    examples = PYTHON.findall(page)
    assert len(examples) >= 3
    here.config(["my.ini", "other.ini"], name="my_paper.yaml", page="none", cache=CACHE)
    code = "\n".join(examples).replace("izwi.run(", "run(").replace("import izwi\n", HEAD, 1)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here.path,
        env=izwi_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{result.value:.3f}" in done.stdout


def test_frames_are_read_when_they_are_asked_for(result, monkeypatch):
    monkeypatch.setattr(pd, "read_parquet", lambda *_: 1 / 0)
    fresh = izwi.api.Result(result.name, result.folder)
    assert fresh.value == result.value
