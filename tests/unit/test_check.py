"""`izwi check`: what is wrong, what leaks and what a call takes, without writing a byte."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi.cli import main
from izwi.data.databases import demo
from izwi.engine import estimate

INI = """\
[EXP]
name = {name}
[DATA]
databases = ['mine']
mine = mine.csv
target = emotion
{data}
[FEATS]
type = {feats}
[MODEL]
type = {model}
"""
EMOTIONS = ("anger", "neutral")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Six speakers with four recordings of half a second for each of two classes."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    rows = []
    for who in "abcdef":
        for what in EMOTIONS:
            for take in range(4):
                name = f"wav/{who}_{what}_{take}.wav"
                (tmp_path / "wav").mkdir(exist_ok=True)
                soundfile.write(tmp_path / name, random.normal(0, 0.1, 8000), 16000)
                rows.append((name, who, what))
    pd.DataFrame(rows, columns=["file", "speaker", "emotion"]).to_csv("mine.csv", index=False)
    return tmp_path


@pytest.fixture
def check(folder, capsys):
    """Check inis of some names; the exit code, and what is said."""

    def check(*arguments, name="mine", data="", feats="signal", model="svm"):
        (folder / f"{name}.ini").write_text(
            INI.format(name=name, data=data, feats=feats, model=model)
        )
        before = tree(folder)
        code = main(["check", *(arguments or (f"{name}.ini",))])
        assert tree(folder) == before
        out, err = capsys.readouterr()
        return code, out, err

    return check


def tree(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def stages(out):
    """Stage → units that are made, and to be made."""
    rows = re.findall(r"^(\w+) +(\d+) +(\d+) ", out, re.MULTILINE)
    return {stage: (int(made), int(todo)) for stage, made, todo in rows}


def test_the_plan_and_what_it_takes(check):
    code, out, err = check()
    assert code == 0
    assert "mine: 48 rows, 6 speakers; anger 24, neutral 24" in out
    # The matrix, and the fingerprints of the audit.
    assert stages(out)["features"] == (0, 2)
    assert stages(out)["train"] == (0, 1)
    assert re.search(r"takes about \d+ s on .* of CPU\), \d+ .B of disk .* of memory", out)
    assert "near-duplicates" in err


def test_all_errors_of_all_inis_at_once(check, folder):
    (folder / "other.ini").write_text("[EXP]\nname = other\n[DATA]\ntarget = emotion\n")
    code, out, err = check("mine.ini", "other.ini", data="labls = ['anger']", model="svn")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert any("labls: unknown option, did you mean 'labels'?" in line for line in lines)
    assert any("[MODEL] type" in line and "svn" in line for line in lines)
    assert any("other.ini" in line and "databases: missing" in line for line in lines)


def test_data_of_sound_inis_are_looked_at_beside_others(check, folder):
    (folder / "other.ini").write_text("[EXP]\nname = other\n[DATA]\ntarget = emotion\n")
    code, out, err = check("other.ini", "mine.ini", data="labels = ['anger', 'neutrla']")
    assert code == 1 and out.startswith("1 experiment: mine\n")
    problems = [line for line in err.splitlines() if line.startswith("problem: ")]
    assert ["other.ini" in problems[0], "neutrla" in problems[-1]] == [True, True]


def test_what_the_data_say_against_it(check):
    code, out, err = check(data="labels = ['anger', 'neutrla']")
    assert code == 1
    assert re.search(r"^problem: mine\.ini: .*neutrla", err, re.MULTILINE)
    assert "did you mean 'neutral'" in err
    assert "takes about" in out


def test_a_machine_of_many_rows_takes_long(check, monkeypatch):
    monkeypatch.setattr("izwi.models.svm.MANY", 20)
    code, _, err = check(data="mine.split_strategy = speaker_split")
    said = re.search(
        r"^warning: mine\.ini: .*svm of (\d+) training rows takes .*", err, re.MULTILINE
    )
    assert code == 0 and said and 20 < int(said[1]) < 48 and "linear_svm" in said[0]
    assert "training rows takes" not in check(model="xgb")[2]


@pytest.mark.parametrize(("leakage", "code"), [("warn", 0), ("error", 1)])
def test_leaks_are_told_before_anything_runs(check, leakage, code):
    data = f"mine.split_strategy = random\nleakage = {leakage}"
    found, _, err = check(data=data)
    assert found == code
    assert re.search(r"(warning|problem): .*speakers in both train and test: \d of 6", err)


def test_speakers_are_missed(check, folder):
    table = pd.read_csv("mine.csv").drop(columns="speaker")
    table.to_csv("mine.csv", index=False)
    code, _, err = check()
    assert code == 1
    assert "speaker_split needs a speaker column" in err


def test_a_demo_that_is_not_made_yet(check, folder):
    ini = INI.format(name="demo", data="demo.type = demo", feats="os", model="svm")
    (folder / "demo.ini").write_text(ini.replace("mine = mine.csv\n", "").replace("mine", "demo"))
    code, out, err = check("demo.ini")
    assert code == 0
    assert stages(out)["database"] == (0, 1)
    assert "made by the call" in err
    # All recordings are counted before there is one.
    assert re.search(r"^features .* 1\d s", out, re.MULTILINE)
    emotions = len(demo._EMOTIONS)
    count = sum(emotions * len(v) * len(demo._SENTENCES[k]) for k, v in demo._VOICES.items())
    assert count == estimate._DEMO


def test_what_nobody_has_measured_is_named(check, folder, monkeypatch):
    monkeypatch.setattr(estimate, "UNKNOWN", ("train knn",))
    _, out, err = check(model="knn")
    assert re.search(r"^train .* unknown", out, re.MULTILINE)
    assert "the time is not known of train of mine" in err
    assert " and more on " in out


def seconds(out):
    number, unit = re.search(r"takes about ([\d.]+) (s|min|h)", out).groups()
    return float(number) * {"s": 1, "min": 60, "h": 3600}[unit]


def record(results, cpu, model="svm", train=30, test=18, folds=1, **spec):
    """What a training took, as a call leaves it."""
    place = results / "models" / "some-0123456789ab"
    place.mkdir(parents=True)
    sizes = [{"fold": n, "n_train": train, "n_dev": 0, "n_test": test} for n in range(folds)]
    report = {"spec": {"model": {"type": model}, **spec}, "runs": [{"run": 1, "folds": sizes}]}
    (place / "training.json").write_text(json.dumps(report))
    path = results / "benchmarks" / "train" / "some-0123456789ab.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n700\t0:11:40\t900.0\t{cpu:.2f}\n")


@pytest.mark.parametrize("kind", ["svm", "knn"])
@pytest.mark.parametrize("rows", [100, 312, 6000])
def test_a_recorded_training_grows_from_the_rows_that_it_had(tmp_path, kind, rows):
    train = rows * 2 // 3
    record(tmp_path, 3 * 120.0, kind, train, rows - train, folds=3)
    cost = estimate._records(tmp_path)[f"train {kind}"]
    # Three fits took 360 s, so one of as many rows takes 120 s.
    assert cost.of(rows) == pytest.approx(120)
    # An svm compares each row with each; of a few hundred rows, other work prevails.
    for larger in (6_000, 60_000, 600_000):
        growth = larger / rows
        if kind == "svm":
            growth *= larger / max(rows, 312)
        assert cost.of(larger) == pytest.approx(120 * growth)


def test_a_recorded_search_for_options_is_counted_once(tmp_path):
    record(tmp_path, 600.0, "knn", 60, 40, tune={"values": {"K_val": [1, 3]}})
    cost = estimate._records(tmp_path)["train knn"]
    # `check` counts ten fits for a search.
    assert 10 * cost.of(100) == pytest.approx(600)


def test_other_records_grow_with_the_hours_that_are_asked_for(check, folder):
    path = folder / "results" / "benchmarks" / "load" / "mine-0123456789ab.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\tmax_rss\tcpu_time\n1\t0:00:01\t90.0\t0.50\n")
    found = {}
    for hours in ((), ("--hours", "10000")):
        _, out, _ = check("mine.ini", "-c", "1", *hours)
        (line,) = [line for line in out.splitlines() if line.startswith("load ")]
        assert "records of this folder" in line
        number, unit = re.search(r"([\d.]+) (s|min|h)\b", line).groups()
        found[hours] = float(number) * {"s": 1, "min": 60, "h": 3600}[unit]
    # 24 s of audio are 48 rows.
    rows = 10_000 * 3600 / 24 * 48
    assert found[()] < 2
    wanted = rows * estimate.MEASURED["load"].each
    assert found["--hours", "10000"] == pytest.approx(wanted, rel=0.05)


def test_records_of_the_folder_win(check, folder):
    _, out, _ = check()
    assert "records" not in out and seconds(out) < 60
    record(folder / "results", 600.0)
    _, out, _ = check("mine.ini", "-c", "1")
    # As many rows as were recorded.
    assert 590 <= seconds(out) <= 660
    assert re.search(r"^train .*records of this folder", out, re.MULTILINE)
    assert "900 MB of memory" in out
    # Of another model nothing is recorded.
    _, out, _ = check(name="knn", model="knn")
    assert seconds(out) < 60


def test_a_damaged_table_is_read_from_the_labels(check, folder, monkeypatch):
    from izwi.engine.plan import Unit

    check()
    monkeypatch.setattr(Unit, "done", property(lambda unit: unit.stage == "load"))
    monkeypatch.setattr(pd, "read_parquet", lambda path: (_ for _ in ()).throw(ValueError("bad")))
    code, out, _ = check()
    assert code == 0 and "mine: 48 rows" in out


def test_extraction_is_shared_among_cores(check):
    times = []
    for cores in ("1", "4"):
        _, out, _ = check("mine.ini", "-c", cores, feats="praat", data="mine.type = csv")
        times.append(seconds(out))
    assert times[1] <= times[0]


def test_a_corpus_of_any_size_on_any_cluster(check):
    def of(*options, **ini):
        code, out, _ = check("mine.ini", "-c", "16", "--hours", *options, **ini)
        assert code == 0
        wall, unit = re.search(r"takes about ([\d.]+) (\w+) on", out).groups()
        return out, float(wall) * {"s": 1, "min": 60, "h": 3600}[unit]

    # 48 recordings of half a second are 24 s.
    out, alone = of("1000", feats="os", model="xgb")
    assert "as if it were 7,200,000 rows, 1,000 h of audio" in out
    features = (
        estimate.MEASURED["features os"].each + estimate.MEASURED["features fingerprint"].each
    )
    extraction = 3_600_000 * features / 16
    assert extraction < alone < 2 * extraction and "network" not in out
    out, shared = of("1000", "--nodes", "10", feats="os", model="xgb")
    # Each recording is a header of 44 bytes and 8,000 samples of two.
    assert f"{7_200_000 * 16_044 / 1e9:.1f} GB of audio over the network" in out
    assert "on 10 nodes of 16 cores" in out
    assert alone - shared == pytest.approx(0.9 * extraction, rel=0.05)
    # A support vector machine compares each row with each.
    pairs = [of(hours, model="svm")[1] for hours in ("1000", "2000")]
    assert pairs[1] / pairs[0] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        ("mine.ini", "-c", "0"),
        ("mine.ini", "--nodes", "0"),
        ("mine.ini", "--hours", "nan"),
        ("mine.ini", "--hours", "-1"),
        ("mine.csv",),
        ("mine.ini", "--config", "results"),
    ],
)
def test_wrong_arguments(check, arguments):
    code, _, err = check(*arguments)
    assert code == 2
    assert err.startswith("izwi check: ") and len(err.splitlines()) == 1


def test_results_elsewhere(check, folder):
    (folder / "all.yaml").write_text("experiments: [mine.ini]\nresults: one\n")
    code, out, _ = check("all.yaml", "--config", "results=two")
    assert code == 0 and "1 experiment: mine" in out
