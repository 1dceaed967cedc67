"""A map of the features: t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from izwi.errors import UserError
from izwi.plots import style
from izwi.plots.style import COLOURS, COLUMN, LINE, MARKERS, MM


def tsne(
    X: np.ndarray,
    labels: Sequence[str] | Sequence[float],
    parts: Sequence[str],
    path: str | Path,
    seed: int,
    *,
    order: Sequence[str] | None = None,
    title: str = "",
) -> None:
    """Draw a t-SNE map of samples: class by colour and form, train filled, the rest hollow.

    Without train, as in a cross-validation, all are filled. Numbers are drawn by brightness.

    Args:
        X: features of shape (samples, features), NaN where undefined
        labels: (samples) class or number
        parts: (samples) such as ``train`` and ``test``
        path: of the picture
        seed: of the map
        order: classes, ordered
        title: first line, such as the experiment's name

    Raises:
        UserError: if there are fewer than four samples
    """
    places = embed(X, seed)
    labels, filled = pd.Series(labels), np.asarray(parts) == "train"
    folds = not filled.any()
    filled |= folds
    with style.drawing():
        figure = style.new_figure(COLUMN, COLUMN + 8 * LINE, layout="constrained")
        note = f"t-SNE of standardised features, perplexity {perplexity(len(X)):g}"
        top = style.figure_title(figure, title, note)
        height = figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        axes = figure.add_subplot()
        numeric = pd.api.types.is_numeric_dtype(labels)
        names = [] if numeric else list(order or sorted(labels.dropna().unique()))
        handles = []
        if numeric:
            shades = {"c": labels, "cmap": "cividis", "vmin": labels.min(), "vmax": labels.max()}
            for part, marker in ((filled, "o"), (~filled, "^")):
                own = {**shades, "c": labels[part]}
                drawn = axes.scatter(*places[part].T, s=7, marker=marker, linewidths=0, **own)
            figure.colorbar(drawn, ax=axes, label="target", location="bottom", shrink=0.8)
            if not folds:
                handles.append(_handle("o", "0.3", True, "train"))
                handles.append(_handle("^", "0.3", True, "not train"))
        for i, name in enumerate(names):
            marker, colour = MARKERS[i % len(MARKERS)], COLOURS[i % len(COLOURS)]
            for part, face in ((filled, colour), (~filled, "none")):
                own = places[part & (labels == name).to_numpy()]
                axes.scatter(
                    *own.T, s=8, marker=marker, facecolors=face, edgecolors=colour, linewidths=0.5
                )
            handles.append(_handle(marker, colour, True, name))
        unknown = labels.isna().to_numpy()
        if unknown.any():
            axes.scatter(*places[unknown].T, s=3, marker=".", color="0.6")
            handles.append(_handle(".", "0.6", True, "no label"))
        if not numeric and not folds:
            handles += [
                _handle("o", "0.3", True, "filled: train"),
                _handle("o", "0.3", False, "hollow: not train"),
            ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.2)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
        style.save(figure, path)


def perplexity(samples: int) -> float:
    """The usual 30, less for few samples."""
    return min(30.0, (samples - 1) / 3)


def embed(X: np.ndarray, seed: int) -> np.ndarray:
    """Places of samples on the map, of shape (samples, 2).

    Features are imputed by their medians and standardised, and reduced to 50 principal components
    if there are more. One thread is used, because sums over threads change the map.

    Args:
        X: features of shape (samples, features)
        seed: of the map

    Raises:
        UserError: if there are fewer than four samples
    """
    from sklearn.decomposition import PCA
    from sklearn.impute import SimpleImputer
    from sklearn.manifold import TSNE
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    if len(X) < 4:
        raise UserError(f"[PLOT] tsne: a map needs at least 4 samples, there are {len(X)}")
    with threadpool_limits(1):
        steps = [SimpleImputer(strategy="median"), StandardScaler()]
        if min(np.shape(X)) > 50:
            steps.append(PCA(50, random_state=seed))
        reduced = make_pipeline(*steps).fit_transform(X)
        init = "pca" if reduced.shape[1] > 1 else "random"
        model = TSNE(perplexity=perplexity(len(X)), init=init, random_state=seed, n_jobs=1)
        return model.fit_transform(reduced)


def _handle(marker: str, colour: str, filled: bool, label: str) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="",
        marker=marker,
        markersize=3.5,
        markerfacecolor=colour if filled else "none",
        markeredgecolor=colour,
        markeredgewidth=0.5,
        label=style.wrap(label, 31 * MM),
    )
