"""A table as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from izwi.data.csv_safety import harmless
from izwi.reporting import escaping
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
_ESCAPES = {
    "|": r"\textbar{}",
    "≥": r"$\geq$",
    **{mark: sign for mark, sign in _SIGNS.items() if mark != CONSTANT},
}


def escape(text: str) -> str:
    """A text as LaTeX prints it."""
    return escaping.latex(text, _ESCAPES)


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
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row, column, line in beside:
            named = {
                "row": table["rows"][row]["label"],
                "column": table["columns"][column]["label"],
                **line,
            }
            writer.writerow({key: harmless(value) for key, value in named.items()})


def _published(entry: dict[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {}
    return {f"published_{key}": entry[key] for key in ("value", "source", "protocol")}


class _Text:
    """What Markdown and LaTeX have in common; the one or the other says how it is written."""

    def __init__(
        self,
        contents: Contents,
        *,
        plain: Callable[[str], str],
        bold: Callable[[str], str],
        raised: Callable[[str], str],
    ) -> None:
        self.contents, self.table = contents, contents.table
        self.plain, self.bold, self.raised = plain, bold, raised
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

    def grid(self) -> list[list[str]]:
        """Header and rows, as texts."""
        table = self.table
        corner = f"{', '.join(table['row_options'])} / {', '.join(table['column_options'])}"
        header = [corner, *(self._label(c, axis=1, line=j) for j, c in enumerate(table["columns"]))]
        if self.counted == "rows":
            header.append("samples / speakers")
        lines = [[self.plain(text) for text in header]]
        for i, row in enumerate(table["rows"]):
            line = [self.plain(self._label(row, axis=0, line=i))]
            line += [self._cell((i, j)) for j in range(len(table["columns"]))]
            if self.counted == "rows":
                line.append(self._count(0, i))
            lines.append(line)
        if self.counted == "columns":
            columns = range(len(table["columns"]))
            lines.append(["samples / speakers", *(self._count(1, j) for j in columns)])
        return lines

    def _label(self, header: dict[str, Any], *, axis: int, line: int) -> str:
        """A row's or column's name; that of chance says how it was got."""
        how = {c.how for place, c in self.contents.cells.items() if place[axis] == line and c.how}
        source = how.pop().split(",")[0] if header["control"] == "chance" and how else ""
        return f"{header['label']} ({source})" if source else header["label"]

    def _cell(self, place: tuple[int, int]) -> str:
        cell = self.contents.cells.get(place)
        texts = []
        if cell is not None:
            value = self.plain(rounded(cell.value))
            marks = [mark for mark in cell.marks if mark not in self.common]
            text = self.bold(value) if cell.best else value
            if cell.ci[0] is not None:
                text += f" [{rounded(cell.ci[0])}, {rounded(cell.ci[1])}]"
            text += self.raised("".join(marks)) if marks else ""
            if self.counted == "cells" and cell.n is not None:
                text += f", n = {counts(cell)}"
            texts.append(text)
        for n in self.published.get(place, ()):
            published = rounded(self.table["published"][n - 1]["value"])
            texts.append(f"published {self.plain(published)} ({n})")
        return "; ".join(texts)

    def notes(self) -> list[str]:
        """Notes below the table."""
        table, cells = self.table, self.contents.cells.values()
        methods = dict.fromkeys(cell.ci_method for cell in cells if cell.ci_method)
        about = f"{table['measure'].upper()} with 95 % interval"
        if methods:
            about += f" ({'; '.join(methods)})"
        if self.counted == "all" and self._count():
            about += f", samples / speakers: {self._count()}"
        elif self.counted == "cells":
            about += "; n: samples / speakers"
        lines = [f"{about}."]
        if any(cell.best for cell in cells):
            where = "of the table" if table["best"] == "table" else f"of each {table['best']}"
            lines.append(f"Bold: the best {where} on one test set, controls apart.")
        lines += [f"All: {explained(mark, self.contents)}." for mark in self.common]
        for mark in MARKS:
            if mark not in self.common and any(mark in cell.marks for cell in cells):
                lines.append(f"{mark} {explained(mark, self.contents)}.")
        for n, entry in enumerate(table["published"], 1):
            lines.append(f"({n}) {entry['source']}; protocol: {entry['protocol']}.")
        return [*lines, *self.contents.remarks]


def counts(cell: Cell) -> str:
    """Samples and speakers."""
    return f"{cell.n} / {'unknown' if cell.n_speakers is None else cell.n_speakers}"


def markdown(contents: Contents) -> str:
    """The table as Markdown."""
    plain = escaping.markdown_text
    text = _Text(
        contents, plain=plain, bold=lambda value: f"**{value}**", raised=lambda marks: f" {marks}"
    )
    header, *rows = text.grid()
    lines = [header, ["---"] * len(header), *rows]
    grid = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "\n\n".join(plain(note) for note in text.notes())
    return f"# {plain(contents.table['caption'])}\n\n{grid}\n\n{notes}\n"


def latex(contents: Contents) -> str:
    """The table as LaTeX, for the package booktabs."""
    text = _Text(
        contents,
        plain=escape,
        bold=lambda value: rf"\textbf{{{value}}}",
        raised=lambda marks: rf"\textsuperscript{{{''.join(_SIGNS[mark] for mark in marks)}}}",
    )
    header, *rows = text.grid()
    table = contents.table
    body = [" & ".join(line) + r" \\" for line in rows]
    # A rule between experiments and controls.
    own = sum(row["control"] is None for row in table["rows"])
    if own < len(rows):
        body.insert(own, r"\midrule")
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(table['caption'])}}}",
        rf"\label{{tab:{table['name']}}}",
        rf"\begin{{tabular}}{{l{'c' * (len(header) - 1)}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        "",
        r"\smallskip",
        r"\footnotesize",
        *(f"{escape(note)}\n" for note in text.notes()),
        r"\end{table}",
    ]
    return "% \\usepackage{booktabs}\n" + "\n".join(lines) + "\n"
