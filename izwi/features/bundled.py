"""Weights that lie in installed packages, whose code is not run."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path

from izwi.errors import UserError


def file_of(package: str, module: str, name: str, where: str) -> Path:
    """A file of a package, which is not imported.

    Args:
        package: its name in registries
        module: its folder
        name: of the file in it
        where: beginning of a message

    Raises:
        UserError: if it is not there
    """
    spec = PathFinder.find_spec(module)
    for place in (spec.submodule_search_locations if spec else None) or ():
        if (path := Path(place, name)).is_file():
            return path
    raise UserError(
        f"{where} needs {package}, not installed; type: "
        "make bundled (or: pip install --no-deps -r requirements-bundled.txt)"
    )
