"""Files in results and cache that no config needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from izwi.engine import stamps
from izwi.engine.plan import Plan
from izwi.engine.stage import KEY, stages
from izwi.files import refuse_link_out
from izwi.reporting import history

# Pictures that experiments share.
FOLDERS = ("plots",)
# What people open, in a file or folder for each config.
BY_CONFIG = ("summaries", "tables", "grids", "runs")


@dataclass(frozen=True)
class Unused:
    """A file or folder that may be deleted.

    Args:
        kind: folder of results it lies in, ``cache`` or ``experiments``
        path: the file or folder
        size: bytes of all its files
    """

    kind: str
    path: Path
    size: int


def unused(plans: list[Plan], *, cache: bool, experiments: bool) -> list[Unused]:
    """Files that none of the plans needs.

    Args:
        plans: of all configs that share results or cache
        cache: also search the feature stores, which other projects may share
        experiments: also search the folders of experiments, and their histories

    Returns:
        files and folders, by kind and name
    """
    units = [unit for plan in plans for unit in plan.each()]
    outputs = {Path(path).absolute() for unit in units for path in unit.output_files()}
    shared = {
        unit.spec["store"] for plan in plans for unit in plan.of("plot") if "store" in unit.spec
    }
    data = {folder for plan in plans for folder in _data(plan)}
    by_file, by_folder = _folders()
    stores = {
        Path(unit.spec["store"]).absolute()
        for plan in plans
        for unit in plan.of("features", "segment")
        if "store" in unit.spec
    }
    found: list[Unused] = []
    for results in {Path(plan.results).absolute() for plan in plans}:
        for kind in by_file:
            kept = {path.with_suffix("") for path in outputs}
            files = (path for path in (results / kind).rglob("*") if _is_result(path))
            # x.json and x.bad_files.csv belong to x.parquet
            found += _listed(kind, (f for f in files if f.with_name(_stem(f)) not in kept))
        kinds = [*by_folder, *FOLDERS, *(["experiments"] if experiments else [])]
        used = {folder for path in outputs for folder in path.parents}
        used |= {Path(path).absolute() for path in shared} | data
        for kind in kinds:
            folders = (results / kind).glob("*/")
            found += _listed(kind, (folder for folder in folders if folder not in used))
        for kind in BY_CONFIG:
            found += _listed(kind, _of_other_configs(results / kind, outputs, used))
        if experiments:
            named = {unit.label for plan in plans for unit in plan.of("experiment")}
            gone = (name for name in history.names(results) if name not in named)
            found += _listed(history.FOLDER, (history.path_of(results, name) for name in gone))
    if cache:
        for place in {Path(plan.cache).absolute() / "features" for plan in plans}:
            folders = place.glob("*")
            found += _listed("cache", (folder for folder in folders if folder not in stores))
    return found


def _data(plan: Plan) -> Iterator[Path]:
    """Folders that hold labels or recordings of a database, with those above them.

    An ini may read what another has made, such as the CSV of the demo.
    """
    for unit in plan.of("load"):
        if unit.spec["path"]:
            labels = Path(unit.spec["path"]).absolute()
            audio = unit.spec["options"].get("audio_path") or "."
            for place in (labels, Path(os.path.normpath(labels.parent / audio))):
                yield from (place, *place.parents)


def delete(things: Iterable[Unused]) -> None:
    """Delete files and folders, and folders that become empty; of a link, only the link.

    Raises:
        UserError: if a link on the way to one leads out of results or cache; then all stay
    """
    things = list(things)
    for thing in things:
        refuse_link_out(thing.path)
    for thing in things:
        if thing.path.is_dir() and not thing.path.is_symlink():
            shutil.rmtree(thing.path)
        else:
            thing.path.unlink(missing_ok=True)
            stamp = Path(stamps.stamp_of(str(thing.path)))
            stamp.unlink(missing_ok=True)
            with suppress(OSError):
                stamp.parent.rmdir()
            parent = thing.path.parent
            if not any(parent.iterdir()) and not parent.is_symlink():
                parent.rmdir()


def _of_other_configs(place: Path, outputs: set[Path], used: set[Path]) -> Iterator[Path]:
    """Files below a folder that no config makes; a folder where it makes none in there."""
    for path in place.glob("*"):
        if path.is_dir() and path in used:
            yield from _of_other_configs(path, outputs, used)
        elif path not in outputs and path.name != stamps.FOLDER:
            yield path


def _folders() -> tuple[list[str], list[str]]:
    """Folders of results in which a unit has files of its own, and those in which a folder."""
    by_file: list[str] = []
    by_folder: list[str] = []
    for module in stages().values():
        if module.STAGE.keyed:
            parts = next(iter(module.STAGE.outputs.values())).split("/")
            (by_folder if KEY in parts[1] and len(parts) > 2 else by_file).append(parts[0])
    return by_file, by_folder


def _is_result(path: Path) -> bool:
    """Whether a file is not a stamp."""
    return path.is_file() and path.parent.name != stamps.FOLDER


def _stem(path: Path) -> str:
    return path.name.removesuffix(".bad_files.csv").removesuffix(path.suffix)


def _listed(kind: str, paths: Iterable[Path]) -> list[Unused]:
    return [Unused(kind, path, _size(path)) for path in sorted(paths)]


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())
