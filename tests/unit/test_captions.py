"""Every picture that a stage can make has a caption of its own."""

from pathlib import Path

import pytest

from izwi import plots
from izwi.config import pictures
from izwi.engine.plan import Plan, Unit
from izwi.files import write_json
from izwi.plots.kinds import KINDS
from izwi.reporting import captions, rows, snakemake_report
from izwi.reporting.pictures import OF_METRICS

# Names of the files of kinds that draw more than one, or one by another name.
DRAWN = {kind: list(entry.pictures) for kind, entry in OF_METRICS.items()}
DRAWN |= {"database_counts": ["value_counts_of_emodb"], "value_counts": ["value_counts_age"]}


@pytest.mark.parametrize("kind", [*KINDS, "heat_map"])
def test_it_has_a_caption(kind):
    for stem in DRAWN.get(kind, [kind]):
        own = captions.kind_of(stem)
        assert own and captions.seen(stem).endswith("."), stem
        assert captions.title(stem).startswith(captions.KINDS[own][0])


def test_kinds_are_told_apart():
    assert captions.kind_of("value_counts_of_emodb") == "value_counts_of"
    assert captions.kind_of("tsne_gender") == "tsne"
    assert captions.kind_of("picture_of_another_tool") is None
    assert set(pictures.MAPS) <= set(captions.KINDS)


def test_every_function_that_draws_is_one_of_a_kind():
    """What a new function of ``izwi.plots`` draws cannot be forgotten here."""
    several = {"draw_map": list(pictures.MAPS), "embed": [], "correlations": []}
    several["importance"] = ["permutation", "shap", "ranking"]
    drawn = {kind for name in plots.__all__ for kind in several.get(name, [name])}
    assert drawn <= set(captions.KINDS)
    # The others are matrices and counts of other rows.
    assert {kind for kind in captions.KINDS if kind not in drawn} == {
        "confusion_matrix_binned",
        "confusion_matrix_certain",
        "confusion_matrix_per_speaker",
        "value_counts_of",
    }


def unit(stage, label, spec, outputs):
    return Unit(stage, f"{stage}-{label}", label, spec, {}, outputs)


@pytest.fixture
def plan(tmp_path):
    """A grid and a table of two experiments, one of them made, with names of kinds of pictures."""
    plan = Plan(str(tmp_path), str(tmp_path))
    record = {
        "target": "emotion",
        "databases": [{"name": "emodb"}],
        "features": [{"type": "os", "options": {"set": "eGeMAPSv02"}}],
        "model": {"type": "svm"},
    }
    metrics = {
        "n_train": 60,
        "per_fold": [],
        "n_test": 40,
        "n_evaluated": 40,
        "n_speakers": 4,
        "measure": "uar",
        "value": 0.5,
    }
    metrics |= {"ci": [0.4, 0.6], "ci_method": "jackknife over speakers (t)"}
    (tmp_path / "made").mkdir()
    write_json(tmp_path / "made/experiment.json", record)
    write_json(tmp_path / "made/metrics.json", metrics)
    stems = [stem for kind in captions.KINDS for stem in DRAWN.get(kind, [kind])]
    for name in ("made", "lost"):
        folder = tmp_path / name
        files = ("metrics.json", "predictions.csv", "experiment.json")
        roles = ("metrics", "predictions", "record")
        outputs = {role: str(folder / file) for role, file in zip(roles, files, strict=True)}
        plan.units["experiment"][name] = unit("experiment", name, {}, outputs)
        for file in (*(f"{stem}.svg" for stem in stems), "recall.pdf"):
            outputs = {"picture": str(folder / "plots" / file)}
            plan.units["plot"][f"{name}/{file}"] = unit("plot", file, {}, outputs)
    outputs = {"summary": str(tmp_path / "summary.csv")}
    plan.units["summary"]["all"] = unit("summary", "all experiments", {}, outputs)
    members = {"members": [{"name": "made"}, {"name": "lost"}]}
    files = {end: str(tmp_path / f"grids/g/table.{end}") for end in ("csv", "md")}
    files["cells"] = str(tmp_path / "cells.json")
    plan.units["grid"]["g"] = unit("grid", "g", members, files)
    spec = {"caption": "Models by scaling", "experiments": ["made", "lost"]}
    files = {end: str(tmp_path / f"tables/recall.{end}") for end in ("csv", "md", "tex")}
    files["tests"] = str(tmp_path / "tests.json")
    plan.units["table"]["recall"] = unit("table", "recall", spec, files)
    for stage, name, file in (
        ("grid", "g", "grids/g/heat_map.png"),
        ("table", "recall", "tables/recall.png"),
    ):
        outputs = {"picture": str(tmp_path / file)}
        plan.units["heat_map"][name] = unit("heat_map", name, {"stage": stage, "of": name}, outputs)
    files = {"comparisons": str(tmp_path / "comparisons.csv")}
    plan.units["comparisons"]["all"] = unit("comparisons", "all", {}, files)
    return plan


def test_the_report_shows_all_pictures_and_tables_with_captions(plan, tmp_path):
    shown = snakemake_report.shown(plan)
    outputs = {path for one in plan.each() for path in one.output_files()}
    hidden = (".pdf", ".tex", "tests.json", "cells.json")
    assert set(shown) == {path for path in outputs if not path.endswith(hidden)}
    for path, about in shown.items():
        if Path(path).parent.name == "plots":
            assert snakemake_report.rst(captions.seen(Path(path).stem)) in about.caption
            assert about.category == f"Experiment {Path(path).parts[-3]}"
            assert about.title == captions.title(Path(path).stem)
    text = shown[str(tmp_path / "made/plots/shap.svg")].caption
    assert snakemake_report.rst("made: emotion of emodb, from os") in text and "UAR 0.5" in text
    # A table is not taken for the picture whose name it has.
    picture = shown[str(tmp_path / "tables/recall.png")]
    assert picture.caption.startswith("A cell per experiment")
    about = "Models by scaling: emotion of emodb; 1 experiment, tested on 40 samples."
    assert snakemake_report.rst(about) in picture.caption
    assert (picture.category, picture.title) == ("Tables", "recall: heat map")
    assert "behind the marks" in shown[str(tmp_path / "comparisons.csv")].caption
    assert "made, lost" in shown[str(tmp_path / "summary.csv")].caption


def test_data_of_several_experiments():
    records = [
        {"target": "emotion", "databases": [{"name": name}]} for name in ("emodb", "nemo", "nemo")
    ]
    results = [
        (record, {"n_test": 70, "n_evaluated": n})
        for record, n in zip(records, (40, 60, 50), strict=True)
    ]
    assert captions.data_of_several(results) == (
        "emotion of emodb and nemo; 3 experiments, each tested on 40 to 60 samples."
    )


def test_folds_do_not_read_as_training_on_the_test_samples():
    record = {
        "target": "emotion",
        "databases": [{"name": "emodb"}],
        "features": [{"type": "os", "options": {"set": "eGeMAPSv02"}}],
        "model": {"type": "svm"},
    }
    metrics = {"n_train": 312, "n_evaluated": 312, "n_speakers": 10}
    held_out = captions.data(record, metrics | {"n_train": 250, "per_fold": []})
    assert held_out.endswith("trained on 250 samples, tested on 312 samples of 10 speakers.")
    metrics["per_fold"] = [{}] * 10
    found = captions.data(record, metrics)
    assert "trained on" not in found and found.endswith(
        "; 312 samples of 10 speakers in 10 folds, each tested once by a model of other folds."
    )
    found = captions.data(record, metrics | {"n_augmented": 624})
    assert found.endswith("by a model of other folds (624 augmented copies in training).")
    split = {"strategy": None, "databases": {}, "tests": None}
    lines = rows.row(
        {**record, "preprocessing": {"scale": None}, "split": split},
        {
            **dict.fromkeys(("name", "type", "measure", "value", "ci", "ci_method", "n_test")),
            **metrics,
            **{"few_speakers": False, "transductive": False, "warnings": []},
        },
    )
    assert (lines["n_train"], lines["n_folds"]) == (312, 10)
