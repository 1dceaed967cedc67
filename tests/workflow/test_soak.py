"""Many kills, a full disk, a disk that takes nothing, Ctrl-C, flipped bits: make soak.

After each of them the next call must end as an undisturbed one, to the byte.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from test_faults import contents, start, two_inis
from workflow import ROOT, Folder

pytestmark = pytest.mark.soak

ROUNDS, KILLS = 10, 5


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("undisturbed"), own_cache=True)
    two_inis(folder)
    began = time.monotonic()
    folder.run("--configfile", "config.yaml")
    folder.seconds = time.monotonic() - began
    folder.contents = contents(folder)
    return folder


def test_fifty_kills(undisturbed, tmp_path, capsys):
    moments = random.Random(11)
    folder = Folder(tmp_path, own_cache=True)
    two_inis(folder)
    began, killed, ended = time.monotonic(), [], 0
    for _ in range(ROUNDS):
        todo, latest = KILLS, undisturbed.seconds
        while todo:
            call = start(folder, "--configfile", "config.yaml")
            moment = moments.uniform(0.5, latest)
            try:
                call.wait(moment)
                ended += 1
                # It was made in full: begin at nothing again, and kill sooner.
                latest = max(2.0, 0.9 * latest)
                shutil.rmtree(tmp_path / "results")
            except subprocess.TimeoutExpired:
                os.killpg(call.pid, signal.SIGKILL)
                killed.append(moment)
                todo -= 1
            call.communicate()
        call = folder.run("--configfile", "config.yaml")
        assert contents(folder) == undisturbed.contents, call.text
        assert folder.run("--configfile", "config.yaml").nothing_to_do
        shutil.rmtree(tmp_path / "results")
    with capsys.disabled():
        print(
            f"\n{len(killed)} calls killed after {min(killed):.1f} to {max(killed):.1f} s, "
            f"{ended} had ended before; {ROUNDS} times the next call made the same files; an "
            f"undisturbed call takes {undisturbed.seconds:.0f} s; "
            f"{(time.monotonic() - began) / 60:.0f} minutes in all"
        )
    assert len(killed) == ROUNDS * KILLS


def test_ctrl_c(undisturbed, tmp_path):
    folder = Folder(tmp_path, own_cache=True)
    two_inis(folder)
    for share in (0.3, 0.5, 0.7):
        call = start(folder, "--configfile", "config.yaml")
        time.sleep(undisturbed.seconds * share)
        if call.poll() is None:
            os.killpg(call.pid, signal.SIGINT)
        call.communicate()
    folder.run("--configfile", "config.yaml")
    assert contents(folder) == undisturbed.contents


def test_memory_runs_out(undisturbed, tmp_path):
    folder = Folder(tmp_path, own_cache=True)
    two_inis(folder)
    enough = 700 * 2**20  # for Snakemake, not for the libraries of a worker
    script = f"import resource as r; r.setrlimit(r.RLIMIT_AS, ({enough}, r.RLIM_INFINITY))"
    (tmp_path / "small").mkdir()
    (tmp_path / "small/sitecustomize.py").write_text(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "small"))
        # A Python that starts: one that has forked knows no sitecustomize.
        call = start(folder, "--configfile", "config.yaml")
    last = [line for line in call.communicate()[0].splitlines() if line][-1]
    told = "memory: ulimit -v leaves this process 700 MB"
    assert call.returncode != 0 and last.startswith(told), last
    folder.run("--configfile", "config.yaml")
    assert contents(folder) == undisturbed.contents


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own; resized by a call."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
            capture_output=True,
            check=False,
        ).returncode

    if os.getuid() or mount("size=200k"):
        pytest.skip("a small file system can be mounted by root alone")
    yield place, lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_and_one_that_takes_nothing(undisturbed, tmp_path, small_disk):
    place, remount = small_disk
    folder = Folder(tmp_path)
    two_inis(folder)
    (tmp_path / "results").symlink_to(place)
    for options, words in (
        ("ro,size=200k", "Read-only file system; name another folder"),
        ("rw,size=200k", "No space left on device; make room and start again"),
        ("rw,size=6m", "No space left on device; make room and start again"),
    ):
        assert remount(options) == 0
        call = folder.run("--configfile", "config.yaml", ok=False)
        last = [line for line in call.text.splitlines() if line][-1]
        assert call.code != 0 and words in last, call.text[-3000:]
    assert remount("rw,size=400m") == 0
    folder.run("--configfile", "config.yaml")
    assert contents(folder) == undisturbed.contents


def test_flipped_bits_in_the_store(undisturbed, tmp_path):
    """Each part of the store has a bit that flipped, or lost its end: said, and made again."""
    folder = Folder(tmp_path, own_cache=True)
    two_inis(folder)
    folder.run("--configfile", "config.yaml")
    parts = sorted((tmp_path / "results/cache/features").rglob("part-*.parquet"))
    assert parts
    for number, how in enumerate(("flip", "cut")):
        for part in sorted((tmp_path / "results/cache/features").rglob("part-*.parquet")):
            content = bytearray(part.read_bytes())
            content[len(content) // 3] ^= 4
            part.write_bytes(content if how == "flip" else content[: len(content) // 2])
        for stage in ("features", "models", "evaluations", "plots", "experiments"):
            shutil.rmtree(tmp_path / "results" / stage, ignore_errors=True)
        call = folder.run("--configfile", "config.yaml")
        assert "is damaged and set aside, its rows are extracted again" in call.text, number
        assert contents(folder) == undisturbed.contents


@pytest.mark.parametrize("kind", ["os", "praat", "mld", "fingerprint", "spectra"])
def test_two_hours_of_audio_take_less_than_two_gigabytes(kind, capsys):
    found = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "memory.py", "--hours", "2", "--type", kind],
        capture_output=True,
        text=True,
        check=True,
    )
    row = found.stdout.splitlines()[-1]
    with capsys.disabled():
        print(f"\n{row}")
    assert float(row.split("|")[3]) < 2 * 1024
