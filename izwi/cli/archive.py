"""``izwi archive``: pack results into a zip from which their figures can be computed again."""

from __future__ import annotations

import shlex
from pathlib import Path

from izwi.cli import Parser, say
from izwi.reporting.numbers import bytes_of

EXAMPLES = """\
  izwi archive my_paper.yaml
  izwi archive my.ini --output my.zip
  izwi verify results/archives/my_paper.zip

The zip holds no audio.
"""


def main(arguments: list[str]) -> int:
    """Write the zip."""
    parser = Parser("archive", EXAMPLES)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("what", nargs="?", metavar="FILE", help="the config or ini that was run")
    which.add_argument("--configfile", metavar="FILE", help="the same")
    parser.add_argument("--ini", help="one experiment of it")
    parser.add_argument("--results", help="folder of results, where the call names another")
    parser.add_argument("--cache", help="folder of the cache, likewise")
    parser.add_argument("--output", help="the zip (default: <results>/archives/<config>.zip)")
    wanted = parser.parse_args(arguments)
    if not (wanted.what or wanted.configfile):
        parser.error("name the config or ini whose results to pack, such as my_paper.yaml")
    from izwi.engine import lock
    from izwi.engine.config_plan import planned
    from izwi.reporting import archive

    run = wanted.what or wanted.configfile
    asked = planned(run, results=wanted.results, cache=wanted.cache, ini=wanted.ini)
    name = f"{Path(wanted.ini or run).stem}.zip"
    path = Path(wanted.output or Path(asked.config.results) / "archives" / name)
    lock.hold(asked.config.results)
    try:
        again = shlex.join(["izwi", "run", run, *([wanted.ini] if wanted.ini else [])])
        notes = archive.pack(asked, [] if run.endswith(".ini") else [run], path, again=again)
    finally:
        lock.release(asked.config.results)
    say(*(f"note: {line}" for line in notes))
    print(f"{path}  {bytes_of(path.stat().st_size)}")
    return 0
