"""The key ``page`` of the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from izwi.errors import Problems

# Stages whose tables the page shows.
ON_PAGE = ("grid", "table", "comparisons")
AUDIO = ("embed", "link", "none")
# Embedded files make a page heavy: more than so many megabytes are linked.
DEFAULTS: dict[str, Any] = {"audio": "embed", "megabytes": 20}


def read_options(value: Any, problems: Problems) -> dict[str, Any] | None:
    """Check what a config says of the page.

    Args:
        value: absent or true for a page as it is by default, false or ``none`` for no page, or a
            mapping with ``audio`` and ``megabytes``
        problems: takes what is wrong

    Returns:
        all options, None where no page is wanted
    """
    if value is None or value is True:
        return dict(DEFAULTS)
    if value is False or value == "none":
        return None
    if not isinstance(value, Mapping):
        problems.add(
            f"config: page: {value!r} is neither none nor a mapping such as {{audio: link}}"
        )
        return None
    for key in value:
        if key not in DEFAULTS:
            problems.add(f"config: page: {key}: unknown key (there are {', '.join(DEFAULTS)})")
    options = {**DEFAULTS, **value}
    # YAML reads a bare "no" as false; "none" is what is meant.
    if options["audio"] in (False, None):
        options["audio"] = "none"
    if options["audio"] not in AUDIO:
        problems.add(f"config: page: audio: {options['audio']!r} is none of {', '.join(AUDIO)}")
    size = options["megabytes"]
    if isinstance(size, bool) or not isinstance(size, int | float) or not 0 <= size <= 500:
        problems.add(f"config: page: megabytes: {size!r} is not a number from 0 to 500")
    return {key: options[key] for key in DEFAULTS}
