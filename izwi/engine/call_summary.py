"""The last lines of a call: the results, or what went wrong."""

from __future__ import annotations

import atexit
import csv
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from izwi.data import bad_audio
from izwi.engine import stamps
from izwi.engine.job import NO_MEMORY, PARTIAL, THREADS, forget, problems_of
from izwi.engine.keys import PACKAGE
from izwi.engine.plan import Plan
from izwi.errors import printable
from izwi.stages.heat_map import pictures_of

MAX_ROWS = 30
# Killed, or ended by a library or the loader that ran out of memory.
_ABRUPT = re.compile(
    r"<Signals\.SIG(?:KILL|ABRT|BUS|SEGV)|non-zero exit status (?:127|134|135|137|139)\b"
)
_INTERRUPTED = re.compile("<Signals[.]SIG(INT|TERM)")


def success(plan: Plan) -> None:
    """Print the result table, and where the other files are."""
    bad_audio.gather(plan)
    # At exit, so that nothing is printed after it.
    atexit.register(_print_results, plan)


def failure(plan: Plan, path: str, log: str) -> None:
    """Print the problems of all jobs, one line each; tables show the experiments that were made.

    Args:
        plan: of the call
        path: where it is saved
        log: Snakemake's own log of the call
    """
    # Report the reason even if the disk is full.
    with suppress(OSError):
        bad_audio.gather(plan)
    interrupted = _INTERRUPTED.search(_text_of(log))
    if not interrupted and any(map(stamps.holds, plan.of("experiment"))):
        code = "import sys; from izwi.engine import job; sys.exit(job.command(sys.argv[1:]))"
        own = {**dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(PACKAGE.parent)}
        command = [sys.executable, "-P", "-c", code, path, "", "1", PARTIAL]
        subprocess.run(command, env={**os.environ, **own}, check=False)
    atexit.register(_print_problems, plan, log)


def _print_results(plan: Plan) -> None:
    path = Path(plan.results) / "summary.csv"
    if not path.exists():
        return
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        shown = table(rows[:MAX_ROWS])
    except (AttributeError, KeyError, TypeError, ValueError):
        # Overwritten by a spreadsheet, or truncated.
        shown = f"{path} was changed: delete it and start again, it is made anew"
        rows = []
    print("\n" + shown, file=sys.stderr)
    if len(rows) > MAX_ROWS:
        print(f"… {len(rows) - MAX_ROWS} more in {path}", file=sys.stderr)
    folder = Path(plan.results) / "experiments"
    name = rows[0]["name"] if len(rows) == 1 else "<name>"
    print(f"\ntable     {path}", file=sys.stderr)
    for unit in plan.of("grid"):
        print(f"grid      {unit.outputs['markdown']}", file=sys.stderr)
        for picture in pictures_of(unit, plan.of("heat_map")).values():
            print(f"          {picture}", file=sys.stderr)
    for unit in plan.of("table"):
        print(f"table     {unit.outputs['md']}", file=sys.stderr)
    for unit in plan.of("page"):
        print(f"page      {unit.outputs['page']}", file=sys.stderr)
    print(f"pictures  {folder / name / 'plots'}", file=sys.stderr)
    print(f"figures   {folder / name / 'metrics.json'}", file=sys.stderr, flush=True)


def table(rows: list[dict[str, str]]) -> str:
    """Rows of summary.csv as aligned text."""
    header = ["experiment", "database", "features", "model", "measure", "value", "95 % interval"]
    header += ["chance", "baseline", "interval by", "n test", "speakers", "warnings"]
    lines = [header]
    for row in rows:
        interval = f"[{_short(row['ci_low'])}, {_short(row['ci_high'])}]" if row["ci_low"] else ""
        features = row["features"] + (" (transductive)" if row["transductive"] == "True" else "")
        few = ", few" if row["few_speakers"] == "True" else ""
        lines.append(
            [
                row["name"],
                row["databases"],
                features,
                row["model"],
                row["measure"],
                _short(row["value"]),
                interval,
                _short(row["chance"]),
                _short(row["baseline"]),
                # without the number of resamples, and without parts that have their own column
                row["ci_method"].split(" (")[0] + (", narrow" if row["interval_doubt"] else ""),
                row["n_evaluated"],
                (row["n_speakers"] or "unknown") + few,
                row["warnings"],
            ]
        )
    lines = [[printable(cell) for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _short(number: str) -> str:
    return f"{float(number):.4g}" if number else "none"


def _print_problems(plan: Plan, log: str) -> None:
    lines = problems_of(plan) or [reason(log)]
    forget(plan)
    print("\n" + "\n".join(map(printable, lines)), file=sys.stderr, flush=True)


def reason(log: str) -> str:
    """Why jobs failed that could not report it themselves, and what to do; one line.

    Args:
        log: Snakemake's own log of the call
    """
    text = _text_of(log)
    again = "start again: finished files stay"
    rules = list(dict.fromkeys(re.findall(r"^Error in rule (\S+):", text, re.MULTILINE)))
    who = f"the job {rules[0]}" if rules else "a job"
    if _INTERRUPTED.search(text):
        return f"stopped from outside (Ctrl-C?); {again}"
    logs = re.findall(r"^ +log: (\S.*?)(?: \(check log.*)?$", text, re.MULTILINE)
    if _ABRUPT.search(text) or (logs and _ends_without_memory(logs[-1])):
        return (
            f"{who} ended abruptly, most likely since memory ran out: take fewer cores "
            f"(-c 1), shorter recordings or segments, or a computer with more memory, and {again}"
        )
    return f"{who} failed unexpectedly; why stands in {logs[-1] if logs else log}"


def _text_of(log: str) -> str:
    try:
        return Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _ends_without_memory(log: str) -> bool:
    try:
        return Path(log).read_text(encoding="utf-8", errors="replace").endswith(f"{NO_MEMORY}\n")
    except OSError:
        return False
