"""Twenty shards on a SLURM of four nodes, one of which dies: the same files as on this computer."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from slurm_cluster import cluster, running, submit
from workflow import Folder

pytestmark = pytest.mark.slurm

# As a test 4,000; the figures in the docs are of 10,000.
FILES = int(os.environ.get("TEST_SLURM_FILES", "4000"))
SHARDS = 20
NODES = 4
RATE = 16000
LOST = "node2"


@pytest.fixture(scope="module")
def slurm(slurm_tools):
    """Four nodes of five cores; gives their environment."""
    with cluster(slurm_tools, NODES, SHARDS // NODES) as environment:
        yield environment


def recordings(place):
    """Small files, each another noise, of forty speakers."""
    random = np.random.default_rng(0)
    (place / "audio").mkdir(parents=True)
    names = [f"audio/{i}.wav" for i in range(FILES)]
    for name in names:
        noise = random.integers(-3000, 3000, RATE // 4, dtype=np.int16)
        soundfile.write(place / name, noise, RATE)
    table = {
        "file": names,
        "speaker": random.integers(40, size=FILES),
        "emotion": random.choice(["a", "b"], FILES),
    }
    pd.DataFrame(table).to_csv(place / "made.csv", index=False)


def kill_node(slurm):
    """End a node: its daemon, and all that runs on it."""
    pid = Path(slurm["S"], "pid", f"slurmd-{LOST}.pid")
    os.kill(int(pid.read_text()), signal.SIGKILL)
    wanted = {f"SLURMD_NODENAME={LOST}".encode(), f"SLURM_CONF={slurm['SLURM_CONF']}".encode()}
    steps, others = set(), set()
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted <= set((place / "environ").read_bytes().split(b"\0")):
                others.add(int(place.name))
                (parent,) = re.findall(r"^PPid:\s+(\d+)", (place / "status").read_text(), re.M)
                if (place.parent / parent / "cmdline").read_bytes().startswith(b"slurmstepd"):
                    steps.add(int(parent))
    # The daemon of a step would tell that it has failed.
    for process in [*steps, *others]:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert len(steps) == SHARDS // NODES


def shards(slurm):
    """Submission, start, end and state of each job of a shard, as SLURM's accounting has them."""
    fields = "JobID,Submit,Start,End,State,NodeList,Comment,JobName"
    command = ["sacct", "-a", "-X", "-n", "-P", "--duplicates", "-S", "now-1hour"]
    found = subprocess.run(
        [*command, "-o", fields], env=slurm, capture_output=True, text=True, check=True
    )
    rows = [line.split("|") for line in found.stdout.splitlines()]
    return [
        [*(datetime.fromisoformat(t) for t in row[1:4] if t[0].isdigit()), row[4], row[5]]
        for row in rows
        if "rule_shard" in "".join(row[6:])
    ]


def idle(jobs):
    """Shares of the time from the first submission to the last end of what SLURM left unused.

    Returns:
        the share in which no job ran, and that of the cores
    """
    spans = sorted((job[1], job[2]) for job in jobs)
    first, until, busy = min(job[0] for job in jobs), spans[0][0], 0.0
    for start, end in spans:
        busy += max(0.0, (end - max(start, until)).total_seconds())
        until = max(until, end)
    whole = (until - first).total_seconds()
    used = sum((end - start).total_seconds() for start, end in spans)
    return 1 - busy / whole, 1 - used / len(spans) / whole


def test_twenty_shards_on_four_nodes_of_which_one_dies(slurm, tmp_path):
    here, there = (
        Folder(tmp_path / "here", own_cache=True),
        Folder(tmp_path / "there", own_cache=True),
    )
    data = {"databases": "['made']", "made": tmp_path / "made.csv", "target": "emotion"}
    data |= {"made.split_strategy": "speaker_split", "leakage": "ignore"}
    recordings(tmp_path)
    for folder in (here, there):
        folder.ini("a", DATA=data, FEATS={"type": "os"}, MODEL={"type": "majority"})
        folder.config(["a.ini"], shards=FILES // SHARDS)
    started = time.monotonic()
    most, killed = 0, None
    with open(tmp_path / "said", "w+") as said:
        call = submit(
            *(there, slurm, "--configfile", "config.yaml", "--set-threads", "shard=1"), output=said
        )
        while call.poll() is None:
            on = [row for row in running(slurm) if "rule_shard" in "".join(row)]
            most = max(most, len(on))
            # In the midst of their extraction.
            begun = any(there.path.glob("results/cache/features/*/part-*"))
            if not killed and most == SHARDS and begun:
                kill_node(slurm)
                killed = datetime.now()
            if time.monotonic() - started > 600:
                call.terminate()
            time.sleep(0.5)
        said.seek(0)
        text = said.read()
    seconds = time.monotonic() - started
    jobs = shards(slurm)
    assert call.returncode == 0, text
    assert most == SHARDS and killed
    lost = [state for *_, state, node in jobs if node == LOST]
    # Until the node was missed; when SLURM misses it is a setting.
    done = [job for job in jobs if job[-1] != LOST and job[0] < killed]
    again = [job for job in jobs if job[0] > killed]
    none, cores = idle(done)
    said = f"{FILES} files, {len(jobs)} jobs of shards: {seconds:.0f} s, no shard ran in {none:.3f}"
    print(f"{said}, idle cores {cores:.3f}; lost at {killed:%H:%M:%S}")
    for job in jobs:
        print(*map(str, job))
    assert len(lost) == len(again) == SHARDS // NODES and "COMPLETED" not in lost
    here.run("--configfile", "config.yaml")
    for kind in ("features/*/*.parquet", "experiments/a/predictions.csv"):
        (one,) = here.path.glob(f"results/{kind}")
        (other,) = there.path.glob(f"results/{kind}")
        assert one.name == other.name and one.read_bytes() == other.read_bytes(), one.name
    assert none < 0.1
