"""Write docs/options.md, the reference of all options, from their table.

python scripts/make_option_reference.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from izwi.cli.options import allowed
from izwi.config.options import SECTIONS, Option, options_with_owners
from izwi.splits.strategies import STRATEGIES, UNSTATED

PAGE = ROOT / "docs" / "options.md"
INTRODUCTION = """\
# Options of an ini

Made by `python scripts/make_option_reference.py`; do not edit.

Sections and keys may be in upper or lower case. A value is a Python literal or a bare
word: `os`, `['os']` and `os, praat` are lists of feature types. `#` and `;` begin a comment at the
beginning of a line, and after white space. Continuation lines of a value are indented.

`<db>.option` belongs to one database; without `<db>.` the option applies to all databases that do
not have their own. The path of a database is `<db> = path`, looked up beside the
ini, then in the working directory.

The *stage* is the first one that runs again when the option changes. *Known, without effect* are
options of nkululeko that change no result in izwi: they may stay in the ini, and a note says so.
*Not supported* are options that would change a result: they are errors.
"""


def page() -> str:
    """The reference page as Markdown."""
    parts = [INTRODUCTION]
    for section in SECTIONS:
        options = [(o, who) for o, who in options_with_owners() if o.section == section]
        parts.append(f"\n## {section}\n")
        for title, status in (
            ("", "ok"),
            ("Known, without effect", "inert"),
            ("Not supported", "unsupported"),
        ):
            chosen = [(o, who) for o, who in options if o.status == status]
            if not chosen:
                continue
            if title:
                parts.append(f"\n### {title} in {section}\n")
            parts.append(_table(chosen) if status == "ok" else _list(chosen))
        if section == "DATA":
            parts.append(_strategies())
    return "".join(parts)


def _table(options: list[tuple[Option, tuple[str, ...]]]) -> str:
    lines = ["", "| option | value | default | stage | what |", "|---|---|---|---|---|"]
    for option, who in options:
        what = _cell(option.doc)
        if who:
            what += f" ({', '.join(who)})"
        if option.aliases:
            what += f"; also written {', '.join(f'`{alias}`' for alias in option.aliases)}"
        stage = "" if option.stage == "none" else option.stage
        default = "" if option.default is None else f"`{_cell(option.default)}`"
        lines.append(f"| {_name(option)} | {allowed(option)} | {default} | {stage} | {what} |")
    return "\n".join(lines) + "\n"


def _strategies() -> str:
    """The values of split_strategy."""
    lines = [
        "",
        "### Values of split_strategy",
        "",
        "| value | the split |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {_cell(one.doc)} |" for name, one in STRATEGIES.items()]
    lines.append("| a list of speakers | these are tested, all others are trained on |")
    unstated = ", ".join(f"`{name}`" for name in UNSTATED)
    lines.append(f"| {unstated} | as if no strategy were set (nkululeko knows them) |")
    return "\n".join(lines) + "\n"


def _list(options: list[tuple[Option, tuple[str, ...]]]) -> str:
    lines = [""]
    for option, who in options:
        line = f"- {_name(option)}"
        if who:
            line += f" ({', '.join(who)})"
        line += f": {option.doc}" if option.doc else ""
        lines.append(line + (f" → {option.advice}" if option.advice else ""))
    return "\n".join(lines) + "\n"


def _name(option: Option) -> str:
    if option.database_only:
        return f"`<db>.{option.name}`"
    if option.per_database:
        return f"`{option.name}`, `<db>.{option.name}`"
    return f"`{option.name}`"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
