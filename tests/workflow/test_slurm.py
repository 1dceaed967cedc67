"""The workflow on a real SLURM: jobs are lost, and the results are those of this computer."""

import os
import signal
import subprocess
import time

import pytest
from slurm_cluster import cluster, running, submit
from workflow import Folder

pytestmark = pytest.mark.slurm

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
    with cluster(slurm_tools) as environment:
        yield environment


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
