"""What is shown of Snakemake's messages while a call works."""

import contextlib
import io
import logging
import os
import time
from types import SimpleNamespace

import pytest
from snakemake.logging import LogEvent

from izwi.engine import loaded, terminal
from izwi.engine.terminal import Terminal
from izwi.reporting.numbers import clock, rounded


class Own(logging.Handler):
    """In Snakemake's place."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.msg)


@pytest.fixture
def shown():
    """A terminal that is none, started; ``say`` gives it a message of Snakemake."""
    own, stream = Own(), io.StringIO()
    made = Terminal(own, stream)

    def say(message, event=None, level=logging.INFO, **more):
        about = {"msg": message, "levelno": level, **more}
        made.handle(logging.makeLogRecord(about | ({"event": event} if event else {})))

    say("", LogEvent.WORKFLOW_STARTED)
    yield SimpleNamespace(terminal=made, own=own, stream=stream, say=say)
    made.close()


def job(shown, number, rule="train", log=""):
    shown.say("", LogEvent.JOB_INFO, jobid=number, rule_name=rule, log=[log] if log else [])


def test_words_of_snakemake_are_left_out(shown):
    for event in (None, LogEvent.RESOURCES_INFO, LogEvent.JOB_STARTED, LogEvent.PROGRESS):
        shown.say("Select jobs to execute...", event)
    assert shown.own.texts == [] and shown.stream.getvalue() == ""


def test_commands_that_execute_nothing_say_what_they_do():
    own = Own()
    made = Terminal(own, io.StringIO())
    for text in ("Unlocked working directory.", "Assuming unrestricted shared filesystem usage."):
        made.handle(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))
    assert own.texts == ["Unlocked working directory."]


def test_warnings_are_shown_and_errors_until_jobs_tell_them(shown):
    shown.say("no such rule", LogEvent.ERROR, logging.ERROR)
    job(shown, 1)
    shown.say("slow disk", None, logging.WARNING)
    shown.say("CalledProcessError", LogEvent.ERROR, logging.ERROR)
    assert shown.own.texts == ["no such rule", "slow disk"]


def test_a_target_that_nothing_makes_is_one_line(shown):
    shown.say(
        "MissingRuleException:\nNo rule to produce a b.json (if you use input functions make sure "
        "that they don't raise unexpected exceptions).",
        LogEvent.ERROR,
        logging.ERROR,
    )
    assert shown.own.texts == []
    assert shown.stream.getvalue() == "a b.json: no experiment of the call makes such a file\n"


def test_stages_count_their_jobs(shown):
    shown.say("table", LogEvent.RUN_INFO, stats={"train": 2, "all": 1, "total": 3})
    job(shown, 7)
    job(shown, 8)
    shown.say("", LogEvent.JOB_FINISHED, job_id=7)
    # A second mention, such as that of a group, counts no more.
    shown.say("", LogEvent.JOB_FINISHED, job_id=7)
    assert (shown.terminal.done, shown.terminal.total) == (1, 2)
    shown.say("", LogEvent.JOB_ERROR, jobid=8)
    assert list(shown.terminal.stages) == ["train"] and not shown.terminal.stages["train"].logs


def test_a_long_job_tells_how_far_it_is(tmp_path):
    log = tmp_path / "features.log"
    log.write_text("os of demo: os: 10 of 40 files, 5.0 a second, 66 s left\n")
    stage = terminal.Stage(1, since=time.monotonic() - 2, logs={1: str(log)})
    assert stage.state() == (0.25, "10 of 40 files, 5.0 a second, 1 min 6 s left")
    stage = terminal.Stage(3, done=1, since=time.monotonic() - 2, logs={1: str(log)})
    share, words = stage.state()
    assert share == pytest.approx(1.25 / 3)
    assert words == "1 of 3 (10 of 40 files, 5.0 a second, 1 min 6 s left)"


def test_rate_and_time_left():
    stage = terminal.Stage(20, done=5, since=time.monotonic() - 10)
    assert stage.state() == (0.25, "5 of 20, 30.0 a minute, 30 s left")
    stage.done, stage.until = 20, stage.since + 100
    assert stage.state() == (1.0, "20 of 20 in 1 min 40 s")


def test_a_log_gets_a_line_now_and_then(shown, monkeypatch):
    monkeypatch.setattr(terminal, "SAID_S", 0.01)
    shown.say("table", LogEvent.RUN_INFO, stats={"train": 2, "plot": 1})
    job(shown, 1)
    until = time.monotonic() + 20
    while not shown.stream.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    shown.terminal.close()
    assert shown.stream.getvalue().splitlines()[0] == "0 of 3 steps; train 0 of 2"


def test_bars_are_wiped(monkeypatch):
    pty = pytest.importorskip("pty")
    monkeypatch.setattr(terminal, "REDRAWN_S", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        made = Terminal(Own(), stream)
        assert made.redraws
        for about in (
            {"event": LogEvent.WORKFLOW_STARTED},
            {"event": LogEvent.RUN_INFO, "stats": {"train": 4}},
            {"event": LogEvent.JOB_INFO, "jobid": 1, "rule_name": "train", "log": []},
        ):
            made.handle(logging.makeLogRecord({"msg": "", **about}))
        time.sleep(0.2)
        made.close()
    parts = []
    # A terminal whose other side is closed is at its end, or in error.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 1 << 16):
            parts.append(part)
    os.close(ours)
    text = b"".join(parts).decode()
    assert "train  " + "╌" * terminal.BAR + "  0 of 4" in text
    assert text.endswith("\x1b[1F\x1b[J")


@pytest.mark.parametrize(
    ("settings", "hushed"),
    [
        ({}, True),
        ({"quiet": {"rules"}}, False),
        ({"verbose": True}, False),
        ({"printshellcmds": True}, False),
        ({"show_failed_logs": True}, False),
        ({"log_handler_settings": {"rich": None}}, False),
    ],
)
def test_what_is_asked_for_is_not_hushed(settings, hushed):
    plain = dict.fromkeys(
        ("quiet", "verbose", "printshellcmds", "debug_dag", "show_failed_logs"), None
    )
    assert terminal.is_hushed(SimpleNamespace(**plain | settings)) == hushed


# ------------------------------------------------------------------- what is loaded


def cell(part, label, samples, speakers):
    return {"part": part, "class": label, "samples": samples, "speakers": speakers}


DATABASE = {"samples": 6, "files": 6, "speakers": 1, "minutes": 1.26,
            "counts": {"listed": 7, "used": 6}}  # fmt: skip


def test_classes_and_parts():
    parts = [cell("train", "a", 3, 1), cell("train", "b", 1, 1), cell("train", None, 4, 1)]
    parts += [cell("test", "a", 1, 1), cell("test", "b", 1, 1), cell("test", None, 2, 1)]
    description = {"databases": {"db": DATABASE}, "labels": ["a", "b"], "target": None,
                   "cross_validation": False, "folds": 0, "parts": parts}  # fmt: skip
    assert loaded.lines(description, "mood") == [
        "db: 6 files, 1 speaker, 1.3 min, 1 row left out",
        "  mood: a 4, b 2",
        "  tested: 2 samples, 1 speaker; trained on: 4 samples, 1 speaker",
    ]


def test_folds_of_a_number():
    description = {"databases": {"db": DATABASE | {"files": 1, "speakers": None, "minutes": None}},
                   "labels": None, "target": {"min": 1.0, "max": 5.0, "mean": 2.5},
                   "cross_validation": True, "folds": 3,
                   "parts": [cell("all", None, 6, None)]}  # fmt: skip
    assert loaded.lines(description, "age") == [
        "db: 6 samples of 1 file, speakers unknown, 1 row left out",
        "  age: 1.000 to 5.000, 2.500 on average",
        "  tested: 6 samples, speakers unknown, each once, in 3 folds",
    ]


# ------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.7425, "0.743"), (7.42e-4, "0.001"), (1e-9, "0.000"), (-1e-9, "0.000"),
     (-0.25, "-0.250"), (9.9999, "10.0"), (12.34, "12.3"), (123456.7, "123456.7")],
)  # fmt: skip
def test_three_decimals_and_no_power_of_ten(value, text):
    assert rounded(value) == text


@pytest.mark.parametrize("value", [1234.5, 99999.0, 1e7])
def test_four_digits_are_no_power_of_ten(value):
    assert "e" not in rounded(value, most=100)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (12000, "3 h 20 min")],
)
def test_times(seconds, text):
    assert clock(seconds) == text


def test_a_unit_that_fails_tells_again_what_was_warned_of_its_tables(tmp_path, monkeypatch):
    # An earlier call may have made the tables, and their warnings may be the cause.
    from izwi.engine import job as jobs
    from izwi.engine.plan import Plan, Unit
    from izwi.errors import UserError

    def fail(unit, job):
        raise UserError("no row has sad")

    table, report = str(tmp_path / "t.parquet"), tmp_path / "t.json"
    report.write_text('{"warnings": ["db: did you mean sadness?"], "notes": ["x"]}')
    outputs = {"table": table, "report": str(report)}
    plan = Plan(str(tmp_path), str(tmp_path / "cache"))
    plan.maker[table] = Unit("load", "k", "db", {}, {}, outputs)
    stage = SimpleNamespace(run=fail)
    monkeypatch.setattr(jobs, "stages", lambda: {"split": stage})
    unit = Unit("split", "k2", "db", {}, {"tables": [table]}, {}, ["a.ini"])
    log = tmp_path / "logs" / "split.log"
    assert jobs.run_unit(unit, jobs.Job(plan, 1, str(log))) == ["a.ini: no row has sad"]
    assert log.read_text() == "db: warning: db: did you mean sadness?\n"
