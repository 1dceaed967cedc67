"""How many of nkululeko's published inis izwi accepts, and how many run to a result.

    python benchmarks/published_inis.py path/to/nkululeko [--work FOLDER] [--only PATTERN]
        [--cores N]

Copies the inis of a checkout, writes small databases of synthetic speech where they look for theirs
(with the rows of label tables that the checkout has), small random networks where ``izwi fetch``
puts published ones, and runs all inis in one call. Needs the packages of ``make dev``. Prints both
shares, and of each ini that is left the reason.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HOME = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HOME), str(HOME / "tests")]

import stand_ins  # noqa: E402

from izwi.config.ini import Ini, parse  # noqa: E402
from izwi.data.databases import demo  # noqa: E402
from izwi.errors import UserError  # noqa: E402

# Of a published table.
MOST_ROWS = 84
# Voices of each part; the parts share no speaker.
VOICES = {"train": slice(0, 6), "dev": slice(6, 9), "test": slice(9, 13), "": slice(0, 13)}
# Speakers of a database that inis name by number.
SPEAKERS = ("3", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19")
LABELS = ("one", "two")
RAW = {
    "emodb": ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"),
    "crema-d": ("anger", "disgust", "fear", "happiness", "neutral", "sadness"),
    "polish-emotional-speech": ("anger", "boredom", "fear", "joy", "neutral", "sadness"),
}


@dataclass
class Need:
    """What inis ask of a database at one path.

    Args:
        path: where it is looked for
        kind: csv or audformat
        part: train, dev, test, or empty for all
        labels: column of a target → its labels
        numbers: column of a target that is a number → its range
        values: column of a filter → values that must occur
        columns: other columns, by their names in the table
        renamed: columns that an ini renames, as they are called in the table → in the ini
        tables: audformat: name of a table → its part
        files_tables: audformat: tables of the files' properties
        audio: folders of the audio, from the table's; inis differ
        seconds: shortest recording
    """

    path: Path
    kind: str
    part: str
    labels: dict[str, dict[str, None]] = field(default_factory=dict)
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    files_tables: dict[str, None] = field(default_factory=dict)
    audio: set[str] = field(default_factory=set)
    seconds: float = 0.0


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help="folder of nkululeko's repository")
    parser.add_argument("--work", type=Path, default=Path("published_inis"), help="a new folder")
    parser.add_argument("--only", default="", help="regular expression of their paths")
    parser.add_argument("--cores", default="all")
    arguments = parser.parse_args()
    # Inis look for data two folders above as well.
    work = arguments.work.resolve()
    tree = work / "of" / "the" / "checkout"
    inis = copied(arguments.checkout.resolve(), tree, work, arguments.only)
    print(f"{len(inis)} inis")
    pool = Pool(work / "speech")
    for need in needs(inis, tree).values():
        if need.kind == "csv":
            write_csv(need, arguments.checkout.resolve(), tree, pool)
        else:
            write_audformat(need, pool)
    write_features(inis, tree)
    refused, accepted = sorted_out(inis, tree, work / "models")
    ended, failed = run(accepted, tree, work, arguments.cores)
    report(len(inis), refused, ended, failed)


def copied(checkout: Path, tree: Path, work: Path, only: str) -> list[str]:
    """Copy the inis, each with a name of its own, which one call needs; paths relative to them."""
    found = []
    for path in sorted(checkout.rglob("*.ini")):
        name = str(path.relative_to(checkout))
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        text = text.replace("/home/audeering.local", str(work / "home")).replace(
            "= /tmp/results", f"= {work}/results"
        )
        slug = re.sub(r"\W+", "_", name.removesuffix(".ini"))
        text = re.sub(r"(?m)^name *=.*$", f"name = {slug}", text, count=1)
        target.write_text(text, encoding="utf-8")
        if re.search(only, name):
            found.append(name)
    return found


def value(text: str) -> Any:
    """A value of an ini as Python has it."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


class Data:
    """Section [DATA] of an ini, with the root file that it names."""

    def __init__(self, ini: Ini, tree: Path) -> None:
        self.ini = ini
        own = {key: entry.text for key, entry in ini.sections.get("DATA", {}).items()}
        roots = {}
        if name := own.get("root_folders"):
            lines = parse((tree / name).read_text(), default="DATA").sections["DATA"]
            roots = {key: entry.text for key, entry in lines.items()}
        self.texts = roots | own
        self.names = [*self.list("databases"), *self.list("tests")]
        self.names += self.list("databases", "EXP")
        self.names = list(dict.fromkeys(self.names))

    def list(self, key: str, section: str = "DATA") -> list[str]:
        """Entries of a list."""
        entry = self.ini.sections.get(section, {}).get(key)
        text = self.texts.get(key, "") if section == "DATA" else entry.text if entry else ""
        found = value(text)
        return list(map(str, found)) if isinstance(found, list | tuple) else []

    def get(self, key: str, name: str = "") -> Any:
        """Value of an option of a database, else of all."""
        text = self.texts.get(f"{name.lower()}.{key}") or self.texts.get(key)
        return value(text) if text else None


def needs(inis: list[str], tree: Path) -> dict[Path, Need]:
    """What the inis ask of each database."""
    found: dict[Path, Need] = {}
    for name in inis:
        ini = parse((tree / name).read_text(encoding="utf-8"))
        data = Data(ini, tree)
        for database in data.names:
            text = data.texts.get(database.lower())
            if not text:
                continue
            path = Path(os.path.abspath(tree / text))
            kind = "csv" if data.get("type", database) == "csv" or text.endswith(".csv") else "db"
            asked = found.setdefault(path, Need(path, kind, part_of(data, database)))
            _ask(asked, data, database, ini)
    return found


def part_of(data: Data, name: str) -> str:
    """Part that a database is, by what its ini says of it, else by its name."""
    strategy = str(data.get("split_strategy", name))
    if strategy in ("train", "test") and re.search("dev|val", name):
        return "dev"
    if strategy in ("train", "dev", "test"):
        return strategy
    return next((p for p in ("train", "dev", "test") if name == p), "")


def _ask(need: Need, data: Data, name: str, ini: Ini) -> None:
    """Add what one ini asks of one of its databases."""
    target = str(data.get("target") or "emotion")
    renamed = data.get("colnames", name) or {}
    back = {new: old for old, new in renamed.items()}
    need.renamed |= renamed
    column = back.get(target, target)
    exp = ini.sections.get("EXP", {})
    bins = data.get("bins", name)
    regression = "type" in exp and exp["type"].text == "regression"
    if bins or regression or target == "age" or data.get("type") == "continuous":
        inner = [float(limit) for limit in (bins or [])[1:-1]] or [20.0, 60.0]
        spread = max(inner[-1] - inner[0], abs(inner[0]) / 2, 0.5)
        low, high = need.numbers.get(column, (np.inf, -np.inf))
        need.numbers[column] = (min(low, inner[0] - spread), max(high, inner[-1] + spread))
    else:
        own = need.labels.setdefault(column, {})
        mapping = data.get("mapping", name) or {}
        mapping = next((m for m in mapping.values() if isinstance(m, dict)), mapping)
        raw = {one.strip(): new for old, new in mapping.items() for one in str(old).split(",")}
        wanted = data.list("labels")
        own.update(dict.fromkeys(old for old, new in raw.items() if new in wanted or not wanted))
        own.update(dict.fromkeys(label for label in wanted if label not in raw.values()))
    for pair in _pairs(data.get("filter", name)) + _pairs(data.get("filter")):
        if back.get(pair[0], pair[0]) not in (*need.labels, "gender"):
            need.values[back.get(pair[0], pair[0])] = pair[1]
    counts = ini.sections.get("EXPL", {}).get("value_counts")
    for columns in value(counts.text) if counts else ():
        for one in columns if isinstance(columns, list) else ():
            need.columns.setdefault(back.get(one, one))
    need.columns.update(dict.fromkeys(renamed))
    for part in ("train", "dev", "test"):
        need.tables |= dict.fromkeys(data.get(f"{part}_tables", name) or (), part)
    for table in data.get("target_tables", name) or ():
        need.tables.setdefault(table, "")
    tables = data.get("files_tables", name) or data.get("files_table", name) or []
    need.files_tables.update(dict.fromkeys(tables))
    need.audio.add(str(data.get("audio_path", name) or ""))
    need.seconds = max(need.seconds, float(data.get("min_duration_of_sample", name) or 0))


def _pairs(given: Any) -> list[tuple[str, list[str]]]:
    """Conditions of a filter: columns with the values that stay."""
    pairs = given.items() if isinstance(given, dict) else given or []
    return [(str(c), [str(v) for v in (vs if isinstance(vs, list) else [vs])]) for c, vs in pairs]


class Pool:
    """Recordings of synthetic speech by thirteen voices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "demo.csv").is_file():
            demo.synthesise(folder)
        self.table = pd.read_csv(folder / "demo.csv")
        self.voices = self.table["speaker"].drop_duplicates().tolist()
        self.used = 0

    def rows(self, part: str) -> pd.DataFrame:
        """Recordings of a part, the emotions in turn; databases differ in their sentences."""
        voices = self.voices[VOICES[part]]
        sentence = self.table["file"].str.extract(r"_(\d)\.wav")[0].astype(int)
        sentences = {"train": (1, 2, 3), "dev": (4, 5), "test": (5, 6)}.get(part)
        if sentences is None:
            self.used += 1
            sentences = (1 + self.used % 6, 1 + (self.used + 1) % 6)
        chosen = self.table["speaker"].isin(voices) & sentence.isin(sentences)
        return self.table[chosen].reset_index(drop=True)

    def put(self, file: str, target: Path, seconds: float) -> None:
        """Put a recording at a place, as long as it must be."""
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        source = self.folder / file
        if target.suffix.lower() in (".wav", "") and not seconds:
            os.link(source, target)
            return
        import soundfile

        samples, rate = soundfile.read(source)
        samples = np.tile(samples, int(np.ceil(max(seconds, 0.1) * rate / len(samples) + 0.1)))
        if target.suffix.lower() in (".wav", ".flac", ".ogg", ".mp3"):
            soundfile.write(target, samples, rate)
            return
        _video(target, samples, rate)


def _video(target: Path, samples: np.ndarray, rate: int) -> None:
    """Write the sound track of a film."""
    import av

    with av.open(str(target), "w") as container:
        codec = {".avi": "mp3", ".webm": "libopus"}.get(target.suffix, "aac")
        stream = container.add_stream(codec, rate=48000 if codec == "libopus" else rate)
        frame = av.AudioFrame.from_ndarray(
            samples.astype("float32")[None], format="fltp", layout="mono"
        )
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


def filled(need: Need, rows: pd.DataFrame, numbers: str = "") -> pd.DataFrame:
    """Columns that inis read, for recordings of the pool."""
    random = np.random.default_rng(len(str(need.path)))
    order = rows["emotion"].astype("category").cat.codes.to_numpy()
    turn = rows.groupby(["speaker", "emotion"]).cumcount().to_numpy()
    codes = rows["speaker"].astype("category").cat.codes.to_numpy()
    found = pd.DataFrame({"speaker": [SPEAKERS[code] for code in codes]})
    found["gender"] = rows["gender"]
    found["age"] = 20 + 4 * codes
    found["text"] = rows["text"]
    for column, labels in need.labels.items():
        known = [*labels] or [*RAW.get(need.path.parts[-1], LABELS)]
        if column == "speaker":
            continue
        if len(known) * 2 > len(rows) / 2:
            found[column] = [known[i % len(known)] for i in range(len(rows))]
            continue
        found[column] = [known[(a + 4 * (b + c)) % len(known)] for a, b, c in
                         zip(order, turn, codes, strict=True)]  # fmt: skip
    for column, (low, high) in need.numbers.items():
        # Some of a speaker's, so that parts without speakers in common hold all of it.
        drawn = low + (high - low) * random.permutation(len(rows)) / len(rows)
        found[column] = drawn.round(3 if high < 10 else 0)
    for column, values in need.values.items():
        found[column] = [values[i % len(values)] if i % 4 else "other" for i in range(len(rows))]
    for column in need.columns:
        if column not in found and column != "duration":
            new = need.renamed.get(column, "")
            found[column] = found[new] if new in found else random.random(len(rows)).round(3)
    return found.drop(columns=[new for old, new in need.renamed.items() if new in found])


def write_csv(need: Need, checkout: Path, tree: Path, pool: Pool) -> None:
    """Write the table of a database with its audio; a published table lends its rows."""
    need.path.parent.mkdir(parents=True, exist_ok=True)
    places = [need.path.parent / folder for folder in need.audio]
    published = checkout / os.path.relpath(need.path, tree)
    rows = pool.rows(need.part)
    table = sampled(published, [*need.labels, *need.numbers]) if published.is_file() else None
    if table is None:
        table = filled(need, rows)
        table.insert(0, "file", rows["file"].str.replace("wav/", f"{need.path.stem}/"))
    table.to_csv(need.path, index=False)
    for number, file in enumerate(table["file"].drop_duplicates()):
        for place in places:
            pool.put(rows["file"][number % len(rows)], place / file, need.seconds)


def sampled(path: Path, targets: list[str]) -> pd.DataFrame | None:
    """Some rows of a table, all classes and several speakers among them; None without target."""
    table = pd.read_csv(path)
    by = [column for column in targets if column in table]
    if targets and not by:
        return None
    if not by or pd.api.types.is_float_dtype(table[by[0]]):
        return table.iloc[:: max(1, len(table) // MOST_ROWS)]
    groups = table.groupby(by[0])
    each = max(8, MOST_ROWS // max(1, len(groups)))
    places = np.concatenate([
        np.asarray(own)[np.unique(np.linspace(0, len(own) - 1, each).astype(int))]
        for own in groups.indices.values()
    ])  # fmt: skip
    return table.iloc[np.sort(places)]


def write_audformat(need: Need, pool: Pool) -> None:
    """Write an audformat database with the tables that inis name."""
    import audformat

    rows = pool.rows("")
    files = rows["file"].tolist()
    db = audformat.Database(re.sub(r"\W", "-", need.path.name))
    own = filled(need, rows)
    index = audformat.filewise_index(files)
    common = [c for c in own if c in ("speaker", "gender", "sex", "age", "text")]
    rest = [c for c in own if c not in common or c in need.numbers or c in need.labels]
    parts = np.where(own["speaker"].isin(SPEAKERS[-5:]) if "speaker" in own else False, 1, 0)

    def table(name: str, columns: list[str], chosen: np.ndarray) -> None:
        db[name] = audformat.Table(index[chosen])
        for column in columns:
            db[name][column] = audformat.Column()
            db[name][column].set(own[column][chosen].tolist())

    everything = np.ones(len(rows), bool)
    for name in need.files_tables or {"files": None}:
        if name not in need.tables:
            table(name, common, everything)
    for name in need.tables or {"emotion": ""}:
        dev = "dev" in name
        last = parts == 1
        chosen = last if need.tables.get(name) == "test" or "test" in name else ~last
        if dev:
            chosen = ~last & (np.arange(len(rows)) % 3 == 0)
        elif "train" in name and any("dev" in other for other in need.tables):
            chosen &= np.arange(len(rows)) % 3 > 0
        table(name, rest, chosen)
    for source in files:
        pool.put(source, need.path / source, need.seconds)
    db.save(str(need.path), storage_format="csv")
    for pickled in need.path.glob("*.pkl"):
        pickled.unlink()


def write_features(inis: list[str], tree: Path) -> None:
    """Write the features that inis import: three random ones of each recording."""
    random = np.random.default_rng(1)
    for name in inis:
        ini = parse((tree / name).read_text(encoding="utf-8"))
        entry = ini.sections.get("FEATS", {}).get("import_file")
        wanted = value(entry.text) if entry else []
        wanted = wanted if isinstance(wanted, list) else [wanted]
        data = Data(ini, tree)
        roots = [tree / data.texts[one.lower()] for one in data.names if one.lower() in data.texts]
        files = sorted(str(path) for root in roots for path in root.rglob("*.wav"))
        for number, place in enumerate(wanted):
            own = files[number :: len(wanted)]
            table = pd.DataFrame(random.random((len(own), 3)), columns=["a", "b", "c"])
            table.insert(0, "file", own)
            (tree / place).parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(tree / place, index=False)


def sorted_out(
    inis: list[str], tree: Path, models: Path
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Refused inis with their problems, accepted ones; what they name on the hub is put here."""
    from izwi.config import grid

    refused, accepted = {}, {}
    for name in inis:
        try:
            members = grid.expand(name, (), cwd=tree, roots=(), made={})
        except UserError as error:
            refused[name] = error.problems
            continue
        # Crashes are told as well.
        except Exception as error:
            refused[name] = [repr(error)]
            continue
        accepted[name] = members
        for hub in {hub for member in members for hub in hub_names(member)}:
            stand_ins.fetched(hub, models)
    return refused, accepted


def hub_names(experiment: Any) -> Iterator[str]:
    """Models on the hub that an experiment needs."""
    from izwi.config.options import owner
    from izwi.features.hub import HubModel

    sets = [*experiment.features, *(experiment.annotation or {}).get("features", ())]
    for spec in sets:
        cls = owner("features", spec["type"])
        if issubclass(cls, HubModel):
            try:
                name = cls.named(spec["options"])
            except UserError:
                continue
            if not os.path.isdir(name):
                yield name
    if name := experiment.model["options"].get("pretrained_model"):
        yield name


def run(
    accepted: dict[str, Any], tree: Path, work: Path, cores: str
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Run inis in one call; of each what came of it, or what its problem is."""
    config = {"experiments": [*accepted], "results": str(work / "results"), "page": "none"}
    environment = os.environ | {
        "PYTHONPATH": str(HOME),
        "IZWI_MODELS": str(work / "models"),
        "HF_HUB_OFFLINE": "1",
    }
    told = ""
    failed: dict[str, list[str]] = {}
    while config["experiments"]:
        (tree / "all.yaml").write_text(json.dumps(config))
        call = subprocess.run(
            [*(sys.executable, "-m", "izwi", "run", "all.yaml"), "--keep-going", "-c", cores],
            cwd=tree, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = call.stdout + call.stderr
        (work / "call.txt").write_text(told)
        # What is wrong in planning stops a call before it starts.
        wrong = {}
        for line in told.splitlines():
            ini, colon, rest = line.strip().partition(": ")
            if colon and ini in accepted and ini in config["experiments"]:
                wrong.setdefault(ini, []).append(rest)
        failed |= wrong
        if not wrong or list((work / "results").glob("experiments/*/experiment.json")):
            break
        config["experiments"] = [ini for ini in config["experiments"] if ini not in wrong]
    ended = {}
    for ini, members in accepted.items():
        folders = [work / "results" / "experiments" / member.name for member in members]
        made = [
            name
            for name in ("metrics.json", "experiment.json")
            if all((folder / name).is_file() for folder in folders)
        ]
        if ini not in failed and made:
            ended[ini] = made[0]
        else:
            failed.setdefault(ini, ["no result"])
    return ended, failed


def report(
    total: int, refused: dict[str, list[str]], ended: dict[str, str], failed: dict[str, list[str]]
) -> None:
    """Print the shares, and what is left."""
    for title, left in (("not accepted", refused), ("accepted, no result", failed)):
        print(f"\n{title}: {len(left)}")
        for ini, problems in left.items():
            print(f"  {ini}: {' | '.join(problems)[:400]}")
    accepted = total - len(refused)
    print(f"\naccepted: {accepted} of {total}, {100 * accepted / total:.1f} %")
    print(f"run to a result: {len(ended)} of {total}, {100 * len(ended) / total:.1f} %")
    print(dict(Counter(ended.values())))


if __name__ == "__main__":
    main()
