"""What the pictures of calibration, groups and features say, and that all of it can be read."""

import numpy as np
import pandas as pd
import pytest
from test_plots import EMOTIONS, LONG, assert_legible, classified, drawn, texts

from izwi import plots
from izwi.analyses import importance
from izwi.evaluation import scoring
from izwi.plots import style

__all__ = ["drawn"]
TITLE = "emodb+nemo: os-eGeMAPSv02-functionals+praat, xgb"


def result(labels, runs=1, scaled=False, **spec):
    """metrics.json of predictions with probabilities, by twelve speakers."""
    rng = np.random.default_rng(0)
    parts = []
    for run in range(1, runs + 1):
        frame = classified(labels).assign(run=run)
        p = rng.dirichlet(np.full(len(labels), 0.3), len(frame))
        frame["speaker"] = [f"db/{i % 12}" for i in range(len(frame))]
        frame["prediction"] = np.array(labels)[p.argmax(axis=1)]
        frame = frame.assign(**{f"p_{label}": p[:, i] for i, label in enumerate(labels)})
        if scaled:
            raw = p**3 / (p**3).sum(axis=1, keepdims=True)
            frame = frame.assign(**{f"raw_{label}": raw[:, i] for i, label in enumerate(labels)})
        parts.append(frame)
    traits = pd.DataFrame(
        {
            "gender": ["female" if i % 2 else "male" for i in range(300)],
            "age": [["under 20", "20 to 39", "60 and over"][i % 3] for i in range(300)],
            "language": "de",
        }
    )
    return scoring.evaluate(
        {"task": "classification", "measure": "uar", "labels": labels, "seed": 1} | spec,
        pd.concat(parts),
        training={"runs": []},
        split={},
        tables=[],
        traits=traits,
    )


@pytest.mark.parametrize("labels", [EMOTIONS, LONG], ids=len)
def test_recall(tmp_path, drawn, labels):
    metrics = result(labels)
    plots.recall(metrics, tmp_path / "recall.png", TITLE)
    (figure,) = drawn
    assert_legible(figure)
    (axes,) = figure.axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    shown = {int(line.get_ydata()[0]): line.get_xdata()[0] for line in dots}
    assert list(shown.values()) == [metrics["per_class"][label]["recall"] for label in labels]
    bars = [list(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    limits = [metrics["per_class"][label]["recall_ci"] for label in labels]
    known = [pair for pair in limits if pair != [None, None]]
    assert known == bars[: len(known)]
    told = any("no interval of" in axes.get_title(loc="left") for axes in figure.axes)
    assert told == (len(known) < len(limits)) == (labels == LONG)
    assert any(f"UAR {metrics['value']:.3f}" in text for text in texts(figure))


def test_fairness(tmp_path, drawn):
    metrics = result(EMOTIONS)
    plots.fairness(metrics, tmp_path / "fairness.png", TITLE)
    (figure,) = drawn
    assert_legible(figure)
    assert len(figure.axes) == 2  # one language is no comparison
    for axes, (column, found) in zip(figure.axes, metrics["fairness"].items(), strict=True):
        heading = axes.get_title(loc="left")
        assert heading.startswith(column) and f"gap {found['gap']:.3f}" in heading
        assert f"p = {found['p']:.3f}" in heading
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert [name.split("\n")[0] for name in names] == list(found["groups"])
        values = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
        assert values == [group["value"] for group in found["groups"].values()]
    # Why there is no p is longer than the axes are wide.
    groups = metrics["fairness"]["gender"]["groups"]
    groups = {name: {**row, "n_speakers": 1 + i} for i, (name, row) in enumerate(groups.items())}
    test = "not testable: 3 speakers can be grouped in 3 ways alone, 20 are needed"
    untested = {"groups": groups, "gap": 0.1, "p": None, "test": test}
    plots.fairness({**metrics, "fairness": {"gender": untested}}, tmp_path / "few.png", TITLE)
    figure = drawn.pop()
    assert_legible(figure)
    assert test in " ".join(texts(figure)).replace("\n", " ")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[0].endswith(", 1 speaker") and names[1].endswith(", 2 speakers")
    plots.fairness({**metrics, "fairness": {}}, tmp_path / "none.png", TITLE)
    assert texts(drawn[1]) == ["no column gender, age or language with several values"]


@pytest.mark.parametrize("scaled", [False, True])
def test_reliability(tmp_path, drawn, scaled):
    metrics = result(EMOTIONS, scaled=scaled)
    plots.reliability(metrics, tmp_path / "reliability.png", TITLE)
    (figure,) = drawn
    assert_legible(figure)
    curves = [line for line in figure.axes[0].lines if line.get_marker() in "os"]
    sources = [metrics["calibration"]]
    if scaled:
        sources.insert(0, metrics["calibration"]["before"])
    for curve, source in zip(curves, sources, strict=True):
        occupied = [row for row in source["bins"] if row["n"]]
        assert curve.get_ydata().tolist() == [row["right"] for row in occupied]
        assert curve.get_xdata().tolist() == [row["confidence"] for row in occupied]
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert heights == [row["n"] for row in metrics["calibration"]["bins"]]
    assert any(f"error {metrics['calibration']['ece']:.3f}" in text for text in texts(figure))


def test_uncertainty_and_risk(tmp_path, drawn):
    metrics = result(EMOTIONS, runs=2, uncertainty_threshold=0.3)
    plots.uncertainty(metrics, tmp_path / "uncertainty.png", TITLE)
    plots.risk_coverage(metrics, tmp_path / "risk.png", TITLE)
    first, second = drawn
    for figure in drawn:
        assert_legible(figure)
        assert any("2 runs together" in text for text in texts(figure))
    heights = [bar.get_height() for bar in first.axes[0].patches]
    rows = metrics["uncertainty"]["histogram"]
    assert heights == [row["right"] for row in rows] + [row["wrong"] for row in rows]
    assert sum(heights) == 600 and "threshold 0.3" in texts(first)
    curve = second.axes[0].lines[0]
    assert curve.get_ydata().tolist() == [row["risk"] for row in metrics["uncertainty"]["curve"]]
    plots.confusion_matrix(metrics["certain"], tmp_path / "certain.png", TITLE)
    assert f"n = {metrics['certain']['n_evaluated']}" in " ".join(texts(drawn[2]))
    plots.confusion_matrix({"confusion": None}, tmp_path / "none.png", empty="none below 0.1")
    assert texts(drawn[3]) == ["none below 0.1"]


@pytest.mark.parametrize("name", ["reliability", "uncertainty", "risk_coverage"])
def test_without_probabilities(tmp_path, drawn, name):
    metrics = {**result(EMOTIONS), "calibration": None, "uncertainty": None}
    getattr(plots, name)(metrics, tmp_path / "none.png", TITLE)
    assert "the model gives no probabilities" in texts(drawn[0])


def test_importance(tmp_path, drawn):
    names = [f"F{i}amplitudeLogRelF0_sma3nz_stddevNorm_of_a_very_long_name" for i in range(10)]
    found = pd.DataFrame(
        {
            "feature": names,
            "importance": np.linspace(0.1, -0.01, 10),
            "ci_low": [-0.05] * 9 + [None],
            "ci_high": [0.2] * 9 + [None],
        }
    )
    look = {"value": "importance", "axis": "UAR 0.512 gets worse by", "note": "n = 300"}
    plots.importance(found, tmp_path / "importance.png", TITLE, **look)
    (figure,) = drawn
    assert_legible(figure)
    (axes,) = figure.axes
    values = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert values == found["importance"].tolist()
    assert sum(len(line.get_xdata()) == 2 and line.get_marker() == "None" for line in axes.lines)


@pytest.mark.parametrize("labels", [LONG, None], ids=["classes", "numbers"])
def test_feature_distributions(tmp_path, drawn, labels):
    rng = np.random.default_rng(0)
    n = 240
    truth = np.resize(labels, n).astype(object) if labels else rng.normal(40, 12, n)
    table = pd.DataFrame({"truth": truth, "speaker": [f"db/{i % 10}" for i in range(n)]})
    features = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "constant"])
    features["constant"] = 1.0
    features.loc[7, "b"] = 1e6
    recording = pd.DataFrame({"duration": rng.random(n), "level": rng.random(n)})
    found = importance.distributions(table, features, recording, labels)
    plots.feature_distributions(
        found, features, table, tmp_path / "violins.png", order=labels, title=TITLE, name="emotion"
    )
    (figure,) = drawn
    assert_legible(figure, widest=2 * style.COLUMN)
    by_name = {axes.get_title(loc="left").split("\n")[0]: axes for axes in figure.axes}
    assert by_name["constant"].get_title(loc="left").endswith("not testable")
    far = by_name["b"]
    assert far.get_title(loc="left").endswith("; 1 outside") and far.get_xlim()[1] < 10
    assert "outside" not in by_name["a"].get_title(loc="left")
    if labels:
        dots = [line for line in by_name["a"].lines if line.get_marker() == "o"]
        own = features["a"].groupby([table["truth"], table["speaker"]]).mean()
        for line, label in zip(dots, labels, strict=True):
            assert sorted(line.get_xdata()) == pytest.approx(sorted(own[label]))
