"""Paired tests of an ensemble against each of its members, on the same test set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner
from izwi.engine.stage import Stage
from izwi.files import read_json, write_json
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit


def _sentence(spec: dict[str, Any]) -> str:
    return (
        "The ensemble was compared with each of its members by permuting the predictions over "
        f"speakers (two-sided), with Holm's correction for {count(len(spec['members']), 'test')}."
    )


STAGE = Stage(
    name="member_tests",
    outputs={"tests": "ensembles/tests/{key}.json"},
    scope="experiment",
    after=("split", "segment_split", "train", "predict", "ensemble"),
    minutes=30,
    imports=("pandas", "izwi.evaluation.comparison"),
    end=True,
    title="Against the members",
    methods=_sentence,
    archived=True,
)
_VERDICTS = {"a is better": "the ensemble is better", "b is better": "the member is better"}


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The tests of an ensemble."""
    if not experiment.fuses:
        return []
    names = experiment.model["options"]["members"]
    members = [planner.planned[name].predicted for name in names]
    fused = planned.one("ensemble")
    spec = {
        "task": experiment.task,
        "measure": experiment.evaluation["measure"],
        "seed": experiment.seed,
        "members": names,
    }
    key = key_of(
        STAGE.name,
        spec,
        fused.key,
        [member.key for member in members],
        code_of(__name__),
        versions_of(("numpy", "scipy")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec=spec,
        inputs={
            "ensemble": fused.outputs["predictions"],
            "members": [member.outputs["predictions"] for member in members],
            "split_report": planned.parts.outputs["report"],
        },
        source=experiment.ini,
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the value of each member, its difference from the ensemble, and the test of it."""
    import pandas as pd

    from izwi.evaluation import comparison

    spec = unit.spec
    paths = [unit.inputs["ensemble"], *unit.inputs["members"]]
    # By numbers, since a member may be called anything.
    tests = comparison.comparisons(
        {str(number): pd.read_parquet(path) for number, path in enumerate(paths)},
        spec["measure"],
        task=spec["task"],
        labels=read_json(unit.inputs["split_report"])["labels"] or None,
        seed=spec["seed"],
        pairs=[("0", str(number)) for number in range(1, len(paths))],
    )
    tests = tests.astype(object).where(tests.notna(), None)
    rows = [
        {
            "member": name,
            "value": row["value_b"],
            "ensemble": row["value_a"],
            **{column: row[column] for column in ("difference", "n", "n_speakers", "p", "p_holm")},
            "verdict": _VERDICTS.get(row["verdict"], row["verdict"]),
            "test": row["test"],
        }
        for name, row in zip(spec["members"], tests.to_dict("records"), strict=True)
    ]
    write_json(unit.outputs["tests"], {"measure": spec["measure"], "members": rows})
