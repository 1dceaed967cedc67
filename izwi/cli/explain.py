"""``izwi explain``: ini line, split, feature files, model, predictions, figure."""

from __future__ import annotations

from pathlib import Path

from izwi.cli import Parser

EXAMPLES = """\
  izwi explain my_experiment
  izwi explain elsewhere/results/experiments/my_experiment
"""


def main(arguments: list[str]) -> int:
    """Print the explanation."""
    parser = Parser("explain", EXAMPLES)
    parser.add_argument("experiment", help="its name, or its folder")
    parser.add_argument("--results", default="results", help="folder of results (results)")
    wanted = parser.parse_args(arguments)
    from izwi.reporting.explain import explain, find

    print(explain(find(wanted.experiment, wanted.results), cwd=Path.cwd()), end="")
    return 0
