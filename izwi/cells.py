"""What goes into the cells of CSV files that people open."""

from __future__ import annotations

import re

_SIGNS_OR_NUMBER = re.compile(r"[+-]*|[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def harmless(text: str) -> str:
    """A text that no spreadsheet runs as a formula.

    One that begins with ``=``, ``+``, ``-``, ``@`` or a control character that spreadsheets skip
    gets an apostrophe in front, unless it is a number or made of signs alone (``-1``, ``+``).
    """
    if text[:1] in tuple("=+-@\t\r") and not _SIGNS_OR_NUMBER.fullmatch(text):
        return "'" + text
    return text
