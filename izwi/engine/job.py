"""One job: a stage makes a unit, and each problem is reported in one line."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from izwi.data.scan import Listing, scan
from izwi.engine import stamps
from izwi.engine.plan import Plan, Unit
from izwi.engine.stage import stage, stages, stages_of
from izwi.errors import UserError, memory_ran_out, printable, refusal
from izwi.files import is_made, no_link, read_json, write_text

# Names the call that a job belongs to.
CALL = "IZWI_CALL"
# Threads of numeric libraries are fixed: a sum in another order is another result, and a job must
# not take more cores than it was given.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Last line of the log of a job that had too little memory.
NO_MEMORY = "memory ran out"
# Set where the main process shows what jobs say.
HUSHED = "IZWI_HUSHED"
# Replaces an output: make tables and page from the experiments that exist.
PARTIAL = "--partial"


class Job:
    """What a stage knows about the job that makes its unit.

    Args:
        plan: the plan of the call
        threads: cores that the job may use
        log: file for its messages, None if nobody reads them
        partial: whether experiments may be missing, as after a failed call
    """

    def __init__(
        self, plan: Plan, threads: int = 1, log: str | None = None, *, partial: bool = False
    ) -> None:
        self.plan = plan
        self.threads = threads
        self.log = log
        self.partial = partial
        if log:
            no_link(log)
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            Path(log).write_text("", encoding="utf-8")

    def say(self, line: str, *, show: bool = False) -> None:
        """Write a line to the log, and to the terminal if it is important."""
        if self.log:
            # Report the reason even if the disk is full.
            with suppress(OSError), open(self.log, "a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        if show and HUSHED not in os.environ:
            print(printable(line), file=sys.stderr, flush=True)

    def listing(self, unit: Unit) -> Listing:
        """Paths and digests of the audio that a table's database lists.

        Args:
            unit: a unit of the load stage
        """
        if unit.key in self.plan.listings:
            return Listing.load(self.plan.listings[unit.key])
        # A database made by a job could not be scanned earlier.
        made = read_json(unit.inputs["database"])
        return scan(
            {"name": unit.spec["name"], "options": unit.spec["options"], **made},
            cwd=Path.cwd(),
            cache=Path(self.plan.cache),
        )

    def report(self, unit: Unit, report: Mapping[str, Any]) -> None:
        """Log the notes and warnings of a unit; warnings are shown, too."""
        for line in report.get("notes", []):
            self.say(f"{unit.label}: note: {line}")
        for line in report.get("warnings", []):
            self.say(f"{unit.label}: warning: {line}", show=True)

    def was_made(self, path: str) -> bool:
        """Whether a file exists and belongs to this call's config; always true for inputs, except
        in a partial job."""
        if not self.partial:
            return True
        unit = self.plan.maker.get(path)
        return is_made(path) if unit is None or stage(unit.stage).keyed else stamps.holds(unit)

    def problems(self) -> list[str]:
        """Problems in this call so far, one line each."""
        return problems_of(self.plan)


def run_unit(unit: Unit, job: Job) -> list[str]:
    """Make a unit.

    Returns:
        problems, one line for each ini that needs the unit
    """
    started, spent = time.monotonic(), _cpu()
    _forget_peak()
    keyed = stage(unit.stage).keyed
    if not keyed:
        stamps.remove(unit)
    try:
        stages()[unit.stage].run(unit, job)
    except UserError as error:
        if error.own:
            return error.problems
        lines = error.problems
        _recall(unit, job)
    except Exception as error:
        job.say(traceback.format_exc())
        if memory_ran_out(error):
            # A retry of the job may get more.
            job.say(NO_MEMORY)
            raise
        if line := refusal(error):
            return [f"{unit.stage} of {unit.label}: {line}"]
        listing = job.plan.listings.get(unit.key)
        if path := _damaged([*unit.input_files(), *([listing] if listing else [])]):
            advice = "delete it and start again, it is made anew"
            return [f"{unit.stage} of {unit.label}: {path} is damaged: {advice}"]
        reason = " ".join(str(error).split()) or "no reason given"
        lines = [
            f"{unit.stage} of {unit.label}: unexpected {type(error).__name__}: {reason}; "
            f"where it happened stands in {job.log}"
        ]
    else:
        if not keyed and not job.partial:
            stamps.write(unit)
        seconds = time.monotonic() - started
        job.say(f"{unit.stage} {unit.label} ({unit.key}): {seconds:.2f} s")
        if job.log:
            _benchmark(unit, job, seconds, _cpu() - spent)
        return []
    return [
        f"{source}: {line}" if source else line for source in unit.sources or [""] for line in lines
    ]


def _recall(unit: Unit, job: Job) -> None:
    """Log again what was warned of the tables of a unit that failed: it may be the cause, and an
    earlier call may have made them."""
    for path in unit.input_files():
        maker = job.plan.maker.get(os.path.normpath(path))
        report = maker.outputs.get("report") if maker else None
        if maker and report:
            with suppress(OSError, ValueError, KeyError):
                for line in read_json(report)["warnings"]:
                    job.say(f"{maker.label}: warning: {line}")


def main(plan: Plan, log: str, threads: str, output: str) -> int:
    """Make the unit that an output belongs to; the exit code of its job."""
    unit = plan.maker.get(os.path.normpath(output))
    if unit is None:
        tell(plan, [f"{output}: no experiment of the config needs this file"])
        return 1
    try:
        job = Job(plan, int(threads), log)
    except (UserError, OSError) as error:
        tell(plan, [refusal(error) or str(error)])
        return 1
    try:
        lines = run_unit(unit, job)
    except Exception:
        return 1
    for line in lines:
        job.say(line)
    tell(plan, lines)
    return 1 if lines else 0


def command(arguments: list[str]) -> int:
    """A job that runs in its own process.

    Args:
        arguments: file of the plan, log, threads, one output
    """
    for name in THREADS:
        os.environ[name] = "1"
    path, log, threads, output = arguments
    plan = Plan.load(path)
    return partial(plan) if output == PARTIAL else main(plan, log, threads, output)


def partial(plan: Plan) -> int:
    """Make tables and page without the experiments that could not be made."""
    job = Job(plan, partial=True)
    for module in stages_of("results"):
        for unit in plan.of(module.STAGE.name):
            if module.STAGE.keyed or stamps.holds(unit):
                continue
            with suppress(Exception):
                # The jobs of the experiments have reported their problems.
                run_unit(unit, job)
    return 0


# --------------------------------------------------------------------------- problems


def problems_files(plan: Plan) -> list[Path]:
    """Files for the problems of the jobs of this call; the second one if a disk is full."""
    call = os.environ.get(CALL, "call")
    folder = Path(plan.results).absolute() / "plans" / "problems"
    digest = hashlib.sha1(os.fsencode(folder)).hexdigest()[:12]
    return [folder / f"{call}.txt", Path(tempfile.gettempdir()) / f"izwi-{digest}-{call}.txt"]


def tell(plan: Plan, lines: list[str]) -> None:
    """Leave problems where the main process finds them, to print them last."""
    if not lines:
        return
    for line in lines if HUSHED not in os.environ else ():
        print("\n".join(map(printable, line.splitlines())), file=sys.stderr, flush=True)
    for path in problems_files(plan):
        with suppress(OSError, UserError):
            no_link(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "a", encoding="utf-8") as stream:
                stream.writelines(line + "\n" for line in lines)
            return


def problems_of(plan: Plan) -> list[str]:
    """The problems that jobs of this call have left, each once."""
    lines: list[str] = []
    for path in problems_files(plan):
        with suppress(OSError):
            # A line truncated by a full disk is complete in the other file.
            lines += [x for x in path.read_text("utf-8").splitlines(True) if x.endswith("\n")]
    return [line.rstrip("\n") for line in dict.fromkeys(lines)]


def forget(plan: Plan) -> None:
    """Delete problems that jobs have left, of this call or an earlier one with the same number."""
    for path in problems_files(plan):
        with suppress(OSError):
            path.unlink()


def _damaged(paths: Iterable[str]) -> str | None:
    """The first of some JSON, Parquet and skops files that cannot be read, None where all can."""
    return next((path for path in paths if os.path.exists(path) and not _readable(path)), None)


def _readable(path: str) -> bool:
    try:
        if path.endswith(".json"):
            json.loads(Path(path).read_bytes())
        elif path.endswith(".parquet"):
            import pyarrow.parquet as pq

            for _ in pq.ParquetFile(path).iter_batches():
                pass
        elif path.endswith(".skops"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        elif os.path.isdir(path):
            return _damaged(str(file) for file in Path(path).rglob("*") if file.is_file()) is None
    # pyarrow's errors are among them.
    except (ValueError, OSError, zipfile.BadZipFile):
        return False
    return True


# -------------------------------------------------------------------------- benchmark


def _cpu() -> float:
    """CPU seconds of this process and of those that it waited for."""
    used = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _forget_peak() -> None:
    """Reset the peak of memory, if the system can."""
    with suppress(OSError), open("/proc/self/clear_refs", "w") as stream:
        stream.write("5")


def _peak() -> float:
    """Peak of memory, MB."""
    with suppress(OSError, StopIteration):
        with open("/proc/self/status") as stream:
            line = next(line for line in stream if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _benchmark(unit: Unit, job: Job, seconds: float, cpu: float) -> None:
    """Write time and memory of the unit; Snakemake would measure the client of a worker."""
    results = Path(job.plan.results)
    name = Path(job.log or "").resolve().relative_to((results / "logs").resolve())
    path = (results / "benchmarks" / name).with_suffix(".tsv")
    minutes, rest = divmod(int(seconds), 60)
    clock = f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
    with suppress(OSError, ValueError):
        write_text(
            path,
            f"s\th:m:s\tmax_rss\tcpu_time\n{seconds:.3f}\t{clock}\t{_peak():.1f}\t{cpu:.2f}\n",
            forced=False,
        )
