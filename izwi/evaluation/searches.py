"""Figures of nested searches for options: how much better they look inside than on test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from izwi.evaluation.measures import Sample, direction, mean_of

if TYPE_CHECKING:
    from izwi.evaluation.scoring import EvaluateSpec


def of_searches(
    spec: EvaluateSpec, searches: list[dict[str, Any]], runs: list[pd.DataFrame], labels: list[str]
) -> dict[str, Any]:
    """The searches for options, each beside the measure on the test rows of its fold.

    Args:
        spec: as for `izwi.evaluation.scoring.evaluate`
        searches: reports of `izwi.training.tuning.search`, with ``run``, ``fold``, ``submodel``
        runs: predictions of each run
        labels: classes, ordered

    Returns:
        ``searches`` with ``outer``; their means ``inner`` and ``outer``; ``optimism``, how much
        better the inner figure is, whether high or low is good; ``chosen``: how often which values
    """
    measure, rows = spec["measure"], pd.concat(runs)
    measured = []
    for search in searches:
        own = rows
        for key in ("run", "fold", "submodel"):
            own = own[own[key] == search[key]] if key in search else own
        outer = None
        if len(own):
            outer = Sample.of_runs([own], spec["task"], labels).measures()[0][measure]
        measured.append({**search, "outer": outer})
    both = [{k: s[k] for k in ("inner", "outer")} for s in measured if s["outer"] is not None]
    means: dict[str, Any] = mean_of(both) if both else dict.fromkeys(("inner", "outer", "optimism"))
    if both:
        means["optimism"] = direction(measure) * (means["inner"] - means["outer"])
    chosen = [search["chosen"] for search in searches]
    counts = [
        {"values": values, "n": chosen.count(values)}
        for place, values in enumerate(chosen)
        if values not in chosen[:place]
    ]
    counts.sort(key=lambda row: -row["n"])
    return {"measure": measure, **means, "chosen": counts, "searches": measured}
