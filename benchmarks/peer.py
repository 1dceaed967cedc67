"""The same work by izwi, by nkululeko and by a plain script, in turn.

    python benchmarks/peer.py [--data path/to/emodb.csv] [--repeats 3]
        [--only cold,model,grid,clever] [--peer .venv-benchmark]

Installs nkululeko into an environment of its own (2.8 GB, kept in --peer, default
.venv-benchmark). Prints a Markdown table: medians of interleaved calls, wall and CPU seconds, and
the ratios of wall time.
"""

import argparse
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
# Torch by itself, since the index may have a build for graphics cards alone.
PEER = ("nkululeko==1.14.1", "torch==2.13.0")
INI = """[EXP]
root = {root}
name = {name}
[DATA]
databases = ['emodb']
emodb = {data}
emodb.type = csv
emodb.absolute_path = False
emodb.split_strategy = [8, 10, 13, 15]
target = emotion
labels = ['anger', 'boredom', 'disgust', 'fear', 'happiness', 'neutral', 'sadness']
[FEATS]
type = ['{features}']
{more}scale = standard
[MODEL]
type = {model}
"""
PLAIN = """
import sys
import numpy as np, opensmile, pandas as pd
from pathlib import Path
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
data = Path(sys.argv[1])
labels = pd.read_csv(data)
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, num_workers=2, multiprocessing=True)
X = smile.process_files([str(data.parent / f) for f in labels["file"]]).to_numpy()
test = labels["speaker"].isin([8, 10, 13, 15]).to_numpy()
scaler = StandardScaler().fit(X[~test])
model = SVC().fit(scaler.transform(X[~test]), labels["emotion"][~test])
print(recall_score(labels["emotion"][test], model.predict(scaler.transform(X[test])),
                   average="macro"))
"""
# Compiled once, as on a user's computer.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
SETS = (("os", "set = eGeMAPSv02\n"), ("os", "set = ComParE_2016\n"), ("praat", ""))
MODELS = ("xgb", "svm", "knn")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="CSV of the database")
    parser.add_argument("--repeats", type=int, default=3, help="calls of each that count")
    parser.add_argument("--peer", type=Path, default=HOME / ".venv-benchmark")
    parser.add_argument("--only", default="cold,model,grid,clever", help="which rows of the table")
    arguments = parser.parse_args()
    data = arguments.data.resolve()
    if not data.exists():
        sys.exit(f"{data} does not exist; name a CSV database by --data or its folder by IZWI_DATA")
    folder = Path(tempfile.mkdtemp(prefix="izwi-benchmark-"))
    try:
        bench = Bench(folder, data, install(arguments.peer.resolve()))
        print(
            "| work | izwi wall / CPU s | nkululeko | plain script | izwi / nkululeko | / plain |"
        )
        print("|---|---|---|---|---|---|", flush=True)
        for row in arguments.only.split(","):
            getattr(bench, row)(arguments.repeats)
    finally:
        shutil.rmtree(folder)


def install(peer: Path) -> Path:
    """Python of an environment with nkululeko."""
    python = peer / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", peer], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-compile", *PEER], check=True)
    return python


class Bench:
    """The rows of the table.

    Args:
        folder: for all that is made
        data: CSV of the database
        peer: Python with nkululeko
    """

    def __init__(self, folder: Path, data: Path, peer: Path) -> None:
        self.folder, self.data, self.peer = folder, data, peer
        (folder / "plain.py").write_text(PLAIN)

    def cold(self, repeats: int) -> None:
        """One experiment with nothing in any cache."""
        ini = self.ini("cold", *SETS[0], "svm")
        self.row(
            "cold: eGeMAPSv02 + svm, the whole call",
            repeats,
            izwi=lambda: self.izwi([ini], fresh=True),
            peer=lambda: self.nkululeko([ini], fresh=True),
            plain=self.plain,
        )

    def model(self, repeats: int) -> None:
        """Another model on features that are there."""
        first = self.ini("warm", *SETS[0], "svm")
        self.izwi([first], fresh=True)
        self.nkululeko([first], fresh=True)
        # A name of its own would make nkululeko extract again: its model is changed in place.
        # Each is a new one, since izwi finds again what it has trained before.
        models = (f"svm\nC_val = {i / 10}" for i in range(2, 100))
        current: dict[str, str] = {}

        def izwi() -> None:
            current["ini"] = self.ini("warm", *SETS[0], next(models))
            self.izwi([current["ini"]])

        self.row(
            "another model on the same features",
            repeats,
            izwi=izwi,
            peer=lambda: self.nkululeko([current["ini"]]),
        )

    def grid(self, repeats: int) -> None:
        """Nine experiments, a name each, from nothing."""
        inis = [
            self.ini(f"grid{i}{model}", *features, model)
            for i, features in enumerate(SETS)
            for model in MODELS
        ]
        self.row(
            "9 experiments, 3 feature sets x 3 models, cold",
            1,
            izwi=lambda: self.izwi(inis, fresh=True),
            peer=lambda: self.nkululeko(inis, fresh=True),
            warm=False,
        )

    def clever(self, repeats: int) -> None:
        """The nine with a name for each feature set, whose features nkululeko then finds again."""
        inis = [
            self.ini(f"grid{i}{model}", *features, model)
            for i, features in enumerate(SETS)
            for model in MODELS
        ]

        def peer() -> None:
            shutil.rmtree(self.folder / "peer", ignore_errors=True)
            for i, features in enumerate(SETS):
                for model in MODELS:
                    self.nkululeko([self.ini(f"clever{i}", *features, model)])

        self.row(
            "the same, nkululeko by its cleverest use of names",
            1,
            izwi=lambda: self.izwi(inis, fresh=True),
            peer=peer,
            warm=False,
        )

    def ini(self, name: str, features: str, more: str, model: str) -> str:
        """Write an ini that both tools read."""
        path = self.folder / f"{name}.ini"
        path.write_text(
            INI.format(
                root=self.folder / "peer",
                name=name,
                data=self.data,
                features=features,
                more=more,
                model=model,
            )
        )
        return path.name

    def izwi(self, inis: list[str], *, fresh: bool = False) -> None:
        """One call of the workflow."""
        if fresh:
            shutil.rmtree(self.folder / "results", ignore_errors=True)
            shutil.rmtree(self.folder / ".snakemake", ignore_errors=True)
        listed = ", ".join(inis)
        (self.folder / "config.yaml").write_text(f"experiments: [{listed}]\n")
        self.call(
            sys.executable, "-m", "snakemake", "-s", HOME / "Snakefile", "--configfile=config.yaml"
        )

    def nkululeko(self, inis: list[str], *, fresh: bool = False) -> None:
        """A call for each ini, one after the other."""
        if fresh:
            shutil.rmtree(self.folder / "peer", ignore_errors=True)
        (self.folder / "peer").mkdir(exist_ok=True)
        for ini in inis:
            self.call(self.peer, "-m", "nkululeko.nkululeko", "--config", ini)

    def plain(self) -> None:
        """The script."""
        self.call(sys.executable, "plain.py", self.data)

    def call(self, *command: str | Path) -> None:
        """Run a command; end with what it printed if it fails."""
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

    def row(
        self,
        work: str,
        repeats: int,
        izwi: Callable[[], None],
        peer: Callable[[], None],
        plain: Callable[[], None] | None = None,
        *,
        warm: bool = True,
    ) -> None:
        """Run the three in turn and print a row; ``warm``: a first round does not count."""
        calls = {"izwi": izwi, "peer": peer} | ({"plain": plain} if plain else {})
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
        # In the first round Python compiles what it imports.
        for i in range(warm + repeats):
            for name, function in calls.items():
                before, started = used(), time.monotonic()
                function()
                if i >= warm:
                    found[name].append((time.monotonic() - started, used() - before))
        medians = {
            name: [statistics.median(column) for column in zip(*times, strict=True)]
            for name, times in found.items()
        }
        cells = [f"{wall:.1f} / {cpu:.1f}" for wall, cpu in medians.values()]
        ratios = [f"{medians['izwi'][0] / medians[n][0]:.2f}" for n in list(calls)[1:]]
        cells += [""] * (3 - len(cells))
        ratios += [""] * (2 - len(ratios))
        print(f"| {work} | {' | '.join(cells)} | {' | '.join(ratios)} |", flush=True)


def used() -> float:
    """CPU seconds of all processes that have ended."""
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


if __name__ == "__main__":
    main()
