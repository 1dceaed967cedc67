"""Databases that audb publishes, fetched into a folder that is a plain audformat database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from izwi.errors import UserError


def fetch(name: str, version: str | None, folder: str | Path, *, threads: int = 1) -> str:
    """Fetch a database with all its audio, its tables as published and none as pickle.

    Args:
        name: name of the database in the repositories of audb's configuration
        version: version, ``None`` for the latest
        folder: where to put it; it appears when it is whole and takes the place of an older one
        threads: parallel downloads

    Returns:
        the version

    Raises:
        UserError: if no repository has it
    """
    import audb

    try:
        version = version or audb.latest_version(name)
        audb.repository(name, version)
    except RuntimeError as error:
        places = ", ".join(f"{r.host} ({r.name})" for r in audb.config.REPOSITORIES)
        what = f"version {version} of it" if version else "it"
        raise UserError(f"[DATA] {name}: audb does not find {what} in {places}: {error}") from error
    folder = Path(folder)
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        audb.load_to(
            str(part),
            name,
            version=version,
            pickle_tables=False,
            num_workers=threads,
            verbose=False,
        )
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return version
