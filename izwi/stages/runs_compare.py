"""The runs of the experiments of a config side by side, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.errors import UserError
from izwi.files import atomic, read_json
from izwi.stages.features import features_name

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="runs_compare",
    outputs={
        "picture": "runs/{config}/runs.{format}",
        "data": "runs/{config}/runs.{format}.csv",
    },
    scope="results",
    after=("experiment",),
    imports=("izwi.plots.runs",),
    several=True,
)
# What experiments are called by, whichever of these distinguish them.
KINDS = ("features", "models", "databases")


def plan(planner: Planner) -> list[Unit]:
    """A picture of all experiments that ask for it, in each requested format."""
    members = [one for one in planner.experiments if one.plots.get("runs_compare")]
    if not members:
        return []
    formats = dict.fromkeys(ending for one in members for ending in one.plots["format"])
    made = [planner.planned[one.name].one("experiment") for one in members]
    spec = {
        "members": [
            {"name": one.name, "label": label}
            for one, label in zip(members, labels(members), strict=True)
        ],
        "title": f"runs of {planner.config}",
    }
    units = []
    for ending in formats:
        key = key_of(
            STAGE.name,
            spec,
            ending,
            [unit.key for unit in made],
            code_of(__name__),
            versions_of(("matplotlib", "numpy")),
        )
        unit = planner.add(
            STAGE.name,
            key,
            label=f"runs.{ending}",
            spec=spec,
            inputs={"metrics": [unit.outputs["metrics"] for unit in made]},
            config=planner.config,
            format=ending,
        )
        units.append(unit)
    return units


def labels(members: list[Experiment]) -> list[str]:
    """What distinguishes experiments, in few words: what they are to be compared by first.

    Args:
        members: the experiments, of which the first says by what
    """
    by = members[0].plots["runs_compare"]
    first = [by] if by in KINDS else []
    kinds = [*first, *(kind for kind in KINDS if kind not in first)]
    for number in range(len(first), len(kinds) + 1):
        found = [", ".join(_told(one, kind) for kind in kinds[:number]) for one in members]
        if len(set(found)) == len(found) and all(found):
            return found
    return [one.name for one in members]


def _told(experiment: Experiment, kind: str) -> str:
    if kind == "features":
        return "+".join(features_name(spec) for spec in experiment.features)
    if kind == "models":
        return experiment.model["type"]
    return "+".join(database["name"] for database in experiment.databases)


def run(unit: Unit, job: Job) -> None:
    """Draw one picture, and write what it shows beside it."""
    from izwi.plots.data import write
    from izwi.plots.runs import runs_compare

    experiments: list[dict[str, Any]] = []
    for member, path in zip(unit.spec["members"], unit.inputs["metrics"], strict=True):
        if not job.was_made(path):
            continue
        metrics = read_json(path)
        measure = metrics["measure"]
        runs = [{"run": run["run"], "value": run[measure]} for run in metrics["per_run"]]
        told = {"measure": measure, "n_evaluated": metrics["n_evaluated"], "runs": runs}
        experiments.append({**member, **told})
    if not experiments:
        raise UserError("runs: none of the experiments could be made")
    with atomic(unit.outputs["picture"]) as path:
        shown = runs_compare(experiments, path, unit.spec["title"])
    with atomic(unit.outputs["data"], forced=False) as path:
        write(shown, path)
