"""Databases to tables: read labels, map, bin and filter them, find the audio of every row."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from izwi.data.scan import Listing

# Type of a database and the module whose `read(spec)` reads it. A type of one's own: one module,
# one line.
READERS = {
    "csv": "izwi.data.databases.csvfile",
    "audformat": "izwi.data.databases.audformat",
    "audb": "izwi.data.databases.audformat",
    "demo": "izwi.data.databases.csvfile",
}


def load_table(
    spec: dict[str, Any], listing: Listing, *, base: Path | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read the table of a database.

    Args:
        spec: ``name``, ``type``, ``path``, ``task`` (classification or regression), ``target``,
            ``labels``, ``continuous``, ``bins``, ``seed`` and ``options``, the options of the
            database by their names in the ini; what is absent or ``None`` is not asked for
        listing: the scan of its audio files
        base: folder of a relative ``path``

    Returns:
        table as described in docs/data_contracts.md, and report: ``notes``, ``warnings``,
        ``counts`` (rows ``listed``, ``used``, ``dropped`` by reason), ``columns`` (those that hold
        a value), and ``bin_later``, true where the numbers in ``value`` wait for bins from the
        training data

    Raises:
        UserError: if the database and the options do not fit together
    """
    from izwi.data.databases.table import build

    if spec["type"] not in READERS:
        raise UserError(
            f"[DATA] {spec['name']}.type: '{spec['type']}' is unknown, "
            f"expected one of {', '.join(READERS)}"
        )
    if base is not None:
        spec = {**spec, "path": str(Path(base) / spec["path"])}
    spec = {**spec, "options": spec.get("options") or {}}
    source = import_module(READERS[spec["type"]]).read(spec)
    return build(spec, source, listing)
