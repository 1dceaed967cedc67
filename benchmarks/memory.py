"""Memory of an extraction of very many files: does it grow with their number?

    python benchmarks/memory.py [--files 10000 100000] [--type signal]

Writes recordings of 50 ms of noise, each another one, and extracts features of them all in a
process of its own. Prints the largest memory of that process, which holds the results while its
workers hold a recording each, in MB, and the seconds.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
RATE = 16000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--type", default="signal", help="FEATS.type")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(extract(arguments.child, arguments.files[0], arguments.type)))
        return
    print("| files | MB | s |\n|---|---|---|")
    for number in arguments.files:
        folder = Path(tempfile.mkdtemp(prefix="izwi-benchmark-"))
        try:
            write(folder, number)
            told = subprocess.run(
                [
                    *(sys.executable, __file__, "--child", folder),
                    *("--files", str(number), "--type", arguments.type),
                ],
                capture_output=True,
                text=True,
                check=True,
            )
            found = json.loads(told.stdout.splitlines()[-1])
            print(f"| {number:,} | {found['MB']:.0f} | {found['s']:.0f} |", flush=True)
        finally:
            shutil.rmtree(folder)


def write(folder: Path, number: int) -> None:
    """Recordings that differ."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(0)
    for i in range(number):
        noise = random.integers(-3000, 3000, RATE // 20, dtype=np.int16)
        soundfile.write(folder / f"{i}.wav", noise, RATE)


def extract(folder: Path, number: int, kind: str) -> dict[str, float]:
    """Extract features of all files; the memory that it took."""
    sys.path.insert(0, str(HOME))
    import pandas as pd

    from izwi import features

    names = [f"{i}.wav" for i in range(number)]
    table = pd.DataFrame(
        {
            "file": names,
            "start": pd.to_timedelta([0] * number),
            "end": pd.to_timedelta([None] * number),
            "digest": [f"{i:032x}" for i in range(number)],
        }
    )
    paths = {name: str(folder / name) for name in names}
    started = time.monotonic()
    features.extract({"type": kind, "options": {}}, table, paths, store=folder / "store", threads=2)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"MB": memory, "s": time.monotonic() - started}


if __name__ == "__main__":
    main()
