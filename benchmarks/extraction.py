"""Slow features and nets beside plain loops, and on one core beside two.

    python benchmarks/extraction.py [--data path/to/emodb.csv] [--only praat,whisper,wav2vec,mlp]
        [--repeats 1] [--step 1] [--peer .venv-benchmark] [--model folder/of/whisper-tiny.en]

Each way is a process of its own on the same files, the ways in turn. Prints a Markdown table:
medians of wall and CPU seconds of the whole process, and how many times as long as the first way.
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
from collections.abc import Callable
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("IZWI_DATA", HOME.parent / "shared" / "data")) / "emodb" / "emodb.csv"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
NET = """[EXP]
name = net
epochs = {epochs}
seed = {seed}
[DATA]
databases = ['emodb']
emodb = {data}
emodb.split_strategy = [8, 10, 13, 15]
target = emotion
[FEATS]
type = os
scale = standard
[MODEL]
type = mlp
patience = False
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="CSV of the database")
    parser.add_argument("--only", default="praat,whisper,wav2vec,mlp", help="which rows")
    parser.add_argument("--repeats", type=int, default=1, help="calls of each")
    parser.add_argument("--step", type=int, default=1, help="take each n-th file")
    parser.add_argument("--peer", type=Path, help="environment with nkululeko, see peer.py")
    parser.add_argument("--model", type=Path, help="folder of whisper-tiny.en")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        spec = json.loads(arguments.child)
        # Praat has threads of its own, which no option limits.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: spec.pop("cores", None)])
        WAYS[spec.pop("way")](**spec)
        return
    data = arguments.data.resolve()
    if not data.exists():
        sys.exit(f"{data} does not exist; name a CSV database by --data or its folder by IZWI_DATA")
    model = arguments.model or data.parents[2] / "models" / "whisper-tiny.en"
    with open(data, encoding="utf-8") as lines:
        place = next(lines).strip().split(",").index("file")
        files = [str(data.parent / line.strip().split(",")[place]) for line in lines]
    files = files[:: arguments.step]
    folder = Path(tempfile.mkdtemp(prefix="izwi-benchmark-"))
    bench = Bench(folder, files, arguments.repeats)
    print("| work | way | wall s | CPU s | times |\n|---|---|---|---|---|", flush=True)
    wanted = arguments.only.split(",")
    try:
        if "praat" in wanted:
            praat(bench, arguments.peer)
        if "whisper" in wanted:
            whisper(bench, model)
        if "wav2vec" in wanted:
            wav2vec(bench)
        if "mlp" in wanted:
            mlp(bench, data)
    finally:
        shutil.rmtree(folder)


class Bench:
    """Measures ways to do the same.

    Args:
        folder: for all that is made
        files: the audio
        repeats: calls of each way
    """

    def __init__(self, folder: Path, files: list[str], repeats: int) -> None:
        self.folder, self.files, self.repeats = folder, files, repeats
        (folder / "files.json").write_text(json.dumps(files))

    def child(self, python: Path | str = sys.executable, **spec: object) -> Callable[[], None]:
        """A way that is a function of this file, in a process of its own."""
        told = json.dumps({"files": str(self.folder / "files.json"), **spec})
        return lambda: self.call(python, __file__, "--child", told)

    def call(self, *command: Path | str) -> None:
        """Run a command; end with what it printed if it fails."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        process = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            sys.exit(f"{command}\n{process.stdout[-3000:]}{process.stderr[-3000:]}")

    def row(self, work: str, ways: dict[str, Callable[[], None]]) -> dict[str, float]:
        """Run the ways in turn and print a row for each.

        Returns:
            median CPU seconds of each
        """
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(self.repeats):
            for name, way in ways.items():
                before, started = used(), time.monotonic()
                way()
                found[name].append((time.monotonic() - started, used() - before))
        medians = {
            name: [statistics.median(column) for column in zip(*times, strict=True)]
            for name, times in found.items()
        }
        first = next(iter(medians.values()))[0]
        for name, (wall, cpu) in medians.items():
            print(f"| {work} | {name} | {wall:.1f} | {cpu:.1f} | {wall / first:.2f} |", flush=True)
        return {name: cpu for name, (_, cpu) in medians.items()}


def praat(bench: Bench, peer: Path | None) -> None:
    """Voice quality, which Praat computes in one thread."""
    ways = {
        "izwi, two cores": bench.child(way="izwi", type="praat", threads=2),
        "izwi, one core": bench.child(way="izwi", type="praat", threads=1, cores=1),
    }
    if peer:
        ways["nkululeko, one core"] = bench.child(peer / "bin" / "python", way="nkululeko", cores=1)
    bench.row(f"praat, {len(bench.files)} files", ways)


def whisper(bench: Bench, model: Path) -> None:
    """Embeddings of windows of 30 s, which padding makes alike."""
    if not model.is_dir():
        print(f"| whisper | no model in {model}: name its folder by --model | | | |")
        return
    options = {"whisper.model": str(model)}
    ways = {
        "plain loop, two cores": bench.child(way="loop", model=str(model), kind="whisper"),
        "izwi, two cores": bench.child(way="izwi", type="whisper", threads=2, options=options),
    }
    bench.row(f"whisper-tiny.en, {len(bench.files)} files", ways)


def wav2vec(bench: Bench) -> None:
    """A small network with random weights that takes the wave; its convolutions have layer norm."""
    options = {"wav2vec2.model": "untrained"}
    ways = {
        "izwi, one by one": bench.child(
            way="izwi", type="wav2vec2", threads=2, options=options, single=True
        ),
        "izwi, batches of similar length": bench.child(
            way="izwi", type="wav2vec2", threads=2, options=options
        ),
        "plain loop": bench.child(way="loop", model="untrained", kind="wav2vec2"),
    }
    bench.row(f"wav2vec 2.0, small, {len(bench.files)} files, two cores", ways)


def mlp(bench: Bench, data: Path) -> None:
    """Epochs of a net, beside what a call takes with one of them."""
    snakemake = (sys.executable, "-m", "snakemake", "-s", HOME / "Snakefile", "--configfile")
    seeds = itertools.count()

    def way(epochs: int) -> Callable[[], None]:
        def run() -> None:
            # Another seed each time, so that there is something to do.
            ini = NET.format(data=data, epochs=epochs, seed=next(seeds))
            (bench.folder / "net.ini").write_text(ini)
            bench.call(*snakemake, "net.yaml")

        return run

    (bench.folder / "net.yaml").write_text("experiments: [net.ini]\n")
    way(1)()
    found = bench.row("mlp on cached features, the whole call", {"1 epoch": way(1), "51": way(51)})
    print(f"\n50 epochs of the mlp: {found['51'] - found['1 epoch']:.1f} CPU s")


def izwi(
    files: str,
    type: str,
    threads: int,
    options: dict[str, object] | None = None,
    single: bool = False,
) -> None:
    """Extract by izwi; ``single``: a batch for each recording."""
    sys.path.insert(0, str(HOME))
    import pandas as pd

    from izwi.features import extractor_class
    from izwi.features.extraction import extract

    paths = json.loads(Path(files).read_text())
    table = pd.DataFrame(
        {
            "file": paths,
            "start": pd.to_timedelta([0] * len(paths)),
            "end": pd.to_timedelta([None] * len(paths)),
            "digest": [f"{i:032x}" for i in range(len(paths))],
        }
    )
    cls = extractor_class(type)
    if single:
        cls._fit = lambda self, samples: 1
    spec = {"type": type, "options": {o.name: o.default for o in cls.options} | (options or {})}
    places = {path: path for path in paths}
    store = Path(files).with_name("store")
    extract(spec, table, places, store=store, threads=threads)


def loop(files: str, model: str, kind: str) -> None:
    """Embed by transformers, one recording after the other, torch on two cores."""
    import audresample
    import numpy as np
    import soundfile
    import torch
    from transformers import AutoConfig, AutoFeatureExtractor, AutoModel

    torch.set_num_threads(2)
    torch.manual_seed(0)
    untrained = model == "untrained"
    folder = HOME / "izwi" / "features" / "untrained" / kind if untrained else Path(model)
    front = AutoFeatureExtractor.from_pretrained(folder)
    if untrained:
        net = AutoModel.from_config(AutoConfig.from_pretrained(folder)).eval()
    else:
        net = AutoModel.from_pretrained(folder, dtype=torch.float32).get_encoder().eval()
    vectors = []
    with torch.inference_mode():
        for path in json.loads(Path(files).read_text()):
            signal, rate = soundfile.read(path, dtype="float32")
            signal = audresample.resample(signal, rate, front.sampling_rate)[0]
            inputs = front(signal, sampling_rate=front.sampling_rate, return_tensors="pt")
            states = net(next(iter(inputs.values()))).last_hidden_state[0]
            frames = -(-len(signal) // 320) if kind == "whisper" else None
            vectors.append(states[:frames].mean(dim=0).numpy())
    np.stack(vectors)


def nkululeko(files: str) -> None:
    """Extract by the peer's function."""
    import audiofile
    import pandas as pd
    from nkululeko.feat_extract import feats_praat_core

    paths = json.loads(Path(files).read_text())
    starts = pd.to_timedelta([0] * len(paths))
    ends = pd.to_timedelta([audiofile.duration(path) for path in paths], unit="s")
    feats_praat_core.compute_features(pd.MultiIndex.from_arrays([paths, starts, ends]))


def used() -> float:
    """CPU seconds of all processes that have ended."""
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


WAYS = {"izwi": izwi, "loop": loop, "nkululeko": nkululeko}


if __name__ == "__main__":
    main()
