"""What grids cost: planning, nothing to do, training on cached features.

    python benchmarks/grids.py [--data path/to/emodb.csv]

Prints a Markdown table: medians of interleaved calls, wall and CPU seconds.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("IZWI_DATA", HOME.parent / "shared" / "data")) / "emodb" / "emodb.csv"
REPEATS = 3
INI = """[EXP]
name = grid
[DATA]
databases = ['emodb']
emodb = {data}
emodb.split_strategy = [8, 10, 13, 15]
target = emotion
[FEATS]
type = os
scale = standard
[MODEL]
type = svm
"""
MODELS = ["svm", "knn", "tree", "bayes", "xgb"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="CSV of the database")
    data = parser.parse_args().data.resolve()
    if not data.exists():
        sys.exit(f"{data} does not exist; name a CSV database by --data or its folder by IZWI_DATA")
    folder = Path(tempfile.mkdtemp(prefix="izwi-benchmark-"))
    try:
        measure(folder, data)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, data: Path) -> None:
    """All rows of the table."""
    (folder / "grid.ini").write_text(INI.format(data=data))
    (folder / "empty.smk").write_text("rule all:\n    input: []\n    shell: 'true'\n")
    (folder / "one.yaml").write_text(json.dumps({"experiments": ["grid.ini"]}))
    grids = {
        # 5 models x 20 selections of features.
        "hundred": {"MODEL.type": MODELS, "FEATS.features": features(20)},
        "thousand": {"MODEL.type": MODELS, "FEATS.features": features(200)},
    }
    for name, grid in grids.items():
        content = {"experiments": ["grid.ini"], "grid": grid}
        (folder / f"{name}.yaml").write_text(json.dumps(content))
    empty = ["-s", "empty.smk", "-n"]
    izwi = ["-s", str(HOME / "Snakefile"), "--configfile"]
    call(folder, *izwi, "one.yaml")
    rows = {}
    planned = interleaved(folder, {"empty": empty, "planned": [*izwi, "thousand.yaml", "-n"]})
    rows["1,000 experiments, dry run, all to be done"] = planned["planned"]
    rows["100 experiments on cached features, all outputs"] = call(folder, *izwi, "hundred.yaml")
    rows["one more experiment beside them"] = call(folder, *izwi, "one.yaml")
    call(folder, *izwi, "hundred.yaml")
    nothing = interleaved(folder, {"empty": empty, "nothing": [*izwi, "hundred.yaml", "-n"]})
    rows["nothing to do, 100 experiments"] = nothing["nothing"]
    rows["an empty workflow, dry run"] = nothing["empty"]
    print("| work | wall s | CPU s |\n|---|---|---|")
    for work, (wall, cpu) in rows.items():
        print(f"| {work} | {wall:.1f} | {cpu:.1f} |")
    ratio = nothing["nothing"][0] / nothing["empty"][0]
    print(f"\nnothing to do / empty workflow: {ratio:.2f}")


def features(number: int) -> list[list[str]]:
    """Selections of features, so that each experiment is another one."""
    names = ["F0semitoneFrom27.5Hz_sma3nz_amean", "loudness_sma3_amean", "jitterLocal_sma3nz_amean"]
    more = [f"mfcc{i}_sma3_{kind}" for i in range(1, 5) for kind in ("amean", "stddevNorm")]
    chosen = []
    for i in range(1, number + 1):
        chosen.append(names + [name for bit, name in enumerate(more) if i >> bit & 1])
    return chosen


def interleaved(folder: Path, calls: dict[str, list[str]]) -> dict[str, tuple[float, float]]:
    """Median wall and CPU seconds of each call."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(REPEATS):
        for name, arguments in calls.items():
            found[name].append(call(folder, *arguments))
    return {
        name: (statistics.median(w for w, _ in times), statistics.median(c for _, c in times))
        for name, times in found.items()
    }


def call(folder: Path, *arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of one call of Snakemake."""
    before, started = used(), time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(process.stderr)
    return time.monotonic() - started, used() - before


def used() -> float:
    """CPU seconds of all processes that have ended."""
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


if __name__ == "__main__":
    main()
