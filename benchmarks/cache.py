"""Time and memory of a feature cache of a million recordings.

    python benchmarks/cache.py [--rows 1000000] [--sets 10] [--folder /somewhere] [--keep]

Writes feature sets of 88 and of 4 random values in turn, as the jobs of a cluster do: 20 shards,
each in parts of a thousand rows. Then prints CPU seconds, wall and the largest memory of each work
in a process of its own: to find out that nothing is missing and write the matrix of all rows, or
of a thousand; to add a thousand; to count what is there for ``izwi check``; to list and to delete
all sets by ``izwi prune``. ``parts`` are those of one set at the end: after the build, and after
300 calls that add ten rows each. Needs 5 GB of disk.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))
SHARDS = 20
PART = 1000
SOME = 1000
WIDTHS = (88, 4)
CALLS, FEW = 300, 10
INI = """[EXP]
name = a
[DATA]
databases = ['demo']
demo.type = demo
target = emotion
[FEATS]
type = signal
[MODEL]
type = majority
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sets", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--keep", action="store_true", help="leave the cache there")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    place = arguments.folder / f"izwi-cache-{arguments.rows}x{arguments.sets}"
    stores = place / "results" / "cache" / "features"
    if arguments.child:
        what, name = arguments.child
        work(what, stores / name, arguments.rows)
        return
    names = [f"stand_in-{i}-{WIDTHS[i % len(WIDTHS)]}" for i in range(arguments.sets)]
    try:
        if not place.exists():
            for name in names:
                child("build", name)
        for name in names[: len(WIDTHS)]:
            for what in ("all", "some", "count", "more", "all", "few"):
                child(what, name)
        place.mkdir(exist_ok=True)
        (place / "a.ini").write_text(INI)
        for more in ([], ["--delete"]):
            command = [sys.executable, "-m", "izwi", "prune", "a.ini", "--stores", *more]
            before, started = used(), time.monotonic()
            done = subprocess.run(
                command,
                cwd=place,
                env={**os.environ, "PYTHONPATH": str(HOME)},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            wall = time.monotonic() - started
            print(
                f"prune{' --delete' if more else ''}: {used() - before:.1f} CPU s, {wall:.1f} s, "
                f"{done.stdout.count('stand_in')} sets"
            )
    finally:
        if not arguments.keep:
            shutil.rmtree(place, ignore_errors=True)


def child(what: str, name: str) -> None:
    """One piece of work in its own process."""
    command = [sys.executable, __file__, *sys.argv[1:], "--child", what, name]
    subprocess.run(command, check=True)


def used() -> float:
    """CPU seconds of all processes that have ended."""
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


def digests(rows: int) -> list[str]:
    """What stands for the hashes of so many recordings."""
    return [hashlib.blake2b(b"%d" % i, digest_size=16).hexdigest() for i in range(rows)]


def work(what: str, folder: Path, rows: int) -> None:
    """Do it, and print what it took."""
    import numpy as np
    import pandas as pd
    from memory import stand_in

    from izwi.features import extraction, store

    width = int(folder.name.split("-")[-1])
    names = digests(rows + 2 * SOME)
    random = np.random.default_rng(0)
    columns = [f"feature_{i}" for i in range(width)]

    def vectors(number: int) -> list[np.ndarray]:
        return list(random.standard_normal((number, width), dtype=np.float32))

    def add(opened: store.Store, some: list[str]) -> None:
        opened.add([(name, 0, -1) for name in some], vectors(len(some)))
        opened.flush()

    def look_up(some: list[str]) -> None:
        table = pd.DataFrame({"file": some, "digest": some})
        table["start"], table["end"] = pd.Timedelta(0), pd.Timedelta("NaT")
        spec = {"type": stand_in(width), "options": {}}
        found = extraction.Extraction(spec, table, {}, store=folder, threads=1)
        found.run()
        path = folder.parents[3] / "matrix.parquet"
        found.write(path)
        path.unlink()

    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, began = time.process_time(), time.monotonic()
    if what == "build":
        for shard in range(SHARDS):
            own = [name for name in names[:rows] if int(name[:8], 16) % SHARDS == shard]
            opened = store.Store(folder, columns)
            for first in range(0, len(own), PART):
                add(opened, own[first : first + PART])
            opened.merge()
    elif what == "all":
        look_up(names[:rows])
    elif what == "some":
        look_up(names[: rows : rows // SOME])
    elif what == "count":
        assert len(store.keys_in(folder)) == rows
    elif what == "more":
        opened = store.Store(folder, columns)
        new = names[rows : rows + SOME]
        assert len(opened.missing([(name, 0, -1) for name in new])) == SOME
        add(opened, new)
        opened.merge()
    else:
        for call in range(CALLS):
            opened = store.Store(folder, columns)
            add(opened, names[rows + SOME :][:SOME][call % 100 * FEW :][:FEW])
            opened.merge()
    cpu, wall = time.process_time() - cpu, time.monotonic() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parts = [path.stat().st_size for path in folder.glob("part-*")]
    print(
        f"{what}, {width} features: {cpu:.1f} CPU s, {wall:.1f} s, {most:.0f} MB "
        f"({base:.0f} before), {len(parts)} parts of {sum(parts) / 1e6:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
