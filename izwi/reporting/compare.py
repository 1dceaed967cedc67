"""Experiments compared in pairs: each two on the same test set, with the tests of paper tables."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.errors import UserError
from izwi.reporting import numbers
from izwi.reporting.explain import Results, find
from izwi.reporting.record import check_trained, predicted

if TYPE_CHECKING:
    import pandas as pd


def compare(
    experiments: Sequence[str | Path], measure: str | None = None, results: str | Path = "results"
) -> pd.DataFrame:
    """Compare each two of some experiments.

    Args:
        experiments: names or folders, two at least
        measure: None takes that of the first
        results: folder of results

    Returns:
        a row for each pair, see `izwi.evaluation.comparison.comparisons`

    Raises:
        UserError: if they cannot be compared
    """
    from izwi.evaluation.comparison import comparisons

    if len(experiments) < 2:
        raise UserError("compare: name two experiments, or more")
    found = {Path(name).name: find(str(name), results) for name in experiments}
    if len(found) < len(experiments):
        raise UserError("compare: an experiment is named twice")
    for one in found.values():
        check_trained(one.record)
    first = next(iter(found.values()))
    task = first.metrics["type"]
    others = [name for name, one in found.items() if one.metrics["type"] != task]
    if others:
        raise UserError(
            f"compare: {', '.join(others)} is no {task}, as {first.record['name']} is: a figure of "
            "the one says nothing of the other"
        )
    measure = measure or first.metrics["measure"]
    if measure not in first.metrics["metrics"]:
        there = ", ".join(first.metrics["metrics"])
        raise UserError(f"compare: '{measure}' is no measure of a {task}; there are {there}")
    return comparisons(
        {name: _predictions(one) for name, one in found.items()},
        measure,
        task=task,
        labels=first.record["labels"],
        seed=first.record["seed"],
        pairs=itertools.combinations(found, 2),
    )


def shown(compared: pd.DataFrame, width: int | None = None) -> str:
    """Comparisons as aligned text.

    Args:
        compared: what `compare` returns
        width: of the terminal, in which a pair has several lines if a table does not fit
    """
    header = ["a", "b", "measure", "value a", "value b", "difference", "95 % interval"]
    lines = [[*header, "p (Holm)", "verdict", "n", "speakers", "test"]]
    for row in compared.astype(object).where(compared.notna(), None).to_dict("records"):
        lines.append(
            [
                row["a"],
                row["b"],
                row["measure"],
                *(numbers.rounded(row[name]) for name in ("value_a", "value_b", "difference")),
                numbers.interval((row["ci_low"], row["ci_high"])) or numbers.NONE,
                numbers.NONE if row["p_holm"] is None else numbers.probability(row["p_holm"]),
                row["verdict"],
                str(row["n"]),
                "unknown" if row["n_speakers"] is None else str(int(row["n_speakers"])),
                row["test"],
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if width and sum(widths) + 2 * (len(widths) - 1) > width:
        return "\n".join(map(_in_lines, lines[1:]))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _in_lines(cells: list[str]) -> str:
    """One comparison in several short lines."""
    a, b, measure, of_a, of_b, difference, interval, p, verdict, n, speakers, test = cells
    about = {
        measure: f"{of_a}, {of_b}",
        "difference": f"{difference}, 95 % interval {interval}",
        "p (Holm)": f"{p}: {verdict}",
        "test": test,
        "on": f"{n} samples, speakers: {speakers}",
    }
    longest = max(map(len, about))
    found = [f"  {name.ljust(longest)}  {text}" for name, text in about.items()]
    return "\n".join([f"a: {a}", f"b: {b}", *found])


def _predictions(found: Results) -> pd.DataFrame:
    import pandas as pd

    path = found.place(predicted(found.record)["files"]["predictions"])
    if not path.is_file():
        raise UserError(f"{found.record['name']}: {path} is gone; run the experiment again")
    return pd.read_parquet(path)
