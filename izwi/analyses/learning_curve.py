"""A learning curve: the figure on training and test rows against the amount of training data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from izwi import splits
from izwi.errors import UserError
from izwi.training import fitting, tuning

if TYPE_CHECKING:
    import numpy as np

    from izwi.preprocessing.binning import Fold
    from izwi.training.fitting import Samples
    from izwi.training.types import TrainSpec

SHARES = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
REPEATS = 3  # orders of the speakers, if there are fewer folds


def learning_curve(
    spec: TrainSpec,
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
) -> dict[str, Any]:
    """Train on growing parts of the training rows.

    The parts consist of whole speakers; if the data have none, of whole recordings. Each part
    contains the smaller ones. Test rows, and dev rows of nets, stay the same.

    Args:
        spec: of the train stage; ``measure`` is drawn
        samples: all rows
        truths: fold → truth of all rows, shape (rows,)
        folds: number and row numbers of train, dev and test
        labels: classes in order, None for regression

    Returns:
        ``measure``; ``unit``, ``speakers``, ``recordings`` or ``samples``; ``points``: per fit
        ``fold``, ``repeat``, ``share``, ``units``, ``n_train``, and the measure on ``train`` and
        ``test``;
        ``mean``: the same as means per share; ``chance`` and ``baseline``: as in metrics.json;
        ``notes``
    """
    import numpy as np
    import pandas as pd

    repeats = 1 if len(folds) >= REPEATS else REPEATS
    points: list[dict[str, Any]] = []
    skipped: dict[float, str] = {}
    unit = "speakers"
    for fold, train_rows, dev_rows, test_rows in folds:
        truth = truths[fold]
        train_rows = train_rows[~pd.isna(truth[train_rows])]
        test_rows = test_rows[~pd.isna(truth[test_rows])]
        train_rows, dev_rows = fitting.with_dev(spec, samples.split, truth, train_rows, dev_rows)
        owner = _owners(samples, train_rows)
        if owner is None:
            owner, unit = splits.together(samples.sources(train_rows)), "recordings"
        if owner is None:
            owner, unit = train_rows, "samples"
        for repeat in range(1, repeats + 1):
            generator = np.random.default_rng([spec["seed"], fold, repeat])
            order = generator.permutation(np.unique(owner))
            numbers = [max(1, math.floor(share * len(order) + 1e-9)) for share in SHARES]
            for share, number in zip(SHARES, numbers, strict=True):
                # Skip shares that few speakers make equal; the whole is the same in every order.
                if number in numbers[: SHARES.index(share)] or (share == 1 and repeat > 1):
                    continue
                rows = train_rows[np.isin(owner, order[:number])]
                data = fitting.TrainingSet(samples, truth, rows, dev_rows, labels)
                try:
                    own, _ = tuning.chosen_spec(spec, data, spec["seed"])
                    fitted = fitting.fit(own, data, spec["seed"])
                except UserError as error:
                    # Small parts may have too few rows of a class.
                    skipped.setdefault(share, error.problems[0])
                    continue
                point: dict[str, Any] = {"fold": fold, "repeat": repeat, "share": share}
                point |= {"units": number, "n_train": len(rows)}
                for name, of in (("train", rows), ("test", test_rows)):
                    value = fitting.score(spec, fitted, data, of)
                    point[name] = value if math.isfinite(value) else None
                points.append(point)
    notes = [f"learning curve: a part of {s:.0%} is left out: {why}" for s, why in skipped.items()]
    return {
        "measure": spec["measure"],
        **_worthless(spec, truths, folds, labels),
        "unit": unit,
        "points": points,
        "mean": _means(points),
        "notes": notes,
    }


def _worthless(
    spec: TrainSpec, truths: dict[int, np.ndarray], folds: list[Fold], labels: list[str] | None
) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    from izwi.evaluation.chance import constants, worthless

    truth = pd.Series(np.concatenate([truths[fold][test] for fold, _, _, test in folds]))
    of_fold = pd.Series(np.repeat([row[0] for row in folds], [len(row[3]) for row in folds]))
    known = truth.notna()
    if not known.any():
        return {"chance": {}, "baseline": None}
    said: dict[int, Any] = {}
    for fold in folds:
        said |= constants(truths[fold[0]], iter([fold]), spec["task"])
    return worthless(
        truth[known].to_numpy(),
        of_fold[known],
        said,
        spec["measure"],
        task=spec["task"],
        labels=labels or [],
        seed=spec["seed"],
    )


def _means(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each share that was trained on."""
    import numpy as np

    means = []
    for share in SHARES:
        own = [point for point in points if point["share"] == share]
        if own:
            row: dict[str, Any] = {"share": share}
            for name in ("units", "n_train", "train", "test"):
                known = [point[name] for point in own if point[name] is not None]
                row[name] = float(np.mean(known)) if known else None
            means.append(row)
    return means


def _owners(samples: Samples, rows: np.ndarray) -> np.ndarray | None:
    """Speaker of each row as text, None if there are fewer than two."""
    import pandas as pd

    speakers = samples.speakers(rows)
    if speakers is None or pd.isna(speakers).any() or len(set(speakers)) < 2:
        return None
    return speakers.astype(str)
