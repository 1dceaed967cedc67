"""The YAML config: inis, folders of results and caches, grids, tables."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from izwi.config import ensembles, grid, pictures
from izwi.config.experiment import Experiment
from izwi.config.options import suggest
from izwi.config.root_folders import VARIABLE
from izwi.data import soft_labels
from izwi.errors import Problems, UserError
from izwi.home import DEFAULT_CONFIG
from izwi.reporting.page import options as page
from izwi.reporting.tables import wanted as result_tables
from izwi.untrusted import read_yaml

KEYS = (
    *("experiments", "ini", "grid", "results", "cache", "root_folders", "shards"),
    *("ensembles", "tables", "formats", "page"),
)
NO_EXPERIMENT = (
    "no experiment is named: type izwi run my.ini, or izwi run my_paper.yaml; the demo is "
    "izwi run --demo"
)

# Names of the result sets of calls that name no config.
DEMO, INIS = "demo", "inis"


@dataclass(frozen=True)
class Config:
    """A result set.

    Args:
        experiments: paths of the inis, as given or as a glob finds them
        results: folder of results
        cache: folder of scans and of the feature store
        roots: root files of this computer, the first wins
        grids: the options that vary in them
        shard_files: audio files that one extraction job takes at most, 0 for all; None: all on
            one computer, 2,000 on a cluster
        ensembles: fusions of the experiments' predictions
        tables: tables of the results
        formats: of all pictures, whatever the inis say; None: as they say
        page: options of the page of results, None for no page
        others: inis of the config that this call does not run; they may label its databases
    """

    experiments: list[str]
    results: str
    cache: str
    roots: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    grids: tuple[grid.Grid, ...] = ()
    shard_files: int | None = None
    ensembles: tuple[ensembles.Wanted, ...] = ()
    tables: tuple[result_tables.Wanted, ...] = ()
    formats: tuple[str, ...] | None = None
    page: dict[str, Any] | None = None


def read_config(config: Mapping[str, Any], *, cwd: str | Path, fallback: str | Path) -> Config:
    """Check a config and find its inis.

    Args:
        config: ``experiments`` (paths or globs, a list or one), or ``ini`` (one path, wins), and
            optionally ``grid``, ``results``, ``cache``, ``root_folders``, ``shards``,
            ``ensembles``, ``tables``, ``formats`` and ``page``; inis that only a grid names belong
            to the experiments
        cwd: folder that all paths are relative to
        fallback: YAML config of the experiments if the given one names none and ``cwd`` is the
            folder above its own

    Returns:
        inis, results, cache

    Raises:
        UserError: with all problems, one line each
    """
    problems = Problems()
    for key in config:
        if key not in KEYS:
            near = suggest(str(key), KEYS) or f" (there are {', '.join(KEYS)})"
            problems.add(f"config: {key}: unknown key{near}")
    base = Path(cwd)
    wanted: Mapping[str, Any] = config
    listed = isinstance(config.get("grid"), list)
    if config.get("ini") is None and "experiments" not in config and not listed:
        # Then the cause is a misspelt key, not an empty config.
        problems.raise_if_any()
        if "ini" in config:
            raise UserError("config: ini: has no value, such as ini=my.ini")
        # In a folder of one's own the demo would lie among other results.
        if Path(cwd).resolve() != Path(fallback).resolve().parent.parent:
            raise UserError(NO_EXPERIMENT)
        wanted = {**_read_yaml(Path(fallback)), **config}
    others: list[str] = []
    if wanted.get("ini") is not None:
        inis = _find_ini(wanted["ini"], Path(cwd), problems)
        if "experiments" in config:
            # Problems of these do not matter here.
            others = _find_all(config["experiments"], base, Problems())
    else:
        only_grids = listed and "experiments" not in wanted
        inis = [] if only_grids else _find_all(wanted.get("experiments"), base, problems)
    grids = grid.read_grids(
        wanted.get("grid"), lambda paths: _find_all(paths, base, problems), problems
    )
    if wanted.get("ini") is None:
        inis = list(dict.fromkeys([*inis, *(ini for g in grids for ini in g.inis or ())]))
    results = _folder(wanted, "results", "results", problems)
    cache = _folder(wanted, "cache", os.path.join(results, "cache"), problems)
    roots = _roots(wanted, Path(cwd), problems)
    shards = wanted.get("shards", "auto")
    files = {"auto": None, "none": 0}.get(str(shards), _whole(shards))
    if files == -1:
        problems.add(
            f"config: shards: {shards!r} is not a number of files for one job of extraction, "
            "nor auto or none"
        )
    fused = ensembles.read_ensembles(wanted.get("ensembles"), problems)
    tables = result_tables.read_tables(wanted.get("tables"), problems, cwd=Path(cwd))
    formats = _formats(wanted.get("formats"), problems)
    shown = page.read_options(wanted.get("page"), problems)
    problems.raise_if_any()
    return Config(
        inis,
        results,
        cache,
        roots,
        tuple(others),
        grids=tuple(grids),
        shard_files=files,
        # An ini that is run alone is fused with nothing.
        ensembles=() if wanted.get("ini") is not None else tuple(fused),
        tables=tuple(tables),
        formats=formats,
        page=shown,
    )


def _formats(value: Any, problems: Problems) -> tuple[str, ...] | None:
    """Formats of all pictures, None where the inis say them."""
    if value is None:
        return None
    known = [ending[1:] for ending in pictures.FORMATS]
    wanted = [value] if isinstance(value, str) else value
    if not isinstance(wanted, list) or not wanted or any(name not in known for name in wanted):
        problems.add(f"config: formats: {value!r}: write one or more of {', '.join(known)}")
        return None
    return tuple(dict.fromkeys(wanted))


def name_of(
    config: Mapping[str, Any], files: Sequence[str | Path], *, cwd: str | Path, own: bool = False
) -> str:
    """Name of a result set, which its summary, tables and grids carry in the folder of results.

    Args:
        config: as for `read_config`
        files: YAML configs that it was read from
        cwd: working directory
        own: whether the call itself lists the experiments

    Returns:
        the name of the ini if there is only one, else that of the files; a ``config.yaml`` of
        another folder is called after its folder, too
    """
    if config.get("ini") is not None:
        return grid.slug(Path(str(config["ini"])).stem)
    if own or not files:
        return INIS if "experiments" in config or isinstance(config.get("grid"), list) else DEMO
    names = []
    for path in map(Path, files):
        folder = Path(cwd, path).parent
        if folder / path.name == DEFAULT_CONFIG:
            names.append(DEMO)
            continue
        far = path.stem == "config" and folder != Path(cwd)
        names.append(f"{folder.name}-{path.stem}" if far else path.stem)
    return grid.slug("+".join(names))


def _whole(value: Any) -> int:
    """A whole number from 1 on, -1 for anything else."""
    try:
        return number if (number := int(str(value))) >= 1 else -1
    except ValueError:
        return -1


def resolve_all(config: Config, *, cwd: str | Path) -> list[Experiment]:
    """Resolve all inis of a config.

    Args:
        config: the config
        cwd: folder that the inis are relative to

    Returns:
        experiments in the order of the inis

    Raises:
        UserError: with all problems of all inis, and if two share a name
    """
    problems = Problems()
    experiments: list[Experiment] = []
    # Names are compared as file systems do that ignore case.
    inis: dict[str, Experiment] = {}
    made = soft_labels.makers([*config.experiments, *config.others], cwd=cwd)
    inis_wanted = list(config.experiments)
    for ini in inis_wanted:
        try:
            members = grid.expand(ini, config.grids, cwd=Path(cwd), roots=config.roots, made=made)
        except UserError as error:
            problems.extend(error)
            continue
        for experiment in members:
            if config.formats:
                plots = {**experiment.plots, "format": list(config.formats)}
                experiment = replace(experiment, plots=plots)
            first = inis.setdefault(experiment.name.lower(), experiment)
            if first is not experiment:
                problems.add(
                    f"{ini}: [EXP] name: '{experiment.name}' is the name of {first.ini} as well, "
                    "give each its own"
                )
            experiments.append(experiment)
            for database in experiment.databases:
                teacher = made.get(database["path"] or "") if database["type"] == "soft" else None
                if teacher is not None and teacher not in inis_wanted:
                    inis_wanted.append(teacher)
    problems.raise_if_any()
    return experiments


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except (OSError, UserError) as error:
        raise UserError(f"config: {path}: cannot be read: {error}") from None
    if not isinstance(content, dict) or not content.get("experiments"):
        raise UserError(f"config: {path}: names no experiments")
    return content


def _find_ini(ini: Any, cwd: Path, problems: Problems) -> list[str]:
    if not isinstance(ini, str) or not ini:
        problems.add(f"config: ini: {ini!r} is not the path of an ini")
        return []
    if not (cwd / os.path.expanduser(ini)).is_file():
        problems.add(f"config: ini: no such file: {ini} (in {cwd})")
    return [ini]


def _find_all(wanted: Any, base: Path, problems: Problems) -> list[str]:
    """Inis that paths and globs name, each once, in their order."""
    patterns = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(patterns, list) or not patterns:
        problems.add(
            "config: experiments: name at least one ini, such as experiments: [my_paper/*.ini]"
        )
        return []
    inis: dict[str, str] = {}
    for pattern in patterns:
        if not isinstance(pattern, str) or not pattern:
            problems.add(f"config: experiments: {pattern!r} is not the path of an ini")
            continue
        found = _match(os.path.expanduser(pattern), base)
        if not found:
            what = "no file matches" if glob.has_magic(pattern) else "no such file:"
            problems.add(f"config: experiments: {what} {pattern} (in {base})")
        for ini in found:
            inis.setdefault(os.path.abspath(base / ini), ini)
    return list(inis.values())


def _match(pattern: str, base: Path) -> list[str]:
    """Files of a path or glob, relative to a folder."""
    # An exact file name may contain brackets, too.
    if (base / pattern).is_file():
        return [pattern]
    paths = sorted(glob.glob(pattern, root_dir=base, recursive=True))
    return [path for path in paths if (base / path).is_file()]


def _roots(config: Mapping[str, Any], cwd: Path, problems: Problems) -> tuple[str, ...]:
    """Root files that the environment and the config name, in this order."""
    found = []
    for where, value in (
        (VARIABLE, os.environ.get(VARIABLE) or None),
        ("config: root_folders", config.get("root_folders")),
    ):
        if value is None:
            continue
        if not isinstance(value, str) or not value:
            problems.add(f"{where}: {value!r} is not the path of a file")
        elif not (cwd / os.path.expanduser(value)).is_file():
            problems.add(f"{where}: no such file: {value} (in {cwd})")
        else:
            found.append(os.path.abspath(cwd / os.path.expanduser(value)))
    return tuple(found)


def _folder(config: Mapping[str, Any], key: str, default: str, problems: Problems) -> str:
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, str) or not value:
        problems.add(f"config: {key}: {value!r} is not the path of a folder")
        return default
    if "{" in value or "}" in value:
        problems.add(f"config: {key}: {value!r} holds a brace, which stands for a part of a path")
        return default
    return os.path.expanduser(value)
