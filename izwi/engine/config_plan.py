"""The plan of a config, for scripts that read results without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from izwi.config.experiment import Experiment
from izwi.config.result_set import Config, name_of, read_config, resolve_all
from izwi.engine.plan import Plan
from izwi.engine.planner import make_plan
from izwi.errors import UserError
from izwi.home import DEFAULT_CONFIG
from izwi.untrusted import read_yaml


@dataclass(frozen=True)
class Planned:
    """A config, its experiments, and their plan."""

    config: Config
    experiments: list[Experiment]
    plan: Plan


def planned(
    path: str, *, results: str | None = None, cache: str | None = None, ini: str | None = None
) -> Planned:
    """The plan of one config, as a call of Snakemake in this folder would make it.

    Args:
        path: of the YAML config, or of an ini alone
        results: folder of results, if the call names another
        cache: folder of the cache, if the call names another
        ini: the only experiment of the call

    Raises:
        UserError: if the config, an ini or a database cannot be read
    """
    cwd = Path.cwd()
    try:
        content = {"ini": path} if path.endswith(".ini") else read_yaml(Path(path)) or {}
    except (OSError, UserError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: is no config, such as experiments: [my.ini]")
    for key, value in (("results", results), ("cache", cache), ("ini", ini)):
        if value:
            content[key] = value
    config = read_config(content, cwd=cwd, fallback=DEFAULT_CONFIG)
    experiments = resolve_all(config, cwd=cwd)
    plan = make_plan(
        experiments,
        config.results,
        config.cache,
        cwd=cwd,
        write=False,
        fused=config.ensembles,
        tables=config.tables,
        page=config.page,
        config=name_of(content, [path], cwd=cwd),
    )
    return Planned(config, experiments, plan)
