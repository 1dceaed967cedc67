"""A call as the Snakefile starts it: plan, lock, workers, summary. Only this uses Snakemake."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from izwi.config.result_set import name_of, read_config, resolve_all
from izwi.engine import call_summary, cli_args, job, loaded, lock, sources, terminal
from izwi.engine.call import Call, forced_of, is_lean
from izwi.engine.keys import PACKAGE, key_of
from izwi.engine.plan import Plan, Unit
from izwi.engine.planner import make_plan
from izwi.engine.stage import stage
from izwi.errors import UserError, refusal
from izwi.files import no_link, write_text
from izwi.reporting import history
from izwi.reporting.overview import text_of
from izwi.stages.experiment import OUTDATED

if TYPE_CHECKING:
    from izwi.reporting.snakemake_report import Report

# Where jobs find the plan, and the workers of their machine.
PLAN, SOCKET = "IZWI_PLAN", "IZWI_SOCKET"
# Longest path of a socket in bytes; without a socket each job makes its unit itself.
LONGEST_SOCKET = 107
# Cores that an extraction job requests from a cluster.
CLUSTER_CORES = 4
# Maximum number of audio files per extraction job on a cluster.
CLUSTER_FILES = 2000
# From this number of units on, the rules of a call are brief.
MANY = 500
# Address space, bytes, in which all libraries can be loaded.
LEAST_MEMORY = 950 << 20
# A new worker replaces a worker after this many units.
UNITS = 64


@dataclass
class Session:
    """What the rules of a call need.

    Args:
        workflow: Snakemake's
        plan: all units
        path: where the plan is saved for the jobs
        suffix: of the names of environment variables, if one workflow has several plans
        prefix: prefix that a larger workflow adds to each path
        arguments: of the call, without the program
        main: whether this process plans the call, or a job of it
    """

    workflow: Any
    plan: Plan
    path: str
    suffix: str
    prefix: str
    arguments: list[str]
    main: bool

    def __post_init__(self) -> None:
        self.reads = cli_args.only_reads(self.arguments)
        self.cores = _cores(self.workflow)
        self.deployed = bool(self.workflow.deployment_settings.deployment_method)
        self.own = self.workflow.modifier.is_main_snakefile()
        self.socket = ""
        local = self.own and not self.deployed and sys.platform == "linux"
        if local and not self.reads and (self.cores is not None or not self.main):
            # Process numbers repeat, and a killed call may have left its folder.
            name = f"izwi-{os.getpid()}-{uuid.uuid4().hex[:8]}"
            path = os.path.join(tempfile.gettempdir(), name, "workers")
            if len(os.fsencode(path)) <= LONGEST_SOCKET:
                self.socket = os.environ[SOCKET + self.suffix] = path
        os.environ[PLAN + self.suffix] = self.path
        if self.main:
            os.environ[job.CALL] = str(os.getpid())
        self._saved = not self.main
        self.terminal: terminal.Terminal | None = None
        if self.main:
            os.environ.pop(job.HUSHED, None)
        if self.main and self.own:
            self.terminal = terminal.take_over(self.workflow, self.nothing)

    @property
    def results(self) -> str:
        """Folder of results, as the rules name it."""
        return self.plan.results.removeprefix(self.prefix)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the environment variables that jobs elsewhere need."""
        return PLAN + self.suffix, job.CALL

    @property
    def threads(self) -> int:
        """Cores of a job that shares its work among cores."""
        return self.cores or CLUSTER_CORES

    @property
    def command(self) -> str:
        """What each rule runs."""
        # The one of the environment, if there is one.
        python = "python" if self.deployed else sys.executable
        client = str(PACKAGE / "engine" / "client.py")
        words = [python, "-I", "-S", client, self.suffix]
        command = shlex.join(words).replace("{", "{{").replace("}", "}}")
        return f"{command} {{log:q}} {{threads}} {{output:q}}"

    @cached_property
    def report(self) -> Report | None:
        """What Snakemake's report shows, if one is requested."""
        if not cli_args.reports(self.arguments):
            return None
        from izwi.reporting.snakemake_report import Report

        return Report(self.plan, self.results, self.workflow.config)

    def shown(self, role: str, path: str) -> Any:
        """An output that is in the report, if one is requested."""
        return self.report.flagged(role, path) if self.report else path

    @cached_property
    def call(self) -> Call:
        """The units to make; known when Snakemake asks for the first input."""
        settings = self.workflow.dag_settings
        # The jobs of a group wait for each other by the files that their rules name.
        lean = self.main and self.own and is_lean(settings, self.arguments)
        call = Call(self.plan, lean=lean, prefix=self.prefix)
        if not self.main:
            self._stay_on_node()
            jobs = settings.target_jobs
            if self.socket and len(jobs) > 1:
                units = (self._finder(job.rulename)(job.wildcards_dict) for job in jobs)
                self._start_workers([unit for unit in units if unit])
            return call
        call.forced = forced_of(settings)
        outdated, missing = call.outdated(settings.targets), call.missing()
        # Snakemake would treat an empty file as complete.
        there = (unit for unit in missing if any(map(os.path.lexists, unit.outputs.values())))
        paths = (path for unit in (*outdated, *there) for path in unit.outputs.values())
        self.workflow.dag.forcefiles.update(path.removeprefix(self.prefix) for path in paths)
        # Files appear whole: the mark of a call that was killed says nothing of them.
        self.workflow.dag.ignore_incomplete = True
        call.brief = lean and len(missing) > MANY
        if self.reads:
            _look_at_all()
            return call
        if missing and (line := _refused(self.plan, missing)):
            raise SystemExit(line)
        _mark_outdated(self.plan.of("experiment"), outdated)
        _remember(missing)
        if missing or not lean:
            call.date_back()
        if missing:
            if self.terminal:
                self.terminal.expect(loaded.expected(self.plan, missing))
            self.save()
            if self.socket:
                self._start_workers(missing)
        return call

    def save(self) -> None:
        """Save the plan for the jobs, once."""
        if not self._saved:
            self.plan.save(self.path)
            job.forget(self.plan)
            self._saved = True

    def each_try(self, amount: int) -> int | Callable[..., int]:
        """Memory or time to request; on a cluster more after a failed try."""
        if self.cores is not None:
            return amount
        return lambda wildcards, attempt: amount * attempt

    def targets(self) -> list[str]:
        """What the default rule asks for."""
        return self.call.targets()

    def made_of(self, name: str) -> Callable[[Any], list[Any]]:
        """The input function of a stage's rule."""
        unit = self._finder(name)
        return lambda wildcards: self.call.inputs(unit(wildcards))

    def _finder(self, name: str) -> Callable[[Any], Unit | None]:
        """The function that finds the unit of a stage by the wildcards of its job."""
        pattern = next(iter(stage(name).outputs.values()))
        if stage(name).keyed:
            units = self.plan.units[name]
            return lambda wildcards: units.get(wildcards.get("key"))
        maker, results = self.plan.maker, self.plan.results
        return lambda wildcards: maker.get(
            os.path.join(results, pattern.format(**dict(wildcards.items())))
        )

    def started(self) -> None:
        """Jobs are about to start."""
        self.save()
        gc.freeze()
        gc.enable()
        scheduler = getattr(self.workflow, "scheduler", None)
        limiter = getattr(scheduler, "job_rate_limiter", None)
        if scheduler and limiter and not limiter.timespan:
            # The scheduler looks again after this time, so would never rest while jobs wait for
            # cores.
            scheduler.job_rate_limiter = None

    def nothing(self) -> None:
        """There is nothing to do."""
        if self.call.lean:
            call_summary.results(self.plan)

    def succeeded(self, log: str) -> None:
        """The call ended well."""
        call_summary.success(self.plan, self.terminal, log)

    def failed(self, log: str) -> None:
        """The call ended badly."""
        call_summary.failure(self.plan, self.path, log, self.terminal)

    def _stay_on_node(self) -> None:
        """Let the Snakemake of a cluster's node run its jobs itself.

        SLURM's plugin would start another Snakemake, which takes seconds, for each job of a group.
        """
        if not self.workflow.local_exec:
            for rule in self.workflow.rules:
                rule.group = None
            self.workflow.group_settings.overwrite_groups.clear()
            self.workflow.localrules(*(rule.name for rule in self.workflow.rules))

    def _start_workers(self, missing: list[Unit]) -> None:
        """Start the server of warm workers, which ends with this process."""
        from izwi.engine.worker import imports_of

        modules = list(dict.fromkeys(name for unit in missing for name in imports_of(unit)))
        os.makedirs(os.path.dirname(self.socket), mode=0o700)
        # The first clients may ask before the server is up; then they wait.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket)
            listener.listen(256)
            place, cores = f"{listener.fileno()}@{self.socket}", str(self.cores or _node_cores())
            with self._unexpected() as stderr:
                server = subprocess.Popen(
                    [
                        *(sys.executable, "-P", str(PACKAGE / "engine" / "worker.py")),
                        *(place, self.path, cores, str(UNITS), *modules),
                    ],
                    stdin=subprocess.PIPE,
                    stderr=stderr,
                    pass_fds=[listener.fileno()],
                )

        def stop() -> None:
            # It may be loading what nobody will need.
            server.terminate()
            server.wait()
            shutil.rmtree(os.path.dirname(self.socket), ignore_errors=True)

        atexit.register(stop)

    def _unexpected(self) -> AbstractContextManager[IO[str] | None]:
        """Where workers write what no stage says, such as the words of a library."""
        if self.terminal is None:
            return nullcontext()
        path = Path(self.plan.results) / "logs" / "workers.log"
        try:
            no_link(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            return open(path, "w", encoding="utf-8")
        except OSError:
            return nullcontext()


def start(workflow: Any, config: Mapping[str, Any], home: Path, arguments: list[str]) -> Session:
    """Plan a call, or find the plan of the call that a job belongs to.

    Args:
        workflow: Snakemake's
        config: as Snakemake read it
        home: folder of the Snakefile
        arguments: of the call, without the program
    """
    prefix = getattr(workflow.modifier.path_modifier, "prefix", None) or ""
    key = key_of(dict(config), prefix)
    suffix = "" if workflow.modifier.is_main_snakefile() else f"_{key}"
    if (known := _sessions.get((key, prefix))) and known.workflow is workflow:
        # A larger workflow reads the Snakefile again for each rule that it overrides.
        if not known.main:
            gc.enable()
        return known
    main = workflow.is_main_process or PLAN + suffix not in os.environ
    if main:
        if not cli_args.only_reads(arguments):
            _check_memory()
        plan = _plan(workflow, config, home, prefix, write=not cli_args.only_reads(arguments))
        path = os.path.abspath(os.path.join(plan.results, "plans", f"{key}.json"))
    else:
        gc.enable()
        path = os.environ[PLAN + suffix]
        plan = Plan.load(path)
    session = Session(workflow, plan, path, suffix, prefix, arguments, main)
    _sessions[key, prefix] = session
    return session


_sessions: dict[tuple[str, str], Session] = {}


def _check_memory() -> None:
    """Refuse a limit of memory within which libraries hang, or end, while they are loaded.

    Raises:
        SystemExit: with one line
    """
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit not in (resource.RLIM_INFINITY, -1) and limit < LEAST_MEMORY:
        raise SystemExit(
            f"memory: ulimit -v leaves this process {limit >> 20} MB, and it needs at least "
            f"{LEAST_MEMORY >> 20}: ulimit -v unlimited"
        )


def _plan(
    workflow: Any, config: Mapping[str, Any], home: Path, prefix: str, *, write: bool
) -> Plan:
    """The plan of this call.

    Raises:
        SystemExit: with all problems, one line each
    """
    cwd = Path.cwd()
    try:
        settings = read_config(config, cwd=cwd, fallback=home / "config" / "config.yaml")
        experiments = resolve_all(settings, cwd=cwd)
        results, cache = prefix + settings.results, prefix + settings.cache
        _refuse_links(Plan(results, cache))
        if write:
            # Wait first, so that the plan sees files that another call makes.
            lock.hold(results)
        shard_files = settings.shard_files
        if shard_files is None:
            shard_files = CLUSTER_FILES if _cores(workflow) is None else 0
        plan = make_plan(
            experiments,
            results,
            cache,
            cwd=cwd,
            write=write,
            shard_files=shard_files,
            fused=settings.ensembles,
            tables=settings.tables,
            page=settings.page,
            config=_config_name(workflow, config, cwd),
        )
        _refuse_links(plan)
        _warn_of_clash(workflow, config, plan, cwd, write)
        return plan
    except UserError as error:
        raise SystemExit("\n".join(error.problems)) from None
    except OSError as error:
        if line := refusal(error):
            raise SystemExit(line) from None
        raise


def _config_name(workflow: Any, config: Mapping[str, Any], cwd: Path) -> str:
    """Name of the result set of a call, or of a module of a larger workflow."""
    own = "experiments" in workflow.config_settings.config
    return name_of(config, _config_files(workflow), cwd=cwd, own=own)


def _config_files(workflow: Any) -> tuple[Any, ...]:
    main = workflow.modifier.is_main_snakefile()
    return tuple(workflow.config_settings.configfiles) if main else ()


def _warn_of_clash(
    workflow: Any, config: Mapping[str, Any], plan: Plan, cwd: Path, write: bool
) -> None:
    """Say before any work if this call's tables replace those of another config."""
    if "experiments" in workflow.config_settings.config:
        return
    for unit in plan.of("summary"):
        files, name = _config_files(workflow), unit.spec["config"]
        if line := sources.clash(plan.results, name, config, files, cwd=cwd, write=write):
            print(line, file=sys.stderr, flush=True)


def _refuse_links(plan: Plan) -> None:
    """Refuse to work through links, before Snakemake deletes what is to be made again."""
    if problems := plan.links_out():
        raise UserError(problems)


def _refused(plan: Plan, units: list[Unit]) -> str | None:
    """One line if units cannot be made because one of their files or folders may not change."""
    outputs = {path for unit in units for path in unit.outputs.values()}
    places = {*outputs, *map(os.path.dirname, outputs), os.path.join(plan.results, "plans")}
    places |= {os.path.join(plan.results, "logs", unit.stage) for unit in units}
    for path in sorted(places):
        while path and not os.path.exists(path):
            path = os.path.dirname(path)
        if path and not os.access(path, os.W_OK):
            return refusal(PermissionError(errno.EACCES, "", path))
    return None


def _look_at_all() -> None:
    """Let a call that writes nothing plan files that it may not write; Snakemake would refuse."""
    from snakemake.jobs import Job

    async def passed(job: Job) -> None:
        return None

    Job.check_protected_output = passed


def _node_cores() -> int:
    """Cores of the node that this job may use."""
    given = os.environ.get("SLURM_CPUS_ON_NODE", "")
    return int(given) if given.isdecimal() else len(os.sched_getaffinity(0))


def _cores(workflow: Any) -> int | None:
    """Cores of this machine that jobs may use; None on a cluster."""
    if workflow.resource_settings.nodes is not None:
        return None
    try:
        return int(workflow.cores)
    except Exception:
        return os.cpu_count() or 1


def _remember(missing: list[Unit]) -> None:
    """Note of which ini figures will be; keep those that Snakemake deletes before."""
    for unit in missing:
        if unit.stage == "experiment":
            unit.spec["origin"]["text"] = text_of(unit.spec["record"]["ini"], Path.cwd())
            history.keep(os.path.dirname(unit.outputs["metrics"]))


def _mark_outdated(experiments: list[Unit], outdated: list[Unit]) -> None:
    """Mark in the folders of experiments whether their files come from an earlier ini."""
    old = set(map(id, outdated))
    for unit in experiments:
        path = Path(unit.outputs["metrics"]).with_name(OUTDATED)
        if id(unit) in old:
            text = "These files were made for an earlier state of the ini or its data.\n"
            write_text(path, text, forced=False)
        else:
            path.unlink(missing_ok=True)
