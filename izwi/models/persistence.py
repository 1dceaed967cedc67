"""Fitted scikit-learn objects on disk, in the format of skops: data only, no code, no pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from izwi.errors import UserError
from izwi.preprocessing.scalers import SCALERS
from izwi.untrusted import shown

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

# All that izwi stores. A file that holds anything else is not loaded.
TRUSTED = frozenset(
    {
        "numpy.dtype",
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        *(
            f"sklearn.ensemble._hist_gradient_boosting.{name}"
            for name in (
                "gradient_boosting.HistGradientBoostingClassifier",
                "gradient_boosting.HistGradientBoostingRegressor",
                "predictor.TreePredictor",
            )
        ),
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.Ridge",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.mixture._gaussian_mixture.GaussianMixture",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.neighbors._classification.KNeighborsClassifier",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._regression.KNeighborsRegressor",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.LinearSVC",
        "sklearn.svm._classes.SVC",
        "sklearn.svm._classes.SVR",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._tree.Tree",
        *(f"sklearn.preprocessing._data.{s.estimator}" for s in SCALERS.values() if s.estimator),
    }
)


def dump(thing: Any, path: Path) -> None:
    """Write fitted scikit-learn objects, one or a list or dict of them, to a ``.skops`` file."""
    _skops().dump(thing, path)


def load(path: Path) -> Any:
    """Read a file written by :func:`dump`.

    Raises:
        UserError: if the file cannot be read, or holds types that izwi does not write
    """
    skops = _skops()
    try:
        foreign = set(skops.get_untrusted_types(file=path)) - TRUSTED
        if foreign:
            raise UserError(
                f"{path}: not loaded, it holds types that izwi does not write: "
                + ", ".join(sorted(foreign))
            )
        return skops.load(path, trusted=sorted(TRUSTED))
    except (UserError, MemoryError, ImportError):
        raise
    # A file that was changed ends its reader in many ways.
    except Exception as error:
        reason = shown(" ".join(str(error).split()) or type(error).__name__, 300)
        raise UserError(f"{path}: cannot be read: {reason}; run the experiment again") from None


def _skops() -> ModuleType:
    """Import skops without its own list of trusted types.

    To build that list, skops imports all of scikit-learn, and torch with it, and looks for each
    function of NumPy and SciPy in every loaded module. This takes 4 seconds of CPU in every
    process that stores a model. The list above is used instead.
    """
    import numpy
    import scipy.special
    import sklearn.utils

    with (
        patch.object(sklearn.utils, "all_estimators", list),
        patch.object(numpy, "__dir__", list),
        patch.object(scipy.special, "__dir__", list, create=True),
    ):
        import skops.io
    return skops.io
