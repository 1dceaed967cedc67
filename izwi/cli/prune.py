"""``izwi prune``: list what no config needs any more, and delete it on request."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

from izwi.cli import Parser
from izwi.errors import printable
from izwi.reporting import numbers

if TYPE_CHECKING:
    from izwi.engine import pruning

EXAMPLES = """\
  izwi prune my_paper.yaml my_other_paper.yaml my.ini
  izwi prune my_paper.yaml my_other_paper.yaml my.ini --delete

Name all configs and inis that share a folder of results: what none of them needs is listed.
"""


def main(arguments: list[str]) -> int:
    """List or delete."""
    parser = Parser("prune", EXAMPLES)
    parser.add_argument("files", nargs="*", metavar="FILE", help="all configs and inis in use")
    parser.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="the same")
    parser.add_argument("--results", help="folder of results, where the call names another")
    parser.add_argument("--cache", help="folder of the cache, likewise")
    parser.add_argument("--stores", action="store_true", help="feature stores of the cache, too")
    parser.add_argument("--experiments", action="store_true", help="folders of experiments, too")
    parser.add_argument("--delete", action="store_true", help="delete what is listed")
    wanted = parser.parse_args(arguments)
    files = [*wanted.files, *wanted.configfile]
    if not files:
        parser.error("name all configs and inis that are in use")
    from izwi.engine import lock, pruning
    from izwi.engine.config_plan import planned

    plans = [planned(path, results=wanted.results, cache=wanted.cache).plan for path in files]
    folders = sorted({plan.results for plan in plans}) if wanted.delete else []
    try:
        for results in folders:
            lock.hold(results)
        found = pruning.unused(plans, cache=wanted.stores, experiments=wanted.experiments)
        show(found)
        if found and wanted.delete:
            pruning.delete(found)
            print("deleted")
        elif found:
            print("nothing was deleted; add --delete to delete them")
    finally:
        for results in folders:
            lock.release(results)
    return 0


def show(found: list[pruning.Unused]) -> None:
    """Print what was found, with sizes."""
    sizes: dict[str, int] = defaultdict(int)
    cwd = os.getcwd()
    for thing in found:
        near = os.path.relpath(thing.path, cwd)
        path = thing.path if near.startswith(os.pardir) else near
        print(printable(f"{_size(thing.size)}  {path}"))
        sizes[thing.kind] += thing.size
    for kind, size in sizes.items():
        print(f"{_size(size)}  all of {kind}")
    print(f"{_size(sum(sizes.values()))}  in all" if found else "nothing to delete")


def _size(size: int) -> str:
    return f"{numbers.bytes_of(size):>7}"
