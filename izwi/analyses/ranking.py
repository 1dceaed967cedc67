"""Which features models rely on that are not the model of the experiment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from izwi.analyses import importance

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.preprocessing.binning import Fold
    from izwi.training.fitting import Fitted, Samples


def ranking(
    spec: dict[str, Any],
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
) -> pd.DataFrame:
    """Importance of each feature by permutation, for several models with their default options.

    The models are fitted on the training rows and see the features scaled as the experiment has
    them, standardised if it has them unscaled; see `importance.permutation` for the rest.

    Args:
        spec: ``models``, ``task``, ``seed``, ``measure``, ``preprocessing``
        samples: all rows
        truths: fold → truth of all rows, shape (rows,)
        folds: number and row numbers of train, dev and test
        labels: classes in order, None for regression

    Returns:
        per feature, the most important first: ``rank``, ``feature``, ``importance`` (mean over the
        models of the loss in the measure), ``measure``, ``n``, ``n_speakers``, and for each model
        ``importance_<model>``, ``ci_low_<model>`` and ``ci_high_<model>`` (95 %, over speakers)
        and ``figure_<model>``, its measure without permutation
    """
    import pandas as pd

    columns: dict[str, pd.Series] = {}
    about = pd.DataFrame()
    for kind in spec["models"]:
        tested = _fitted(kind, spec, samples, truths, folds, labels)
        found = importance.of_models(spec, samples, truths, tested, labels)
        found = found.set_index("feature")
        about = about.combine_first(found[["measure", "n", "n_speakers"]])
        for name in ("importance", "ci_low", "ci_high", "figure"):
            columns[f"{name}_{kind}"] = found[name]
    table = pd.DataFrame(columns)
    means = table[[f"importance_{kind}" for kind in spec["models"]]].mean(axis=1)
    table = pd.concat([means.rename("importance"), about, table], axis=1).rename_axis("feature")
    table = table.reset_index().sort_values(
        ["importance", "feature"], ascending=[False, True], ignore_index=True
    )
    table.insert(0, "rank", range(1, len(table) + 1))
    return table


def _fitted(
    kind: str,
    spec: dict[str, Any],
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
) -> Iterator[tuple[Fitted, int, np.ndarray, np.ndarray]]:
    """A model of this kind per fold, its number, the test rows with a truth, and its inputs."""
    import pandas as pd

    from izwi.config.options import own_options
    from izwi.training import fitting

    options = {o.name: o.default for o in own_options("models", kind).values() if o.status == "ok"}
    scaled = {**spec["preprocessing"], "scale": spec["preprocessing"]["scale"] or "standard"}
    own: Any = {
        "task": spec["task"],
        "measure": spec["measure"],
        "seed": spec["seed"],
        "preprocessing": scaled,
        "model": {"type": kind, "options": options},
    }
    for fold, train, dev, test in folds:
        truth = truths[fold]
        train, test = (rows[~pd.isna(truth[rows])] for rows in (train, test))
        data = fitting.TrainingSet(samples, truth, train, dev, labels)
        fitted = fitting.fit(cast("fitting.TrainSpec", own), data, spec["seed"])
        yield fitted, fold, test, fitted.transform(samples, test)
