"""Clusters of features, made without labels and compared with labels: unsupervised learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.config.experiment.resolved import PreprocessingSpec

COLUMNS = ("gender", "speaker", "database")
QUANTILES = 5


def clusters(
    spec: dict[str, Any], table: pd.DataFrame, values: np.ndarray, names: list[str]
) -> dict[str, Any]:
    """Cluster all rows by k-means, and compare the clusters with columns of the table.

    Agreement is measured by the adjusted Rand index (Hubert and Arabie 1985) and by mutual
    information, in nats and adjusted for chance (Vinh et al. 2010): 0 is chance, 1 is perfect.

    Args:
        spec: ``preprocessing``, ``seed`` and ``clusters``, their number
        table: rows with ``truth`` and other columns; a number is compared by its quintiles
        values: features of these rows, shape (rows, features)
        names: of the features

    Returns:
        ``k``, ``n``, ``silhouette``, ``sizes``, ``agreement`` (per column the measures and the
        rows ``n`` with a value) and ``counts`` (value of the target → rows in each cluster)
    """
    import numpy as np
    import pandas as pd
    from sklearn import metrics
    from sklearn.cluster import KMeans

    from izwi.models.base import one_thread
    from izwi.preprocessing.pipeline import Preprocessing

    asked: PreprocessingSpec = spec["preprocessing"]
    preprocessing = Preprocessing({**asked, "impute": True}).fit(values, names)
    speakers = table["speaker"].to_numpy() if table["speaker"].notna().any() else None
    X = preprocessing.transform(values, speakers)
    k = spec["clusters"]
    with one_thread():
        found = KMeans(k, n_init=10, random_state=spec["seed"]).fit_predict(X)
        silhouette = float(metrics.silhouette_score(X, found))
    columns = {spec["target"]: table["truth"]}
    columns |= {name: table[name] for name in COLUMNS if name in table}
    agreement = {}
    for name, column in columns.items():
        known = column.notna().to_numpy()
        if pd.api.types.is_numeric_dtype(column):
            column = pd.qcut(column, QUANTILES, labels=False, duplicates="drop")
        codes, values_of = pd.factorize(column[known], sort=True)
        if len(values_of) < 2:
            continue
        of = (codes, found[known])
        agreement[name] = {
            "adjusted_rand": float(metrics.adjusted_rand_score(*of)),
            "mutual_information": float(metrics.mutual_info_score(*of)),
            "adjusted_mutual_information": float(metrics.adjusted_mutual_info_score(*of)),
            "n": int(known.sum()),
        }
    sizes = np.bincount(found, minlength=k)
    result = {
        "k": k,
        "n": len(found),
        "silhouette": silhouette,
        "sizes": sizes.tolist(),
        "agreement": agreement,
    }
    if not pd.api.types.is_numeric_dtype(table["truth"]):
        result["counts"] = {
            str(name): np.bincount(found[rows], minlength=k).tolist()
            for name, rows in sorted(table.reset_index(drop=True).groupby("truth").indices.items())
        }
    return result
