"""What all job scripts share: find the units of a job, run each, tell what went wrong."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from izwi.errors import Problems, UserError
from izwi.files import read_json
from izwi.plan import Plan, Unit
from izwi.scan import Listing, scan

# Environment variables that tell a job its plan and the call it belongs to.
PLAN = "IZWI_PLAN"
CALL = "IZWI_CALL"
# Threads of numeric libraries are fixed: a sum in another order is another result, and a job must
# not take more cores than it was given.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Batch:
    """Units that one Snakemake job makes, as its rule needs them.

    Args:
        units: units of one stage
        results: folder of results
    """

    def __init__(self, units: list[Unit], results: str) -> None:
        first = units[0]
        label = first.label if len(units) == 1 else f"{len(units)}_from_{first.label}"
        slug = "".join(c if c.isascii() and c.isalnum() else "_" for c in label)[:50]
        self.name = f"{first.stage}_{slug}_{first.key[:6]}"
        self.type = first.spec.get("type")
        self.group = first.group
        self.inputs = list(dict.fromkeys(path for unit in units for path in unit.input_files()))
        self.outputs = [path for unit in units for path in unit.outputs.values()]
        self.log = os.path.join(results, "logs", first.stage, f"{self.name}.log")
        self.benchmark = os.path.join(results, "benchmarks", first.stage, f"{self.name}.tsv")
        self.wishes = [unit.inputs["wish"] for unit in units if "wish" in unit.inputs]
        self.shared = [path for path in self.inputs if path not in set(self.wishes)]


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
            with open(self.log, "a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        if show:
            print(line, file=sys.stderr, flush=True)

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


def run(snakemake: Any, main: Callable[[Unit, Job], None]) -> None:
    """Run all units of a Snakemake job.

    All units are tried, so that one call tells all problems; then the job fails if any did.
    """
    for name in THREADS:
        os.environ[name] = "1"
    plan = Plan.load(os.environ[PLAN])
    log = str(snakemake.log[0]) if snakemake.log else None
    job = Job(plan, snakemake.threads, log)
    problems = Problems()
    for unit in plan.of_outputs(list(snakemake.output)):
        started = time.monotonic()
        try:
            main(unit, job)
        except UserError as error:
            for source in unit.sources or [""]:
                problems.extend(error, prefix=f"{source}: " if source else "")
        else:
            job.say(f"{unit.stage} {unit.label} ({unit.key}): {time.monotonic() - started:.2f} s")
    if problems.lines:
        for line in problems.lines:
            job.say(line)
        tell(plan, problems.lines)
        raise SystemExit(1)


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


def problems_file(plan: Plan) -> Path:
    """Where the jobs of this call leave their problems."""
    return Path(plan.results) / "plans" / "problems" / f"{os.environ.get(CALL, 'call')}.txt"


def tell(plan: Plan, lines: list[str]) -> None:
    """Leave problems where the main process finds them, to print them last."""
    path = problems_file(plan)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as stream:
        stream.writelines(line + "\n" for line in lines)
    for line in lines:
        print(line, file=sys.stderr, flush=True)
