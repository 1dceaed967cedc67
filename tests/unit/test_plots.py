"""What the pictures say, that nothing in them is clipped or too small, and that they repeat."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from sklearn.manifold import trustworthiness

from izwi import plots
from izwi.errors import UserError
from izwi.evaluation import scoring
from izwi.plots import embedding, groups, style

EMOTIONS = ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"]
LONG = [
    "Überraschung (positiv)",
    "Überraschung (negativ)",
    "Żal i smutek",
    "cost $5 or $6",
    "a_very_long_label_without_any_space_in_it",
    *"bcdefgh",
]


def predictions(truth, prediction, **more):
    n = len(truth)
    frame = {
        "row": np.arange(n),
        "database": "db",
        "file": [f"{i}.wav" for i in range(n)],
        "start": pd.to_timedelta([0] * n),
        "end": pd.to_timedelta([pd.NaT] * n),
        "speaker": None,
        "fold": 0,
        "run": 1,
        "truth": truth,
        "prediction": prediction,
    }
    return pd.DataFrame(frame | more)


def metrics(frame, labels=None, measure=None):
    task = "classification" if labels else "regression"
    spec = {"task": task, "measure": measure or ("uar" if labels else "mse")}
    spec |= {"labels": labels, "seed": 1}
    return scoring.evaluate(spec, frame, training={}, split={}, tables=[])


def classified(labels, n=300):
    random = np.random.default_rng(0)
    truth = random.choice(labels, n)
    return predictions(truth, np.where(random.random(n) < 0.6, truth, random.choice(labels, n)))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved; each keeps the texts that were drawn in it, with their places."""
    figures = []
    save, draw = style.save, Text.draw

    def keep(figure, path):
        figure.written = {}
        save(figure, path)
        figures.append(figure)

    def note(text, renderer):
        if text.get_text().strip() and text.get_visible():
            figure = text.get_figure(root=True)
            size = figure.bbox.size  # at the resolution of the file, here only
            place = text.get_window_extent(renderer).extents / np.tile(size, 2)
            place *= np.tile(figure.get_size_inches(), 2) * 72
            figure.written[id(text)] = (text.get_text(), text.get_fontsize(), place)
        draw(text, renderer)

    monkeypatch.setattr(style, "save", keep)
    monkeypatch.setattr(Text, "draw", note)
    return figures


def texts(figure):
    return [text for text, _, _ in figure.written.values()]


def assert_legible(figure, *, widest=style.COLUMN):
    """Nothing too small, clipped, or one over the other, at the width of a column."""
    width, height = figure.get_size_inches() * 72
    assert width <= widest * 72 + 0.01
    places = [(text, place) for text, _, place in figure.written.values()]
    assert places
    assert all(size >= 7 for _, size, _ in figure.written.values())
    for text, (left, low, right, high) in places:
        assert left >= -0.5 and low >= -0.5, text
        assert right <= width + 0.5 and high <= height + 0.5, text
    for i, (text, one) in enumerate(places):
        for other, two in places[i + 1 :]:
            overlap = np.minimum(one[2:], two[2:]) - np.maximum(one[:2], two[:2])
            assert overlap.min() < 1, (text, other)


@pytest.mark.parametrize("labels", [["female", "male"], EMOTIONS, LONG], ids=len)
def test_confusion_matrix(tmp_path, drawn, labels):
    frame = classified(labels)
    result = metrics(frame, labels)
    name = "a_long_name_of_an_experiment_that_goes_on_and_on_emodb_eGeMAPSv02_standard_svm_logo10"
    plots.confusion_matrix(result, tmp_path / "cm.png", name)
    (figure,) = drawn
    assert_legible(figure)
    (axes,) = figure.axes
    crossed = pd.crosstab(frame["truth"], frame["prediction"]).reindex(
        index=labels, columns=labels, fill_value=0
    )
    cells = {text.get_position(): text.get_text().split("\n") for text in axes.texts}
    for (i, j), count in np.ndenumerate(crossed.to_numpy()):
        share = 100 * count / crossed.iloc[i].sum()
        assert cells[j, i][0] == str(count)
        assert float(cells[j, i][1].rstrip("%")) == pytest.approx(share, abs=0.51)
    heading = " ".join(text.get_text() for text in figure.texts)
    low, high = result["ci"]
    chance = 1 / len(labels)
    figure = f"UAR {result['value']:.3f} [{low:.3f}, {high:.3f}] (chance {chance:.3f}), n = 300"
    assert figure in " ".join(heading.split())
    assert "95 %: bootstrap over samples (1000), no speakers known" in heading.replace("\n", " ")
    upper = [t.get_text().replace("\n", " ").replace(" ", "") for t in axes.get_yticklabels()]
    assert upper == [label.replace(" ", "") for label in labels]


def test_confusion_matrix_says_where_speakers_are_few(tmp_path, drawn):
    frame = classified(["a", "b"]).assign(speaker=[f"s{i % 4}" for i in range(300)])
    plots.confusion_matrix(metrics(frame, ["a", "b"]), tmp_path / "cm.png")
    heading = " ".join(text.get_text() for text in drawn[0].texts)
    assert "95 %: jackknife over speakers (t), only 4 speakers" in heading


def test_confusion_matrix_grows_with_many_classes(tmp_path, drawn):
    labels = [f"digit {i}" for i in range(20)]
    plots.confusion_matrix(metrics(classified(labels, 3000), labels), tmp_path / "cm.png")
    assert_legible(drawn[0], widest=2 * style.COLUMN)


def test_confusion_matrix_of_runs_and_absent_classes(tmp_path, drawn):
    first = predictions(list("aab"), list("aab"))
    second = predictions(list("aab"), list("acb"), run=2)
    result = metrics(pd.concat([first, second]), ["a", "b", "c"], measure="accuracy")
    plots.confusion_matrix(result, tmp_path / "cm.png")
    cells = {text.get_position(): text.get_text() for text in drawn[0].axes[0].texts}
    assert cells[0, 0] == "1.5\n75%"
    assert cells[2, 0] == "0.5\n25%"
    assert cells[2, 2] == "0.0\n–"
    written = " ".join(text.get_text() for text in drawn[0].texts)
    assert "means of 2 runs" in written
    assert "UAR 0.875" in written and "ACCURACY 0.833" in written


def test_without_truth(tmp_path, drawn):
    empty = predictions([None] * 3, list("aab"))
    plots.confusion_matrix(metrics(empty, ["a", "b"]), tmp_path / "cm.png")
    empty = predictions([np.nan] * 3, [1.0, 2.0, 3.0])
    plots.truth_prediction(empty, metrics(empty), tmp_path / "tp.png")
    for figure in drawn:
        assert_legible(figure)
        assert "no truth to compare with" in texts(figure)


def test_truth_prediction(tmp_path, drawn):
    random = np.random.default_rng(0)
    truth = random.normal(40, 10, 200)
    frame = predictions(truth, truth + random.normal(0, 5, 200))
    frame.loc[:3, "truth"] = np.nan
    frame.loc[100:, "database"] = "other"
    result = metrics(frame)
    plots.truth_prediction(frame, result, tmp_path / "tp.png", "age")
    (figure,) = drawn
    assert_legible(figure)
    one, other, diagonal = figure.axes[0].lines
    assert one.get_xdata().tolist() == frame["truth"][4:100].tolist()
    assert one.get_ydata().tolist() == frame["prediction"][4:100].tolist()
    assert len(other.get_xdata()) == 100
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    heading = " ".join(text.get_text() for text in figure.texts)
    assert f"MSE {result['value']:.1f} [" in heading and "n = 196" in heading
    assert f"CCC {result['metrics']['ccc']:.3f} [" in heading


def test_truth_prediction_of_a_crowd_and_of_a_constant(tmp_path, drawn):
    truth = np.random.default_rng(0).normal(40, 10, plots.scatter.CROWD + 1)
    frame = predictions(truth, truth + 1)
    plots.truth_prediction(frame, metrics(frame), tmp_path / "crowd.png", "age")
    frame = predictions([3.0] * 4, [3.0] * 4)
    plots.truth_prediction(frame, metrics(frame, measure="pcc"), tmp_path / "constant.png")
    assert drawn[0].axes[0].collections[0].get_array().sum() == len(truth)
    for figure in drawn:
        assert_legible(figure)


def test_value_counts_of_classes(emodb, tmp_path, drawn):
    data = pd.read_csv(emodb / "emodb.csv").rename(columns={"emotion": "truth"})
    data["part"] = np.where(data["speaker"].isin([8, 10, 13, 15]), "test", "train")
    path = tmp_path / "counts.png"
    plots.value_counts(data, path, by={"gender": "gender"}, order=EMOTIONS, title="emodb")
    (figure,) = drawn
    assert_legible(figure)
    parts, genders = figure.axes
    for axes, column, names in (
        (parts, "part", ["train", "test"]),
        (genders, "gender", ["female", "male"]),
    ):
        assert len(axes.containers) == 2
        for bars, name in zip(axes.containers, names, strict=True):
            rows = data[data[column] == name]
            assert bars.get_label().startswith(f"{name}: {len(rows)} samples, ")
            assert f", {rows['speaker'].nunique()} speakers" in bars.get_label()
            expected = [(rows["truth"] == label).sum() for label in EMOTIONS]
            assert [bar.get_width() for bar in bars] == expected


def test_value_counts_of_numbers(speechocean, tmp_path, drawn):
    data = pd.read_csv(speechocean / "speechocean.csv")
    data["truth"] = data["age"].astype(float)
    data["part"] = "fold"
    data.loc[:1, "truth"] = np.nan
    plots.value_counts(data, tmp_path / "counts.png", by={"gender": "gender"}, title="age")
    (figure,) = drawn
    assert_legible(figure)
    assert len(figure.axes) == 3
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    expected = data["truth"].value_counts().reindex(range(6, 38), fill_value=0).tolist()
    assert heights == expected
    assert "2 of 500 samples have no label" in " ".join(t.get_text() for t in figure.texts)


def test_densities_are_sums_of_normal_kernels(speechocean, tmp_path, drawn):
    data = pd.read_csv(speechocean / "speechocean.csv")
    data = data.assign(truth=data["age"].astype(float), part="test")
    data.loc[:99, "part"] = "train"
    data.loc[0, "part"] = ""
    rows = plots.value_counts(data, tmp_path / "a.png", smooth=True, title="age", name="age")
    assert_legible(drawn[0])
    shown = pd.DataFrame(rows)
    for part in ("train", "test"):
        own = data.loc[data["part"] == part, "truth"].to_numpy()
        width = own.std(ddof=1) * len(own) ** -0.2
        curve = shown[shown["group"] == part]
        z = (curve["x"].to_numpy()[:, None] - own) / width
        expected = np.exp(-(z**2) / 2).sum(axis=1) / (len(own) * width * np.sqrt(2 * np.pi))
        assert curve["density"].to_numpy() == pytest.approx(expected)
    # One sample has no density: the panel says so.
    assert set(shown["group"]) == {"train", "test"}
    assert "fewer than two different values" in texts(drawn[0])


def test_value_counts_with_long_labels_and_little_else(tmp_path, drawn):
    frame = pd.DataFrame({"truth": [*LONG, None], "part": "train"})
    plots.value_counts(frame, tmp_path / "a.png", order=LONG)
    frame = pd.DataFrame({"truth": [1.5, 1.5], "part": ["train", ""]})
    plots.value_counts(frame, tmp_path / "b.png")
    for figure in drawn:
        assert_legible(figure)


def test_value_counts_of_another_column(emodb, tmp_path, drawn):
    data = pd.read_csv(emodb / "emodb.csv").rename(columns={"emotion": "truth"})
    data["part"] = np.where(data["speaker"].isin([8, 10, 13, 15]), "test", "train")
    path = tmp_path / "gender.png"
    plots.value_counts(data, path, column="gender", by={"age": "age"}, title="emodb", name="gender")
    (figure,) = drawn
    assert_legible(figure)
    _, ages = figure.axes
    edges = [0, *np.percentile(data["age"], [25, 50, 75]), 99]
    for bars, low, high in zip(ages.containers, edges, edges[1:], strict=False):
        rows = data[(data["age"] > low) & (data["age"] <= high)]
        youngest, oldest = rows["age"].min(), rows["age"].max()
        ages_shown = f"{youngest}–{oldest}" if oldest > youngest else f"{youngest}"
        assert bars.get_label().startswith(f"age {ages_shown}: {len(rows)} samples, ")
        expected = [(rows["gender"] == name).sum() for name in ("female", "male")]
        assert [bar.get_width() for bar in bars] == expected


def test_many_values_are_counted_together():
    values = pd.Series(["b", "b", "a", "c", None, "c", "c", 10.0, "d2", "d10"])
    assert groups.as_text(values, 9)[1] == ["10", "a", "b", "c", "d2", "d10"]
    texts, labels = groups.as_text(values, 3)
    assert labels == ["b", "c", "other (4 values)"]
    assert texts.value_counts().to_dict() == {"other (4 values)": 4, "c": 3, "b": 2}
    assert texts.isna().tolist() == values.isna().tolist()
    assert groups.as_text(pd.Series([True, False]), 5)[1] == ["False", "True"]


def clusters(n=60, classes=3):
    random = np.random.default_rng(0)
    y = np.arange(n) % classes
    X = random.normal(size=(n, 60)) + 5 * random.normal(size=(classes, 60))[y]
    X[0, 0] = np.nan
    X[:, 1] = 1
    X[:, 2] *= 1e6  # standardised, it must not rule the map
    return X, np.array(LONG)[y]


def test_tsne(tmp_path, drawn):
    X, labels = clusters()
    parts = np.where(np.arange(60) < 40, "train", "test")
    plots.draw_map(plots.embed(X, 1), labels, parts, tmp_path / "tsne.png", title="emodb")
    (figure,) = drawn
    assert_legible(figure)
    sizes = [len(points.get_offsets()) for points in figure.axes[0].collections]
    names = sorted(set(labels))
    assert sizes == [
        ((labels == name) & (parts == part)).sum() for name in names for part in ("train", "test")
    ]
    places = embedding.embed(X, 1).places
    scaled = np.nan_to_num((X - np.nanmean(X, axis=0)) / (np.nanstd(X, axis=0) + 1e-9))
    assert trustworthiness(scaled, places, n_neighbors=5) > 0.8
    own = [places[labels == name] for name in names]
    spread = max(np.linalg.norm(group - group.mean(axis=0), axis=1).mean() for group in own)
    centres = [group.mean(axis=0) for group in own]
    assert min(np.linalg.norm(centres[0] - centre) for centre in centres[1:]) > 2 * spread


def test_tsne_of_numbers_of_missing_labels_and_of_few(tmp_path, drawn):
    X, labels = clusters()
    found = plots.embed(X, 1)
    plots.draw_map(found, np.arange(60.0), ["train"] * 60, tmp_path / "numbers.png")
    labels = labels.astype(object)
    labels[:7] = None
    plots.draw_map(found, labels, ["test"] * 60, tmp_path / "missing.png", order=LONG)
    plots.draw_map(plots.embed(X[:4], 1), labels[7:11], ["test"] * 4, tmp_path / "few.png")
    for figure in drawn:
        assert_legible(figure)
    assert [len(c.get_offsets()) for c in drawn[1].axes[0].collections][-1] == 7
    # all in folds: nothing to tell apart
    assert not any("train" in text for text in texts(drawn[1]))
    assert "train" in texts(drawn[0])
    with pytest.raises(UserError, match="at least 4 samples, there are 3"):
        plots.embed(X[:3], 1)


def test_principal_components_against_scikit_learn(tmp_path, drawn):
    X, labels = clusters()
    filled = np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    scaled = (filled - filled.mean(axis=0)) / np.maximum(filled.std(axis=0), 1e-12)
    scaled[:, 1] = 0
    _, values, directions = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    found = plots.embed(X, 1, "pca")
    expected = scaled @ directions[:2].T
    assert np.abs(found.places) == pytest.approx(np.abs(expected), abs=1e-6)
    share = values[0] ** 2 / (values**2).sum()
    assert found.axes[0] == f"component 1: {100 * share:.0f} %"
    plots.draw_map(found, labels, ["train", "test"] * 30, tmp_path / "pca.png", title="emodb")
    assert_legible(drawn[0])


def test_maps_of_three_dimensions(tmp_path, drawn):
    X, labels = clusters()
    filled = np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    scaled = (filled - filled.mean(axis=0)) / np.maximum(filled.std(axis=0), 1e-12)
    scaled[:, 1] = 0
    _, values, directions = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    found = plots.embed(X, 1, "pca", dim=3)
    assert np.abs(found.places) == pytest.approx(np.abs(scaled @ directions[:3].T), abs=1e-6)
    share = values[2] ** 2 / (values**2).sum()
    assert found.axes[2] == f"component 3: {100 * share:.0f} %"
    rows = plots.draw_map(found, labels, ["train", "test"] * 30, tmp_path / "a.png", title="emodb")
    assert [[row[axis] for axis in "xyz"] for row in rows] == found.places.tolist()
    assert_legible(drawn[0])
    axes = drawn[0].axes[0]
    assert axes.name == "3d" and axes.get_zlabel() == found.axes[2]
    assert sum(len(points.get_offsets()) for points in axes.collections) == 60
    # Numbers are drawn by brightness there, too.
    ages = np.where(np.arange(60) < 5, np.nan, np.arange(60.0))
    plots.draw_map(found, ages, ["train", "test"] * 30, tmp_path / "b.png", name="age")
    assert [len(points.get_array()) for points in drawn[1].axes[0].collections[:2]] == [27, 28]
    places = plots.embed(X, 1, dim=3).places
    assert places.shape == (60, 3) and trustworthiness(np.nan_to_num(scaled), places) > 0.8
    narrow = plots.embed(X[:, :2], 1, "pca", dim=3)
    assert not narrow.places[:, 2].any() and narrow.axes[2] == "component 3: 0 %"


def test_more_classes_than_shapes_are_grouped_on_a_map(tmp_path, drawn):
    X, _ = clusters()
    # s0 to s13, of which the last have the fewest samples.
    speakers = np.array([f"s{min(i % 17, 13)}" if i < 51 else "s0" for i in range(60)])
    rows = plots.draw_map(plots.embed(X, 1, "pca"), speakers, ["test"] * 60, tmp_path / "a.png")
    shown = [t for t in texts(drawn[0]) if t.startswith(("s", "other"))]
    assert len(shown) == embedding.MOST_LABELS == 12 and shown[-1] == "other (3 values)"
    sizes = [len(points.get_offsets()) for points in drawn[0].axes[0].collections]
    assert sum(sizes) == 60 and {row["label"] for row in rows} == set(speakers)


def test_a_feature_without_any_value_does_not_change_the_map(recwarn):
    X, _ = clusters()
    empty = np.insert(X, 2, np.nan, axis=1)
    expected = plots.embed(X, 1, "pca").places
    np.testing.assert_array_equal(plots.embed(empty, 1, "pca").places, expected)
    assert not recwarn.list


def test_umap_repeats_and_keeps_neighbours():
    pytest.importorskip("umap", reason="umap-learn is not installed: make umap")
    X, labels = clusters(30)
    places = plots.embed(X, 1, "umap").places
    own = [places[labels == name] for name in sorted(set(labels))]
    spread = max(np.linalg.norm(group - group.mean(axis=0), axis=1).mean() for group in own)
    centres = [group.mean(axis=0) for group in own]
    assert min(np.linalg.norm(centres[0] - centre) for centre in centres[1:]) > 2 * spread
    assert (plots.embed(X, 1, "umap").places == places).all()


def history(n, dev=True, run=1, folds=1):
    rows = [{"epoch": i, "train_loss": run / i} for i in range(1, n + 1)]
    if dev:
        for row in rows:
            row |= {"dev_loss": 1 + 1 / row["epoch"], "dev_measure": 0.5, "train_measure": 0.75}
        rows[0]["dev_measure"] = None
    fold = {"measure": "uar", "best_epoch": n // 2 + 1, "epochs": rows}
    return {"run": run, "folds": [fold] * folds}


def test_epoch_progression(tmp_path, drawn):
    plots.epoch_progression([history(100)], 1, tmp_path / "a.png", "mlp")
    plots.epoch_progression([history(1, dev=False)], 1, tmp_path / "b.png", "mlp")
    for figure in drawn:
        assert_legible(figure)
    losses, measure = drawn[0].axes
    train, dev, best = losses.lines
    assert train.get_ydata()[:2].tolist() == [1, 0.5]
    assert dev.get_ydata()[1] == 1.5
    assert list(best.get_xdata()) == [51, 51]
    assert np.isnan(measure.lines[0].get_ydata()[0])
    assert measure.lines[1].get_ydata()[0] == 0.75
    assert measure.get_ylabel() == "UAR"
    assert len(drawn[1].axes) == 1


def test_epoch_progression_of_runs_and_folds(tmp_path, drawn):
    runs = [history(30, run=1), history(20, run=2), history(25, run=3)]
    plots.epoch_progression(runs, 2, tmp_path / "runs.png", "mlp")
    plots.epoch_progression([history(30, folds=4)], 1, tmp_path / "folds.png", "mlp")
    for figure in drawn:
        assert_legible(figure)
    lines = drawn[0].axes[0].lines
    bold = [line for line in lines if line.get_alpha() is None and line.get_label() == "train"]
    # the run that is best on dev, 2
    assert [line.get_ydata()[0] for line in bold] == [2]
    assert sum(line.get_alpha() == 0.3 for line in lines) == 4
    assert "best epoch on dev: 11, run 2 of 3, the others faint" in texts(drawn[0])
    assert "4 folds" in texts(drawn[1])
    assert len(drawn[1].axes[0].lines) == 8


def test_runs_side_by_side(tmp_path, drawn):
    random = np.random.default_rng(0)
    values = {"os, mlp": random.uniform(0.4, 0.6, 7), "praat, svm": np.array([0.5, 0.5])}
    experiments = [
        {
            **{"name": f"e--{label}", "label": label, "measure": "uar", "n_evaluated": 90},
            "runs": [{"run": run, "value": value} for run, value in enumerate(own.tolist(), 1)],
        }
        for label, own in values.items()
    ]
    other = {"name": "n", "label": LONG[0] * 3, "measure": "mse", "n_evaluated": 80}
    other["runs"] = [{"run": 1, "value": 12.5}, {"run": 2, "value": None}]
    rows = plots.runs_compare([*experiments, other], tmp_path / "a.png", "runs of mine")
    (figure,) = drawn
    assert_legible(figure)
    first, second = figure.axes
    assert [first.get_xlabel(), second.get_xlabel()] == ["UAR", "MSE"]
    dots = [line.get_xdata().tolist() for line in first.lines if line.get_marker() == "o"]
    assert dots == [own.tolist() for own in values.values()]
    means = [line.get_xdata()[0] for line in first.lines if line.get_linewidth() > 1.5]
    assert means == pytest.approx([own.mean() for own in values.values()])
    # Two runs have no box.
    (box,) = first.patches
    low, high = np.percentile(values["os, mlp"], [25, 75])
    assert (box.get_x(), box.get_width()) == pytest.approx((low, high - low))
    assert [line.get_xdata().tolist() for line in second.lines if line.get_marker() == "o"] == [
        [12.5]
    ]
    heading = " ".join(" ".join(texts(figure)).split())
    assert "n = 80 to 90" in heading and "so no test compares them" in heading
    assert "os, mlp: 7 runs" in heading
    assert [row["value"] for row in rows] == [*values["os, mlp"], 0.5, 0.5, 12.5, None]
    many = [{**experiments[1], "name": str(i)} for i in range(plots.runs.MOST + 2)]
    assert len(plots.runs_compare(many, tmp_path / "b.png")) == 2 * len(many)
    assert len(drawn[1].axes[0].get_yticks()) == plots.runs.MOST
    assert "2 further experiments are in the table beside" in texts(drawn[1])


def row(measure="uar", value=0.5, n=9, **values):
    low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
    return {
        "values": {key.replace("_", "."): text for key, text in values.items()},
        "measure": measure,
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "ci_method": None if value is None else "bootstrap over speakers (1000)",
        "n_evaluated": n,
    }


def cells(figure):
    (axes,) = figure.axes
    return {
        (axes.get_yticklabels()[int(t.get_position()[1])].get_text(),
         axes.get_xticklabels()[int(t.get_position()[0])].get_text()): t.get_text()
        for t in axes.texts
    }  # fmt: skip


def test_heat_map(tmp_path, drawn):
    values = {("os", "svm"): 0.61, ("os", "xgb"): 0.5, ("praat", "svm"): 0.25}
    rows = [row(value=v, FEATS_type=f, MODEL_type=m, EXP_seed="1") for (f, m), v in values.items()]
    plots.heat_map(["FEATS.type", "MODEL.type", "EXP.seed"], rows, tmp_path / "a.png", "exp")
    (figure,) = drawn
    assert_legible(figure)
    assert cells(figure) == {
        ("os", "svm"): "0.610\n[0.510, 0.710]",
        ("os", "xgb"): "0.500\n[0.400, 0.600]",
        ("praat", "svm"): "0.250\n[0.150, 0.350]",
        ("praat", "xgb"): "",
    }
    assert "UAR with 95 % interval, n = 9; the darker, the better" in texts(figure)
    assert "intervals: bootstrap over speakers (1000)" in texts(figure)
    light = figure.axes[0].images[0].get_array()[..., :3].sum(axis=-1)
    assert light[0, 0] < light[0, 1] < light[1, 0]


def test_heat_map_of_errors_of_several_measures_and_of_many(tmp_path, drawn):
    errors = [
        row("mse", v, MODEL_type=m, FEATS_type=f)
        for m, *values in (("svr", 3.5, 4.0), ("xgr", 9.0, 3.6), ("knn", None, 5.0))
        for f, v in zip(("os", "praat"), values, strict=True)
    ]
    plots.heat_map(["MODEL.type", "FEATS.type"], errors, tmp_path / "a.png", "a")
    mixed = [
        row(measure, value, n, DATA_target=target, MODEL_type=model)
        for measure, value, n, target in (("uar", 0.4, 9, "emotion"), ("mse", 12.5, 11, "age"))
        for model in ("a", "b")
    ]
    plots.heat_map(["DATA.target", "MODEL.type"], mixed, tmp_path / "b.png", "b")
    many = [
        row(value=(i + j) / 30, FEATS_scale=LONG[i], MODEL_type=f"m{j}", MODEL_C=f"{k}")
        for i in range(12) for j in range(4) for k in range(3)
    ]  # fmt: skip
    plots.heat_map(["FEATS.scale", "MODEL.type", "MODEL.C"], many, tmp_path / "c.png", "c")
    long = [
        row(value=i / 200, MODEL_C=str(i), FEATS_type=f) for i in range(200) for f in ("os", "mld")
    ]
    plots.heat_map(["MODEL.C", "FEATS.type"], long, tmp_path / "d.png", "d")
    for figure in drawn:
        assert_legible(figure, widest=12)
    colours = drawn[0].axes[0].images[0].get_array()[:, 0, :3]
    assert colours[0].sum() < colours[1].sum()  # the smaller error is better
    assert len(set(colours[2])) == 1  # none is grey
    assert set(cells(drawn[1]).values()) == {
        "UAR 0.400\n[0.300, 0.500]\nn = 9",
        "MSE 12.5\n[12.4, 12.6]\nn = 11",
    }
    assert len(cells(drawn[2])) == 144
    assert "50 further rows are in the table alone" in texts(drawn[3])


def lines(axes, style):
    """Points of the lines of a style."""
    return [line.get_xydata() for line in axes.lines if line.get_linestyle() == style]


def worth(**found):
    return row(**found) | {"chance": 0.25, "baseline": 0.3, "baseline_kind": "majority class"}


def test_one_option_of_numbers_is_a_curve(tmp_path, drawn):
    values = {"0.01": 0.4, "10": 0.6, "0.1": 0.55, "1": None}
    rows = [worth(value=v, MODEL_C=c, EXP_seed="1") for c, v in values.items()]
    plots.heat_map(["MODEL.C", "EXP.seed"], rows, tmp_path / "a.png", "C of svm")
    (figure,) = drawn
    assert_legible(figure)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "MODEL.C"
    (points,) = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
    wanted = [(float(c), np.nan if v is None else v) for c, v in values.items()]
    np.testing.assert_allclose(points, sorted(wanted))
    ends = {(line[0][0], *line[:, 1]) for line in lines(axes, "-") if len(line) == 2}
    assert ends == {(float(c), v - 0.1, v + 0.1) for c, v in values.items() if v is not None}
    for style_, height in ((":", 0.25), ("-.", 0.3)):
        (line,) = lines(axes, style_)
        assert set(line[:, 1]) == {height}
    assert {"chance", "majority class", "none", "0.01", "10"} <= set(texts(figure))
    assert "UAR with 95 % interval, n = 9" in texts(figure)
    # Steps of equal size are no powers.
    even = [worth(value=0.5, MODEL_K=str(i)) for i in range(1, 41)]
    plots.heat_map(["MODEL.K"], even, tmp_path / "b.png", "")
    powers = [worth(value=0.5, MODEL_K=str(2**i)) for i in range(13)]
    plots.heat_map(["MODEL.K"], powers, tmp_path / "c.png", "")
    assert [figure.axes[0].get_xscale() for figure in drawn[1:]] == ["linear", "log"]
    for figure in drawn:
        assert_legible(figure)


def test_one_option_of_words_is_dots_below_each_other(tmp_path, drawn):
    rows = [
        worth(value=v, FEATS_type=f) for f, v in zip(LONG[:4], (0.5, None, 0.6, 0.7), strict=True)
    ]
    # Another value that follows from the first, and another baseline.
    rows = [r | {"values": r["values"] | {"EXP.name": f"e{i}"}} for i, r in enumerate(rows)]
    rows[3]["baseline"] = 0.35
    plots.heat_map(["FEATS.type", "EXP.name"], rows, tmp_path / "a.png", "features")
    mixed = [row("uar", 0.4, 9, DATA_target="emotion"), row("mse", 12.5, 11, DATA_target="age")]
    plots.heat_map(["DATA.target"], mixed, tmp_path / "b.png", "two")
    many = [row(value=0.5, FEATS_type=f"type {i}") for i in range(70)]
    plots.heat_map(["FEATS.type"], many, tmp_path / "c.png", "many")
    for figure in drawn:
        assert_legible(figure)
        assert figure.get_figheight() <= style.PAGE
    # A table of one column.
    one = [r | {"values": {"model": f"m{i}", "data": "emodb"}} for i, r in enumerate(rows)]
    plots.heat_map(["model", "data"], one, tmp_path / "d.png", "table", across="data")
    names = [text.get_text() for text in drawn.pop().axes[0].get_yticklabels()]
    assert names == ["m0", "m1", "m2", "m3"]
    (axes,) = drawn[0].axes
    labels = [text.get_text().replace("\n", " ") for text in axes.get_yticklabels()]
    assert [text.replace(" ", "") for text in labels] == [t.replace(" ", "") for t in LONG[:4]]
    dots = [line.get_xydata()[0][0] for line in axes.lines if line.get_marker() == "o"]
    assert dots == [0.5, 0.6, 0.7] and "undefined" in texts(drawn[0])
    assert [line[0][0] for line in lines(axes, "-.")] == [0.3, 0.3, 0.3, 0.35]
    assert [axes.get_xlabel() for axes in drawn[1].axes] == ["UAR", "MSE"]
    assert {"emotion\nn = 9", "age\nn = 11"} <= set(texts(drawn[1]))
    drawn_rows = len(drawn[2].axes[0].get_yticklabels())
    assert 30 < drawn_rows < 70
    assert f"{70 - drawn_rows} further rows are in the table alone" in texts(drawn[2])


@pytest.mark.parametrize("ending", ["png", "pdf", "svg", "eps"])
def test_pictures_repeat_byte_by_byte(tmp_path, ending, monkeypatch, recwarn):
    import matplotlib

    X, labels = clusters(20)
    files = []
    for name in ("one", "two"):
        files.append(tmp_path / f"{name}.{ending}")
        plots.draw_map(plots.embed(X, 1), labels, ["train", "test"] * 10, files[-1], title="emodb")
        # the user's own settings have no say
        monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)
        monkeypatch.setitem(matplotlib.rcParams, "savefig.dpi", 20)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"Matplotlib v" not in files[0].read_bytes()
    assert matplotlib.rcParams["font.size"] == 30
    assert not [w for w in recwarn if "transparency" in str(w.message)]


def test_png_is_300_dpi(tmp_path):
    from PIL import Image

    plots.epoch_progression([history(3)], 1, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == pytest.approx(85 / 25.4 * 300, abs=1)
        assert "Software" not in image.info


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match="unknown format"):
        plots.epoch_progression([history(3)], 1, tmp_path / "a.bmp")


def test_import_leaves_heavy_things_out():
    code = (
        "import sys, izwi.plots; print(*{'matplotlib.pyplot', 'sklearn', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_number_stays_with_its_sign():
    from izwi.plots import style

    for width in (0.5, 0.8, 1.1, 1.4):
        assert "n = 530" in style.wrap("UAR 0.328 [0.274, 0.388], n = 530", width)
