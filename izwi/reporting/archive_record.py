"""What an archive may say: checked once, in this one place, before anything of it is unpacked.

An archive may come from a stranger. Its names are plain relative names, its units are those that
izwi packs, and each of their files lies where its stage reads or writes it. So no path of a record
leads elsewhere, and no figure is shown that another stage than its own could have written.
"""

from __future__ import annotations

import json
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from izwi.engine.plan import Unit
from izwi.engine.planner import slug
from izwi.engine.stage import Read, stages
from izwi.engine.stage import stage as registered
from izwi.errors import UserError

FORMAT = 2
INDEX = "archive.json"
SUMS = "SHA256SUMS"
LOCK = "lock.txt"
README = "README.txt"
RESULTS = "results"
# What stands beside the results: what was asked for, and how the archive was made. No figures.
FRAME = re.compile(
    rf"{INDEX}|{SUMS}|{LOCK}|{README}|configs/[^/]+|"
    r"(inis|roots)/[^/]+(?<!\.json)(?<!\.csv)(?<!\.md)(?<!\.tex)(?<!\.html)"
)

# More than any result set has, less than a computer has.
MOST_FILES = 500_000
MOST_BYTES = 2 * 2**30
MOST_INDEX_BYTES = 128 * 2**20
# Text as izwi writes it takes a tenth of its space in a zip; below this size nobody counts.
MOST_RATIO, FEW_BYTES = 100, 64 * 2**20
# Size and checksum may stand behind a file.
LONGEST_GAP = 24
LONGEST_PATH, LONGEST_NAME = 1000, 255
SHOWN = 100  # characters of a wrong name in a message

KEY = "[0-9a-f]{12}"
VERSION = re.compile(r"[\w.+!-]{1,50}", re.ASCII)
# Types of columns in tables that izwi writes.
TYPES = re.compile(
    r"([Ff]loat|U?[Ii]nt|uint)(8|16|32|64)|bool(ean)?|object|str|string(\[\w+\])?|category|"
    r"(timedelta|datetime)64\[(s|ms|us|ns)\]"
)


@dataclass(frozen=True)
class Role:
    """Where the files of one role of a unit's inputs lie.

    Args:
        given: pattern of their names (``*`` for any text, ``#`` for a key, ``{…}`` for what the
            unit says of itself), where the archive brings them
        made: stage and role of the unit that makes them, where they are computed again
        many: whether it is a list
    """

    given: str = ""
    made: tuple[str, str] | None = None
    many: bool = False


@dataclass(frozen=True)
class Stage:
    """What the units of one stage read and write.

    Args:
        inputs: by role
        outputs: role → pattern of its name
        spec: says what is wrong with a spec, by the label; empty where nothing is
    """

    inputs: dict[str, Role]
    outputs: dict[str, str]
    spec: Callable[[dict[str, Any], str], str] = lambda spec, label: ""


# Endings of the files that an archive holds; pictures are not computed again.
TEXTUAL = (".json", ".csv", ".md", ".tex", ".txt", ".bib", ".cff")
# What the wildcards of a stage's paths stand for in an archive.
_WILDCARDS = {"databases": "{slug}", "key": "{key}"}


def _outputs(name: str) -> dict[str, str]:
    """Role → pattern of the textual outputs of a stage, as the registry knows them."""
    return {
        role: re.sub(r"\{(\w+)\}", lambda w: _WILDCARDS.get(w[1], "{label}"), f"{RESULTS}/{path}")
        for role, path in registered(name).outputs.items()
        if path.endswith(TEXTUAL)
    }


def _named(spec: dict[str, Any], label: str) -> str:
    if spec.get("name") != label:
        return "has another name than its label"
    # Pictures are not computed again.
    return "asks for pictures" if spec.get("formats") else ""


def _experiment(spec: dict[str, Any], label: str) -> str:
    # Controls stand in no summary, so nothing else may be called one.
    control = spec.get("control")
    if set(spec) != {"name", "control", "record"} or not isinstance(control, str | None):
        return "has other entries than name, control and record"
    if not isinstance(spec["record"], dict):
        return "has no record"
    if control is not None and not label.startswith("control--"):
        return "says that it is a control, which its name does not"
    return _named(spec, label)


_TABLES = Role("results/tables/*-#.parquet", many=True)
_TABLE_REPORTS = Role("results/tables/*-#.json", many=True)
_SPLIT = Role("results/splits/*-#.parquet")
_SPLIT_REPORT = Role("results/splits/*-#.json")
_TRAINING = Role("results/models/*-#/training.json")
_METRICS = Role(made=("experiment", "metrics"), many=True)

# In the order in which they are computed.
STAGES = {
    "describe": Stage(
        {
            "tables": _TABLES,
            "table_reports": _TABLE_REPORTS,
            "split": _SPLIT,
            "split_report": _SPLIT_REPORT,
            "seconds": Role("results/descriptions/{slug}-{key}.parquet"),
        },
        _outputs("describe"),
    ),
    "evaluate": Stage(
        {
            "predictions": Role("results/models/*-#/predictions.parquet"),
            "tables": _TABLES,
            "training": _TRAINING,
            "split": _SPLIT,
            "split_report": _SPLIT_REPORT,
            "table_reports": _TABLE_REPORTS,
            "feature_reports": Role("results/features/*-#/*-#.json", many=True),
            "audit": Role("results/audits/*-#.json", many=True),
        },
        _outputs("evaluate"),
    ),
    "experiment": Stage(
        {
            "metrics": Role(made=("evaluate", "metrics")),
            "predictions": Role(made=("evaluate", "predictions")),
            "training": _TRAINING,
            "description": Role(made=("describe", "description")),
        },
        _outputs("experiment"),
        _experiment,
    ),
    "summary": Stage(
        {
            "metrics": _METRICS,
            "records": Role(made=("experiment", "record"), many=True),
        },
        _outputs("summary"),
    ),
    "grid": Stage(
        {"metrics": _METRICS},
        _outputs("grid"),
        _named,
    ),
    "table": Stage(
        {
            "metrics": _METRICS,
            "predictions": Role("results/models/*-#/predictions.parquet", many=True),
        },
        _outputs("table"),
        _named,
    ),
    "comparisons": Stage(
        {"tables": Role(made=("table", "tests"), many=True)},
        _outputs("comparisons"),
    ),
}


def _role(read: Read) -> Role:
    """Where the archive has an output that a further stage reads."""
    many = isinstance(read, list)
    name, role = read[0] if isinstance(read, list) else read
    path = registered(name).outputs[role]
    if name in STAGES and path.endswith(TEXTUAL):
        return Role(made=(name, role), many=many)
    given = path.replace("{key}", "#")
    return Role(re.sub(r"\{\w+\}", "*", f"{RESULTS}/{given}"), many=many)


# Stages that say themselves what they read. Their ``run`` writes its outputs and nothing else.
for _name, _module in stages().items():
    if _module.STAGE.archived and _module.STAGE.keyed and _name not in STAGES:
        _reads = {role: _role(read) for role, read in _module.STAGE.reads.items()}
        STAGES[_name] = Stage(_reads, _outputs(_name))
# Their label is the name of a file or folder.
_NAMED = ("experiment", "grid", "table")


@dataclass
class Record:
    """An archive's own account of itself, checked.

    Args:
        version: of the izwi that made it
        units: in the order in which they are computed; paths are names in the archive
        schemas: table → per column its type and the text that stands for a missing value
        made: file → the unit that makes it, and in which role
        given: files that units read and none makes
    """

    version: str
    units: list[Unit]
    schemas: dict[str, dict[str, list[str]]]
    made: dict[str, tuple[Unit, str]] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)

    def stored(self) -> dict[str, str]:
        """Name of what is given → that of the file of the archive that holds it."""
        return {name: stored_as(name) for name in self.given}

    def of(self, stage: str) -> list[Unit]:
        """The units of a stage."""
        return [unit for unit in self.units if unit.stage == stage]


def stored_as(name: str) -> str:
    """Name of the file of an archive that holds a file; tables are text there."""
    return f"{name}.csv" if name.endswith(".parquet") else name


# --------------------------------------------------------------------- the zip


def read_zip(archive: zipfile.ZipFile, size: int) -> tuple[dict[str, bytes], Record]:
    """Read an archive, once its names, its sizes and its record are found to be in order.

    Args:
        archive: an open zip
        size: of its file, in bytes

    Returns:
        * name → content
        * its record

    Raises:
        UserError: one line that says what is wrong
    """
    entries = [entry for entry in archive.infolist() if not _is_folder(entry)]
    check_names(entry.filename for entry in entries)
    for entry in entries:
        _check_entry(entry)
    if len(entries) > MOST_FILES:
        raise UserError(f"holds {len(entries)} files, more than any archive of izwi")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES or (total > FEW_BYTES and total > MOST_RATIO * size):
        raise UserError(f"would take {total / 2**20:.0f} MB unpacked, too much for what it is")
    _check_layout(archive)
    by_name = {entry.filename: entry for entry in entries}
    if INDEX not in by_name:
        raise UserError(f"has no {INDEX}, so it is no archive of izwi")
    if by_name[INDEX].file_size > MOST_INDEX_BYTES:
        raise UserError(f"{INDEX} is larger than that of any archive of izwi")
    record = read_record(_content(archive, by_name[INDEX]), by_name)
    return {name: _content(archive, entry) for name, entry in by_name.items()}, record


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith("/") and entry.file_size == 0


def _check_entry(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise UserError(f"{shown(entry.filename)} is no plain file but a link or the like")
    if entry.flag_bits & 0x1:
        raise UserError(f"{shown(entry.filename)} is encrypted")
    # By a second name other programs would unpack it elsewhere.
    if entry.orig_filename != entry.filename or b"up" in _extras(entry.extra):
        raise UserError(f"{shown(entry.filename)} has two names")


def _check_layout(archive: zipfile.ZipFile) -> None:
    """Refuse bytes that the list of the zip names twice or not at all: others may unpack them."""
    end = 0
    stream = archive.fp
    assert stream is not None
    places = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    for entry in places:
        if not end <= entry.header_offset <= end + LONGEST_GAP:
            raise UserError(f"{shown(entry.filename)} does not follow the file before it")
        stream.seek(entry.header_offset + 26)
        lengths = stream.read(4)
        name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
        end = entry.header_offset + 30 + name + extra + entry.compress_size
    if not end <= archive.start_dir <= end + LONGEST_GAP:
        raise UserError("holds bytes that are none of its files")


def _extras(extra: bytes) -> Iterator[bytes]:
    while len(extra) >= 4:
        yield extra[:2]
        extra = extra[4 + int.from_bytes(extra[2:4], "little") :]


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as stream:
        content = stream.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise UserError(f"{shown(entry.filename)} has another size than the zip says")
    return content


def check_names(names: Iterable[str]) -> None:
    """Refuse names that are not plain, or that are one on some computers.

    Raises:
        UserError: with the first such name
    """
    seen: dict[str, str] = {}
    for name in names:
        if why := not_plain(name):
            raise UserError(f"holds a file outside of its folder: {shown(name)} ({why})")
        if other := seen.get(_folded(name)):
            told = "twice" if other == name else f"beside {shown(other)}"
            raise UserError(f"holds {shown(name)} {told}; give each file a name of its own")
        seen[_folded(name)] = name
    for folded, name in seen.items():
        for parent in PurePosixPath(folded).parents:
            if other := seen.get(str(parent)):
                raise UserError(f"holds {shown(other)} as a file and, for {shown(name)}, a folder")


def not_plain(name: Any) -> str:
    """Why something is no plain relative name below a folder; empty where it is."""
    if not isinstance(name, str):
        return "no text"
    try:
        parts = [part.encode() for part in name.split("/")]
    except UnicodeEncodeError:
        return "no readable text"
    if len(name) > LONGEST_PATH or max(map(len, parts)) > LONGEST_NAME:
        return "too long"
    if not name.isprintable():
        return "holds a control character"
    if "\\" in name or ":" in name:
        return "holds \\ or :"
    if any(part in (b"", b".", b"..") for part in parts):
        return "no relative name"
    # Some computers leave these off, and have another file then.
    if any(part.endswith((b" ", b".")) for part in parts):
        return "ends with a space or a dot"
    return ""


def _folded(name: str) -> str:
    """The same for names that are one on disks which tell no upper from lower case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shown(value: Any) -> str:
    """A name in a message, as short as need be."""
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


# ------------------------------------------------------------------ the record


def read_record(content: bytes, names: Iterable[str]) -> Record:
    """Check all that an archive says of itself.

    Args:
        content: of its index
        names: of all its files

    Raises:
        UserError: one line that says what is wrong
    """
    try:
        index = parse_json(content)
    except UserError as error:
        raise UserError(f"{INDEX} cannot be read: {error}") from None
    if not isinstance(index, dict) or "format" not in index:
        raise UserError(f"{INDEX} is no record of an archive, so it is no archive of izwi")
    version = index.get("izwi")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise _wrong("izwi is no version")
    if type(index["format"]) is not int or index["format"] != FORMAT:
        raise UserError(f"was made by izwi {version} in another format; verify it with that")
    if set(index) != {"format", "izwi", "schemas", "units"}:
        raise _wrong("has other entries than format, izwi, schemas and units")
    if not isinstance(index["units"], list):
        raise _wrong("units is no list")
    units = [_unit(about, i) for i, about in enumerate(index["units"], start=1)]
    order = list(STAGES)
    units.sort(key=lambda unit: order.index(unit.stage))
    record = Record(version, units, _schemas(index["schemas"]))
    _place(record)
    _check_made(record)
    _check_chains(record)
    check_names({*names, *record.made, *record.given, *record.stored().values()})
    unread = [name for name in record.schemas if name not in record.given]
    if unread:
        raise _wrong(f"schemas: no unit reads {shown(unread[0])}")
    return record


def parse_json(content: bytes) -> Any:
    """JSON in which each key stands once.

    Raises:
        UserError: if it is none
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise UserError("a key stands twice")
        return found

    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except RecursionError:
        raise UserError("it is nested too deeply") from None
    except ValueError as error:
        raise UserError(shown(error)) from None


def _wrong(line: str) -> UserError:
    return UserError(f"{INDEX}: {line}; it is no archive that izwi made")


def _unit(about: Any, number: int) -> Unit:
    """One unit, with the roles of its stage and nothing else."""
    where = f"unit {number}"
    fields = ("stage", "key", "label", "spec", "inputs", "outputs")
    if not isinstance(about, dict) or set(about) != set(fields):
        raise _wrong(f"{where}: has other entries than {', '.join(fields)}")
    stage, key, label, spec, inputs, outputs = (about[name] for name in fields)
    if not isinstance(stage, str) or stage not in STAGES:
        raise _wrong(f"{where}: stage {shown(stage)} is none of {', '.join(STAGES)}")
    where = f"{where} ({stage})"
    if not isinstance(key, str) or not re.fullmatch(KEY, key):
        raise _wrong(f"{where}: key {shown(key)} is no key")
    if not isinstance(label, str) or not label.isprintable() or not 0 < len(label) <= LONGEST_PATH:
        raise _wrong(f"{where}: label {shown(label)} is no name")
    if stage in _NAMED and ("/" in label or not_plain(label)):
        raise _wrong(f"{where}: label {shown(label)} is no name of a file")
    if not all(isinstance(part, dict) for part in (spec, inputs, outputs)):
        raise _wrong(f"{where}: spec, inputs or outputs is no mapping")
    kind = STAGES[stage]
    if why := kind.spec(spec, label):
        raise _wrong(f"{where}: spec {why}")
    own = {"label": label, "slug": slug(label), "key": key}
    for told, found, wanted in (
        ("inputs", inputs, kind.inputs),
        ("outputs", outputs, kind.outputs),
    ):
        if set(found) != set(wanted):
            odd = sorted(set(found) ^ set(wanted))[0]
            raise _wrong(f"{where}: {told}: role {shown(odd)} is missing or not of this stage")
    for role, path in outputs.items():
        if path != kind.outputs[role].format(**own):
            raise _wrong(f"{where}: {role} is not written to {shown(path)}")
    for role, value in inputs.items():
        _check_input(f"{where}: {role}", kind.inputs[role], value, own)
    return Unit(stage, key, label, spec, inputs, outputs)


def _check_input(where: str, role: Role, value: Any, own: dict[str, str]) -> None:
    if role.many != isinstance(value, list):
        raise _wrong(f"{where} is {'no list' if role.many else 'no single file'}")
    for path in value if role.many else [value]:
        if why := not_plain(path):
            raise _wrong(f"{where} is read from {shown(path)}, which is no plain name ({why})")
        if role.made is None and not _pattern(role.given, own).fullmatch(path):
            raise _wrong(f"{where} is not read from {shown(path)}")


def _pattern(given: str, own: dict[str, str]) -> re.Pattern[str]:
    parts = {"*": "[^/]*", "#": KEY, **{f"{{{name}}}": re.escape(own[name]) for name in own}}
    split = re.split(r"(\*|#|\{\w+\})", given)
    return re.compile("".join(parts.get(part) or re.escape(part) for part in split))


def _schemas(schemas: Any) -> dict[str, dict[str, list[str]]]:
    if not isinstance(schemas, dict):
        raise _wrong("schemas is no mapping")
    for name, schema in schemas.items():
        if not_plain(name) or not name.endswith(".parquet"):
            raise _wrong(f"schemas: {shown(name)} is no plain name of a table")
        if not isinstance(schema, dict):
            raise _wrong(f"schemas: {shown(name)} has no columns")
        for column, about in schema.items():
            texts = isinstance(about, list) and len(about) == 2
            if not texts or not all(isinstance(text, str) for text in about):
                raise _wrong(f"schemas: {shown(name)}: {shown(column)} has no type and marker")
            if not TYPES.fullmatch(about[0]):
                raise _wrong(f"schemas: {shown(name)}: {shown(about[0])} is no type of a column")
    return schemas


# --------------------------------------------------- units that fit each other


def _place(record: Record) -> None:
    """Find who makes what, each file once."""
    keys: set[tuple[str, str]] = set()
    for unit in record.units:
        if (unit.stage, unit.key) in keys:
            raise _wrong(f"two units of {unit.stage} have the key {unit.key}")
        keys.add((unit.stage, unit.key))
        for role, path in unit.outputs.items():
            if path in record.made:
                raise _wrong(f"two units write {shown(path)}")
            record.made[path] = (unit, role)


def _check_made(record: Record) -> None:
    """What a unit should make is made by one of that stage; all else is given."""
    for unit in record.units:
        for name, role in STAGES[unit.stage].inputs.items():
            for path in unit.files_of([name]):
                if role.made is None:
                    record.given.add(path)
                    continue
                maker, made_as = record.made.get(path, (None, ""))
                if maker is None or (maker.stage, made_as) != role.made:
                    raise _about(unit, f"{name}: {shown(path)} comes from no {role.made[0]} here")
    both = record.given & set(record.made)
    if both:
        raise _wrong(f"{shown(min(both))} is both given and made")


def _about(unit: Unit, line: str) -> UserError:
    return _wrong(f"{unit.stage} {shown(unit.label)}: {line}")


def _check_chains(record: Record) -> None:
    """All that one figure comes from belongs together, and nothing is left out."""
    for unit in record.units:
        if "table_reports" in unit.inputs:
            stems = [path.removesuffix(".json") for path in unit.inputs["table_reports"]]
            if [path.removesuffix(".parquet") for path in unit.inputs["tables"]] != stems:
                raise _about(unit, "tables and table_reports are not of the same tables")
    for unit in record.of("describe"):
        stem = unit.inputs["split_report"].removesuffix(".json")
        if unit.inputs["split"] != f"{stem}.parquet":
            raise _about(unit, "split and split_report are not of one split")
    for unit in record.of("evaluate"):
        if (
            len({PurePosixPath(unit.inputs[role]).parent for role in ("predictions", "training")})
            > 1
        ):
            raise _about(unit, "predictions and training are not of one model")
    for unit in record.of("experiment"):
        _check_experiment(record, unit)
    experiments = record.of("experiment")
    for unit in record.of("summary"):
        names = [one.label for one in experiments]
        controls = [one.label for one in experiments if one.spec["control"] is not None]
        if unit.spec != {"experiments": names, "controls": controls}:
            raise _about(unit, "its experiments are not those of the archive, in their order")
        _must_be(unit, "metrics", [one.outputs["metrics"] for one in experiments])
        _must_be(unit, "records", [one.outputs["record"] for one in experiments])
    for unit in record.of("grid"):
        members = unit.spec.get("members")
        if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
            raise _about(unit, "its members are no list")
        _check_members(record, unit, [one.get("name") for one in members])
    for unit in record.of("table"):
        shown_ones = _check_members(record, unit, unit.spec.get("experiments"))
        found = [record.made[one.inputs["metrics"]][0].inputs["predictions"] for one in shown_ones]
        _must_be(unit, "predictions", found)
    for unit in record.of("comparisons"):
        _must_be(unit, "tables", [one.outputs["tests"] for one in record.of("table")])


def _check_experiment(record: Record, unit: Unit) -> None:
    evaluated = record.made[unit.inputs["metrics"]][0]
    described = record.made[unit.inputs["description"]][0]
    if record.made[unit.inputs["predictions"]][0] is not evaluated:
        raise _about(unit, "metrics and predictions are not of one evaluation")
    if unit.inputs["training"] != evaluated.inputs["training"]:
        raise _about(unit, "training is not of the model that was evaluated")
    for role in ("split", "split_report", "tables"):
        if described.inputs[role] != evaluated.inputs[role]:
            raise _about(unit, f"{role} of the description is not that of the evaluation")


def _check_members(record: Record, unit: Unit, names: Any) -> list[Unit]:
    """The experiments whose figures a grid or table shows, under their own names."""
    found = [record.made[path][0] for path in unit.inputs["metrics"]]
    if names != [one.label for one in found]:
        raise _about(unit, "its experiments are not those whose metrics it reads")
    return found


def _must_be(unit: Unit, role: str, wanted: list[str]) -> None:
    if unit.inputs[role] != wanted:
        raise _about(unit, f"{role} are not those of all that it shows, in their order")
