"""Memory of an extraction of very many files, or of one that is hours long.

    python benchmarks/memory.py [--files 10000 100000] [--type signal]
    python benchmarks/memory.py --width 1024
    python benchmarks/memory.py --hours 2 [--type os praat]

Writes recordings of 50 ms of noise, each another one, or one of a voice-like sound with pauses, and
extracts features of them all in a process of its own; with ``--width`` the features are random
numbers, so many for each file, that lie in the feature store already. Prints the largest memory of
that process, whose workers hold a recording each, in MB, and the seconds.
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
    parser.add_argument("--hours", type=float, help="one file of so many, instead")
    parser.add_argument("--width", type=int, help="features of each file, instead of --type")
    parser.add_argument("--type", nargs="+", default=["signal"], help="FEATS.type")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind = arguments.type[0]
        if arguments.width:
            kind = stand_in(arguments.width)
        print(json.dumps(extract(arguments.child, arguments.files[0], kind)))
        return
    print("| files | features | MB | s |\n|---|---|---|---|")
    for number in [1] if arguments.hours else arguments.files:
        folder = Path(tempfile.mkdtemp(prefix="izwi-benchmark-"))
        try:
            if arguments.hours:
                write_long(folder / "0.wav", arguments.hours)
            elif arguments.width:
                fill(folder, number, arguments.width)
            else:
                write(folder, number)
            for kind in [f"{arguments.width}"] if arguments.width else arguments.type:
                told = subprocess.run(
                    [
                        *(sys.executable, __file__, "--child", folder),
                        *("--files", str(number)),
                        *(("--width", kind) if arguments.width else ("--type", kind)),
                    ],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found = json.loads(told.stdout.splitlines()[-1])
                print(f"| {number:,} | {kind} | {found['MB']:.0f} | {found['s']:.0f} |", flush=True)
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


def write_long(path: Path, hours: float) -> None:
    """Harmonics of a gliding tone in syllables, a pause each four seconds."""
    import numpy as np
    import soundfile

    time = np.arange(10 * RATE) / RATE
    phase = 2 * np.pi * (120 * time + 4 * np.sin(2 * np.pi * time / 2.5))
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    voice *= np.abs(np.sin(2 * np.pi * 2 * time)) * (time % 4 < 3.5)
    noise = np.random.default_rng(0).normal(scale=0.01, size=len(time))
    samples = np.round(4000 * voice + 3000 * noise).astype(np.int16)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(round(hours * 360)):
            file.write(samples)


def fill(folder: Path, number: int, width: int) -> None:
    """A feature store with random vectors of all files."""
    sys.path.insert(0, str(HOME))
    import numpy as np

    from izwi.features.store import Store

    random = np.random.default_rng(0)
    store = Store(folder / "store-stand_in", [f"feature_{i}" for i in range(width)])
    for first in range(0, number, 1000):
        keys = [(f"{i:032x}", 0, -1) for i in range(first, min(first + 1000, number))]
        store.add(keys, random.normal(size=(len(keys), width)).astype(np.float32))
        store.flush()


def stand_in(width: int) -> str:
    """Register an extractor of so many features, which is never asked for any."""
    sys.path.insert(0, str(HOME))
    from izwi import features
    from izwi.features.base import Extractor

    class StandIn(Extractor):
        name = "stand_in"

        def __init__(self, options: dict[str, object]) -> None:
            super().__init__(options)
            self.columns = [f"feature_{i}" for i in range(width)]

    sys.modules[__name__].StandIn = StandIn
    features.EXTRACTORS["stand_in"] = f"{__name__}:StandIn"
    return "stand_in"


def extract(folder: Path, number: int, kind: str) -> dict[str, float]:
    """Extract features of all files; the memory that it took."""
    sys.path.insert(0, str(HOME))
    import pandas as pd

    from izwi.features.extraction import Extraction

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
    store = folder / f"store-{kind}"
    spec = {"type": kind, "options": {}}
    extraction = Extraction(spec, table, paths, store=store, threads=2)
    extraction.run()
    extraction.write(folder / "matrix.parquet")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"MB": memory, "s": time.monotonic() - started}


if __name__ == "__main__":
    main()
