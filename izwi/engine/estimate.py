"""What the missing units of a plan take: time, memory and disk, from units that were made before.

Time and memory of each unit that a call makes stand in ``results/benchmarks``. What is not there is
taken from `MEASURED`. Estimates are rough: another size of data or another machine is another time.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from izwi.engine.plan import Plan, Unit
from izwi.engine.preview import Preview
from izwi.files import read_json

if TYPE_CHECKING:
    from izwi.data.scan import Listing

# Recordings whose length is looked at, to estimate that of all.
_HEARD = 200
# Recordings of the embedded data.
_DEMO = 312
_START = 2.5  # seconds: Snakemake, and imports
_SUBMIT = 10.0  # seconds that a job waits in the queue of an idle cluster
# Seconds for each byte of a matrix: it is assembled from the store in one process.
_ASSEMBLE = 4e-8
# Of memory for each row: tables are held whole, features are not. See docs/performance.md.
_MB_EACH = 1e-3
_RECORD = re.compile(r"(?:(.*)-)?([0-9a-f]{12})")


@dataclass(frozen=True)
class Cost:
    """What a unit takes.

    Args:
        seconds: of CPU, whatever its size
        each: of CPU for each row; of features for each second of audio
        bytes: on disk, whatever its size
        bytes_each: on disk for each row
        megabytes: peak of memory
        pairs: whether CPU time grows with the square of the rows
        of_rows: how many rows there were where ``each`` was measured
    """

    seconds: float = 0.1
    each: float = 0.0
    bytes: float = 10_000
    bytes_each: float = 0.0
    megabytes: float = 260
    pairs: bool = False
    of_rows: float = _DEMO

    def of(self, rows: float) -> float:
        """CPU seconds that depend on a number of rows."""
        # Of few rows what is done once for each prevails.
        grown = max(_DEMO, rows) / max(_DEMO, self.of_rows) if self.pairs else 1.0
        return self.each * rows * grown


# By stage, or stage and type of features or model: measured on the demo (312 files, 700 s of audio)
# as docs/performance.md says.
MEASURED: dict[str, Cost] = {
    "database demo": Cost(1.2, bytes=22_600_000),
    "load": Cost(0.1, 1.8e-5, 5_000, 70),
    "annotate": Cost(0.1, 1e-5, 5_000, 80),
    "properties": Cost(0.5, 5e-5, 10_000, 150),
    "split": Cost(0.1, 8e-6, 4_000, 25),
    "describe": Cost(0.1, 2.7e-5, 5_000, 20),
    # Silero hears 100 s in a second.
    "segment silero": Cost(0.2, 0.01, 20_000, 120, 350),
    "segment fixed": Cost(0.1, 1e-4, 20_000, 120),
    "audit": Cost(0.1, 1e-4, 8_000),
    "features fingerprint": Cost(0.1, 0.0011, 5_000, 1_950),
    "features os": Cost(0.1, 0.0185, 5_000, 1_250),
    "features os ComParE_2016": Cost(0.1, 0.019, 260_000, 86_000, 320),
    "features praat": Cost(0.1, 0.018, 5_000, 950, 480),
    "features mld": Cost(0.1, 0.0065, 5_000, 1_400),
    "features signal": Cost(0.1, 0.0004, 5_000, 160),
    "features snr": Cost(0.7, 0.001, 5_000, 80),
    "features mos": Cost(0.5, 0.45, 5_000, 80, 480),
    "features dnsmos": Cost(0.5, 0.55, 5_000, 110, 480),
    "features spectra": Cost(0.1, 0.0063, 450_000, 162_000, 580),
    "features xbow": Cost(0.1, 0.0185, 450_000, 40_000, 580),
    "features import": Cost(0.3, 1e-4, 5_000, 1_000),
    "features metadata": Cost(0.1, 1e-4, 5_000, 100),
    "features wave": Cost(0.1, 1e-4, 5_000, 100),
    "train knn": Cost(0.05, 1e-4, 60_000, 700),
    "train bayes": Cost(0.05, 3e-4, 60_000, 100),
    "train tree": Cost(0.05, 1e-4, 60_000, 100),
    "train gmm": Cost(0.05, 1e-4, 60_000, 100),
    "train svm": Cost(0.1, 4e-4, 60_000, 700, pairs=True),
    "train svr": Cost(0.1, 4e-4, 60_000, 700, pairs=True),
    # Of 700,000 rows of 88 features.
    "train xgb": Cost(0.4, 6e-5, 200_000, 100, 450),
    "train logreg": Cost(0.1, 2.5e-5, 60_000, 100),
    "train linear_svm": Cost(0.1, 2.7e-5, 60_000, 100),
    "train ridge": Cost(0.1, 2.5e-5, 60_000, 100),
    "train lin_reg": Cost(0.1, 2.5e-5, 60_000, 100),
    "train mlp": Cost(1.0, 0.03, 300_000, 100, 480),
    "train cnn": Cost(1.0, 0.6, 3_000_000, 100, 3_600),
    "train": Cost(0.1, 2e-3, 200_000, 100, 450),
    "evaluate": Cost(0.05, 5e-5, 15_000, 100),
    "experiment": Cost(0.02, bytes=170_000),
    "plot": Cost(0.15, bytes=105_000),
    "analyse": Cost(2.0, 1e-2, 50_000),
    "page": Cost(0.1, bytes=530_000),
}
# Types without a figure: their time depends on the size of a net, or on a network.
UNKNOWN = ("database audb", "fetch_model", "train finetune", "train finetune_reg")


@dataclass
class Line:
    """The units of a stage.

    Args:
        stage: its name
        made: units that are made already
        missing: units that the call makes
        seconds: of CPU that these take; None where nothing is known of one of them
        recorded: whether it is all from records of this folder
    """

    stage: str
    made: int = 0
    missing: int = 0
    seconds: float | None = 0.0
    recorded: bool = True


@dataclass
class Estimate:
    """What a call takes.

    Args:
        lines: by stage, in the order of the plan
        wall: seconds from start to end
        cpu: seconds of CPU
        disk: bytes
        megabytes: peak of memory, of all jobs of a node at once
        audio: bytes of recordings that the nodes of a cluster read
        rows: of all label tables
        unknown: what is not in it
        stored: feature set → recordings whose features are kept already
    """

    lines: list[Line]
    wall: float = 0.0
    cpu: float = 0.0
    disk: float = 0.0
    megabytes: float = 0.0
    audio: float = 0.0
    rows: float = 0.0
    unknown: list[str] = field(default_factory=list)
    stored: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Computers:
    """Where a call runs.

    Args:
        cores: of each computer
        nodes: computers that share the shards of an extraction, and the models
        queue: whether jobs wait in the queue of a cluster
    """

    cores: int
    nodes: int = 1
    queue: bool = False


def estimate(
    plan: Plan,
    missing: list[Unit],
    found: Preview,
    computers: Computers,
    hours: float | None = None,
) -> Estimate:
    """Estimate what the missing units of a plan take.

    Args:
        plan: all units
        missing: those that the call makes
        found: what labels and splits hold
        computers: where it runs
        hours: of audio, as if the databases held so much of the same kind, and nothing were made
    """
    sizes = _Sizes(plan, found, hours)
    records = _records(Path(plan.results))
    lines: dict[str, Line] = {}
    spent: dict[int, tuple[float, float]] = {}
    made = Estimate([], rows=sizes.total(), audio=sizes.bytes() if computers.queue else 0.0)
    wanted = set(map(id, missing))
    for unit in plan.each():
        line = lines.setdefault(unit.stage, Line(unit.stage))
        if id(unit) not in wanted:
            line.made += 1
            continue
        line.missing += 1
        kind = _kind(unit)
        cost = records.get(kind) or _measured(kind)
        line.recorded &= kind in records
        size = sizes.rows(unit)
        if cost is None or size is None:
            line.seconds = None
            made.unknown.append(f"{unit.stage} of {unit.label}")
            continue
        alone, shared = _seconds(unit, cost, size, sizes, made, recorded=kind in records)
        spent[id(unit)] = alone, shared
        if line.seconds is not None:
            line.seconds += alone + shared
        made.disk += cost.bytes + cost.bytes_each * size
        made.megabytes = max(made.megabytes, cost.megabytes)
    made.lines = list(lines.values())
    made.cpu = sum(map(sum, spent.values()))
    everywhere = computers.cores * computers.nodes
    # Extractions that could run side by side want the same cores.
    shared = sum(work for _, work in spent.values()) / everywhere
    path = shared + _longest(plan, missing, spent, computers.queue)
    made.wall = (_START + max(path, made.cpu / everywhere)) if missing else 0.0
    made.megabytes *= min(computers.cores, max(1, len(missing)))
    # What holds all rows, models above all, seldom has many of its kind beside it.
    models = sum(unit.stage == "train" for unit in missing)
    made.megabytes += _MB_EACH * made.rows * min(computers.cores, max(1, models))
    made.unknown = list(dict.fromkeys(made.unknown))
    return made


def _seconds(
    unit: Unit, cost: Cost, size: float, sizes: _Sizes, made: Estimate, recorded: bool
) -> tuple[float, float]:
    """CPU seconds of a unit: in one process, and of work that all cores share."""
    if unit.stage in ("features", "shard", "segment"):
        todo = sizes.todo(unit, size, made.stored)
        shared = cost.of(todo * (1 if recorded else sizes.length(unit)))
        alone = cost.seconds + _ASSEMBLE * cost.bytes_each * size
        return alone, shared
    work = sizes.fits(unit) * cost.of(size)
    if recorded and not cost.each and (basis := _measured(_kind(unit))):
        # What was recorded is of the data as they are, without the hours that are asked for.
        work += basis.of(size) - basis.of(size / sizes.factor)
    return cost.seconds + work, 0.0


def _kind(unit: Unit) -> str:
    """What units take alike time: the stage, and the features or the model."""
    spec = unit.spec
    if unit.stage in ("features", "shard"):
        return " ".join(filter(None, ["features", spec["type"], _set(spec)]))
    if unit.stage in ("train", "inner"):
        return f"train {spec['model']['type']}"
    if unit.stage == "segment":
        return f"segment {spec['segment']['method']}"
    if unit.stage == "database":
        return f"database {spec['type']}"
    return unit.stage


def _set(spec: dict[str, Any]) -> str:
    chosen = (spec.get("options") or {}).get("set") or ""
    return str(chosen) if str(chosen).startswith("ComParE") else ""


def _measured(kind: str) -> Cost | None:
    if kind in UNKNOWN:
        return None
    if kind.startswith("features") and kind not in MEASURED:
        # A pretrained net.
        return None
    return MEASURED.get(kind) or MEASURED.get(kind.split()[0]) or Cost()


class _Sizes:
    """How much a unit has to do."""

    def __init__(self, plan: Plan, found: Preview, hours: float | None = None) -> None:
        self.plan, self.found = plan, found
        self._rows: dict[int, float | None] = {}
        self._lengths: dict[str, float] = {}
        self.scaled = hours is not None
        self.factor = 1.0
        if hours is not None and (now := self.seconds()):
            self.factor = hours * 3600 / now

    def total(self) -> float:
        """Rows of all label tables."""
        return sum(self.factor * (self._length_of(load) or 0) for load in self.plan.of("load"))

    def seconds(self) -> float:
        """Seconds of audio in all label tables."""
        rows = ((load, self._length_of(load) or 0) for load in self.plan.of("load"))
        return sum(self.factor * number * self._length_in(load.key) for load, number in rows)

    def bytes(self) -> float:
        """Bytes of the recordings of all label tables."""
        return self.factor * sum(map(_bytes, self.plan.scanned.values()))

    def rows(self, unit: Unit) -> float | None:
        """Rows of all tables that a unit rests on; None where one of them is not known."""
        if id(unit) not in self._rows:
            chain = self.plan.chain(unit.outputs.values())
            numbers = [self._length_of(load) for load in chain if load.stage == "load"]
            known = [number for number in numbers if number is not None]
            copies = len(unit.spec.get("makers", ())) if unit.stage == "features" else 0
            total = self.factor * sum(known) * max(1, copies)
            self._rows[id(unit)] = total if len(known) == len(numbers) else None
        return self._rows[id(unit)]

    def _length_of(self, load: Unit) -> int | None:
        table = self.found.tables.get(load.key)
        if table is not None:
            return len(table)
        return _DEMO if load.spec["type"] == "demo" else None

    def fits(self, unit: Unit) -> int:
        """How often a model is fitted; 1 for all that is no training."""
        if unit.stage not in ("train", "inner"):
            return 1
        split = self.plan.maker.get(unit.inputs["split"])
        if split and split.stage == "segment_split":
            split = self.plan.maker.get(split.inputs["split"])
        folds = self.found.folds.get(split.key, 1) if split else 1
        inner = int(unit.spec.get("folds") or 1)
        return folds * int(unit.spec["runs"] or 1) * _searched(unit.spec) * inner

    def todo(self, unit: Unit, rows: float, stored: dict[str, str]) -> float:
        """Rows whose features the store lacks."""
        if self.scaled or unit.stage != "features" or not os.path.isdir(unit.spec["store"]):
            return rows
        table = self.found.tables.get(unit.spec["table"])
        if table is None:
            return rows
        from izwi.augmentation.makers import digest_of
        from izwi.features.extraction import row_keys
        from izwi.features.store import keys_in

        keys = set(row_keys(table))
        if made_by := unit.spec.get("makers"):
            keys = {(digest_of(key[0], maker), *key[1:]) for key in keys for maker in made_by}
        lacking = len(keys - keys_in(Path(unit.spec["store"])))
        stored[unit.label] = f"{len(keys) - lacking} of {len(keys)}"
        return lacking

    def length(self, unit: Unit) -> float:
        """Mean seconds of the recordings of a matrix."""
        return self._length_in(unit.spec.get("table") or unit.spec.get("load", ""))

    def _length_in(self, key: str) -> float:
        if key not in self._lengths:
            listing = self.plan.scanned.get(key)
            self._lengths[key] = _mean_length(listing) if listing else 2.5
        return self._lengths[key]


def _searched(spec: dict[str, Any]) -> int:
    """How often a search for options fits the model, roughly; 1 without."""
    return 10 if spec.get("tune") else 1


def _bytes(listing: Listing) -> float:
    """Bytes of all recordings, from those of some."""
    sizes = []
    for path in _some(listing):
        with suppress(OSError):
            sizes.append(os.path.getsize(path))
    found = sum(path is not None for path in listing.paths)
    return found * sum(sizes) / len(sizes) if sizes else 0.0


def _some(listing: Listing) -> list[str]:
    """Recordings from which all are estimated."""
    paths = [path for path in listing.paths if path]
    return paths[:: max(1, len(paths) // _HEARD)]


def _mean_length(listing: Listing) -> float:
    from izwi.data import audio

    seconds = []
    for path in _some(listing):
        with suppress(audio.AudioError):
            samples, rate = audio.length(path)
            seconds.append(samples / rate)
    return sum(seconds) / len(seconds) if seconds else 2.5


def _longest(
    plan: Plan, missing: Iterable[Unit], spent: dict[int, tuple[float, float]], queue: bool
) -> float:
    """Seconds of the longest chain of units that wait for each other, without shared work."""
    ends: dict[int, float] = {}
    # The profile's groups: labels, features and models are jobs of their own.
    waits = {"load", "features", "train"} if queue else set()

    def end(unit: Unit) -> float:
        if id(unit) not in spent:
            return 0.0
        if id(unit) not in ends:
            before = max((end(maker) for maker in plan.made_of(unit)), default=0.0)
            wait = _SUBMIT if unit.stage in waits else 0.0
            ends[id(unit)] = before + wait + spent[id(unit)][0]
        return ends[id(unit)]

    return max(map(end, missing), default=0.0)


# ------------------------------------------------------------------------------- records


def _records(results: Path) -> dict[str, Cost]:
    """Kind → what its units took, as far as the folder of results knows."""
    found: dict[str, list[Cost]] = defaultdict(list)
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        with suppress(OSError, ValueError, KeyError, IndexError):
            values = path.read_text(encoding="utf-8").splitlines()[1].split("\t")
            memory, cpu = float(values[2]), float(values[3])
            name = path.relative_to(results / "benchmarks").parts[0]
            read = _READ.get(name, _plain)
            if record := read(results, path, cpu):
                kind, cost = record
                found[kind].append(replace(cost, megabytes=memory))
    return {kind: _typical(kind, costs) for kind, costs in found.items()}


def _typical(kind: str, costs: list[Cost]) -> Cost:
    basis = _measured(kind) or Cost()
    # What was in the feature store took no time.
    pick: Callable[[list[float]], float] = max if kind.startswith("features") else median
    return replace(
        basis,
        seconds=pick([cost.seconds for cost in costs]),
        each=pick([replace(cost, pairs=basis.pairs).of(1) for cost in costs]),
        of_rows=_DEMO,
        megabytes=max(cost.megabytes for cost in costs),
    )


def _plain(results: Path, path: Path, cpu: float) -> tuple[str, Cost] | None:
    name = path.relative_to(results / "benchmarks").parts[0]
    return name, Cost(seconds=cpu)


def _of_features(results: Path, path: Path, cpu: float) -> tuple[str, Cost] | None:
    report = read_json(results / "features" / path.parent.name / f"{path.stem}.json")
    spec, rows = report["spec"], int(report["rows"])
    kind = " ".join(filter(None, ["features", spec["type"], _set(spec)]))
    return (kind, Cost(seconds=0.0, each=cpu / rows)) if rows else None


def _of_train(results: Path, path: Path, cpu: float) -> tuple[str, Cost] | None:
    report = read_json(results / "models" / path.stem / "training.json")
    spec = report["spec"]
    folds = [fold["n_train"] + fold["n_test"] for run in report["runs"] for fold in run["folds"]]
    if not sum(folds):
        return None
    each = cpu / sum(folds) / _searched(spec)
    cost = Cost(seconds=0.0, each=each, of_rows=sum(folds) / len(folds))
    return f"train {spec['model']['type']}", cost


def _of_database(results: Path, path: Path, cpu: float) -> tuple[str, Cost] | None:
    match = _RECORD.fullmatch(path.stem)
    name = match[1] if match else path.stem
    return ("database demo", Cost(seconds=cpu)) if name == "demo" else None


_READ = {"features": _of_features, "train": _of_train, "database": _of_database}
