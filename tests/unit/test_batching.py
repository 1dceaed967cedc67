"""Which jobs a call consists of, for what exists and what is missing."""

import os
from pathlib import Path

import pytest

from izwi.engine import failure_markers
from izwi.engine.batching import Batch, arrange
from izwi.engine.plan import Plan, Unit


def unit(plan, stage, key, inputs=(), **more):
    made = Unit(
        stage=stage,
        key=key,
        label=key,
        spec={"type": "os", "model": {"type": "svm"}},
        inputs={f"input{i}": path for i, path in enumerate(inputs)},
        outputs={"first": f"{plan.results}/{key}.a", "second": f"{plan.results}/{key}.b"},
        **more,
    )
    plan.units[stage][key] = made
    return made


@pytest.fixture
def plan(tmp_path):
    """Two experiments on one table, with two feature sets."""
    plan = Plan(str(tmp_path), str(tmp_path / "cache"))
    table = unit(plan, "load", "table")
    experiments = []
    for i in (1, 2):
        matrix = unit(plan, "features", f"matrix{i}", table.output_files())
        model = unit(plan, "train", f"model{i}", matrix.output_files(), group=f"group{i}")
        wish = tmp_path / f"wish{i}"
        wish.write_text("wish")
        experiment = unit(plan, "experiment", f"experiment{i}", model.output_files())
        experiment.inputs["wish"] = str(wish)
        experiments += experiment.output_files()
    summary = unit(plan, "summary", "summary", experiments)
    unit(plan, "verdict", "verdict", summary.output_files())
    return plan


def jobs(plan, **more):
    plan.batches.clear()
    arrange(plan, more.pop("cores", 2), everything=more.pop("everything", False), **more)
    return {stage: [Batch(**b) for b in found] for stage, found in plan.batches.items()}


def make(plan, *stages):
    for stage in stages or plan.units:
        for made in plan.units[stage].values():
            for path in made.output_files():
                Path(path).write_text("made")


def age(plan, path, seconds):
    stat = os.stat(path)
    os.utime(path, (stat.st_atime - seconds, stat.st_mtime - seconds))


def keys_of(found):
    """Keys of the units of each job."""
    return [batch.keys for batches in found.values() for batch in batches]


def test_missing_units_share_jobs(plan):
    found = jobs(plan)
    assert keys_of(found) == [
        ["table", "matrix1", "matrix2"],
        ["experiment1", "experiment2", "summary"],
        # Two cores.
        ["model1"],
        ["model2"],
        ["verdict"],
    ]
    extraction, (first, _) = found["several"][0], found["train"]
    assert extraction.extracts and not first.extracts
    assert extraction.outputs == [f"{plan.results}/{k}.a" for k in ("table", "matrix1", "matrix2")]
    # One file of each batch it waits for.
    assert first.inputs == [f"{plan.results}/table.a"]
    assert plan.targets == [f"{plan.results}/verdict.{end}" for end in "ab"]


def test_what_no_other_core_could_take_is_one_process(plan):
    del plan.units["train"]["model2"], plan.units["experiment"]["experiment2"]
    plan.units["summary"]["summary"].inputs["input1"] = f"{plan.results}/experiment1.b"
    plan.units["summary"]["summary"].inputs["input2"] = f"{plan.results}/experiment1.a"
    plan.units["summary"]["summary"].inputs["input3"] = f"{plan.results}/experiment1.a"
    assert keys_of(jobs(plan)) == [
        ["table", "matrix1", "model1", "experiment1", "summary"],
        ["verdict"],
    ]


def test_with_one_core_there_is_one_process(plan):
    everything = [unit.key for unit in plan.each()]
    assert keys_of(jobs(plan, cores=1)) == [everything[:-1], ["verdict"]]


def test_but_not_where_packages_shut_each_other_out(plan):
    plan.units["features"]["matrix1"].spec["type"] = "trill"
    found = jobs(plan, cores=1)
    assert sorted(keys_of(found)) == [
        ["experiment1", "experiment2", "summary"],
        ["matrix1"],
        ["model1"],
        ["table", "matrix2", "model2"],
        ["verdict"],
    ]
    assert [batch.environment for batch in found["features"]] == ["trill"]
    assert [batch.environment for batch in found["several"]] == ["deep", "core"]


def test_on_a_cluster_feature_sets_are_apart(plan):
    for i, made in enumerate(plan.units["features"].values()):
        made.group = f"set{i}"
    found = jobs(plan, cluster=True)
    assert [batch.keys for batch in found["features"]] == [["matrix1"], ["matrix2"]]


def test_a_cluster_gets_few_jobs_of_quick_stages(plan):
    for i in range(100):
        unit(plan, "plot", f"plot{i}")
        plan.units["summary"]["summary"].inputs[f"plot{i}"] = f"{plan.results}/plot{i}.a"
    assert [len(batch.keys) for batch in jobs(plan, cluster=True)["plot"]] == [50, 50]


def test_what_exists_is_in_no_job(plan):
    make(plan)
    assert jobs(plan) == {}
    assert plan.targets == [f"{plan.results}/verdict.{end}" for end in "ab"]


def test_but_in_one_each_where_everything_is_looked_at(plan):
    make(plan)
    found = jobs(plan, everything=True)
    assert [batch.keys for batch in found["train"]] == [["model1"], ["model2"]]
    assert found["train"][0].inputs == [f"{plan.results}/matrix1.{end}" for end in "ab"]
    assert len(plan.targets) == 8


def test_everything_declares_all_outputs_of_what_is_missing(plan):
    found = jobs(plan, everything=True)
    declared = {path for batches in found.values() for b in batches for path in b.outputs}
    assert set(plan.targets) <= declared


def test_what_is_between_is_not_made_again_for_nothing(plan):
    make(plan)
    for path in plan.units["features"]["matrix1"].output_files():
        os.unlink(path)
    assert jobs(plan) == {}


def test_one_missing_output_brings_its_unit_alone(plan):
    make(plan)
    os.unlink(f"{plan.results}/model2.b")
    os.unlink(f"{plan.results}/experiment2.a")
    found = jobs(plan)
    assert keys_of(found) == [["model2", "experiment2", "summary"], ["verdict"]]
    # What is missing stands for the rest, so that Snakemake sees it.
    assert found["several"][0].outputs[:2] == [
        f"{plan.results}/model2.b",
        f"{plan.results}/experiment2.a",
    ]


def test_a_newer_wish_brings_the_experiment_and_the_table(plan):
    make(plan)
    for path in plan.units["experiment"]["experiment1"].output_files():
        age(plan, path, 100)
    found = jobs(plan)
    assert [batch.keys for batch in found["several"]] == [["experiment1", "summary"]]
    wish = plan.units["experiment"]["experiment1"].inputs["wish"]
    other = plan.units["experiment"]["experiment2"].output_files()
    assert found["several"][0].timed == [wish]
    assert set(found) == {"several", "verdict"}
    assert not set(other) & set(found["several"][0].outputs)


def test_a_mark_is_no_output(plan):
    make(plan)
    marked = plan.units["experiment"]["experiment1"].output_files()
    failure_markers.mark(marked)
    assert set(jobs(plan)) == {"several", "verdict"}
    plan.clear_failures()
    assert not any(os.path.exists(path) for path in marked)


def test_labels_learnt_by_a_model_are_another_level(plan):
    soft = unit(plan, "soft", "soft", plan.units["train"]["model1"].output_files())
    learnt = unit(plan, "load", "learnt", soft.output_files())
    matrix = unit(plan, "features", "learnt matrix", learnt.output_files())
    model = unit(plan, "train", "student", matrix.output_files())
    plan.units["summary"]["summary"].inputs["student"] = model.outputs["first"]
    found = jobs(plan)
    assert sorted(keys_of(found)) == [
        ["experiment1", "experiment2"],
        # No other core could take a part of it.
        ["learnt", "learnt matrix", "student"],
        ["model1"],
        ["model2"],
        ["soft"],
        ["summary"],
        ["table", "matrix1", "matrix2"],
        ["verdict"],
    ]


def test_nothing_joins_a_job_that_must_come_before_it(plan):
    needs = [*plan.units["load"]["table"].output_files(), f"{plan.results}/model1.a"]
    unit(plan, "features", "late", needs)
    plan.units["summary"]["summary"].inputs["late"] = f"{plan.results}/late.a"
    assert ["late"] in keys_of(jobs(plan))


KEYS = ("model", "evaluated", "drawn")


@pytest.fixture
def line(plan):
    """The two experiments evaluated, one drawn as well; a picture of the data alone."""
    for i in (1, 2):
        model, matrix = plan.units["train"][f"model{i}"], plan.units["features"][f"matrix{i}"]
        evaluated = unit(
            plan, "evaluate", f"evaluated{i}", model.output_files() + matrix.output_files()
        )
        drawn = unit(plan, "plot", f"drawn{i}", evaluated.output_files())
        plan.units["experiment"][f"experiment{i}"].inputs["plot"] = drawn.outputs["first"]
    counts = unit(plan, "plot", "counts", plan.units["load"]["table"].output_files())
    plan.units["experiment"]["experiment1"].inputs["counts"] = counts.outputs["first"]
    return plan


def test_what_was_trained_is_evaluated_and_drawn_in_the_same_process(line):
    found = jobs(line)
    assert [batch.keys for batch in found["several"]] == [
        ["table", "matrix1", "matrix2"],
        ["model1", "evaluated1", "drawn1"],
        ["model2", "evaluated2", "drawn2"],
        ["experiment1", "experiment2", "summary"],
    ]
    # What waits for labels alone need not wait for models.
    assert [batch.keys for batch in found["plot"]] == [["counts"]]
    # A job waits for no file of its own.
    for batch in found["several"]:
        assert not {*batch.inputs, *batch.timed} & set(batch.outputs)
    assert found["several"][1].inputs == [f"{line.results}/table.a"]
    # Of a table all files, or some would seem older than what it is made of.
    assert found["several"][1].outputs == [f"{line.results}/{key}1.a" for key in KEYS]
    assert found["several"][3].outputs[-2:] == [f"{line.results}/summary.{end}" for end in "ab"]


def test_what_an_evaluation_needs_beside_must_be_there_before(line):
    late = unit(line, "features", "late", line.units["train"]["model2"].output_files())
    line.units["evaluate"]["evaluated1"].inputs["late"] = late.outputs["first"]
    found = jobs(line)
    keys = [batch.keys for batch in found["several"]]
    # Model 1 does not wait for what model 2 brings.
    assert ["model2", "evaluated2", "drawn2"] in keys
    assert ["evaluated1", "drawn1"] in keys


def test_a_call_that_looks_at_everything_joins_no_stages(line):
    assert "several" not in jobs(line, everything=True)
