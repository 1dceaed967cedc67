"""What goes into the cells of CSV files that people open."""

from __future__ import annotations

import re
from typing import Any

_SIGNS_OR_NUMBER = re.compile(r"[+-]*|[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def harmless(value: Any) -> Any:
    """A text that no spreadsheet runs as a formula; what is no text stays as it is.

    One that begins with ``=``, ``+``, ``-``, ``@`` or a control character that spreadsheets skip
    gets an apostrophe in front, unless it is a number or made of signs alone (``-1``, ``+``).
    """
    if not isinstance(value, str) or value[:1] not in tuple("=+-@\t\r"):
        return value
    return value if _SIGNS_OR_NUMBER.fullmatch(value) else "'" + value
