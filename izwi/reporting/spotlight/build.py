"""From the files of an experiment to the samples that its page shows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from izwi.data.samples import read_matrices
from izwi.plots.embedding import embed
from izwi.plots.kinds import samples
from izwi.reporting.page.files import address
from izwi.reporting.page.read import portable
from izwi.wording import count

# A page of so many features stays small; networks have more, which mean nothing one by one.
MOST_FEATURES = 100
# Of a transcript, for example
MOST_LETTERS = 300
# Columns of tables that are for izwi itself.
_OWN = ("digest", "seconds", "dev_folds", "start", "end", "file", "database", "speaker", "part")
_FEWEST = 4  # samples of a map

# Database and a file as its table writes it → where it lies, None where that is not known.
Place = Callable[[str, str], str | None]


def content(
    spec: dict[str, Any], inputs: dict[str, Any], base: str, place: Place | None
) -> dict[str, Any]:
    """What the page shows.

    Args:
        spec: ``target``, ``task``, ``most`` (samples), ``seed``, ``features`` (those in use, None
            for all), ``first`` (features that are shown in any case)
        inputs: paths: ``tables``, ``split``, ``split_report``, ``seconds``, where there are some
            ``matrices`` and ``predictions``
        base: folder of the page
        place: finds recordings, None where none are to be linked

    Returns:
        ``columns``: of each ``name``, ``kind`` (``text``, ``number``, ``feature``) and ``values``;
        ``links``: address of the recording of each sample, or None; ``notes``: what the page
        leaves out, a line each
    """
    frame, _ = samples(inputs)
    features = _features(inputs, spec["features"], len(frame))
    used = np.flatnonzero((frame["part"] != "").to_numpy())
    rows = used
    if len(used) > spec["most"]:
        random = np.random.default_rng(spec["seed"])
        rows = np.sort(random.choice(used, spec["most"], replace=False))
    notes = []
    if len(rows) < len(used):
        notes.append(
            f"{len(rows)} of {count(len(used), 'sample')}, drawn at random (seed {spec['seed']}); "
            f"{len(used) - len(rows)} are left out. EXPL.spotlight = {len(used)} shows all."
        )
    columns = _columns(frame, spec["target"], rows)
    if "predictions" in inputs:
        found, lines = _predictions(inputs["predictions"], spec["task"], rows)
        at = next(i for i, column in enumerate(columns) if column["name"] == spec["target"]) + 1
        columns[at:at] = found
        notes += lines
    taken = {column["name"] for column in columns}
    shown, lines = _shown_features(features, spec["first"], rows, taken)
    notes += lines
    if features.shape[1] > 2 and len(rows) >= _FEWEST:
        columns += _map(features.to_numpy(dtype=float)[rows], spec["seed"])
    links: list[str | None] = [None] * len(rows)
    if place is not None:
        links = [_link(frame.loc[row], base, place) for row in rows]
        lacking = links.count(None)
        if lacking:
            notes.append(f"The recordings of {count(lacking, 'sample')} were not found.")
        notes.append("Recordings are linked: they play as long as this page lies where it is now.")
    return {"columns": portable(columns + shown), "links": links, "notes": notes}


def _features(inputs: dict[str, Any], wanted: list[str] | None, n: int) -> pd.DataFrame:
    """All features in use, of all rows; without columns where there are none."""
    from izwi.training import fit_predict

    if not inputs.get("matrices"):
        return pd.DataFrame(index=range(n))
    _, features = fit_predict.stack(*read_matrices(inputs))
    return features[wanted] if wanted else features


def _columns(frame: pd.DataFrame, target: str, rows: np.ndarray) -> list[dict[str, Any]]:
    """The columns of the tables, those first that say which sample it is."""
    shown: dict[str, pd.Series] = {"file": frame["file"]}
    start = frame["start"].dt.total_seconds()
    end = frame["end"].dt.total_seconds()
    if start.gt(0).any() or end.notna().any():
        shown |= {"start": start, "end": end}
    if frame["database"].nunique() > 1:
        shown["database"] = frame["database"]
    both = zip(frame["database"], frame["speaker"], strict=True)
    bare = [name.removeprefix(f"{db}/") if isinstance(name, str) else None for db, name in both]
    speaker = pd.Series(bare, frame.index, dtype=object)
    shown |= {"speaker": speaker, "part": frame["part"], target: frame["truth"]}
    taken = {name.lower() for name in shown} | {"truth", *_OWN}
    shown |= {name: frame[name] for name in frame if name.lower() not in taken}
    return [
        _column(name, values.iloc[rows]) | ({"target": True} if name == target else {})
        for name, values in shown.items()
        if values.iloc[rows].notna().any() or name == target
    ]


def _column(name: str, values: pd.Series, kind: str | None = None) -> dict[str, Any]:
    """A column as the page holds it."""
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    found: list[Any]
    if numeric:
        found = [None if pd.isna(value) else float(value) for value in values]
    else:
        found = [None if pd.isna(value) else _text(value) for value in values]
    return {"name": str(name), "kind": kind or ("number" if numeric else "text"), "values": found}


def _text(value: Any) -> str:
    text = str(value)
    if isinstance(value, bool | np.bool_):
        text = "yes" if value else "no"
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


def _predictions(path: str, task: str, rows: np.ndarray) -> tuple[list[dict[str, Any]], list[str]]:
    """What the first run predicts, and how sure or how wrong it is."""
    predictions = pd.read_parquet(path)
    runs = predictions["run"].nunique()
    first = predictions[predictions["run"] == predictions["run"].min()].set_index("row")
    first = first[~first.index.duplicated()]
    known = first["truth"].notna()
    new = {"prediction": first["prediction"]}
    if task == "classification":
        right = first["truth"].astype(str) == first["prediction"].astype(str)
        new["right"] = right.map({True: "yes", False: "no"}).where(known)
        of_classes = {name: f"p_{name}" for name in first["prediction"].unique()}
        if all(name in first for name in of_classes.values()):
            sure = pd.Series(np.nan, first.index)
            for name, column in of_classes.items():
                sure = sure.mask(first["prediction"] == name, first[column])
            new["probability"] = sure
    else:
        new["error"] = first["prediction"].astype(float) - first["truth"].astype(float)
    notes = [f"Predictions are those of the first of {runs} runs."] if runs > 1 else []
    return [_column(name, values.reindex(rows)) for name, values in new.items()], notes


def _shown_features(
    features: pd.DataFrame, first: list[str], rows: np.ndarray, taken: set[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Features as columns, and a line on those that are left out."""
    names = [name for name in first if name in features]
    names += [name for name in features if name not in set(names)]
    left_out = len(names) - MOST_FEATURES
    notes = []
    if left_out > 0:
        notes.append(
            f"{MOST_FEATURES} of {len(names)} features; {left_out} are left out. "
            "EXPL.plot_features names some to be shown."
        )
    shown = features.iloc[rows]
    return [
        _column(f"{name} (feature)" if name in taken else name, shown[name], "feature")
        for name in names[:MOST_FEATURES]
    ], notes


def _map(X: np.ndarray, seed: int) -> list[dict[str, Any]]:
    """Two principal components: where samples lie that are alike."""
    found = embed(X, seed, "pca")
    return [
        _column(f"{name} of variance", pd.Series(values), "feature")
        for name, values in zip(found.axes, found.places.T, strict=True)
    ]


def _link(row: pd.Series, base: str, place: Place) -> str | None:
    """Relative address of a recording, or of a part of it."""
    path = place(row["database"], row["file"])
    if path is None or not os.path.isfile(path):
        return None
    start, end = row["start"].total_seconds(), row["end"]
    if start == 0 and pd.isna(end):
        return address(path, base)
    until = "" if pd.isna(end) else f",{end.total_seconds():g}"
    return f"{address(path, base)}#t={start:g}{until}"
