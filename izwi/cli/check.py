"""``izwi check``: problems, warnings, leaks and the plan of a call with what it takes."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.cli import Parser, say
from izwi.errors import UserError, printable
from izwi.reporting.numbers import bytes_of

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.config.result_set import Config
    from izwi.engine.estimate import Computers, Estimate
    from izwi.engine.plan import Plan, Unit
    from izwi.engine.preview import Preview

EXAMPLES = """\
  izwi check my.ini
  izwi check my_paper.yaml -c 4
  izwi check my_paper.yaml my.ini --config results=elsewhere
  izwi check my.ini --hours 1000 --nodes 10 -c 16    # a corpus of 1,000 h, on a cluster

It writes nothing. The exit code is 1 if something would stop an experiment.
"""


def main(arguments: list[str]) -> int:
    """Print what a call of the same files would meet."""
    parser = Parser("check", EXAMPLES)
    parser.add_argument("files", nargs="+", metavar="FILE", help="inis (.ini), configs (.yaml)")
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="settings of the config"
    )
    parser.add_argument("-c", "--cores", type=int, help="cores of the call (all); of each node")
    parser.add_argument(
        "--hours", type=float, help="estimate for so much audio of the same kind, with nothing made"
    )
    parser.add_argument("--nodes", type=int, help="computers of a cluster that share the work")
    wanted = parser.parse_args(arguments)
    cores = _all_cores() if wanted.cores is None else wanted.cores
    if cores < 1:
        parser.error(f"--cores: {cores} is no number of cores, from 1 on")
    if wanted.nodes is not None and wanted.nodes < 1:
        parser.error(f"--nodes: {wanted.nodes} is no number of computers, from 1 on")
    if wanted.hours is not None and not 0 < wanted.hours < float("inf"):
        parser.error(f"--hours: {wanted.hours:g} is no number of hours")
    for word in (*wanted.files, *wanted.config):
        if word in wanted.files and not word.endswith((".ini", ".yaml", ".yml")):
            parser.error(f"{word} is neither an ini (.ini) nor a config (.yaml)")
        if word in wanted.config and "=" not in word:
            parser.error(f"--config: {word} is no KEY=VALUE, such as results=elsewhere")
    experiments, plan, problems = _planned(wanted.files, wanted.config)
    from izwi.engine.call import Call
    from izwi.engine.estimate import Computers, estimate
    from izwi.engine.preview import preview

    found = preview(plan)
    unread = bool(found.problems) and not found.tables
    found.problems[:0] = problems
    missing = Call(plan, lean=True).missing() if wanted.hours is None else list(plan.each())
    computers = Computers(cores, wanted.nodes or 1, queue=wanted.nodes is not None)
    _experiments(experiments, plan, found)
    say(*(f"problem: {line}" for line in found.problems))
    _remarks(experiments, found)
    if unread:
        print("no plan: mend this first")
    else:
        made = estimate(plan, missing, found, computers, wanted.hours)
        if wanted.hours is not None:
            print(f"\nas if it were {made.rows:,.0f} rows, {wanted.hours:,.0f} h of audio")
        _plan(plan, missing, made, computers)
    return 1 if found.problems else 0


def _all_cores() -> int:
    """Cores that this process may use; macOS does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _planned(files: list[str], settings: list[str]) -> tuple[list[Experiment], Plan, list[str]]:
    """The experiments and the plan of a call, and the problems of inis that are left out of it.

    Raises:
        UserError: with all that is wrong in configs and inis, if none of them is sound
    """
    import yaml

    from izwi.config.result_set import name_of, read_config, resolve_all
    from izwi.engine.planner import make_plan
    from izwi.engine.snakemake_call import Request
    from izwi.engine.sources import clash
    from izwi.home import DEFAULT_CONFIG

    cwd = Path.cwd()
    inis = tuple(name for name in files if name.endswith(".ini"))
    configs = tuple(name for name in files if not name.endswith(".ini"))
    content = Request(inis, configs).content()
    for word in settings:
        key, _, value = word.partition("=")
        content[key] = _value(yaml.safe_load, value)
    config = read_config(content, cwd=cwd, fallback=DEFAULT_CONFIG)
    problems: list[str] = []
    try:
        experiments = resolve_all(config, cwd=cwd)
    except UserError as error:
        # The data of the others may be wrong, too.
        problems = error.problems
        config = _sound(config, cwd, error)
        experiments = resolve_all(config, cwd=cwd)
    plan = make_plan(
        experiments,
        config.results,
        config.cache,
        cwd=cwd,
        write=False,
        shard_files=config.shard_files or 0,
        fused=config.ensembles,
        tables=config.tables,
        page=config.page,
        config=(name := name_of(content, configs, cwd=cwd, own=len(inis) > 1)),
    )
    if len(inis) < 2 and (
        line := clash(config.results, name, content, configs, cwd=cwd, write=False)
    ):
        say(line)
    return experiments, plan, problems


def _sound(config: Config, cwd: Path, error: UserError) -> Config:
    """The config with those of its inis that are sound, and nothing that is made of several.

    Raises:
        UserError: the error itself, if there are none, or each of them is
    """
    from izwi.config.result_set import resolve_all

    sound = []
    for ini in config.experiments:
        with suppress(UserError):
            resolve_all(replace(config, experiments=[ini]), cwd=cwd)
            sound.append(ini)
    if not sound or len(sound) == len(config.experiments):
        raise error
    return replace(config, experiments=sound, ensembles=(), tables=())


def _value(load: Any, text: str) -> Any:
    import yaml

    try:
        return load(text)
    except yaml.YAMLError:
        return text


def _experiments(experiments: list[Experiment], plan: Plan, found: Preview) -> None:
    """What is loaded and how it is split, once for all experiments that share it."""
    print(f"{_number(len(experiments), 'experiment')}: " + _few([e.name for e in experiments]))
    for unit in plan.of("load"):
        table = found.tables.get(unit.key)
        if table is None:
            continue
        speakers = table["speaker"].nunique() if "speaker" in table else 0
        who = f", {_number(speakers, 'speaker')}" if speakers else ", speakers unknown"
        counts = table["truth"].value_counts()
        numbers = table["truth"].dtype.kind == "f"
        what = (
            f"{table['truth'].min():g} to {table['truth'].max():g}"
            if numbers
            else _few([f"{label} {number}" for label, number in counts.items()])
        )
        print(printable(f"{unit.label}: {_number(len(table), 'row')}{who}; {what}"))


def _remarks(experiments: list[Experiment], found: Preview) -> None:
    # Those of a grid share their ini.
    own = [f"warning: {one.ini}: {line}" for one in experiments for line in one.warnings]
    own += [f"note: {one.ini}: {line}" for one in experiments for line in one.notes]
    say(*dict.fromkeys(own))
    say(*(f"warning: {line}" for line in found.warnings))
    say(*(f"note: {line}" for line in found.later))


def _plan(plan: Plan, missing: list[Unit], made: Estimate, computers: Computers) -> None:
    """The plan by stage, and what it takes."""
    print(f"\n{'stage':<12} {'made':>6} {'to do':>6} {'CPU time':>9}  from")
    for line in made.lines:
        time, source = "", ""
        if line.missing:
            time = "unknown" if line.seconds is None else _time(line.seconds)
            source = "records of this folder" if line.recorded else "measured for izwi"
        print(f"{line.stage:<12} {line.made:>6} {line.missing:>6} {time:>9}  {source}".rstrip())
    for label, share in made.stored.items():
        print(f"{label}: {share} recordings are in the feature store")
    if not missing:
        print("\nnothing to do: all results are up to date")
        return
    free = shutil.disk_usage(_existing(Path(plan.results))).free
    more = " and more" if made.unknown else ""
    where = _number(computers.cores, "core")
    if computers.queue:
        where = f"{_number(computers.nodes, 'node')} of {where}"
    print(
        f"\ntakes about {_time(made.wall)}{more} on {where} "
        f"({_time(made.cpu)} of CPU), {bytes_of(made.disk)} of disk ({bytes_of(free)} free), "
        f"up to {bytes_of(made.megabytes * 1e6)} of memory"
        + (f", {bytes_of(made.audio)} of audio over the network" if computers.queue else "")
    )
    if made.unknown:
        say(f"note: the time is not known of {_few(made.unknown)}")
    if made.disk > free:
        say(f"warning: {plan.results}: the disk is too small for the results")


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _few(names: list[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" * (len(names) > most))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    """A duration in the unit that fits."""
    if seconds < 1:
        return "< 1 s"
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < 100 * length or unit == "h":
            return f"{seconds / length:.0f} {unit}" if unit != "h" else f"{seconds / length:.1f} h"
    raise AssertionError
