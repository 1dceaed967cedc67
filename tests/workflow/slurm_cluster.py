"""A real SLURM of this computer, of one node or of several, and calls of the workflow on it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from workflow import ROOT, SNAKEMAKE

CONFIGURATION = Path("/etc/slurm/slurm.conf")
FIRST_PORT = 17001


@contextmanager
def cluster(tools: Path, nodes: int = 1, cores: int = 1) -> Iterator[dict[str, str]]:
    """Start a SLURM and stop it; gives its environment.

    Args:
        tools: folder with the scripts that start and stop one node
        nodes: daemons of as many nodes, all of them on this computer
        cores: of each of several nodes, whatever this computer has
    """
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
    if nodes > 1:
        tools = several(tools, place / "tools", nodes, cores)
    subprocess.run([tools / "start.sh"], env=environment, check=True, stdout=subprocess.DEVNULL)
    try:
        yield environment | {"SLURM_CONF": str(place / "slurm.conf")}
    finally:
        for path in (place / "pid").glob("slurmd-*.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(path.read_text()), signal.SIGTERM)
        subprocess.run([tools / "stop.sh"], env=environment, check=False)
        CONFIGURATION.unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)


def several(tools: Path, place: Path, nodes: int, cores: int) -> Path:
    """The scripts, for a daemon of each node; gives their folder."""
    shutil.copytree(tools, place)
    names = [f"node{i + 1}" for i in range(nodes)]
    template, start = place / "slurm.conf.in", place / "start.sh"
    for path in (template, start):
        path.chmod(0o755)
    lines = []
    for line in template.read_text().splitlines():
        if line.startswith("NodeName="):
            lines += [
                f"NodeName={name} NodeHostname=@H@ NodeAddr=127.0.0.1 Port={FIRST_PORT + i} "
                f"CPUs={cores} RealMemory=@MEM@ State=UNKNOWN"
                for i, name in enumerate(names)
            ]
            # A node is lost soon, and one may have more cores than this computer. The accounts tell
            # jobs apart by what Snakemake says of them.
            lines += ["SlurmdTimeout=10", "SlurmdParameters=config_overrides"]
            lines.append("AccountingStoreFlags=job_comment")
        elif line.startswith(("SlurmdSpoolDir=", "SlurmdPidFile=", "SlurmdLogFile=")):
            lines.append(line.replace("/spool", "/spool/%n").replace("slurmd.", "slurmd-%n."))
        elif line.startswith("PartitionName="):
            lines.append(line.replace("Nodes=@H@", f"Nodes={','.join(names)}"))
        elif line.startswith("AuthInfo="):
            # The jobs of a lost node wait for so many seconds.
            lines.append(f"{line},cred_expire=10")
        elif not line.startswith("SlurmdPort="):
            lines.append(line)
    template.write_text("\n".join(lines) + "\n")
    one = "slurmd -f $S/slurm.conf -c\n"
    text = start.read_text()
    assert one in text
    each = "".join(
        f"mkdir -p $S/spool/{name}\nslurmd -N {name} -f $S/slurm.conf -c\n" for name in names
    )
    start.write_text(text.replace(one, each))
    return place


def submit(folder, slurm, *arguments, output=subprocess.PIPE):
    """A call of the workflow in a folder, which is not waited for.

    Args:
        folder: where
        slurm: environment
        arguments: further ones
        output: where it writes to; a pipe that nobody reads from would fill up
    """
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
        stdout=output,
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
