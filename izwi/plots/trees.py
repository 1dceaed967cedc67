"""A decision tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.style import COLUMN, LINE, MM, SIZE
from izwi.reporting.numbers import plain
from izwi.wording import count

# Levels below the root that are drawn.
DEPTH = 3
_WIDTH = 2 * COLUMN
_COLUMN = _WIDTH / 2**DEPTH


def tree(
    estimator: Any, features: list[str], path: str | Path, *, title: str = "", note: str = ""
) -> Rows:
    """Draw the first levels of a fitted tree of scikit-learn, from left to right by its nodes.

    A node says what it asks, and what is left of the training samples in it; the upper branch is
    that of yes.

    Args:
        estimator: fitted, for classes or numbers
        features: their names
        path: of the picture
        title: first line
        note: second line

    Returns:
        all nodes, also those that are not drawn
    """
    grown = estimator.tree_
    depth = np.zeros(grown.node_count, dtype=int)
    for node in range(grown.node_count):
        for child in (grown.children_left[node], grown.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    levels = int(min(DEPTH, depth.max()))
    lines = f"{count(grown.n_leaves, 'leaf', 'leaves')}, {count(grown.max_depth, 'level')}"
    if depth.max() > DEPTH:
        lines += f", of which the first {DEPTH} are drawn"
    with style.drawing():
        leaves = 2**levels
        height = leaves * 4.2 * LINE + 6 * LINE
        figure = style.new_figure(_WIDTH, height)
        top = style.figure_title(figure, title, "; ".join(filter(None, [note, lines])))
        axes = figure.add_axes((0, 0, 1, 1 - top / height))
        axes.set(xlim=(0, levels + 1), ylim=(0, leaves))
        axes.set_axis_off()
        _node(axes, estimator, features, 0, (0.0, 0.0, float(leaves)), levels)
        style.save(figure, path)
    names = [str(features[i]) if i >= 0 else None for i in grown.feature]
    return [
        {
            "node": node,
            "depth": int(depth[node]),
            "feature": names[node],
            "threshold": float(grown.threshold[node]) if names[node] else None,
            "yes": int(grown.children_left[node]) if names[node] else None,
            "no": int(grown.children_right[node]) if names[node] else None,
            "n": int(grown.n_node_samples[node]),
            "impurity": float(grown.impurity[node]),
            "decision": _decision(estimator, node),
        }
        for node in range(grown.node_count)
    ]


def _node(
    axes: Any,
    estimator: Any,
    features: list[str],
    node: int,
    at: tuple[float, float, float],
    left: int,
) -> float:
    """Draw a node and what is below it between two heights; returns its own height."""
    x, low, high = at
    middle, grown = (low + high) / 2, estimator.tree_
    width = _WIDTH / axes.get_xlim()[1] - 4 * MM
    inside = f"{_decision(estimator, node)}, n = {grown.n_node_samples[node]}"
    split = grown.feature[node] >= 0
    if split:
        limit = plain(float(f"{grown.threshold[node]:.3g}")).replace("-", "\N{MINUS SIGN}")
        asked = style.shorten(str(features[grown.feature[node]]), width)
        inside = f"{asked}\n≤ {limit}?\n{style.shorten(inside, width)}"
    else:
        inside = style.shorten(inside, width)
    axes.text(x + 0.04, middle, inside, size=SIZE, ha="left", va="center", linespacing=1.2)
    if split and left:
        ends = (
            (grown.children_left[node], middle, high),
            (grown.children_right[node], low, middle),
        )
        for child, below, above in ends:
            y = _node(axes, estimator, features, child, (x + 1, below, above), left - 1)
            axes.plot([x + 0.93, x + 1.02], [middle, y], color="0.5", linewidth=0.6)
    return middle


def _decision(estimator: Any, node: int) -> str:
    """What the tree says at a node."""
    value = estimator.tree_.value[node][0]
    classes = getattr(estimator, "classes_", None)
    return f"{value[0]:.3g}" if classes is None else str(classes[int(np.argmax(value))])
