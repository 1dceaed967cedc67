"""Maps of the features: t-SNE, UMAP, principal components."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from izwi.errors import UserError
from izwi.plots import data, style
from izwi.plots.data import Rows
from izwi.plots.groups import as_text, is_numeric
from izwi.plots.style import COLOURS, COLUMN, LINE, MARKERS, MM

MOST_LABELS = len(MARKERS)  # further ones share one colour
_DEPTH = {"projection": "3d"}
_NEIGHBOURS = 15  # of UMAP, its default


class Map(NamedTuple):
    """Positions of samples in two or three dimensions.

    Args:
        places: of shape (samples, dimensions)
        note: the method, in one line
        axes: names of the axes, empty if they have no meaning
    """

    places: np.ndarray
    note: str
    axes: tuple[str, ...] = ()


def draw_map(
    found: Map,
    labels: Sequence[str] | Sequence[float],
    parts: Sequence[str],
    path: str | Path,
    *,
    order: Sequence[str] | None = None,
    title: str = "",
    name: str = "label",
) -> Rows:
    """Draw a map of samples: class by colour and shape, train filled, the rest hollow.

    Without train, as in cross-validation, all are filled. Numbers are drawn by brightness.

    Args:
        found: the positions
        labels: (samples) class or number
        parts: (samples) such as ``train`` and ``test``
        path: of the picture
        order: classes, ordered
        title: first line
        name: name of the labels in the picture
    """
    places = found.places
    values, filled = pd.Series(labels), np.asarray(parts) == "train"
    folds = not filled.any()
    filled |= folds
    with style.drawing():
        numeric = is_numeric(values)
        names: list[str] = []
        if not numeric:
            values, names = as_text(values, MOST_LABELS, order)
        rows = (len(names) + 4) // 2
        figure = style.new_figure(COLUMN, COLUMN + max(8, rows + 3) * LINE, layout="constrained")
        top = style.figure_title(figure, title, found.note)
        height = figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        solid = places.shape[1] == 3
        axes = figure.add_subplot(**_DEPTH if solid else {})
        # Shades of depth would be taken for shades of a colour.
        flat = {"depthshade": False} if solid else {}
        handles = []
        if numeric:
            drawn = _shaded(axes, places, values, filled, **flat)
            figure.colorbar(drawn, ax=axes, label=name, location="bottom", shrink=0.8)
            if not folds:
                handles.append(_handle("o", "0.3", True, "train"))
                handles.append(_handle("^", "0.3", True, "not train"))
        for i, text in enumerate(names):
            marker, colour = MARKERS[i % len(MARKERS)], COLOURS[i % len(COLOURS)]
            for part, face in ((filled, colour), (~filled, "none")):
                own = places[part & (values == text).to_numpy()]
                look = {"marker": marker, "facecolors": face, "edgecolors": colour}
                axes.scatter(*own.T, s=8, linewidths=0.5, **look, **flat)
            handles.append(_handle(marker, colour, True, text))
        unknown = values.isna().to_numpy()
        if unknown.any():
            axes.scatter(*places[unknown].T, s=3, marker=".", color="0.6", **flat)
            handles.append(_handle(".", "0.6", True, f"no {name}"))
        if not numeric and not folds:
            handles += [
                _handle("o", "0.3", True, "filled: train"),
                _handle("o", "0.3", False, "hollow: not train"),
            ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.2)
        for name, axis in zip("xyz", found.axes or [""] * places.shape[1], strict=False):
            axes.set(**{f"{name}ticks": [], f"{name}label": axis})
            if solid:
                # Without ticks the names would be far out, and that of the third axis be cut off.
                getattr(axes, f"{name}axis").labelpad = -12
                axes.set_box_aspect(None, zoom=0.9)
        axes.spines[:].set_visible(not solid)
        style.save(figure, path)
    shown = pd.DataFrame(dict(zip("xyz", places.T, strict=False)))
    return data.of_frame(shown.assign(part=list(parts), label=list(labels)))


def _shaded(
    axes: Any, places: np.ndarray, values: pd.Series, filled: np.ndarray, **options: Any
) -> Any:
    """Numbers as brightness; what the colour bar belongs to."""
    look = {"cmap": "cividis", "vmin": values.min(), "vmax": values.max(), "linewidths": 0}
    known = values.notna().to_numpy()
    for part, marker in ((filled & known, "o"), (~filled & known, "^")):
        drawn = axes.scatter(
            *places[part].T, c=values[part], s=12, marker=marker, **look, **options
        )
    return drawn


def embed(X: np.ndarray, seed: int, kind: str = "tsne", dim: int = 2) -> Map:
    """Positions of samples on a map.

    Features are imputed by their medians and standardised; if there are more than 50, t-SNE and
    UMAP use 50 principal components. It uses one thread, because sums over threads change the map.

    Args:
        X: features of shape (samples, features)
        seed: of the map
        kind: ``tsne``, ``umap`` or ``pca``
        dim: dimensions, 2 or 3

    Raises:
        UserError: if there are fewer than four samples
    """
    from sklearn.decomposition import PCA
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    if len(X) < 4:
        raise UserError(f"[PLOT] {kind}: a map needs at least 4 samples, there are {len(X)}")
    X = X[:, ~np.isnan(X).all(axis=0)]  # the imputer would leave the others out, but warn
    with threadpool_limits(1):
        scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit_transform(X)
        if kind == "pca":
            return _components(scaled, seed, dim)
        if min(scaled.shape) > 50:
            scaled = PCA(50, random_state=seed).fit_transform(scaled)
        return (_tsne if kind == "tsne" else _umap)(scaled, seed, dim)


def perplexity(samples: int) -> float:
    """The usual 30, fewer for few samples."""
    return min(30.0, (samples - 1) / 3)


def _tsne(X: np.ndarray, seed: int, dim: int) -> Map:
    from sklearn.manifold import TSNE

    size = perplexity(len(X))
    init = "pca" if min(X.shape) >= dim else "random"
    model = TSNE(dim, perplexity=size, init=init, random_state=seed, n_jobs=1)
    return Map(model.fit_transform(X), f"t-SNE of standardised features, perplexity {size:g}")


def _umap(X: np.ndarray, seed: int, dim: int) -> Map:
    with warnings.catch_warnings():
        # UMAP warns that a seed disables its threads.
        warnings.simplefilter("ignore")
        from umap import UMAP

        size = min(_NEIGHBOURS, len(X) - 1)
        # The spectral initialisation needs more samples.
        init = "spectral" if len(X) > 2 * size else "random"
        model = UMAP(size, dim, init=init, random_state=seed, n_jobs=1)
        places = model.fit_transform(X)
    return Map(places, f"UMAP of standardised features, {size} neighbours")


def _components(X: np.ndarray, seed: int, dim: int) -> Map:
    from sklearn.decomposition import PCA

    n = min(dim, *X.shape)
    model = PCA(n, random_state=seed)
    places = np.zeros((len(X), dim))
    places[:, :n] = model.fit_transform(X)
    shares = [*model.explained_variance_ratio_, 0.0, 0.0][:dim]
    axes = tuple(f"component {i}: {100 * share:.0f} %" for i, share in enumerate(shares, start=1))
    return Map(places, "principal components of standardised features, % of variance", axes)


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
