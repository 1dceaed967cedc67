"""The page as HTML, from what was brought together."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from izwi.reporting.page.files import Embedded
from izwi.reporting.page.markup import data, escape, fill, markdown, number, policy_hash
from izwi.wording import count

HERE = Path(__file__).parent
# Heading of a column → what it is sorted by, and on which screens it is shown.
COLUMNS = (
    ("experiment", "text", ""),
    ("database", "text", "wide"),
    ("target", "text", "wide"),
    ("features", "text", "wide"),
    ("model", "text", "wide"),
    ("measure", "text", ""),
    ("value", "number", ""),
    ("95 % interval", "", ""),
    ("", "", "wide"),
    ("n", "number", "wide"),
    ("speakers", "number", "wide"),
    ("warnings", "number", "wide"),
)
# Measures between 0 and 1 are drawn on this scale, others on that of their values.
UNIT = ("uar", "accuracy", "f1", "eer")
SIGNED = ("ccc", "pcc")


def page(content: dict[str, Any], *embedded: Embedded) -> str:
    """The whole page.

    Args:
        content: what `izwi.reporting.page.build.content` returns
        embedded: pictures and recordings
    """
    style, script = _read("page.css"), _read("page.js")
    summaries = [one["summary"] for one in content["experiments"]]
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
            "rows": _rows(summaries),
            "missing": _missing(content["missing"]),
            "tables": "\n".join(map(_table, content["tables"])),
            "notes": "\n".join(f"<p>{escape(note)}</p>" for note in content["notes"]),
            "details": "\n".join(
                f'<script type="application/json" id="x{i}">{data(one["details"])}</script>'
                for i, one in enumerate(content["experiments"])
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


def _filters(summaries: list[dict[str, Any]]) -> str:
    """A list to choose from for each thing by which experiments differ."""
    found = []
    for place, (name, key) in enumerate(
        (
            ("database", "databases"),
            ("features", "features"),
            ("model", "model"),
            ("target", "target"),
            ("measure", "measure"),
            ("kind", "kind"),
        )
    ):
        values: dict[str, None] = {}
        for summary in summaries:
            value = summary[key]
            values.update(dict.fromkeys(value if isinstance(value, list) else [value]))
        if len(values) < 2:
            continue
        choices = "".join(f"<option>{escape(value)}</option>" for value in sorted(values))
        found.append(
            f'<label>{name}<select data-place="{place}"><option value="">all</option>'
            f"{choices}</select></label>"
        )
    return "\n".join(found)


def _rows(summaries: list[dict[str, Any]]) -> str:
    scales = _scales(summaries)
    order = list(scales)
    return "\n".join(
        _row(i, summary, scales[summary["measure"]], order.index(summary["measure"]))
        for i, summary in enumerate(summaries)
    )


def _row(place: int, one: dict[str, Any], scale: tuple[float, float], group: int) -> str:
    databases = ", ".join(one["databases"])
    keys = ("databases", "features", "model", "target", "measure", "kind")
    filters = escape(data([one[key] for key in keys]))
    sub = escape(f"{databases}, {one['target']}, {one['features']}, {one['model']}")
    few = ' <abbr title="fewer than 10 speakers: the figure depends on who they are">few</abbr>'
    marks = few if one["few"] else ""
    seen = (
        ' <abbr title="scaled by test speakers, which a use on single recordings cannot do">'
        "transductive</abbr>"
    )
    interval = "" if one["low"] is None else f"[{number(one['low'])}, {number(one['high'])}]"
    worth = escape(one["worth"])
    guess = f'<span class="sub">{worth}</span>' if worth else ""
    beside = f'<br><span class="quiet">{worth}</span>' if worth else ""
    speakers = "unknown" if one["speakers"] is None else f"{one['speakers']}{marks}"
    warnings = f'<span class="badge">{one["warnings"]}</span>' if one["warnings"] else "0"

    def value(key: str) -> str:
        return "" if one[key] is None else repr(one[key])

    cells = (
        f'<td class="name"><a href="#/{quote(one["name"], safe="")}">{escape(one["name"])}</a>'
        f'<span class="sub">{sub}</span></td>',
        f'<td class="wide">{escape(databases)}</td>',
        f'<td class="wide">{escape(one["target"])}</td>',
        f'<td class="wide">{escape(one["features"])}</td>',
        f'<td class="wide">{escape(one["model"])}</td>',
        f"<td>{escape(one['measure'].upper())}{seen if one['transductive'] else ''}</td>",
        f'<td class="right value" data-v="{value("value")}" data-g="{group}">'
        f'{number(one["value"])}<span class="sub">{escape(one["measure"].upper())}<br>'
        f"<span>{interval}</span></span>{guess}</td>",
        f'<td class="interval" title="{escape(one["method"] or "")}">{interval}{beside}</td>',
        f'<td class="wide">{whisker(one["low"], one["value"], one["high"], scale)}</td>',
        f'<td class="wide right" data-v="{value("n")}">{one["n"]}</td>',
        f'<td class="wide right" data-v="{value("speakers")}">{speakers}</td>',
        f'<td class="wide right" data-v="{one["warnings"]}">{warnings}</td>',
    )
    return f'<tr data-x="{place}" data-f="{filters}">{"".join(cells)}</tr>'


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
            values = [one[key] or 0 for key in ("low", "value", "high")]
            scales[measure] = (min(low, *values), max(high, *values))
    return scales


def whisker(
    low: float | None, value: float | None, high: float | None, scale: tuple[float, float]
) -> str:
    """A value with its interval as a small picture."""
    if value is None:
        return ""
    first, last = scale
    width = (last - first) or 1

    def at(number: float) -> str:
        return f"{4 + 112 * min(max((number - first) / width, 0), 1):.1f}"

    line = "" if low is None or high is None else f'<path d="M{at(low)} 8H{at(high)}"/>'
    return (
        '<svg class="whisker" viewBox="0 0 120 16" aria-hidden="true"><path class="axis" '
        f'd="M4 8H116M4 5V11M116 5V11"/>{line}<circle cx="{at(value)}" cy="8" r="3"/></svg>'
    )


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
        f"<p>These experiments of the call could not be made, and are in no table here.</p>"
        f"<dl>{items}</dl></section>"
    )


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
