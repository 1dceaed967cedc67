"""Time and memory of work on a million rows.

    python benchmarks/million.py statistics duplicates words segments stages files
    python benchmarks/million.py xgb logreg linear_svm ridge mlp --width 88
    python benchmarks/million.py mlp --width 1024 --rows 250000 --options "{'batch_size': 512}"
    python benchmarks/million.py epochs --width 1024 --rows 250000

Prints CPU seconds, since other programs may run beside, and the largest memory of a process that
does nothing else: it reads a feature matrix from the disk, fits and predicts, as the stage train
does. ``epochs`` compares an epoch of the perceptron from the disk with one of tensors in memory.
The data are random numbers of two classes, or a sum of them for a regression; a fifth of the
speakers is tested, a tenth is dev. They stay in a folder below ``--folder`` for the next call.
``duplicates`` searches for near-duplicates among different utterances, ``words`` among words and
``segments`` among windows of 30 s that overlap by half. The fingerprints are simulated: their
spread, how seldom two are near by chance and the times between their anchors are those of
EmoDB, nEMO and speechocean762, of the words those of the Free Spoken Digit Dataset. ``stages`` runs
the workflow with so many test rows, segments of 3,000 files, and prints what each job needs;
``files`` does so with as many wav files of .1 s, a fifth of whose speakers are tested. These need
4 GB of disk and a million inodes.
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))
SPEAKERS = 10_000
BLOCK = 8192
ROUNDS = 4
FILES = 3000
INI = """[EXP]
name = a
[DATA]
databases = ['small', 'large']
small = small.csv
large = large.csv
small.split_strategy = train
large.split_strategy = test
target = emotion
leakage = ignore
[FEATS]
type = metadata
[MODEL]
type = majority
"""
OF_FILES = """[EXP]
name = a
[DATA]
databases = ['made']
made = made.csv
made.split_strategy = speaker_split
target = emotion
leakage = ignore
[FEATS]
type = metadata
[MODEL]
type = majority
"""
SEARCHED = ("duplicates", "words", "segments")
REGRESSIONS = ("ridge", "lin_reg", "xgr", "mlp_reg", "svr")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", nargs="+", help="what to measure, or types of models")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=88, help="number of features")
    parser.add_argument("--options", default="{}", help="of the model, as a dict")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    data = arguments.folder / f"izwi-million-{arguments.rows}x{arguments.width}"
    if not arguments.child:
        if {*arguments.work} - {"statistics", "epochs", "stages", "files", *SEARCHED}:
            make(data, arguments.rows, arguments.width)
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        for work in arguments.work:
            subprocess.run(
                [sys.executable, __file__, work, *sys.argv[1 + len(arguments.work) :], "--child"],
                env={**os.environ, **threads},
                check=True,
            )
        return
    (work,) = arguments.work
    options = ast.literal_eval(arguments.options)
    if work == "statistics":
        lines = statistics(arguments.rows)
    elif work in SEARCHED:
        lines = duplicates(arguments.rows, work)
    elif work in ("stages", "files"):
        lines = stages(arguments.folder, arguments.rows, work)
    elif work == "epochs":
        lines = epochs(arguments.rows, arguments.width, options)
    else:
        lines = model(data, work, options)
    for line in lines:
        print(line, flush=True)
    print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def seconds(make: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    make()
    return time.process_time() - began


def make(folder: Path, rows: int, width: int) -> None:
    """Write a table, a split and a feature matrix, in row groups as extraction does."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if (folder / "split.parquet").exists():
        return
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    code = random.integers(2, size=rows)
    table = pd.DataFrame({"file": [f"{i}.wav" for i in range(rows)]})
    table["start"] = pd.to_timedelta(np.zeros(rows))
    table["end"] = pd.to_timedelta(np.full(rows, np.nan))
    writer = None
    value = np.zeros(rows)
    for first in range(0, rows, BLOCK):
        part = table.iloc[first : first + BLOCK]
        X = random.standard_normal((len(part), width), dtype=np.float32)
        X[:, : width // 8] += code[first : first + BLOCK, None] * np.float32(0.3)
        value[first : first + BLOCK] = X[:, ::7].sum(axis=1)
        names = [f"feature_{i}" for i in range(width)]
        block = pd.concat([part, pd.DataFrame(X, columns=names, index=part.index)], axis=1)
        written = pa.Table.from_pandas(block, preserve_index=False)
        writer = writer or pq.ParquetWriter(folder / "matrix.parquet", written.schema)
        writer.write_table(written)
    writer.close()
    speaker = random.integers(SPEAKERS, size=rows)
    table["speaker"] = np.char.add("s", speaker.astype(str)).astype(object)
    table["database"] = "made"
    part = np.where(speaker % 10 < 7, "train", np.where(speaker % 10 < 8, "dev", "test"))
    split = table.assign(part=part, fold=0, dev_folds="")
    table["truth"] = np.array(["a", "b"])[code]
    table["value"] = value + random.normal(size=rows)
    table.to_parquet(folder / "table.parquet", index=False)
    split.to_parquet(folder / "split.parquet", index=False)


def model(folder: Path, name: str, options: dict[str, Any]) -> Iterator[str]:
    """Fit and predict as the stage does."""
    import pandas as pd

    from izwi.config.options import own_options
    from izwi.training import fit_predict, out_of_core

    regression = name in REGRESSIONS
    values = {option.name: option.default for option in own_options("models", name).values()}
    spec: Any = {
        "task": "regression" if regression else "classification",
        "model": {"type": name, "options": values | options},
        "preprocessing": {"scale": "none" if name.startswith("xg") else "standard"},
        "features": [],
        "runs": 1,
        "seed": 0,
        "measure": "mse" if regression else "uar",
        "save": False,
    }
    spec["preprocessing"]["features"] = None
    began, cpu = time.monotonic(), time.process_time()
    table = pd.read_parquet(folder / "table.parquet")
    if regression:
        table["truth"] = table["value"]
    path = folder / "matrix.parquet"
    large = out_of_core.is_large(len(table), [str(path)], None)
    matrix = out_of_core.StoredMatrix(path) if large else pd.read_parquet(path)
    split = pd.read_parquet(folder / "split.parquet")
    labels = None if regression else ["a", "b"]
    with tempfile.TemporaryDirectory() as place:
        predictions, report = fit_predict.train(spec, [table], [[matrix]], split, labels, place)
    yield (
        f"{name}, {folder.name.removeprefix('izwi-million-')}: {time.process_time() - cpu:.0f} "
        f"CPU s, {time.monotonic() - began:.0f} s"
    )
    if regression:
        error = ((predictions["prediction"] - predictions["truth"]) ** 2).mean()
        yield f"mean squared error {error:.4f} of {predictions['truth'].var():.4f}"
    else:
        yield f"accuracy {(predictions['prediction'] == predictions['truth']).mean():.4f}"
    yield f"{report['counts']}, {report['warnings']}, {report['notes']}"


def epochs(number: int, width: int, options: dict[str, Any]) -> Iterator[str]:
    """An epoch of the perceptron from the disk and of tensors in memory."""
    import numpy as np

    from izwi.data.rows import Rows
    from izwi.models import model_class

    random = np.random.default_rng(0)
    rows = Rows(tempfile.gettempdir(), (number, width), np.float32)
    for first in range(0, number, BLOCK):
        size = min(BLOCK, number - first)
        rows.write(first, random.standard_normal((size, width), dtype=np.float32))
    y = np.array(["a", "b"])[random.integers(2, size=number)]

    def fit(X: Any, times: int) -> float:
        made = model_class("mlp")({"epochs": times, **options}, labels=["a", "b"])
        return seconds(lambda: made.fit(X, y[: len(X)]))

    fit(rows[:BLOCK], 1)  # the import of torch does not count
    memory = rows[:]
    # In turn, and the best of each, since other programs change the speed of a processor.
    took = {(name, times): [] for name in ("disk", "memory") for times in (1, 3)}
    for _ in range(ROUNDS):
        for name, times in took:
            took[name, times].append(fit(rows if name == "disk" else memory, times))
    disk, held = ((min(took[name, 3]) - min(took[name, 1])) / 2 for name in ("disk", "memory"))
    yield f"an epoch from the disk: {disk:.2f} CPU s"
    yield f"an epoch of tensors in memory: {held:.2f} CPU s"
    yield f"speed of memory: {held / disk:.2f}"


def statistics(rows: int) -> Iterator[str]:
    """Intervals and tests of speakers."""
    import numpy as np
    import scipy.stats  # noqa: F401  (its import is not measured)

    from izwi.evaluation import comparison, intervals
    from izwi.evaluation.measures import Sample

    random = np.random.default_rng(0)
    speakers = np.append(np.arange(SPEAKERS), random.integers(SPEAKERS, size=rows - SPEAKERS))

    def sample(classes: int, truth: np.ndarray) -> Sample:
        if not classes:
            return Sample(truth, [truth + random.normal(size=rows)], "regression")
        labels = np.array(list("abcdefgh")[:classes])
        guess = np.where(random.random(rows) < 0.7, truth, random.integers(classes, size=rows))
        scores = [truth + random.normal(size=rows)] if classes == 2 else None
        return Sample(labels[truth], [labels[guess]], "classification", labels.tolist(), scores)

    for classes, measure in ((4, "uar"), (2, "eer"), (0, "mse")):
        truth = random.integers(classes, size=rows) if classes else random.normal(size=rows)
        a, b = sample(classes, truth), sample(classes, truth)
        what = f"{classes} classes" if classes else "regression"
        for name, make in (
            ("samples", lambda a=a: intervals.bootstrap(a, None, seed=1, resamples=1000)),
            ("speakers", lambda a=a: intervals.bootstrap(a, speakers, seed=1, resamples=1000)),
            ("jackknife", lambda a=a: intervals.jackknife(a, speakers)),
            (
                f"permutation, {measure}",
                lambda a=a, b=b, m=measure: comparison._swapped(a, b, speakers, m, 1),
            ),
        ):
            yield f"{what}, {name}: {seconds(make):.1f} CPU s"


def stages(folder: Path, rows: int, kind: str) -> Iterator[str]:
    """CPU seconds and memory of plans, of the jobs of a call, and of a list of what is unused."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        made = [(files, "made", rows, SPEAKERS)]
        if kind == "stages":
            made = [(segments, "small", 10_000, 500), (segments, "large", rows, SPEAKERS)]
        for write, *which in made:
            # A process counts the memory of the one that started it.
            writer = multiprocessing.Process(target=write, args=(place, *which))
            writer.start()
            writer.join()
        (place / "a.ini").write_text(OF_FILES if kind == "files" else INI)
        (place / "a.yaml").write_text('{"experiments": ["a.ini"]}')
        # Nothing is made of these, and the digests of all files are known.
        (place / "b.yaml").write_text(
            '{"experiments": ["a.ini"], "results": "other", "cache": "results/cache"}'
        )
        command = [sys.executable, "-m", "snakemake", "-s", str(HOME / "Snakefile"), "--cores", "1"]
        # A plan is that of a dry run.
        yield f"plan, {rows:,}: {process([*command, '--configfile', 'a.yaml', '-n'], place)}"
        yield f"whole call: {process([*command, '--configfile', 'a.yaml'], place)}"
        yield f"plan again, {rows:,}: {process([*command, '--configfile', 'b.yaml', '-n'], place)}"
        prune = [sys.executable, "-m", "izwi", "prune", "a.yaml", "--stores"]
        yield f"prune, {rows:,}: {process(prune, place)}"
        for path in sorted(place.glob("results/benchmarks/**/*.tsv")):
            *_, memory, cpu = path.read_text().splitlines()[1].split("\t")
            stage = path.relative_to(place / "results" / "benchmarks").parts[0]
            yield f"{stage}, {path.stem}: {float(cpu):.1f} CPU s, {float(memory):.0f} MB"
        size = (place / "results" / "index.html").stat().st_size
        yield f"file of the page: {size / 1e6:.2f} MB"


def process(command: list[str], place: Path) -> str:
    """What a process needed, with those that it waited for."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    with tempfile.TemporaryFile("w+") as errors:
        started = subprocess.Popen(
            command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, times = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            errors.seek(0)
            sys.exit(errors.read())
    cpu, wall = times.ru_utime + times.ru_stime, time.monotonic() - began
    return f"{cpu:.1f} CPU s, {times.ru_maxrss / 1024:.0f} MB, {wall:.0f} s"


def files(folder: Path, name: str, rows: int, speakers: int) -> None:
    """A table of as many files, each with its own noise of .1 s."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(0)
    size = 3200
    form = struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + form
    head += b"data" + struct.pack("<I", size)
    names = [f"{name}/{i // 1000}/{i}.wav" for i in range(rows)]
    for i, path in enumerate(names):
        if i % 1000 == 0:
            (folder / path).parent.mkdir(parents=True)
        with open(folder / path, "wb") as stream:
            stream.write(head + random.bytes(size))
    table = {
        "file": names,
        "speaker": random.integers(speakers, size=rows),
        "sex": random.choice(["female", "male"], rows),
        "emotion": random.choice(["a", "b"], rows),
    }
    pd.DataFrame(table).to_csv(folder / f"{name}.csv", index=False)


def segments(folder: Path, name: str, rows: int, speakers: int) -> None:
    """A table of segments of 10 ms, and their files."""
    import numpy as np
    import pandas as pd
    import soundfile

    random = np.random.default_rng(0)
    (folder / name).mkdir()
    length = 10 * -(-rows // FILES)
    for i in range(FILES):
        noise = random.integers(-3000, 3000, length, dtype=np.int16)
        soundfile.write(folder / name / f"{i}.wav", noise, 1000)
    which, place = np.arange(rows) % FILES, np.arange(rows) // FILES
    table = {
        "file": [f"{name}/{i}.wav" for i in which],
        "start": place / 100,
        "end": (place + 1) / 100,
        "speaker": random.integers(speakers, size=rows),
        "sex": random.choice(["female", "male"], rows),
        "emotion": random.choice(["a", "b"], rows),
    }
    pd.DataFrame(table).to_csv(folder / f"{name}.csv", index=False)


def duplicates(rows: int, kind: str) -> Iterator[str]:
    """The search for near-duplicates, without the fingerprints."""
    import numpy as np

    from izwi.audit.duplicates import pairs

    files = starts = None
    if kind == "segments":
        # Each window sees the four loudest of its file's moments, one in a second.
        of_file = 100
        prints = fingerprints(rows, "duplicates")
        files = np.arange(rows) // of_file
        starts = 15.0 * (np.arange(rows) % of_file)
        prints = windows(prints, files, starts)
    else:
        prints = fingerprints(rows, kind)
    began = time.process_time()
    found = pairs(prints, files, starts)
    number = "too many" if found is None else len(found)
    yield f"{kind}, {rows:,}: {time.process_time() - began:.1f} CPU s, {number} pairs"


def fingerprints(rows: int, kind: str, seed: int = 0) -> Any:
    """Simulated ones, see the head of this module."""
    import numpy as np

    from izwi.audit.duplicates import Prints
    from izwi.features.fingerprint import ANCHORS, APART, SIZE, STEP

    random = np.random.default_rng(seed)
    spread = (2.9 / (1 + 0.27 * np.arange(SIZE)) / STEP).astype(np.float32)
    between = 0.14 if kind == "words" else 0.37
    times = np.cumsum(APART + random.exponential(between, (rows, ANCHORS)), axis=1)
    pictures = np.empty((rows, ANCHORS, SIZE), np.int16)
    for first in range(0, rows, BLOCK):
        some = pictures[first : first + BLOCK]
        # Of some sounds all pictures are flat, of others rich.
        rich = np.exp(0.4 * random.standard_normal((len(some), ANCHORS, 1), np.float32) - 0.16)
        some[:] = np.rint(random.standard_normal(some.shape, np.float32) * spread * rich)
    if kind == "words":
        number = random.choice(1 + np.arange(ANCHORS), p=[0.4, 0.4, 0.15, 0.05], size=rows)
        gone = np.arange(ANCHORS) >= number[:, None]
        times[gone], pictures[gone] = np.nan, 0
    return Prints(times, pictures)


def windows(prints: Any, files: Any, starts: Any) -> Any:
    """Fingerprints of overlapping windows: half of the anchors are those of the one before."""
    import numpy as np

    half = prints.times.shape[1] // 2
    inner = np.flatnonzero(np.diff(files, prepend=-1) == 0)
    times, pictures = prints.times % 15, prints.pictures
    times[:, half:] += 15
    times[inner, :half] = times[inner - 1, half:] - 15
    pictures[inner, :half] = pictures[inner - 1, half:]
    return type(prints)(times, pictures)


if __name__ == "__main__":
    main()
