"""A table as CSV, Markdown, HTML and LaTeX."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from izwi.data import csv_files
from izwi.reporting import escaping
from izwi.reporting import latex as tex
from izwi.reporting.numbers import rounded
from izwi.reporting.tables.contents import (
    CONSTANT,
    FAILED,
    FEW,
    MARKS,
    NARROW,
    NOT_BETTER,
    TRANSDUCTIVE,
    UNTESTED,
    Cell,
    Contents,
    explained,
)

COLUMNS = (
    "row",
    "column",
    "experiment",
    "control",
    "measure",
    "value",
    "ci_low",
    "ci_high",
    "ci_method",
    "n",
    "n_speakers",
    "chance",
    "best",
    "marks",
    "published_value",
    "published_source",
    "published_protocol",
)
NAMES = {
    NOT_BETTER: "not significantly better",
    UNTESTED: "not testable",
    FEW: "few speakers",
    NARROW: "interval may be too narrow",
    TRANSDUCTIVE: "transductive",
    CONSTANT: "constant",
    FAILED: "could not be made",
}
# Closed, so that neither the next letter nor a space is taken for a part of the name.
_SIGNS = {
    NOT_BETTER: r"\dag{}",
    UNTESTED: r"\ddag{}",
    FEW: r"\S{}",
    NARROW: r"$\|$",
    TRANSDUCTIVE: r"\P{}",
    CONSTANT: "c",
    FAILED: r"$\times$",
}
_ESCAPES = {mark: sign for mark, sign in _SIGNS.items() if mark != CONSTANT}


def escape(text: str, *, across: bool = False) -> str:
    """A text as LaTeX prints it, see `latex.escape`."""
    return tex.escape(text, _ESCAPES, across=across)


def write_csv(contents: Contents, path: str | Path) -> None:
    """Write a line for each cell, with all digits."""
    table = contents.table
    lines = []
    for (row, column), cell in sorted(contents.cells.items()):
        low, high = cell.ci
        line = {
            "experiment": cell.experiment,
            "control": cell.control,
            "measure": table["measure"],
            "value": cell.value,
            "ci_low": low,
            "ci_high": high,
            "ci_method": cell.ci_method or cell.how or None,
            "n": cell.n,
            "n_speakers": cell.n_speakers,
            "chance": cell.chance,
            "best": cell.best,
            "marks": "; ".join(NAMES[mark] for mark in cell.marks),
        }
        lines.append((row, column, line))
    published: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for entry in table["published"]:
        published.setdefault((entry["row"], entry["column"]), []).append(entry)
    beside = []
    for row, column, line in lines:
        entries = published.pop((row, column), [None])
        for place, entry in enumerate(entries):
            beside.append((row, column, (line if place == 0 else {}) | _published(entry)))
    beside += [(*place, _published(entry)) for place, es in published.items() for entry in es]
    rows = [
        {"row": table["rows"][row]["label"], "column": table["columns"][column]["label"], **line}
        for row, column, line in beside
    ]
    csv_files.write_records(rows, path, COLUMNS)


def _published(entry: dict[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {}
    return {f"published_{key}": entry[key] for key in ("value", "source", "protocol")}


@dataclass
class Shown:
    """What a reader sees in a cell, as plain texts.

    Args:
        value: the figure, empty where the cell is empty
        interval: its limits, empty where there are none
        marks: of :data:`MARKS`
        best: whether it is printed as the best
        count: samples and speakers, empty where they are told elsewhere
        published: values of others, each with the number of its note
    """

    value: str = ""
    interval: str = ""
    marks: str = ""
    best: bool = False
    count: str = ""
    published: tuple[tuple[str, int], ...] = ()


class Layout:
    """What a reader sees, before it is written as Markdown, HTML or LaTeX.

    Args:
        contents: the table with all its figures
    """

    def __init__(self, contents: Contents) -> None:
        self.contents, self.table = contents, contents.table
        of_experiments = [c for c in contents.cells.values() if c.experiment and c.n is not None]
        # State once what holds for all cells.
        self.common = [
            mark
            for mark in (FEW, NARROW, TRANSDUCTIVE)
            if of_experiments and all(mark in cell.marks for cell in of_experiments)
        ]
        self.counted = self._counted()
        self.published: dict[tuple[int, int], list[int]] = {}
        for place, entry in enumerate(self.table["published"], 1):
            self.published.setdefault((entry["row"], entry["column"]), []).append(place)

    def _counted(self) -> str:
        """Where samples and speakers are counted: ``all``, ``columns``, ``rows`` or ``cells``."""
        counts = {place: (c.n, c.n_speakers) for place, c in self.contents.cells.items() if c.n}
        if len(set(counts.values())) <= 1:
            return "all"
        for axis, where in ((1, "columns"), (0, "rows")):
            lines = {(place[axis], count) for place, count in counts.items()}
            if len(lines) == len({place[axis] for place in counts}):
                return where
        return "cells"

    def _count(self, axis: int | None = None, line: int | None = None) -> str:
        """Samples and speakers of a line, or of all."""
        for place, cell in sorted(self.contents.cells.items()):
            if cell.n is not None and (axis is None or place[axis] == line):
                return counts(cell)
        return ""

    def header(self) -> list[str]:
        """Names of the columns."""
        table = self.table
        corner = f"{', '.join(table['row_options'])} / {', '.join(table['column_options'])}"
        header = [corner, *(self._label(c, axis=1, line=j) for j, c in enumerate(table["columns"]))]
        return [*header, *(["samples / speakers"] if self.counted == "rows" else [])]

    def rows(self) -> list[tuple[str, list[Shown]]]:
        """Each row with its name."""
        columns = range(len(self.table["columns"]))
        rows = []
        for i, row in enumerate(self.table["rows"]):
            cells = [self._shown((i, j)) for j in columns]
            if self.counted == "rows":
                cells.append(Shown(self._count(0, i)))
            rows.append((self._label(row, axis=0, line=i), cells))
        if self.counted == "columns":
            rows.append(("samples / speakers", [Shown(self._count(1, j)) for j in columns]))
        return rows

    @property
    def own(self) -> int:
        """Number of rows before those of controls."""
        return sum(row["control"] is None for row in self.table["rows"])

    def _label(self, header: dict[str, Any], *, axis: int, line: int) -> str:
        """A row's or column's name; that of chance says how it was got."""
        how = {c.how for place, c in self.contents.cells.items() if place[axis] == line and c.how}
        source = how.pop().split(",")[0] if header["control"] == "chance" and how else ""
        return f"{header['label']} ({source})" if source else header["label"]

    def _shown(self, place: tuple[int, int]) -> Shown:
        cell = self.contents.cells.get(place)
        published = tuple(
            (rounded(self.table["published"][n - 1]["value"]), n)
            for n in self.published.get(place, ())
        )
        if cell is None:
            return Shown(published=published)
        interval = ""
        if cell.ci[0] is not None:
            interval = f"[{rounded(cell.ci[0])}, {rounded(cell.ci[1])}]"
        return Shown(
            rounded(cell.value),
            interval,
            "".join(mark for mark in cell.marks if mark not in self.common),
            cell.best,
            f"n = {counts(cell)}" if self.counted == "cells" and cell.n is not None else "",
            published,
        )

    def notes(self) -> list[tuple[str, str]]:
        """Notes below the table, each with its mark, or an empty one."""
        table, cells = self.table, self.contents.cells.values()
        methods = dict.fromkeys(cell.ci_method for cell in cells if cell.ci_method)
        about = f"{table['measure'].upper()} with 95 % interval"
        if methods:
            about += f" by {' or '.join(methods)}"
        if self.counted == "all" and self._count():
            about += f", samples / speakers: {self._count()}"
        elif self.counted == "cells":
            about += "; n: samples / speakers"
        lines = [("", f"{about}.")]
        if any(cell.best for cell in cells):
            where = "of the table" if table["best"] == "table" else f"of each {table['best']}"
            lines.append(("", f"Bold: the best {where} on one test set, controls apart."))
        lines += [("", f"All: {explained(mark, self.contents)}.") for mark in self.common]
        for mark in MARKS:
            if mark not in self.common and any(mark in cell.marks for cell in cells):
                lines.append((mark, f"{explained(mark, self.contents)}."))
        for n, entry in enumerate(table["published"], 1):
            lines.append(
                (f"({n})", f"Published: {entry['source']}; protocol: {entry['protocol']}.")
            )
        return lines + [("", remark) for remark in self.contents.remarks]


def counts(cell: Cell) -> str:
    """Samples and speakers."""
    return f"{cell.n} / {'unknown' if cell.n_speakers is None else cell.n_speakers}"


def markdown(contents: Contents) -> str:
    """The table as Markdown."""
    layout, plain = Layout(contents), escaping.markdown_text

    def written(cell: Shown) -> str:
        value = f"**{plain(cell.value)}**" if cell.best else plain(cell.value)
        text = " ".join(filter(None, [value, cell.interval, cell.marks]))
        published = (f"published {plain(value)} ({n})" for value, n in cell.published)
        return "; ".join(filter(None, [", ".join(filter(None, [text, cell.count])), *published]))

    header = [plain(name) for name in layout.header()]
    lines = [header, ["---"] * len(header)]
    lines += [[plain(name), *map(written, cells)] for name, cells in layout.rows()]
    grid = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "\n\n".join(plain(" ".join(filter(None, note))) for note in layout.notes())
    return f"# {plain(contents.table['caption'])}\n\n{grid}\n\n{notes}\n"


# ------------------------------------------------------------------------- HTML

_RULE = "1.5px solid black"


def html(contents: Contents) -> str:
    """The table as HTML, with all of its look in itself, so that Word takes it when pasted."""
    layout, plain = Layout(contents), escaping.html

    def written(cell: Shown) -> str:
        value = f"<b>{plain(cell.value)}</b>" if cell.best else plain(cell.value)
        lines = [value + (f"<sup>{plain(cell.marks)}</sup>" if cell.marks else "")]
        lines += [f"<small>{plain(text)}</small>" for text in (cell.interval, cell.count) if text]
        lines += [f"<i>{plain(text)}</i><sup>({n})</sup>" for text, n in cell.published]
        return "<br>".join(filter(None, lines))

    def row(name: str, cells: list[str], tag: str, rule: str) -> str:
        style = f"padding: 2px 8px; {rule}"
        first = f'<{tag} style="text-align: left; {style}">{plain(name)}</{tag}>'
        others = (f'<{tag} style="text-align: center; {style}">{c}</{tag}>' for c in cells)
        return f"<tr>{first}{''.join(others)}</tr>"

    corner, *names = layout.header()
    heavy = f"border-top: {_RULE}; border-bottom: 1px solid black"
    lines = [row(corner, list(map(plain, names)), "th", heavy)]
    rows = layout.rows()
    for i, (name, cells) in enumerate(rows):
        rules = ["border-top: 1px solid black"] * (i == layout.own)
        rules += [f"border-bottom: {_RULE}"] * (i == len(rows) - 1)
        lines.append(row(name, list(map(written, cells)), "td", "; ".join(rules)))
    notes = (
        (f"<sup>{plain(mark)}</sup> " if mark else "") + plain(text)
        for mark, text in layout.notes()
    )
    caption = plain(contents.table["caption"])
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="en"><meta charset="utf-8"><title>{caption}</title>',
            f'<p style="text-align: left"><b>Table.</b> {caption}</p>',
            '<table style="border-collapse: collapse">',
            *lines,
            "</table>",
            *(f'<p style="text-align: left; margin: 2px 0"><small>{n}</small></p>' for n in notes),
            "</html>",
            "",
        ]
    )


# ------------------------------------------------------------------------ LaTeX


def latex(contents: Contents) -> str:
    """The table as LaTeX, for the packages booktabs and tabularx.

    It is as wide as a column where it can be, else as the page; columns for which even that is too
    narrow go below the others.
    """
    layout = Layout(contents)
    (corner, *names), rows = layout.header(), layout.rows()
    need = max(
        *map(_width, (cell for _, cells in rows for cell in cells)),
        *map(tex.least_width, names),
    )
    labels = [corner, *(name for name, _ in rows)]

    def left(across: int, *, wide: bool) -> float | None:
        return tex.names_width(labels, [need] * across, wide=wide)

    wide = left(len(names), wide=False) is None
    fitting = (n for n in range(len(names), 1, -1) if left(n, wide=wide) is not None)
    blocks = math.ceil(len(names) / next(fitting, 1))
    across = math.ceil(len(names) / blocks)
    # Names of rows get what figures leave, as far as they need it.
    columns = tex.columns([left(across, wide=wide) or tex.LEAST, *[need] * across], "centering")
    lines = []
    for first in range(0, len(names), across):
        part = slice(first, first + across)
        lines += [r"\midrule\midrule"] * (first > 0)
        lines += [_line([escape(name) for name in (corner, *names[part])]), r"\midrule"]
        for i, (name, cells) in enumerate(rows):
            # A rule between experiments and controls.
            lines += [r"\midrule"] * (i == layout.own)
            lines.append(_line([escape(name), *map(_in_latex, cells[part])]))
            high = any(cell.interval for cell in cells) and i + 1 not in (layout.own, len(rows))
            lines += [r"\addlinespace[2pt]"] * high
    notes = [_raised(mark) + escape(text, across=True) for mark, text in layout.notes()]
    table = contents.table
    return tex.floating(
        columns,
        lines,
        wide=wide,
        caption=escape(table["caption"], across=True),
        label=table["name"],
        notes=notes,
    )


def _width(cell: Shown) -> float:
    """Points that the longest line of a cell needs."""
    small = (tex.width(text, tex.SMALL) for text in (cell.interval, cell.count))
    published = (tex.width(f"{value}(1)") for value, _ in cell.published)
    return max(tex.width(cell.value) * 1.15 + tex.width(cell.marks) * 0.8, *small, *published)


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _in_latex(cell: Shown) -> str:
    value = tex.number(escape(cell.value))
    value = (rf"\textbf{{{value}}}" if cell.best else value) + _raised(cell.marks)
    small = (cell.interval, cell.count)
    lines = [value, *(rf"{{\scriptsize {tex.number(text)}}}" for text in small if text)]
    for text, n in cell.published:
        lines.append(rf"\textit{{{tex.number(text)}}}\textsuperscript{{({n})}}")
    return r"\linebreak ".join(filter(None, lines))


def _raised(marks: str) -> str:
    signs = "".join(_SIGNS.get(mark, mark) for mark in marks)
    return rf"\textsuperscript{{{signs}}}" if signs else ""
