"""``izwi archive``: pack results into a zip from which their figures can be computed again."""

from __future__ import annotations

from pathlib import Path

from izwi.cli import Parser, say

EXAMPLES = """\
  izwi archive --configfile config/my_paper.yaml
  izwi verify results/archives/my_paper.zip

The zip holds no audio.
"""


def main(arguments: list[str]) -> int:
    """Write the zip."""
    parser = Parser("archive", EXAMPLES)
    parser.add_argument("--configfile", required=True, help="the config that was run")
    parser.add_argument("--ini", help="one experiment of it")
    parser.add_argument("--results", help="folder of results, where the call names another")
    parser.add_argument("--cache", help="folder of the cache, likewise")
    parser.add_argument("--output", help="the zip (default: <results>/archives/<config>.zip)")
    wanted = parser.parse_args(arguments)
    from izwi.engine import lock
    from izwi.engine.config_plan import planned
    from izwi.reporting import archive

    asked = planned(wanted.configfile, results=wanted.results, cache=wanted.cache, ini=wanted.ini)
    name = f"{Path(wanted.ini or wanted.configfile).stem}.zip"
    path = Path(wanted.output or Path(asked.config.results) / "archives" / name)
    lock.hold(asked.config.results)
    try:
        notes = archive.pack(asked, [wanted.configfile], path)
    finally:
        lock.release(asked.config.results)
    say(*(f"note: {line}" for line in notes))
    print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")
    return 0
