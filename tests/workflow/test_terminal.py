"""What calls print where nobody asks for Snakemake's own words."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from workflow import (
    DEMO,
    IZWI,
    ROOT,
    SNAKEMAKE,
    Folder,
    call_snakemake,
    copy_results,
    environment,
    izwi_environment,
)

OS = {"type": "os", "scale": "standard"}
# Of jobs, as Snakemake lists them.
WORDS = re.compile(r"\bjobid:|\brule \w+:|steps \(|^SNAKEMAKE|Building DAG", re.MULTILINE)
AUDIT = "can learn it"


def lines_of(call):
    """What is printed but the line that Snakemake prints before izwi is asked."""
    return [line for line in call.text.splitlines() if not line.startswith("Using workflow")]


def table_of(lines):
    """The table of results and what stands below it."""
    first = next(i for i, line in enumerate(lines) if line.startswith("experiment  "))
    return [line for line in lines[first:] if not line.startswith("log ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, two_models):
    """Two experiments whose models alone were left to make, and what that call printed."""
    folder = Folder(tmp_path_factory.mktemp("terminal") / "copy", page=True)
    copy_results(Folder(two_models), folder.path / "results", "models", "evaluations", "audits")
    for name in ("svm.ini", "knn.ini", "config.yaml"):
        shutil.copy(two_models / name, folder.path)
    shutil.rmtree(folder.path / "results/experiments")
    folder.first = lines_of(folder.run("--configfile", "config.yaml", plain=True))
    return folder


def test_a_call_says_what_is_loaded_and_found(folder):
    lines = folder.first
    assert lines[0].startswith("demo: 60 files, ") and " speakers, " in lines[0]
    classes = re.findall(r"(\w+) (\d+)", lines[1].partition("emotion: ")[2])
    assert len(classes) == 4 and sum(int(number) for _, number in classes) == 60
    assert re.fullmatch(r"  tested: \d+ samples, \d+ speakers; trained on: .*", lines[2])
    assert len(lines) <= 30 and not WORDS.search("\n".join(lines))


def test_each_warning_is_printed_once_with_whom_it_concerns(folder):
    start = folder.first.index("warnings:")
    told = folder.first[start + 1 : folder.first.index("", start)]
    shared = [line for line in told if line.endswith("(all experiments)")]
    assert shared and len(set(told)) == len(told)
    warned = [set(folder.metrics(name)["warnings"]) for name in ("svm", "knn")]
    texts = {re.sub(r" \((all experiments|svm|knn)\)$", "", line.strip()) for line in told}
    assert texts == warned[0] | warned[1]
    noted = {line for name in ("svm", "knn") for line in folder.metrics(name)["notes"]}
    assert all(sum(note in line for line in folder.first) == 1 for note in noted)


def test_the_table_has_the_interval_and_chance_beside_the_value(folder):
    header, svm, knn = table_of(folder.first)[:3]
    names = re.split(r" {2,}", header)
    for row, name in ((svm, "svm"), (knn, "knn")):
        metrics = folder.metrics(name)
        found = dict(zip(names, re.split(r" {2,}", row), strict=True))
        assert found["value"] == f"{metrics['value']:.3f}" and found["experiment"] == name
        assert found["chance"] == f"{metrics['chance']['uar']:.3f}"
        assert found["95 % interval"] == "[{:.3f}, {:.3f}]".format(*metrics["ci"])


def test_it_says_where_things_lie(folder):
    last = dict(line.split(maxsplit=1) for line in folder.first[-5:])
    assert set(last) == {"page", "table", "all", "folder", "log"}
    assert (folder.path / last["page"]).is_file() and (folder.path / last["table"]).is_file()
    # What was not shown.
    words = (folder.path / last["log"]).read_text()
    assert "rule train:" in words and "reason: " in words


def test_a_second_call_prints_the_same_table(folder):
    lines = lines_of(folder.run("--configfile", "config.yaml", plain=True))
    assert lines[0].startswith("nothing to do")
    assert table_of(lines) == table_of(folder.first)
    assert len(lines) < 12


@pytest.mark.parametrize("options", [["-p"], ["--quiet", "host"]], ids=str)
def test_one_option_brings_back_what_snakemake_says(folder, options):
    call = folder.run("--configfile", "config.yaml", "-n", "-R", "train", *options, plain=True)
    assert "rule train:" in call.text and "reason: " in call.text
    assert ("\n    resources: " in call.text) and call.jobs("train") == 2


def test_a_dry_run_is_the_table_of_jobs(folder):
    call = folder.run("--configfile", "config.yaml", "-n", "-R", "train", plain=True)
    assert call.jobs("train") == 2 and call.jobs("evaluate") == 2
    assert call.text.count("Job stats:") == 1 and not WORDS.search(call.text)


def test_v_is_verbose(folder):
    done = subprocess.run(
        [*IZWI, "run", "svm.ini", "-v", "-n", "-R", "train", "--config", f"cache={folder.cache}"],
        cwd=folder.path,
        env=izwi_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "rule train:" in done.stdout


def test_errors_are_printed_once_and_last(folder):
    own = {"DATA": DEMO, "FEATS": OS}
    inis = ["svm.ini", folder.ini("many", **own, MODEL={"type": "knn", "K_val": 500})]
    inis.append(folder.ini("none", **own | {"DATA": DEMO | {"labels": "['anger', 'bliss']"}},
                           MODEL={"type": "tree"}))  # fmt: skip
    folder.config(inis, "failing.yaml", results="failing")
    shutil.copytree(folder.path / "results", folder.path / "failing", dirs_exist_ok=True)
    call = folder.run("--configfile", "failing.yaml", plain=True, ok=False)
    lines = lines_of(call)
    assert call.code == 1 and lines[-3] == ""
    assert {line.partition(": [")[0] for line in lines[-2:]} == {"many.ini", "none.ini"}
    assert all(lines.count(line) == 1 for line in lines[-2:])
    assert "Exception" not in call.text and "Error" not in call.text


def test_ctrl_c_is_one_line(folder, tmp_path):
    stopped = Folder(tmp_path, own_cache=True)
    stopped.ini("long", DATA=DEMO | {"demo.limit_samples": 312}, FEATS=OS, MODEL={"type": "svm"})
    process = subprocess.Popen(
        [*SNAKEMAKE, "-s", str(ROOT / "Snakefile"), "--config", "ini=long.ini"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # In the background of a shell the signal is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
    )
    until = time.monotonic() + 60
    logs = tmp_path / "results/logs/database"
    while not list(logs.glob("*.log")) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    lines = [x for x in process.communicate(timeout=60)[0].splitlines() if "profile" not in x]
    assert process.returncode != 0 and len(lines) == 1
    assert re.match(r"stopped: \d+ of \d+ steps are done and stay in results; ", lines[0])


def test_bars_on_a_terminal(folder):
    """They are drawn while it works, and wiped before the results."""
    pytest.importorskip("pty")
    for stage in ("models", "evaluations", "experiments"):
        shutil.rmtree(folder.path / "results" / stage)
    code = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [*IZWI, "run", "config.yaml", "--config", f"cache={folder.cache}"]
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=folder.path,
        env=izwi_environment(TERM="xterm"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode()
    assert re.search(r"train +[━╌]{24}  \d of 2", text)
    # After the last wipe there are but lines.
    rest = text.rpartition("\x1b[J")[2]
    assert "━" not in rest and "experiment  " in rest and not WORDS.search(text)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no experiment is named: type izwi run my.ini"),
        (["--config", "ini="], "config: ini: has no value, such as ini=my.ini"),
        (["--config", "ini=gone.ini"], "config: ini: no such file: gone.ini"),
        (["--config", "experiments=[gone/*.ini]"], "no file matches gone/*.ini"),
    ],
)
def test_nothing_to_run_is_one_line(tmp_path, arguments, told):
    words = ["-s", str(ROOT / "Snakefile"), *arguments]
    if arguments:
        code, text = call_snakemake(words, tmp_path)
    else:
        # One of them starts as a user's does.
        done = subprocess.run(
            [*SNAKEMAKE, *words],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        code, text = done.returncode, done.stdout + done.stderr
    lines = [x for x in text.splitlines() if "profile" not in x]
    assert code == 1 and len(lines) == 1 and told in lines[0]
    assert not (tmp_path / "results").exists()
