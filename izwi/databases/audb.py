"""Databases that audb publishes, fetched into a folder that is a plain audformat database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from izwi.errors import UserError


def fetch(
    name: str, version: str | None, folder: str | Path, *, threads: int = 1, **options: Any
) -> None:
    """Fetch a database with all its audio.

    Tables are stored as CSV or parquet, as published; what audb keeps as pickle is removed.

    Args:
        name: name of the database in the repositories of audb's configuration
        version: version, ``None`` for the latest
        folder: where to put it; appears only when it is whole
        threads: parallel downloads
        options: passed on to ``audb.load``, such as ``tables`` or ``sampling_rate``

    Raises:
        UserError: if no repository has it
    """
    import audb

    try:
        version = version or audb.latest_version(name)
        audb.repository(name, version)
    except RuntimeError as error:
        places = ", ".join(f"{r.host} ({r.name})" for r in audb.config.REPOSITORIES)
        raise UserError(
            f"[DATA] {name}: audb finds no version {version or 'at all'} of it in {places}: {error}"
        ) from error
    folder = Path(folder)
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    try:
        database = audb.load_to(
            part, name, version=version, num_workers=threads, verbose=False, **options
        )
        _store_plainly(database, part)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _store_plainly(database: Any, folder: Path) -> None:
    """Every table as CSV or parquet, none as pickle."""
    for table in [*database.tables, *database.misc_tables]:
        stem = folder / f"db.{table}"
        if not any(Path(f"{stem}.{suffix}").is_file() for suffix in ("csv", "parquet")):
            database[table].save(str(stem), storage_format="parquet")
        Path(f"{stem}.pkl").unlink(missing_ok=True)
