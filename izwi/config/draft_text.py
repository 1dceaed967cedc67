"""The text of a first ini and config, and what is said of the data."""

from __future__ import annotations

import re
import textwrap

import pandas as pd

from izwi.config import options as table
from izwi.config.draft import MOST_CLASSES, Draft, targets

_ORDER = ("EXP", "DATA", "FEATS", "MODEL")
# What may be tried next, behind the options of a section.
_NEXT = {
    "DATA": (),
    "FEATS": (
        ("os.set", "ComParE_2016", "6,373 values instead of 88"),
        ("type", "praat", "41 values of voice quality, pitch, formants"),
    ),
    "MODEL": (("type", "{other}", "trees instead of a support vector machine"),),
}


def ini_text(made: Draft) -> str:
    """The ini, each option behind its line of the reference."""
    other = "xgr" if made.target.task == "regression" else "xgb"
    lines = [
        f"# Made by izwi new; to run it: izwi run {made.name}.ini",
        "# All options: izwi options, or docs/options.md. A line that begins with # is not read.",
    ]
    for section in _ORDER:
        lines += ["", f"[{section}]"]
        for (where, key), value in made.options.items():
            if where == section:
                lines += [*_comment(section, key, made), f"{key} = {value}"]
        for key, value, why in _NEXT.get(section, ()):
            lines.append(f"# {key} = {value.format(other=other)}    # {why}")
        if section == "DATA":
            lines += _facts(made)
    return "\n".join(lines) + "\n"


def _comment(section: str, key: str, made: Draft) -> list[str]:
    """What an option is, from the table of options."""
    if section == "DATA" and key == made.name:
        kind = "audformat folder" if made.found.kind == "audformat" else "CSV"
        return [f"# the {kind}: where the files and their labels are"]
    bare = key.removeprefix(f"{made.name}.") if section == "DATA" else key
    lower = bare.lower()
    own = {}
    if section in ("FEATS", "MODEL"):
        package = {"FEATS": "features", "MODEL": "models"}[section]
        own = table.own_options(package, made.options[section, "type"])
    option = own.get(lower) or table.WIDE[section].get(lower) or table.PER_DATABASE.get(lower)
    if option is None:
        return []
    return _wrapped(re.sub(r" \((?:required|default: [^()]*)\)", "", option.doc).replace("`", ""))


def _wrapped(text: str) -> list[str]:
    """Text as lines of a comment."""
    return textwrap.wrap(text, 96, initial_indent="# ", subsequent_indent="#   ")


def _facts(made: Draft) -> list[str]:
    """What the data hold, as comments."""
    lines = [data_line(made), target_line(made), split_line(made)]
    return [
        part for line in [*lines, *(f"note: {s}" for s in made.says)] for part in _wrapped(line)
    ]


def config_text(made: Draft) -> str:
    """The config that runs the ini, with what else it can say."""
    regression = made.target.task == "regression"
    model = f"MODEL.type: [{'svr, xgr' if regression else 'svm, xgb'}]"
    return (
        f"# Made by izwi new; to run it: izwi run {made.name}.yaml\n"
        "# All keys: config/README.md.\n"
        f"experiments:\n  - {made.name}.ini\n"
        "# where results go\n"
        "results: results\n"
        "# one experiment for each combination:\n"
        f"# grid: {{{model}, FEATS.type: [os, praat]}}\n"
    )


def data_line(made: Draft) -> str:
    """Files, speakers, sex and age in one line."""
    rows = made.table
    parts = [_number(rows["file"].nunique(), "file")]
    if len(rows) != rows["file"].nunique():
        parts.append(_number(len(rows), "segment"))
    if "speaker" in rows and rows["speaker"].notna().any():
        parts.append(_number(rows["speaker"].nunique(), "speaker"))
        if "gender" in rows:
            each = rows.dropna(subset="speaker").drop_duplicates("speaker")["gender"]
            counts = ", ".join(f"{n} {k}" for k, n in each.value_counts().items())
            parts[-1] += f" ({counts})" if counts else ""
    else:
        parts.append("speakers unknown")
    if "age" in rows and pd.api.types.is_numeric_dtype(rows["age"]) and rows["age"].notna().any():
        parts.append(f"age {rows['age'].min():g} to {rows['age'].max():g}")
    return "data: " + ", ".join(parts)


def target_line(made: Draft) -> str:
    """The target with its counts, and what else could be one."""
    target, rows = made.target, made.table
    if target.task == "regression":
        numbers = rows["truth"]
        what = f"{numbers.min():g} to {numbers.max():g}, mean {numbers.mean():.1f}"
    else:
        counts = [f"{label} {n}" for label, n in rows["truth"].value_counts().items()]
        more = f", … ({len(counts)} in all)" if len(counts) > MOST_CLASSES else ""
        what = ", ".join(counts[:MOST_CLASSES]) + more
    others = [str(one) for one in targets(made.found) if one.column != target.column][:5]
    also = f"; also possible: {', '.join(others)}" if others else ""
    return f"target: {target.column} ({target.task}): {what}{also}"


def split_line(made: Draft) -> str:
    """The split with its counts."""
    split = made.split
    if split["fold"].any():
        each = split.groupby("fold").size()
        used = split[split["fold"] > 0]
        return (
            f"split: {len(each[each.index > 0])} folds of speakers, each tested once: "
            f"{len(used)} rows of {_number(used['speaker'].nunique(), 'speaker')}"
        )
    strategy = next(v for (_, k), v in made.options.items() if k.endswith(".split_strategy"))
    parts = []
    for part in ("train", "dev", "test"):
        rows = split[split["part"] == part]
        if len(rows):
            speakers = rows["speaker"].nunique()
            of = f" of {_number(speakers, 'speaker')}" if speakers else ""
            parts.append(f"{part} {_number(len(rows), 'row')}{of}")
    return f"split: {strategy}: {', '.join(parts)}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
