"""Balance the classes of training rows with the samplers of imbalanced-learn."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError

if TYPE_CHECKING:
    import numpy as np

# FEATS.balancing: module and class, and whether it draws at random
SAMPLERS = {
    "ros": ("over_sampling", "RandomOverSampler", True),
    "smote": ("over_sampling", "SMOTE", True),
    "adasyn": ("over_sampling", "ADASYN", True),
    "borderlinesmote": ("over_sampling", "BorderlineSMOTE", True),
    "svmsmote": ("over_sampling", "SVMSMOTE", True),
    "clustercentroids": ("under_sampling", "ClusterCentroids", True),
    "randomundersampler": ("under_sampling", "RandomUnderSampler", True),
    "editednearestneighbours": ("under_sampling", "EditedNearestNeighbours", False),
    "tomeklinks": ("under_sampling", "TomekLinks", False),
    "smoteenn": ("combine", "SMOTEENN", True),
    "smotetomek": ("combine", "SMOTETomek", True),
}
# These compute with the features; the other two only repeat or leave out rows.
NEED_NUMBERS = frozenset(SAMPLERS) - {"ros", "randomundersampler"}
# SMOTE draws between a sample and five neighbours of its class.
NEIGHBOURS = 5
_SYNTHETIC = ("smote", "borderlinesmote", "svmsmote", "smoteenn", "smotetomek", "adasyn")
# End of the warning where rows stay as they are.
NOT_APPLIED = "here the training rows stay as they are"
# These remove rows near other classes, whatever the class sizes.
_CLEANING = ("editednearestneighbours", "tomeklinks", "smoteenn", "smotetomek")


def balance(
    X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, *, method: str, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, dict[str, Any]]:
    """Resample training rows; the options of a sampler are imbalanced-learn's defaults.

    Args:
        X: scaled features, shape (rows, features)
        y: classes, shape (rows,)
        groups: speakers, shape (rows,), or None
        method: one of :data:`SAMPLERS`
        seed: of the random choices

    Returns:
        X, y and groups of the balanced rows, where a synthetic row has the speaker of the nearest
        real row of its class; and report: ``note``, and by class the rows ``before`` and ``after``

    Raises:
        UserError: if a class has too few rows, or loses all of them
    """
    import numpy as np

    before = _count(y)
    if method in _SYNTHETIC:
        few = [f"{name} ({n})" for name, n in before.items() if n <= NEIGHBOURS]
        if few:
            raise UserError(
                f"[FEATS] balancing: {method} needs more than {NEIGHBOURS} training rows of each "
                f"class, there are fewer of {', '.join(few)}; use ros"
            )
    if len(set(before.values())) == 1 and method not in _CLEANING:
        note = "balancing: the classes are equal already"
        return X, y, groups, {"note": note, "before": before, "after": before}
    sampler = _sampler(method, seed)
    text = np.asarray(y, dtype=str)
    try:
        with warnings.catch_warnings():
            # It warns that its defaults will change.
            warnings.simplefilter("ignore", FutureWarning)
            made, names = sampler.fit_resample(X, text)
    except (ValueError, RuntimeError) as error:
        reason = str(error).split("\n")[0].split(". ")[0]
        raise UserError(
            f"[FEATS] balancing: {method} does not work on these data ({reason}); use ros or smote"
        ) from None
    after = _count(names)
    lost = [name for name in before if name not in after]
    if lost:
        raise UserError(
            f"[FEATS] balancing: {method} leaves no training row of {', '.join(lost)}; use ros or "
            "smote"
        )
    changes = ", ".join(f"{name} {n} to {after[name]}" for name, n in before.items())
    report = {
        "note": f"balancing: {method}, training rows of {changes}",
        "before": before,
        "after": after,
    }
    return made, names, _groups(X, text, groups, made, names), report


def unchanged(y: np.ndarray, why: str) -> dict[str, Any]:
    """The report on rows that cannot be balanced, and stay as they are.

    Args:
        y: classes, shape (rows,)
        why: the problem
    """
    sizes = _count(y)
    return {"warning": f"{why}; {NOT_APPLIED}", "before": sizes, "after": sizes}


def _sampler(method: str, seed: int) -> Any:
    from importlib import import_module

    module, name, random = SAMPLERS[method]
    cls = getattr(import_module(f"imblearn.{module}"), name)
    return cls(random_state=seed) if random else cls()


def _groups(
    X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, made: np.ndarray, names: np.ndarray
) -> np.ndarray | None:
    """Speaker of each balanced row: that of the nearest real row of its class."""
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    if groups is None:
        return None
    result = np.empty(len(made), dtype=object)
    # Distances cannot handle NaN; a row and its copy have it in the same places.
    real, copies = np.nan_to_num(X), np.nan_to_num(made)
    for name in np.unique(names):
        own = np.flatnonzero(y == name)
        search = NearestNeighbors(n_neighbors=1).fit(real[own])
        rows = np.flatnonzero(names == name)
        nearest = search.kneighbors(copies[rows], return_distance=False)[:, 0]
        result[rows] = groups[own[nearest]]
    return result


def _count(y: np.ndarray) -> dict[str, int]:
    return dict(sorted(Counter(str(name) for name in y).items()))
