"""What an archive may say: checked once, in this one place, before anything of it is unpacked.

An archive may come from a stranger. Its names are plain relative names, its units are those that
izwi packs, and each of their files lies where its stage reads or writes it. So no path of a record
leads elsewhere, and no figure is shown that another stage than its own could have written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from izwi.engine.plan import Unit
from izwi.engine.planner import slug
from izwi.engine.stage import Read, stages
from izwi.engine.stage import stage as registered
from izwi.errors import UserError
from izwi.untrusted import LONGEST_PATH, check_names, not_plain, parse_json, shown

FORMAT = 3
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
        given: pattern of their names (``*`` for any text, ``#`` for a key, ``(predicted)`` and the
            like for one of the folders in ``_FOLDERS``, ``{…}`` for what the unit says of itself),
            where the archive brings them
        made: stage and role of the unit that makes them, where they are computed again
        also: the same of what is either given or made
        many: whether it is a list
    """

    given: str = ""
    made: tuple[str, str] | None = None
    also: tuple[str, str] | None = None
    many: bool = False


@dataclass(frozen=True)
class Stage:
    """What the units of one stage read and write.

    Args:
        inputs: by role
        outputs: role → pattern of its name
        spec: says what is wrong with a spec, by the label; empty where nothing is
        of_model: inputs that only an experiment with a model has, all or none of them
    """

    inputs: dict[str, Role]
    outputs: dict[str, str]
    spec: Callable[[dict[str, Any], str], str] = lambda spec, label: ""
    of_model: frozenset[str] = frozenset()


# Endings of the files that an archive holds; pictures are not computed again.
TEXTUAL = (".json", ".csv", ".md", ".tex", ".txt", ".bib", ".cff")
# What the wildcards of a stage's paths stand for in an archive.
_WILDCARDS = {
    **{"databases": "{slug}", "key": "{key}", "config": "{config}"},
    "method": "{method}",
}
# Of these the outputs are only a way to those of the others.
ON_THE_WAY = ("ensemble", "evaluate")


def _outputs(name: str) -> dict[str, str]:
    """Role → pattern of the textual outputs of a stage, as the registry knows them."""
    return {
        role: re.sub(r"\{(\w+)\}", lambda w: _WILDCARDS.get(w[1], "{label}"), f"{RESULTS}/{path}")
        for role, path in registered(name).outputs.items()
        if path.endswith(TEXTUAL) or name in ON_THE_WAY
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


def _ensemble(spec: dict[str, Any], label: str) -> str:
    names = spec.get("members")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "has no members"
    return "" if isinstance(spec.get("method", ""), str) else "has no method"


_TABLES = Role("results/(tables)/*-#.parquet", many=True)
_TABLE_REPORTS = Role("results/(tables)/*-#.json", many=True)
_SPLIT = Role("results/(splits)/*-#.parquet")
_SPLIT_REPORT = Role("results/(splits)/*-#.json")
# Folders of files that several stages may make: tables as loaded, annotated or of segments, splits
# of these, what is predicted with the training or of further databases.
_FOLDERS = {
    "(tables)": "(?:labels|annotated|segments)",
    "(splits)": "(?:splits|segment_splits)",
    "(predicted)": "(?:models|predictions)",
}
_PREDICTIONS = Role("results/(predicted)/*-#/predictions.parquet", also=("ensemble", "predictions"))
_TRAINING = Role("results/(predicted)/*-#/training.json", also=("ensemble", "report"))
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
    "ensemble": Stage(
        {
            "predictions": Role("results/(predicted)/*-#/predictions.parquet", many=True),
            "training": Role("results/(predicted)/*-#/training.json", many=True),
            "inner": Role("results/inner/*-#/predictions.parquet", many=True),
            "inner_reports": Role("results/inner/*-#/inner.json", many=True),
            "split_report": _SPLIT_REPORT,
        },
        _outputs("ensemble"),
        _ensemble,
    ),
    "member_tests": Stage(
        {
            "ensemble": Role(made=("ensemble", "predictions")),
            "members": Role("results/(predicted)/*-#/predictions.parquet", many=True),
            "split_report": _SPLIT_REPORT,
        },
        _outputs("member_tests"),
        _ensemble,
    ),
    "evaluate": Stage(
        {
            "predictions": _PREDICTIONS,
            "tables": _TABLES,
            "training": _TRAINING,
            "split": _SPLIT,
            "split_report": _SPLIT_REPORT,
            "table_reports": _TABLE_REPORTS,
            "feature_reports": Role("results/features/*-#/*-#.json", many=True),
            "audit": Role("results/audits/*-#.json", many=True),
        },
        _outputs("evaluate"),
        of_model=frozenset({"predictions", "training"}),
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
        of_model=frozenset({"training"}),
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
            "predictions": Role(
                "results/(predicted)/*-#/predictions.parquet",
                also=("ensemble", "predictions"),
                many=True,
            ),
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
    own = {
        **{"label": label, "slug": slug(label), "key": key, "config": _config(where, kind, spec)},
        "method": slug(str(spec.get("method", ""))),
    }
    for told, found, wanted in (
        ("inputs", inputs, kind.inputs),
        ("outputs", outputs, kind.outputs),
    ):
        roles = set(wanted)
        if told == "inputs" and kind.of_model.isdisjoint(found):
            roles -= kind.of_model
        if set(found) != roles:
            odd = sorted(set(found) ^ roles)[0]
            raise _wrong(f"{where}: {told}: role {shown(odd)} is missing or not of this stage")
    for role, path in outputs.items():
        if path != kind.outputs[role].format(**own):
            raise _wrong(f"{where}: {role} is not written to {shown(path)}")
    for role, value in inputs.items():
        _check_input(f"{where}: {role}", kind.inputs[role], value, own)
    return Unit(stage, key, label, spec, inputs, outputs)


def _config(where: str, kind: Stage, spec: dict[str, Any]) -> str:
    """Name of the result set, which the outputs of some stages carry; empty for others."""
    if not _of_config(kind):
        return ""
    name = spec.get("config")
    if not isinstance(name, str) or "/" in name or not_plain(name):
        raise _wrong(f"{where}: config {shown(name)} is no name of a result set")
    return name


def _of_config(kind: Stage) -> bool:
    return any("{config}" in path for path in kind.outputs.values())


def _check_input(where: str, role: Role, value: Any, own: dict[str, str]) -> None:
    if role.many != isinstance(value, list):
        raise _wrong(f"{where} is {'no list' if role.many else 'no single file'}")
    for path in value if role.many else [value]:
        if why := not_plain(path):
            raise _wrong(f"{where} is read from {shown(path)}, which is no plain name ({why})")
        given = [role.given, *([_path_of(role.also)] if role.also else [])]
        if role.made is None and not any(_pattern(one, own).fullmatch(path) for one in given):
            raise _wrong(f"{where} is not read from {shown(path)}")


def _path_of(made: tuple[str, str]) -> str:
    """Pattern of the names of an output, whatever its unit."""
    name, role = made
    path = registered(name).outputs[role].replace("{key}", "#")
    return re.sub(r"\{\w+\}", "*", f"{RESULTS}/{path}")


def _pattern(given: str, own: dict[str, str]) -> re.Pattern[str]:
    parts = {"*": "[^/]*", "#": KEY, **{f"{{{name}}}": re.escape(own[name]) for name in own}}
    parts |= _FOLDERS
    split = re.split(r"(\*|#|\{\w+\}|\(\w+\))", given)
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
            if name not in unit.inputs:
                continue
            for path in unit.files_of([name]):
                made = role.made
                if role.also and _pattern(_path_of(role.also), {}).fullmatch(path):
                    made = role.also
                if made is None:
                    record.given.add(path)
                    continue
                maker, made_as = record.made.get(path, (None, ""))
                if maker is None or (maker.stage, made_as) != made:
                    raise _about(unit, f"{name}: {shown(path)} comes from no {made[0]} here")
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
        of_model = STAGES["evaluate"].of_model & set(unit.inputs)
        if len({PurePosixPath(unit.inputs[role]).parent for role in of_model}) > 1:
            raise _about(unit, "predictions and training are not of one model")
    for unit in record.of("experiment"):
        _check_experiment(record, unit)
    for unit in record.of("ensemble"):
        _check_ensemble(record, unit)
    for unit in record.of("member_tests"):
        fused = record.made[unit.inputs["ensemble"]][0]
        if unit.spec["members"] != fused.spec["members"]:
            raise _about(unit, "its members are not those of its ensemble")
        _must_be(unit, "members", fused.inputs["predictions"])
    experiments = record.of("experiment")
    of_config = [unit for unit in record.units if _of_config(STAGES[unit.stage])]
    for unit in of_config:
        if unit.spec["config"] != of_config[0].spec["config"]:
            raise _about(unit, "is of another config than other units")
    for unit in record.of("summary"):
        names = [one.label for one in experiments]
        controls = [one.label for one in experiments if one.spec["control"] is not None]
        wanted = {"config": unit.spec["config"], "experiments": names, "controls": controls}
        if unit.spec != wanted:
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
        found = [
            record.made[one.inputs["metrics"]][0].inputs.get("predictions", "")
            for one in shown_ones
        ]
        _must_be(unit, "predictions", found)
    for unit in record.of("comparisons"):
        _must_be(unit, "tables", [one.outputs["tests"] for one in record.of("table")])


def _check_ensemble(record: Record, unit: Unit) -> None:
    """The members of an ensemble are experiments of the archive, and its inputs are theirs."""
    names, places = unit.spec["members"], unit.inputs["predictions"]
    experiments = {one.label: one for one in record.of("experiment")}
    found = [experiments[name] for name in names if name in experiments]
    if len(found) < len(names):
        raise _about(unit, "one of its members is no experiment of the archive")
    _must_be(
        unit,
        "predictions",
        [record.made[one.inputs["metrics"]][0].inputs.get("predictions", "") for one in found],
    )
    _must_be(unit, "training", [one.inputs.get("training", "") for one in found])
    for role in ("inner", "inner_reports"):
        if len(unit.inputs[role]) not in (0, len(places)):
            raise _about(unit, f"{role} are not of all members")


def _check_experiment(record: Record, unit: Unit) -> None:
    evaluated = record.made[unit.inputs["metrics"]][0]
    described = record.made[unit.inputs["description"]][0]
    if record.made[unit.inputs["predictions"]][0] is not evaluated:
        raise _about(unit, "metrics and predictions are not of one evaluation")
    if unit.inputs.get("training") != evaluated.inputs.get("training"):
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
