"""Text from databases and inis in each medium that izwi writes: it is shown, and does nothing."""

from __future__ import annotations

import html as _html
import re
import shlex
from typing import Any

from izwi.errors import printable

# What would begin an element of HTML, a link or a picture.
_HTML = re.compile(r"<(?=[A-Za-z/!?])|(?<=\])\((?=\S)")
_TICKS = re.compile(r"`+")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def one_line(value: Any) -> Any:
    """A record in which each text, names of its parts included, is one printable line."""
    if isinstance(value, str):
        return printable(re.sub(r"[\t-\r]+", " ", value))
    if isinstance(value, dict):
        found: dict[Any, Any] = {}
        for key, part in value.items():
            name = one_line(key)
            # Labels that differ by a line break alone stay two.
            found[printable(key) if name in found else name] = one_line(part)
        return found
    if isinstance(value, list):
        return [one_line(part) for part in value]
    return value


def html(value: Any) -> str:
    """A text that is shown as it is, in an element or in a quoted attribute."""
    return _html.escape(str(value), quote=True)


def markdown(text: str) -> str:
    """A whole document without HTML, links and pictures, of which izwi writes none there."""
    parts = re.split(r"(`+[^`\n]+`+)", text)
    # In code nothing is an element, and a backslash would be shown.
    parts[::2] = [_HTML.sub(lambda sign: f"\\{sign[0]}", part) for part in parts[::2]]
    return "".join(parts)


def markdown_text(text: str) -> str:
    """A text as Markdown shows it literally, also in the cell of a table."""
    return re.sub(r"([\\|*_`<\[\]])", r"\\\1", printable(text))


def markdown_cell(text: str) -> str:
    """The cell of a table that may hold marks of Markdown."""
    return " ".join(printable(text).split()).replace("|", "/")


def markdown_code(text: str) -> str:
    """A text as code, which it cannot end."""
    longest = max(map(len, _TICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{printable(text)}{space}{fence}"


def latex(text: str, more: dict[str, str] | None = None) -> str:
    """A text of which LaTeX takes all literally.

    Args:
        text: any
        more: what further characters become
    """
    signs = _LATEX | (more or {})
    return "".join(signs.get(sign, sign) for sign in printable(text))


def bibtex_comment(text: str) -> str:
    """A text between entries of BibTeX, none of which it can begin."""
    return printable(text).replace("@", "(at)")


def shell(word: str) -> str:
    """One word of a command to paste."""
    return shlex.quote(printable(word))
