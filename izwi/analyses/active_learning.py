"""Active learning: which unlabelled files a human should label next."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from izwi.errors import UserError
from izwi.training import fitting, tuning
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.preprocessing.binning import Fold
    from izwi.training.fitting import Samples
    from izwi.training.types import TrainSpec

    class ActiveLearningSpec(TrainSpec):
        """Spec of the analysis: how to train, and how many files to choose."""

        active_learning: int


# Number of candidates, the most uncertain rows, per row to choose.
CANDIDATES = 10


def choose(
    spec: ActiveLearningSpec, samples: Samples, truth: np.ndarray, fold: Fold, labels: list[str]
) -> pd.DataFrame:
    """Choose rows that are uncertain and differ from each other.

    After Zhdanov, "Diverse mini-batch active learning" (2019): the most uncertain rows are grouped
    into as many clusters as rows to choose, weighted by uncertainty, and the row nearest to each
    centre is taken. Uncertainty is the entropy of the model's probabilities, as a share of the
    largest possible.

    Args:
        spec: of the train stage; ``active_learning`` is the number of rows
        samples: all rows
        truth: of all rows, shape (rows,); rows without truth are the candidates
        fold: number and row numbers of train, dev and test
        labels: classes in order

    Returns:
        the rows chosen, the most uncertain first: ``rank, database, file, start, end, speaker,
        prediction, confidence, uncertainty``

    Raises:
        UserError: if there are fewer unlabelled rows than requested
    """
    import numpy as np
    import pandas as pd

    from izwi.preprocessing.pipeline import Preprocessing

    _, train_rows, dev_rows, _ = fold
    used = (samples.split["part"] != "").to_numpy()
    pool = np.flatnonzero(used & pd.isna(truth))
    wanted = spec["active_learning"]
    if len(pool) < wanted:
        raise UserError(
            f"[MODEL] active_learning: {count(wanted, 'file is', 'files are')} wanted, but "
            f"{len(pool)} have no label: "
            "add a database without labels, by <database>.split_strategy = train"
        )
    train_rows = train_rows[~pd.isna(truth[train_rows])]
    train_rows, dev_rows = fitting.with_dev(spec, samples.split, truth, train_rows, dev_rows)
    data = fitting.TrainingSet(samples, truth, train_rows, dev_rows, labels)
    own, _ = tuning.chosen_spec(spec, data, spec["seed"])
    fitted = fitting.fit(own, data, spec["seed"])
    predicted = fitted.predict(samples, pool)
    uncertainty = entropy(predicted.class_probabilities())
    # A stable sort, so that ties follow the order of rows.
    candidates = np.argsort(-uncertainty, kind="stable")[: CANDIDATES * wanted]
    X = fitted.transform(samples, pool[candidates])
    if np.isnan(X).any():
        # The model handles missing values, k-means does not: use medians of the training rows.
        preprocessing = Preprocessing({**spec["preprocessing"], "impute": True})
        preprocessing.fit(samples.values[train_rows], samples.names)
        of_pool = samples.speakers(pool[candidates])
        X = preprocessing.transform(samples.values[pool[candidates]], of_pool)
    picked = candidates[diverse(X, uncertainty[candidates], wanted, spec["seed"])]
    picked = picked[np.argsort(-uncertainty[picked], kind="stable")]
    rows = samples.split.loc[pool[picked], ["database", "file", "start", "end", "speaker"]]
    rows = rows.reset_index(drop=True)
    rows.insert(0, "rank", np.arange(1, wanted + 1))
    rows["prediction"] = predicted.decision[picked]
    place = [labels.index(name) for name in predicted.decision[picked]]
    rows["confidence"] = predicted.class_probabilities()[picked, place]
    rows["uncertainty"] = uncertainty[picked]
    return rows


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of each row as a share of the largest possible: 0 is sure, 1 is fully uncertain.

    Args:
        probabilities: shape (rows, classes)
    """
    import numpy as np
    from scipy.special import entr

    return entr(probabilities).sum(axis=1) / np.log(probabilities.shape[1])


def diverse(X: np.ndarray, weight: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Positions of rows that represent all rows.

    Args:
        X: shape (rows, features), rows in the order of their weight
        weight: of each row, shape (rows,)
        number: of rows to choose
        seed: of the clusters

    Returns:
        shape (number,), each position once
    """
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    from izwi.models.base import one_thread

    # Rows without uncertainty still need some weight.
    weight = weight + 1e-6
    with one_thread(), warnings.catch_warnings():
        # scikit-learn warns if there are fewer distinct rows than clusters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(number, n_init=10, random_state=seed).fit(X, sample_weight=weight)
    distance = np.linalg.norm(X - found.cluster_centers_[found.labels_], axis=1)
    chosen = [
        rows[np.argmin(distance[rows])]
        for rows in (np.flatnonzero(found.labels_ == c) for c in range(number))
        if len(rows)
    ]
    # Identical rows give fewer clusters; fill up with the most uncertain rows.
    rest = [row for row in range(len(X)) if row not in set(chosen)]
    return np.array([*chosen, *rest[: number - len(chosen)]])
