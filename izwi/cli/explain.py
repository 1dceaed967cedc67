"""``izwi explain``: ini line, split, feature files, model, predictions, figure."""

from __future__ import annotations

from pathlib import Path

from izwi.cli import Parser
from izwi.errors import printable

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

    text = explain(find(wanted.experiment, wanted.results), cwd=Path.cwd())
    print("\n".join(map(printable, text.split("\n"))), end="")
    return 0
