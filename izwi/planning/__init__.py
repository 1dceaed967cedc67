"""From experiments to units of work: what each stage makes, from what, under which key.

The key of a unit covers all that can change its content, so a unit whose outputs exist is done, and
two experiments that agree share it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from izwi.config.experiment import Experiment
from izwi.data import soft_labels
from izwi.engine.plan import Plan
from izwi.errors import Problems, UserError
from izwi.planning.basis import Basis
from izwi.planning.draft import Draft
from izwi.planning.experiments import add_experiment
from izwi.planning.ground import Ground, make_ground
from izwi.planning.tables import add_grids, add_page, add_summary, add_tables, add_verdict
from izwi.reporting.tables.wanted import Wanted, lay_out


def make_plan(
    experiments: list[Experiment],
    results: str,
    cache: str,
    *,
    cwd: Path,
    wishes: bool = True,
    shard_files: int = 0,
    tables: Iterable[Wanted] = (),
    page: dict[str, Any] | None = None,
) -> Plan:
    """Plan all experiments of a call.

    Args:
        experiments: as resolved
        results: folder of results
        cache: folder of scans and of the feature store
        cwd: working directory
        wishes: tell the jobs what is wanted; not where the plan is only looked at
        shard_files: audio files that one extraction job takes at most; 0: all
        tables: tables of the config
        page: options of the page of results, None where none is wanted

    Raises:
        UserError: with all problems of all databases, or of the tables
    """
    laid_out, controls = lay_out(tables, experiments)
    experiments = [*experiments, *controls]
    draft = Draft(results, cache, cwd=cwd, wishes=wishes, shard_files=shard_files)
    problems = Problems()
    grounds: dict[str, Ground] = {}
    predictions: dict[str, str] = {}
    for experiment in soft_labels.in_order(experiments):
        try:
            basis = Basis.of(experiment)
            key = basis.key
            if key not in grounds:
                grounds[key] = make_ground(draft, basis)
            trained = add_experiment(draft, experiment, grounds[key])
        except UserError as error:
            problems.extend(error, prefix=f"{experiment.ini}: ")
        else:
            predictions[experiment.name] = trained.outputs["predictions"]
    problems.raise_if_any()
    if not experiments:
        return draft.plan
    # The table of results has the order of the config.
    place = {experiment.name: i for i, experiment in enumerate(experiments)}
    units = sorted(draft.plan.units["experiment"].items(), key=lambda item: place[item[1].label])
    draft.plan.units["experiment"] = dict(units)
    add_summary(draft)
    add_grids(draft, [experiment for experiment in experiments if experiment.grids])
    add_tables(draft, laid_out, predictions)
    if page is not None:
        add_page(draft, page)
    add_verdict(draft)
    return draft.plan
