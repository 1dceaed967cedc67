"""Failing experiments, calls that are killed and calls at once, on the embedded synthetic data."""

import base64
import csv
import html
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from page_example import details
from workflow import DEMO as DATA
from workflow import ROOT, SNAKEMAKE, Folder, environment

FEATS = {"type": "os", "scale": "standard"}
FILES = ("metrics.json", "predictions.csv", "plots/confusion_matrix.png")
LIMITED = """\
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
FAILING = ("labels", "split", "strict", "wrong")


def two_inis(folder):
    inis = [
        folder.ini("svm", DATA=DATA, FEATS=FEATS, MODEL={"type": "svm"}),
        folder.ini("knn", DATA=DATA, FEATS=FEATS, MODEL={"type": "knn"}),
    ]
    folder.config(inis)
    return inis


def contents(folder):
    return {(name, file): folder.bytes_of(name, file) for name in ("svm", "knn") for file in FILES}


@pytest.fixture(scope="module")
def undisturbed(two_models):
    return Folder(two_models)


def test_the_mark_of_a_killed_call_on_a_whole_file_stops_nothing(undisturbed, tmp_path):
    folder = Folder(tmp_path / "copy")
    shutil.copytree(undisturbed.path, folder.path, dirs_exist_ok=True)
    for part in ("experiments", "evaluations", "models", "summary.csv"):
        path = folder.path / "results" / part
        path.unlink() if path.is_file() else shutil.rmtree(path)
    (split,) = (folder.path / "results/splits").glob("*.parquet")
    mark = base64.b64encode(str(split.relative_to(folder.path)).encode()).decode()
    (folder.path / ".snakemake/incomplete" / mark).touch()
    folder.run("--configfile", "config.yaml")
    assert contents(folder) == contents(undisturbed)


def test_a_limit_of_memory_that_is_too_low_is_said_at_once(tmp_path):
    folder = Folder(tmp_path)
    two_inis(folder)
    # Enough for Snakemake with all its plugins.
    limited = [sys.executable, "-c", LIMITED, str(700 * 2**20)]
    done = subprocess.run(
        [*limited, *SNAKEMAKE, "-s", str(ROOT / "Snakefile"), "--configfile", "config.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=60,
    )
    last = [line for line in (done.stdout + done.stderr).splitlines() if line][-1]
    assert done.returncode == 1 and last.startswith("memory: ulimit -v leaves this process 700 MB")


def with_bad_files(folder, undisturbed):
    """Two inis of demo recordings with two files that are none: a strict one, and a lenient one."""
    (source,) = (undisturbed.path / "results/databases").glob("demo-*/demo.csv")
    with open(source, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[::6]
    for row in rows:
        row["file"] = str(source.parent / row["file"])
    (folder.path / "empty.wav").write_bytes(b"")
    (folder.path / "text.wav").write_text("no audio")
    bad = [{**rows[i], "file": file} for i, file in ((0, "empty.wav"), (-1, "text.wav"))]
    with open(folder.path / "own.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows([*rows, *bad])
    data = {"databases": "['own']", "own": "own.csv", "target": "emotion"}
    data |= {"own.split_strategy": "speaker_split", "own.test_size": 40}
    feats = {"strict": FEATS, "lenient": FEATS | {"fail_threshold": 0.1}}
    return [folder.ini(n, DATA=data, FEATS=f, MODEL={"type": "knn"}) for n, f in feats.items()]


@pytest.fixture(scope="module")
def failing(undisturbed, tmp_path_factory):
    """One call over two inis that are right, one with bad files left out, and four that fail."""
    folder = Folder(tmp_path_factory.mktemp("failing"), page=True)
    inis = two_inis(folder)
    unused = {"type": "os", "set": "GeMAPSv01b"}
    for name, data, feats, model in (
        # Known when the table is loaded, when it is split, and when the model is fitted.
        ("labels", DATA | {"labels": "['anger', 'bliss']"}, unused, {"type": "tree"}),
        ("split", DATA | {"demo.split_strategy": "[99]"}, unused, {"type": "bayes"}),
        ("wrong", DATA, FEATS, {"type": "knn", "K_val": 500}),
    ):
        inis.append(folder.ini(name, DATA=data, FEATS=feats, MODEL=model))
    inis += with_bad_files(folder, undisturbed)
    folder.tables = [
        {"name": "all", "rows": "EXP.name", "columns": "DATA.databases", "controls": []}
    ]
    folder.config(inis, "all.yaml", grid=[], tables=folder.tables)
    folder.call = folder.run("--configfile", "all.yaml", ok=False)
    return folder


def test_failing_experiments_leave_the_others(undisturbed, failing):
    call, results = failing.call, failing.path / "results"
    assert call.code == 1 and "Traceback" not in call.text
    last = [line for line in call.text.splitlines() if line][-7:]
    told = {name: [line for line in last if line.startswith(f"{name}.ini: [")] for name in FAILING}
    assert [len(lines) for lines in told.values()] == [1, 1, 4, 1]
    assert "bliss" in told["labels"][0] and "99" in told["split"][0]
    assert "[MODEL] K_val: " in told["wrong"][0] and "500" in told["wrong"][0]
    strict = told["strict"]
    assert "cannot use 2 of" in strict[0]
    assert "strict.ini: [FEATS] type: empty.wav: no audio in it, the file is empty" in strict
    assert strict[3].endswith("all of them are listed in results/bad_files.csv")
    with open(results / "bad_files.csv", newline="", encoding="utf-8") as stream:
        assert {row["file"] for row in csv.DictReader(stream)} == {"empty.wav", "text.wav"}
    assert contents(failing) == contents(undisturbed)
    assert not list((results / "features").glob("*/os-GeMAPSv01b*"))
    assert not any((results / "experiments" / name).exists() for name in FAILING)
    summary = (results / "summary.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in summary[1:]] == ["svm", "knn", "lenient"]
    rows = (results / "tables/all/all.md").read_text().splitlines()
    figures = [line.split()[1] for line in rows if line.startswith("| ") and "[" in line]
    assert sorted(figures) == ["knn", "lenient", "svm"]
    page = (results / "index.html").read_text(encoding="utf-8")
    assert "4 of 7 experiments could not be made" in page
    assert f"<dt>wrong</dt><dd>{html.escape(told['wrong'][0])}</dd>" in page
    assert "<dt>strict</dt><dd>strict.ini: [FEATS]" in page
    assert not [path for path in results.rglob("*.*") if is_mark(path)]


def test_bad_files_may_be_left_out(failing):
    metrics = failing.metrics("lenient")
    assert metrics["excluded"]["n"] == 2 == sum(metrics["excluded"]["parts"].values())
    assert any("2 of" in line and "empty.wav" in line for line in metrics["warnings"])
    tested = {row["file"] for row in failing.predictions("lenient")}
    assert len(tested) == metrics["n_test"] and not tested & {"empty.wav", "text.wav"}


def test_once_mended_the_rest_is_made_and_all_is_whole(failing):
    folder, results = failing, failing.path / "results"
    folder.config(["svm.ini", "wrong.ini", "knn.ini"], "three.yaml", grid=[], tables=folder.tables)
    target = results / "experiments/wrong/metrics.json"
    again = folder.run(
        "--configfile", "three.yaml", "--", str(target.relative_to(folder.path)), ok=False
    )
    assert again.code != 0 and again.jobs("features") == 0
    assert not target.exists()

    folder.ini("wrong", DATA=DATA, FEATS=FEATS, MODEL={"type": "knn", "K_val": 4})
    call = folder.run("--configfile", "three.yaml")
    assert call.jobs("train") == call.jobs("experiment") == 1
    # What was made of a part is made again in full.
    assert call.jobs("summary") == call.jobs("table") == call.jobs("page") == 1
    assert folder.metrics("wrong")["value"] > 0
    page = (results / "index.html").read_text(encoding="utf-8")
    assert "could not be made" not in page and {"svm", "knn", "wrong"} <= {
        one["name"] for one in details(page)
    }
    folder.run("--configfile", "three.yaml", "--report", "report.html")
    report = (folder.path / "report.html").read_text(encoding="utf-8")
    for name in ("svm", "knn", "wrong"):
        about = f"Experiment {name}: emotion of demo, from os (eGeMAPSv02) by"
        assert about in report and f"Experiment {name}" in report
    assert "Truth in the rows" in report
    (results / "index.html").unlink()
    folder.run("--configfile", "three.yaml")
    assert (results / "index.html").read_text(encoding="utf-8") == page
    assert folder.run("--configfile", "three.yaml").nothing_to_do


def is_mark(path):
    results = path.parts[path.parts.index("results") :]
    if results[1] in ("logs", "plans") or path.name == ".snakemake_timestamp":
        return False
    return path.is_file() and path.stat().st_size == 0


def start(folder, *arguments):
    if folder.cache:
        arguments += ("--config", f"cache={folder.cache}")
    return subprocess.Popen(
        [*SNAKEMAKE, "-s", str(ROOT / "Snakefile"), *arguments],
        cwd=folder.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def test_two_calls_at_once(undisturbed, tmp_path):
    folder = Folder(tmp_path)
    two_inis(folder)
    first, second = (start(folder, "--configfile", "config.yaml") for _ in range(2))
    texts = [call.communicate()[0] for call in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), texts
    # Whichever comes second plans when the other has ended.
    assert sum("nothing to do" in text for text in texts) == 1
    assert sum("waiting for process" in text for text in texts) == 1
    assert contents(folder) == contents(undisturbed)


def test_damaged_results_are_named(undisturbed, tmp_path):
    shutil.copytree(undisturbed.path, tmp_path / "copy", symlinks=True)
    folder = Folder(tmp_path / "copy")
    more = folder.ini("more", DATA=DATA, FEATS=FEATS, MODEL={"type": "knn", "K_val": 7})
    folder.config(["svm.ini", "knn.ini", more], "more.yaml")
    evaluated = json.loads(folder.bytes_of("knn", "experiment.json"))["stages"]["evaluate"]
    evaluated = folder.path / evaluated["files"]["metrics"]
    (matrix,) = (folder.path / "results/features").glob("demo-*/os-*.parquet")
    damaged = {matrix: "train of more", evaluated: "experiment of knn"}
    # It is read again where something is made of it.
    (folder.path / "results/experiments/knn/metrics.json").unlink()
    for path in damaged:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    call = folder.run("--configfile", "more.yaml", ok=False)
    assert call.code != 0 and "Traceback" not in call.text
    for path, stage in damaged.items():
        name = path.relative_to(folder.path)
        told = f"{stage}: {name} is damaged: delete it and start again, it is made anew"
        assert any(line.endswith(told) for line in call.text.splitlines()[-2:])
        path.unlink()
    folder.run("--configfile", "more.yaml")
    assert contents(folder) == contents(undisturbed)


def test_what_people_open_is_made_again_where_it_was_changed(undisturbed, tmp_path):
    """Files with names that carry no key: by content, never by time."""
    shutil.copytree(undisturbed.path, tmp_path / "copy")
    folder = Folder(tmp_path / "copy")
    results = folder.path / "results"
    summary = results / "summary.csv"
    own = results / "summaries/config.csv"
    opened = [
        summary,
        own,
        *results.glob("experiments/*/*"),
        *results.glob("experiments/*/plots/*"),
    ]
    before = {path: path.read_bytes() for path in opened if path.is_file()}
    assert folder.run("--configfile", "config.yaml").nothing_to_do

    now = time.time()
    for number, path in enumerate(before):
        # An old file from a backup, a clock that is wrong.
        os.utime(path, (now, now + (-1, 1)[number % 2] * 99999))
    assert folder.run("--configfile", "config.yaml").nothing_to_do

    metrics, picture = (results / "experiments/knn" / FILES[i] for i in (0, 2))
    # As a spreadsheet saves it; a figure in place of another; nothing left of a picture.
    for table in (summary, own):
        table.write_text(table.read_text().replace(",", ";"))
    metrics.write_bytes(metrics.read_bytes().replace(b'"value": 0', b'"value": 1', 1))
    picture.write_bytes(b"")
    (results / "experiments/svm/methods.md").unlink()
    # Nothing left of a file with a key, either.
    evaluated = json.loads(folder.bytes_of("knn", "experiment.json"))["stages"]["evaluate"]
    (folder.path / evaluated["files"]["metrics"]).write_bytes(b"")
    call = folder.run("--configfile", "config.yaml")
    assert "Traceback" not in call.text and "was changed" not in call.text
    assert {path: path.read_bytes() for path in before} == before
    made = ("summary", "overview", "experiment", "plot")
    assert [call.jobs(stage) for stage in made] == [1, 1, 2, 1]
    assert (call.jobs("train"), call.jobs("evaluate")) == (0, 1)
    assert folder.run("--configfile", "config.yaml").nothing_to_do


def test_killed_at_any_moment(undisturbed, tmp_path):
    """Some calls are killed; the next one ends as if nothing had happened."""
    moments = random.Random(7)
    killed, latest, tries = 0, 6.0, iter(range(30))
    folder = Folder(tmp_path / "0", own_cache=True)
    two_inis(folder)
    while killed < 3:
        number = next(tries)
        call = start(folder, "--configfile", "config.yaml")
        try:
            call.wait(moments.uniform(1, latest))
        except subprocess.TimeoutExpired:
            os.killpg(call.pid, signal.SIGKILL)
            killed += 1
            call.communicate()
        else:
            # It was done before: from the beginning again, and killed sooner.
            text = call.communicate()[0]
            assert call.returncode == 0 and contents(folder) == contents(undisturbed), text
            latest = max(1.5, 0.7 * latest)
            folder = Folder(tmp_path / f"{number + 1}", own_cache=True)
            two_inis(folder)
    call = folder.run("--configfile", "config.yaml")
    assert contents(folder) == contents(undisturbed), call.text
    assert folder.run("--configfile", "config.yaml").nothing_to_do
