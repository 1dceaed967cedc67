"""Text and values as HTML; whatever comes from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from typing import Any

from izwi.reporting.escaping import html as escape
from izwi.reporting.numbers import rounded

# Characters that tables escape by a backslash, after `escape`.
_ESCAPED = r"[\\|*_`\[\](]|&lt;"


def data(value: Any) -> str:
    """JSON inside a ``script`` element, which no text in it can end."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # These occur inside strings only, and JSON decodes them to the same text.
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def packed(value: Any) -> str:
    """JSON that is compressed, as base64: the browser opens it when it is asked for."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def columns(rows: list[Any]) -> Any:
    """Rows turned so that what is alike lies together, which compresses far better.

    Args:
        rows: values that JSON can hold

    Returns:
        of mappings with the same keys a mapping of these to columns, else the rows
    """
    names = {tuple(row) if isinstance(row, dict) else None for row in rows}
    (common,) = names if len(names) == 1 else (None,)
    if common is None:
        return rows
    return {key: columns([row[key] for row in rows]) for key in common}


def policy_hash(content: str) -> str:
    """How a content security policy names an inline script or style."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def fill(template: str, values: dict[str, str]) -> str:
    """Put values in the place of ``@@name@@``; what a value holds is left as it is.

    Raises:
        KeyError: if the template names what there is not
    """
    return re.sub(r"@@(\w+)@@", lambda found: values[found[1]], template)


def number(value: float | None) -> str:
    """A number for readers, as the pictures write it."""
    return rounded(value, most=1e5)


def minute(made: str | None) -> str:
    """A time such as ``2026-11-29 02:13``; empty where it is not known."""
    return (made or "")[:16].replace("T", " ")


def markdown(text: str) -> str:
    """Headings, tables, paragraphs and bold text of Markdown as HTML, all else as it is."""
    parts = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.strip().splitlines()
        if not lines:
            continue
        heading = re.fullmatch(r"#+\s+(.*)", lines[0])
        if heading:
            parts.append(f"<h4>{_inline(heading[1])}</h4>")
            lines = lines[1:]
        rule = len(lines) > 1 and re.fullmatch(r"[\s|:-]+", lines[1]) and "-" in lines[1]
        if rule and "|" in lines[0]:
            head, body = _cells(lines[0]), map(_cells, lines[2:])
            parts.append(table(head, body))
        elif lines:
            parts.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "\n".join(parts)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of texts in which ``**`` makes bold."""
    header = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in head)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        '<div class="scroll" tabindex="0"><table class="data"><thead><tr>'
        f"{header}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _inline(text: str) -> str:
    bold = re.sub(r"(?<!\\)\*\*(.+?)(?<!\\)\*\*", r"<strong>\1</strong>", escape(text))
    return re.sub(rf"\\({_ESCAPED})", r"\1", bold)
