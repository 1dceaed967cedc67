"""The page as HTML, from what was brought together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from izwi.reporting.overview import CURRENT
from izwi.reporting.page.files import Embedded
from izwi.reporting.page.markup import (
    columns,
    data,
    escape,
    fill,
    markdown,
    minute,
    number,
    packed,
    policy_hash,
)
from izwi.wording import count

HERE = Path(__file__).parent
# Heading of a column → what it is sorted by, and on which screens it is shown.
COLUMNS = (
    ("experiment", "text", ""),
    ("database", "text", "wide"),
    ("target", "text", "wide"),
    ("features", "text", "wide"),
    ("model", "text", "wide"),
    ("measure", "text", "wide"),
    ("value", "number", ""),
    ("95 % interval", "", ""),
    ("confusion", "", "small"),
    ("n", "number", "wide"),
    ("speakers", "number", "wide"),
    ("warnings", "number", "wide"),
)
# What the filters choose by → the value in the summary of an experiment.
FILTERS = {
    "database": "databases",
    "features": "features",
    "model": "model",
    "target": "target",
    "measure": "measure",
    "kind": "kind",
    "audit": "audit",
    "call": "call",
    "status": "status",
}
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# Experiments that are compressed together: more make a smaller page, and take longer to open.
PACKED = 64
# Put together into the script of the page.
SCRIPTS = ("elements", "charts", "sound", "experiment", "compare", "page")
# Measures between 0 and 1 are drawn on this scale, others on that of their values.
UNIT = ("uar", "accuracy", "f1", "eer")
SIGNED = ("ccc", "pcc")


def page(content: dict[str, Any], *embedded: Embedded) -> str:
    """The whole page.

    Args:
        content: what `izwi.reporting.page.build.content` returns
        embedded: pictures and recordings
    """
    style, script = _read("page.css"), _script()
    summaries = [one["summary"] for one in content["experiments"]]
    label_sets = _label_sets(summaries)
    return fill(
        _read("page.html"),
        {
            "style": style,
            "style_hash": policy_hash(style),
            "script": script,
            "script_hash": policy_hash(script),
            "title": escape(_title(summaries)),
            "lead": escape(content["lead"]),
            "filters": _filters(summaries),
            "head": "".join(_heading(*column) for column in COLUMNS),
            "rows": _rows(summaries, label_sets),
            "labels": data(label_sets),
            "comparisons": packed(content["comparisons"]),
            "pack": str(PACKED),
            "missing": _missing(content["missing"]),
            "tables": _tables(content["tables"]),
            "notes": "\n".join(f"<p>{escape(note)}</p>" for note in content["notes"]),
            "details": "\n".join(
                f'<script type="text/plain" id="x{i}">{pack}</script>'
                for i, pack in _packs([one["details"] for one in content["experiments"]])
            ),
            "files": "\n".join(
                f'<script type="text/plain" id="f{name}" data-type="{mime}">{text}</script>'
                for store in embedded
                for name, (mime, text) in store.contents.items()
            ),
        },
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _packs(details: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Number of the first experiment of each pack, and the pack."""
    for first in range(0, len(details), PACKED):
        yield first, packed(columns(details[first : first + PACKED]))


def _script() -> str:
    parts = "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _title(summaries: list[dict[str, Any]]) -> str:
    if len(summaries) == 1:
        return f"Results of {summaries[0]['name']}"
    controls = sum(one["kind"] == "control" for one in summaries)
    more = f" and {controls} control{'s' * (controls > 1)}" if controls else ""
    return f"Results of {count(len(summaries) - controls, 'experiment')}{more}"


def _heading(name: str, kind: str, shown: str) -> str:
    right = "right" if kind == "number" else ""
    look = f' class="{" ".join(filter(None, (shown, right)))}"' if shown or right else ""
    if not kind:
        return f'<th scope="col"{look}>{escape(name)}</th>'
    return (
        f'<th scope="col"{look} data-kind="{kind}"><button type="button">{escape(name)}'
        '<span class="arrow" aria-hidden="true"></span></button></th>'
    )


def _choices(summaries: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What each filter chooses among."""
    found = {}
    for name, key in FILTERS.items():
        values = {value for one in summaries for value in _listed(one[key])}
        found[name] = sorted(values)
    return found


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _filters(summaries: list[dict[str, Any]]) -> str:
    """A list to choose from for each thing by which experiments differ."""
    found = []
    for place, (name, values) in enumerate(_choices(summaries).items()):
        if len(values) < 2:
            continue
        choices = "".join(f"<option>{escape(value)}</option>" for value in values)
        found.append(
            f'<label>{name}<select data-place="{place}"><option value="">all</option>'
            f"{choices}</select></label>"
        )
    return "\n".join(found)


def _label_sets(summaries: list[dict[str, Any]]) -> list[list[str]]:
    """The classes of all small confusion matrices, each set once."""
    sets = {tuple(one["confusion"]["labels"]) for one in summaries if one["confusion"]}
    return [list(labels) for labels in sorted(sets)]


def _rows(summaries: list[dict[str, Any]], label_sets: list[list[str]]) -> str:
    scales = _scales(summaries)
    order = list(scales)
    choices = _choices(summaries)
    places = {
        name: {v: str(i) for i, v in enumerate(values, 1)} for name, values in choices.items()
    }
    found = []
    for i, one in enumerate(summaries):
        chosen = ",".join(
            " ".join(places[name][value] for value in _listed(one[key]))
            for name, key in FILTERS.items()
        )
        measure = one["measure"]
        cells = _row(one, scales[measure], order.index(measure), label_sets)
        found.append(f'<tr data-x="{i}" data-f="{chosen}">{cells}</tr>')
    return "\n".join(found)


def _row(
    one: dict[str, Any], scale: tuple[float, float], group: int, label_sets: list[list[str]]
) -> str:
    databases = one["shown"]
    sub = escape(f"{databases}, {one['target']}, {one['features']}, {one['model']}")
    few = ' <abbr title="fewer than 10 speakers: the figure depends on who they are">few</abbr>'
    marks = few if one["few"] else ""
    seen = (
        ' <abbr title="scaled by test speakers, which a use on single recordings cannot do">'
        "transductive</abbr>"
    )
    interval = "" if one["low"] is None else f"[{number(one['low'])}, {number(one['high'])}]"
    speakers = "unknown" if one["speakers"] is None else f"{one['speakers']}{marks}"
    warnings = f'<span class="badge">{one["warnings"]}</span>' if one["warnings"] else "0"

    def value(key: str) -> str:
        return "" if one[key] is None else repr(one[key])

    cells = (
        f'<td class="name"><a href="#/{quote(one["name"], safe="")}">{escape(one["name"])}</a>'
        f'{_state(one)}<span class="sub">{sub}</span></td>',
        f'<td class="wide">{escape(databases)}</td>',
        f'<td class="wide">{escape(one["target"])}</td>',
        f'<td class="wide">{escape(one["features"])}</td>',
        f'<td class="wide">{escape(one["model"])}</td>',
        f'<td class="wide">{escape(one["measure"].upper())}{seen if one["transductive"] else ""}'
        "</td>",
        f'<td class="right value" data-v="{value("value")}" data-g="{group}">'
        f'{number(one["value"])}<span class="sub">{escape(one["measure"].upper())}</span></td>',
        f'<td class="interval" title="{escape(one["method"] or "")}">{bar(one, scale)}'
        f"<span>{interval}</span> <span>{escape(one['worth'])}</span></td>",
        _thumbnail(one["confusion"], label_sets),
        f'<td class="wide right" data-v="{value("n")}">{one["n"]}</td>',
        f'<td class="wide right" data-v="{value("speakers")}">{speakers}</td>',
        f'<td class="wide right" data-v="{one["warnings"]}">{warnings}</td>',
    )
    return "".join(cells)


def _thumbnail(confusion: dict[str, Any] | None, label_sets: list[list[str]]) -> str:
    """The cell in which the page draws a confusion matrix: two digits of base 36 for each share."""
    if confusion is None:
        return "<td></td>"
    shares = "".join(f"{DIGITS[p // 36]}{DIGITS[p % 36]}" for p in confusion["percents"])
    return f'<td data-l="{label_sets.index(confusion["labels"])}" data-c="{shares}"></td>'


def _state(one: dict[str, Any]) -> str:
    """Marks of the latest call and of a figure that is not of today's ini and data; its time."""
    latest = ' <abbr title="of the latest call">latest</abbr>' if one["call"] == "latest" else ""
    old = one["status"] != CURRENT
    mark = f' <span class="badge">{escape(one["status"])}</span>' if old else ""
    made = minute(one["made"])
    when = f'<time class="quiet" datetime="{escape(one["made"])}">{made} UTC</time>' if made else ""
    return latest + mark + when


def _scales(summaries: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Measure → the ends of the scale on which its values are drawn."""
    scales: dict[str, tuple[float, float]] = {}
    for one in summaries:
        measure = one["measure"]
        if measure in UNIT:
            scales[measure] = (0, 1)
        elif measure in SIGNED:
            scales[measure] = (-1, 1)
        else:
            low, high = scales.get(measure, (0, 0))
            values = [one[key] or 0 for key in ("low", "value", "high", "chance", "baseline")]
            scales[measure] = (min(low, *values), max(high, *values))
    return scales


def bar(one: dict[str, Any], scale: tuple[float, float]) -> str:
    """A value with its interval, chance and baseline as a small picture.

    Args:
        one: summary of an experiment
        scale: numbers at its left and right end
    """
    if one["value"] is None:
        return ""
    first, last = scale
    width = (last - first) or 1

    def at(key: str) -> str:
        return f"{4 + 112 * min(max((one[key] - first) / width, 0), 1):.0f}"

    there = {key for key in ("low", "high", "chance", "baseline") if one[key] is not None}
    line = f'<path d="M{at("low")} 8H{at("high")}"/>' if {"low", "high"} <= there else ""
    guess = f'<path class="chance" d="M{at("chance")} 1V15"/>' if "chance" in there else ""
    same = f'<path class="same" d="M{at("baseline")} 1V15"/>' if "baseline" in there else ""
    return (
        f'<svg class="bar" viewBox="0 0 120 16" role="img" aria-label="from {number(first)} to '
        f'{number(last)}: {_said(one)}"><use href="#axis"/>'
        f'{guess}{same}{line}<circle cx="{at("value")}" cy="8" r="3"/></svg>'
    )


def _said(one: dict[str, Any]) -> str:
    """The numbers of a bar in words."""
    limits = "" if one["low"] is None else f", {number(one['low'])} to {number(one['high'])}"
    guess = f", {one['worth']}" if one["worth"] else ""
    return escape(f"{number(one['value'])}{limits}{guess}")


def _missing(missing: list[dict[str, Any]]) -> str:
    if not missing:
        return ""
    items = "".join(
        f"<dt>{escape(one['name'])}</dt>"
        + "".join(f"<dd>{escape(reason)}</dd>" for reason in one["reasons"])
        for one in missing
    )
    return (
        '<section class="missing"><h2>Not made</h2>'
        "<p>These experiments of the call could not be made. Where the table shows one of them, "
        "its figure is an earlier one.</p>"
        f"<dl>{items}</dl></section>"
    )


def _tables(tables: list[dict[str, Any]]) -> str:
    shown = "\n".join(map(_table, tables))
    return f'<h2 class="apart">Tables</h2>\n{shown}' if shown else ""


def _table(table: dict[str, Any]) -> str:
    links = ", ".join(
        f'<a href="{escape(link)}">{escape(name)}</a>' for name, link in table["links"]
    )
    body = markdown(table["markdown"]) if table["markdown"] else ""
    picture = ""
    if table["picture"]:
        where = (
            f'src="{escape(table["picture"]["link"])}"'
            if "link" in table["picture"]
            else f'data-file="{table["picture"]["file"]}"'
        )
        picture = (
            f'<figure><img {where} alt="{escape(table["alt"])}" loading="lazy">'
            f"<figcaption>{escape(table['caption'])}</figcaption></figure>"
        )
    return (
        f'<section class="result"><h3>{escape(table["name"])}</h3>{body}{picture}'
        f'<p class="links">{links}</p></section>'
    )
