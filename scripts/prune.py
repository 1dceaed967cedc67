"""List what no config needs any more, and delete it on request.

    python scripts/prune.py --configfile config/my_paper.yaml config/my_other_paper.yaml
    python scripts/prune.py --configfile config/my_paper.yaml config/my_other_paper.yaml --delete

Name all configs that share a folder of results: what none of them needs is listed.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import lock, pruning
from izwi.engine.config_plan import planned
from izwi.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """List or delete; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configfile", nargs="+", required=True, help="all configs in use")
    parser.add_argument("--results", help="folder of results, where the call names another")
    parser.add_argument("--cache", help="folder of the cache, likewise")
    parser.add_argument("--stores", action="store_true", help="feature stores of the cache, too")
    parser.add_argument("--experiments", action="store_true", help="folders of experiments, too")
    parser.add_argument("--delete", action="store_true", help="delete what is listed")
    wanted = parser.parse_args(arguments)
    try:
        plans = [
            planned(path, results=wanted.results, cache=wanted.cache).plan
            for path in wanted.configfile
        ]
    except UserError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    for results in {plan.results for plan in plans} if wanted.delete else ():
        lock.hold(results)
    found = pruning.unused(plans, cache=wanted.stores, experiments=wanted.experiments)
    tell(found)
    if wanted.delete:
        pruning.delete(found)
        print("deleted")
    elif found:
        print("nothing was deleted; say --delete for that")
    return 0


def tell(found: list[pruning.Unused]) -> None:
    """Print what was found, with sizes."""
    sizes: dict[str, int] = defaultdict(int)
    for thing in found:
        print(f"{megabytes(thing.size)}  {thing.path}")
        sizes[thing.kind] += thing.size
    for kind, size in sizes.items():
        print(f"{megabytes(size)}  all of {kind}")
    print(f"{megabytes(sum(sizes.values()))}  in all")


def megabytes(size: int) -> str:
    """Size for people."""
    return f"{size / 1e6:10.3f} MB"


if __name__ == "__main__":
    sys.exit(main())
