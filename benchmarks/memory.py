"""Memory of an extraction of very many files, or of one that is hours long.

    python benchmarks/memory.py [--files 10000 100000] [--type signal]
    python benchmarks/memory.py --hours 2 [--type os praat]

Writes recordings of 50 ms of noise, each another one, or one of a voice-like sound with pauses, and
extracts features of them all in a process of its own. Prints the largest memory of that process,
which holds the results while its workers hold a recording each, in MB, and the seconds.
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
    parser.add_argument("--type", nargs="+", default=["signal"], help="FEATS.type")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(extract(arguments.child, arguments.files[0], arguments.type[0])))
        return
    print("| files | features | MB | s |\n|---|---|---|---|")
    for number in [1] if arguments.hours else arguments.files:
        folder = Path(tempfile.mkdtemp(prefix="izwi-benchmark-"))
        try:
            if arguments.hours:
                write_long(folder / "0.wav", arguments.hours)
            else:
                write(folder, number)
            for kind in arguments.type:
                told = subprocess.run(
                    [
                        *(sys.executable, __file__, "--child", folder),
                        *("--files", str(number), "--type", kind),
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
    store = folder / f"store-{kind}"
    features.extract({"type": kind, "options": {}}, table, paths, store=store, threads=2)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"MB": memory, "s": time.monotonic() - started}


if __name__ == "__main__":
    main()
