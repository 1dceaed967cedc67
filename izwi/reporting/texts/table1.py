"""Table 1 of a paper: files, speakers, sex, age and minutes per class and part."""

from __future__ import annotations

from typing import Any

from izwi.reporting import escaping
from izwi.reporting.record import Record, database_names
from izwi.wording import count

UNKNOWN = "–"
_TEX = {"–": "--"}


def markdown(record: Record, description: dict[str, Any]) -> str:
    """As Markdown.

    Args:
        record: content of experiment.json
        description: what `izwi.data.description.describe` found
    """
    header, rows = _table(record, description)
    lines = [header, [":--", ":--", *["--:"] * (len(header) - 2)], *rows]
    body = "\n".join(f"| {' | '.join(map(escaping.markdown_cell, line))} |" for line in lines)
    return f"**Table 1.** {_caption(record, description)}\n\n{body}\n"


def latex(record: Record, description: dict[str, Any]) -> str:
    """As LaTeX with the package booktabs.

    Args:
        record: content of experiment.json
        description: what `izwi.data.description.describe` found
    """
    header, rows = _table(record, description)
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{escape(_caption(record, description))}}}",
        f"  \\label{{tab:data-{_label(record['name'])}}}",
        f"  \\begin{{tabular}}{{ll{'r' * (len(header) - 2)}}}",
        r"    \toprule",
        f"    {' & '.join(map(escape, header))} \\\\",
    ]
    before = None
    for row in rows:
        if row[0] != before:
            lines.append(r"    \midrule")
        shown = row if row[0] != before else ["", *row[1:]]
        before = row[0]
        lines.append(f"    {' & '.join(map(escape, shown))} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text with all that LaTeX would read as a command taken literally."""
    return escaping.latex(" ".join(text.split()), _TEX)


def _label(name: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in name)


def _caption(record: Record, description: dict[str, Any]) -> str:
    names = ", ".join(database_names(record))
    sentences = [f"Data of the experiment {record['name']} ({names}; target: {record['target']})."]
    if any(cell["speakers"] is not None for cell in description["parts"]):
        sentences.append("Sex and age are those of speakers.")
    else:
        sentences.append("Speakers are not known: sex and age are those of samples.")
    sentences.append("F/M: female and male; age in years: mean (standard deviation), range.")
    if description["unused"]:
        sentences.append(
            f"{count(description['unused'], 'further sample is', 'further samples are')} in no "
            "part."
        )
    if description["cross_validation"]:
        sentences.append("Each sample is tested once, in its fold.")
    return " ".join(sentences)


def _table(record: Record, description: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    cells = description["parts"]
    segments = description["segments"]
    target = any("target" in cell for cell in cells)
    header = ["part", "class", *(["segments"] if segments else []), "files", "speakers", "F/M"]
    header += ["age", "min", *([f"{record['target']} of samples"] if target else [])]
    rows = []
    for cell in cells:
        row = [cell["part"], "all" if cell["class"] is None else cell["class"]]
        row += [str(cell["samples"])] if segments else []
        row += [str(cell["files"]), _known(cell["speakers"]), _sexes(cell), spread(cell["age"])]
        row.append(UNKNOWN if cell["minutes"] is None else f"{cell['minutes']:.1f}")
        if target:
            row.append(spread(cell.get("target")))
        rows.append(row)
    return header, rows


def _known(number: int | None) -> str:
    return UNKNOWN if number is None else str(number)


def _sexes(cell: dict[str, Any]) -> str:
    """``5/5``, with other values and those who are unknown behind."""
    if not cell["sex"]:
        return UNKNOWN
    others = [f"{n} {name}" for name, n in cell["sex"].items() if name not in ("female", "male")]
    if cell["sex_unknown"]:
        others.append(f"{cell['sex_unknown']} unknown")
    text = f"{cell['sex'].get('female', 0)}/{cell['sex'].get('male', 0)}"
    return ", ".join([text, *others])


def spread(values: dict[str, Any] | None) -> str:
    """Mean, standard deviation and range: ``29.8 (4.2), 21–35``."""
    if not values:
        return UNKNOWN
    digits = 1 if max(abs(values["min"]), abs(values["max"])) >= 10 else 2

    def number(value: float) -> str:
        return f"{value:.{digits}f}"

    def end(value: float) -> str:
        return str(int(value)) if value == int(value) else number(value)

    if values["sd"] is None:
        return end(values["mean"])
    ends = f"{end(values['min'])}–{end(values['max'])}"
    return f"{number(values['mean'])} ({number(values['sd'])}), {ends}"
