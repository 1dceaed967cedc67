"""The YAML config as a JSON schema for editors, and its keys in words for config/README.md.

`izwi.config.result_set` checks a config without the schema: it knows the files and suggests
corrections. A test checks that both accept the same configs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from izwi.config import ensembles, pictures
from izwi.config.options import MEASURES, SECTIONS, Option, all_options
from izwi.reporting.page import options as page
from izwi.reporting.tables import controls, wanted

DIALECT = "http://json-schema.org/draft-07/schema#"
TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
FORMATS = [ending[1:] for ending in pictures.FORMATS]
NOTHING: dict[str, Any] = {"type": "null"}


@dataclass(frozen=True)
class Key:
    """A key of the config.

    Args:
        name: as users write it; below another key ``other.name``
        value: allowed values, in words
        default: default value, in words
        doc: its purpose, one sentence
        schema: allowed values, as JSON schema
    """

    name: str
    value: str
    default: str
    doc: str
    schema: dict[str, Any]


def one_or_more(item: dict[str, Any]) -> dict[str, Any]:
    """A value, or a list of at least one."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def optional(*choices: dict[str, Any]) -> dict[str, Any]:
    """One of some values, or nothing."""
    return {"anyOf": [*choices, NOTHING]}


# An empty list varies nothing.
SOMETHING: dict[str, Any] = {"not": {"const": []}}
FOLDER = optional(TEXT | {"pattern": "^[^{}]+$"})
FILE_NAME = {"anyOf": [TEXT | {"pattern": r"^[\w+.=-]+$"}, {"type": "integer"}]}
VARIED = one_or_more(TEXT)


def keys() -> list[Key]:
    """All keys of the config, in the order in which they are explained."""
    return [
        Key(
            *("experiments", "path or glob of inis, or a list of them", "the demo"),
            "The experiments: one ini each.",
            one_or_more(TEXT),
        ),
        Key(
            *("ini", "path of an ini", "all experiments"),
            "The only experiment of a call; overrides `experiments`. Usually set with `--config`.",
            optional(TEXT),
        ),
        Key(
            *("results", "path of a folder", "`results`"),
            "Folder for results; see [cache](../docs/cache.md).",
            FOLDER,
        ),
        Key(
            *("cache", "path of a folder", "`<results>/cache`"),
            "Folder for extracted features; configs, users and projects may share it.",
            FOLDER,
        ),
        Key(
            *("root_folders", "path of an ini", "none"),
            "Paths of databases on this computer; see [root folders](../docs/root_folders.md).",
            optional(TEXT),
        ),
        Key(
            *("shards", "`auto`, `none`, or a number of recordings", "`auto`"),
            "Number of recordings per extraction job; see [cluster](../docs/cluster.md).",
            {
                "anyOf": [
                    {"enum": ["auto", "none"]},
                    {"type": "integer", "minimum": 1},
                    {"type": "string", "pattern": "^0*[1-9][0-9]*$"},
                ]
            },
        ),
        Key(
            *("grid", "`{SECTION.option: [values]}`, or a list of entries", "none"),
            "Options that vary, with one experiment per combination; see "
            "[compare](../docs/compare_classifiers_and_features.md).",
            optional(_options(), {"type": "array", "items": _entry(grid_keys(), ["grid"])}),
        ),
        Key(
            *("ensembles", "an ensemble, or a list of them", "none"),
            "Experiments whose predictions are fused; see [ensembles](../docs/ensemble.md).",
            optional(_ensemble(), {"type": "array", "items": _ensemble()}),
        ),
        Key(
            *("tables", "a table, or a list of them", "none"),
            "Tables of the results; see [reproduce a paper](../docs/reproduce_a_paper.md).",
            optional(_table(), {"type": "array", "items": _table()}),
        ),
        Key(
            *("formats", f"{_listed(FORMATS)}, or a list of them", "as the inis say"),
            "Formats of all pictures of the call, such as `pdf`; overrides `PLOT.format`.",
            optional(one_or_more({"enum": FORMATS})),
        ),
        Key(
            *("page", "`true`, `none`, or `{audio: …, megabytes: …}`", "`true`"),
            "The page of results; see [page](../docs/results_page.md).",
            optional({"type": "boolean"}, {"const": "none"}, _entry(page_keys())),
        ),
    ]


def grid_keys() -> list[Key]:
    """Keys of an entry of ``grid``."""
    return [
        Key(
            *("grid.grid", "`{SECTION.option: [values]}`", "must be given"),
            "Options that vary. Options that vary together share a key, such as "
            "`MODEL.type, EXP.epochs`.",
            _options(),
        ),
        Key(
            *("grid.inis", "path or glob of inis, or a list of them", "all of the config"),
            "The inis that the grid applies to.",
            optional(one_or_more(TEXT)),
        ),
        Key(
            *("grid.ini", "the same", ""),
            "Another spelling of `inis`.",
            optional(one_or_more(TEXT)),
        ),
        Key(
            *("grid.name", "name of a folder", "those of the inis"),
            "Name of the table of results, in `results/grids/<config>/<name>`.",
            optional({"type": "string", "pattern": r"^[\w+.=-]+$"}),
        ),
    ]


def ensemble_keys() -> list[Key]:
    """Keys of an entry of ``ensembles``."""
    measures = [name for names in MEASURES.values() for name in names]
    methods = [*ensembles.ALL_METHODS, *ensembles.OTHER_NAMES]
    return [
        Key(
            *("ensembles.name", "name of a folder", "must be given"),
            "Beginning of the names of its experiments, `<name>--<method>`.",
            FILE_NAME,
        ),
        Key(
            *("ensembles.members", "names or globs", "all"),
            "The experiments that are fused.",
            optional(one_or_more(TEXT)),
        ),
        Key(
            *("ensembles.methods", _listed(ensembles.ALL_METHODS), f"`{ensembles.DEFAULT_METHOD}`"),
            "One method, or a list of them: an experiment for each.",
            optional(one_or_more({"enum": methods})),
        ),
        Key(
            *("ensembles.measure", ", ".join(f"`{name}`" for name in measures), "the members'"),
            "The main measure, and that of performance weights.",
            optional({"type": "string", "pattern": _ignoring_case(measures)}),
        ),
        Key(
            *("ensembles.threshold", "number, 0 to 1", f"`{ensembles.DEFAULT_THRESHOLD:g}`"),
            "Uncertainty up to which `uncertainty_threshold` trusts a single member.",
            {
                "anyOf": [
                    {"type": "number", "minimum": 0, "maximum": 1},
                    {"type": "string", "pattern": r"^(0?\.[0-9]+|0|1|1\.0+)$"},
                ]
            },
        ),
        Key(
            *("ensembles.folds", "number, from 2", f"`{ensembles.DEFAULT_FOLDS}`"),
            "Inner folds of the training rows, for learned weights.",
            {
                "anyOf": [
                    {"type": "integer", "minimum": 2, "maximum": 1000},
                    {"type": "string", "pattern": "^([2-9]|[1-9][0-9]{1,2}|1000)$"},
                ]
            },
        ),
    ]


def table_keys() -> list[Key]:
    """Keys of an entry of ``tables``."""
    measures = [name for names in MEASURES.values() for name in names]
    kinds = {"enum": list(controls.KINDS)}
    number = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    published = {
        "type": "object",
        "properties": dict.fromkeys(wanted.PUBLISHED, number),
        "required": list(wanted.PUBLISHED),
        "additionalProperties": False,
    }
    some = f"`true`, `false`, or some of {_listed(controls.KINDS)}"
    varied = "an option, a list of them, `train` or `test`"
    return [
        Key(
            *("tables.name", "name of a file", "must be given"),
            "Name of the files `results/tables/<config>/<name>.csv`, `.md`, `.html`, `.tex`, "
            "`.png`.",
            FILE_NAME,
        ),
        Key("tables.rows", varied, "must be given", "What varies between rows.", VARIED),
        Key("tables.columns", varied, "must be given", "What varies between columns.", VARIED),
        Key(
            *("tables.experiments", "names or globs", "all"),
            "The experiments in the table.",
            optional(one_or_more(TEXT)),
        ),
        Key(
            *("tables.measure", ", ".join(f"`{name}`" for name in measures), "the experiments'"),
            "The measure in the table.",
            optional({"type": "string", "pattern": _ignoring_case(measures)}),
        ),
        Key(
            *("tables.best", ", ".join(f"`{name}`" for name in wanted.BEST), "`column`"),
            "Mark the best value in each column, in each row or in the whole table.",
            optional({"enum": list(wanted.BEST)}),
        ),
        Key(
            *(
                "tables.controls",
                some,
                "`true`",
            ),
            "Controls that do not use the speech.",
            optional({"type": "boolean"}, kinds, {"type": "array", "items": kinds}),
        ),
        Key(
            *("tables.published", "a CSV file, or a list of entries", "none"),
            f"Results reported by others; an entry has {_listed(wanted.PUBLISHED)}.",
            optional(TEXT, {"type": "array", "items": published}),
        ),
        Key("tables.caption", "text", "the name", "A heading.", {}),
        Key(
            *("tables.labels", "`{value: text}`", "none"),
            "Texts that replace values and names of options in the table.",
            optional({"type": "object"}),
        ),
    ]


def page_keys() -> list[Key]:
    """Keys of ``page``."""
    return [
        Key(
            *("page.audio", _listed(page.AUDIO), f"`{page.DEFAULTS['audio']}`"),
            "How the page includes the recordings of the worst errors.",
            {"enum": [*page.AUDIO, False, None]},
        ),
        Key(
            *("page.megabytes", "number, 0 to 500", f"`{page.DEFAULTS['megabytes']}`"),
            "Limit of embedded pictures and recordings; the rest is linked.",
            {"type": "number", "minimum": 0, "maximum": 500},
        ),
    ]


def schema() -> dict[str, Any]:
    """The whole config."""
    return {
        "$schema": DIALECT,
        "title": "Config of izwi",
        "description": "Which experiments, and where results and caches go. By make docs.",
        **_entry(keys()),
        "definitions": {"options": _all_options()},
    }


def as_text() -> str:
    """The schema as its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _entry(known: list[Key], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            key.name.rpartition(".")[2]: {"description": _plain(key.doc), **key.schema}
            for key in known
        },
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _ensemble() -> dict[str, Any]:
    return _entry(ensemble_keys(), ["name"])


def _table() -> dict[str, Any]:
    return _entry(table_keys(), ["name", "rows", "columns"])


def _options() -> dict[str, Any]:
    return {"$ref": "#/definitions/options"}


def _all_options() -> dict[str, Any]:
    """Options that vary, with those that editors may offer."""
    sections = [name for name in SECTIONS if name != "FLAGS"]
    one = rf"\s*{_ignoring_case(sections, whole=False)}\.[^,]*[^,\s][^,]*"
    known = [o for o in all_options() if o.status == "ok" and o.section in sections]
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{one}(,{one})*$"},
        "properties": {
            f"{option.section}.{option.name}": {"description": _described(option), **SOMETHING}
            for option in sorted(known, key=lambda o: (sections.index(o.section), o.name))
            if not option.database_only
        },
        "additionalProperties": SOMETHING,
    }


def _described(option: Option) -> str:
    choices = f" ({', '.join(map(str, option.choices))})" if option.choices else ""
    return f"{option.doc}{choices}"


def _ignoring_case(words: list[str], *, whole: bool = True) -> str:
    """A pattern for some words; JSON schema knows no flag for it."""
    one = "|".join(
        "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in word) for word in words
    )
    return f"^({one})$" if whole else f"({one})"


def _listed(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _plain(text: str) -> str:
    """Without the links of the README."""
    return text.partition("; see")[0].rstrip(".") + "."
