"""What a call shows while it works: what is loaded, and one bar for each stage.

Snakemake's own words go to its log file alone, unless the call asks for them.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

from izwi.engine import loaded
from izwi.engine.job import HUSHED
from izwi.engine.snakemake_call import DESCRIPTOR
from izwi.errors import printable
from izwi.files import read_json
from izwi.reporting.numbers import clock
from izwi.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

REDRAWN_S, SAID_S = 0.5, 30.0
BAR = 24
# As extraction reports its progress in its log.
_WITHIN = re.compile(r": ((\d+) of (\d+) (?:files|segments), .*)\n$")
_TAIL = 400
# What Snakemake says when it is told to end, by Ctrl-C or by kill.
_STOPS = ("Terminating processes on user request", "Will exit after finishing currently running")
_NO_RULE = re.compile(r"No rule to produce (.*) \(if you use")


@dataclass
class Stage:
    """The progress of one stage.

    Attributes:
        total: number of its jobs in this call
        done: number of those that are done
        since: when its first job began, s
        until: when its last job was done, s
        logs: of the jobs that are at work, by their number
    """

    total: int
    done: int = 0
    since: float | None = None
    until: float | None = None
    logs: dict[int, str] = field(default_factory=dict)

    def state(self) -> tuple[float, str]:
        """Share that is done, and the rest in words."""
        done, within = float(self.done), ""
        for log in self.logs.values():
            if found := _within(log):
                share, within = found
                done += share
        words = f"{self.done} of {self.total}"
        if within:
            words = within if self.total == 1 else f"{words} ({within})"
        elif self.since is not None and done:
            seconds = (self.until or time.monotonic()) - self.since
            if self.done == self.total:
                words += f" in {clock(seconds)}"
            elif seconds > 1:
                rate = done / seconds
                speed = f"{rate:.1f} a second" if rate >= 1 else f"{rate * 60:.1f} a minute"
                words += f", {speed}, {clock((self.total - done) / rate)} left"
        return done / self.total, words


class Terminal(logging.Handler):
    """Takes Snakemake's messages in place of its own handler.

    Args:
        own: Snakemake's handler, for what users have to see
        stream: where lines go
        dry: whether the call only plans
        nothing: called if there is nothing to do
    """

    def __init__(
        self,
        own: logging.Handler,
        stream: IO[str],
        *,
        dry: bool = False,
        nothing: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.own, self.stream, self.dry, self.nothing = own, stream, dry, nothing
        self.redraws = stream.isatty() and os.environ.get("TERM") != "dumb" and not dry
        self.began = time.monotonic()
        self.stages: dict[str, Stage] = {}
        self.jobs: dict[int, str] = {}
        self.logs: list[str] = []
        self.interrupted = False
        self._executes = False
        self._drawn = 0
        self._told: set[str] = set()
        self._descriptions: dict[str, str] = {}
        self._ended = threading.Event()
        self._clock: threading.Thread | None = None

    @property
    def done(self) -> int:
        """Number of jobs that are done."""
        return sum(stage.done for stage in self.stages.values())

    @property
    def total(self) -> int:
        """Number of jobs of the call."""
        return sum(stage.total for stage in self.stages.values())

    def emit(self, record: logging.LogRecord) -> None:
        """Show what a message of Snakemake means for the user."""
        event = getattr(record, "event", None)
        name = getattr(event, "name", "")
        if not self._executes:
            self._executes = name == "WORKFLOW_STARTED"
            # Other commands of Snakemake, such as --unlock, have but these words.
            if not (self._executes or str(record.msg).startswith("Assuming unrestricted")):
                self.own.handle(record)
        elif heard := getattr(self, f"_on_{name.lower()}", None):
            heard(record)
        elif record.levelno >= logging.WARNING:
            # What Snakemake says of failed jobs is in its log, and the jobs say why.
            if found := _NO_RULE.search(str(record.msg)):
                self._line(f"{found[1]}: no experiment of the call makes such a file")
            elif record.levelno < logging.ERROR or not self.jobs:
                self._wipe()
                self.own.handle(record)
        elif name == "":
            self._on_text(str(record.msg))

    def expect(self, descriptions: Mapping[str, str]) -> None:
        """Show what is loaded as soon as it is known.

        Args:
            descriptions: file that the stage ``describe`` makes → target
        """
        self._descriptions = dict(descriptions)

    def close(self) -> None:
        """Stop the bars."""
        self._ended.set()
        if self._clock is not None:
            self._clock.join()
            self._clock = None
        self._wipe()
        super().close()

    # ------------------------------------------------------------------ messages

    def _on_text(self, text: str) -> None:
        if text.startswith("Nothing to be done"):
            self._line("nothing to do: all results are up to date")
            if not self.dry:
                self.nothing()
        elif text.startswith(_STOPS):
            self.interrupted = True

    def _on_run_info(self, record: Any) -> None:
        """The jobs of the call, by rule."""
        if self.dry:
            self._line(record.msg.rstrip("\n"))
            self._line("\na dry run: nothing was made; -n -p shows each job, and why it runs")
            return
        counts = {rule: count for rule, count in record.stats.items() if rule != "total"}
        counts.pop("all", None)
        self.stages = {rule: Stage(count) for rule, count in counts.items()}
        self._describe()

    def _on_job_info(self, record: Any) -> None:
        self.jobs[record.jobid] = record.rule_name
        stage = self.stages.setdefault(record.rule_name, Stage(1))
        if record.rule_name == "all":
            del self.stages["all"]
            return
        stage.since = stage.since or time.monotonic()
        stage.logs[record.jobid] = next(iter(record.log), "")
        if self._clock is None and not self._ended.is_set():
            self._clock = threading.Thread(target=self._tick, daemon=True)
            self._clock.start()

    def _on_job_finished(self, record: Any) -> None:
        stage = self.stages.get(self.jobs.get(record.job_id, ""))
        if stage is None or record.job_id not in stage.logs:
            return
        self.logs.append(stage.logs.pop(record.job_id))
        stage.done += 1
        stage.until = time.monotonic()
        if self.jobs[record.job_id] == "describe":
            self._describe()

    def _on_job_error(self, record: Any) -> None:
        for stage in self.stages.values():
            if log := stage.logs.pop(record.jobid, ""):
                self.logs.append(log)

    # ------------------------------------------------------------------- drawing

    def _describe(self) -> None:
        """Show the descriptions that exist by now."""
        for path, target in list(self._descriptions.items()):
            with suppress(OSError, ValueError, KeyError, TypeError):
                lines = loaded.lines(read_json(path), target)
                del self._descriptions[path]
                new = [line for line in lines if line not in self._told]
                if new and len(self._told) < loaded.MOST:
                    self._wipe()
                    self._line(*new)
                self._told.update(new)

    def _line(self, *lines: str) -> None:
        for line in lines:
            self.stream.write("\n".join(map(printable, line.split("\n"))) + "\n")
        self.stream.flush()

    def _tick(self) -> None:
        """Draw bars, or say now and then how far the call is, until it ends."""
        while not self._ended.wait(REDRAWN_S if self.redraws else SAID_S):
            with suppress(OSError, ValueError):
                self.acquire()
                try:
                    if self.redraws:
                        self._draw()
                    elif self.stages:
                        steps = f"{self.done} of {count(self.total, 'step')}"
                        self._line("; ".join([steps, *self._at_work()]))
                finally:
                    self.release()

    def _at_work(self) -> Iterator[str]:
        for name, stage in self.stages.items():
            if stage.logs:
                yield f"{name} {stage.state()[1]}"

    def _draw(self) -> None:
        size = os.get_terminal_size(self.stream.fileno())
        # A terminal of unknown size says 0.
        width, most = size.columns or 80, (size.lines or 24) - 1
        names = max(map(len, self.stages), default=0)
        rows = []
        for name, stage in self.stages.items():
            share, words = stage.state()
            bar = ("━" * round(BAR * min(share, 1.0))).ljust(BAR, "╌")
            if stage.total == 1 and share in (0.0, 1.0):
                # A single step has no share to draw.
                bar = " " * BAR
            rows.append(f"{name:{names}}  {bar}  {words}"[: width - 1])
        self._wipe()
        self.stream.write("".join(f"{row}\n" for row in rows[:most]))
        self.stream.flush()
        self._drawn = min(len(rows), most)

    def _wipe(self) -> None:
        if self._drawn:
            self.stream.write(f"\x1b[{self._drawn}F\x1b[J")
            self.stream.flush()
            self._drawn = 0


def is_hushed(settings: Any) -> bool:
    """Whether a call leaves to izwi what is shown.

    Args:
        settings: Snakemake's of its output
    """
    asked = ("quiet", "verbose", "printshellcmds", "debug_dag", "show_failed_logs")
    return not any(getattr(settings, name, None) for name in (*asked, "log_handler_settings"))


def take_over(workflow: Any, nothing: Callable[[], None]) -> Terminal | None:
    """Put a terminal in the place of Snakemake's own handler, unless the call asks for that.

    Args:
        workflow: Snakemake's
        nothing: called if there is nothing to do
    """
    from snakemake.logging import logger
    from snakemake.settings.enums import Quietness

    settings = workflow.output_settings
    own = next((h for h in logger.handlers if h.name == "DefaultStreamHandler"), None)
    descriptor = os.environ.pop(DESCRIPTOR, "")
    if own is None or not is_hushed(settings):
        return None
    stream: IO[str] = sys.stdout if settings.stdout else sys.stderr
    if descriptor and not settings.stdout:
        stream = os.fdopen(int(descriptor), "w", encoding="utf-8")
    terminal = Terminal(own, stream, dry=settings.dryrun, nothing=nothing)
    sys.excepthook = _one_line
    logger.removeHandler(own)
    logger.addHandler(terminal)
    os.environ[HUSHED] = "1"
    if settings.dryrun:
        # Snakemake then ends with the table of jobs; it would take as long again to list each.
        quiet = {Quietness.RULES, Quietness.PROGRESS}
        workflow.output_settings = replace(settings, quiet=quiet)
    return terminal


def _one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an error that nothing has caught; Ctrl-C is none."""
    if issubclass(kind, KeyboardInterrupt):
        print("stopped: nothing was made; start again at any time", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, trace)


def _within(log: str) -> tuple[float, str] | None:
    """Share of a job that is done and the words for it, as the last line of its log tells."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            found = _WITHIN.search(stream.read().decode("utf-8", "replace"))
    except OSError:
        return None
    if not found:
        return None
    words = re.sub(r"\b(\d+) s left$", lambda left: f"{clock(int(left[1]))} left", found[1])
    return int(found[2]) / int(found[3]), words
