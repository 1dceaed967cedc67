"""``izwi ensemble``: run experiments, and fuse their predictions."""

from __future__ import annotations

import json
from typing import Any

from izwi.cli import Parser

EXAMPLES = """\
  izwi ensemble svm.ini xgb.ini mlp.ini
  izwi ensemble svm.ini xgb.ini mlp.ini --method majority stacking --name fused -c 4

It is what ensembles: of a config says, and a config says more; see docs/ensemble.md.
"""


def main(arguments: list[str]) -> int:
    """Run the inis with an ensemble of all of them; the exit code of Snakemake."""
    from izwi.cli import run
    from izwi.config.ensembles import ALL_METHODS, DEFAULT_METHOD, OTHER_NAMES

    parser = Parser("ensemble", EXAMPLES)
    parser.add_argument("inis", nargs="+", metavar="INI", help="members, two at least")
    parser.add_argument(
        "--method",
        nargs="+",
        default=[DEFAULT_METHOD],
        choices=[*ALL_METHODS, *OTHER_NAMES],
        metavar="METHOD",
        help=f"some of {', '.join(ALL_METHODS)} ({DEFAULT_METHOD})",
    )
    parser.add_argument("--name", default="ensemble", help="of the ensemble (ensemble)")
    parser.add_argument("--measure", help="that of the weights, and the main one (the members')")
    parser.add_argument("--threshold", type=float, help="of uncertainty_threshold (1)")
    parser.add_argument("--folds", type=int, help="inner folds of learned weights (5)")
    parser.add_argument("--results", help="folder of results (results)")
    parser.add_argument("-c", "--cores", type=int, help="cores to use (all)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be done")
    wanted = parser.parse_args(arguments)
    if other := [name for name in wanted.inis if not name.endswith(".ini")]:
        parser.error(f"{other[0]} is no ini (.ini)")
    if len(wanted.inis) < 2:
        parser.error("name two inis at least")
    entry: dict[str, Any] = {"name": wanted.name, "methods": wanted.method}
    entry |= {
        key: value
        for key in ("measure", "threshold", "folds")
        if (value := getattr(wanted, key)) is not None
    }
    settings = [f"ensembles={json.dumps(entry)}"]
    settings += [f"results={wanted.results}"] if wanted.results else []
    words = ["-n"] if wanted.dry_run else []
    words += ["-c", str(wanted.cores)] if wanted.cores else []
    return run.main([*wanted.inis, *words, "--config", *settings])
