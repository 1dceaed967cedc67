"""Pack a result set into a zip from which its figures can be computed again, without the audio.

python scripts/archive.py --configfile config/my_paper.yaml
python scripts/verify.py results/archives/my_paper.zip
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import lock
from izwi.engine.config_plan import planned
from izwi.errors import UserError
from izwi.reporting import archive


def main(arguments: list[str] | None = None) -> int:
    """Write the zip; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configfile", required=True, help="the config that was run")
    parser.add_argument("--ini", help="one experiment of it")
    parser.add_argument("--results", help="folder of results, where the call names another")
    parser.add_argument("--cache", help="folder of the cache, likewise")
    parser.add_argument("--output", help="the zip (default: <results>/archives/<config>.zip)")
    wanted = parser.parse_args(arguments)
    try:
        asked = planned(
            wanted.configfile, results=wanted.results, cache=wanted.cache, ini=wanted.ini
        )
        name = f"{Path(wanted.ini or wanted.configfile).stem}.zip"
        path = Path(wanted.output or Path(asked.config.results) / "archives" / name)
        lock.hold(asked.config.results)
        try:
            notes = archive.pack(asked, [wanted.configfile], path)
        finally:
            lock.release(asked.config.results)
    except UserError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    for line in notes:
        print(f"note: {line}", file=sys.stderr)
    print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
