"""What grids cost: planning, nothing to do, training on cached features.

    python benchmarks/grids.py [--data path/to/emodb.csv] [--full]

Prints a Markdown table: medians of interleaved calls, wall and CPU seconds. With --full the 1,000
experiments that else are only planned are run, too, which takes some minutes.
"""

import argparse
import itertools
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
# Compiled once, as on a user's computer.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
MODELS = ["svm", "knn", "tree", "bayes", "xgb"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="CSV of the database")
    parser.add_argument("--full", action="store_true", help="run 1,000 experiments, too")
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fit:
        print(fitting(arguments.fit))
        return
    data = arguments.data.resolve()
    if not data.exists():
        sys.exit(f"{data} does not exist; name a CSV database by --data or its folder by IZWI_DATA")
    folder = Path(tempfile.mkdtemp(prefix="izwi-benchmark-"))
    try:
        measure(folder, data, full=arguments.full)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, data: Path, *, full: bool) -> None:
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
    more = {"inis": "grid.ini", "grid": grids["hundred"]}
    more = {"experiments": ["grid.ini", "more.ini"], "grid": [more]}
    (folder / "more.yaml").write_text(json.dumps(more))
    (folder / "more.ini").write_text(
        INI.format(data=data).replace("name = grid", "name = more") + "C_val = 7\n"
    )
    (folder / "inis").mkdir()
    for i, (model, chosen) in enumerate(itertools.product(MODELS, features(200))):
        text = INI.format(data=data).replace("name = grid", f"name = e{i}")
        text = text.replace("scale =", f"features = {chosen}\nscale =")
        (folder / "inis" / f"{i}.ini").write_text(text.replace("svm", model))
    (folder / "inis.yaml").write_text(json.dumps({"experiments": ["inis/*.ini"]}))
    izwi = ["-s", str(HOME / "Snakefile"), "--configfile"]
    call(folder, *izwi, "one.yaml")
    call(folder, *izwi, "thousand.yaml", "-n")
    calls = {name: [*izwi, f"{name}.yaml", "-n"] for name in ("thousand", "inis")}
    found = interleaved(folder, {"empty": empty, **calls})
    print("| work | wall s | CPU s |\n|---|---|---|")
    row("an empty workflow, dry run", found["empty"])
    row("1,000 experiments of a grid, dry run, all to be done", found["thousand"])
    row("1,000 inis, dry run, all to be done", found["inis"])
    wall, cpu = call(folder, *izwi, "hundred.yaml")
    row("100 experiments on cached features, all outputs", (wall, cpu))
    fits = measured(sys.executable, __file__, "--fit", folder)
    row("their scaling, fitting and predicting alone", (fits, fits))
    row("one experiment added: only it runs", call(folder, *izwi, "more.yaml"))
    call(folder, *izwi, "hundred.yaml")
    found = interleaved(folder, {"empty": empty, "nothing": [*izwi, "hundred.yaml", "-n"]})
    row("nothing to do, 100 experiments", found["nothing"])
    row("an empty workflow, dry run, in turn with it", found["empty"])
    if full:
        row("1,000 experiments on cached features", call(folder, *izwi, "thousand.yaml"))
        idle = interleaved(folder, {"nothing": [*izwi, "thousand.yaml", "-n"]})
        row("nothing to do, 1,000 experiments", idle["nothing"])
    print(f"\nan experiment beside its fitting: {(cpu - fits) / 100:.2f} CPU s")
    print(f"nothing to do / empty workflow: {found['nothing'][0] / found['empty'][0]:.2f}")


def row(work: str, times: tuple[float, float]) -> None:
    """Print a row of the table."""
    print(f"| {work} | {times[0]:.1f} | {times[1]:.1f} |", flush=True)


def measured(*command: str | Path) -> float:
    """The number that a command prints."""
    told = subprocess.run(
        [str(part) for part in command], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return float(told.stdout)


def fitting(folder: Path) -> float:
    """CPU seconds in which one process fits and predicts all that the last call did."""
    sys.path.insert(0, str(HOME))
    os.chdir(folder)
    from izwi.engine import job
    from izwi.engine.plan import Plan
    from izwi.training import fit_predict, fitting

    plans = Path("results", "plans").glob("????????????.json")
    plan = Plan.load(str(max(plans, key=lambda path: path.stat().st_mtime)))
    seconds = 0.0
    for unit in plan.units["train"].values():
        tables, matrices, split, labels = job.read_samples(unit)
        _, samples, folds, truths, *_ = fit_predict.prepare(tables, matrices, split, labels)
        (fold, train, dev, test), *_ = folds
        started = time.process_time()
        spec = unit.spec
        fitted = fitting.fit(spec, samples, truths[fold], train, dev, labels, spec["seed"])
        fitted.predict(samples, test)
        seconds += time.process_time() - started
    return seconds


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
        env=ENVIRONMENT,
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
