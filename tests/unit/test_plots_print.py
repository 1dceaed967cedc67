"""Every kind of picture with a dozen long labels, as it is printed 85 mm wide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from test_plots import (  # noqa: F401
    assert_legible,
    classified,
    drawn,
    history,
    metrics,
    predictions,
    row,
    texts,
)

from izwi import plots
from izwi.plots import embedding, style

LABELS = [
    "überraschte Freude (laut)",
    "zaskoczenie — pytające",
    "Ärger, unterdrückt",
    "žal i smutek (cichy)",
    "ennui & lassitude",
    "ηρεμία (ήσυχη φωνή)",
    "спокойная речь",
    "öfkeli bağırma",
    "näyttelijän ilo",
    "nöjd förväntan (svag)",
    "desprecio irónico",
    "łagodny, ciepły ton",
]
RANDOM = np.random.default_rng(0)


def confusion_matrix(path):
    confusion_matrix_of(10, path)


def confusion_matrix_of_many(path):
    confusion_matrix_of(50, path)


def confusion_matrix_of(times, path):
    result = metrics(classified(LABELS, 300), LABELS)
    result["confusion"]["counts"] = [
        [times * count for count in line] for line in result["confusion"]["counts"]
    ]
    plots.confusion_matrix(result, path, "emodb+nemo: os, svm")


def value_counts(path):
    n = 300
    frame = pd.DataFrame(
        {
            "truth": RANDOM.choice(LABELS, n),
            "part": RANDOM.choice(["train", "dev", "test"], n),
            "gender": RANDOM.choice(["weiblich", "männlich", "keine Angabe gemacht"], n),
            "mood": RANDOM.choice(LABELS, n),
            "speaker": RANDOM.choice([f"s{i}" for i in range(200)], n),
        }
    )
    by = {"gender": "Geschlecht", "mood": "Stimmung"}
    plots.value_counts(frame, path, by=by, order=LABELS, title="emodb+nemo: Gefühl", name="Gefühl")


def feature_map(path):
    n = 240
    found = embedding.Map(RANDOM.normal(size=(n, 2)), "t-SNE of standardised features")
    labels, parts = np.array(LABELS)[np.arange(n) % 12], RANDOM.choice(["train", "test"], n)
    plots.draw_map(found, labels, parts, path, order=LABELS, title="emodb+nemo", name="Gefühl")


def epoch_progression(path):
    runs = [history(60), history(50, run=2), history(40, run=3)]
    plots.epoch_progression(runs, 1, path, "emodb+nemo: wav2vec2, " + LABELS[0])


def truth_prediction(path):
    truth = RANDOM.normal(40, 10, 400)
    frame = predictions(truth, truth + RANDOM.normal(0, 5, 400))
    frame["database"] = RANDOM.choice(LABELS, 400)
    plots.truth_prediction(frame, metrics(frame), path, "zwölf Datenbanken")


def learning_curve(path):
    points = [
        {"n_train": n, "fold": 0, "train": 0.9, "test": 0.4 + n / 500} for n in (20, 40, 80, 160)
    ]
    curve = {"unit": "speakers", "measure": "uar", "points": points, "mean": points}
    curve |= {"chance": {"uar": 0.2}, "baseline": {"kind": "majority class", "uar": 0.25}}
    plots.learning_curve(curve, path, f"emodb+nemo: {LABELS[0]}, {LABELS[1]}")


def robustness(path):
    rows = [{"degradation": "none", "strength": "", "level": None, "n": 300, "value": 0.7}]
    rows += [
        {"degradation": kind, "strength": f"{level} dB SNR", "level": level, "n": 300, "value": 0.5}
        for kind in ("white noise", "babble-like noise", "reverberation", "clipping")
        for level in (20, 10, 5, 0)
    ]
    shared = {"measure": "uar", "ci": [0.4, 0.8], "ci_method": "jackknife over speakers (t)"}
    rows[3]["value"] = None
    shown = plots.robustness([row | shared for row in rows], path, "emodb+nemo: " + LABELS[0])
    assert [row["level"] for row in shown] == [None, *[20, 10, 5, 0] * 4]
    assert shown[1]["ci_low"] == 0.4 and shown[3]["value"] is None


def grid(across, down=12):
    axes = ["FEATS.scale", "MODEL.type"]
    rows = [
        row(value=0.2 + (i * len(across) + j) / 300, FEATS_scale=LABELS[i], MODEL_type=across[j])
        for i in range(down)
        for j in range(len(across))
    ]
    return lambda path: plots.heat_map(axes, rows, path, "Raster")


KINDS = {
    "confusion_matrix": confusion_matrix,
    "confusion_matrix_of_many": confusion_matrix_of_many,
    "value_counts": value_counts,
    "feature_map": feature_map,
    "epoch_progression": epoch_progression,
    "truth_prediction": truth_prediction,
    "learning_curve": learning_curve,
    "robustness": robustness,
    "heat_map_3": grid(["svm", "xgb", "überwachtes Netz"]),
    "heat_map_5": grid(LABELS[:5]),
    "heat_map_12": grid(LABELS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_text_of_seven_points_and_nothing_clipped_or_one_over_the_other(
    kind,
    tmp_path,
    drawn,  # noqa: F811
):
    KINDS[kind](tmp_path / "picture.png")
    (figure,) = drawn
    # At the width of a column, 85 mm; bars that would be higher than a page are as wide as that.
    assert_legible(figure, widest=style.COLUMN * (1 + (kind == "value_counts")))
    assert figure.get_figheight() <= style.PAGE
    # A legend that stands below hides no point.
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)


def test_what_does_not_fit_is_left_to_the_table(tmp_path, drawn):  # noqa: F811
    grid(["svm", "xgb", "mlp"], 3)(tmp_path / "a.png")
    grid(LABELS[:5], 3)(tmp_path / "b.png")
    grid(LABELS, 3)(tmp_path / "c.png")
    cells = [{text.get_text() for text in figure.axes[0].texts} for figure in drawn]
    assert "0.200\n[0.100, 0.300]" in cells[0]
    assert "0.200\n[0.100,\n0.300]" in cells[1]
    assert {".20", ".32"} <= cells[2]
    notes = ["95 % intervals are in the table" in texts(figure) for figure in drawn]
    assert notes == [False, False, True]
    rows = [
        row(n=500 + i, MODEL_type=label, FEATS_scale=scale)
        for i, label in enumerate(LABELS)
        for scale in "ab"
    ]
    plots.heat_map(["FEATS.scale", "MODEL.type"], rows, tmp_path / "n.png", "", across="MODEL.type")
    figure = drawn.pop()
    written = " ".join(texts(figure)).replace("\n", " ")
    assert "95 % intervals and numbers of samples are in the table" in written
    assert_legible(figure)
    confusion_matrix_of_many(tmp_path / "d.png")
    result = metrics(classified(LABELS, 300), LABELS)["confusion"]["counts"]
    written = texts(drawn[3])
    assert "cells: % of the true class" in written
    ends = [text.rpartition("\n")[2] for text in written if "\nn = " in text]
    assert ends == [f"n = {50 * sum(line)}" for line in result]


def test_forms_and_colours_are_told_apart_in_grey_and_by_the_colour_blind():
    """Hatches and forms differ; of colours alone each two differ in at least one kind of sight."""
    assert len(set(style.MARKERS)) >= len(LABELS)
    assert len(set(style.HATCHES)) == len(style.COLOURS)
    # Viénot, Brettel and Mollon 1999: red and green cones missing, on linear RGB.
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    colours = np.array([to_rgb(colour) for colour in style.COLOURS]) ** 2.2
    for sight in (protan, deutan):
        seen = np.clip(colours @ sight.T, 0, 1) ** (1 / 2.2)
        apart = np.abs(seen[:, None] - seen[None]).max(axis=2)
        assert apart[~np.eye(len(seen), dtype=bool)].min() > 0.1


def test_text_in_cells_stands_out_in_grey(tmp_path, drawn):  # noqa: F811
    """A contrast of 4.5 and more, as WCAG 2 asks for."""
    shares = np.linspace(0, 1, 12)
    counts = [[1000 - round(1000 * share), round(1000 * share)] for share in shares]
    result = metrics(classified(["a", "b"]), ["a", "b"])
    for i in range(0, 12, 2):
        result["confusion"]["counts"] = counts[i : i + 2]
        plots.confusion_matrix(result, tmp_path / "a.png")
    for figure in drawn:
        (axes,) = figure.axes
        ground = np.asarray(axes.collections[0].get_array())[..., :3]
        for text in axes.texts:
            j, i = text.get_position()
            one, other = sorted(map(luminance, (ground[i, j], to_rgb(text.get_color()))))
            assert (other + 0.05) / (one + 0.05) > 4.5


def luminance(colour):
    """Relative luminance of sRGB, 0 to 1."""
    colour = np.asarray(colour)
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)
