"""The rows beside a picture are what is drawn in it."""

import csv

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from test_plots import EMOTIONS, classified, clusters, drawn, history, metrics, predictions
from test_plots_statistics import result

from izwi import plots
from izwi.engine import stamps
from izwi.engine.plan import Unit
from izwi.files import write_json
from izwi.plots import data
from izwi.stages import plot

__all__ = ["drawn"]


def table(rows, path):
    """The rows as a program reads them from the file."""
    data.write(rows, path / "rows.csv")
    return pd.read_csv(path / "rows.csv")


def test_confusion(tmp_path):
    frame = classified(EMOTIONS)
    found = table(plots.confusion_matrix(metrics(frame, EMOTIONS), tmp_path / "a.png"), tmp_path)
    counts = found.pivot(index="truth", columns="prediction", values="count")
    expected = sk.confusion_matrix(frame["truth"], frame["prediction"], labels=EMOTIONS)
    np.testing.assert_array_equal(counts.loc[EMOTIONS, EMOTIONS], expected)
    shares = found.groupby("truth")["share"].sum()
    assert shares.tolist() == pytest.approx([1] * len(EMOTIONS))


def test_recall_and_groups(tmp_path):
    told = result(EMOTIONS)
    found = table(plots.recall(told, tmp_path / "a.png"), tmp_path)
    assert found["class"].tolist() == EMOTIONS
    for row in found.itertuples():
        about = told["per_class"][row[1]]
        assert (row.n, row.recall) == (about["n"], pytest.approx(about["recall"]))
        assert [row.ci_low, row.ci_high] == pytest.approx(about["recall_ci"])
    found = table(plots.fairness(told, tmp_path / "a.png"), tmp_path)
    expected = [
        (column, name, about["value"])
        for column, groups in told["fairness"].items()
        for name, about in groups["groups"].items()
    ]
    assert list(found[["column", "group", "uar"]].itertuples(index=False, name=None)) == [
        (column, name, pytest.approx(value)) for column, name, value in expected
    ]


def test_points_are_those_of_the_picture(tmp_path, drawn):
    truth = np.random.default_rng(0).normal(40, 10, 50)
    frame = predictions(truth, truth + 1)
    frame.loc[:3, "truth"] = np.nan
    found = table(plots.truth_prediction(frame, metrics(frame), tmp_path / "a.png"), tmp_path)
    points = drawn[0].axes[0].lines[0]
    np.testing.assert_allclose(found[["truth", "prediction"]], points.get_xydata())
    assert found["file"].tolist() == frame["file"][4:].tolist()
    crowd = np.random.default_rng(0).normal(40, 10, plots.scatter.CROWD + 1)
    frame = predictions(crowd, crowd)
    found = table(plots.truth_prediction(frame, metrics(frame), tmp_path / "a.png"), tmp_path)
    assert found["n"].sum() == len(crowd) > len(found)


def test_counts_are_the_lengths_of_bars(tmp_path, drawn):
    frame = pd.DataFrame({"truth": list("aabbbc"), "part": ["train"] * 4 + ["test"] * 2})
    found = table(plots.value_counts(frame, tmp_path / "a.png"), tmp_path)
    bars = [bar.get_width() for group in drawn[0].axes[0].containers for bar in group]
    assert found["samples"].tolist() == bars == [2, 2, 0, 0, 1, 1]
    assert found["group"].tolist() == ["train"] * 3 + ["test"] * 3
    frame["truth"] = [1.0, 2, 2, 3, 3, 3]
    found = table(plots.value_counts(frame, tmp_path / "a.png"), tmp_path)
    bars = [bar.get_height() for axes in drawn[1].axes for bar in axes.patches]
    assert found["samples"].tolist() == bars
    assert found.groupby("group")["samples"].sum().to_dict() == {"train": 4, "test": 2}


def test_maps_and_curves(tmp_path, drawn):
    X, labels = clusters()
    found = plots.embed(X, 1, "pca")
    rows = plots.draw_map(found, labels, ["train"] * 30 + ["test"] * 30, tmp_path / "a.png")
    shown = table(rows, tmp_path)
    np.testing.assert_allclose(shown[["x", "y"]], found.places)
    assert shown["label"].tolist() == labels.tolist()
    assert shown["part"].value_counts().to_dict() == {"train": 30, "test": 30}
    told = result(EMOTIONS)
    for name in ("reliability", "risk_coverage", "uncertainty"):
        rows = getattr(plots, name)(told, tmp_path / "a.png")
        shown = table(rows, tmp_path)
        if name == "risk_coverage":
            curve = drawn[-1].axes[0].lines[0].get_xydata()
            np.testing.assert_allclose(shown[["coverage", "risk"]], curve)
        elif name == "reliability":
            assert shown["n"].tolist() == [bar.get_height() for bar in drawn[-1].axes[1].patches]
        else:
            heights = [bar.get_height() for bar in drawn[-1].axes[0].patches]
            assert [*shown["right"], *shown["wrong"]] == heights
    runs = [history(4, run=run) for run in (1, 2)]
    shown = table(plots.epoch_progression(runs, 1, tmp_path / "a.png"), tmp_path)
    assert len(shown) == 8 and shown["run"].tolist() == [1] * 4 + [2] * 4
    best = shown[shown["run"] == 1]
    lines = [line.get_ydata() for line in drawn[-1].axes[0].lines]
    assert any(np.array_equal(line, best["train_loss"]) for line in lines)


def test_a_picture_without_data_says_so(tmp_path):
    rows = plots.confusion_matrix(
        metrics(predictions([None] * 3, list("aab")), ["a", "b"]), tmp_path / "a.png"
    )
    assert table(rows, tmp_path).to_dict("records") == [{"note": "the picture shows no data"}]


def test_texts_from_outside_run_nothing_in_a_spreadsheet(tmp_path):
    frame = classified(["=1+1", "ü"])
    rows = plots.confusion_matrix(metrics(frame, ["=1+1", "ü"]), tmp_path / "a.png")
    data.write(rows, tmp_path / "rows.csv")
    with open(tmp_path / "rows.csv", newline="", encoding="utf-8-sig") as stream:
        found = list(csv.DictReader(stream))
    assert {row["truth"] for row in found} == {"'=1+1", "ü"}


def test_each_picture_is_made_with_its_data_and_stamped_with_them(tmp_path):
    write_json(tmp_path / "metrics.json", metrics(classified(["a", "b"]), ["a", "b"]))
    spec = {"kind": "confusion_matrix", "title": "t", "files": ["confusion_matrix.pdf"]}
    place = {"name": "x", "plot": "confusion_matrix.pdf"}
    outputs = {role: str(tmp_path / path) for role, path in plot.STAGE.paths(**place).items()}
    unit = Unit("plot", "k", "l", spec, {"metrics": str(tmp_path / "metrics.json")}, outputs)
    plot.run(unit, None)
    beside = tmp_path / "experiments/x/plots/confusion_matrix.pdf.csv"
    assert beside.read_text().startswith("truth,prediction,count,share\na,a,")
    # Text is text of an embedded TrueType font, as journals ask for.
    pdf = beside.with_suffix("").read_bytes()
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf
    stamps.write(unit)
    assert stamps.holds(unit)
    beside.write_text("edited")
    assert not stamps.holds(unit)
