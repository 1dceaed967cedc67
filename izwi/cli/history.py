"""``izwi history``: what a name has found so far, and what changed in between."""

from __future__ import annotations

from izwi.cli import Parser
from izwi.errors import UserError, printable

EXAMPLES = """\
  izwi history
  izwi history my
"""


def main(arguments: list[str]) -> int:
    """List the names, or tell the figures of one."""
    parser = Parser("history", EXAMPLES)
    parser.add_argument(
        "name", nargs="?", help="of an experiment, or its folder; without it, all are listed"
    )
    parser.add_argument("--results", default="results", help="folder of results (results)")
    wanted = parser.parse_args(arguments)
    from izwi.reporting import history_text

    if wanted.name is None:
        lines = history_text.listed(wanted.results)
        if not lines:
            raise UserError(f"{wanted.results}: no experiment has a history there")
    else:
        lines = history_text.told(wanted.results, wanted.name)
    print("\n".join(map(printable, lines)))
    return 0
