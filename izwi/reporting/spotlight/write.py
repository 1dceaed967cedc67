"""The page of samples as HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from izwi.reporting import page
from izwi.reporting.page.markup import escape, fill, packed, policy_hash

HERE = Path(__file__).parent
OF_RESULTS = Path(page.__file__).parent


def document(content: dict[str, Any], title: str, lead: str) -> str:
    """The whole page.

    Args:
        content: what `izwi.reporting.spotlight.build.content` returns
        title: heading
        lead: the line below it
    """
    style = _read(OF_RESULTS / "page.css") + _read(HERE / "spotlight.css")
    parts = _read(OF_RESULTS / "elements.js") + "\n" + _read(HERE / "spotlight.js")
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    return fill(
        _read(HERE / "spotlight.html"),
        {
            "style": style,
            "style_hash": policy_hash(style),
            "script": script,
            "script_hash": policy_hash(script),
            "title": escape(title),
            "lead": escape(lead),
            "notes": "\n".join(f"<p>{escape(note)}</p>" for note in content["notes"]),
            "data": packed({"columns": content["columns"], "links": content["links"]}),
        },
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
