"""What all job scripts share: find the units of a job, run each, tell what went wrong."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from izwi.data.scan import Listing, scan
from izwi.engine import failure_markers
from izwi.engine.plan import Plan, Unit
from izwi.errors import Problems, UserError, memory_ran_out, printable, refusal
from izwi.files import read_json

# Environment variables that tell a job its plan and the call it belongs to.
PLAN = "IZWI_PLAN"
CALL = "IZWI_CALL"
# Threads of numeric libraries are fixed: a sum in another order is another result, and a job must
# not take more cores than it was given.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Last line of the log of a job that had too little memory.
NO_MEMORY = "memory ran out"
# What is wrong here stops the call before any extraction; later one unit leaves the others alone.
FIRST_STAGES = ("database", "load", "split")
# These show what there is.
TABLE_STAGES = ("summary", "grid", "table", "comparisons", "page")


class Job:
    """A job as its script sees it.

    Args:
        plan: the plan of the call
        threads: cores that the job may use
        log: file for its messages
    """

    def __init__(self, plan: Plan, threads: int, log: str | None) -> None:
        self.plan = plan
        self.threads = threads
        self.log = log
        if log:
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            Path(log).write_text("", encoding="utf-8")

    def say(self, line: str, *, show: bool = False) -> None:
        """Write a line to the log, and to the terminal where it is worth it."""
        if self.log:
            # On a disk that is full the reason must still be told.
            with suppress(OSError), open(self.log, "a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        if show:
            print(printable(line), file=sys.stderr, flush=True)

    def listing(self, unit: Unit) -> Listing:
        """Paths and digests of the audio that a table's database lists.

        Args:
            unit: a unit of the load stage
        """
        if unit.key in self.plan.listings:
            return Listing.load(self.plan.listings[unit.key])
        # A database that a rule made could not be scanned before it was there.
        made = read_json(unit.inputs["database"])
        return scan(
            {"name": unit.spec["name"], "options": unit.spec["options"], **made},
            cwd=Path.cwd(),
            cache=Path(self.plan.cache),
        )

    def report(self, unit: Unit, report: dict[str, Any]) -> None:
        """Log the notes and warnings of a unit; warnings are shown, too."""
        for line in report.get("notes", []):
            self.say(f"{unit.label}: note: {line}")
        for line in report.get("warnings", []):
            self.say(f"{unit.label}: warning: {line}", show=True)


def run(main: Callable[[Unit, Job], None]) -> None:
    """Run all units of a Snakemake job: its log and its cores are the arguments of the process.

    All units are tried, so that one call tells all problems. The job fails where one of the first
    stages does; later a unit that fails leaves empty files, see `izwi.engine.failure_markers`.
    """
    for name in THREADS:
        os.environ[name] = "1"
    plan = Plan.load(os.environ[PLAN])
    log, threads = sys.argv[1:]
    job = Job(plan, int(threads), log)
    problems = Problems()
    failed: list[str] = []
    for unit in plan.of_outputs(plan.batch(log)["outputs"]):
        if unit.stage not in FIRST_STAGES and not set(failed).isdisjoint(FIRST_STAGES):
            break
        # What one of the first stages could not make is not marked.
        lacks = [
            path
            for path in unit.input_files()
            if failure_markers.marked(path) or (failed and not os.path.exists(path))
        ]
        if lacks and unit.stage not in TABLE_STAGES:
            job.say(f"{unit.label}: not made, since {lacks[0]} could not be made")
        elif lines := _tried(unit, job, main):
            problems.extend(UserError(lines))
        else:
            continue
        failed.append(unit.stage)
        if unit.stage not in FIRST_STAGES:
            failure_markers.mark(unit.output_files())
    for line in problems.lines:
        job.say(line)
    tell(plan, problems.lines)
    if not set(failed).isdisjoint(FIRST_STAGES):
        raise SystemExit(1)


def _tried(unit: Unit, job: Job, main: Callable[[Unit, Job], None]) -> list[str]:
    """Make a unit; what was wrong, one line each for every ini that wants it."""
    started = time.monotonic()
    try:
        main(unit, job)
    except UserError as error:
        if error.own:
            return error.problems
        lines = error.problems
    except Exception as error:
        job.say(traceback.format_exc())
        if memory_ran_out(error):
            # Another try of the job may be given more.
            job.say(NO_MEMORY)
            raise
        if line := refusal(error):
            return [f"{unit.stage} of {unit.label}: {line}"]
        listing = job.plan.listings.get(unit.key)
        if path := failure_markers.damaged([*unit.input_files(), *([listing] if listing else [])]):
            advice = "delete it and start again, it is made anew"
            return [f"{unit.stage} of {unit.label}: {path} is damaged: {advice}"]
        reason = " ".join(str(error).split()) or "no reason given"
        lines = [
            f"{unit.stage} of {unit.label}: unexpected {type(error).__name__}: {reason}; "
            f"where it happened stands in {job.log}"
        ]
    else:
        job.say(f"{unit.stage} {unit.label} ({unit.key}): {time.monotonic() - started:.2f} s")
        return []
    return [
        f"{source}: {line}" if source else line for source in unit.sources or [""] for line in lines
    ]


def read_samples(unit: Unit) -> tuple[list[Any], list[list[Any]], Any, list[str] | None]:
    """What fits of an experiment read.

    Args:
        unit: with ``tables``, ``matrices``, ``split`` and ``split_report``

    Returns:
        a table per database, per database its feature matrices, the split, and the classes in
        order or None
    """
    import pandas as pd

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    paths = unit.inputs["matrices"]
    n_sets = len(paths) // len(tables)
    matrices = [
        [pd.read_parquet(path) for path in paths[i * n_sets : (i + 1) * n_sets]]
        for i in range(len(tables))
    ]
    labels = read_json(unit.inputs["split_report"])["labels"] or None
    return tables, matrices, pd.read_parquet(unit.inputs["split"]), labels


def problems_files(plan: Plan) -> list[Path]:
    """Where the jobs of this call leave their problems; the second one if a disk is full."""
    call = os.environ.get(CALL, "call")
    folder = Path(plan.results).absolute() / "plans" / "problems"
    digest = hashlib.sha1(os.fsencode(folder)).hexdigest()[:12]
    return [folder / f"{call}.txt", Path(tempfile.gettempdir()) / f"izwi-{digest}-{call}.txt"]


def tell(plan: Plan, lines: list[str]) -> None:
    """Leave problems where the main process finds them, to print them last."""
    if not lines:
        return
    for line in lines:
        print(line, file=sys.stderr, flush=True)
    for path in problems_files(plan):
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "a", encoding="utf-8") as stream:
                stream.writelines(line + "\n" for line in lines)
            return


def told(plan: Plan) -> list[str]:
    """The problems that jobs of this call have left, each once."""
    lines: list[str] = []
    for path in problems_files(plan):
        with suppress(OSError):
            # What a full disk cut is whole in the other file.
            lines += [x for x in path.read_text("utf-8").splitlines(True) if x.endswith("\n")]
    return [line.rstrip("\n") for line in dict.fromkeys(lines)]


def forget(plan: Plan) -> None:
    """Take away what jobs have left, of this call or one before with the same number."""
    for path in problems_files(plan):
        with suppress(OSError):
            path.unlink()
