"""Table 1 of a paper: files, speakers, sex, age and minutes per class and part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from izwi.reporting import escaping
from izwi.reporting import latex as tex
from izwi.reporting.record import Metrics, Record, database_names
from izwi.wording import count

UNKNOWN = "–"


def markdown(record: Record, metrics: Metrics, description: dict[str, Any]) -> str:
    """As Markdown.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json
        description: what `izwi.data.description.describe` found
    """
    header, rows = _table(record, metrics, description)
    lines = [header, [":--", ":--", *["--:"] * (len(header) - 2)], *rows]
    body = "\n".join(f"| {' | '.join(map(escaping.markdown_cell, line))} |" for line in lines)
    return f"**Table 1.** {_caption(record, metrics, description)}\n\n{body}\n"


def latex(record: Record, metrics: Metrics, description: dict[str, Any]) -> str:
    """As LaTeX with the packages booktabs and tabularx.

    Parts are headings of their classes; one without classes is a row.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json
        description: what `izwi.data.description.describe` found
    """
    (_, *header), rows = _table(record, metrics, description)
    parts = [row[0] for row in rows]
    heading = r"\multicolumn{%d}{@{}l}{\textit{%s}} \\"
    needs, wide = _needs(header, [row[1:] for row in rows])
    lines, before = [_line(header)], ""
    for part, *cells in rows:
        alone = parts.count(part) == 1
        # Folds without classes follow each other without a rule.
        if part != before and not (alone and parts.count(before) == 1):
            lines.append(r"\midrule")
        if part != before and not alone:
            lines.append(heading % (len(header), escape(part)))
        lines.append(_line([part if alone else cells[0], *cells[1:]]))
        before = part
    return tex.floating(
        tex.columns(needs, "raggedleft"),
        lines,
        wide=wide,
        caption=tex.escape(_caption(record, metrics, description), across=True),
        label=f"data-{_label(record['name'])}",
    )


def _needs(header: list[str], rows: list[list[str]]) -> tuple[list[float], bool]:
    """Points of each column, and whether the table needs all columns of the page.

    Where it is narrower so, cells have several lines, best one behind each comma.
    """

    names, *figures = zip(header, *rows, strict=True)

    def needs(of: Callable[[str], float]) -> list[float]:
        return [max(tex.least_width(name), *map(of, cells)) for name, *cells in figures]

    def lines(cell: str) -> float:
        *others, last = cell.split(", ")
        return max(tex.width(last), *(tex.width(f"{part},") for part in others), 0.0)

    ways = (tex.width, lines)
    candidates = [(needs(of), wide) for wide in (False, True) for of in ways]
    for found, wide in [*candidates, (needs(tex.least_width), True)]:
        if tex.names_width(names, found, wide=wide) is not None:
            break
    return [tex.names_width(names, found, wide=wide) or tex.LEAST, *found], wide


def _line(cells: list[str]) -> str:
    return " & ".join(map(escape, cells)) + r" \\"


def escape(text: str) -> str:
    """Text with all that LaTeX would read as a command taken literally."""
    return tex.escape(text)


def _label(name: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in name)


def _caption(record: Record, metrics: Metrics, description: dict[str, Any]) -> str:
    names = ", ".join(database_names(record))
    sentences = [f"Data of the experiment {record['name']} ({names}; target: {record['target']})."]
    if any(cell["speakers"] is not None for cell in description["parts"]):
        sentences.append("Sex and age are those of speakers.")
    else:
        sentences.append("Speakers are not known: sex and age are those of samples.")
    sentences.append("F/M: female and male; age in years: mean (standard deviation), range.")
    if _used(metrics):
        sentences.append(
            "Used: samples whose audio could be used; those without were neither trained nor "
            "tested on, and all other columns count them."
        )
    if description["unused"]:
        sentences.append(
            f"{count(description['unused'], 'further sample is', 'further samples are')} in no "
            "part."
        )
    if description["cross_validation"]:
        sentences.append(
            f"{count(description['folds'], 'fold')}: each sample is tested once, by a model "
            "trained on other folds."
        )
    if (augment := record.get("augment")) and record["model"]["type"]:
        copies = augment["copies"] * len(augment["kinds"])
        sentences.append(
            f"In training, {count(copies, 'augmented copy', 'augmented copies')} of each sample "
            f"{'was' if copies == 1 else 'were'} used, too; the table does not count them."
        )
    return " ".join(sentences)


def _table(
    record: Record, metrics: Metrics, description: dict[str, Any]
) -> tuple[list[str], list[list[str]]]:
    cells = description["parts"]
    segments = description["segments"]
    target = any("target" in cell for cell in cells)
    header = ["part", "class", *(["segments"] if segments else []), "files", "speakers", "F/M"]
    used = _used(metrics)
    header[-2:-2] = ["used"] if used else []
    header += ["age", "min", *([f"{record['target']} of samples"] if target else [])]
    rows = []
    for cell in cells:
        row = [cell["part"], "all" if cell["class"] is None else cell["class"]]
        row += [str(cell["samples"])] if segments else []
        row.append(str(cell["files"]))
        row += [_known(used(cell, description))] if used else []
        row += [_known(cell["speakers"]), _sexes(cell), spread(cell["age"])]
        row.append(UNKNOWN if cell["minutes"] is None else f"{cell['minutes']:.1f}")
        if target:
            row.append(spread(cell.get("target")))
        rows.append(row)
    return header, rows


def _used(metrics: Metrics) -> Callable[[dict[str, Any], dict[str, Any]], int | None] | None:
    """How many samples of a cell had usable audio; None where all of all parts have."""
    about = metrics.get("excluded") or {}
    parts = {part: n for part, n in about.get("parts", {}).items() if part != "unused"}
    if not parts:
        return None

    def used(cell: dict[str, Any], description: dict[str, Any]) -> int | None:
        names = [cell["part"].removeprefix("fold ")]
        if description["cross_validation"] and cell["part"] == "all":
            names = list(parts)
        if cell["class"] is None:
            return cell["samples"] - sum(parts.get(name, 0) for name in names)
        of = [about.get("classes", {}).get(name, {}) for name in names]
        # Bins that each fold has of its own are no classes of a sample.
        if sum(sum(found.values()) for found in of) < sum(parts.get(name, 0) for name in names):
            return None
        return cell["samples"] - sum(found.get(cell["class"], 0) for found in of)

    return used


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
        return end(values["mean"]).replace("-", "−")
    # A dash between them would look like another minus.
    to = " to " if values["min"] < 0 else "–"
    ends = f"{end(values['min'])}{to}{end(values['max'])}"
    return f"{number(values['mean'])} ({number(values['sd'])}), {ends}".replace("-", "−")
