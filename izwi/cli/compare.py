"""``izwi compare``: is one experiment better than another, on the same test set?"""

from __future__ import annotations

import shutil
import sys

from izwi.cli import Parser

EXAMPLES = """\
  izwi compare svm xgb
  izwi compare svm xgb mlp --measure accuracy --csv compared.csv
"""


def main(arguments: list[str]) -> int:
    """Print the comparisons."""
    parser = Parser("compare", EXAMPLES)
    parser.add_argument("experiments", nargs="+", help="names, or folders; two at least")
    parser.add_argument("--measure", help="such as accuracy (that of the first experiment)")
    parser.add_argument("--csv", metavar="FILE", help="write a table, too")
    parser.add_argument("--results", default="results", help="folder of results (results)")
    wanted = parser.parse_args(arguments)
    from izwi.data import csv_files
    from izwi.files import atomic
    from izwi.reporting.compare import compare, shown

    compared = compare(wanted.experiments, wanted.measure, wanted.results)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(shown(compared, width))
    if wanted.csv:
        with atomic(wanted.csv) as path:
            csv_files.write_table(compared, path)
    return 0
