"""How near the estimates of ``izwi check`` are, and what they say of large corpora.

    python benchmarks/estimates.py [--data FOLDER] [--skip-runs]

Runs a part of each of three databases, asks ``izwi check`` for the whole, and runs the whole:
seconds from the shell, estimated and measured. Then, without running anything: 1,000 and 100,000
hours of speech on 1, 10 and 100 nodes of 16 cores. Prints two Markdown tables.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("IZWI_DATA", HOME.parent / "shared" / "data"))
INI = """[EXP]
name = {name}
[DATA]
databases = ['{database}']
{database} = {data}/{database}/{database}.csv
{database}.split_strategy = speaker_split
{limit}
target = {target}
[FEATS]
type = {features}
scale = standard
[MODEL]
type = {model}
"""
# Database, target, features, model, samples of the part.
POINTS = (
    ("emodb", "emotion", "os", "svm", 100),
    ("fsdd", "digit", "mld", "xgb", 600),
    ("nemo", "emotion", "praat", "logreg", 100),
)
TIME = re.compile(r"takes about ([\d.]+) (s|min|h)\b.*\(([\d.]+) (s|min|h) of CPU\), (.*) of disk")
SECONDS = {"s": 1, "min": 60, "h": 3600}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the databases")
    parser.add_argument("--skip-runs", action="store_true", help="the second table alone")
    arguments = parser.parse_args()
    if not arguments.skip_runs:
        print("| the whole | a part ran before | estimated s | measured s | ratio |")
        print("|---|---|---|---|---|")
        for point in POINTS:
            print(compared(arguments.data, *point), flush=True)
        print()
    print("| speech | nodes of 16 cores | wall | core-hours | disk | memory | audio read |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        write(Path(place), arguments.data, *("emodb", "emotion", "os", "xgb"))
        for hours in (1_000, 100_000):
            for nodes in (1, 10, 100):
                options = ("--hours", str(hours), "--nodes", str(nodes), "-c", "16")
                text = izwi(Path(place), "check", "emodb.ini", *options)
                wall, cpu, disk, memory, audio = re.search(
                    r"about (.+?) on .*\((.+?) of CPU\), (.+?) of disk .*up to (.+?) of memory, "
                    r"(.+?) of audio",
                    text,
                ).groups()
                print(f"| {hours:,} h | {nodes} | {wall} | {cpu} | {disk} | {memory} | {audio} |")


def compared(data: Path, database: str, target: str, features: str, model: str, part: int) -> str:
    """A row of the first table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, data, database, target, features, model, part)
        izwi(folder, "run", f"{database}.ini")
        write(folder, data, database, target, features, model)
        said = TIME.search(izwi(folder, "check", f"{database}.ini"))
        estimated = float(said[1]) * SECONDS[said[2]]
        start = time.perf_counter()
        izwi(folder, "run", f"{database}.ini")
        measured = time.perf_counter() - start
    work = f"{database}, {features}, {model}"
    ratio = estimated / measured
    return f"| {work} | {part} samples | {estimated:.0f} | {measured:.1f} | {ratio:.2f} |"


def write(
    folder: Path,
    data: Path,
    database: str,
    target: str,
    features: str,
    model: str,
    part: int | None = None,
) -> None:
    """Write the ini of a database, or of a part of it."""
    limit = "" if part is None else f"{database}.limit_samples = {part}"
    fields = {"database": database, "target": target, "features": features, "model": model}
    text = INI.format(name=database, data=data, limit=limit, **fields)
    (folder / f"{database}.ini").write_text(text)


def izwi(folder: Path, *arguments: str) -> str:
    """Call izwi in a folder; what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    command = [sys.executable, "-P", "-m", "izwi", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
