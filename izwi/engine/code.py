"""The code that can change a result: a module and all of izwi that it imports.

The imports are read from the source, including those inside functions, so no list is kept by hand.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from izwi.engine.keys import PACKAGE, file_digest, key_of

# These pass options and files to the code that computes. The keys cover what they pass on.
PLUMBING = ("izwi", "izwi.config", "izwi.engine", "izwi.stages", "izwi.errors", "izwi.api")
# They find a class by its name; the module of the class is in the key.
REGISTRIES = ("izwi.features", "izwi.models")
# Parsing all modules would take half a second of each call.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(izwi(?:\.\w+)*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)"
    r"|import[ \t]+(izwi(?:\.\w+)*))",
    re.MULTILINE,
)
_NAME = re.compile(r"(?:^|[,(])\s*(\w+)")
_LIBRARY = re.compile(
    r"^[ \t]+(?:from[ \t]+((?:sklearn|xgboost)[\w.]*)[ \t]+import|import[ \t]+(xgboost))",
    re.MULTILINE,
)
# Data files that modules read.
DATA = (".bib", ".cff", ".css", ".html", ".js", ".json")


@cache
def closure(module: str) -> frozenset[str]:
    """A module and the modules of izwi that it imports, directly or through others.

    The package of an imported module counts, too, but not what the package imports: its registry
    names unrelated modules. Modules that only pass on options and files are left out, see
    `PLUMBING`. The module itself is always included.

    Args:
        module: such as ``izwi.training.fit_predict``
    """
    found = {module}
    waiting = [module]
    while waiting:
        for name in imported(waiting.pop()):
            if name not in found and not _is_plumbing(name):
                found.add(name)
                waiting.append(name)
    packages = {name[:at] for name in found for at, c in enumerate(name) if c == "."}
    return frozenset(found | {name for name in packages if not _is_plumbing(name)})


@cache
def code_of(*modules: str) -> str:
    """Digest of the code of some modules and of all that they import, see `closure`."""
    names = sorted(frozenset().union(*map(closure, modules)))
    return key_of([[name, [file_digest(path) for path in _files(name)]] for name in names])


@cache
def imported(module: str) -> frozenset[str]:
    """The modules of izwi that the source of a module imports."""
    path = source(module)
    if path is None or module in REGISTRIES:
        return frozenset()
    found: set[str] = set()
    for package, listed, alone in _IMPORT.findall(path.read_text(encoding="utf-8")):
        members = [f"{package}.{name}" for name in _NAME.findall(listed)]
        modules = [name for name in members if source(name)]
        found.update(modules)
        if len(modules) < len(members) or alone:
            found.add(package or alone)
    return frozenset(name for name in found if source(name))


@cache
def libraries(module: str) -> tuple[str, ...]:
    """The modules of large libraries that the functions of a module import."""
    path = source(module)
    text = path.read_text(encoding="utf-8") if path else ""
    return tuple(dict.fromkeys(a or b for a, b in _LIBRARY.findall(text)))


def source(module: str) -> Path | None:
    """The file of a module of izwi, None if it is none."""
    return sources().get(module)


@cache
def sources() -> dict[str, Path]:
    """The file of each module of izwi; to ask the disk for each name takes longer."""
    found = {}
    for folder, _, files in os.walk(PACKAGE):
        parts = os.path.relpath(folder, PACKAGE.parent).split(os.sep)
        for file in files:
            stem, ending = os.path.splitext(file)
            if ending == ".py":
                name = ".".join(parts if stem == "__init__" else [*parts, stem])
                found[name] = Path(folder, file)
    return found


def _files(module: str) -> list[str]:
    path = source(module)
    if path is None:
        raise ModuleNotFoundError(module)
    files = [path]
    if path.name == "__init__.py":
        files += sorted(p for p in path.parent.iterdir() if p.suffix in DATA)
    return [str(path) for path in files]


def _is_plumbing(module: str) -> bool:
    return module == "izwi" or any(
        module == name or module.startswith(f"{name}.") for name in PLUMBING[1:]
    )
