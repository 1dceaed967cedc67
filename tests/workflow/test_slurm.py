"""The workflow on a real SLURM: jobs are lost, and the results are those of this computer."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from workflow import ROOT, SNAKEMAKE, Folder

pytestmark = pytest.mark.slurm

CONFIGURATION = Path("/etc/slurm/slurm.conf")
DEMO = {
    "databases": "['demo']",
    "demo.type": "demo",
    "demo.limit_samples": 80,
    "demo.split_strategy": "speaker_split",
    "demo.test_size": 40,
    "target": "emotion",
}
FLAGS = {"models": "['svm', 'knn', 'tree']", "scale": "['none', 'standard', 'robust']"}
FILES = ("metrics.json", "predictions.csv", "plots/confusion_matrix.png")


@pytest.fixture(scope="module")
def slurm(slurm_tools):
    """A SLURM of this computer; gives its environment."""
    if os.geteuid() or not shutil.which("slurmctld"):
        pytest.skip("needs root and the Debian packages of SLURM, see .ci/run")
    if find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("needs Snakemake's plugin for SLURM: make slurm")
    # Its sockets have short names.
    place = Path(tempfile.mkdtemp(prefix="slurm-"))
    # One thread a library is for tests alone, and would leave the node one core.
    user = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    environment = user | {"S": str(place), "ACCT": "slurmdbd"}
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.unlink(missing_ok=True)
    CONFIGURATION.symlink_to(place / "slurm.conf")
    subprocess.run(
        [slurm_tools / "start.sh"], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    try:
        yield environment | {"SLURM_CONF": str(place / "slurm.conf")}
    finally:
        subprocess.run([slurm_tools / "stop.sh"], env=environment, check=False)
        CONFIGURATION.unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)


def submit(folder, slurm, *arguments):
    account = ("slurm_account=main", "slurm_partition=main", "mem_mb=500", "runtime=10")
    environment = {k: v for k, v in slurm.items() if not k.startswith("IZWI_")}
    return subprocess.Popen(
        [
            *(*SNAKEMAKE, "-p", "-s", str(ROOT / "Snakefile")),
            *("--profile", str(ROOT / "profiles/slurm"), "--default-resources", *account),
            *("--slurm-init-seconds-before-status-checks", "2"),
            *("--seconds-between-status-checks", "1", *arguments),
        ],
        cwd=folder.path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def running(slurm):
    """Id and comment of the jobs that run."""
    found = subprocess.run(
        ["squeue", "-h", "-t", "R", "-o", "%i %k"],
        env=slurm,
        capture_output=True,
        text=True,
        check=False,
    )
    return [line.split(maxsplit=1) for line in found.stdout.splitlines()]


def processes(slurm, job):
    """Processes of a job."""
    found = subprocess.run(
        ["scontrol", "listpids", job], env=slurm, capture_output=True, text=True, check=False
    )
    rows = [line.split() for line in found.stdout.splitlines()[1:]]
    return [int(row[0]) for row in rows if row[0] != "-1"]


def kill_one(call, slurm, stage):
    """Kill all processes of the first job of a stage that runs; True where there was one."""
    while call.poll() is None:
        for job, *comment in running(slurm):
            if comment and stage in comment[0]:
                for process in processes(slurm, job):
                    os.kill(process, signal.SIGKILL)
                return True
        time.sleep(0.2)
    return False


def test_a_grid_on_slurm_with_a_lost_job(slurm, tmp_path):
    here, there = Folder(tmp_path / "here"), Folder(tmp_path / "there", own_cache=True)
    for folder in (here, there):
        folder.ini("grid", DATA=DEMO, FEATS={"type": "os"}, MODEL={"type": "svm"}, FLAGS=FLAGS)
        folder.config(["grid.ini"])
    here.run("--configfile", "config.yaml")
    names = sorted(path.name for path in (here.path / "results/experiments").iterdir())
    assert len(names) == 9

    started = time.monotonic()
    call = submit(there, slurm, "--configfile", "config.yaml")
    killed = kill_one(call, slurm, "rule_features")
    text = call.communicate(timeout=1200)[0]
    seconds = time.monotonic() - started
    assert call.returncode == 0, text
    assert killed
    jobs = text.count("has been submitted with SLURM jobid")
    # Few, larger jobs: stages, not experiments.
    assert jobs <= 16
    print(f"9 experiments on SLURM: {jobs} jobs, {seconds:.0f} s")
    for name in names:
        for file in FILES:
            assert here.bytes_of(name, file) == there.bytes_of(name, file), (name, file)
    again = submit(there, slurm, "--configfile", "config.yaml")
    assert "Nothing to be done" in again.communicate()[0]
