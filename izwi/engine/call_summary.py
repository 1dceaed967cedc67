"""The last lines of a call: the results, or what went wrong."""

from __future__ import annotations

import atexit
import csv
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.data import bad_audio
from izwi.engine import stamps
from izwi.engine.job import NO_MEMORY, PARTIAL, THREADS, forget, problems_of
from izwi.engine.keys import PACKAGE
from izwi.engine.plan import Plan
from izwi.errors import printable
from izwi.files import read_json
from izwi.reporting.numbers import clock, rounded
from izwi.stages.heat_map import pictures_of
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.engine.terminal import Terminal

MAX_ROWS = 30
MAX_REMARKS = 20
# Killed, or ended by a library or the loader that ran out of memory.
_ABRUPT = re.compile(
    r"<Signals\.SIG(?:KILL|ABRT|BUS|SEGV)|non-zero exit status (?:127|134|135|137|139)\b"
)
_INTERRUPTED = re.compile("<Signals[.]SIG(INT|TERM)")
_REMARK = re.compile(r"(.*?): (warning|note): (.*)")
AGAIN = "start again: finished files stay"


def success(plan: Plan, terminal: Terminal | None = None, log: str = "") -> None:
    """Print warnings and notes, the table of results, and where the other files are.

    Args:
        plan: of the call
        terminal: what the call shows; None: Snakemake's words, and jobs print their warnings
        log: Snakemake's own log of the call
    """
    bad_audio.gather(plan)
    # At exit, so that nothing is printed after it.
    atexit.register(_print_results, plan, terminal, log)


def failure(plan: Plan, path: str, log: str, terminal: Terminal | None = None) -> None:
    """Print the problems of all jobs, one line each; tables show the experiments that were made.

    Args:
        plan: of the call
        path: where it is saved
        log: Snakemake's own log of the call
        terminal: what the call shows, None for Snakemake's words
    """
    # Report the reason even if the disk is full.
    with suppress(OSError):
        bad_audio.gather(plan)
    interrupted = _INTERRUPTED.search(_text_of(log)) or (terminal and terminal.interrupted)
    partial = not interrupted and any(map(stamps.holds, plan.of("experiment")))
    if partial:
        code = "import sys; from izwi.engine import job; sys.exit(job.command(sys.argv[1:]))"
        own = {**dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(PACKAGE.parent)}
        command = [sys.executable, "-P", "-c", code, path, "", "1", PARTIAL]
        subprocess.run(command, env={**os.environ, **own}, check=False)
    atexit.register(_print_problems, plan, log, terminal, partial)


def _print_results(plan: Plan, terminal: Terminal | None, log: str) -> None:
    if terminal:
        terminal.close()
        done = count(terminal.done, "step")
        _say(f"{done} in {clock(time.monotonic() - terminal.began)}")
        _print_remarks(plan, terminal)
    results(plan)
    if log and terminal:
        _say(f"log       {os.path.relpath(log)}")


def results(plan: Plan) -> None:
    """Print the table of results, and where the other files are."""
    summaries = [unit.outputs["summary"] for unit in plan.of("summary")]
    if not summaries or not os.path.exists(summaries[0]):
        return
    path = Path(summaries[0])
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        shown = table(rows[:MAX_ROWS])
    except (AttributeError, KeyError, TypeError, ValueError):
        # Overwritten by a spreadsheet, or truncated.
        shown = f"{path} was changed: delete it and start again, it is made anew"
        rows = []
    _say("", shown)
    if len(rows) > MAX_ROWS:
        _say(f"… {len(rows) - MAX_ROWS} more in {path}")
    folder = Path(plan.results) / "experiments"
    name = rows[0]["name"] if len(rows) == 1 else "<name>"
    _say("", *(f"page      {unit.outputs['page']}" for unit in plan.of("page")))
    _say(f"table     {path}")
    _say(*(f"all       {unit.outputs['overview']}" for unit in plan.of("overview")))
    for unit in plan.of("grid"):
        _say(f"grid      {unit.outputs['markdown']}")
        _say(*(f"          {p}" for p in pictures_of(unit, plan.of("heat_map")).values()))
    _say(*(f"table     {unit.outputs['md']}" for unit in plan.of("table")))
    _say(*(f"runs      {unit.outputs['picture']}" for unit in plan.of("runs_compare")))
    _say(f"folder    {folder / name}: values, predictions, pictures, texts")


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def _print_remarks(plan: Plan, terminal: Terminal) -> None:
    """Print the warnings and notes of what this call has made, each once."""
    number, found = _remarks(plan, terminal.logs)
    for kind, texts in found.items():
        if not texts:
            continue
        _say("", f"{kind}s:")
        # What a job alone says stands nowhere else.
        for text, names in sorted(texts.items(), key=lambda one: bool(one[1]))[:MAX_REMARKS]:
            who = ""
            if number > 1 and names:
                few = len(names) <= 3
                who = ", ".join(names) if few else f"{len(names)} of {number} experiments"
                who = f" ({who if len(names) < number else 'all experiments'})"
            _say(printable(f"  {text}{who}"))
        if (more := len(texts) - MAX_REMARKS) > 0:
            _say(f"  … {more} more: each experiment's are in its metrics.json")


def _remarks(plan: Plan, logs: list[str]) -> tuple[int, dict[str, dict[str, list[str]]]]:
    """What jobs have to say.

    Args:
        plan: of the call
        logs: of its jobs

    Returns:
        number of experiments that were made, without controls, and ``warning`` and ``note`` →
        text → names of the experiments that it concerns; none where a job alone says it
    """
    found: dict[str, dict[str, list[str]]] = {"warning": {}, "note": {}}
    number, of_controls = 0, set[str]()
    made = {os.path.splitext(os.path.basename(log))[0] for log in logs if "/experiment/" in log}
    for unit in plan.of("experiment"):
        path = unit.outputs["metrics"]
        if os.path.basename(os.path.dirname(path)) not in made:
            continue
        with suppress(OSError, ValueError):
            metrics = read_json(path)
            if unit.spec["control"]:
                # It has no row in the table, and its own weakness is its purpose.
                of_controls |= {*metrics["warnings"], *metrics["notes"]}
                continue
            number += 1
            for kind, texts in found.items():
                for text in metrics[f"{kind}s"]:
                    texts.setdefault(text, []).append(unit.label)
    known = {text for texts in found.values() for text in texts} | of_controls
    # That of a run is led by its number.
    known |= {text.partition(": ")[2] for text in known}
    for log in logs:
        for line in _text_of(log).splitlines():
            remark = _REMARK.match(line)
            if remark and remark[3] not in known:
                led = remark[3].startswith(f"{remark[1]}: ")
                found[remark[2]].setdefault(remark[3] if led else f"{remark[1]}: {remark[3]}", [])
    return number, found


def table(rows: list[dict[str, str]]) -> str:
    """Rows of summary.csv as aligned text."""
    header = ["experiment", "database", "features", "model", "measure", "value", "95 % interval"]
    header += ["chance", "baseline", "n test", "speakers", "warnings"]
    methods = []
    lines = [header]
    for row in rows:
        limits = [row["ci_low"], row["ci_high"]]
        interval = f"[{', '.join(map(_short, limits))}]" if row["ci_low"] else "none"
        features = row["features"] + (" (transductive)" if row["transductive"] == "True" else "")
        few = ", few" if row["few_speakers"] == "True" else ""
        # Without the number of resamples.
        narrow = ", narrow" if row["interval_doubt"] else ""
        methods.append(row["ci_method"].split(" (")[0] + narrow)
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
                row["n_evaluated"],
                (row["n_speakers"] or "unknown") + few,
                row["warnings"],
            ]
        )
    if len(set(methods)) > 1:
        place = header.index("baseline") + 1
        for line, method in zip(lines, ["interval by", *methods], strict=True):
            line.insert(place, method)
    lines = [[printable(cell) for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    shown = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    if len(set(methods)) == 1 and methods[0]:
        shown.append(printable(f"95 % interval: {methods[0]}"))
    return "\n".join(shown)


def _short(number: str) -> str:
    return rounded(float(number)) if number else "none"


def _print_problems(plan: Plan, log: str, terminal: Terminal | None, partial: bool) -> None:
    lines = problems_of(plan) or [reason(log)]
    forget(plan)
    if terminal:
        terminal.close()
        if terminal.interrupted:
            kept = f"{terminal.done} of {count(terminal.total, 'step')} are done"
            _say(f"stopped: {kept} and stay in {plan.results}; start again to go on")
            return
        _print_remarks(plan, terminal)
        if partial:
            results(plan)
    _say("", *map(printable, lines))


def reason(log: str) -> str:
    """Why jobs failed that could not report it themselves, and what to do; one line.

    Args:
        log: Snakemake's own log of the call
    """
    text = _text_of(log)
    rules = list(dict.fromkeys(re.findall(r"^Error in rule (\S+):", text, re.MULTILINE)))
    who = f"the job {rules[0]}" if rules else "a job"
    if _INTERRUPTED.search(text):
        return f"stopped from outside (Ctrl-C?); {AGAIN}"
    logs = re.findall(r"^ +log: (\S.*?)(?: \(check log.*)?$", text, re.MULTILINE)
    if _ABRUPT.search(text) or (logs and _ends_without_memory(logs[-1])):
        return (
            f"{who} ended abruptly, most likely since memory ran out: take fewer cores "
            f"(-c 1), shorter recordings or segments, or a computer with more memory, and {AGAIN}"
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
