"""Say where a number comes from: ini line, split, feature files, model, predictions, figure.

python scripts/explain.py my_experiment
python scripts/explain.py elsewhere/results/experiments/my_experiment
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.errors import UserError
from izwi.reporting.explain import explain, find


def main(arguments: list[str] | None = None) -> int:
    """Print the explanation; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", help="its name, or its folder")
    parser.add_argument("--results", default="results", help="folder of results (results)")
    wanted = parser.parse_args(arguments)
    try:
        print(explain(find(wanted.experiment, wanted.results), cwd=Path.cwd()), end="")
    except UserError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
